//! `kith people`: what is done to people by whoever has the store, whatever the policies say.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use kith_domain::id::PersonId;
use kith_domain::{Identifier, IdentifierType};
use serde_json::json;

use super::workspace;
use crate::Shell;
use crate::args::{PeopleCommand, WorkspaceArg};
use crate::failure::Failure;

pub(super) async fn run(shell: &Shell, command: PeopleCommand) -> Result<(), Failure> {
    match command {
        PeopleCommand::Erase { id, workspace } => erase(shell, &id, &workspace).await,
        PeopleCommand::Export {
            id,
            file,
            workspace,
        } => export(shell, &id, file.as_deref(), &workspace).await,
        PeopleCommand::Suggest { workspace } => suggest(shell, &workspace).await,
        PeopleCommand::Readmit {
            identifier,
            workspace,
        } => readmit(shell, &identifier, &workspace).await,
    }
}

fn person(id: &str) -> Result<PersonId, Failure> {
    id.parse()
        .map_err(|error: kith_domain::id::IdError| Failure::input(error.to_string()))
}

fn nobody(id: PersonId) -> Failure {
    Failure::input(format!(
        "there is no person `{id}`: look for the id with `kith context --person TYPE:VALUE`"
    ))
}

async fn export(
    shell: &Shell,
    id: &str,
    file: Option<&Path>,
    workspace: &WorkspaceArg,
) -> Result<(), Failure> {
    let id = person(id)?;
    let workspace = workspace::find(&shell.engine, workspace).await?;
    let held = shell.engine.subject_file(workspace.id, id).await?;
    let held = held.ok_or_else(|| nobody(id))?;
    let text = serde_json::to_string_pretty(&held)
        .map_err(|error| Failure::machine(format!("cannot write JSON: {error}")))?;
    let Some(file) = file else {
        shell.output.result(&held, || text)?;
        return Ok(());
    };
    write(file, &text)
        .map_err(|error| Failure::input(format!("cannot make `{}`: {error}", file.display())))?;
    let made = json!({ "file": file, "audit": held.audit() });
    shell.output.result(&made, || {
        format!(
            "{} holds all that is held of {id}: give it to nobody but the person",
            file.display()
        )
    })?;
    Ok(())
}

/// A new file that its owner alone may read.
fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

async fn erase(shell: &Shell, id: &str, workspace: &WorkspaceArg) -> Result<(), Failure> {
    let id = person(id)?;
    let workspace = workspace::find(&shell.engine, workspace).await?;
    let erased = shell
        .engine
        .erase_person_as_operator(workspace.id, id)
        .await?;
    let Some(erased) = erased else {
        return Err(nobody(id));
    };
    shell.output.result(&erased, || {
        let of = erased.answer();
        format!(
            "erased {}: {} identifiers, {} values, {} events, {} messages in {} conversations, {} refused messages\n\
             what names this person again is not taken in; backups made before still hold them",
            of.id, of.identifiers, of.values, of.events, of.messages, of.conversations, of.quarantined
        )
    })?;
    Ok(())
}

async fn suggest(shell: &Shell, workspace: &WorkspaceArg) -> Result<(), Failure> {
    let workspace = workspace::find(&shell.engine, workspace).await?;
    let found = shell.engine.suggest_duplicates(workspace.id).await?;
    shell.output.result(&found, || {
        let rest = match found.is_partial {
            true => "; there are more people than are compared in one run",
            false => "",
        };
        format!(
            "compared {} people: {} pairs are likely one, {} of them wait for a review from now on{rest}",
            found.people, found.likely, found.new
        )
    })?;
    Ok(())
}

async fn readmit(shell: &Shell, named: &str, workspace: &WorkspaceArg) -> Result<(), Failure> {
    let identifier = named
        .split_once(':')
        .ok_or_else(|| "expected TYPE:VALUE, such as email:ada@example.com".to_owned())
        .and_then(|(kind, value)| {
            let kind: IdentifierType = kind.parse().map_err(|error| format!("{error}"))?;
            Identifier::new(kind, value).map_err(|error| error.to_string())
        })
        .map_err(Failure::input)?;
    let workspace = workspace::find(&shell.engine, workspace).await?;
    let was_out = shell.engine.readmit(workspace.id, &identifier).await?;
    let kind = identifier.kind().as_str();
    shell
        .output
        .result(&json!({ "readmitted": was_out }), || match was_out {
            true => format!("what names this {kind} is taken in again"),
            false => format!("nobody with this {kind} was erased: nothing changed"),
        })?;
    Ok(())
}
