//! Partial evaluation: the actor and the purpose become constants, and what follows from them is
//! decided once instead of for every row. States become conditions over the row, each built once
//! however many fields, statements and tests of states share it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;

use kith_domain::{Entity, FieldIdx, Purpose, Timestamp};

use crate::column::column_of;
use crate::eval::Env;
use crate::explain;
use crate::field::{Start, Why};
use crate::ir::{Arena, Atom, Base, FieldRef, Items, Node, NodeId, Term};
use crate::key::{PlanKey, SideKey};
use crate::outcomes::Outcomes;
use crate::plan::{Emitted, Layer, Origin, PlanInner, VerdictPlan, View};
use crate::policies::{ClassIdx, Effect, FieldClass, Inner};
use crate::residual::Residual;
use crate::state::{State, StateWord};
use crate::subject::Subject;
use crate::tri::Tri;

pub(crate) fn specialise(policies: &Arc<Inner>, key: &PlanKey) -> PlanInner {
    let sides = key.sides();
    let unmapped = || vec![None; policies.nodes.nodes().len()];
    let mut build = Build {
        policies,
        sides,
        // As many as there are sources, and a join or two for each class.
        nodes: Arena::with_capacity(policies.nodes.nodes().len() + 2 * policies.classes.len()),
        known: vec![[const { None }; 3]; policies.classes.len()],
        maps: [unmapped(), unmapped(), unmapped()],
    };
    let whole = if sides.len() > 1 {
        View::Met
    } else {
        View::Own(0)
    };
    let classes = (0..policies.classes.len()).map(|class| build.class(class, whole));
    let (origins, residuals): (Vec<_>, Vec<_>) = classes.unzip();
    let mut verdicts: Vec<_> = (0..sides.len())
        .map(|side| build.verdict(if side == 0 { whole } else { View::Own(side) }))
        .collect();
    let allowed = build
        .nodes
        .all(verdicts.iter().map(|verdict| verdict.holds));
    let limits = build.limits();
    let Build { nodes, maps, .. } = build;

    let outcomes = Outcomes::of(&nodes);
    for verdict in &mut verdicts {
        verdict.fixed = match nodes.constant(verdict.holds) {
            Some(Tri::True) => Some(true),
            _ if !outcomes.can_be_true(verdict.holds) => Some(false),
            _ => None,
        };
    }
    let (emitted, emitted_of) = spread(policies, residuals, &nodes, &outcomes);
    let template = emitted.iter().map(|emitted| match emitted {
        Emitted::Always(state) => *state,
        Emitted::Depends(_) => State::Hidden,
    });
    let mut plan = PlanInner {
        policies: Arc::clone(policies),
        key: key.clone(),
        needs_proven_person: key.purpose() == Purpose::AiAnswer
            && sides.first().is_none_or(|side| !side.has_user),
        columns: Vec::new(),
        live: Vec::new(),
        origins,
        template: template.collect(),
        emitted,
        emitted_of,
        nodes,
        outcomes,
        maps,
        verdicts,
        allowed,
        limits,
        verdict: None,
    };
    (plan.columns, plan.live) = live(&plan);
    plan.verdict = explain::fixed_verdict(&plan);
    plan
}

/// From classes to fields: each distinct way of deciding once, and which is whose.
fn spread(
    policies: &Inner,
    residuals: Vec<Residual>,
    nodes: &Arena<Infallible>,
    outcomes: &Outcomes,
) -> (Vec<Emitted>, Vec<u32>) {
    let mut known: HashMap<Emitted, u32> = HashMap::new();
    let of_class: Vec<_> = residuals
        .into_iter()
        .map(|residual| {
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            *known
                .entry(emitted(residual, nodes, outcomes))
                .or_insert(next)
        })
        .collect();
    let of_field = policies.class_of.iter().map(|class| {
        let place = of_class.get(class.index()).copied();
        place.unwrap_or(u32::MAX)
    });
    let of_field = of_field.collect();
    let mut emitted: Vec<_> = known.into_iter().collect();
    emitted.sort_unstable_by_key(|(_, place)| *place);
    (
        emitted.into_iter().map(|(emitted, _)| emitted).collect(),
        of_field,
    )
}

/// A residual, unless the strict end of the state is the same on every row.
fn emitted(residual: Residual, nodes: &Arena<Infallible>, outcomes: &Outcomes) -> Emitted {
    if !outcomes.can_be_true(residual.revealed) {
        return Emitted::Always(State::Hidden);
    }
    let revealed = nodes.constant(residual.revealed).is_some();
    let masks = residual.masks.iter();
    let is_fixed = revealed
        && masks
            .into_iter()
            .all(|(_, on)| nodes.constant(*on).is_some());
    if is_fixed {
        let value = |node| nodes.constant(node).unwrap_or(Tri::Unknown);
        return Emitted::Always(residual.state(value));
    }
    Emitted::Depends(residual)
}

