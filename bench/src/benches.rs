//! What can be measured, by name.

mod context;
mod ingest;
mod list;
mod machine;
mod memory;
mod page;
mod policy;
mod startup;

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

impl Context<'_> {
    /// The accounts of the largest workspace that is asked for.
    fn most_accounts(&self) -> u64 {
        self.accounts.iter().copied().max().unwrap_or_default()
    }
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
    page::BENCH,
    startup::BENCH,
    memory::BENCH,
];

/// One request after the other, over and over.
fn pick(requests: &[Vec<u8>], index: u64) -> Vec<u8> {
    let at = usize::try_from(index).unwrap_or_default() % requests.len().max(1);
    requests.get(at).cloned().unwrap_or_default()
}

/// Says what goes on, beside the results.
#[expect(
    clippy::print_stderr,
    reason = "a command line tool speaks to its user"
)]
pub(crate) fn progress(what: &str) {
    eprintln!("  {what} …");
}
