//! Edges between identifier nodes: append-only, each with the rule and the fact that made it. Only
//! whether an edge is active changes.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use kith_domain::Timestamp;
use kith_domain::fact::Trust;
use kith_domain::id::{NodeId, ReviewId, WorkspaceId};

use super::NodeRow;
use super::decisions::{self, DecidedRow};
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

/// What hangs together: the nodes that edges and decisions lead to, and those edges and decisions. Edges
/// that wait for a review lead nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Component {
    /// Every node, by id.
    pub nodes: Vec<NodeRow>,
    /// Every edge, active or not, by its ends, rule and trust.
    pub edges: Vec<EdgeRow>,
    /// What people decided about the nodes, and stands.
    pub decided: Vec<DecidedRow>,
    /// The nodes of which more hang together than the limit: of those, a part is here.
    pub beyond: BTreeSet<NodeId>,
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
const HOLD: &str = "UPDATE edge SET review = ?2, active = 0 FROM {rows}
    WHERE edge.workspace = ?1 AND edge.a = r.a AND edge.b = r.b
      AND edge.rule = r.rule AND edge.trust = r.trust";
const HOLD_ROWS: [Column; 4] = [bytes("a"), bytes("b"), text("rule"), text("trust")];
const RELEASE: &str = "UPDATE edge SET review = NULL
    WHERE workspace = ?1 AND review = ?2 RETURNING a, b";
const NEIGHBOURS: &str = "SELECT e.a, e.b, e.rule, e.trust, e.source, e.message_id, e.at, e.active
    FROM {rows} JOIN edge e ON e.workspace = ?1 AND e.a = r.id AND e.review IS NULL
    UNION
    SELECT e.a, e.b, e.rule, e.trust, e.source, e.message_id, e.at, e.active
    FROM {rows} JOIN edge e ON e.workspace = ?1 AND e.b = r.id AND e.review IS NULL";
const NEIGHBOURS_ROWS: [Column; 1] = [bytes("id")];

impl EdgeRow {
    /// With its ends as they are stored, the smaller id first.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        if self.b < self.a {
            std::mem::swap(&mut self.a, &mut self.b);
        }
        self
    }

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

/// Everything that hangs together with these nodes. What hangs together with one of them is followed to
/// about `limit` nodes, so that the work is bounded by what was started from.
///
/// # Errors
/// If the database fails.
pub async fn component(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    start: &[NodeId],
    limit: usize,
) -> Result<Component, StoreError> {
    let mut reached = Reached::default();
    for node in start {
        reached.add(*node);
    }
    let mut edges: Vec<EdgeRow> = Vec::new();
    let mut frontier: Vec<NodeId> = reached.places.keys().copied().collect();
    while !frontier.is_empty() {
        let rows: Vec<_> = frontier.iter().map(|id| [id.into()]).collect();
        let found = tx
            .each(NEIGHBOURS, &[ws.into()], &NEIGHBOURS_ROWS, &rows)
            .await?;
        let mut pairs = Vec::with_capacity(found.len());
        for row in &found {
            let edge = read(row)?;
            pairs.push((edge.a, edge.b));
            edges.push(edge);
        }
        pairs.extend(decisions::merged_with(tx, ws, &frontier).await?);
        let mut next = Vec::new();
        for (a, b) in pairs {
            next.extend([a, b].into_iter().filter(|end| reached.add(*end)));
            reached.join(a, b);
        }
        frontier = next;
        frontier.retain(|node| reached.size(*node) <= limit);
    }
    // An edge is met from both of its ends.
    edges.sort_by(|a, b| a.key().cmp(&b.key()));
    edges.dedup();
    let ids: Vec<NodeId> = reached.places.keys().copied().collect();
    let is_beyond = |node: &NodeId| reached.size(*node) > limit;
    let beyond = ids.iter().copied().filter(is_beyond).collect();
    let mut nodes = super::nodes(tx, ws, &ids).await?;
    nodes.sort_by_key(|node| node.id);
    Ok(Component {
        decided: decisions::about(tx, ws, &ids).await?,
        nodes,
        edges,
        beyond,
    })
}

/// The nodes that were reached so far, and which of them hang together.
#[derive(Default)]
struct Reached {
    places: BTreeMap<NodeId, usize>,
    /// Of each place, the place above it and, at the top, how many are below.
    above: Vec<(usize, usize)>,
}

impl Reached {
    /// True if the node is new.
    fn add(&mut self, node: NodeId) -> bool {
        let place = self.above.len();
        let is_new = *self.places.entry(node).or_insert(place) == place;
        if is_new {
            self.above.push((place, 1));
        }
        is_new
    }

    /// The top of a node's place, and how many hang together there.
    fn top(&self, node: NodeId) -> Option<(usize, usize)> {
        let mut place = *self.places.get(&node)?;
        loop {
            let (above, size) = *self.above.get(place)?;
            if above == place {
                return Some((place, size));
            }
            place = above;
        }
    }

    fn size(&self, node: NodeId) -> usize {
        self.top(node).map_or(0, |(_, size)| size)
    }

    fn join(&mut self, a: NodeId, b: NodeId) {
        let (Some((a, of_a)), Some((b, of_b))) = (self.top(a), self.top(b)) else {
            return;
        };
        if a == b {
            return;
        }
        // The smaller goes below the larger, so that paths stay short.
        let (top, below) = if of_a >= of_b { (a, b) } else { (b, a) };
        for (place, size) in [(top, of_a + of_b), (below, 0)] {
            if let Some(above) = self.above.get_mut(place) {
                *above = (top, size);
            }
        }
    }
}

/// Makes edges wait for a review: until it is accepted they join nothing.
///
/// # Errors
/// If the database fails.
pub async fn hold_edges(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    review: ReviewId,
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
            ]
        })
        .collect();
    let shared = [ws.into(), (&review).into()];
    tx.each(HOLD, &shared, &HOLD_ROWS, &rows).await?;
    Ok(())
}

/// Lets the edges go that waited for a review; the nodes at their ends.
///
/// # Errors
/// If the database fails.
pub async fn release_edges(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    review: ReviewId,
) -> Result<Vec<NodeId>, StoreError> {
    let rows = tx.query(RELEASE, &[ws.into(), (&review).into()]).await?;
    let mut ends = BTreeSet::new();
    for row in &rows {
        let mut columns = row.columns("edge");
        ends.insert(columns.id("a", NodeId::from_slice)?);
        ends.insert(columns.id("b", NodeId::from_slice)?);
    }
    Ok(ends.into_iter().collect())
}

/// The edges at these nodes, active or not; those that wait for a review are left out.
///
/// # Errors
/// If the database fails.
pub async fn edges_at(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    nodes: &[NodeId],
) -> Result<Vec<EdgeRow>, StoreError> {
    let rows: Vec<_> = nodes.iter().map(|id| [id.into()]).collect();
    let found = tx
        .each(NEIGHBOURS, &[ws.into()], &NEIGHBOURS_ROWS, &rows)
        .await?;
    let mut edges = found.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    edges.sort_by(|a, b| a.key().cmp(&b.key()));
    edges.dedup();
    Ok(edges)
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
