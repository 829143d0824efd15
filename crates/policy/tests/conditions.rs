//! Questions about conditions: what is proven of every request is so on each that is asked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod support;

use kith_domain::{Entity, Purpose};
use kith_policy::{Asked, Conditions, Is, Policies, Possible, reference};
use proptest::prelude::*;
use support::mixed::{mixed_condition, mixed_request};

const VIEW: Asked<'_> = Asked::of_verdicts(&[Purpose::SupportView]);

/// What the first statement's condition can be: some of `t`, `f` and `u`, `?` where that is not known.
fn kinds(policies: &Policies, asked: &Asked<'_>) -> String {
    let condition = policies.statements()[0].condition;
    let mut conditions = Conditions::new(policies);
    let mut found = String::new();
    for (word, is) in [('t', Is::True), ('f', Is::False), ('u', Is::Unknown)] {
        match conditions.can_be(condition, is, asked) {
            Possible::Never => {}
            Possible::Sometimes => found.push(word),
            Possible::Perhaps => found.extend([word, '?']),
        }
    }
    found
}

#[test]
fn what_a_condition_can_be() {
    let mut wrong = Vec::new();
    for (condition, expected) in [
        // Values against values.
        ("account.seats > 10", "tfu"),
        ("account.seats > 10 and account.seats < 10", "fu"),
        ("account.seats > 10 and account.seats < 12", "tfu"),
        ("account.seats > 10 and account.seats < 11", "fu"),
        ("account.score > 10 and account.score < 11", "tfu"),
        ("account.seats > 10 or account.seats <= 10", "tu"),
        (
            "account.plan == \"growth\" and account.plan == \"trial\"",
            "fu",
        ),
        ("account.plan in []", "f"),
        ("account.plan is absent or account.plan is not absent", "tu"),
        (
            "account.plan is absent and account.plan == \"growth\"",
            "fu",
        ),
        (
            "account.isPartner == true and account.isPartner == false",
            "fu",
        ),
        (
            "account.privateRevenue > 10 and account.privateRevenue > 10 USD",
            "fu",
        ),
        // Who asks: nobody but a member or an agent does, and neither is ever unknown to policies.
        ("user.role == \"support\"", "tfu"),
        ("user.role == \"support\" and agent.kind == \"none\"", "tf"),
        (
            "user.role == \"support\" and not (user.role in [\"support\", \"success\"])",
            "fu",
        ),
        ("agent.kind == \"ai\" and agent.kind == \"api\"", "f"),
        ("purpose == ai.draft", "f"),
        ("purpose == support.view", "t"),
        (
            "identity.method == \"jwt\" and not (signedIdentity == true)",
            "fu",
        ),
        // Lists.
        (
            "account.region in user.regions and account.region is absent",
            "fu",
        ),
        (
            "\"vip\" in account.labels and account.labels is absent",
            "fu",
        ),
        // Times.
        (
            "account.createdAt < now - 30 days and account.createdAt > now - 10 days",
            "fu",
        ),
        // What cannot be followed is not claimed.
        (
            "account.score > account.seats and account.seats > account.score",
            "t?f?u?",
        ),
    ] {
        let text = format!("allow support.view when {condition}");
        let (_, policies) = support::policies(&text);
        let found = kinds(&policies, &VIEW);
        if found != expected {
            wrong.push(format!("{condition}: {found}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_follows_from_what() {
    let asked = Asked::of_fields(Purpose::ALL);
    for (a, b, expected) in [
        ("account.seats > 10", "account.seats > 5", Some(true)),
        ("account.seats > 5", "account.seats > 10", Some(false)),
        (
            "user.role == \"support\"",
            "user.role in [\"support\", \"success\"]",
            Some(true),
        ),
        (
            "account.plan == \"growth\"",
            "account.plan is not absent",
            Some(true),
        ),
        (
            "account.score > account.seats",
            "account.score >= account.seats",
            None,
        ),
    ] {
        let text = format!("hide account.plan when {a}\nhide account.plan when {b}");
        let (_, policies) = support::policies(&text);
        let [a_id, b_id] = [0, 1].map(|place| policies.statements()[place].condition);
        let found = Conditions::new(&policies).implies(a_id, b_id, Is::True, &asked);
        assert_eq!(found, expected, "{a} => {b}");
    }
}

/// States are followed through, each on its own side.
#[test]
fn states_are_followed_through() {
    let text = "allow ai.draft when account.paymentState == visible\n\
        hide account.paymentState unless user.role == \"leadership\"";
    let (_, policies) = support::policies(text);
    let draft = Asked::of_verdicts(&[Purpose::AiDraft]);
    assert_eq!(
        kinds(&policies, &draft),
        "f",
        "it is above the ceiling of AI"
    );
    let (_, policies) = support::policies(&format!(
        "{text}\nshow account.paymentState when agent.kind == \"ai\""
    ));
    // For leadership it is visible, for other members hidden, and an agent alone has no role.
    assert_eq!(kinds(&policies, &draft), "tfu");
}

/// A condition whose diagram has one path per combination of twenty pairs of fields.
#[test]
fn what_would_take_for_ever_ends_quickly_and_claims_nothing() {
    let words = |list: &str| {
        (0..24)
            .map(|word| format!("(\"a{word}\" in {list})"))
            .collect::<Vec<_>>()
    };
    let (left, right) = (words("account.labels"), words("user.regions"));
    let pairs = left.iter().zip(right.iter().rev());
    let pairs: Vec<_> = pairs.map(|(a, b)| format!("({a} and {b})")).collect();
    let (_, policies) =
        support::policies(&format!("allow support.view when {}", pairs.join(" or ")));
    assert_eq!(kinds(&policies, &VIEW), "t?f?u?");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Asked under its only purpose, an `allow` is allowed where its condition is true, and a
    /// `forbid` forbids where it is not false.
    #[test]
    fn what_never_is_never_shows(
        condition in mixed_condition(),
        requests in proptest::collection::vec(mixed_request(), 200),
    ) {
        let (definitions, allow) = support::policies(&format!("allow support.view when {condition}"));
        let (_, forbid) =
            support::policies(&format!("forbid support.view when {condition}\nallow support.view"));
        let mut conditions = Conditions::new(&allow);
        let mut can = |is| conditions.can_be(allow.statements()[0].condition, is, &VIEW);
        let (truth, falsehood, unknown) = (can(Is::True), can(Is::False), can(Is::Unknown));
        let member_alone = requests.iter().filter(|(actor, ..)| actor.agent().is_none());
        for (actor, _, [account, person], proof) in member_alone {
            let mut rows = support::Rows::default();
            for (entity, values) in [(Entity::Account, account), (Entity::Person, person)] {
                if let Some(values) = values {
                    rows.bind(&definitions.catalog, entity, values);
                }
            }
            let subject = rows.subject(*proof);
            let ask = |policies| {
                let view = Purpose::SupportView;
                reference::decide(policies, actor, view, &subject, support::now()).allowed
            };
            let (what, never) = match (ask(&allow), ask(&forbid)) {
                (true, _) => ("true", truth),
                (false, true) => ("false", falsehood),
                (false, false) => ("unknown", unknown),
            };
            prop_assert!(never != Possible::Never, "{condition} can be {what}");
        }
    }
}
