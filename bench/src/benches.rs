//! What can be measured, by name.

mod machine;

use std::error::Error;

use crate::machine::Machine;
use crate::report::Line;

/// What a bench may use.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) machine: Machine,
}

/// The lines that a bench adds to the report.
pub(crate) type Lines = Result<Vec<Line>, Box<dyn Error>>;

/// A piece of work that is measured under one name.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Context) -> Lines,
}

/// In the order in which they run.
pub(crate) const BENCHES: &[Bench] = &[machine::BENCH];
