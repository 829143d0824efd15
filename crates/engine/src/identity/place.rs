//! Gives the identifiers that a delivery named their place: the person, account or other root that each belongs
//! to, after the edges that the delivery added are resolved.

use std::collections::{BTreeMap, BTreeSet};

use kith_domain::id::{NodeId, WorkspaceId};
use kith_domain::{Identifier, Runtime};
use kith_store::identity::{self, Component, EdgeRow, NodeRow, RootId, Upserted};
use kith_store::{StoreError, Tx};

use super::resolve::{Edge, Node, resolve};

/// Most identifiers of one component that are resolved at once. Beyond it, its new edges wait for a
/// review and its identifiers stay where they are.
const MAX_COMPONENT: usize = 1_000;

/// Where identifiers belong, and what that changed.
#[derive(Debug, Default)]
pub(crate) struct Placed {
    /// The root of every node that the delivery named.
    pub(crate) roots: BTreeMap<NodeId, RootId>,
    /// Roots that have come to be.
    pub(crate) created: BTreeSet<RootId>,
    /// Roots that gained or lost identifiers with facts, so that they must be built anew.
    pub(crate) rebuilt: BTreeSet<RootId>,
    /// Roots that were merged away, with the root that took their place.
    pub(crate) merged: BTreeMap<RootId, RootId>,
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
    let mut unsettled: BTreeSet<NodeId> = edges
        .iter()
        .zip(new_edges)
        .filter(|(_, new)| *new)
        .flat_map(|(edge, _)| [edge.a, edge.b])
        .collect();
    unsettled.extend(
        named
            .iter()
            .filter(|node| node.became_known)
            .map(|node| node.node.id),
    );

    let mut placed = Placed::default();
    let mut moves = Vec::new();
    for Upserted { node, .. } in named {
        match node.root {
            Some(root) => {
                placed.roots.insert(node.id, root);
            }
            // The same identifier may be named several times in one delivery.
            None if unsettled.contains(&node.id) || placed.roots.contains_key(&node.id) => {}
            None => placed.found(runtime, node, &mut moves),
        }
    }
    if !unsettled.is_empty() {
        let start: Vec<NodeId> = unsettled.into_iter().collect();
        let component = identity::component(tx, workspace, &start, MAX_COMPONENT).await?;
        if component.complete {
            placed
                .settle(tx, workspace, runtime, component, &mut moves)
                .await?;
        } else {
            tracing::warn!(
                limit = MAX_COMPONENT,
                "too many identifiers are joined: their new edges wait for a review"
            );
            for Upserted { node, .. } in named {
                if !placed.roots.contains_key(&node.id) {
                    placed.found(runtime, node, &mut moves);
                }
            }
        }
    }
    identity::set_roots(tx, workspace, &moves).await?;
    for (from, to) in &placed.merged {
        identity::redirect_to(tx, workspace, *from, *to).await?;
    }
    Ok(placed)
}

impl Placed {
    /// A root of its own for a node that nothing is joined to.
    fn found(&mut self, runtime: &Runtime, node: &NodeRow, moves: &mut Vec<(NodeId, RootId)>) {
        let root = RootId::fresh(node.kind.root_kind(), runtime);
        self.created.insert(root);
        self.roots.insert(node.id, root);
        moves.push((node.id, root));
    }

    /// Resolves a component, and gives each of its clusters a root: that of its strongest identifier
    /// that has one, so that ids are as stable as the identifiers are strong.
    async fn settle(
        &mut self,
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        runtime: &Runtime,
        component: Component,
        moves: &mut Vec<(NodeId, RootId)>,
    ) -> Result<(), StoreError> {
        let Component {
            nodes: rows,
            edges: mut edge_rows,
            ..
        } = component;
        let nodes: Vec<Node> = rows
            .iter()
            .filter_map(|row| {
                let identifier = Identifier::new(row.kind, &row.value).ok()?;
                Some(Node {
                    id: row.id,
                    identifier,
                    known: row.known,
                })
            })
            .collect();
        let edges: Vec<Edge> = edge_rows
            .iter()
            .map(|row| Edge {
                a: row.a,
                b: row.b,
                trust: row.trust,
            })
            .collect();
        let resolution = resolve(&nodes, &edges);

        let mut turned = Vec::new();
        for (row, accepted) in edge_rows.drain(..).zip(resolution.accepted) {
            if row.active != accepted {
                turned.push(EdgeRow {
                    active: accepted,
                    ..row
                });
            }
        }
        identity::set_edges_active(tx, workspace, &turned).await?;

        let before: BTreeMap<NodeId, &NodeRow> = rows.iter().map(|row| (row.id, row)).collect();
        let mut taken = BTreeSet::new();
        let mut moved_from = Vec::new();
        for cluster in resolution.clusters {
            let held = cluster
                .iter()
                .filter_map(|id| before.get(id)?.root)
                .find(|root| !taken.contains(root));
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
                let old = before.get(&id).and_then(|row| row.root);
                self.roots.insert(id, root);
                if old == Some(root) {
                    continue;
                }
                moves.push((id, root));
                // A new identifier brings no facts along; one that moves takes its facts with it.
                if let Some(old) = old {
                    moved_from.push((old, root));
                    self.rebuilt.extend([old, root]);
                }
            }
        }
        // A root that no identifier is left with leads to where its strongest identifier went.
        for (old, new) in moved_from {
            if !taken.contains(&old) {
                self.rebuilt.remove(&old);
                self.merged.entry(old).or_insert(new);
            }
        }
        Ok(())
    }
}
