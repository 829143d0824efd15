//! A value that nobody may see appears in no answer, no log line, no error and no audit entry, over
//! every route that the server has.

use kith_domain::Purpose;
use kith_domain::fact::Author;
use kith_server::routes::{Method, ROUTES, Reveals};
use kith_testkit::app::client::{account, person, person_in};
use kith_testkit::app::facts::about;
use kith_testkit::app::logs;
use kith_testkit::{Answer, Client, Source, Store, TestApp};
use serde_json::{Value, json};

use crate::account_page::look;
use crate::writes::writer;

crate::promises! { a_hidden_value_leaves_through_no_door }

/// In every hidden value, and nowhere else.
const SECRET: &str = "PLANTED7F3";
const SECRET_NUMBER: i64 = 7_073_070_731;
/// The same, of hidden fields as they once were.
const OLD_SECRET: &str = "PLANTED7F3OLD";
const OLD_NUMBER: i64 = 7_073_070_732;
const LONG_AGO: &str = "2026-01-05T10:00:00Z";
/// In identifiers, which those who ask by them know already, but which no log or audit entry holds.
const NAME: &str = "usr_named7f3";

/// The tables whose rows hold what sources said, and the definitions, whose policies may name values.
const HOLD_VALUES: &[&str] = &[
    "account",
    "company",
    "conversation",
    "definitions",
    "event",
    "field_index",
    "identifier",
    "message",
    "observation",
    "person",
    "quarantine",
    "quarantine_identifier",
    "role",
    "site",
    "subscription",
];

async fn planted(store: Store) -> TestApp {
    // Policies that turn on the hidden value, so that reasons speak of them.
    let turns = format!(
        "hide account.seats\nwhen account.enterpriseNotes == \"{SECRET}\"\n\n\
         forbid support.reply\nwhen account.privateRevenue == {SECRET_NUMBER}\n\n\
         allow account.edit, catalog.edit, policy.edit, source.manage, person.merge, person.erase,\n\
         member.manage, audit.view, report.create, export.run\nwhen user.role == \"support\"\n"
    );
    let folder = crate::conversations::folder()
        .with("policies/turns.kith", &turns)
        .with(
            "policies/conversations.kith",
            "hide event.conversation.message.body\n",
        );
    let app = TestApp::with_definitions(store, folder).await;
    let billing = app.source("billing");
    let product = app.source("product");
    // What was and is no more: the past of a hidden field is as hidden as its present.
    billing
        .deliver([
            json!({"type": "group", "userId": NAME, "groupId": "acme", "timestamp": LONG_AGO, "traits": {
                "enterpriseNotes": OLD_SECRET, "taxId": OLD_SECRET, "privateRevenue": OLD_NUMBER,
                "salary": OLD_NUMBER,
            }}),
            json!({"type": "identify", "userId": NAME, "timestamp": LONG_AGO, "traits": {"diagnosis": OLD_SECRET}}),
            json!({"type": "group", "userId": NAME, "groupId": "acme", "traits": {
                "plan": "growth", "region": "eu",
                "enterpriseNotes": SECRET, "taxId": SECRET, "privateRevenue": SECRET_NUMBER,
                "salary": SECRET_NUMBER, "uncatalogued": SECRET, "seats": SECRET, SECRET: true,
            }}),
        ])
        .await;
    product
        .deliver([
            json!({"type": "identify", "userId": NAME, "traits": {
                "diagnosis": SECRET, "nested": {"deep": SECRET},
            }}),
            json!({"type": "track", "userId": NAME, "event": "Checkout Failed", "context": {"groupId": "acme"},
                   "properties": {"code": "declined", "reason": SECRET, "other": SECRET, "amount": SECRET_NUMBER}}),
            json!({"type": "track", "userId": NAME, "event": "legal.hold", "properties": {"matter": SECRET}}),
            json!({"type": "track", "userId": NAME, "event": SECRET, "properties": {}}),
        ])
        .await;
    app.tell(
        "crm",
        [
            about(&["groupId:acme"])
                .to("account.company", "companyId:crm-1")
                .to("account.site", "siteKey:berlin"),
            about(&["companyId:crm-1"])
                .with(json!({"name": "Acme Example", "region": "eu", "creditNotes": SECRET})),
            about(&["siteKey:berlin"]).with(json!({"region": "eu", "vendorNotes": SECRET})),
            about(&["subscriptionId:sub-1"])
                .to("subscription.account", "groupId:acme")
                .with(json!({"status": "active", "discountCode": SECRET, "uncatalogued": SECRET})),
            about(&["subscriptionId:sub-2"])
                .to("subscription.account", "groupId:acme")
                .with(json!({"status": SECRET, "discountCode": OLD_SECRET})),
        ],
    )
    .await;
    let talk = about(&["conversationId:c-1"]);
    let written = |author, is_note, properties| {
        let by = about(&["conversationId:c-1", &format!("userId:{NAME}")]);
        by.written(author, is_note).with(properties)
    };
    let facts = [
        talk.clone()
            .with(json!({"status": "open", "escalation": OLD_SECRET}))
            .to("conversation.account", "groupId:acme")
            .to("conversation.person", &format!("userId:{NAME}"))
            .at(LONG_AGO),
        talk.with(json!({"escalation": SECRET, "csat": SECRET, SECRET: SECRET})),
        written(
            Author::Person,
            false,
            json!({"body": SECRET, "mood": SECRET}),
        ),
        written(Author::Member, true, json!({"body": SECRET})).at(LONG_AGO),
        written(Author::Member, true, json!({"body": SECRET.repeat(10_000)})),
    ];
    assert_eq!(app.tell("crm", facts).await, 3);
    app
}

