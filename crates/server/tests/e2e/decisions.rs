//! Decisions about many accounts at once: each as if it had been asked for alone, and never a value.

use kith_engine::{AuditActor, AuditQuery};
use kith_testkit::app::logs;
use kith_testkit::{Answer, Client, Folder, Store, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

crate::promises! {
    each_is_decided_as_it_is_alone,
    out_of_view_is_as_if_it_never_was,
    an_agent_has_both_sides_decided,
    decisions_are_audited_before_they_leave,
    mistakes_are_told_and_sizes_are_bounded,
}

const POLICIES: &str = "allow support.view\nwhen account.plan != \"trial\"\n\n\
    limit account to account.region in user.regions\n\n\
    hide account.seats\nwhen account.plan == \"enterprise\"\n\n\
    mask account.name with initials\n";
const NEVER: &str = "acc_01h455vb4pex5vsknk084sn02q";

/// The accounts `a` and `c` in eu, `b` in us, `d` a trial in eu, with their ids in this order.
async fn app(store: Store, policies: &str) -> (TestApp, [String; 4]) {
    let open = Folder::with_policies("allow support.view\n");
    let app = TestApp::with_definitions(store, open).await;
    let accounts = [
        ("a", "growth", "eu"),
        ("b", "growth", "us"),
        ("c", "enterprise", "eu"),
        ("d", "trial", "eu"),
    ];
    let messages = accounts.map(|(key, plan, region)| {
        json!({"type": "group", "userId": format!("usr_{key}"), "groupId": key,
               "traits": {"plan": plan, "region": region, "name": "Acme Works", "seats": 5}})
    });
    app.source("billing").deliver(messages).await;
    let page = app
        .as_member("lea")
        .list(&[("purpose", "support.view"), ("sort", "account.key")])
        .await
        .expect(200);
    let id = |place: usize| page.json["items"][place]["id"].as_str().unwrap().to_owned();
    let ids = [id(0), id(1), id(2), id(3)];
    app.publish(Folder::with_policies(policies)).await;
    (app, ids)
}

async fn decide(client: &Client, purpose: &str, accounts: &[&str], fields: &[&str]) -> Answer {
    let body = json!({"purpose": purpose, "accounts": accounts, "fields": fields});
    send(client, body).await
}

async fn send(client: &Client, body: Value) -> Answer {
    client
        .send(Method::POST, "/v1/decisions", body.to_string())
        .await
}

/// What `/v1/explain` says of one account, in the form of a decision.
async fn alone(client: &Client, id: &str, fields: &[&str]) -> Value {
    let body =
        json!({"purpose": "support.view", "subject": {"account": {"id": id}}, "fields": fields});
    let answer = client
        .send(Method::POST, "/v1/explain", body.to_string())
        .await;
    if answer.status == 404 {
        return json!({"id": id, "exists": false});
    }
    let answer = answer.expect(200);
    let mut states = serde_json::Map::new();
    for field in answer.json["fields"].as_array().unwrap() {
        let mut state = json!({"state": field["state"]});
        if let Some(mask) = field.get("mask") {
            state["mask"] = mask.clone();
        }
        states.insert(field["field"].as_str().unwrap().to_owned(), state);
    }
    json!({"id": id, "exists": true, "allowed": answer.json["allowed"],
           "reasons": answer.json["reasons"], "fields": states})
}

async fn each_is_decided_as_it_is_alone(store: Store) {
    let (app, ids) = app(store, POLICIES).await;
    let [a, b, c, d] = ids.each_ref().map(String::as_str);
    let fields = [
        "account.seats",
        "account.name",
        "account.taxId",
        "person.email",
    ];
    for member in ["sam", "lea", "bo", "kim"] {
        let client = app.as_member(member);
        let asked = [d, NEVER, a, b, c, a];
        let answer = decide(&client, "support.view", &asked, &fields)
            .await
            .expect(200);
        let mut expect = Vec::new();
        for id in asked {
            expect.push(alone(&client, id, &fields).await);
        }
        assert_eq!(answer.json["items"], json!(expect), "{member}");
        assert_eq!(answer.json["definitionsVersion"], 2);
        assert!(!answer.text.contains("Acme"), "no value leaves: {answer:?}");
    }
    let sam = decide(&app.as_member("sam"), "support.view", &[d, c, b], &[])
        .await
        .expect(200);
    let items = &sam.json["items"];
    assert_eq!(items[0]["allowed"], false, "a trial");
    assert_eq!(items[1]["allowed"], true);
    assert_eq!(items[1]["fields"]["account.seats"]["state"], "hidden");
    assert_eq!(items[1]["fields"]["account.name"]["mask"], "initials");
    assert_eq!(
        items[2],
        json!({"id": b, "exists": false}),
        "out of sam's regions"
    );
    let named = items[0]["fields"].as_object().unwrap();
    assert!(named.len() > 5 && named.keys().all(|path| path.starts_with("account.")));

    // A verdict that is false whatever the account is refused before anyone is looked up.
    let refused = decide(&app.as_member("sam"), "support.reply", &[a], &[])
        .await
        .expect(403);
    assert_eq!(refused.problem(), "refused");
}

/// How many statements an answer took, as the log says beside its audit entry.
fn cost(answer: &Answer) -> String {
    let log = logs::so_far();
    let entry = format!("audit={}", answer.audit_id());
    let line = log.lines().find(|line| line.contains(&entry));
    let statements = line.and_then(|line| line.split("statements=").nth(1));
    let number = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect();
    statements.map(number).unwrap()
}

async fn out_of_view_is_as_if_it_never_was(store: Store) {
    logs::capture();
    let (app, ids) = app(store, POLICIES).await;
    let [_, b, _, _] = ids.each_ref().map(String::as_str);
    let other = app
        .workspace("other", Folder::with_policies("allow support.view\n"))
        .await;
    other
        .source("billing")
        .deliver([json!({"type": "group", "groupId": "a", "traits": {"region": "eu"}})])
        .await;
    let there = other
        .as_member("sam")
        .list(&[("purpose", "support.view")])
        .await
        .expect(200);
    let there = there.json["items"][0]["id"].as_str().unwrap();
    let sam = app.as_member("sam");
    let mut told = Vec::new();
    for id in [NEVER, b, there] {
        let answer = decide(&sam, "support.view", &[id], &[]).await.expect(200);
        let cost = cost(&answer);
        let text = answer.text_without_audit_id().replace(id, "acc_…");
        told.push((
            text.replace(answer.json["decidedAt"].as_str().unwrap(), "…"),
            cost,
        ));
    }
    assert_eq!(told[0], told[1], "out of view");
    assert_eq!(told[0], told[2], "of another workspace");
    assert!(
        told[0].0.contains(r#"{"id":"acc_…","exists":false}"#),
        "{told:?}"
    );
}

async fn an_agent_has_both_sides_decided(store: Store) {
    let policies = "allow ai.draft\n\nallow support.reply\nwhen account.plan != \"trial\"\n\n\
        limit account to account.region in user.regions\n";
    let (app, ids) = app(store, policies).await;
    let [a, b, _, d] = ids.each_ref().map(String::as_str);
    let drafter = app.as_agent("drafter");
    for (member, expect) in [
        (
            "sam",
            [
                (true, json!(true)),
                (false, Value::Null),
                (true, json!(false)),
            ],
        ),
        (
            "lea",
            [
                (true, json!(true)),
                (true, json!(true)),
                (true, json!(false)),
            ],
        ),
    ] {
        let body = json!({"purpose": "ai.draft", "accounts": [a, b, d], "onBehalfOf": member,
                          "fields": ["account.paymentState"]});
        let answer = send(&drafter, body).await.expect(200);
        for (item, (exists, allowed)) in answer.json["items"].as_array().unwrap().iter().zip(expect)
        {
            assert_eq!(
                (&item["exists"], &item["allowed"]),
                (&json!(exists), &allowed),
                "{member}: {item}"
            );
            let state = &item["fields"]["account.paymentState"]["state"];
            assert!(
                !exists || state == "hidden",
                "above the ceiling of ai: {item}"
            );
        }
    }
    // Nobody else's agent, and not without the scope.
    let body = json!({"purpose": "support.view", "accounts": [a], "onBehalfOf": "lea"});
    send(&app.as_agent("loner"), body.clone()).await.expect(403);
    send(&app.anonymous(), body).await.expect(401);
}

async fn decisions_are_audited_before_they_leave(store: Store) {
    let (app, ids) = app(store, POLICIES).await;
    let [a, b, _, d] = ids.each_ref().map(String::as_str);
    let sam = app.as_member("sam");
    let found = decide(&sam, "support.view", &[a, b, d, NEVER], &["account.seats"])
        .await
        .expect(200);
    let none = decide(&sam, "support.view", &[b, NEVER], &[])
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
    let entry = |answer: &Answer| {
        let of = entries
            .iter()
            .find(|item| item.id.to_string() == answer.audit_id());
        of.unwrap()
    };
    assert_eq!(entry(&found).action, "decisions.read");
    assert_eq!(entry(&found).outcome, "allowed");
    assert_eq!(entry(&found).statements.len(), 1);
    assert!(entry(&found).fields.is_empty(), "no value left");
    assert_eq!(entry(&none).outcome, "notFound");
    let cells = app.home().cells().await;
    let leaf = cells
        .iter()
        .filter(|cell| cell.table == "audit" && cell.column == "leaf")
        .map(|cell| String::from_utf8_lossy(&cell.bytes).into_owned())
        .find(|leaf| leaf.contains(found.audit_id()))
        .unwrap();
    assert!(
        leaf.contains(a) && leaf.contains(d) && !leaf.contains(b),
        "{leaf}"
    );
    assert!(leaf.contains("2 accounts of 4; 1 fields"), "{leaf}");

    app.home().break_audit().await;
    decide(&sam, "support.view", &[a], &[]).await.expect(503);
}

async fn mistakes_are_told_and_sizes_are_bounded(store: Store) {
    let (app, ids) = app(store, POLICIES).await;
    let a = ids[0].as_str();
    let sam = app.as_member("sam");
    let many = vec![a; 101];
    let fields = vec!["account.plan"; 201];
    for (body, field, expected) in [
        (json!({"accounts": [a]}), "purpose", "required"),
        (
            json!({"purpose": "support.view"}),
            "accounts",
            "expected 1 to 100",
        ),
        (
            json!({"purpose": "support.view", "accounts": many}),
            "accounts",
            "expected 1 to 100",
        ),
        (
            json!({"purpose": "support.view", "accounts": a}),
            "accounts",
            "expected a list of texts",
        ),
        (
            json!({"purpose": "support.view", "accounts": [a, "x"]}),
            "accounts[1]",
            "acc_",
        ),
        (
            json!({"purpose": "support.view", "accounts": [a], "fields": fields}),
            "fields",
            "at most 200",
        ),
        (
            json!({"purpose": "support.view", "accounts": [a], "fields": ["account.plam"]}),
            "fields",
            "`account.plan`",
        ),
        (
            json!({"purpose": "support.view", "acounts": [a]}),
            "acounts",
            "did you mean `accounts`?",
        ),
        (
            json!({"purpose": "support.view", "accounts": [a], "onBehalfOf": "lea"}),
            "onBehalfOf",
            "",
        ),
    ] {
        let answer = send(&sam, body).await.expect(400);
        let at = &answer.json["fields"][0];
        assert_eq!(at["field"], field, "{answer:?}");
        assert!(
            at["expected"].as_str().unwrap().contains(expected),
            "{answer:?}"
        );
    }
    let most = decide(&sam, "support.view", &many[..100], &fields[..200])
        .await
        .expect(200);
    assert_eq!(most.json["items"].as_array().unwrap().len(), 100);
}
