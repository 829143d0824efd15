//! The key that signs the log's checkpoints: one for an installation, made when it is first needed.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use kith_auth::tlog::LogKey;
use kith_domain::id::WorkspaceId;
use kith_store::audit::tree;
use kith_store::{Scope, StoreError, StoreUrl};
use sha2::Sha256;

use crate::Engine;
use crate::error::EngineError;

/// The key's file in the folder of a SQLite store.
const FILE: &str = "audit.key";

/// Where the key is kept.
#[derive(Debug, Clone)]
pub(crate) enum KeyPlace {
    /// In a file: 32 random bytes in hexadecimal.
    File(PathBuf),
    /// In the database, for all nodes on it.
    Database,
}

impl KeyPlace {
    /// The file that was named, else beside the store's own.
    pub(crate) fn of(store: &StoreUrl, named: Option<&Path>) -> Self {
        match (named, store) {
            (Some(path), _) => Self::File(path.to_owned()),
            (None, StoreUrl::Sqlite(folder)) => Self::File(folder.join(FILE)),
            (None, StoreUrl::Postgres(_)) => Self::Database,
        }
    }
}

impl Engine {
    /// The key, if there is one already.
    pub(super) async fn known_log_key(&self) -> Result<Option<LogKey>, EngineError> {
        let seed = match &self.0.log_key {
            KeyPlace::File(path) => read(path)?,
            KeyPlace::Database => {
                self.db()
                    .read(Scope::Installation, |tx| Box::pin(tree::key(tx)))
                    .await?
            }
        };
        Ok(seed.map(|seed| LogKey::from_seed(&seed)))
    }

    /// The key, made if there is none.
    pub(super) async fn log_key(&self) -> Result<LogKey, EngineError> {
        if let Some(key) = self.known_log_key().await? {
            return Ok(key);
        }
        let seed: [u8; 32] = self.runtime().bytes();
        match &self.0.log_key {
            KeyPlace::File(path) => create(path, &seed)?,
            KeyPlace::Database => {
                self.db()
                    .write(Scope::Installation, move |tx| {
                        Box::pin(async move { tree::offer_key(tx, &seed).await })
                    })
                    .await
                    .map_err(|error: StoreError| error)?;
            }
        }
        // Of two who made one, both go by the one that was kept.
        self.known_log_key()
            .await?
            .ok_or_else(|| EngineError::LogKey("it was made and is gone again".to_owned()))
    }

    /// The name of a workspace's log, which no other log has.
    pub(crate) async fn log_origin(&self, workspace: WorkspaceId) -> Result<String, EngineError> {
        let hash_key = self.hash_key(workspace).await?;
        // HMAC takes keys of every length.
        let name = Hmac::<Sha256>::new_from_slice(&hash_key).map(|mut mac| {
            mac.update(b"kith audit log\0");
            mac.finalize().into_bytes()
        });
        let name = name.unwrap_or_default();
        Ok(format!(
            "kith/{}",
            hex::encode(name.get(..8).unwrap_or_default())
        ))
    }
}

fn read(path: &Path) -> Result<Option<[u8; 32]>, EngineError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(path, &format!("cannot be read: {}", error.kind()))),
    };
    let bytes = hex::decode(text.trim_ascii()).ok();
    let seed = bytes.and_then(|bytes| bytes.try_into().ok());
    seed.map(Some)
        .ok_or_else(|| fault(path, "expected 64 hexadecimal digits"))
}

/// Puts the file there whole or not at all, and leaves one be that is there.
fn create(path: &Path, seed: &[u8; 32]) -> Result<(), EngineError> {
    let unique = hex::encode(seed.get(..8).unwrap_or_default());
    let draft = path.with_extension(format!("{unique}.new"));
    let written = write(&draft, seed).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    let removed = fs::remove_file(&draft);
    written
        .and(removed)
        .map_err(|error| fault(path, &format!("cannot be written: {}", error.kind())))
}

fn write(path: &Path, seed: &[u8; 32]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(hex::encode(seed).as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn fault(path: &Path, what: &str) -> EngineError {
    EngineError::LogKey(format!("`{}` {what}", path.display()))
}
