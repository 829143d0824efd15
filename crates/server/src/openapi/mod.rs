//! The OpenAPI 3.1 document of the routes. Its paths come from [`ROUTES`] alone; what is said of each is
//! held against the answers that the server gives.

mod audit;
mod delivery;
mod identity;
mod journey;
mod lists;
mod schemas;
mod writes;

use std::sync::LazyLock;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use self::schemas::{object, problem, question};
use crate::routes::{Door, Method, ROUTES, Reveals, Route, RoutePurpose};

/// Answers the document.
pub(crate) async fn answer() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());
    let mut response = TEXT.as_str().into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// The document.
pub(crate) fn document() -> Value {
    let mut paths = Map::new();
    for route in ROUTES.iter().filter(|route| route.door == Door::Api) {
        // A parameter with slashes in it is one like any other here.
        let path = route.path.replace("{*", "{");
        let path = paths.entry(path).or_insert_with(|| json!({}));
        let method = route.method.as_str().to_ascii_lowercase();
        if let Some(path) = path.as_object_mut() {
            path.insert(method, operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Kith",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Who may see what about a customer, for which purpose, and why. Every answer \
                that speaks of a customer names its audit entry, which is committed before it leaves. \
                Answers to a key say what it may still ask, in `RateLimit-Policy` and `RateLimit` \
                (draft-ietf-httpapi-ratelimit-headers-11).",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key of a member or an agent."},
                "writeKey": {"type": "http", "scheme": "basic",
                    "description": "A source's write key is the user; the password is empty."},
            },
            "schemas": schemas::all(),
        },
    })
}

/// What one route takes and answers.
struct About {
    summary: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    body: Option<Value>,
    /// The answer's parts: those that are always there, and those that may be.
    answer: Value,
    /// Statuses of problems beside those of every such route.
    problems: &'static [u16],
}

fn operation(route: &Route) -> Value {
    if route.purpose == RoutePurpose::Ingest {
        return delivery::operation(route);
    }
    if let Some(operation) = identity::operation(route) {
        return operation;
    }
    if route.reveals == Reveals::Outcomes {
        return writes::operation(route);
    }
    if route.path == "/accounts/{id}" && route.method == Method::Post {
        return form();
    }
    let Some(about) = about(route.path) else {
        return json!({
            "summary": "A page for people, or a part of one: the same for everyone.",
            "responses": {"200": {"description": "The page."}},
        });
    };
    let is_open = route.purpose == RoutePurpose::None;
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({"description": "The answer.", "content": {audit::kind(route.path): {"schema": about.answer}}}),
    );
    let common: &[u16] = match (is_open, about.body.is_some()) {
        (true, _) => &[],
        (false, false) => &[400, 401, 403, 409, 429],
        (false, true) => &[400, 401, 403, 409, 413, 415, 429],
    };
    for status in common.iter().chain(about.problems).chain(&[500, 503]) {
        responses.insert(status.to_string(), problem(*status));
    }
    if route.path == "/v1/accounts/{id}" {
        let held = json!({"description": "`If-None-Match` holds this answer already; audited all the same."});
        responses.insert("304".to_owned(), held);
    }
    let parameters = about.parameters.iter().map(|(name, words)| {
        let place = match *name {
            "id" | "tile" => "path",
            "If-None-Match" => "header",
            _ => "query",
        };
        let schema = match *name {
            "purpose" => json!({"$ref": "#/components/schemas/Purpose"}),
            "limit" => json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
            "count" => json!({"type": "boolean"}),
            "index" | "size" | "from" | "to" => json!({"type": "integer", "minimum": 0}),
            _ => json!({"type": "string"}),
        };
        let required = matches!(*name, "id" | "tile" | "from" | "q")
            || (*name == "purpose" && route.purpose == RoutePurpose::FromQuery);
        json!({"name": name, "in": place, "required": required, "description": words, "schema": schema})
    });
    let mut operation = json!({
        "summary": about.summary,
        "parameters": parameters.collect::<Vec<_>>(),
        "responses": responses,
    });
    if let Some(operation) = operation.as_object_mut() {
        if let Some(schema) = about.body {
            let body =
                json!({"required": true, "content": {"application/json": {"schema": schema}}});
            operation.insert("requestBody".to_owned(), body);
        }
        if !is_open {
            operation.insert("security".to_owned(), json!([{"key": []}]));
        }
    }
    operation
}

