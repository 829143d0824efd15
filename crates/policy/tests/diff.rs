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

use std::collections::BTreeMap;

use kith_domain::{
    Actor, Audience, Catalog, Definitions, Entity, FieldIdx, IdentifierType, Purpose, Sensitivity,
};
use kith_policy::diff::{
    Asker, Change, Comparison, Diff, Example, RouteChange, What, compare, compare_within,
};
use kith_policy::{Policies, Route, State, Subject, reference};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use support::generate::{FIELDS, Request, Shape, policies, request, restriction};
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

fn rows_of(outcome: &reference::Outcome) -> State {
    if outcome.exists {
        State::Visible
    } else {
        State::Hidden
    }
}

/// What the plan makes of a request, which is what serves it.
fn served(policies: &Policies, example: &Example) -> reference::Outcome {
    let rules = example.ask(policies);
    let plan = policies.specialise(&example.actor, example.purpose);
    example.bound.with(policies, |subject| {
        let decision = plan.decide(subject, example.bound.now);
        let states = rules.states.iter().zip(0..).map(|(rule, field)| {
            let state = decision.state(FieldIdx(field));
            assert!(!decision.exists || state == rule.lo);
            *rule
        });
        reference::Outcome {
            exists: decision.exists,
            allowed: decision.verdict.is_allowed(),
            states: states.collect(),
        }
    })
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
    let plans = [old, new].map(|policies| policies.specialise(actor, purpose));
    if plans.iter().any(|plan| plan.refusal().is_none()) {
        let said = diff.of_rows(actor, purpose);
        let [a, b] = [&before, &after].map(rows_of);
        prop_assert!(allows(said, a, b), "rows are {said:?}: {a:?} to {b:?}");
    }
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
    for route in &diff.routes {
        let Some(bound) = &route.example else {
            continue;
        };
        let [before, after] = [old, new]
            .map(|policies| bound.with(policies, |subject| policies.route(subject, bound.now)));
        prop_assert_ne!(&before, &after);
    }
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
        let (before, after) = (served(old, example), served(new, example));
        let shown = |outcome: &reference::Outcome| match what {
            What::Rows => rows_of(outcome),
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
    related: false,
    proof: true,
};

fn cases(default: u32) -> ProptestConfig {
    let cases = std::env::var("KITH_CASES")
        .ok()
        .and_then(|text| text.parse().ok());
    ProptestConfig::with_cases(cases.unwrap_or(default))
}

/// Fields that are safe for other audiences than they were.
fn catalog_change() -> impl Strategy<Value = BTreeMap<String, Vec<Audience>>> {
    let audiences = subsequence(Audience::ALL.to_vec(), 0..=Audience::ALL.len());
    let field = select(&FIELDS[..]).prop_map(str::to_owned);
    proptest::collection::btree_map(field, audiences, 0..3)
}

/// Routes by tests that ask for nobody.
fn routes() -> impl Strategy<Value = String> {
    let test = select(vec![
        "account.plan == \"growth\"",
        "account.region in [\"eu\", \"sam\"]",
        "account.seats > 3",
        "account.isPartner == true",
        "account.labels is absent",
        "\"vip\" in account.labels",
        "account.createdAt < now - 30 days",
    ]);
    let space = select(vec!["billing", "enterprise", "help"]);
    let route = (space, test.clone(), test)
        .prop_map(|(space, a, b)| format!("route conversation to \"{space}\" when {a} and {b}"));
    proptest::collection::vec(route, 0..4).prop_map(|mut routes| {
        routes.sort();
        routes.dedup();
        routes.join("\n")
    })
}

fn changes(diff: &Diff) -> Vec<String> {
    let what = |what: &What| match what {
        What::Rows => "rows".to_owned(),
        What::Answer => "answer".to_owned(),
        What::Fields(fields) => fields.join(" "),
    };
    let lines = diff.changes.iter().map(|change| {
        let example = change.example.as_ref();
        let shows =
            example.map_or_else(String::new, |of| format!(": {} → {}", of.before, of.after));
        let (who, purpose, comparison) = (&change.who, change.purpose, change.comparison.as_str());
        format!(
            "{purpose} {who}: {} {comparison}{shows}",
            what(&change.what)
        )
    });
    lines.collect()
}

/// The first statement of the design: who hides revenue has drafts written about it.
#[test]
fn hiding_a_field_can_grant_a_purpose() {
    let kept = "allow ai.draft when account.paymentState == hidden\n\
        show account.paymentState when purpose in [ai.draft]\n\
        allow support.reply when user.role == \"support\"";
    let (_, old) = support::policies(kept);
    let (_, new) = support::policies(&format!(
        "{kept}\nhide account.paymentState when user.role == \"support\""
    ));
    let diff = compare(&old, &new);
    assert!(!diff.is_safe());
    let found = changes(&diff).join("\n");
    assert!(
        found.contains("ai.draft a member with `support`: answer wider: refused → allowed"),
        "{found}"
    );
    // Whoever reads the payment state elsewhere now sees less of it.
    assert!(
        found.contains("support.reply a member with `support`: account.paymentState narrower"),
        "{found}"
    );
}

/// Masks stand side by side: one that shows something else is neither wider nor narrower.
#[test]
fn another_mask_is_incomparable() {
    let with = |mask| {
        support::policies(&format!(
            "allow support.view\nmask account.plan with {mask}"
        ))
        .1
    };
    let diff = compare(&with("last4"), &with("hash"));
    let found = changes(&diff);
    assert_eq!(
        found[0],
        "support.view a member: account.plan incomparable: masked with last4 → masked with hash"
    );
    assert!(compare(&with("last4"), &with("null")).is_safe());
}

#[test]
fn a_look_up_that_is_new_is_wider() {
    let old = support::definitions("");
    let mut new: Definitions = old.clone();
    new.lookups
        .insert(IdentifierType::Email, [Purpose::AiAnswer].into());
    let diff = |old: &Definitions, new: &Definitions| {
        let (policies, _) = kith_policy::check(old).unwrap();
        compare(&policies, &policies).with_look_ups(old, new)
    };
    let wider = diff(&old, &new);
    assert!(!wider.is_safe());
    assert_eq!(wider.look_ups.len(), 1);
    assert_eq!(wider.look_ups[0].comparison, Comparison::Wider);
    assert!(diff(&new, &old).is_safe());
    assert!(diff(&new, &new).look_ups.is_empty());
}

/// Hundreds of statements that both versions share do not stand in the way of one that is new.
#[test]
fn a_small_change_of_large_policies_is_told() {
    let shared: Vec<_> = (0..150)
        .map(|number| {
            let field = FIELDS[number % 6];
            format!(
                "allow support.view when user.role in [\"r{}\", \"q{}\"] and {field} is not absent and account.seats > {number}\n\
                 hide account.score when user.role == \"s{}\" and {field} is absent and account.seats > {number}",
                number % 20,
                number % 7,
                number % 30
            )
        })
        .collect();
    let shared = shared.join("\n");
    let (_, old) = support::policies(&shared);
    let (_, new) = support::policies(&format!(
        "{shared}\nshow account.privateRevenue when user.role == \"auditor\""
    ));
    let diff = compare(&old, &new);
    let found = changes(&diff);
    assert_eq!(
        found,
        [
            "support.view a member with `auditor`: account.privateRevenue wider: hidden → visible",
            "support.view an agent for a member with `auditor`: account.privateRevenue wider: hidden → visible",
        ]
    );
    assert!(compare(&new, &old).is_safe());
}

/// Lists that share a word, pair by pair, in the order that diagrams like least.
#[test]
fn what_would_take_for_ever_ends_quickly_and_is_unproven() {
    let pairs: Vec<_> = (0..40)
        .map(|word| {
            format!(
                "(\"a{word}\" in account.labels and \"a{}\" in user.regions)",
                39 - word
            )
        })
        .collect();
    let (_, old) = support::policies("allow support.view when \"a\" in account.labels");
    let (_, new) = support::policies(&format!("allow support.view when {}", pairs.join(" or ")));
    let diff = compare(&old, &new);
    // Without a bound on the steps this would never end.
    assert!(!diff.is_safe());
    let of_members = |change: &&Change| change.who.asker == Asker::Member;
    let mut of_members = diff.changes.iter().filter(of_members).peekable();
    assert!(of_members.peek().is_some());
    for change in of_members {
        assert_eq!(change.comparison, Comparison::Unproven, "{change:?}");
    }
}

proptest! {
    #![proptest_config(cases(32))]

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
    fn what_both_versions_share_may_be_left_whole(
        kept in policies(ALL),
        lost in policies(ALL),
        won in policies(ALL),
        requests in proptest::collection::vec(request(), 60),
    ) {
        let (definitions, old) = support::policies(&format!("{kept}\n{lost}"));
        let (_, new) = support::policies(&format!("{won}\n{kept}"));
        let diff = compare_within(&old, &new, 0);
        examples_hold(&diff, (&old, &new), &definitions.catalog)?;
        for request in &requests {
            agrees(&diff, (&old, &new), &definitions.catalog, request)?;
        }
    }

    #[test]
    fn a_change_of_the_catalog_is_followed_through(
        kept in policies(ALL),
        more in policies(ALL),
        ceilings in (select(&Sensitivity::ALL[..]), select(&Sensitivity::ALL[..])),
        safe_for in catalog_change(),
        requests in proptest::collection::vec(request(), 60),
        is_new in any::<bool>(),
    ) {
        let (definitions, plain) = support::policies(&kept);
        let mut other = support::definitions(&format!("{kept}\n{more}"));
        (other.ceilings.support, other.ceilings.ai) = ceilings;
        support::with_safe_for(&mut other, &safe_for);
        let (changed, _) = kith_policy::check(&other).unwrap();
        let (old, new) = if is_new { (&plain, &changed) } else { (&changed, &plain) };
        let diff = compare(old, new);
        examples_hold(&diff, (old, new), &definitions.catalog)?;
        prop_assert!(is_proven(&diff), "{diff:?}");
        for request in &requests {
            agrees(&diff, (old, new), &definitions.catalog, request)?;
        }
    }

    #[test]
    fn a_route_that_changes_is_told(
        old in routes(),
        new in routes(),
        requests in proptest::collection::vec(mixed_request(), 60),
    ) {
        let ((definitions, old), (_, new)) = (support::policies(&old), support::policies(&new));
        let diff = compare(&old, &new);
        examples_hold(&diff, (&old, &new), &definitions.catalog)?;
        prop_assert!(diff.changes.is_empty() && diff.is_safe());
        for (_, _, [account, person], proof) in &requests {
            let mut rows = support::Rows::default();
            for (entity, values) in [(Entity::Account, account), (Entity::Person, person)] {
                if let Some(values) = values {
                    rows.bind(&definitions.catalog, entity, values);
                }
            }
            let subject = rows.subject(*proof);
            let [before, after] = [&old, &new].map(|policies| {
                match policies.route(&subject, support::now()) {
                    Route::Space { space, .. } => format!("`{space}`"),
                    Route::Triage { .. } => "triage".to_owned(),
                    Route::Default => "the default inbox".to_owned(),
                }
            });
            let is_told = |change: &RouteChange| {
                change.before == "anywhere" || (change.before == before && change.after == after)
            };
            prop_assert!(before == after || diff.routes.iter().any(is_told), "{before} to {after}");
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
    fn a_restriction_more_is_never_wider(
        kept in policies(Shape { states: false, ..ALL }),
        more in restriction(Shape { states: false, ..ALL }),
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

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn tests_of_every_form_are_told_apart(
        kept in mixed_policies(),
        lost in mixed_policies(),
        won in mixed_policies(),
        requests in proptest::collection::vec(mixed_request(), 100),
        is_left_whole in any::<bool>(),
    ) {
        let (definitions, old) = support::policies(&format!("{kept}\n{lost}"));
        let (_, new) = support::policies(&format!("{kept}\n{won}"));
        let diff = if is_left_whole {
            compare_within(&old, &new, 0)
        } else {
            compare(&old, &new)
        };
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
}
