//! `kill -9` at random moments under ingest: whatever was acknowledged is there once, on each store,
//! and delivering it again after the crash doubles nothing.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod backup;
mod bulk;
mod loud;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kith_domain::{Entropy as _, Runtime};
use kith_engine::Engine;
use kith_engine::runtime::{OsEntropy, SystemClock};
use kith_testkit::app::{SeededEntropy, Workspace};
use kith_testkit::{Folder, Home, Source, Store};
use serde_json::{Value, json};
use server::Server;

/// How often the server is killed.
const ROUNDS: usize = 4;
/// How many clients deliver at once.
const CLIENTS: usize = 4;
/// Messages in one delivery.
const BATCH: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_event_survives_kill_9_on_sqlite() {
    acknowledged_events_survive(Store::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_event_survives_kill_9_on_postgres() {
    acknowledged_events_survive(Store::Postgres).await;
}

async fn acknowledged_events_survive(store: Store) {
    let home = Home::fresh(store).await;
    let workspace = workspace(&home).await;

    let moments = SeededEntropy::of_this_test();
    let mut sent = BTreeSet::new();
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut server = Server::start(&home, "warn").await;
        let source = server.desk(&workspace).source("segment");
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| tokio::spawn(deliver(source.clone(), round, client, Arc::clone(&stop))))
            .collect();

        let mut moment = [0_u8; 1];
        moments.fill(&mut moment);
        let pause = Duration::from_millis(30 + u64::from(moment[0]));
        tokio::time::sleep(pause).await;
        server.kill();
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            let (tried, kept) = client.await.unwrap();
            sent.extend(tried);
            acknowledged.extend(kept);
        }
        let stored = stored(&home).await;
        for id in &acknowledged {
            let times = stored.get(id).copied().unwrap_or_default();
            assert_eq!(
                times, 1,
                "`{id}` was acknowledged; killed in round {round} after {pause:?}"
            );
        }
        assert!(
            stored.values().all(|times| *times == 1),
            "nothing is there twice"
        );
    }
    assert!(
        acknowledged.len() > BATCH,
        "only {} events were acknowledged",
        acknowledged.len()
    );

    // Clients that heard nothing deliver again; so do some that did.
    let server = Server::start(&home, "warn").await;
    let source = server.desk(&workspace).source("segment");
    let all: Vec<&String> = sent.iter().collect();
    for ids in all.chunks(200) {
        source.deliver(ids.iter().map(|id| event(id))).await;
    }
    let stored = stored(&home).await;
    let once: BTreeMap<String, usize> = sent.into_iter().map(|id| (id, 1)).collect();
    assert_eq!(stored, once);
}

/// A workspace with its cast, made before any server runs.
async fn workspace(home: &Home) -> Arc<Workspace> {
    let runtime = Runtime::new(Arc::new(SystemClock), Arc::new(OsEntropy));
    let engine = Engine::open(home.url(), "setup", runtime).await.unwrap();
    Arc::new(Workspace::create(&engine, "acme", Folder::standard()).await)
}

/// Delivers batch after batch until the server is gone; the ids that were sent, and those of them
/// that were acknowledged.
async fn deliver(
    source: Source,
    round: usize,
    client: usize,
    stop: Arc<AtomicBool>,
) -> (Vec<String>, Vec<String>) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let (mut sent, mut kept) = (Vec::new(), Vec::new());
    for batch in 0.. {
        let ids: Vec<String> = (0..BATCH)
            .map(|n| format!("round-{round}-client-{client}-{batch}-{n}"))
            .collect();
        let body = json!({"batch": ids.iter().map(|id| event(id)).collect::<Vec<_>>()});
        sent.extend(ids.iter().cloned());
        let answer = http
            .post(source.address("/v1/batch"))
            .basic_auth(source.key(), Some(""))
            .body(body.to_string())
            .send()
            .await;
        match answer {
            Ok(answer) if answer.status().is_success() => kept.extend(ids),
            _ => break,
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    (sent, kept)
}

/// The same whenever it is sent, so that a retry is the same message.
fn event(id: &str) -> Value {
    let user = format!("usr_{}", id.len() % 7);
    json!({
        "type": "track", "userId": user, "event": "Checkout Failed", "messageId": id,
        "timestamp": "2026-03-02T09:00:00Z", "properties": {"code": id},
    })
}

/// How often each message is in the store.
async fn stored(home: &Home) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for id in home.column("SELECT message_id FROM event").await {
        *times.entry(id).or_default() += 1;
    }
    times
}
