//! `kith secrets`: what proves the identity of end users.

use std::path::{Path, PathBuf};

use kith_auth::end_user::SigningMethod;
use kith_domain::id::SecretId;
use kith_engine::{AuditActor, NewSecret, SecretInfo};
use serde::Serialize;

use super::workspace;
use crate::Shell;
use crate::args::{SecretsCommand, WorkspaceArg};
use crate::failure::Failure;
use crate::output::list;
use crate::show::{NONE, second};

/// Random bytes in a shared secret that is made here.
const SECRET_BYTES: usize = 32;

/// A secret that was just added, with its text if it was made here.
#[derive(Serialize)]
struct Added<'a> {
    #[serde(flatten)]
    info: &'a SecretInfo,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

pub(super) async fn run(shell: &Shell, command: SecretsCommand) -> Result<(), Failure> {
    match command {
        SecretsCommand::Add {
            workspace,
            method,
            kid,
            file,
        } => add(shell, &workspace, method.into(), kid, file).await,
        SecretsCommand::List { workspace } => secrets(shell, &workspace).await,
        SecretsCommand::Revoke { id, workspace } => revoke(shell, &id, &workspace).await,
    }
}

/// A new shared secret as text, so that it can be pasted into a backend's settings.
pub(super) fn shared_secret(shell: &Shell) -> String {
    hex::encode(shell.runtime.bytes::<SECRET_BYTES>())
}

async fn add(
    shell: &Shell,
    workspace: &WorkspaceArg,
    method: SigningMethod,
    kid: Option<String>,
    file: Option<PathBuf>,
) -> Result<(), Failure> {
    let (bytes, made) = match (file, method) {
        (Some(file), _) => (read(&file)?, None),
        (None, SigningMethod::Hs256 | SigningMethod::HmacSha256) => {
            let secret = shared_secret(shell);
            (secret.clone().into_bytes(), Some(secret))
        }
        (None, SigningMethod::Rs256 | SigningMethod::Es256) => {
            return Err(Failure::input(format!(
                "`{}` wants the public key of your backend in PEM: name its file with `--file`",
                method.as_str()
            )));
        }
    };
    let workspace = workspace::find(&shell.engine, workspace).await?;
    let new = NewSecret { method, kid, bytes };
    let by = AuditActor::operator();
    let info = shell.engine.add_secret(workspace.id, by, new).await?;
    let added = Added {
        info: &info,
        secret: made.as_deref(),
    };
    shell.output.result(&added, || match &made {
        None => format!("added {}", info.id),
        Some(secret) => format!(
            "added {}. This is its text, now and never again:\n\n{secret}",
            info.id
        ),
    })?;
    Ok(())
}

/// The file's bytes without the line break that editors add.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = std::fs::read(file)
        .map_err(|error| Failure::input(format!("cannot read `{}`: {error}", file.display())))?;
    let kept = bytes.trim_ascii_end().len();
    bytes.truncate(kept);
    Ok(bytes)
}

async fn secrets(shell: &Shell, workspace: &WorkspaceArg) -> Result<(), Failure> {
    let workspace = workspace::find(&shell.engine, workspace).await?;
    let all = shell.engine.secrets(workspace.id).await?;
    shell.output.result(&all, || {
        let rows = all.iter().map(|secret| {
            [
                secret.id.to_string(),
                secret.method.to_owned(),
                secret.kid.clone().unwrap_or_else(|| NONE.to_owned()),
                second(secret.created_at),
                secret.revoked_at.map_or_else(|| NONE.to_owned(), second),
            ]
        });
        list(
            ["ID", "METHOD", "KID", "ADDED (UTC)", "REVOKED (UTC)"],
            rows,
        )
    })?;
    Ok(())
}

async fn revoke(shell: &Shell, id: &str, workspace: &WorkspaceArg) -> Result<(), Failure> {
    let id: SecretId = id
        .parse()
        .map_err(|error: kith_domain::id::IdError| Failure::input(error.to_string()))?;
    let workspace = workspace::find(&shell.engine, workspace).await?;
    let by = AuditActor::operator();
    if !shell.engine.revoke_secret(workspace.id, by, id).await? {
        return Err(Failure::input(format!(
            "`{}` has no live secret {id}: see `kith secrets list`",
            workspace.name
        )));
    }
    let done = serde_json::json!({ "id": id, "revoked": true });
    shell.output.result(&done, || format!("revoked {id}"))?;
    Ok(())
}
