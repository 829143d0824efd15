//! The review lane: what exceeds a bound is held back before it is written, and waits for somebody to
//! decide. The work of a delivery stays bounded by what it holds, and what it says of others goes on.

use std::collections::{BTreeMap, BTreeSet};

use kith_domain::Runtime;
use kith_domain::fact::Trust;
use kith_domain::id::{NodeId, ReviewId, WorkspaceId};
use kith_store::identity::reviews::{self, ReviewKind, ReviewRow, ReviewStatus};
use kith_store::identity::{self, Component, EdgeRow, NodeRow, RootId};
use kith_store::{StoreError, Tx};

use super::resolve::{Fate, Resolution};

/// Most known people, accounts and so on that the facts of one source join in an hour.
pub(crate) const MAX_JOINS_AN_HOUR: u64 = 1_000;

type Key = (NodeId, NodeId, String, Trust);

/// The new edges of one delivery, and which of them wait.
pub(super) struct Lane<'a> {
    runtime: &'a Runtime,
    nodes: BTreeMap<NodeId, NodeRow>,
    new: Vec<EdgeRow>,
    held: BTreeSet<Key>,
}

fn key(edge: &EdgeRow) -> Key {
    (edge.a, edge.b, edge.rule.clone(), edge.trust)
}

impl<'a> Lane<'a> {
    pub(super) fn new(runtime: &'a Runtime, nodes: &[NodeRow], new: Vec<EdgeRow>) -> Self {
        Self {
            runtime,
            nodes: nodes.iter().map(|row| (row.id, row.clone())).collect(),
            new,
            held: BTreeSet::new(),
        }
    }

    /// Whether an edge waits.
    pub(super) fn holds(&self, edge: &EdgeRow) -> bool {
        self.held.contains(&key(edge))
    }

    /// Holds new edges back, all together.
    pub(super) async fn hold(
        &mut self,
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        kind: ReviewKind,
        waits: impl Fn(&EdgeRow) -> bool,
    ) -> Result<(), StoreError> {
        let edges: Vec<EdgeRow> = self
            .new
            .iter()
            .filter(|edge| waits(edge))
            .cloned()
            .collect();
        let ends = edges.iter().flat_map(|edge| [edge.a, edge.b]);
        let strength = |row: &&NodeRow| (row.kind.priority(), row.kind, row.value.clone());
        let strongest = ends
            .filter_map(|id| self.nodes.get(&id))
            .min_by_key(strength);
        let (Some(strongest), Some(first)) = (strongest, edges.first()) else {
            return Ok(());
        };
        let review = ReviewRow {
            id: ReviewId::from_uuid(self.runtime.uuid()),
            kind,
            a: strongest.id,
            b: None,
            source: first.source.clone(),
            edges: edges.len() as u64,
            score: 0,
            reasons: Vec::new(),
            at: first.at,
            status: ReviewStatus::Open,
        };
        let id = reviews::open_group(tx, workspace, &review).await?;
        identity::hold_edges(tx, workspace, id, &edges).await?;
        self.held.extend(edges.iter().map(key));
        Ok(())
    }

    /// Holds new edges back that join more people than their source may in an hour, and puts up for
    /// review what no root may have; true if anything was held back.
    pub(super) async fn bound(
        &mut self,
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        component: &Component,
        resolved: &Resolution,
    ) -> Result<bool, StoreError> {
        let new: BTreeSet<Key> = self.new.iter().map(key).collect();
        let mut pairs = Vec::new();
        for (edge, fate) in component.edges.iter().zip(&resolved.fates) {
            let Fate::Limit(kind) = fate else { continue };
            let both = [edge.a, edge.b].map(|id| self.nodes.get(&id));
            let name_somebody = both.iter().flatten().all(|row| row.kind.names_somebody());
            if name_somebody && edge.trust == Trust::Server && new.contains(&key(edge)) {
                pairs.push(ReviewRow {
                    id: ReviewId::from_uuid(self.runtime.uuid()),
                    kind: ReviewKind::Limit,
                    a: edge.a,
                    b: Some(edge.b),
                    source: edge.source.clone(),
                    edges: 1,
                    score: 0,
                    reasons: vec![format!("limit of `{kind}`")],
                    at: edge.at,
                    status: ReviewStatus::Open,
                });
            }
        }
        if !pairs.is_empty() {
            reviews::open_pairs(tx, workspace, &pairs).await?;
        }

        let (joining, joins) = self.joining(&resolved.clusters);
        let Some(first) = self.new.first().filter(|_| joins > 0) else {
            return Ok(false);
        };
        let (source, at) = (first.source.clone(), first.at);
        let before = identity::joins(tx, workspace, &source, at).await?;
        if before + joins > MAX_JOINS_AN_HOUR {
            let kind = ReviewKind::Rate;
            self.hold(tx, workspace, kind, |edge| joining.contains(&edge.a))
                .await?;
            return Ok(true);
        }
        identity::add_joins(tx, workspace, &source, at, joins).await?;
        Ok(false)
    }

    /// The nodes of clusters that make several roots one, each of which names somebody; and how many
    /// roots go.
    fn joining(&self, clusters: &[Vec<NodeId>]) -> (BTreeSet<NodeId>, u64) {
        let mut joining = BTreeSet::new();
        let mut joins = 0;
        for cluster in clusters {
            let rows = cluster.iter().filter_map(|id| self.nodes.get(id));
            let somebody = rows.filter(|row| row.kind.names_somebody());
            let roots: BTreeSet<RootId> = somebody.filter_map(|row| row.root).collect();
            if roots.len() > 1 {
                joins += roots.len() as u64 - 1;
                joining.extend(cluster);
            }
        }
        (joining, joins)
    }
}
