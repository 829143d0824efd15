//! From a foreign record to facts: one for each kind of root that it says something of, and one for what
//! happened.

use std::collections::BTreeMap;

use kith_domain::fact::{Author, BODY, Fact, FactKind, Fault, Message, Related};
use kith_domain::{Entity, Identifier, IdentifierType, Relation, RootKind, Timestamp};
use serde_json::{Map, Value as Json};

use super::mapping::{Mapping, Seen, Target};
use crate::original::{MAX_MESSAGE_ID_BYTES, fault};

/// A record that is being read.
#[derive(Debug)]
pub(super) struct Draft {
    /// The sender's id of the delivery.
    pub(super) id: String,
    pub(super) original: Vec<u8>,
    pub(super) at: Timestamp,
    pub(super) person: Vec<Identifier>,
    pub(super) account: Vec<Identifier>,
    pub(super) subject: Vec<Identifier>,
    pub(super) relations: Vec<Related>,
    pub(super) faults: Vec<Fault>,
}

impl Draft {
    pub(super) const fn new(id: String, original: Vec<u8>, at: Timestamp) -> Self {
        Self {
            id,
            original,
            at,
            person: Vec::new(),
            account: Vec::new(),
            subject: Vec::new(),
            relations: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Names a root by what stands in a place, if something does; what cannot be an identifier is a fault.
    pub(super) fn name(&mut self, kind: IdentifierType, path: &str, text: Option<&str>) -> bool {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return false;
        };
        match Identifier::new(kind, text) {
            Ok(identifier) => {
                let group = match kind.root_kind() {
                    RootKind::Person => &mut self.person,
                    RootKind::Account => &mut self.account,
                    _ => &mut self.subject,
                };
                if !group.contains(&identifier) {
                    group.push(identifier);
                }
                true
            }
            Err(error) => {
                let code = "malformed-identifier";
                self.faults.push(fault(path, code, error.to_string()));
                false
            }
        }
    }

    /// States a relation to the first identifier of the other root, if the record names one.
    pub(super) fn relate(&mut self, relation: Relation) {
        let group = match relation.to() {
            RootKind::Person => &self.person,
            RootKind::Account => &self.account,
            _ => return,
        };
        let to = group.first().cloned();
        let is_stated = self.relations.iter().any(|of| of.relation == relation);
        if to.is_some() && !is_stated {
            self.relations.push(Related { relation, to });
        }
    }

    /// The facts of a record under a mapping, and of what happened if the catalog has a name for it.
    pub(super) fn facts(
        mut self,
        mapping: &Mapping,
        seen: &Seen<'_>,
        happened: Option<&str>,
    ) -> Vec<Message> {
        let mut values: BTreeMap<Entity, Map<String, Json>> = BTreeMap::new();
        let mut properties = Map::new();
        let happened = happened.and_then(|name| mapping.event(name));
        for (target, json) in mapping.said(seen) {
            match target {
                Target::Identifier(kind) => {
                    let text = match json {
                        Json::String(text) => Some(text.clone()),
                        Json::Number(number) => Some(number.to_string()),
                        _ => None,
                    };
                    self.name(*kind, seen.object, text.as_deref());
                }
                Target::Field { entity, key } => {
                    let of_entity = values.entry(*entity).or_default();
                    of_entity.insert(key.clone(), json.clone());
                }
                Target::Property { event, key } => {
                    if happened == Some(event.as_str()) && !json.is_null() {
                        properties.insert(key.clone(), json.clone());
                    }
                }
            }
        }
        match seen.object {
            "subscription" => self.relate(Relation::SubscriptionAccount),
            "conversation" => {
                self.relate(Relation::ConversationAccount);
                self.relate(Relation::ConversationPerson);
            }
            _ => {}
        }
        let own = self.own_entity();
        values.entry(own).or_default();
        let mut kinds = Vec::new();
        for (entity, data) in values {
            if self.names(entity) {
                let at = seen.object.to_owned();
                let place = usize::from(entity != own);
                kinds.push((place, FactKind::Write { entity, at }, data));
            } else {
                let detail = format!("this record names no {entity} that its fields could be of");
                self.faults.push(fault(seen.object, "unnamed-root", detail));
            }
        }
        kinds.sort_by_key(|(place, ..)| *place);
        if let Some(event) = happened {
            let kind = FactKind::Track {
                event: event.to_owned(),
            };
            kinds.push((2, kind, properties));
        }
        self.messages(kinds)
    }

    /// The facts that the source merged records, or deleted one.
    pub(super) fn record(self, kind: FactKind) -> Vec<Message> {
        self.messages(vec![(0, kind, Map::new())])
    }

    /// What somebody wrote in the conversation that this names.
    pub(super) fn written(self, author: Author, is_note: bool, body: &str) -> Vec<Message> {
        let data = [(BODY.to_owned(), Json::from(body))].into_iter().collect();
        self.messages(vec![(0, FactKind::Message { author, is_note }, data)])
    }

    /// Refuses the whole of it.
    pub(super) fn refused(self, fault: Fault) -> Message {
        Message {
            identifiers: self.identifiers(),
            original: self.original,
            message_id: Some(self.id),
            fact: Err(fault),
        }
    }

    /// The entity that a record is about before all.
    fn own_entity(&self) -> Entity {
        let first = self.subject.first().or_else(|| self.account.first());
        let first = first.or_else(|| self.person.first());
        first.map_or(Entity::Account, |of| Entity::from(of.kind().root_kind()))
    }

    fn names(&self, entity: Entity) -> bool {
        match entity.root_kind() {
            Some(RootKind::Person) => !self.person.is_empty(),
            Some(RootKind::Account) => !self.account.is_empty(),
            Some(kind) => self.subject.iter().any(|of| of.kind().root_kind() == kind),
            None => !self.person.is_empty() && !self.account.is_empty(),
        }
    }

    fn identifiers(&self) -> Vec<Identifier> {
        let groups = [&self.person, &self.account, &self.subject];
        groups.into_iter().flatten().cloned().collect()
    }

    /// The first fact says who is who; the others name each root by one identifier.
    fn messages(self, kinds: Vec<(usize, FactKind, Map<String, Json>)>) -> Vec<Message> {
        let identifiers = self.identifiers();
        if kinds.is_empty() || identifiers.is_empty() {
            let why = self.faults.first().cloned();
            let detail = "this record names nobody and nothing";
            let why = why.unwrap_or_else(|| fault("", "missing-identifier", detail));
            return vec![self.refused(why)];
        }
        let one = |group: &Vec<Identifier>| group.first().cloned().into_iter().collect();
        let mut messages = Vec::new();
        for (place, (_, kind, data)) in kinds.into_iter().enumerate() {
            let suffix = match &kind {
                _ if place == 0 => String::new(),
                FactKind::Write { entity, .. } => format!("#{entity}"),
                _ => "#event".to_owned(),
            };
            let is_first = place == 0;
            let group = |group: &Vec<Identifier>| match is_first {
                true => group.clone(),
                false => one(group),
            };
            let message_id = bounded(&self.id, &suffix);
            messages.push(Message {
                original: self.original.clone(),
                identifiers: identifiers.clone(),
                message_id: Some(message_id.clone()),
                fact: Ok(Fact {
                    message_id,
                    kind,
                    person: group(&self.person),
                    account: group(&self.account),
                    subject: group(&self.subject),
                    relations: if is_first {
                        self.relations.clone()
                    } else {
                        Vec::new()
                    },
                    data,
                    observed_at: self.at,
                    faults: if is_first {
                        self.faults.clone()
                    } else {
                        Vec::new()
                    },
                }),
            });
        }
        messages
    }
}

/// An id with what makes it one of several, as long as ids may be.
fn bounded(id: &str, suffix: &str) -> String {
    let whole = format!("{id}{suffix}");
    if whole.len() <= MAX_MESSAGE_ID_BYTES {
        return whole;
    }
    crate::original::derived_id(whole.as_bytes())
}
