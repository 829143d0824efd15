//! One account: its governed form with a tag that changes when it does, and the summary of it.

use kith_engine::{AuditActor, AuditItem, AuditQuery};
use kith_testkit::app::client::account;
use kith_testkit::app::logs;
use kith_testkit::{Answer, Client, Folder, Store, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

crate::promises! {
    an_account_is_what_the_context_says_of_it,
    a_tag_stands_for_the_governed_form,
    a_summary_shows_people_and_events_in_view,
    what_is_hidden_is_in_no_summary,
    an_account_out_of_view_is_as_if_it_never_was,
    reads_of_one_account_are_audited,
    what_cannot_be_an_account_is_told,
}

const NEVER: &str = "acc_01h455vb4pex5vsknk084sn02q";

/// `acme` with an owner and a reader, in the region.
async fn customer(app: &TestApp, region: &str) {
    app.source("billing")
        .deliver([
            json!({"type": "group", "userId": "usr_1", "groupId": "acme", "traits": {
                "name": "Acme Works", "plan": "growth", "region": region, "seats": 5,
                "privateRevenue": 1234, "taxId": "DE123456789",
            }}),
        ])
        .await;
    let person = |user: &str, role: &str| {
        json!({"type": "identify", "userId": user, "context": {"groupId": "acme"},
               "traits": {"email": format!("{user}@acme.example"), "role": role}})
    };
    let event = |user: &str, name: &str| json!({"type": "track", "userId": user, "event": name, "context": {"groupId": "acme"}});
    app.source("product")
        .deliver([
            person("usr_1", "Owner"),
            person("usr_2", "Reader"),
            event("usr_1", "page.viewed"),
            event("usr_2", "page.viewed"),
            event("usr_2", "checkout.failed"),
            event("usr_2", "legal.hold"),
        ])
        .await;
}

async fn id(app: &TestApp) -> String {
    let seen = app
        .as_member("lea")
        .ask("support.view", account("acme"))
        .await;
    seen.expect(200).json["account"]["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn get(client: &Client, id: &str, more: &str, held: &str) -> Answer {
    let path = format!("/v1/accounts/{id}{more}");
    let headers = [("if-none-match", held)];
    client.send_with(Method::GET, &path, &headers, "").await
}

async fn read(client: &Client, id: &str, held: &str) -> Answer {
    get(client, id, "?purpose=support.view", held).await
}

async fn summary(client: &Client, id: &str) -> Answer {
    get(client, id, "/summary?purpose=support.view", "").await
}

async fn an_account_is_what_the_context_says_of_it(store: Store) {
    let app = TestApp::start(store).await;
    customer(&app, "eu").await;
    let id = id(&app).await;
    for member in ["sam", "lea", "kim", "bo", "ned"] {
        let client = app.as_member(member);
        let context = client
            .ask("support.view", json!({"account": {"id": id}}))
            .await;
        for answer in [read(&client, &id, "").await, summary(&client, &id).await] {
            assert_eq!(answer.status, context.status, "{member}: {answer:?}");
            if answer.status == 200 {
                assert_eq!(answer.json["account"], context.json["account"], "{member}");
                assert_eq!(
                    answer.json["allowedBecause"],
                    context.json["allowedBecause"]
                );
                let of_account = |answer: &Answer| {
                    let withheld = answer.json["withheld"].as_array().unwrap().clone();
                    let mut withheld = withheld.into_iter();
                    let is_of =
                        |item: &Value| item["field"].as_str().unwrap().starts_with("account.");
                    withheld.by_ref().filter(is_of).collect::<Vec<_>>()
                };
                assert_eq!(of_account(&answer), of_account(&context), "{member}");
            } else {
                assert_eq!(
                    answer.text_without_audit_id(),
                    context.text_without_audit_id()
                );
            }
        }
    }
    let drafter = app.as_agent("drafter");
    let served = get(&drafter, &id, "?purpose=support.view&onBehalfOf=sam", "").await;
    let alone = get(&drafter, &id, "?purpose=support.view", "").await;
    assert_ne!(served.status, alone.status, "{served:?} {alone:?}");
}

async fn a_tag_stands_for_the_governed_form(store: Store) {
    let app = TestApp::start(store).await;
    customer(&app, "eu").await;
    let id = id(&app).await;
    // The account's key is a value too, and every fact names it: all of them are of one source and one
    // moment here, so that it stays as it is.
    let tell = async |traits: Value| {
        app.clock.advance_seconds(1);
        let group = json!({"type": "group", "groupId": "acme", "traits": traits,
                           "timestamp": "2026-03-02T09:00:00Z"});
        app.source("billing").deliver([group]).await;
    };
    tell(json!({"seats": 5})).await;
    let sam = app.as_member("sam");
    let first = read(&sam, &id, "").await.expect(200);
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\"") && tag.len() == 36, "{tag}");
    assert_eq!(first.header("cache-control"), "private, no-cache");
    assert_eq!(first.header("vary"), "authorization");

    // Time alone changes nothing.
    app.clock.advance_seconds(60);
    for held in [
        tag.clone(),
        format!("\"x\", {tag}"),
        tag[2..].to_owned(),
        "*".to_owned(),
    ] {
        let same = read(&sam, &id, &held).await.expect(304);
        assert_eq!(
            (same.text.as_str(), same.header("etag")),
            ("", tag.as_str())
        );
    }
    // What sam cannot see does not change what he sees.
    let lea = app.as_member("lea");
    let of_lea = read(&lea, &id, "")
        .await
        .expect(200)
        .header("etag")
        .to_owned();
    assert_ne!(of_lea, tag, "she sees more");
    tell(json!({"privateRevenue": 4321})).await;
    read(&sam, &id, &tag).await.expect(304);
    read(&lea, &id, &of_lea).await.expect(200);
    tell(json!({"seats": 6})).await;
    let changed = read(&sam, &id, &tag).await.expect(200);
    assert_eq!(changed.value("account.seats"), 6);
    // A tag opens nothing.
    read(&app.anonymous(), &id, &tag).await.expect(401);
    read(&sam, NEVER, "*").await.expect(404);
}

