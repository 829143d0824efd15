//! The rules themselves, each a function from a file's text to what is wrong with it.

use std::fmt;
use std::path::{Path, PathBuf};

/// Longer files hide what they are for; about 300 lines is the aim.
const MAX_LINES: usize = 800;

/// Folders in which a developer's or a build machine's own files live. Text that names one works
/// on one machine.
const MACHINE_FOLDERS: &[&str] = &["/root/", "/home/", "/Users/", "/work/"];

/// What must not be committed, and what to do instead.
const FORBIDDEN: &[(&str, &str)] = &[
    ("TODO", "do it, or leave it out"),
    ("FIXME", "fix it, or leave it out"),
    (
        "\"resolved\":",
        "a lock file without download addresses works with any registry: keep the `.npmrc` beside it",
    ),
    (
        "--index-url",
        "packages come from whichever registry the machine is set up for",
    ),
    (
        "--extra-index-url",
        "packages come from whichever registry the machine is set up for",
    ),
];

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    path: PathBuf,
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.message)
    }
}

/// Every finding in one file, top to bottom.
pub(super) fn check(path: &Path, text: &str) -> Vec<Finding> {
    // The rules name what they forbid.
    if path.starts_with("xtask/src/tidy") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut report = |line, message| {
        findings.push(Finding {
            path: path.to_path_buf(),
            line,
            message,
        })
    };

    if is(path, "rs") && !text.starts_with("//!") {
        report(
            1,
            "a module starts with `//!` and says what it is for".to_owned(),
        );
    }
    let lines = text.lines().count();
    if written_by_hand(path) && lines > MAX_LINES {
        report(
            lines,
            format!(
                "{lines} lines, more than {MAX_LINES}: split the file by what its parts are for"
            ),
        );
    }
    for (number, line) in text.lines().enumerate() {
        for (word, instead) in FORBIDDEN {
            if has_word(line, word) {
                report(number + 1, format!("`{word}`: {instead}"));
            }
        }
        for folder in MACHINE_FOLDERS {
            if has_absolute(line, folder) {
                report(number + 1, format!("`{folder}` is a path of one machine"));
            }
        }
    }
    findings
}

fn is(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|has| has == extension)
}

/// Lock files and snapshots are as long as they are.
fn written_by_hand(path: &Path) -> bool {
    let lock = path
        .file_name()
        .is_some_and(|name| name == "Cargo.lock" || name == "package-lock.json");
    !lock && !is(path, "snap")
}

/// Whether `word` stands alone, not as a part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}

/// Whether a path starts with `folder`, not one that merely contains it, such as `docs/work/`.
fn has_absolute(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || "._-}>/".contains(c))
    })
}
