//! The contract: a fact against the catalog. What fits becomes typed observations and events; what
//! does not becomes a fault with its path and what was expected, and nothing beside it is lost.

use std::collections::BTreeSet;

use kith_domain::catalog::{Event, Field};
use kith_domain::fact::{self, Fact, FactKind, Fault, Trust};
use kith_domain::{Catalog, Entity, FieldIdx, Identifier, Lifecycle, RootKind};
use serde_json::{Map, Value as Json};

use super::message;

/// Most faults that one message may have; the rest are counted in the last one.
const MAX_FAULTS: usize = 64;

/// Who delivers, as far as the contract asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deliverer<'a> {
    pub(crate) source: &'a str,
    pub(crate) trust: Trust,
}

/// A fact that was held against the catalog.
#[derive(Default)]
pub(crate) struct Checked {
    /// Values by field; `null` deletes.
    pub(crate) values: Vec<(FieldIdx, Entity, Json)>,
    /// Identifiers that the catalog shows as fields.
    pub(crate) shown: Vec<(Identifier, FieldIdx)>,
    /// The event with its canonical properties by full path.
    pub(crate) event: Option<(String, Map<String, Json>)>,
    /// What did not fit.
    pub(crate) faults: Vec<Fault>,
}

/// Takes out of a fact what its source may not say, or what makes no sense, before anything is named by
/// it: roots that a key that ships in browsers may not speak of, and relations of what is not there.
pub(crate) fn confine(deliverer: Deliverer<'_>, fact: &mut Fact) {
    let kind = |identifier: &Identifier| identifier.kind().root_kind();
    let is_of_records = matches!(fact.kind, FactKind::Merge | FactKind::Delete);
    if is_of_records && deliverer.trust == Trust::Public {
        fact.person.clear();
        fact.account.clear();
        fact.subject.clear();
        fact.faults
            .push(fault("", "record-from-public-key", NO_RECORDS));
    }
    if let Some(first) = fact.subject.first().map(kind) {
        let is_one = fact.subject.iter().all(|other| kind(other) == first);
        let is_open = deliverer.trust == Trust::Server || first.is_open_to_public_keys();
        if !is_one || !is_open {
            fact.subject.clear();
            fact.data.clear();
            fact.faults.push(match is_one {
                false => fault(
                    "subject",
                    "mixed-subject",
                    "the identifiers of a subject are of one kind, such as a company's alone",
                ),
                true => fault("subject", "subject-from-public-key", ONLY_SERVERS),
            });
        }
    }
    if fact.relations.is_empty() {
        return;
    }
    if deliverer.trust == Trust::Public {
        fact.relations.clear();
        fact.faults
            .push(fault("relations", "relation-from-public-key", ONLY_SERVERS));
        return;
    }
    let named: Vec<RootKind> = [&fact.person, &fact.account, &fact.subject]
        .into_iter()
        .filter_map(|of| of.first().map(kind))
        .collect();
    let faults = &mut fact.faults;
    let mut stated = BTreeSet::new();
    fact.relations.retain(|related| {
        let relation = related.relation;
        let fits = |to: &Identifier| kind(to) == relation.to();
        let is_sound = named.contains(&relation.from())
            && related.to.as_ref().is_none_or(fits)
            && stated.insert(relation);
        if !is_sound {
            let (from, to) = (relation.from().as_str(), relation.to().as_str());
            faults.push(Fault {
                path: "relations".into(),
                code: "unsound-relation",
                detail: format!(
                    "`{relation}` leads from the {from} that the message names to one identifier of a {to}, and is said once",
                    relation = relation.as_str()
                ),
            });
        }
        is_sound
    });
}

/// What a key that ships in browsers is told.
const ONLY_SERVERS: &str = "a key that ships in browsers speaks of people and accounts, and not of what \
    belongs to what: send it from a server with a secret key";

/// What such a key is told that says of records that they were merged or deleted.
const NO_RECORDS: &str = "a key that ships in browsers merges and deletes nothing: send it from a \
    server with a secret key";

fn fault(path: &str, code: &'static str, detail: &str) -> Fault {
    Fault {
        path: path.to_owned(),
        code,
        detail: detail.to_owned(),
    }
}

