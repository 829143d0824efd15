//! Lists of accounts: filtered, sorted, counted and paged by what the asker may see, and by nothing else.

use std::collections::BTreeSet;

use kith_testkit::app::client::account;
use kith_testkit::{Answer, Client, Folder, Store, TestApp};
use serde_json::{Value, json};

crate::promises! {
    a_list_holds_the_accounts_in_view_that_the_filter_keeps,
    what_is_hidden_everywhere_is_refused_by_name,
    what_is_hidden_on_some_accounts_is_unknown_there,
    what_is_masked_counts_as_it_is_shown,
    what_only_the_evaluator_can_decide_is_bounded,
    accounts_on_which_the_verdict_is_not_true_are_left_out,
    pages_hold_every_account_once_in_order,
    a_cursor_serves_its_own_question_alone,
    a_list_is_audited_before_it_leaves,
    absent_and_invisible_cost_the_same,
    a_field_that_becomes_filterable_finds_what_was_there_before,
    merged_accounts_are_listed_once,
    counts_and_pages_agree_while_sources_write,
    mistakes_are_told_by_their_place,
    an_agent_lists_what_both_sides_may_see,
}

const POLICIES: &str = "allow support.view\n\nlimit account to account.region in user.regions\n";

/// Six accounts; `f` has no plan.
const ACCOUNTS: &[(&str, &str)] = &[
    (
        "a",
        r#"{"plan": "growth", "region": "eu", "privateRevenue": 5000, "paymentState": "ok", "seats": 30}"#,
    ),
    (
        "b",
        r#"{"plan": "growth", "region": "us", "privateRevenue": 100, "seats": 5}"#,
    ),
    (
        "c",
        r#"{"plan": "enterprise", "region": "eu", "privateRevenue": 90000, "paymentState": "late", "seats": 30}"#,
    ),
    (
        "d",
        r#"{"plan": "trial", "region": "eu", "taxId": "DE-811907980"}"#,
    ),
    ("e", r#"{"plan": "growth", "taxId": "DE-111111111"}"#),
    (
        "f",
        r#"{"region": "eu", "paymentState": "late", "seats": 200, "taxId": "FR-040303265"}"#,
    ),
];

async fn app(store: Store, policies: &str) -> TestApp {
    let app = TestApp::with_definitions(store, Folder::with_policies(policies)).await;
    deliver(&app, ACCOUNTS).await;
    app
}

async fn deliver(app: &TestApp, accounts: &[(&str, &str)]) {
    let messages = accounts.iter().map(|(key, traits)| {
        let traits: Value = serde_json::from_str(traits).unwrap();
        json!({"type": "group", "userId": format!("usr_{key}"), "groupId": key, "traits": traits})
    });
    app.source("billing").deliver(messages).await;
    // What is said later wins.
    app.clock.advance_seconds(1);
}

/// The keys of the accounts of a page, in order.
fn keys(answer: &Answer) -> String {
    let items = answer.json["items"].as_array().unwrap();
    let key = |item: &Value| item["key"]["value"].as_str().unwrap().to_owned();
    items.iter().map(key).collect()
}

async fn list(client: &Client, params: &[(&str, &str)]) -> Answer {
    let params: Vec<_> = [("purpose", "support.view")]
        .into_iter()
        .chain(params.iter().copied())
        .collect();
    client.list(&params).await
}

/// The accounts that a filter keeps, sorted by key; with their count.
async fn filtered(app: &TestApp, member: &str, filter: &str) -> String {
    let client = app.as_member(member);
    let params = [
        ("filter", filter),
        ("sort", "account.key"),
        ("count", "true"),
    ];
    let answer = list(&client, &params).await.expect(200);
    let found = keys(&answer);
    assert_eq!(answer.json["count"], json!(found.len()), "{filter}");
    found
}

async fn a_list_holds_the_accounts_in_view_that_the_filter_keeps(store: Store) {
    let app = app(store, POLICIES).await;
    for (member, filter, expect) in [
        ("sam", r#"account.plan == "growth""#, "a"),
        ("lea", r#"account.plan == "growth""#, "ab"),
        ("sam", r#"account.plan != "growth""#, "cd"),
        ("lea", r#"account.plan in ["trial", "enterprise"]"#, "cd"),
        ("sam", "account.plan is absent", "f"),
        ("sam", "account.plan is not absent", "acd"),
        (
            "sam",
            "account.seats >= 30 and not (account.plan == \"enterprise\")",
            "a",
        ),
        (
            "sam",
            "account.seats >= 30 or account.plan == \"trial\"",
            "acdf",
        ),
        ("sam", "account.region == \"us\"", ""),
        (
            "bo",
            "account.plan is absent or account.plan is not absent",
            "",
        ),
        ("lea", "account.region not in user.regions", ""),
        ("sam", "account.signupAt < now", ""),
    ] {
        assert_eq!(
            filtered(&app, member, filter).await,
            expect,
            "{member}: {filter}"
        );
    }
    let all = list(&app.as_member("sam"), &[("count", "true")])
        .await
        .expect(200);
    assert_eq!(all.json["count"], 4, "those in eu only");
    assert_eq!(all.json["items"].as_array().unwrap().len(), 4);
    assert_eq!(all.json["definitionsVersion"], 1);
    let items = all.json["items"].as_array().unwrap();
    let a = items
        .iter()
        .find(|item| item["key"]["value"] == "a")
        .unwrap();
    assert_eq!(a["plan"]["state"], "visible");
    assert_eq!(a["plan"]["source"], "billing");
    let withheld: Vec<_> = all.withheld().collect();
    assert!(withheld.contains(&"account.privateRevenue"), "{withheld:?}");
    assert!(!all.text.contains("5000"));
    // One in us by its key is as one that never was.
    let sam = app.as_member("sam");
    let invisible = sam.ask("support.view", account("b")).await.expect(404);
    let absent = sam.ask("support.view", account("zz")).await.expect(404);
    assert_eq!(
        invisible.text_without_audit_id(),
        absent.text_without_audit_id()
    );
}

async fn what_is_hidden_everywhere_is_refused_by_name(store: Store) {
    let app = app(store, POLICIES).await;
    let sam = app.as_member("sam");
    for params in [
        ("filter", "account.privateRevenue > 1000"),
        (
            "filter",
            "account.plan == \"growth\" or account.privateRevenue is absent",
        ),
        ("sort", "account.privateRevenue"),
        ("sort", "account.plan,-account.privateRevenue"),
    ] {
        let answer = list(&sam, &[params]).await.expect(403);
        assert_eq!(answer.problem(), "field-not-visible");
        assert_eq!(
            answer.json["detail"],
            "`account.privateRevenue` is not visible to you for `support.view`: leave it out, or ask its owner"
        );
        assert!(!answer.audit_id().is_empty());
    }
    // A purpose that nobody has is refused whatever is asked.
    let refused = sam
        .list(&[("purpose", "report.view"), ("filter", "nonsense")])
        .await;
    assert_eq!(refused.expect(403).problem(), "refused");
}

async fn what_is_hidden_on_some_accounts_is_unknown_there(store: Store) {
    let policies =
        "allow support.view\n\nhide account.paymentState\nwhen account.plan == \"enterprise\"\n";
    let app = app(store, policies).await;
    for (filter, expect) in [
        (r#"account.paymentState == "late""#, ""),
        (r#"not (account.paymentState == "late")"#, "a"),
        // `f` has no plan, so whether it is hidden there is unknown, so it is.
        ("account.paymentState is absent", "bde"),
        ("account.paymentState is not absent", "a"),
    ] {
        assert_eq!(filtered(&app, "sam", filter).await, expect, "{filter}");
    }
    let sorted = [("sort", "-account.paymentState,account.key")];
    let answer = list(&app.as_member("sam"), &sorted).await.expect(200);
    assert_eq!(
        keys(&answer),
        "abcdef",
        "hidden sorts as absent: {answer:?}"
    );
    let item = |place: usize| &answer.json["items"][place];
    assert_eq!(item(2)["withheld"][0]["field"], "account.paymentState");
    assert_eq!(item(0)["withheld"], Value::Null);
    assert!(
        !answer
            .withheld()
            .any(|field| field == "account.paymentState")
    );
}

async fn what_is_masked_counts_as_it_is_shown(store: Store) {
    let policies = "allow support.view\n\nshow account.taxId, account.privateRevenue\n\n\
        mask account.taxId with last4\n\nmask account.privateRevenue with bucket\n\n\
        mask account.name with redact\n";
    let app = app(store, policies).await;
    for (filter, expect) in [
        ("account.privateRevenue > 1000", ""),
        ("account.privateRevenue <= 1000", ""),
        ("account.privateRevenue is not absent", "abc"),
        (r#"account.taxId == "DE-811907980""#, ""),
        (r#"account.taxId == "•••7980""#, "d"),
        (r#"account.taxId > "•••2""#, "df"),
        (r#"account.taxId > "•••2" and account.plan is absent"#, "f"),
    ] {
        assert_eq!(filtered(&app, "sam", filter).await, expect, "{filter}");
    }
    // d ends in 7980, e in 1111, f in 3265; by the true values it would be e, d, f.
    let sorted = [("sort", "account.taxId,account.key"), ("limit", "2")];
    let sam = app.as_member("sam");
    let first = list(&sam, &sorted).await.expect(200);
    assert_eq!(keys(&first), "ef");
    let cursor = first.json["nextCursor"].as_str().unwrap();
    let second = [sorted[0], ("limit", "3"), ("cursor", cursor)];
    assert_eq!(keys(&list(&sam, &second).await.expect(200)), "dab");
    assert!(!first.text.contains("DE-"));
}

/// Ten thousand more accounts like one of them, written past every source.
async fn multiply(app: &TestApp, store: Store) {
    let (id, numbers) = match store {
        Store::Sqlite => (
            "CAST(printf('%016d', n.n) AS BLOB)",
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000)
             SELECT n FROM n",
        ),
        Store::Postgres => (
            "convert_to(lpad(n.n::text, 16, '0'), 'UTF8')",
            "SELECT generate_series(1, 10000) AS n",
        ),
    };
    let copy = format!(
        "INSERT INTO account (workspace, id, created_at, updated_at, fields, provenance)
         SELECT a.workspace, {id}, a.created_at, a.updated_at, a.fields, a.provenance
         FROM (SELECT * FROM account WHERE fields ->> 'account.key' = 'a') AS a CROSS JOIN ({numbers}) AS n"
    );
    app.home().column(&copy).await;
}

async fn what_only_the_evaluator_can_decide_is_bounded(store: Store) {
    let policies = "allow support.view\n\nshow account.taxId\n\nmask account.taxId with last4\n";
    let app = app(store, policies).await;
    multiply(&app, store).await;
    let sam = app.as_member("sam");
    let (masked, narrow) = (
        r#"account.taxId == "•••7980""#,
        r#"account.taxId == "•••7980" and account.plan == "trial""#,
    );
    // Whatever the database decides is no trouble.
    let all = list(&sam, &[("count", "true"), ("limit", "3")]).await;
    assert_eq!(all.expect(200).json["count"], 10_006);
    for params in [
        &[("filter", masked)][..],
        &[("filter", masked), ("count", "true")],
        &[("sort", "account.taxId")],
    ] {
        let refused = list(&sam, params).await.expect(422);
        assert_eq!(refused.problem(), "too-broad", "{params:?}");
        assert!(
            refused.text.contains("narrow the filter"),
            "{}",
            refused.text
        );
    }
    let found = list(&sam, &[("filter", narrow), ("count", "true")]).await;
    let found = found.expect(200);
    assert_eq!(
        (keys(&found).as_str(), &found.json["count"]),
        ("d", &json!(1))
    );
}

async fn accounts_on_which_the_verdict_is_not_true_are_left_out(store: Store) {
    let app = app(
        store,
        "allow support.view\nwhen account.plan != \"enterprise\"\n",
    )
    .await;
    let everything = "account.key is not absent";
    assert_eq!(filtered(&app, "sam", everything).await, "abde");
    let by_its_id = app.as_member("sam").ask("support.view", account("c")).await;
    assert_eq!(by_its_id.expect(403).problem(), "refused");
}

async fn pages_hold_every_account_once_in_order(store: Store) {
    let app = app(store, "allow support.view\n").await;
    let sam = app.as_member("sam");
    for (sort, expect) in [
        ("account.key", "abcdef"),
        ("-account.key", "fedcba"),
        // In the order of the enumeration's words, as bytes; absent last.
        ("account.plan,account.key", "cabedf"),
        ("-account.plan,account.key", "dabecf"),
        ("-account.seats,account.key", "facbde"),
        ("account.seats,-account.key", "bcafed"),
        (
            "account.paymentState,account.region,-account.seats,account.key",
            "fcadbe",
        ),
    ] {
        for limit in ["1", "2", "4", "200"] {
            let (mut found, mut cursor) = (String::new(), None::<String>);
            loop {
                let mut params = vec![("sort", sort), ("limit", limit), ("count", "true")];
                params.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
                let page = list(&sam, &params).await.expect(200);
                assert_eq!(page.json["count"], 6);
                found.push_str(&keys(&page));
                cursor = page.json["nextCursor"].as_str().map(str::to_owned);
                if cursor.is_none() {
                    break;
                }
            }
            assert_eq!(found, expect, "{sort} in pages of {limit}");
        }
    }
    let by_id = list(&sam, &[]).await.expect(200);
    let ids: Vec<_> = by_id.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap())
        .collect();
    assert!(ids.is_sorted());
}

async fn a_cursor_serves_its_own_question_alone(store: Store) {
    let app = app(store, "allow support.view, support.reply\n").await;
    let sam = app.as_member("sam");
    let asked = [
        ("sort", "account.seats"),
        ("limit", "2"),
        ("filter", "account.region == \"eu\""),
    ];
    let page = list(&sam, &asked).await.expect(200);
    let cursor = page.json["nextCursor"].as_str().unwrap().to_owned();
    let with = |cursor: &str| {
        let mut params: Vec<_> = asked
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        params.push(("cursor".to_owned(), cursor.to_owned()));
        params
    };
    let refused = async |client: &Client, params: Vec<(String, String)>, purpose: &str| {
        let mut params: Vec<_> = params
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        params.push(("purpose", purpose));
        let answer = client.list(&params).await.expect(400);
        assert_eq!(answer.problem(), "invalid-request");
        assert_eq!(answer.json["fields"][0]["field"], "cursor");
        assert!(answer.json.get("items").is_none());
        answer.json["fields"][0]["expected"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    // By another member, another purpose, another filter, another order.
    refused(&app.as_member("lea"), with(&cursor), "support.view").await;
    refused(&sam, with(&cursor), "support.reply").await;
    for changed in [
        ("filter", "account.region == \"us\""),
        ("sort", "-account.seats"),
    ] {
        let mut params = with(&cursor);
        params.retain(|(key, _)| key != changed.0);
        params.push((changed.0.to_owned(), changed.1.to_owned()));
        refused(&sam, params, "support.view").await;
    }
    // Forged in every byte, cut short, or no cursor at all.
    for place in 0..cursor.len() {
        let mut forged: Vec<char> = cursor.chars().collect();
        forged[place] = if forged[place] == 'A' { 'B' } else { 'A' };
        let forged: String = forged.into_iter().collect();
        // The last character has bits that say nothing.
        if place + 1 < cursor.len() {
            refused(&sam, with(&forged), "support.view").await;
        }
    }
    for nonsense in ["A", "AA", &cursor[..20], "%00", "nonsense!"] {
        refused(&sam, with(nonsense), "support.view").await;
    }
    // It says nothing, not even how long a name is.
    assert!(!cursor.contains("acc_"));
    // Another size of page is no other question.
    let mut params = with(&cursor);
    params.retain(|(key, _)| key != "limit");
    let params: Vec<_> = params
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(keys(&list(&sam, &params).await.expect(200)), "fd");

    app.publish(Folder::with_policies("allow support.view\n"))
        .await;
    let outdated = refused(&sam, with(&cursor), "support.view").await;
    assert!(outdated.contains("the definitions changed"), "{outdated}");
}

async fn a_list_is_audited_before_it_leaves(store: Store) {
    let app = app(
        store,
        "allow support.view\n\nmask account.name with initials\n",
    )
    .await;
    let sam = app.as_member("sam");
    let asked = [
        ("filter", "account.seats > 7"),
        ("sort", "account.plan"),
        ("count", "true"),
    ];
    let page = list(&sam, &asked).await.expect(200);
    let query = kith_engine::AuditQuery {
        limit: 100,
        ..kith_engine::AuditQuery::default()
    };
    let by = kith_engine::AuditActor::operator;
    let found = app
        .engine()
        .audit_search(app.id(), by(), query.clone())
        .await
        .unwrap();
    let entry = found
        .iter()
        .find(|item| item.id.to_string() == page.audit_id())
        .unwrap();
    assert_eq!(entry.action, "accounts.list");
    assert_eq!(entry.outcome, "allowed");
    assert_eq!(entry.statements.len(), 1);
    assert!(
        entry.fields.contains(&"account.seats".to_owned()),
        "{:?}",
        entry.fields
    );
    assert!(
        entry.fields.contains(&"account.name:initials".to_owned()),
        "{:?}",
        entry.fields
    );
    let cells = app.home().cells().await;
    let leaf = cells
        .iter()
        .filter(|cell| cell.table == "audit" && cell.column == "leaf")
        .map(|cell| String::from_utf8_lossy(&cell.bytes).into_owned())
        .find(|leaf| leaf.contains(page.audit_id()))
        .unwrap();
    let leaf: Value = serde_json::from_str(&leaf).unwrap();
    assert_eq!(
        leaf["detail"],
        "3 accounts; filtered by account.seats; sorted by account.plan; counted"
    );
    let ids: Vec<_> = page.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].clone())
        .collect();
    assert_eq!(leaf["accounts"], json!(ids));

    app.home().break_audit().await;
    let nothing = list(&sam, &asked).await.expect(503);
    assert_eq!(nothing.problem(), "audit-unavailable");
    assert!(nothing.json.get("items").is_none());
    let refused = list(&sam, &[("sort", "account.taxId")]).await.expect(503);
    assert_eq!(refused.problem(), "audit-unavailable");
}

async fn absent_and_invisible_cost_the_same(store: Store) {
    kith_testkit::app::logs::capture();
    let app = app(store, POLICIES).await;
    let sam = app.as_member("sam");
    let mut costs = BTreeSet::new();
    // Visible, invisible, and nobody's.
    for key in ["a", "b", "zz"] {
        let filter = format!("account.key == \"{key}\" and account.plan == \"growth\"");
        let page = list(&sam, &[("filter", &filter), ("count", "true")])
            .await
            .expect(200);
        let log = kith_testkit::app::logs::so_far();
        let line = log
            .lines()
            .find(|line| line.contains("one snapshot") && line.contains(page.audit_id()));
        let line = line.unwrap_or_else(|| panic!("no cost is told of {}", page.audit_id()));
        let cost = line
            .split("statements=")
            .nth(1)
            .or_else(|| line.split("\"statements\":").nth(1));
        let cost: String = cost
            .unwrap()
            .chars()
            .take_while(char::is_ascii_digit)
            .collect();
        costs.insert(cost);
    }
    assert_eq!(costs.len(), 1, "{costs:?}");
}

async fn a_field_that_becomes_filterable_finds_what_was_there_before(store: Store) {
    let app = app(store, "allow support.view\n").await;
    let seats = "[seats]\ntype = \"int\"\n";
    let filterable = "[seats]\nfilterable = true\ntype = \"int\"\n";
    let before = Folder::with_policies("allow support.view\n");
    let after = || {
        before
            .clone()
            .replacing("fields/account.toml", seats, filterable)
    };
    let filter = "account.seats > 7";
    assert_eq!(filtered(&app, "sam", filter).await, "acf");
    app.publish(after()).await;
    let whole = app.home().column("SELECT field FROM indexed_field").await;
    assert!(whole.contains(&"account.seats".to_owned()), "{whole:?}");
    assert_eq!(filtered(&app, "sam", filter).await, "acf");
    deliver(&app, &[("a", r#"{"seats": 3}"#), ("g", r#"{"seats": 8}"#)]).await;
    assert_eq!(filtered(&app, "sam", filter).await, "cfg");
    // And back: what is no longer kept is no longer asked.
    app.publish(before.clone()).await;
    let whole = app.home().column("SELECT field FROM indexed_field").await;
    assert!(!whole.contains(&"account.seats".to_owned()), "{whole:?}");
    deliver(&app, &[("a", r#"{"seats": 30}"#), ("g", r#"{"seats": 7}"#)]).await;
    assert_eq!(filtered(&app, "sam", filter).await, "acf");
    app.publish(after()).await;
    assert_eq!(filtered(&app, "sam", filter).await, "acf");
}

async fn merged_accounts_are_listed_once(store: Store) {
    let app = app(store, "allow support.view\n").await;
    let all = list(&app.as_member("sam"), &[("count", "true")])
        .await
        .expect(200);
    assert_eq!(all.json["count"], 6);
    let indexed = app
        .home()
        .column("SELECT DISTINCT id FROM field_index")
        .await
        .len();
    let roots = app.home().column("SELECT id FROM account").await.len();
    assert_eq!(indexed, roots);
}

async fn counts_and_pages_agree_while_sources_write(store: Store) {
    let app = app(store, "allow support.view\n").await;
    let sam = app.as_member("sam");
    let writing = {
        let source = app.source("product");
        tokio::spawn(async move {
            for round in 0..30 {
                let plan = ["growth", "trial"][round % 2];
                let messages = (0..8).map(|number| {
                    json!({"type": "group", "groupId": format!("w{round}_{number}"),
                           "traits": {"plan": plan, "region": "eu"}})
                });
                source.deliver(messages).await;
            }
        })
    };
    let mut seen = BTreeSet::new();
    loop {
        let last = writing.is_finished();
        let asked = [
            ("filter", "account.plan == \"growth\""),
            ("count", "true"),
            ("limit", "200"),
        ];
        let page = list(&sam, &asked).await.expect(200);
        let listed = page.json["items"].as_array().unwrap();
        assert_eq!(page.json["count"], json!(listed.len()));
        assert!(listed.iter().all(|item| item["plan"]["value"] == "growth"));
        seen.insert(listed.len());
        if last {
            break;
        }
    }
    writing.await.unwrap();
    assert_eq!(seen.last(), Some(&(3 + 15 * 8)));
}

async fn mistakes_are_told_by_their_place(store: Store) {
    let app = app(store, POLICIES).await;
    let sam = app.as_member("sam");
    for (param, value, field, expected) in [
        ("filter", "account.plan == \"grwth\"", "filter", "1:17: "),
        (
            "filter",
            "account.nme is absent",
            "filter",
            "did you mean `account.name`?",
        ),
        (
            "sort",
            "account.pln",
            "sort",
            "did you mean `account.plan`?",
        ),
        (
            "sort",
            "person.email",
            "sort",
            "expected fields of accounts",
        ),
        ("limit", "0", "limit", "from 1 to 200"),
        ("limit", "201", "limit", "from 1 to 200"),
        ("limit", "many", "limit", "expected a whole number"),
        ("count", "yes", "count", "expected `true` or `false`"),
        (
            "fliter",
            "account.plan is absent",
            "fliter",
            "did you mean `filter`?",
        ),
        ("purpose", "support.view", "purpose", "given twice"),
        (
            "sort",
            "account.plan,account.key,account.seats,account.name,account.region",
            "sort",
            "at most 4",
        ),
    ] {
        let answer = list(&sam, &[(param, value)]).await.expect(400);
        let fault = &answer.json["fields"][0];
        assert_eq!(fault["field"], field, "{answer:?}");
        let told = fault["expected"].as_str().unwrap();
        assert!(told.contains(expected), "{told}");
        assert!(!answer.text.contains("grwth"), "{told}");
    }
    let long = format!("account.name == \"{}\"", "x".repeat(4_096));
    let answer = list(&sam, &[("filter", &long)]).await.expect(400);
    assert!(answer.text.contains("at most 4096 bytes"));
    sam.list(&[]).await.expect(400);
    app.anonymous()
        .list(&[("purpose", "support.view")])
        .await
        .expect(401);
}

async fn an_agent_lists_what_both_sides_may_see(store: Store) {
    let policies = "allow ai.draft\n\nallow support.reply\nwhen account.plan != \"trial\"\n\n\
        limit account to account.region in user.regions\n";
    let app = app(store, policies).await;
    let drafter = app.as_agent("drafter");
    let sam = drafter.clone().on_behalf_of("sam");
    let asked = [
        ("purpose", "ai.draft"),
        ("sort", "account.key"),
        ("count", "true"),
    ];
    let page = sam.list(&asked).await.expect(200);
    assert_eq!(keys(&page), "ac");
    assert_eq!(page.json["count"], 2);
    assert_eq!(
        page.json["items"][0]["paymentState"],
        Value::Null,
        "above the ceiling of ai"
    );
    let lea = drafter.on_behalf_of("lea").list(&asked).await.expect(200);
    assert_eq!(keys(&lea), "abc");
    // Nobody is proven to a list, so an answer to the end user lists nobody.
    app.publish(Folder::with_policies("allow ai.answer\n"))
        .await;
    let loner = app.as_agent("loner");
    let nobody = loner
        .list(&[("purpose", "ai.answer"), ("count", "true")])
        .await
        .expect(200);
    assert_eq!(nobody.json["count"], 0);
    assert_eq!(nobody.json["items"], json!([]));
}
