//! Many writes in one request: a line for each line while it goes, and a bad line costs only itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use kith_testkit::{Answer, Client, Store, TestApp};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::writes::{consenting, entries, group, seats, told, user, writer};

crate::promises! {
    each_line_is_answered_and_a_bad_one_costs_only_itself,
    lines_are_answered_while_they_come,
    a_repeat_under_a_key_is_known_line_by_line,
    who_may_not_write_hears_so_first,
    what_is_too_much_ends_it_and_says_how_far_it_came,
    a_client_that_hangs_up_leaves_whole_what_was_acknowledged,
    a_store_that_fails_ends_it_with_how_far_it_came,
}

async fn send(client: &Client, path: &str, key: Option<&str>, lines: &[String]) -> Answer {
    let mut headers = vec![("content-type", "application/x-ndjson")];
    headers.extend(key.map(|key| ("idempotency-key", key)));
    let body = lines
        .iter()
        .fold(String::new(), |body, line| body + line + "\n");
    client.send_with(Method::POST, path, &headers, body).await
}

fn lines(answer: &Answer) -> Vec<Value> {
    let lines = answer
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

fn account(id: &str, seats: i64) -> String {
    json!({"identifiers": group(id), "fields": {"seats": seats}}).to_string()
}

async fn each_line_is_answered_and_a_bad_one_costs_only_itself(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer(&app, "lea").await;
    let sent = [
        account("a", 1),
        "{\"identifiers\": 5}".into(),
        String::new(),
        "nonsense".into(),
        account("a", 1),
        account("a", 3),
        json!({"identifiers": group("b"), "fields": {"seats": "many"}}).to_string(),
        account("c", 1) + &" ".repeat(70_000),
        json!({"identifiers": [{"type": "stripeCustomer", "value": "cus_1"}]}).to_string(),
        account("d", 1),
    ];
    let answer = send(&lea, "/v1/accounts/bulk", None, &sent)
        .await
        .expect(200);
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let mut text = String::new();
    for line in lines(&answer) {
        let number = &line["line"];
        let word = |json: &Value| json.as_str().unwrap_or_default().to_owned();
        let outcome =
            word(&line["outcome"]) + &word(&line["problem"]["type"]) + &word(&line["end"]);
        let field = line["problem"]["fields"][0]["field"].as_str();
        let refused = line["refused"][0]["path"].as_str();
        let id = if line["id"].is_string() { "id" } else { "" };
        let _ = writeln!(text, "{number} {outcome} {id} {field:?} {refused:?}");
    }
    insta::assert_snapshot!("bulk_lines", text);
    assert_eq!(seats(&app, "a").await, 3);
    assert_eq!(seats(&app, "d").await, 1);

    // People and events likewise; many lines in few transactions.
    let people: Vec<_> = (0..250)
        .map(|n| json!({"identifiers": user(&format!("usr_{n}")), "accounts": [{"identifier": group("a")[0]}]}).to_string())
        .collect();
    let answer = send(&lea, "/v1/people/bulk", None, &people)
        .await
        .expect(200);
    let found = lines(&answer);
    assert_eq!(found.len(), 251);
    for (line, number) in found.iter().zip(1..=250) {
        assert_eq!(
            (&line["line"], &line["outcome"]),
            (&json!(number), &json!("created"))
        );
    }
    assert_eq!(found[250], json!({"end": "complete", "lines": 250}));
    let ids: BTreeSet<_> = found
        .iter()
        .filter_map(|line| line["auditId"].as_str())
        .collect();
    assert!(ids.len() < 20, "{} transactions", ids.len());
    let written = entries(&app).await;
    assert!(
        ids.iter()
            .all(|id| written.iter().any(|entry| entry.id.to_string() == **id))
    );
    let event = |n: usize| {
        json!({"name": if n == 1 { "nope" } else { "page.viewed" }, "account": group("a")[0]})
            .to_string()
    };
    let answer = send(
        &lea,
        "/v1/events/bulk",
        None,
        &[event(0), event(1), event(2)],
    )
    .await;
    let outcomes: Vec<_> = lines(&answer)
        .iter()
        .map(|line| line["outcome"].clone())
        .collect();
    assert_eq!(
        outcomes,
        [
            json!("created"),
            json!("quarantined"),
            json!("created"),
            Value::Null
        ]
    );
    let nothing = send(&lea, "/v1/accounts/bulk", None, &[]).await.expect(200);
    assert_eq!(lines(&nothing), [json!({"end": "complete", "lines": 0})]);
}

/// A connection of one's own, to say when what is sent.
struct Wire(TcpStream);

impl Wire {
    async fn open(app: &TestApp, key: &str, path: &str) -> Self {
        let address = app.url().trim_start_matches("http://");
        let mut wire = Self(TcpStream::connect(address).await.unwrap());
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n\
             transfer-encoding: chunked\r\n\r\n"
        );
        wire.0.write_all(head.as_bytes()).await.unwrap();
        wire
    }

    async fn send(&mut self, text: &str) {
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        self.0.write_all(chunk.as_bytes()).await.unwrap();
    }

    /// Reads until this has come.
    async fn until(&mut self, part: &str) -> String {
        let mut text = String::new();
        let mut buffer = [0; 4096];
        while !text.contains(part) {
            let read = self.0.read(&mut buffer).await.unwrap();
            assert!(read > 0, "ended after {text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        text
    }
}

async fn lines_are_answered_while_they_come(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer(&app, "lea").await;
    let mut wire = Wire::open(&app, lea.key(), "/v1/accounts/bulk").await;
    for round in 1..=3 {
        let line = account(&format!("a-{round}"), round);
        let (first, second) = line.split_at(20);
        wire.send(first).await;
        wire.send(&format!("{second}\n")).await;
        wire.until(&format!("\"line\":{round},\"auditId\"")).await;
        assert_eq!(seats(&app, &format!("a-{round}")).await, round);
    }
    wire.send("").await;
    wire.until("{\"end\":\"complete\",\"lines\":3}").await;
}

async fn a_repeat_under_a_key_is_known_line_by_line(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer(&app, "lea").await;
    let event = |n: usize| {
        json!({"name": "page.viewed", "account": group("a")[0], "properties": {"name": n.to_string()}}).to_string()
    };
    let all: Vec<_> = (0..30).map(event).collect();
    let path = "/v1/events/bulk";
    send(&lea, path, Some("k-1"), &all[..10]).await.expect(200);
    let again = send(&lea, path, Some("k-1"), &all).await;
    let outcomes: Vec<_> = lines(&again)
        .iter()
        .map(|line| line["outcome"].clone())
        .collect();
    assert!(
        outcomes[..10].iter().all(|outcome| outcome == "unchanged"),
        "{outcomes:?}"
    );
    assert!(
        outcomes[10..30].iter().all(|outcome| outcome == "created"),
        "{outcomes:?}"
    );
    assert_eq!(app.home().column("SELECT id FROM event").await.len(), 30);
    // Another line in the place of one is told, and is not lost.
    let other = send(&lea, path, Some("k-1"), &[event(77)]).await;
    assert_eq!(lines(&other)[0]["refused"][0]["code"], "message-id-reused");
    assert_eq!(
        app.home().column("SELECT code FROM quarantine").await,
        ["message-id-reused"]
    );
    send(&lea, path, Some("k-2"), &all).await.expect(200);
    assert_eq!(app.home().column("SELECT id FROM event").await.len(), 60);
}

async fn who_may_not_write_hears_so_first(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let line = [account("a", 1)];
    let path = "/v1/accounts/bulk";
    let ned = writer(&app, "ned").await;
    assert_eq!(told(&send(&ned, path, None, &line).await), "403 refused");
    let scopeless = app.as_member("lea");
    assert_eq!(
        told(&send(&scopeless, path, None, &line).await),
        "403 forbidden"
    );
    assert_eq!(
        told(&send(&app.anonymous(), path, None, &line).await),
        "401 unauthenticated"
    );
    // Under a limit each line is decided for itself.
    app.source("product")
        .deliver([
            json!({"type": "group", "groupId": "theirs", "traits": {"region": "us", "seats": 1}}),
        ])
        .await;
    app.clock.advance_seconds(1);
    let mine = json!({"identifiers": group("mine"), "fields": {"region": "eu"}}).to_string();
    let sam = writer(&app, "sam").await;
    let answer = send(
        &sam,
        path,
        None,
        &[account("theirs", 9), mine, account("nobody", 9)],
    )
    .await;
    let found = lines(&answer);
    assert_eq!(found[0]["problem"]["type"], "urn:kith:problem:not-found");
    assert_eq!(found[1]["outcome"], "accepted");
    assert_eq!(found[2]["problem"]["type"], "urn:kith:problem:not-found");
    assert_eq!(seats(&app, "theirs").await, 1);
}

async fn what_is_too_much_ends_it_and_says_how_far_it_came(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer(&app, "lea").await;
    // The client reads nothing before it has sent all of it.
    let many = vec!["{}".to_owned(); 10_001];
    let answer = send(&lea, "/v1/accounts/bulk", None, &many)
        .await
        .expect(200);
    let found = lines(&answer);
    assert_eq!(found.len(), 10_001);
    let end = &found[10_000];
    assert_eq!(
        (&end["end"], &end["lines"]),
        (&json!("stopped"), &json!(10_000))
    );
    assert_eq!(end["problem"]["type"], "urn:kith:problem:invalid-request");
}

async fn a_client_that_hangs_up_leaves_whole_what_was_acknowledged(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer(&app, "lea").await;
    let mut wire = Wire::open(&app, lea.key(), "/v1/accounts/bulk").await;
    wire.send(&format!(
        "{}\n{}\n{}",
        account("a", 1),
        account("b", 2),
        &account("c", 3)[..30]
    ))
    .await;
    wire.until("\"line\":2,").await;
    drop(wire);
    for (id, expect) in [("a", json!(1)), ("b", json!(2)), ("c", json!("absent"))] {
        assert_eq!(seats(&app, id).await, expect, "{id}");
    }
}

async fn a_store_that_fails_ends_it_with_how_far_it_came(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer(&app, "lea").await;
    let mut wire = Wire::open(&app, lea.key(), "/v1/accounts/bulk").await;
    wire.send(&format!("{}\n", account("a", 1))).await;
    wire.until("\"line\":1,").await;
    app.home().break_feed().await;
    wire.send(&format!("{}\n{}\n", account("b", 1), account("c", 1)))
        .await;
    let end = wire.until("\"end\":\"stopped\",\"lines\":1,").await;
    assert!(end.contains("store-unavailable"), "{end}");
    let kept = app.home().column("SELECT value FROM identifier").await;
    assert_eq!(kept, ["a"], "what was acknowledged, and nothing else");
}
