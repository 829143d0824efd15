//! Edges between identifier nodes: append-only, each with the rule and the fact that made it. Only
//! whether an edge is active changes.

use std::collections::{BTreeSet, HashSet};

use kith_domain::Timestamp;
use kith_domain::fact::Trust;
use kith_domain::id::{NodeId, WorkspaceId};

use super::NodeRow;
use crate::db::row::Row;
use crate::db::sql::{Column, bytes, int, text};
use crate::{StoreError, Tx};

/// A statement that two identifiers belong together. One row for each pair, rule and trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeRow {
    /// One end; the smaller id once stored.
    pub a: NodeId,
    /// The other end.
    pub b: NodeId,
    /// The rule that made it.
    pub rule: String,
    /// How far the fact is believed.
    pub trust: Trust,
    /// The source of the fact.
    pub source: String,
    /// The source's id of the fact.
    pub message_id: String,
    /// When the fact was received.
    pub at: Timestamp,
    /// Whether it counts at present.
    pub active: bool,
}

/// What hangs together: the nodes that edges lead to, active or not, and those edges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Component {
    /// Every node, by id.
    pub nodes: Vec<NodeRow>,
    /// Every edge, by its ends, rule and trust.
    pub edges: Vec<EdgeRow>,
    /// False if there are more nodes than the limit: what is here is then a part.
    pub complete: bool,
}

const TRUSTS: [Trust; 2] = [Trust::Server, Trust::Public];

const INSERT: &str = "INSERT INTO edge
    (workspace, a, b, rule, trust, source, message_id, at, active)
    SELECT ?1, r.a, r.b, r.rule, r.trust, r.source, r.message_id, r.at, r.active
    FROM {rows} WHERE true
    ON CONFLICT (workspace, a, b, rule, trust) DO NOTHING
    RETURNING a, b, rule, trust";
const INSERT_ROWS: [Column; 8] = [
    bytes("a"),
    bytes("b"),
    text("rule"),
    text("trust"),
    text("source"),
    text("message_id"),
    int("at"),
    int("active"),
];
const SET_ACTIVE: &str = "UPDATE edge SET active = r.active FROM {rows}
    WHERE edge.workspace = ?1 AND edge.a = r.a AND edge.b = r.b
      AND edge.rule = r.rule AND edge.trust = r.trust";
const SET_ACTIVE_ROWS: [Column; 5] = [
    bytes("a"),
    bytes("b"),
    text("rule"),
    text("trust"),
    int("active"),
];
const NEIGHBOURS: &str = "SELECT e.a, e.b, e.rule, e.trust, e.source, e.message_id, e.at, e.active
    FROM {rows} JOIN edge e ON e.workspace = ?1 AND e.a = r.id
    UNION
    SELECT e.a, e.b, e.rule, e.trust, e.source, e.message_id, e.at, e.active
    FROM {rows} JOIN edge e ON e.workspace = ?1 AND e.b = r.id";
const NEIGHBOURS_ROWS: [Column; 1] = [bytes("id")];

impl EdgeRow {
    fn ends(&self) -> (&NodeId, &NodeId) {
        if self.a <= self.b {
            (&self.a, &self.b)
        } else {
            (&self.b, &self.a)
        }
    }

    fn key(&self) -> (NodeId, NodeId, &str, Trust) {
        let (a, b) = self.ends();
        (*a, *b, &self.rule, self.trust)
    }
}

/// Adds edges. For each, in order, whether it is new: of equal ones only the first is.
///
/// # Errors
/// If the database fails.
pub async fn insert_edges(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    edges: &[EdgeRow],
) -> Result<Vec<bool>, StoreError> {
    let mut keys = HashSet::new();
    let first: Vec<bool> = edges.iter().map(|edge| keys.insert(edge.key())).collect();
    let rows: Vec<_> = edges
        .iter()
        .zip(&first)
        .filter(|(_, first)| **first)
        .map(|(edge, _)| {
            let (a, b) = edge.ends();
            [
                a.into(),
                b.into(),
                edge.rule.as_str().into(),
                edge.trust.as_str().into(),
                edge.source.as_str().into(),
                edge.message_id.as_str().into(),
                edge.at.into(),
                edge.active.into(),
            ]
        })
        .collect();
    let inserted = tx.each(INSERT, &[ws.into()], &INSERT_ROWS, &rows).await?;
    let inserted = inserted
        .iter()
        .map(read_key)
        .collect::<Result<HashSet<_>, _>>()?;
    Ok(edges
        .iter()
        .zip(first)
        .map(|(edge, first)| {
            let (a, b, rule, trust) = edge.key();
            first && inserted.contains(&(a, b, rule.to_owned(), trust))
        })
        .collect())
}

/// Makes each of these edges as active as its row says.
///
/// # Errors
/// If the database fails.
pub async fn set_edges_active(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    edges: &[EdgeRow],
) -> Result<(), StoreError> {
    let rows: Vec<_> = edges
        .iter()
        .map(|edge| {
            let (a, b) = edge.ends();
            [
                a.into(),
                b.into(),
                edge.rule.as_str().into(),
                edge.trust.as_str().into(),
                edge.active.into(),
            ]
        })
        .collect();
    tx.each(SET_ACTIVE, &[ws.into()], &SET_ACTIVE_ROWS, &rows)
        .await?;
    Ok(())
}

/// Everything that hangs together with these nodes, up to about `limit` nodes.
///
/// # Errors
/// If the database fails.
pub async fn component(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    start: &[NodeId],
    limit: usize,
) -> Result<Component, StoreError> {
    let mut reached: BTreeSet<NodeId> = start.iter().copied().collect();
    let mut edges: Vec<EdgeRow> = Vec::new();
    let mut frontier: Vec<NodeId> = reached.iter().copied().collect();
    while !frontier.is_empty() && reached.len() <= limit {
        let rows: Vec<_> = frontier.iter().map(|id| [id.into()]).collect();
        let found = tx
            .each(NEIGHBOURS, &[ws.into()], &NEIGHBOURS_ROWS, &rows)
            .await?;
        frontier = Vec::new();
        for row in &found {
            let edge = read(row)?;
            frontier.extend(
                [edge.a, edge.b]
                    .into_iter()
                    .filter(|end| reached.insert(*end)),
            );
            edges.push(edge);
        }
    }
    // An edge is met from both of its ends.
    edges.sort_by(|a, b| a.key().cmp(&b.key()));
    edges.dedup();
    let complete = reached.len() <= limit;
    let ids: Vec<NodeId> = reached.into_iter().collect();
    let mut nodes = super::nodes(tx, ws, &ids).await?;
    nodes.sort_by_key(|node| node.id);
    Ok(Component {
        nodes,
        edges,
        complete,
    })
}

fn read_key(row: &Row) -> Result<(NodeId, NodeId, String, Trust), StoreError> {
    let mut columns = row.columns("edge");
    Ok((
        columns.id("a", NodeId::from_slice)?,
        columns.id("b", NodeId::from_slice)?,
        columns.string("rule")?,
        columns.word("trust", &TRUSTS, Trust::as_str)?,
    ))
}

fn read(row: &Row) -> Result<EdgeRow, StoreError> {
    let mut columns = row.columns("edge");
    Ok(EdgeRow {
        a: columns.id("a", NodeId::from_slice)?,
        b: columns.id("b", NodeId::from_slice)?,
        rule: columns.string("rule")?,
        trust: columns.word("trust", &TRUSTS, Trust::as_str)?,
        source: columns.string("source")?,
        message_id: columns.string("message_id")?,
        at: columns.time("at")?,
        active: columns.flag("active")?,
    })
}
