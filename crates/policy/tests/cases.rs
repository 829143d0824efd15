//! The worked cases: every `cases/*.toml` is a list of requests and what must come of them. Each case
//! runs through the plan and through the direct evaluator, which must agree on everything.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use kith_domain::{Audience, Entity, Purpose};
use kith_policy::{ProofMethod, Route, SignedIdentity, State, reference};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What every case of the file starts from.
    #[serde(default)]
    base: Case,
    case: Vec<Case>,
}

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields)]
struct Case {
    name: Option<String>,
    /// Statements beside those of the base.
    #[serde(default)]
    policies: String,
    /// Fields that are safe for other audiences than in the catalog.
    #[serde(default)]
    safe_for: BTreeMap<String, Vec<Audience>>,
    actor: Option<String>,
    purpose: Option<String>,
    account: Option<toml::Table>,
    person: Option<toml::Table>,
    subscription: Option<toml::Table>,
    conversation: Option<toml::Table>,
    /// Whether signed identity is proven.
    signed: Option<bool>,
    method: Option<String>,
    // What must come of it:
    exists: Option<bool>,
    verdict: Option<String>,
    /// Whether it is refused before any look-up.
    refused_early: Option<bool>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
    route: Option<String>,
    /// A part of each error, in order.
    errors: Option<Vec<String>>,
}

impl Case {
    fn over(&self, base: &Self) -> Self {
        let case = self.clone();
        Self {
            policies: format!("{}\n{}", base.policies, case.policies),
            actor: case.actor.or_else(|| base.actor.clone()),
            purpose: case.purpose.or_else(|| base.purpose.clone()),
            account: case.account.or_else(|| base.account.clone()),
            person: case.person.or_else(|| base.person.clone()),
            signed: case.signed.or(base.signed),
            ..case
        }
    }
}

fn show(state: State) -> String {
    match state {
        State::Hidden => "hidden".to_owned(),
        State::Masked(kind) => format!("masked {kind}"),
        State::Visible => "visible".to_owned(),
    }
}

fn run(case: &Case) {
    let mut definitions = support::definitions(&case.policies);
    support::with_safe_for(&mut definitions, &case.safe_for);
    let checked = kith_policy::check(&definitions);
    if let Some(wanted) = &case.errors {
        let found = checked.expect_err("these policies must not check");
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), wanted.len(), "{found:#?}");
        for (found, wanted) in found.iter().zip(wanted) {
            assert!(found.contains(wanted), "`{found}` does not say `{wanted}`");
        }
        return;
    }
    let (policies, _) = checked.unwrap_or_else(|found| panic!("{}", support::list(&found)));
    let mut rows = support::Rows::default();
    let bound = [
        (Entity::Account, &case.account),
        (Entity::Person, &case.person),
        (Entity::Subscription, &case.subscription),
        (Entity::Conversation, &case.conversation),
    ];
    for (entity, values) in bound {
        if let Some(values) = values {
            rows.bind(&definitions.catalog, entity, values);
        }
    }
    let proven = case.signed.unwrap_or(false);
    let method = case.method.as_deref().map(|method| match method {
        "jwt" => ProofMethod::Jwt,
        _ => ProofMethod::Hmac,
    });
    let subject = rows.subject(SignedIdentity { proven, method });
    let now = support::now();

    if let Some(wanted) = &case.route {
        let route = match policies.route(&subject, now) {
            Route::Space { space, .. } => space.to_string(),
            Route::Triage { .. } => "triage".to_owned(),
            Route::Default => "default".to_owned(),
        };
        assert_eq!(route, *wanted, "route");
        return;
    }

    let actor = support::actor(case.actor.as_deref().expect("an actor"));
    let purpose: Purpose = case.purpose.as_deref().expect("a purpose").parse().unwrap();
    let plan = policies.specialise(&actor, purpose);
    let decision = plan.decide(&subject, now);
    let outcome = reference::decide(&policies, &actor, purpose, &subject, now);

    assert_eq!(
        decision.exists, outcome.exists,
        "plan and reference: exists"
    );
    assert_eq!(plan.exists(&subject, now), outcome.exists, "plan: exists");
    if decision.exists {
        assert_eq!(
            decision.verdict.is_allowed(),
            outcome.allowed,
            "plan and reference: verdict"
        );
        for (idx, field) in definitions.catalog.iter() {
            let path = &field.path;
            let reference = outcome.states[idx.index()].lo;
            assert_eq!(decision.state(idx), reference, "plan and reference: {path}");
            // Every state has a reason.
            assert!(!decision.reason(idx).words.is_empty(), "{path}");
        }
    }
    if plan.refusal().is_some() {
        assert!(!outcome.allowed, "refused early, allowed late");
    }

    assert_eq!(decision.exists, case.exists.unwrap_or(true), "exists");
    if let Some(verdict) = &case.verdict {
        let words = if decision.verdict.is_allowed() {
            "allowed"
        } else {
            "refused"
        };
        assert_eq!(words, verdict, "verdict: {:?}", decision.verdict);
    }
    if let Some(early) = case.refused_early {
        assert_eq!(
            plan.refusal().is_some(),
            early,
            "refused before any look-up"
        );
    }
    for (path, wanted) in &case.fields {
        let idx = definitions
            .catalog
            .find(path)
            .expect("a field of the catalog");
        assert_eq!(
            show(decision.state(idx)),
            *wanted,
            "{path}: {}",
            decision.reason(idx).words
        );
    }
}

#[test]
fn every_worked_case_comes_out_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let mut failures = Vec::new();
    let mut count = 0;
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let file: File =
            toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        for case in &file.case {
            count += 1;
            let whole = case.over(&file.base);
            let outcome = std::panic::catch_unwind(|| run(&whole));
            if let Err(panic) = outcome {
                let why = panic
                    .downcast_ref::<String>()
                    .cloned()
                    .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                    .unwrap_or_default();
                let name = case.name.as_deref().unwrap_or(case.policies.trim());
                failures.push(format!("{stem}: {name}\n    {why}"));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {count}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(count > 80, "the worked cases are gone");
}
