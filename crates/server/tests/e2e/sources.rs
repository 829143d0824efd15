//! Sources that call out: nothing of them is believed without a signature, what is believed is kept once, and
//! their secrets are plain nowhere.

use std::process::Command;
use std::sync::Arc;

use kith_engine::{
    AuditActor, EngineError, MasterKey, NewSource, SourceChange, SourceConfig, SourceInfo,
    SourceKind,
};
use kith_testkit::app::client::account;
use kith_testkit::{Answer, Store, TestApp};
use serde_json::{Value, json};

use crate::clients::{driver, installed, speak};

crate::promises! {
    what_stripe_calls_out_is_what_a_member_sees,
    what_is_not_signed_is_not_believed,
    a_secret_is_replaced_without_a_gap,
    a_paused_source_is_asked_to_come_again,
    what_speaks_standard_webhooks_is_heard,
    secrets_are_plain_nowhere,
}

const SECRET: &str = "whsec_stripe_example_secret";

async fn add(app: &TestApp, kind: SourceKind, secret: &str) -> SourceInfo {
    let new = NewSource {
        name: "billing".to_owned(),
        kind,
        config: SourceConfig::default(),
        secret: secret.to_owned(),
    };
    let added = app.engine().add_source(app.id(), operator(), new).await;
    added.unwrap()
}

fn operator() -> AuditActor {
    AuditActor::operator()
}

async fn change(app: &TestApp, source: &SourceInfo, change: SourceChange) -> SourceInfo {
    let changed = app
        .engine()
        .change_source(app.id(), operator(), source.id, change);
    changed.await.unwrap().unwrap()
}

/// Delivers a body, signed by the sender's own library at the app's time.
fn call(app: &TestApp, library: &str, source: &SourceInfo, secret: &str, body: &Value) -> Value {
    call_at(app, library, source, secret, body, app.clock.unix_seconds())
}

fn call_at(
    app: &TestApp,
    library: &str,
    source: &SourceInfo,
    secret: &str,
    body: &Value,
    at: i64,
) -> Value {
    let mut program = Command::new(installed("KITH_TEST_PYTHON"));
    program
        .arg(driver("python/sign.py"))
        .args([library, &format!("{}{}", app.url(), source.path), secret])
        .arg(at.to_string());
    speak(program, body)
}

fn subscription(app: &TestApp, id: &str, seconds_ago: i64, status: &str, seats: u32) -> Value {
    json!({"id": id, "object": "event", "type": "customer.subscription.updated",
        "created": app.clock.unix_seconds() - seconds_ago, "pending_webhooks": 1,
        "data": {"object": {"id": "sub_1", "customer": "cus_1", "status": status, "currency": "eur",
            "metadata": {"groupId": "acme"},
            "items": {"data": [{"quantity": seats, "price": {"unit_amount": 4900}}]}}}})
}

async fn seen(app: &TestApp) -> Answer {
    let lea = app.as_member("lea");
    lea.ask("support.view", account("acme")).await.expect(200)
}

fn seats(answer: &Answer) -> &Value {
    &answer.json["subscriptions"][0]["seats"]["value"]
}

async fn what_stripe_calls_out_is_what_a_member_sees(store: Store) {
    let app = TestApp::start(store).await;
    let source = add(&app, SourceKind::Stripe, SECRET).await;
    let newer = subscription(&app, "evt_2", 60, "active", 7);
    let taken = call(&app, "stripe", &source, SECRET, &newer);
    assert_eq!(taken, json!({"status": 200, "body": {"success": true}}));
    assert_eq!(seats(&seen(&app).await), 7, "{:?}", seen(&app).await);

    // What was true before arrives late, and what is known arrives again.
    let mut again = newer.clone();
    again["pending_webhooks"] = json!(0);
    for body in [subscription(&app, "evt_1", 120, "active", 5), again] {
        assert_eq!(call(&app, "stripe", &source, SECRET, &body)["status"], 200);
    }
    assert_eq!(seats(&seen(&app).await), 7);

    let listed = app.engine().sources(app.id()).await.unwrap();
    assert_eq!(listed[0].last_error, None, "{listed:?}");
    assert_eq!(listed[0].kept, listed[0].received - 1, "{listed:?}");
    // A kind of event that becomes nothing waits with its reason.
    let charge = json!({"id": "evt_3", "type": "charge.succeeded", "created": 1, "data": {"object": {"id": "ch_1"}}});
    assert_eq!(
        call(&app, "stripe", &source, SECRET, &charge)["status"],
        200
    );
    let listed = app.engine().sources(app.id()).await.unwrap();
    assert_eq!(listed[0].refused, 1, "{listed:?}");
}

