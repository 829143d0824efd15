//! What stands around an account: its company, its site and its subscriptions, bound with it in every
//! decision, and under limits of their own.

use kith_domain::Entropy;
use kith_testkit::app::client::account;
use kith_testkit::app::facts::{Telling, about};
use kith_testkit::app::{SeededEntropy, logs};
use kith_testkit::{Answer, Folder, Store, TestApp};
use serde_json::{Value, json};

crate::promises! {
    an_account_stands_with_its_company_its_site_and_what_it_pays_for,
    a_site_decides_who_sees_the_account,
    a_company_out_of_view_is_as_if_there_were_none,
    a_key_that_ships_in_browsers_joins_nothing,
    a_relation_moves_and_ends,
    the_same_relations_in_any_order_come_to_the_same,
    merged_accounts_stand_where_both_stood,
    a_merged_account_is_one_row_and_leaves_no_ghost,
    each_subscription_is_decided_alone,
}

const EVERYONE: &str = "allow support.view\nwhen user.role in [\"support\", \"leadership\"]\n";

async fn with_policies(store: Store, policies: &str) -> TestApp {
    let folder = Folder::with_policies(&format!("{EVERYONE}\n{policies}"));
    TestApp::with_definitions(store, folder).await
}

async fn see(app: &TestApp, member: &str, group: &str) -> Answer {
    app.as_member(member)
        .ask("support.view", account(group))
        .await
}

async fn id(app: &TestApp, group: &str) -> String {
    let seen = see(app, "lea", group).await.expect(200);
    seen.json["account"]["id"].as_str().unwrap().to_owned()
}

/// The keys of the subscriptions that an answer lists.
fn subscriptions(answer: &Answer) -> Vec<&str> {
    let items = answer.json["subscriptions"].as_array();
    let mut keys: Vec<_> = items
        .into_iter()
        .flatten()
        .map(|item| item["key"]["value"].as_str().unwrap())
        .collect();
    keys.sort_unstable();
    keys
}

/// The keys of the accounts that a list holds, with the count.
async fn listed(app: &TestApp, member: &str, filter: Option<&str>) -> (Vec<String>, u64) {
    let mut asked = vec![("purpose", "support.view"), ("count", "true")];
    asked.extend(filter.map(|filter| ("filter", filter)));
    let page = app.as_member(member).list(&asked).await.expect(200);
    let items = page.json["items"].as_array().unwrap().iter();
    let mut keys: Vec<String> = items
        .map(|item| item["key"]["value"].as_str().unwrap_or("").to_owned())
        .collect();
    keys.sort_unstable();
    (keys, page.json["count"].as_u64().unwrap())
}

/// `acme` in Berlin, of the company `crm-1`, and `globex` in Dallas, of `crm-2`; `lone` stands alone.
fn three_accounts() -> Vec<Telling> {
    vec![
        about(&["siteKey:berlin"]).with(json!({"region": "eu"})),
        about(&["siteKey:dallas"]).with(json!({"region": "us"})),
        about(&["companyId:crm-1"]).with(json!({"name": "Acme Example", "region": "eu"})),
        about(&["companyId:crm-2"]).with(json!({"name": "Globex Example", "region": "us"})),
        about(&["groupId:acme"])
            .with(json!({"name": "Acme Works", "region": "eu"}))
            .to("account.company", "companyId:crm-1")
            .to("account.site", "siteKey:berlin"),
        about(&["groupId:globex"])
            .with(json!({"name": "Globex Works", "region": "eu"}))
            .to("account.company", "companyId:crm-2")
            .to("account.site", "siteKey:dallas"),
        about(&["groupId:lone"]).with(json!({"name": "Lone Works", "region": "eu"})),
    ]
}

