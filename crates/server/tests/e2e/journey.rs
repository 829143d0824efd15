//! What happened to an account or a person, on one time line.

use std::collections::BTreeMap;

use kith_domain::Entropy as _;
use kith_engine::{AuditActor, AuditItem, AuditQuery};
use kith_testkit::app::client::{account, person};
use kith_testkit::app::{SeededEntropy, logs};
use kith_testkit::{Answer, Client, Folder, Store, TestApp};
use serde_json::{Value, json};

use crate::account::cost;

crate::promises! {
    events_and_changes_stand_on_one_time_line,
    what_is_hidden_or_looks_the_same_is_not_told,
    the_last_change_of_each_field_is_what_is_shown,
    pages_are_one_line_cut_at_any_place,
    a_cursor_goes_on_for_whom_and_what_it_was_given,
    a_person_s_line_holds_what_is_in_view,
    what_is_not_in_view_has_no_past,
    looking_back_is_audited,
    what_cannot_be_asked_of_a_line_is_told,
}

pub(crate) const NEVER: &str = "acc_01h455vb4pex5vsknk084sn02q";
const NOBODY: &str = "per_01h455vb4pex5vsknk084sn02q";

pub(crate) fn at(day: u32) -> String {
    format!("2026-02-{day:02}T10:00:00Z")
}

pub(crate) fn group(day: u32, traits: Value) -> Value {
    let mut group = json!({"type": "group", "groupId": "acme", "timestamp": at(day)});
    group["traits"] = traits;
    group
}

fn track(day: u32, user: &str, event: &str, properties: Value) -> Value {
    let mut track = json!({"type": "track", "userId": user, "event": event, "timestamp": at(day),
                           "context": {"groupId": "acme"}});
    track["properties"] = properties;
    track
}

/// `acme` through February: facts out of order, of two sources, some of which lose.
pub(crate) async fn customer(app: &TestApp, region: &str) {
    app.source("billing")
        .deliver([
            group(
                5,
                json!({"plan": "growth", "taxId": "DE1", "privateRevenue": 1200}),
            ),
            group(
                2,
                json!({"plan": "trial", "region": region, "taxId": "DE2"}),
            ),
            group(9, json!({"privateRevenue": 1300})),
            group(12, json!({"privateRevenue": 25000, "paymentState": "late"})),
        ])
        .await;
    app.source("product")
        .deliver([
            // Billing is believed first.
            group(7, json!({"plan": "enterprise", "seats": 3})),
            group(8, json!({"seats": 3})),
            group(11, json!({"seats": null})),
            group(10, json!({"seats": 5})),
            json!({"type": "identify", "userId": "usr_1", "timestamp": at(3), "context": {"groupId": "acme"},
                   "traits": {"name": "Ada", "role": "Reader", "email": "ada@acme.example"}}),
            json!({"type": "identify", "userId": "usr_1", "timestamp": at(6), "context": {"groupId": "acme"},
                   "traits": {"name": "Ada L.", "role": "Owner"}}),
            track(6, "usr_1", "checkout.failed", json!({"code": "declined", "amount": 12, "reason": "r"})),
            track(6, "usr_1", "legal.hold", json!({})),
            track(4, "usr_1", "page.viewed", json!({"name": "Pricing"})),
        ])
        .await;
}

/// The standard definitions without the account's and the person's own keys, which every fact names.
fn folder() -> Folder {
    Folder::standard()
        .replacing("fields/account.toml", "identifier = \"groupId\"\n", "")
        .replacing("fields/person.toml", "identifier = \"userId\"\n", "")
}

pub(crate) async fn start(store: Store) -> TestApp {
    TestApp::with_definitions(store, folder()).await
}

pub(crate) async fn account_id(app: &TestApp) -> String {
    let lea = app.as_member("lea");
    id_of(&lea.ask("support.view", account("acme")).await, "account")
}

