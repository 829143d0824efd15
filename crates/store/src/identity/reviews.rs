//! What waits for somebody to decide: edges that exceed a bound, and likely duplicates.

use kith_domain::Timestamp;
use kith_domain::id::{NodeId, ReviewId, WorkspaceId};
use serde_json::Value as Json;

use crate::db::param::{Param, int as to_int};
use crate::db::row::Row;
use crate::db::sql::{Column, bytes, int, json, text};
use crate::{StoreError, Tx};

/// Why something waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReviewKind {
    /// One root would have more identifiers of a type than it may.
    Limit,
    /// More identifiers would hang together than are resolved at once.
    Size,
    /// A source joined more known people in an hour than it may.
    Rate,
    /// Two are likely the same.
    Duplicate,
}

impl ReviewKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Limit, Self::Size, Self::Rate, Self::Duplicate];

    /// The word, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Limit => "limit",
            Self::Size => "size",
            Self::Rate => "rate",
            Self::Duplicate => "duplicate",
        }
    }

    /// Whether it is about two identifiers, and not about many edges that wait together.
    #[must_use]
    pub const fn is_of_a_pair(self) -> bool {
        matches!(self, Self::Limit | Self::Duplicate)
    }
}

/// What became of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewStatus {
    /// It waits.
    Open,
    /// What it is about holds.
    Accepted,
    /// What it is about does not hold.
    Rejected,
}

impl ReviewStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Open, Self::Accepted, Self::Rejected];

    /// The word, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }
}

/// A review.
#[derive(Debug, Clone, PartialEq)]
pub struct ReviewRow {
    /// Its id.
    pub id: ReviewId,
    /// Why it waits.
    pub kind: ReviewKind,
    /// What it is about: the strongest identifier, or one of a pair.
    pub a: NodeId,
    /// The other one of a pair.
    pub b: Option<NodeId>,
    /// The source whose facts wait; empty for likely duplicates.
    pub source: String,
    /// How many edges wait.
    pub edges: u64,
    /// How likely a duplicate is, in percent; 0 for what is none.
    pub score: u64,
    /// Why, in words of the machine without a value.
    pub reasons: Vec<String>,
    /// Since when.
    pub at: Timestamp,
    /// What became of it.
    pub status: ReviewStatus,
}

const INSERT: &str = "INSERT INTO review
      (workspace, id, kind, a, b, source, edges, score, reasons, at, status)
    SELECT ?1, r.id, r.kind, r.a, r.b, r.source, r.edges, r.score, r.reasons, r.at, r.status
    FROM {rows}";
const ROWS: [Column; 10] = [
    bytes("id"),
    text("kind"),
    bytes("a"),
    bytes("b"),
    text("source"),
    int("edges"),
    int("score"),
    json("reasons"),
    int("at"),
    text("status"),
];
const OF_PAIR: &str = "SELECT v.kind, v.a, v.b FROM {rows} JOIN review v
    ON v.workspace = ?1 AND v.kind = r.kind AND v.a = r.a AND v.b = r.b";
const PAIRS: [Column; 3] = [text("kind"), bytes("a"), bytes("b")];
const OPEN_GROUP: &str = "SELECT id FROM review
    WHERE workspace = ?1 AND kind = ?2 AND a = ?3 AND b = ?4 AND source = ?5 AND status = ?6";
const MORE: &str = "UPDATE review SET edges = edges + ?3 WHERE workspace = ?1 AND id = ?2";
const GET: &str = "SELECT id, kind, a, b, source, edges, score, reasons, at, status FROM review
    WHERE workspace = ?1 AND id = ?2";
const LIST: &str = "SELECT id, kind, a, b, source, edges, score, reasons, at, status FROM review
    WHERE workspace = ?1 AND status = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
const SETTLE: &str = "UPDATE review SET status = ?3, decided_by = ?4, decided_at = ?5
    WHERE workspace = ?1 AND id = ?2 AND status = ?6";

/// Opens reviews of pairs; a pair that was up before, whatever became of it, is not up again. How many
/// are new.
///
/// # Errors
/// If the database fails.
pub async fn open_pairs(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    reviews: &[ReviewRow],
) -> Result<usize, StoreError> {
    let rows: Vec<_> = reviews
        .iter()
        .map(|row| [row.kind.as_str().into(), (&row.a).into(), second(row)])
        .collect();
    let found = tx.each(OF_PAIR, &[ws.into()], &PAIRS, &rows).await?;
    let mut before = found
        .iter()
        .map(|row| {
            let mut columns = row.columns("review");
            let kind = columns.word("kind", &ReviewKind::ALL, ReviewKind::as_str)?;
            let a = columns.id("a", NodeId::from_slice)?;
            Ok((kind, a, read_second(&mut columns)?))
        })
        .collect::<Result<std::collections::BTreeSet<_>, StoreError>>()?;
    let new: Vec<&ReviewRow> = reviews
        .iter()
        .filter(|row| before.insert((row.kind, row.a, row.b)))
        .collect();
    insert(tx, ws, &new).await?;
    Ok(new.len())
}

