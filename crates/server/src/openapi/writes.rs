//! What is said of the routes that write.

use serde_json::{Map, Value, json};

use super::schemas::problem;
use crate::api::writes::Kind;
use crate::routes::{Method, Route};

/// What one of them takes and answers.
pub(super) fn operation(route: &Route) -> Value {
    if route.path.ends_with("/erase") {
        return erase();
    }
    let resource = route.path.split('/').nth(2).unwrap_or_default();
    let is_bulk = route.path.ends_with("/bulk");
    let (summary, body) = match (resource, route.method) {
        (_, Method::Post) if is_bulk => (
            "Writes one a line, up to 10,000, and answers one a line while it goes.",
            json!({"description": "Each line is what the route without `/bulk` takes."}),
        ),
        ("events", _) => (
            "Writes something that happened to a person, in an account, or both.",
            event(),
        ),
        (_, Method::Patch) => (
            "Changes fields of one that is in view, by Kith's id; `null` deletes.",
            change(resource),
        ),
        (resource, _) => (
            "Writes one by its identifiers: it is there afterwards.",
            upsert(resource),
        ),
    };
    let kind = match is_bulk {
        true => "application/x-ndjson",
        false => "application/json",
    };
    let mut responses = Map::new();
    let answers: &[(&str, &str)] = match route.method {
        _ if is_bulk => &[(
            "200",
            "A line for each line: `line`, and what the route without `/bulk` answers, or a `problem`. \
             The last says how it ended, `complete` or `stopped`, and how many `lines` were answered.",
        )],
        Method::Patch => &[("200", "It is durable.")],
        _ => &[
            ("200", "It is durable: it was there before."),
            ("201", "It is durable: it was not there before."),
            (
                "202",
                "It is durable. What became of it is not for the caller to know, or it waits in quarantine.",
            ),
        ],
    };
    for (status, words) in answers {
        let schema = match is_bulk {
            true => json!({"type": "object"}),
            false => answer(),
        };
        let response = json!({"description": words, "content": {kind: {"schema": schema}}});
        responses.insert((*status).to_owned(), response);
    }
    let problems: &[u16] = match is_bulk {
        true => &[400, 401, 403, 409, 415, 429, 500, 503],
        false => &[400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503],
    };
    for status in problems {
        responses.insert(status.to_string(), problem(*status));
    }
    let id = json!({"name": "id", "in": "path", "required": true, "description": "Kith's id.",
                    "schema": {"type": "string"}});
    let words = match is_bulk {
        true => "The same line under the same key is no second write, for 30 days.",
        false => {
            "The same write under the same key is answered alike for a day, and is no second one."
        }
    };
    let key = json!({"name": "Idempotency-Key", "in": "header", "required": false,
                     "description": words, "schema": {"type": "string", "maxLength": 255}});
    let parameters = match route.method {
        Method::Patch => json!([id, key]),
        _ => json!([key]),
    };
    json!({
        "summary": summary,
        "parameters": parameters,
        "security": [{"key": []}],
        "requestBody": {"required": true, "content": {kind: {"schema": body}}},
        "responses": responses,
    })
}

/// Erasing a person.
fn erase() -> Value {
    let number = json!({"type": "integer", "minimum": 0});
    let schema = object(
        &[
            "auditId",
            "id",
            "identifiers",
            "conversations",
            "events",
            "values",
            "messages",
            "quarantined",
        ],
        &json!({
            "auditId": {"type": "string", "pattern": "^aud_"},
            "id": {"type": "string", "description": "The person that is no more."},
            "identifiers": number, "conversations": number, "events": number, "values": number,
            "messages": number, "quarantined": number,
        }),
    );
    let mut responses = Map::new();
    let gone = json!({
        "description": "It is durable: how much was erased. What names the person again is not taken in.",
        "content": {"application/json": {"schema": schema}},
    });
    responses.insert("200".to_owned(), gone);
    for status in [400, 401, 403, 404, 429, 500, 503] {
        responses.insert(status.to_string(), problem(status));
    }
    json!({
        "summary": "Erases a person for good: every value, event, message and conversation, from every \
            table, index and quarantine.",
        "parameters": [{"name": "id", "in": "path", "required": true, "description": "Kith's id.",
                        "schema": {"type": "string"}}],
        "security": [{"key": []}],
        "responses": responses,
    })
}

/// What is answered to one write.
fn answer() -> Value {
    let refused = json!({
        "type": "array",
        "description": "Parts that could not be used; they wait in quarantine, and the rest is kept.",
        "items": {
            "type": "object", "required": ["path", "code", "detail"],
            "properties": {"path": {"type": "string"}, "code": {"type": "string"},
                           "detail": {"type": "string"}},
        },
    });
    let outcome = json!({"enum": ["created", "updated", "unchanged", "accepted", "quarantined"]});
    object(
        &["auditId", "outcome"],
        &json!({
            "auditId": {"type": "string", "pattern": "^aud_"},
            "id": {"type": "string", "description": "Kith's id, if the caller may know it."},
            "outcome": outcome,
            "refused": refused,
        }),
    )
}

fn upsert(resource: &str) -> Value {
    let mut properties = json!({
        "identifiers": {"type": "array", "minItems": 1, "maxItems": kith_engine::MAX_IDENTIFIERS,
                        "items": identifier()},
        "fields": fields(),
        "observedAt": time(),
    });
    relate(resource, &mut properties);
    let joins = Kind::of(resource).is_some_and(Kind::joins);
    if let Some(properties) = properties.as_object_mut().filter(|_| joins) {
        let joined = object(
            &["identifier"],
            &json!({"identifier": identifier(), "role": fields()}),
        );
        properties.insert(
            "accounts".to_owned(),
            json!({"type": "array", "maxItems": kith_engine::MAX_JOINED, "items": joined}),
        );
    }
    object(&["identifiers"], &properties)
}

fn change(resource: &str) -> Value {
    let mut properties = json!({"fields": fields(), "observedAt": time()});
    relate(resource, &mut properties);
    object(&[], &properties)
}

/// What one belongs to.
fn relate(resource: &str, properties: &mut Value) {
    let relations = Kind::of(resource).into_iter().flat_map(Kind::relations);
    for (key, _) in relations {
        if let Some(properties) = properties.as_object_mut() {
            let target = json!({"oneOf": [identifier(), {"type": "null"}],
                                "description": "What it belongs to; `null` ends it."});
            properties.insert(key.to_owned(), target);
        }
    }
}

fn event() -> Value {
    let target = json!({"$ref": "#/components/schemas/Root"});
    object(
        &["name"],
        &json!({
            "name": {"type": "string", "description": "The event's name in the catalog."},
            "person": target, "account": target,
            "properties": {"type": "object"},
            "observedAt": time(),
        }),
    )
}

fn object(required: &[&str], properties: &Value) -> Value {
    json!({"type": "object", "required": required, "additionalProperties": false,
           "properties": properties})
}

fn identifier() -> Value {
    let known: Vec<_> = kith_domain::IdentifierType::ALL
        .iter()
        .map(|ty| ty.as_str())
        .collect();
    object(
        &["type", "value"],
        &json!({"type": {"enum": known}, "value": {"type": "string"}}),
    )
}

fn fields() -> Value {
    json!({"type": "object", "description": "Values by the keys of the catalog; `null` deletes."})
}

fn time() -> Value {
    json!({"type": "string", "description": "When it was observed; without it, now."})
}
