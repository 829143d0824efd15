//! Zendesk: the webhooks of ticket events, and tickets as its incremental export hands them over, with
//! `metric_sets`, `users` and `comments` beside them.

use kith_domain::fact::{Author, Message};
use serde_json::{Map, Value as Json, json};

use super::desk::{Contact, Desk, Written};
use super::mapping::at;
use super::read::{int, stamp, text, time};

/// What the types of ticket events begin with.
const TICKET: &str = "zen:event-type:ticket.";

pub(super) fn read(desk: Desk<'_>, json: &Json) -> Vec<Message> {
    if let Some(kind) = text(json, "type") {
        let detail = at(json, "detail");
        return match (kind.strip_prefix(TICKET), detail) {
            (Some(what), Some(ticket)) => event(desk, what, ticket, json),
            _ => Vec::new(),
        };
    }
    let list = |key: &str| at(json, key).and_then(Json::as_array).map(Vec::as_slice);
    let (metrics, users) = (
        list("metric_sets").unwrap_or_default(),
        list("users").unwrap_or_default(),
    );
    let mut found = Vec::new();
    for ticket in list("tickets").unwrap_or_default() {
        let of = |all: &'_ [Json], key: &str, id: Option<String>| {
            all.iter()
                .find(|one| id.is_some() && text(one, key) == id)
                .cloned()
        };
        let metric = of(metrics, "ticket_id", text(ticket, "id"));
        let user = of(users, "id", text(ticket, "requester_id"));
        let user = user.unwrap_or(Json::Null);
        found.extend(state(desk, ticket, ticket, &user, metric.as_ref()));
    }
    if let Some(id) = text(json, "ticket_id") {
        for one in list("comments").unwrap_or_default() {
            found.extend(comment(desk, &id, one, users));
        }
    }
    found
}

fn event(desk: Desk<'_>, what: &str, ticket: &Json, told: &Json) -> Vec<Message> {
    let mut found = state(desk, ticket, told, &Json::Null, None);
    if let (Some(one), Some(id), "comment_added") =
        (at(told, "event.comment"), text(ticket, "id"), what)
    {
        found.extend(comment(desk, &id, one, &[]));
    }
    found
}

fn state(
    desk: Desk<'_>,
    ticket: &Json,
    told: &Json,
    requester: &Json,
    metric: Option<&Json>,
) -> Vec<Message> {
    let Some(id) = text(ticket, "id") else {
        return Vec::new();
    };
    let mut said = Map::new();
    for (key, path) in [
        ("status", "status"),
        ("priority", "priority"),
        ("subject", "subject"),
        ("channel", "via.channel"),
        ("assignee", "assignee_id"),
        ("rating", "satisfaction_rating.score"),
        ("ratingComment", "satisfaction_rating.comment"),
    ] {
        if let Some(text) = text(ticket, path) {
            // Event webhooks shout their words.
            let text = match key {
                "status" | "priority" => text.to_ascii_lowercase(),
                _ => text,
            };
            said.insert(key.to_owned(), text.into());
        }
    }
    if let Some(tags) = at(ticket, "tags") {
        said.insert("labels".to_owned(), tags.clone());
    }
    let metric = metric
        .or_else(|| at(ticket, "metric_set"))
        .unwrap_or(&Json::Null);
    if let Some(reopens) = int(metric, "reopens") {
        said.insert("reopened".to_owned(), reopens.into());
    }
    for (key, within, path) in [
        ("createdAt", ticket, "created_at"),
        ("resolvedAt", metric, "solved_at"),
    ] {
        if let Some(time) = time(within, path) {
            said.insert(key.to_owned(), stamp(Some(time)));
        }
    }
    let mut contact = Contact::read(requester, "external_id", "phone");
    contact.id = contact.id.or_else(|| text(ticket, "requester_id"));
    let changed = time(told, "time").or_else(|| time(ticket, "updated_at"));
    desk.state(&id, &contact, said, told, changed)
}

fn comment(desk: Desk<'_>, ticket: &str, comment: &Json, users: &[Json]) -> Vec<Message> {
    let Some(id) = text(comment, "id") else {
        return Vec::new();
    };
    let author_id = text(comment, "author.id").or_else(|| text(comment, "author_id"));
    let user = users
        .iter()
        .find(|user| author_id.is_some() && text(user, "id") == author_id);
    let is_staff = at(comment, "author.is_staff").and_then(Json::as_bool);
    let is_staff = is_staff.or_else(|| Some(text(user?, "role")? != "end-user"));
    let author = match is_staff {
        Some(false) => Author::Person,
        Some(true) => Author::Member,
        None => Author::System,
    };
    let mut by = Contact::read(user.unwrap_or(&Json::Null), "external_id", "phone");
    by.id = by.id.or(author_id);
    let is_public = at(comment, "is_public").or_else(|| at(comment, "public"));
    let written = Written {
        id,
        alone: json!({"ticket_id": ticket, "comments": [comment], "users": user.into_iter().collect::<Vec<_>>()}),
        author,
        by,
        is_note: is_public.and_then(Json::as_bool) == Some(false),
        body: at(comment, "body")
            .and_then(Json::as_str)
            .unwrap_or_default(),
        at: time(comment, "created_at"),
    };
    desk.written(ticket, &written)
}
