//! The budgets, measured: `cargo xtask bench [--json FILE] [--accounts NUMBER] [NAME…]`.
//!
//! Each bench does a piece of work that has a budget, and a control beside it on the same machine
//! in the same run, so that a number means something without knowing the machine.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to its user"
)]

mod benches;
mod customers;
mod generate;
mod kith;
mod load;
mod machine;
mod report;
mod served;

use std::error::Error;
use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

use clap::Parser;

use benches::{BENCHES, Bench, Context};
use machine::Machine;
use report::Report;

/// The same as `kith` has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures what has a budget.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Args {
    /// Which benches to run; all of them when none is named.
    #[arg(value_parser = parse_name)]
    names: Vec<&'static str>,
    /// Also writes the results to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Where the data of the benches lives while they run: the disk that is measured. By default
    /// beside this program, because a folder for temporary files is often no disk at all.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Where large stores are kept, to be used again by the next run. By default beside this program.
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    /// How many accounts a large workspace has; several for a curve.
    #[arg(
        long,
        value_name = "NUMBER",
        value_delimiter = ',',
        default_value = "1000000"
    )]
    accounts: Vec<u64>,
}

fn parse_name(name: &str) -> Result<&'static str, String> {
    BENCHES
        .iter()
        .map(|bench| bench.name)
        .find(|known| *known == name)
        .ok_or_else(|| {
            let known: Vec<_> = BENCHES
                .iter()
                .map(|bench| format!("`{}`", bench.name))
                .collect();
            format!("there are {}", known.join(", "))
        })
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            let mut cause = error.source();
            while let Some(because) = cause {
                eprintln!("  because: {because}");
                cause = because.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    load::sharpen_timers();
    let program = std::env::current_exe()?;
    let beside = program.parent().ok_or("this program is in no folder")?;
    let data = tempfile::tempdir_in(args.data.as_deref().unwrap_or(beside))?;
    let cache = args
        .cache
        .clone()
        .unwrap_or_else(|| beside.join("bench-cache"));
    let context = Context {
        machine: Machine::probe(data.path())?,
        data: data.path(),
        cache: &cache,
        accounts: &args.accounts,
    };
    start_log(File::create(data.path().join("log"))?);

    let wanted = |bench: &&Bench| args.names.is_empty() || args.names.contains(&bench.name);
    let mut report = Report::new(context.machine.clone());
    for bench in BENCHES.iter().filter(wanted) {
        eprintln!("{}: {}", bench.name, bench.about);
        let lines = (bench.run)(&context)?;
        report.add(bench.name, lines);
    }
    println!("{report}");
    if let Some(path) = &args.json {
        serde_json::to_writer_pretty(File::create(path)?, &report)?;
    }
    Ok(())
}

/// Logs as `kith serve` does by default, into a file: that is part of what a request costs.
fn start_log(file: File) {
    use tracing_subscriber::filter::LevelFilter;
    use tracing_subscriber::fmt;

    fmt()
        .with_max_level(LevelFilter::INFO)
        .with_ansi(false)
        .with_writer(Mutex::new(file))
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benches_are_chosen_by_name() {
        let args = Args::try_parse_from(["bench", "machine", "--json", "out.json"]).unwrap();
        assert_eq!(args.names, ["machine"]);
        let refused = Args::try_parse_from(["bench", "nonsense"])
            .unwrap_err()
            .to_string();
        assert!(refused.contains("there are `machine`"), "{refused}");
    }
}
