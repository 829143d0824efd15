//! The commands, one file each.

mod admin;
mod audit;
mod audit_log;
mod backup;
mod context;
mod definitions;
mod demo;
mod doctor;
mod explain;
mod folder;
mod keys;
mod people;
mod policy_diff;
mod policy_format;
mod policy_lint;
mod policy_test;
mod secrets;
mod serve;
mod sources;
mod workspace;

use kith_domain::Runtime;

use crate::Shell;
use crate::args::{AuditCommand, Command, DefinitionsCommand, PolicyCommand};
use crate::config::Config;
use crate::failure::Failure;
use crate::output::Output;

/// Runs a command that is about a definitions folder alone; `None` for any other.
pub(crate) fn on_folder(command: &Command, output: Output) -> Option<Result<(), Failure>> {
    Some(match command {
        Command::Definitions(DefinitionsCommand::Check { folder })
        | Command::Policy(PolicyCommand::Check { folder }) => definitions::check(folder, output),
        Command::Policy(PolicyCommand::Test { folder }) => policy_test::run(folder, output),
        Command::Policy(PolicyCommand::Lint { folder, accepted }) => {
            policy_lint::run(folder, *accepted, output)
        }
        Command::Policy(PolicyCommand::Diff { old, new }) => policy_diff::run(old, new, output),
        Command::Policy(PolicyCommand::Format { folder, check }) => {
            policy_format::run(folder, *check, output)
        }
        _ => return None,
    })
}

/// Runs a command that must find the store as it is, before it is opened; `None` for any other.
pub(crate) async fn before_opening(
    command: &Command,
    config: &Config,
    runtime: &Runtime,
    output: Output,
) -> Option<Result<(), Failure>> {
    match command {
        Command::Restore { folder } => {
            Some(backup::restore(config, runtime.clone(), output, folder).await)
        }
        Command::Backup { .. } => backup::unfit(config).await.map(Err),
        Command::Doctor => Some(doctor::run(config, runtime.clone(), output).await),
        _ => None,
    }
}

/// Runs one command.
pub(crate) async fn run(command: Command, shell: &Shell) -> Result<(), Failure> {
    match command {
        Command::Serve => serve::run(shell).await,
        Command::Demo { once } => demo::run(shell, once).await,
        Command::Context(ask) => context::run(shell, &ask).await,
        Command::Policy(
            PolicyCommand::Check { .. }
            | PolicyCommand::Test { .. }
            | PolicyCommand::Lint { .. }
            | PolicyCommand::Diff { .. }
            | PolicyCommand::Format { .. },
        )
        | Command::Definitions(DefinitionsCommand::Check { .. }) => {
            on_folder(&command, shell.output).unwrap_or(Ok(()))
        }
        Command::Policy(PolicyCommand::Explain { ask, fields }) => {
            explain::run(shell, &ask, fields).await
        }
        Command::Definitions(DefinitionsCommand::Load {
            folder,
            workspace,
            message,
        }) => definitions::load(shell, &folder, &workspace, &message).await,
        Command::Keys(command) => keys::run(shell, command).await,
        Command::Audit(AuditCommand::Search(args)) => audit::search(shell, args).await,
        Command::Audit(AuditCommand::Checkpoint {
            workspace,
            verifier,
        }) => audit_log::checkpoint(shell, &workspace, verifier).await,
        Command::Audit(AuditCommand::Verify {
            workspace,
            checkpoint,
        }) => audit_log::verify(shell, &workspace, checkpoint.as_deref()).await,
        Command::Backup { folder } => backup::backup(shell, &folder).await,
        // Done before the store was opened.
        Command::Restore { .. } | Command::Doctor => Ok(()),
        Command::Workspaces(command) => admin::workspaces(shell, command).await,
        Command::Members(command) => admin::members(shell, command).await,
        Command::Agents(command) => admin::agents(shell, command).await,
        Command::Secrets(command) => secrets::run(shell, command).await,
        Command::People(command) => people::run(shell, command).await,
        Command::Sources(command) => sources::run(shell, command).await,
    }
}