async fn an_account_stands_with_its_company_its_site_and_what_it_pays_for(store: Store) {
    let app = TestApp::start(store).await;
    assert_eq!(app.tell("crm", three_accounts()).await, 0);
    let paid = |key: &str, seats: u32| {
        about(&[&format!("subscriptionId:{key}")])
            .with(json!({"status": "active", "seats": seats, "discountCode": "SAVE-20"}))
            .to("subscription.account", "groupId:acme")
    };
    app.tell("billing", [paid("sub-1", 5), paid("sub-2", 7)])
        .await;

    let context = see(&app, "sam", "acme").await.expect(200);
    assert_eq!(context.value("company.name"), "Acme Example");
    assert_eq!(context.value("site.region"), "eu");
    assert_eq!(context.field("company.name")["source"], "crm");
    assert_eq!(subscriptions(&context), ["sub-1", "sub-2"]);
    for hidden in [
        "company.creditNotes",
        "site.vendorNotes",
        "subscription.discountCode",
    ] {
        assert_eq!(context.state(hidden), "withheld", "{hidden}");
    }
    assert!(!context.text.contains("SAVE-20"));
    // The same by the account's id, and in its summary.
    let id = id(&app, "acme").await;
    for path in ["", "/summary"] {
        let path = format!("/v1/accounts/{id}{path}?purpose=support.view");
        let answer = app.as_member("sam").get(&path).await.expect(200);
        for part in ["company", "site", "subscriptions"] {
            assert_eq!(answer.json[part], context.json[part], "{path} {part}");
        }
    }
    let audit_id = context.audit_id().parse().unwrap();
    let query = kith_engine::AuditQuery {
        limit: 100,
        ..kith_engine::AuditQuery::default()
    };
    let by = kith_engine::AuditActor::operator();
    let log = app
        .engine()
        .audit_search(app.id(), by, query)
        .await
        .unwrap();
    let entry = log.iter().find(|entry| entry.id == audit_id).unwrap();
    for field in ["company.name", "site.region", "subscription.seats"] {
        assert!(entry.fields.iter().any(|of| of == field), "{field}");
    }
    // Nobody else has any of it.
    let lone = see(&app, "sam", "lone").await.expect(200);
    for part in ["company", "site", "subscriptions"] {
        assert_eq!(lone.json[part], Value::Null, "{part}");
    }
}

async fn a_site_decides_who_sees_the_account(store: Store) {
    logs::capture();
    let limit = "limit account to site.region in user.regions\nwhen user.role == \"support\"\n";
    let app = with_policies(store, limit).await;
    app.tell("crm", three_accounts()).await;
    see(&app, "sam", "acme").await.expect(200);
    let gone = see(&app, "sam", "globex").await.expect(404);
    let nowhere = see(&app, "sam", "lone").await.expect(404);
    let never = see(&app, "sam", "never-was").await.expect(404);
    for answer in [&gone, &nowhere] {
        let (a, b) = (
            answer.text_without_audit_id(),
            never.text_without_audit_id(),
        );
        assert_eq!(a, b);
        assert_eq!(cost(answer), cost(&never), "the same statements run");
    }
    assert_eq!(listed(&app, "sam", None).await, (vec!["acme".into()], 1));
    let all = vec!["acme".to_owned(), "globex".into(), "lone".into()];
    assert_eq!(listed(&app, "lea", None).await, (all, 3));
    let (of_us, count) = listed(&app, "lea", Some("site.region == \"us\"")).await;
    assert_eq!((of_us, count), (vec!["globex".to_owned()], 1));

    let mut ids = Vec::new();
    for group in ["acme", "globex", "lone"] {
        ids.push(id(&app, group).await);
    }
    let body = json!({"purpose": "support.view", "accounts": ids}).to_string();
    let sam = app.as_member("sam");
    let post = reqwest::Method::POST;
    let decided = sam.send(post, "/v1/decisions", body).await.expect(200);
    let items = decided.json["items"].as_array().unwrap().iter();
    let exist: Vec<_> = items
        .map(|item| item["exists"].as_bool().unwrap())
        .collect();
    assert_eq!(exist, [true, false, false]);
}

async fn a_company_out_of_view_is_as_if_there_were_none(store: Store) {
    logs::capture();
    let limit = "limit company to company.region in user.regions\nwhen user.role == \"support\"\n\n\
        hide account.plan\nwhen company.key == \"crm-2\"\n";
    let app = with_policies(store, limit).await;
    app.tell("crm", three_accounts()).await;
    let seen = see(&app, "sam", "acme").await.expect(200);
    assert_eq!(seen.value("company.name"), "Acme Example");

    let out_of_view = see(&app, "sam", "globex").await.expect(200);
    let none = see(&app, "sam", "lone").await.expect(200);
    for answer in [&out_of_view, &none] {
        assert_eq!(answer.json["company"], Value::Null);
        assert!(
            answer
                .withheld()
                .all(|field| !field.starts_with("company."))
        );
        // Of a company that is not there nothing is known, and what restricts applies.
        assert_eq!(answer.state("account.plan"), "withheld");
    }
    assert!(!out_of_view.text.contains("Globex Example"));
    assert_eq!(cost(&out_of_view), cost(&none), "the same statements run");
    // The one has a site, which is in view.
    let reasons = |answer: &Answer| -> Vec<Value> {
        let withheld = answer.json["withheld"].as_array().unwrap().iter();
        let of_site = |item: &&Value| item["field"].as_str().unwrap().starts_with("site.");
        withheld.filter(|item| !of_site(item)).cloned().collect()
    };
    assert_eq!(reasons(&out_of_view), reasons(&none));
    let lea = see(&app, "lea", "globex").await.expect(200);
    assert_eq!(lea.value("company.name"), "Globex Example");
}

