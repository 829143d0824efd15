//! Policies to diagrams, for one shape of asker and one purpose. Rule for rule this is the direct
//! evaluator (`reference`), with functions in the place of values.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kith_domain::{Entity, FieldIdx, Purpose, Value};

use super::classes::{Source, Test};
use super::diagram::{Diagram, Op, Ref, TooLarge};
use super::shape::{Shape, ShapeSide};
use super::universe::{Key, PROOFS, Part, Universe, Var};
use crate::eval::{Reading, Scalar};
use crate::field::Start;
use crate::ir::{Atom, Base, Items, Node, NodeId, Term};
use crate::names::{Attr, NO_AGENT};
use crate::policies::{ClassIdx, Effect, Inner, Statement, StatementId, StatementIdx};
use crate::state::{Interval, State};
use crate::tri::Tri;

/// Whose states a condition reads: those of its own side, or those of all sides together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Sight {
    Own,
    Met,
}

/// One version's policies for one shape and purpose.
pub(crate) struct Compiler<'a> {
    inner: &'a Inner,
    version: usize,
    pub(crate) universe: &'a mut Universe,
    pub(crate) diagram: &'a mut Diagram,
    sides: &'a [ShapeSide],
    needs_proof: bool,
    memory: &'a mut Memory,
    /// Statements that are not taken apart, for they are the same in all versions.
    common: Option<&'a HashSet<StatementId>>,
}

/// What a compiler has found out. It belongs to one version, shape and purpose.
#[derive(Default)]
pub(crate) struct Memory {
    nodes: HashMap<(NodeId, usize, Sight), Ref>,
    states: HashMap<(ClassIdx, usize), Ref>,
}

type Made = Result<Ref, TooLarge>;

