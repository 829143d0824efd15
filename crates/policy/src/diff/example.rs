//! A request that shows a widening, in plain values, so that anyone can ask it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use kith_domain::{Actor, Entity, FieldIdx, Purpose, Timestamp, Value};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use crate::finite::{Model, Universe};
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
    /// About what.
    pub bound: Bound,
    /// What was shown before: `hidden`, `masked with email`, `refused`, …
    pub before: String,
    /// What is shown after.
    pub after: String,
}

/// What a request is about.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The bound rows: their values by the field's full path.
    pub rows: BTreeMap<Entity, BTreeMap<Arc<str>, Value>>,
    /// The end user's proof.
    pub signed_identity: SignedIdentity,
    /// When.
    pub now: Timestamp,
}

impl Bound {
    pub(super) fn new(model: &Model, universe: &Universe) -> Self {
        let named = |values: &BTreeMap<FieldIdx, Value>| {
            let values = values.iter().filter_map(|(field, value)| {
                let field = universe.fields().get(field.index())?;
                Some((Arc::clone(&field.path), value.clone()))
            });
            values.collect()
        };
        let rows = model.rows.iter();
        Self {
            rows: rows
                .map(|(entity, values)| (*entity, named(values)))
                .collect(),
            signed_identity: model.signed_identity,
            now: model.now,
        }
    }

    /// Binds the rows as a version has them. Values of fields that it does not have are left out.
    pub fn with<T>(&self, policies: &Policies, look: impl FnOnce(&Subject<'_>) -> T) -> T {
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
        look(&subject)
    }
}

impl Example {
    pub(super) fn new(model: Model, universe: &Universe, purpose: Purpose) -> Self {
        Self {
            bound: Bound::new(&model, universe),
            actor: model.actor,
            purpose,
            before: String::new(),
            after: String::new(),
        }
    }

    /// What the rules of a version say of it.
    #[must_use]
    pub fn ask(&self, policies: &Policies) -> Outcome {
        self.bound.with(policies, |subject| {
            reference::decide(policies, &self.actor, self.purpose, subject, self.bound.now)
        })
    }
}

impl Serialize for Bound {
    /// As people read it: values as an API answers them.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
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
        let identity = self.signed_identity;
        let json = json!({
            "rows": rows,
            "signedIdentity": identity.proven,
            "identityMethod": identity.method.map(|method| method.as_str()),
            "now": self.now,
        });
        json.serialize(serializer)
    }
}

impl Serialize for Example {
    /// As people read it: names instead of ids.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut actor = Map::new();
        if let Some(agent) = self.actor.agent() {
            let agent = json!({ "name": agent.name, "kind": agent.kind.as_str() });
            actor.insert("agent".into(), agent);
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
        let json = json!({
            "actor": actor,
            "purpose": self.purpose,
            "about": self.bound,
            "before": self.before,
            "after": self.after,
        });
        json.serialize(serializer)
    }
}
