//! Partial evaluation: the actor and the purpose become constants, and what follows from them is
//! decided once instead of for every row.

use std::collections::HashMap;
use std::sync::Arc;

use kith_domain::{Actor, Entity, FieldIdx, Purpose, Timestamp};

use crate::decision::FieldState;
use crate::eval::Env;
use crate::explain;
use crate::field::{Start, Why};
use crate::ir::{Arena, Atom, Base, Items, Node, NodeId, Term};
use crate::plan::{Cause, Layer, Plan, PlanInner, Program, ProgramId, VerdictPlan, View, meet};
use crate::policies::{ClassIdx, Effect, FieldClass, Inner};
use crate::side::{Side, sides};
use crate::state::{Interval, State};
use crate::subject::Subject;
use crate::tri::Tri;

pub(crate) fn specialise(policies: &Arc<Inner>, actor: &Actor, purpose: Purpose) -> Plan {
    let sides = sides(actor, purpose);
    let unmapped = || vec![None; policies.nodes.nodes().len()];
    let mut build = Build {
        policies,
        sides: &sides,
        nodes: Arena::default(),
        programs: Vec::new(),
        known: HashMap::new(),
        maps: [unmapped(), unmapped(), unmapped()],
    };
    let whole = if sides.len() > 1 {
        View::Met
    } else {
        View::Own(0)
    };
    let emitted: Vec<_> = (0..policies.classes.len())
        .map(|class| build.program(ClassIdx(u32::try_from(class).unwrap_or(u32::MAX)), whole))
        .collect();
    let verdicts = (0..sides.len())
        .map(|side| build.verdict(if side == 0 { whole } else { View::Own(side) }))
        .collect();
    let limits = build.limits();
    let Build {
        nodes,
        programs,
        maps,
        ..
    } = build;
    let mut plan = PlanInner {
        policies: Arc::clone(policies),
        purpose,
        needs_proven_person: purpose == Purpose::AiAnswer && actor.member().is_none(),
        sides,
        nodes,
        programs,
        emitted,
        maps,
        verdicts,
        limits,
        template: Vec::new(),
        open: Vec::new(),
        verdict: None,
    };
    (plan.template, plan.open) = spread(&plan);
    plan.verdict = explain::fixed_verdict(&plan);
    Plan(Arc::new(plan))
}

/// From classes to fields: the constant states, and the fields that are left to the row.
fn spread(plan: &PlanInner) -> (Vec<FieldState>, Vec<(FieldIdx, ProgramId)>) {
    let mut template = Vec::with_capacity(plan.policies.class_of.len());
    let mut open = Vec::new();
    for (class, position) in plan.policies.class_of.iter().zip(0..) {
        let id = plan.emitted.get(class.index()).copied();
        let program = id.and_then(|id| plan.programs.get(id.index()));
        let (fixed, id) = (program.and_then(|program| program.fixed), id);
        let state = match (fixed, id) {
            (Some((interval, cause)), _) => FieldState {
                state: interval.lo,
                cause,
            },
            (None, id) => {
                open.extend(id.map(|id| (FieldIdx(position), id)));
                FieldState::closed()
            }
        };
        template.push(state);
    }
    (template, open)
}

struct Build<'a> {
    policies: &'a Inner,
    sides: &'a [Side],
    nodes: Arena<ProgramId>,
    programs: Vec<Program>,
    known: HashMap<(ClassIdx, View), ProgramId>,
    maps: [Vec<Option<NodeId>>; 3],
}

