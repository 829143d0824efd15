//! Search: what people type finds accounts, people and the other roots by what they may see of them, and by
//! nothing else.

use std::collections::BTreeSet;

use kith_testkit::app::facts::about;
use kith_testkit::app::logs;
use kith_testkit::{Answer, Client, Folder, Store, TestApp};
use serde_json::{Value, json};

use crate::around::cost;

crate::promises! {
    words_find_whatever_begins_so,
    the_nearest_come_first_and_say_where_they_matched,
    what_is_out_of_view_is_not_found,
    a_hidden_field_is_not_searched_and_a_masked_one_has_its_mask_only,
    nothing_found_and_nothing_visible_look_the_same,
    pages_hold_each_root_once,
    a_cursor_is_for_its_own_asker_question_and_version,
    merged_accounts_are_found_once,
    a_field_that_becomes_searchable_finds_what_was_there_before,
    what_was_deleted_is_no_longer_found,
    questions_are_bounded,
    a_search_is_audited_without_its_words,
}

const POLICIES: &str = "allow support.view\n\n\
    limit account to account.region in user.regions\nwhen user.role == \"support\"\n";

/// `acme` in Europe with Ada and Bo, `globex` in America with Cy, and Dee of no account.
async fn app(store: Store, policies: &str) -> TestApp {
    let app = TestApp::with_definitions(store, Folder::with_policies(policies)).await;
    tell(&app).await;
    app
}

async fn tell(app: &TestApp) {
    let account = |key: &str, region: &str, name: &str| json!({"type": "group", "userId": "u", "groupId": key, "traits": {"region": region, "name": name}});
    let person = |key: &str, group: &str, name: &str, email: &str| {
        json!({"type": "identify", "userId": key, "context": {"groupId": group},
               "traits": {"name": name, "email": email}})
    };
    let source = app.source("product");
    source
        .deliver([
            account("acme", "eu", "Acme Works"),
            account("acmeLab", "eu", "The Acme Laboratory"),
            account("globex", "us", "Globex Acmeville"),
            account("ecole", "eu", "École Łódź 東京"),
        ])
        .await;
    source
        .deliver([
            person("ada", "acme", "Ada Example", "a.lovell@works.example"),
            person("bo", "acme", "Bo Workman", "b.wright@mail.example"),
            person("cy", "globex", "Cy Worksmith", "c.young@mail.example"),
            json!({"type": "identify", "userId": "dee", "traits": {"name": "Dee Works"}}),
        ])
        .await;
    app.tell(
        "crm",
        [
            about(&["groupId:acme"]).to("account.company", "companyId:crm-1"),
            about(&["groupId:globex"]).to("account.company", "companyId:crm-2"),
            about(&["companyId:crm-1"]).with(json!({"name": "Acme Holding"})),
            about(&["companyId:crm-2"]).with(json!({"name": "Acmeville Holding"})),
        ],
    )
    .await;
}

async fn search(client: &Client, q: &str, params: &[(&str, &str)]) -> Answer {
    let params = [&[("purpose", "support.view"), ("q", q)], params].concat();
    client.list_of("/v1/search", &params).await
}

/// The name of each thing found, sorted: equal ones come in the order of their ids.
async fn found(client: &Client, q: &str) -> String {
    let page = search(client, q, &[]).await.expect(200);
    let mut names = names(&page);
    names.sort_unstable();
    names.join(", ")
}

fn names(page: &Answer) -> Vec<String> {
    let items = page.json["items"].as_array().unwrap().iter();
    items.map(name).collect()
}

fn name(item: &Value) -> String {
    let root = &item[item["kind"].as_str().unwrap()];
    root["name"]["value"].as_str().unwrap_or("-").to_owned()
}

