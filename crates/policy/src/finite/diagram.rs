//! Decision diagrams: functions of finitely many variables, shared and reduced, so that two functions
//! are the same if and only if they are the same node.
//!
//! A leaf is a small number whose meaning the operation knows: a truth value, an interval of states, a
//! state, or how two of them differ.

use std::collections::{HashMap, HashSet};

use kith_domain::MaskKind;

use super::universe::Var;
use crate::state::{Interval, State, StateWord};
use crate::tri::Tri;

/// Most steps that go into one diagram. A step is one option of one function: about 0.2 µs and 30 bytes.
pub(crate) const MAX_STEPS: usize = 300_000;

/// A diagram outgrew its bound. Nothing is known of what it would have said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLarge;

/// A function: a node, or a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ref(u32);

const LEAF: u32 = 1 << 31;
/// Leaves of which pairs are made are smaller.
pub(super) const PAIRED: u32 = 1 << 15;
/// A leaf that says nothing, for functions that are put together case by case.
const NOTHING: u32 = LEAF - 1;

impl Ref {
    pub(crate) const NOTHING: Self = Self::leaf(NOTHING);

    pub(super) const fn leaf(value: u32) -> Self {
        Self(value | LEAF)
    }

    /// The value of a leaf.
    pub(crate) const fn value(self) -> Option<u32> {
        if self.0 & LEAF == 0 {
            None
        } else {
            Some(self.0 & !LEAF)
        }
    }

    /// Always this truth value.
    pub(crate) const fn tri(tri: Tri) -> Self {
        Self::leaf(tri as u32)
    }

    /// Always this change.
    pub(crate) const fn change(change: Change) -> Self {
        Self::leaf(change as u32)
    }

    /// The two leaves of which a pair is made.
    pub(crate) const fn unpair(value: u32) -> (u32, u32) {
        (value / PAIRED, value % PAIRED)
    }

    /// Always this interval.
    pub(crate) fn interval(interval: Interval) -> Self {
        Self::leaf(encode(interval))
    }
}

/// How what is shown changes from one version to another, on one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Change {
    Same,
    Narrower,
    Wider,
    /// Neither shows all that the other does: two masks.
    Differs,
}

impl Change {
    const ALL: [Self; 4] = [Self::Same, Self::Narrower, Self::Wider, Self::Differs];

    pub(crate) fn of(old: State, new: State) -> Self {
        match (old == new, old.meet(new)) {
            (true, _) => Self::Same,
            (_, met) if met == new => Self::Narrower,
            (_, met) if met == old => Self::Wider,
            _ => Self::Differs,
        }
    }

    pub(crate) fn of_value(value: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|change| *change as u32 == value)
    }
}

/// How two functions become one. Those that say `of one` read the first only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    And,
    Or,
    /// Of one.
    Not,
    /// Of one: whether it is true.
    Grants,
    /// Of one: whether it is not false.
    Restricts,
    /// The second where the first is true, else nothing.
    Where,
    /// The first, or the second where that says nothing.
    Else,
    /// An interval under a `show` with this condition.
    Lift,
    /// An interval under a restriction with this condition.
    Restrict(State),
    /// Two intervals.
    Meet,
    /// Of one: whether an interval is this state.
    Is(StateWord),
    /// What is emitted of an interval if the request is answered: a state.
    Emit,
    /// How a state changes.
    StateChange,
    /// How an answer changes: both true or false.
    AnswerChange,
    /// Both, side by side.
    Pair,
}

struct Node {
    var: Var,
    kids: Box<[Ref]>,
}

/// Nodes, each once, and results.
pub(crate) struct Diagram {
    nodes: Vec<Node>,
    known: HashMap<(Var, Box<[Ref]>), Ref>,
    results: HashMap<(Op, Ref, Ref), Ref>,
    steps: usize,
    most_steps: usize,
}

impl Diagram {
    /// A diagram that may take so many steps.
    pub(crate) fn new(most_steps: usize) -> Self {
        Self {
            nodes: Vec::new(),
            known: HashMap::new(),
            results: HashMap::new(),
            steps: 0,
            most_steps,
        }
    }

    /// How many steps went into it.
    pub(crate) const fn steps(&self) -> usize {
        self.steps
    }

