//! What is said of the routes that look back: journeys and conversations.

use super::schemas::object;
use super::{About, BEHALF, ID, PURPOSE};

const PERSON: (&str, &str) = ("id", "The person's id, `per_…`.");
const CONVERSATION: (&str, &str) = ("id", "The conversation's id, `con_…`.");
const WRITTEN: (&str, &str) = ("limit", "At most this many messages.");
const KINDS: (&str, &str) = (
    "kinds",
    "`event`, `change`, `conversation`, with commas between; all of them, if none is named.",
);
const BEFORE: (&str, &str) = ("before", "What happened before this date or time alone.");
const AFTER: (&str, &str) = (
    "after",
    "What happened at this date or time or after it alone.",
);
const LIMIT: (&str, &str) = ("limit", "At most this many items.");
const CURSOR: (&str, &str) = ("cursor", "The `nextCursor` of the page before.");

pub(super) fn about(path: &str) -> Option<About> {
    let always = [
        "auditId",
        "purpose",
        "definitionsVersion",
        "decidedAt",
        "allowedBecause",
    ];
    let (summary, parameters, who): (_, &'static [_], &[_]) = match path {
        "/v1/accounts/{id}/journey" => (
            "What happened in an account, the newest first: events, changes of its fields, conversations.",
            &[ID, PURPOSE, BEHALF, KINDS, BEFORE, AFTER, LIMIT, CURSOR],
            &["account"],
        ),
        "/v1/people/{id}/journey" => (
            "What happened to a person, the newest first: events, changes of their fields and role, conversations.",
            &[PERSON, PURPOSE, BEHALF, KINDS, BEFORE, AFTER, LIMIT, CURSOR],
            &["person"],
        ),
        "/v1/conversations/{id}" => (
            "A conversation, and what was written in it, the newest first.",
            &[CONVERSATION, PURPOSE, BEHALF, WRITTEN, CURSOR],
            &["conversation"],
        ),
        _ => return None,
    };
    let (items, sometimes): (_, &[_]) = match who {
        ["person"] => ("items", &["account", "nextCursor"]),
        ["account"] => ("items", &["nextCursor"]),
        _ => ("messages", &["account", "person", "nextCursor"]),
    };
    Some(About {
        summary,
        parameters,
        body: None,
        answer: object(
            &[&always[..], who, &[items, "withheld"]].concat(),
            sometimes,
        ),
        problems: &[404, 422],
    })
}
