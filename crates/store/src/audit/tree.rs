//! The one tree of a workspace's log: which entry is which leaf, the hashes above them, and what the log
//! last said of itself. What the hashes mean is the engine's business.

use std::collections::HashMap;
use std::sync::Arc;

use kith_domain::Timestamp;
use kith_domain::id::WorkspaceId;

use super::AuditSeq;
use crate::db::param::int as to_int;
use crate::db::sql::{Column, bytes, int, text};
use crate::{Engine, StoreError, Tx};

/// An entry that is not yet a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Where it stands.
    pub place: AuditSeq,
    /// Its frozen bytes.
    pub leaf: Vec<u8>,
}

/// Entries that are to become the next leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// How many leaves there are already.
    pub size: u64,
    /// The next entries, stream by stream.
    pub entries: Vec<Waiting>,
}

/// How far the tree is behind the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    /// Entries that are committed and not yet leaves.
    pub entries: u64,
    /// When the oldest of them was made.
    pub oldest: Option<Timestamp>,
}

impl Lag {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let oldest = self.oldest.into_iter().chain(other.oldest).min();
        Self {
            entries: self.entries.saturating_add(other.entries),
            oldest,
        }
    }
}

/// A leaf, and the entry that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// From 0.
    pub index: u64,
    /// The entry's place.
    pub place: AuditSeq,
    /// The leaf's hash.
    pub hash: [u8; 32],
}

/// The hash over 256^level leaves, the level from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subtree {
    /// Of which level.
    pub level: u8,
    /// Which of them, from 0.
    pub index: u64,
    /// The hash.
    pub hash: [u8; 32],
}

/// What the log last said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointRow {
    /// Of how many leaves.
    pub size: u64,
    /// The signed note.
    pub note: String,
    /// When it was signed.
    pub at: Timestamp,
}

const SIZE: &str = "SELECT coalesce(max(idx) + 1, 0) FROM audit_tree WHERE workspace = ?1";
// Of an index on (workspace, stream, seq) these look at one row for each stream.
const STREAMS: &str = "WITH RECURSIVE names (stream) AS (
      SELECT min(stream) FROM audit WHERE workspace = ?1
      UNION ALL
      SELECT (SELECT min(a.stream) FROM audit a
        WHERE a.workspace = ?1 AND a.stream > names.stream)
      FROM names WHERE names.stream IS NOT NULL)
    SELECT stream, (SELECT max(a.seq) FROM audit a
      WHERE a.workspace = ?1 AND a.stream = names.stream)
    FROM names WHERE stream IS NOT NULL";
const FOLDED: &str = "WITH RECURSIVE names (stream) AS (
      SELECT min(stream) FROM audit_tree WHERE workspace = ?1
      UNION ALL
      SELECT (SELECT min(a.stream) FROM audit_tree a
        WHERE a.workspace = ?1 AND a.stream > names.stream)
      FROM names WHERE names.stream IS NOT NULL)
    SELECT stream, (SELECT max(a.seq) FROM audit_tree a
      WHERE a.workspace = ?1 AND a.stream = names.stream)
    FROM names WHERE stream IS NOT NULL";
const NEXT: &str = "SELECT seq, leaf FROM audit
    WHERE workspace = ?1 AND stream = ?2 AND seq > ?3 ORDER BY seq LIMIT ?4";
const OLDEST: &str = "SELECT at FROM audit
    WHERE workspace = ?1 AND stream = ?2 AND seq > ?3 ORDER BY seq LIMIT 1";
const LEAVES: &str = "SELECT idx, stream, seq, leaf_hash FROM audit_tree
    WHERE workspace = ?1 AND idx >= ?2 ORDER BY idx LIMIT ?3";
const LEAF_HASHES: &str = "SELECT leaf_hash FROM audit_tree
    WHERE workspace = ?1 AND idx >= ?2 AND idx < ?3 ORDER BY idx";
const SUBTREE_HASHES: &str = "SELECT hash FROM audit_subtree
    WHERE workspace = ?1 AND level = ?2 AND idx >= ?3 AND idx < ?4 ORDER BY idx";
const INDEX_OF: &str = "SELECT idx FROM audit_tree
    WHERE workspace = ?1 AND stream = ?2 AND seq = ?3";
const ADD_LEAVES: &str = "INSERT INTO audit_tree (workspace, idx, stream, seq, leaf_hash)
    SELECT ?1, r.idx, r.stream, r.seq, r.leaf_hash FROM {rows}";