/// Holds a fact against the catalog.
pub(crate) fn check(catalog: &Catalog, deliverer: Deliverer<'_>, fact: &Fact) -> Checked {
    let mut checked = Checked {
        faults: fact.faults.clone(),
        ..Checked::default()
    };
    match &fact.kind {
        FactKind::Identify => traits(
            catalog,
            deliverer,
            fact,
            [Entity::Person, Entity::Role],
            &mut checked,
        ),
        FactKind::Group => traits(
            catalog,
            deliverer,
            fact,
            [Entity::Account, Entity::Role],
            &mut checked,
        ),
        FactKind::Track { event } => track(catalog, deliverer, event, &fact.data, &mut checked),
        FactKind::Describe => {
            if let Some(identifier) = fact.subject.first() {
                let own = Entity::from(identifier.kind().root_kind());
                traits(catalog, deliverer, fact, [own, own], &mut checked);
            }
        }
        FactKind::Message { is_note, .. } => {
            message::check(catalog, deliverer, fact, *is_note, &mut checked);
        }
        FactKind::Alias | FactKind::Merge | FactKind::Delete => {}
        FactKind::Write { entity, at } => {
            fields(catalog, deliverer, (*entity, at), &fact.data, &mut checked);
        }
    }
    let related = fact.relations.iter().filter_map(|of| of.to.as_ref());
    let named = [&fact.person, &fact.account, &fact.subject];
    // What was deleted is named by its identifiers, and no longer has them.
    let is_said = fact.kind != FactKind::Delete;
    let named = named.into_iter().flatten().chain(related);
    for identifier in named.filter(|_| is_said) {
        shown_identifier(catalog, identifier, &mut checked);
    }
    let beyond = checked.faults.len().saturating_sub(MAX_FAULTS);
    if beyond > 0 {
        checked.faults.truncate(MAX_FAULTS);
        checked.faults.push(Fault {
            path: String::new(),
            code: "too-many-faults",
            detail: format!("{beyond} more parts of this message do not fit the catalog"),
        });
    }
    checked
}

/// Traits go to the first entity that knows their name: the person or account itself, else the role
/// that joins the two if the message names both.
fn traits(
    catalog: &Catalog,
    deliverer: Deliverer<'_>,
    fact: &Fact,
    [own, role]: [Entity; 2],
    checked: &mut Checked,
) {
    let names_both = !fact.person.is_empty() && !fact.account.is_empty();
    for (name, json) in &fact.data {
        let path = fact::path("traits", name);
        let own = catalog.by_trait(own, name);
        let found = own.or_else(|| catalog.by_trait(role, name).filter(|_| names_both));
        let Some((idx, field)) = found.and_then(|idx| Some((idx, catalog.get(idx)?))) else {
            checked.faults.push(unknown(
                path,
                "field",
                "add the field to the catalog and replay, or stop sending it",
            ));
            continue;
        };
        if field.entity == Entity::Role && deliverer.trust == Trust::Public {
            checked.faults.push(Fault {
                path,
                code: "role-from-public-key",
                detail: "a key that ships in browsers grants no roles: send it from a server with a secret key".into(),
            });
            continue;
        }
        let said = |held: &Checked| {
            let mut held = held.values.iter();
            held.find(|(other, ..)| *other == idx)
                .map(|(.., value)| value.clone())
        };
        match value(field, deliverer, json) {
            // A message says one thing of a field: what is kept of it is one observation.
            Ok(canonical) => match said(checked) {
                None => checked.values.push((idx, field.entity, canonical)),
                Some(held) if held == canonical => {}
                Some(_) => checked.faults.push(Fault {
                    path,
                    code: "said-twice",
                    detail: format!(
                        "`{}` has another value in the same message, under another name: send one",
                        field.path
                    ),
                }),
            },
            Err((code, detail)) => checked.faults.push(Fault { path, code, detail }),
        }
    }
}

/// Fields by the catalog's own keys: no other name leads to one.
fn fields(
    catalog: &Catalog,
    deliverer: Deliverer<'_>,
    (entity, at): (Entity, &str),
    data: &Map<String, Json>,
    checked: &mut Checked,
) {
    for (key, json) in data {
        let path = fact::path(at, key);
        let found = catalog.find(&format!("{entity}.{key}"));
        let Some((idx, field)) = found
            .and_then(|idx| Some((idx, catalog.get(idx)?)))
            .filter(|(_, field)| field.entity == entity)
        else {
            checked.faults.push(unknown(
                path,
                "field",
                "add the field to the catalog and replay, or stop sending it",
            ));
            continue;
        };
        match value(field, deliverer, json) {
            Ok(canonical) => checked.values.push((idx, entity, canonical)),
            Err((code, detail)) => checked.faults.push(Fault { path, code, detail }),
        }
    }
}