async fn a_key_that_ships_in_browsers_joins_nothing(store: Store) {
    let app = TestApp::start(store).await;
    app.tell("crm", three_accounts()).await;
    let before = see(&app, "lea", "acme").await.expect(200).json;
    let forged = [
        about(&["groupId:acme"]).to("account.company", "companyId:crm-2"),
        about(&["groupId:acme"]).ending("account.site"),
        about(&["companyId:crm-1"]).with(json!({"name": "Forged"})),
        about(&["companyId:crm-1", "companyId:crm-2"]).with(json!({})),
        about(&["domain:acme.example", "companyId:crm-1"]).with(json!({})),
        about(&["siteKey:berlin"]).with(json!({"region": "us"})),
        about(&["subscriptionId:sub-9"]).to("subscription.account", "groupId:acme"),
        about(&["conversationId:con-9"]).to("conversation.account", "groupId:acme"),
    ];
    let number = forged.len();
    assert_eq!(
        app.tell("web", forged).await,
        number,
        "all is in quarantine"
    );
    let after = see(&app, "lea", "acme").await.expect(200).json;
    for part in ["account", "company", "site", "subscriptions"] {
        assert_eq!(after[part], before[part], "{part}");
    }
    for cell in app.home().cells().await {
        let is_identifier = (cell.table.as_str(), cell.column.as_str()) == ("identifier", "value");
        let text = String::from_utf8_lossy(&cell.bytes);
        assert!(!is_identifier || !text.contains("sub-9"), "it was named");
    }
}

async fn a_relation_moves_and_ends(store: Store) {
    let app = TestApp::start(store).await;
    app.tell("crm", three_accounts()).await;
    let company = async || {
        let seen = see(&app, "lea", "acme").await.expect(200);
        seen.value("company.key").as_str().map(str::to_owned)
    };
    assert_eq!(company().await.as_deref(), Some("crm-1"));
    let of =
        |key: &str| about(&["groupId:acme"]).to("account.company", &format!("companyId:{key}"));
    app.clock.advance_seconds(60);
    app.tell("crm", [of("crm-2")]).await;
    assert_eq!(company().await.as_deref(), Some("crm-2"));
    // What was so before is heard of later, and changes nothing.
    app.tell("product", [of("crm-1").at("2026-01-02")]).await;
    assert_eq!(company().await.as_deref(), Some("crm-2"));
    app.clock.advance_seconds(60);
    app.tell("crm", [about(&["groupId:acme"]).ending("account.company")])
        .await;
    assert_eq!(company().await, None);
    app.tell("product", [of("crm-1").at("2026-01-03")]).await;
    assert_eq!(company().await, None);
    app.clock.advance_seconds(60);
    app.tell("product", [of("crm-1")]).await;
    assert_eq!(company().await.as_deref(), Some("crm-1"));
}