/// Adds edges to the open review of their kind, source and strongest identifier, or opens it; its id.
///
/// # Errors
/// If the database fails.
pub async fn open_group(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    review: &ReviewRow,
) -> Result<ReviewId, StoreError> {
    let key = [
        ws.into(),
        review.kind.as_str().into(),
        (&review.a).into(),
        Param::Bytes(&[]),
        review.source.as_str().into(),
        ReviewStatus::Open.as_str().into(),
    ];
    let Some(row) = tx.query_opt(OPEN_GROUP, &key).await? else {
        insert(tx, ws, &[review]).await?;
        return Ok(review.id);
    };
    let id = row.columns("review").id("id", ReviewId::from_slice)?;
    let more = [ws.into(), (&id).into(), to_int(review.edges)?.into()];
    tx.execute(MORE, &more).await?;
    Ok(id)
}

async fn insert(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    reviews: &[&ReviewRow],
) -> Result<(), StoreError> {
    let reasons: Vec<String> = reviews
        .iter()
        .map(|row| Json::from(row.reasons.clone()).to_string())
        .collect();
    let rows = reviews
        .iter()
        .zip(&reasons)
        .map(|(row, reasons)| {
            Ok([
                (&row.id).into(),
                row.kind.as_str().into(),
                (&row.a).into(),
                second(row),
                row.source.as_str().into(),
                to_int(row.edges)?.into(),
                to_int(row.score)?.into(),
                Param::Json(reasons),
                row.at.into(),
                row.status.as_str().into(),
            ])
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    tx.each(INSERT, &[ws.into()], &ROWS, &rows).await?;
    Ok(())
}

/// One review; one statement.
///
/// # Errors
/// If the database fails.
pub async fn get(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: ReviewId,
) -> Result<Option<ReviewRow>, StoreError> {
    let row = tx.query_opt(GET, &[ws.into(), (&id).into()]).await?;
    row.as_ref().map(read).transpose()
}

/// Reviews of a status behind an id, the oldest first.
///
/// # Errors
/// If the database fails.
pub async fn list(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    status: ReviewStatus,
    behind: ReviewId,
    limit: u32,
) -> Result<Vec<ReviewRow>, StoreError> {
    let params = [
        ws.into(),
        status.as_str().into(),
        (&behind).into(),
        i64::from(limit).into(),
    ];
    let rows = tx.query(LIST, &params).await?;
    rows.iter().map(read).collect()
}

/// Says what became of an open review; false if it is not open any more.
///
/// # Errors
/// If the database fails.
pub async fn settle(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: ReviewId,
    status: ReviewStatus,
    (by, at): (&str, Timestamp),
) -> Result<bool, StoreError> {
    let params = [
        ws.into(),
        (&id).into(),
        status.as_str().into(),
        by.into(),
        at.into(),
        ReviewStatus::Open.as_str().into(),
    ];
    Ok(tx.execute(SETTLE, &params).await? > 0)
}

fn second(row: &ReviewRow) -> Param<'_> {
    row.b.as_ref().map_or(Param::Bytes(&[]), Param::from)
}

fn read_second(columns: &mut crate::db::row::Columns<'_>) -> Result<Option<NodeId>, StoreError> {
    columns.id("b", |bytes| match bytes {
        [] => Some(None),
        bytes => NodeId::from_slice(bytes).map(Some),
    })
}

fn read(row: &Row) -> Result<ReviewRow, StoreError> {
    let mut columns = row.columns("review");
    Ok(ReviewRow {
        id: columns.id("id", ReviewId::from_slice)?,
        kind: columns.word("kind", &ReviewKind::ALL, ReviewKind::as_str)?,
        a: columns.id("a", NodeId::from_slice)?,
        b: read_second(&mut columns)?,
        source: columns.string("source")?,
        edges: columns.number("edges")?,
        score: columns.number("score")?,
        reasons: serde_json::from_value(columns.json("reasons")?).unwrap_or_default(),
        at: columns.time("at")?,
        status: columns.word("status", &ReviewStatus::ALL, ReviewStatus::as_str)?,
    })
}
