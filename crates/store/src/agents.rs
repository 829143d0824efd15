//! Agents: software that acts.

use kith_domain::id::{AgentId, WorkspaceId};
use kith_domain::{Agent, AgentKind, Timestamp};

use crate::db::row::Row;
use crate::{StoreError, Tx};

const INSERT: &str =
    "INSERT INTO agent (workspace, id, name, kind, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
const BY_ID: &str = "SELECT id, name, kind FROM agent WHERE workspace = ?1 AND id = ?2";
const BY_NAME: &str = "SELECT id, name, kind FROM agent WHERE workspace = ?1 AND name = ?2";
const LIST: &str = "SELECT id, name, kind FROM agent WHERE workspace = ?1 ORDER BY name, id";

/// Adds an agent.
///
/// # Errors
/// A conflict if the name is taken.
pub async fn insert(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    agent: &Agent,
    at: Timestamp,
) -> Result<(), StoreError> {
    let params = [
        ws.into(),
        (&agent.id).into(),
        (&*agent.name).into(),
        agent.kind.as_str().into(),
        at.into(),
    ];
    tx.execute(INSERT, &params)
        .await
        .map_err(|error| error.or_conflict("an agent of this name exists already"))?;
    Ok(())
}

/// Finds an agent.
///
/// # Errors
/// If the database fails.
pub async fn by_id(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: AgentId,
) -> Result<Option<Agent>, StoreError> {
    let row = tx.query_opt(BY_ID, &[ws.into(), (&id).into()]).await?;
    row.as_ref().map(read).transpose()
}

/// Finds an agent by name.
///
/// # Errors
/// If the database fails.
pub async fn by_name(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    name: &str,
) -> Result<Option<Agent>, StoreError> {
    let row = tx.query_opt(BY_NAME, &[ws.into(), name.into()]).await?;
    row.as_ref().map(read).transpose()
}

/// Every agent, by name.
///
/// # Errors
/// If the database fails.
pub async fn list(tx: &mut Tx<'_>, ws: WorkspaceId) -> Result<Vec<Agent>, StoreError> {
    tx.query(LIST, &[ws.into()])
        .await?
        .iter()
        .map(read)
        .collect()
}

fn read(row: &Row) -> Result<Agent, StoreError> {
    let mut columns = row.columns("agent");
    Ok(Agent {
        id: columns.id("id", AgentId::from_slice)?,
        name: columns.text("name")?.into(),
        kind: columns.word("kind", &AgentKind::ALL, AgentKind::as_str)?,
    })
}
