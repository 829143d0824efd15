//! A value that nobody may see appears in no answer, no log line, no error and no audit entry, over
//! every route that the server has.

use kith_domain::Purpose;
use kith_server::routes::{Method, ROUTES};
use kith_testkit::app::client::{account, person, person_in};
use kith_testkit::app::logs;
use kith_testkit::{Answer, Client, Source, Store, TestApp};
use serde_json::{Value, json};

crate::promises! { a_hidden_value_leaves_through_no_door }

/// In every hidden value, and nowhere else.
const SECRET: &str = "PLANTED7F3";
const SECRET_NUMBER: i64 = 7_073_070_731;
/// In identifiers, which those who ask by them know already, but which no log or audit entry holds.
const NAME: &str = "usr_named7f3";

async fn planted(store: Store) -> TestApp {
    let app = TestApp::start(store).await;
    let billing = app.source("billing");
    let product = app.source("product");
    billing
        .deliver([
            json!({"type": "group", "userId": NAME, "groupId": "acme", "traits": {
                "plan": "growth", "region": "eu",
                "enterpriseNotes": SECRET, "taxId": SECRET, "privateRevenue": SECRET_NUMBER,
                "salary": SECRET_NUMBER, "uncatalogued": SECRET, "seats": SECRET, SECRET: true,
            }}),
        ])
        .await;
    product
        .deliver([
            json!({"type": "identify", "userId": NAME, "traits": {
                "diagnosis": SECRET, "nested": {"deep": SECRET},
            }}),
            json!({"type": "track", "userId": NAME, "event": "Checkout Failed", "context": {"groupId": "acme"},
                   "properties": {"code": "declined", "reason": SECRET, "other": SECRET, "amount": SECRET_NUMBER}}),
            json!({"type": "track", "userId": NAME, "event": "legal.hold", "properties": {"matter": SECRET}}),
            json!({"type": "track", "userId": NAME, "event": SECRET, "properties": {}}),
        ])
        .await;
    app
}

/// What goes wrong at a door: every request here holds the secret, or asks for what holds it.
fn questions(purpose: Purpose) -> Vec<Value> {
    let subjects = [
        person(NAME),
        account("acme"),
        person_in(NAME, "acme"),
        person("usr_never_was"),
        json!({"person": {"type": "email", "value": "nobody@acme.example"}}),
        json!({"person": {"id": "per_00000000000000000000000000"}}),
    ];
    let ask = |subject: Value| json!({"purpose": purpose.as_str(), "subject": subject});
    let mut all: Vec<Value> = subjects.into_iter().map(ask).collect();
    all.push(json!({"purpose": purpose.as_str(), "subject": {}}));
    all
}

async fn ask_all(client: &Client, path: &str, answers: &mut Vec<Answer>) {
    for purpose in Purpose::ALL {
        for body in questions(*purpose) {
            answers.push(
                client
                    .send(reqwest::Method::POST, path, body.to_string())
                    .await,
            );
        }
    }
}

/// Messages that each hold the secret where it does not belong.
async fn deliver_all(source: &Source, path: &str, answers: &mut Vec<Answer>) {
    let bodies = [
        json!({"type": "track", "userId": NAME, "event": SECRET}).to_string(),
        json!({"type": "identify", "userId": SECRET.repeat(100), "traits": {"name": [SECRET]}})
            .to_string(),
        json!({"type": SECRET, "userId": NAME}).to_string(),
        json!({"batch": [SECRET, {"type": "group", "groupId": NAME, "traits": {"plan": SECRET}}]})
            .to_string(),
        format!("{{\"userId\": \"{SECRET}"),
        SECRET.to_owned(),
    ];
    for body in bodies {
        answers.push(source.post(path, body).await);
    }
}

async fn a_hidden_value_leaves_through_no_door(store: Store) {
    logs::capture();
    let app = planted(store).await;
    let mut answers = Vec::new();
    // Everyone but those to whom a policy shows a part of it.
    let askers = [
        app.as_member("sam"),
        app.as_member("bo"),
        app.as_member("kim"),
        app.as_member("ned"),
        app.as_agent("loner"),
        app.as_agent("loner").proving(app.jwt(NAME)),
        app.as_agent("drafter")
            .on_behalf_of("sam")
            .proving(app.jwt(NAME)),
        app.as_agent("drafter")
            .on_behalf_of("kim")
            .proving(app.user_hash(NAME)),
        app.as_agent("robot").on_behalf_of("sam"),
        app.anonymous(),
    ];
    for route in ROUTES {
        match (route.method, route.path) {
            (Method::Post, "/v1/context" | "/v1/explain") => {
                for asker in &askers {
                    ask_all(asker, route.path, &mut answers).await;
                }
                let nonsense = json!({"purpose": "support.view", "subject": {"person": {"type": "userId", "value": 7}},
                                      "unknown": true});
                answers.push(
                    app.as_member("sam")
                        .send(reqwest::Method::POST, route.path, nonsense.to_string())
                        .await,
                );
            }
            (Method::Post, path)
                if matches!(route.purpose, kith_server::routes::RoutePurpose::Ingest) =>
            {
                for source in [
                    app.source("product"),
                    app.source("web"),
                    app.source_with_key(SECRET),
                ] {
                    deliver_all(&source, path, &mut answers).await;
                }
            }
            (
                Method::Get,
                "/healthz" | "/readyz" | "/explain" | "/assets/kith.css" | "/assets/explain.js",
            ) => {
                answers.push(
                    app.as_member("sam")
                        .send(reqwest::Method::GET, route.path, Vec::new())
                        .await,
                );
            }
            (method, path) => panic!("`{method:?} {path}` is a new door: say here how it is tried"),
        }
    }
    assert!(
        answers
            .iter()
            .any(|answer| answer.status == 200
                && answer.json["account"]["plan"]["value"] == "growth")
    );

    for answer in &answers {
        assert_ne!(answer.status / 100, 5, "{answer:?}");
        holds_no_secret("an answer", &answer.text);
    }
    let log = logs::so_far();
    holds_no_secret("the log", &log);
    assert!(!log.contains(NAME), "an identifier is in the log");
    for cell in app.home().cells().await {
        let text = String::from_utf8_lossy(&cell.bytes);
        if matches!(cell.table.as_str(), "audit" | "field_set" | "feed") {
            holds_no_secret(&format!("{}.{}", cell.table, cell.column), &text);
            assert!(
                !text.contains(NAME),
                "an identifier is in {}.{}",
                cell.table,
                cell.column
            );
        }
    }
}

fn holds_no_secret(place: &str, text: &str) {
    for secret in [SECRET, &SECRET_NUMBER.to_string(), "707307073"] {
        if let Some(at) = text.find(secret) {
            let around: String = text
                .chars()
                .skip(text[..at].chars().count().saturating_sub(200))
                .take(500)
                .collect();
            panic!("a hidden value is in {place}: …{around}…");
        }
    }
}
