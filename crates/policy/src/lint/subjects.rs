//! What a condition speaks of. Two that speak of nothing in common say nothing of each other, which is
//! sooner seen than proven.

use std::collections::HashSet;

use kith_domain::{Entity, FieldIdx};

use crate::ir::{Atom, Base, Items, Node, NodeId, Term};
use crate::names::Attr;
use crate::policies::Inner;

/// Something that a test reads. What is known together is one: a row is bound with all of its values,
/// or with none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Read {
    Row(Entity),
    Member,
    Agent,
    Proof,
    Now,
    /// A state, which may read anything in turn, or the purpose, which is given with the question.
    Anything,
}

/// Everything that a condition reads.
pub(super) fn subjects(inner: &Inner, condition: NodeId) -> HashSet<Read> {
    let mut read = HashSet::new();
    let mut pending = vec![condition];
    while let Some(node) = pending.pop() {
        match inner.nodes.get(node) {
            Some(Node::Not(part)) => pending.push(*part),
            Some(Node::And(parts) | Node::Or(parts)) => pending.extend(parts.iter()),
            Some(Node::Atom(atom)) => read.extend(of_atom(atom)),
            Some(Node::Const(_)) | None => {}
        }
    }
    read
}

/// Whether two conditions may have to do with each other.
pub(super) fn have_to_do(a: &HashSet<Read>, b: &HashSet<Read>) -> bool {
    a.contains(&Read::Anything) || b.contains(&Read::Anything) || !a.is_disjoint(b)
}

fn of_atom(atom: &Atom<FieldIdx>) -> impl Iterator<Item = Read> {
    let read = match atom {
        Atom::Compare { left, right, .. } => [of_term(left), of_term(right)],
        Atom::Overlap { left, right } => [of_items(left), of_items(right)],
        Atom::Absent(term) => [of_term(term), None],
        Atom::State { .. } => [Some(Read::Anything), None],
    };
    read.into_iter().flatten()
}

fn of_term(term: &Term) -> Option<Read> {
    match &term.base {
        Base::Const(_) => None,
        Base::Field(at) => Some(Read::Row(at.entity)),
        Base::Attr(attr) => Some(match attr {
            Attr::UserId | Attr::UserName => Read::Member,
            Attr::AgentId | Attr::AgentKind | Attr::AgentName => Read::Agent,
            Attr::SignedIdentity | Attr::IdentityMethod => Read::Proof,
            Attr::Now => Read::Now,
            Attr::Purpose => Read::Anything,
        }),
    }
}

fn of_items(items: &Items) -> Option<Read> {
    match items {
        Items::One(term) => of_term(term),
        Items::Field(at) => Some(Read::Row(at.entity)),
        Items::Attr(_) | Items::Unknown => Some(Read::Member),
        Items::Const(_) => None,
    }
}
