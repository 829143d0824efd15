//! Who and what cases speak of by name: members, agents, and rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::de::DeTable;

use super::value;
use crate::actor::{Actor, Agent, AgentKind, Member, Principal};
use crate::catalog::{Catalog, Entity, FieldIdx};
use crate::definitions::table::{Reader, span_of};
use crate::diagnostic::{Span, nearest};
use crate::id::{AgentId, KeyId, MemberId};
use crate::value::Value;

const MEMBER_KEYS: &[&str] = &["id", "roles", "teams", "sites", "regions"];
const AGENT_KEYS: &[&str] = &["id", "kind"];

/// The entities of which a request binds a row.
pub(super) const BOUND: [Entity; 7] = [
    Entity::Account,
    Entity::Company,
    Entity::Conversation,
    Entity::Person,
    Entity::Role,
    Entity::Site,
    Entity::Subscription,
];

/// What has a name in the folder's tests.
#[derive(Debug, Default)]
pub(super) struct Cast {
    members: BTreeMap<Arc<str>, Arc<Member>>,
    agents: BTreeMap<Arc<str>, Arc<Agent>>,
    rows: BTreeMap<(Entity, Arc<str>), BTreeMap<FieldIdx, Value>>,
}

impl Cast {
    /// Reads what a file gives names to.
    pub(super) fn read(
        &mut self,
        reader: &mut Reader<'_>,
        root: &DeTable<'_>,
        catalog: Option<&Catalog>,
    ) {
        if let Some(members) = reader.table(root, "members") {
            for (key, name, table) in named(reader, members, "a table that describes a member") {
                self.member(reader, key, &name, table);
            }
        }
        if let Some(agents) = reader.table(root, "agents") {
            for (key, name, table) in named(reader, agents, "a table that describes an agent") {
                self.agent(reader, key, &name, table);
            }
        }
        for entity in BOUND {
            let Some(rows) = reader.table(root, entity.as_str()) else {
                continue;
            };
            for (key, name, table) in named(reader, rows, "a table of a row's values") {
                let values = value::row(reader, entity, table, catalog);
                if self
                    .rows
                    .insert((entity, Arc::clone(&name)), values)
                    .is_some()
                {
                    taken(reader, key, &format!("{entity} `{name}`"));
                }
            }
        }
    }

    fn member(&mut self, reader: &mut Reader<'_>, key: Span, name: &Arc<str>, table: &DeTable<'_>) {
        reader.only_keys(table, &format!("member `{name}`"), MEMBER_KEYS);
        let mut set = |key| {
            let texts = reader.strings(table, key);
            texts.into_iter().map(|(text, _)| text.into()).collect()
        };
        let member = Member {
            roles: set("roles"),
            teams: set("teams"),
            sites: set("sites"),
            regions: set("regions"),
            name: Arc::clone(name),
            id: id(reader, table, "mem").unwrap_or(MemberId::NIL),
        };
        self.claim(reader, key, name);
        self.members.insert(Arc::clone(name), Arc::new(member));
    }

    fn agent(&mut self, reader: &mut Reader<'_>, key: Span, name: &Arc<str>, table: &DeTable<'_>) {
        reader.only_keys(table, &format!("agent `{name}`"), AGENT_KEYS);
        let kinds = AgentKind::ALL.map(AgentKind::as_str);
        let kind = match reader.string(table, "kind") {
            Some((text, span)) => {
                let kind = AgentKind::ALL
                    .into_iter()
                    .find(|kind| kind.as_str() == text);
                if kind.is_none() {
                    reader.unknown_word("kind of agent", (text, span), &kinds);
                }
                kind
            }
            None => {
                let message = format!("agent `{name}` says no `kind`");
                let hint = "use one of `ai`, `api`, `automation`".to_owned();
                reader.error("missing-key", key, message, hint);
                None
            }
        };
        let agent = Agent {
            kind: kind.unwrap_or(AgentKind::Ai),
            name: Arc::clone(name),
            id: id(reader, table, "agt").unwrap_or(AgentId::NIL),
        };
        self.claim(reader, key, name);
        self.agents.insert(Arc::clone(name), Arc::new(agent));
    }

    /// Members and agents share their names, so that a case can name either.
    fn claim(&self, reader: &mut Reader<'_>, key: Span, name: &str) {
        if self.members.contains_key(name) || self.agents.contains_key(name) {
            taken(reader, key, &format!("`{name}`"));
        } else if name.contains(" for ") {
            let message = format!("`{name}` cannot name a member or an agent");
            let hint = "` for ` joins an agent and a member: leave it out of a name".to_owned();
            reader.error("malformed-key", key, message, hint);
        }
    }

