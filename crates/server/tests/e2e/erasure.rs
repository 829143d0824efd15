//! An erased person is nowhere: in no table, no index, no quarantine, no byte on the disk; and does not come
//! back by what is delivered again.

use kith_domain::Identifier;
use kith_domain::fact::Author;
use kith_domain::id::PersonId;
use kith_testkit::app::client::{account, person};
use kith_testkit::app::facts::about;
use kith_testkit::{Answer, Client, Store, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::writes::writer;

crate::promises! {
    an_erased_person_is_nowhere,
    an_erased_person_does_not_come_back,
    all_that_would_be_erased_can_be_exported,
    only_whom_the_policies_let_erase_erases,
    what_was_decided_of_an_erased_person_goes_too,
    others_keep_what_is_theirs,
}

/// In everything that is said by or of the person who is erased, and in nothing else.
const TRACE: &str = "zq7trace";
const POLICY: &str = "allow person.erase, person.merge\nwhen user.role == \"support\"\n\n\
    limit person to account.region in user.regions\nwhen user.role == \"support\"\n";

async fn app(store: Store) -> TestApp {
    let folder = crate::conversations::folder().with("policies/erase.kith", POLICY);
    TestApp::with_definitions(store, folder).await
}

fn user(name: &str) -> String {
    format!("usr_{TRACE}_{name}")
}

/// All that sources deliver of her.
fn said() -> Vec<Value> {
    let (ada, mail) = (user("ada"), format!("ada.{TRACE}@example.com"));
    vec![
        json!({"type": "group", "messageId": "g1", "userId": ada, "groupId": "acme",
               "traits": {"plan": "growth", "region": "eu"}}),
        json!({"type": "identify", "messageId": "i1", "userId": ada, "anonymousId": format!("anon-{TRACE}"),
               "traits": {"email": mail, "name": format!("Ada {TRACE}"), "notCatalogued": TRACE}}),
        json!({"type": "track", "messageId": "t1", "userId": ada, "event": "Checkout Failed",
               "context": {"groupId": "acme"}, "properties": {"code": TRACE}}),
        json!({"type": "track", "messageId": TRACE, "userId": ada, "event": "Nobody Knows This",
               "properties": {"code": TRACE}}),
    ]
}

async fn deliver(app: &TestApp) {
    app.source("product").deliver(said()).await;
    let ada = format!("userId:{}", user("ada"));
    let talk = format!("conversationId:{TRACE}-1");
    let facts = [
        about(&[&talk])
            .with(json!({"status": "open"}))
            .to("conversation.account", "groupId:acme")
            .to("conversation.person", &ada),
        about(&[&talk, &ada])
            .written(Author::Person, false)
            .with(json!({"body": format!("help me, says {TRACE}")})),
        about(&[&talk])
            .written(Author::Member, false)
            .with(json!({"body": format!("dear {TRACE}, here it is")})),
        // She writes where somebody else asked.
        about(&["conversationId:of-bo", &ada])
            .written(Author::Person, false)
            .with(json!({"body": format!("me too, says {TRACE}")})),
    ];
    app.tell("crm", facts).await;
}

async fn id_of(app: &TestApp, name: &str) -> String {
    let seen = seen(app, person(&user(name))).await.expect(200);
    seen.json["person"]["id"].as_str().unwrap().to_owned()
}

async fn erase(client: &Client, id: &str) -> Answer {
    let path = format!("/v1/people/{id}/erase");
    client.send(Method::POST, &path, "").await
}

async fn seen(app: &TestApp, subject: Value) -> Answer {
    app.as_member("lea").ask("support.view", subject).await
}

/// Where the trace still is: a table's column, or a file.
async fn traces(app: &TestApp) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for cell in app.home().cells().await {
        if String::from_utf8_lossy(&cell.bytes).contains(TRACE) {
            found.push(format!("{}.{}", cell.table, cell.column));
        }
    }
    for (name, bytes) in app.home().files() {
        let mut windows = bytes.windows(TRACE.len());
        if windows.any(|window| window == TRACE.as_bytes()) {
            found.push(name);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

async fn an_erased_person_is_nowhere(store: Store) {
    let app = app(store).await;
    deliver(&app).await;
    let sam = writer(&app, "sam").await;
    let id = id_of(&app, "ada").await;
    let before = traces(&app).await;
    for place in [
        "event.properties",
        "message.properties",
        "quarantine.original",
    ] {
        assert!(before.iter().any(|found| found == place), "{before:?}");
    }

    let erased = erase(&sam, &id).await.expect(200);
    assert_eq!(erased.json["id"], id);
    assert_eq!(erased.json["conversations"], 1);
    assert_eq!(erased.json["events"], 1);
    assert_eq!(erased.json["messages"], 3);
    assert_eq!(erased.json["quarantined"], 2);
    // Three of hers, and the one of the conversation.
    assert_eq!(erased.json["identifiers"], 4);

    assert_eq!(traces(&app).await, [""; 0]);
    seen(&app, person(&user("ada"))).await.expect(404);
    erase(&sam, &id).await.expect(404);
    // The proof: who did it, to which random id, and how much; nothing else.
    let entry = app
        .home()
        .column("SELECT count(*) FROM audit WHERE action = 'people.erase' AND verdict = 'allowed'");
    assert_eq!(entry.await, ["1"]);
    let swept = app
        .home()
        .column("SELECT count(*) FROM erasure WHERE is_swept = 1");
    assert_eq!(swept.await, ["1"]);
    let feed = app
        .home()
        .column("SELECT operation FROM feed ORDER BY seq DESC");
    assert_eq!(feed.await.first().map(String::as_str), Some("erase"));
}

async fn an_erased_person_does_not_come_back(store: Store) {
    let app = app(store).await;
    deliver(&app).await;
    let id: PersonId = id_of(&app, "ada").await.parse().unwrap();
    let erased = app.engine().erase_person_as_operator(app.id(), id).await;
    assert!(erased.unwrap().is_some());

    // The same again, and something new of the same person.
    deliver(&app).await;
    let again = json!({"type": "identify", "messageId": "new", "anonymousId": format!("anon-{TRACE}"),
                       "traits": {"name": TRACE}});
    app.source("product").deliver([again]).await;
    let body = json!({"identifiers": [{"type": "userId", "value": user("ada")}],
                      "fields": {"name": TRACE}});
    let editing = writer(&app, "lea").await;
    let _ = crate::writes::post(&editing, "/v1/people", body).await;
    assert_eq!(traces(&app).await, [""; 0]);
    // What the account's own part said is kept.
    let acme = seen(&app, account("acme")).await.expect(200);
    assert_eq!(acme.value("account.plan"), "growth");

    // Until an operator says otherwise.
    let named = Identifier::new("userId".parse().unwrap(), &user("ada")).unwrap();
    assert!(app.engine().readmit(app.id(), &named).await.unwrap());
    assert!(!app.engine().readmit(app.id(), &named).await.unwrap());
    let back = json!({"type": "identify", "messageId": "back", "userId": user("ada"),
                      "traits": {"name": "Ada again"}});
    app.source("product").deliver([back]).await;
    assert_ne!(id_of(&app, "ada").await, id.to_string());
}

async fn only_whom_the_policies_let_erase_erases(store: Store) {
    let app = app(store).await;
    deliver(&app).await;
    let elsewhere = json!({"type": "group", "userId": user("cy"), "groupId": "globex",
                           "traits": {"plan": "growth", "region": "us"}});
    app.source("product").deliver([elsewhere]).await;
    let (ada, cy) = (id_of(&app, "ada").await, id_of(&app, "cy").await);
    let lea = writer(&app, "lea").await;
    assert_eq!(erase(&lea, &ada).await.expect(403).problem(), "refused");
    // A key without the scope to write changes nothing.
    erase(&app.as_member("sam"), &ada).await.expect(403);
    let sam = writer(&app, "sam").await;
    // Out of view is not there.
    let hidden = erase(&sam, &cy).await.expect(404);
    let absent = erase(&sam, "per_00000000000000000000000000")
        .await
        .expect(404);
    assert_eq!(
        hidden.text_without_audit_id(),
        absent.text_without_audit_id()
    );
    erase(&sam, "x").await.expect(400);
    assert_eq!(id_of(&app, "ada").await, ada);
    assert_eq!(id_of(&app, "cy").await, cy);
}

async fn others_keep_what_is_theirs(store: Store) {
    let app = app(store).await;
    deliver(&app).await;
    let bo = [
        json!({"type": "group", "userId": "usr_bo", "groupId": "acme", "traits": {"plan": "growth"}}),
        json!({"type": "track", "userId": "usr_bo", "event": "Checkout Failed",
               "context": {"groupId": "acme"}, "properties": {"code": "declined"}}),
        json!({"type": "identify", "userId": "usr_bo", "traits": {"nope": 1}}),
    ];
    app.source("product").deliver(bo).await;
    let before = seen(&app, person("usr_bo")).await.expect(200);
    let ada = id_of(&app, "ada").await;
    erase(&writer(&app, "sam").await, &ada).await.expect(200);
    let after = seen(&app, person("usr_bo")).await.expect(200);
    assert_eq!(
        after.text_without_audit_id(),
        before.text_without_audit_id()
    );
    let kept = app.home().column("SELECT count(*) FROM quarantine").await;
    assert_eq!(kept, ["1"]);
    let id = before.json["account"]["id"].as_str().unwrap();
    let journey = format!("/v1/accounts/{id}/journey?purpose=support.view&kinds=event");
    let journey = app.as_member("lea").get(&journey).await.expect(200);
    assert_eq!(journey.json["items"].as_array().unwrap().len(), 1);
}

async fn all_that_would_be_erased_can_be_exported(store: Store) {
    let app = app(store).await;
    deliver(&app).await;
    let id: PersonId = id_of(&app, "ada").await.parse().unwrap();
    let file = app.engine().subject_file(app.id(), id).await.unwrap();
    let file = serde_json::to_value(file.unwrap()).unwrap();
    let erased = erase(&writer(&app, "sam").await, &id.to_string()).await;
    let erased = erased.expect(200).json;
    for (exported, counted) in [
        ("identifiers", "identifiers"),
        ("values", "values"),
        ("events", "events"),
        ("messages", "messages"),
        ("refused", "quarantined"),
    ] {
        let number = file[exported].as_array().unwrap().len() as u64;
        assert_eq!(Some(number), erased[counted].as_u64(), "{exported}");
    }
    let values = file["values"].as_array().unwrap();
    assert!(values.iter().any(|said| said["field"] == "person.email"));
    let gone = app.engine().subject_file(app.id(), id).await.unwrap();
    assert!(gone.is_none());
    let entries = app
        .home()
        .column("SELECT count(*) FROM audit WHERE action = 'people.export'");
    if store == Store::Postgres {
        assert_eq!(entries.await, ["1"]);
    }
}

async fn what_was_decided_of_an_erased_person_goes_too(store: Store) {
    let app = app(store).await;
    deliver(&app).await;
    let other = json!({"type": "group", "userId": user("ada2"), "groupId": "acme",
                       "traits": {"region": "eu"}});
    app.source("product").deliver([other]).await;
    let (ada, other) = (id_of(&app, "ada").await, id_of(&app, "ada2").await);
    let sam = writer(&app, "sam").await;
    let path = format!("/v1/people/{ada}/merge");
    crate::writes::post(&sam, &path, json!({"with": other}))
        .await
        .expect(200);
    let decided = "SELECT count(*) FROM identity_decision_node";
    assert_ne!(app.home().column(decided).await, ["0"]);
    erase(&sam, &ada).await.expect(200);
    assert_eq!(app.home().column(decided).await, ["0"]);
    assert_eq!(traces(&app).await, [""; 0]);
}
