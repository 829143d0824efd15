//! A gallery of broken policies and what their author is told. The messages are a promise to people
//! who write no code: what was found, what was expected, and the corrected text where there is one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod support;

use std::fmt::Write as _;

/// Each broken text with the findings about it.
fn gallery(texts: &[&str]) -> String {
    let mut out = String::new();
    for text in texts {
        let definitions = support::with_files(&[("policies/a.kith", text)]);
        let found = match kith_policy::check(&definitions) {
            Ok((_, warnings)) => warnings,
            Err(found) => found,
        };
        assert!(!found.is_empty(), "nothing is wrong with `{text}`");
        for line in text.lines() {
            writeln!(out, "| {line}").unwrap();
        }
        for finding in &found {
            let place = format!("{}:{}", finding.line, finding.column);
            writeln!(out, "{place} [{}] {}", finding.code, finding.message).unwrap();
            if let Some(hint) = &finding.hint {
                writeln!(out, "    {hint}").unwrap();
            }
        }
        out.push('\n');
    }
    out
}

macro_rules! assert_gallery {
    ($texts:expr) => {
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(gallery($texts));
        })
    };
}

#[test]
fn what_is_said_of_statements() {
    assert_gallery!(&[
        "alow ai.draft",
        "deny ai.draft",
        "grant account.plan",
        "ALLOW support.view",
        "account.plan",
        "\"allow\"",
        "allow",
        "allow when user.role == \"support\"",
        "allow support.vew",
        "allow everything",
        "allow account.plan",
        "allow support.view support.reply",
        "allow support.view whenn user.role == \"support\"",
        "allow support.view if user.role == \"support\"",
        "allow support.view and user.role == \"support\"",
        "allow support.view when user.role == \"a\" when user.role == \"b\"",
        "allow support.view;",
        "allow support.view, support.view",
        "when user.role == \"support\"",
        "hide account.privateRevnue",
        "hide privateRevenue",
        "hide account",
        "hide acount.*",
        "hide account.plan.*",
        "hide support.view",
        "hide tag:biling",
        "hide tag:",
        "hide role.*",
        "hide sensitivity",
        "hide sensitivity >= secret",
        "hide account.plan tag:billing",
        "mask person.email with emial",
        "mask person.email with",
        "limit account account.plan == \"growth\"",
        "limit acount to account.plan == \"growth\"",
        "limit event to account.plan == \"growth\"",
        "limit account to",
        "route conversation to enterprise",
        "route account to \"enterprise\"",
        "route conversation to \"x\" when user.role == \"support\"",
        "hide account.plan\nhide account.plan",
    ]);
}

#[test]
fn what_is_said_of_conditions() {
    assert_gallery!(&[
        "hide account.plan when",
        "hide account.plan when account.region",
        "hide account.plan when account.region =",
        "hide account.plan when account.region = \"eu\"",
        "hide account.plan when account.region == 'eu'",
        "hide account.plan when account.region == “eu”",
        "hide account.plan when account.region == \"eu",
        "hide account.plan when account.region == \"\\q\"",
        "hide account.plan when account.region == eu",
        "hide account.plan when account.region == \"eu\" && account.seats > 3 || !(account.seats < 9)",
        "hide account.plan when (account.region == \"eu\"",
        "hide account.plan when account.region == \"eu\")",
        "hide account.plan when 1 < account.seats < 10",
        "hide account.plan when account.region is null",
        "hide account.plan when account.region is present",
        "hide account.plan when account.region is \"eu\"",
        "hide account.plan when account.region is not \"eu\"",
        "hide account.plan when account.region is absnt",
        "hide account.plan when account.labels contains \"vip\"",
        "hide account.plan when account.region equals \"eu\"",
        "hide account.plan when tag:billing == hidden",
        "hide account.plan when person.* == hidden",
        "hide account.plan when account.region in [\"eu\", [\"us\"]]",
        "hide account.plan when account.region in [\"eu\" \"us\"]",
        "hide account.plan when account.region in \"eu\"",
        "hide account.plan when account.region in [\"eu\", person.name]",
        "hide account.plan when account.region in [eu]",
        "hide account.plan when account.seats > 10 dyas",
        "hide account.plan when account.createdAt < now - 3 months",
        "hide account.plan when account.privateRevenue > 1000 eur",
        "hide account.plan when account.seats > 99999999999999",
        "hide account.plan when account.createdAt < 2026-13-01",
        "hide account.plan when account.createdAt < now - 1 day - 1 day",
        "hide account.plan when account.seats + 1 > 3",
        "hide account.plan when account.createdAt . seats == 1",
        "hide account.plan when account.seats > 3 and\nhide account.region",
    ]);
}

