//! What the tests talk to for real: PostgreSQL's programs, Node.js and Python with the client
//! libraries of `tests/clients/`, and Chromium with the driver of `tests/browser/`.
//!
//! Programs come from the machine, or from Debian's packages where this may install them. The
//! libraries go below cargo's target directory, once for each version of their lock file.

use std::fs;
use std::path::{Path, PathBuf};

use crate::project::{Project, Result, output, run};

/// The oldest Node.js that `@segment/analytics-node` 3 supports.
const NODE_MAJOR: u32 = 20;

/// The folder that holds `node_modules`.
pub(crate) fn node_dir(project: &Project) -> PathBuf {
    project.target.join("clients/node")
}

/// The folder that holds the `node_modules` of the tests in a browser.
pub(crate) fn browser_dir(project: &Project) -> PathBuf {
    project.target.join("clients/browser")
}

/// The browser's program, wherever `PATH` has it.
pub(crate) fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|program| program.is_file())
}

/// The interpreter of the virtual environment that has the client libraries.
pub(crate) fn python(project: &Project) -> PathBuf {
    project.target.join("clients/python/bin/python")
}

/// Makes sure that all of it is there. Takes no time when it is.
pub(crate) fn ensure(project: &Project) -> Result {
    programs(project)?;
    node_packages(project, "tests/clients/node", &node_dir(project))?;
    node_packages(project, "tests/browser", &browser_dir(project))?;
    python_packages(project)
}

fn programs(project: &Project) -> Result {
    let mut missing = Vec::new();
    if !has_postgres(project) {
        missing.push("postgresql");
    }
    if !works(project, "node", &["--version"]) {
        missing.push("nodejs");
    }
    if !works(project, "npm", &["--version"]) {
        missing.push("npm");
    }
    // Debian has `venv` without the part that puts `pip` into it, until `python3-venv` is there.
    if !works(project, "python3", &["-c", "import venv, ensurepip"]) {
        missing.push("python3-venv");
    }
    if chromium().is_none() {
        missing.push("chromium");
    }
    if !missing.is_empty() {
        install(project, &missing)?;
    }
    if !has_postgres(project) {
        return Err("`initdb` is neither in `PATH` nor below `/usr/lib/postgresql`: install a PostgreSQL server".into());
    }
    let version = output(project.command("node").arg("--version"))?;
    match node_major(&version) {
        Some(major) if major >= NODE_MAJOR => Ok(()),
        _ => Err(format!(
            "`node` is {}: the client tests need {NODE_MAJOR} or newer",
            version.trim()
        )),
    }
}

fn works(project: &Project, program: &str, args: &[&str]) -> bool {
    output(project.command(program).args(args)).is_ok()
}

/// PostgreSQL's own programs are not in `PATH` on Debian.
fn has_postgres(project: &Project) -> bool {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    works(project, "initdb", &["--version"])
        || versions
            .map(|version| version.path().join("bin/initdb"))
            .any(|p| p.exists())
}

/// `v20.20.2` is 20.
fn node_major(version: &str) -> Option<u32> {
    version
        .trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()
}

fn install(project: &Project, packages: &[&str]) -> Result {
    let wanted = packages.join(" ");
    if !works(project, "apt-get", &["--version"]) {
        return Err(format!(
            "this machine lacks what Debian calls `{wanted}`: install it, and run again"
        ));
    }
    if output(project.command("id").arg("-u"))?.trim() != "0" {
        return Err(format!(
            "this machine lacks packages: run `sudo apt-get install {wanted}`, and run again"
        ));
    }
    run(project.command("apt-get").args(["update", "--quiet=2"]))?;
    run(project
        .command("apt-get")
        .args(["install", "--quiet=2", "--yes", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

fn node_packages(project: &Project, from: &str, into: &Path) -> Result {
    let from = project.root.join(from);
    once(&from.join("package-lock.json"), into, |into| {
        for file in ["package.json", "package-lock.json", ".npmrc"] {
            copy(&from.join(file), &into.join(file))?;
        }
        // No package here needs a script to be installed, and none gets to run one.
        let npm_ci = [
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--loglevel=error",
        ];
        run(project.command("npm").args(npm_ci).current_dir(into))
    })
}

fn python_packages(project: &Project) -> Result {
    let requirements = project.root.join("tests/clients/python/requirements.txt");
    once(
        &requirements,
        &project.target.join("clients/python"),
        |into| {
            run(project.command("python3").args(["-m", "venv"]).arg(into))?;
            let pip_install = [
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--requirement",
            ];
            run(project
                .command(python(project))
                .args(pip_install)
                .arg(&requirements))
        },
    )
}

/// Fills `folder` anew unless it was filled from this very lock file. The mark is written last, so
/// that an interrupted run starts over.
fn once(lock: &Path, folder: &Path, fill: impl FnOnce(&Path) -> Result) -> Result {
    let wanted =
        fs::read(lock).map_err(|error| format!("cannot read `{}`: {error}", lock.display()))?;
    let mark = folder.join("installed-from");
    if fs::read(&mark).is_ok_and(|had| had == wanted) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder)
            .map_err(|error| format!("cannot empty `{}`: {error}", folder.display()))?;
    }
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot make `{}`: {error}", folder.display()))?;
    fill(folder)?;
    fs::write(&mark, wanted).map_err(|error| format!("cannot write `{}`: {error}", mark.display()))
}

fn copy(from: &Path, to: &Path) -> Result {
    fs::copy(from, to)
        .map(drop)
        .map_err(|error| format!("cannot copy `{}`: {error}", from.display()))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn the_version_of_node_is_read_from_its_own_words() {
        let check = |text, expect| assert_eq!(node_major(text), expect, "{text}");
        check("v20.20.2\n", Some(20));
        check("v24.0.0", Some(24));
        check("20.1", None);
        check("", None);
    }

    #[test]
    fn packages_are_installed_again_only_when_their_lock_file_changes() {
        let base = tempfile::tempdir().unwrap();
        let (lock, folder) = (base.path().join("lock"), base.path().join("installed"));
        let fills = Cell::new(0);
        let fill = |_: &Path| {
            fills.set(fills.get() + 1);
            Ok(())
        };
        let failing = |_: &Path| Err("no network".to_owned());

        fs::write(&lock, "one").unwrap();
        assert!(once(&lock, &folder, failing).is_err());
        once(&lock, &folder, fill).unwrap();
        once(&lock, &folder, fill).unwrap();
        assert_eq!(
            fills.get(),
            1,
            "an interrupted run starts over, a finished one stands"
        );

        fs::write(&lock, "two").unwrap();
        once(&lock, &folder, fill).unwrap();
        assert_eq!(fills.get(), 2);
    }
}