/// A page that shows governed answers to whoever sends its form.
fn form() -> Value {
    let page = |words: &str| json!({"description": words, "content": {"text/html": {}}});
    json!({
        "summary": "The page of an account for people, from governed answers, without scripts.",
        "parameters": [{"name": "id", "in": "path", "required": true, "description": ID.1,
            "schema": {"type": "string"}}],
        "requestBody": {"required": true, "content": {"application/x-www-form-urlencoded": {}}},
        "responses": {
            "200": page("The page."),
            "default": page("What is wrong, or refused, and the form to ask again."),
        },
    })
}

const PURPOSE: (&str, &str) = ("purpose", "Why the data is asked for.");
const BEHALF: (&str, &str) = (
    "onBehalfOf",
    "The member that an agent acts for, by id or name; needs a scope of its own.",
);
const ID: (&str, &str) = ("id", "The account's id, `acc_…`.");

/// What stands around an account, where there is any of it.
const AROUND: [&str; 4] = ["company", "site", "subscriptions", "moreSubscriptions"];

fn about(path: &str) -> Option<About> {
    let page = ["auditId", "purpose", "definitionsVersion", "decidedAt"];
    let one = ["allowedBecause", "account", "withheld"];
    let about = |summary, parameters, answer| About {
        summary,
        parameters,
        body: None,
        answer,
        problems: &[],
    };
    Some(match path {
        "/healthz" => about("The process lives.", &[], object(&["status"], &[])),
        "/readyz" => about(
            "The store answers and the audit log can be written.",
            &[],
            object(&["status"], &[]),
        ),
        "/openapi.json" => about("This document.", &[], json!({"type": "object"})),
        "/v1/context" => About {
            body: Some(question(&[])),
            problems: &[404],
            ..about(
                "The governed context of one customer.",
                &[],
                object(
                    &[
                        &page[..],
                        &["allowedBecause", "signedIdentity", "journey", "withheld"],
                    ]
                    .concat(),
                    &[&AROUND[..], &["account", "person", "role", "accounts"]].concat(),
                ),
            )
        },
        "/v1/explain" => About {
            body: Some(question(&["fields"])),
            problems: &[404],
            ..about(
                "What the policy decides about one customer and why, without any value.",
                &[],
                object(
                    &[
                        "auditId",
                        "purpose",
                        "definitionsVersion",
                        "allowed",
                        "reasons",
                        "fields",
                    ],
                    &[],
                ),
            )
        },
        "/v1/decisions" => About {
            body: Some(json!({
                "type": "object",
                "required": ["purpose", "accounts"],
                "additionalProperties": false,
                "properties": {
                    "purpose": {"$ref": "#/components/schemas/Purpose"},
                    "accounts": {"type": "array", "minItems": 1, "maxItems": 100,
                        "items": {"$ref": "#/components/schemas/AccountId"}},
                    "fields": {"type": "array", "maxItems": 200, "items": {"type": "string"},
                        "description": "Full paths; if none is named, every field of accounts."},
                    "onBehalfOf": {"type": "string"},
                },
            })),
            ..about(
                "What the policy decides about many accounts, without any value.",
                &[],
                object(&[&page[..], &["items"]].concat(), &[]),
            )
        },
        "/v1/accounts/{id}" => About {
            problems: &[404, 422],
            ..about(
                "One account in its governed form; its `ETag` stands for that form.",
                &[
                    ID,
                    PURPOSE,
                    BEHALF,
                    (
                        "asOf",
                        "With the values of this date or time; who may see them is decided on the account of now.",
                    ),
                    ("If-None-Match", "An `ETag` that is held already."),
                ],
                object(
                    &[&page[..], &one[..]].concat(),
                    &[&AROUND[..], &["asOf"]].concat(),
                ),
            )
        },
        "/v1/accounts/{id}/summary" => About {
            problems: &[404, 422],
            ..about(
                "One account, its people in view, what happened there and how often in 30 days.",
                &[ID, PURPOSE, BEHALF],
                object(
                    &[
                        &page[..],
                        &one[..],
                        &["people", "morePeople", "events", "journey"],
                    ]
                    .concat(),
                    &AROUND,
                ),
            )
        },
        _ => {
            return lists::about(path)
                .or_else(|| identity::about(path))
                .or_else(|| journey::about(path))
                .or_else(|| audit::about(path));
        }
    })
}
