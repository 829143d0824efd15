//! Change analysis: what it says of two versions is never contradicted by a request, and every
//! widening that it claims can be asked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod support;

use kith_domain::{Actor, Catalog, Entity, Purpose};
use kith_policy::diff::{Change, Comparison, Diff, What, compare};
use kith_policy::{Policies, State, Subject, reference};
use proptest::prelude::*;
use support::generate::{Request, Shape, policies, request, restriction};
use support::mixed::{mixed_policies, mixed_request};

fn state_of(outcome: &reference::Outcome, catalog: &Catalog, path: &str) -> State {
    let field = catalog.find(path).unwrap();
    if outcome.exists && outcome.allowed {
        outcome.states[field.index()].lo
    } else {
        State::Hidden
    }
}

fn answer_of(outcome: &reference::Outcome) -> State {
    if outcome.exists && outcome.allowed {
        State::Visible
    } else {
        State::Hidden
    }
}

fn allows(comparison: Comparison, old: State, new: State) -> bool {
    let (narrower, wider) = (old.meet(new) == new, old.meet(new) == old);
    match comparison {
        Comparison::Same => old == new,
        Comparison::Narrower => narrower,
        Comparison::Wider => wider,
        Comparison::Incomparable | Comparison::Unproven => true,
    }
}

/// Asks both versions and holds what they say against the diff.
fn agrees(
    diff: &Diff,
    (old, new): (&Policies, &Policies),
    catalog: &Catalog,
    request: &Request,
) -> Result<(), TestCaseError> {
    let rows = request.rows(catalog, |_| false);
    let subject = rows.subject(request.signed);
    let actor = support::actor(request.actor);
    agrees_on(diff, (old, new), catalog, &actor, request.purpose, &subject)
}

fn agrees_on(
    diff: &Diff,
    (old, new): (&Policies, &Policies),
    catalog: &Catalog,
    actor: &Actor,
    purpose: Purpose,
    subject: &Subject<'_>,
) -> Result<(), TestCaseError> {
    let now = support::now();
    let ask = |policies| reference::decide(policies, actor, purpose, subject, now);
    let (before, after) = (ask(old), ask(new));
    let said = diff.of_answer(actor, purpose);
    let (a, b) = (answer_of(&before), answer_of(&after));
    prop_assert!(allows(said, a, b), "answer is {said:?}: {a:?} to {b:?}");
    for field in catalog.fields() {
        let path = field.path.as_str();
        let said = diff.of_field(actor, purpose, path);
        let (a, b) = (
            state_of(&before, catalog, path),
            state_of(&after, catalog, path),
        );
        prop_assert!(allows(said, a, b), "{path} is {said:?}: {a:?} to {b:?}");
    }
    Ok(())
}

/// Every example is a request on which the new version shows more, or something else.
fn examples_hold(
    diff: &Diff,
    (old, new): (&Policies, &Policies),
    catalog: &Catalog,
) -> Result<(), TestCaseError> {
    for Change {
        what,
        comparison,
        example,
        purpose,
        who,
    } in &diff.changes
    {
        let claims = matches!(comparison, Comparison::Wider | Comparison::Incomparable);
        prop_assert_eq!(claims, example.is_some());
        let Some(example) = example else { continue };
        prop_assert_eq!(example.purpose, *purpose);
        prop_assert!(
            who.holds(&example.actor),
            "{who} is not the asker of the example"
        );
        let (before, after) = (example.ask(old), example.ask(new));
        let shown = |outcome: &reference::Outcome| match what {
            What::Rows if outcome.exists => State::Visible,
            What::Rows => State::Hidden,
            What::Answer => answer_of(outcome),
            What::Fields(fields) => state_of(outcome, catalog, &fields[0]),
        };
        let (a, b) = (shown(&before), shown(&after));
        prop_assert!(a != b && a.meet(b) != b, "{what:?}: {a:?} to {b:?}");
    }
    Ok(())
}

fn is_proven(diff: &Diff) -> bool {
    let mut changes = diff.changes.iter();
    changes.all(|change| change.comparison != Comparison::Unproven)
}

const ALL: Shape = Shape {
    absence: true,
    states: true,
};

fn cases(default: u32) -> ProptestConfig {
    let cases = std::env::var("KITH_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    ProptestConfig::with_cases(cases.unwrap_or(default))
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn no_request_contradicts_the_comparison(
        kept in policies(ALL),
        lost in policies(ALL),
        won in policies(ALL),
        requests in proptest::collection::vec(request(), 60),
    ) {
        let (definitions, old) = support::policies(&format!("{kept}\n{lost}"));
        let (_, new) = support::policies(&format!("{kept}\n{won}"));
        let diff = compare(&old, &new);
        examples_hold(&diff, (&old, &new), &definitions.catalog)?;
        prop_assert!(is_proven(&diff), "{diff:?}");
        for request in &requests {
            agrees(&diff, (&old, &new), &definitions.catalog, request)?;
        }
    }

    #[test]
    fn one_statement_more_is_judged_right(
        kept in policies(ALL),
        more in restriction(ALL),
        requests in proptest::collection::vec(request(), 60),
        is_new in any::<bool>(),
    ) {
        let (definitions, with) = support::policies(&format!("{kept}\n{more}"));
        let (_, without) = support::policies(&kept);
        let (old, new) = if is_new { (&without, &with) } else { (&with, &without) };
        let diff = compare(old, new);
        examples_hold(&diff, (old, new), &definitions.catalog)?;
        for request in &requests {
            agrees(&diff, (old, new), &definitions.catalog, request)?;
        }
    }

    #[test]
    fn tests_of_every_form_are_told_apart(
        kept in mixed_policies(),
        lost in mixed_policies(),
        won in mixed_policies(),
        requests in proptest::collection::vec(mixed_request(), 100),
    ) {
        let (definitions, old) = support::policies(&format!("{kept}\n{lost}"));
        let (_, new) = support::policies(&format!("{kept}\n{won}"));
        let diff = compare(&old, &new);
        examples_hold(&diff, (&old, &new), &definitions.catalog)?;
        for (actor, purpose, [account, person], proof) in &requests {
            let mut rows = support::Rows::default();
            for (entity, values) in [(Entity::Account, account), (Entity::Person, person)] {
                if let Some(values) = values {
                    rows.bind(&definitions.catalog, entity, values);
                }
            }
            let subject = rows.subject(*proof);
            agrees_on(&diff, (&old, &new), &definitions.catalog, actor, *purpose, &subject)?;
        }
    }

    #[test]
    fn a_restriction_more_is_never_wider(
        kept in policies(Shape { states: false, absence: true }),
        more in restriction(Shape { states: false, absence: true }),
    ) {
        let (_, old) = support::policies(&kept);
        let (_, new) = support::policies(&format!("{kept}\n{more}"));
        let diff = compare(&old, &new);
        prop_assert!(diff.is_safe(), "{diff:?}");
    }

    #[test]
    fn a_version_is_the_same_as_itself_however_it_is_written(kept in policies(ALL)) {
        let (_, old) = support::policies(&kept);
        let reversed: Vec<_> = kept.lines().rev().collect();
        let (_, new) = support::policies(&reversed.join("\n"));
        let diff = compare(&old, &new);
        prop_assert!(diff.changes.is_empty(), "{diff:?}");
    }
}
