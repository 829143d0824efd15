//! The events of a person or an account on one time line, the newest first. One statement each, so
//! that absent and invisible cost the same.

use kith_domain::Timestamp;
use kith_domain::id::{AccountId, EventId, PersonId, WorkspaceId};

use crate::db::param::Param;
use crate::facts::{EventRow, read_event};
use crate::{Engine, StoreError, Tx};

/// Where a page ends: the time and id of its last event.
pub type Cursor = (Timestamp, EventId);

// Each node of the person gives its newest events from its own part of the index, and no more than
// the page can hold. `CROSS JOIN` tells SQLite to begin with the person's nodes.
macro_rules! of_person {
    (sqlite, $account:literal) => {
        concat!(
            "SELECT e.node, e.at, e.id, e.name, e.account_node, e.properties, e.source,
               e.message_id, e.trust, e.received_at, e.definitions_version
             FROM identifier i CROSS JOIN event e
             WHERE i.workspace = ?1 AND i.root = ?2
               AND e.workspace = i.workspace AND e.node = i.id AND (e.at, e.id) IN (
               SELECT x.at, x.id FROM event x
               WHERE x.workspace = i.workspace AND x.node = i.id AND (x.at, x.id) < (?3, ?4)",
            $account,
            " ORDER BY x.at DESC, x.id DESC LIMIT ?5)
             ORDER BY e.at DESC, e.id DESC LIMIT ?5"
        )
    };
    (postgres, $account:literal) => {
        concat!(
            "SELECT e.node, e.at, e.id, e.name, e.account_node, e.properties, e.source,
               e.message_id, e.trust, e.received_at, e.definitions_version
             FROM identifier i CROSS JOIN LATERAL (
               SELECT * FROM event x
               WHERE x.workspace = i.workspace AND x.node = i.id AND (x.at, x.id) < (?3, ?4)",
            $account,
            " ORDER BY x.at DESC, x.id DESC LIMIT ?5) e
             WHERE i.workspace = ?1 AND i.root = ?2
             ORDER BY e.at DESC, e.id DESC LIMIT ?5"
        )
    };
}

macro_rules! of_account {
    (sqlite) => {
        "SELECT e.node, e.at, e.id, e.name, e.account_node, e.properties, e.source,
           e.message_id, e.trust, e.received_at, e.definitions_version
         FROM identifier i CROSS JOIN event e INDEXED BY event_by_account
         WHERE i.workspace = ?1 AND i.root = ?2
           AND e.workspace = i.workspace AND e.account_node = i.id AND (e.at, e.id) IN (
           SELECT x.at, x.id FROM event x
           WHERE x.workspace = i.workspace AND x.account_node = i.id AND (x.at, x.id) < (?3, ?4)
           ORDER BY x.at DESC, x.id DESC LIMIT ?5)
         ORDER BY e.at DESC, e.id DESC LIMIT ?5"
    };
    (postgres) => {
        "SELECT e.node, e.at, e.id, e.name, e.account_node, e.properties, e.source,
           e.message_id, e.trust, e.received_at, e.definitions_version
         FROM identifier i CROSS JOIN LATERAL (
           SELECT * FROM event x
           WHERE x.workspace = i.workspace AND x.account_node = i.id AND (x.at, x.id) < (?3, ?4)
           ORDER BY x.at DESC, x.id DESC LIMIT ?5) e
         WHERE i.workspace = ?1 AND i.root = ?2
         ORDER BY e.at DESC, e.id DESC LIMIT ?5"
    };
}

macro_rules! counts_of_account {
    ($index:literal) => {
        concat!(
            "SELECT e.name, count(*) FROM identifier i CROSS JOIN event e ",
            $index,
            " WHERE i.workspace = ?1 AND i.root = ?2
               AND e.workspace = i.workspace AND e.account_node = i.id AND e.at >= ?3
             GROUP BY e.name ORDER BY e.name"
        )
    };
}
const COUNTS_OF_ACCOUNT_SQLITE: &str = counts_of_account!("INDEXED BY event_by_account");
const COUNTS_OF_ACCOUNT_POSTGRES: &str = counts_of_account!("");

macro_rules! in_account_or_none {
    ($engine:tt) => {
        of_person!(
            $engine,
            " AND (x.account_node IS NULL OR x.account_node IN (
                SELECT a.id FROM identifier a WHERE a.workspace = ?1 AND a.root = ?6))"
        )
    };
}

