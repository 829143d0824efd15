//! Facts in any order give the same people, and a forged fact gives its forger nothing.

use kith_domain::Entropy as _;
use kith_testkit::app::SeededEntropy;
use kith_testkit::app::client::{account, person};
use kith_testkit::{Answer, Store, TestApp};
use serde_json::{Value, json};

crate::promises! {
    what_a_source_says_is_what_a_member_sees,
    the_same_facts_in_any_order_and_batching_give_the_same_context,
    an_alias_may_come_before_whom_it_is_about,
    merged_people_answer_to_both_their_ids,
    a_message_delivered_twice_counts_once,
    a_reused_message_id_is_set_aside_and_changes_nothing,
    a_forged_fact_gives_its_forger_nothing,
}

async fn what_a_source_says_is_what_a_member_sees(store: Store) {
    let app = TestApp::start(store).await;
    app.source("product")
        .deliver([
            json!({"type": "group", "groupId": "acme", "traits": {"plan": "trial", "region": "eu"}}),
            json!({
                "type": "identify", "userId": "usr_1",
                "traits": {"email": "ada@acme.example", "role": "Billing owner"},
                "context": {"groupId": "acme"},
            }),
            json!({
                "type": "track", "userId": "usr_1", "event": "Checkout Failed",
                "properties": {"code": "card_declined"}, "context": {"groupId": "acme"},
            }),
        ])
        .await;
    let sam = app.as_member("sam");
    let answer = sam.ask("support.view", person("usr_1")).await.expect(200);
    assert_eq!(answer.value("account.plan"), "trial");
    assert_eq!(answer.value("account.key"), "acme");
    assert_eq!(answer.value("role.name"), "Billing owner");
    assert_eq!(answer.value("person.email"), "a•••@acme.example");
    assert_eq!(answer.journey(), ["checkout.failed"]);
    assert_eq!(answer.field("account.plan")["source"], "product");
    let answer = sam
        .ask("support.reply", by("email", "ADA@acme.example"))
        .await;
    assert_eq!(answer.value("person.email"), "ada@acme.example");
}

fn by(kind: &str, value: &str) -> Value {
    json!({"person": {"type": kind, "value": value}})
}