/// Questions about who holds the secret, who is not there, and some that cannot be read.
fn questions(purpose: Purpose) -> Vec<String> {
    let ask = |subject: Value| json!({"purpose": purpose.as_str(), "subject": subject}).to_string();
    let mut all = vec![
        ask(person_in(NAME, "acme")),
        ask(person(NAME)),
        ask(account("acme")),
    ];
    // Purposes without an audience reveal no field, and are all decided alike.
    if purpose.audience().is_some() {
        all.extend([
            ask(person(SECRET)),
            ask(json!({"person": {"type": "email", "value": "nobody@acme.example"}})),
            ask(json!({"person": {"id": "per_00000000000000000000000000"}})),
        ]);
    }
    all
}

/// Questions that cannot be read, each with the secret in it.
fn nonsense() -> Vec<String> {
    let token = json!({"type": "userId", "value": SECRET, "hash": SECRET});
    vec![
        json!({"purpose": SECRET, "subject": {"person": {"type": SECRET, "value": SECRET}}}).to_string(),
        json!({"purpose": "support.view", "subject": {"person": {"id": SECRET}, "account": SECRET}}).to_string(),
        json!({"purpose": "support.view", "subject": person(NAME), "onBehalfOf": SECRET}).to_string(),
        json!({"purpose": "ai.draft", "subject": person(NAME), "identityToken": SECRET}).to_string(),
        json!({"purpose": "ai.draft", "subject": person(NAME), "identityToken": token}).to_string(),
        json!({"purpose": "support.view", "subject": person(NAME), "fields": [SECRET]}).to_string(),
        json!([SECRET]).to_string(),
        format!("{{\"purpose\": \"{SECRET}"),
        SECRET.to_owned(),
    ]
}

/// Everything that one asker can ask at one door.
async fn ask_all(client: Client, path: &'static str) -> Vec<Answer> {
    let mut answers = Vec::new();
    let questions = Purpose::ALL.iter().copied().flat_map(questions);
    for body in questions.chain(nonsense()) {
        answers.push(client.send(reqwest::Method::POST, path, body).await);
    }
    answers
}

