//! A plan: the policies with the actor and the purpose as constants. What does not depend on the row is
//! decided; what does is a list of conditions that one pass evaluates, for one row or for many.

use std::convert::Infallible;
use std::sync::Arc;

use kith_domain::{Actor, Entity, FieldIdx, Purpose, Timestamp, Value};

use crate::decision::{Decision, Refusal, Verdict};
use crate::eval::{Env, fields_of};
use crate::field::{Decided, Start, Why};
use crate::ir::{Arena, Atom, FieldRef, Node, NodeId};
use crate::key::{Asker, PlanKey};
use crate::lanes::Logic;
use crate::names::Attr;
use crate::outcomes::Outcomes;
use crate::policies::{Effect, Inner, StatementIdx};
use crate::reference::is_limited;
use crate::residual::Residual;
use crate::side::Side;
use crate::specialise::specialise;
use crate::state::{Interval, State};
use crate::subject::Subject;
use crate::tri::Tri;

/// From whose view a source node was specialised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum View {
    /// The names and states of the side at this place.
    Own(usize),
    /// The names of the first side, the states of all sides together.
    Met,
}

impl View {
    pub(crate) const fn side(self) -> usize {
        match self {
            Self::Own(side) => side,
            Self::Met => 0,
        }
    }

    /// Its place in [`PlanInner::maps`]: views of one side, of two, and the met one.
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Own(side) => side,
            Self::Met => 2,
        }
    }
}

/// A cause: on which side, for which reason, and whether it is the event's and not the field's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Cause {
    pub(crate) why: Why,
    pub(crate) side: u8,
    pub(crate) of_event: bool,
}

/// A field's state on one side, or that of its event, with the statements that it is made of.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) start: Start,
    pub(crate) steps: Vec<(StatementIdx, Effect, NodeId)>,
    pub(crate) side: u8,
    pub(crate) of_event: bool,
}

impl Layer {
    fn decide(&self, value: impl Fn(NodeId) -> Tri + Copy) -> Decided {
        let steps = self.steps.iter();
        let steps = steps.map(|(statement, effect, node)| (*statement, *effect, value(*node)));
        self.start.apply(steps)
    }

    const fn cause(&self, why: Why) -> Cause {
        Cause {
            why,
            side: self.side,
            of_event: self.of_event,
        }
    }
}

/// Where the states of a class of fields come from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The state is the meet of these.
    pub(crate) layers: Vec<Layer>,
}

impl Origin {
    /// What made the state what it is: one that no row can change, else the strictest.
    pub(crate) fn cause(&self, values: &[Tri]) -> (Interval, Cause) {
        let hidden = Interval::exactly(State::Hidden);
        let closed = self.layers.iter().find(|layer| layer.start.is_closed());
        if let Some(layer) = closed {
            return (hidden, layer.cause(layer.start.why));
        }
        let decided = self.layers.iter().map(|layer| {
            let decided = layer.decide(|node| value_of(values, node));
            (decided.interval, layer.cause(decided.why))
        });
        let strictest = decided.reduce(|(interval, cause), (next, next_cause)| {
            let met = interval.meet(next);
            let is_same = met.lo == interval.lo;
            (met, if is_same { cause } else { next_cause })
        });
        strictest.unwrap_or((
            hidden,
            Cause {
                why: Why::NoAudience,
                side: 0,
                of_event: false,
            },
        ))
    }
}

pub(crate) fn value_of(values: &[Tri], node: NodeId) -> Tri {
    values.get(node.index()).copied().unwrap_or(Tri::Unknown)
}

/// One side's verdict.
#[derive(Debug, Clone)]
pub(crate) struct VerdictPlan {
    pub(crate) view: View,
    pub(crate) allow: Vec<(StatementIdx, NodeId)>,
    pub(crate) forbid: Vec<(StatementIdx, NodeId)>,
    /// An `allow` holds and no `forbid` applies: must be true.
    pub(crate) holds: NodeId,
    /// Whether it holds, if that is the same on every row.
    pub(crate) fixed: Option<bool>,
}

