//! The two files of a folder, copied page by page from snapshots that were taken at one instant.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::{Contents, SQLITE, STREAM_ENDS, StreamEnd, failed, make_empty};
use crate::db::sqlite::connect;
use crate::{Cause, StoreError};

const DATA: &str = "kith.db";
const AUDIT: &str = "audit.db";
/// What the log is signed with, unless another file was named for it.
const KEY: &str = "audit.key";
/// All pages at once: the snapshot is held until the end anyway.
const ALL_PAGES: i32 = -1;

pub(super) fn take(folder: &Path, into: &Path) -> Result<Contents, StoreError> {
    if [DATA, AUDIT].iter().any(|file| !folder.join(file).exists()) {
        return Err(StoreError::Conflict(
            "there is no store in that folder: check `KITH_STORE_URL`",
        ));
    }
    let gate = connect(&folder.join(AUDIT))?;
    let data = connect(&folder.join(DATA))?;
    let audit = connect(&folder.join(AUDIT))?;
    // While the gate is held, no entry of a read is committed. So the snapshots are of one instant:
    // the log speaks of nothing that the data does not hold, and nobody saw what is not in the log.
    gate.execute_batch("BEGIN IMMEDIATE")?;
    begin(&data)?;
    begin(&audit)?;
    gate.execute_batch("ROLLBACK")?;

    let mut streams = stream_ends(&data)?;
    streams.extend(stream_ends(&audit)?);
    streams.sort();
    let mut contents = Contents {
        engine: SQLITE.to_owned(),
        schema: BTreeMap::from([
            (DATA.to_owned(), version(&data)?),
            (AUDIT.to_owned(), version(&audit)?),
        ]),
        workspaces: workspaces(&data)?,
        streams,
        tables: BTreeMap::new(),
        files: vec![DATA.to_owned(), AUDIT.to_owned()],
    };
    copy(&data, &into.join(DATA))?;
    copy(&audit, &into.join(AUDIT))?;
    // It was made before the first checkpoint, so it is there if the snapshot has one.
    if folder.join(KEY).exists() {
        put(&folder.join(KEY), &into.join(KEY))?;
        contents.files.push(KEY.to_owned());
    }
    Ok(contents)
}

/// Opens a snapshot, which begins with the first row that is read.
fn begin(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("BEGIN")?;
    version(connection)?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
    Ok(())
}

fn copy(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let mut target = Connection::open(to)?;
    let copied = Backup::new(from, &mut target)?.step(ALL_PAGES)?;
    if copied != StepResult::Done {
        return Err(StoreError::Unavailable(Cause::new(
            "the database was locked for too long",
        )));
    }
    target.close().map_err(|(_, error)| error)?;
    for_this_user(to)
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn workspaces(connection: &Connection) -> Result<BTreeMap<u64, String>, StoreError> {
    let mut statement = connection.prepare("SELECT id, name FROM workspace")?;
    let rows = statement.query_map((), |row| {
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn stream_ends(connection: &Connection) -> Result<Vec<StreamEnd>, StoreError> {
    let mut statement = connection.prepare(STREAM_ENDS)?;
    let rows = statement.query_map((), |row| {
        Ok(StreamEnd {
            workspace: row.get::<_, i64>(0)?.unsigned_abs(),
            stream: row.get(1)?,
            last: row.get(2)?,
            entries: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn put_back(folder: &Path, from: &Path, files: &[String]) -> Result<(), StoreError> {
    make_empty(folder)?;
    let done = files.iter().try_for_each(|file| {
        let to = folder.join(file);
        put(&from.join(file), &to)?;
        if file == KEY {
            return Ok(());
        }
        let sound: String =
            connect(&to)?.pragma_query_value(None, "integrity_check", |row| row.get(0))?;
        if sound == "ok" {
            return Ok(());
        }
        Err(StoreError::Conflict(
            "SQLite finds a file of the backup damaged: take another backup",
        ))
    });
    if done.is_err() {
        // The folder was empty: what fails leaves nothing that the next try would find in its way.
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let _ = fs::remove_file(entry.path());
        }
    }
    done
}

fn put(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::copy(from, to).map_err(|error| failed("write", to, &error))?;
    for_this_user(to)
}

/// Makes a file readable for this user alone, and durable.
fn for_this_user(path: &Path) -> Result<(), StoreError> {
    let file = File::open(path).map_err(|error| failed("read", path, &error))?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(|error| failed("write", path, &error))?;
    file.sync_all()
        .map_err(|error| failed("write", path, &error))
}