/// Every way to ask for a list, by what is hidden and by what it holds.
async fn list_all(client: &Client, path: &str) -> Vec<Answer> {
    let secret = format!("account.enterpriseNotes == \"{SECRET}\"");
    let number = format!("account.privateRevenue >= {SECRET_NUMBER}");
    let name = format!("account.name != \"{SECRET}\"");
    let enumerated = format!("account.plan == \"{SECRET}\"");
    let broken = format!("account.plan == {SECRET} and {SECRET}");
    let of_company = format!("company.creditNotes == \"{SECRET}\"");
    let of_site = format!("site.region != \"{SECRET}\"");
    let mut answers = Vec::new();
    for purpose in Purpose::ALL {
        answers.push(client.list_of(path, &[("purpose", purpose.as_str())]).await);
    }
    for more in [
        [("filter", secret.as_str()), ("count", "true")],
        [("filter", &number), ("count", "true")],
        [("filter", &name), ("limit", "1")],
        [("filter", &enumerated), ("limit", "1")],
        [("filter", &broken), ("limit", SECRET)],
        [("filter", &of_company), ("count", "true")],
        [("filter", &of_site), ("count", "true")],
        [("sort", "account.enterpriseNotes"), ("limit", "1")],
        [
            ("sort", "account.privateRevenue"),
            ("filter", "account.seats is absent"),
        ],
        [("sort", SECRET), ("cursor", SECRET)],
        [("count", SECRET), ("sort", "-account.taxId")],
    ] {
        let asked = [("purpose", "support.view"), more[0], more[1]];
        answers.push(client.list(&asked).await);
    }
    answers
}

/// Every way to search, by what is hidden and by what it begins with: nothing of it is found, as of a word that
/// is nowhere.
async fn search_all(client: &Client, path: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for purpose in Purpose::ALL {
        let asked = [("purpose", purpose.as_str()), ("q", SECRET)];
        answers.push(client.list_of(path, &asked).await);
    }
    let asked = |q| [("purpose", "support.view"), ("q", q)];
    for q in [OLD_SECRET, "planted", "acme", NAME] {
        answers.push(client.list_of(path, &asked(q)).await);
    }
    let planted = client.list_of(path, &asked(SECRET)).await;
    let never = client.list_of(path, &asked("PLANTED8F4")).await;
    assert_eq!(
        planted.text_without_audit_id(),
        never.text_without_audit_id()
    );
    for (key, value) in [
        ("kinds", SECRET),
        ("cursor", SECRET),
        ("onBehalfOf", SECRET),
    ] {
        let asked = [("purpose", "support.view"), ("q", SECRET), (key, value)];
        answers.push(client.list_of(path, &asked).await);
    }
    answers
}

/// Every way to ask for decisions, also by what cannot be read.
async fn decide_all(client: &Client, id: &str) -> Vec<Answer> {
    let ask = |purpose: &str, account: &str, field: &str| json!({"purpose": purpose, "accounts": [account], "fields": [field], "onBehalfOf": client.serves()});
    let mut bodies: Vec<Value> = Purpose::ALL
        .iter()
        .map(|purpose| json!({"purpose": purpose.as_str(), "accounts": [id], "onBehalfOf": client.serves()}))
        .collect();
    bodies.extend([
        ask("support.view", id, "account.enterpriseNotes"),
        ask("support.view", id, SECRET),
        ask("support.view", SECRET, "account.plan"),
        ask(SECRET, id, "account.plan"),
        ask("support.view", id, "company.creditNotes"),
        ask("support.view", id, "subscription.discountCode"),
        json!({"purpose": "support.view", "accounts": [id], "onBehalfOf": SECRET}),
    ]);
    let mut answers = Vec::new();
    for body in bodies {
        answers.push(
            client
                .send(reqwest::Method::POST, "/v1/decisions", body.to_string())
                .await,
        );
    }
    answers
}