/// What a field is under a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldPlan<'a> {
    /// The same on every row.
    Always(State),
    /// What these conditions make of the row.
    Depends(&'a Residual),
}

/// One distinct way in which fields are decided.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Emitted {
    Always(State),
    Depends(Residual),
}

/// A plan for everyone with the same [`PlanKey`]. Immutable, cheap to clone, and of no use before it is
/// bound to one asker.
#[derive(Debug, Clone)]
pub struct SharedPlan(Arc<PlanInner>);

/// The policies as they are for one actor and one purpose. Immutable and cheap to clone.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) inner: Arc<PlanInner>,
    pub(crate) sides: Arc<[Side]>,
}

#[derive(Debug)]
pub(crate) struct PlanInner {
    pub(crate) policies: Arc<Inner>,
    pub(crate) key: PlanKey,
    pub(crate) needs_proven_person: bool,
    pub(crate) nodes: Arena<Infallible>,
    pub(crate) outcomes: Outcomes,
    /// The tests that decide anything and hold one field against something fixed, by field.
    pub(crate) columns: Vec<(FieldRef, NodeId)>,
    /// The other nodes that decide anything. Those that are left only help to explain.
    pub(crate) live: Vec<NodeId>,
    /// For each class of fields, where its state comes from.
    pub(crate) origins: Vec<Origin>,
    /// Each distinct way in which fields are decided, once.
    pub(crate) emitted: Vec<Emitted>,
    /// Parallel to the catalog's fields: places in `emitted`.
    pub(crate) emitted_of: Vec<u32>,
    /// Parallel to `emitted`: the states that are the same on every row, the others hidden.
    pub(crate) template: Vec<State>,
    /// What each source node became, from each [`View`].
    pub(crate) maps: [Vec<Option<NodeId>>; 3],
    pub(crate) verdicts: Vec<VerdictPlan>,
    /// Every side's verdict: must be true.
    pub(crate) allowed: NodeId,
    /// What keeps a row of an entity: each must be true.
    pub(crate) limits: Vec<(Entity, NodeId)>,
    /// The verdict, if it is the same on every row.
    pub(crate) verdict: Option<Verdict>,
}

impl SharedPlan {
    /// The plan of one asker.
    #[must_use]
    pub fn bind(&self, asker: Asker) -> Plan {
        let inner = if self.0.key == asker.key {
            Arc::clone(&self.0)
        } else {
            // Made for others: of no use to this one.
            Arc::new(specialise(&self.0.policies, &asker.key))
        };
        Plan {
            inner,
            sides: asker.sides,
        }
    }
}

