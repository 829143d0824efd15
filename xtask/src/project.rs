//! The checkout, its target directory, and how other programs are run in it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whatever goes wrong here ends the run, and is read by a person: the error is its message.
pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// Where things are.
#[derive(Debug)]
pub(crate) struct Project {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// Cargo's target directory. All that a run installs goes below it, so that a clean checkout
    /// stays clean and one cached directory makes the next run fast.
    pub(crate) target: PathBuf,
    cargo: OsString,
}

impl Project {
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .ok_or("the checkout has no folder above `xtask`")?
            .to_path_buf();
        // This program is `<target>/debug/xtask`, wherever cargo was told to put its target.
        let exe =
            env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
        let target = exe
            .ancestors()
            .nth(2)
            .ok_or("this program was not started by `cargo xtask`")?
            .to_path_buf();
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Ok(Self {
            root,
            target,
            cargo,
        })
    }

    /// Where `cargo install` puts the tools that the machine lacks.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// Cargo, in this checkout and target directory.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = self.command(&self.cargo);
        command.env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// Any other program, started in the checkout.
    pub(crate) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command.current_dir(&self.root);
        // What `cargo run` tells this program about itself is not true of its children, and some
        // build scripts would run again each time that it differs from a plain `cargo` call.
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        let own = self.tools().join("bin");
        let path = env::var_os("PATH").unwrap_or_default();
        let paths = env::split_paths(&path).chain([own]);
        if let Ok(joined) = env::join_paths(paths) {
            command.env("PATH", joined);
        }
        command
    }
}

/// Shows the command, runs it with its output going straight to the user, and wants success.
pub(crate) fn run(command: &mut Command) -> Result {
    let line = describe(command);
    println!("$ {line}");
    let status = command
        .status()
        .map_err(|error| format!("cannot start `{line}`: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{line}` failed ({status})"))
    }
}

/// The standard output of a command that must succeed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = describe(command);
    let output = command
        .output()
        .map_err(|error| format!("cannot start `{line}`: {error}"))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!(
            "`{line}` failed ({}): {}",
            output.status,
            complaint.trim()
        ));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{line}` printed text that is not utf-8"))
}

/// The command as a person would type it: the program by its name alone, wherever it lives.
fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut line = name.to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}
