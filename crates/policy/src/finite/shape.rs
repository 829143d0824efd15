//! The shapes that an asker can have: what is the same of all who have it, before roles and names.

use kith_domain::{AgentKind, Audience, Purpose};

use crate::ir::{Atom, Base, Items, Node, Term};
use crate::names::Attr;
use crate::policies::Inner;

/// Whether an agent, a member, or both take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Shape {
    /// The software that acts.
    pub(crate) agent: Option<AgentKind>,
    /// Whether a member takes part, by themselves or through the agent.
    pub(crate) has_member: bool,
}

/// One side of a request by such an asker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ShapeSide {
    pub(crate) purpose: Purpose,
    pub(crate) agent: Option<AgentKind>,
    pub(crate) has_member: bool,
}

impl Shape {
    /// Every shape; the kinds of agents apart only if somebody asks for them.
    pub(crate) fn all(tells_kinds_apart: bool) -> Vec<Self> {
        let kinds = if tells_kinds_apart {
            &AgentKind::ALL[..]
        } else {
            &[AgentKind::Ai]
        };
        let mut shapes = vec![Self {
            agent: None,
            has_member: true,
        }];
        for has_member in [true, false] {
            shapes.extend(kinds.iter().map(|kind| Self {
                agent: Some(*kind),
                has_member,
            }));
        }
        shapes
    }

    /// The sides of a request, as `side::sides` has them of a real actor.
    pub(crate) fn sides(self, purpose: Purpose) -> Vec<ShapeSide> {
        let mut sides = vec![ShapeSide {
            purpose,
            agent: self.agent,
            has_member: self.has_member,
        }];
        let audience = purpose.audience();
        let by_machine =
            matches!(audience, Some(Audience::Ai | Audience::Automation)) || self.agent.is_some();
        if by_machine && self.has_member {
            sides.push(ShapeSide {
                purpose: purpose.served(),
                agent: None,
                has_member: true,
            });
        }
        sides
    }
}

/// Whether some test asks for the kind of the agent.
pub(crate) fn asks_for_kind(inner: &Inner) -> bool {
    let is_kind = |term: &Term| term.base == Base::Attr(Attr::AgentKind);
    let of_items = |items: &Items| matches!(items, Items::One(term) if is_kind(term));
    inner.nodes.nodes().iter().any(|node| match node {
        Node::Atom(Atom::Compare { left, right, .. }) => is_kind(left) || is_kind(right),
        Node::Atom(Atom::Overlap { left, right }) => of_items(left) || of_items(right),
        Node::Atom(Atom::Absent(term)) => is_kind(term),
        _ => false,
    })
}