async fn what_is_not_signed_is_not_believed(store: Store) {
    let app = TestApp::start(store).await;
    let source = add(&app, SourceKind::Stripe, SECRET).await;
    let body = subscription(&app, "evt_1", 0, "active", 5);
    let now = app.clock.unix_seconds();
    for (secret, at) in [
        ("whsec_another_example_secret", now),
        (SECRET, now - 301),
        (SECRET, now + 301),
    ] {
        let answer = call_at(&app, "stripe", &source, secret, &body, at);
        assert_eq!(answer["status"], 401, "{answer}");
        assert_eq!(answer["body"]["code"], "invalid_signature");
    }
    let unsigned = app.anonymous();
    let post = |path: String| {
        let body = body.to_string();
        let unsigned = unsigned.clone();
        async move { unsigned.send(reqwest::Method::POST, &path, body).await }
    };
    post(source.path.clone()).await.expect(401);
    let other = kith_domain::id::SourceId::NIL;
    post(format!("/v1/hooks/{other}")).await.expect(404);
    post("/v1/hooks/src_x".to_owned()).await.expect(404);
    // What is signed and cannot be read is the sender's fault, and known.
    assert_eq!(
        call(&app, "stripe", &source, SECRET, &json!([]))["status"],
        200
    );
    let lea = app.as_member("lea");
    lea.ask("support.view", account("acme")).await.expect(404);
    let listed = app.engine().sources(app.id()).await.unwrap();
    assert_eq!((listed[0].received, listed[0].kept), (0, 0));
    assert!(listed[0].last_error.is_some());
}

async fn a_secret_is_replaced_without_a_gap(store: Store) {
    let app = TestApp::start(store).await;
    let source = add(&app, SourceKind::Stripe, SECRET).await;
    let ask = |secret: &str| {
        let body = subscription(&app, "evt_1", 0, "active", 5);
        call(&app, "stripe", &source, secret, &body)["status"].clone()
    };
    let secrets = [
        SECRET,
        "whsec_second_example_secret",
        "whsec_third_example_secret",
    ];
    change(&app, &source, SourceChange::Secret(secrets[1].to_owned())).await;
    assert_eq!(secrets.map(ask), [200, 200, 401]);
    change(&app, &source, SourceChange::Secret(secrets[2].to_owned())).await;
    assert_eq!(secrets.map(ask), [401, 200, 200]);
    let removed = app.engine().remove_source(app.id(), operator(), source.id);
    assert!(removed.await.unwrap());
    assert_eq!(ask(secrets[2]), 404);
}

async fn a_paused_source_is_asked_to_come_again(store: Store) {
    let app = TestApp::start(store).await;
    let source = add(&app, SourceKind::Stripe, SECRET).await;
    let body = subscription(&app, "evt_1", 0, "active", 5);
    assert_eq!(
        change(&app, &source, SourceChange::Pause).await.state,
        "paused"
    );
    let answer = call(&app, "stripe", &source, SECRET, &body);
    assert_eq!(
        (&answer["status"], &answer["body"]["code"]),
        (&json!(503), &json!("paused"))
    );
    // A stranger is not told so.
    assert_eq!(
        call(&app, "stripe", &source, "whsec_another_example", &body)["status"],
        401
    );
    change(&app, &source, SourceChange::Resume).await;
    assert_eq!(call(&app, "stripe", &source, SECRET, &body)["status"], 200);
    assert_eq!(seats(&seen(&app).await), 5);
}

async fn what_speaks_standard_webhooks_is_heard(store: Store) {
    let app = TestApp::start(store).await;
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let source = add(&app, SourceKind::Http, secret).await;
    let body = json!({"type": "group", "messageId": "m-1", "userId": "usr_1", "groupId": "acme",
        "traits": {"plan": "growth"}});
    assert_eq!(
        call(&app, "standard", &source, secret, &body)["status"],
        200
    );
    assert_eq!(seen(&app).await.value("account.plan"), "growth");
}

async fn secrets_are_plain_nowhere(store: Store) {
    let app = TestApp::start(store).await;
    add(&app, SourceKind::Stripe, SECRET).await;
    for cell in app.home().cells().await {
        let text = String::from_utf8_lossy(&cell.bytes);
        assert!(
            !text.contains(SECRET),
            "plain in {}.{}",
            cell.table,
            cell.column
        );
    }
    // Without a key, or under another one, nothing is added and nothing is opened.
    let open = || kith_engine::Engine::open(app.home().url(), "other", app.runtime().clone());
    let new = NewSource {
        name: "second".to_owned(),
        kind: SourceKind::Stripe,
        config: SourceConfig::default(),
        secret: SECRET.to_owned(),
    };
    let engine = open().await.unwrap();
    let refused = engine.add_source(app.id(), operator(), new).await;
    assert!(matches!(refused, Err(EngineError::Conflict(why)) if why.contains("KITH_MASTER_KEY")));
    let other = open().await.unwrap();
    other.set_master_key(Arc::new(MasterKey::from_hex(&"24".repeat(32)).unwrap()));
    let id = other.sources(app.id()).await.unwrap()[0].id;
    let change = SourceChange::Secret("whsec_second_example_secret".to_owned());
    let refused = other.change_source(app.id(), operator(), id, change).await;
    assert!(
        matches!(refused, Err(EngineError::Conflict(why)) if why.contains("another master key"))
    );
}
