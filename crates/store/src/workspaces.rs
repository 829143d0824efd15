//! Workspaces: the tenants of this installation. Their numbers are allotted here, from 1 upwards.

use kith_domain::Timestamp;
use kith_domain::id::WorkspaceId;

use crate::db::row::Row;
use crate::{StoreError, Tx};

/// A workspace.
#[derive(Clone, PartialEq, Eq)]
pub struct WorkspaceRow {
    /// Its number, first part of every key.
    pub id: WorkspaceId,
    /// Its name, unique in the installation.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The key of the workspace's keyed hashes.
    pub hash_key: [u8; 32],
}

impl std::fmt::Debug for WorkspaceRow {
    /// Leaves the key out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkspaceRow")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

const CREATE: &str = "INSERT INTO workspace (id, name, created_at, hash_key)
    SELECT coalesce(max(id), 0) + 1, ?1, ?2, ?3 FROM workspace
    RETURNING id, name, created_at, hash_key";
const BY_NAME: &str = "SELECT id, name, created_at, hash_key FROM workspace WHERE name = ?1";
const BY_ID: &str = "SELECT id, name, created_at, hash_key FROM workspace WHERE id = ?1";
const LIST: &str = "SELECT id, name, created_at, hash_key FROM workspace ORDER BY id";

/// Creates a workspace, in the scope of the installation.
///
/// # Errors
/// A conflict if the name is taken.
pub async fn create(
    tx: &mut Tx<'_>,
    name: &str,
    hash_key: &[u8; 32],
    at: Timestamp,
) -> Result<WorkspaceRow, StoreError> {
    let created = tx
        .query_opt(CREATE, &[name.into(), at.into(), hash_key.into()])
        .await
        .map_err(|error| error.or_conflict("a workspace of this name exists already"))?;
    match created {
        Some(row) => read(&row),
        None => Err(StoreError::Conflict("the workspace was not created")),
    }
}

/// Finds a workspace by its name, in the scope of the installation.
///
/// # Errors
/// If the database fails.
pub async fn by_name(tx: &mut Tx<'_>, name: &str) -> Result<Option<WorkspaceRow>, StoreError> {
    let row = tx.query_opt(BY_NAME, &[name.into()]).await?;
    row.as_ref().map(read).transpose()
}

/// Finds a workspace by its number, in its own scope or that of the installation.
///
/// # Errors
/// If the database fails.
pub async fn by_id(tx: &mut Tx<'_>, id: WorkspaceId) -> Result<Option<WorkspaceRow>, StoreError> {
    let row = tx.query_opt(BY_ID, &[id.into()]).await?;
    row.as_ref().map(read).transpose()
}

/// Every workspace, in the scope of the installation.
///
/// # Errors
/// If the database fails.
pub async fn list(tx: &mut Tx<'_>) -> Result<Vec<WorkspaceRow>, StoreError> {
    tx.query(LIST, &[]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<WorkspaceRow, StoreError> {
    let mut columns = row.columns("workspace");
    Ok(WorkspaceRow {
        id: columns.workspace("id")?,
        name: columns.string("name")?,
        created_at: columns.time("created_at")?,
        hash_key: columns.hash("hash_key")?,
    })
}