/// Events of a person, the newest first: all of them, or with an account those that happened in it
/// or in no account.
///
/// # Errors
/// If the database fails.
pub async fn of_person(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    person: PersonId,
    account: Option<AccountId>,
    before: Option<Cursor>,
    limit: u32,
) -> Result<Vec<EventRow>, StoreError> {
    let (at, id) = bound(before.as_ref());
    let base = [ws.into(), (&person).into(), at, id, i64::from(limit).into()];
    let rows = match &account {
        None => {
            let sql = match tx.engine() {
                Engine::Sqlite => of_person!(sqlite, ""),
                Engine::Postgres => of_person!(postgres, ""),
            };
            tx.query(sql, &base).await?
        }
        Some(account) => {
            let sql = match tx.engine() {
                Engine::Sqlite => in_account_or_none!(sqlite),
                Engine::Postgres => in_account_or_none!(postgres),
            };
            let params: Vec<_> = base.into_iter().chain([account.into()]).collect();
            tx.query(sql, &params).await?
        }
    };
    rows.iter().map(read_event).collect()
}

/// Events that happened in an account, the newest first.
///
/// # Errors
/// If the database fails.
pub async fn of_account(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    account: AccountId,
    before: Option<Cursor>,
    limit: u32,
) -> Result<Vec<EventRow>, StoreError> {
    let (at, id) = bound(before.as_ref());
    let sql = match tx.engine() {
        Engine::Sqlite => of_account!(sqlite),
        Engine::Postgres => of_account!(postgres),
    };
    let params = [
        ws.into(),
        (&account).into(),
        at,
        id,
        i64::from(limit).into(),
    ];
    tx.query(sql, &params)
        .await?
        .iter()
        .map(read_event)
        .collect()
}

/// How many events of each name happened in an account since a time. It reads each of them, so it
/// belongs on a scan.
///
/// # Errors
/// If the database fails.
pub async fn counts_of_account(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    account: AccountId,
    since: Timestamp,
) -> Result<Vec<(String, u64)>, StoreError> {
    let sql = match tx.engine() {
        Engine::Sqlite => COUNTS_OF_ACCOUNT_SQLITE,
        Engine::Postgres => COUNTS_OF_ACCOUNT_POSTGRES,
    };
    let params = [ws.into(), (&account).into(), since.into()];
    let rows = tx.query(sql, &params).await?;
    let count = |row: &crate::db::row::Row| {
        let mut columns = row.columns("event");
        let name = columns.string("name")?;
        Ok((name, u64::try_from(columns.int("count")?).unwrap_or(0)))
    };
    rows.iter().map(count).collect()
}

/// Without a cursor, a bound that lies behind every event.
fn bound(before: Option<&Cursor>) -> (Param<'_>, Param<'_>) {
    match before {
        Some((at, id)) => ((*at).into(), id.into()),
        None => (Param::Int(i64::MAX), Param::Bytes(&[0xff; 16])),
    }
}

#[cfg(test)]
mod tests {
    use kith_domain::id::WorkspaceId;

    use super::*;
    use crate::{Db, StoreUrl};

    #[tokio::test]
    async fn a_journey_reads_nothing_but_its_own_part_of_the_index() {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::sqlite(folder.path());
        let db = Db::open(&url, "node").await.unwrap();
        let ws = WorkspaceId(1);
        for (sql, params) in [
            (of_person!(sqlite, ""), 5),
            (in_account_or_none!(sqlite), 6),
            (of_account!(sqlite), 5),
            (COUNTS_OF_ACCOUNT_SQLITE, 3),
        ] {
            let steps = db
                .read(ws, move |tx| {
                    Box::pin(async move {
                        let mut values = vec![Param::Null; params];
                        values[0] = ws.into();
                        let sql = format!("EXPLAIN QUERY PLAN {sql}");
                        let rows = tx.query(&sql, &values).await?;
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
            for step in &steps {
                assert!(
                    !step.starts_with("SCAN") && !step.ends_with("(workspace=?)"),
                    "{steps:#?}"
                );
            }
        }
    }
}
