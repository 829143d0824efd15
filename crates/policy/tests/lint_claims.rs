//! What lints claim holds on every request: of a statement that is unreachable or shadowed nothing is
//! decided, and where a condition is always true it can be left out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod support;

use std::cell::Cell;

use kith_domain::{Catalog, Definitions, Diagnostic};
use kith_policy::lint::lint;
use kith_policy::reference::{self, Outcome};
use kith_policy::{Policies, Route};
use proptest::prelude::*;
use proptest::sample::select;
use support::generate::{Request, request};

/// Few tests, so that conditions often follow from each other or exclude each other.
const TESTS: [&str; 10] = [
    r#"account.plan == "trial""#,
    r#"account.plan == "growth""#,
    r#"account.plan in ["trial", "growth"]"#,
    "account.seats > 3",
    "account.seats > 9",
    "account.seats <= 3",
    "signedIdentity == true",
    r#"user.role == "support""#,
    "purpose == support.view",
    "account.region == hidden",
];

/// Statements of each kind, over few fields and purposes. `account.region` comes first, so that it is
/// the one whose state is tested.
const STARTS: [&str; 14] = [
    "allow support.view",
    "allow support.view, ai.draft",
    "allow support.reply",
    "forbid ai.draft",
    "forbid support.view, support.reply",
    "show account.privateRevenue",
    "show account.privateRevenue, account.enterpriseNotes",
    "mask account.privateRevenue",
    "mask tag:billing with null",
    "hide tag:billing",
    "hide account.plan, account.seats",
    "mask account.plan with last4",
    "limit account to account.seats > 3",
    "limit account to account.seats > 9",
];
const ON_REGION: [&str; 3] = [
    "hide account.region",
    "mask account.region with last4",
    "mask account.region with null",
];
const ROUTES: [&str; 2] = ["route conversation to \"a\"", "route conversation to \"b\""];

fn condition(tests: Vec<&'static str>) -> impl Strategy<Value = String> {
    let test = select(tests).prop_map(str::to_owned);
    test.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            1 => inner.clone().prop_map(|inner| format!("not ({inner})")),
            2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            2 => (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) or ({b})")),
        ]
    })
}

fn statement(starts: &'static [&'static str], tests: &[&'static str]) -> BoxedStrategy<String> {
    let clause = |word: &'static str, weight| {
        let clause = proptest::option::weighted(weight, condition(tests.to_vec()));
        clause.prop_map(move |of| of.map_or(String::new(), |of| format!(" {word} {of}")))
    };
    let clauses = (clause("when", 0.8), clause("unless", 0.2));
    (select(starts), clauses)
        .prop_map(|(start, (when, unless))| format!("{start}{when}{unless}"))
        .boxed()
}

fn statements() -> impl Strategy<Value = Vec<String>> {
    let no_states = statement(&ON_REGION, &TESTS[..9]);
    let limits = statement(&STARTS[12..], &TESTS[..9]);
    let any = prop_oneof![
        6 => statement(&STARTS[..12], &TESTS),
        1 => limits,
        1 => no_states,
        2 => statement(&ROUTES, &TESTS[..6]),
    ];
    proptest::collection::vec(any, 2..9)
}

fn definitions(statements: &[String]) -> Definitions {
    support::with_files(&[("policies/a.kith", &statements.join("\n"))])
}

/// What is decided of a request, its conversation included.
fn decide(policies: &Policies, catalog: &Catalog, request: &Request) -> (Outcome, Option<String>) {
    let rows = request.rows(catalog, |_| false);
    let subject = rows.subject(request.signed);
    let actor = support::actor(request.actor);
    let outcome = reference::decide(policies, &actor, request.purpose, &subject, support::now());
    let route = match policies.route(&subject, support::now()) {
        Route::Space { space, .. } => Some(space.to_string()),
        Route::Triage { .. } => None,
        Route::Default => Some(String::new()),
    };
    (outcome, route)
}

/// A statement without the clause that a finding is about, or nothing without the statement.
fn without(statement: &str, finding: &Diagnostic) -> String {
    if finding.code != "always-true" || finding.message.starts_with("every ") {
        return String::new();
    }
    let (start, unless) = match statement.split_once(" unless ") {
        Some((start, unless)) => (start, format!(" unless {unless}")),
        None => (statement, String::new()),
    };
    if finding.message.starts_with("`unless`") {
        return start.to_owned();
    }
    start
        .split_once(" when ")
        .map_or("", |(start, _)| start)
        .to_owned()
        + &unless
}

