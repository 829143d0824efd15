//! What a reason says, and above all what it keeps to itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod support;

use kith_domain::{Entity, Purpose};
use kith_policy::{Decision, SignedIdentity, Verdict};
use serde_json::json;

fn decide(
    text: &str,
    actor: &str,
    purpose: Purpose,
    account: &str,
    read: impl FnOnce(&kith_domain::Catalog, Decision),
) {
    let (definitions, policies) = support::policies(text);
    let table: toml::Table = toml::from_str(&format!("row = {{ {account} }}")).unwrap();
    let mut rows = support::Rows::default();
    rows.bind(
        &definitions.catalog,
        Entity::Account,
        table["row"].as_table().unwrap(),
    );
    rows.bind(&definitions.catalog, Entity::Person, &toml::Table::new());
    let subject = rows.subject(SignedIdentity::default());
    let plan = policies.specialise(&support::actor(actor), purpose);
    read(&definitions.catalog, plan.decide(&subject, support::now()));
}

/// Why a field is in its state, as an answer gives it.
fn why(text: &str, actor: &str, purpose: Purpose, account: &str, field: &str) -> String {
    let mut out = String::new();
    decide(text, actor, purpose, account, |catalog, decision| {
        let idx = catalog.find(field).unwrap();
        out = serde_json::to_string_pretty(&decision.reason(idx)).unwrap();
    });
    out
}

fn verdict(text: &str, actor: &str, purpose: Purpose, account: &str) -> String {
    let mut out = String::new();
    decide(text, actor, purpose, account, |_, decision| {
        out = match &decision.verdict {
            Verdict::Allowed { reasons } => serde_json::to_string_pretty(&**reasons).unwrap(),
            Verdict::Refused(refusal) => serde_json::to_string_pretty(refusal).unwrap(),
        };
    });
    out
}

macro_rules! assert_said {
    ($text:expr) => {
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!($text) })
    };
}

const EU: &str = r#"plan = "growth", region = "eu", privateRevenue = 5000"#;

#[test]
fn the_catalog_gives_reasons_too() {
    let words = |purpose, field| {
        let json = why("show account.plan", "sam", purpose, EU, field);
        let reason: serde_json::Value = serde_json::from_str(&json).unwrap();
        format!(
            "{}: {}",
            reason["code"].as_str().unwrap(),
            reason["words"].as_str().unwrap()
        )
    };
    assert_said!(
        [
            words(Purpose::SupportView, "account.plan"),
            words(Purpose::SupportView, "account.privateRevenue"),
            words(Purpose::SupportView, "account.forecast"),
            words(Purpose::AiDraft, "person.email"),
            words(Purpose::AiDraft, "account.paymentState"),
            words(Purpose::AccountEdit, "account.plan"),
        ]
        .join("\n")
    );
}

#[test]
fn a_statement_says_where_it_stands_and_what_it_turned_on() {
    let text = "allow support.view\nhide account.seats\nwhen account.plan in [\"trial\", \"growth\"]\nand user.role == \"support\"";
    assert_said!(why(text, "sam", Purpose::SupportView, EU, "account.seats"));
}

#[test]
fn only_what_decided_is_named() {
    let text = r#"
allow support.view
hide account.seats
when account.plan == "trial" or account.region == "eu" or user.role == "leadership"
unless account.plan == "enterprise"
"#;
    let reason = why(text, "sam", Purpose::SupportView, EU, "account.seats");
    let reason: serde_json::Value = serde_json::from_str(&reason).unwrap();
    assert_eq!(
        reason["restsOn"],
        json!([
            { "names": ["account.region"], "test": { "clause": "when", "text": "account.region == \"eu\"", "holds": true } },
            { "names": ["account.plan"], "test": { "clause": "unless", "text": "account.plan == \"enterprise\"", "holds": false } },
        ])
    );
}

#[test]
fn what_is_unknown_is_said_to_be() {
    let text = "allow support.view\nhide account.seats when account.region == \"us\"";
    let reason = why(text, "sam", Purpose::SupportView, "", "account.seats");
    assert!(
        reason.contains("`account.region == \\\"us\\\"` is unknown"),
        "{reason}"
    );
}

