//! The rules of this repository that no other tool knows, checked on every file that git has or
//! would take.

mod rules;
#[cfg(test)]
mod rules_tests;

use std::fs;
use std::path::PathBuf;

use crate::project::{Project, Result, output};

/// Prints every finding, and fails if there is one.
pub(crate) fn run(project: &Project) -> Result {
    let mut findings = 0;
    let files = files(project)?;
    for path in &files {
        // A file that is not text has no lines to judge.
        let Ok(text) = fs::read_to_string(project.root.join(path)) else {
            continue;
        };
        for finding in rules::check(path, &text) {
            println!("{finding}");
            findings += 1;
        }
    }
    if findings == 0 {
        println!("{} files", files.len());
        Ok(())
    } else {
        Err(format!("{findings} findings in {} files", files.len()))
    }
}

/// Paths relative to the checkout: what is committed, or would be, and still exists.
pub(crate) fn files(project: &Project) -> Result<Vec<PathBuf>> {
    let mut git = project.command("git");
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let list = output(&mut git)?;
    let paths = list
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    Ok(paths
        .filter(|path| project.root.join(path).is_file())
        .collect())
}
