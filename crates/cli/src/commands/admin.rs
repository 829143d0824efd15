//! `kith workspaces`, `kith members`, `kith agents`: who there is.

use std::collections::BTreeSet;
use std::sync::Arc;

use kith_domain::id::{AgentId, MemberId};
use kith_domain::{Agent, AgentKind, Member};
use kith_engine::{AuditActor, NewMember};
use serde::Serialize;

use super::workspace;
use crate::Shell;
use crate::args::{AgentsCommand, MembersCommand, WorkspacesCommand};
use crate::failure::Failure;
use crate::output::list;
use crate::show::second;

pub(super) async fn workspaces(shell: &Shell, command: WorkspacesCommand) -> Result<(), Failure> {
    match command {
        WorkspacesCommand::Create { name } => {
            let made = shell.engine.create_workspace(&name).await?;
            shell.output.result(&made, || {
                format!(
                    "made workspace `{}`; next: `kith definitions load FOLDER`",
                    made.name
                )
            })?;
        }
        WorkspacesCommand::List => {
            let all = shell.engine.workspaces().await?;
            shell.output.result(&all, || {
                let rows = all
                    .iter()
                    .map(|one| [one.name.clone(), second(one.created_at)]);
                list(["NAME", "MADE (UTC)"], rows)
            })?;
        }
    }
    Ok(())
}

pub(super) async fn members(shell: &Shell, command: MembersCommand) -> Result<(), Failure> {
    match command {
        MembersCommand::Add {
            name,
            workspace,
            roles,
            teams,
            sites,
            regions,
        } => {
            let workspace = workspace::find(&shell.engine, &workspace).await?;
            let new = NewMember {
                name,
                roles,
                teams,
                sites,
                regions,
            };
            let by = AuditActor::operator();
            let added = shell.engine.add_member(workspace.id, by, new).await?;
            let name = Arc::clone(&added.name);
            shell.output.result(&MemberLine::from(&added), || {
                format!(
                    "added member `{name}`, {}; next: `kith keys create --member {name}`",
                    added.id
                )
            })?;
        }
        MembersCommand::List { workspace } => {
            let workspace = workspace::find(&shell.engine, &workspace).await?;
            let all = shell.engine.members(workspace.id).await?;
            let all: Vec<_> = all.iter().map(MemberLine::from).collect();
            shell.output.result(&all, || {
                let rows = all.iter().map(|one| {
                    [
                        one.name.to_string(),
                        words(one.roles),
                        words(one.teams),
                        words(one.sites),
                        words(one.regions),
                        one.id.to_string(),
                    ]
                });
                list(["NAME", "ROLES", "TEAMS", "SITES", "REGIONS", "ID"], rows)
            })?;
        }
    }
    Ok(())
}

pub(super) async fn agents(shell: &Shell, command: AgentsCommand) -> Result<(), Failure> {
    match command {
        AgentsCommand::Add {
            name,
            workspace,
            kind,
        } => {
            let workspace = workspace::find(&shell.engine, &workspace).await?;
            let by = AuditActor::operator();
            let added = shell
                .engine
                .add_agent(workspace.id, by, &name, kind)
                .await?;
            let name = Arc::clone(&added.name);
            shell.output.result(&AgentLine::from(&added), || {
                format!(
                    "added agent `{name}`, {}; next: `kith keys create --agent {name} --scope onBehalfOf`",
                    added.id
                )
            })?;
        }
        AgentsCommand::List { workspace } => {
            let workspace = workspace::find(&shell.engine, &workspace).await?;
            let all = shell.engine.agents(workspace.id).await?;
            let all: Vec<_> = all.iter().map(AgentLine::from).collect();
            shell.output.result(&all, || {
                let rows = all.iter().map(|one| {
                    [
                        one.name.to_string(),
                        one.kind.as_str().to_owned(),
                        one.id.to_string(),
                    ]
                });
                list(["NAME", "KIND", "ID"], rows)
            })?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct MemberLine<'a> {
    id: MemberId,
    name: &'a str,
    roles: &'a BTreeSet<Arc<str>>,
    teams: &'a BTreeSet<Arc<str>>,
    sites: &'a BTreeSet<Arc<str>>,
    regions: &'a BTreeSet<Arc<str>>,
}

impl<'a> From<&'a Member> for MemberLine<'a> {
    fn from(member: &'a Member) -> Self {
        Self {
            id: member.id,
            name: &member.name,
            roles: &member.roles,
            teams: &member.teams,
            sites: &member.sites,
            regions: &member.regions,
        }
    }
}

#[derive(Serialize)]
struct AgentLine<'a> {
    id: AgentId,
    name: &'a str,
    kind: AgentKind,
}

impl<'a> From<&'a Agent> for AgentLine<'a> {
    fn from(agent: &'a Agent) -> Self {
        Self {
            id: agent.id,
            name: &agent.name,
            kind: agent.kind,
        }
    }
}

fn words(set: &BTreeSet<Arc<str>>) -> String {
    set.iter()
        .map(|word| &**word)
        .collect::<Vec<_>>()
        .join(", ")
}
