//! The parts that the document's operations refer to: questions, answers, problems.

use kith_domain::{IdentifierType, Purpose};
use serde_json::{Map, Value, json};

/// Every problem that the API answers: the last part of its `type`, its status, and when it comes.
const PROBLEMS: &[(&str, u16, &str)] = &[
    (
        "invalid-request",
        400,
        "the request is not as it must be: `fields` lists every part at fault",
    ),
    (
        "unreadable-body",
        400,
        "the body did not arrive whole, or is not the gzip that it says it is",
    ),
    (
        "unauthenticated",
        401,
        "there is no live key in `Authorization: Bearer`",
    ),
    ("forbidden", 403, "the key's scopes do not open this"),
    (
        "refused",
        403,
        "the policy refuses the purpose; `reasons` say why, as far as the asker may know",
    ),
    (
        "field-not-visible",
        403,
        "a filter or sort names a field that is hidden on every row",
    ),
    (
        "not-found",
        404,
        "nothing that the asker may know of: absent and out of view are the same",
    ),
    (
        "not-in-log",
        404,
        "the audit log has no such checkpoint, tile, entry or tree",
    ),
    ("no-such-route", 404, "there is nothing at this path"),
    ("no-such-method", 405, "the path takes another method"),
    ("conflict", 409, "someone else was faster"),
    (
        "no-definitions",
        409,
        "the workspace has no definitions yet",
    ),
    (
        "body-too-large",
        413,
        "the body is larger than 4 MiB, unpacked",
    ),
    (
        "unknown-encoding",
        415,
        "the body is packed in a way that is not known here",
    ),
    ("too-broad", 422, "too many rows would have to be looked at"),
    (
        "idempotency-key-reused",
        422,
        "the idempotency key was used for another write",
    ),
    ("invalid-definitions", 422, "the definitions have mistakes"),
    (
        "rate-limited",
        429,
        "too many look-ups found nobody: wait as `Retry-After` says",
    ),
    (
        "quota-exceeded",
        429,
        "the key made more requests than it may: wait as `Retry-After` says",
    ),
    ("fault", 500, "a fault in Kith; nothing was answered"),
    (
        "audit-unavailable",
        503,
        "the audit log cannot be written, so no data leaves",
    ),
    ("audit-log-broken", 503, "the audit log cannot be proven"),
    ("store-unavailable", 503, "the store did not answer"),
];

/// The answer with these parts, and no others.
pub(super) fn object(always: &[&str], sometimes: &[&str]) -> Value {
    let parts = always.iter().chain(sometimes).map(|name| {
        let list = |item: &str| json!({"type": "array", "items": {"$ref": format!("#/components/schemas/{item}")}});
        let schema = match *name {
            "status" => json!({"type": "string"}),
            "auditId" => json!({"type": "string", "pattern": "^aud_"}),
            "purpose" => json!({"$ref": "#/components/schemas/Purpose"}),
            "definitionsVersion" | "count" => json!({"type": "integer", "minimum": 0}),
            "decidedAt" | "asOf" => json!({"type": "string", "format": "date-time"}),
            "allowed" | "morePeople" | "moreSubscriptions" => json!({"type": "boolean"}),
            "index" | "size" | "from" | "to" => json!({"type": "integer", "minimum": 0}),
            "nextCursor" | "checkpoint" | "id" | "outcome" | "decision" => json!({"type": "string"}),
            "ids" => json!({"type": "array", "items": {"type": "string"}}),
            "leafHash" | "rootHash" | "fromRootHash" | "toRootHash" => json!({"type": "string", "contentEncoding": "base64"}),
            "hashes" => json!({"type": "array", "items": {"type": "string", "contentEncoding": "base64"}}),
            "allowedBecause" | "reasons" => list("Reason"),
            "withheld" => list("Withheld"),
            "account" | "person" | "company" | "site" | "conversation" | "subscription" => json!({"$ref": "#/components/schemas/Entity"}),
            "role" => json!({"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Field"}}),
            "events" => json!({"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}),
            "signedIdentity" => json!({"type": "object", "required": ["verified"], "properties": {
                "verified": {"type": "boolean"}, "method": {"enum": ["jwt", "hmac"]}}}),
            _ => json!({"type": "array", "items": {"type": "object"}}),
        };
        ((*name).to_owned(), schema)
    });
    let properties: Map<String, Value> = parts.collect();
    json!({"type": "object", "required": always, "properties": properties, "additionalProperties": false})
}

/// A question about a customer.
pub(super) fn question(more: &[&str]) -> Value {
    let mut properties = json!({
        "purpose": {"$ref": "#/components/schemas/Purpose"},
        "subject": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": false,
            "properties": {
                "person": {"$ref": "#/components/schemas/Root"},
                "account": {"$ref": "#/components/schemas/Root"},
            },
        },
        "onBehalfOf": {"type": "string", "description": "The member that an agent acts for."},
        "identityToken": {
            "description": "Proof that the end user is the subject: a JWT, or an HMAC with its identifier.",
            "oneOf": [
                {"type": "string"},
                {"type": "object", "required": ["type", "value", "hash"], "additionalProperties": false,
                 "properties": {"type": {"type": "string"}, "value": {"type": "string"},
                                "hash": {"type": "string"}}},
            ],
        },
    });
    if let Some(properties) = properties.as_object_mut() {
        for name in more {
            let texts = json!({"type": "array", "items": {"type": "string"}});
            properties.insert((*name).to_owned(), texts);
        }
    }
    json!({
        "type": "object",
        "required": ["purpose", "subject"],
        "additionalProperties": false,
        "properties": properties,
    })
}