async fn a_summary_shows_people_and_events_in_view(store: Store) {
    let app = TestApp::start(store).await;
    customer(&app, "eu").await;
    let id = id(&app).await;
    let seen = summary(&app.as_member("sam"), &id).await.expect(200);
    let people = seen.json["people"].as_array().unwrap();
    let mut roles: Vec<_> = people
        .iter()
        .map(|person| person["role"]["name"]["value"].clone())
        .collect();
    roles.sort_by_key(ToString::to_string);
    assert_eq!(json!(roles), json!(["Owner", "Reader"]), "{seen:?}");
    assert_eq!(people[0]["email"]["state"], "masked");
    assert_eq!(seen.json["morePeople"], false);
    assert_eq!(seen.json["events"]["page.viewed"], 2);
    assert_eq!(seen.json["events"]["checkout.failed"], 1);
    let mut told = seen.journey();
    told.sort_unstable();
    assert_eq!(told, ["checkout.failed", "page.viewed", "page.viewed"]);

    // What happened long ago is not counted, and still told.
    app.clock.advance_seconds(31 * 24 * 60 * 60);
    let later = summary(&app.as_member("sam"), &id).await.expect(200);
    assert_eq!(later.json["events"], json!({}));
    assert_eq!(later.journey(), seen.journey());
}

async fn what_is_hidden_is_in_no_summary(store: Store) {
    let app = TestApp::start(store).await;
    customer(&app, "eu").await;
    let id = id(&app).await;
    let open = summary(&app.as_member("lea"), &id).await.expect(200);
    assert!(
        open.json["events"].get("legal.hold").is_none(),
        "restricted: {open:?}"
    );

    // A person out of view, events of which nothing or too little is shown, and hidden fields.
    for (policies, people) in [
        ("limit person to role.name == \"Owner\"\n", 1),
        (
            "hide event.checkout.failed\nmask event.page.viewed with null\n",
            2,
        ),
        ("hide role.name, person.*\n", 2),
    ] {
        app.publish(Folder::with_policies(&format!(
            "allow support.view\n\n{policies}"
        )))
        .await;
        let seen = summary(&app.as_member("sam"), &id).await.expect(200);
        assert_eq!(
            seen.json["people"].as_array().unwrap().len(),
            people,
            "{policies}: {seen:?}"
        );
        if policies.starts_with("hide event") {
            assert_eq!(
                (&seen.json["events"], seen.journey().len()),
                (&json!({}), 0)
            );
        }
        if policies.starts_with("hide role") {
            assert_eq!(
                seen.json["people"][0].as_object().unwrap().len(),
                2,
                "{seen:?}"
            );
            assert_eq!(seen.state("person.email"), "withheld");
            assert!(!seen.text.contains("Owner"));
        }
    }
}

