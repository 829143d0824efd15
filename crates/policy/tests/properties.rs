//! What holds of every text, every policy and every row.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod support;

use std::sync::Arc;

use kith_domain::{Audience, Decimal, Entity, FieldType, Value};
use kith_policy::{Interval, Policies, ProofMethod, SignedIdentity, reference};
use proptest::prelude::*;
use proptest::sample::select;
use support::generate::{Request, Shape, policies, request, restriction};

const ALL: Shape = Shape {
    absence: true,
    states: true,
    related: true,
    proof: true,
};

fn checked(text: &str) -> (kith_domain::Definitions, Policies) {
    support::policies(text)
}

/// Words and marks of the language, in no order.
fn soup() -> impl Strategy<Value = String> {
    let words = vec![
        "allow",
        "forbid",
        "show",
        "mask",
        "hide",
        "limit",
        "route",
        "conversation",
        "to",
        "with",
        "when",
        "unless",
        "and",
        "or",
        "not",
        "in",
        "is",
        "absent",
        "(",
        ")",
        "[",
        "]",
        ",",
        "==",
        "!=",
        "<",
        ">=",
        "=",
        "&&",
        "!",
        "-",
        "+",
        "*",
        ".",
        ";",
        "true",
        "hidden",
        "visible",
        "\"eu\"",
        "\"",
        "'",
        "“eu”",
        "12",
        "1.5",
        "99999999999999999999",
        "30 days",
        "1000 EUR",
        "2026-01-31",
        "2026-99-99T",
        "account.plan",
        "account.region",
        "account.privateRevenue",
        "user.role",
        "user.regions",
        "purpose",
        "now",
        "signedIdentity",
        "ai.draft",
        "support.view",
        "tag:billing",
        "tag:",
        "person.*",
        "sensitivity",
        "restricted",
        "email",
        "# note",
        "#",
        "\n",
        "\n\n",
        "\r\n",
        "\\",
        "é",
        "🦀",
        "\u{0}",
        "event.checkout.failed",
    ];
    proptest::collection::vec((select(words), select(vec![" ", "", "\n"])), 0..60).prop_map(
        |parts| {
            parts
                .into_iter()
                .fold(String::new(), |text, (word, gap)| text + word + gap)
        },
    )
}

fn never_panics(text: &str) -> Result<(), TestCaseError> {
    let definitions = support::with_files(&[("policies/a.kith", text)]);
    let found = match kith_policy::check(&definitions) {
        Ok((_, warnings)) => warnings,
        Err(found) => found,
    };
    for finding in found {
        prop_assert!(finding.span.end <= text.len(), "{finding}");
        prop_assert!(text.is_char_boundary(finding.span.start), "{finding}");
        prop_assert!(text.is_char_boundary(finding.span.end), "{finding}");
        prop_assert!(!finding.message.is_empty());
    }
    Ok(())
}

/// What can be read formats to what reads the same, and formatting that changes nothing.
fn round_trips(text: &str) -> Result<(), TestCaseError> {
    let (file, found) = kith_policy::parse("a", text);
    if !found.is_empty() {
        return Ok(());
    }
    let formatted = kith_policy::format_file(&file);
    let (again, found) = kith_policy::parse("a", &formatted);
    prop_assert_eq!(found, vec![], "{}", &formatted);
    prop_assert_eq!(&again, &file, "{}", &formatted);
    prop_assert_eq!(kith_policy::format_file(&again), formatted);
    Ok(())
}

fn is_no_wider(narrow: Interval, wide: Interval) -> bool {
    narrow.meet(wide) == narrow
}

/// Asks the direct evaluator and the plan, which must agree on everything.
fn ask(
    definitions: &kith_domain::Definitions,
    policies: &Policies,
    request: &Request,
    drop: impl Fn(&str) -> bool,
) -> Result<reference::Outcome, TestCaseError> {
    let rows = request.rows(&definitions.catalog, drop);
    ask_of(definitions, policies, request, &rows)
}

/// The same, of rows that are not the request's own.
fn ask_of(
    definitions: &kith_domain::Definitions,
    policies: &Policies,
    request: &Request,
    rows: &support::Rows,
) -> Result<reference::Outcome, TestCaseError> {
    let subject = rows.subject(request.signed);
    let actor = support::actor(request.actor);
    let now = support::now();
    let outcome = reference::decide(policies, &actor, request.purpose, &subject, now);
    let plan = policies.specialise(&actor, request.purpose);
    let decision = plan.decide(&subject, now);
    prop_assert_eq!(decision.exists, outcome.exists);
    prop_assert_eq!(plan.exists(&subject, now), outcome.exists);
    prop_assert!(plan.refusal().is_none() || !outcome.allowed);
    if outcome.exists {
        prop_assert_eq!(decision.verdict.is_allowed(), outcome.allowed);
        prop_assert!(!decision.verdict.reasons().is_empty());
        for (idx, field) in definitions.catalog.iter() {
            let lo = outcome.states[idx.index()].lo;
            prop_assert_eq!(decision.state(idx), lo, "{}", field.path);
            if let Some(constant) = plan.constant_state(idx) {
                prop_assert_eq!(constant, lo, "{} is said to be constant", field.path);
            }
            prop_assert!(!decision.reason(idx).words.is_empty());
        }
    }
    Ok(outcome)
}

