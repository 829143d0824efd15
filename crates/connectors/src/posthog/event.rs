//! One event of PostHog: from its bytes to one fact, or to two if it says something of the person beside
//! what happened.

use kith_domain::fact::{self, Fact, FactKind, Fault, Message};
use kith_domain::{Identifier, IdentifierType, RootKind};
use serde_json::{Map, Value as Json};

use super::{ACCOUNT_GROUPS, ENVELOPE};
use crate::entries::Entries;
use crate::observed::{self, Times};
use crate::original::{
    Original, derived_id, event_name, fault, identifier, message_id, read_values, section,
};

/// What the id of the second fact of an event ends with: that of what it says of the person.
const ABOUT_PERSON: &str = "#set";

/// An event and the parts of it that are read.
struct Event<'a> {
    top: Entries<'a>,
    properties: Entries<'a>,
    times: Times,
}

/// Reads one event.
pub(super) fn read(original: Original<'_>, times: Times) -> Vec<Message> {
    let Some(top) = Entries::split(original.text) else {
        let detail = "expected an object with readable keys";
        return vec![original.refuse(&ENVELOPE, fault("", "not-an-object", detail))];
    };
    let own = original.without(&ENVELOPE, &top);
    let id = message_id(&top, "uuid");
    let mut faults = Vec::new();
    let properties = section(&top, "properties", "properties", &mut faults);
    let event = Event {
        top,
        properties,
        times,
    };
    let known_as = id
        .clone()
        .ok()
        .flatten()
        .unwrap_or_else(|| derived_id(&own));
    let message = |message_id: String, fact: Result<Fact, Fault>| Message {
        original: own.clone(),
        identifiers: event.identifiers(),
        message_id: Some(message_id),
        fact,
    };
    let name = original
        .check_bytes()
        .and_then(|()| id.map(drop))
        .and_then(|()| event_name(&event.top));
    let name = match name {
        Ok(name) => name,
        Err(fault) => return vec![message(known_as, Err(fault))],
    };
    let fact = event.fact(&name, known_as.clone(), faults);
    let mut messages = vec![message(known_as.clone(), fact)];
    if event.says_more_of_the_person(&name) {
        let id = format!("{known_as}{ABOUT_PERSON}");
        let fact = event.about_person(id.clone(), Vec::new());
        messages.push(message(id, fact));
    }
    messages
}

impl<'a> Event<'a> {
    fn fact(&self, name: &str, id: String, mut faults: Vec<Fault>) -> Result<Fact, Fault> {
        let (kind, with) = match name {
            "$identify" | "$set" | "$set_once" | "$unset" => return self.about_person(id, faults),
            "$create_alias" | "$merge_dangerously" => return self.alias(id, faults),
            "$groupidentify" => return self.about_group(id, faults),
            "$pageview" => ("page.viewed", Some(("path", "$pathname"))),
            "$screen" => ("screen.viewed", Some(("name", "$screen_name"))),
            name => (name, None),
        };
        let mut data = Map::new();
        let own = self
            .properties
            .iter()
            .filter(|(key, _)| is_the_senders(key));
        read_values("properties", own, &mut data, &mut faults);
        if let Some((key, text)) = with.and_then(|(key, of)| Some((key, self.properties.text(of)?)))
        {
            data.entry(key).or_insert_with(|| text.into());
        }
        let kind = FactKind::Track { event: kind.into() };
        let person = self.person(&mut faults)?;
        Ok(self.fact_of(id, kind, person, data, faults))
    }

