//! What client libraries deliver, and are answered.

use serde_json::{Value, json};

use crate::routes::{Method, Route};

/// One route of these.
pub(super) fn operation(route: &Route) -> Value {
    if route.method == Method::Get {
        return settings();
    }
    if route.path == "/v1/hooks/{id}" {
        return hook();
    }
    let is_posthog = !route.path.starts_with("/v1/") && !route.path.starts_with("/api/");
    let (summary, success) = match (is_posthog, route.path) {
        (true, _) => (
            "Takes what PostHog's clients send, unmodified; the key is `api_key` in the body.",
            json!({"type": "object", "required": ["status"], "properties": {"status": {"const": 1}}}),
        ),
        (false, path) => (
            match path.starts_with("/api/") {
                true => "Takes what Jitsu's clients send, unmodified; the key is in `X-Write-Key`.",
                false => "Takes what Segment's and RudderStack's clients send, unmodified.",
            },
            json!({"type": "object", "required": ["success"], "properties": {"success": {"const": true}}}),
        ),
    };
    let responses = responses(&success, &["400", "401", "413", "415", "429", "503"]);
    let mut operation = json!({
        "summary": summary,
        "security": [{"writeKey": []}, {"key": []}],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": responses,
    });
    if let Some(operation) = operation
        .as_object_mut()
        .filter(|_| route.path.contains("{type}"))
    {
        operation.insert(
            "parameters".to_owned(),
            json!([parameter(
                "type",
                "Not looked at: the message names its type."
            )]),
        );
    }
    operation
}

fn responses(success: &Value, problems: &[&str]) -> Value {
    let problem = json!({
        "description": "Nothing was kept; `message` says what to do.",
        "content": {"application/json": {"schema": {
            "type": "object", "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        }}},
    });
    let mut responses = json!({"200": {
        "description": "It is durable.",
        "content": {"application/json": {"schema": success}},
    }});
    if let Some(responses) = responses.as_object_mut() {
        for status in problems {
            responses.insert((*status).to_owned(), problem.clone());
        }
    }
    responses
}

/// What other systems call out.
fn hook() -> Value {
    let success = json!({"type": "object", "required": ["success"], "properties": {"success": {"const": true}}});
    json!({
        "summary": "Takes what Stripe, HubSpot, Chatwoot, Intercom, Zendesk, or anything that signs as Standard \
            Webhooks, calls out: believed only with a signature that holds for the source's secret.",
        "parameters": [parameter("id", "The source's id, `src_…`.")],
        "security": [],
        "requestBody": {"required": true, "content": {"application/json": {}}},
        "responses": responses(&success, &["400", "401", "404", "413", "415", "503"]),
    })
}

/// What `analytics.js` asks first.
fn settings() -> Value {
    json!({
        "summary": "What `analytics.js` asks before it sends anything: the same for every key.",
        "parameters": [parameter("key", "The write key, which is not looked at.")],
        "responses": {"200": {
            "description": "Deliver to the host that it was set up with.",
            "content": {"application/json": {"schema": {"type": "object", "required": ["integrations"]}}},
        }},
    })
}

fn parameter(name: &str, words: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "description": words, "schema": {"type": "string"}})
}