/// Every way to ask for one account, also by what cannot be read.
async fn read_all(client: &Client, path: &str, id: &str) -> Vec<Answer> {
    let behalf = client
        .serves()
        .map(|member| format!("&onBehalfOf={member}"));
    let behalf = behalf.unwrap_or_default();
    let mut asked: Vec<(&str, String)> = Purpose::ALL
        .iter()
        .map(|purpose| (id, format!("purpose={}{behalf}", purpose.as_str())))
        .collect();
    asked.extend([
        (SECRET, "purpose=support.view".to_owned()),
        (id, format!("purpose={SECRET}")),
        (id, format!("purpose=support.view&onBehalfOf={SECRET}")),
        (id, format!("purpose=support.view&fields={SECRET}")),
        (id, format!("purpose=support.view&asOf={LONG_AGO}")),
        (id, format!("purpose=support.reply&asOf={LONG_AGO}")),
        (
            id,
            format!("purpose=support.view&asOf={SECRET}&before={SECRET}"),
        ),
        (id, format!("purpose=support.view&kinds={SECRET}&limit=1")),
        (id, format!("purpose=support.view&cursor={SECRET}")),
    ]);
    let mut answers = Vec::new();
    for (id, query) in asked {
        let path = format!("{}?{query}", path.replace("{id}", id));
        let held = [("if-none-match", SECRET)];
        let method = reqwest::Method::GET;
        answers.push(client.send_with(method, &path, &held, "").await);
    }
    answers
}

/// Every way to open the page of an account, by an asker whose key is in the form.
async fn open_all(browser: &Client, asker: &Client, id: &str, person: &str) -> Vec<Answer> {
    let key = asker.key();
    let token = asker.proof();
    let mut forms = Vec::new();
    for purpose in Purpose::ALL {
        for person in ["", person] {
            let (purpose, token) = (purpose.as_str(), token.as_str());
            forms.push(vec![
                ("purpose", purpose),
                ("person", person),
                ("identityToken", token),
            ]);
        }
    }
    for role in ["support", "leadership", "revops", SECRET] {
        forms.push(vec![("viewAs", role), ("person", person)]);
        forms.push(vec![("viewAs", role), ("purpose", "report.view")]);
    }
    forms.push(vec![("purpose", SECRET), ("person", SECRET)]);
    forms.push(vec![("identityToken", SECRET), ("ticket", SECRET)]);
    let mut answers = Vec::new();
    for mut form in forms {
        form.push(("key", key));
        let page = look(browser, id, &form).await;
        assert!(key.is_empty() || key == SECRET || !page.text.contains(key));
        answers.push(page);
    }
    answers.push(look(browser, SECRET, &[("key", key)]).await);
    answers
}

/// Every way to look into the audit log, by what is hidden and as it comes.
async fn look_all(client: &Client, path: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for tile in ["0/000.p/20", "entries/000.p/20", "entries/000.p/60", SECRET] {
        let path = path.replace("{*tile}", tile);
        for query in [
            String::new(),
            "?limit=200".to_owned(),
            "?index=3".to_owned(),
            "?from=3".to_owned(),
            format!("?actor={SECRET}&field={SECRET}&limit=5"),
            format!("?purpose={SECRET}&subject={SECRET}&since={SECRET}&cursor={SECRET}"),
            format!("?entry={SECRET}&from={SECRET}"),
        ] {
            let whole = format!("{path}{query}");
            answers.push(client.send(reqwest::Method::GET, &whole, "").await);
        }
        if !path.contains("/tile/") {
            break;
        }
    }
    answers
}

/// Every way to write, each with the secret where it fits and where it does not.
async fn write_all(client: &Client, method: Method, path: &str, id: &str) -> Vec<Answer> {
    let named = |kind: &str, value: &str| json!({"type": kind, "value": value});
    let fields = json!({"enterpriseNotes": SECRET, "diagnosis": SECRET, "plan": SECRET,
                        "seats": SECRET, "nope": SECRET, "privateRevenue": SECRET_NUMBER});
    let mut bodies = vec![
        json!({"identifiers": [named("groupId", "acme")], "fields": fields}),
        json!({"identifiers": [named("groupId", SECRET)], "fields": {"nope": SECRET}}),
        json!({"identifiers": [named("userId", NAME)], "fields": fields, "accounts": [
            {"identifier": named("groupId", "acme"), "role": {"salary": SECRET, "name": [SECRET]}}]}),
        json!({"identifiers": [named(SECRET, SECRET)], "observedAt": SECRET}),
        json!({"identifiers": SECRET, "fields": SECRET, "accounts": SECRET}),
        json!({"fields": fields}),
        json!({"fields": {"plan": SECRET}, "observedAt": SECRET}),
        json!({"name": "checkout.failed", "person": named("userId", NAME),
               "properties": {"reason": SECRET, "code": [SECRET], "nope": SECRET}}),
        json!({"name": SECRET, "account": {"id": id}, "properties": {"code": SECRET}}),
        json!({"name": SECRET, "account": {"id": SECRET}, "person": SECRET}),
    ];
    bodies.extend([
        json!({"with": SECRET}),
        json!({"identifiers": [SECRET]}),
        json!({"decision": SECRET}),
        json!([SECRET]),
    ]);
    let method = reqwest::Method::from_bytes(method.as_str().as_bytes()).unwrap();
    let mut answers = Vec::new();
    for id in [id, SECRET] {
        let path = path.replace("{id}", id);
        for body in bodies.iter().map(Value::to_string).chain(nonsense()) {
            answers.push(client.send(method.clone(), &path, body).await);
        }
    }
    answers
}

