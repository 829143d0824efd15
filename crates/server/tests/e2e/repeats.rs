//! A write that is sent again under its key is no second write, and is answered as it was.

use kith_testkit::{Answer, Client, Store, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::writes::{consenting, entries, group, seats, told, user, writer};

crate::promises! {
    a_repeat_is_answered_alike_and_writes_nothing,
    a_key_is_for_one_write_of_one_credential,
    what_was_not_done_is_not_remembered,
    at_once_is_once,
    a_key_is_forgotten_after_a_day,
}

async fn send(client: &Client, method: Method, path: &str, key: &str, body: &Value) -> Answer {
    let headers = [("idempotency-key", key)];
    client
        .send_with(method, path, &headers, body.to_string())
        .await
}

async fn post(client: &Client, key: &str, body: &Value) -> Answer {
    send(client, Method::POST, "/v1/accounts", key, body).await
}

fn acme(seats: i64) -> Value {
    json!({"identifiers": group("acme"), "fields": {"seats": seats, "nope": 1}})
}

async fn a_repeat_is_answered_alike_and_writes_nothing(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer(&app, "lea").await;
    let first = post(&lea, "k-1", &acme(1)).await;
    assert_eq!(told(&first), "201 created, id");
    app.clock.advance_seconds(60);
    let since = post(&lea, "k-2", &acme(2)).await;
    assert_eq!(told(&since), "200 updated, id");
    let feed = app.home().column("SELECT seq FROM feed").await.len();
    app.clock.advance_seconds(60);
    let again = post(&lea, "k-1", &acme(1)).await;
    assert_eq!((again.status, again.text), (first.status, first.text));
    assert_eq!(seats(&app, "acme").await, 2);
    assert_eq!(app.home().column("SELECT seq FROM feed").await.len(), feed);

    let id = first.json["id"].as_str().unwrap();
    let path = format!("/v1/accounts/{id}");
    let change = json!({"fields": {"seats": 5}});
    let event = json!({"name": "page.viewed", "person": user("usr_1")[0]});
    for (method, path, key, body) in [
        (Method::PATCH, path.as_str(), "change", &change),
        (Method::POST, "/v1/events", "event", &event),
    ] {
        // What cannot be read is not remembered.
        let unread = send(&lea, method.clone(), path, key, &Value::Null).await;
        assert_eq!(unread.status, 400);
        let first = send(&lea, method.clone(), path, key, body).await;
        let again = send(&lea, method, path, key, body).await;
        assert_eq!(first.status / 100, 2, "{first:?}");
        assert_eq!((again.status, again.text), (first.status, first.text));
    }
    assert_eq!(app.home().column("SELECT id FROM event").await.len(), 1);

    // Ids and outcomes are kept, and nothing of what was written.
    for cell in app.home().cells().await {
        let text = String::from_utf8_lossy(&cell.bytes);
        if cell.table == "idempotency" {
            for part in ["acme", "usr_1", "k-1", "k-2"] {
                assert!(
                    !text.contains(part),
                    "{}.{}: {text}",
                    cell.table,
                    cell.column
                );
            }
        }
    }
}

async fn a_key_is_for_one_write_of_one_credential(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer(&app, "lea").await;
    post(&lea, "k-1", &acme(1)).await.expect(201);
    let reused = post(&lea, "k-1", &acme(2)).await;
    assert_eq!(told(&reused), "422 idempotency-key-reused");
    let people = json!({"identifiers": user("usr_1")});
    let reused = send(&lea, Method::POST, "/v1/people", "k-1", &people).await;
    assert_eq!(told(&reused), "422 idempotency-key-reused");
    assert_eq!(seats(&app, "acme").await, 1);
    app.clock.advance_seconds(1);
    let other = post(&writer(&app, "lea").await, "k-1", &acme(2)).await;
    assert_eq!(told(&other), "200 updated, id");
    let long = "k".repeat(256);
    for key in ["", "two words", "tab\tbed", long.as_str()] {
        let answer = post(&lea, key, &acme(3)).await.expect(400);
        assert_eq!(
            answer.json["fields"][0]["field"], "Idempotency-Key",
            "{answer:?}"
        );
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let body = acme(3).to_string();
    lea.send_with(Method::POST, "/v1/accounts", &twice, body)
        .await
        .expect(400);
}

async fn what_was_not_done_is_not_remembered(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let of = |id: &str, region: &str| json!({"type": "group", "groupId": id, "traits": {"region": region}});
    app.source("product").deliver([of("acme", "us")]).await;
    let sam = writer(&app, "sam").await;
    let body = json!({"identifiers": group("acme"), "fields": {"seats": 1}});
    post(&sam, "k-1", &body).await.expect(404);
    app.clock.advance_seconds(1);
    app.source("product").deliver([of("acme", "eu")]).await;
    assert_eq!(told(&post(&sam, "k-1", &body).await), "200 updated, id");
    // Who may no longer write hears that, whatever was answered before.
    app.publish(consenting().without("policies/writers.kith"))
        .await;
    assert_eq!(told(&post(&sam, "k-1", &body).await), "403 refused");
}

async fn at_once_is_once(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer(&app, "lea").await;
    let event = json!({"name": "page.viewed", "person": user("usr_1")[0]});
    let sending: Vec<_> = (0..8)
        .map(|_| {
            let (lea, event) = (lea.clone(), event.clone());
            tokio::spawn(async move { send(&lea, Method::POST, "/v1/events", "k-1", &event).await })
        })
        .collect();
    let mut answers = Vec::new();
    for sent in sending {
        answers.push(sent.await.unwrap().expect(201).text);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(app.home().column("SELECT id FROM event").await.len(), 1);
    let written = entries(&app).await;
    let written = written
        .iter()
        .filter(|entry| entry.action == "events.write");
    assert_eq!(written.count(), 1);
}

async fn a_key_is_forgotten_after_a_day(store: Store) {
    const DAY: i64 = 24 * 60 * 60;
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer(&app, "lea").await;
    let kept = async || app.home().column("SELECT at FROM idempotency").await.len();
    post(&lea, "k-1", &acme(1)).await.expect(201);
    app.clock.advance_seconds(DAY);
    assert_eq!(told(&post(&lea, "k-1", &acme(1)).await), "201 created, id");
    app.clock.advance_seconds(1);
    assert_eq!(
        told(&post(&lea, "k-1", &acme(1)).await),
        "200 unchanged, id"
    );
    assert_eq!(kept().await, 1);
    post(&lea, "k-2", &acme(3)).await.expect(200);
    app.clock.advance_seconds(DAY + 1);
    post(&lea, "k-3", &acme(4)).await.expect(200);
    assert_eq!(kept().await, 1, "those of yesterday are gone");
}
