//! Gives the identifiers that a delivery named their place: the person, account or other root that each
//! belongs to, after the edges that the delivery added are resolved. What people decide about identity is
//! carried out in the same way: the component that it is about is resolved anew.

use std::collections::{BTreeMap, BTreeSet};

use kith_domain::id::{NodeId, WorkspaceId};
use kith_domain::{Identifier, Runtime};
use kith_store::identity::reviews::ReviewKind;
use kith_store::identity::{self, Component, EdgeRow, NodeRow, RootId, Upserted};
use kith_store::{StoreError, Tx};

use super::lane::Lane;
use super::resolve::{Edge, Fate, Node, Resolution, resolve};

/// Most identifiers that hang together and are resolved at once. Beyond it, new edges wait for a review
/// and identifiers stay where they are.
pub(crate) const MAX_COMPONENT: usize = 1_000;

/// Where identifiers belong, and what that changed.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    /// The root of every node that the delivery named.
    pub(crate) roots: BTreeMap<NodeId, RootId>,
    /// Roots that have come to be, or come back.
    pub(crate) created: BTreeSet<RootId>,
    /// Roots that gained or lost identifiers with facts, so that they must be built anew.
    pub(crate) rebuilt: BTreeSet<RootId>,
    /// Roots that were merged away, with the root that took their place.
    pub(crate) merged: BTreeMap<RootId, RootId>,
    /// The strongest identifier of each root that was merged away.
    strongest: BTreeMap<RootId, NodeId>,
    /// Roots that had been merged away and are there again.
    revived: BTreeSet<RootId>,
    /// Where each node goes.
    moves: Vec<(NodeId, RootId)>,
}

/// Places the nodes that a delivery named and joined by edges.
pub(crate) async fn place(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    runtime: &Runtime,
    named: &[Upserted],
    edges: &[EdgeRow],
) -> Result<Placed, StoreError> {
    let new_edges = identity::insert_edges(tx, workspace, edges).await?;
    let new_edges = edges.iter().zip(new_edges).filter(|(_, new)| *new);
    let new_edges: Vec<EdgeRow> = new_edges.map(|(edge, _)| edge.clone().in_order()).collect();
    let mut unsettled: BTreeSet<NodeId> =
        new_edges.iter().flat_map(|edge| [edge.a, edge.b]).collect();
    unsettled.extend(
        named
            .iter()
            .filter(|node| node.became_known)
            .map(|node| node.node.id),
    );

    let mut placed = Placed::default();
    for Upserted { node, .. } in named {
        match node.root {
            Some(root) => {
                placed.roots.insert(node.id, root);
            }
            // The same identifier may be named several times in one delivery.
            None if unsettled.contains(&node.id) || placed.roots.contains_key(&node.id) => {}
            None => placed.found(runtime, node),
        }
    }
    if !unsettled.is_empty() {
        let start: Vec<NodeId> = unsettled.into_iter().collect();
        let mut component = identity::component(tx, workspace, &start, MAX_COMPONENT).await?;
        let mut lane = Lane::new(runtime, &component.nodes, new_edges);
        let beyond = std::mem::take(&mut component.beyond);
        lane.hold(tx, workspace, ReviewKind::Size, |edge| {
            beyond.contains(&edge.a)
        })
        .await?;
        component.nodes.retain(|node| !beyond.contains(&node.id));
        component.edges.retain(|edge| !beyond.contains(&edge.a));
        placed
            .settle(tx, workspace, runtime, component, Some(&mut lane))
            .await?;
        for Upserted { node, .. } in named {
            if !placed.roots.contains_key(&node.id) {
                placed.found(runtime, node);
            }
        }
    }
    placed.carry_out(tx, workspace).await?;
    Ok(placed)
}

/// Places everything anew that hangs together with these nodes, after somebody decided about them;
/// `None` if more than `limit` do, and nothing was changed.
pub(crate) async fn replace(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    runtime: &Runtime,
    nodes: &[NodeId],
    limit: usize,
) -> Result<Option<Placed>, StoreError> {
    let component = identity::component(tx, workspace, nodes, limit).await?;
    if !component.beyond.is_empty() {
        return Ok(None);
    }
    let mut placed = Placed::default();
    placed
        .settle(tx, workspace, runtime, component, None)
        .await?;
    placed.carry_out(tx, workspace).await?;
    Ok(Some(placed))
}

/// What becomes of a component.
pub(super) fn resolution(component: &Component) -> Resolution {
    let nodes: Vec<Node> = component
        .nodes
        .iter()
        .map(|row| Node {
            id: row.id,
            identifier: Identifier::stored(row.kind, &row.value),
            known: row.known,
        })
        .collect();
    let edges: Vec<Edge> = component
        .edges
        .iter()
        .map(|row| Edge {
            a: row.a,
            b: row.b,
            trust: row.trust,
        })
        .collect();
    resolve(&nodes, &edges, &component.decided)
}

