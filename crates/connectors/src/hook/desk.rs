//! What conversations of every help desk have in common: who takes part, what state they are in, what came
//! of them, and what was written.
//!
//! Lines may name `conversation.{status, priority, subject, channel, labels, assignee, createdAt,
//! firstReplyAt, resolvedAt, reopened, rating, ratingComment}` and `conversation.contact.{name, phone}`, or
//! what stands in the conversation as it came. Ids have the desk's name before them, since every desk counts
//! from one.

use kith_domain::fact::{Author, Message};
use kith_domain::{IdentifierType, Timestamp};
use serde_json::{Map, Value as Json};

use super::draft::Draft;
use super::mapping::{Mapping, Seen};
use super::read::{observed, plain, text};
use crate::original::derived_id;

/// The lines to begin with.
pub(super) const FIELDS: &[(&str, &str)] = &[
    ("conversation.status", "conversation.status"),
    ("conversation.priority", "conversation.priority"),
    ("conversation.subject", "conversation.subject"),
    ("conversation.channel", "conversation.channel"),
    ("conversation.labels", "conversation.labels"),
    ("conversation.assignee", "conversation.assignee"),
    ("conversation.createdAt", "conversation.createdAt"),
    ("conversation.firstReplyAt", "conversation.firstReplyAt"),
    ("conversation.resolvedAt", "conversation.resolvedAt"),
    ("conversation.reopened", "conversation.reopened"),
    ("conversation.rating", "conversation.csat"),
    ("conversation.ratingComment", "conversation.csatComment"),
    ("conversation.contact.name", "person.name"),
    ("conversation.contact.phone", "person.phone"),
];

/// A help desk, by the word before its ids.
#[derive(Debug, Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) name: &'static str,
    pub(super) mapping: &'a Mapping,
    pub(super) received_at: Timestamp,
}

/// Somebody outside, as a desk knows them.
#[derive(Debug, Default)]
pub(super) struct Contact {
    pub(super) id: Option<String>,
    pub(super) email: Option<String>,
    /// The product's own key of them, if the desk was told it.
    pub(super) user_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) phone: Option<String>,
}

impl Contact {
    /// As most desks write it: `id`, `email`, `name`, `phone`, and the product's key under one more name.
    pub(super) fn read(json: &Json, user_id: &str, phone: &str) -> Self {
        Self {
            id: text(json, "id"),
            email: text(json, "email"),
            user_id: text(json, user_id),
            name: text(json, "name"),
            phone: text(json, phone),
        }
    }
}

/// Something that was written.
#[derive(Debug)]
pub(super) struct Written<'a> {
    /// The desk's id of it.
    pub(super) id: String,
    /// The conversation with this alone, as the desk would hand it over.
    pub(super) alone: Json,
    pub(super) author: Author,
    pub(super) by: Contact,
    pub(super) is_note: bool,
    /// With HTML in it.
    pub(super) body: &'a str,
    pub(super) at: Option<Timestamp>,
}

impl Desk<'_> {
    fn draft(&self, conversation: &str, by: &Contact, draft: Draft) -> Draft {
        let mut draft = draft;
        let own = |id: &str| format!("{}:{id}", self.name);
        let id = own(conversation);
        draft.name(IdentifierType::ConversationId, "id", Some(&id));
        draft.name(IdentifierType::UserId, "contact", by.user_id.as_deref());
        draft.name(IdentifierType::Email, "contact.email", by.email.as_deref());
        let contact = by.id.as_deref().map(own);
        draft.name(IdentifierType::ContactId, "contact.id", contact.as_deref());
        draft
    }

    /// The state of a conversation.
    pub(super) fn state(
        &self,
        conversation: &str,
        contact: &Contact,
        mut said: Map<String, Json>,
        raw: &Json,
        at: Option<Timestamp>,
    ) -> Vec<Message> {
        let original = raw.to_string().into_bytes();
        let at = observed(at, self.received_at);
        let draft = Draft::new(derived_id(&original), original, at);
        for (key, value) in [
            ("contact.name", &contact.name),
            ("contact.phone", &contact.phone),
        ] {
            if let Some(value) = value {
                said.insert(key.to_owned(), value.as_str().into());
            }
        }
        let seen = Seen {
            object: "conversation",
            said,
            raw,
        };
        self.draft(conversation, contact, draft)
            .facts(self.mapping, &seen, None)
    }

    /// What was written in a conversation; nothing if it is empty.
    pub(super) fn written(&self, conversation: &str, written: &Written<'_>) -> Vec<Message> {
        let body = plain(written.body);
        if body.is_empty() {
            return Vec::new();
        }
        let nobody = Contact::default();
        let by = match written.author {
            Author::Person => &written.by,
            _ => &nobody,
        };
        let id = format!("{}:{conversation}:{}", self.name, written.id);
        let id = match id.len() <= crate::original::MAX_MESSAGE_ID_BYTES {
            true => id,
            false => derived_id(id.as_bytes()),
        };
        let original = written.alone.to_string().into_bytes();
        let at = observed(written.at, self.received_at);
        self.draft(conversation, by, Draft::new(id, original, at))
            .written(written.author, written.is_note, &body)
    }
}