fn id_of(answer: &Answer, of: &str) -> String {
    answer.json[of]["id"].as_str().unwrap().to_owned()
}

async fn line(client: &Client, of: &str, more: &str) -> Answer {
    let root = if of.starts_with("acc_") {
        "accounts"
    } else {
        "people"
    };
    let path = format!("/v1/{root}/{of}/journey?purpose=support.view{more}");
    client.get(&path).await
}

pub(crate) async fn as_of(client: &Client, id: &str, when: &str) -> Answer {
    let path = format!("/v1/accounts/{id}?purpose=support.view&asOf={when}");
    client.get(&path).await
}

fn items(answer: &Answer) -> &[Value] {
    answer.json["items"].as_array().unwrap()
}

/// `02-05 account.plan "trial" -> "growth"`, `02-06 checkout.failed`.
fn told(answer: &Answer) -> Vec<String> {
    let items = items(answer).iter();
    let told = items.map(|item| {
        let day = &item["at"].as_str().unwrap()[5..10];
        match item["kind"].as_str().unwrap() {
            "event" => format!("{day} {}", item["event"].as_str().unwrap()),
            _ => format!(
                "{day} {} {} -> {}",
                item["field"].as_str().unwrap(),
                item["before"],
                item["after"]
            ),
        }
    });
    told.collect()
}

async fn events_and_changes_stand_on_one_time_line(store: Store) {
    let app = start(store).await;
    customer(&app, "eu").await;
    let id = account_id(&app).await;
    let sam = app.as_member("sam");
    let seen = line(&sam, &id, "").await.expect(200);
    assert_eq!(
        told(&seen),
        [
            "02-12 account.paymentState null -> \"late\"",
            "02-11 account.seats 5 -> null",
            "02-10 account.seats 3 -> 5",
            "02-07 account.seats null -> 3",
            "02-06 checkout.failed",
            "02-05 account.plan \"trial\" -> \"growth\"",
            "02-04 page.viewed",
            "02-02 account.region null -> \"eu\"",
            "02-02 account.plan null -> \"trial\"",
        ]
    );
    let plan = &items(&seen)[5];
    assert_eq!(
        (&plan["source"], &plan["owner"], &plan["state"]),
        (&json!("billing"), &json!("product"), &json!("visible"))
    );
    let failed = &items(&seen)[4];
    assert_eq!(failed["properties"]["code"]["value"], "declined");
    assert_eq!(failed["properties"].get("reason"), None, "hidden");
    assert_eq!(seen.json["account"], json!({"id": id}));

    // A part of it by kind, and by time: from a moment on, until before another.
    for (more, expected) in [
        ("&kinds=event", &told(&seen)[..0]),
        ("&after=2026-02-10T10:00:00Z", &told(&seen)[..3]),
        ("&before=2026-02-04T10:00:00Z", &told(&seen)[7..]),
        ("&after=2026-02-06&before=2026-02-08", &told(&seen)[3..5]),
    ] {
        let part = line(&sam, &id, more).await.expect(200);
        match more {
            "&kinds=event" => {
                assert_eq!(told(&part), ["02-06 checkout.failed", "02-04 page.viewed"])
            }
            _ => assert_eq!(told(&part), expected, "{more}"),
        }
    }
    let changes = line(&sam, &id, "&kinds=change").await.expect(200);
    assert!(items(&changes).iter().all(|item| item["kind"] == "change"));
    assert_eq!(items(&changes).len(), 7);
}