const LEAF_ROWS: [Column; 4] = [int("idx"), text("stream"), int("seq"), bytes("leaf_hash")];
const ADD_SUBTREES: &str = "INSERT INTO audit_subtree (workspace, level, idx, hash)
    SELECT ?1, r.level, r.idx, r.hash FROM {rows}";
const SUBTREE_ROWS: [Column; 3] = [int("level"), int("idx"), bytes("hash")];
const CHECKPOINT: &str = "SELECT size, note, at FROM audit_checkpoint WHERE workspace = ?1";
const SET_CHECKPOINT: &str = "INSERT INTO audit_checkpoint (workspace, size, note, at)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (workspace) DO UPDATE
      SET size = excluded.size, note = excluded.note, at = excluded.at";
const LEAD: &str = "SELECT CASE WHEN pg_try_advisory_xact_lock(3, (?1::bigint % 2147483647)::int)
    THEN 1::bigint ELSE 0::bigint END";
const KEY: &str = "SELECT seed FROM audit_key WHERE id = 1";
const SET_KEY: &str = "INSERT INTO audit_key (id, seed) VALUES (1, ?1) ON CONFLICT (id) DO NOTHING";

/// How many leaves there are.
///
/// # Errors
/// If the database fails.
pub async fn size(tx: &mut Tx<'_>, ws: WorkspaceId) -> Result<u64, StoreError> {
    match tx.query_opt(SIZE, &[ws.into()]).await? {
        Some(row) => row.columns("audit_tree").number("idx"),
        None => Ok(0),
    }
}

/// Whether this transaction may fold: on PostgreSQL one node at a time leads, until it ends; the file of
/// SQLite has one writer anyway.
///
/// # Errors
/// If the database fails.
pub async fn lead(tx: &mut Tx<'_>, ws: WorkspaceId) -> Result<bool, StoreError> {
    match tx.engine() {
        Engine::Sqlite => Ok(true),
        Engine::Postgres => match tx.query_opt(LEAD, &[ws.into()]).await? {
            Some(row) => row.columns("audit_tree").flag("lead"),
            None => Ok(false),
        },
    }
}

/// The newest number of each stream of the file or database at hand.
pub(crate) async fn streams(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
) -> Result<HashMap<Arc<str>, i64>, StoreError> {
    numbers(tx, ws, STREAMS).await
}

/// The newest number of each stream that is a leaf.
pub(crate) async fn folded(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
) -> Result<HashMap<Arc<str>, i64>, StoreError> {
    numbers(tx, ws, FOLDED).await
}

async fn numbers(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    sql: &str,
) -> Result<HashMap<Arc<str>, i64>, StoreError> {
    let rows = tx.query(sql, &[ws.into()]).await?;
    rows.iter()
        .map(|row| {
            let mut columns = row.columns("audit");
            Ok((columns.text("stream")?.into(), columns.int("seq")?))
        })
        .collect()
}

/// Entries of the file or database at hand beyond those that are leaves, at most `limit` in all.
pub(crate) async fn waiting(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    folded: &HashMap<Arc<str>, i64>,
    limit: usize,
) -> Result<Vec<Waiting>, StoreError> {
    let mut streams: Vec<_> = streams(tx, ws).await?.into_iter().collect();
    streams.sort_unstable();
    let mut found = Vec::new();
    for (stream, newest) in streams {
        let after = folded.get(&stream).copied().unwrap_or(0);
        let room = i64::try_from(limit.saturating_sub(found.len())).unwrap_or(i64::MAX);
        if newest <= after || room == 0 {
            continue;
        }
        let params = [ws.into(), (&*stream).into(), after.into(), room.into()];
        for row in tx.query(NEXT, &params).await? {
            let mut columns = row.columns("audit");
            let seq = columns.int("seq")?;
            found.push(Waiting {
                place: AuditSeq {
                    stream: Arc::clone(&stream),
                    seq,
                },
                leaf: columns.bytes("leaf")?.to_vec(),
            });
        }
    }
    Ok(found)
}

/// How far those that are leaves are behind the entries of the file or database at hand.
pub(crate) async fn lag(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    folded: &HashMap<Arc<str>, i64>,
) -> Result<Lag, StoreError> {
    let mut lag = Lag::default();
    for (stream, newest) in streams(tx, ws).await? {
        let after = folded.get(&stream).copied().unwrap_or(0);
        let Some(entries) = u64::try_from(newest - after).ok().filter(|more| *more > 0) else {
            continue;
        };
        let params = [ws.into(), (&*stream).into(), after.into()];
        let oldest = tx.query_opt(OLDEST, &params).await?;
        let oldest = oldest.map(|row| row.columns("audit").time("at"));
        lag = lag.and(Lag {
            entries,
            oldest: oldest.transpose()?,
        });
    }
    Ok(lag)
}