async fn words_find_whatever_begins_so(store: Store) {
    let app = app(store, POLICIES).await;
    let lea = app.as_member("lea");
    for (q, expect) in [
        ("laboratory", "The Acme Laboratory"),
        ("LABOR", "The Acme Laboratory"),
        ("abor", ""),
        ("lab acm", "The Acme Laboratory"),
        ("lab globex", ""),
        ("ÉCOLE", "École Łódź 東京"),
        ("e\u{301}co", "École Łódź 東京"),
        ("łó", "École Łódź 東京"),
        ("ecole", ""),
        ("東", "École Łódź 東京"),
        ("ada works", "Ada Example"),
        ("a.lovell@works.example", "Ada Example"),
        ("holding", "Acme Holding, Acmeville Holding"),
        ("nobody", ""),
    ] {
        assert_eq!(found(&lea, q).await, expect, "{q}");
    }
    for (kinds, expect) in [
        ("person", "Dee Works, Ada Example, Cy Worksmith"),
        ("account", "Acme Works"),
        (
            "account,person",
            "Acme Works, Dee Works, Ada Example, Cy Worksmith",
        ),
        ("site,conversation", ""),
    ] {
        let page = search(&lea, "works", &[("kinds", kinds)]).await.expect(200);
        let mut found = names(&page);
        let mut expect: Vec<_> = expect.split(", ").filter(|name| !name.is_empty()).collect();
        found.sort_unstable();
        expect.sort_unstable();
        assert_eq!(found, expect, "{kinds}");
    }
}

async fn the_nearest_come_first_and_say_where_they_matched(store: Store) {
    let app = app(store, POLICIES).await;
    let lea = app.as_member("lea");
    let page = search(&lea, "acme", &[]).await.expect(200);
    // Whole words first, then those nearer to the beginning, then accounts before companies.
    assert_eq!(
        names(&page),
        [
            "Acme Works",
            "Acme Holding",
            "The Acme Laboratory",
            "Acmeville Holding",
            "Globex Acmeville"
        ]
    );
    let first = &page.json["items"][0];
    assert_eq!(first["kind"], "account");
    assert_eq!(first["matched"], json!(["account.name"]));
    assert_eq!(first["account"]["region"]["value"], "eu");
    assert!(first["account"]["id"].as_str().unwrap().starts_with("acc_"));
    let of_ada = search(&lea, "ada works", &[]).await.expect(200);
    let ada = &of_ada.json["items"][0];
    assert_eq!(ada["matched"], json!(["person.email", "person.name"]));
    assert_eq!(ada["person"]["accounts"].as_array().unwrap().len(), 1);
    // The row is the one that a list has.
    let listed = lea
        .list_of(
            "/v1/people",
            &[
                ("purpose", "support.view"),
                ("filter", "person.userId == \"ada\""),
            ],
        )
        .await
        .expect(200);
    assert_eq!(ada["person"], listed.json["items"][0]);
}

async fn what_is_out_of_view_is_not_found(store: Store) {
    let app = app(store, POLICIES).await;
    let (sam, lea) = (app.as_member("sam"), app.as_member("lea"));
    for (q, for_sam, for_lea) in [
        ("globex", "", "Globex Acmeville"),
        ("acmeville", "", "Acmeville Holding, Globex Acmeville"),
        ("worksm", "", "Cy Worksmith"),
        ("dee", "Dee Works", "Dee Works"),
    ] {
        assert_eq!(found(&sam, q).await, for_sam, "{q}");
        assert_eq!(found(&lea, q).await, for_lea, "{q}");
    }
    // A verdict that the row decides leaves the others out, and one that none can lift is refused.
    let growth = "allow support.view\nwhen account.region == \"us\"\n";
    app.publish(Folder::with_policies(growth)).await;
    assert_eq!(
        found(&sam, "acme").await,
        "Acmeville Holding, Globex Acmeville"
    );
    app.publish(Folder::with_policies("allow report.view\n"))
        .await;
    let refused = search(&sam, "acme", &[]).await.expect(403);
    assert_eq!(refused.problem(), "refused");
}