impl Build<'_> {
    fn side(&self, view: View) -> Option<&Side> {
        self.sides.get(view.side())
    }

    /// What a source node is from a view.
    fn node(&mut self, source: NodeId, view: View) -> NodeId {
        let known = self
            .maps
            .get(view.index())
            .and_then(|map| map.get(source.index()).copied());
        if let Some(Some(node)) = known {
            return node;
        }
        let node = match self.policies.nodes.get(source) {
            None => self.nodes.constant_node(Tri::Unknown),
            Some(Node::Const(tri)) => self.nodes.constant_node(*tri),
            Some(Node::Not(inner)) => {
                let inner = self.node(*inner, view);
                self.nodes.negate(inner)
            }
            Some(Node::And(parts)) => {
                let parts: Vec<_> = parts.iter().map(|part| self.node(*part, view)).collect();
                self.nodes.all(parts)
            }
            Some(Node::Or(parts)) => {
                let parts: Vec<_> = parts.iter().map(|part| self.node(*part, view)).collect();
                self.nodes.any(parts)
            }
            Some(Node::Atom(atom)) => self.atom(atom, view),
        };
        let place = self
            .maps
            .get_mut(view.index())
            .and_then(|map| map.get_mut(source.index()));
        if let Some(place) = place {
            *place = Some(node);
        }
        node
    }

    fn atom(&mut self, atom: &Atom<FieldIdx>, view: View) -> NodeId {
        let atom = match atom {
            Atom::State { of, is } => {
                let Some(class) = self.policies.class(*of) else {
                    return self.nodes.constant_node(Tri::Unknown);
                };
                let of = self.program(class, view);
                let fixed = self
                    .programs
                    .get(of.index())
                    .and_then(|program| program.fixed);
                match fixed {
                    Some((interval, _)) => return self.nodes.constant_node(interval.is(*is)),
                    None => Atom::State { of, is: *is },
                }
            }
            Atom::Compare { left, op, right } => {
                match (self.term(left, view), self.term(right, view)) {
                    (Ok(left), Ok(right)) => Atom::Compare {
                        left,
                        op: *op,
                        right,
                    },
                    _ => return self.nodes.constant_node(Tri::Unknown),
                }
            }
            Atom::Absent(term) => match self.term(term, view) {
                Ok(term) => Atom::Absent(term),
                Err(Missing::Absent) => return self.nodes.constant_node(Tri::True),
                Err(Missing::Unknown) => return self.nodes.constant_node(Tri::Unknown),
            },
            Atom::Overlap { left, right } => Atom::Overlap {
                left: self.items(left, view),
                right: self.items(right, view),
            },
        };
        match fold(&atom) {
            Some(tri) => self.nodes.constant_node(tri),
            None => self.nodes.atom(atom),
        }
    }

    /// A term without names of the actor.
    fn term(&self, term: &Term, view: View) -> Result<Term, Missing> {
        match &term.base {
            Base::Attr(attr) if attr.is_of_actor() => {
                let side = self.side(view).ok_or(Missing::Unknown)?;
                let value = side.value(*attr).ok_or(Missing::Unknown)?;
                let value = value.ok_or(Missing::Absent)?;
                Ok(Base::Const(value.clone()).term())
            }
            _ => Ok(term.clone()),
        }
    }

    fn items(&self, items: &Items, view: View) -> Items {
        match items {
            Items::Attr(list) => self
                .side(view)
                .and_then(|side| side.list(*list))
                .map_or(Items::Unknown, |values| Items::Const(Arc::clone(values))),
            Items::One(term) => match self.term(term, view) {
                Ok(Term {
                    base: Base::Const(value),
                    shift: 0,
                }) => Items::Const([value].into()),
                Ok(term) => Items::One(term),
                Err(_) => Items::Unknown,
            },
            other => other.clone(),
        }
    }

    fn program(&mut self, class: ClassIdx, view: View) -> ProgramId {
        if let Some(known) = self.known.get(&(class, view)) {
            return *known;
        }
        let layers = match view {
            View::Own(side) => self.layers(class, side, false),
            View::Met => (0..self.sides.len())
                .flat_map(|side| self.layers(class, side, false))
                .collect(),
        };
        let fixed = self.fixed(&layers);
        let id = ProgramId(u32::try_from(self.programs.len()).unwrap_or(u32::MAX));
        self.programs.push(Program { layers, fixed });
        self.known.insert((class, view), id);
        id
    }

    /// A field's own layer on a side, and its event's.
    fn layers(&mut self, class: ClassIdx, side: usize, of_event: bool) -> Vec<Layer> {
        let policies = self.policies;
        let (Some(class), Some(asker)) =
            (policies.classes.get(class.index()), self.sides.get(side))
        else {
            return Vec::new();
        };
        let start = Start::of(class.gate, &policies.ceilings, asker.purpose);
        let mut layers = vec![self.layer(class, start, side, of_event)];
        if let Some(parent) = class.parent {
            layers.extend(self.layers(parent, side, true));
        }
        layers
    }

    fn layer(&mut self, class: &FieldClass, start: Start, side: usize, of_event: bool) -> Layer {
        let mut layer = Layer {
            start,
            steps: Vec::new(),
            side: u8::from(side > 0),
            of_event,
        };
        if start.is_closed() {
            return layer;
        }
        for (statement, effect) in &class.effects {
            let Some(source) = self.policies.statement(*statement) else {
                continue;
            };
            let node = self.node(source.condition, View::Own(side));
            let does_nothing = self.nodes.constant(node) == Some(Tri::False)
                || (*effect == Effect::Show && !start.liftable);
            if does_nothing {
                continue;
            }
            if *effect == Effect::Hide && self.nodes.constant(node) == Some(Tri::True) {
                // Nothing else matters: hidden whatever the rest.
                layer.start = Start {
                    state: State::Hidden,
                    why: Why::Statement(*statement),
                    liftable: false,
                };
                layer.steps.clear();
                return layer;
            }
            layer.steps.push((*statement, *effect, node));
        }
        let can_be_lifted = layer
            .steps
            .iter()
            .any(|(_, effect, _)| *effect == Effect::Show);
        if start.liftable && !can_be_lifted {
            layer.start.liftable = false;
            layer.steps.clear();
        }
        layer
    }

    /// The state of a program, if it is the same on every row.
    fn fixed(&self, layers: &[Layer]) -> Option<(Interval, Cause)> {
        let closed = layers.iter().find(|layer| layer.start.is_closed());
        if let Some(layer) = closed {
            let state = Interval::exactly(State::Hidden);
            return Some((state, layer.cause(layer.start.why)));
        }
        let constant = |layer: &Layer| {
            layer
                .steps
                .iter()
                .all(|(_, _, node)| self.nodes.constant(*node).is_some())
        };
        if !layers.iter().all(constant) {
            return None;
        }
        let value = |node| self.nodes.constant(node).unwrap_or(Tri::Unknown);
        Some(meet(layers.iter().map(|layer| {
            let decided = layer.decide(value);
            (decided.interval, layer.cause(decided.why))
        })))
    }

    fn verdict(&mut self, view: View) -> VerdictPlan {
        let policies = self.policies;
        let purpose = self.side(view).map(|side| side.purpose);
        let mut specialised = |statements: Option<&Vec<_>>| {
            statements
                .into_iter()
                .flatten()
                .filter_map(|idx| Some((*idx, policies.statement(*idx)?.condition)))
                .map(|(idx, condition)| (idx, self.node(condition, view)))
                .collect()
        };
        VerdictPlan {
            view,
            allow: specialised(purpose.and_then(|purpose| policies.allow.get(&purpose))),
            forbid: specialised(purpose.and_then(|purpose| policies.forbid.get(&purpose))),
        }
    }

    /// What keeps rows: on every side, the condition of each limit false or its predicate true.
    fn limits(&mut self) -> Vec<(Entity, NodeId)> {
        let policies = self.policies;
        let mut limits = Vec::new();
        for side in 0..self.sides.len() {
            for limit in &policies.limits {
                let Some(statement) = policies.statement(limit.statement) else {
                    continue;
                };
                let condition = self.node(statement.condition, View::Own(side));
                let spared = self.nodes.negate(condition);
                let predicate = self.node(limit.predicate, View::Own(side));
                let keeps = self.nodes.any([spared, predicate]);
                if self.nodes.constant(keeps) != Some(Tri::True) {
                    limits.push((limit.entity, keeps));
                }
            }
        }
        limits
    }
}

/// Why a name of the actor has no value.
enum Missing {
    Absent,
    Unknown,
}

/// The value of a test that depends on nothing any more.
fn fold(atom: &Atom<ProgramId>) -> Option<Tri> {
    let fixed_term = |term: &Term| matches!(term.base, Base::Const(_));
    let fixed_items = |items: &Items| match items {
        Items::Const(_) | Items::Unknown => true,
        Items::One(term) => fixed_term(term),
        Items::Field(_) | Items::Attr(_) => false,
    };
    let empty = |items: &Items| matches!(items, Items::Const(values) if values.is_empty());
    let is_fixed = match atom {
        Atom::Compare { left, right, .. } => fixed_term(left) && fixed_term(right),
        Atom::Absent(term) => fixed_term(term),
        Atom::Overlap { left, right } => {
            empty(left) || empty(right) || (fixed_items(left) && fixed_items(right))
        }
        Atom::State { .. } => false,
    };
    let nothing = Subject::default();
    let env = Env {
        subject: &nothing,
        now: Timestamp::from_micros(0),
        side: None,
    };
    is_fixed.then(|| env.test(atom))
}