impl Plan {
    /// Why data is asked for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.inner.key.purpose()
    }

    /// Whether only rows of the person proven by signed identity exist: `ai.answer` without a member.
    #[must_use]
    pub fn needs_proven_person(&self) -> bool {
        self.inner.needs_proven_person
    }

    /// A verdict that is false whatever the row: refused before any look-up.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match &self.inner.verdict {
            Some(Verdict::Refused(refusal)) => Some(refusal.clone()),
            _ => None,
        }
    }

    /// Whether every row exists and the purpose is allowed on it, so that none needs to be looked at.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let inner = &self.inner;
        let always = |node: NodeId| matches!(inner.nodes.get(node), Some(Node::Const(Tri::True)));
        !inner.needs_proven_person
            && matches!(inner.verdict, Some(Verdict::Allowed { .. }))
            && inner.limits.iter().all(|(_, keeps)| always(*keeps))
    }

    /// Every condition of the plan, parts before what is made of them. None tests a state.
    #[must_use]
    pub fn nodes(&self) -> &Arena<Infallible> {
        &self.inner.nodes
    }

    /// What a field is: a state, or conditions over the row. What is not catalogued is hidden.
    #[must_use]
    pub fn field(&self, field: FieldIdx) -> FieldPlan<'_> {
        let place = self.inner.emitted_of.get(field.index());
        match place.and_then(|place| self.inner.emitted.get(*place as usize)) {
            Some(Emitted::Depends(residual)) => FieldPlan::Depends(residual),
            Some(Emitted::Always(state)) => FieldPlan::Always(*state),
            None => FieldPlan::Always(State::Hidden),
        }
    }

    /// The condition that must be true for the purpose to be allowed on a row.
    #[must_use]
    pub fn allowed(&self) -> NodeId {
        self.inner.allowed
    }

    /// The conditions that must be true of a bound row of an entity for it to exist. A subscription and
    /// a role go with the account.
    #[must_use]
    pub fn limits(&self) -> &[(Entity, NodeId)] {
        &self.inner.limits
    }

    /// The value of a name that the plan leaves open for its asker: `user.id`, `user.name`. `None` is
    /// unknown.
    #[must_use]
    pub fn parameter(&self, attr: Attr) -> Option<&Value> {
        let side = self.sides.first().filter(|_| attr.is_parameter())?;
        side.value(attr).flatten()
    }

    /// The state of a field, if it is the same on every row.
    #[must_use]
    pub fn constant_state(&self, field: FieldIdx) -> Option<State> {
        match self.field(field) {
            FieldPlan::Always(state) => Some(state),
            FieldPlan::Depends(_) => None,
        }
    }

    /// Whether the field is emitted on no row at all, not even masked.
    #[must_use]
    pub fn hides(&self, field: FieldIdx) -> bool {
        self.constant_state(field) == Some(State::Hidden)
    }

    /// Whether the bound rows exist for the caller: limits alone, and the proof that `ai.answer` needs.
    #[must_use]
    pub fn exists(&self, subject: &Subject<'_>, now: Timestamp) -> bool {
        let env = self.env(subject, now);
        self.inner
            .keeps(subject, |node| self.inner.value(node, env).grants())
    }

    /// Whether the limits on one entity keep its bound row, whatever becomes of the other rows; nothing
    /// is kept away that is not bound.
    #[must_use]
    pub fn exists_alone(&self, entity: Entity, subject: &Subject<'_>, now: Timestamp) -> bool {
        let env = self.env(subject, now);
        let mut limits = self.inner.limits.iter();
        limits.all(|(of, keeps)| {
            *of != entity || !is_limited(subject, *of) || self.inner.value(*keeps, env).grants()
        })
    }

    /// Whether anything that it decides reads a row of this entity.
    #[must_use]
    pub fn reads(&self, entity: Entity) -> bool {
        let catalog = &self.inner.policies.catalog;
        let mut nodes = self.inner.nodes.nodes().iter();
        nodes.any(|node| match node {
            Node::Atom(atom) => fields_of(atom)
                .any(|field| catalog.get(field).is_some_and(|of| of.entity == entity)),
            _ => false,
        })
    }

    /// Everything about one bound subject: whether it exists, the verdict, and a state for each field of
    /// the catalog, each with its reason. For many subjects there is [`Plan::decide_all`].
    #[must_use]
    pub fn decide(&self, subject: &Subject<'_>, now: Timestamp) -> Decision {
        let nodes = &self.inner.nodes;
        let env = self.env(subject, now);
        let mut values = vec![Tri::Unknown; nodes.nodes().len()];
        // All of them, for reasons look at more than what decides.
        evaluate(nodes, nodes.iter().map(|(id, _)| id), &mut values, |atom| {
            env.test(atom)
        });
        let value = |node| value_of(&values, node);
        if !self.inner.keeps(subject, |node| value(node).grants()) {
            return Decision::not_found(self.clone());
        }
        let states = self.inner.emitted.iter().map(|emitted| match emitted {
            Emitted::Always(state) => *state,
            Emitted::Depends(residual) => residual.state(value),
        });
        Decision::new(self.clone(), states.collect(), values)
    }

    fn env<'a>(&'a self, subject: &'a Subject<'a>, now: Timestamp) -> Env<'a> {
        Env {
            subject,
            now,
            // Names of the actor that are left are of the member, who is the same on all sides.
            side: self.sides.first(),
        }
    }
}

