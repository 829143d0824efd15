//! `kith sources`: systems that call out when something changes there.

use std::path::Path;

use kith_domain::id::SourceId;
use kith_engine::{
    AuditActor, NewSource, SourceChange, SourceConfig, SourceInfo, SourceKind, Workspace,
};

use super::{secrets, workspace};
use crate::Shell;
use crate::args::{SourceArg, SourcesCommand, WorkspaceArg};
use crate::failure::Failure;
use crate::output::list;
use crate::show::{NONE, second};

pub(super) async fn run(shell: &Shell, command: SourcesCommand) -> Result<(), Failure> {
    match command {
        SourcesCommand::Add {
            name,
            workspace,
            kind,
            secret_file,
            setup,
        } => {
            let kind = kind.parse().map_err(|()| {
                let known = SourceKind::ALL.map(|kind| format!("`{}`", kind.as_str()));
                Failure::input(format!(
                    "unknown kind of source: expected {}",
                    known.join(", ")
                ))
            })?;
            let new = NewSource {
                name,
                kind,
                config: setup
                    .as_deref()
                    .map_or_else(|| Ok(SourceConfig::default()), read_setup)?,
                secret: secret(&secret_file)?,
            };
            add(shell, &workspace, new).await
        }
        SourcesCommand::List { workspace } => sources(shell, &workspace).await,
        SourcesCommand::Pause(source) => change(shell, &source, SourceChange::Pause).await,
        SourcesCommand::Resume(source) => change(shell, &source, SourceChange::Resume).await,
        SourcesCommand::Secret {
            source,
            secret_file,
        } => change(shell, &source, SourceChange::Secret(secret(&secret_file)?)).await,
        SourcesCommand::Remove(source) => remove(shell, &source).await,
    }
}

fn secret(file: &Path) -> Result<String, Failure> {
    String::from_utf8(secrets::read(file)?)
        .map_err(|_| Failure::input(format!("`{}` holds no text", file.display())))
}

fn read_setup(file: &Path) -> Result<SourceConfig, Failure> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::input(format!("cannot read `{name}`: {error}")))?;
    toml::from_str(&text).map_err(|error| Failure::input(format!("`{name}`: {}", error.message())))
}

async fn add(shell: &Shell, workspace: &WorkspaceArg, new: NewSource) -> Result<(), Failure> {
    let workspace = workspace::find(&shell.engine, workspace).await?;
    let by = AuditActor::operator();
    let info = shell.engine.add_source(workspace.id, by, new).await?;
    shell.output.result(&info, || {
        format!(
            "added {} ({}). Have its sender call this path of your server:\n\n{}",
            info.name, info.id, info.path
        )
    })?;
    Ok(())
}

async fn sources(shell: &Shell, workspace: &WorkspaceArg) -> Result<(), Failure> {
    let workspace = workspace::find(&shell.engine, workspace).await?;
    let all = shell.engine.sources(workspace.id).await?;
    shell.output.result(&all, || {
        let rows = all.iter().map(|source| {
            [
                source.id.to_string(),
                source.name.clone(),
                source.kind.clone(),
                source.state.to_owned(),
                source
                    .last_delivery_at
                    .map_or_else(|| NONE.to_owned(), second),
                source.received.to_string(),
                source.refused.to_string(),
                source.last_error.clone().unwrap_or_else(|| NONE.to_owned()),
            ]
        });
        list(
            [
                "ID",
                "NAME",
                "KIND",
                "STATE",
                "LAST DELIVERY (UTC)",
                "RECEIVED",
                "REFUSED",
                "LAST ERROR",
            ],
            rows,
        )
    })?;
    Ok(())
}

/// The source that an argument means, by its id or its name.
async fn find(shell: &Shell, source: &SourceArg) -> Result<(Workspace, SourceInfo), Failure> {
    let workspace = workspace::find(&shell.engine, &source.workspace).await?;
    let all = shell.engine.sources(workspace.id).await?;
    let id: Option<SourceId> = source.source.parse().ok();
    let found = all
        .into_iter()
        .find(|one| Some(one.id) == id || one.name == source.source);
    let missing = || {
        Failure::input(format!(
            "`{}` has no source `{}`: see `kith sources list`",
            workspace.name, source.source
        ))
    };
    let found = found.ok_or_else(missing)?;
    Ok((workspace, found))
}

async fn change(shell: &Shell, source: &SourceArg, change: SourceChange) -> Result<(), Failure> {
    let (workspace, found) = find(shell, source).await?;
    let by = AuditActor::operator();
    let changed = shell
        .engine
        .change_source(workspace.id, by, found.id, change)
        .await?;
    let info = changed.unwrap_or(found);
    shell.output.result(&info, || {
        format!("{} ({}) is {}", info.name, info.id, info.state)
    })?;
    Ok(())
}

async fn remove(shell: &Shell, source: &SourceArg) -> Result<(), Failure> {
    let (workspace, found) = find(shell, source).await?;
    let by = AuditActor::operator();
    shell
        .engine
        .remove_source(workspace.id, by, found.id)
        .await?;
    let done = serde_json::json!({ "id": found.id, "removed": true });
    shell.output.result(&done, || {
        format!("removed {} ({}); what it said stays", found.name, found.id)
    })?;
    Ok(())
}