    /// Counts steps.
    pub(crate) fn step(&mut self, count: usize) -> Result<(), TooLarge> {
        self.steps = self.steps.saturating_add(count);
        if self.steps > self.most_steps {
            return Err(TooLarge);
        }
        Ok(())
    }

    /// The function that depends on a variable as `kids` says, one for each of its options. They
    /// depend on later variables only.
    pub(crate) fn node(&mut self, var: Var, kids: Vec<Ref>) -> Result<Ref, TooLarge> {
        if let Some((first, rest)) = kids.split_first()
            && rest.iter().all(|kid| kid == first)
        {
            return Ok(*first);
        }
        let key = (var, kids.into_boxed_slice());
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        self.step(key.1.len())?;
        let made = Ref(u32::try_from(self.nodes.len()).unwrap_or(LEAF - 1));
        self.nodes.push(Node {
            var,
            kids: key.1.clone(),
        });
        self.known.insert(key, made);
        Ok(made)
    }

    fn get(&self, of: Ref) -> Option<&Node> {
        if of.value().is_some() {
            return None;
        }
        self.nodes.get(of.0 as usize)
    }

    /// The variable that a function asks first, and what it is for each of its options.
    pub(crate) fn first(&self, of: Ref) -> Option<(Var, &[Ref])> {
        let node = self.get(of)?;
        Some((node.var, &node.kids))
    }

    /// One function of two.
    pub(crate) fn apply(&mut self, op: Op, a: Ref, b: Ref) -> Result<Ref, TooLarge> {
        if let Some(result) = shortcut(op, a, b) {
            return Ok(result);
        }
        if let (Some(a), Some(b)) = (a.value(), b.value()) {
            return Ok(Ref::leaf(combine(op, a, b)));
        }
        if let Some(known) = self.results.get(&(op, a, b)) {
            return Ok(*known);
        }
        let var_of = |of| self.get(of).map(|node| node.var);
        let var = match (var_of(a), var_of(b)) {
            (Some(a), Some(b)) => a.min(b),
            (Some(var), None) | (None, Some(var)) => var,
            (None, None) => return Err(TooLarge),
        };
        let options = [a, b].into_iter().filter_map(|of| self.get(of));
        let options = options.filter(|node| node.var == var);
        let count = options.map(|node| node.kids.len()).max().unwrap_or(0);
        self.step(count)?;
        let mut kids = Vec::with_capacity(count);
        for option in 0..count {
            let (a, b) = (self.at(a, var, option), self.at(b, var, option));
            kids.push(self.apply(op, a, b)?);
        }
        let result = self.node(var, kids)?;
        self.results.insert((op, a, b), result);
        Ok(result)
    }

    /// One function of one.
    pub(crate) fn map(&mut self, op: Op, of: Ref) -> Result<Ref, TooLarge> {
        self.apply(op, of, Ref::NOTHING)
    }

    /// Two functions side by side.
    pub(crate) fn pair(&mut self, a: Ref, b: Ref) -> Result<Ref, TooLarge> {
        self.apply(Op::Pair, a, b)
    }

    /// All of them hold.
    pub(crate) fn all(&mut self, of: impl IntoIterator<Item = Ref>) -> Result<Ref, TooLarge> {
        self.fold(Op::And, Ref::tri(Tri::True), of)
    }

    /// Any of them holds.
    pub(crate) fn any(&mut self, of: impl IntoIterator<Item = Ref>) -> Result<Ref, TooLarge> {
        self.fold(Op::Or, Ref::tri(Tri::False), of)
    }

    /// From the last to the first: later parts mostly ask later variables, so that each one is put on
    /// top of what is made of those behind it.
    pub(crate) fn fold(
        &mut self,
        op: Op,
        start: Ref,
        of: impl IntoIterator<Item = Ref>,
    ) -> Result<Ref, TooLarge> {
        let parts: Vec<Ref> = of.into_iter().collect();
        let mut parts = parts.into_iter().rev();
        parts.try_fold(start, |made, part| self.apply(op, made, part))
    }

    /// What a function is once a variable has an option.
    fn at(&self, of: Ref, var: Var, option: usize) -> Ref {
        match self.get(of) {
            Some(node) if node.var == var => node.kids.get(option).copied().unwrap_or(of),
            _ => of,
        }
    }

