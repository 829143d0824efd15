//! `kill -9` in the midst of a bulk write: every line that was acknowledged is there once, and sending all
//! of it again under its key doubles nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kith_domain::{Entropy as _, Runtime, Scope};
use kith_engine::runtime::{OsEntropy, SystemClock};
use kith_engine::{AuditActor, Engine, KeyHolder, NewKey};
use kith_testkit::app::{SeededEntropy, Workspace};
use kith_testkit::{Folder, Home, Store};
use serde_json::{Value, json};

use crate::server::Server;

/// Lines of one request.
const LINES: usize = 2_000;
/// How often the server is killed.
const ROUNDS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_line_survives_kill_9_on_sqlite() {
    acknowledged_lines_survive(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_line_survives_kill_9_on_postgres() {
    acknowledged_lines_survive(Store::Postgres).await;
}

async fn acknowledged_lines_survive(store: Store) {
    let home = Home::fresh(store).await;
    let key = writer(&home).await;
    let moments = SeededEntropy::of_this_test();
    let body: String = (1..=LINES).map(|line| event(line) + "\n").collect();
    let mut known = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut server = Server::start(&home, "warn").await;
        let mut answer = send(&server, &key, body.clone()).await;
        let mut text = String::from_utf8(answer.chunk().await.unwrap().unwrap().to_vec()).unwrap();
        let mut moment = [0_u8; 1];
        moments.fill(&mut moment);
        let reading = tokio::spawn(async move {
            while let Ok(Some(chunk)) = answer.chunk().await {
                text.push_str(&String::from_utf8_lossy(&chunk));
            }
            text
        });
        tokio::time::sleep(Duration::from_millis(u64::from(moment[0]))).await;
        server.kill();
        let told = reading.await.unwrap();
        // A line that was cut off was not told.
        let whole = told.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let answers = whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let lines: Vec<Value> = answers.collect();
        assert!(!lines.is_empty());
        known.extend(lines.iter().filter_map(|line| line["line"].as_u64()));
        let stored = stored(&home).await;
        for line in &known {
            let times = stored.get(line).copied().unwrap_or_default();
            assert_eq!(
                times, 1,
                "line {line} was acknowledged; killed in round {round}"
            );
        }
        assert!(
            stored.values().all(|times| *times == 1),
            "nothing is there twice"
        );
    }

    let server = Server::start(&home, "warn").await;
    let answer = send(&server, &key, body).await.text().await.unwrap();
    assert!(answer.ends_with(&format!("{{\"end\":\"complete\",\"lines\":{LINES}}}\n")));
    let stored = stored(&home).await;
    let once: BTreeMap<u64, usize> = (1..=LINES as u64).map(|line| (line, 1)).collect();
    assert_eq!(stored, once);
}

/// A key that writes.
async fn writer(home: &Home) -> String {
    let runtime = Runtime::new(Arc::new(SystemClock), Arc::new(OsEntropy));
    let engine = Engine::open(home.url(), "setup", runtime).await.unwrap();
    let writers = "allow account.edit\nwhen user.role == \"leadership\"\n";
    let folder = Folder::standard().with("policies/writers.kith", writers);
    let workspace = Workspace::create(&engine, "acme", folder).await;
    let new = NewKey {
        holder: KeyHolder::Member("lea".into()),
        scopes: vec![Scope::Write],
        writes_as: None,
        label: String::new(),
    };
    let made = engine.create_key(workspace.id(), AuditActor::operator(), new);
    let made = made.await;
    made.unwrap().1.reveal().to_owned()
}

async fn send(server: &Server, key: &str, body: String) -> reqwest::Response {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http
        .post(server.address("/v1/events/bulk"))
        .bearer_auth(key)
        .header("idempotency-key", "the-one")
        .body(body);
    request.send().await.unwrap()
}

fn event(line: usize) -> String {
    json!({"name": "checkout.failed", "account": {"type": "groupId", "value": format!("acme-{}", line % 7)},
           "properties": {"code": line.to_string()}})
    .to_string()
}

/// How often each line is in the store.
async fn stored(home: &Home) -> BTreeMap<u64, usize> {
    let mut times = BTreeMap::new();
    for id in home.column("SELECT message_id FROM event").await {
        let line = id.rsplit(':').next().unwrap().parse().unwrap();
        *times.entry(line).or_default() += 1;
    }
    times
}
