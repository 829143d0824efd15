//! Chatwoot: its webhooks, and conversations as its API lists them, with their `messages`.

use kith_domain::fact::{Author, Message};
use serde_json::{Map, Value as Json, json};

use super::desk::{Contact, Desk, Written};
use super::mapping::at;
use super::read::{int, seconds, stamp, text, time};

/// Which kinds of messages the API writes as numbers.
const INCOMING: &str = "0";
const OUTGOING: &str = "1";

pub(super) fn read(desk: Desk<'_>, json: &Json) -> Vec<Message> {
    match text(json, "event").as_deref() {
        Some("message_created") => {
            let Some(conversation) = at(json, "conversation") else {
                return Vec::new();
            };
            let mut found = state(desk, conversation, json);
            found.extend(message(desk, &id_of(conversation), json));
            found
        }
        // Of a message that changed, what an end user said of the conversation.
        Some("message_updated") => match at(json, "conversation") {
            Some(conversation) => state(desk, conversation, json),
            None => Vec::new(),
        },
        _ => {
            let listed = ["data.payload", "payload"];
            let listed = listed.iter().find_map(|path| at(json, path)?.as_array());
            match listed {
                Some(listed) => listed.iter().flat_map(|of| whole(desk, of)).collect(),
                None => whole(desk, json),
            }
        }
    }
}

fn id_of(conversation: &Json) -> String {
    text(conversation, "id").unwrap_or_default()
}

fn whole(desk: Desk<'_>, conversation: &Json) -> Vec<Message> {
    let messages = at(conversation, "messages").and_then(Json::as_array);
    let mut found = match at(conversation, "status") {
        Some(_) => state(desk, conversation, conversation),
        None => Vec::new(),
    };
    for one in messages.into_iter().flatten() {
        found.extend(message(desk, &id_of(conversation), one));
    }
    found
}

fn contact(conversation: &Json) -> Contact {
    let sender = at(conversation, "meta.sender").unwrap_or(&Json::Null);
    Contact::read(sender, "identifier", "phone_number")
}

fn state(desk: Desk<'_>, conversation: &Json, told: &Json) -> Vec<Message> {
    let mut said = Map::new();
    for (key, path) in [
        ("status", "status"),
        ("priority", "priority"),
        ("channel", "channel"),
        ("assignee", "meta.assignee.name"),
        ("subject", "additional_attributes.mail_subject"),
    ] {
        if let Some(text) = text(conversation, path) {
            said.insert(key.to_owned(), text.into());
        }
    }
    if let Some(labels) = at(conversation, "labels") {
        said.insert("labels".to_owned(), labels.clone());
    }
    for (key, path) in [
        ("createdAt", "created_at"),
        ("firstReplyAt", "first_reply_created_at"),
    ] {
        let is_told = int(conversation, path) != Some(0);
        if let Some(time) = time(conversation, path).filter(|_| is_told) {
            said.insert(key.to_owned(), stamp(Some(time)));
        }
    }
    let survey = "content_attributes.submitted_values.csat_survey_response";
    for within in [at(told, survey), at(conversation, "csat_survey_response")] {
        let Some(within) = within else { continue };
        for (key, path) in [("rating", "rating"), ("ratingComment", "feedback_message")] {
            if let Some(value) = at(within, path) {
                said.insert(key.to_owned(), value.clone());
            }
        }
    }
    let changed = at(conversation, "updated_at").and_then(Json::as_f64);
    let changed = changed.and_then(|at| seconds(at as i64));
    let changed = changed.or_else(|| int(conversation, "last_activity_at").and_then(seconds));
    desk.state(
        &id_of(conversation),
        &contact(conversation),
        said,
        told,
        changed,
    )
}

fn message(desk: Desk<'_>, conversation: &str, message: &Json) -> Vec<Message> {
    let kind = text(message, "message_type").unwrap_or_default();
    let sender = at(message, "sender").unwrap_or(&Json::Null);
    let author = match kind.as_str() {
        "incoming" | INCOMING => Author::Person,
        "outgoing" | OUTGOING => match text(sender, "type").as_deref() {
            Some("agent_bot" | "captain_assistant") => Author::Agent,
            _ => Author::Member,
        },
        // What the desk itself tells: who took over, what was labelled.
        _ => Author::System,
    };
    let Some(id) = text(message, "id") else {
        return Vec::new();
    };
    let keys = [
        "id",
        "content",
        "message_type",
        "private",
        "created_at",
        "sender",
    ];
    let kept = keys
        .iter()
        .filter_map(|key| Some((*key, at(message, key)?.clone())));
    let kept: Map<String, Json> = kept.map(|(key, json)| (key.to_owned(), json)).collect();
    let written = Written {
        id,
        alone: json!({"id": conversation, "messages": [kept]}),
        author,
        by: Contact::read(sender, "identifier", "phone_number"),
        is_note: at(message, "private")
            .and_then(Json::as_bool)
            .unwrap_or(false),
        body: at(message, "content")
            .and_then(Json::as_str)
            .unwrap_or_default(),
        at: time(message, "created_at"),
    };
    desk.written(conversation, &written)
}