    /// Every leaf that a function comes to on some choice.
    pub(crate) fn leaves(&self, of: Ref) -> Vec<u32> {
        let mut leaves = Vec::new();
        let mut seen = HashSet::new();
        let mut pending = vec![of];
        while let Some(next) = pending.pop() {
            if !seen.insert(next) {
                continue;
            }
            match next.value() {
                Some(value) => leaves.push(value),
                None => {
                    pending.extend(self.get(next).into_iter().flat_map(|node| node.kids.iter()))
                }
            }
        }
        leaves.sort_unstable();
        leaves
    }

    /// Whether a function comes to a leaf that is `wanted` on some choice of variables that may be
    /// asked.
    pub(crate) fn reaches(
        &self,
        of: Ref,
        wanted: &dyn Fn(u32) -> bool,
        may_ask: &dyn Fn(Var) -> bool,
    ) -> bool {
        let mut seen = HashSet::new();
        let mut pending = vec![of];
        while let Some(next) = pending.pop() {
            if next.value().is_some_and(wanted) {
                return true;
            }
            if let Some(node) = self.get(next)
                && may_ask(node.var)
                && seen.insert(next)
            {
                pending.extend(node.kids.iter());
            }
        }
        false
    }

    /// Up to `most` choices on which a function comes to a leaf that is `wanted`; earlier options
    /// come first.
    pub(crate) fn paths(
        &self,
        of: Ref,
        most: usize,
        wanted: &dyn Fn(u32) -> bool,
    ) -> Vec<Vec<(Var, usize)>> {
        let mut dead = HashSet::new();
        let mut found = Vec::new();
        self.search(of, most, wanted, &mut Vec::new(), &mut dead, &mut found);
        found
    }

    /// The choice of the fewest variables on which a function comes to a leaf that is `wanted`.
    pub(crate) fn shortest(
        &self,
        of: Ref,
        wanted: &dyn Fn(u32) -> bool,
    ) -> Option<Vec<(Var, usize)>> {
        let mut lengths = HashMap::new();
        self.length(of, wanted, &mut lengths)?;
        let (mut path, mut at) = (Vec::new(), of);
        while let Some(node) = self.get(at) {
            let kids = node.kids.iter().enumerate();
            let known = kids.filter_map(|(option, kid)| {
                let length = self.length(*kid, wanted, &mut lengths)?;
                Some((length, option, *kid))
            });
            let (_, option, kid) = known.min()?;
            path.push((node.var, option));
            at = kid;
        }
        Some(path)
    }

    /// How many variables the shortest such choice has.
    fn length(
        &self,
        of: Ref,
        wanted: &dyn Fn(u32) -> bool,
        known: &mut HashMap<Ref, Option<usize>>,
    ) -> Option<usize> {
        if let Some(value) = of.value() {
            return wanted(value).then_some(0);
        }
        if let Some(length) = known.get(&of) {
            return *length;
        }
        let kids = self.get(of)?.kids.iter();
        let shortest = kids
            .filter_map(|kid| self.length(*kid, wanted, known))
            .min();
        let length = shortest.map(|length| length + 1);
        known.insert(of, length);
        length
    }

    /// Whether anything was found below. What leads nowhere is not entered twice.
    fn search(
        &self,
        of: Ref,
        most: usize,
        wanted: &dyn Fn(u32) -> bool,
        path: &mut Vec<(Var, usize)>,
        dead: &mut HashSet<Ref>,
        found: &mut Vec<Vec<(Var, usize)>>,
    ) -> bool {
        if found.len() >= most {
            return true;
        }
        if let Some(value) = of.value() {
            if wanted(value) {
                found.push(path.clone());
                return true;
            }
            return false;
        }
        let Some(node) = self.get(of).filter(|_| !dead.contains(&of)) else {
            return false;
        };
        let mut leads_somewhere = false;
        for (option, kid) in node.kids.iter().enumerate() {
            path.push((node.var, option));
            leads_somewhere |= self.search(*kid, most, wanted, path, dead, found);
            path.pop();
        }
        if !leads_somewhere {
            dead.insert(of);
        }
        leads_somewhere
    }
}

