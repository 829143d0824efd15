//! Workspaces never see each other, and what is out of view is as if it never was.

use kith_testkit::app::client::{account, person, person_in};
use kith_testkit::app::logs;
use kith_testkit::{Answer, Client, Desk, Folder, Store, TestApp};
use serde_json::{Value, json};

crate::promises! {
    two_workspaces_never_see_each_other,
    what_is_out_of_view_is_as_if_it_never_was,
    what_may_not_be_looked_up_is_as_if_it_never_was,
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

/// The answer and the number of statements that it took, as the log says beside its audit entry.
async fn asked(client: &Client, purpose: &str, subject: Value) -> (Answer, String) {
    let answer = client.ask(purpose, subject).await;
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