async fn the_same_relations_in_any_order_come_to_the_same(store: Store) {
    const CASES: usize = 8;
    let app = TestApp::start(store).await;
    let random = SeededEntropy::new("orders of relations");
    let mut expected: Option<Value> = None;
    for case in 0..CASES {
        let key = |text: &str| format!("{}-c{case}", text);
        let at = |second: u32| format!("2026-02-01T00:00:{second:02}Z");
        let tell = |ids: &[&str], second: u32| {
            let ids: Vec<String> = ids.iter().map(|text| key(text)).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            about(&ids).at(&at(second))
        };
        let mut facts = vec![
            tell(&["groupId:acme"], 1).to("account.company", &key("companyId:a")),
            tell(&["groupId:acme"], 2).to("account.company", &key("companyId:b")),
            // Of one moment and one source: the identifiers decide.
            tell(&["groupId:acme"], 2).to("account.company", &key("companyId:c")),
            tell(&["stripeCustomer:cus"], 3).to("account.company", &key("companyId:d")),
            tell(&["groupId:acme", "stripeCustomer:cus"], 4).with(json!({"region": "eu"})),
            tell(&["companyId:d", "domain:example.org"], 5).with(json!({"name": "Example"})),
            tell(&["domain:example.org"], 6).with(json!({"region": "eu"})),
            tell(&["groupId:acme"], 3).to("account.site", &key("siteKey:berlin")),
            tell(&["stripeCustomer:cus"], 4).ending("account.site"),
            tell(&["subscriptionId:one"], 1).to("subscription.account", &key("stripeCustomer:cus")),
            tell(&["subscriptionId:two"], 2).to("subscription.account", &key("groupId:acme")),
            tell(&["subscriptionId:two"], 3).to("subscription.account", &key("groupId:other")),
        ];
        if case > 0 {
            for last in (1..facts.len()).rev() {
                facts.swap(last, number(&random, last + 1));
            }
        }
        while !facts.is_empty() {
            let taken = 1 + number(&random, facts.len());
            app.tell("crm", facts.drain(..taken)).await;
        }
        let seen = see(&app, "lea", &key("acme")).await.expect(200);
        let mut got = json!({
            "company": seen.value("company.name"),
            "companyKey": seen.value("company.key"),
            "companyRegion": seen.value("company.region"),
            "site": seen.json["site"],
            "subscriptions": subscriptions(&seen),
        });
        got = serde_json::from_str(&got.to_string().replace(&format!("-c{case}"), "")).unwrap();
        let expected = expected.get_or_insert_with(|| got.clone());
        assert_eq!(&got, expected, "case {case}");
    }
    let expected = expected.unwrap();
    assert_eq!(
        expected["company"], "Example",
        "the newest of both accounts"
    );
    assert_eq!(
        expected["companyRegion"], "eu",
        "of a domain of the company"
    );
    assert_eq!(expected["site"], Value::Null, "ended by the newer word");
    assert_eq!(expected["subscriptions"], json!(["one"]));
}

/// `acme`, known to billing as `cus-1` before anyone said that the two are one.
async fn two_that_are_one(app: &TestApp) {
    let paid = |key: &str, by: &str| {
        about(&[&format!("subscriptionId:{key}")]).to("subscription.account", by)
    };
    app.tell(
        "product",
        [
            about(&["groupId:acme"])
                .with(json!({"name": "Acme Works", "region": "eu", "plan": "growth"}))
                .to("account.site", "siteKey:berlin")
                .to("account.company", "companyId:crm-1"),
            about(&["siteKey:berlin"]).with(json!({"region": "eu"})),
            about(&["companyId:crm-1"]).with(json!({"name": "Acme Example"})),
            about(&["companyId:crm-2"]).with(json!({"name": "Globex Example"})),
            paid("sub-1", "groupId:acme"),
        ],
    )
    .await;
    app.clock.advance_seconds(60);
    app.tell(
        "billing",
        [
            about(&["stripeCustomer:cus-1"])
                .with(json!({"paymentState": "late", "region": "eu"}))
                .to("account.company", "companyId:crm-2"),
            paid("sub-2", "stripeCustomer:cus-1"),
        ],
    )
    .await;
}

async fn they_are_one(app: &TestApp) {
    app.clock.advance_seconds(60);
    let both = about(&["groupId:acme", "stripeCustomer:cus-1"]);
    app.tell("billing", [both]).await;
}

async fn merged_accounts_stand_where_both_stood(store: Store) {
    let app = TestApp::start(store).await;
    two_that_are_one(&app).await;
    let before = see(&app, "lea", "acme").await.expect(200);
    assert_eq!(subscriptions(&before), ["sub-1"]);
    assert_eq!(before.value("company.key"), "crm-1");
    they_are_one(&app).await;
    let after = see(&app, "lea", "acme").await.expect(200);
    assert_eq!(subscriptions(&after), ["sub-1", "sub-2"]);
    assert_eq!(after.value("company.key"), "crm-2", "the newer word");
    assert_eq!(after.value("site.key"), "berlin", "nobody said otherwise");

    // Companies merge as accounts do, and what leads to them follows.
    app.tell("crm", [about(&["companyId:crm-1", "companyId:crm-2"])])
        .await;
    let merged = see(&app, "lea", "acme").await.expect(200);
    assert_eq!(merged.value("company.name"), "Globex Example");
    let of_first = app.as_member("lea");
    let one = of_first.ask("support.view", account("acme")).await;
    assert_eq!(one.json["company"]["id"], merged.json["company"]["id"]);
    app.clock.advance_seconds(60);
    app.tell(
        "crm",
        [about(&["companyId:crm-1"]).with(json!({"name": "One Example"}))],
    )
    .await;
    let renamed = see(&app, "lea", "acme").await.expect(200);
    assert_eq!(renamed.value("company.name"), "One Example");
}