/// What an operation gives whatever one of its functions is in full.
fn shortcut(op: Op, a: Ref, b: Ref) -> Option<Ref> {
    let (truth, falsehood) = (Ref::tri(Tri::True), Ref::tri(Tri::False));
    match op {
        Op::And if a == falsehood || b == falsehood => Some(falsehood),
        Op::And if a == truth || a == b => Some(b),
        Op::And if b == truth => Some(a),
        Op::Or if a == truth || b == truth => Some(truth),
        Op::Or if a == falsehood || a == b => Some(b),
        Op::Or if b == falsehood => Some(a),
        Op::Where if a == truth => Some(b),
        Op::Where if a == falsehood => Some(Ref::NOTHING),
        Op::Else if a == Ref::NOTHING => Some(b),
        Op::Else if b == Ref::NOTHING => Some(a),
        Op::Meet if a == b => Some(a),
        Op::Restrict(_) | Op::Lift if b == falsehood => Some(a),
        Op::StateChange | Op::AnswerChange if a == b => Some(Ref::leaf(Change::Same as u32)),
        _ => None,
    }
}

fn combine(op: Op, a: u32, b: u32) -> u32 {
    const FALSE: u32 = Tri::False as u32;
    const TRUE: u32 = Tri::True as u32;
    let truth = |holds: bool| if holds { TRUE } else { FALSE };
    match op {
        Op::And => a.min(b),
        Op::Or => a.max(b),
        Op::Not => TRUE - a.min(TRUE),
        Op::Grants => truth(a == TRUE),
        Op::Restricts => truth(a != FALSE),
        Op::Where if a == TRUE => b,
        Op::Where => NOTHING,
        Op::Else if a == NOTHING => b,
        Op::Else => a,
        Op::Lift => {
            let mut interval = decode(a);
            if b != FALSE {
                interval.hi = State::Visible;
            }
            if b == TRUE && interval.lo == State::Hidden {
                interval.lo = State::Visible;
            }
            encode(interval)
        }
        Op::Restrict(state) => {
            let condition = match b {
                FALSE => Tri::False,
                TRUE => Tri::True,
                _ => Tri::Unknown,
            };
            encode(decode(a).restrict(state, condition))
        }
        Op::Meet => encode(decode(a).meet(decode(b))),
        Op::Is(word) => decode(a).is(word) as u32,
        Op::Emit if a == TRUE => number(decode(b).lo),
        Op::Emit => number(State::Hidden),
        Op::StateChange => Change::of(state(a), state(b)) as u32,
        Op::AnswerChange => match (a == TRUE, b == TRUE) {
            (true, false) => Change::Narrower as u32,
            (false, true) => Change::Wider as u32,
            _ => Change::Same as u32,
        },
        Op::Pair => a.min(PAIRED - 1) * PAIRED + b.min(PAIRED - 1),
    }
}

const STATES: u32 = MaskKind::ALL.len() as u32 + 2;

/// A state as a small number.
fn number(of: State) -> u32 {
    match of {
        State::Hidden => 0,
        State::Masked(kind) => {
            let place = MaskKind::ALL.iter().position(|known| *known == kind);
            place
                .and_then(|place| u32::try_from(place + 1).ok())
                .unwrap_or(0)
        }
        State::Visible => STATES - 1,
    }
}

/// The state of a number.
pub(crate) fn state(number: u32) -> State {
    if number == STATES - 1 {
        return State::Visible;
    }
    let kind = number
        .checked_sub(1)
        .and_then(|place| MaskKind::ALL.get(place as usize));
    kind.map_or(State::Hidden, |kind| State::Masked(*kind))
}

fn encode(interval: Interval) -> u32 {
    number(interval.lo) * STATES + number(interval.hi)
}

fn decode(value: u32) -> Interval {
    Interval {
        lo: state(value / STATES),
        hi: state(value % STATES),
    }
}

#[cfg(test)]
impl Diagram {
    /// What a function is for one choice of every variable.
    pub(crate) fn value_at(&self, of: Ref, choose: &dyn Fn(Var) -> usize) -> Ref {
        match self.get(of) {
            Some(node) => self.value_at(node.kids[choose(node.var)], choose),
            None => of,
        }
    }
}
