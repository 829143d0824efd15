//! The direct evaluator and the plan say what Cedar says, wherever Cedar can say it at all.
//!
//! `KITH_CEDAR_CASES=100000` asks so many questions, each about all fields, instead of 3,000.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

#[path = "../../policy/tests/support/mod.rs"]
mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;

use kith_cedar::{Peer, Why, render};
use kith_domain::{Actor, Definitions, Entity, Purpose};
use kith_policy::{Policies, State, Subject, reference};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use support::Rows;
use support::generate::{Request, Shape, policies, request};
use support::mixed::{mixed_policies, mixed_request};

const CASES: usize = 3_000;
/// Requests for each text.
const REQUESTS: usize = 6;
/// At least so many of a hundred statements must be within what Cedar can express.
const EXPRESSIBLE_PERCENT: usize = 60;

fn wanted() -> usize {
    let cases = std::env::var("KITH_CEDAR_CASES").ok();
    cases.map_or(CASES, |cases| {
        cases.parse().expect("KITH_CEDAR_CASES is a number")
    })
}

/// What was asked, and what could not be.
#[derive(Debug, Default)]
struct Count {
    requests: usize,
    statements: usize,
    excluded: BTreeMap<Why, usize>,
    /// What was answered, so that it is not always the same.
    exist: usize,
    allowed: usize,
    states: BTreeMap<String, usize>,
}

/// Policies without the statements that Cedar cannot express.
fn expressible(text: &str, count: &RefCell<Count>) -> (Definitions, Policies, Peer) {
    let (definitions, policies) = support::policies(text);
    let rendered = render(&definitions, &policies);
    let mut count = count.borrow_mut();
    count.statements += policies.statements().len();
    for excluded in &rendered.excluded {
        *count.excluded.entry(excluded.why).or_default() += 1;
    }
    let kept = policies.statements().iter().filter(|statement| {
        let mut excluded = rendered.excluded.iter();
        !excluded.any(|excluded| excluded.statement == statement.id)
    });
    let kept: Vec<_> = kept.map(|statement| &*statement.text).collect();
    let (definitions, policies) = support::policies(&kept.join("\n"));
    let rendered = render(&definitions, &policies);
    assert_eq!(rendered.excluded, []);
    let peer = Peer::new(&definitions.catalog, &rendered)
        .unwrap_or_else(|fault| panic!("{fault}\n{}", rendered.policies));
    (definitions, policies, peer)
}

fn same(
    (definitions, policies, peer): &(Definitions, Policies, Peer),
    count: &RefCell<Count>,
    actor: &Actor,
    purpose: Purpose,
    subject: &Subject<'_>,
) -> Result<(), TestCaseError> {
    let now = support::now();
    let direct = reference::decide(policies, actor, purpose, subject, now);
    let plan = policies.specialise(actor, purpose);
    let plan = plan.decide(subject, now);
    let cedar = peer
        .decide(&definitions.catalog, actor, purpose, subject, now)
        .map_err(|fault| TestCaseError::fail(fault.to_string()))?;
    let mut count = count.borrow_mut();
    count.requests += 1;
    prop_assert_eq!(cedar.exists, direct.exists);
    prop_assert_eq!(cedar.exists, plan.exists);
    prop_assert_eq!(cedar.allowed, direct.allowed);
    prop_assert_eq!(cedar.exists && cedar.allowed, plan.verdict.is_allowed());
    count.exist += usize::from(cedar.exists);
    count.allowed += usize::from(cedar.allowed);
    for ((idx, field), state) in definitions.catalog.iter().zip(&cedar.states) {
        prop_assert_eq!(*state, direct.states[idx.index()].lo, "{}", field.path);
        let emitted = if cedar.exists { *state } else { State::Hidden };
        prop_assert_eq!(emitted, plan.state(idx), "{}", field.path);
        *count.states.entry(format!("{state:?}")).or_default() += 1;
    }
    Ok(())
}

fn ask<S: Strategy>(inputs: &S, check: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let cases = wanted().div_ceil(REQUESTS * 2);
    let mut runner = TestRunner::new(Config {
        cases: u32::try_from(cases).unwrap(),
        max_shrink_iters: 4_096,
        source_file: Some(file!()),
        ..Config::default()
    });
    match runner.run(inputs, check) {
        Ok(()) => {}
        Err(TestError::Fail(why, input)) => panic!("{why}\n{input:#?}"),
        Err(other) => panic!("{other}"),
    }
}

/// The test would be empty, if little were left to ask.
fn is_not_empty(count: &Count) {
    let excluded: usize = count.excluded.values().sum();
    let expressible = count.statements - excluded;
    assert!(
        expressible * 100 >= count.statements * EXPRESSIBLE_PERCENT,
        "Cedar can express {expressible} of {} statements",
        count.statements
    );
    assert!(count.requests >= wanted() / 2);
    for some in [count.exist, count.allowed] {
        assert!(
            some * 100 >= count.requests && some < count.requests,
            "{some}"
        );
    }
    assert!(count.states.len() >= 4, "{:?}", count.states);
    assert_eq!(count.excluded.get(&Why::UnknownForm), None);
}

#[test]
fn cedar_agrees_on_accounts_people_and_events() {
    let shape = |states| Shape {
        absence: true,
        states,
        related: true,
        proof: true,
    };
    let texts = prop_oneof![3 => policies(shape(false)), 1 => policies(shape(true))];
    let inputs = (texts, proptest::collection::vec(request(), REQUESTS));
    let count = RefCell::default();
    ask(&inputs, |(text, requests): (String, Vec<Request>)| {
        let version = expressible(&text, &count);
        for request in requests {
            let rows = request.rows(&version.0.catalog, |_| false);
            let subject = rows.subject(request.signed);
            let actor = support::actor(request.actor);
            same(&version, &count, &actor, request.purpose, &subject)?;
        }
        Ok(())
    });
    is_not_empty(&count.into_inner());
}

#[test]
fn cedar_agrees_on_every_kind_of_value() {
    let requests = proptest::collection::vec(mixed_request(), REQUESTS);
    let count = RefCell::default();
    ask(&(mixed_policies(), requests), |(text, requests)| {
        let version = expressible(&text, &count);
        for (actor, purpose, [account, person], signed) in requests {
            let mut rows = Rows::default();
            for (entity, table) in [(Entity::Account, account), (Entity::Person, person)] {
                if let Some(table) = table {
                    rows.bind(&version.0.catalog, entity, &table);
                }
            }
            same(&version, &count, &actor, purpose, &rows.subject(signed))?;
        }
        Ok(())
    });
    is_not_empty(&count.into_inner());
}
