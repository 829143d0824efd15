//! Nothing leaves before its audit entry is committed, and refusals and misses are entries too.

use kith_engine::{AuditActor, AuditQuery, Outcome};
use kith_testkit::app::client::{account, person, person_in};
use kith_testkit::{Store, TestApp};
use reqwest::Method;
use serde_json::json;

crate::promises! {
    without_an_audit_log_no_data_leaves,
    every_answer_is_an_entry_and_so_is_every_refusal,
    changes_are_entries_too,
}

async fn with_a_customer(store: Store) -> TestApp {
    let app = TestApp::start(store).await;
    app.source("product")
        .deliver([json!({"type": "group", "userId": "usr_1", "groupId": "acme",
                         "traits": {"plan": "growth", "region": "eu", "name": "Acme Recognisable"}})])
        .await;
    app
}

async fn without_an_audit_log_no_data_leaves(store: Store) {
    let app = with_a_customer(store).await;
    let sam = app.as_member("sam");
    sam.ask("support.view", account("acme")).await.expect(200);
    let ready = async |expect: u16| {
        let anyone = app.anonymous();
        anyone.send(Method::GET, "/readyz", "").await.expect(expect)
    };
    ready(200).await;
    let entries = app.home().cells().await;
    let entries = entries.iter().filter(|cell| cell.table == "audit");
    let entries = entries.count();

    app.home().break_audit().await;
    assert_eq!(ready(503).await.problem(), "store-unavailable");
    for subject in [account("acme"), account("never-was")] {
        let answer = sam.ask("support.view", subject).await.expect(503);
        assert_eq!(answer.problem(), "audit-unavailable");
        assert!(!answer.text.contains("Recognisable"), "{answer:?}");
        assert_eq!(answer.header("retry-after"), "1");
    }
    // A refusal is an entry as well: without it, not even that is said.
    app.as_member("ned")
        .ask("support.view", account("acme"))
        .await
        .expect(503);
    let explain = json!({"purpose": "support.view", "subject": account("acme")});
    sam.send(Method::POST, "/v1/explain", explain.to_string())
        .await
        .expect(503);

    // Facts come in as before: they wait for nobody who looks.
    let fact = json!({"type": "group", "groupId": "acme", "traits": {"seats": 7}});
    app.source("product").deliver([fact]).await;

    app.home().mend_audit().await;
    ready(200).await;
    let kept = app.home().cells().await;
    let kept = kept.iter().filter(|cell| cell.table == "audit").count();
    assert_eq!(kept, entries, "nothing was answered, so nothing is told");
    let answer = sam.ask("support.view", account("acme")).await.expect(200);
    assert_eq!(answer.value("account.name"), "Acme Recognisable");
    assert_eq!(*answer.value("account.seats"), json!(7));
}

async fn every_answer_is_an_entry_and_so_is_every_refusal(store: Store) {
    let app = with_a_customer(store).await;
    let seen = app
        .as_member("sam")
        .ask("support.view", person_in("usr_1", "acme"))
        .await
        .expect(200);
    let missed = app
        .as_member("sam")
        .ask("support.view", person("usr_none"))
        .await
        .expect(404);
    let refused = app
        .as_member("ned")
        .ask("support.view", account("acme"))
        .await
        .expect(403);
    app.as_agent("loner")
        .on_behalf_of("lea")
        .ask("support.view", account("acme"))
        .await
        .expect(403);
    let served = app
        .as_agent("drafter")
        .on_behalf_of("sam")
        .proving(app.jwt("usr_1"));
    let drafted = served
        .ask("ai.draft", person_in("usr_1", "acme"))
        .await
        .expect(200);

    let query = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let entries = app
        .engine()
        .audit_search(app.id(), AuditActor::operator(), query)
        .await
        .unwrap();
    let entry = |answer: &kith_testkit::Answer| {
        entries
            .iter()
            .find(|entry| entry.id.to_string() == answer.audit_id())
            .unwrap()
    };
    let of_seen = entry(&seen);
    assert_eq!(of_seen.outcome, "allowed");
    assert_eq!(
        of_seen.account.unwrap().to_string(),
        seen.json["account"]["id"]
    );
    assert_eq!(
        of_seen.person.unwrap().to_string(),
        seen.json["person"]["id"]
    );
    assert!(of_seen.fields.iter().any(|field| field == "account.plan"));
    assert!(
        !of_seen
            .fields
            .iter()
            .any(|field| field == "account.privateRevenue")
    );
    assert_eq!(of_seen.statements.len(), 1);
    assert_eq!(entry(&missed).outcome, "notFound");
    assert_eq!(entry(&missed).person, None);
    assert_eq!(entry(&refused).outcome, "refused");
    assert!(entry(&refused).fields.is_empty());
    let of_draft = entry(&drafted);
    assert!(of_draft.actor.starts_with("agent:agt_"), "{of_draft:?}");
    assert!(
        of_draft
            .on_behalf_of
            .as_deref()
            .is_some_and(|id| id.starts_with("mem_"))
    );
    assert_eq!(of_draft.purpose.as_str(), "ai.draft");

    // Looking into the log is an entry of its own.
    let refusals = AuditQuery {
        outcome: Some(Outcome::Refused),
        limit: 100,
        ..AuditQuery::default()
    };
    let found = app
        .engine()
        .audit_search(app.id(), AuditActor::operator(), refusals)
        .await
        .unwrap();
    let mut of_found: Vec<_> = found
        .iter()
        .map(|entry| entry.actor.split_once(':').map_or("", |(kind, _)| kind))
        .collect();
    of_found.sort_unstable();
    assert_eq!(
        of_found,
        ["agent", "member"],
        "by policy, and for want of a scope"
    );
    assert!(
        found.iter().all(|entry| entry.on_behalf_of.is_none()),
        "she took no part"
    );
    let all = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let entries = app
        .engine()
        .audit_search(app.id(), AuditActor::operator(), all)
        .await
        .unwrap();
    assert!(entries.iter().any(|entry| entry.action == "audit.search"));
}

async fn changes_are_entries_too(store: Store) {
    let app = TestApp::start(store).await;
    let query = AuditQuery {
        limit: 1000,
        ..AuditQuery::default()
    };
    let entries = app
        .engine()
        .audit_search(app.id(), AuditActor::operator(), query)
        .await
        .unwrap();
    for action in [
        "definitions.publish",
        "member.add",
        "agent.add",
        "key.create",
        "secret.add",
    ] {
        assert!(
            entries.iter().any(|entry| entry.action == action),
            "{action}"
        );
    }
}