/// The nodes on which states, verdict or limits rest: tests of columns, and the others.
fn live(plan: &PlanInner) -> (Vec<(FieldRef, NodeId)>, Vec<NodeId>) {
    let mut is_live = vec![false; plan.nodes.nodes().len()];
    let mark = |node: NodeId, is_live: &mut Vec<bool>| {
        if let Some(place) = is_live.get_mut(node.index()) {
            *place = true;
        }
    };
    mark(plan.allowed, &mut is_live);
    for (_, keeps) in &plan.limits {
        mark(*keeps, &mut is_live);
    }
    for emitted in &plan.emitted {
        if let Emitted::Depends(residual) = emitted {
            mark(residual.revealed, &mut is_live);
            for (_, on) in &residual.masks {
                mark(*on, &mut is_live);
            }
        }
    }
    let (mut columns, mut live) = (Vec::new(), Vec::new());
    // What is made of parts comes behind them, so all that needs a node has been seen before it.
    for (id, node) in plan.nodes.iter().rev() {
        if is_live.get(id.index()) != Some(&true) {
            continue;
        }
        if let Node::Atom(atom) = node
            && let Some(field) = column_of(atom)
        {
            columns.push((field, id));
            continue;
        }
        live.push(id);
        match node {
            Node::Const(_) | Node::Atom(_) => {}
            Node::Not(inner) => mark(*inner, &mut is_live),
            Node::And(parts) | Node::Or(parts) => {
                for part in parts {
                    mark(*part, &mut is_live);
                }
            }
        }
    }
    live.reverse();
    columns.sort_unstable_by_key(|(at, id)| (at.field, *id));
    (columns, live)
}

struct Build<'a> {
    policies: &'a Inner,
    sides: &'a [SideKey],
    nodes: Arena<Infallible>,
    /// For each class, its residual from each [`View`], as soon as something asks for it.
    known: Vec<[Option<Residual>; 3]>,
    maps: [Vec<Option<NodeId>>; 3],
}