async fn a_hidden_field_is_not_searched_and_a_masked_one_has_its_mask_only(store: Store) {
    let policies = "allow support.view\n\nshow account.enterpriseNotes, person.phone\n\n\
        hide account.enterpriseNotes\nunless account.region == \"us\"\n\n\
        mask person.email with email\n\nmask person.phone with last4\nwhen account.region == \"eu\"\n";
    let app = app(store, policies).await;
    let lea = app.as_member("lea");
    let notes = |key: &str| json!({"type": "group", "groupId": key, "traits": {"enterpriseNotes": "churn risk"}});
    let phone = |key: &str, group: &str, phone: &str| {
        json!({"type": "identify", "userId": key, "context": {"groupId": group},
               "traits": {"phone": phone, "diagnosis": "secretword"}})
    };
    let source = app.source("product");
    source
        .deliver([
            notes("acme"),
            notes("globex"),
            phone("ada", "acme", "+1 5550 100 4242"),
            phone("cy", "globex", "+1 5550 100 4243"),
        ])
        .await;
    for (q, expect) in [
        // On the row where it is shown, and on no other, also beside words of other fields.
        ("churn", "Globex Acmeville"),
        ("churn globex", "Globex Acmeville"),
        ("churn works", ""),
        ("secretword", ""),
        // What a mask hides is not there; what it shows is.
        ("a.lovell@works.example", ""),
        ("works.example", "Ada Example"),
        ("b.wright", ""),
        ("b mail.example", "Bo Workman"),
        // By the last four digits where they are shown so, by the whole where it is.
        ("4242", "Ada Example"),
        ("5550 4242", ""),
        ("5550 4243", "Cy Worksmith"),
    ] {
        assert_eq!(found(&lea, q).await, expect, "{q}");
    }
    let page = search(&lea, "churn", &[]).await.expect(200);
    let withheld: Vec<&str> = page.withheld().collect();
    assert!(withheld.contains(&"person.diagnosis"), "{withheld:?}");
    let searched = page.json["searched"].as_array().unwrap();
    assert!(searched.contains(&json!("account.enterpriseNotes")));
    assert!(!searched.contains(&json!("person.diagnosis")));
    // A mask that shows nothing, or a hash, has no words.
    for mask in ["redact", "null", "hash"] {
        let policies = format!("allow support.view\n\nmask person.name with {mask}\n");
        app.publish(Folder::with_policies(&policies)).await;
        let page = search(&lea, "a.lovell", &[]).await.expect(200);
        let item = &page.json["items"][0];
        assert_eq!(item["matched"], json!(["person.email"]), "{mask}");
        let shown = item["person"]["name"]["value"].as_str().unwrap_or_default();
        for q in ["workman", shown] {
            let page = search(&lea, q, &[]).await;
            let is_found = page.status == 200 && !names(&page).is_empty();
            assert!(!is_found, "{mask}: {page:?}");
        }
    }
}

async fn nothing_found_and_nothing_visible_look_the_same(store: Store) {
    logs::capture();
    let app = app(store, POLICIES).await;
    let sam = app.as_member("sam");
    let invisible = ["globex", "worksm", "cy globex", "acmeville"];
    let nothing = ["nobody", "whoever", "no body", "nowhere"];
    for (q, never) in invisible.into_iter().zip(nothing) {
        let (unseen, never) = (
            search(&sam, q, &[]).await.expect(200),
            search(&sam, never, &[]).await.expect(200),
        );
        assert_eq!(unseen.json["items"], json!([]), "{q}");
        assert_eq!(
            unseen.text_without_audit_id(),
            never.text_without_audit_id()
        );
        assert_eq!(cost(&unseen), cost(&never), "the same statements run: {q}");
    }
}

