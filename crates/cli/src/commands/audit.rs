//! `kith audit search`: who viewed, changed or used what.

use kith_domain::Timestamp;
use kith_domain::id::{AccountId, PersonId, WorkspaceId};
use kith_engine::{AuditActor, AuditItem, AuditQuery};

use super::workspace::{self, Names};
use crate::Shell;
use crate::args::SearchArgs;
use crate::failure::Failure;
use crate::output::{count, list};
use crate::show::{NONE, second};

/// As many fields are named in the table; of more, their number.
const NAMED_FIELDS: usize = 2;

pub(super) async fn search(shell: &Shell, args: SearchArgs) -> Result<(), Failure> {
    let since = time("--since", args.since.as_deref())?;
    let until = time("--until", args.until.as_deref())?;
    let (account, person) = subject(args.subject.as_deref())?;
    let workspace = workspace::find(&shell.engine, &args.workspace).await?;
    let actor = match &args.actor {
        None => None,
        Some(text) => Some(actor(shell, workspace.id, text).await?),
    };
    let query = AuditQuery {
        actor,
        account,
        person,
        purpose: args.purpose,
        outcome: args.outcome.map(Into::into),
        since,
        until,
        field: args.field,
        limit: args.limit,
    };
    let by = AuditActor::operator();
    let found = shell.engine.audit_search(workspace.id, by, query).await?;
    let names = Names::of(&shell.engine, workspace.id).await?;
    shell.output.result(&found, || {
        if found.is_empty() {
            return "no entry matches".to_owned();
        }
        let header = [
            "AT (UTC)", "WHO", "DID", "PURPOSE", "OUTCOME", "ABOUT", "FIELDS", "ENTRY",
        ];
        list(header, found.iter().map(|item| row(item, &names)))
    })?;
    Ok(())
}

fn row(item: &AuditItem, names: &Names) -> [String; 8] {
    let actor = item.actor.split_once(':');
    let mut who = actor
        .map_or(item.actor.as_str(), |(_, id)| names.of_id(id))
        .to_owned();
    if let Some(member) = &item.on_behalf_of {
        who = format!("{who} for {}", names.of_id(member));
    }
    let about = match (&item.person, &item.account) {
        (Some(person), _) => person.to_string(),
        (None, Some(account)) => account.to_string(),
        (None, None) => NONE.to_owned(),
    };
    let fields = match item.fields.len() {
        0 => NONE.to_owned(),
        1..=NAMED_FIELDS => item.fields.join(", "),
        many => count(many, "field"),
    };
    [
        second(item.at),
        who,
        item.action.clone(),
        item.purpose.to_string(),
        item.outcome.clone(),
        about,
        fields,
        item.id.to_string(),
    ]
}

fn time(flag: &str, text: Option<&str>) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let at = Timestamp::parse(text).ok_or_else(|| {
        Failure::input(format!(
            "`{flag}`: expected a date such as `2026-01-31`, or a time such as `2026-01-31T12:00:00Z`"
        ))
    })?;
    Ok(Some(at))
}

fn subject(text: Option<&str>) -> Result<(Option<AccountId>, Option<PersonId>), Failure> {
    let Some(text) = text else {
        return Ok((None, None));
    };
    match (text.parse::<AccountId>(), text.parse::<PersonId>()) {
        (Ok(account), _) => Ok((Some(account), None)),
        (_, Ok(person)) => Ok((None, Some(person))),
        _ => Err(Failure::input(
            "`--subject`: expected an id, `acc_…` or `per_…`, as `kith context` shows it",
        )),
    }
}

/// A member or agent by name, as entries have it. What is no name is taken as it stands.
async fn actor(shell: &Shell, workspace: WorkspaceId, text: &str) -> Result<String, Failure> {
    let members = shell.engine.members(workspace).await?;
    if let Some(member) = members.iter().find(|member| *member.name == *text) {
        return Ok(format!("member:{}", member.id));
    }
    let agents = shell.engine.agents(workspace).await?;
    if let Some(agent) = agents.iter().find(|agent| *agent.name == *text) {
        return Ok(format!("agent:{}", agent.id));
    }
    if text == "operator" || text.contains('_') {
        return Ok(text.to_owned());
    }
    let mut known: Vec<_> = members.iter().map(|one| one.name.to_string()).collect();
    known.extend(agents.iter().map(|one| one.name.to_string()));
    known.push("operator".to_owned());
    Err(Failure::input(format!(
        "`--actor`: nobody has that name: known are {}",
        known.join(", ")
    )))
}
