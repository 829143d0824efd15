//! Which workspace a command is about, and what its ids are called.

use std::collections::HashMap;

use kith_domain::id::WorkspaceId;
use kith_engine::{Engine, Workspace};

use crate::args::WorkspaceArg;
use crate::failure::Failure;

/// The workspace that is named, or the only one there is.
pub(super) async fn find(engine: &Engine, arg: &WorkspaceArg) -> Result<Workspace, Failure> {
    let mut all = engine.workspaces().await?;
    let names = || {
        let names: Vec<_> = all.iter().map(|one| format!("`{}`", one.name)).collect();
        names.join(", ")
    };
    let make = "make one with `kith workspaces create NAME`";
    match (&arg.workspace, all.len()) {
        (_, 0) => Err(Failure::input(format!("there is no workspace yet: {make}"))),
        (None, 1) => all
            .pop()
            .ok_or_else(|| Failure::input(format!("there is no workspace yet: {make}"))),
        (None, _) => Err(Failure::input(format!(
            "which workspace? name one with `--workspace`: {}",
            names()
        ))),
        (Some(wanted), _) => match all.iter().position(|one| one.name == *wanted) {
            Some(position) => Ok(all.swap_remove(position)),
            None => Err(Failure::input(format!(
                "no workspace has that name: known are {}",
                names()
            ))),
        },
    }
}

/// The names of members and agents by their ids.
pub(super) struct Names(HashMap<String, String>);

impl Names {
    pub(super) async fn of(engine: &Engine, workspace: WorkspaceId) -> Result<Self, Failure> {
        let members = engine.members(workspace).await?;
        let agents = engine.agents(workspace).await?;
        let members = members
            .iter()
            .map(|member| (member.id.to_string(), member.name.to_string()));
        let agents = agents
            .iter()
            .map(|agent| (agent.id.to_string(), agent.name.to_string()));
        Ok(Self(members.chain(agents).collect()))
    }

    /// The name of an id, or the id itself.
    pub(super) fn of_id<'a>(&'a self, id: &'a str) -> &'a str {
        self.0.get(id).map_or(id, String::as_str)
    }
}
