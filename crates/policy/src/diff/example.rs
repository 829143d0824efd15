//! A request that shows a widening, in plain values, so that anyone can ask it again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use kith_domain::{Actor, Entity, Purpose, Timestamp, Value};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use crate::finite::{Model, Universe};
use crate::format::text as quoted;
use crate::policies::Policies;
use crate::reference::{self, Outcome};
use crate::subject::{Row, SignedIdentity, Subject};

/// A request, and what each version makes of it.
#[derive(Debug, Clone)]
pub struct Example {
    /// Who asks.
    pub actor: Actor,
    /// Why.
    pub purpose: Purpose,
    /// The bound rows: their values by the field's full path.
    pub rows: BTreeMap<Entity, BTreeMap<Arc<str>, Value>>,
    /// The end user's proof.
    pub signed_identity: SignedIdentity,
    /// When.
    pub now: Timestamp,
    /// What was shown before: `hidden`, `masked with email`, `refused`, …
    pub before: String,
    /// What is shown after.
    pub after: String,
}

impl Example {
    pub(super) fn new(model: Model, universe: &Universe, purpose: Purpose) -> Self {
        let named = |values: BTreeMap<_, Value>| {
            let values =
                values
                    .into_iter()
                    .filter_map(|(field, value): (kith_domain::FieldIdx, _)| {
                        Some((
                            Arc::clone(&universe.fields().get(field.index())?.path),
                            value,
                        ))
                    });
            values.collect()
        };
        let rows = model.rows.into_iter();
        Self {
            actor: model.actor,
            purpose,
            rows: rows
                .map(|(entity, values)| (entity, named(values)))
                .collect(),
            signed_identity: model.signed_identity,
            now: model.now,
            before: String::new(),
            after: String::new(),
        }
    }

    /// What the rules of a version say of it. Values of fields that the version does not have are
    /// left out.
    #[must_use]
    pub fn ask(&self, policies: &Policies) -> Outcome {
        let rows: Vec<(Entity, Row)> = self
            .rows
            .iter()
            .map(|(entity, values)| {
                let mut row = Row::new();
                for (path, value) in values {
                    if let Some(field) = policies.0.catalog.find(path) {
                        row.set(field, value.clone());
                    }
                }
                (*entity, row)
            })
            .collect();
        let mut subject = Subject {
            signed_identity: self.signed_identity,
            ..Subject::default()
        };
        for (entity, row) in &rows {
            subject.bind(*entity, row);
        }
        reference::decide(policies, &self.actor, self.purpose, &subject, self.now)
    }

    /// The request as a case for `tests/*.toml`, that expects what the new version says.
    #[must_use]
    pub fn as_case(&self, fields: &[Arc<str>]) -> String {
        let mut out = String::new();
        let list = |words: &mut dyn Iterator<Item = &Arc<str>>| {
            let words: Vec<_> = words.map(|word| quoted(word)).collect();
            format!("[{}]", words.join(", "))
        };
        let member = self.actor.member();
        if let Some(member) = member {
            let _ = writeln!(out, "[members.{}]", key(&member.name));
            for (word, set) in [
                ("roles", &member.roles),
                ("teams", &member.teams),
                ("sites", &member.sites),
                ("regions", &member.regions),
            ] {
                if !set.is_empty() {
                    let _ = writeln!(out, "{word} = {}", list(&mut set.iter()));
                }
            }
            out.push('\n');
        }
        if let Some(agent) = self.actor.agent() {
            let kind = agent.kind.as_str();
            let _ = writeln!(out, "[agents.{}]\nkind = \"{kind}\"\n", key(&agent.name));
        }
        let who = match (self.actor.agent(), member) {
            (Some(agent), Some(member)) => format!("{} for {}", agent.name, member.name),
            (Some(agent), None) => agent.name.to_string(),
            (None, member) => member.map_or_else(String::new, |member| member.name.to_string()),
        };
        let _ = writeln!(out, "[[case]]\nname = \"…\"\nactor = {}", quoted(&who));
        let _ = writeln!(out, "purpose = \"{}\"", self.purpose);
        for (entity, values) in &self.rows {
            let values = values.iter().map(|(path, value)| {
                let name = path.split_once('.').map_or(&**path, |(_, name)| name);
                format!("{name} = {}", toml(value))
            });
            let values: Vec<_> = values.collect();
            let inner = if values.is_empty() {
                String::new()
            } else {
                format!(" {} ", values.join(", "))
            };
            let _ = writeln!(out, "{entity} = {{{inner}}}");
        }
        if self.signed_identity.proven {
            let method = self
                .signed_identity
                .method
                .map_or("jwt", |method| method.as_str());
            let _ = writeln!(out, "signed_identity = \"{method}\"");
        }
        let _ = writeln!(out, "now = {}", self.now);
        let expect = match self.after.split_once(' ') {
            _ if fields.is_empty() => format!("expect = \"{}\"", self.after),
            Some(("masked", kind)) => format!("masked = [\"{} {kind}\"]", fields.join("")),
            _ => format!("{} = {}", self.after, list(&mut fields.iter())),
        };
        let _ = writeln!(out, "{expect}");
        out
    }
}

fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !name.is_empty() && name.bytes().all(is_bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A value as cases write it.
fn toml(value: &Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Decimal(decimal) => format!("\"{decimal}\""),
        Value::String(text) => quoted(text),
        Value::Timestamp(at) => at.to_string(),
        Value::Duration(micros) => format!("\"{}\"", kith_domain::time::format_duration(*micros)),
        Value::Strings(texts) => {
            let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
            format!("[{}]", texts.join(", "))
        }
    }
}

impl Serialize for Example {
    /// As people read it: names instead of ids, values as an API answers them.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut actor = Map::new();
        if let Some(agent) = self.actor.agent() {
            actor.insert(
                "agent".into(),
                json!({ "name": agent.name, "kind": agent.kind }),
            );
        }
        if let Some(member) = self.actor.member() {
            let member = json!({
                "name": member.name,
                "roles": member.roles,
                "teams": member.teams,
                "sites": member.sites,
                "regions": member.regions,
            });
            actor.insert("member".into(), member);
        }
        let rows: BTreeMap<_, _> = self
            .rows
            .iter()
            .map(|(entity, values)| {
                let values: BTreeMap<_, Json> = values
                    .iter()
                    .map(|(path, value)| (path, value.to_answer()))
                    .collect();
                (entity.as_str(), values)
            })
            .collect();
        let json = json!({
            "actor": actor,
            "purpose": self.purpose,
            "rows": rows,
            "signedIdentity": self.signed_identity.proven,
            "identityMethod": self.signed_identity.method.map(|method| method.as_str()),
            "now": self.now,
            "before": self.before,
            "after": self.after,
        });
        json.serialize(serializer)
    }
}
