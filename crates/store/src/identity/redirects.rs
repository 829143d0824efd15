//! Where the ids of merged roots lead, for ever. Always one step, whatever was merged afterwards.

use std::collections::BTreeMap;

use kith_domain::RootKind;
use kith_domain::id::{AccountId, NodeId, WorkspaceId};

use super::RootId;
use crate::db::sql::{Column, bytes};
use crate::{StoreError, Tx};

const LEAD_ON: &str =
    "UPDATE redirect SET to_id = ?4 WHERE workspace = ?1 AND kind = ?2 AND to_id = ?3";
const REVIVE: &str = "DELETE FROM redirect WHERE workspace = ?1 AND kind = ?2 AND from_id = ?3";
const INSERT: &str = "INSERT INTO redirect (workspace, kind, from_id, to_id, node)
    VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (workspace, kind, from_id) DO UPDATE SET
      to_id = excluded.to_id, node = excluded.node";
const DORMANT: &str = "SELECT d.kind, d.from_id, d.node FROM {rows} JOIN redirect d
    ON d.workspace = ?1 AND d.node = r.id";
const FOLLOW: &str = "UPDATE redirect SET to_id = (SELECT i.root FROM identifier i
      WHERE i.workspace = ?1 AND i.id = redirect.node)
    WHERE workspace = ?1 AND node IS NOT NULL AND to_id IN (SELECT r.id FROM {rows})";
const RESOLVE_ALL: &str = "SELECT r.id, d.to_id FROM {rows} JOIN redirect d
    ON d.workspace = ?1 AND d.kind = ?2 AND d.from_id = r.id";
const IDS: [Column; 1] = [bytes("id")];
const RESOLVE: &str = "SELECT to_id FROM redirect
    WHERE workspace = ?1 AND kind = ?2 AND from_id = ?3";

/// Makes `from`, and whatever led to it, lead to `to`, which from now on leads nowhere else. Where the
/// strongest identifier of `from` is split off again, its id comes back to life.
///
/// # Errors
/// If the two are of different kinds, or the database fails.
pub async fn redirect_to(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    from: RootId,
    to: RootId,
    strongest: NodeId,
) -> Result<(), StoreError> {
    if from.kind() != to.kind() {
        return Err(StoreError::Conflict(
            "an id can only lead to an id of the same kind",
        ));
    }
    if from == to {
        return Ok(());
    }
    let kind = from.kind().as_str().into();
    let (from, to) = (&from, &to);
    tx.execute(REVIVE, &[ws.into(), kind, to.into()]).await?;
    tx.execute(LEAD_ON, &[ws.into(), kind, from.into(), to.into()])
        .await?;
    let row = [ws.into(), kind, from.into(), to.into(), (&strongest).into()];
    tx.execute(INSERT, &row).await?;
    Ok(())
}

/// The ids of merged roots whose strongest identifier was one of these, the oldest first.
///
/// # Errors
/// If the database fails.
pub async fn dormant(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    nodes: &[NodeId],
) -> Result<Vec<(NodeId, RootId)>, StoreError> {
    let rows: Vec<_> = nodes.iter().map(|id| [id.into()]).collect();
    let found = tx.each(DORMANT, &[ws.into()], &IDS, &rows).await?;
    let mut dormant = found
        .iter()
        .map(|row| {
            let mut columns = row.columns("redirect");
            let kind = columns.word("kind", &RootKind::ALL, RootKind::as_str)?;
            let id = columns.id("from_id", |bytes| RootId::from_slice(kind, bytes))?;
            Ok((columns.id("node", NodeId::from_slice)?, id))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    dormant.sort_unstable();
    Ok(dormant)
}

/// A root that was merged away is there again: its id leads nowhere else.
///
/// # Errors
/// If the database fails.
pub async fn revive(tx: &mut Tx<'_>, ws: WorkspaceId, id: RootId) -> Result<(), StoreError> {
    let kind = id.kind().as_str().into();
    tx.execute(REVIVE, &[ws.into(), kind, (&id).into()]).await?;
    Ok(())
}

/// What leads to one of these roots, of which identifiers went elsewhere, leads to where its own
/// identifier is now.
///
/// # Errors
/// If the database fails.
pub async fn follow(tx: &mut Tx<'_>, ws: WorkspaceId, roots: &[RootId]) -> Result<(), StoreError> {
    let rows: Vec<_> = roots.iter().map(|id| [id.into()]).collect();
    tx.each(FOLLOW, &[ws.into()], &IDS, &rows).await?;
    Ok(())
}

/// The id that this one leads to: itself, unless it was merged. One statement in either case.
///
/// # Errors
/// If the database fails.
pub async fn resolve(tx: &mut Tx<'_>, ws: WorkspaceId, id: RootId) -> Result<RootId, StoreError> {
    let params = [ws.into(), id.kind().as_str().into(), (&id).into()];
    let Some(row) = tx.query_opt(RESOLVE, &params).await? else {
        return Ok(id);
    };
    row.columns("redirect")
        .id("to_id", |bytes| RootId::from_slice(id.kind(), bytes))
}

/// Which of these accounts were merged, and the account that each leads to. One statement.
///
/// # Errors
/// If the database fails.
pub async fn merged_accounts(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    ids: &[AccountId],
) -> Result<BTreeMap<AccountId, AccountId>, StoreError> {
    let rows: Vec<_> = ids.iter().map(|id| [id.into()]).collect();
    let kind = RootKind::Account.as_str().into();
    tx.each(RESOLVE_ALL, &[ws.into(), kind], &IDS, &rows)
        .await?
        .iter()
        .map(|row| {
            let mut columns = row.columns("redirect");
            Ok((
                columns.id("id", AccountId::from_slice)?,
                columns.id("to_id", AccountId::from_slice)?,
            ))
        })
        .collect()
}
