//! Real client libraries, unmodified, drive a running server; what they sent is what a member sees.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kith_testkit::app::client::person_in;
use kith_testkit::{Store, TestApp};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

crate::promises! {
    what_analytics_node_sends_is_what_a_member_sees,
    what_analytics_python_sends_is_what_a_member_sees,
    what_rudderstack_node_sends_is_what_a_member_sees,
    what_rudderstack_python_sends_is_what_a_member_sees,
    what_posthog_node_sends_is_what_a_member_sees,
    what_posthog_python_sends_is_what_a_member_sees,
    what_jitsu_sends_is_what_a_member_sees,
    what_analytics_js_sends_from_a_page_is_what_a_member_sees,
    analytics_node_loses_and_doubles_nothing_at_a_server_that_stumbles,
    rudderstack_node_loses_and_doubles_nothing_at_a_server_that_stumbles,
    posthog_python_loses_and_doubles_nothing_at_a_server_that_stumbles,
}

async fn what_analytics_node_sends_is_what_a_member_sees(store: Store) {
    what_a_client_sends_is_what_a_member_sees(store, node("segment")).await;
}

async fn what_analytics_python_sends_is_what_a_member_sees(store: Store) {
    what_a_client_sends_is_what_a_member_sees(store, python("segment")).await;
}

async fn what_rudderstack_node_sends_is_what_a_member_sees(store: Store) {
    what_a_client_sends_is_what_a_member_sees(store, node("rudder")).await;
}

async fn what_rudderstack_python_sends_is_what_a_member_sees(store: Store) {
    what_a_client_sends_is_what_a_member_sees(store, python("rudder")).await;
}

async fn what_posthog_node_sends_is_what_a_member_sees(store: Store) {
    what_a_client_sends_is_what_a_member_sees(store, node("posthog")).await;
}

async fn what_posthog_python_sends_is_what_a_member_sees(store: Store) {
    what_a_client_sends_is_what_a_member_sees(store, python("posthog")).await;
}

fn node(client: &str) -> Command {
    let mut program = Command::new("node");
    program
        .arg(driver("node/drive.mjs"))
        .arg(client)
        .env("KITH_TEST_NODE_DIR", installed("KITH_TEST_NODE_DIR"));
    program
}

fn python(client: &str) -> Command {
    let mut program = Command::new(installed("KITH_TEST_PYTHON"));
    program.arg(driver("python/drive.py")).arg(client);
    program
}

/// What a customer's server sends of Ada and her account.
fn scenario(retries: u32) -> Value {
    json!({"maxRetries": retries, "calls": [
        {"type": "group", "userId": "usr_1", "groupId": "acme",
         "traits": {"name": "Acme", "plan": "growth", "region": "eu", "privateRevenue": "1200.50"}},
        {"type": "identify", "userId": "usr_1",
         "traits": {"email": "ada@acme.example", "name": "Ada Example", "role": "Billing owner"},
         "context": {"groupId": "acme"}},
        {"type": "alias", "previousId": "anon-1", "userId": "usr_1"},
        {"type": "track", "userId": "usr_1", "event": "Checkout Failed",
         "properties": {"code": "card_declined", "reason": "do not honour"},
         "context": {"groupId": "acme"}},
    ]})
}

async fn what_a_client_sends_is_what_a_member_sees(store: Store, program: Command) {
    let app = TestApp::start(store).await;
    let report = run(
        program,
        app.url(),
        app.source("segment").key(),
        &scenario(0),
    );
    assert_eq!(report["delivered"], 4, "{report}");
    assert_eq!(report["errors"], json!([]), "{report}");
    all_of_it_arrived(&app).await;
}

async fn all_of_it_arrived(app: &TestApp) {
    let lea = app.as_member("lea");
    let answer = lea
        .ask("support.view", person_in("usr_1", "acme"))
        .await
        .expect(200);
    assert_eq!(answer.value("account.name"), "Acme");
    assert_eq!(answer.value("account.plan"), "growth");
    assert_eq!(answer.value("account.privateRevenue")["amount"], "1200.50");
    assert_eq!(answer.value("person.name"), "Ada Example");
    assert_eq!(answer.value("person.email"), "ada@acme.example");
    assert_eq!(answer.value("role.name"), "Billing owner");
    assert_eq!(answer.field("account.plan")["source"], "segment");
    assert_eq!(answer.journey(), ["checkout.failed"]);

    // The browser that the alias named is the same person now.
    let by_browser = json!({"person": {"type": "anonymousId", "value": "anon-1"}});
    let found = lea.ask("support.view", by_browser).await.expect(200);
    assert_eq!(found.json["person"]["id"], answer.json["person"]["id"]);
}