/// Messages that each hold the secret where it does not belong.
/// The ingest routes whose handler has another name already.
const OTHER_NAMES: [&str; 15] = [
    "/v1/i",
    "/v1/g",
    "/v1/t",
    "/v1/p",
    "/v1/s",
    "/v1/a",
    "/v1/b",
    "/api/s/{type}",
    "/batch",
    "/capture/",
    "/capture",
    "/e/",
    "/e",
    "/i/v0/e/",
    "/i/v0/e",
];

async fn deliver_all(source: &Source, path: &str, answers: &mut Vec<Answer>) {
    let bodies = [
        json!({"type": "track", "userId": NAME, "event": SECRET}).to_string(),
        json!({"type": "identify", "userId": SECRET.repeat(100), "traits": {"name": [SECRET]}})
            .to_string(),
        json!({"type": SECRET, "userId": NAME}).to_string(),
        json!({"batch": [SECRET, {"type": "group", "groupId": NAME, "traits": {"plan": SECRET}}]})
            .to_string(),
        json!({"event": "$set", "distinct_id": NAME, "$set": {"plan": SECRET, SECRET: 1}})
            .to_string(),
        json!({"batch": [{"event": SECRET, "distinct_id": NAME, "properties": {"code": SECRET}}]})
            .to_string(),
        format!("{{\"userId\": \"{SECRET}"),
        SECRET.to_owned(),
    ];
    for body in bodies {
        answers.push(source.post(path, body).await);
    }
}

