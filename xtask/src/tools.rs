//! Cargo subcommands that the checks use, installed below the target directory when the machine
//! has none of its own.

use crate::project::{Project, Result, output, run};

/// A subcommand of cargo that crates.io has.
#[derive(Debug)]
pub(crate) struct Tool {
    subcommand: &'static str,
    package: &'static str,
    /// The version to install. One that the machine has already is taken as it is.
    version: &'static str,
    /// Without what a check does not need (self-update, fetching advisories), which halves the build.
    features: &'static [&'static str],
}

pub(crate) const DENY: Tool = Tool {
    subcommand: "deny",
    package: "cargo-deny",
    version: "0.20.2",
    features: &["--no-default-features"],
};

pub(crate) const NEXTEST: Tool = Tool {
    subcommand: "nextest",
    package: "cargo-nextest",
    version: "0.9.143",
    features: &["--no-default-features", "--features", "default-no-update"],
};

impl Tool {
    /// Makes `cargo <subcommand>` available to [`Project::cargo`].
    pub(crate) fn ensure(&self, project: &Project) -> Result {
        if output(project.cargo().args([self.subcommand, "--version"])).is_ok() {
            return Ok(());
        }
        println!(
            "`{}` is not on this machine: building it, which takes some minutes, once",
            self.package
        );
        let build = project.tools().join("build");
        let package = format!("{}@{}", self.package, self.version);
        // Unoptimised, it builds in a third of the time and is as fast as these checks need.
        let result = run(project
            .cargo()
            .args(["install", "--quiet", "--locked", "--debug", "--root"])
            .arg(project.tools())
            .args(self.features)
            .arg(&package)
            .env("CARGO_TARGET_DIR", &build)
            .env("CARGO_PROFILE_DEV_DEBUG", "0"));
        let _ = std::fs::remove_dir_all(&build);
        result.map_err(|message| {
            format!(
                "{message}; install it with `cargo install --locked {}`, and run again",
                self.package
            )
        })
    }
}
