//! Questions about conditions: can it be true, false or unknown, and does one follow from another, over
//! every request that there could be?

use std::collections::HashMap;

use kith_domain::Purpose;

use super::compile::{Compiler, Memory, Sight, verdict_sight};
use super::diagram::{Diagram, MAX_STEPS, Op, Ref, TooLarge};
use super::shape::{Shape, ShapeSide, asks_for_kind};
use super::universe::Universe;
use crate::ir::NodeId;
use crate::policies::Policies;
use crate::tri::Tri;

/// What may be asked of the conditions of one version of the policies.
///
/// ```text
/// let mut conditions = Conditions::new(&policies);
/// // `hide account.plan when …`: can it ever apply?
/// conditions.can_be(node, Is::NotFalse, &Asked::of_fields(Purpose::ALL))
/// // a second `allow ai.draft when …`: does it grant anything that the first does not?
/// conditions.implies(second, first, Is::True, &Asked::of_verdicts(&[Purpose::AiDraft]))
/// ```
///
/// Every answer but [`Possible::Perhaps`] is a proof. States of fields are followed through, and every
/// shape of asker that asks under the purposes is gone through: members, agents, and agents for
/// members, on both sides. One question takes at most a second, all of one `Conditions` a few.
#[derive(Debug)]
pub struct Conditions<'a> {
    policies: &'a Policies,
    universe: Universe,
    shapes: Vec<Shape>,
    /// Steps that may still be taken over all questions.
    steps_left: usize,
}

/// Most steps over all questions.
const MAX_ALL_STEPS: usize = 10 * MAX_STEPS;

/// What a condition is asked to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Is {
    /// What a statement that grants needs.
    True,
    /// What keeps a statement that restricts from applying.
    False,
    /// Neither: something is absent, unbound, or of another currency.
    Unknown,
    /// Where a statement that grants does nothing.
    NotTrue,
    /// Where a statement that restricts applies.
    NotFalse,
}

/// Whether something is so on some request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Possible {
    /// On no request: proven.
    Never,
    /// On some request: proven.
    Sometimes,
    /// Not known: it was too much to go through, or tests are in it that compare values with each
    /// other in ways that are not followed.
    Perhaps,
}

/// When a condition is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'p> {
    purposes: &'p [Purpose],
    is_verdict: bool,
}

impl<'p> Asked<'p> {
    /// By `allow` and `forbid` of these purposes.
    #[must_use]
    pub const fn of_verdicts(purposes: &'p [Purpose]) -> Self {
        Self {
            purposes,
            is_verdict: true,
        }
    }

    /// By `show`, `mask`, `hide` and `limit` under these purposes. Routes are asked under none: for
    /// them any purpose does.
    #[must_use]
    pub const fn of_fields(purposes: &'p [Purpose]) -> Self {
        Self {
            purposes,
            is_verdict: false,
        }
    }
}

impl<'a> Conditions<'a> {
    /// The conditions of one version.
    #[must_use]
    pub fn new(policies: &'a Policies) -> Self {
        Self {
            policies,
            universe: Universe::new(&[&policies.0]),
            shapes: Shape::all(asks_for_kind(&policies.0)),
            steps_left: MAX_ALL_STEPS,
        }
    }

    /// Whether a condition is this on some request.
    pub fn can_be(&mut self, condition: NodeId, is: Is, asked: &Asked<'_>) -> Possible {
        self.can_all_be(&[(condition, is)], asked)
    }

    /// Whether several conditions are each what they are asked to be on one request, on one side.
    pub fn can_all_be(&mut self, conditions: &[(NodeId, Is)], asked: &Asked<'_>) -> Possible {
        if self.universe.is_too_large() {
            return Possible::Perhaps;
        }
        let mut diagram = Diagram::new(MAX_STEPS.min(self.steps_left));
        let found = self.search(conditions, asked, &mut diagram);
        self.steps_left = self.steps_left.saturating_sub(diagram.steps());
        found.unwrap_or(Possible::Perhaps)
    }

