//! A whole store as it was at one instant, in files, taken while others read and write it; and the way
//! back into an empty place.

mod postgres;
mod sqlite;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Cause, StoreError, StoreUrl};

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// `sqlite` or `postgres`: a backup goes back to the engine that it came from.
    pub engine: String,
    /// The schema version of each database.
    pub schema: BTreeMap<String, i64>,
    /// The workspaces by number.
    pub workspaces: BTreeMap<u64, String>,
    /// How far each stream of the audit log goes.
    pub streams: Vec<StreamEnd>,
    /// The columns of each table that is a file of its own; none where files are whole databases.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<String, Vec<String>>,
    /// The names of the files.
    pub files: Vec<String>,
}

/// The end of one workspace's stream of audit entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamEnd {
    /// The workspace's number.
    pub workspace: u64,
    /// `main/read`, `main/change`, …
    pub stream: String,
    /// The number of its newest entry.
    pub last: i64,
    /// How many entries it has.
    pub entries: i64,
}

const SQLITE: &str = "sqlite";
const POSTGRES: &str = "postgres";

const STREAM_ENDS: &str = "SELECT workspace, stream, max(seq), count(*) FROM audit
    GROUP BY workspace, stream ORDER BY workspace, stream";

/// Copies the store into a folder, which is made, or must be empty.
///
/// # Errors
/// If the store cannot be read or the folder cannot be written.
pub async fn take(url: &StoreUrl, into: &Path) -> Result<Contents, StoreError> {
    make_empty(into)?;
    let contents = match url {
        StoreUrl::Sqlite(folder) => {
            let (folder, into) = (folder.clone(), into.to_owned());
            tokio::task::spawn_blocking(move || sqlite::take(&folder, &into))
                .await
                .unwrap_or(Err(StoreError::Panicked))?
        }
        StoreUrl::Postgres(url) => postgres::take(url, into).await?,
    };
    File::open(into)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| failed("write", into, &error))?;
    Ok(contents)
}

/// Puts the files of a backup into a store of which nothing is there yet.
///
/// # Errors
/// If something is there, the backup is of another engine or a newer Kith, or the store cannot be
/// written.
pub async fn put_back(url: &StoreUrl, from: &Path, contents: &Contents) -> Result<(), StoreError> {
    match (url, contents.engine.as_str()) {
        (StoreUrl::Sqlite(folder), SQLITE) => {
            let (folder, from) = (folder.clone(), from.to_owned());
            let files = contents.files.clone();
            tokio::task::spawn_blocking(move || sqlite::put_back(&folder, &from, &files))
                .await
                .unwrap_or(Err(StoreError::Panicked))
        }
        (StoreUrl::Postgres(url), POSTGRES) => postgres::put_back(url, from, contents).await,
        _ => Err(StoreError::Conflict(
            "the backup is of the other database engine: name a store of its own kind with `KITH_STORE_URL`",
        )),
    }
}

/// Makes a folder for this user alone; one that is there must be empty.
fn make_empty(folder: &Path) -> Result<(), StoreError> {
    super::sqlite::create_folder(folder)?;
    let mut entries = fs::read_dir(folder).map_err(|error| failed("read", folder, &error))?;
    if entries.next().is_some() {
        return Err(StoreError::Conflict(
            "the folder is not empty: name one that is not there yet",
        ));
    }
    Ok(())
}

fn failed(what: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(Cause::new(format!(
        "cannot {what} `{}`: {}",
        path.display(),
        error.kind()
    )))
}
