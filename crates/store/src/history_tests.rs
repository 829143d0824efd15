//! How what was said of a root is read.

use kith_domain::id::NodeId;

use super::*;
use crate::{Db, StoreUrl};

#[tokio::test]
async fn a_history_reads_nothing_but_its_own_part_of_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::sqlite(folder.path());
    let db = Db::open(&url, "node").await.unwrap();
    let ws = WorkspaceId(1);
    for sql in [OF_ROOT, OF_ROLE] {
        let steps = db
            .read(ws, move |tx| {
                Box::pin(async move {
                    let nil = Param::Bytes(NodeId::NIL.as_bytes());
                    let sql = format!("EXPLAIN QUERY PLAN {sql}");
                    let shared = [ws.into(), nil, Param::Int(0), Param::Int(1)];
                    let of = [[nil, "account.plan".into()]];
                    let rows = tx.each(&sql, &shared, &OF, &of).await?;
                    let step = |row: &Row| {
                        let mut columns = row.columns("plan");
                        columns.int("id")?;
                        columns.int("parent")?;
                        columns.int("notused")?;
                        columns.string("detail")
                    };
                    rows.iter()
                        .map(step)
                        .collect::<Result<Vec<_>, StoreError>>()
                })
            })
            .await
            .unwrap();
        let key = "(workspace=? AND node=? AND account_node=? AND field=?)";
        let searched = format!("SEARCH o USING PRIMARY KEY {key}");
        assert!(steps.contains(&searched), "{steps:#?}");
        assert!(
            !steps.iter().any(|step| step.starts_with("SCAN")),
            "{steps:#?}"
        );
    }
}
