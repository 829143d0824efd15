//! `cargo xtask test`: what is checked, in which order.
//!
//! Cheap checks come first and the first failure ends the run. The tests come last, so that the
//! runner's own summary is the last thing to read.

use std::process::Command;
use std::time::Instant;

use crate::clients;
use crate::project::{Project, Result, run as run_command};
use crate::snapshots::References;
use crate::tidy;
use crate::tools;

struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Project, &Options) -> Result,
}

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "the code is formatted",
        run: fmt,
    },
    Step {
        name: "tidy",
        about: "the rules of this repository that no other tool knows",
        run: tidy_step,
    },
    Step {
        name: "deny",
        about: "dependencies: bans, licences, sources",
        run: deny,
    },
    Step {
        name: "clippy",
        about: "no warning in any target",
        run: clippy,
    },
    Step {
        name: "docs",
        about: "the documentation builds without a warning",
        run: docs,
    },
    Step {
        name: "clients",
        about: "what the tests talk to: PostgreSQL, a browser, and real client libraries",
        run: clients_step,
    },
    Step {
        name: "doctests",
        about: "the examples in the documentation run",
        run: doctests,
    },
    Step {
        name: "tests",
        about: "every test",
        run: tests,
    },
];

/// What the command line asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Names of steps; empty means all of them.
    only: Vec<String>,
    /// Handed to nextest as they are, to run a part of the tests.
    nextest: Vec<String>,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--only" => {
                    let names = args
                        .next()
                        .ok_or("`--only` needs the names of steps, as in `--only fmt,clippy`")?;
                    options.only.extend(names.split(',').map(str::to_owned));
                }
                "--" => options.nextest.extend(args.by_ref().cloned()),
                other => return Err(format!("unknown argument `{other}`: {}", crate::USAGE)),
            }
        }
        for name in &options.only {
            if !STEPS.iter().any(|step| step.name == name) {
                return Err(format!("unknown step `{name}`, the steps are:\n{}", list()));
            }
        }
        Ok(options)
    }

    /// Whether the tests of some packages were asked for: `--workspace` would overrule that.
    fn names_packages(&self) -> bool {
        self.nextest
            .iter()
            .any(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
    }

    fn wants(&self, step: &Step) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == step.name)
    }
}

/// One line for each step.
pub(crate) fn list() -> String {
    STEPS
        .iter()
        .map(|step| format!("  {:<10}{}\n", step.name, step.about))
        .collect()
}

pub(crate) fn run(project: &Project, options: &Options) -> Result {
    for step in STEPS.iter().filter(|step| options.wants(step)) {
        println!("\n== {}: {}", step.name, step.about);
        let start = Instant::now();
        (step.run)(project, options)
            .map_err(|message| format!("{} failed: {message}", step.name))?;
        if step.name != "tests" {
            println!(
                "== {}: ok in {:.1} s",
                step.name,
                start.elapsed().as_secs_f64()
            );
        }
    }
    Ok(())
}

fn fmt(project: &Project, _: &Options) -> Result {
    run_command(project.cargo().args(["fmt", "--all", "--check"]))
}

fn tidy_step(project: &Project, _: &Options) -> Result {
    tidy::run(project)
}

fn deny(project: &Project, _: &Options) -> Result {
    tools::DENY.ensure(project)?;
    // `deny.toml` says why advisories are not among these. The graph of each finding is long, and
    // `cargo tree -i` shows the same.
    let checks = [
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ];
    run_command(project.cargo().arg("deny").args(checks))
}

fn clippy(project: &Project, _: &Options) -> Result {
    run_command(project.cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

fn docs(project: &Project, _: &Options) -> Result {
    run_command(
        project
            .cargo()
            .args(["doc", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

fn clients_step(project: &Project, _: &Options) -> Result {
    clients::ensure(project)?;
    tools::NEXTEST.ensure(project)
}

fn doctests(project: &Project, _: &Options) -> Result {
    run_command(project.cargo().args(["test", "--doc", "--workspace"]))
}

fn tests(project: &Project, options: &Options) -> Result {
    // Both are done already unless this step was asked for alone.
    clients_step(project, options)?;
    let references = References::collect(project)?;
    let mut nextest = project.cargo();
    nextest.args(["nextest", "run"]);
    if !options.names_packages() {
        nextest.arg("--workspace");
    }
    nextest.args(&options.nextest);
    with_test_environment(&mut nextest, project, &references);
    run_command(&mut nextest)?;
    // A part of the tests refers to a part of the snapshots.
    if options.nextest.is_empty() {
        references.check(project)
    } else {
        Ok(())
    }
}

fn with_test_environment(command: &mut Command, project: &Project, references: &References) {
    command
        .env("KITH_TEST_NODE_DIR", clients::node_dir(project))
        .env("KITH_TEST_PYTHON", clients::python(project))
        .env("KITH_TEST_BROWSER_DIR", clients::browser_dir(project))
        .env(
            "KITH_TEST_CHROMIUM",
            clients::chromium().unwrap_or_default(),
        )
        // A run of every test judges the snapshots that are committed, and writes none.
        .env("INSTA_UPDATE", "no")
        .env("INSTA_SNAPSHOT_REFERENCES_FILE", references.file());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options> {
        Options::parse(
            &line
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_part_of_the_steps_and_of_the_tests_can_be_asked_for() {
        assert_eq!(parse("").unwrap(), Options::default());
        let options = parse("--only fmt,tests -- -p kith-policy parse").unwrap();
        assert_eq!(options.only, ["fmt", "tests"]);
        assert_eq!(options.nextest, ["-p", "kith-policy", "parse"]);
        assert!(options.names_packages());
        assert!(!parse("-- parse").unwrap().names_packages());
        let wanted: Vec<_> = STEPS
            .iter()
            .filter(|step| options.wants(step))
            .map(|step| step.name)
            .collect();
        assert_eq!(wanted, ["fmt", "tests"]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(
            parse("--only nonsense")
                .unwrap_err()
                .contains("unknown step `nonsense`")
        );
        assert!(
            parse("--only")
                .unwrap_err()
                .contains("needs the names of steps")
        );
        assert!(
            parse("nonsense")
                .unwrap_err()
                .contains("unknown argument `nonsense`")
        );
    }

    #[test]
    fn the_tests_come_last() {
        assert_eq!(STEPS.last().unwrap().name, "tests");
    }
}
