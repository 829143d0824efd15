//! Callers' filters, counts and sorts over rows in memory, as in the worked cases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod support;

use kith_domain::{Entity, Purpose, Value};
use kith_policy::{Policies, Row, SignedIdentity, Subject};

const KEY: [u8; 32] = [7; 32];

const POLICIES: &str = r#"
allow support.view
limit account to account.region in user.regions
"#;

/// Six accounts; the last has no plan.
fn accounts(catalog: &kith_domain::Catalog) -> Vec<(&'static str, Row)> {
    [
        (
            "a",
            r#"plan = "growth", region = "eu", privateRevenue = 5000, paymentState = "ok""#,
        ),
        (
            "b",
            r#"plan = "growth", region = "us", privateRevenue = 100"#,
        ),
        (
            "c",
            r#"plan = "enterprise", region = "eu", privateRevenue = 90000, paymentState = "late""#,
        ),
        ("d", r#"plan = "trial", region = "eu""#),
        ("e", r#"plan = "growth""#),
        ("f", r#"region = "eu", paymentState = "late""#),
    ]
    .into_iter()
    .map(|(name, values)| {
        let table: toml::Table = toml::from_str(&format!("row = {{ {values} }}")).unwrap();
        let mut rows = support::Rows::default();
        rows.bind(catalog, Entity::Account, table["row"].as_table().unwrap());
        let row = rows
            .subject(SignedIdentity::default())
            .account
            .unwrap()
            .clone();
        (name, row)
    })
    .collect()
}

/// The names of the accounts that a filter keeps, or why it is refused.
fn ask(text: &str, actor: &str, filter: &str) -> String {
    let (definitions, policies) = support::policies(text);
    ask_under(&definitions, &policies, actor, filter)
}

fn ask_under(
    definitions: &kith_domain::Definitions,
    policies: &Policies,
    actor: &str,
    filter: &str,
) -> String {
    let plan = policies.specialise(&support::actor(actor), Purpose::SupportView);
    let filter = policies
        .filter(filter)
        .unwrap_or_else(|found| panic!("{}", support::list(&found)));
    let governed = match plan.govern(&filter) {
        Ok(governed) => governed,
        Err(refused) => return refused.to_string(),
    };
    let kept = accounts(&definitions.catalog)
        .into_iter()
        .filter(|(_, row)| {
            let subject = Subject {
                account: Some(row),
                ..Subject::default()
            };
            let decision = plan.decide(&subject, support::now());
            governed.keeps(&decision, &subject, support::now(), &KEY)
        });
    kept.map(|(name, _)| name).collect()
}

#[test]
fn a_filter_finds_rows_within_the_limit_only() {
    assert_eq!(ask(POLICIES, "sam", r#"account.plan == "growth""#), "a");
    assert_eq!(ask(POLICIES, "lea", r#"account.plan == "growth""#), "ab");
    assert_eq!(ask(POLICIES, "sam", r#"account.plan != "growth""#), "cd");
    assert_eq!(ask(POLICIES, "sam", "account.plan is absent"), "f");
}

#[test]
fn a_field_that_is_hidden_on_every_row_is_refused_by_name() {
    let refused = ask(POLICIES, "sam", "account.privateRevenue > 1000");
    assert_eq!(
        refused,
        "`account.privateRevenue` is not visible to you for `support.view`: leave it out, or ask its owner"
    );
    // Also where it is only almost surely hidden: hidden on every row, for an unknown reason.
    let text = "allow support.view\nhide account.seats when user.name is absent";
    assert!(ask(text, "api", "account.seats > 1").starts_with("`account.seats` is not visible"));
}

#[test]
fn a_field_that_is_hidden_on_some_rows_is_unknown_there() {
    let text = r#"
allow support.view
hide account.paymentState when account.plan == "enterprise"
"#;
    assert_eq!(ask(text, "sam", r#"account.paymentState == "late""#), "");
    assert_eq!(
        ask(text, "sam", r#"not (account.paymentState == "late")"#),
        "a"
    );
    // `c` is hidden; `f` has no plan, so whether it is hidden is unknown, so it is.
    assert_eq!(ask(text, "sam", "account.paymentState is absent"), "bde");
    assert_eq!(ask(text, "sam", "account.paymentState is not absent"), "a");
}

#[test]
fn rows_whose_verdict_is_not_true_are_left_out() {
    let text = r#"allow support.view when account.plan != "enterprise""#;
    assert_eq!(ask(text, "sam", r#"account.region in ["eu", "us"]"#), "abd");
    let (definitions, policies) = support::policies(text);
    let plan = policies.specialise(&support::actor("sam"), Purpose::SupportView);
    let rows = accounts(&definitions.catalog);
    let enterprise = Subject {
        account: Some(&rows[2].1),
        ..Subject::default()
    };
    let decision = plan.decide(&enterprise, support::now());
    assert!(decision.exists, "by its id it is refused, not unknown");
    assert!(!decision.verdict.is_allowed());
}

#[test]
fn a_masked_field_has_its_masked_value_only() {
    let text = r#"
allow support.view
show account.privateRevenue
mask account.privateRevenue
"#;
    assert_eq!(ask(text, "sam", "account.privateRevenue > 1000"), "");
    assert_eq!(ask(text, "sam", "account.privateRevenue <= 1000"), "");
    assert_eq!(ask(text, "sam", "account.privateRevenue is absent"), "def");
    let null = format!("{text}\nmask account.privateRevenue with null");
    assert_eq!(ask(&null, "sam", "account.privateRevenue is absent"), "");
    let words = "allow support.view\nmask account.region with redact";
    assert_eq!(ask(words, "sam", r#"account.region == "eu""#), "");
    assert_eq!(ask(words, "sam", r#"account.region == "•••""#), "abcdf");
}

#[test]
fn a_masked_field_sorts_by_what_is_shown() {
    let (definitions, policies) = support::policies("allow support.view\nmask person.email");
    let email = definitions.catalog.find("person.email").unwrap();
    let plan = policies.specialise(&support::actor("sam"), Purpose::SupportView);
    assert_eq!(plan.may_ask(email), Ok(()));
    let shown: Vec<_> = ["anna@b.example", "aaron@c.example", "ada@a.example"]
        .into_iter()
        .map(|address| {
            let mut person = Row::new();
            person.set(email, Value::String(address.into()));
            let subject = Subject {
                person: Some(&person),
                ..Subject::default()
            };
            let decision = plan.decide(&subject, support::now());
            decision.shown(email, &subject, &KEY)
        })
        .collect();
    let text = |text: &str| Some(Value::String(text.into()));
    assert_eq!(
        shown,
        [
            text("a•••@b.example"),
            text("a•••@c.example"),
            text("a•••@a.example")
        ]
    );
}

#[test]
fn a_filter_asks_for_fields_the_member_and_the_time_only() {
    let (_, policies) = support::policies("");
    let refused = |text: &str| support::list(&policies.filter(text).unwrap_err());
    assert!(
        policies
            .filter("account.owner == user.name and account.createdAt < now")
            .is_ok()
    );
    assert!(refused("account.plan == hidden").contains("a filter cannot test the state"));
    assert!(refused("purpose == ai.draft").contains("a filter cannot ask for `purpose`"));
    assert!(
        refused("account.plan == \"growth\" hide account.plan")
            .contains("did not expect `hide` behind")
    );
    assert!(refused("account.plan == \"grwth\"").starts_with("filter:1:17: "));
    assert!(refused("").contains("expected a value, found the end"));
}
