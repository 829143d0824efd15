//! Every way to decide says the same: the direct evaluator, a plan for one row, a plan for many rows,
//! and a plan that was made for someone else of whom the same is asked.
//!
//! `KITH_POLICY_CASES=1000000` compares so many decisions, each of all fields, instead of 100,000.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod support;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use kith_domain::{Actor, Catalog, Purpose, Timestamp};
use kith_policy::{Batch, PlanKey, Policies, SharedPlan, State, Subject, reference};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestError, TestRunner};
use support::generate::{ACTORS, PURPOSES, Request, Shape, policies, request};
use support::world::{self, World};

const DECISIONS: usize = 100_000;

fn wanted() -> usize {
    let cases = std::env::var("KITH_POLICY_CASES").ok();
    cases.map_or(DECISIONS, |cases| {
        cases.parse().expect("KITH_POLICY_CASES is a number")
    })
}

/// Checks generated inputs until so many decisions were compared.
fn compare<S: Strategy>(
    decisions: usize,
    inputs: &S,
    check: impl Fn(S::Value) -> Result<usize, TestCaseError>,
) {
    let compared = Cell::new(0);
    while compared.get() < decisions {
        let mut runner = TestRunner::new(Config {
            cases: 16,
            max_shrink_iters: 4_096,
            source_file: Some(file!()),
            ..Config::default()
        });
        let result = runner.run(inputs, |input| {
            compared.set(compared.get() + check(input)?);
            Ok(())
        });
        match result {
            Ok(()) => {}
            Err(TestError::Fail(why, input)) => panic!("{why}\n{input:#?}"),
            Err(other) => panic!("{other}"),
        }
    }
}

/// Policies, and what is kept from one asker to the next.
struct Asked<'a> {
    catalog: &'a Catalog,
    policies: &'a Policies,
    plans: RefCell<HashMap<PlanKey, SharedPlan>>,
    batch: RefCell<Batch>,
}

impl<'a> Asked<'a> {
    fn new(catalog: &'a Catalog, policies: &'a Policies) -> Self {
        Self {
            catalog,
            policies,
            plans: RefCell::default(),
            batch: RefCell::default(),
        }
    }

    /// Decides each subject in every way; the number of decisions.
    fn check(
        &self,
        actor: &Actor,
        purpose: Purpose,
        subjects: &[Subject<'_>],
        now: Timestamp,
    ) -> Result<usize, TestCaseError> {
        let asker = self.policies.asker(actor, purpose);
        let shared = self
            .plans
            .borrow_mut()
            .entry(asker.key().clone())
            .or_insert_with(|| self.policies.share(asker.key()))
            .clone();
        let plan = shared.bind(asker);
        let mut batch = self.batch.borrow_mut();
        let many = plan.decide_all(subjects, now, &mut batch);
        prop_assert_eq!(many.len(), subjects.len());
        for (row, subject) in subjects.iter().enumerate() {
            let expect = reference::decide(self.policies, actor, purpose, subject, now);
            let one = plan.decide(subject, now);
            prop_assert_eq!(many.exists(row), expect.exists);
            prop_assert_eq!(one.exists, expect.exists);
            prop_assert_eq!(plan.exists(subject, now), expect.exists);
            let allowed = expect.exists && expect.allowed;
            prop_assert_eq!(many.is_allowed(row), allowed);
            prop_assert_eq!(one.verdict.is_allowed(), allowed);
            prop_assert!(plan.refusal().is_none() || !allowed);
            prop_assert!(!one.verdict.reasons().is_empty());
            let states = many.row(row);
            for ((idx, field), state) in self.catalog.iter().zip(states.iter()) {
                let lo = match expect.exists {
                    true => expect.states[idx.index()].lo,
                    false => State::Hidden,
                };
                prop_assert_eq!(state, lo, "{} of row {} of many", field.path, row);
                prop_assert_eq!(states.state(idx), lo);
                prop_assert_eq!(one.state(idx), lo, "{} of row {} alone", field.path, row);
                if let Some(constant) = plan.constant_state(idx) {
                    prop_assert!(constant == lo || !expect.exists, "{}", field.path);
                }
                // A reason is looked up for a few: it is checked against the state by itself.
                if (idx.index() + row).is_multiple_of(5) {
                    prop_assert!(!one.reason(idx).words.is_empty());
                }
            }
        }
        Ok(subjects.len())
    }
}

const ALL: Shape = Shape {
    absence: true,
    states: true,
    related: true,
    proof: true,
};

/// The time at which all cases play; a clock may also be as wrong as one can be.
fn now() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        4 => Just(support::now()),
        1 => select(vec![i64::MIN, 0, i64::MAX]).prop_map(Timestamp::from_micros),
    ]
}

#[test]
fn all_ways_agree_on_accounts_people_and_events() {
    let inputs = (
        policies(ALL),
        proptest::collection::vec((select(&ACTORS[..]), select(&PURPOSES[..]), now()), 1..6),
        proptest::collection::vec(request(), 1..70),
    );
    let check = |(text, askers, requests): (String, Vec<(&str, Purpose, _)>, Vec<Request>)| {
        let (definitions, policies) = support::policies(&text);
        let catalog = &definitions.catalog;
        let rows: Vec<_> = requests
            .iter()
            .map(|request| request.rows(catalog, |_| false))
            .collect();
        let subjects: Vec<_> = rows
            .iter()
            .zip(&requests)
            .map(|(rows, request)| rows.subject(request.signed))
            .collect();
        let asked = Asked::new(catalog, &policies);
        let decisions = askers.iter().map(|(actor, purpose, now)| {
            asked.check(&support::actor(actor), *purpose, &subjects, *now)
        });
        decisions.sum()
    };
    compare(wanted() / 2, &inputs, check);
}

#[test]
fn all_ways_agree_on_every_kind_of_value() {
    let check = |world: World| {
        let catalog = world::catalog(&world.catalog);
        let rows: Vec<_> = world
            .rows
            .iter()
            .map(|account| world::typed(&catalog, account))
            .collect();
        let subjects: Vec<_> = rows
            .iter()
            .map(|row| Subject {
                account: Some(row),
                ..Subject::default()
            })
            .collect();
        let mut decisions = 0;
        for (text, asks) in &world.asks {
            let Some(policies) = world::checked(&catalog, text) else {
                continue;
            };
            let asked = Asked::new(&catalog, &policies);
            for ask in asks {
                decisions += asked.check(&ask.actor, ask.purpose, &subjects, support::now())?;
            }
        }
        Ok(decisions)
    };
    compare(wanted() / 2, &world::world(100, 3, 6), check);
}
