//! `kith policy format`: every policy file in its one form.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::{definitions, folder};
use crate::failure::Failure;
use crate::output::{Output, count};

/// What machines get.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Formatted<'a> {
    /// How many policy files there are.
    files: usize,
    /// Those that were not in the form.
    changed: Vec<&'a str>,
}

pub(super) fn run(path: &Path, is_check: bool, output: Output) -> Result<(), Failure> {
    let mut files = folder::read(path)?;
    files.retain(|file| file.path.ends_with(".kith"));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let (mut changed, mut found) = (Vec::new(), Vec::new());
    for file in &files {
        match kith_policy::format(&file.path, &file.text) {
            Ok(text) if text == file.text => {}
            Ok(text) => changed.push((file, text)),
            Err(mistakes) => found.extend(mistakes),
        }
    }
    if !found.is_empty() {
        return Err(definitions::mistakes(&files, &found, output));
    }
    if !is_check {
        for (file, text) in &changed {
            let path = path.join(&file.path);
            fs::write(&path, text).map_err(|error| {
                Failure::machine(format!("cannot write `{}`: {error}", path.display()))
            })?;
        }
    }
    let formatted = Formatted {
        files: files.len(),
        changed: changed.iter().map(|(file, _)| file.path.as_str()).collect(),
    };
    output.result(&formatted, || text(&formatted, is_check))?;
    if is_check && !changed.is_empty() {
        return Err(Failure::found(format!(
            "{} to format: run `kith policy format` without `--check`",
            count(changed.len(), "file")
        )));
    }
    Ok(())
}

fn text(formatted: &Formatted<'_>, is_check: bool) -> String {
    let files = count(formatted.files, "policy file");
    let mut lines: Vec<String> = formatted
        .changed
        .iter()
        .map(|path| (*path).to_owned())
        .collect();
    lines.push(match (formatted.changed.len(), is_check) {
        (0, _) => format!("nothing to change in {files}"),
        (changed, true) => format!("{changed} of {files} in another form"),
        (changed, false) => format!("formatted {changed} of {files}"),
    });
    lines.join("\n")
}
