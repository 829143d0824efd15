//! A plan: the policies with the actor and the purpose as constants. What does not depend on the row is
//! decided; what does is a list of nodes that one pass evaluates.

use std::sync::Arc;

use kith_domain::{Actor, Entity, FieldIdx, Purpose, Timestamp};

use crate::decision::{Decision, FieldState, Refusal, Verdict};
use crate::eval::Env;
use crate::field::{Decided, Start, Why};
use crate::ir::{Arena, Atom, Node, NodeId};
use crate::policies::{Effect, Inner, StatementIdx};
use crate::reference::is_limited;
use crate::side::Side;
use crate::state::{Interval, State};
use crate::subject::Subject;
use crate::tri::Tri;

/// A program's place in [`PlanInner::programs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProgramId(pub(crate) u32);

impl ProgramId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

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

/// A field's state on one side, or that of its event.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) start: Start,
    pub(crate) steps: Vec<(StatementIdx, Effect, NodeId)>,
    pub(crate) side: u8,
    pub(crate) of_event: bool,
}

impl Layer {
    pub(crate) fn decide(&self, value: impl Fn(NodeId) -> Tri + Copy) -> Decided {
        let steps = self.steps.iter();
        let steps = steps.map(|(statement, effect, node)| (*statement, *effect, value(*node)));
        self.start.apply(steps)
    }

    /// Whether the strict end is hidden on every row, whatever the loose end is.
    fn is_hidden_always(&self, nodes: &Arena<ProgramId>) -> bool {
        let constant = |node: &NodeId| nodes.constant(*node);
        let of = |wanted| {
            let steps = self.steps.iter();
            steps.filter(move |(_, effect, _)| *effect == wanted)
        };
        of(Effect::Hide).any(|(_, _, node)| constant(node).is_some_and(Tri::restricts))
            || (self.start.liftable
                && of(Effect::Show).all(|(_, _, node)| constant(node).is_some_and(|c| !c.grants())))
    }

    pub(crate) const fn cause(&self, why: Why) -> Cause {
        Cause {
            why,
            side: self.side,
            of_event: self.of_event,
        }
    }
}

/// A field's state: the meet of its layers.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) layers: Vec<Layer>,
    /// The state, if it is the same on every row.
    pub(crate) fixed: Option<(Interval, Cause)>,
}

impl Program {
    pub(crate) fn decide(&self, values: &[Tri]) -> (Interval, Cause) {
        if let Some(fixed) = self.fixed {
            return fixed;
        }
        meet(self.layers.iter().map(|layer| {
            let decided = layer.decide(|node| value_of(values, node));
            (decided.interval, layer.cause(decided.why))
        }))
    }
}

/// The meet of layers, with the cause of the strictest.
pub(crate) fn meet(layers: impl Iterator<Item = (Interval, Cause)>) -> (Interval, Cause) {
    layers
        .reduce(|(interval, cause), (next, next_cause)| {
            let met = interval.meet(next);
            let cause = if met.lo == interval.lo {
                cause
            } else {
                next_cause
            };
            (met, cause)
        })
        .unwrap_or((
            Interval::exactly(State::Hidden),
            Cause {
                why: Why::NoAudience,
                side: 0,
                of_event: false,
            },
        ))
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
}

impl VerdictPlan {
    /// Whether it holds, if that is the same on every row.
    pub(crate) fn fixed(&self, nodes: &Arena<ProgramId>) -> Option<bool> {
        let constants = |list: &[(StatementIdx, NodeId)]| -> Vec<Option<Tri>> {
            list.iter().map(|(_, node)| nodes.constant(*node)).collect()
        };
        let (allow, forbid) = (constants(&self.allow), constants(&self.forbid));
        let cannot_be_granted = allow.iter().all(|tri| tri.is_some_and(|tri| !tri.grants()));
        let is_forbidden = forbid.iter().any(|tri| tri.is_some_and(Tri::restricts));
        if cannot_be_granted || is_forbidden {
            return Some(false);
        }
        let is_granted = allow.iter().any(|tri| tri.is_some_and(Tri::grants));
        let cannot_be_forbidden = forbid.iter().all(|tri| *tri == Some(Tri::False));
        (is_granted && cannot_be_forbidden).then_some(true)
    }

    pub(crate) fn holds(&self, values: &[Tri]) -> bool {
        let value = |(_, node): &(StatementIdx, NodeId)| value_of(values, *node);
        self.allow.iter().map(value).any(Tri::grants)
            && !self.forbid.iter().map(value).any(Tri::restricts)
    }
}

/// The policies as they are for one actor and one purpose. Immutable and cheap to clone.
#[derive(Debug, Clone)]
pub struct Plan(pub(crate) Arc<PlanInner>);

#[derive(Debug)]
pub(crate) struct PlanInner {
    pub(crate) policies: Arc<Inner>,
    pub(crate) purpose: Purpose,
    pub(crate) sides: Vec<Side>,
    pub(crate) needs_proven_person: bool,
    pub(crate) nodes: Arena<ProgramId>,
    pub(crate) programs: Vec<Program>,
    /// For each class of fields, the program of what is emitted.
    pub(crate) emitted: Vec<ProgramId>,
    /// What each source node became, from each [`View`].
    pub(crate) maps: [Vec<Option<NodeId>>; 3],
    pub(crate) verdicts: Vec<VerdictPlan>,
    /// What keeps a row of an entity: each must be true.
    pub(crate) limits: Vec<(Entity, NodeId)>,
    /// The states of fields that are the same on every row; others are strict placeholders.
    pub(crate) template: Vec<FieldState>,
    /// The fields whose state depends on the row.
    pub(crate) open: Vec<(FieldIdx, ProgramId)>,
    /// The verdict, if it is the same on every row.
    pub(crate) verdict: Option<Verdict>,
}