#[test]
fn a_field_that_the_asker_may_not_see_is_named_and_nothing_else_of_the_clause() {
    let text = r#"
allow support.view
hide account.seats when account.privateRevenue > 4321 and account.plan == "growth"
mask account.plan with redact
"#;
    let reason = why(text, "sam", Purpose::SupportView, EU, "account.seats");
    assert_said!(reason);
    for secret in ["4321", ">", "growth", "5000"] {
        assert!(!reason.contains(secret), "{secret}");
    }
}

#[test]
fn a_hidden_value_does_not_show_through_the_state_of_another_field() {
    let text = r#"
allow support.view
hide account.plan when account.privateRevenue > 4321
mask account.seats when account.plan == hidden
"#;
    let reason = why(text, "sam", Purpose::SupportView, EU, "account.seats");
    assert!(reason.contains("`account.privateRevenue`"), "{reason}");
    assert!(
        !reason.contains("4321") && !reason.contains("account.plan"),
        "{reason}"
    );
}

#[test]
fn under_a_refusal_nothing_of_the_row_is_seen() {
    let text = "allow support.view when account.plan != \"growth\"";
    let refusal = verdict(text, "sam", Purpose::SupportView, EU);
    assert_said!(refusal);
    assert!(!refusal.contains("growth"));
    let state = format!("{text}\nhide account.seats when account.region == \"eu\"");
    let reason = why(&state, "sam", Purpose::SupportView, EU, "account.seats");
    assert!(!reason.contains("eu\\\""), "{reason}");
}

#[test]
fn a_refusal_names_what_would_flip_it() {
    let text = r#"
# Who may have a reply drafted
allow ai.draft
when user.role in ["support", "success"]
and account.privateRevenue == hidden
and signedIdentity == true

allow support.reply
when user.role == "leadership"
"#;
    assert_said!(verdict(text, "agent for lea", Purpose::AiDraft, EU));
    assert_said!(verdict(text, "agent for sam", Purpose::AiDraft, EU));
}

#[test]
fn a_refusal_says_when_nothing_speaks_of_the_purpose_and_what_forbids() {
    let words = |text: &str| {
        let refusal: serde_json::Value =
            serde_json::from_str(&verdict(text, "sam", Purpose::SupportView, EU)).unwrap();
        let reasons = refusal["reasons"].as_array().unwrap().iter();
        let words: Vec<_> = reasons
            .map(|reason| reason["words"].as_str().unwrap().to_owned())
            .collect();
        words.join("\n")
    };
    assert_eq!(words(""), "no statement allows `support.view`");
    assert_eq!(
        words("allow support.view\nforbid support.view when user.role == \"support\""),
        "`forbid` at policies/test.kith:2 applies: `user.role == \"support\"` is true"
    );
}

#[test]
fn what_does_not_exist_gives_no_reason_at_all() {
    let text = "allow support.view\nlimit account to account.region == \"us\"";
    decide(
        text,
        "sam",
        Purpose::SupportView,
        EU,
        |catalog, decision| {
            assert!(!decision.exists);
            let reasons = decision.verdict.reasons();
            assert_eq!(reasons.len(), 1);
            assert_eq!(reasons[0].words, "there is no such customer here");
            assert_eq!(decision.verdict.statements().count(), 0);
            let plan = catalog.find("account.plan").unwrap();
            assert_eq!(
                decision.reason(plan).words,
                "there is no such customer here"
            );
        },
    );
}

#[test]
fn the_audit_log_gets_the_ids_that_the_asker_does_not() {
    let text = "allow support.view when account.privateRevenue > 1";
    decide(
        text,
        "sam",
        Purpose::SupportView,
        EU,
        |catalog, decision| {
            let ids: Vec<_> = decision
                .verdict
                .statements()
                .map(|id| id.to_string())
                .collect();
            assert_eq!(ids.len(), 1);
            let shown = serde_json::to_string(decision.verdict.reasons()).unwrap();
            assert!(!shown.contains(&ids[0]), "{shown}");
            let plan = catalog.find("account.plan").unwrap();
            assert_eq!(decision.reason(plan).decided_by(), None);
        },
    );
}

#[test]
fn a_hidden_event_says_so_for_its_properties() {
    let text = "allow support.view\nhide event.checkout.failed when user.role == \"support\"";
    let reason = why(
        text,
        "sam",
        Purpose::SupportView,
        EU,
        "event.checkout.failed.reason",
    );
    assert!(
        reason.contains("its event `event.checkout.failed`"),
        "{reason}"
    );
}
