//! Workspaces never see each other, and what is out of view is as if it never was.

use kith_engine::{AuditActor, AuditQuery};
use kith_testkit::app::client::{account, person, person_in};
use kith_testkit::app::logs;
use kith_testkit::{Answer, Client, Desk, Folder, Store, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

crate::promises! {
    two_workspaces_never_see_each_other,
    nothing_of_one_workspace_works_in_another,
    a_person_in_two_accounts_is_seen_in_those_in_view,
    what_is_out_of_view_is_as_if_it_never_was,
    what_may_not_be_looked_up_is_as_if_it_never_was,
    a_wrong_field_tells_nothing_of_who_is_there,
}

async fn customer(desk: &Desk, user: &str, group: &str, region: &str, plan: &str) {
    desk.source("product")
        .deliver([
            json!({"type": "group", "userId": user, "groupId": group,
                   "traits": {"plan": plan, "region": region}}),
            json!({"type": "identify", "userId": user,
                   "traits": {"email": format!("{user}@{group}.example")}}),
            json!({"type": "track", "userId": user, "event": "Checkout Failed",
                   "properties": {"code": plan}, "context": {"groupId": group}}),
        ])
        .await;
}

async fn two_workspaces_never_see_each_other(store: Store) {
    let app = TestApp::start(store).await;
    let other = app.workspace("other", Folder::standard()).await;
    customer(&app, "usr_1", "acme", "eu", "trial").await;
    customer(&other, "usr_1", "acme", "eu", "enterprise").await;

    let ours = app
        .as_member("sam")
        .ask("support.view", person_in("usr_1", "acme"))
        .await
        .expect(200);
    let theirs = other
        .as_member("sam")
        .ask("support.view", person_in("usr_1", "acme"))
        .await
        .expect(200);
    assert_eq!(ours.value("account.plan"), "trial");
    assert_eq!(theirs.value("account.plan"), "enterprise");
    for kind in ["account", "person"] {
        let (our_id, their_id) = (&ours.json[kind]["id"], &theirs.json[kind]["id"]);
        assert_ne!(our_id, their_id);
        let stolen = json!({ kind: {"id": their_id} });
        app.as_member("lea")
            .ask("support.view", stolen)
            .await
            .expect(404);
    }

    // Members, agents, tokens and sources of one are nobody in the other.
    let drafter = app
        .as_agent("drafter")
        .on_behalf_of("mem_00000000000000000000000000");
    let answer = drafter
        .ask("support.view", person("usr_1"))
        .await
        .expect(400);
    assert_eq!(answer.json["fields"][0]["field"], "onBehalfOf");
    let sam = app.as_agent("drafter").on_behalf_of("sam");
    let draft = sam.clone().proving(app.jwt("usr_1"));
    draft
        .ask("ai.draft", person_in("usr_1", "acme"))
        .await
        .expect(200);
    let forged = sam.proving(other.jwt("usr_1"));
    forged
        .ask("ai.draft", person_in("usr_1", "acme"))
        .await
        .expect(403);

    // What is only in one is in no count, list or look-up of the other.
    customer(&other, "usr_2", "only-there", "eu", "growth").await;
    for subject in [person("usr_2"), account("only-there")] {
        app.as_member("lea")
            .ask("support.view", subject)
            .await
            .expect(404);
    }
}

async fn nothing_of_one_workspace_works_in_another(store: Store) {
    let app = TestApp::start(store).await;
    let other = app.workspace("other", Folder::standard()).await;
    customer(&app, "usr_1", "acme", "eu", "trial").await;

    // The same message from the same source is another message there.
    let event =
        json!({"type": "track", "userId": "usr_1", "event": "page.viewed", "messageId": "m-1"});
    app.source("product").deliver([event.clone()]).await;
    other.source("product").deliver([event]).await;
    let stored = app
        .home()
        .column("SELECT message_id FROM event WHERE message_id = 'm-1'")
        .await;
    assert_eq!(stored.len(), 2);

    // Who serves there is nobody here, as is who never was.
    let members = app.engine().members(other.id()).await.unwrap();
    let drafter = app.as_agent("drafter");
    let nobody = drafter
        .clone()
        .on_behalf_of("mem_01h455vb4pex5vsknk084sn02q");
    let nobody = nobody
        .ask("support.view", account("acme"))
        .await
        .expect(400);
    for member in members {
        let served = drafter.clone().on_behalf_of(&member.id.to_string());
        let answer = served
            .ask("support.view", account("acme"))
            .await
            .expect(400);
        assert_eq!(answer.text, nobody.text);
    }

    // Nobody ends a key from there, and its log knows nothing of here.
    let by = AuditActor::operator;
    let ended = app
        .engine()
        .revoke_key(other.id(), by(), app.key_id("sam"))
        .await;
    assert!(!ended.unwrap());
    let seen = app
        .as_member("sam")
        .ask("support.view", account("acme"))
        .await
        .expect(200);
    let query = AuditQuery {
        limit: 1000,
        ..AuditQuery::default()
    };
    let entries = app
        .engine()
        .audit_search(other.id(), by(), query)
        .await
        .unwrap();
    assert!(
        entries
            .iter()
            .all(|entry| entry.id.to_string() != seen.audit_id())
    );
    assert!(entries.iter().all(|entry| entry.action != "context.read"));
}

async fn a_person_in_two_accounts_is_seen_in_those_in_view(store: Store) {
    let app = TestApp::start(store).await;
    customer(&app, "usr_1", "here", "eu", "trial").await;
    customer(&app, "usr_1", "there", "us", "enterprise").await;
    let person_alone = || person("usr_1");

    let lea = app
        .as_member("lea")
        .ask("support.view", person_alone())
        .await
        .expect(200);
    assert!(
        lea.field("account").is_null(),
        "several stay unbound: {lea:?}"
    );
    assert_eq!(lea.json["accounts"].as_array().unwrap().len(), 2);
    assert_eq!(lea.journey().len(), 2);
    let there = app
        .as_member("lea")
        .ask("support.view", person_in("usr_1", "there"))
        .await
        .expect(200);
    let hidden_id = there.json["account"]["id"].as_str().unwrap();
    assert_eq!(there.journey().len(), 1);

    // sam serves eu: for him there is one account, and nothing tells of another.
    let sam = app.as_member("sam");
    let seen = sam.ask("support.view", person_alone()).await.expect(200);
    assert_eq!(seen.value("account.key"), "here");
    assert!(seen.json.get("accounts").is_none());
    assert_eq!(seen.journey().len(), 1);
    for trace in [hidden_id, "\"enterprise\"", "\"there\""] {
        assert!(!seen.text.contains(trace), "{trace}: {seen:?}");
    }
    sam.ask("support.view", person_in("usr_1", "there"))
        .await
        .expect(404);
}

/// The answer and the number of statements that it took, as the log says beside its audit entry.
async fn asked(client: &Client, purpose: &str, subject: Value) -> (Answer, String) {
    cost_of(client.ask(purpose, subject).await)
}

/// The same for an explanation.
async fn explained(client: &Client, subject: Value) -> (Answer, String) {
    let body = json!({"purpose": "support.view", "subject": subject, "fields": ["account.plan"]});
    cost_of(
        client
            .send(Method::POST, "/v1/explain", body.to_string())
            .await,
    )
}

fn cost_of(answer: Answer) -> (Answer, String) {
    let log = logs::so_far();
    let entry = format!("audit={}", answer.audit_id());
    let line = log.lines().find(|line| line.contains(&entry));
    let statements = line.and_then(|line| line.split("statements=").nth(1));
    let number = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect();
    (answer, statements.map(number).unwrap_or_default())
}

async fn what_is_out_of_view_is_as_if_it_never_was(store: Store) {
    logs::capture();
    let app = TestApp::start(store).await;
    let other = app.workspace("other", Folder::standard()).await;
    customer(&app, "usr_us", "us-only", "us", "growth").await;
    customer(&other, "usr_9", "elsewhere", "eu", "growth").await;
    let seen = app
        .as_member("lea")
        .ask("support.view", person_in("usr_us", "us-only"))
        .await
        .expect(200);
    let never = other
        .as_member("lea")
        .ask("support.view", person_in("usr_9", "elsewhere"))
        .await
        .expect(200);
    let id = |answer: &Answer, kind: &str| json!({ kind: {"id": answer.json[kind]["id"]} });
    let by_email = |email: &str| json!({"person": {"type": "email", "value": email}});

    // sam serves the accounts of eu: this one does not exist for him, and with it its person.
    let sam = app.as_member("sam");
    for (invisible, absent) in [
        (account("us-only"), account("never-was")),
        (person("usr_us"), person("usr_never")),
        (
            by_email("usr_us@us-only.example"),
            by_email("usr_us@never.example"),
        ),
        (id(&seen, "account"), id(&never, "account")),
        (id(&seen, "person"), id(&never, "person")),
        (
            person_in("usr_us", "us-only"),
            person_in("usr_never", "never-was"),
        ),
    ] {
        let (first, cost) = explained(&sam, invisible.clone()).await;
        let (second, cost_of_nothing) = explained(&sam, absent.clone()).await;
        assert_eq!(first.status, 404, "{absent}: {first:?}");
        assert_eq!(
            first.text_without_audit_id(),
            second.text_without_audit_id()
        );
        assert_eq!(cost, cost_of_nothing, "{absent}");

        let (first, cost) = asked(&sam, "support.view", invisible).await;
        let (second, cost_of_nothing) = asked(&sam, "support.view", absent.clone()).await;
        assert_eq!(first.status, 404, "{absent}: {first:?}");
        assert_eq!(
            first.text_without_audit_id(),
            second.text_without_audit_id()
        );
        assert!(!cost.is_empty(), "the number of statements is in the log");
        assert_eq!(cost, cost_of_nothing, "{absent}");
    }
}

async fn a_wrong_field_tells_nothing_of_who_is_there(store: Store) {
    let app = TestApp::start(store).await;
    customer(&app, "usr_1", "acme", "eu", "trial").await;
    let mut told = Vec::new();
    for subject in [account("acme"), account("never-was"), person("usr_1")] {
        let body =
            json!({"purpose": "support.view", "subject": subject, "fields": ["account.plam"]});
        let sam = app.as_member("sam");
        let answer = sam
            .send(Method::POST, "/v1/explain", body.to_string())
            .await
            .expect(400);
        told.push(answer.text);
    }
    assert!(
        told[0].contains("account.plan"),
        "it says what was meant: {told:?}"
    );
    assert!(told.iter().all(|text| *text == told[0]), "{told:?}");
}

async fn what_may_not_be_looked_up_is_as_if_it_never_was(store: Store) {
    logs::capture();
    let app = TestApp::start(store).await;
    customer(&app, "usr_1", "acme", "eu", "trial").await;
    // The definitions let nobody find a person by email for `ai.draft`.
    let draft = app
        .as_agent("drafter")
        .on_behalf_of("sam")
        .proving(app.jwt("usr_1"));
    let by_email = |email: &str| json!({"person": {"type": "email", "value": email}});
    let (refused, cost) = asked(&draft, "ai.draft", by_email("usr_1@acme.example")).await;
    let (unknown, cost_of_nothing) =
        asked(&draft, "ai.draft", by_email("nobody@acme.example")).await;
    assert_eq!(refused.status, 404, "{refused:?}");
    assert_eq!(
        refused.text_without_audit_id(),
        unknown.text_without_audit_id()
    );
    assert_eq!(cost, cost_of_nothing);
}
