//! Facts as a connector hands them over, for what no format of a client says yet.

use std::fmt;

use kith_domain::fact::{
    Author, Decoder, Delivery, Fact, FactKind, MalformedBody, Message, Related,
};
use kith_domain::{Identifier, Relation, RootKind, Timestamp};
use serde_json::Value;

use super::TestApp;

/// A fact in the making. It gets its message id, and its time if it names none, when it is told.
#[derive(Clone)]
pub struct Telling {
    fact: Fact,
    at: Option<Timestamp>,
}

/// A fact about the roots of these identifiers, written `companyId:crm-1`, all of one root of a kind.
///
/// # Panics
/// If one is no identifier.
#[must_use]
pub fn about(identifiers: &[&str]) -> Telling {
    let mut fact = Fact {
        message_id: String::new(),
        kind: FactKind::Describe,
        person: Vec::new(),
        account: Vec::new(),
        subject: Vec::new(),
        relations: Vec::new(),
        data: serde_json::Map::new(),
        observed_at: Timestamp::from_micros(0),
        faults: Vec::new(),
    };
    for text in identifiers {
        let identifier = identifier(text);
        match identifier.kind().root_kind() {
            RootKind::Person => {
                fact.kind = FactKind::Identify;
                fact.person.push(identifier);
            }
            RootKind::Account => {
                fact.kind = FactKind::Group;
                fact.account.push(identifier);
            }
            _ => fact.subject.push(identifier),
        }
    }
    if !fact.subject.is_empty() {
        fact.kind = FactKind::Describe;
    }
    Telling { fact, at: None }
}

impl Telling {
    /// With these traits.
    ///
    /// # Panics
    /// If they are no object.
    #[must_use]
    pub fn with(mut self, traits: Value) -> Self {
        let Value::Object(traits) = traits else {
            panic!("traits are an object")
        };
        self.fact.data = traits;
        self
    }

    /// As a message of the conversation that it names, or a note.
    #[must_use]
    pub fn written(mut self, author: Author, is_note: bool) -> Self {
        self.fact.kind = FactKind::Message { author, is_note };
        self
    }

    /// That the source has made the records of these identifiers one.
    #[must_use]
    pub fn merged(mut self) -> Self {
        self.fact.kind = FactKind::Merge;
        self
    }

    /// That the source has deleted its record.
    #[must_use]
    pub fn deleted(mut self) -> Self {
        self.fact.kind = FactKind::Delete;
        self
    }

    /// With a relation, `account.company`, to an identifier.
    ///
    /// # Panics
    /// If there is no such relation.
    #[must_use]
    pub fn to(self, relation: &str, to: &str) -> Self {
        self.related(relation, Some(identifier(to)))
    }

    /// With the end of a relation.
    ///
    /// # Panics
    /// If there is no such relation.
    #[must_use]
    pub fn ending(self, relation: &str) -> Self {
        self.related(relation, None)
    }

    fn related(mut self, relation: &str, to: Option<Identifier>) -> Self {
        let relation = Relation::named(relation).unwrap();
        self.fact.relations.push(Related { relation, to });
        self
    }

    /// Observed at this time, such as `2026-01-31`.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn at(mut self, time: &str) -> Self {
        self.at = Some(Timestamp::parse(time).unwrap());
        self
    }
}

/// Says nothing of the facts.
impl fmt::Debug for Telling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telling").finish_non_exhaustive()
    }
}

fn identifier(text: &str) -> Identifier {
    let (kind, value) = text.split_once(':').unwrap();
    Identifier::new(kind.parse().unwrap(), value).unwrap()
}

/// Hands facts over as they are.
struct Told(Vec<Fact>);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Told").finish_non_exhaustive()
    }
}

impl Decoder for Told {
    fn decode(&self, _: &[u8], _: Timestamp) -> Result<Delivery, MalformedBody> {
        let messages = self.0.iter().map(|fact| Message {
            original: fact.message_id.clone().into_bytes(),
            identifiers: Vec::new(),
            message_id: Some(fact.message_id.clone()),
            fact: Ok(fact.clone()),
        });
        Ok(Delivery {
            write_key: None,
            messages: messages.collect(),
        })
    }
}

impl TestApp {
    /// A source of this name delivers facts, in one delivery; how many of them have something in
    /// quarantine.
    ///
    /// # Panics
    /// If the delivery is not taken.
    pub async fn tell(&self, source: &str, facts: impl IntoIterator<Item = Telling>) -> usize {
        let facts = facts.into_iter().map(|Telling { mut fact, at }| {
            fact.message_id = self.runtime.uuid().to_string();
            fact.observed_at = at.unwrap_or_else(|| self.runtime.now());
            fact
        });
        let told = Told(facts.collect());
        let key = self.source(source).key().to_owned();
        let kept = self.engine.ingest(Some(&key), &told, b"").await;
        kept.unwrap().quarantined
    }
}
