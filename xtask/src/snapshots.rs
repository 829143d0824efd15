//! Snapshots that no test refers to: left behind by a renamed test, they look like a promise that
//! nobody keeps.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::project::{Project, Result};
use crate::tidy;

/// Which snapshots the tests compared with. insta writes each one's path to a file, as it does for
/// its own `cargo insta test --unreferenced`.
#[derive(Debug)]
pub(crate) struct References {
    file: PathBuf,
}

impl References {
    /// Starts an empty list, below the target directory.
    pub(crate) fn collect(project: &Project) -> Result<Self> {
        let file = project.target.join("snapshot-references");
        fs::write(&file, "")
            .map_err(|error| format!("cannot write `{}`: {error}", file.display()))?;
        Ok(Self { file })
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// After a run of every test: each snapshot of the checkout must be on the list.
    pub(crate) fn check(&self, project: &Project) -> Result {
        let list = fs::read_to_string(&self.file)
            .map_err(|error| format!("cannot read `{}`: {error}", self.file.display()))?;
        let left = unreferenced(
            tidy::files(project)?
                .into_iter()
                .map(|path| project.root.join(path)),
            &list,
        );
        if left.is_empty() {
            return Ok(());
        }
        let names: String = left
            .iter()
            .map(|path| format!("\n  {}", path.display()))
            .collect();
        Err(format!(
            "no test refers to these snapshots, delete them:{names}"
        ))
    }
}

fn unreferenced(files: impl Iterator<Item = PathBuf>, list: &str) -> Vec<PathBuf> {
    // insta joins paths as the macros give them, `..` included.
    let canonical = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let referenced: BTreeSet<PathBuf> = list
        .lines()
        .map(|line| canonical(Path::new(line)))
        .collect();
    files
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "snap")
        })
        .filter(|path| !referenced.contains(&canonical(path)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_that_no_test_compared_with_is_found() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("snapshots");
        fs::create_dir(&folder).unwrap();
        let (kept, left, code) = (
            folder.join("kept.snap"),
            folder.join("left.snap"),
            folder.join("code.rs"),
        );
        for file in [&kept, &left, &code] {
            fs::write(file, "").unwrap();
        }
        let list = format!("{}/../snapshots/kept.snap\n", folder.display());
        let files = [kept, left.clone(), code].into_iter();
        assert_eq!(unreferenced(files, &list), [left]);
    }
}