    /// `sam`, `drafter`, or `drafter for sam`.
    pub(super) fn actor(&self, reader: &mut Reader<'_>, text: &str, span: Span) -> Option<Actor> {
        let (principal, on_behalf_of) = match text.split_once(" for ") {
            Some((agent, member)) => (agent.trim(), Some(member.trim())),
            None => (text.trim(), None),
        };
        let served = on_behalf_of.map(|name| {
            let member = self.members.get(name).cloned();
            if member.is_none() {
                let known = self.members.keys();
                unknown(
                    reader,
                    span,
                    &format!("`{name}` is no member"),
                    name,
                    known,
                    "member",
                );
            }
            member
        });
        if let (Some(_), Some(member)) = (on_behalf_of, self.members.get(principal)) {
            let message = format!(
                "`{}` is a member, and members act for themselves",
                member.name
            );
            let hint = "name an agent before `for`".to_owned();
            reader.error("unknown-actor", span, message, hint);
            return None;
        }
        let principal = if let Some(agent) = self.agents.get(principal) {
            Principal::Agent(Arc::clone(agent))
        } else if let Some(member) = self.members.get(principal) {
            Principal::Member(Arc::clone(member))
        } else {
            let message = format!("`{principal}` is no member and no agent");
            let known = self.members.keys().chain(self.agents.keys());
            unknown(reader, span, &message, principal, known, "member");
            return None;
        };
        Some(Actor {
            credential: KeyId::NIL,
            principal,
            on_behalf_of: match served {
                Some(member) => Some(member?),
                None => None,
            },
        })
    }

    /// A row by its name.
    pub(super) fn row(
        &self,
        reader: &mut Reader<'_>,
        entity: Entity,
        name: &str,
        span: Span,
    ) -> BTreeMap<FieldIdx, Value> {
        if let Some(row) = self.rows.get(&(entity, Arc::from(name))) {
            return row.clone();
        }
        let of_entity = self.rows.keys().filter(|(of, _)| *of == entity);
        let message = format!("`{name}` is no {entity}");
        unknown(
            reader,
            span,
            &message,
            name,
            of_entity.map(|(_, name)| name),
            entity.as_str(),
        );
        BTreeMap::new()
    }
}

/// The tables in a table, each with its name and where that stands.
fn named<'t, 'i>(
    reader: &mut Reader<'_>,
    table: &'t DeTable<'i>,
    expected: &str,
) -> Vec<(Span, Arc<str>, &'t DeTable<'i>)> {
    let mut named = Vec::new();
    for (key, value) in table {
        match value.get_ref().as_table() {
            Some(inner) => named.push((span_of(key), Arc::from(key.get_ref().as_ref()), inner)),
            None => reader.wrong_type(key.get_ref(), value, expected),
        }
    }
    named
}

fn id<T: std::str::FromStr>(
    reader: &mut Reader<'_>,
    table: &DeTable<'_>,
    prefix: &str,
) -> Option<T> {
    let (text, span) = reader.string(table, "id")?;
    let id = text.parse().ok();
    if id.is_none() {
        let message = format!("`{text}` is no id");
        let hint = format!("write `{prefix}_` and 26 letters and digits, or leave it out");
        reader.error("malformed-id", span, message, hint);
    }
    id
}

fn taken(reader: &mut Reader<'_>, key: Span, what: &str) {
    let message = format!("{what} is described twice");
    let hint = "names are shared by all files of `tests/`: rename one, or remove it".to_owned();
    reader.error("duplicate-name", key, message, hint);
}

fn unknown<'a>(
    reader: &mut Reader<'_>,
    span: Span,
    message: &str,
    name: &str,
    known: impl Iterator<Item = &'a Arc<str>>,
    kind: &str,
) {
    let hint = match nearest(name, known.map(|name| &**name)) {
        Some(close) => format!("did you mean `{close}`?"),
        None if kind == "member" => {
            format!("describe them in a file of `tests/`: `[members.{name}]`, or `[agents.{name}]`")
        }
        None => format!(
            "describe it in a file of `tests/`: `[{kind}.{name}]`, or write its values here"
        ),
    };
    reader.error("unknown-name", span, message.to_owned(), hint);
}