    fn about_person(&self, id: String, mut faults: Vec<Fault>) -> Result<Fact, Fault> {
        let mut data = Map::new();
        for (path, set) in self.all("$set", &mut faults) {
            let own = set.iter().filter(|(key, _)| is_the_senders(key));
            read_values(path, own, &mut data, &mut faults);
        }
        for (path, set) in self.all("$set_once", &mut faults) {
            for (key, _) in set.iter().filter(|(key, _)| is_the_senders(key)) {
                let detail = "the first of several values cannot be kept: send it in `$set`";
                faults.push(fault(fact::path(path, key), "set-once", detail));
            }
        }
        for raw in [&self.top, &self.properties].map(|within| within.get("$unset")) {
            let Some(raw) = raw else { continue };
            match serde_json::from_str::<Vec<String>>(raw.get()) {
                Ok(names) => data.extend(names.into_iter().map(|name| (name, Json::Null))),
                Err(_) => faults.push(fault("$unset", "wrong-type", "expected a list of names")),
            }
        }
        let mut person = self.person(&mut faults)?;
        // What is no email identifies nobody, and is none in the person's fields either.
        if faults
            .iter()
            .any(|fault| fault.path.ends_with("$set.email"))
        {
            data.remove("email");
        }
        let before = self.properties.get("$anon_distinct_id");
        let path = "properties.$anon_distinct_id";
        match identifier(path, IdentifierType::AnonymousId, before) {
            Ok(before) => person.extend(before.filter(|before| !person.contains(before))),
            Err(fault) => faults.push(fault),
        }
        Ok(self.fact_of(id, FactKind::Identify, person, data, faults))
    }

    fn about_group(&self, id: String, mut faults: Vec<Fault>) -> Result<Fact, Fault> {
        let kind = self.properties.text("$group_type").unwrap_or_default();
        if !ACCOUNT_GROUPS.contains(&kind.as_str()) {
            let path = "properties.$group_type";
            let detail = format!(
                "accounts are groups of the types {}",
                ACCOUNT_GROUPS.map(|kind| format!("`{kind}`")).join(", ")
            );
            return Err(fault(path, "unknown-group-type", detail));
        }
        let path = "properties.$group_key";
        let key = self.properties.get("$group_key");
        let account = identifier(path, IdentifierType::GroupId, key)?.ok_or_else(|| {
            let detail = "a group needs the key of its account";
            fault(path, "missing-identifier", detail)
        })?;
        let set = section(
            &self.properties,
            "$group_set",
            "properties.$group_set",
            &mut faults,
        );
        let mut data = Map::new();
        let path = "properties.$group_set";
        read_values(path, set.iter(), &mut data, &mut faults);
        // Whoever the client names here, or makes up, did no more than tell.
        let fact = self.fact_of(id, FactKind::Group, Vec::new(), data, faults);
        Ok(Fact {
            account: vec![account],
            ..fact
        })
    }

    fn alias(&self, id: String, faults: Vec<Fault>) -> Result<Fact, Fault> {
        let mut both = Vec::new();
        for (path, raw) in [
            ("distinct_id", self.distinct_id()),
            ("properties.alias", self.properties.get("alias")),
        ] {
            let found = identifier(path, IdentifierType::AnonymousId, raw)?;
            let missing = || fault(path, "missing-identifier", "an alias names two ids");
            both.push(found.ok_or_else(missing)?);
        }
        both.dedup();
        Ok(self.fact_of(id, FactKind::Alias, both, Map::new(), faults))
    }

    fn fact_of(
        &self,
        message_id: String,
        kind: FactKind,
        person: Vec<Identifier>,
        data: Map<String, Json>,
        mut faults: Vec<Fault>,
    ) -> Fact {
        Fact {
            message_id,
            kind,
            person,
            account: self.account(&mut faults).into_iter().collect(),
            subject: Vec::new(),
            relations: Vec::new(),
            data,
            observed_at: observed::at(&self.top, &["timestamp"], self.times, &mut faults),
            faults,
        }
    }