/// Who looks, and as whom.
const MEMBERS: [&str; 4] = ["sam", "lea", "bo", "kim"];

/// Keys of the request's values.
const VALUES: [&str; 12] = [
    "region",
    "plan",
    "paymentState",
    "privateRevenue",
    "seats",
    "score",
    "isPartner",
    "responseTime",
    "labels",
    "owner",
    "createdAt",
    "email",
];

/// What a proof opens.
const OPENED_BY_PROOF: [&str; 7] = [
    "allow ai.draft, ai.answer, support.view when signedIdentity == true",
    r#"allow support.reply when identity.method == "jwt""#,
    r#"allow report.view when signedIdentity == true and account.plan == "growth""#,
    r#"show account.privateRevenue when identity.method in ["jwt", "hmac"]"#,
    "hide account.region unless signedIdentity == true",
    "forbid support.view unless signedIdentity == true",
    "limit person to signedIdentity == true",
];

fn unique(statements: &[&'static str]) -> Vec<&'static str> {
    let all: std::collections::BTreeSet<_> = statements.iter().copied().collect();
    all.into_iter().collect()
}

/// Values that a field of this type cannot have: of another type, or of another currency.
fn misfits(ty: &FieldType) -> Vec<Value> {
    let millionths = |micros, currency: Option<&str>| {
        let currency = currency.map(|code| code.parse().unwrap());
        Value::Decimal(Decimal { micros, currency })
    };
    let text = |text: &str| Value::String(text.into());
    let is_number = matches!(ty, FieldType::Int | FieldType::Decimal { currency: None });
    let all = [
        (matches!(ty, FieldType::Bool), Value::Bool(true)),
        (is_number, Value::Int(i64::MAX)),
        (is_number, millionths(i64::MIN, None)),
        (false, millionths(5_000_000_000, Some("USD"))),
        (
            matches!(ty, FieldType::Timestamp),
            Value::Timestamp(support::now()),
        ),
        (matches!(ty, FieldType::Duration), Value::Duration(i64::MAX)),
        (
            matches!(ty, FieldType::String | FieldType::Enum(_)),
            text("eu"),
        ),
        (
            matches!(ty, FieldType::Strings),
            Value::Strings([Arc::from("eu")].into()),
        ),
    ];
    let misfits = all.into_iter().filter(|(fits, _)| !fits);
    misfits.map(|(_, value)| value).collect()
}

/// Verdict, rows and states: all that a request gives.
fn gives_no_more(
    after: &reference::Outcome,
    before: &reference::Outcome,
) -> Result<(), TestCaseError> {
    prop_assert!(before.exists || !after.exists, "a row more");
    prop_assert!(before.allowed || !after.allowed, "a purpose more");
    for (unsure, sure) in after.states.iter().zip(&before.states) {
        prop_assert!(unsure.lo.meet(sure.lo) == unsure.lo, "a field more");
    }
    Ok(())
}

/// What may be true of a field before a doubt may still be true.
fn rules_nothing_out(
    after: &reference::Outcome,
    before: &reference::Outcome,
) -> Result<(), TestCaseError> {
    for (unsure, sure) in after.states.iter().zip(&before.states) {
        prop_assert!(unsure.hi.meet(sure.hi) == sure.hi, "a state less");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        never_panics(&text)?;
        round_trips(&text)?;
    }

    #[test]
    fn no_soup_of_words_makes_it_panic(text in soup()) {
        never_panics(&text)?;
        round_trips(&text)?;
    }

    #[test]
    fn formatting_reads_back_the_same(
        text in policies(ALL),
        notes in proptest::collection::vec((any::<proptest::sample::Index>(), "#[ -~]{0,12}"), 0..5),
    ) {
        // Comments go anywhere a blank or a new line is.
        let mut text = text;
        for (index, note) in notes {
            let gaps: Vec<_> = text.match_indices(' ').map(|(at, _)| at).collect();
            if gaps.is_empty() { break; }
            let at = gaps[index.index(gaps.len())];
            if text[..at].matches('"').count().is_multiple_of(2) {
                text.insert_str(at, &format!("{note}\n\n"));
            }
        }
        round_trips(&text)?;
    }

    #[test]
    fn the_plan_agrees_with_the_direct_evaluator(text in policies(ALL), request in request()) {
        let (definitions, policies) = checked(&text);
        ask(&definitions, &policies, &request, |_| false)?;
    }

    #[test]
    fn a_restriction_more_never_gives_more(
        text in policies(Shape { states: false, ..ALL }),
        more in restriction(Shape { states: false, ..ALL }),
        request in request(),
    ) {
        let (definitions, policies) = checked(&text);
        let before = ask(&definitions, &policies, &request, |_| false)?;
        let (definitions, policies) = checked(&format!("{text}\n{more}"));
        let after = ask(&definitions, &policies, &request, |_| false)?;
        prop_assert!(before.exists || !after.exists);
        prop_assert!(before.allowed || !after.allowed);
        for (narrow, wide) in after.states.iter().zip(&before.states) {
            prop_assert!(is_no_wider(*narrow, *wide));
        }
    }

    /// Whoever looks as another would sees nothing that they may not see by themselves, and no row and
    /// no field that the other may not see.
    #[test]
    fn looking_as_another_never_gives_more(
        text in policies(ALL),
        request in request(),
        viewer in select(MEMBERS.to_vec()),
        viewed in select(MEMBERS.to_vec()),
    ) {
        let (definitions, policies) = checked(&text);
        let rows = request.rows(&definitions.catalog, |_| false);
        let (subject, now) = (rows.subject(request.signed), support::now());
        let [viewer, viewed] = [viewer, viewed].map(support::actor);
        let [asks, seen] = [&viewer, &viewed].map(|actor| actor.member().unwrap());
        let met = policies.asker_viewing_as(asks, seen, request.purpose);
        let by_machine = matches!(request.purpose.audience(), Some(Audience::Ai | Audience::Automation));
        prop_assert_eq!(met.is_none(), by_machine);
        let Some(met) = met else { return Ok(()) };
        let met = policies.share(met.key()).bind(met).decide(&subject, now);
        let [own, other] = [&viewer, &viewed]
            .map(|actor| policies.specialise(actor, request.purpose).decide(&subject, now));
        prop_assert!(!met.exists || (own.exists && other.exists), "a row more");
        prop_assert!(!met.verdict.is_allowed() || own.verdict.is_allowed(), "a purpose more");
        if met.exists {
            for (idx, field) in definitions.catalog.iter() {
                for one in [&own, &other] {
                    let state = met.state(idx);
                    prop_assert_eq!(state.meet(one.state(idx)), state, "{}", field.path);
                }
            }
        }
    }

    #[test]
    fn knowing_less_never_gives_more(
        text in policies(Shape { absence: false, ..ALL }),
        request in request(),
        lost in proptest::sample::subsequence(VALUES.to_vec(), 0..VALUES.len()),
    ) {
        let (definitions, policies) = checked(&text);
        let before = ask(&definitions, &policies, &request, |_| false)?;
        let after = ask(&definitions, &policies, &request, |key| lost.contains(&key))?;
        gives_no_more(&after, &before)?;
        rules_nothing_out(&after, &before)?;
    }

    /// A row that holds what its catalog does not say, absence being tested as well.
    #[test]
    fn a_value_that_does_not_fit_never_gives_more(
        text in policies(ALL),
        request in request(),
    ) {
        let (definitions, policies) = checked(&text);
        let before = ask(&definitions, &policies, &request, |_| false)?;
        // Of other values nothing is asked.
        for key in VALUES.iter().filter(|key| text.contains(**key)) {
            let entity = if *key == "email" { Entity::Person } else { Entity::Account };
            let field = definitions.catalog.find(&format!("{entity}.{key}")).unwrap();
            for misfit in misfits(&definitions.catalog.get(field).unwrap().ty) {
                let mut rows = request.rows(&definitions.catalog, |_| false);
                rows.replace(entity, field, misfit);
                let after = ask_of(&definitions, &policies, &request, &rows)?;
                gives_no_more(&after, &before)?;
                rules_nothing_out(&after, &before)?;
            }
        }
    }

    /// Whoever writes policies means the proof to open: losing it, by whatever fault, closes. Not
    /// where states are tested: a field that is hidden for want of a proof may open something else.
    #[test]
    fn a_proof_that_fails_never_gives_more(
        text in policies(Shape { proof: false, states: false, ..ALL }),
        opens in proptest::collection::vec(select(OPENED_BY_PROOF.to_vec()), 0..4),
        request in request(),
    ) {
        let (definitions, policies) = checked(&format!("{text}\n{}", unique(&opens).join("\n")));
        let proven = SignedIdentity { proven: true, method: Some(ProofMethod::Jwt) };
        let request = Request { signed: proven, ..request };
        let before = ask(&definitions, &policies, &request, |_| false)?;
        for method in [None, Some(ProofMethod::Jwt), Some(ProofMethod::Hmac)] {
            let failed = SignedIdentity { proven: false, method };
            let request = Request { signed: failed, ..request.clone() };
            let after = ask(&definitions, &policies, &request, |_| false)?;
            gives_no_more(&after, &before)?;
        }
    }
}