/// Jitsu's client has a visitor, whom it remembers: its calls name no one in particular.
async fn what_jitsu_sends_is_what_a_member_sees(store: Store) {
    let app = TestApp::start(store).await;
    let scenario = json!({"calls": [
        {"type": "identify", "userId": "usr_1", "traits": {"name": "Ada Example"}},
        {"type": "group", "groupId": "acme", "traits": {"name": "Acme", "plan": "growth", "region": "eu"}},
        {"type": "track", "event": "Checkout Failed", "properties": {"code": "card_declined"}},
    ]});
    let report = run(
        node("jitsu"),
        app.url(),
        app.source("segment").key(),
        &scenario,
    );
    assert_eq!(report["errors"], json!([]), "{report}");
    let lea = app.as_member("lea");
    let seen = lea.ask("support.view", person_in("usr_1", "acme")).await;
    let seen = seen.expect(200);
    assert_eq!(seen.value("account.plan"), "growth");
    assert_eq!(seen.value("person.name"), "Ada Example");
    assert_eq!(seen.journey(), ["checkout.failed"]);
}

/// A page of another origin delivers with a public key, in single calls and in batches.
async fn what_analytics_js_sends_from_a_page_is_what_a_member_sees(store: Store) {
    let app = TestApp::start(store).await;
    app.source("product")
        .deliver([
            json!({"type": "group", "userId": "usr_1", "groupId": "acme",
            "traits": {"name": "Acme", "plan": "growth", "region": "eu"}}),
        ])
        .await;
    for batched in [false, true] {
        let scenario = json!({
            "url": app.url(), "key": app.source("web").key(), "batched": batched,
            "calls": [
                ["identify", "usr_1", {"name": "Ada Example"}],
                ["track", "Checkout Failed", {"code": "card_declined"}, {"context": {"groupId": "acme"}}],
            ],
        });
        let mut program = Command::new("node");
        program
            .arg(page_driver("analytics.mjs"))
            .env("KITH_TEST_BROWSER_DIR", installed("KITH_TEST_BROWSER_DIR"))
            .env("KITH_TEST_CHROMIUM", installed("KITH_TEST_CHROMIUM"));
        let seen = speak(program, &scenario);
        assert_eq!(seen["complaints"], json!([]), "{seen}");
        let requests = seen["requests"].as_array().unwrap();
        let paths: Vec<&str> = requests
            .iter()
            .map(|request| request["path"].as_str().unwrap())
            .collect();
        let key = app.source("web").key().to_owned();
        let settings = format!("/v1/projects/{key}/settings");
        let sent: &[&str] = if batched {
            &["/v1/b"]
        } else {
            &["/v1/i", "/v1/t"]
        };
        for path in sent.iter().copied().chain([settings.as_str()]) {
            assert!(paths.contains(&path), "{path} in {seen}");
        }
        for request in requests {
            assert_eq!(request["status"], 200, "{seen}");
            if request["method"] == "POST" {
                assert_eq!(request["type"], "text/plain", "{seen}");
            }
        }
    }
    let lea = app.as_member("lea");
    let seen = lea.ask("support.view", person_in("usr_1", "acme")).await;
    let seen = seen.expect(200);
    assert_eq!(seen.value("person.name"), "Ada Example");
    assert_eq!(seen.journey(), ["checkout.failed", "checkout.failed"]);
}

async fn analytics_node_loses_and_doubles_nothing_at_a_server_that_stumbles(store: Store) {
    nothing_is_lost_or_doubled(store, node("segment")).await;
}

async fn rudderstack_node_loses_and_doubles_nothing_at_a_server_that_stumbles(store: Store) {
    nothing_is_lost_or_doubled(store, node("rudder")).await;
}

async fn posthog_python_loses_and_doubles_nothing_at_a_server_that_stumbles(store: Store) {
    nothing_is_lost_or_doubled(store, python("posthog")).await;
}

