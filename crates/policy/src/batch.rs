//! Many rows at once: every condition is asked of 64 rows before the next one, so that the work per
//! row and condition is the comparison of a value, and everything above it is one operation on bits.
//!
//! Nothing is allocated once a [`Batch`] has been used for as many rows. Reasons are not kept: the few
//! rows that are asked for them are decided again, alone ([`Plan::decide`]).

use kith_domain::{FieldIdx, Timestamp};

use crate::column::Column;
use crate::eval::Block;
use crate::ir::{Node, NodeId};
use crate::lanes::{Lanes, Logic};
use crate::plan::{Emitted, Plan, PlanInner, evaluate};
use crate::state::State;
use crate::subject::Subject;
use crate::tri::Tri;

/// Room for decisions on many rows, to be used again for the next ones.
#[derive(Debug, Default)]
pub struct Batch {
    /// Of the plan's nodes, on the 64 rows at hand.
    values: Vec<Lanes>,
    /// Row by row, what each distinct way of deciding gives.
    states: Vec<State>,
    /// A bit for each row, the first row in the lowest bit of the first word.
    exists: Vec<u64>,
    allowed: Vec<u64>,
}

/// What a plan says of many subjects, by their position.
#[derive(Debug, Clone, Copy)]
pub struct Decisions<'b> {
    plan: &'b PlanInner,
    batch: &'b Batch,
    rows: usize,
}

/// What the fields of one row are.
#[derive(Debug, Clone, Copy)]
pub struct RowStates<'b> {
    emitted_of: &'b [u32],
    states: &'b [State],
}

impl Plan {
    /// Decides many subjects at once: which exist, on which the purpose is allowed, and the state of
    /// each field of each, all as [`Plan::decide`] says of each alone.
    pub fn decide_all<'b>(
        &'b self,
        subjects: &[Subject<'_>],
        now: Timestamp,
        batch: &'b mut Batch,
    ) -> Decisions<'b> {
        let plan = &*self.inner;
        batch.clear(plan, subjects.len());
        for subjects in subjects.chunks(Lanes::WIDTH) {
            let block = Block {
                subjects,
                now,
                side: self.sides.first(),
            };
            batch.decide(plan, &block);
        }
        Decisions {
            plan,
            batch,
            rows: subjects.len(),
        }
    }
}

impl Batch {
    fn clear(&mut self, plan: &PlanInner, rows: usize) {
        self.values.clear();
        self.values
            .resize(plan.nodes.nodes().len(), Lanes::constant(Tri::Unknown));
        self.states.clear();
        self.states.reserve(rows * plan.template.len());
        self.exists.clear();
        self.allowed.clear();
    }

    /// Decides the next 64 subjects, or those that are left.
    fn decide(&mut self, plan: &PlanInner, block: &Block<'_>) {
        for tests in plan.columns.chunk_by(|(a, _), (b, _)| a == b) {
            let mut column = tests.first().map(|(field, _)| Column::new(block, *field));
            for (_, test) in tests {
                let atom = match plan.nodes.get(*test) {
                    Some(Node::Atom(atom)) => Some(atom),
                    _ => None,
                };
                let value = column.as_mut().zip(atom);
                let value = value.map(|(column, atom)| column.test(atom));
                if let Some((place, value)) = self.values.get_mut(test.index()).zip(value) {
                    *place = value;
                }
            }
        }
        let live = plan.live.iter().copied();
        evaluate(&plan.nodes, live, &mut self.values, |atom| block.test(atom));
        let values = &self.values;
        let value = |node| lanes_of(values, node);
        let exists = plan.exist(block, value);
        self.exists.push(exists);
        self.allowed.push(exists & value(plan.allowed).yes);

        let start = self.states.len();
        for lane in 0..block.subjects.len() {
            if exists >> lane & 1 == 1 {
                self.states.extend_from_slice(&plan.template);
            } else {
                let hidden = plan.template.iter().map(|_| State::Hidden);
                self.states.extend(hidden);
            }
        }
        let width = plan.template.len();
        for (emitted, place) in plan.emitted.iter().zip(start..) {
            if let Emitted::Depends(residual) = emitted {
                let places = self.states.iter_mut().skip(place).step_by(width);
                residual.states(value, exists, places);
            }
        }
    }
}

fn lanes_of(values: &[Lanes], node: NodeId) -> Lanes {
    let value = values.get(node.index()).copied();
    value.unwrap_or_else(|| Lanes::constant(Tri::Unknown))
}

impl PlanInner {
    /// The subjects that exist for the caller, a bit for each.
    fn exist(&self, block: &Block<'_>, value: impl Fn(NodeId) -> Lanes) -> u64 {
        let subjects = || block.subjects.iter().zip(0..Lanes::WIDTH);
        if self.limits.is_empty() && !self.needs_proven_person {
            return subjects().fold(0, |all, (_, lane)| all | 1 << lane);
        }
        subjects().fold(0, |all, (subject, lane)| {
            let keeps = self.keeps(subject, |node| value(node).yes >> lane & 1 == 1);
            all | u64::from(keeps) << lane
        })
    }
}

impl<'b> Decisions<'b> {
    /// How many subjects were decided.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows
    }

    /// Whether there was none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether a subject exists for the caller. If not, nothing else says anything.
    #[must_use]
    pub fn exists(&self, row: usize) -> bool {
        bit(&self.batch.exists, row)
    }

    /// Whether a subject exists and the purpose is allowed on it.
    #[must_use]
    pub fn is_allowed(&self, row: usize) -> bool {
        bit(&self.batch.allowed, row)
    }

    /// The subjects that exist: a bit for each, the first in the lowest bit of the first word.
    #[must_use]
    pub fn existing(&self) -> &'b [u64] {
        &self.batch.exists
    }

    /// The subjects that exist and on which the purpose is allowed, in the same form.
    #[must_use]
    pub fn allowed(&self) -> &'b [u64] {
        &self.batch.allowed
    }

    /// The state of a field of a subject: hidden if the subject does not exist. It says nothing of the
    /// verdict.
    #[must_use]
    pub fn state(&self, row: usize, field: FieldIdx) -> State {
        self.row(row).state(field)
    }

    /// The states of one subject.
    #[must_use]
    pub fn row(&self, row: usize) -> RowStates<'b> {
        let width = self.plan.template.len();
        let start = row.saturating_mul(width);
        let states = self.batch.states.get(start..start.saturating_add(width));
        RowStates {
            emitted_of: &self.plan.emitted_of,
            states: states.unwrap_or_default(),
        }
    }
}

impl<'b> RowStates<'b> {
    /// The state of a field. It says nothing of the verdict.
    #[must_use]
    pub fn state(&self, field: FieldIdx) -> State {
        let place = self.emitted_of.get(field.index());
        place.map_or(State::Hidden, |place| self.at(*place))
    }

    /// The state of every field, in the catalog's order.
    pub fn iter(self) -> impl Iterator<Item = State> + 'b {
        self.emitted_of.iter().map(move |place| self.at(*place))
    }

    fn at(&self, place: u32) -> State {
        let state = self.states.get(place as usize);
        state.copied().unwrap_or(State::Hidden)
    }
}

fn bit(words: &[u64], row: usize) -> bool {
    let word = words.get(row / Lanes::WIDTH);
    word.is_some_and(|word| word >> (row % Lanes::WIDTH) & 1 == 1)
}
