//! What is said of the routes about who is who.

use serde_json::{Map, Value, json};

use super::schemas::{object, problem};
use super::{About, BEHALF, PURPOSE};
use crate::routes::{Method, Route};

/// What reading somebody's identity takes and answers.
pub(super) fn about(path: &str) -> Option<About> {
    if !path.ends_with("/identity") {
        return None;
    }
    let always = [
        "auditId",
        "purpose",
        "definitionsVersion",
        "decidedAt",
        "allowedBecause",
        "id",
        "identifiers",
        "edges",
        "decisions",
    ];
    Some(About {
        summary: "The identifiers that may be seen, what made them one, and what people decided about them.",
        parameters: &[("id", "Kith's id."), PURPOSE, BEHALF],
        body: None,
        answer: object(&always, &[]),
        problems: &[404, 422],
    })
}

/// What a decision about identity, or what waits for one, takes and answers.
pub(super) fn operation(route: &Route) -> Option<Value> {
    let text = json!({"type": "string"});
    let (summary, body) = match route.path {
        path if path.ends_with("/merge") => (
            "Makes two one; their facts stay where they are, and it can be undone.",
            Some(("with", text.clone())),
        ),
        path if path.ends_with("/split") => (
            "Parts some identifiers from the others, named by the ids that `identity` tells.",
            Some(("identifiers", json!({"type": "array", "items": text}))),
        ),
        "/v1/merges/{id}/undo" => (
            "Takes a merge or a split back: all is as the facts and the other decisions have it.",
            None,
        ),
        "/v1/reviews" => (
            "What waits for somebody to decide: facts beyond a bound, and likely duplicates.",
            None,
        ),
        "/v1/reviews/{id}" => (
            "Decides what waits.",
            Some(("decision", json!({"enum": ["accept", "reject"]}))),
        ),
        _ => return None,
    };
    let is_read = route.method == Method::Get;
    let id = json!({"name": "id", "in": "path", "required": true, "description": "Kith's id.",
                    "schema": {"type": "string"}});
    let parameters = match is_read {
        false => json!([id]),
        true => json!([
            {"name": "status", "in": "query", "required": false, "description": "Open ones, unless told.",
             "schema": {"enum": ["open", "accepted", "rejected"]}},
            {"name": "cursor", "in": "query", "required": false,
             "description": "The `nextCursor` of the page before.", "schema": {"type": "string"}},
        ]),
    };
    let mut responses = Map::new();
    let schema = match is_read {
        true => object(&["auditId", "items"], &["nextCursor"]),
        false => object(&["auditId", "outcome", "ids"], &["decision"]),
    };
    let answer = json!({"description": "It is durable.", "content": {"application/json": {"schema": schema}}});
    responses.insert("200".to_owned(), answer);
    let problems: &[u16] = match (is_read, body.is_some()) {
        (true, _) => &[400, 401, 403, 409, 429, 500, 503],
        (false, false) => &[400, 401, 403, 404, 409, 429, 500, 503],
        (false, true) => &[400, 401, 403, 404, 409, 413, 415, 429, 500, 503],
    };
    for status in problems {
        responses.insert(status.to_string(), problem(*status));
    }
    let mut operation = json!({
        "summary": summary,
        "parameters": parameters,
        "security": [{"key": []}],
        "responses": responses,
    });
    if let (Some((key, schema)), Some(operation)) = (body, operation.as_object_mut()) {
        let schema = json!({"type": "object", "required": [key], "additionalProperties": false,
                            "properties": {key: schema}});
        let body = json!({"required": true, "content": {"application/json": {"schema": schema}}});
        operation.insert("requestBody".to_owned(), body);
    }
    Some(operation)
}
