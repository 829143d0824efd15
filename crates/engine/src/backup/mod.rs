//! Backup and restore. A backup is the store as it was at one instant, a hash of each of its files, and
//! how far each stream of the audit log goes; a restore reads the log of what it put back, and says
//! whether that proves the state.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use kith_domain::id::WorkspaceId;
use kith_domain::{Purpose, Runtime};
use kith_store::backup::{self as store, Contents};
use kith_store::{StoreError, StoreUrl, audit as audit_store};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::Engine;
use crate::audit::{AuditActor, Entry};
use crate::error::EngineError;
use proof::Proof;

mod proof;

/// The form of backups that this Kith writes and reads.
const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";
/// Bytes hashed at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// What stands in `manifest.json`, written last: a folder without it is no backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    format: u32,
    /// The Kith that wrote it.
    pub kith: String,
    /// When.
    pub taken_at: String,
    /// What it holds.
    pub contents: Contents,
    /// The size and the hash of each file.
    pub hashes: Vec<FileHash>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileHash {
    /// Its name in the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// What came of a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// When the backup was taken.
    pub taken_at: String,
    /// How many workspaces are there again.
    pub workspaces: usize,
    /// How many entries of the audit log were read.
    pub entries: u64,
    /// How many of them were held against what was signed.
    pub signed: u64,
    /// What the log does not prove, or is not as it was signed, in words; none if it proves the state.
    pub unproven: Vec<String>,
}

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("cannot {what} `{}`: {kind}", path.display())]
    Io {
        /// `read` or `write`.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// The folder holds no finished backup, or that of a newer Kith.
    #[error("`{}` is no backup that this Kith can read: name the folder that `kith backup` wrote", .0.display())]
    NotABackup(PathBuf),
    /// A file is not as it was written.
    #[error("`{0}` is not as it was when the backup was taken: use another copy of the backup")]
    Damaged(String),
    /// The store failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl Engine {
    /// Copies the store that this engine has open into a new folder, while others use it. That it was
    /// done is an entry of each workspace's log, in the backup too.
    ///
    /// # Errors
    /// If the store cannot be read, or the folder not be written, or is not empty.
    pub async fn backup(&self, url: &StoreUrl, into: &Path) -> Result<Manifest, BackupError> {
        self.note("store.backup").await?;
        let taken_at = self.runtime().now();
        let contents = store::take(url, into).await?;
        let hashes = contents.files.iter().map(|name| hash(into, name));
        let manifest = Manifest {
            format: FORMAT,
            kith: env!("CARGO_PKG_VERSION").to_owned(),
            taken_at: taken_at.to_string(),
            hashes: hashes.collect::<Result<_, _>>()?,
            contents,
        };
        write(&into.join(MANIFEST), &manifest)?;
        Ok(manifest)
    }

    /// Puts a backup into a store of which nothing is there yet, reads its audit log, and holds that against
    /// what was signed. `log_key` is the file of the log's key, if it is not kept in the store.
    ///
    /// # Errors
    /// If the backup is not whole, or the store not empty or not writable. What the log does not prove
    /// is no error: the store is there, and can be looked into.
    pub async fn restore(
        url: &StoreUrl,
        from: &Path,
        node: &str,
        runtime: Runtime,
        log_key: Option<&Path>,
    ) -> Result<Restored, BackupError> {
        let manifest = read(from)?;
        for expected in &manifest.hashes {
            if hash(from, &expected.name)? != *expected {
                return Err(BackupError::Damaged(expected.name.clone()));
            }
        }
        store::put_back(url, from, &manifest.contents).await?;
        let engine = Self::open_with_log_key(url, node, runtime, log_key).await?;
        let mut proof = engine.prove(&manifest.contents).await?;
        for workspace in engine.workspaces().await? {
            let by = AuditActor::operator();
            let report = engine.verify_audit_log(workspace.id, by, None).await?;
            proof.signed += report.size;
            let faults = report.faults.iter();
            let faults = faults.map(|fault| format!("workspace {}: {fault}", workspace.id));
            proof.unproven.extend(faults);
        }
        engine.note("store.restore").await?;
        Ok(Restored {
            taken_at: manifest.taken_at,
            workspaces: manifest.contents.workspaces.len(),
            entries: proof.entries,
            signed: proof.signed,
            unproven: proof.unproven,
        })
    }

    /// Holds the log against the state, and against what the backup said of it.
    async fn prove(&self, contents: &Contents) -> Result<Proof, EngineError> {
        let mut proof = Proof::default();
        let workspaces = self.workspaces().await?;
        for workspace in &workspaces {
            proof.of_workspace(self.db(), workspace.id).await?;
        }
        proof.against(contents, workspaces.len());
        Ok(proof)
    }

    /// An entry in the log of every workspace.
    async fn note(&self, action: &'static str) -> Result<(), EngineError> {
        for workspace in self.workspaces().await? {
            let id: WorkspaceId = workspace.id;
            let by = AuditActor::operator();
            let entry = Entry::new(self.runtime(), id, by, action, Purpose::ExportRun);
            self.db()
                .write(id, move |tx| {
                    Box::pin(async move { audit_store::append_in(tx, &entry.freeze()?).await })
                })
                .await
                .map_err(EngineError::Store)?;
        }
        Ok(())
    }
}

fn read(folder: &Path) -> Result<Manifest, BackupError> {
    let not_a_backup = || BackupError::NotABackup(folder.to_owned());
    let bytes = fs::read(folder.join(MANIFEST)).map_err(|_| not_a_backup())?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|_| not_a_backup())?;
    let hashed = manifest.hashes.iter().map(|file| &file.name);
    let plain = |name: &String| {
        Path::new(name)
            .file_name()
            .is_some_and(|file| file == name.as_str())
    };
    let whole = manifest.format == FORMAT
        && hashed.eq(&manifest.contents.files)
        && manifest.contents.files.iter().all(plain);
    whole.then_some(manifest).ok_or_else(not_a_backup)
}

fn write(path: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let failed = |error: io::Error| BackupError::Io {
        what: "write",
        path: path.to_owned(),
        kind: error.kind(),
    };
    let mut text = serde_json::to_vec_pretty(manifest).map_err(|error| failed(error.into()))?;
    text.push(b'\n');
    let mut file = File::create_new(path).map_err(failed)?;
    file.write_all(&text).map_err(failed)?;
    file.sync_all().map_err(failed)
}

fn hash(folder: &Path, name: &str) -> Result<FileHash, BackupError> {
    let path = folder.join(name);
    let failed = |error: io::Error| BackupError::Io {
        what: "read",
        path: path.clone(),
        kind: error.kind(),
    };
    let mut file = File::open(&path).map_err(failed)?;
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = file.read(&mut chunk).map_err(failed)?;
        let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        hasher.update(part);
        bytes += part.len() as u64;
    }
    Ok(FileHash {
        name: name.to_owned(),
        bytes,
        sha256: hex::encode(hasher.finalize()),
    })
}