impl Build<'_> {
    fn side(&self, view: View) -> Option<&SideKey> {
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
        let policies = self.policies;
        let node = match policies.nodes.get(source) {
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
            Some(Node::Atom(Atom::State { of, is })) => self.state_test(*of, *is, view),
            Some(Node::Atom(atom)) => {
                let side = self.side(view);
                match side.and_then(|side| policies.asks.outcome(source, side)) {
                    Some(tri) => self.nodes.constant_node(tri),
                    None => self.atom(atom, view),
                }
            }
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

    /// A test of a state, as a condition: true if every state that the field may have is this one, false
    /// if none is.
    fn state_test(&mut self, field: FieldIdx, is: StateWord, view: View) -> NodeId {
        let Some(class) = self.policies.class(field) else {
            return self.nodes.constant_node(Tri::Unknown);
        };
        let Residual { revealed, masks } = self.residual(class, view);
        let nodes = &mut self.nodes;
        let hidden = nodes.negate(revealed);
        let masked = nodes.any(masks.iter().map(|(_, on)| *on));
        match is {
            StateWord::Hidden => hidden,
            StateWord::Visible => {
                let bare = nodes.negate(masked);
                nodes.all([revealed, bare])
            }
            // Between hidden and visible lies masked: where it is unknown whether the field is revealed,
            // it is unknown whether it is masked, even if no mask applies.
            StateWord::Masked => {
                let masked = nodes.any([masked, hidden]);
                nodes.all([revealed, masked])
            }
        }
    }

    fn atom(&mut self, atom: &Atom<FieldIdx>, view: View) -> NodeId {
        let atom = match atom {
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
            Atom::State { of, is } => return self.state_test(*of, *is, view),
        };
        match fold(&atom) {
            Some(tri) => self.nodes.constant_node(tri),
            None => self.nodes.atom(atom),
        }
    }

    /// A term without names of the actor, save those that stay parameters.
    fn term(&self, term: &Term, view: View) -> Result<Term, Missing> {
        let Base::Attr(attr) = term.base else {
            return Ok(term.clone());
        };
        if !attr.is_of_actor() {
            return Ok(term.clone());
        }
        let side = self.side(view).ok_or(Missing::Unknown)?;
        if attr.is_parameter() {
            let known = side.has_user.then(|| term.clone());
            return known.ok_or(Missing::Unknown);
        }
        let value = self
            .policies
            .asks
            .value(attr, side)
            .ok_or(Missing::Unknown)?;
        let value = value.ok_or(Missing::Absent)?;
        Ok(Base::Const(value.clone()).term())
    }

    fn items(&self, items: &Items, view: View) -> Items {
        match items {
            Items::Attr(list) => self
                .side(view)
                .and_then(|side| self.policies.asks.list(*list, side))
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

    /// Where a class's states come from in the whole request, and what they are.
    fn class(&mut self, class: usize, whole: View) -> (Origin, Residual) {
        let class = ClassIdx(u32::try_from(class).unwrap_or(u32::MAX));
        let layers = self.view_layers(class, whole);
        let residual = self.residual_of(class, whole, &layers);
        (Origin { layers }, residual)
    }

    fn residual(&mut self, class: ClassIdx, view: View) -> Residual {
        let known = self.known.get(class.index());
        match known.and_then(|known| known.get(view.index())) {
            Some(Some(residual)) => residual.clone(),
            _ => {
                let layers = self.view_layers(class, view);
                self.residual_of(class, view, &layers)
            }
        }
    }

    fn residual_of(&mut self, class: ClassIdx, view: View, layers: &[Layer]) -> Residual {
        let mut revealed = Vec::new();
        let mut masks: BTreeMap<_, Vec<_>> = BTreeMap::new();
        if layers.is_empty() {
            revealed.push(self.nodes.constant_node(Tri::False));
        }
        for Layer { start, steps, .. } in layers {
            if start.state == State::Hidden {
                let shows = steps
                    .iter()
                    .filter(|(_, effect, _)| *effect == Effect::Show);
                let shown = self.nodes.any(shows.map(|(_, _, on)| *on));
                revealed.push(shown);
            }
            for (_, effect, on) in steps {
                match effect {
                    Effect::Show => {}
                    Effect::Hide => revealed.push(self.nodes.negate(*on)),
                    Effect::Mask(kind) => masks.entry(*kind).or_default().push(*on),
                }
            }
        }
        let revealed = self.nodes.all(revealed);
        let masks = masks
            .into_iter()
            .map(|(kind, on)| (kind, self.nodes.any(on)));
        let residual = Residual {
            revealed,
            masks: masks.collect(),
        };
        let known = self.known.get_mut(class.index());
        if let Some(place) = known.and_then(|known| known.get_mut(view.index())) {
            *place = Some(residual.clone());
        }
        residual
    }

    fn view_layers(&mut self, class: ClassIdx, view: View) -> Vec<Layer> {
        match view {
            View::Own(side) => self.layers(class, side, false),
            View::Met => (0..self.sides.len())
                .flat_map(|side| self.layers(class, side, false))
                .collect(),
        }
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
        layer.steps.reserve(class.effects.len());
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

    fn verdict(&mut self, view: View) -> VerdictPlan {
        let policies = self.policies;
        let purpose = self.side(view).map(|side| side.purpose);
        let mut specialised = |statements: Option<&Vec<_>>| -> Vec<_> {
            statements
                .into_iter()
                .flatten()
                .filter_map(|idx| Some((*idx, policies.statement(*idx)?.condition)))
                .map(|(idx, condition)| (idx, self.node(condition, view)))
                .collect()
        };
        let allow = specialised(purpose.and_then(|purpose| policies.allow.get(&purpose)));
        let forbid = specialised(purpose.and_then(|purpose| policies.forbid.get(&purpose)));
        let granted = self.nodes.any(allow.iter().map(|(_, on)| *on));
        let mut holds = vec![granted];
        holds.extend(forbid.iter().map(|(_, on)| self.nodes.negate(*on)));
        VerdictPlan {
            view,
            allow,
            forbid,
            holds: self.nodes.all(holds),
            fixed: None,
        }
    }

    /// What keeps rows: on every side, the condition of each limit false or its predicate true.
    fn limits(&mut self) -> Vec<(Entity, NodeId)> {
        let policies = self.policies;
        let mut limits = Vec::new();
        let mut seen = HashSet::new();
        for side in 0..self.sides.len() {
            for limit in &policies.limits {
                let Some(statement) = policies.statement(limit.statement) else {
                    continue;
                };
                let condition = self.node(statement.condition, View::Own(side));
                let spared = self.nodes.negate(condition);
                let predicate = self.node(limit.predicate, View::Own(side));
                let keeps = self.nodes.any([spared, predicate]);
                let is_open = self.nodes.constant(keeps) != Some(Tri::True);
                if is_open && seen.insert((limit.entity, keeps)) {
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
fn fold(atom: &Atom<Infallible>) -> Option<Tri> {
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
        Atom::State { of, .. } => match *of {},
    };
    let nothing = Subject::default();
    let env = Env {
        subject: &nothing,
        now: Timestamp::from_micros(0),
        side: None,
    };
    is_fixed.then(|| env.test(atom))
}
