//! The direct evaluator: the meaning of the language, as plainly as it can be written down. Plans, SQL
//! and every other rendering must agree with it on every row; nothing serves requests with it.

use std::cell::RefCell;
use std::collections::HashMap;

use kith_domain::{Actor, Entity, FieldIdx, Purpose, Timestamp};

use crate::eval::Env;
use crate::field::Start;
use crate::ir::{Atom, Node, NodeId};
use crate::policies::{ClassIdx, Inner, Policies};
use crate::side::{Side, sides};
use crate::state::{Interval, State};
use crate::subject::Subject;
use crate::tri::Tri;

/// What the rules say of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the bound rows exist for the caller.
    pub exists: bool,
    /// Whether the purpose is allowed.
    pub allowed: bool,
    /// What may be true of each field, parallel to the catalog; emitted is the strict end.
    pub states: Vec<Interval>,
}

/// Decides one request from the rules themselves.
#[must_use]
pub fn decide(
    policies: &Policies,
    actor: &Actor,
    purpose: Purpose,
    subject: &Subject<'_>,
    now: Timestamp,
) -> Outcome {
    with_views(policies, actor, purpose, subject, now, |views| {
        let person_is_proven = purpose != Purpose::AiAnswer
            || actor.member().is_some()
            || subject.signed_identity.proven;
        Outcome {
            exists: person_is_proven && views.iter().all(|view| view.exists(subject)),
            // The first side reads what the request emits, the member's side its own states.
            allowed: views.iter().enumerate().all(|(position, view)| {
                if position == 0 {
                    view.allows(&|field| met(views, field))
                } else {
                    view.allows(&|field| view.state(field))
                }
            }),
            states: (0..policies.0.class_of.len())
                .map(|field| met(views, FieldIdx(u32::try_from(field).unwrap_or(u32::MAX))))
                .collect(),
        }
    })
}

/// Looks at a request from each of its sides.
pub(crate) fn with_views<T>(
    policies: &Policies,
    actor: &Actor,
    purpose: Purpose,
    subject: &Subject<'_>,
    now: Timestamp,
    look: impl FnOnce(&[View<'_>]) -> T,
) -> T {
    let sides = sides(actor, purpose);
    let views: Vec<_> = sides
        .iter()
        .map(|side| View {
            policies: &policies.0,
            side,
            env: Env {
                subject,
                now,
                side: Some(side),
            },
            known: RefCell::default(),
        })
        .collect();
    look(&views)
}

/// The state of a field in what the request emits: the meet of all sides.
pub(crate) fn met(views: &[View<'_>], field: FieldIdx) -> Interval {
    views
        .iter()
        .map(|view| view.state(field))
        .fold(Interval::exactly(State::Visible), Interval::meet)
}

/// One side of a request.
pub(crate) struct View<'a> {
    policies: &'a Inner,
    pub(crate) side: &'a Side,
    env: Env<'a>,
    known: RefCell<HashMap<ClassIdx, Interval>>,
}

impl View<'_> {
    /// The value of a condition, with states as `states` has them.
    pub(crate) fn value(&self, node: NodeId, states: &dyn Fn(FieldIdx) -> Interval) -> Tri {
        match self.policies.nodes.get(node) {
            None => Tri::Unknown,
            Some(Node::Const(tri)) => *tri,
            Some(Node::Not(inner)) => self.value(*inner, states).negate(),
            Some(Node::And(parts)) => parts
                .iter()
                .fold(Tri::True, |all, part| all.and(self.value(*part, states))),
            Some(Node::Or(parts)) => parts
                .iter()
                .fold(Tri::False, |any, part| any.or(self.value(*part, states))),
            Some(Node::Atom(Atom::State { of, is })) => states(*of).is(*is),
            Some(Node::Atom(atom)) => self.env.test(atom),
        }
    }

    /// The value of a condition of the statement on this side, states as this side has them.
    pub(crate) fn own_value(&self, node: NodeId) -> Tri {
        self.value(node, &|field| self.state(field))
    }

    /// The state of a field on this side.
    pub(crate) fn state(&self, field: FieldIdx) -> Interval {
        match self.policies.class(field) {
            Some(class) => self.class_state(class),
            None => Interval::exactly(State::Hidden),
        }
    }

    fn class_state(&self, idx: ClassIdx) -> Interval {
        if let Some(known) = self.known.borrow().get(&idx) {
            return *known;
        }
        let Some(class) = self.policies.classes.get(idx.index()) else {
            return Interval::exactly(State::Hidden);
        };
        let start = Start::of(class.gate, &self.policies.ceilings, self.side.purpose);
        let steps: Vec<_> = class
            .effects
            .iter()
            .filter_map(|(statement, effect)| {
                let condition = self.policies.statement(*statement)?.condition;
                Some((*statement, *effect, self.own_value(condition)))
            })
            .collect();
        let own = start.apply(steps.into_iter()).interval;
        let interval = match class.parent {
            Some(parent) => own.meet(self.class_state(parent)),
            None => own,
        };
        self.known.borrow_mut().insert(idx, interval);
        interval
    }

    fn allows(&self, states: &dyn Fn(FieldIdx) -> Interval) -> bool {
        let purpose = self.side.purpose;
        let values = |statements: Option<&Vec<_>>| -> Vec<Tri> {
            statements
                .into_iter()
                .flatten()
                .filter_map(|idx| self.policies.statement(*idx))
                .map(|statement| self.value(statement.condition, states))
                .collect()
        };
        let allow = values(self.policies.allow.get(&purpose));
        let forbid = values(self.policies.forbid.get(&purpose));
        allow.into_iter().any(Tri::grants) && !forbid.into_iter().any(Tri::restricts)
    }

    fn exists(&self, subject: &Subject<'_>) -> bool {
        self.policies.limits.iter().all(|limit| {
            let Some(statement) = self.policies.statement(limit.statement) else {
                return false;
            };
            !is_limited(subject, limit.entity)
                || self.own_value(statement.condition) == Tri::False
                || self.own_value(limit.predicate) == Tri::True
        })
    }
}

/// Whether a limit on an entity speaks of this subject. Subscriptions and roles are an account's, and
/// go with it even when the account itself is not bound.
pub(crate) const fn is_limited(subject: &Subject<'_>, entity: Entity) -> bool {
    match entity {
        Entity::Account => {
            subject.account.is_some() || subject.subscription.is_some() || subject.role.is_some()
        }
        other => subject.row(other).is_some(),
    }
}
