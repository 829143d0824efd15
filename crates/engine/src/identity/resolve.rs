//! Which edges of a component are accepted, and which clusters of identifiers they make.
//!
//! The answer is a function of the *set* of nodes, edges and decisions: edges are tried in a canonical
//! order that does not depend on when they came or on random ids, so the same facts in any order give the
//! same people. What people decided comes first: who is one is joined, whatever the limits are, and
//! nothing joins what is to be apart. An edge is accepted unless the cluster that it makes would
//! - hold both sides of what is to be apart,
//! - hold more identifiers of a type than one root may have, or
//! - join two clusters that a server knows, or give one of them more than a browser or device, on
//!   the word of a key that ships in browsers: who writes from a forged address would be taken for
//!   the customer that it was tied to.

use std::collections::{BTreeMap, BTreeSet};

use kith_domain::fact::Trust;
use kith_domain::id::{DecisionId, NodeId};
use kith_domain::{Identifier, IdentifierType};
use kith_store::identity::{DecidedRow, DecisionKind};

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

/// What became of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its ends are of one root.
    Accepted,
    /// Somebody decided that what it would join is apart.
    Apart,
    /// One root would have too many identifiers of this type.
    Limit(IdentifierType),
    /// A key that ships in browsers does not join them.
    Untrusted,
    /// One of its ends is not in the component.
    Outside,
}

/// What became of a component.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    /// What became of each edge, in the order given.
    pub(crate) fates: Vec<Fate>,
    /// The clusters, each by its strongest identifier; nodes within, the strongest first.
    pub(crate) clusters: Vec<Vec<NodeId>>,
}

/// Resolves one component.
pub(crate) fn resolve(nodes: &[Node], edges: &[Edge], decided: &[DecidedRow]) -> Resolution {
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
    forest.obey(&position, decided);
    let mut fates = vec![Fate::Outside; edges.len()];
    for (index, edge, (a, b)) in order {
        if let Some(slot) = fates.get_mut(index) {
            *slot = forest.join(a, b, edge.trust);
        }
    }

    let mut clusters: BTreeMap<usize, Vec<NodeId>> = BTreeMap::new();
    for (at, node) in canonical.iter().enumerate() {
        // The lowest position of a cluster is its strongest node, so the map is in canonical order.
        clusters.entry(forest.top(at)).or_default().push(node.id);
    }
    Resolution {
        fates,
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
    /// The sides of what is to be apart that are here.
    sides: BTreeSet<(DecisionId, u8)>,
    /// What it holds beyond the limits because people decided so.
    allowed: BTreeMap<IdentifierType, usize>,
}

impl Cluster {
    /// Whether a key that ships in browsers may add the other cluster to this one.
    fn may_gain(&self, other: &Self) -> bool {
        let speaks_for_itself = |kind: &IdentifierType| {
            matches!(kind, IdentifierType::AnonymousId | IdentifierType::DeviceId)
        };
        !other.known && (!self.known || other.counts.keys().all(speaks_for_itself))
    }

    /// Both in one; `None` if they are to be apart.
    fn with(&self, other: &Self) -> Option<Self> {
        let other_side = |(decision, side): &(DecisionId, u8)| {
            let of_it = (*decision, 0)..=(*decision, u8::MAX);
            other.sides.range(of_it).any(|(_, there)| there != side)
        };
        if self.sides.iter().any(other_side) {
            return None;
        }
        let mut union = self.clone();
        union.known |= other.known;
        union.sides.extend(&other.sides);
        for (kind, count) in &other.counts {
            *union.counts.entry(*kind).or_default() += count;
        }
        for (kind, count) in &other.allowed {
            let allowed = union.allowed.entry(*kind).or_default();
            *allowed = (*allowed).max(*count);
        }
        Some(union)
    }

    /// A type of which it holds too many.
    fn exceeds(&self) -> Option<IdentifierType> {
        let mut counts = self.counts.iter();
        let (kind, _) = counts.find(|(kind, count)| {
            let allowed = self.allowed.get(kind).copied().unwrap_or_default();
            **count > kind.limit().max(allowed)
        })?;
        Some(*kind)
    }
}

impl Forest {
    fn new(canonical: &[&Node]) -> Self {
        let cluster = |node: &&Node| Cluster {
            known: node.known,
            counts: BTreeMap::from([(node.identifier.kind(), 1)]),
            ..Cluster::default()
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

    /// Does what people decided, before any edge is tried.
    fn obey(&mut self, position: &BTreeMap<NodeId, usize>, decided: &[DecidedRow]) {
        let of = |kind| decided.iter().filter(move |row| row.kind == kind);
        for row in of(DecisionKind::Apart) {
            let place = position.get(&row.node);
            if let Some(cluster) = place.and_then(|place| self.clusters.get_mut(*place)) {
                cluster.sides.insert((row.decision, row.side));
            }
        }
        let mut merged: BTreeMap<DecisionId, Vec<usize>> = BTreeMap::new();
        for row in of(DecisionKind::Merge) {
            let places = merged.entry(row.decision).or_default();
            places.extend(position.get(&row.node));
        }
        let mut merged: Vec<Vec<usize>> = merged.into_values().collect();
        merged.iter_mut().for_each(|places| places.sort_unstable());
        merged.sort();
        for places in &merged {
            for (a, b) in places.iter().zip(places.iter().skip(1)) {
                let (a, b) = (self.top(*a), self.top(*b));
                let both = self.clusters.get(a).zip(self.clusters.get(b));
                if let Some(union) = both.and_then(|(a, b)| a.with(b)) {
                    self.unite(a, b, union);
                }
            }
        }
        for cluster in &mut self.clusters {
            let beyond = |(kind, count): &(&IdentifierType, &usize)| **count > kind.limit();
            let beyond = cluster.counts.iter().filter(beyond);
            cluster.allowed = beyond.map(|(kind, count)| (*kind, *count)).collect();
        }
    }

    /// Joins two clusters if their union is allowed.
    fn join(&mut self, a: usize, b: usize, trust: Trust) -> Fate {
        let (a, b) = (self.top(a), self.top(b));
        if a == b {
            return Fate::Accepted;
        }
        let (Some(first), Some(second)) = (self.clusters.get(a), self.clusters.get(b)) else {
            return Fate::Outside;
        };
        if trust == Trust::Public && !first.may_gain(second) && !second.may_gain(first) {
            return Fate::Untrusted;
        }
        let Some(union) = first.with(second) else {
            return Fate::Apart;
        };
        if let Some(kind) = union.exceeds() {
            return Fate::Limit(kind);
        }
        self.unite(a, b, union);
        Fate::Accepted
    }

    fn unite(&mut self, a: usize, b: usize, union: Cluster) {
        if a == b {
            return;
        }
        let (top, below) = (a.min(b), a.max(b));
        if let Some(parent) = self.parent.get_mut(below) {
            *parent = top;
        }
        if let Some(cluster) = self.clusters.get_mut(top) {
            *cluster = union;
        }
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
