//! What the tests share: the catalog of the worked cases, its members, and rows from plain values.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod generate;
pub(crate) mod mixed;
pub(crate) mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kith_domain::catalog::EventNames;
use kith_domain::definitions::{SourceFile, read_folder};
use kith_domain::id::{AgentId, KeyId, MemberId};
use kith_domain::{
    Actor, Agent, AgentKind, Audience, Catalog, Definitions, Diagnostic, Entity, FieldIdx, Member,
    PolicyFile, Principal, Timestamp, Value,
};
use kith_policy::{Policies, Row, SignedIdentity, Subject};

/// The time at which all cases play.
pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-24T12:00:00Z").unwrap()
}

/// The definitions of the worked cases, with these policies.
pub(crate) fn definitions(policies: &str) -> Definitions {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy/tests/definitions");
    let mut files: Vec<_> = [
        "workspace.toml",
        "events.toml",
        "fields/account.toml",
        "fields/conversation.toml",
        "fields/person.toml",
        "fields/subscription.toml",
    ]
    .into_iter()
    .map(|path| SourceFile {
        path: path.to_owned(),
        text: std::fs::read_to_string(folder.join(path)).unwrap(),
    })
    .collect();
    files.push(SourceFile {
        path: "policies/test.kith".to_owned(),
        text: policies.to_owned(),
    });
    let (definitions, warnings) = read_folder(files).unwrap();
    assert_eq!(warnings, []);
    definitions
}

/// The same catalog with some fields safe for other audiences.
pub(crate) fn with_safe_for(
    definitions: &mut Definitions,
    safe_for: &BTreeMap<String, Vec<Audience>>,
) {
    let mut fields = definitions.catalog.fields().to_vec();
    for field in &mut fields {
        if let Some(audiences) = safe_for.get(field.path.as_str()) {
            field.safe_for = audiences.iter().copied().collect();
        }
    }
    let events = definitions.catalog.events().iter().map(|event| EventNames {
        name: Arc::clone(&event.name),
        aliases: event.aliases.clone(),
        properties: event
            .properties
            .iter()
            .map(|(key, _)| Arc::clone(key))
            .collect(),
    });
    definitions.catalog = Catalog::new(fields, events.collect());
}

/// Checked policies over the catalog of the worked cases.
pub(crate) fn policies(text: &str) -> (Definitions, Policies) {
    let definitions = definitions(text);
    let (policies, _) = kith_policy::check(&definitions).unwrap_or_else(|found| {
        panic!("policies do not check: {}", list(&found));
    });
    (definitions, policies)
}

/// Several files at once.
pub(crate) fn with_files(files: &[(&str, &str)]) -> Definitions {
    let mut definitions = definitions("");
    definitions.policies = files
        .iter()
        .map(|(path, text)| PolicyFile {
            path: (*path).into(),
            text: (*text).into(),
        })
        .collect();
    definitions
}

/// Findings, one a line.
pub(crate) fn list(found: &[Diagnostic]) -> String {
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn set(words: &[&str]) -> std::collections::BTreeSet<Arc<str>> {
    words.iter().map(|word| Arc::from(*word)).collect()
}

/// One of the members of the worked cases.
pub(crate) fn member(name: &str) -> Arc<Member> {
    let (roles, regions): (&[&str], &[&str]) = match name {
        "sam" | "sue" => (&["support"], &["eu"]),
        "lea" => (&["leadership"], &["eu", "us"]),
        "bo" => (&["support", "success"], &[]),
        "kim" => (&["success"], &["eu"]),
        other => panic!("no member `{other}`"),
    };
    Arc::new(Member {
        id: MemberId::NIL,
        name: name.into(),
        roles: set(roles),
        teams: set(&[]),
        sites: set(&[]),
        regions: set(regions),
    })
}

/// `sam`, `agent`, `agent for sam`, `automation`.
pub(crate) fn actor(text: &str) -> Actor {
    let (principal, on_behalf_of) = match text.split_once(" for ") {
        Some((agent, name)) => (agent, Some(member(name))),
        None => (text, None),
    };
    let agent = |kind| {
        Principal::Agent(Arc::new(Agent {
            id: AgentId::NIL,
            name: "drafter".into(),
            kind,
        }))
    };
    Actor {
        credential: KeyId::NIL,
        principal: match principal {
            "agent" => agent(AgentKind::Ai),
            "api" => agent(AgentKind::Api),
            "automation" => agent(AgentKind::Automation),
            name => Principal::Member(member(name)),
        },
        on_behalf_of,
    }
}

/// Rows by entity, as read from a case.
#[derive(Default)]
pub(crate) struct Rows(BTreeMap<Entity, Row>);

impl Rows {
    /// Binds a row with these values by key.
    pub(crate) fn bind(&mut self, catalog: &Catalog, entity: Entity, values: &toml::Table) {
        let mut row = Row::new();
        for (key, value) in values {
            let path = format!("{entity}.{key}");
            let idx = catalog
                .find(&path)
                .unwrap_or_else(|| panic!("no field `{path}`"));
            let json = serde_json::to_value(value).unwrap();
            let value = catalog.get(idx).unwrap().ty.read_payload(&json);
            row.set(idx, value.unwrap_or_else(|e| panic!("`{path}`: {e}")));
        }
        self.0.insert(entity, row);
    }

    /// Sets a value, of whatever type, where the row has one.
    pub(crate) fn replace(&mut self, entity: Entity, field: FieldIdx, value: Value) {
        if let Some(row) = self.0.get_mut(&entity)
            && row.get(field).is_some()
        {
            row.set(field, value);
        }
    }

    pub(crate) fn subject(&self, signed_identity: SignedIdentity) -> Subject<'_> {
        let row = |entity| self.0.get(&entity);
        Subject {
            account: row(Entity::Account),
            company: row(Entity::Company),
            conversation: row(Entity::Conversation),
            person: row(Entity::Person),
            role: row(Entity::Role),
            site: row(Entity::Site),
            subscription: row(Entity::Subscription),
            signed_identity,
        }
    }
}
