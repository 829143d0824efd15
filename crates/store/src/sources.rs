//! Sources that call out: webhooks of other systems, what they may do, and how they fare. Their secrets are
//! bytes here, sealed under a key that the store does not have.

use kith_domain::Timestamp;
use kith_domain::id::{SourceId, WorkspaceId};
use serde_json::Value as Json;

use crate::db::param::{Param, int as to_int};
use crate::db::row::Row;
use crate::{StoreError, Tx};

/// A source that calls out.
#[derive(Clone, PartialEq)]
pub struct SourceRow {
    /// The workspace that it delivers to.
    pub workspace: WorkspaceId,
    /// Its id, part of the address that it calls.
    pub id: SourceId,
    /// Its name, as fields list it in `sources`; unique in the workspace.
    pub name: String,
    /// Whose format it speaks: `stripe`.
    pub kind: String,
    /// Where its parts go; an object.
    pub config: Json,
    /// Its secrets, sealed.
    pub sealed: Vec<u8>,
    /// Whether it is told to come again later.
    pub paused: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// How it fares.
    pub status: SourceStatus,
}

/// How a source fares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceStatus {
    /// When it delivered last and was believed.
    pub last_delivery_at: Option<Timestamp>,
    /// When something of it could last not be taken.
    pub last_error_at: Option<Timestamp>,
    /// What that was, without any of what it sent.
    pub last_error: Option<String>,
    /// Messages that it delivered.
    pub received: u64,
    /// Messages that were kept, whole or in part.
    pub kept: u64,
    /// Messages of which something is in quarantine.
    pub refused: u64,
}

impl std::fmt::Debug for SourceRow {
    /// Leaves the secrets out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceRow")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("paused", &self.paused)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

const INSERT: &str =
    "INSERT INTO source (workspace, id, name, kind, config, sealed, paused, created_at,
      received, kept, refused)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0)";
const FIND: &str =
    "SELECT workspace, id, name, kind, config, sealed, paused, created_at, last_delivery_at,
      last_error_at, last_error, received, kept, refused FROM source WHERE id = ?1";
const BY_ID: &str = "SELECT workspace, id, name, kind, config, sealed, paused, created_at, last_delivery_at,
      last_error_at, last_error, received, kept, refused FROM source WHERE workspace = ?1 AND id = ?2";
const LIST: &str = "SELECT workspace, id, name, kind, config, sealed, paused, created_at, last_delivery_at,
      last_error_at, last_error, received, kept, refused FROM source WHERE workspace = ?1 ORDER BY id";
const CHANGE: &str = "UPDATE source SET config = ?3, sealed = ?4, paused = ?5
    WHERE workspace = ?1 AND id = ?2";
const REMOVE: &str = "DELETE FROM source WHERE workspace = ?1 AND id = ?2";
const DELIVERED: &str = "UPDATE source SET last_delivery_at = ?3, received = received + ?4,
      kept = kept + ?5, refused = refused + ?6
    WHERE workspace = ?1 AND id = ?2";
const FAILED: &str = "UPDATE source SET last_error_at = ?3, last_error = ?4
    WHERE workspace = ?1 AND id = ?2";

/// Adds a source to the workspace that its row names.
///
/// # Errors
/// A conflict if the name is taken.
pub async fn insert(tx: &mut Tx<'_>, source: &SourceRow) -> Result<(), StoreError> {
    let config = source.config.to_string();
    let params = [
        source.workspace.into(),
        (&source.id).into(),
        source.name.as_str().into(),
        source.kind.as_str().into(),
        Param::Json(&config),
        source.sealed.as_slice().into(),
        source.paused.into(),
        source.created_at.into(),
    ];
    tx.execute(INSERT, &params)
        .await
        .map_err(|error| error.or_conflict("a source of this name exists already"))?;
    Ok(())
}

/// Finds a source of any workspace, in the scope of the installation.
///
/// # Errors
/// If the database fails.
pub async fn find(tx: &mut Tx<'_>, id: SourceId) -> Result<Option<SourceRow>, StoreError> {
    let row = tx.query_opt(FIND, &[(&id).into()]).await?;
    row.as_ref().map(read).transpose()
}

/// A source of the workspace.
///
/// # Errors
/// If the database fails.
pub async fn by_id(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: SourceId,
) -> Result<Option<SourceRow>, StoreError> {
    let row = tx.query_opt(BY_ID, &[ws.into(), (&id).into()]).await?;
    row.as_ref().map(read).transpose()
}

/// Every source of the workspace, the oldest first.
///
/// # Errors
/// If the database fails.
pub async fn list(tx: &mut Tx<'_>, ws: WorkspaceId) -> Result<Vec<SourceRow>, StoreError> {
    tx.query(LIST, &[ws.into()])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Writes what may change of a source: where its parts go, its secrets, whether it is paused. False if there
/// is none.
///
/// # Errors
/// If the database fails.
pub async fn change(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    source: &SourceRow,
) -> Result<bool, StoreError> {
    let config = source.config.to_string();
    let params = [
        ws.into(),
        (&source.id).into(),
        Param::Json(&config),
        source.sealed.as_slice().into(),
        source.paused.into(),
    ];
    Ok(tx.execute(CHANGE, &params).await? > 0)
}

/// Removes a source with its secrets; what it said stays. False if there is none.
///
/// # Errors
/// If the database fails.
pub async fn remove(tx: &mut Tx<'_>, ws: WorkspaceId, id: SourceId) -> Result<bool, StoreError> {
    Ok(tx.execute(REMOVE, &[ws.into(), (&id).into()]).await? > 0)
}

/// Notes that a source delivered so many messages, of which so many were kept and refused.
///
/// # Errors
/// If the database fails.
pub async fn delivered(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: SourceId,
    at: Timestamp,
    [received, kept, refused]: [u64; 3],
) -> Result<(), StoreError> {
    let params = [
        ws.into(),
        (&id).into(),
        at.into(),
        to_int(received)?.into(),
        to_int(kept)?.into(),
        to_int(refused)?.into(),
    ];
    tx.execute(DELIVERED, &params).await?;
    Ok(())
}

/// Notes why something of a source could not be taken.
///
/// # Errors
/// If the database fails.
pub async fn failed(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: SourceId,
    at: Timestamp,
    why: &str,
) -> Result<(), StoreError> {
    let params = [ws.into(), (&id).into(), at.into(), why.into()];
    tx.execute(FAILED, &params).await?;
    Ok(())
}

fn read(row: &Row) -> Result<SourceRow, StoreError> {
    let mut columns = row.columns("source");
    Ok(SourceRow {
        workspace: columns.workspace("workspace")?,
        id: columns.id("id", SourceId::from_slice)?,
        name: columns.string("name")?,
        kind: columns.string("kind")?,
        config: Json::Object(columns.object("config")?),
        sealed: columns.bytes("sealed")?.to_vec(),
        paused: columns.flag("paused")?,
        created_at: columns.time("created_at")?,
        status: SourceStatus {
            last_delivery_at: columns.opt("last_delivery_at", |of, name| of.time(name))?,
            last_error_at: columns.opt("last_error_at", |of, name| of.time(name))?,
            last_error: columns.opt("last_error", |of, name| of.string(name))?,
            received: columns.number("received")?,
            kept: columns.number("kept")?,
            refused: columns.number("refused")?,
        },
    })
}