/// What is emitted is the same, for what is only weighed in tests of states.
fn emitted(outcome: &Outcome) -> Vec<kith_policy::State> {
    outcome.states.iter().map(|state| state.lo).collect()
}

thread_local! {
    static CLAIMS: Cell<[usize; 3]> = const { Cell::new([0; 3]) };
}

fn check(statements: &[String], requests: &[Request]) -> Result<(), TestCaseError> {
    let whole = definitions(statements);
    // The same statement twice is a mistake of its own.
    let Ok((policies, _)) = kith_policy::check(&whole) else {
        return Ok(());
    };
    let report = lint(&whole, &policies);
    let names = ["unreachable", "always-true", "shadowed"];
    let claims = report.findings.iter().filter(|of| names.contains(&of.code));
    let mut all_shadowed = statements.to_vec();
    for claim in claims {
        let mut counts = CLAIMS.get();
        counts[names.iter().position(|name| *name == claim.code).unwrap()] += 1;
        CLAIMS.set(counts);
        let place = claim.line - 1;
        let mut changed = statements.to_vec();
        changed[place] = without(&statements[place], claim);
        if claim.code == "shadowed" {
            all_shadowed[place] = String::new();
        }
        let only_to_triage = claim.message.contains("goes to triage");
        let Ok((changed_policies, _)) = kith_policy::check(&definitions(&changed)) else {
            continue;
        };
        for request in requests {
            let catalog = &whole.catalog;
            let (before, route) = decide(&policies, catalog, request);
            let (after, changed_route) = decide(&changed_policies, catalog, request);
            if only_to_triage {
                let space = statements[place].split('"').nth(1).unwrap();
                let others = statements.iter().enumerate();
                let goes_elsewhere = others
                    .filter(|(at, of)| *at != place && of.contains(&format!("to \"{space}\"")));
                prop_assert!(
                    route != Some(space.to_owned()) || goes_elsewhere.count() > 0,
                    "{claim}\nof\n{}\n{request:?}",
                    statements.join("\n")
                );
                continue;
            }
            prop_assert_eq!(
                &route,
                &changed_route,
                "{}\nof\n{}",
                claim,
                statements.join("\n")
            );
            prop_assert_eq!(
                before.exists,
                after.exists,
                "{}\nof\n{}",
                claim,
                statements.join("\n")
            );
            // Without a restriction's clause its condition may be true where it was unknown: that is
            // emitted alike, and a test of the state may tell it apart.
            let may_tell =
                claim.code == "always-true" && statements.iter().any(|of| of.contains("== hidden"));
            if !may_tell {
                let (emitted, allowed) = (emitted(&before), before.allowed);
                prop_assert_eq!(
                    (emitted, allowed),
                    (self::emitted(&after), after.allowed),
                    "{}\nof\n{}",
                    claim,
                    statements.join("\n")
                );
            }
            if claim.code == "shadowed" {
                prop_assert_eq!(&before, &after, "{}\nof\n{}", claim, statements.join("\n"));
            }
        }
    }
    // All that is shadowed can go at once.
    let (remaining, _) = kith_policy::check(&definitions(&all_shadowed)).unwrap();
    for request in requests {
        let before = decide(&policies, &whole.catalog, request);
        let after = decide(&remaining, &whole.catalog, request);
        prop_assert_eq!(
            before,
            after,
            "{}\nwithout\n{}",
            statements.join("\n"),
            all_shadowed.join("\n")
        );
    }
    Ok(())
}

#[test]
fn every_claim_holds_on_every_request() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 100,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let requests = proptest::collection::vec(request(), 60);
    let result = runner.run(&(statements(), requests), |(statements, requests)| {
        check(&statements, &requests)
    });
    if let Err(proptest::test_runner::TestError::Fail(why, _)) = result {
        panic!("{why}");
    }
    // Else it proves nothing.
    let counts = CLAIMS.get();
    assert!(counts.iter().all(|count| *count >= 10), "{counts:?}");
}