#[test]
fn what_is_said_of_names_and_types() {
    assert_gallery!(&[
        "hide account.plan when user.rol == \"support\"",
        "hide account.plan when user.colour == \"red\"",
        "hide account.plan when account.regin == \"eu\"",
        "hide account.plan when region == \"eu\"",
        "hide account.plan when acct.region == \"eu\"",
        "hide account.plan when event.checkout.failed == true",
        "hide account.plan when event.checkout.failed == hidden",
        "hide account.plan when account.forecast > 1",
        "hide account.region when account.plan == \"enterprize\"",
        "hide account.region when account.plan in [\"grwth\", \"pro\"]",
        "hide account.region when account.plan > \"growth\"",
        "hide account.region when account.plan == growth",
        "hide account.region when account.plan == 3",
        "hide account.region when account.seats == \"12\"",
        "hide account.region when account.seats == 12 EUR",
        "hide account.region when account.score > 1 EUR",
        "hide account.region when account.privateRevenue > \"1000\"",
        "hide account.region when account.privateRevenue > 1000 USD",
        "hide account.region when account.isPartner == \"true\"",
        "hide account.region when account.isPartner > true",
        "hide account.region when account.createdAt > \"2026-01-31\"",
        "hide account.region when account.createdAt > 30 days",
        "hide account.region when account.responseTime > 30",
        "hide account.region when now - account.createdAt > 30",
        "hide account.region when now - account.createdAt > account.responseTime",
        "hide account.region when now - account.seats > 3 days",
        "hide account.region when now + account.responseTime > now",
        "hide account.region when account.seats > account.privateRevenue",
        "hide account.region when account.labels == \"vip\"",
        "hide account.region when account.labels in [\"vip\"]",
        "hide account.region when user.regions == \"eu\"",
        "hide account.region when user.regions is absent",
        "hide account.region when user.role is absent",
        "hide account.region when user.role > \"support\"",
        "hide account.region when account.seats in user.regions",
        "hide account.region when \"eu\" == \"eu\"",
        "hide account.region when \"eu\" in [\"eu\"]",
        "hide account.region when \"eu\" is absent",
        "hide account.region when purpose == \"ai.draft\"",
        "hide account.region when purpose == ai.drft",
        "hide account.region when purpose in ai.draft",
        "hide account.region when purpose in [ai.draft, ai.anwser]",
        "hide account.region when account.plan == ai.draft",
        "hide account.region when signedIdentity == \"yes\"",
        "hide account.region when identity.method == \"saml\"",
        "hide account.region when agent.kind == \"human\"",
    ]);
}

#[test]
fn what_is_said_of_states() {
    assert_gallery!(&[
        "hide account.region when account.plan > hidden",
        "hide account.region when account.plan == hiden",
        "hide account.region when user.role == hidden",
        "hide account.region when \"x\" == hidden",
        "hide account.region when account.pln == hidden",
        "hide account.region when account.plan in [hidden, \"growth\"]",
        "limit account to account.plan == hidden",
        "route conversation to \"x\" when account.plan == hidden",
        "allow audit.view, support.view when account.plan == hidden",
        "hide account.plan when account.paymentState == visible\nhide account.paymentState when account.plan == visible",
        "hide account.plan when account.plan == visible",
        "hide account.plan when account.region == visible\nhide account.region when account.seats == visible\nmask account.seats when account.plan == visible",
    ]);
}

#[test]
fn one_look_shows_every_mistake() {
    assert_gallery!(&[r#"
# Nearly every line is wrong
alow support.view
when user.role = "support"
and account.regin == "eu"

hide account.privateRevnue, account.plan
unless (user.role in ["leadership" "revops"]

limit account to account.region in user.region

mask person.email with emial
when purpose in [ai.drft]
"#]);
}

#[test]
fn what_is_too_much_is_said_once() {
    let deep = format!(
        "hide account.plan when {}account.seats == 1",
        "not ".repeat(40)
    );
    let nested = format!(
        "hide account.plan when {}account.seats == 1{}",
        "(".repeat(90),
        ")".repeat(90)
    );
    let tests = vec!["account.seats == 1"; 300].join(" or ");
    let many = format!("hide account.plan when {tests}");
    let items = vec!["1"; 600].join(", ");
    let list = format!("hide account.plan when account.seats in [{items}]");
    let long = format!(
        "hide account.plan when account.region == \"{}\"",
        "x".repeat(2_000)
    );
    for (text, says) in [
        (&deep, "conditions nest at most 32 deep"),
        (&nested, "conditions nest at most 32 deep"),
        (&many, "a statement has at most 256 tests"),
        (&list, "a list has at most 500 items"),
        (&long, "a text has at most 1024 bytes"),
    ] {
        let found =
            kith_policy::check(&support::with_files(&[("policies/a.kith", text)])).unwrap_err();
        assert_eq!(found.len(), 1, "{}", support::list(&found));
        assert!(found[0].message.contains(says), "{}", found[0]);
    }
    let statements = "hide account.plan\n".repeat(2_001);
    let found =
        kith_policy::check(&support::with_files(&[("policies/a.kith", &statements)])).unwrap_err();
    assert_eq!(found.last().unwrap().code, "too-many");
    let rubbish = "? ".repeat(5_000);
    let found =
        kith_policy::check(&support::with_files(&[("policies/a.kith", &rubbish)])).unwrap_err();
    assert_eq!(found.len(), 101);
}
