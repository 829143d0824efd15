//! `/metrics`: what Prometheus reads is what happened, and nothing of whom it happened to. That no
//! customer's value is in it is `leaks`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use kith_testkit::app::client::person;
use kith_testkit::{Folder, Store, TestApp};
use serde_json::json;

use crate::clients::{driver, installed};

crate::promises! {
    what_is_scraped_is_what_happened,
    what_is_not_known_makes_no_label,
    an_answer_that_was_not_audited_is_counted,
    a_log_that_is_not_folded_shows,
}

/// The samples by name and labels, as Prometheus's own parser reads them.
type Samples = BTreeMap<String, f64>;

async fn scrape(app: &TestApp) -> Samples {
    let answer = app.operator().get("/metrics").await.expect(200);
    let kind = answer.header("content-type");
    assert_eq!(kind.split(';').next(), Some("application/openmetrics-text"));
    let mut parser = Command::new(installed("KITH_TEST_PYTHON"))
        .arg(driver("python/scrape.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = parser.stdin.take().unwrap();
    pipe.write_all(answer.text.as_bytes()).unwrap();
    drop(pipe);
    let read = parser.wait_with_output().unwrap();
    assert!(
        read.status.success(),
        "not what Prometheus takes: {}",
        answer.text
    );
    serde_json::from_slice(&read.stdout).unwrap()
}

/// What a sample grew by; one that was not there was 0.
fn grown(before: &Samples, after: &Samples, sample: &str) -> f64 {
    let at = |samples: &Samples| samples.get(sample).copied().unwrap_or_default();
    at(after) - at(before)
}

async fn what_is_scraped_is_what_happened(store: Store) {
    let app = TestApp::start(store).await;
    let before = scrape(&app).await;
    let message = |id: &str| json!({"type": "identify", "userId": "usr_1", "messageId": id, "traits": {"name": "Ada Example"}});
    let wrong = json!({"type": "identify", "userId": "usr_1", "messageId": "m-3", "traits": {"uncatalogued": 1}});
    app.source("product")
        .deliver([message("m-1"), message("m-2"), message("m-1"), wrong])
        .await;
    app.source("web").deliver([message("m-4")]).await;
    let sam = app.as_member("sam");
    for _ in 0..3 {
        sam.ask("support.view", person("usr_1")).await.expect(200);
    }
    sam.ask("support.view", person("usr_nobody"))
        .await
        .expect(404);
    sam.ask("export.run", person("usr_1")).await.expect(403);
    sam.context(json!({"purpose": "no such thing"}))
        .await
        .expect(400);
    let after = scrape(&app).await;

    let ingest = |key: &str, outcome: &str| {
        format!("kith_ingest_messages_total{{key={key},outcome={outcome}}}")
    };
    let decision = |purpose: &str, verdict: &str| {
        format!("kith_decisions_total{{purpose={purpose},verdict={verdict}}}")
    };
    let requests = |route: &str, status: &str| {
        format!(
            "kith_http_request_duration_seconds_count{{method=POST,route={route},status={status}}}"
        )
    };
    for (sample, expect) in [
        (ingest("server", "kept"), 3.0),
        (ingest("server", "duplicate"), 1.0),
        (ingest("server", "quarantined"), 1.0),
        (ingest("public", "kept"), 1.0),
        (ingest("public", "quarantined"), 0.0),
        (decision("support.view", "allowed"), 3.0),
        (decision("support.view", "notFound"), 1.0),
        (decision("export.run", "refused"), 1.0),
        ("kith_audit_append_duration_seconds_count{}".into(), 5.0),
        ("kith_audit_failures_total{}".into(), 0.0),
        (requests("/v1/batch", "2xx"), 2.0),
        (requests("/v1/context", "2xx"), 3.0),
        (requests("/v1/context", "4xx"), 3.0),
    ] {
        assert_eq!(grown(&before, &after, &sample), expect, "{sample}");
    }
    let hits = grown(&before, &after, "kith_plans_total{cache=hit}");
    let misses = grown(&before, &after, "kith_plans_total{cache=miss}");
    assert!(hits >= 2.0 && misses >= 1.0, "{hits} hits, {misses} misses");
    for queue in ["writes", "audit"] {
        assert_eq!(after[&format!("kith_queue_depth{{queue={queue}}}")], 0.0);
    }
    let build = format!("kith_build_info{{version={}}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(after[&build], 1.0);
    let started = after["process_start_time_seconds{}"];
    assert!((started - app.clock.unix_seconds() as f64).abs() < 1.0);
}

async fn what_is_not_known_makes_no_label(store: Store) {
    let app = TestApp::start(store).await;
    let sam = app.as_member("sam");
    scrape(&app).await;
    let before = scrape(&app).await;
    for n in 0..20 {
        sam.get(&format!("/v1/nothing-{n}")).await.expect(404);
        let method = reqwest::Method::from_bytes(format!("ODD{n}").as_bytes()).unwrap();
        sam.send(method, "/v1/context", Vec::new())
            .await
            .expect(405);
    }
    // One series, and as many lines as a series of a histogram has.
    let after = scrape(&app).await;
    let new: Vec<&String> = after
        .keys()
        .filter(|key| !before.contains_key(*key))
        .collect();
    assert!(
        new.iter()
            .all(|key| key.contains("method=none,route=none,status=4xx")),
        "{new:?}"
    );
    let count = "kith_http_request_duration_seconds_count{method=none,route=none,status=4xx}";
    assert_eq!(grown(&before, &after, count), 40.0);
}

async fn an_answer_that_was_not_audited_is_counted(store: Store) {
    let app = TestApp::start(store).await;
    app.home().break_audit().await;
    let before = scrape(&app).await;
    app.as_member("sam")
        .ask("support.view", person("usr_1"))
        .await
        .expect(503);
    app.home().mend_audit().await;
    let after = scrape(&app).await;
    assert_eq!(grown(&before, &after, "kith_audit_failures_total{}"), 1.0);
    let decisions = "kith_decisions_total{purpose=support.view,verdict=notFound}";
    assert_eq!(grown(&before, &after, decisions), 0.0);
}

async fn a_log_that_is_not_folded_shows(store: Store) {
    let app = TestApp::start(store).await;
    app.engine().fold_audit_log(app.id()).await.unwrap();
    let lag = async || {
        let samples = scrape(&app).await;
        (
            samples["kith_audit_unfolded_entries{}"],
            samples["kith_audit_unfolded_age_seconds{}"],
        )
    };
    assert_eq!(lag().await, (0.0, 0.0));
    let sam = app.as_member("sam");
    for seconds in [40, 2] {
        sam.ask("support.view", person("usr_1")).await.expect(404);
        app.clock.advance_seconds(seconds);
    }
    // A change is an entry like a read, of another stream.
    app.publish(Folder::standard().with("policies/more.kith", "forbid export.run\n"))
        .await;
    assert_eq!(lag().await, (3.0, 42.0));
    app.engine().fold_audit_log(app.id()).await.unwrap();
    assert_eq!(lag().await, (0.0, 0.0));
}