/// Leaves from an index on, in order, at most `limit`.
///
/// # Errors
/// If the database fails.
pub async fn leaves(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    from: u64,
    limit: u32,
) -> Result<Vec<Leaf>, StoreError> {
    let params = [ws.into(), to_int(from)?.into(), i64::from(limit).into()];
    let rows = tx.query(LEAVES, &params).await?;
    rows.iter()
        .map(|row| {
            let mut columns = row.columns("audit_tree");
            Ok(Leaf {
                index: columns.number("idx")?,
                place: AuditSeq {
                    stream: columns.text("stream")?.into(),
                    seq: columns.int("seq")?,
                },
                hash: columns.hash("leaf_hash")?,
            })
        })
        .collect()
}

/// The hashes of a level from one up to another; level 0 is the leaves'. Fewer if there are fewer.
///
/// # Errors
/// If the database fails.
pub async fn hashes(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    level: u8,
    from: u64,
    to: u64,
) -> Result<Vec<[u8; 32]>, StoreError> {
    let (from, to) = (to_int(from)?, to_int(to)?);
    let rows = if level == 0 {
        tx.query(LEAF_HASHES, &[ws.into(), from.into(), to.into()])
            .await?
    } else {
        let params = [ws.into(), i64::from(level).into(), from.into(), to.into()];
        tx.query(SUBTREE_HASHES, &params).await?
    };
    rows.iter()
        .map(|row| row.columns("audit_tree").hash("hash"))
        .collect()
}

/// Which leaf an entry is; `None` if it is not one yet.
///
/// # Errors
/// If the database fails.
pub async fn index_of(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    place: &AuditSeq,
) -> Result<Option<u64>, StoreError> {
    let params = [ws.into(), (&*place.stream).into(), place.seq.into()];
    let row = tx.query_opt(INDEX_OF, &params).await?;
    row.map(|row| row.columns("audit_tree").number("idx"))
        .transpose()
}

/// Adds leaves, and the hashes that they settle.
///
/// # Errors
/// A conflict if one of them is there already.
pub async fn add(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    leaves: &[Leaf],
    subtrees: &[Subtree],
) -> Result<(), StoreError> {
    let rows = leaves
        .iter()
        .map(|leaf| {
            Ok([
                to_int(leaf.index)?.into(),
                (&*leaf.place.stream).into(),
                leaf.place.seq.into(),
                (&leaf.hash).into(),
            ])
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    tx.each(ADD_LEAVES, &[ws.into()], &LEAF_ROWS, &rows).await?;
    let rows = subtrees
        .iter()
        .map(|subtree| {
            Ok([
                i64::from(subtree.level).into(),
                to_int(subtree.index)?.into(),
                (&subtree.hash).into(),
            ])
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    tx.each(ADD_SUBTREES, &[ws.into()], &SUBTREE_ROWS, &rows)
        .await?;
    Ok(())
}

/// What the log last said of itself.
///
/// # Errors
/// If the database fails.
pub async fn checkpoint(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
) -> Result<Option<CheckpointRow>, StoreError> {
    let row = tx.query_opt(CHECKPOINT, &[ws.into()]).await?;
    row.map(|row| {
        let mut columns = row.columns("audit_checkpoint");
        Ok(CheckpointRow {
            size: columns.number("size")?,
            note: columns.string("note")?,
            at: columns.time("at")?,
        })
    })
    .transpose()
}

/// Keeps what the log says of itself from now on.
///
/// # Errors
/// If the database fails.
pub async fn set_checkpoint(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    checkpoint: &CheckpointRow,
) -> Result<(), StoreError> {
    let params = [
        ws.into(),
        to_int(checkpoint.size)?.into(),
        checkpoint.note.as_str().into(),
        checkpoint.at.into(),
    ];
    tx.execute(SET_CHECKPOINT, &params).await?;
    Ok(())
}

/// What all nodes on one PostgreSQL sign with, where no file has it.
///
/// # Errors
/// If the database fails.
pub async fn key(tx: &mut Tx<'_>) -> Result<Option<[u8; 32]>, StoreError> {
    let row = tx.query_opt(KEY, &[]).await?;
    row.map(|row| row.columns("audit_key").hash("seed"))
        .transpose()
}

/// Keeps this to sign with, unless there is something already.
///
/// # Errors
/// If the database fails.
pub async fn offer_key(tx: &mut Tx<'_>, seed: &[u8; 32]) -> Result<(), StoreError> {
    tx.execute(SET_KEY, &[seed.into()]).await?;
    Ok(())
}
