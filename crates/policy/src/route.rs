//! Where a conversation goes.

use std::sync::Arc;

use kith_domain::Timestamp;

use crate::eval::Env;
use crate::ir::{Node, NodeId};
use crate::policies::{Inner, Policies, StatementId};
use crate::subject::Subject;
use crate::tri::Tri;

/// Where a conversation goes, and the statement that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// To a space.
    Space {
        /// Its name.
        space: Arc<str>,
        /// The statement that holds.
        statement: StatementId,
    },
    /// To people who find out what the rules could not.
    Triage {
        /// The first statement that is not surely out of question.
        statement: StatementId,
    },
    /// To the default inbox: no statement holds.
    Default,
}

impl Policies {
    /// Where a conversation goes: the first statement whose condition is not false decides.
    #[must_use]
    pub fn route(&self, subject: &Subject<'_>, now: Timestamp) -> Route {
        for route in &self.0.routes {
            let Some(statement) = self.0.statement(route.statement) else {
                continue;
            };
            let statement_id = statement.id;
            match value(&self.0, statement.condition, subject, now) {
                Tri::False => {}
                Tri::Unknown => {
                    return Route::Triage {
                        statement: statement_id,
                    };
                }
                Tri::True => {
                    return Route::Space {
                        space: Arc::clone(&route.space),
                        statement: statement_id,
                    };
                }
            }
        }
        Route::Default
    }
}

/// The value of a route's condition. Routes test no states and ask for no actor, so they need no plan.
pub(crate) fn value(policies: &Inner, node: NodeId, subject: &Subject<'_>, now: Timestamp) -> Tri {
    let value = |node| value(policies, node, subject, now);
    match policies.nodes.get(node) {
        None => Tri::Unknown,
        Some(Node::Const(tri)) => *tri,
        Some(Node::Not(inner)) => value(*inner).negate(),
        Some(Node::And(parts)) => parts
            .iter()
            .fold(Tri::True, |all, part| all.and(value(*part))),
        Some(Node::Or(parts)) => parts
            .iter()
            .fold(Tri::False, |any, part| any.or(value(*part))),
        Some(Node::Atom(atom)) => {
            let env = Env {
                subject,
                now,
                side: None,
            };
            env.test(atom)
        }
    }
}
