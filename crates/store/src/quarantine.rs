//! What the contract refused, with its original bytes, so that it can be replayed, and the
//! identifiers found in it, so that erasure finds it.

use kith_domain::id::{QuarantineId, WorkspaceId};
use kith_domain::{Identifier, Timestamp};

use crate::db::param::int as to_int;
use crate::db::row::Row;
use crate::db::sql::{Column, bytes, int, text};
use crate::{StoreError, Tx};

/// What became of a refused message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// It waits.
    Open,
    /// It was delivered again, and taken.
    Replayed,
    /// Someone decided that it is not wanted.
    Dropped,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Open, Self::Replayed, Self::Dropped];

    /// The word, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Dropped => "dropped",
        }
    }
}

/// A message, or a part of one, that the contract refused.
#[derive(Clone, PartialEq, Eq)]
pub struct QuarantineRow {
    /// Its id.
    pub id: QuarantineId,
    /// The source that delivered it.
    pub source: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// The source's id of the message, if it could be read.
    pub message_id: Option<String>,
    /// Where in the message; empty for all of it.
    pub path: String,
    /// A stable name of the reason.
    pub code: String,
    /// What was expected, without the value.
    pub detail: String,
    /// The definitions that refused it.
    pub definitions_version: u64,
    /// The message as it came.
    pub original: Vec<u8>,
    /// What became of it.
    pub status: Status,
}

impl std::fmt::Debug for QuarantineRow {
    /// Leaves the message out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QuarantineRow")
            .field("id", &self.id)
            .field("source", &self.source)
            .field("path", &self.path)
            .field("code", &self.code)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

const INSERT: &str = "INSERT INTO quarantine (workspace, id, source, received_at, message_id, path,
      code, detail, definitions_version, original, status)
    SELECT ?1, r.id, r.source, r.received_at, r.message_id, r.path, r.code, r.detail,
      r.definitions_version, r.original, r.status
    FROM {rows}";
const INSERT_ROWS: [Column; 10] = [
    bytes("id"),
    text("source"),
    int("received_at"),
    text("message_id"),
    text("path"),
    text("code"),
    text("detail"),
    int("definitions_version"),
    bytes("original"),
    text("status"),
];
const INSERT_IDENTIFIERS: &str = "INSERT INTO quarantine_identifier
      (workspace, kind, value, quarantine)
    SELECT ?1, r.kind, r.value, r.quarantine FROM {rows} WHERE true
    ON CONFLICT (workspace, kind, value, quarantine) DO NOTHING";
const IDENTIFIER_ROWS: [Column; 3] = [text("kind"), text("value"), bytes("quarantine")];
const LIST: &str = "SELECT id, source, received_at, message_id, path, code, detail,
      definitions_version, original, status
    FROM quarantine WHERE workspace = ?1 AND status = ?2 AND id < ?3
    ORDER BY id DESC LIMIT ?4";
const COUNT: &str = "SELECT count(*) FROM quarantine WHERE workspace = ?1 AND status = ?2";

/// Adds refused messages, each with the identifiers that were found in it.
///
/// # Errors
/// If the database fails.
pub async fn insert_many(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    refused: &[(QuarantineRow, Vec<Identifier>)],
) -> Result<(), StoreError> {
    let rows = refused
        .iter()
        .map(|(row, _)| {
            Ok([
                (&row.id).into(),
                row.source.as_str().into(),
                row.received_at.into(),
                row.message_id.as_deref().into(),
                row.path.as_str().into(),
                row.code.as_str().into(),
                row.detail.as_str().into(),
                to_int(row.definitions_version)?.into(),
                row.original.as_slice().into(),
                row.status.as_str().into(),
            ])
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    tx.each(INSERT, &[ws.into()], &INSERT_ROWS, &rows).await?;

    let identifiers: Vec<_> = refused
        .iter()
        .flat_map(|(row, identifiers)| {
            identifiers.iter().map(|identifier| {
                [
                    identifier.kind().as_str().into(),
                    identifier.value().into(),
                    (&row.id).into(),
                ]
            })
        })
        .collect();
    tx.each(
        INSERT_IDENTIFIERS,
        &[ws.into()],
        &IDENTIFIER_ROWS,
        &identifiers,
    )
    .await?;
    Ok(())
}

/// Refused messages of one status, the newest first, from before a given one.
///
/// # Errors
/// If the database fails.
pub async fn list(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    status: Status,
    before: Option<QuarantineId>,
    limit: u32,
) -> Result<Vec<QuarantineRow>, StoreError> {
    const LAST: [u8; 16] = [0xff; 16];
    let before = before.as_ref().map_or(&LAST, QuarantineId::as_bytes);
    let params = [
        ws.into(),
        status.as_str().into(),
        before.into(),
        i64::from(limit).into(),
    ];
    tx.query(LIST, &params).await?.iter().map(read).collect()
}

/// How many refused messages have this status.
///
/// # Errors
/// If the database fails.
pub async fn count(tx: &mut Tx<'_>, ws: WorkspaceId, status: Status) -> Result<u64, StoreError> {
    let row = tx
        .query_opt(COUNT, &[ws.into(), status.as_str().into()])
        .await?;
    row.map_or(Ok(0), |row| row.columns("quarantine").number("count"))
}

pub(crate) fn read(row: &Row) -> Result<QuarantineRow, StoreError> {
    let mut columns = row.columns("quarantine");
    Ok(QuarantineRow {
        id: columns.id("id", QuarantineId::from_slice)?,
        source: columns.string("source")?,
        received_at: columns.time("received_at")?,
        message_id: columns.opt("message_id", |columns, name| columns.string(name))?,
        path: columns.string("path")?,
        code: columns.string("code")?,
        detail: columns.string("detail")?,
        definitions_version: columns.number("definitions_version")?,
        original: columns.bytes("original")?.to_vec(),
        status: columns.word("status", &Status::ALL, Status::as_str)?,
    })
}
