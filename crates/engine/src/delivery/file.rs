//! A file of signed notes, one after the other, to which each new one is appended. Nothing in it is ever
//! written again, so it may stand on a medium that only takes what is added.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use kith_auth::tlog::SignedCheckpoint;

use super::Untaken;
use crate::error::EngineError;

/// The setting, as errors name it.
const SETTING: &str = "audit_checkpoint_file";

#[derive(Debug, Clone)]
pub(super) struct NotesFile(PathBuf);

impl NotesFile {
    /// The file, and the size of the newest checkpoint of each log in it.
    pub(super) fn open(path: &Path) -> Result<(Self, HashMap<String, u64>), EngineError> {
        let wrong = |what: String| EngineError::invalid(SETTING, what);
        let mut text = String::new();
        open(path)
            .and_then(|mut file| file.read_to_string(&mut text))
            .map_err(|error| {
                let (path, kind) = (path.display(), error.kind());
                wrong(format!("`{path}` cannot be read and written: {kind}"))
            })?;
        let mut has = HashMap::new();
        if !text.is_empty() {
            let notes = SignedCheckpoint::parse_all(&text).map_err(|error| {
                let path = path.display();
                wrong(format!(
                    "`{path}` holds something else than checkpoints: {error}: name another file"
                ))
            })?;
            for SignedCheckpoint { checkpoint, .. } in notes {
                let newest: &mut u64 = has.entry(checkpoint.origin).or_default();
                *newest = checkpoint.size.max(*newest);
            }
        }
        Ok((Self(path.to_owned()), has))
    }

    pub(super) async fn append(&self, note: String) -> Result<(), Untaken> {
        let path = self.0.clone();
        let written = tokio::task::spawn_blocking(move || append(&path, note.as_bytes()));
        let written = written.await.unwrap_or_else(|error| Err(error.into()));
        written.map_err(|error| Untaken::File(error.kind()))
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).open(path)
}

fn append(path: &Path, note: &[u8]) -> io::Result<()> {
    let mut file = open(path)?;
    let before = file.metadata()?.len();
    let written = file.write_all(note).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a note would make the whole file unreadable. Where that stays, the next start says so.
        let _ = file.set_len(before);
    }
    written
}
