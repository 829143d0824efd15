//! A key may ask so often in a minute, and hears with every answer what is left.

use std::num::NonZeroU32;

use kith_testkit::app::client::account;
use kith_testkit::{Answer, Store, TestApp};
use serde_json::json;

crate::promises! {
    a_key_that_asks_too_often_waits_and_others_do_not,
    sources_are_told_as_their_clients_read_it,
    without_a_limit_nothing_is_told,
}

/// Four requests in a minute: one comes back every quarter.
async fn limited(store: Store) -> TestApp {
    let app = TestApp::start(store).await;
    app.source("product")
        .deliver([json!({"type": "group", "groupId": "acme", "traits": {"region": "eu"}})])
        .await;
    app.engine().limit_rate(NonZeroU32::new(4));
    app
}

fn fields(answer: &Answer) -> (&str, &str, &str) {
    (
        answer.header("ratelimit-policy"),
        answer.header("ratelimit"),
        answer.header("retry-after"),
    )
}

const POLICY: &str = "\"key\";q=4;w=60";

async fn a_key_that_asks_too_often_waits_and_others_do_not(store: Store) {
    let app = limited(store).await;
    let sam = app.as_member("sam");
    let ask = async || sam.ask("support.view", account("acme")).await;
    for (left, reset) in [(3, 15), (2, 30), (1, 45), (0, 60)] {
        let answer = ask().await.expect(200);
        let expect = format!("\"key\";r={left};t={reset}");
        assert_eq!(fields(&answer), (POLICY, expect.as_str(), ""));
    }
    let refused = ask().await.expect(429);
    assert_eq!(refused.problem(), "quota-exceeded");
    assert_eq!(fields(&refused), (POLICY, "\"key\";r=0;t=60", "15"));
    assert_eq!(refused.json["retryAfterSeconds"], 15);
    // A refusal costs the same, and so does what cannot be read.
    let ned = app.as_member("ned");
    ned.ask("support.view", account("acme")).await.expect(403);
    let answer = ned.context(json!([])).await.expect(400);
    assert_eq!(answer.header("ratelimit"), "\"key\";r=2;t=30");
    // Every route of the API counts, and no page does.
    let listed = ned.list(&[("purpose", "support.view")]).await.expect(403);
    assert_eq!(listed.header("ratelimit"), "\"key\";r=1;t=45");
    for path in [
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/docs/api",
        "/explain",
    ] {
        let answer = sam.get(path).await.expect(200);
        assert_eq!(fields(&answer), ("", "", ""), "{path}");
    }
    app.operator().get("/metrics").await.expect(200);
    // Whoever has the id of a key and not its secret uses nothing up.
    let forged = format!("{}x", &ned.key()[..ned.key().len() - 1]);
    for _ in 0..5 {
        let answer = app
            .with_key(Some(&forged))
            .ask("support.view", account("acme"))
            .await
            .expect(401);
        assert_eq!(fields(&answer), ("", "", ""));
    }
    ned.ask("support.view", account("acme")).await.expect(403);

    app.clock.advance_seconds(14);
    ask().await.expect(429);
    app.clock.advance_seconds(1);
    ask().await.expect(200);
    ask().await.expect(429);
    app.clock.advance_seconds(60);
    let answer = ask().await.expect(200);
    assert_eq!(answer.header("ratelimit"), "\"key\";r=3;t=15");
}

async fn sources_are_told_as_their_clients_read_it(store: Store) {
    let app = limited(store).await;
    let product = app.source("product");
    let event = |id: u32| json!({"userId": "usr_1", "event": "page.viewed", "messageId": id});
    for left in [3, 2, 1, 0] {
        let answer = product.track(event(left)).await.expect(200);
        assert!(
            answer
                .header("ratelimit")
                .starts_with(&format!("\"key\";r={left};"))
        );
    }
    let refused = product.track(event(9)).await.expect(429);
    assert_eq!(refused.json["code"], "too_many_requests");
    assert!(refused.json["message"].is_string());
    assert_eq!(fields(&refused), (POLICY, "\"key\";r=0;t=60", "15"));
    assert_eq!(app.home().column("SELECT id FROM event").await.len(), 4);
    // The key in the body is the same key.
    let in_body = json!({"writeKey": product.key(), "userId": "usr_1", "event": "page.viewed"});
    let anyone = app.anonymous();
    let answer = anyone
        .send(reqwest::Method::POST, "/v1/track", in_body.to_string())
        .await;
    assert_eq!(answer.status, 429, "{answer:?}");
    app.source("billing").track(event(9)).await.expect(200);
}

async fn without_a_limit_nothing_is_told(store: Store) {
    let app = limited(store).await;
    app.engine().limit_rate(None);
    for _ in 0..10 {
        let answer = app
            .as_member("sam")
            .ask("support.view", account("acme"))
            .await
            .expect(200);
        assert_eq!(fields(&answer), ("", "", ""));
    }
}
