//! `kill -9` at random moments under ingest: whatever was acknowledged is there once, on each store,
//! and delivering it again after the crash doubles nothing.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test stops at what it does not expect"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kith_domain::{Entropy as _, Runtime};
use kith_engine::Engine;
use kith_engine::runtime::{OsEntropy, SystemClock};
use kith_testkit::app::{ManualClock, SeededEntropy, Workspace};
use kith_testkit::{Desk, Folder, Home, Source, Store};
use serde_json::{Value, json};

/// How often the server is killed.
const ROUNDS: usize = 4;
/// How many clients deliver at once.
const CLIENTS: usize = 4;
/// Messages in one delivery.
const BATCH: usize = 10;
/// Longest that a server may take to answer after it was started.
const START_LIMIT: Duration = Duration::from_secs(30);

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
    let runtime = Runtime::new(Arc::new(SystemClock), Arc::new(OsEntropy));
    let engine = Engine::open(home.url(), "setup", runtime).await.unwrap();
    let workspace = Arc::new(Workspace::create(&engine, "acme", Folder::standard()).await);
    drop(engine);

    let moments = SeededEntropy::of_this_test();
    let mut sent = BTreeSet::new();
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut server = Server::start(&home).await;
        let source = server.source(&workspace);
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
    let server = Server::start(&home).await;
    let source = server.source(&workspace);
    let all: Vec<&String> = sent.iter().collect();
    for ids in all.chunks(200) {
        source.deliver(ids.iter().map(|id| event(id))).await;
    }
    let stored = stored(&home).await;
    let once: BTreeMap<String, usize> = sent.into_iter().map(|id| (id, 1)).collect();
    assert_eq!(stored, once);
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

/// A real `kith serve`, killed when this is dropped.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    async fn start(home: &Home) -> Self {
        let free = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_kith"))
            .arg("serve")
            .env("KITH_STORE_URL", home.setting())
            .env("KITH_LISTEN", free.to_string())
            .env("KITH_LOG", "warn")
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let server = Self {
            process,
            url: format!("http://{free}"),
        };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let ready = async {
            loop {
                let answer = http.get(format!("{}/readyz", server.url)).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(START_LIMIT, ready)
            .await
            .expect("the server does not become ready");
        server
    }

    fn source(&self, workspace: &Arc<Workspace>) -> Source {
        let clock = Arc::new(ManualClock::default());
        Desk::new(&self.url, Arc::clone(workspace), clock).source("segment")
    }

    /// SIGKILL: nothing of the process gets to say goodbye.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
