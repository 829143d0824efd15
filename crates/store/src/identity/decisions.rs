//! What people decided about identity: that two roots are one, or that some identifiers belong apart. A
//! decision is never changed, only undone, and what it is about are identifier nodes: who is who follows
//! from the facts and the decisions that stand.

use kith_domain::Timestamp;
use kith_domain::id::{DecisionId, NodeId, WorkspaceId};

use crate::db::row::Row;
use crate::db::sql::{Column, bytes, int};
use crate::{StoreError, Tx};

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DecisionKind {
    /// Both sides are one.
    Merge,
    /// Nothing joins one side with the other.
    Apart,
}

impl DecisionKind {
    const ALL: [Self; 2] = [Self::Merge, Self::Apart];

    /// The word, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Apart => "apart",
        }
    }
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Its id.
    pub id: DecisionId,
    /// What was decided.
    pub kind: DecisionKind,
    /// Who decided.
    pub decided_by: String,
    /// When.
    pub at: Timestamp,
    /// When it was undone; `None` while it stands.
    pub undone_at: Option<Timestamp>,
}

/// That a node is on a side of a decision that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DecidedRow {
    /// The decision.
    pub decision: DecisionId,
    /// What was decided.
    pub kind: DecisionKind,
    /// The side.
    pub side: u8,
    /// The node.
    pub node: NodeId,
}

const INSERT: &str = "INSERT INTO identity_decision (workspace, id, kind, decided_by, at)
    VALUES (?1, ?2, ?3, ?4, ?5)";
const INSERT_NODES: &str = "INSERT INTO identity_decision_node
      (workspace, node, decision, side, kind, active)
    SELECT ?1, r.node, ?2, r.side, ?3, 1 FROM {rows}";
const NODE_ROWS: [Column; 2] = [bytes("node"), int("side")];
const GET: &str = "SELECT id, kind, decided_by, at, undone_at FROM identity_decision
    WHERE workspace = ?1 AND id = ?2";
const NODES: &str = "SELECT node FROM identity_decision_node
    WHERE workspace = ?1 AND decision = ?2 ORDER BY node";
const UNDO: &str = "UPDATE identity_decision SET undone_by = ?3, undone_at = ?4
    WHERE workspace = ?1 AND id = ?2 AND undone_at IS NULL";
const UNDO_NODES: &str = "UPDATE identity_decision_node SET active = 0
    WHERE workspace = ?1 AND decision = ?2";
const ABOUT: &str = "SELECT n.decision, n.kind, n.side, n.node
    FROM {rows} JOIN identity_decision_node n
      ON n.workspace = ?1 AND n.node = r.id AND n.active = 1";
const MERGED_WITH: &str = "SELECT r.id, m.node FROM {rows} JOIN identity_decision_node m
      ON m.workspace = ?1 AND m.active = 1 AND m.kind = ?2 AND m.decision IN (
        SELECT n.decision FROM identity_decision_node n
        WHERE n.workspace = ?1 AND n.node = r.id AND n.active = 1)";
const IDS: [Column; 1] = [bytes("id")];

/// Keeps a decision about these nodes, by their side.
///
/// # Errors
/// If the database fails.
pub async fn decide(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    decision: &Decision,
    nodes: &[(NodeId, u8)],
) -> Result<(), StoreError> {
    let (id, kind) = ((&decision.id).into(), decision.kind.as_str().into());
    let row = [
        ws.into(),
        id,
        kind,
        decision.decided_by.as_str().into(),
        decision.at.into(),
    ];
    tx.execute(INSERT, &row).await?;
    let rows: Vec<_> = nodes
        .iter()
        .map(|(node, side)| [node.into(), i64::from(*side).into()])
        .collect();
    tx.each(INSERT_NODES, &[ws.into(), id, kind], &NODE_ROWS, &rows)
        .await?;
    Ok(())
}

/// A decision; one statement.
///
/// # Errors
/// If the database fails.
pub async fn decision(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: DecisionId,
) -> Result<Option<Decision>, StoreError> {
    let row = tx.query_opt(GET, &[ws.into(), (&id).into()]).await?;
    row.as_ref()
        .map(|row| {
            let mut columns = row.columns("identity_decision");
            Ok(Decision {
                id: columns.id("id", DecisionId::from_slice)?,
                kind: columns.word("kind", &DecisionKind::ALL, DecisionKind::as_str)?,
                decided_by: columns.string("decided_by")?,
                at: columns.time("at")?,
                undone_at: columns.opt("undone_at", |columns, name| columns.time(name))?,
            })
        })
        .transpose()
}

/// The nodes that a decision is about.
///
/// # Errors
/// If the database fails.
pub async fn decision_nodes(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: DecisionId,
) -> Result<Vec<NodeId>, StoreError> {
    let rows = tx.query(NODES, &[ws.into(), (&id).into()]).await?;
    rows.iter().map(read_node).collect()
}

/// Takes a decision back; false if it was before, or if there is none.
///
/// # Errors
/// If the database fails.
pub async fn undo(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: DecisionId,
    by: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let row = [ws.into(), (&id).into(), by.into(), at.into()];
    let undone = tx.execute(UNDO, &row).await?;
    tx.execute(UNDO_NODES, &[ws.into(), (&id).into()]).await?;
    Ok(undone > 0)
}

/// What was decided about these nodes, and stands; by decision.
///
/// # Errors
/// If the database fails.
pub async fn about(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    nodes: &[NodeId],
) -> Result<Vec<DecidedRow>, StoreError> {
    let rows: Vec<_> = nodes.iter().map(|id| [id.into()]).collect();
    let found = tx.each(ABOUT, &[ws.into()], &IDS, &rows).await?;
    let mut decided = found
        .iter()
        .map(read)
        .collect::<Result<Vec<_>, StoreError>>()?;
    decided.sort_unstable();
    Ok(decided)
}

/// The pairs that decisions make one of which these nodes are a part.
pub(super) async fn merged_with(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    nodes: &[NodeId],
) -> Result<Vec<(NodeId, NodeId)>, StoreError> {
    let rows: Vec<_> = nodes.iter().map(|id| [id.into()]).collect();
    let shared = [ws.into(), DecisionKind::Merge.as_str().into()];
    let found = tx.each(MERGED_WITH, &shared, &IDS, &rows).await?;
    found
        .iter()
        .map(|row| {
            let mut columns = row.columns("identity_decision_node");
            Ok((
                columns.id("id", NodeId::from_slice)?,
                columns.id("node", NodeId::from_slice)?,
            ))
        })
        .collect()
}

fn read_node(row: &Row) -> Result<NodeId, StoreError> {
    row.columns("identity_decision_node")
        .id("node", NodeId::from_slice)
}

fn read(row: &Row) -> Result<DecidedRow, StoreError> {
    let mut columns = row.columns("identity_decision_node");
    Ok(DecidedRow {
        decision: columns.id("decision", DecisionId::from_slice)?,
        kind: columns.word("kind", &DecisionKind::ALL, DecisionKind::as_str)?,
        side: u8::try_from(columns.number("side")?).unwrap_or(u8::MAX),
        node: columns.id("node", NodeId::from_slice)?,
    })
}