/// Everything that is referred to by name.
pub(super) fn all() -> Value {
    let purposes: Vec<_> = Purpose::ALL
        .iter()
        .map(|purpose| purpose.as_str())
        .collect();
    let identifiers: Vec<_> = IdentifierType::ALL.iter().map(|ty| ty.as_str()).collect();
    let types = PROBLEMS.iter().map(|(kind, status, when)| {
        json!({"const": format!("urn:kith:problem:{kind}"), "description": format!("{status}: {when}")})
    });
    let field = json!({
        "state": {"enum": ["visible", "masked"]},
        "mask": {"type": "string"},
        "value": {},
        "owner": {"type": "string", "description": "Who to ask about the field."},
        "source": {"type": "string"},
        "observedAt": {"type": "string", "format": "date-time"},
        "ageSeconds": {"type": "integer", "description": "Whole seconds since it was observed."},
        "stale": {"type": "boolean"},
    });
    json!({
        "Purpose": {"enum": purposes},
        "AccountId": {"type": "string", "pattern": "^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$"},
        "Root": {
            "description": "A person or account by Kith's id, or by an identifier that may be looked up.",
            "oneOf": [
                {"type": "object", "required": ["id"], "additionalProperties": false,
                 "properties": {"id": {"type": "string"}}},
                {"type": "object", "required": ["type", "value"], "additionalProperties": false,
                 "properties": {"type": {"enum": identifiers}, "value": {"type": "string"}}},
            ],
        },
        "Field": {"type": "object", "required": ["state", "value", "owner"], "properties": field},
        "Entity": {
            "type": "object", "required": ["id"], "properties": {"id": {"type": "string"}},
            "additionalProperties": {"$ref": "#/components/schemas/Field"},
        },
        "Reason": {
            "type": "object", "required": ["code", "side", "words"],
            "properties": {"code": {"type": "string"}, "side": {"type": "string"}, "words": {"type": "string"}},
        },
        "Withheld": {
            "type": "object", "required": ["field", "owner", "reason"],
            "properties": {"field": {"type": "string"}, "owner": {"type": "string"},
                           "reason": {"$ref": "#/components/schemas/Reason"}},
        },
        "Problem": {
            "description": "RFC 9457.",
            "type": "object", "required": ["type", "title", "status"],
            "properties": {
                "type": {"oneOf": types.collect::<Vec<_>>()},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string", "description": "What happened, and what to do."},
                "fields": {"type": "array", "items": {"type": "object", "required": ["field", "expected"],
                    "properties": {"field": {"type": "string"}, "expected": {"type": "string"}}}},
                "auditId": {"type": "string"},
                "definitionsVersion": {"type": "integer"},
                "reasons": {"type": "array", "items": {"$ref": "#/components/schemas/Reason"}},
                "retryAfterSeconds": {"type": "integer"},
            },
        },
    })
}

/// The answer that is a problem, with the types that have this status.
pub(super) fn problem(status: u16) -> Value {
    let kinds = PROBLEMS.iter().filter(|(_, of, _)| *of == status);
    let words: Vec<_> = kinds
        .map(|(kind, _, when)| format!("`{kind}`: {when}"))
        .collect();
    json!({
        "description": words.join("; "),
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_problem_is_documented() {
        const SOURCES: [&str; 3] = [
            include_str!("../problem.rs"),
            include_str!("../body.rs"),
            include_str!("../serve.rs"),
        ];
        let text = SOURCES.concat();
        let ends = |letter: char| !letter.is_ascii_lowercase() && letter != '-';
        let named: BTreeSet<&str> = text
            .split("\"urn:kith:problem:")
            .skip(1)
            .filter_map(|rest| rest.split(ends).next())
            .collect();
        let documented: BTreeSet<&str> = super::PROBLEMS.iter().map(|(kind, ..)| *kind).collect();
        assert_eq!(named, documented);
    }
}