/// The value of each of these nodes; those that they are made of must come before.
pub(crate) fn evaluate<'n, V: Logic>(
    nodes: &'n Arena<Infallible>,
    order: impl Iterator<Item = NodeId>,
    values: &mut [V],
    test: impl Fn(&'n Atom<Infallible>) -> V,
) {
    let constant = V::constant;
    for id in order {
        let known = |part: &NodeId| {
            let value = values.get(part.index()).copied();
            value.unwrap_or_else(|| constant(Tri::Unknown))
        };
        let value = match nodes.get(id) {
            None => constant(Tri::Unknown),
            Some(Node::Const(tri)) => constant(*tri),
            Some(Node::Not(inner)) => known(inner).negate(),
            Some(Node::And(parts)) => parts
                .iter()
                .fold(constant(Tri::True), |all, part| all.and(known(part))),
            Some(Node::Or(parts)) => parts
                .iter()
                .fold(constant(Tri::False), |any, part| any.or(known(part))),
            Some(Node::Atom(atom)) => test(atom),
        };
        if let Some(place) = values.get_mut(id.index()) {
            *place = value;
        }
    }
}

impl PlanInner {
    /// Whether limits keep a subject, given which of their conditions hold.
    pub(crate) fn keeps(&self, subject: &Subject<'_>, holds: impl Fn(NodeId) -> bool) -> bool {
        let is_proven = !self.needs_proven_person || subject.signed_identity.proven;
        is_proven
            && self
                .limits
                .iter()
                .all(|(entity, keeps)| !is_limited(subject, *entity) || holds(*keeps))
    }

    /// The value of one node alone. Only for limits: they test no states, so they are as small as their
    /// text.
    fn value<'a>(&'a self, node: NodeId, env: Env<'a>) -> Tri {
        match self.nodes.get(node) {
            None => Tri::Unknown,
            Some(Node::Const(tri)) => *tri,
            Some(Node::Not(inner)) => self.value(*inner, env).negate(),
            Some(Node::And(parts)) => parts
                .iter()
                .fold(Tri::True, |all, part| all.and(self.value(*part, env))),
            Some(Node::Or(parts)) => parts
                .iter()
                .fold(Tri::False, |any, part| any.or(self.value(*part, env))),
            Some(Node::Atom(atom)) => env.test(atom),
        }
    }

    /// The state of a field, of the states in the order of [`PlanInner::emitted`].
    pub(crate) fn state(&self, states: &[State], field: FieldIdx) -> State {
        let place = self.emitted_of.get(field.index());
        let state = place.and_then(|place| states.get(*place as usize));
        state.copied().unwrap_or(State::Hidden)
    }

    /// What a source node became in a view; `None` if nothing asked for it.
    pub(crate) fn statement_node(&self, view: View, source: NodeId) -> Option<NodeId> {
        self.maps.get(view.index())?.get(source.index()).copied()?
    }
}

impl crate::Policies {
    /// The plan for an actor and a purpose. Both sides of the meet are in it: the agent's under the
    /// purpose, and the member's under the purpose that it serves.
    #[must_use]
    pub fn specialise(&self, actor: &Actor, purpose: Purpose) -> Plan {
        let asker = self.asker(actor, purpose);
        self.share(&asker.key).bind(asker)
    }

    /// The plan for everyone with this key, to be kept and bound to each.
    #[must_use]
    pub fn share(&self, key: &PlanKey) -> SharedPlan {
        SharedPlan(Arc::new(specialise(&self.0, key)))
    }
}
