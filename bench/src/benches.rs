//! What can be measured, by name.

mod context;
mod ingest;
mod list;
mod machine;
mod policy;

use std::error::Error;
use std::path::Path;

use crate::machine::Machine;
use crate::report::Line;

/// What a bench may use.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) machine: Machine,
    /// A folder on the disk that is measured.
    pub(crate) data: &'a Path,
    /// Where large stores are kept from one run to the next.
    pub(crate) cache: &'a Path,
    /// How many accounts a large workspace has, one after the other.
    pub(crate) accounts: &'a [u64],
}

/// The lines that a bench adds to the report.
pub(crate) type Lines = Result<Vec<Line>, Box<dyn Error>>;

/// A piece of work that is measured under one name.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Context<'_>) -> Lines,
}

/// In the order in which they run.
pub(crate) const BENCHES: &[Bench] = &[
    machine::BENCH,
    policy::BENCH,
    context::BENCH,
    ingest::BENCH,
    list::BENCH,
];

/// Says what goes on, beside the results.
#[expect(
    clippy::print_stderr,
    reason = "a command line tool speaks to its user"
)]
pub(crate) fn progress(what: &str) {
    eprintln!("  {what} …");
}