/// An event; but what is written in a conversation is none.
fn track(
    catalog: &Catalog,
    deliverer: Deliverer<'_>,
    name: &str,
    properties: &Map<String, Json>,
    checked: &mut Checked,
) {
    let found = catalog
        .event(name)
        .and_then(|event| Some((event, catalog.get(event.occurrence)?)));
    let Some((event, occurrence)) = found else {
        checked.faults.push(unknown(
            String::new(),
            "event",
            "add the event to `events.toml` and replay, or stop sending it",
        ));
        return;
    };
    let is_written = [fact::MESSAGE, fact::NOTE].contains(&&*event.name);
    let refused = match admitted(occurrence, deliverer) {
        Ok(()) if is_written => Some((
            "message-as-event",
            format!(
                "`{}` is written in a conversation: deliver it as a message of one",
                event.name
            ),
        )),
        Ok(()) => None,
        Err(fault) => Some(fault),
    };
    if let Some((code, detail)) = refused {
        checked.faults.push(Fault {
            path: "event".into(),
            code,
            detail,
        });
        return;
    }
    let canonical = held(catalog, deliverer, event, properties, checked, value);
    checked.event = Some((event.name.to_string(), canonical));
}

/// The canonical properties of an event that fit it, each as `read` takes it.
pub(super) fn held(
    catalog: &Catalog,
    deliverer: Deliverer<'_>,
    event: &Event,
    properties: &Map<String, Json>,
    checked: &mut Checked,
    read: impl Fn(&Field, Deliverer<'_>, &Json) -> Result<Json, (&'static str, String)>,
) -> Map<String, Json> {
    let mut canonical = Map::new();
    for (key, json) in properties {
        let path = fact::path("properties", key);
        match property(catalog, event, key) {
            None => checked.faults.push(unknown(
                path,
                "property",
                "add it to the event in `events.toml` and replay, or stop sending it",
            )),
            Some(field) => match read(field, deliverer, json) {
                Ok(json) if json.is_null() => {}
                Ok(json) => {
                    canonical.insert(field.path.as_str().to_owned(), json);
                }
                Err((code, detail)) => checked.faults.push(Fault { path, code, detail }),
            },
        }
    }
    canonical
}

fn property<'a>(catalog: &'a Catalog, event: &Event, key: &str) -> Option<&'a Field> {
    let by_key = event.properties.iter().find(|(name, _)| **name == *key);
    let by_other_name = || {
        event.properties.iter().find(|(_, idx)| {
            catalog
                .get(*idx)
                .is_some_and(|field| field.traits.iter().any(|name| **name == *key))
        })
    };
    by_key
        .or_else(by_other_name)
        .and_then(|(_, idx)| catalog.get(*idx))
}

/// An identifier is a value too, if the catalog has a field that shows its type; what the message
/// says of that field in words of its own comes first.
fn shown_identifier(catalog: &Catalog, identifier: &Identifier, checked: &mut Checked) {
    let Some(idx) = catalog.by_identifier(identifier.kind()) else {
        return;
    };
    let live = catalog
        .get(idx)
        .is_some_and(|field| field.lifecycle != Lifecycle::Draft);
    let said = checked.values.iter().any(|(other, ..)| *other == idx);
    if live && !said {
        checked.shown.push((identifier.clone(), idx));
    }
}

/// The canonical value, or why the field does not take it. `null` passes: it deletes.
pub(super) fn value(
    field: &Field,
    deliverer: Deliverer<'_>,
    json: &Json,
) -> Result<Json, (&'static str, String)> {
    admitted(field, deliverer)?;
    if json.is_null() {
        return Ok(Json::Null);
    }
    match field.ty.read_payload(json) {
        Ok(value) => Ok(value.to_canonical()),
        Err(error) => Err(("wrong-type", format!("`{}`: {error}", field.path))),
    }
}

pub(super) fn admitted(
    field: &Field,
    deliverer: Deliverer<'_>,
) -> Result<(), (&'static str, String)> {
    if field.lifecycle == Lifecycle::Draft {
        let detail = format!(
            "`{}` is a draft: publish it as `active` and replay",
            field.path
        );
        return Err(("draft-field", detail));
    }
    let listed =
        field.sources.is_empty() || field.sources.iter().any(|name| **name == *deliverer.source);
    if !listed {
        let detail = format!(
            "`{}` takes no values from source `{}`: list it in the field's `sources` and replay",
            field.path, deliverer.source
        );
        return Err(("source-not-listed", detail));
    }
    Ok(())
}

fn unknown(path: String, what: &'static str, next: &str) -> Fault {
    let code = match what {
        "event" => "unknown-event",
        "property" => "unknown-property",
        _ => "unknown-field",
    };
    Fault {
        path,
        code,
        detail: format!("the catalog has no such {what}: {next}"),
    }
}

#[cfg(test)]
#[path = "contract_tests.rs"]
mod tests;
