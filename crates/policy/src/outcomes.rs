//! What is certain before there is a row: `a and unknown` is never true, though it is not constant.

use std::convert::Infallible;

use crate::ir::{Arena, Node, NodeId};
use crate::tri::Tri;

/// Which values each node may have, whatever the row.
#[derive(Debug)]
pub(crate) struct Outcomes(Vec<Outcome>);

#[derive(Debug, Clone, Copy)]
struct Outcome {
    can_be_true: bool,
    can_be_false: bool,
}

impl Outcomes {
    pub(crate) fn of(nodes: &Arena<Infallible>) -> Self {
        let mut outcomes = Self(Vec::with_capacity(nodes.nodes().len()));
        for node in nodes.nodes() {
            let outcome = match node {
                Node::Const(tri) => Outcome {
                    can_be_true: *tri == Tri::True,
                    can_be_false: *tri == Tri::False,
                },
                Node::Not(inner) => Outcome {
                    can_be_true: outcomes.can_be_false(*inner),
                    can_be_false: outcomes.can_be_true(*inner),
                },
                Node::And(parts) => Outcome {
                    can_be_true: parts.iter().all(|part| outcomes.can_be_true(*part)),
                    can_be_false: parts.iter().any(|part| outcomes.can_be_false(*part)),
                },
                Node::Or(parts) => Outcome {
                    can_be_true: parts.iter().any(|part| outcomes.can_be_true(*part)),
                    can_be_false: parts.iter().all(|part| outcomes.can_be_false(*part)),
                },
                Node::Atom(_) => Outcome {
                    can_be_true: true,
                    can_be_false: true,
                },
            };
            outcomes.0.push(outcome);
        }
        outcomes
    }

    pub(crate) fn can_be_true(&self, node: NodeId) -> bool {
        let outcome = self.0.get(node.index());
        outcome.is_some_and(|outcome| outcome.can_be_true)
    }

    pub(crate) fn can_be_false(&self, node: NodeId) -> bool {
        let outcome = self.0.get(node.index());
        outcome.is_some_and(|outcome| outcome.can_be_false)
    }
}
