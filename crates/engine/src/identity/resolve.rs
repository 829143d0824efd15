//! Which edges of a component are accepted, and which clusters of identifiers they make.
//!
//! The answer is a function of the *set* of nodes and edges: edges are tried in a canonical order
//! that does not depend on when they came or on random ids, so the same facts in any order give the
//! same people. An edge is accepted unless the cluster that it makes would
//! - hold more identifiers of a type than one root may have, or
//! - join two clusters that a server knows, or give one of them more than a browser or device, on
//!   the word of a key that ships in browsers: who writes from a forged address would be taken for
//!   the customer that it was tied to.

use std::collections::BTreeMap;

use kith_domain::fact::Trust;
use kith_domain::id::NodeId;
use kith_domain::{Identifier, IdentifierType};

/// An identifier node of the component.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) identifier: Identifier,
    /// Whether a fact of a server source named it.
    pub(crate) known: bool,
}

/// Two nodes that some fact says are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) a: NodeId,
    pub(crate) b: NodeId,
    pub(crate) trust: Trust,
}

/// What became of a component.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    /// For each edge, in the order given, whether it was accepted.
    pub(crate) accepted: Vec<bool>,
    /// The clusters, each by its strongest identifier; nodes within, the strongest first.
    pub(crate) clusters: Vec<Vec<NodeId>>,
}

/// Resolves one component. Edges to nodes outside of it are not accepted.
pub(crate) fn resolve(nodes: &[Node], edges: &[Edge]) -> Resolution {
    let mut canonical: Vec<&Node> = nodes.iter().collect();
    canonical.sort_by_key(|node| key(node));
    let position: BTreeMap<NodeId, usize> = canonical
        .iter()
        .enumerate()
        .map(|(position, node)| (node.id, position))
        .collect();

    // Weaker end first decides: an edge between two strong identifiers is tried before one that
    // hangs on a browser's cookie.
    let mut order: Vec<(usize, &Edge, (usize, usize))> = edges
        .iter()
        .enumerate()
        .filter_map(|(index, edge)| {
            let (a, b) = (*position.get(&edge.a)?, *position.get(&edge.b)?);
            Some((index, edge, (a.min(b), a.max(b))))
        })
        .collect();
    order.sort_by_key(|(_, edge, (strong, weak))| {
        let weaker_priority = canonical
            .get(*weak)
            .map(|node| node.identifier.kind().priority());
        (edge.trust, weaker_priority, *strong, *weak)
    });

    let mut forest = Forest::new(&canonical);
    let mut accepted = vec![false; edges.len()];
    for (index, edge, (a, b)) in order {
        if let Some(slot) = accepted.get_mut(index) {
            *slot = forest.join(a, b, edge.trust);
        }
    }

    let mut clusters: BTreeMap<usize, Vec<NodeId>> = BTreeMap::new();
    for (at, node) in canonical.iter().enumerate() {
        // The lowest position of a cluster is its strongest node, so the map is in canonical order.
        clusters.entry(forest.top(at)).or_default().push(node.id);
    }
    Resolution {
        accepted,
        clusters: clusters.into_values().collect(),
    }
}

fn key(node: &Node) -> (u8, IdentifierType, &str) {
    let kind = node.identifier.kind();
    (kind.priority(), kind, node.identifier.value())
}

/// Union-find over positions in canonical order; the top of a cluster is its lowest position.
struct Forest {
    parent: Vec<usize>,
    clusters: Vec<Cluster>,
}

#[derive(Clone, Default)]
struct Cluster {
    known: bool,
    counts: BTreeMap<IdentifierType, usize>,
}

impl Cluster {
    /// Whether a key that ships in browsers may add the other cluster to this one.
    fn may_gain(&self, other: &Self) -> bool {
        let speaks_for_itself = |kind: &IdentifierType| {
            matches!(kind, IdentifierType::AnonymousId | IdentifierType::DeviceId)
        };
        !other.known && (!self.known || other.counts.keys().all(speaks_for_itself))
    }
}

impl Forest {
    fn new(canonical: &[&Node]) -> Self {
        let cluster = |node: &&Node| Cluster {
            known: node.known,
            counts: BTreeMap::from([(node.identifier.kind(), 1)]),
        };
        Self {
            parent: (0..canonical.len()).collect(),
            clusters: canonical.iter().map(cluster).collect(),
        }
    }

    fn top(&self, mut at: usize) -> usize {
        while let Some(parent) = self.parent.get(at).copied().filter(|parent| *parent != at) {
            at = parent;
        }
        at
    }

    /// Joins two clusters if their union is allowed; true also if they are one already.
    fn join(&mut self, a: usize, b: usize, trust: Trust) -> bool {
        let (a, b) = (self.top(a), self.top(b));
        if a == b {
            return true;
        }
        let (Some(first), Some(second)) = (self.clusters.get(a), self.clusters.get(b)) else {
            return false;
        };
        if trust == Trust::Public && !first.may_gain(second) && !second.may_gain(first) {
            return false;
        }
        let mut union = first.clone();
        union.known |= second.known;
        for (kind, count) in &second.counts {
            *union.counts.entry(*kind).or_default() += count;
        }
        if union
            .counts
            .iter()
            .any(|(kind, count)| *count > kind.limit())
        {
            return false;
        }
        let (top, below) = (a.min(b), a.max(b));
        if let Some(parent) = self.parent.get_mut(below) {
            *parent = top;
        }
        if let Some(cluster) = self.clusters.get_mut(top) {
            *cluster = union;
        }
        true
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
