//! What callers write: kept like what sources deliver, decided by the policies, and answered with ids and
//! outcomes that tell nobody more than they may know.

use std::fmt::Write as _;

use kith_domain::{Entropy as _, Scope};
use kith_engine::{AuditActor, AuditItem, AuditQuery, KeyHolder, NewKey};
use kith_testkit::app::SeededEntropy;
use kith_testkit::app::client::{account, person, person_in};
use kith_testkit::app::logs;
use kith_testkit::{Answer, Client, Folder, Store, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

crate::promises! {
    what_is_written_is_what_is_read,
    what_cannot_be_kept_is_told_by_its_path,
    a_bad_write_is_told_all_its_mistakes_at_once,
    a_write_tells_only_what_its_writer_may_know,
    an_account_out_of_view_is_changed_by_nobody,
    who_may_not_write_is_refused_before_anything_is_read,
    a_write_is_an_entry_of_its_own_transaction,
    the_order_of_writes_does_not_matter,
    other_roots_are_written_with_what_they_belong_to,
}

/// Who may write what: leaders everything, support what is in their regions, agents nothing.
pub(crate) const WRITERS: &str =
    "allow account.edit\nwhen user.role in [\"leadership\", \"support\"]\n";

/// Consents by which a writer may know whether somebody is there.
pub(crate) fn consenting() -> Folder {
    let also = |folder: Folder, kind: &str| {
        let old = format!("{kind} = [");
        folder.replacing("workspace.toml", &old, &format!("{old}\"account.edit\", "))
    };
    ["userId", "groupId"].into_iter().fold(silent(), also)
}

/// No consent at all.
fn silent() -> Folder {
    Folder::standard().with("policies/writers.kith", WRITERS)
}

/// Someone of the cast, with a key that writes.
pub(crate) async fn writer(app: &TestApp, member: &str) -> Client {
    writer_as(app, member, None).await
}

/// The same, writing as a source.
async fn writer_as(app: &TestApp, member: &str, source: Option<&str>) -> Client {
    let new = NewKey {
        holder: KeyHolder::Member(member.to_owned()),
        scopes: vec![Scope::Write],
        writes_as: source.map(str::to_owned),
        label: String::new(),
    };
    let by = AuditActor::operator();
    let made = app.engine().create_key(app.id(), by, new).await;
    let (_, token) = made.unwrap();
    app.with_key(Some(token.reveal()))
}

pub(crate) async fn post(client: &Client, path: &str, body: Value) -> Answer {
    client.send(Method::POST, path, body.to_string()).await
}

pub(crate) async fn patch(client: &Client, path: &str, body: Value) -> Answer {
    client.send(Method::PATCH, path, body.to_string()).await
}

pub(crate) fn group(id: &str) -> Value {
    json!([{"type": "groupId", "value": id}])
}

pub(crate) fn user(id: &str) -> Value {
    json!([{"type": "userId", "value": id}])
}

/// The outcome, and whether an id was told.
pub(crate) fn told(answer: &Answer) -> String {
    let outcome = answer.json["outcome"].as_str();
    let outcome = outcome.unwrap_or_else(|| answer.problem());
    let id = match answer.json["id"].is_string() {
        true => ", id",
        false => "",
    };
    format!("{} {outcome}{id}", answer.status)
}

async fn what_is_written_is_what_is_read(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer_as(&app, "lea", Some("crm")).await;
    let acme = |fields: Value| json!({"identifiers": group("acme"), "fields": fields});

    let created = post(
        &lea,
        "/v1/accounts",
        acme(json!({"plan": "growth", "seats": 5})),
    )
    .await;
    assert_eq!(told(&created), "201 created, id");
    let id = created.json["id"].as_str().unwrap().to_owned();
    let steps = [
        (json!({"plan": "growth"}), "200 unchanged, id"),
        (json!({"plan": "enterprise"}), "200 updated, id"),
        (json!({"seats": null, "region": "eu"}), "200 updated, id"),
        (json!({"seats": null}), "200 unchanged, id"),
        (json!({}), "200 unchanged, id"),
    ];
    for (fields, expect) in steps {
        app.clock.advance_seconds(1);
        let answer = post(&lea, "/v1/accounts", acme(fields.clone())).await;
        assert_eq!(told(&answer), expect, "{fields}");
        assert_eq!(answer.json["id"], id.as_str());
    }
    let path = format!("/v1/accounts/{id}");
    app.clock.advance_seconds(1);
    let changed = patch(&lea, &path, json!({"fields": {"seats": 7}})).await;
    assert_eq!(told(&changed), "200 updated, id");
    // What was observed earlier does not undo what was observed since.
    let late = json!({"fields": {"seats": 1}, "observedAt": "2026-01-01"});
    assert_eq!(told(&patch(&lea, &path, late).await), "200 unchanged, id");
    // One identifier more makes it another.
    let both =
        json!({"identifiers": [{"type": "stripeCustomer", "value": "cus_1"}, group("acme")[0]]});
    let answer = post(&lea, "/v1/accounts", both).await;
    assert_eq!(told(&answer), "202 accepted", "cus_1 may not be looked up");

    let ada = json!({
        "identifiers": [user("usr_1")[0], {"type": "email", "value": "Ada@Acme.example"}],
        "fields": {"name": "Ada"},
        "accounts": [{"identifier": group("acme")[0], "role": {"name": "Owner"}}],
    });
    let answer = post(&lea, "/v1/people", ada.clone()).await;
    assert_eq!(told(&answer), "202 accepted", "emails may not be looked up");
    let by_user = json!({
        "identifiers": user("usr_1"), "fields": {"name": "Ada Example"},
        "accounts": [{"identifier": group("acme")[0], "role": {"name": "Reader"}}],
    });
    app.clock.advance_seconds(1);
    let answer = post(&lea, "/v1/people", by_user.clone()).await;
    assert_eq!(told(&answer), "200 updated, id");
    assert_eq!(
        told(&post(&lea, "/v1/people", by_user).await),
        "200 unchanged, id"
    );
    let ada = answer.json["id"].as_str().unwrap();
    let event = json!({"name": "checkout.failed", "person": {"id": ada}, "account": group("acme")[0],
                       "properties": {"code": "declined"}});
    let answer = post(&lea, "/v1/events", event).await;
    assert_eq!(told(&answer), "201 created, id");

    let seen = app
        .as_member("lea")
        .ask("support.view", person_in("usr_1", "acme"))
        .await
        .expect(200);
    assert_eq!(seen.json["account"]["id"], id.as_str());
    for (path, value) in [
        ("account.plan", "enterprise"),
        ("account.region", "eu"),
        ("person.name", "Ada Example"),
        ("person.email", "ada@acme.example"),
        ("role.name", "Reader"),
    ] {
        assert_eq!(seen.value(path), value, "{path}");
    }
    assert_eq!(seen.value("account.seats"), 7);
    assert_eq!(seen.field("account.plan")["source"], "crm");
    assert_eq!(seen.journey(), ["checkout.failed"]);
    assert_eq!(
        seen.json["journey"][0]["properties"]["code"]["value"],
        "declined"
    );
}

async fn what_cannot_be_kept_is_told_by_its_path(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer(&app, "lea").await;
    let mut text = String::new();
    let bodies = [
        (
            "/v1/accounts",
            json!({"identifiers": group("acme"), "fields": {
                "plan": "growth", "seats": "many", "nope": 1, "region": "eu", "a\u{0}b": 1, "createdAt": "2026-01-01",
            }}),
        ),
        (
            "/v1/accounts",
            json!({"identifiers": group("bare"), "fields": {"seats": [1]}}),
        ),
        (
            "/v1/people",
            json!({"identifiers": user("usr_1"), "fields": {"plan": "growth"}, "accounts": [
                {"identifier": group("acme")[0], "role": {"name": "Owner"}},
                {"identifier": group("acme")[0], "role": {"name": 5, "title": "Owner"}},
            ]}),
        ),
        (
            "/v1/events",
            json!({"name": "checkout.failed", "person": user("usr_1")[0],
            "properties": {"code": "kept", "amount": "lots", "nope": 1}}),
        ),
        (
            "/v1/events",
            json!({"name": "never.heard.of", "account": group("acme")[0]}),
        ),
    ];
    for (path, body) in bodies {
        let answer = post(&lea, path, body.clone()).await;
        let _ = writeln!(text, "{path} {body}\n    {}", told(&answer));
        for part in answer.json["refused"].as_array().into_iter().flatten() {
            let word = |key: &str| part[key].as_str().unwrap();
            let _ = writeln!(
                text,
                "    {}: {}: {}",
                word("path"),
                word("code"),
                word("detail")
            );
        }
    }
    insta::assert_snapshot!("refused_parts", text);

    // What fits was kept, and what does not waits under the same names.
    let seen = app
        .as_member("lea")
        .ask("support.view", person_in("usr_1", "acme"))
        .await;
    assert_eq!(seen.expect(200).value("account.region"), "eu");
    let waiting = app
        .home()
        .column("SELECT path || ' ' || code FROM quarantine ORDER BY id")
        .await;
    assert_eq!(waiting.len(), 6, "{waiting:?}");
    for path in ["fields.plan", "accounts.1.role.name", "properties.amount"] {
        assert!(
            waiting.iter().any(|row| row.contains(path)),
            "{path}: {waiting:?}"
        );
    }
}

async fn a_bad_write_is_told_all_its_mistakes_at_once(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer(&app, "lea").await;
    let mut text = String::new();
    let large = "x".repeat(70_000);
    let bodies = [
        ("/v1/accounts", json!({})),
        ("/v1/accounts", json!({"identifiers": []})),
        (
            "/v1/accounts",
            json!({"identifiers": group("acme"), "feilds": {}, "accounts": []}),
        ),
        (
            "/v1/accounts",
            json!({"identifiers": "acme", "fields": [], "observedAt": "soon"}),
        ),
        (
            "/v1/accounts",
            json!({"identifiers": [5, {"type": "userId", "value": "usr_1"},
            {"type": "groupId", "value": "null"}, {"type": "groupId"}, {"kind": "groupId"}]}),
        ),
        (
            "/v1/accounts",
            json!({"identifiers": vec![group("acme")[0].clone(); 21]}),
        ),
        (
            "/v1/accounts",
            json!({"identifiers": group("acme"), "fields": {"name": large}}),
        ),
        (
            "/v1/people",
            json!({"identifiers": user("usr_1"), "accounts": [{}, {"identifier": group("null")[0]},
            {"identifier": group("acme")[0], "role": 5, "since": 1}]}),
        ),
        ("/v1/events", json!({})),
        (
            "/v1/events",
            json!({"name": 5, "person": {"id": "acc_1"}, "account": {"type": "email", "value": "x"}}),
        ),
    ];
    for (path, body) in bodies {
        let answer = post(&lea, path, body.clone()).await.expect(400);
        assert_eq!(answer.problem(), "invalid-request");
        let _ = writeln!(text, "{path} {:.60}", body.to_string());
        for part in answer.json["fields"].as_array().unwrap() {
            let word = |key: &str| part[key].as_str().unwrap();
            let _ = writeln!(text, "    {}: {}", word("field"), word("expected"));
        }
    }
    insta::assert_snapshot!("bad_writes", text);
    let never = "/v1/accounts/acc_01h455vb4pex5vsknk084sn02q";
    for (path, body) in [
        (never, json!({})),
        ("/v1/accounts/per_1", json!({"fields": {}})),
    ] {
        let answer = patch(&lea, path, body).await.expect(400);
        assert_eq!(answer.problem(), "invalid-request");
    }
    let kept = app.home().column("SELECT id FROM identifier").await;
    assert_eq!(kept.len(), 0);
}

/// Accounts of another region and of one's own, before anyone writes.
async fn neighbours(app: &TestApp) {
    let of = |id: &str, region: &str| json!({"type": "group", "groupId": id, "traits": {"region": region, "seats": 1}});
    app.source("product")
        .deliver([of("mine", "eu"), of("theirs", "us")])
        .await;
}

pub(crate) async fn seats(app: &TestApp, id: &str) -> Value {
    let seen = app.as_member("lea").ask("support.view", account(id)).await;
    match seen.status {
        200 => seen.value("account.seats").clone(),
        _ => Value::from("absent"),
    }
}

async fn a_write_tells_only_what_its_writer_may_know(store: Store) {
    // By whether identifiers may be looked up, who writes, and to which account: what is told, and what
    // came of it. Sam sees the accounts of the region `eu`.
    let region = |region: &str| json!({"region": region, "seats": 2});
    let cases = [
        (
            true,
            "lea",
            "new",
            region("eu"),
            "201 created, id",
            json!(2),
        ),
        (
            true,
            "lea",
            "mine",
            region("eu"),
            "200 updated, id",
            json!(2),
        ),
        (
            true,
            "lea",
            "theirs",
            region("us"),
            "200 updated, id",
            json!(2),
        ),
        (
            true,
            "sam",
            "mine",
            json!({"seats": 2}),
            "200 updated, id",
            json!(2),
        ),
        // Nobody can tell the next two apart, nor the two behind them.
        (true, "sam", "new", region("eu"), "202 accepted", json!(2)),
        (
            true,
            "sam",
            "theirs",
            region("eu"),
            "202 accepted",
            json!(1),
        ),
        (
            true,
            "sam",
            "new",
            json!({"seats": 2}),
            "404 not-found",
            json!("absent"),
        ),
        (
            true,
            "sam",
            "theirs",
            json!({"seats": 2}),
            "404 not-found",
            json!(1),
        ),
        (false, "lea", "new", region("eu"), "202 accepted", json!(2)),
        (false, "lea", "mine", region("eu"), "202 accepted", json!(2)),
        (
            false,
            "sam",
            "mine",
            json!({"seats": 2}),
            "202 accepted",
            json!(2),
        ),
        (false, "sam", "new", region("eu"), "202 accepted", json!(2)),
        (
            false,
            "sam",
            "theirs",
            region("eu"),
            "202 accepted",
            json!(1),
        ),
        (
            false,
            "sam",
            "new",
            json!({"seats": 2}),
            "202 accepted",
            json!("absent"),
        ),
        (
            false,
            "sam",
            "theirs",
            json!({"seats": 2}),
            "202 accepted",
            json!(1),
        ),
    ];
    let mut apps = Vec::new();
    for folder in [silent(), consenting()] {
        apps.push(TestApp::with_definitions(store, folder).await);
    }
    for (number, (consents, member, to, fields, expect, after)) in cases.into_iter().enumerate() {
        let app = &apps[usize::from(consents)];
        app.clock.advance_seconds(1);
        // Each case has accounts of its own.
        let of = |id: &str, region: &str| json!({"type": "group", "groupId": format!("{id}-{number}"), "traits": {"region": region, "seats": 1}});
        app.source("product")
            .deliver([of("mine", "eu"), of("theirs", "us")])
            .await;
        app.clock.advance_seconds(1);
        let id = format!("{to}-{number}");
        let body = json!({"identifiers": group(&id), "fields": fields});
        let answer = post(&writer(app, member).await, "/v1/accounts", body).await;
        let case = format!("{consents} {member} {to} {fields}");
        assert_eq!(told(&answer), expect, "{case}");
        assert_eq!(seats(app, &id).await, after, "{case}");
        let waiting = format!(
            "SELECT code FROM quarantine WHERE id IN (SELECT quarantine FROM quarantine_identifier WHERE value = '{id}')"
        );
        let waiting = app.home().column(&waiting).await;
        let is_withheld = answer.status == 202 && after != json!(2);
        assert_eq!(
            waiting,
            vec!["not-in-view"; usize::from(is_withheld)],
            "{case}"
        );
    }
    // Whoever names the account of another beside something of their own changes neither.
    let sam = writer(&apps[1], "sam").await;
    neighbours(&apps[1]).await;
    let stolen = json!({"identifiers": user("usr_9"), "accounts": [{"identifier": group("theirs")[0], "role": {"name": "Owner"}}]});
    assert_eq!(
        told(&post(&sam, "/v1/people", stolen).await),
        "404 not-found"
    );
    let event = |id: &str| json!({"name": "page.viewed", "person": user("usr_9")[0], "account": group(id)[0]});
    assert_eq!(
        told(&post(&sam, "/v1/events", event("theirs")).await),
        "404 not-found"
    );
    assert_eq!(
        told(&post(&sam, "/v1/events", event("nowhere")).await),
        "404 not-found"
    );
    let lea = apps[1].as_member("lea");
    lea.ask("support.view", person("usr_9")).await.expect(404);
}

async fn an_account_out_of_view_is_changed_by_nobody(store: Store) {
    logs::capture();
    let app = TestApp::with_definitions(store, consenting()).await;
    neighbours(&app).await;
    let lea = app.as_member("lea");
    let id = async |group: &str| {
        let seen = lea.ask("support.view", account(group)).await.expect(200);
        seen.json["account"]["id"].as_str().unwrap().to_owned()
    };
    let sam = writer(&app, "sam").await;
    let (mine, theirs) = (id("mine").await, id("theirs").await);
    let never = "acc_01h455vb4pex5vsknk084sn02q".to_owned();
    app.clock.advance_seconds(1);
    let change = json!({"fields": {"seats": 9}});
    let of = |id: &str| format!("/v1/accounts/{id}");
    assert_eq!(
        told(&patch(&sam, &of(&mine), change.clone()).await),
        "200 updated, id"
    );
    let hidden = patch(&sam, &of(&theirs), change.clone()).await.expect(404);
    let absent = patch(&sam, &of(&never), change.clone()).await.expect(404);
    assert_eq!(
        hidden.text_without_audit_id(),
        absent.text_without_audit_id()
    );
    assert_eq!(cost(&hidden), cost(&absent));
    assert_eq!(seats(&app, "theirs").await, 1);
    assert_eq!(seats(&app, "mine").await, 9);

    // Nor does a change that would bring it into view.
    let moving = json!({"fields": {"region": "eu"}});
    for id in [&theirs, &never] {
        patch(&sam, &of(id), moving.clone()).await.expect(404);
    }

    // The same by identifiers, where they may be looked up.
    let by = |id: &str| json!({"identifiers": group(id), "fields": {"seats": 9}});
    let hidden = post(&sam, "/v1/accounts", by("theirs")).await.expect(404);
    let absent = post(&sam, "/v1/accounts", by("nobody")).await.expect(404);
    assert_eq!(
        hidden.text_without_audit_id(),
        absent.text_without_audit_id()
    );
    assert_eq!(cost(&hidden), cost(&absent));
}

/// How many statements were run before the answer was decided.
fn cost(answer: &Answer) -> String {
    let log = logs::so_far();
    let id = answer.audit_id();
    let line = log
        .lines()
        .find(|line| line.contains("one snapshot") && line.contains(id));
    let line = line.unwrap_or_else(|| panic!("`{id}` is not in the log"));
    let statements = line.split("statements=").nth(1).unwrap();
    statements.split(' ').next().unwrap().to_owned()
}

async fn who_may_not_write_is_refused_before_anything_is_read(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let body = json!({"identifiers": group("acme"), "fields": {"seats": 1}});
    let scopeless = post(&app.as_member("lea"), "/v1/accounts", body.clone())
        .await
        .expect(403);
    assert_eq!(scopeless.problem(), "forbidden");
    assert!(scopeless.text.contains("--scope write"), "{scopeless:?}");
    let ned = writer(&app, "ned").await;
    let never = "/v1/accounts/acc_01h455vb4pex5vsknk084sn02q";
    for answer in [
        post(&ned, "/v1/accounts", body.clone()).await,
        patch(&ned, never, json!({"fields": {}})).await,
        post(&ned, "/v1/people", json!({"identifiers": user("usr_1")})).await,
        post(
            &ned,
            "/v1/events",
            json!({"name": "page.viewed", "person": user("usr_1")[0]}),
        )
        .await,
    ] {
        assert_eq!(told(&answer), "403 refused", "{answer:?}");
        let entry = entries(&app)
            .await
            .into_iter()
            .find(|entry| entry.id.to_string() == answer.audit_id());
        let entry = entry.unwrap();
        assert_eq!(
            (entry.outcome.as_str(), entry.purpose.as_str()),
            ("refused", "account.edit")
        );
    }
    let anyone = post(&app.anonymous(), "/v1/accounts", body).await;
    assert_eq!(told(&anyone), "401 unauthenticated");
    assert_eq!(
        app.home().column("SELECT id FROM identifier").await.len(),
        0
    );
}

pub(crate) async fn entries(app: &TestApp) -> Vec<AuditItem> {
    let query = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let found = app
        .engine()
        .audit_search(app.id(), AuditActor::operator(), query)
        .await;
    found.unwrap()
}

async fn a_write_is_an_entry_of_its_own_transaction(store: Store) {
    let app = TestApp::with_definitions(store, consenting()).await;
    let lea = writer(&app, "lea").await;
    let body = json!({"identifiers": user("usr_1"), "fields": {"name": "Ada"}, "accounts": [
        {"identifier": group("acme")[0], "role": {"name": "Owner"}}, {"identifier": group("other")[0]}]});
    // The log of reads is of no concern to a change: its entry rides with it.
    app.home().break_audit().await;
    let broken = post(&lea, "/v1/people", body.clone()).await;
    app.home().mend_audit().await;
    match store {
        Store::Sqlite => assert_eq!(told(&broken), "201 created, id"),
        // There the one table holds both: nothing is kept without its entry.
        Store::Postgres => {
            assert_eq!(told(&broken), "503 store-unavailable");
            assert_eq!(
                app.home().column("SELECT id FROM identifier").await.len(),
                0
            );
        }
    }
    let answer = post(&lea, "/v1/people", body).await;
    let entry = entries(&app)
        .await
        .into_iter()
        .find(|entry| entry.id.to_string() == answer.audit_id());
    let entry = entry.unwrap();
    assert_eq!(entry.action, "people.write");
    assert_eq!(
        (entry.outcome.as_str(), entry.purpose.as_str()),
        ("allowed", "account.edit")
    );
    assert!(entry.stream.contains("change"), "{}", entry.stream);
    assert_eq!(
        entry.fields,
        ["account.key", "person.name", "person.userId", "role.name"]
    );
    assert_eq!(entry.statements.len(), 1);
}

async fn the_order_of_writes_does_not_matter(store: Store) {
    let at = |day: usize| format!("2026-02-{day:02}");
    let mut writes = Vec::new();
    for day in 1..=4 {
        writes.push(("/v1/accounts", json!({"identifiers": group("acme"), "observedAt": at(day),
            "fields": {"seats": if day == 3 { Value::Null } else { json!(day) }, "name": format!("Acme {}", day % 3)}})));
        writes.push(("/v1/people", json!({"identifiers": user("usr_1"), "observedAt": at(day),
            "fields": {"name": format!("Ada {day}")},
            "accounts": [{"identifier": group("acme")[0], "role": {"name": format!("Role {day}")}}]})));
    }
    writes.push((
        "/v1/people",
        json!({"identifiers": [user("usr_1")[0], {"type": "email", "value": "ada@acme.example"}]}),
    ));
    writes.push((
        "/v1/people",
        json!({"identifiers": [{"type": "email", "value": "ada@acme.example"}], "observedAt": at(9),
        "fields": {"phone": "+491"}}),
    ));
    writes.push((
        "/v1/accounts",
        json!({"identifiers": [{"type": "stripeCustomer", "value": "cus_1"}, group("acme")[0]]}),
    ));
    writes.push((
        "/v1/accounts",
        json!({"identifiers": [{"type": "stripeCustomer", "value": "cus_1"}], "observedAt": at(9),
        "fields": {"region": "eu"}}),
    ));

    let random = SeededEntropy::new("orders");
    let mut first: Option<Value> = None;
    for round in 0..4 {
        let app = TestApp::with_definitions(store, consenting()).await;
        let lea = writer(&app, "lea").await;
        if round > 0 {
            shuffle(&mut writes, &random);
        }
        for (path, body) in &writes {
            let answer = post(&lea, path, body.clone()).await;
            assert_eq!(answer.status / 100, 2, "{answer:?}");
        }
        let seen = app
            .as_member("lea")
            .ask("support.view", person_in("usr_1", "acme"))
            .await
            .expect(200);
        let mut values = json!({});
        for path in [
            "account.seats",
            "account.name",
            "account.region",
            "person.name",
            "person.phone",
            "person.email",
            "role.name",
        ] {
            values[path] = seen.value(path).clone();
        }
        assert_eq!(values["account.region"], "eu", "{values}");
        let expect = first.get_or_insert_with(|| values.clone());
        assert_eq!(&values, expect, "round {round}: {writes:?}");
    }
}

fn shuffle<T>(items: &mut [T], random: &SeededEntropy) {
    for place in (1..items.len()).rev() {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        let other = u64::from_le_bytes(bytes) % (place as u64 + 1);
        items.swap(place, usize::try_from(other).unwrap());
    }
}

async fn other_roots_are_written_with_what_they_belong_to(store: Store) {
    let mut folder = consenting();
    for kind in ["companyId", "siteKey", "subscriptionId", "conversationId"] {
        let consent = format!("{kind} = [\"account.edit\"]\ngroupId");
        folder = folder.replacing("workspace.toml", "groupId", &consent);
    }
    let app = TestApp::with_definitions(store, folder).await;
    let lea = writer(&app, "lea").await;
    let named = |kind: &str, value: &str| json!({"type": kind, "value": value});
    let acme = named("groupId", "acme");
    let account = json!({"identifiers": [acme], "company": named("companyId", "crm-1"),
                         "site": named("siteKey", "north"), "fields": {"region": "eu"}});
    assert_eq!(
        told(&post(&lea, "/v1/accounts", account.clone()).await),
        "201 created, id"
    );
    let related = async || {
        let sql = "SELECT name FROM relation WHERE to_id IS NOT NULL ORDER BY name";
        app.home().column(sql).await
    };
    assert_eq!(related().await, ["account.company", "account.site"]);
    for (path, kind, more) in [
        (
            "/v1/companies",
            "companyId",
            json!({"fields": {"name": "Acme Holding"}}),
        ),
        ("/v1/sites", "siteKey", json!({})),
        (
            "/v1/subscriptions",
            "subscriptionId",
            json!({"account": acme}),
        ),
        (
            "/v1/conversations",
            "conversationId",
            json!({"account": acme, "person": named("userId", "usr_1")}),
        ),
    ] {
        let mut body = json!({"identifiers": [named(kind, "new-1")]});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        app.clock.advance_seconds(1);
        let created = post(&lea, path, body.clone()).await;
        assert_eq!(told(&created), "201 created, id", "{path}: {created:?}");
        assert_eq!(
            told(&post(&lea, path, body.clone()).await),
            "200 unchanged, id",
            "{path}"
        );
        let one = format!("{path}/{}", created.json["id"].as_str().unwrap());
        let none = patch(&lea, &one, json!({"fields": {}})).await;
        assert_eq!(told(&none), "200 unchanged, id", "{path}");
        let bulk = lea
            .send(Method::POST, &format!("{path}/bulk"), body.to_string())
            .await;
        assert!(bulk.text.contains("unchanged"), "{path}: {bulk:?}");
        // Of another kind, or nobody's.
        patch(
            &lea,
            &format!("{path}/acc_01h455vb4pex5vsknk084sn02q"),
            json!({"fields": {}}),
        )
        .await
        .expect(400);
    }
    assert_eq!(
        related().await,
        [
            "account.company",
            "account.site",
            "conversation.account",
            "conversation.person",
            "subscription.account"
        ]
    );
    // An explicit null ends it; what is no identifier of the other end is told.
    app.clock.advance_seconds(1);
    let ended = json!({"identifiers": [acme], "company": null});
    assert_eq!(
        told(&post(&lea, "/v1/accounts", ended).await),
        "200 updated, id"
    );
    assert!(!related().await.contains(&"account.company".to_owned()));
    let wrong = json!({"identifiers": [acme], "company": named("userId", "usr_1"), "site": 5});
    let answer = post(&lea, "/v1/accounts", wrong).await.expect(400);
    let fields: Vec<_> = answer.json["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| of["field"].clone())
        .collect();
    assert_eq!(fields, ["company.type", "site"]);
    // Under a limit none of them is in view yet, and what leads to an account out of view is not written.
    let sam = writer(&app, "sam").await;
    let body = json!({"identifiers": [named("subscriptionId", "new-1")], "account": acme});
    assert_eq!(
        told(&post(&sam, "/v1/subscriptions", body).await),
        "404 not-found"
    );
}