async fn pages_hold_each_root_once(store: Store) {
    let app = app(store, POLICIES).await;
    let lea = app.as_member("lea");
    let whole = names(&search(&lea, "w", &[]).await.expect(200));
    assert_eq!(whole.len(), 5);
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut params = vec![("limit", "2")];
        if !cursor.is_empty() {
            params.push(("cursor", &cursor));
        }
        let page = search(&lea, "w", &params).await.expect(200);
        seen.extend(names(&page));
        match page.json["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, whole);
}

async fn a_cursor_is_for_its_own_asker_question_and_version(store: Store) {
    let app = app(store, POLICIES).await;
    let (sam, lea) = (app.as_member("sam"), app.as_member("lea"));
    let page = search(&lea, "w", &[("limit", "1")]).await.expect(200);
    let cursor = page.json["nextCursor"].as_str().unwrap().to_owned();
    let with = |cursor: &str| {
        [
            ("limit".to_owned(), "1".to_owned()),
            ("cursor".to_owned(), cursor.to_owned()),
        ]
    };
    let ask = async |client: &Client, q: &str, more: &[(&str, &str)], cursor: &str| {
        let owned = with(cursor);
        let mut params: Vec<(&str, &str)> = owned
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        params.extend(more);
        search(client, q, &params).await
    };
    ask(&lea, "w", &[], &cursor).await.expect(200);
    let mut forged = cursor.clone();
    let last = forged.pop().unwrap();
    forged.push(if last == 'A' { 'B' } else { 'A' });
    for answer in [
        ask(&sam, "w", &[], &cursor).await,
        ask(&lea, "wo", &[], &cursor).await,
        ask(&lea, "w", &[("kinds", "person")], &cursor).await,
        ask(&lea, "w", &[], &forged).await,
        ask(&lea, "w", &[], "x").await,
        lea.list(&[("purpose", "support.view"), ("cursor", &cursor)])
            .await,
    ] {
        let answer = answer.expect(400);
        assert_eq!(answer.json["fields"][0]["field"], "cursor", "{answer:?}");
    }
    app.publish(Folder::with_policies("allow support.view\n"))
        .await;
    let late = ask(&lea, "w", &[], &cursor).await.expect(400);
    assert!(late.text.contains("the definitions changed"), "{late:?}");
}

async fn merged_accounts_are_found_once(store: Store) {
    let app = app(store, POLICIES).await;
    let lea = app.as_member("lea");
    let named = |key: &str, name: &str| about(&[key]).with(json!({"name": name, "region": "eu"}));
    app.tell("billing", [named("stripeCustomer:cus-1", "Acme Other")])
        .await;
    assert_eq!(found(&lea, "other").await, "Acme Other");
    app.tell(
        "billing",
        [about(&["groupId:acme", "stripeCustomer:cus-1"])],
    )
    .await;
    let page = search(&lea, "acme", &[("kinds", "account")]).await;
    let page = page.expect(200);
    let items = page.json["items"].as_array().unwrap().iter();
    let ids: BTreeSet<&str> = items
        .map(|item| item["account"]["id"].as_str().unwrap())
        .collect();
    assert_eq!((ids.len(), names(&page).len()), (3, 3), "{page:?}");
    // It has one name, and is found by that alone.
    let both = [found(&lea, "other").await, found(&lea, "acme works").await];
    assert!(both.contains(&String::new()), "{both:?}");
}

async fn a_field_that_becomes_searchable_finds_what_was_there_before(store: Store) {
    let app = app(store, POLICIES).await;
    let lea = app.as_member("lea");
    let before = Folder::with_policies(POLICIES);
    let region = "[region]\ntype = \"string\"\n";
    let searchable = "[region]\nsearchable = true\ntype = \"string\"\n";
    let company = "fields/company.toml";
    let after = || {
        let folder = before
            .clone()
            .replacing("fields/account.toml", region, searchable);
        folder.replacing(company, region, searchable)
    };
    let seat = |key: &str, seat: Value| about(&[key]).with(json!({"region": seat}));
    app.tell("crm", [seat("companyId:crm-1", json!("eu"))])
        .await;
    assert_eq!(found(&lea, "eu").await, "");
    app.publish(after()).await;
    let all = "Acme Holding, Acme Works, The Acme Laboratory, École Łódź 東京";
    assert_eq!(found(&lea, "eu").await, all);
    app.tell("crm", [seat("companyId:crm-2", json!("eu"))])
        .await;
    assert_eq!(
        found(&lea, "eu holding").await,
        "Acme Holding, Acmeville Holding"
    );
    // And back: what is no longer kept is no longer asked, and nothing old is left when it comes again.
    app.publish(before.clone()).await;
    assert_eq!(found(&lea, "eu").await, "");
    let moved = [
        seat("companyId:crm-2", json!("us")),
        seat("companyId:crm-1", Value::Null),
    ];
    app.tell("crm", moved).await;
    app.publish(after()).await;
    assert_eq!(found(&lea, "eu holding").await, "");
    assert_eq!(found(&lea, "us holding").await, "Acmeville Holding");
}

async fn what_was_deleted_is_no_longer_found(store: Store) {
    let app = app(store, POLICIES).await;
    let lea = app.as_member("lea");
    assert_eq!(found(&lea, "laboratory").await, "The Acme Laboratory");
    let renamed =
        |name: Value| json!({"type": "group", "groupId": "acmeLab", "traits": {"name": name}});
    app.clock.advance_seconds(60);
    app.source("product")
        .deliver([renamed(json!("Acme Rooms"))])
        .await;
    assert_eq!(found(&lea, "laboratory").await, "");
    assert_eq!(found(&lea, "rooms").await, "Acme Rooms");
    app.clock.advance_seconds(60);
    app.source("product").deliver([renamed(Value::Null)]).await;
    assert_eq!(found(&lea, "rooms").await, "");
    let left = "SELECT DISTINCT id FROM field_index WHERE field = 'account.name#words'";
    assert_eq!(app.home().column(left).await.len(), 3, "of the others");
}

async fn questions_are_bounded(store: Store) {
    let app = app(store, POLICIES).await;
    let lea = app.as_member("lea");
    let long = "w".repeat(513);
    for q in ["•••", "1 2 3 4 5 6 7 8 9", &long] {
        let refused = search(&lea, q, &[]).await.expect(400);
        assert_eq!(refused.json["fields"][0]["field"], "q", "{refused:?}");
    }
    for (key, value) in [
        ("limit", "0"),
        ("limit", "201"),
        ("kinds", "role"),
        ("sort", "x"),
    ] {
        let refused = search(&lea, "acme", &[(key, value)]).await.expect(400);
        assert_eq!(refused.json["fields"][0]["field"], key, "{refused:?}");
    }
    let many: Vec<Value> = (0..2_001)
        .map(|number| {
            json!({"type": "identify", "userId": format!("many{number}"),
                   "traits": {"name": format!("Many {number}")}})
        })
        .collect();
    for some in many.chunks(500) {
        app.source("product").deliver(some.iter().cloned()).await;
    }
    let broad = search(&lea, "many", &[]).await.expect(422);
    assert_eq!(broad.problem(), "too-broad");
    assert_eq!(found(&lea, "many 1999").await, "Many 1999");
}

async fn a_search_is_audited_without_its_words(store: Store) {
    let app = app(store, POLICIES).await;
    let page = search(&app.as_member("lea"), "laboratory acme", &[]).await;
    let page = page.expect(200);
    let cells = app.home().cells().await;
    let leaf = cells
        .iter()
        .filter(|cell| cell.table == "audit" && cell.column == "leaf")
        .map(|cell| String::from_utf8_lossy(&cell.bytes).into_owned())
        .find(|leaf| leaf.contains(page.audit_id()))
        .unwrap();
    assert!(!leaf.to_lowercase().contains("laboratory"), "{leaf}");
    let leaf: Value = serde_json::from_str(&leaf).unwrap();
    assert_eq!(leaf["action"], "search");
    assert_eq!(
        leaf["accounts"],
        json!([page.json["items"][0]["account"]["id"]])
    );
    assert_eq!(
        leaf["detail"],
        "1 found by 2 words in account.name, person.email, person.name, company.name"
    );
    let query = kith_engine::AuditQuery {
        limit: 100,
        ..kith_engine::AuditQuery::default()
    };
    let by = kith_engine::AuditActor::operator();
    let entries = app.engine().audit_search(app.id(), by, query).await;
    let entries = entries.unwrap().into_iter();
    let mut of_page = entries.filter(|entry| entry.id.to_string() == page.audit_id());
    let fields = of_page.next().unwrap().fields;
    assert!(fields.contains(&"account.name".to_owned()), "{fields:?}");
}