impl Plan {
    /// Why data is asked for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.0.purpose
    }

    /// Whether only rows of the person proven by signed identity exist: `ai.answer` without a member.
    #[must_use]
    pub fn needs_proven_person(&self) -> bool {
        self.0.needs_proven_person
    }

    /// A verdict that is false whatever the row: refused before any look-up.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match &self.0.verdict {
            Some(Verdict::Refused(refusal)) => Some(refusal.clone()),
            _ => None,
        }
    }

    /// The state of a field, if it is the same on every row.
    #[must_use]
    pub fn constant_state(&self, field: FieldIdx) -> Option<State> {
        let class = self.0.policies.class(field)?;
        let program = self.0.emitted.get(class.index())?;
        let program = self.0.programs.get(program.index())?;
        let is_hidden = |layer: &Layer| layer.is_hidden_always(&self.0.nodes);
        match program.fixed {
            Some((interval, _)) => Some(interval.lo),
            None => program
                .layers
                .iter()
                .any(is_hidden)
                .then_some(State::Hidden),
        }
    }

    /// Whether the field is emitted on no row at all, not even masked.
    #[must_use]
    pub fn hides(&self, field: FieldIdx) -> bool {
        self.0.policies.class(field).is_none() || self.constant_state(field) == Some(State::Hidden)
    }

    /// Whether the bound rows exist for the caller: limits alone, and the proof that `ai.answer` needs.
    #[must_use]
    pub fn exists(&self, subject: &Subject<'_>, now: Timestamp) -> bool {
        let env = Env {
            subject,
            now,
            side: None,
        };
        self.0.keeps(subject, |node| self.0.row_value(node, env))
    }

    /// Everything about one bound subject: whether it exists, the verdict, and a state for each field of
    /// the catalog.
    #[must_use]
    pub fn decide(&self, subject: &Subject<'_>, now: Timestamp) -> Decision {
        let plan = &*self.0;
        let env = Env {
            subject,
            now,
            side: None,
        };
        let values = plan.evaluate(env);
        if !plan.keeps(subject, |node| value_of(&values, node)) {
            return Decision::not_found(self.clone());
        }
        let mut fields = plan.template.clone();
        for (field, program) in &plan.open {
            let program = plan.programs.get(program.index());
            if let Some((place, program)) = fields.get_mut(field.index()).zip(program) {
                let (interval, cause) = program.decide(&values);
                *place = FieldState {
                    state: interval.lo,
                    cause,
                };
            }
        }
        Decision::new(self.clone(), fields, values)
    }
}

impl PlanInner {
    /// The value of every node for one subject.
    fn evaluate(&self, env: Env<'_>) -> Vec<Tri> {
        let mut values = Vec::with_capacity(self.nodes.nodes().len());
        for node in self.nodes.nodes() {
            let value = match node {
                Node::Const(tri) => *tri,
                Node::Not(inner) => value_of(&values, *inner).negate(),
                Node::And(parts) => parts
                    .iter()
                    .fold(Tri::True, |all, part| all.and(value_of(&values, *part))),
                Node::Or(parts) => parts
                    .iter()
                    .fold(Tri::False, |any, part| any.or(value_of(&values, *part))),
                Node::Atom(Atom::State { of, is }) => self
                    .programs
                    .get(of.index())
                    .map_or(Tri::Unknown, |program| program.decide(&values).0.is(*is)),
                Node::Atom(atom) => env.test(atom),
            };
            values.push(value);
        }
        values
    }

    fn keeps(&self, subject: &Subject<'_>, value: impl Fn(NodeId) -> Tri) -> bool {
        let is_proven = !self.needs_proven_person || subject.signed_identity.proven;
        is_proven
            && self
                .limits
                .iter()
                .all(|(entity, keeps)| !is_limited(subject, *entity) || value(*keeps).grants())
    }

    /// The value of one node that tests no states.
    fn row_value(&self, node: NodeId, env: Env<'_>) -> Tri {
        match self.nodes.get(node) {
            None => Tri::Unknown,
            Some(Node::Const(tri)) => *tri,
            Some(Node::Not(inner)) => self.row_value(*inner, env).negate(),
            Some(Node::And(parts)) => parts
                .iter()
                .fold(Tri::True, |all, part| all.and(self.row_value(*part, env))),
            Some(Node::Or(parts)) => parts
                .iter()
                .fold(Tri::False, |any, part| any.or(self.row_value(*part, env))),
            Some(Node::Atom(atom)) => env.test(atom),
        }
    }

    /// The view of a side's own statements on fields.
    pub(crate) fn statement_node(&self, view: View, source: NodeId) -> Option<NodeId> {
        self.maps.get(view.index())?.get(source.index()).copied()?
    }
}

impl crate::Policies {
    /// The plan for an actor and a purpose. Both sides of the meet are in it: the agent's under the
    /// purpose, and the member's under the purpose that it serves.
    #[must_use]
    pub fn specialise(&self, actor: &Actor, purpose: Purpose) -> Plan {
        crate::specialise::specialise(&self.0, actor, purpose)
    }
}