async fn what_is_hidden_or_looks_the_same_is_not_told(store: Store) {
    let app = start(store).await;
    customer(&app, "eu").await;
    let id = account_id(&app).await;
    let of = |field: &str, answer: &Answer| -> Vec<String> {
        let told = told(answer).into_iter();
        told.filter(|line| line.contains(field)).collect()
    };
    // Hidden from everyone, also what it once was.
    for member in ["sam", "lea", "kim"] {
        let seen = line(&app.as_member(member), &id, "").await.expect(200);
        assert_eq!(of("taxId", &seen).len(), 0, "{seen:?}");
        assert!(!seen.text.contains("DE1") && !seen.text.contains("DE2"));
        assert!(seen.withheld().any(|field| field == "account.taxId"));
        assert_eq!(of("legal.hold", &seen).len(), 0);
    }
    let lea = line(&app.as_member("lea"), &id, "").await.expect(200);
    assert_eq!(of("privateRevenue", &lea).len(), 3, "{lea:?}");
    // A range that holds both tells nothing, and where a masked value came from neither.
    let kim = line(&app.as_member("kim"), &id, "").await.expect(200);
    let ranges = of("privateRevenue", &kim);
    assert_eq!(ranges.len(), 2, "{ranges:?}");
    assert!(!kim.text.contains("25000") && !kim.text.contains("1300"));
    let mut masked = items(&kim)
        .iter()
        .filter(|item| item["field"] == "account.privateRevenue");
    assert!(masked.all(|item| item["mask"] == "bucket" && item.get("source").is_none()));

    // The state is that of now, whatever it would have been then.
    let turning =
        "allow support.view\n\nhide account.seats\nwhen account.paymentState == \"late\"\n";
    app.publish(
        folder()
            .without("policies/access.kith")
            .without("policies/fields.kith")
            .with("policies/only.kith", turning),
    )
    .await;
    let seen = line(&app.as_member("sam"), &id, "").await.expect(200);
    assert_eq!(of("seats", &seen).len(), 0, "{seen:?}");
    app.source("billing")
        .deliver([group(20, json!({"paymentState": "ok"}))])
        .await;
    let seen = line(&app.as_member("sam"), &id, "").await.expect(200);
    assert_eq!(of("seats", &seen).len(), 3, "{seen:?}");
    // What no longer is in the catalog is hidden.
    let shorter = folder().replacing("fields/account.toml", "[seats]", "[seatsOfNow]");
    app.publish(shorter).await;
    let seen = line(&app.as_member("sam"), &id, "").await.expect(200);
    assert_eq!(of("seats", &seen).len(), 0, "{seen:?}");
}

fn number(random: &SeededEntropy, below: u64) -> u64 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    u64::from_le_bytes(bytes) % below
}

/// Facts that contradict, repeat, end and merge one another, in no order of time.
async fn tangle(app: &TestApp, random: &SeededEntropy, mark: usize) {
    for _ in 0..60 {
        let source = ["billing", "product", "crm", "web"][number(random, 4) as usize];
        let when = at(1 + number(random, 9) as u32);
        let plan = [
            json!("trial"),
            json!("growth"),
            json!("enterprise"),
            Value::Null,
        ];
        let plan = &plan[number(random, 4) as usize];
        let seats = [json!(1), json!(2), Value::Null][number(random, 3) as usize].clone();
        let revenue = [json!(100), json!(110), json!(99_000)][number(random, 3) as usize].clone();
        let name = ["Ada", "Bea", "Cleo"][number(random, 3) as usize];
        let user = format!("{mark}-{}", number(random, 3));
        let groups = format!("{mark}-acme");
        let message = match number(random, 4) {
            0 => {
                json!({"type": "group", "groupId": groups, "timestamp": when, "traits": {"plan": plan, "region": "eu"}})
            }
            1 => {
                json!({"type": "group", "groupId": groups, "timestamp": when, "traits": {"seats": seats, "privateRevenue": revenue}})
            }
            2 => {
                json!({"type": "identify", "userId": user, "timestamp": when, "context": {"groupId": groups},
                        "traits": {"name": name, "role": name, "email": format!("{user}@acme.example")}})
            }
            _ => {
                json!({"type": "alias", "userId": user, "previousId": format!("{mark}-{}", number(random, 3)), "timestamp": when})
            }
        };
        app.source(source).deliver([message]).await;
    }
    let message = json!({"type": "group", "groupId": format!("{mark}-acme"), "timestamp": at(1), "traits": {"region": "eu", "name": "x"}});
    app.source("product").deliver([message]).await;
}

