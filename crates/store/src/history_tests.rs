//! How the observations of a root are read.

use kith_domain::id::{NodeId, WorkspaceId};

use super::*;
use crate::{Db, StoreUrl};

#[tokio::test]
async fn a_history_reads_nothing_but_its_own_part_of_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::sqlite(folder.path());
    let db = Db::open(&url, "node").await.unwrap();
    let ws = WorkspaceId(1);
    for (sql, params) in [
        (newest!(of_root), 4),
        (newest!(of_role), 4),
        (turns!(of_root), 5),
        (turns!(of_role), 5),
    ] {
        let steps = db
            .read(ws, move |tx| {
                Box::pin(async move {
                    let mut shared = vec![Param::Bytes(NodeId::NIL.as_bytes()); params];
                    shared[0] = ws.into();
                    let sql = format!("EXPLAIN QUERY PLAN {sql}");
                    let rows = tx
                        .each(&sql, &shared, &FIELDS, &[["account.plan".into()]])
                        .await?;
                    let step = |row: &crate::db::row::Row| {
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
        let searched =
            "SEARCH o USING PRIMARY KEY (workspace=? AND node=? AND account_node=? AND field=?)";
        assert!(steps.iter().any(|step| step == searched), "{steps:#?}");
        // What is scanned is what was found.
        let scans_a_table = |step: &String| {
            step.starts_with("SCAN")
                && !step.starts_with("SCAN p")
                && !step.starts_with("SCAN (")
                && step != "SCAN h"
        };
        assert!(!steps.iter().any(scans_a_table), "{steps:#?}");
    }
}