/// How many statements an answer took, as the log says beside its audit entry.
pub(crate) fn cost(answer: &Answer) -> String {
    let log = logs::so_far();
    let entry = format!("audit={}", answer.audit_id());
    let line = log.lines().find(|line| line.contains(&entry));
    let statements = line.and_then(|line| line.split("statements=").nth(1));
    let number = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect();
    statements.map(number).unwrap()
}

async fn an_account_out_of_view_is_as_if_it_never_was(store: Store) {
    logs::capture();
    let app = TestApp::start(store).await;
    let other = app.workspace("other", Folder::standard()).await;
    customer(&app, "us").await;
    other
        .source("billing")
        .deliver([json!({"type": "group", "groupId": "acme", "traits": {"region": "eu"}})])
        .await;
    let there = other
        .as_member("lea")
        .ask("support.view", account("acme"))
        .await
        .expect(200);
    let there = there.json["account"]["id"].as_str().unwrap();
    let sam = app.as_member("sam");
    let mut told = Vec::new();
    for id in [NEVER, &id(&app).await, there] {
        for answer in [read(&sam, id, "").await, summary(&sam, id).await] {
            assert_eq!(
                (answer.status, answer.problem()),
                (404, "not-found"),
                "{answer:?}"
            );
            told.push((
                answer.text_without_audit_id(),
                answer.header("etag").to_owned(),
                cost(&answer),
            ));
        }
    }
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
}

async fn entries(app: &TestApp) -> Vec<AuditItem> {
    let query = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let by = AuditActor::operator();
    app.engine()
        .audit_search(app.id(), by, query)
        .await
        .unwrap()
}

async fn reads_of_one_account_are_audited(store: Store) {
    let app = TestApp::start(store).await;
    customer(&app, "eu").await;
    let id = id(&app).await;
    let sam = app.as_member("sam");
    let whole = read(&sam, &id, "").await.expect(200);
    read(&sam, &id, whole.header("etag")).await.expect(304);
    let seen = summary(&sam, &id).await.expect(200);
    let entries = entries(&app).await;
    let reads: Vec<_> = entries
        .iter()
        .filter(|entry| entry.action == "accounts.read")
        .collect();
    assert_eq!(
        reads.len(),
        2,
        "an answer that is held already is audited too"
    );
    assert_eq!(reads[0].fields, reads[1].fields);
    assert_eq!(reads[0].account.unwrap().to_string(), id);
    let of = entries
        .iter()
        .find(|entry| entry.id.to_string() == seen.audit_id())
        .unwrap();
    assert_eq!(of.action, "accounts.summary");
    for field in [
        "account.plan",
        "person.email:email",
        "role.name",
        "event.page.viewed",
    ] {
        assert!(
            of.fields.iter().any(|name| name == field),
            "{field}: {:?}",
            of.fields
        );
    }
    let cells = app.home().cells().await;
    let leaf = cells
        .iter()
        .filter(|cell| cell.table == "audit" && cell.column == "leaf")
        .map(|cell| String::from_utf8_lossy(&cell.bytes).into_owned())
        .find(|leaf| leaf.contains(seen.audit_id()))
        .unwrap();
    for person in seen.json["people"].as_array().unwrap() {
        assert!(leaf.contains(person["id"].as_str().unwrap()), "{leaf}");
    }

    app.home().break_audit().await;
    read(&sam, &id, whole.header("etag")).await.expect(503);
    summary(&sam, &id).await.expect(503);
}

async fn what_cannot_be_an_account_is_told(store: Store) {
    let app = TestApp::start(store).await;
    let sam = app.as_member("sam");
    for (path, field, expected) in [
        (
            "per_01h455vb4pex5vsknk084sn02q?purpose=support.view",
            "id",
            "acc_",
        ),
        ("%ff/summary?purpose=support.view", "id", "acc_"),
        ("acc_01h455vb4pex5vsknk084sn02q", "purpose", "required"),
        ("acc_01h455vb4pex5vsknk084sn02q?purpose=x", "purpose", ""),
        (
            "acc_01h455vb4pex5vsknk084sn02q/summary?purpose=support.view&cout=1",
            "cout",
            "unknown",
        ),
    ] {
        let answer = get(&sam, path, "", "").await.expect(400);
        let at = &answer.json["fields"][0];
        assert_eq!(
            (answer.problem(), &at["field"]),
            ("invalid-request", &json!(field)),
            "{answer:?}"
        );
        assert!(
            at["expected"].as_str().unwrap().contains(expected),
            "{answer:?}"
        );
    }
}