/// Busy, then broken, then the connection is gone once the delivery was kept.
async fn nothing_is_lost_or_doubled(store: Store, program: Command) {
    let app = TestApp::start(store).await;
    let stumbling = Stumbling::before(app.url()).await;
    let (url, key) = (
        stumbling.url.clone(),
        app.source("segment").key().to_owned(),
    );
    let ran = tokio::task::spawn_blocking(move || run(program, &url, &key, &scenario(5)));
    let report = ran.await.unwrap();
    assert_eq!(report["delivered"], 4, "{report}");
    assert_eq!(report["errors"], json!([]), "{report}");
    assert!(stumbling.requests() > FATES.len());
    all_of_it_arrived(&app).await;
}

/// Runs a driver with the scenario on its standard input; its report.
fn run(mut program: Command, url: &str, key: &str, scenario: &Value) -> Value {
    program.args([url, key]);
    speak(program, scenario)
}

pub(crate) fn speak(mut program: Command, scenario: &Value) -> Value {
    use std::io::Write as _;

    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(scenario.to_string().as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{complaint}");
    serde_json::from_str(said.lines().last().unwrap()).unwrap()
}

fn page_driver(name: &str) -> PathBuf {
    driver("../browser").join(name)
}

pub(crate) fn driver(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/clients")
        .join(name)
}

/// Where `cargo xtask test` installed a client library.
pub(crate) fn installed(variable: &str) -> PathBuf {
    let place = std::env::var_os(variable);
    place
        .unwrap_or_else(|| panic!("`{variable}` is not set: run the tests with `cargo xtask test`"))
        .into()
}

/// What becomes of a request at a server that stumbles.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is told to come again in a second.
    Busy,
    /// It is told of a fault.
    Broken,
    /// It is kept, and the connection ends before the answer.
    Unanswered,
}

/// What becomes of the first requests; the others are answered.
const FATES: [Fate; 3] = [Fate::Busy, Fate::Broken, Fate::Unanswered];

/// What stands before a server and stumbles, one request for each connection.
struct Stumbling {
    url: String,
    seen: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Stumbling {
    async fn before(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = server.trim_start_matches("http://").to_owned();
        let seen = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (server, count) = (server.clone(), Arc::clone(&count));
                tokio::spawn(async move { stumble(client, &server, &count).await });
            }
        });
        Self { url, seen, task }
    }

    fn requests(&self) -> usize {
        self.seen.load(Ordering::SeqCst)
    }
}

impl Drop for Stumbling {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Nothing if the client hung up before its request was whole.
async fn stumble(mut client: TcpStream, server: &str, seen: &AtomicUsize) -> Option<()> {
    let request = read_request(&mut client).await?;
    let fate = FATES.get(seen.fetch_add(1, Ordering::SeqCst));
    let told = |status: &str, headers: &str| {
        format!(
            "HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Type: application/json\r\n\
             Content-Length: 2\r\n\r\n{{}}"
        )
    };
    let answer = match fate {
        Some(Fate::Busy) => told("429 Too Many Requests", "Retry-After: 1\r\n").into_bytes(),
        Some(Fate::Broken) => told("503 Service Unavailable", "").into_bytes(),
        Some(Fate::Unanswered) | None => {
            let mut upstream = TcpStream::connect(server).await.ok()?;
            upstream.write_all(&request).await.ok()?;
            let mut answer = Vec::new();
            upstream.read_to_end(&mut answer).await.ok()?;
            answer
        }
    };
    if !matches!(fate, Some(Fate::Unanswered)) {
        client.write_all(&answer).await.ok()?;
        client.shutdown().await.ok()?;
    }
    Some(())
}

/// A request with its body, which says that its connection ends with it.
async fn read_request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut wanted = usize::MAX;
    while bytes.len() < wanted {
        let mut more = [0; 8192];
        let read = client.read(&mut more).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&more[..read]);
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"));
            wanted = end + 4 + length?.trim().parse::<usize>().ok()?;
        }
    }
    let head = find(&bytes, b"\r\n\r\n")?;
    let lines = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let kept: Vec<&str> = lines
        .split("\r\n")
        .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"))
        .collect();
    let mut request = format!("{}\r\nConnection: close\r\n\r\n", kept.join("\r\n")).into_bytes();
    request.extend_from_slice(&bytes[head + 4..]);
    Some(request)
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|part| part == wanted)
}