async fn a_merged_account_is_one_row_and_leaves_no_ghost(store: Store) {
    let app = TestApp::start(store).await;
    two_that_are_one(&app).await;
    let others: Vec<_> = (0..3)
        .map(|n| about(&[&format!("groupId:other-{n}")]).with(json!({"region": "eu"})))
        .collect();
    app.tell("product", others).await;
    let ids = async || {
        let (mut ids, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut asked = vec![
                ("purpose", "support.view"),
                ("limit", "2"),
                ("count", "true"),
            ];
            asked.push(("filter", "account.region == \"eu\""));
            asked.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = app.as_member("lea").list(&asked).await.expect(200);
            let items = page.json["items"].as_array().unwrap().iter();
            ids.extend(items.map(|item| item["id"].as_str().unwrap().to_owned()));
            cursor = page.json["nextCursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return (ids, page.json["count"].as_u64().unwrap());
            }
        }
    };
    let (before, count) = ids().await;
    assert_eq!((before.len(), count), (5, 5));
    they_are_one(&app).await;
    let (after, count) = ids().await;
    assert_eq!((after.len(), count), (4, 4));
    let kept = id(&app, "acme").await;
    assert_eq!(after.iter().filter(|id| **id == kept).count(), 1);
    let gone: Vec<_> = before.iter().filter(|id| !after.contains(id)).collect();
    assert_eq!(gone.len(), 1);
    // What only the one that is gone had is found with the one that stayed.
    let late = Some("account.paymentState == \"late\" and account.plan == \"growth\"");
    assert_eq!(listed(&app, "lea", late).await, (vec!["acme".into()], 1));
    // The id that is gone leads to the one that stayed, in the same words.
    let read = async |id: &str| {
        let path = format!("/v1/accounts/{id}?purpose=support.view");
        app.as_member("lea").get(&path).await.expect(200).json["account"].clone()
    };
    assert_eq!(read(gone[0]).await, read(&kept).await);
}

async fn each_subscription_is_decided_alone(store: Store) {
    let policies = "forbid support.view\nwhen subscription.status == \"ended\"\n\n\
        limit subscription to subscription.seats < 100\nwhen user.role == \"support\"\n\n\
        hide subscription.seats\nwhen subscription.status == \"late\"\n";
    let app = with_policies(store, policies).await;
    let paid = |key: &str, status: &str, seats: u32| {
        about(&[&format!("subscriptionId:{key}")])
            .with(json!({"status": status, "seats": seats}))
            .to("subscription.account", "groupId:acme")
    };
    app.tell(
        "billing",
        [
            about(&["groupId:acme"]).with(json!({"region": "eu"})),
            paid("active", "active", 5),
            paid("late", "late", 6),
            paid("ended", "ended", 7),
            paid("large", "active", 700),
        ],
    )
    .await;
    let seen = see(&app, "sam", "acme").await;
    // With several nothing is bound for the verdict on the account: unknown restricts.
    seen.expect(403);
    let policies = policies
        .split("\n\n")
        .skip(1)
        .collect::<Vec<_>>()
        .join("\n\n");
    app.publish(Folder::with_policies(&format!("{EVERYONE}\n{policies}")))
        .await;
    let seen = see(&app, "sam", "acme").await.expect(200);
    assert_eq!(subscriptions(&seen), ["active", "ended", "late"]);
    let lea = see(&app, "lea", "acme").await.expect(200);
    assert_eq!(subscriptions(&lea), ["active", "ended", "large", "late"]);
    for item in seen.json["subscriptions"].as_array().unwrap() {
        let is_late = item["status"]["value"] == "late";
        assert_eq!(item.get("seats").is_none(), is_late);
        let withheld = item["withheld"].as_array().map_or(0, Vec::len);
        assert_eq!(withheld, usize::from(is_late));
    }
}

/// How many statements an answer took, as the log says beside its audit entry.
pub(crate) fn cost(answer: &Answer) -> String {
    let log = logs::so_far();
    let of_answer = |line: &&str| line.contains("one snapshot") && line.contains(answer.audit_id());
    let line = log.lines().find(of_answer).unwrap();
    let statements = line.split("statements=").nth(1).unwrap();
    statements
        .chars()
        .take_while(char::is_ascii_digit)
        .collect()
}

fn number(random: &SeededEntropy, below: usize) -> usize {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    usize::try_from(u64::from_le_bytes(bytes) % below as u64).unwrap()
}