impl<'a> Compiler<'a> {
    pub(crate) fn new(
        inner: &'a Inner,
        version: usize,
        universe: &'a mut Universe,
        diagram: &'a mut Diagram,
        (shape, purpose, sides): (Shape, Purpose, &'a [ShapeSide]),
        memory: &'a mut Memory,
    ) -> Self {
        Self {
            inner,
            version,
            universe,
            diagram,
            sides,
            needs_proof: purpose == Purpose::AiAnswer && !shape.has_member,
            memory,
            common: None,
        }
    }

    /// The same with these statements, which are the same in all versions, not taken apart.
    pub(crate) fn without(self, common: Option<&'a HashSet<StatementId>>) -> Self {
        Self { common, ..self }
    }

    fn side(&self, side: usize) -> Option<ShapeSide> {
        self.sides.get(side).copied()
    }

    /// Whether the bound rows exist for the asker.
    pub(crate) fn exists(&mut self) -> Made {
        let mut keeps = Vec::new();
        if self.needs_proof {
            keeps.push(self.proven()?);
        }
        for side in 0..self.sides.len() {
            for limit in 0..self.inner.limits.len() {
                keeps.push(self.keeps(limit, side)?);
            }
        }
        self.diagram.all(keeps)
    }

    fn proven(&mut self) -> Made {
        let Some(var) = self.universe.var(&Key::Proof) else {
            return Ok(Ref::tri(Tri::False));
        };
        let kids = PROOFS.iter().map(|proof| Ref::tri(proof.proven.into()));
        self.diagram.node(var, kids.collect())
    }

    /// Whether a limit keeps the bound rows, on one side.
    pub(crate) fn keeps(&mut self, limit: usize, side: usize) -> Made {
        let Some(limit) = self.inner.limits.get(limit) else {
            return Ok(Ref::tri(Tri::True));
        };
        let condition = self.condition(limit.statement, side, Sight::Own)?;
        let applies = self.diagram.map(Op::Restricts, condition)?;
        let is_limited = self.is_limited(limit.entity)?;
        let applies = self.diagram.apply(Op::And, is_limited, applies)?;
        let spared = self.diagram.map(Op::Not, applies)?;
        let part = |of: &Statement| Part {
            statement: of.id,
            side,
            condition: None,
        };
        let predicate = match self.inner.statement(limit.statement).map(part) {
            Some(part) if self.is_common(part.statement) => self.common(part)?,
            _ => self.node(limit.predicate, side, Sight::Own)?,
        };
        let holds = self.diagram.map(Op::Grants, predicate)?;
        self.diagram.apply(Op::Or, spared, holds)
    }

    /// Whether a limit on an entity speaks of the bound rows, as `reference::is_limited` has it.
    pub(crate) fn is_limited(&mut self, entity: Entity) -> Made {
        let bound: &[Entity] = match &entity {
            Entity::Account => &[Entity::Account, Entity::Subscription, Entity::Role],
            Entity::Event => &[],
            other => std::slice::from_ref(other),
        };
        let mut any = Vec::new();
        for entity in bound {
            if let Some(var) = self.universe.var(&Key::Bound(*entity)) {
                let kids = vec![Ref::tri(Tri::True), Ref::tri(Tri::False)];
                any.push(self.diagram.node(var, kids)?);
            }
        }
        self.diagram.any(any)
    }

    /// Whether the purpose is allowed on every side.
    pub(crate) fn allowed(&mut self) -> Made {
        let mut sides = Vec::new();
        for side in 0..self.sides.len() {
            sides.push(self.allowed_on(side)?);
        }
        self.diagram.all(sides)
    }

    /// Whether it is allowed on one side. The first reads what the request emits.
    fn allowed_on(&mut self, side: usize) -> Made {
        let Some(purpose) = self.side(side).map(|side| side.purpose) else {
            return Ok(Ref::tri(Tri::False));
        };
        let inner = self.inner;
        let mut granted = Vec::new();
        for idx in inner.allow.get(&purpose).into_iter().flatten() {
            let condition = self.condition(*idx, side, verdict_sight(side))?;
            granted.push(self.diagram.map(Op::Grants, condition)?);
        }
        let mut forbidden = Vec::new();
        for idx in inner.forbid.get(&purpose).into_iter().flatten() {
            let condition = self.condition(*idx, side, verdict_sight(side))?;
            forbidden.push(self.diagram.map(Op::Restricts, condition)?);
        }
        let granted = self.diagram.any(granted)?;
        let forbidden = self.diagram.any(forbidden)?;
        let free = self.diagram.map(Op::Not, forbidden)?;
        self.diagram.apply(Op::And, granted, free)
    }

    /// Where conversations go: 0 the default inbox, 1 triage, from 2 on the spaces, which are added to
    /// `spaces` as they come up.
    pub(crate) fn route(&mut self, spaces: &mut Vec<Arc<str>>) -> Made {
        let inner = self.inner;
        let mut goes = Ref::leaf(0);
        // From the last to the first, which decides.
        for route in inner.routes.iter().rev() {
            let known = spaces.iter().position(|space| *space == route.space);
            let place = known.unwrap_or_else(|| {
                spaces.push(Arc::clone(&route.space));
                spaces.len() - 1
            });
            let space = Ref::leaf(u32::try_from(place + 2).map_err(|_| TooLarge)?);
            let condition = self.condition(route.statement, 0, Sight::Own)?;
            let holds = self.diagram.map(Op::Grants, condition)?;
            let may_hold = self.diagram.map(Op::Restricts, condition)?;
            goes = self.choose(&[(holds, space), (may_hold, Ref::leaf(1))], goes)?;
        }
        Ok(goes)
    }

    /// A statement's condition, on one side.
    pub(crate) fn condition(&mut self, idx: StatementIdx, side: usize, sight: Sight) -> Made {
        match self.inner.statement(idx) {
            Some(statement) if self.is_common(statement.id) => self.common(Part {
                statement: statement.id,
                side,
                condition: Some(sight),
            }),
            Some(statement) => self.node(statement.condition, side, sight),
            None => Ok(Ref::tri(Tri::Unknown)),
        }
    }

    fn is_common(&self, statement: StatementId) -> bool {
        self.common
            .is_some_and(|common| common.contains(&statement))
    }

    /// A part of a statement that is not taken apart.
    fn common(&mut self, part: Part) -> Made {
        self.free(&Key::Common(part))
    }

    fn free(&mut self, key: &Key) -> Made {
        let Some(var) = self.universe.var(key) else {
            return Err(TooLarge);
        };
        let kids = [Tri::False, Tri::Unknown, Tri::True].map(Ref::tri);
        self.diagram.node(var, kids.into())
    }

    /// A part of a statement, taken apart.
    pub(crate) fn part(&mut self, part: Part) -> Made {
        let inner = self.inner;
        let mut statements = (0..).map(StatementIdx).zip(&inner.statements);
        let Some((idx, statement)) = statements.find(|(_, of)| of.id == part.statement) else {
            return Ok(Ref::tri(Tri::Unknown));
        };
        let Some(sight) = part.condition else {
            let mut limits = inner.limits.iter();
            let limit = limits.find(|limit| limit.statement == idx);
            let predicate = limit.map(|limit| self.node(limit.predicate, part.side, Sight::Own));
            return predicate.unwrap_or(Ok(Ref::tri(Tri::Unknown)));
        };
        self.node(statement.condition, part.side, sight)
    }

    /// What is emitted of a class of fields: the meet of all sides.
    pub(crate) fn met(&mut self, class: ClassIdx) -> Made {
        let mut met = Ref::interval(Interval::exactly(State::Visible));
        for side in 0..self.sides.len() {
            let own = self.state(class, side)?;
            met = self.diagram.apply(Op::Meet, met, own)?;
        }
        Ok(met)
    }

    /// The interval of a class of fields, on one side.
    pub(crate) fn state(&mut self, idx: ClassIdx, side: usize) -> Made {
        if let Some(known) = self.memory.states.get(&(idx, side)) {
            return Ok(*known);
        }
        let (Some(class), Some(of)) = (self.inner.classes.get(idx.index()), self.side(side)) else {
            return Ok(Ref::interval(Interval::exactly(State::Hidden)));
        };
        let start = Start::of(class.gate, &self.inner.ceilings, of.purpose);
        let mut state = Ref::interval(Interval::exactly(start.state));
        if !start.is_closed() {
            let mut conditions = Vec::with_capacity(class.effects.len());
            for (statement, effect) in &class.effects {
                let condition = self.condition(*statement, side, Sight::Own)?;
                conditions.push((*effect, condition));
            }
            let shows = conditions
                .iter()
                .filter(|(effect, _)| *effect == Effect::Show);
            if start.liftable {
                let shows = shows.map(|(_, condition)| *condition);
                state = self.diagram.fold(Op::Lift, state, shows)?;
            }
            // In any order they come to the same; from the last to the first, as `fold` does.
            for (effect, condition) in conditions.iter().rev() {
                if let Some(to) = restriction(*effect) {
                    state = self.diagram.apply(Op::Restrict(to), state, *condition)?;
                }
            }
        }
        if let Some(parent) = class.parent {
            let parent = self.state(parent, side)?;
            state = self.diagram.apply(Op::Meet, state, parent)?;
        }
        self.memory.states.insert((idx, side), state);
        Ok(state)
    }

    /// A condition, on one side.
    pub(crate) fn node(&mut self, id: NodeId, side: usize, sight: Sight) -> Made {
        if let Some(known) = self.memory.nodes.get(&(id, side, sight)) {
            return Ok(*known);
        }
        let inner = self.inner;
        let made = match inner.nodes.get(id) {
            None => Ref::tri(Tri::Unknown),
            Some(Node::Const(tri)) => Ref::tri(*tri),
            Some(Node::Not(part)) => {
                let part = self.node(*part, side, sight)?;
                self.diagram.map(Op::Not, part)?
            }
            Some(Node::And(parts)) => {
                let parts = self.parts(parts, side, sight)?;
                self.diagram.all(parts)?
            }
            Some(Node::Or(parts)) => {
                let parts = self.parts(parts, side, sight)?;
                self.diagram.any(parts)?
            }
            Some(Node::Atom(Atom::State { of, is })) => {
                let state = match (inner.class(*of), sight) {
                    (Some(class), Sight::Own) => self.state(class, side)?,
                    (Some(class), Sight::Met) => self.met(class)?,
                    (None, _) => Ref::interval(Interval::exactly(State::Hidden)),
                };
                self.diagram.map(Op::Is(*is), state)?
            }
            Some(Node::Atom(atom)) => {
                let test = self.universe.test(self.version, atom);
                self.test(&test, side)?
            }
        };
        self.memory.nodes.insert((id, side, sight), made);
        Ok(made)
    }

    fn parts(&mut self, parts: &[NodeId], side: usize, sight: Sight) -> Result<Vec<Ref>, TooLarge> {
        parts
            .iter()
            .map(|part| self.node(*part, side, sight))
            .collect()
    }

    fn test(&mut self, test: &Test, side: usize) -> Made {
        let Some(of) = self.side(side) else {
            return Ok(Ref::tri(Tri::Unknown));
        };
        let test = self.fix(test, of);
        if self.universe.is_opaque(&test) {
            return self.free(&Key::Truth(test));
        }
        match &test {
            Atom::Overlap { left, right } => match (self.list(left), self.list(right)) {
                (Some(a), Some(b)) => self.lists_overlap(&a, &b),
                (Some(list), None) => self.item_in(right, &list),
                (None, Some(list)) => self.item_in(left, &list),
                (None, None) => {
                    self.enumerate(&[left, right], |of, choice| of.overlap(left, right, choice))
                }
            },
            Atom::Compare { left, op, right } => {
                let terms = [left.clone(), right.clone()].map(Items::One);
                let [a, b] = &terms;
                self.enumerate(&[a, b], |of, choice| {
                    match (of.read(left, choice), of.read(right, choice)) {
                        (Reading::Value(a), Reading::Value(b)) => a.compare(*op, b),
                        _ => Tri::Unknown,
                    }
                })
            }
            Atom::Absent(term) => self.absent(term),
            Atom::State { .. } => Ok(Ref::tri(Tri::Unknown)),
        }
    }

    fn absent(&mut self, term: &Term) -> Made {
        // A list field has no value of its own to read.
        if let Base::Field(at) = term.base
            && let Some(present) = self.universe.var(&Key::Present(at.field))
        {
            let kids = vec![Ref::tri(Tri::False), Ref::tri(Tri::True)];
            let absent = self.diagram.node(present, kids)?;
            return self.where_bound(at.entity, absent, Ref::tri(Tri::Unknown));
        }
        let item = Items::One(term.clone());
        self.enumerate(&[&item], |of, choice| match of.read(term, choice) {
            Reading::Unknown => Tri::Unknown,
            Reading::Absent => Tri::True,
            Reading::Value(_) => Tri::False,
        })
    }

    /// `then` where a row of the entity is bound.
    fn where_bound(&mut self, entity: Entity, then: Ref, otherwise: Ref) -> Made {
        let Some(var) = self.universe.var(&Key::Bound(entity)) else {
            return Ok(otherwise);
        };
        let (truth, falsehood) = (Ref::tri(Tri::True), Ref::tri(Tri::False));
        let bound = self.diagram.node(var, vec![truth, falsehood])?;
        self.choose(&[(bound, then)], otherwise)
    }

    /// The first whose condition is true, or else the last. Conditions are never unknown.
    fn choose(&mut self, cases: &[(Ref, Ref)], otherwise: Ref) -> Made {
        let mut made = Ref::NOTHING;
        for (condition, then) in cases {
            let case = self.diagram.apply(Op::Where, *condition, *then)?;
            made = self.diagram.apply(Op::Else, made, case)?;
        }
        self.diagram.apply(Op::Else, made, otherwise)
    }

    /// A test with what the shape of the asker fixes as constants.
    fn fix(&self, test: &Test, side: ShapeSide) -> Test {
        let text = |text: &str| Base::Const(Value::String(text.into())).term();
        let term = |term: &Term| match term.base {
            Base::Attr(Attr::Purpose) => text(side.purpose.as_str()),
            Base::Attr(Attr::AgentKind) => text(side.agent.map_or(NO_AGENT, |kind| kind.as_str())),
            _ => term.clone(),
        };
        let items = |items: &Items| match items {
            Items::One(one) => Items::One(term(one)),
            Items::Attr(_) if !side.has_member => Items::Unknown,
            other => other.clone(),
        };
        match test {
            Atom::Compare { left, op, right } => {
                match (self.missing(left, side), self.missing(right, side)) {
                    (false, false) => Atom::Compare {
                        left: term(left),
                        op: *op,
                        right: term(right),
                    },
                    _ => unknown(),
                }
            }
            Atom::Overlap { left, right } => {
                let side_of = |of: &Items| match of {
                    Items::One(one) if self.missing(one, side) => Items::Unknown,
                    other => items(other),
                };
                Atom::Overlap {
                    left: side_of(left),
                    right: side_of(right),
                }
            }
            Atom::Absent(of) if self.missing(of, side) => {
                // A member's name is unknown without a member; an agent's is absent without one.
                if matches!(of.base, Base::Attr(Attr::AgentId | Attr::AgentName)) {
                    Atom::Overlap {
                        left: Items::Const([Value::Bool(true)].into()),
                        right: Items::Const([Value::Bool(true)].into()),
                    }
                } else {
                    unknown()
                }
            }
            Atom::Absent(of) => Atom::Absent(term(of)),
            Atom::State { .. } => test.clone(),
        }
    }

    /// Whether nobody is there whose name it is.
    fn missing(&self, term: &Term, side: ShapeSide) -> bool {
        match term.base {
            Base::Attr(Attr::UserId | Attr::UserName) => !side.has_member,
            Base::Attr(Attr::AgentId | Attr::AgentName) => side.agent.is_none(),
            _ => false,
        }
    }

    /// A list whose words are variables.
    fn list(&self, items: &Items) -> Option<(Source, Option<(Entity, FieldIdx)>)> {
        match items {
            Items::Attr(list) => Some((Source::List(*list), None)),
            Items::Field(at) => Some((Source::Field(at.field), Some((at.entity, at.field)))),
            _ => None,
        }
    }

    fn holds(&mut self, list: Source, word: &str) -> Made {
        match self.universe.var(&Key::Holds(list, word.into())) {
            Some(var) => {
                let kids = vec![Ref::tri(Tri::False), Ref::tri(Tri::True)];
                self.diagram.node(var, kids)
            }
            None => Ok(Ref::tri(Tri::False)),
        }
    }

    /// Whether a list that is there holds nothing.
    fn is_empty(&mut self, list: Source) -> Made {
        let words: Vec<Arc<str>> = self.universe.words(list).to_vec();
        let mut held = Vec::new();
        for word in words {
            held.push(self.holds(list, &word)?);
        }
        let any = self.diagram.any(held)?;
        self.diagram.map(Op::Not, any)
    }

    /// `then` where a list is there: its row bound, and its value not absent.
    fn where_there(&mut self, at: Option<(Entity, FieldIdx)>, then: Ref, otherwise: Ref) -> Made {
        let Some((entity, field)) = at else {
            return Ok(then);
        };
        let mut made = then;
        if let Some(var) = self.universe.var(&Key::Present(field)) {
            let kids = vec![Ref::tri(Tri::True), Ref::tri(Tri::False)];
            let present = self.diagram.node(var, kids)?;
            made = self.choose(&[(present, then)], otherwise)?;
        }
        self.where_bound(entity, made, otherwise)
    }

    fn lists_overlap(
        &mut self,
        (a, a_at): &(Source, Option<(Entity, FieldIdx)>),
        (b, b_at): &(Source, Option<(Entity, FieldIdx)>),
    ) -> Made {
        let words: Vec<Arc<str>> = self.universe.words(*a).to_vec();
        let mut shared = Vec::new();
        for word in words {
            let (in_a, in_b) = (self.holds(*a, &word)?, self.holds(*b, &word)?);
            shared.push(self.diagram.apply(Op::And, in_a, in_b)?);
        }
        let both = self.diagram.any(shared)?;
        // Beside what is unknown, an empty list shares nothing and any other may.
        let unless_empty = |of: &mut Self, list| {
            let empty = of.is_empty(list)?;
            of.choose(&[(empty, Ref::tri(Tri::False))], Ref::tri(Tri::Unknown))
        };
        let (a_alone, b_alone) = (unless_empty(self, *a)?, unless_empty(self, *b)?);
        let with_a = self.where_there(*b_at, both, a_alone)?;
        let without_a = self.where_there(*b_at, b_alone, Ref::tri(Tri::Unknown))?;
        self.where_there(*a_at, with_a, without_a)
    }

    /// Whether a list holds one value, one of some fixed values, or something unknown.
    fn item_in(
        &mut self,
        items: &Items,
        (list, at): &(Source, Option<(Entity, FieldIdx)>),
    ) -> Made {
        if matches!(items, Items::Const(values) if values.is_empty()) {
            return Ok(Ref::tri(Tri::False));
        }
        let empty = self.is_empty(*list)?;
        let unless_empty = self.choose(&[(empty, Ref::tri(Tri::False))], Ref::tri(Tri::Unknown))?;
        let there = match items {
            Items::Const(values) => {
                let mut held = Vec::new();
                for value in values.iter() {
                    if let Value::String(word) = value {
                        held.push(self.holds(*list, word)?);
                    }
                }
                self.diagram.any(held)?
            }
            Items::One(term) => {
                // Word by word: the value is this one, and the list holds it.
                let words: Vec<Arc<str>> = self.universe.words(*list).to_vec();
                let mut cases = Vec::new();
                for word in words {
                    let is = self.enumerate(&[items], |of, choice| {
                        let is_it = matches!(
                            of.read(term, choice),
                            Reading::Value(Scalar::Text(text)) if *text == *word
                        );
                        is_it.into()
                    })?;
                    cases.push((is, self.holds(*list, &word)?));
                }
                self.choose(&cases, unless_empty)?
            }
            _ => unless_empty,
        };
        // Where the list is not there, nothing is known.
        self.where_there(*at, there, Ref::tri(Tri::Unknown))
    }

    /// A test of single values, asked of each of their options.
    fn enumerate(
        &mut self,
        items: &[&Items],
        ask: impl Fn(&Reader<'_>, &[(Var, usize)]) -> Tri,
    ) -> Made {
        let mut vars: Vec<Var> = Vec::new();
        for item in items {
            let Items::One(term) = item else { continue };
            let keys = match term.base {
                Base::Field(at) => vec![Key::Bound(at.entity), Key::Value(Source::Field(at.field))],
                Base::Attr(Attr::SignedIdentity | Attr::IdentityMethod) => vec![Key::Proof],
                Base::Attr(attr) => vec![Key::Value(Source::Attr(attr))],
                Base::Const(_) => Vec::new(),
            };
            for key in keys {
                vars.extend(self.universe.var(&key));
            }
        }
        vars.sort();
        vars.dedup();
        let mut choice = Vec::new();
        self.enumerate_from(&vars, &mut choice, &ask)
    }

    fn enumerate_from(
        &mut self,
        vars: &[Var],
        choice: &mut Vec<(Var, usize)>,
        ask: &impl Fn(&Reader<'_>, &[(Var, usize)]) -> Tri,
    ) -> Made {
        let Some((var, rest)) = vars.split_first() else {
            self.diagram.step(1)?;
            let reader = Reader {
                universe: self.universe,
            };
            return Ok(Ref::tri(ask(&reader, choice)));
        };
        let count = self.universe.count(*var);
        let mut kids = Vec::with_capacity(count);
        for option in 0..count {
            choice.push((*var, option));
            kids.push(self.enumerate_from(rest, choice, ask)?);
            choice.pop();
        }
        self.diagram.node(*var, kids)
    }
}

/// Reads single values once their variables are chosen.
pub(super) struct Reader<'a> {
    pub(super) universe: &'a Universe,
}

impl<'a> Reader<'a> {
    fn option(&self, key: &Key, choice: &[(Var, usize)]) -> Option<usize> {
        let mut choice = choice.iter();
        let found = choice.find(|(var, _)| self.universe.key(*var) == Some(key));
        found.map(|(_, option)| *option)
    }

    fn read(&self, term: &'a Term, choice: &[(Var, usize)]) -> Reading<'a> {
        let value = |source| {
            let option = self.option(&Key::Value(source), choice)?;
            self.universe.options(source).get(option)
        };
        let reading = match &term.base {
            Base::Const(value) => Reading::Value(Scalar::of(value)),
            Base::Attr(Attr::SignedIdentity | Attr::IdentityMethod) => {
                let proof = self.option(&Key::Proof, choice);
                let proof = proof.and_then(|option| PROOFS.get(option));
                let proof = proof.copied().unwrap_or_default();
                match (&term.base, proof.method.filter(|_| proof.proven)) {
                    (Base::Attr(Attr::SignedIdentity), _) => {
                        Reading::Value(Scalar::Bool(proof.proven))
                    }
                    (_, Some(method)) => Reading::Value(Scalar::Text(method.as_str())),
                    (_, None) => Reading::Absent,
                }
            }
            Base::Field(at) if self.option(&Key::Bound(at.entity), choice) == Some(1) => {
                Reading::Unknown
            }
            Base::Field(at) => from_option(value(Source::Field(at.field))),
            Base::Attr(attr) => from_option(value(Source::Attr(*attr))),
        };
        match reading {
            Reading::Value(Scalar::Time(at)) => {
                Reading::Value(Scalar::Time(at.saturating_add(term.shift)))
            }
            other => other,
        }
    }

    /// Whether two things that are no lists of variables share an item.
    fn overlap(&self, left: &'a Items, right: &'a Items, choice: &[(Var, usize)]) -> Tri {
        let is_empty = |items: &Items| matches!(items, Items::Const(values) if values.is_empty());
        if is_empty(left) || is_empty(right) {
            return Tri::False;
        }
        let (Some(left), Some(right)) = (self.items(left, choice), self.items(right, choice))
        else {
            return Tri::Unknown;
        };
        let pairs = left.iter().flat_map(|a| right.iter().map(move |b| (a, b)));
        pairs.fold(Tri::False, |any, (a, b)| {
            any.or(a.compare(crate::ast::Op::Eq, *b))
        })
    }

    fn items(&self, items: &'a Items, choice: &[(Var, usize)]) -> Option<Vec<Scalar<'a>>> {
        match items {
            Items::Const(values) => Some(values.iter().map(Scalar::of).collect()),
            Items::One(term) => match self.read(term, choice) {
                Reading::Value(value) => Some(vec![value]),
                _ => None,
            },
            _ => None,
        }
    }
}

fn from_option(option: Option<&Option<Value>>) -> Reading<'_> {
    match option {
        None => Reading::Unknown,
        Some(None) => Reading::Absent,
        Some(Some(value)) => Reading::Value(Scalar::of(value)),
    }
}

/// A test that is always unknown.
fn unknown() -> Test {
    Atom::Overlap {
        left: Items::Unknown,
        right: Items::Const([Value::Bool(true)].into()),
    }
}

/// The first side's verdict reads what the request emits, the member's side its own states.
pub(super) const fn verdict_sight(side: usize) -> Sight {
    if side == 0 { Sight::Met } else { Sight::Own }
}

pub(crate) const fn restriction(effect: Effect) -> Option<State> {
    match effect {
        Effect::Show => None,
        Effect::Mask(kind) => Some(State::Masked(kind)),
        Effect::Hide => Some(State::Hidden),
    }
}
