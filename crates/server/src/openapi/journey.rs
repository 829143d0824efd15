//! What is said of the routes that look back: journeys.

use super::schemas::object;
use super::{About, BEHALF, ID, PURPOSE};

const PERSON: (&str, &str) = ("id", "The person's id, `per_…`.");
const KINDS: (&str, &str) = (
    "kinds",
    "`event`, `change`, with commas between; all of them, if none is named.",
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
            "What happened in an account, the newest first: events, and changes of its fields.",
            &[ID, PURPOSE, BEHALF, KINDS, BEFORE, AFTER, LIMIT, CURSOR],
            &["account"],
        ),
        "/v1/people/{id}/journey" => (
            "What happened to a person, the newest first: events, and changes of their fields and role.",
            &[PERSON, PURPOSE, BEHALF, KINDS, BEFORE, AFTER, LIMIT, CURSOR],
            &["person"],
        ),
        _ => return None,
    };
    let sometimes: &[_] = match who {
        ["person"] => &["account", "nextCursor"],
        _ => &["nextCursor"],
    };
    Some(About {
        summary,
        parameters,
        body: None,
        answer: object(
            &[&always[..], who, &["items", "withheld"]].concat(),
            sometimes,
        ),
        problems: &[404, 422],
    })
}