async fn a_hidden_value_leaves_through_no_door(store: Store) {
    logs::capture();
    let app = planted(store).await;
    let mut answers = Vec::new();
    // Everyone but those to whom a policy shows a part of it.
    let askers = [
        app.as_member("sam"),
        app.as_member("bo"),
        app.as_member("kim"),
        app.as_member("ned"),
        app.as_agent("loner"),
        app.as_agent("loner").proving(app.jwt(NAME)),
        app.as_agent("drafter")
            .on_behalf_of("sam")
            .proving(app.jwt(NAME)),
        app.as_agent("drafter")
            .on_behalf_of("kim")
            .proving(app.user_hash(NAME)),
        app.as_agent("robot").on_behalf_of("sam"),
        app.anonymous(),
        app.with_key(Some(SECRET)),
    ];
    let writers = [writer(&app, "sam").await, writer(&app, "bo").await];
    let seen = app
        .as_member("lea")
        .ask("support.view", account("acme"))
        .await;
    let id = seen.json["account"]["id"].as_str().unwrap().to_owned();
    let seen = app
        .as_member("lea")
        .ask("support.view", person_in(NAME, "acme"))
        .await;
    let person_id = seen.json["person"]["id"].as_str().unwrap().to_owned();
    let seen = app.as_member("lea").ask("support.view", person(NAME)).await;
    let ada = seen.json["person"]["id"].as_str().unwrap().to_owned();
    let line = format!("/v1/accounts/{id}/journey?purpose=support.view&kinds=conversation");
    let line = app.as_member("lea").get(&line).await.expect(200);
    let talk = line.json["items"][0]["id"].as_str().unwrap().to_owned();
    for route in ROUTES {
        match (route.method, route.path) {
            (Method::Post, path @ ("/v1/context" | "/v1/explain")) => {
                // All at once, as on a busy morning.
                let asking = askers
                    .iter()
                    .map(|asker| tokio::spawn(ask_all(asker.clone(), path)));
                for asked in asking.collect::<Vec<_>>() {
                    answers.extend(asked.await.unwrap());
                }
                // She may see some of the numbers, and none of the words.
                for answer in ask_all(app.as_member("lea"), path).await {
                    assert!(!answer.text.contains(SECRET), "{answer:?}");
                }
            }
            (Method::Post, "/v1/decisions") => {
                for asker in &askers {
                    answers.extend(decide_all(asker, &id).await);
                }
                for answer in decide_all(&app.as_member("lea"), &id).await {
                    assert!(!answer.text.contains(SECRET), "{answer:?}");
                }
            }
            (
                Method::Get,
                path @ ("/v1/accounts/{id}"
                | "/v1/accounts/{id}/summary"
                | "/v1/accounts/{id}/journey"
                | "/v1/people/{id}"
                | "/v1/people/{id}/journey"
                | "/v1/companies/{id}"
                | "/v1/subscriptions/{id}"
                | "/v1/sites/{id}"
                | "/v1/conversations/{id}"),
            ) => {
                let list = path.replace("/{id}", "").replace("/journey", "");
                let lea = app.as_member("lea");
                let listed = lea.list_of(&list, &[("purpose", "support.view")]).await;
                let id = match list.as_str() {
                    "/v1/companies" | "/v1/subscriptions" | "/v1/sites" => {
                        listed.json["items"][0]["id"].as_str().unwrap()
                    }
                    "/v1/people" => &ada,
                    "/v1/conversations" => &talk,
                    _ => &id,
                };
                for asker in &askers {
                    answers.extend(read_all(asker, path, id).await);
                }
                for answer in read_all(&app.as_member("lea"), path, id).await {
                    assert!(!answer.text.contains(SECRET), "{answer:?}");
                }
            }
            (Method::Post, "/accounts/{id}") => {
                for asker in &askers {
                    answers.extend(open_all(&app.anonymous(), asker, &id, &person_id).await);
                }
                let lea = app.as_member("lea");
                for answer in open_all(&app.anonymous(), &lea, &id, &person_id).await {
                    assert!(!answer.text.contains(SECRET), "{answer:?}");
                }
            }
            (
                Method::Get,
                path @ ("/v1/accounts" | "/v1/people" | "/v1/companies" | "/v1/subscriptions"
                | "/v1/conversations" | "/v1/sites"),
            ) => {
                for asker in &askers {
                    answers.extend(list_all(asker, path).await);
                }
                for answer in list_all(&app.as_member("lea"), path).await {
                    assert!(!answer.text.contains(SECRET), "{answer:?}");
                }
            }
            (Method::Get, path @ "/v1/search") => {
                for asker in &askers {
                    answers.extend(search_all(asker, path).await);
                }
                for answer in search_all(&app.as_member("lea"), path).await {
                    assert!(!answer.text.contains(SECRET), "{answer:?}");
                }
            }
            (Method::Get, path) if path.starts_with("/v1/audit") => {
                app.engine().fold_audit_log(app.id()).await.unwrap();
                for asker in &askers {
                    answers.extend(look_all(asker, path).await);
                }
            }
            // Nobody is erased who is asked about later: those who may not, and ids that are none.
            (Method::Post, path @ "/v1/people/{id}/erase") => {
                for asker in askers.iter().chain(&writers) {
                    for id in [SECRET, "per_00000000000000000000000000"] {
                        let path = path.replace("{id}", id);
                        answers.push(asker.send(reqwest::Method::POST, &path, SECRET).await);
                    }
                }
            }
            // Which identifiers are told is what fields say, and those are asked for everywhere else.
            (Method::Get, path) if path.ends_with("/identity") => {
                let id = if path.contains("people") { &ada } else { &id };
                for asker in askers.iter().take(2) {
                    answers.extend(read_all(asker, path, id).await);
                }
            }
            (Method::Get, "/v1/reviews") => {
                for asker in &askers {
                    for query in ["", "?status=accepted", &format!("?status={SECRET}")] {
                        answers.push(asker.get(&format!("{}{query}", route.path)).await);
                    }
                }
            }
            // Nobody of the cast may decide about identity: one asker and the writers try.
            (Method::Post, path)
                if route.purpose
                    == kith_server::routes::RoutePurpose::Fixed(Purpose::PersonMerge) =>
            {
                for asker in askers.iter().take(1).chain(writers.iter().take(1)) {
                    answers.extend(write_all(asker, route.method, path, &id).await);
                }
            }
            (Method::Post | Method::Patch, path) if route.reveals == Reveals::Outcomes => {
                for asker in askers.iter().chain(&writers) {
                    answers.extend(write_all(asker, route.method, path, &id).await);
                }
            }
            (Method::Post, path)
                if matches!(route.purpose, kith_server::routes::RoutePurpose::Ingest) =>
            {
                let all = [
                    app.source("product"),
                    app.source("web"),
                    app.source_with_key(SECRET),
                ];
                // One handler under another name.
                let most = if OTHER_NAMES.contains(&path) {
                    1
                } else {
                    all.len()
                };
                for source in &all[..most] {
                    let path = path.replace("{type}", "track").replace("{id}", NAME);
                    deliver_all(source, &path, &mut answers).await;
                }
            }
            (
                Method::Get,
                "/healthz" | "/readyz" | "/openapi.json" | "/docs/api" | "/explain"
                | "/accounts/{id}" | "/assets/kith.css" | "/assets/explain.js",
            ) => {
                answers.push(
                    app.as_member("sam")
                        .send(reqwest::Method::GET, route.path, Vec::new())
                        .await,
                );
            }
            (Method::Get, "/v1/projects/{key}/settings") => {
                let path = route.path.replace("{key}", app.source("web").key());
                answers.push(app.anonymous().get(&path).await.expect(200));
            }
            (Method::Get, "/metrics") => {
                answers.push(app.operator().get(route.path).await.expect(200));
                let sam = app.as_member("sam");
                answers.push(sam.get(route.path).await.expect(404));
            }
            (method, path) => panic!("`{method:?} {path}` is a new door: say here how it is tried"),
        }
    }
    for path in [
        format!("/v1/{SECRET}"),
        format!("/v1/context?{SECRET}={SECRET}"),
    ] {
        let sam = app.as_member("sam");
        answers.push(sam.send(reqwest::Method::POST, &path, SECRET).await);
    }
    assert!(
        answers
            .iter()
            .any(|answer| answer.status == 200
                && answer.json["account"]["plan"]["value"] == "growth")
    );
    // What stands around the account was there to be shown.
    for known in ["Acme Example", "berlin", "sub-1"] {
        let is_shown = |answer: &Answer| answer.text.contains(known);
        assert!(answers.iter().any(is_shown), "{known}");
    }

    // Once more, now that all of it was counted.
    answers.push(app.operator().get("/metrics").await.expect(200));
    for answer in &answers {
        assert_ne!(answer.status / 100, 5, "{answer:?}");
        holds_no_secret("an answer", &answer.text);
    }
    let log = logs::so_far();
    holds_no_secret("the log", &log);
    assert!(!log.contains(NAME), "an identifier is in the log");
    for credential in [
        app.as_member("sam").key(),
        app.source("product").key(),
        &app.jwt(NAME),
    ] {
        let secret = &credential[credential.len() - 40..];
        assert!(!log.contains(secret), "a credential is in the log");
    }
    for cell in app.home().cells().await {
        let text = String::from_utf8_lossy(&cell.bytes);
        let place = format!("{}.{}", cell.table, cell.column);
        if !HOLD_VALUES.contains(&cell.table.as_str()) {
            holds_no_secret(&place, &text);
            assert!(!text.contains(NAME), "an identifier is in {place}");
        }
    }
}

fn holds_no_secret(place: &str, text: &str) {
    for secret in [SECRET, &SECRET_NUMBER.to_string(), "707307073"] {
        if let Some(at) = text.find(secret) {
            let around: String = text
                .chars()
                .skip(text[..at].chars().count().saturating_sub(200))
                .take(500)
                .collect();
            panic!("a hidden value is in {place}: …{around}…");
        }
    }
}
