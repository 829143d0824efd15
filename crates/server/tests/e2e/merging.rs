//! Who is one is decided by facts and by people: what people decide is done whatever the facts say, and taken
//! back leaves nothing behind.

use kith_domain::{Entropy as _, Scope};
use kith_engine::{AuditActor, KeyHolder, NewKey};
use kith_testkit::app::SeededEntropy;
use kith_testkit::app::facts::about;
use kith_testkit::{Answer, Client, Folder, Store, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

crate::promises! {
    two_people_are_merged_and_come_apart_again,
    a_merge_that_is_undone_leaves_nothing_behind,
    what_is_split_stays_apart_until_that_is_undone,
    identifiers_are_told_as_their_fields_are,
    only_who_may_see_both_and_merge_does,
    a_bound_is_not_exceeded_before_somebody_decided,
    a_storm_of_aliases_joins_nobody_and_stalls_nobody,
    a_source_joins_so_many_people_in_an_hour_and_no_more,
    deliveries_about_the_same_people_at_once_end_the_same,
}

const POLICIES: &str = "allow support.view, person.merge\n\n\
    limit account to account.region in user.regions\nwhen user.role == \"support\"\n";

async fn app(store: Store) -> TestApp {
    TestApp::with_definitions(store, Folder::with_policies(POLICIES)).await
}

/// Someone of the cast, with a key that asks and decides.
pub(crate) async fn decider(app: &TestApp, member: &str) -> Client {
    let new = NewKey {
        holder: KeyHolder::Member(member.to_owned()),
        scopes: vec![Scope::Context, Scope::Write],
        writes_as: None,
        label: String::new(),
    };
    let by = AuditActor::operator();
    let made = app.engine().create_key(app.id(), by, new).await;
    let (_, token) = made.unwrap();
    app.with_key(Some(token.reveal()))
}

fn user(id: &str) -> Value {
    json!({"person": {"type": "userId", "value": id}})
}

async fn ask(client: &Client, subject: Value) -> Answer {
    client.ask("support.view", subject).await
}

async fn id_of(client: &Client, user_id: &str) -> String {
    let answer = ask(client, user(user_id)).await.expect(200);
    answer.json["person"]["id"].as_str().unwrap().to_owned()
}

async fn post(client: &Client, path: &str, body: Value) -> Answer {
    client.send(Method::POST, path, body.to_string()).await
}

async fn merge(client: &Client, id: &str, with: &str) -> Answer {
    post(
        client,
        &format!("/v1/people/{id}/merge"),
        json!({"with": with}),
    )
    .await
}

async fn undo(client: &Client, decided: &Answer) -> Answer {
    let id = decided.json["decision"].as_str().unwrap();
    post(client, &format!("/v1/merges/{id}/undo"), json!({})).await
}

async fn identity(client: &Client, id: &str) -> Answer {
    let path = format!("/v1/people/{id}/identity?purpose=support.view");
    client.get(&path).await
}

fn identify(user: &str, traits: &Value, at: &str) -> Value {
    json!({"type": "identify", "userId": user, "traits": traits, "timestamp": at})
}

async fn two_people_are_merged_and_come_apart_again(store: Store) {
    let app = app(store).await;
    let (product, lea) = (app.source("product"), decider(&app, "lea").await);
    product
        .deliver([
            identify("ada", &json!({"name": "Ada"}), "2026-02-01"),
            identify(
                "bob",
                &json!({"name": "Bob", "email": "bob@mail.example"}),
                "2026-02-02",
            ),
            json!({"type": "track", "userId": "bob", "event": "page.viewed"}),
        ])
        .await;
    let (ada, bob) = (id_of(&lea, "ada").await, id_of(&lea, "bob").await);
    let merged = merge(&lea, &ada, &bob).await.expect(200);
    assert_eq!(merged.json["outcome"], "merged");
    assert_eq!(merged.json["ids"], json!([ada]));
    for subject in [user("ada"), user("bob"), json!({"person": {"id": bob}})] {
        let answer = ask(&lea, subject).await.expect(200);
        assert_eq!(answer.json["person"]["id"], ada.as_str());
        assert_eq!(answer.value("person.name"), "Bob", "the later name");
        assert_eq!(answer.journey(), ["page.viewed"]);
    }
    let again = merge(&lea, &ada, &bob).await;
    assert_eq!(again.status, 409, "{again:?}");

    // What was merged before leads on, and back.
    product
        .deliver([identify("cy", &json!({"name": "Cy"}), "2026-02-03")])
        .await;
    let cy = id_of(&lea, "cy").await;
    let second = merge(&lea, &cy, &bob).await.expect(200);
    assert_eq!(id_of(&lea, "cy").await, ada);
    undo(&lea, &merged).await.expect(200);
    for (subject, id, name) in [
        // Cy was joined with Ada, as the strongest of both.
        (user("ada"), &ada, "Cy"),
        (user("bob"), &bob, "Bob"),
        (json!({"person": {"id": cy}}), &ada, "Cy"),
        (json!({"person": {"id": bob}}), &bob, "Bob"),
    ] {
        let answer = ask(&lea, subject).await.expect(200);
        assert_eq!(
            (&answer.json["person"]["id"], answer.value("person.name")),
            (&json!(id), &json!(name))
        );
    }
    let twice = undo(&lea, &merged).await;
    assert_eq!(twice.status, 409);
    undo(&lea, &second).await.expect(200);
    for (user_id, id, name) in [
        ("ada", &ada, "Ada"),
        ("bob", &bob, "Bob"),
        ("cy", &cy, "Cy"),
    ] {
        let answer = ask(&lea, user(user_id)).await.expect(200);
        let told = (&answer.json["person"]["id"], answer.value("person.name"));
        assert_eq!(told, (&json!(id), &json!(name)));
    }
    let actions = app.home();
    let actions = actions
        .column("SELECT action FROM audit WHERE purpose = 'person.merge' AND verdict = 'allowed'");
    assert_eq!(actions.await.len(), 4);
}

/// Facts about a few people that contradict, repeat and tangle; `#` keeps cases apart.
fn facts() -> Vec<(&'static str, Value)> {
    let at = |day: u32| format!("2026-02-{day:02}");
    vec![
        (
            "product",
            json!({"type": "identify", "messageId": "#1", "userId": "#ada", "timestamp": at(1), "traits": {"name": "Ada", "email": "#ada@mail.example", "role": "Owner"}, "context": {"groupId": "#acme"}}),
        ),
        (
            "product",
            json!({"type": "identify", "messageId": "#2", "userId": "#bob", "timestamp": at(2), "traits": {"name": "Bob"}, "context": {"groupId": "#acme"}}),
        ),
        (
            "crm",
            json!({"type": "identify", "messageId": "#3", "timestamp": at(3), "traits": {"email": "#ada@mail.example", "phone": "+49 30 5550100#"}}),
        ),
        (
            "product",
            json!({"type": "group", "messageId": "#4", "userId": "#bob", "groupId": "#globex", "timestamp": at(4), "traits": {"region": "eu"}}),
        ),
        (
            "product",
            json!({"type": "identify", "messageId": "#5", "userId": "#bob", "timestamp": at(5), "traits": {"email": "#bob@mail.example"}}),
        ),
        (
            "web",
            json!({"type": "identify", "messageId": "#6", "userId": "#bob", "anonymousId": "#x", "timestamp": at(6), "traits": {"name": "Forged"}}),
        ),
        (
            "product",
            json!({"type": "alias", "messageId": "#7", "userId": "#ada", "previousId": "#phone", "timestamp": at(7)}),
        ),
        (
            "product",
            json!({"type": "track", "messageId": "#8", "anonymousId": "#phone", "event": "page.viewed", "timestamp": at(8), "context": {"groupId": "#acme"}}),
        ),
        (
            "product",
            json!({"type": "identify", "messageId": "#9", "userId": "#cy", "timestamp": at(9), "traits": {"email": "#bob@mail.example"}}),
        ),
        (
            "crm",
            json!({"type": "identify", "messageId": "#10", "timestamp": at(10), "traits": {"email": "#bob@mail.example", "name": "Bobby"}}),
        ),
        (
            "product",
            json!({"type": "group", "messageId": "#11", "userId": "#ada", "groupId": "#acme", "timestamp": at(11), "traits": {"plan": "growth", "region": "eu"}}),
        ),
        (
            "product",
            json!({"type": "identify", "messageId": "#2", "userId": "#bob", "timestamp": at(2), "traits": {"name": "Bob"}, "context": {"groupId": "#acme"}}),
        ),
    ]
}

fn of_case(case: usize) -> Vec<(&'static str, Value)> {
    let mark = format!("{case:03}");
    let facts = facts().into_iter().map(|(source, fact)| {
        let text = fact
            .to_string()
            .replace("0100#", &mark)
            .replace('#', &format!("c{mark}-"));
        (source, serde_json::from_str(&text).unwrap())
    });
    facts.collect()
}

/// All that is told of the people of a case, without ids.
async fn told(lea: &Client, case: usize) -> Vec<String> {
    let mark = format!("c{case:03}-");
    let mut told = Vec::new();
    for (kind, value) in [
        ("userId", "ada"),
        ("userId", "bob"),
        ("userId", "cy"),
        ("email", "ada@mail.example"),
        ("email", "bob@mail.example"),
        ("anonymousId", "x"),
        ("anonymousId", "phone"),
    ] {
        let subject = json!({"person": {"type": kind, "value": format!("{mark}{value}")}});
        let answer = ask(lea, subject).await;
        let mut json = crate::identity::without_ids(&answer);
        if let Some(account) = json.get_mut("accounts").and_then(Value::as_array_mut) {
            account.sort_by_key(Value::to_string);
        }
        let text = serde_json::to_string_pretty(&json).unwrap();
        told.push(
            text.replace(&mark, "#")
                .replace(&format!("{case:03}"), "000"),
        );
    }
    told
}

fn below(random: &SeededEntropy, most: usize) -> usize {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    usize::try_from(u64::from_le_bytes(bytes) % most as u64).unwrap()
}

/// Merged somewhere among the facts and undone somewhere behind: the same as the facts alone.
async fn a_merge_that_is_undone_leaves_nothing_behind(store: Store) {
    const CASES: usize = 8;
    let app = app(store).await;
    let lea = decider(&app, "lea").await;
    let random = SeededEntropy::new("undone");
    for (source, fact) in of_case(0) {
        app.source(source).deliver([fact]).await;
    }
    let expected = told(&lea, 0).await;
    for case in 1..=CASES {
        let facts = of_case(case);
        // Both are there after the first two facts.
        let merged_at = 2 + below(&random, facts.len() - 3);
        let undone_at = merged_at + below(&random, facts.len() - merged_at);
        let mut decided = None;
        for (place, (source, fact)) in facts.into_iter().enumerate() {
            app.source(source).deliver([fact]).await;
            if place == merged_at {
                let mark = format!("c{case:03}-");
                let ada = id_of(&lea, &format!("{mark}ada")).await;
                let bob = id_of(&lea, &format!("{mark}bob")).await;
                decided = Some(merge(&lea, &ada, &bob).await.expect(200));
            }
            if place == undone_at {
                undo(&lea, &decided.take().unwrap()).await.expect(200);
            }
        }
        let got = told(&lea, case).await;
        for (got, expected) in got.iter().zip(&expected) {
            assert_eq!(got, expected, "case {case}: {merged_at} to {undone_at}");
        }
    }
}

async fn what_is_split_stays_apart_until_that_is_undone(store: Store) {
    let app = app(store).await;
    let (product, lea) = (app.source("product"), decider(&app, "lea").await);
    let shared =
        || json!({"type": "identify", "userId": "ada", "traits": {"email": "bob@mail.example"}});
    product.deliver([shared()]).await;
    let id = id_of(&lea, "ada").await;
    let who = identity(&lea, &id).await.expect(200);
    let items = who.json["identifiers"].as_array().unwrap();
    let [user, email] = [0, 1].map(|at| items[at].clone());
    assert_eq!([&user["type"], &email["type"]], ["userId", "email"]);
    assert_eq!(who.json["edges"][0]["rule"], "identify");
    assert_eq!(who.json["edges"][0]["accepted"], true);

    let path = format!("/v1/people/{id}/split");
    let split = post(&lea, &path, json!({"identifiers": [email["id"]]}))
        .await
        .expect(200);
    assert_eq!(split.json["ids"].as_array().unwrap().len(), 2);
    product.deliver([shared()]).await;
    let by_email = json!({"person": {"type": "email", "value": "bob@mail.example"}});
    let other = ask(&lea, by_email.clone()).await.expect(200);
    let other = other.json["person"]["id"].as_str().unwrap().to_owned();
    assert_ne!(other, id);
    // Nobody merges what is kept apart.
    let merged = merge(&lea, &id, &other).await;
    assert_eq!(merged.status, 409);
    assert!(
        merged.json["detail"]
            .as_str()
            .unwrap()
            .contains(split.json["decision"].as_str().unwrap())
    );

    undo(&lea, &split).await.expect(200);
    let back = ask(&lea, by_email).await.expect(200);
    assert_eq!(back.json["person"]["id"], id.as_str());
    let led = ask(&lea, json!({"person": {"id": other}}))
        .await
        .expect(200);
    assert_eq!(led.json["person"]["id"], id.as_str());
    for bad in [
        json!([]),
        json!(["nod_x"]),
        json!([email["id"], user["id"]]),
    ] {
        let answer = post(&lea, &path, json!({"identifiers": bad})).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
}

async fn identifiers_are_told_as_their_fields_are(store: Store) {
    let policies = format!(
        "{POLICIES}\nmask person.email with email\n\nhide person.userId\nwhen user.role == \"support\"\n"
    );
    let app = TestApp::with_definitions(store, Folder::with_policies(&policies)).await;
    app.source("product")
        .deliver([
            json!({"type": "identify", "userId": "ada", "anonymousId": "secret-browser",
            "traits": {"email": "ada@mail.example", "phone": "+49 30 5550100"}}),
        ])
        .await;
    let lea = decider(&app, "lea").await;
    let id = id_of(&lea, "ada").await;
    let who = identity(&app.as_member("sam"), &id).await.expect(200);
    let told: Vec<_> = who.json["identifiers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["type"].clone(), item["value"].clone()))
        .collect();
    assert_eq!(
        told,
        [(json!("email"), json!("a•••@mail.example"))],
        "{}",
        who.json
    );
    assert_eq!(who.json["edges"], json!([]), "their other end is hidden");
    let seen = who.json.to_string();
    assert!(!seen.contains("secret-browser") && !seen.contains("5550100"));
    let nowhere = identity(&lea, "per_00000000000000000000000000").await;
    assert_eq!(nowhere.status, 404);
}

async fn only_who_may_see_both_and_merge_does(store: Store) {
    let policies = POLICIES.replace(", person.merge", "")
        + "\nallow person.merge\nwhen user.role == \"support\"\n";
    let app = TestApp::with_definitions(store, Folder::with_policies(&policies)).await;
    app.source("product")
        .deliver([
            json!({"type": "group", "userId": "ada", "groupId": "acme", "traits": {"region": "eu"}}),
            json!({"type": "group", "userId": "bob", "groupId": "acme", "traits": {"region": "eu"}}),
            json!({"type": "group", "userId": "cy", "groupId": "globex", "traits": {"region": "us"}}),
        ])
        .await;
    let (lea, sam) = (decider(&app, "lea").await, decider(&app, "sam").await);
    let mut ids = Vec::new();
    for name in ["ada", "bob", "cy"] {
        ids.push(id_of(&lea, name).await);
    }
    let nobody = "per_00000000000000000000000000";
    for (who, id, with, status) in [
        (&lea, &*ids[0], &*ids[1], 403),
        (&sam, &*ids[0], &*ids[2], 404),
        (&sam, &*ids[2], &*ids[0], 404),
        (&sam, &*ids[2], &*ids[2], 404),
        (&sam, &*ids[0], nobody, 404),
        (&sam, nobody, nobody, 404),
        (&sam, &*ids[0], "acc_00000000000000000000000000", 400),
        (&sam, &*ids[0], &*ids[0], 409),
        (&sam, &*ids[0], &*ids[1], 200),
    ] {
        let answer = merge(who, id, with).await;
        assert_eq!(answer.status, status, "{id} {with}: {answer:?}");
    }
    let unknown = post(
        &sam,
        "/v1/merges/dec_00000000000000000000000000/undo",
        json!({}),
    )
    .await;
    assert_eq!(unknown.status, 404);
}

async fn reviews(client: &Client) -> Vec<Value> {
    let answer = client.get("/v1/reviews").await.expect(200);
    answer.json["items"].as_array().unwrap().clone()
}

async fn decide(client: &Client, review: &Value, decision: &str) -> Answer {
    let id = review["id"].as_str().unwrap();
    post(
        client,
        &format!("/v1/reviews/{id}"),
        json!({"decision": decision}),
    )
    .await
}

async fn a_bound_is_not_exceeded_before_somebody_decided(store: Store) {
    let app = app(store).await;
    let (product, lea) = (app.source("product"), decider(&app, "lea").await);
    let shares = |user: &str, email: &str| json!({"type": "identify", "userId": user, "anonymousId": "kiosk", "traits": {"email": email}});
    product
        .deliver([
            shares("ada", "team@mail.example"),
            shares("bob", "team@mail.example"),
            shares("eve", "eve@mail.example"),
            json!({"type": "identify", "userId": "test", "traits": {"email": "ada@mail.example"}}),
            json!({"type": "identify", "userId": "noreply", "traits": {"email": "noreply@mail.example"}}),
        ])
        .await;
    // A shared mailbox is for somebody to look at, a shared browser is not.
    let waiting = reviews(&lea).await;
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(waiting[0]["kind"], "limit");
    let mut both = [id_of(&lea, "ada").await, id_of(&lea, "bob").await];
    both.sort();
    let mut about: Vec<_> = waiting[0]["ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    about.sort();
    assert_eq!(about, both);
    assert!(!waiting[0].to_string().contains("team"), "no value is told");

    decide(&lea, &waiting[0], "accept").await.expect(200);
    assert_eq!(id_of(&lea, "ada").await, id_of(&lea, "bob").await);
    assert_ne!(id_of(&lea, "ada").await, id_of(&lea, "eve").await);
    assert_eq!(decide(&lea, &waiting[0], "reject").await.status, 409);
    assert!(reviews(&lea).await.is_empty());
}

async fn a_storm_of_aliases_joins_nobody_and_stalls_nobody(store: Store) {
    let app = app(store).await;
    let (product, lea) = (app.source("product"), decider(&app, "lea").await);
    product
        .deliver([
            identify("ada", &json!({"name": "Ada"}), "2026-02-01"),
            identify("bob", &json!({"name": "Bob"}), "2026-02-01"),
        ])
        .await;
    let alias =
        |n: usize| json!({"type": "alias", "userId": "ada", "previousId": format!("storm-{n}")});
    for part in 0..4 {
        let storm = (part * 2_500..).take(2_499).map(alias);
        let calm = json!({"type": "identify", "userId": "bob", "traits": {"email": format!("bob-{part}@mail.example")}});
        product.deliver(storm.chain([calm])).await;
        let by_email =
            json!({"person": {"type": "email", "value": format!("bob-{part}@mail.example")}});
        let bob = ask(&lea, by_email).await.expect(200);
        assert_eq!(bob.value("person.name"), "Bob", "others go on");
    }
    let waiting = reviews(&lea).await;
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(
        (&waiting[0]["kind"], &waiting[0]["edges"]),
        (&json!("size"), &json!(4 * 2_499))
    );
    let joined = "SELECT count(*) FROM identifier WHERE root = (SELECT root FROM identifier WHERE value = 'ada')";
    assert_eq!(app.home().column(joined).await, ["1"]);
    // One more about her is as little work as one about anybody.
    product
        .deliver([
            json!({"type": "identify", "userId": "ada", "traits": {"email": "ada@mail.example"}}),
        ])
        .await;
    let by_email = json!({"person": {"type": "email", "value": "ada@mail.example"}});
    let ada = ask(&lea, by_email).await.expect(200);
    assert_eq!(ada.value("person.name"), "Ada");
    decide(&lea, &waiting[0], "reject").await.expect(200);
}

async fn a_source_joins_so_many_people_in_an_hour_and_no_more(store: Store) {
    let app = app(store).await;
    let lea = decider(&app, "lea").await;
    let contact = |n: usize| format!("contactId:c{n}");
    let people = (0..1_300).map(|n| {
        let (contact, email) = (contact(n), format!("email:p{n}@mail.example"));
        [about(&[&contact]), about(&[&email])]
    });
    app.tell("crm", people.flatten().collect::<Vec<_>>()).await;
    let joins = |from: usize, to: usize| {
        (from..to)
            .map(|n| about(&[&contact(n), &format!("email:p{n}@mail.example")]).merged())
            .collect::<Vec<_>>()
    };
    app.tell("crm", joins(0, 900)).await;
    app.tell("crm", joins(900, 1_200)).await;
    let count = async || app.home().column("SELECT count(*) FROM person").await;
    assert_eq!(count().await, ["1700"], "900 were joined");
    // Another source is not held up, and an hour later neither is this one.
    app.tell("product", joins(1_200, 1_250)).await;
    assert_eq!(count().await, ["1650"]);
    app.clock.advance_seconds(3_600);
    app.tell("crm", joins(1_250, 1_300)).await;
    assert_eq!(count().await, ["1600"]);
    let waiting = reviews(&lea).await;
    assert_eq!(
        (&waiting[0]["kind"], &waiting[0]["edges"]),
        (&json!("rate"), &json!(300))
    );
    decide(&lea, &waiting[0], "accept").await.expect(200);
    assert_eq!(count().await, ["1300"]);
}

/// Many at once about the same people: no deadlock, and the same as one after the other.
async fn deliveries_about_the_same_people_at_once_end_the_same(store: Store) {
    let app = app(store).await;
    let lea = decider(&app, "lea").await;
    for (source, fact) in of_case(0) {
        app.source(source).deliver([fact]).await;
    }
    let expected = told(&lea, 0).await;
    for case in 1..=4 {
        let deliveries = of_case(case).into_iter().map(|(source, fact)| {
            let source = app.source(source).clone();
            tokio::spawn(async move { source.deliver([fact]).await })
        });
        for delivery in deliveries.collect::<Vec<_>>() {
            delivery.await.unwrap();
        }
        let got = told(&lea, case).await;
        for (got, expected) in got.iter().zip(&expected) {
            assert_eq!(got, expected, "case {case}");
        }
    }
}
