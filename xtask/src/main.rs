//! Developer commands, run as `cargo xtask …`: every check and test, and the benches.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool speaks to its user"
)]

mod clients;
mod fuzz;
mod project;
mod snapshots;
mod steps;
mod tidy;
mod tools;

use std::process::ExitCode;

use project::{Project, Result};

const USAGE: &str = "\
usage:
  cargo xtask test [--only STEP,…] [-- NEXTEST ARGUMENTS]   every check and test
  cargo xtask bench [--json FILE] [--accounts N,…] [NAME…]  the budgets, measured
  cargo xtask fuzz [TARGET [--seconds N]]                   inputs that break a parser, looked for";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result {
    match args
        .split_first()
        .map(|(command, rest)| (command.as_str(), rest))
    {
        Some(("test", rest)) => steps::run(&Project::find()?, &steps::Options::parse(rest)?),
        Some(("bench", rest)) => bench(&Project::find()?, rest),
        Some(("fuzz", rest)) => fuzz::fuzz(&Project::find()?, rest),
        Some(("help" | "--help" | "-h", _)) => {
            println!(
                "{USAGE}\n\nsteps of `test`, in order:\n{}",
                steps::list().trim_end()
            );
            Ok(())
        }
        Some((other, _)) => Err(format!("unknown command `{other}`\n{USAGE}")),
        None => Err(format!("which command?\n{USAGE}")),
    }
}

/// The benches need the kith crates, which this tool does not depend on: they are a binary of
/// their own, always built for release, with the program that some of them start beside it.
fn bench(project: &Project, args: &[String]) -> Result {
    let packages = ["--package", "kith-bench", "--package", "kith"];
    let mut build = project.cargo();
    build.args(["build", "--quiet", "--release"]).args(packages);
    project::run(&mut build)?;
    let benches = project.target.join("release/kith-bench");
    project::run(project.command(benches).args(args))
}