    /// Whether `b` is this on every request on which `a` is; `None` if that is not known.
    pub fn implies(&mut self, a: NodeId, b: NodeId, is: Is, asked: &Asked<'_>) -> Option<bool> {
        let not: &[Is] = match is {
            Is::True => &[Is::NotTrue],
            Is::False => &[Is::NotFalse],
            Is::NotTrue => &[Is::True],
            Is::NotFalse => &[Is::False],
            Is::Unknown => &[Is::True, Is::False],
        };
        let mut is_proven = true;
        for not in not {
            match self.can_all_be(&[(a, is), (b, *not)], asked) {
                Possible::Sometimes => return Some(false),
                Possible::Perhaps => is_proven = false,
                Possible::Never => {}
            }
        }
        is_proven.then_some(true)
    }

    fn search(
        &mut self,
        conditions: &[(NodeId, Is)],
        asked: &Asked<'_>,
        diagram: &mut Diagram,
    ) -> Result<Possible, TooLarge> {
        let mut found = Possible::Never;
        // What a side does not read of others is the same in every request that has such a side.
        let mut memories: HashMap<Vec<ShapeSide>, Memory> = HashMap::new();
        for purpose in Purpose::ALL {
            for shape in self.shapes.clone() {
                let sides = shape.sides(*purpose);
                for (side, of) in sides.iter().enumerate() {
                    if !asked.purposes.contains(&of.purpose) {
                        continue;
                    }
                    let sight = if asked.is_verdict {
                        verdict_sight(side)
                    } else {
                        Sight::Own
                    };
                    let (read, side) = match sight {
                        Sight::Met => (sides.clone(), side),
                        Sight::Own => (vec![*of], 0),
                    };
                    if sight == Sight::Own && memories.contains_key(&read) {
                        continue;
                    }
                    let memory = memories.entry(read.clone()).or_default();
                    let mut compiler = Compiler::new(
                        &self.policies.0,
                        0,
                        &mut self.universe,
                        diagram,
                        (shape, *purpose, &read),
                        memory,
                    );
                    let mut all = Vec::new();
                    for (condition, is) in conditions {
                        let value = compiler.node(*condition, side, sight)?;
                        all.push(compiler.is(value, *is)?);
                    }
                    let all = diagram.all(all)?;
                    match self.possible(diagram, all) {
                        Possible::Sometimes => return Ok(Possible::Sometimes),
                        Possible::Perhaps => found = Possible::Perhaps,
                        Possible::Never => {}
                    }
                }
            }
        }
        Ok(found)
    }

    /// Whether a function is true for some choice, and that choice can be had: all but the outcomes of
    /// tests that were not taken apart can.
    fn possible(&self, diagram: &Diagram, of: Ref) -> Possible {
        if of == Ref::tri(Tri::False) {
            return Possible::Never;
        }
        let is_true = |leaf: u32| Ref::tri(Tri::True).value() == Some(leaf);
        let is_sure = |var| !self.universe.is_truth(var);
        if diagram.reaches(of, &is_true, &is_sure) {
            Possible::Sometimes
        } else {
            Possible::Perhaps
        }
    }
}

impl Compiler<'_> {
    fn is(&mut self, value: Ref, is: Is) -> Result<Ref, TooLarge> {
        let (grants, restricts) = (
            self.diagram.map(Op::Grants, value)?,
            self.diagram.map(Op::Restricts, value)?,
        );
        match is {
            Is::True => Ok(grants),
            Is::NotFalse => Ok(restricts),
            Is::NotTrue => self.diagram.map(Op::Not, grants),
            Is::False => self.diagram.map(Op::Not, restricts),
            Is::Unknown => {
                let not_true = self.diagram.map(Op::Not, grants)?;
                self.diagram.apply(Op::And, not_true, restricts)
            }
        }
    }
}