/// Every item, page by page.
async fn whole(client: &Client, of: &str, more: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = line(client, of, &format!("{more}{cursor}"))
            .await
            .expect(200);
        all.extend(items(&page).iter().cloned());
        match page.json["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

async fn the_last_change_of_each_field_is_what_is_shown(store: Store) {
    let app = TestApp::start(store).await;
    let random = SeededEntropy::new("tangles");
    for mark in 0..4 {
        tangle(&app, &random, mark).await;
        for member in ["lea", "kim", "sam"] {
            let client = app.as_member(member);
            let mut lines = Vec::new();
            let of = account(&format!("{mark}-acme"));
            lines.push(("account", client.ask("support.view", of).await.expect(200)));
            for user in 0..3 {
                let seen = client
                    .ask("support.view", person(&format!("{mark}-{user}")))
                    .await;
                if seen.status == 200 {
                    lines.push(("person", seen));
                }
            }
            for (root, now) in lines {
                let id = id_of(&now, root);
                let all = whole(&client, &id, "&kinds=change&limit=7").await;
                // The newest first: each change begins with what the older one came to.
                let mut after: BTreeMap<&str, &Value> = BTreeMap::new();
                for change in all.iter().rev() {
                    let field = change["field"].as_str().unwrap();
                    let held = after.insert(field, &change["after"]);
                    assert_eq!(
                        held.unwrap_or(&Value::Null),
                        &change["before"],
                        "{mark} {change}"
                    );
                    assert_ne!(change["before"], change["after"]);
                }
                assert!(after.len() > 1, "{member} {root} {after:?}");
                for (field, last) in &after {
                    assert_eq!(now.value(field), *last, "{mark} {member} {field}: {now:?}");
                }
                // And what was never said was never told.
                let fields = now.json[root].as_object().unwrap();
                for (key, field) in fields.iter().filter(|(key, _)| *key != "id") {
                    let is_told = after.contains_key(&*format!("{root}.{key}"));
                    assert!(
                        is_told || field["value"] == Value::Null,
                        "{mark} {member} {key}: {now:?}"
                    );
                }
                if root == "account" {
                    the_past_is_what_the_line_says(&client, &id, &all).await;
                }
            }
        }
    }
}

/// As of each change the account shows what it came to, and just before what it was.
async fn the_past_is_what_the_line_says(client: &Client, id: &str, all: &[Value]) {
    for change in all {
        let when = change["at"].as_str().unwrap();
        let field = change["field"].as_str().unwrap();
        let then = as_of(client, id, when).await.expect(200);
        assert_eq!(then.value(field), &change["after"], "{then:?}");
        let just_before = when.replace("T10:00:00Z", "T09:59:59.999999Z");
        let before = as_of(client, id, &just_before).await.expect(200);
        assert_eq!(before.value(field), &change["before"], "{before:?}");
    }
}

async fn pages_are_one_line_cut_at_any_place(store: Store) {
    let app = start(store).await;
    customer(&app, "eu").await;
    // Many things of one moment, most of which nobody may know of.
    let events = (0..300).map(|number| {
        let name = if number % 50 == 0 {
            "page.viewed"
        } else {
            "legal.hold"
        };
        let mut event = track(6, "usr_1", name, json!({}));
        event["messageId"] = json!(format!("m-{number}"));
        event
    });
    app.source("product").deliver(events).await;
    let (id, sam) = (account_id(&app).await, app.as_member("sam"));
    let straight = line(&sam, &id, "&limit=200").await.expect(200);
    assert_eq!(items(&straight).len(), 15);
    assert!(straight.json.get("nextCursor").is_none());
    for limit in [1, 2, 3, 4, 7, 14, 15] {
        let mut cursor = String::new();
        let mut all = Vec::new();
        loop {
            let page = line(&sam, &id, &format!("&limit={limit}{cursor}"))
                .await
                .expect(200);
            all.extend(items(&page).iter().cloned());
            let Some(next) = page.json["nextCursor"].as_str() else {
                break;
            };
            assert_eq!(items(&page).len(), limit, "pages are full but for the last");
            cursor = format!("&cursor={next}");
        }
        assert_eq!(all, items(&straight), "{limit}");
    }
}

async fn a_cursor_goes_on_for_whom_and_what_it_was_given(store: Store) {
    let app = start(store).await;
    customer(&app, "eu").await;
    let (id, sam) = (account_id(&app).await, app.as_member("sam"));
    let first = line(&sam, &id, "&limit=2").await.expect(200);
    let cursor = first.json["nextCursor"].as_str().unwrap().to_owned();
    let going_on = format!("&limit=2&cursor={cursor}");
    line(&sam, &id, &going_on).await.expect(200);
    // It tells nothing of where it stands, and each is another.
    let again = line(&sam, &id, "&limit=2").await.expect(200);
    assert_ne!(again.json["nextCursor"], json!(cursor));

    let ada = app
        .as_member("lea")
        .ask("support.view", person("usr_1"))
        .await;
    let ada = id_of(&ada, "person");
    let mut forged = cursor.clone().into_bytes();
    let place = forged.len() / 2;
    forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
    let forged = format!("&cursor={}", String::from_utf8(forged).unwrap());
    let listed = sam
        .list(&[("purpose", "support.view"), ("limit", "1")])
        .await
        .expect(200);
    assert!(
        listed.json.get("nextCursor").is_none(),
        "one account: no cursor of a list"
    );
    let of_a_list = sam
        .list(&[("purpose", "support.view"), ("cursor", &cursor)])
        .await;
    let mut refused = vec![of_a_list];
    for (client, of, more) in [
        (&app.as_member("lea"), &*id, &*going_on),
        (&sam, NEVER, &going_on),
        (&sam, &ada, &going_on),
        (&sam, &id, &format!("{going_on}&kinds=event")),
        (&sam, &id, &format!("{going_on}&after=2026-01-01")),
        (&sam, &id, &format!("{going_on}&before=2026-05-01")),
        (&sam, &id, &forged),
        (&sam, &id, "&cursor=x"),
    ] {
        refused.push(line(client, of, more).await);
    }
    let replied = format!("/v1/accounts/{id}/journey?purpose=support.reply{going_on}");
    refused.push(sam.get(&replied).await);
    app.publish(Folder::standard()).await;
    refused.push(line(&sam, &id, &going_on).await);
    for answer in refused {
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(answer.json["fields"][0]["field"], "cursor", "{answer:?}");
    }
}

async fn a_person_s_line_holds_what_is_in_view(store: Store) {
    let app = start(store).await;
    customer(&app, "eu").await;
    let there = |traits: Value| json!({"type": "identify", "userId": "usr_1", "timestamp": at(13), "context": {"groupId": "far"}, "traits": traits});
    app.source("product")
        .deliver([
            json!({"type": "group", "groupId": "far", "timestamp": at(1), "traits": {"region": "us"}}),
            there(json!({"role": "Founder"})),
            json!({"type": "track", "userId": "usr_1", "event": "page.viewed", "timestamp": at(14),
                   "context": {"groupId": "far"}, "properties": {"name": "Far away"}}),
            json!({"type": "track", "userId": "usr_1", "event": "page.viewed", "timestamp": at(15),
                   "properties": {"name": "Nowhere"}}),
        ])
        .await;
    let seen = app
        .as_member("lea")
        .ask("support.view", person("usr_1"))
        .await;
    let ada = id_of(&seen.expect(200), "person");
    // Of sam's region there is one account, and with it the role there.
    let of_sam = line(&app.as_member("sam"), &ada, "").await.expect(200);
    assert_eq!(
        told(&of_sam),
        [
            "02-15 page.viewed",
            "02-06 role.name \"Reader\" -> \"Owner\"",
            "02-06 person.name \"Ada\" -> \"Ada L.\"",
            "02-06 checkout.failed",
            "02-04 page.viewed",
            "02-03 role.name null -> \"Reader\"",
            "02-03 person.name null -> \"Ada\"",
            "02-03 person.email null -> \"a•••@acme.example\"",
        ]
    );
    assert_eq!(of_sam.json["account"]["id"], account_id(&app).await);
    // Lea sees both, and so none is bound: roles belong to one account.
    let of_lea = line(&app.as_member("lea"), &ada, "").await.expect(200);
    assert_eq!(
        told(&of_lea)[..2],
        ["02-15 page.viewed", "02-14 page.viewed"]
    );
    assert!(!of_lea.text.contains("role."), "{of_lea:?}");
    assert!(of_lea.json.get("account").is_none());
}

async fn what_is_not_in_view_has_no_past(store: Store) {
    logs::capture();
    let app = start(store).await;
    let other = app.workspace("other", folder()).await;
    // It was in view until the account moved.
    customer(&app, "eu").await;
    let sam = app.as_member("sam");
    let (id, ada) = (
        account_id(&app).await,
        id_of(&sam.ask("support.view", person("usr_1")).await, "person"),
    );
    as_of(&sam, &id, &at(20)).await.expect(200);
    app.source("product")
        .deliver([group(21, json!({"region": "us"}))])
        .await;
    other
        .source("product")
        .deliver([json!({"type": "group", "userId": "usr_1", "groupId": "acme", "traits": {"region": "eu"}})])
        .await;
    let there = other
        .as_member("lea")
        .ask("support.view", account("acme"))
        .await;
    let there = id_of(&there.expect(200), "account");
    let (mut accounts, mut people) = (Vec::new(), Vec::new());
    let tell = |told: &mut Vec<_>, answer: Answer| {
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
    };
    for id in [NEVER, &id, &there] {
        tell(&mut accounts, line(&sam, id, "").await);
        tell(&mut accounts, as_of(&sam, id, &at(20)).await);
        tell(&mut accounts, as_of(&sam, id, &at(1)).await);
    }
    for id in [NOBODY, &ada] {
        tell(&mut people, line(&sam, id, "").await);
        tell(&mut people, line(&sam, id, "&kinds=event&limit=1").await);
    }
    for told in [accounts, people] {
        assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    }
    // A cursor that is none is told before anyone is looked up.
    for id in [NEVER, &id] {
        line(&sam, id, "&cursor=x").await.expect(400);
    }
    // And what moves into view brings its past along.
    app.source("product")
        .deliver([group(22, json!({"region": "eu"}))])
        .await;
    let then = as_of(&sam, &id, &at(21)).await.expect(200);
    assert_eq!(then.value("account.region"), "us");
}

async fn entry(app: &TestApp, answer: &Answer) -> AuditItem {
    let query = AuditQuery {
        limit: 100,
        ..AuditQuery::default()
    };
    let by = AuditActor::operator();
    let entries = app
        .engine()
        .audit_search(app.id(), by, query)
        .await
        .unwrap();
    entries
        .into_iter()
        .find(|entry| entry.id.to_string() == answer.audit_id())
        .unwrap()
}

async fn looking_back_is_audited(store: Store) {
    let app = start(store).await;
    customer(&app, "eu").await;
    let (id, kim) = (account_id(&app).await, app.as_member("kim"));
    let ada = id_of(
        &app.as_member("sam")
            .ask("support.view", person("usr_1"))
            .await,
        "person",
    );
    let seen = line(&kim, &id, "").await.expect(200);
    let of = entry(&app, &seen).await;
    assert_eq!(
        (of.action.as_str(), of.account.unwrap().to_string()),
        ("accounts.journey", id.clone())
    );
    for field in [
        "account.plan",
        "account.privateRevenue:bucket",
        "event.checkout.failed",
        "event.checkout.failed.code",
    ] {
        assert!(
            of.fields.iter().any(|name| name == field),
            "{field}: {:?}",
            of.fields
        );
    }
    // Only what left on this page.
    let last = line(&kim, &id, "&before=2026-02-03").await.expect(200);
    assert_eq!(
        entry(&app, &last).await.fields,
        ["account.plan", "account.region"]
    );
    let newest = line(&kim, &id, "&limit=1").await.expect(200);
    assert_eq!(entry(&app, &newest).await.fields.len(), 1);
    let seen = line(&app.as_member("sam"), &ada, "").await.expect(200);
    let of = entry(&app, &seen).await;
    assert_eq!(
        (of.action.as_str(), of.person.unwrap().to_string()),
        ("people.journey", ada.clone())
    );
    assert!(of.fields.iter().any(|name| name == "person.email:email"));
    let then = as_of(&kim, &id, &at(4)).await.expect(200);
    assert_eq!(entry(&app, &then).await.action, "accounts.read");

    let refused = line(&app.as_member("ned"), &id, "").await.expect(403);
    assert_eq!(entry(&app, &refused).await.outcome.as_str(), "refused");
    app.home().break_audit().await;
    line(&kim, &id, "").await.expect(503);
    as_of(&kim, &id, &at(4)).await.expect(503);
}

async fn what_cannot_be_asked_of_a_line_is_told(store: Store) {
    let app = start(store).await;
    let sam = app.as_member("sam");
    for (path, field, expected) in [
        (
            "accounts/per_01h455vb4pex5vsknk084sn02q/journey?purpose=support.view",
            "id",
            "acc_",
        ),
        (
            "people/acc_01h455vb4pex5vsknk084sn02q/journey?purpose=support.view",
            "id",
            "per_",
        ),
        ("people/%ff/journey?purpose=support.view", "id", "per_"),
        (
            "people/per_01h455vb4pex5vsknk084sn02q/journey",
            "purpose",
            "required",
        ),
        (
            "accounts/acc_01h455vb4pex5vsknk084sn02q/journey?purpose=support.view&kinds=events",
            "kinds",
            "`change`",
        ),
        (
            "accounts/acc_01h455vb4pex5vsknk084sn02q/journey?purpose=support.view&before=soon",
            "before",
            "a date such as",
        ),
        (
            "accounts/acc_01h455vb4pex5vsknk084sn02q/journey?purpose=support.view&before=2026-01-02&after=2026-01-02",
            "after",
            "an earlier time",
        ),
        (
            "accounts/acc_01h455vb4pex5vsknk084sn02q/journey?purpose=support.view&limit=201",
            "limit",
            "from 1 to 200",
        ),
        (
            "accounts/acc_01h455vb4pex5vsknk084sn02q/journey?purpose=support.view&kind=event",
            "kind",
            "did you mean `kinds`?",
        ),
        (
            "accounts/acc_01h455vb4pex5vsknk084sn02q?purpose=support.view&asOf=soon",
            "asOf",
            "a date such as",
        ),
        (
            "accounts/acc_01h455vb4pex5vsknk084sn02q/summary?purpose=support.view&asOf=2026-01-01",
            "asOf",
            "unknown",
        ),
    ] {
        let answer = sam.get(&format!("/v1/{path}")).await.expect(400);
        let fault = &answer.json["fields"][0];
        assert_eq!(fault["field"], field, "{answer:?}");
        assert!(
            fault["expected"].as_str().unwrap().contains(expected),
            "{answer:?}"
        );
    }
    let path = format!("/v1/accounts/{NEVER}/journey?purpose=support.view");
    app.anonymous().get(&path).await.expect(401);
}
