//! Real client libraries, unmodified, drive a running server; what they sent is what a member sees.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use kith_testkit::app::client::person_in;
use kith_testkit::{Store, TestApp};
use serde_json::{Value, json};

crate::promises! {
    what_analytics_node_sends_is_what_a_member_sees,
    what_analytics_python_sends_is_what_a_member_sees,
}

async fn what_analytics_node_sends_is_what_a_member_sees(store: Store) {
    let mut program = Command::new("node");
    program
        .arg(driver("node/drive.mjs"))
        .env("KITH_TEST_NODE_DIR", installed("KITH_TEST_NODE_DIR"));
    what_a_client_sends_is_what_a_member_sees(store, program).await;
}

async fn what_analytics_python_sends_is_what_a_member_sees(store: Store) {
    let mut program = Command::new(installed("KITH_TEST_PYTHON"));
    program.arg(driver("python/drive.py"));
    what_a_client_sends_is_what_a_member_sees(store, program).await;
}

async fn what_a_client_sends_is_what_a_member_sees(store: Store, program: Command) {
    let app = TestApp::start(store).await;
    let scenario = json!({"maxRetries": 0, "calls": [
        {"type": "group", "userId": "usr_1", "groupId": "acme",
         "traits": {"name": "Acme", "plan": "growth", "region": "eu", "privateRevenue": "1200.50"}},
        {"type": "identify", "userId": "usr_1",
         "traits": {"email": "ada@acme.example", "name": "Ada Example", "role": "Billing owner"},
         "context": {"groupId": "acme"}},
        {"type": "alias", "previousId": "anon-1", "userId": "usr_1"},
        {"type": "track", "userId": "usr_1", "event": "Checkout Failed",
         "properties": {"code": "card_declined", "reason": "do not honour"},
         "context": {"groupId": "acme"}},
    ]});
    let report = run(program, app.url(), app.source("segment").key(), &scenario);
    assert_eq!(report["delivered"], 4, "{report}");
    assert_eq!(report["errors"], json!([]), "{report}");

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

/// Runs a driver with the scenario on its standard input; its report.
fn run(mut program: Command, url: &str, key: &str, scenario: &Value) -> Value {
    use std::io::Write as _;

    let mut child = program
        .args([url, key])
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
