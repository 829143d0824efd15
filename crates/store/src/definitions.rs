//! Versions of a workspace's definitions: published one after the other, never changed.

use kith_domain::Timestamp;
use kith_domain::definitions::SourceFile;
use kith_domain::id::WorkspaceId;
use serde_json::{Value as Json, json};

use crate::db::param::{Param, int};
use crate::db::row::Row;
use crate::{StoreError, Tx};

/// One version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionsRow {
    /// 1, 2, 3, …
    pub version: u64,
    /// The files' hash, by [`kith_domain::definitions::hash`].
    pub hash: String,
    /// The whole folder.
    pub files: Vec<SourceFile>,
    /// Who published it.
    pub author: String,
    /// Why.
    pub message: String,
    /// When.
    pub created_at: Timestamp,
}

/// One version without its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionsHead {
    /// 1, 2, 3, …
    pub version: u64,
    /// The files' hash.
    pub hash: String,
    /// Who published it.
    pub author: String,
    /// Why.
    pub message: String,
    /// When.
    pub created_at: Timestamp,
}

const NEWEST: &str = "SELECT coalesce(max(version), 0) FROM definitions WHERE workspace = ?1";
const PUBLISH: &str = "INSERT INTO definitions
    (workspace, version, hash, author, message, created_at, files)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const LATEST: &str = "SELECT version, hash, author, message, created_at, files FROM definitions
    WHERE workspace = ?1 ORDER BY version DESC LIMIT 1";
const GET: &str = "SELECT version, hash, author, message, created_at, files FROM definitions
    WHERE workspace = ?1 AND version = ?2";
const LIST: &str = "SELECT version, hash, author, message, created_at FROM definitions
    WHERE workspace = ?1 ORDER BY version DESC LIMIT ?2";

/// Publishes the version that follows the latest one.
///
/// # Errors
/// A conflict if another version was published in between.
pub async fn publish(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    definitions: &DefinitionsRow,
) -> Result<(), StoreError> {
    const OVERTAKEN: &str = "another version of the definitions was published in between: compare with it, then publish again";
    let newest = tx.query_opt(NEWEST, &[ws.into()]).await?;
    let newest = newest.map_or(Ok(0), |row| row.columns("definitions").number("version"))?;
    if definitions.version != newest + 1 {
        return Err(StoreError::Conflict(OVERTAKEN));
    }
    let files: Json = definitions
        .files
        .iter()
        .map(|file| json!({ "path": file.path, "text": file.text }))
        .collect();
    let files = files.to_string();
    let params = [
        ws.into(),
        int(definitions.version)?.into(),
        definitions.hash.as_str().into(),
        definitions.author.as_str().into(),
        definitions.message.as_str().into(),
        definitions.created_at.into(),
        Param::Json(&files),
    ];
    tx.execute(PUBLISH, &params)
        .await
        .map_err(|error| error.or_conflict(OVERTAKEN))?;
    Ok(())
}

/// The latest version.
///
/// # Errors
/// If the database fails.
pub async fn latest(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
) -> Result<Option<DefinitionsRow>, StoreError> {
    let row = tx.query_opt(LATEST, &[ws.into()]).await?;
    row.as_ref().map(read).transpose()
}

/// The number of the latest version, without reading it; 0 if there is none.
///
/// # Errors
/// If the database fails.
pub async fn latest_version(tx: &mut Tx<'_>, ws: WorkspaceId) -> Result<u64, StoreError> {
    let row = tx.query_opt(NEWEST, &[ws.into()]).await?;
    row.map_or(Ok(0), |row| row.columns("definitions").number("version"))
}

/// One version.
///
/// # Errors
/// If the database fails.
pub async fn get(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    version: u64,
) -> Result<Option<DefinitionsRow>, StoreError> {
    let row = tx
        .query_opt(GET, &[ws.into(), int(version)?.into()])
        .await?;
    row.as_ref().map(read).transpose()
}

/// The latest versions without their files, the newest first.
///
/// # Errors
/// If the database fails.
pub async fn list(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    limit: u32,
) -> Result<Vec<DefinitionsHead>, StoreError> {
    tx.query(LIST, &[ws.into(), i64::from(limit).into()])
        .await?
        .iter()
        .map(|row| {
            let mut columns = row.columns("definitions");
            Ok(DefinitionsHead {
                version: columns.number("version")?,
                hash: columns.string("hash")?,
                author: columns.string("author")?,
                message: columns.string("message")?,
                created_at: columns.time("created_at")?,
            })
        })
        .collect()
}

fn read(row: &Row) -> Result<DefinitionsRow, StoreError> {
    let mut columns = row.columns("definitions");
    Ok(DefinitionsRow {
        version: columns.number("version")?,
        hash: columns.string("hash")?,
        author: columns.string("author")?,
        message: columns.string("message")?,
        created_at: columns.time("created_at")?,
        files: read_files(&columns.json("files")?).ok_or_else(|| columns.corrupt("files"))?,
    })
}

fn read_files(files: &Json) -> Option<Vec<SourceFile>> {
    files
        .as_array()?
        .iter()
        .map(|file| {
            Some(SourceFile {
                path: file.get("path")?.as_str()?.to_owned(),
                text: file.get("text")?.as_str()?.to_owned(),
            })
        })
        .collect()
}