impl Placed {
    /// A root of its own for a node that nothing is joined to.
    fn found(&mut self, runtime: &Runtime, node: &NodeRow) {
        let root = RootId::fresh(node.kind.root_kind(), runtime);
        self.created.insert(root);
        self.roots.insert(node.id, root);
        self.moves.push((node.id, root));
    }

    /// Writes down where nodes and the ids of roots lead.
    async fn carry_out(&self, tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<(), StoreError> {
        identity::set_roots(tx, workspace, &self.moves).await?;
        for root in &self.revived {
            identity::revive(tx, workspace, *root).await?;
        }
        if !self.rebuilt.is_empty() {
            let changed: Vec<RootId> = self.rebuilt.iter().copied().collect();
            identity::follow(tx, workspace, &changed).await?;
        }
        for (from, to) in &self.merged {
            if let Some(strongest) = self.strongest.get(from) {
                identity::redirect_to(tx, workspace, *from, *to, *strongest).await?;
            }
        }
        Ok(())
    }

    /// Resolves components, and gives each of their clusters a root: that of its strongest identifier
    /// that has one, so that ids are as stable as the identifiers are strong. One that loses its root to
    /// another cluster gets the one back that it had before they were merged.
    async fn settle(
        &mut self,
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        runtime: &Runtime,
        mut component: Component,
        lane: Option<&mut Lane<'_>>,
    ) -> Result<(), StoreError> {
        let mut resolved = resolution(&component);
        if let Some(lane) = lane {
            let held = lane.bound(tx, workspace, &component, &resolved).await?;
            if held {
                component.edges.retain(|edge| !lane.holds(edge));
                resolved = resolution(&component);
            }
        }
        let Component {
            nodes: rows, edges, ..
        } = component;

        let mut turned = Vec::new();
        for (row, fate) in edges.into_iter().zip(resolved.fates) {
            let active = fate == Fate::Accepted;
            if row.active != active {
                turned.push(EdgeRow { active, ..row });
            }
        }
        identity::set_edges_active(tx, workspace, &turned).await?;

        let before: BTreeMap<NodeId, &NodeRow> = rows.iter().map(|row| (row.id, row)).collect();
        let root_of = |id: &NodeId| before.get(id)?.root;
        let mut taken = BTreeSet::new();
        let mut moved_from: Vec<(RootId, RootId, NodeId)> = Vec::new();
        for cluster in resolved.clusters {
            let mut held = cluster
                .iter()
                .filter_map(root_of)
                .find(|root| !taken.contains(root));
            if held.is_none() && cluster.iter().any(|id| root_of(id).is_some()) {
                held = self.back(tx, workspace, &cluster, &taken).await?;
            }
            let Some(kind) = cluster
                .first()
                .and_then(|id| before.get(id))
                .map(|row| row.kind.root_kind())
            else {
                continue;
            };
            let root = held.unwrap_or_else(|| {
                let root = RootId::fresh(kind, runtime);
                self.created.insert(root);
                root
            });
            taken.insert(root);
            for id in cluster {
                let old = root_of(&id);
                self.roots.insert(id, root);
                if old == Some(root) {
                    continue;
                }
                self.moves.push((id, root));
                // A new identifier brings no facts along; one that moves takes its facts with it.
                if let Some(old) = old {
                    moved_from.push((old, root, id));
                    self.rebuilt.extend([old, root]);
                }
            }
        }
        // A root that no identifier is left with leads to where its strongest identifier went.
        for (old, new, node) in moved_from {
            if !taken.contains(&old) {
                self.rebuilt.remove(&old);
                self.merged.entry(old).or_insert(new);
                self.strongest.entry(old).or_insert(node);
            }
        }
        Ok(())
    }

    /// The root that a cluster had before it was merged with another.
    async fn back(
        &mut self,
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        cluster: &[NodeId],
        taken: &BTreeSet<RootId>,
    ) -> Result<Option<RootId>, StoreError> {
        let dormant = identity::dormant(tx, workspace, cluster).await?;
        let strongest = cluster.iter().find_map(|id| {
            let of_it = dormant.iter().filter(|(node, _)| node == id);
            let mut of_it = of_it.map(|(_, root)| *root);
            of_it.find(|root| !taken.contains(root))
        });
        if let Some(root) = strongest {
            self.revived.insert(root);
            self.created.insert(root);
        }
        Ok(strongest)
    }
}
