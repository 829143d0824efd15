//! `kith keys`: credentials of members, agents and sources.

use kith_domain::fact::Trust;
use kith_domain::id::KeyId;
use kith_engine::{AuditActor, KeyHolder, KeyInfo, NewKey};
use serde::Serialize;

use super::workspace::{self, Names};
use crate::Shell;
use crate::args::{KeysCommand, NewKeyArgs, WorkspaceArg};
use crate::failure::Failure;
use crate::output::list;
use crate::show::{NONE, second};

/// A key that was just made, with its text.
#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    info: &'a KeyInfo,
    key: &'a str,
}

pub(super) async fn run(shell: &Shell, command: KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::Create(args) => create(shell, args).await,
        KeysCommand::List { workspace } => keys(shell, &workspace).await,
        KeysCommand::Revoke { id, workspace } => revoke(shell, &id, &workspace).await,
    }
}

async fn create(shell: &Shell, args: NewKeyArgs) -> Result<(), Failure> {
    let trust = if args.public {
        Trust::Public
    } else {
        Trust::Server
    };
    let (holder, whose) = match (args.member, args.agent, args.source) {
        (Some(name), _, _) => (KeyHolder::Member(name.clone()), format!("member `{name}`")),
        (_, Some(name), _) => (KeyHolder::Agent(name.clone()), format!("agent `{name}`")),
        (_, _, Some(name)) => {
            let whose = format!("source `{name}`");
            (KeyHolder::Source { name, trust }, whose)
        }
        (None, None, None) => {
            return Err(Failure::input(
                "for whom? `--member`, `--agent` or `--source`",
            ));
        }
    };
    let workspace = workspace::find(&shell.engine, &args.workspace).await?;
    let new = NewKey {
        holder,
        scopes: args.scopes,
        writes_as: args.writes_as,
        label: args.label,
    };
    let by = AuditActor::operator();
    let (info, token) = shell.engine.create_key(workspace.id, by, new).await?;
    let made = Made {
        info: &info,
        key: token.reveal(),
    };
    shell.output.result(&made, || {
        format!(
            "made {} for {whose}. This is its text, now and never again:\n\n{}",
            info.id,
            token.reveal()
        )
    })?;
    Ok(())
}

async fn keys(shell: &Shell, workspace: &WorkspaceArg) -> Result<(), Failure> {
    let workspace = workspace::find(&shell.engine, workspace).await?;
    let all = shell.engine.keys(workspace.id).await?;
    let names = Names::of(&shell.engine, workspace.id).await?;
    shell.output.result(&all, || {
        let rows = all.iter().map(|key| {
            [
                key.id.to_string(),
                key.kind.to_owned(),
                names.of_id(&key.holder).to_owned(),
                key.scopes.join(", "),
                key.label.clone(),
                second(key.created_at),
                key.revoked_at.map_or_else(|| NONE.to_owned(), second),
            ]
        });
        let header = [
            "ID",
            "KIND",
            "HOLDER",
            "SCOPES",
            "LABEL",
            "MADE (UTC)",
            "REVOKED (UTC)",
        ];
        list(header, rows)
    })?;
    Ok(())
}

async fn revoke(shell: &Shell, id: &str, workspace: &WorkspaceArg) -> Result<(), Failure> {
    let id: KeyId = id
        .parse()
        .map_err(|error: kith_domain::id::IdError| Failure::input(error.to_string()))?;
    let workspace = workspace::find(&shell.engine, workspace).await?;
    let by = AuditActor::operator();
    if !shell.engine.revoke_key(workspace.id, by, id).await? {
        return Err(Failure::input(format!(
            "`{}` has no live key {id}: see `kith keys list`",
            workspace.name
        )));
    }
    let done = serde_json::json!({ "id": id, "revoked": true });
    shell.output.result(&done, || format!("revoked {id}"))?;
    Ok(())
}
