//! HubSpot's webhooks: lists of changes of contacts and companies, their merges and deletions.
//!
//! A contact is a person by its `contactId`, a company a company by its `companyId`; both have `hubspot:`
//! before them, since other systems count from one too. A change of `email` names the person, one of
//! `domain` the company. A line begins with `contact.`, `company.`, or with `properties.` for both.

use kith_domain::fact::{FactKind, Message};
use kith_domain::{IdentifierType, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::draft::Draft;
use super::mapping::{Mapping, Seen, at};
use super::read::{int, observed, text};
use crate::original::fault;

/// The lines to begin with.
pub(super) const FIELDS: &[(&str, &str)] = &[
    ("contact.properties.email", "email"),
    ("contact.properties.phone", "person.phone"),
    ("contact.properties.hs_language", "person.locale"),
    ("contact.properties.hs_timezone", "person.timezone"),
    ("company.properties.name", "company.name"),
    ("company.properties.domain", "domain"),
    ("company.properties.industry", "company.industry"),
    ("company.properties.country", "company.country"),
];

/// What differs when the same change is delivered again.
pub(super) const ENVELOPE: [&str; 1] = ["attemptNumber"];

pub(super) fn read(
    mapping: &Mapping,
    change: &Json,
    original: &[u8],
    received_at: Timestamp,
) -> Vec<Message> {
    let number = |path: &str| text(change, path).unwrap_or_default();
    let id = format!(
        "{}:{}:{}:{}",
        number("subscriptionId"),
        number("eventId"),
        number("objectId"),
        number("occurredAt")
    );
    let id = if id.len() > crate::original::MAX_MESSAGE_ID_BYTES || id == ":::" {
        crate::original::derived_id(original)
    } else {
        id
    };
    let at_micros = int(change, "occurredAt").and_then(|millis| millis.checked_mul(1000));
    let occurred = at_micros.map(Timestamp::from_micros);
    let mut draft = Draft::new(id, original.to_vec(), observed(occurred, received_at));
    let kind = text(change, "subscriptionType").unwrap_or_default();
    let (object, what) = kind.split_once('.').unwrap_or_default();
    let (object, key) = match object {
        "contact" => ("contact", IdentifierType::ContactId),
        "company" => ("company", IdentifierType::CompanyId),
        _ => {
            let detail =
                "changes of contacts and companies become facts: do not have others sent here";
            return vec![draft.refused(fault("subscriptionType", "unknown-type", detail))];
        }
    };
    let own = |id: Option<String>| id.map(|id| format!("hubspot:{id}"));
    if what == "merge" {
        draft.name(
            key,
            "primaryObjectId",
            own(text(change, "primaryObjectId")).as_deref(),
        );
        let merged = at(change, "mergedObjectIds").and_then(Json::as_array);
        for place in 0..merged.map_or(0, Vec::len) {
            let path = format!("mergedObjectIds.{place}");
            draft.name(key, &path, own(text(change, &path)).as_deref());
        }
        return draft.record(FactKind::Merge);
    }
    draft.name(key, "objectId", own(text(change, "objectId")).as_deref());
    match what {
        "deletion" | "privacyDeletion" => draft.record(FactKind::Delete),
        "creation" | "restore" | "propertyChange" => {
            let mut said = Map::new();
            if let Some(name) = text(change, "propertyName") {
                let value = at(change, "propertyValue").cloned().unwrap_or(Json::Null);
                // An emptied property is an empty text there.
                let value = if value == json!("") {
                    Json::Null
                } else {
                    value
                };
                said.insert(format!("properties.{name}"), value);
            }
            let seen = Seen {
                object,
                said,
                raw: &Json::Null,
            };
            draft.facts(mapping, &seen, None)
        }
        _ => {
            let detail = "changes of this type become nothing: do not have them sent here";
            vec![draft.refused(fault("subscriptionType", "unknown-type", detail))]
        }
    }
}