/// What is the same whenever the same is known: all but ids.
pub(crate) fn without_ids(answer: &Answer) -> Value {
    fn strip(json: &mut Value) {
        match json {
            Value::Object(object) => {
                object.retain(|key, _| key != "id" && key != "auditId");
                object.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut json = answer.json.clone();
    strip(&mut json);
    json["status"] = answer.status.into();
    json
}

/// Facts that contradict, repeat, merge and forge each other; `#` keeps the cases apart.
fn tangled_facts() -> Vec<(&'static str, Value)> {
    let at = |minute: u32| format!("2026-03-01T10:{minute:02}:00Z");
    vec![
        (
            "product",
            json!({"type": "group", "groupId": "#acme", "messageId": "#1", "timestamp": at(1), "traits": {"name": "Acme", "plan": "trial", "region": "eu", "privateRevenue": 100}}),
        ),
        (
            "billing",
            json!({"type": "group", "groupId": "#acme", "messageId": "#2", "timestamp": at(2), "traits": {"plan": "growth", "taxId": "DE123456789"}}),
        ),
        (
            "crm",
            json!({"type": "group", "groupId": "#acme", "messageId": "#3", "timestamp": at(3), "traits": {"plan": "enterprise", "privateRevenue": {"amount": "250.50", "currency": "EUR"}}}),
        ),
        (
            "product",
            json!({"type": "group", "groupId": "#acme", "messageId": "#4", "timestamp": at(4), "traits": {"name": null}}),
        ),
        (
            "product",
            json!({"type": "identify", "userId": "#ada", "messageId": "#5", "timestamp": at(5), "traits": {"email": "#ada@acme.example", "name": "Ada", "role": "Owner"}, "context": {"groupId": "#acme"}}),
        ),
        (
            "product",
            json!({"type": "identify", "userId": "#ada", "messageId": "#6", "timestamp": at(6), "traits": {"name": "Ada L.", "role": "Billing owner"}, "context": {"groupId": "#acme"}}),
        ),
        (
            "crm",
            json!({"type": "identify", "messageId": "#7", "timestamp": at(7), "traits": {"email": "#ada@acme.example", "phone": "+49 30 5550100"}}),
        ),
        (
            "product",
            json!({"type": "track", "anonymousId": "#browser", "messageId": "#8", "timestamp": at(8), "event": "page.viewed", "properties": {"name": "Pricing"}}),
        ),
        (
            "web",
            json!({"type": "identify", "userId": "#ada", "anonymousId": "#browser", "messageId": "#9", "timestamp": at(9), "traits": {"name": "Forged"}}),
        ),
        (
            "product",
            json!({"type": "alias", "userId": "#ada", "previousId": "#phone", "messageId": "#10", "timestamp": at(10)}),
        ),
        (
            "product",
            json!({"type": "track", "anonymousId": "#phone", "messageId": "#11", "timestamp": at(11), "event": "checkout.failed", "properties": {"amount": 12.5, "code": "x"}, "context": {"groupId": "#acme"}}),
        ),
        (
            "product",
            json!({"type": "identify", "userId": "#bob", "messageId": "#12", "timestamp": at(12), "traits": {"email": "#bob@acme.example"}, "context": {"groupId": "#acme"}}),
        ),
        (
            "web",
            json!({"type": "identify", "userId": "#bob", "messageId": "#13", "timestamp": at(13), "traits": {"email": "#ada@acme.example"}}),
        ),
        (
            "web",
            json!({"type": "identify", "userId": "#ada", "messageId": "#14", "timestamp": at(14), "traits": {"email": "#eve@evil.example"}}),
        ),
        (
            "web",
            json!({"type": "identify", "anonymousId": "#browser", "messageId": "#15", "timestamp": at(15), "traits": {"email": "#bob@acme.example"}}),
        ),
        (
            "web",
            json!({"type": "group", "userId": "#bob", "groupId": "#acme", "messageId": "#16", "timestamp": at(16), "traits": {"plan": "trial", "seats": 9}}),
        ),
        (
            "product",
            json!({"type": "identify", "userId": "#ada", "messageId": "#6", "timestamp": at(6), "traits": {"name": "Ada L.", "role": "Billing owner"}, "context": {"groupId": "#acme"}}),
        ),
    ]
}

async fn the_same_facts_in_any_order_and_batching_give_the_same_context(store: Store) {
    const CASES: usize = 10;
    let app = TestApp::start(store).await;
    let random = SeededEntropy::new("orders");
    let mut expected: Option<Vec<String>> = None;
    for case in 0..CASES {
        let mark = format!("c{case:02}-");
        let facts = tangled_facts().into_iter().map(|(source, fact)| {
            let fact: Value = serde_json::from_str(&fact.to_string().replace('#', &mark)).unwrap();
            (source, fact)
        });
        let mut facts: Vec<_> = facts.collect();
        if case > 0 {
            shuffle(&mut facts, &random);
        }
        while !facts.is_empty() {
            let source = facts[0].0;
            let run = facts.iter().take_while(|(name, _)| *name == source).count();
            let taken = 1 + number(&random, run);
            let batch: Vec<Value> = facts.drain(..taken).map(|(_, fact)| fact).collect();
            app.source(source).deliver(batch).await;
        }

        let mut got = Vec::new();
        for (who, subject) in [
            ("lea", person("#ada")),
            ("sam", person("#bob")),
            ("lea", account("#acme")),
            ("lea", by("email", "#ada@acme.example")),
            ("lea", by("email", "#eve@evil.example")),
            ("lea", by("anonymousId", "#phone")),
            ("lea", by("anonymousId", "#browser")),
        ] {
            let subject = subject.to_string().replace('#', &mark);
            let subject = serde_json::from_str(&subject).unwrap();
            let answer = app.as_member(who).ask("support.view", subject).await;
            let told = serde_json::to_string_pretty(&without_ids(&answer)).unwrap();
            got.push(told.replace(&mark, "#"));
        }
        let expected = expected.get_or_insert_with(|| got.clone());
        for (got, expected) in got.iter().zip(expected) {
            assert_eq!(got, expected, "case {case}");
        }
    }

    let answers = expected.unwrap();
    let ada: Value = serde_json::from_str(&answers[0]).unwrap();
    assert_eq!(ada["person"]["name"]["value"], "Ada L.");
    assert_eq!(ada["role"]["name"]["value"], "Billing owner");
    assert_eq!(
        ada["account"]["plan"]["value"], "growth",
        "billing comes before product and crm"
    );
    assert_eq!(
        ada["account"]["name"]["value"],
        Value::Null,
        "an explicit null deletes"
    );
    assert_eq!(
        ada["account"]["privateRevenue"]["value"]["amount"],
        "250.50"
    );
    // A browser cannot tie the visit that a server told of to anyone.
    assert_eq!(ada["journey"].as_array().unwrap().len(), 1);
    assert_eq!(answers[0], answers[3], "an email leads to its user");
    assert_eq!(answers[0], answers[5], "an alias leads to its user");
}

fn number(random: &SeededEntropy, below: usize) -> usize {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    usize::try_from(u64::from_le_bytes(bytes) % below as u64).unwrap()
}

fn shuffle<T>(items: &mut [T], random: &SeededEntropy) {
    for last in (1..items.len()).rev() {
        items.swap(last, number(random, last + 1));
    }
}

async fn an_alias_may_come_before_whom_it_is_about(store: Store) {
    let app = TestApp::start(store).await;
    let product = app.source("product");
    let viewed = json!({"type": "track", "anonymousId": "browser", "event": "page.viewed"});
    product
        .alias(json!({"userId": "usr_1", "previousId": "browser"}))
        .await
        .expect(200);
    product.track(viewed).await.expect(200);
    product
        .identify(json!({"userId": "usr_1", "traits": {"name": "Ada"}}))
        .await
        .expect(200);
    let answer = app
        .as_member("sam")
        .ask("support.view", person("usr_1"))
        .await
        .expect(200);
    assert_eq!(answer.value("person.name"), "Ada");
    assert_eq!(answer.journey(), ["page.viewed"]);
}

async fn merged_people_answer_to_both_their_ids(store: Store) {
    let app = TestApp::start(store).await;
    let (product, sam) = (app.source("product"), app.as_member("sam"));
    product
        .deliver([
            json!({"type": "group", "groupId": "acme", "traits": {"region": "eu"}}),
            json!({"type": "identify", "anonymousId": "browser", "traits": {"name": "Visitor"}, "timestamp": "2026-03-01"}),
            json!({"type": "identify", "userId": "usr_1", "traits": {"name": "Ada"}, "timestamp": "2026-02-01", "context": {"groupId": "acme"}}),
        ])
        .await;
    let visitor = sam
        .ask("support.view", by("anonymousId", "browser"))
        .await
        .expect(200);
    let user = sam.ask("support.view", person("usr_1")).await.expect(200);
    let ids = [&visitor, &user].map(|answer| answer.json["person"]["id"].clone());
    assert_ne!(ids[0], ids[1]);

    product
        .alias(json!({"userId": "usr_1", "previousId": "browser"}))
        .await
        .expect(200);
    for id in ids {
        let answer = sam
            .ask("support.view", json!({"person": {"id": id}}))
            .await
            .expect(200);
        assert_eq!(answer.json["person"]["id"], user.json["person"]["id"]);
        assert_eq!(
            answer.value("person.name"),
            "Visitor",
            "the later of the two names"
        );
        assert_eq!(answer.value("account.key"), "acme");
    }
}

async fn count(app: &TestApp, sql: &str) -> String {
    app.home()
        .column(&format!("SELECT count(*) FROM {sql}"))
        .await
        .remove(0)
}

async fn a_message_delivered_twice_counts_once(store: Store) {
    let app = TestApp::start(store).await;
    let product = app.source("product");
    let event = |id: &str| json!({"type": "track", "userId": "usr_1", "event": "page.viewed", "messageId": id});

    product
        .deliver([event("m-1"), event("m-1"), event("m-2")])
        .await;
    product.deliver([event("m-2"), event("m-3")]).await;
    app.clock.advance_seconds(86_400);
    product.deliver([event("m-1")]).await;
    assert_eq!(count(&app, "event").await, "3");

    // A browser's library writes when it sent a message into the message: a retry says another time.
    let single = |sent: &str| {
        json!({
            "userId": "usr_1", "event": "page.viewed", "messageId": "m-4",
            "timestamp": "2026-03-02T08:59:00Z", "sentAt": sent, "writeKey": product.key(),
        })
    };
    for sent in [
        "2026-03-02T09:00:00Z",
        "2026-03-02T09:00:10Z",
        "2026-03-02T09:01:00Z",
    ] {
        product.track(single(sent)).await.expect(200);
    }
    assert_eq!(count(&app, "event").await, "4");

    // Many at once, as impatient clients do.
    let many = (0..8).map(|_| {
        let product = product.clone();
        tokio::spawn(async move { product.deliver([event("m-5"), event("m-6")]).await })
    });
    for delivery in many.collect::<Vec<_>>() {
        delivery.await.unwrap();
    }
    assert_eq!(count(&app, "event").await, "6");

    // A message without an id is known by its bytes.
    let nameless = json!({"userId": "usr_1", "event": "page.viewed", "timestamp": "2026-03-01"});
    product.track(nameless.clone()).await.expect(200);
    product.track(nameless).await.expect(200);
    assert_eq!(count(&app, "event").await, "7");

    // Two systems may count in the same way.
    app.source("billing").deliver([event("m-1")]).await;
    assert_eq!(count(&app, "event").await, "8");
    assert_eq!(count(&app, "quarantine").await, "0");

    let leaked = app.home().cells().await;
    let leaked = leaked.iter().find(|cell| {
        cell.bytes
            .windows(60)
            .any(|part| part == &product.key().as_bytes()[..60])
    });
    assert!(leaked.is_none(), "the write key stands in {leaked:?}");
}

async fn a_reused_message_id_is_set_aside_and_changes_nothing(store: Store) {
    let app = TestApp::start(store).await;
    let product = app.source("product");
    let named = |name: &str| json!({"type": "identify", "userId": "usr_1", "messageId": "m-1", "traits": {"name": name}});
    product.deliver([named("Ada"), named("Eve")]).await;
    app.clock.advance_seconds(60);
    product.deliver([named("Mallory")]).await;
    let answer = app
        .as_member("sam")
        .ask("support.view", person("usr_1"))
        .await
        .expect(200);
    assert_eq!(answer.value("person.name"), "Ada");
    let codes = app.home().column("SELECT code FROM quarantine").await;
    assert_eq!(codes, ["message-id-reused", "message-id-reused"]);
}

async fn a_forged_fact_gives_its_forger_nothing(store: Store) {
    let app = TestApp::start(store).await;
    let attacks: Vec<(&str, Value)> = vec![
        (
            "to rename the victim",
            json!({"type": "identify", "userId": "#ada", "traits": {"name": "Eve", "phone": "+1 555 0000", "role": "Janitor"}, "context": {"groupId": "#acme"}}),
        ),
        (
            "to delete what is known",
            json!({"type": "identify", "userId": "#ada", "traits": {"name": null, "phone": null}}),
        ),
        (
            "to do so from the future",
            json!({"type": "identify", "userId": "#ada", "timestamp": "2099-01-01T00:00:00Z", "traits": {"name": "Eve"}}),
        ),
        (
            "to change the account",
            json!({"type": "group", "userId": "#eve", "groupId": "#acme", "traits": {"plan": "trial", "region": "us", "privateRevenue": 1, "name": "Evil"}}),
        ),
        (
            "to join the account",
            json!({"type": "group", "userId": "#eve", "groupId": "#acme", "traits": {"role": "Owner"}}),
        ),
        (
            "to join by identify",
            json!({"type": "identify", "userId": "#eve", "traits": {"role": "Owner"}, "context": {"groupId": "#acme"}}),
        ),
        (
            "to join by company",
            json!({"type": "identify", "userId": "#eve", "traits": {"company": {"id": "#acme"}}}),
        ),
        (
            "to take the victim's email",
            json!({"type": "identify", "userId": "#eve", "traits": {"email": "#ada@acme.example"}}),
        ),
        (
            "to give the victim an email",
            json!({"type": "identify", "userId": "#ada", "traits": {"email": "#eve@evil.example"}}),
        ),
        (
            "to give the victim's email a user",
            json!({"type": "identify", "userId": "#new", "traits": {"email": "#ada@acme.example"}}),
        ),
        (
            "to be the victim by alias",
            json!({"type": "alias", "userId": "#ada", "previousId": "#eve"}),
        ),
        (
            "to take the victim by alias",
            json!({"type": "alias", "userId": "#eve", "previousId": "#ada"}),
        ),
        (
            "to take the victim's browser",
            json!({"type": "alias", "userId": "#eve", "previousId": "#browser"}),
        ),
        (
            "to take it by identify",
            json!({"type": "identify", "userId": "#eve", "anonymousId": "#browser"}),
        ),
        (
            "to bridge by a third",
            json!({"type": "identify", "anonymousId": "#bridge", "traits": {"email": "#ada@acme.example"}, "userId": "#eve"}),
        ),
        (
            "to take the email by page",
            json!({"type": "page", "userId": "#eve", "name": "x", "context": {"traits": {"email": "#ada@acme.example"}}}),
        ),
    ];
    for (number, (what, attack)) in attacks.into_iter().enumerate() {
        let mark = format!("a{number:02}-");
        let marked = |json: &Value| -> Value {
            serde_json::from_str(&json.to_string().replace('#', &mark)).unwrap()
        };
        let attack = marked(&attack);
        for forged_first in [false, true] {
            let mark = if forged_first {
                mark.replace('a', "b")
            } else {
                mark.clone()
            };
            let marked = |json: &Value| -> Value {
                serde_json::from_str(&json.to_string().replace('#', &mark)).unwrap()
            };
            let attack: Value =
                serde_json::from_str(&attack.to_string().replace(&format!("a{number:02}-"), &mark))
                    .unwrap();
            let honest = json!([
                {"type": "group", "groupId": "#acme", "traits": {"name": "Acme", "plan": "growth", "region": "eu", "privateRevenue": 900}},
                {"type": "identify", "userId": "#ada", "anonymousId": "#browser", "traits": {"email": "#ada@acme.example", "name": "Ada", "phone": "+49 30 5550100", "role": "Owner"}, "context": {"groupId": "#acme"}},
                {"type": "identify", "userId": "#eve", "traits": {"name": "Eve"}},
            ]);
            let honest = marked(&honest).as_array().unwrap().clone();
            let (product, web) = (app.source("product"), app.source("web"));
            if forged_first {
                web.deliver([attack.clone()]).await;
                product.deliver(honest).await;
            } else {
                product.deliver(honest).await;
                web.deliver([attack.clone()]).await;
            }

            let lea = app.as_member("lea");
            let name = |text: &str| text.replace('#', &mark);
            let ada = lea
                .ask("support.view", person(&name("#ada")))
                .await
                .expect(200);
            for (field, value) in [
                ("person.name", json!("Ada")),
                ("person.email", json!(name("#ada@acme.example"))),
                ("role.name", json!("Owner")),
                ("account.name", json!("Acme")),
                ("account.plan", json!("growth")),
                ("account.region", json!("eu")),
                (
                    "account.privateRevenue",
                    json!({"amount": "900.00", "currency": "EUR"}),
                ),
                ("account.key", json!(name("#acme"))),
            ] {
                assert_eq!(
                    *ada.value(field),
                    value,
                    "{what}, first: {forged_first}: {field}"
                );
            }
            for identifier in [("email", "#ada@acme.example"), ("anonymousId", "#browser")] {
                let found = lea
                    .ask("support.view", by(identifier.0, &name(identifier.1)))
                    .await;
                assert_eq!(
                    found.json["person"]["id"], ada.json["person"]["id"],
                    "{what}, first: {forged_first}: {identifier:?}"
                );
            }
            for (kind, value) in [
                ("userId", "#eve"),
                ("email", "#eve@evil.example"),
                ("userId", "#new"),
                ("anonymousId", "#eve"),
                ("anonymousId", "#ada"),
            ] {
                let found = lea.ask("support.view", by(kind, &name(value))).await;
                let is_browser = kind == "anonymousId";
                assert!(
                    is_browser || found.json["person"]["id"] != ada.json["person"]["id"],
                    "{what}, first: {forged_first}: {kind} {value} leads to the victim"
                );
                assert!(
                    is_browser
                        || (found.field("account").is_null() && found.field("role").is_null()),
                    "{what}, first: {forged_first}: {kind} {value}: {found:?}"
                );
            }
        }
    }
}