    /// Whether an event that is none about the person says something of them too.
    fn says_more_of_the_person(&self, name: &str) -> bool {
        let is_other = !matches!(
            name,
            "$identify"
                | "$set"
                | "$set_once"
                | "$unset"
                | "$create_alias"
                | "$merge_dangerously"
                | "$groupidentify"
        );
        let says = |within: &Entries<'_>| {
            let set = ["$set", "$set_once"].into_iter().any(|key| {
                let set = within.get(key).and_then(|raw| Entries::split(raw.get()));
                set.is_some_and(|set| set.iter().any(|(key, _)| is_the_senders(key)))
            });
            set || within.get("$unset").is_some()
        };
        is_other && (says(&self.top) || says(&self.properties))
    }

    /// The objects under a key, which clients put on either level.
    fn all(&self, key: &str, faults: &mut Vec<Fault>) -> [(&'static str, Entries<'a>); 2] {
        let (top, nested) = match key {
            "$set" => ("$set", "properties.$set"),
            _ => ("$set_once", "properties.$set_once"),
        };
        [
            (nested, section(&self.properties, key, nested, faults)),
            (top, section(&self.top, key, top, faults)),
        ]
    }

    fn distinct_id(&self) -> Option<&'a serde_json::value::RawValue> {
        let top = self.top.get("distinct_id");
        top.or_else(|| self.properties.get("distinct_id"))
    }

    /// Whom an event is about, the strongest identifier first.
    fn person(&self, faults: &mut Vec<Fault>) -> Result<Vec<Identifier>, Fault> {
        let raw = self.distinct_id();
        let says = |key| {
            self.properties
                .get(key)
                .map(serde_json::value::RawValue::get)
        };
        let is_device = raw.is_some_and(|raw| says("$device_id") == Some(raw.get()));
        let is_unknown = is_device
            || says("$is_identified") == Some("false")
            || says("$process_person_profile") == Some("false");
        let user = match is_unknown {
            true => None,
            false => identifier("distinct_id", IdentifierType::UserId, raw)?,
        };
        let any = identifier("distinct_id", IdentifierType::AnonymousId, raw)?;
        let email = self
            .all("$set", &mut Vec::new())
            .into_iter()
            .find_map(|(path, set)| {
                let path = format!("{path}.email");
                let found = identifier(&path, IdentifierType::Email, set.get("email"));
                found.unwrap_or_else(|fault| {
                    faults.push(fault);
                    None
                })
            });
        if any.is_none() {
            let detail = "expected the `distinct_id` of a person";
            return Err(fault("distinct_id", "missing-identifier", detail));
        }
        Ok([user, email, any].into_iter().flatten().collect())
    }

    fn account(&self, faults: &mut Vec<Fault>) -> Option<Identifier> {
        let groups = section(&self.properties, "$groups", "properties.$groups", faults);
        let raw = ACCOUNT_GROUPS.iter().find_map(|kind| groups.get(kind))?;
        let found = identifier("properties.$groups", IdentifierType::GroupId, Some(raw));
        found.unwrap_or_else(|fault| {
            faults.push(fault);
            None
        })
    }

    /// Every identifier in the event, so that erasure finds a refused one.
    fn identifiers(&self) -> Vec<Identifier> {
        use IdentifierType::{AnonymousId, Email, GroupId, UserId};
        let distinct = self.distinct_id();
        let [(_, nested), (_, top)] = self.all("$set", &mut Vec::new());
        let places = [
            (UserId, distinct),
            (AnonymousId, distinct),
            (AnonymousId, self.properties.get("alias")),
            (AnonymousId, self.properties.get("$anon_distinct_id")),
            (Email, nested.get("email")),
            (Email, top.get("email")),
            (GroupId, self.properties.get("$group_key")),
        ];
        let mut found: Vec<Identifier> = Vec::new();
        let read = places
            .into_iter()
            .filter_map(|(kind, raw)| identifier("", kind, raw).ok()?);
        for identifier in read.chain(self.account(&mut Vec::new())) {
            if !found.contains(&identifier) {
                found.push(identifier);
            }
        }
        found.sort_by_key(|of| of.kind().root_kind() != RootKind::Person);
        found
    }
}

/// Whether a property is one of the sender, and none that the client adds.
fn is_the_senders(key: &str) -> bool {
    !key.starts_with('$') && !matches!(key, "token" | "distinct_id")
}
