//! `kith backup` and `kith restore`: the whole store as it was at one instant, and the way back.

use std::path::Path;

use kith_domain::Runtime;
use kith_engine::Engine;
use kith_engine::backup::BackupError;
use kith_store::inspect;

use crate::config::Config;
use crate::failure::Failure;
use crate::output::{Output, count};
use crate::{COMMAND_NODE, Shell};

/// Bytes in a mebibyte.
const MIB: u64 = 1024 * 1024;

/// Why the store cannot be backed up as it is: opening it would make one, or upgrade it.
pub(super) async fn unfit(config: &Config) -> Option<Failure> {
    let store = &config.store;
    let databases = match inspect::schema(store).await {
        Ok(databases) => databases,
        Err(error) => return Some(Failure::store(store, &error.into())),
    };
    if databases.is_empty() {
        return Some(Failure::input(format!(
            "there is no store at `{store}`: name it with `KITH_STORE_URL`"
        )));
    }
    let older = databases
        .iter()
        .find(|schema| schema.found < schema.known)?;
    let inspect::Schema { found, known, .. } = older;
    Some(Failure::input(format!(
        "the store at `{store}` has schema version {found}, and this Kith would first upgrade it to {known}: back it up with the Kith that wrote it, and upgrade it after that"
    )))
}

pub(super) async fn backup(shell: &Shell, into: &Path) -> Result<(), Failure> {
    let manifest = shell.engine.backup(&shell.config.store, into).await?;
    shell.output.result(&manifest, || {
        let bytes: u64 = manifest.hashes.iter().map(|file| file.bytes).sum();
        let entries: i64 = manifest
            .contents
            .streams
            .iter()
            .map(|end| end.entries)
            .sum();
        format!(
            "backed up `{}` as of {} into `{}`: {}, {entries} audit entries, {} MiB",
            shell.config.store,
            manifest.taken_at,
            into.display(),
            count(manifest.contents.workspaces.len(), "workspace"),
            bytes.div_ceil(MIB)
        )
    })?;
    Ok(())
}

pub(super) async fn restore(
    config: &Config,
    runtime: Runtime,
    output: Output,
    from: &Path,
) -> Result<(), Failure> {
    let log_key = config.audit_key_file.as_deref();
    let restored = Engine::restore(&config.store, from, COMMAND_NODE, runtime, log_key).await?;
    output.result(&restored, || {
        format!(
            "restored {} as of {} into `{}`, and read {} audit entries, {} of them in the signed tree: {}",
            count(restored.workspaces, "workspace"),
            restored.taken_at,
            config.store,
            restored.entries,
            restored.signed,
            match restored.unproven.len() {
                0 => "none is missing, they prove the state, and are as they were signed".to_owned(),
                number => format!("{} to look into", count(number, "matter")),
            }
        )
    })?;
    if restored.unproven.is_empty() {
        return Ok(());
    }
    Err(Failure::found(format!(
        "the log does not prove the state:\n  {}\ndo not serve it; restore another backup, or keep this one to look into",
        restored.unproven.join("\n  ")
    )))
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Engine(error) => error.into(),
            BackupError::NotABackup(_) => Self::input(error.to_string()),
            BackupError::Io { .. } | BackupError::Damaged(_) => Self::machine(error.to_string()),
        }
    }
}
