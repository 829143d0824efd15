//! Keys: what they open, for whom, and that they end at once.

use kith_engine::AuditActor;
use kith_testkit::app::client::{account, person_in};
use kith_testkit::{Store, TestApp};
use reqwest::Method;
use serde_json::json;

crate::promises! {
    a_key_opens_what_it_is_for_and_nothing_else,
    a_write_key_may_come_in_any_of_the_usual_ways,
    a_revoked_key_ends_at_once,
    an_agent_serves_a_member_only_with_the_scope,
    everyone_sees_what_the_policies_say,
}

async fn with_a_customer(store: Store) -> TestApp {
    let app = TestApp::start(store).await;
    app.source("billing")
        .deliver([json!({"type": "group", "userId": "usr_1", "groupId": "acme", "traits": {
            "name": "Acme", "plan": "growth", "region": "eu", "seats": 5, "paymentState": "ok",
            "privateRevenue": 1234, "enterpriseNotes": "Renewal at risk.", "taxId": "DE123456789",
        }})])
        .await;
    app.source("product")
        .deliver([json!({"type": "identify", "userId": "usr_1", "traits": {
            "name": "Ada Example", "email": "ada@acme.example", "phone": "+49 30 1234567", "role": "Owner",
        }, "context": {"groupId": "acme"}})])
        .await;
    app
}

async fn a_key_opens_what_it_is_for_and_nothing_else(store: Store) {
    let app = with_a_customer(store).await;
    let write_key = app.source("product").key().to_owned();
    let member_key = app.as_member("sam").key().to_owned();
    let mut tampered = member_key.clone();
    tampered.replace_range(
        tampered.len() - 1..,
        if tampered.ends_with('0') { "1" } else { "0" },
    );
    for key in [write_key.as_str(), "", "kith_member_x_y", tampered.as_str()] {
        let answer = app
            .with_key(Some(key))
            .ask("support.view", account("acme"))
            .await
            .expect(401);
        assert_eq!(answer.problem(), "unauthenticated");
    }
    app.anonymous()
        .ask("support.view", account("acme"))
        .await
        .expect(401);
    for key in [member_key.as_str(), "", "segment-key", tampered.as_str()] {
        let answer = app
            .source_with_key(key)
            .track(json!({"userId": "u", "event": "e"}))
            .await
            .expect(401);
        assert_eq!(answer.json["code"], "invalid_write_key");
    }
}

async fn a_write_key_may_come_in_any_of_the_usual_ways(store: Store) {
    let app = TestApp::start(store).await;
    let key = app.source("web").key().to_owned();
    let anyone = app.anonymous();
    let body = |id: &str, key: Option<&str>| {
        let mut body = json!({"batch": [{"type": "track", "userId": "usr_1", "event": "page.viewed", "messageId": id}]});
        body["writeKey"] = key.into();
        body.to_string()
    };
    let bearer = format!("Bearer {key}");
    let wrong = "Basic a2l0aDo=";
    for (id, authorization, in_body, expect) in [
        ("in-body", "", Some(key.as_str()), 200),
        ("as-bearer", bearer.as_str(), None, 200),
        ("both", bearer.as_str(), Some(key.as_str()), 200),
        ("header-counts", wrong, Some(key.as_str()), 401),
        ("neither", "", None, 401),
        ("wrong-in-body", "", Some("kith"), 401),
    ] {
        let headers = [
            ("content-type", "text/plain"),
            ("authorization", authorization),
        ];
        let headers = &headers[..if authorization.is_empty() { 1 } else { 2 }];
        let answer = anyone
            .send_with(Method::POST, "/v1/batch", headers, body(id, in_body))
            .await;
        assert_eq!(answer.status, expect, "{id}: {answer:?}");
        let kept = app
            .home()
            .column(&format!(
                "SELECT message_id FROM event WHERE message_id = '{id}'"
            ))
            .await;
        assert_eq!(kept.len(), usize::from(expect == 200), "{id}");
    }
}

async fn a_revoked_key_ends_at_once(store: Store) {
    let app = with_a_customer(store).await;
    let (sam, product) = (app.as_member("sam"), app.source("product"));
    sam.ask("support.view", account("acme")).await.expect(200);
    for name in ["sam", "product"] {
        let ended = app
            .engine()
            .revoke_key(app.id(), AuditActor::operator(), app.key_id(name))
            .await;
        assert!(ended.unwrap());
    }
    sam.ask("support.view", account("acme")).await.expect(401);
    product
        .track(json!({"userId": "usr_1", "event": "Checkout Failed"}))
        .await
        .expect(401);
}

async fn an_agent_serves_a_member_only_with_the_scope(store: Store) {
    let app = with_a_customer(store).await;
    let subject = || person_in("usr_1", "acme");
    let drafter = app
        .as_agent("drafter")
        .on_behalf_of("sam")
        .proving(app.jwt("usr_1"));
    drafter.ask("ai.draft", subject()).await.expect(200);
    let loner = app
        .as_agent("loner")
        .on_behalf_of("sam")
        .proving(app.jwt("usr_1"));
    let answer = loner.ask("ai.draft", subject()).await.expect(403);
    assert_eq!(answer.problem(), "forbidden");
    assert!(answer.text.contains("onBehalfOf"), "{answer:?}");
    for (who, member) in [("drafter", "nobody"), ("sam", "lea")] {
        let answer = app
            .as_member(who)
            .on_behalf_of(member)
            .ask("support.view", subject())
            .await
            .expect(400);
        assert_eq!(answer.json["fields"][0]["field"], "onBehalfOf");
    }
}

/// Who sees which field for which purpose, as one readable page.
async fn everyone_sees_what_the_policies_say(store: Store) {
    let app = with_a_customer(store).await;
    let served = |agent: &str, member: &str| {
        app.as_agent(agent)
            .on_behalf_of(member)
            .proving(app.jwt("usr_1"))
    };
    let askers = [
        ("sam (support)", app.as_member("sam")),
        ("lea (leadership)", app.as_member("lea")),
        ("kim (success)", app.as_member("kim")),
        ("ned (no role)", app.as_member("ned")),
        ("an AI for sam", served("drafter", "sam")),
        ("an AI for kim", served("drafter", "kim")),
        (
            "an AI alone",
            app.as_agent("loner").proving(app.jwt("usr_1")),
        ),
        ("an automation for sam", served("robot", "sam")),
    ];
    let mut page = String::new();
    for (name, asker) in &askers {
        for purpose in [
            "support.view",
            "support.reply",
            "ai.draft",
            "ai.answer",
            "report.view",
            "automation.run",
        ] {
            let answer = asker.ask(purpose, person_in("usr_1", "acme")).await;
            page.push_str(&format!("{name}, {purpose}: {}\n", answer.status));
            for entity in ["account", "person", "role"] {
                let Some(fields) = answer.json[entity].as_object() else {
                    continue;
                };
                for (key, field) in fields.iter().filter(|(_, field)| field.is_object()) {
                    let path = format!("{entity}.{key}");
                    page.push_str(&format!(
                        "    {path:<24} {:<20} {}\n",
                        answer.state(&path),
                        field["value"]
                    ));
                }
            }
            let withheld: Vec<&str> = answer
                .withheld()
                .filter(|path| !path.starts_with("event."))
                .collect();
            if !withheld.is_empty() {
                page.push_str(&format!(
                    "    withheld                 {}\n",
                    withheld.join(", ")
                ));
            }
        }
    }
    insta::assert_snapshot!("everyone_sees_what_the_policies_say", page);
}
