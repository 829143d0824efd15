//! Intercom: its webhooks, and conversations as its API gives them, with their parts.

use kith_domain::fact::{Author, Message};
use serde_json::{Map, Value as Json, json};

use super::desk::{Contact, Desk, Written};
use super::mapping::at;
use super::read::{int, stamp, text, time};

pub(super) fn read(desk: Desk<'_>, json: &Json) -> Vec<Message> {
    if let Some(item) = at(json, "data.item") {
        return match text(item, "type").as_deref() {
            Some("conversation") => conversation(desk, item),
            _ => Vec::new(),
        };
    }
    match at(json, "conversations").and_then(Json::as_array) {
        Some(listed) => listed
            .iter()
            .flat_map(|of| conversation(desk, of))
            .collect(),
        None => conversation(desk, json),
    }
}

fn conversation(desk: Desk<'_>, item: &Json) -> Vec<Message> {
    let Some(id) = text(item, "id") else {
        return Vec::new();
    };
    let mut found = match at(item, "state") {
        Some(_) => state(desk, &id, item),
        None => Vec::new(),
    };
    if let Some(source) = at(item, "source") {
        let alone = json!({"type": "conversation", "id": id, "created_at": at(item, "created_at"), "source": source});
        found.extend(part(desk, &id, source, alone, time(item, "created_at")));
    }
    let parts = at(item, "conversation_parts.conversation_parts").and_then(Json::as_array);
    for one in parts.into_iter().flatten() {
        let parts = json!({"conversation_parts": [one]});
        let alone = json!({"type": "conversation", "id": id, "conversation_parts": parts});
        found.extend(part(desk, &id, one, alone, time(one, "created_at")));
    }
    found
}

fn state(desk: Desk<'_>, id: &str, item: &Json) -> Vec<Message> {
    let mut said = Map::new();
    for (key, path) in [
        ("status", "state"),
        ("priority", "priority"),
        ("subject", "source.subject"),
        ("channel", "source.type"),
        ("assignee", "admin_assignee_id"),
        ("ratingComment", "conversation_rating.remark"),
    ] {
        if let Some(text) = text(item, path) {
            said.insert(key.to_owned(), text.into());
        }
    }
    for (key, path) in [
        ("rating", "conversation_rating.rating"),
        ("reopened", "statistics.count_reopens"),
    ] {
        if let Some(number) = int(item, path) {
            said.insert(key.to_owned(), number.into());
        }
    }
    if let Some(tags) = at(item, "tags.tags").and_then(Json::as_array) {
        let names: Vec<String> = tags.iter().filter_map(|tag| text(tag, "name")).collect();
        said.insert("labels".to_owned(), names.into());
    }
    for (key, path) in [
        ("createdAt", "created_at"),
        ("firstReplyAt", "statistics.first_admin_reply_at"),
        ("resolvedAt", "statistics.last_close_at"),
    ] {
        if let Some(time) = time(item, path) {
            said.insert(key.to_owned(), stamp(Some(time)));
        }
    }
    let first = at(item, "contacts.contacts.0").unwrap_or(&Json::Null);
    let author = at(item, "source.author").unwrap_or(&Json::Null);
    let mut contact = Contact::read(first, "external_id", "phone");
    // The conversation names its contact by id alone; who opened it is told in full.
    if author_of(author) == Author::Person {
        contact.email = text(author, "email");
        contact.name = text(author, "name");
        contact.id = contact.id.or_else(|| text(author, "id"));
    }
    desk.state(id, &contact, said, item, time(item, "updated_at"))
}

fn author_of(author: &Json) -> Author {
    match text(author, "type").as_deref() {
        Some("user" | "lead" | "contact") => Author::Person,
        Some("admin" | "team") => Author::Member,
        Some("bot") => Author::Agent,
        _ => Author::System,
    }
}

fn part(
    desk: Desk<'_>,
    conversation: &str,
    part: &Json,
    alone: Json,
    at_time: Option<kith_domain::Timestamp>,
) -> Vec<Message> {
    let Some(id) = text(part, "id") else {
        return Vec::new();
    };
    let author = at(part, "author").unwrap_or(&Json::Null);
    let written = Written {
        id,
        alone,
        author: author_of(author),
        by: Contact::read(author, "external_id", "phone"),
        is_note: text(part, "part_type").as_deref() == Some("note"),
        body: at(part, "body").and_then(Json::as_str).unwrap_or_default(),
        at: at_time,
    };
    desk.written(conversation, &written)
}
