//! The change feed: what changed, in order, without values. Consumers read the rows themselves again,
//! under their own plan.

use std::borrow::Cow;

use kith_domain::RootKind;
use kith_domain::Timestamp;
use kith_domain::id::WorkspaceId;

use crate::db::param::{Param, int as to_int};
use crate::db::row::Row;
use crate::db::sql::{Column, bytes, int, json, text};
use crate::identity::RootId;
use crate::keys::words;
use crate::{Engine, StoreError, Tx};

/// One change of a root: an account, a person, a company and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// Of what.
    pub root: RootId,
    /// What was done: `create`, `update`, `merge`, …
    pub operation: Cow<'static, str>,
    /// The full paths of the fields that changed.
    pub fields: Vec<String>,
    /// The definitions under which it happened.
    pub definitions_version: u64,
}

/// A change and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRow {
    /// 1, 2, 3, … within the workspace.
    pub seq: i64,
    /// The change.
    pub change: Change,
}

const APPEND: &str = "INSERT INTO feed
      (workspace, seq, at, root_kind, root_id, operation, fields, definitions_version)
    SELECT ?1, r.seq, r.at, r.root_kind, r.root_id, r.operation, r.fields, r.definitions_version
    FROM {rows}";
const APPEND_ROWS: [Column; 7] = [
    int("seq"),
    int("at"),
    text("root_kind"),
    bytes("root_id"),
    text("operation"),
    json("fields"),
    int("definitions_version"),
];
const READ_SQLITE: &str = "SELECT seq, at, root_kind, root_id, operation, fields,
      definitions_version
    FROM feed WHERE workspace = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
// A row of a transaction older than one that still runs may have a neighbour that is yet to come.
const READ_POSTGRES: &str = "SELECT seq, at, root_kind, root_id, operation, fields,
      definitions_version
    FROM feed WHERE workspace = ?1 AND seq > ?2
      AND xid < pg_snapshot_xmin(pg_current_snapshot())
    ORDER BY seq LIMIT ?3";

/// Appends changes and answers the number of the last row: the workspace's position.
///
/// # Errors
/// If the database fails.
pub async fn append_many(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    changes: &[Change],
) -> Result<i64, StoreError> {
    let position = tx.position().await?;
    let fields: Vec<String> = changes
        .iter()
        .map(|change| words(change.fields.iter().map(String::as_str)))
        .collect();
    let rows = (position + 1..)
        .zip(changes.iter().zip(&fields))
        .map(|(seq, (change, fields))| {
            Ok([
                seq.into(),
                change.at.into(),
                change.root.kind().as_str().into(),
                (&change.root).into(),
                (&*change.operation).into(),
                Param::Json(fields),
                to_int(change.definitions_version)?.into(),
            ])
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    tx.each(APPEND, &[ws.into()], &APPEND_ROWS, &rows).await?;
    Ok(position.saturating_add_unsigned(rows.len() as u64))
}

/// Changes after a number, in order. None is left out that could still appear before the last one.
///
/// # Errors
/// If the database fails.
pub async fn read_from(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    after: i64,
    limit: u32,
) -> Result<Vec<FeedRow>, StoreError> {
    let sql = match tx.engine() {
        Engine::Sqlite => READ_SQLITE,
        Engine::Postgres => READ_POSTGRES,
    };
    let params = [ws.into(), after.into(), i64::from(limit).into()];
    tx.query(sql, &params).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<FeedRow, StoreError> {
    let mut columns = row.columns("feed");
    let seq = columns.int("seq")?;
    let at = columns.time("at")?;
    let kind = columns.word("root_kind", &RootKind::ALL, RootKind::as_str)?;
    Ok(FeedRow {
        seq,
        change: Change {
            at,
            root: columns.id("root_id", |bytes| RootId::from_slice(kind, bytes))?,
            operation: columns.string("operation")?.into(),
            fields: columns.words("fields")?,
            definitions_version: columns.number("definitions_version")?,
        },
    })
}
