//! Reading a definitions folder from disk.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use kith_domain::definitions::{MAX_FILE_BYTES, MAX_FILES, SourceFile};

use crate::failure::Failure;

/// Every file of the folder but hidden ones, which belong to editors and version control.
pub(super) fn read(folder: &Path) -> Result<Vec<SourceFile>, Failure> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(below) = folders.pop() {
        let path = folder.join(&below);
        let entries = fs::read_dir(&path).map_err(|error| unreadable(&path, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&path, &error))?;
            let Ok(name) = entry.file_name().into_string() else {
                return Err(Failure::input(format!(
                    "`{}` holds a file whose name is not UTF-8: rename it",
                    path.display()
                )));
            };
            if name.starts_with('.') {
                continue;
            }
            let relative = below.join(&name);
            let kind = entry
                .file_type()
                .map_err(|error| unreadable(&entry.path(), &error))?;
            if kind.is_dir() {
                folders.push(relative);
            } else {
                files.push(read_file(folder, &relative)?);
            }
            if files.len() + folders.len() > MAX_FILES {
                return Err(Failure::input(format!(
                    "`{}` holds more than {MAX_FILES} files: is it a definitions folder?",
                    folder.display()
                )));
            }
        }
    }
    Ok(files)
}

fn read_file(folder: &Path, relative: &Path) -> Result<SourceFile, Failure> {
    let path = folder.join(relative);
    let file = fs::File::open(&path).map_err(|error| unreadable(&path, &error))?;
    // One byte more than fits is enough to say that it is too large.
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&path, &error))?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            return Err(Failure::input(format!(
                "`{}` is not UTF-8 text (byte {}): save it as UTF-8",
                path.display(),
                error.utf8_error().valid_up_to()
            )));
        }
    };
    let parts: Vec<_> = relative
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    Ok(SourceFile {
        path: parts.join("/"),
        text,
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::input(format!("cannot read `{}`: {error}", path.display()))
}
