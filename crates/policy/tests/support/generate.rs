//! Random policies that check, and random requests to ask them about.

#![allow(dead_code, reason = "each test file uses a part of it")]

use kith_domain::{Catalog, Entity, Purpose};
use kith_policy::{ProofMethod, SignedIdentity};
use proptest::prelude::*;
use proptest::sample::select;

use super::Rows;

/// Fields of the worked cases in an order in which states may read the states of those before. No
/// condition reads the events at the end.
pub(crate) const FIELDS: [&str; 9] = [
    "account.region",
    "account.plan",
    "account.paymentState",
    "account.privateRevenue",
    "account.enterpriseNotes",
    "account.seats",
    "person.email",
    "event.checkout.failed",
    "event.checkout.failed.card",
];

/// How many of the fields are of events.
const EVENTS: usize = 2;

pub(crate) const PURPOSES: [Purpose; 6] = [
    Purpose::SupportView,
    Purpose::SupportReply,
    Purpose::AiDraft,
    Purpose::AiAnswer,
    Purpose::ReportView,
    Purpose::AutomationRun,
];

/// `sue` differs from `sam` in nothing but who she is.
pub(crate) const ACTORS: [&str; 11] = [
    "sam",
    "sue",
    "lea",
    "bo",
    "kim",
    "agent",
    "agent for sam",
    "agent for sue",
    "agent for lea",
    "api for bo",
    "automation",
];

/// Tests of values and names. The last two are what absence passes.
const TESTS: [&str; 26] = [
    r#"account.region == "eu""#,
    r#"account.region != "us""#,
    r#"account.region in ["eu", "us"]"#,
    "account.region in user.regions",
    "account.region not in []",
    r#"account.plan == "growth""#,
    r#"account.plan in ["trial", "enterprise"]"#,
    r#"account.paymentState == "late""#,
    "account.privateRevenue > 1000",
    "account.privateRevenue <= 5000 EUR",
    "account.seats >= 10",
    "account.seats != 3",
    "account.seats > 2.5",
    "account.score < 7",
    "account.isPartner == true",
    "account.responseTime > 2 hours",
    r#""vip" in account.labels"#,
    r#"account.owner < "sam""#,
    r#"user.role == "support""#,
    r#"user.role in ["leadership", "success"]"#,
    r#"agent.kind == "ai""#,
    "purpose in [ai.draft, support.view]",
    r#"person.email == "ada@example.com""#,
    "account.createdAt < now - 30 days",
    "account.region is absent",
    "person.email is not absent",
];

/// Tests of the proof. Losing it is no doubt, it is an answer: `not` turns it round.
const PROOF: [&str; 2] = ["signedIdentity == true", r#"identity.method == "jwt""#];

/// Tests of who it is, and of one value beside another: a comparison of versions cannot tell all of
/// them apart.
const RELATED: [&str; 8] = [
    "account.score == account.seats",
    "account.region in account.labels",
    "account.owner == user.name",
    r#"user.name == "sam""#,
    r#"user.id in ["mem_00000000000000000000000000", "x"]"#,
    "user.id == account.owner",
    "account.owner != agent.name",
    "now - account.createdAt < 30 days",
];

/// What conditions may be made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Whether `is absent` is among the tests.
    pub(crate) absence: bool,
    /// Whether states are tested.
    pub(crate) states: bool,
    /// Whether values are held against each other, and against who asks.
    pub(crate) related: bool,
    /// Whether the proof of the end user is tested.
    pub(crate) proof: bool,
}

fn test(shape: Shape, fields: usize) -> BoxedStrategy<String> {
    let plain = if shape.absence {
        TESTS.len()
    } else {
        TESTS.len() - 2
    };
    let related: &[_] = if shape.related { &RELATED } else { &[] };
    let proof: &[_] = if shape.proof { &PROOF } else { &[] };
    let plain = select([&TESTS[..plain], related, proof].concat()).prop_map(str::to_owned);
    if !shape.states || fields == 0 {
        return plain.boxed();
    }
    let states = (
        select(&FIELDS[..fields.min(FIELDS.len() - EVENTS)]),
        select(vec!["==", "!="]),
        select(vec!["hidden", "masked", "visible"]),
    );
    let states = states.prop_map(|(field, op, state)| format!("{field} {op} {state}"));
    prop_oneof![2 => plain, 1 => states].boxed()
}

/// A condition; its states are of the first `fields` fields only.
fn condition(shape: Shape, fields: usize) -> impl Strategy<Value = String> {
    test(shape, fields).prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("not ({inner})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) or ({b})")),
        ]
    })
}

fn clauses(shape: Shape, fields: usize) -> impl Strategy<Value = String> {
    let clause = || proptest::option::weighted(0.6, condition(shape, fields));
    (
        clause(),
        proptest::option::weighted(0.2, condition(shape, fields)),
    )
        .prop_map(|(when, unless)| {
            let when = when.map_or(String::new(), |when| format!(" when {when}"));
            let unless = unless.map_or(String::new(), |unless| format!(" unless {unless}"));
            when + &unless
        })
}

fn on_purposes(shape: Shape, word: &'static str) -> impl Strategy<Value = String> {
    let purposes = proptest::sample::subsequence(PURPOSES.to_vec(), 1..4);
    (purposes, clauses(shape, FIELDS.len())).prop_map(move |(purposes, clauses)| {
        let purposes: Vec<_> = purposes.iter().map(ToString::to_string).collect();
        format!("{word} {}{clauses}", purposes.join(", "))
    })
}

fn on_fields(shape: Shape, verbs: Vec<&'static str>) -> impl Strategy<Value = String> {
    (0..FIELDS.len()).prop_flat_map(move |place| {
        (select(verbs.clone()), clauses(shape, place)).prop_map(move |(verb, clauses)| {
            let (verb, with) = verb.split_once(' ').unwrap_or((verb, ""));
            format!("{verb} {} {with}{clauses}", FIELDS[place])
        })
    })
}

fn limit(shape: Shape) -> impl Strategy<Value = String> {
    let stateless = Shape {
        states: false,
        ..shape
    };
    let entity = select(vec!["account", "person"]);
    (entity, condition(stateless, 0), clauses(stateless, 0))
        .prop_map(|(entity, predicate, clauses)| format!("limit {entity} to {predicate}{clauses}"))
}

/// A statement that takes something away.
pub(crate) fn restriction(shape: Shape) -> impl Strategy<Value = String> {
    prop_oneof![
        on_purposes(shape, "forbid"),
        on_fields(
            shape,
            vec!["hide", "mask", "mask with last4", "mask with redact"]
        ),
        limit(shape),
    ]
}

fn statement(shape: Shape) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => on_purposes(shape, "allow"),
        3 => on_fields(shape, vec!["show"]),
        3 => restriction(shape),
    ]
}

/// A file of policies that check.
pub(crate) fn policies(shape: Shape) -> impl Strategy<Value = String> {
    proptest::collection::vec(statement(shape), 0..10).prop_map(|statements| statements.join("\n"))
}

/// Values of the bound rows, absent or not, and the proof.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) account: Option<Vec<(&'static str, Option<toml::Value>)>>,
    pub(crate) person: Option<Vec<(&'static str, Option<toml::Value>)>>,
    pub(crate) signed: SignedIdentity,
    pub(crate) actor: &'static str,
    pub(crate) purpose: Purpose,
}

fn values(
    of: &[(&'static str, &'static [&'static str])],
) -> BoxedStrategy<Vec<(&'static str, Option<toml::Value>)>> {
    of.iter()
        .map(|(key, values)| {
            let key = *key;
            let values = proptest::option::of(select(*values));
            values.prop_map(move |text| {
                let value = text.map(|text| {
                    let table: toml::Table = toml::from_str(&format!("v = {text}")).unwrap();
                    table["v"].clone()
                });
                (key, value)
            })
        })
        .collect::<Vec<_>>()
        .boxed()
}

pub(crate) fn request() -> impl Strategy<Value = Request> {
    let account = values(&[
        ("region", &[r#""eu""#, r#""us""#, r#""apac""#]),
        ("plan", &[r#""trial""#, r#""growth""#, r#""enterprise""#]),
        ("paymentState", &[r#""ok""#, r#""late""#]),
        (
            "privateRevenue",
            &[
                "100",
                "5000",
                "90000",
                r#"{ amount = "5000", currency = "USD" }"#,
            ],
        ),
        ("seats", &["3", "10", "200"]),
        ("score", &["2.5", "7", "10"]),
        ("isPartner", &["true", "false"]),
        ("responseTime", &[r#""1 hour""#, r#""3 days""#]),
        ("labels", &["[]", r#"["vip"]"#, r#"["eu", "late"]"#]),
        ("owner", &[r#""sam""#, r#""sue""#, r#""drafter""#]),
        (
            "createdAt",
            &[r#""2026-11-20T00:00:00Z""#, r#""2020-01-01T00:00:00Z""#],
        ),
    ]);
    let person = values(&[("email", &[r#""ada@example.com""#, r#""bob@example.com""#])]);
    let method = proptest::option::of(select(ProofMethod::ALL.to_vec()));
    (
        proptest::option::weighted(0.9, account),
        proptest::option::weighted(0.7, person),
        any::<bool>(),
        method,
        select(&ACTORS[..]),
        select(&PURPOSES[..]),
    )
        .prop_map(
            |(account, person, proven, method, actor, purpose)| Request {
                account,
                person,
                signed: SignedIdentity { proven, method },
                actor,
                purpose,
            },
        )
}

impl Request {
    /// The rows, without those values that `drop` says.
    pub(crate) fn rows(&self, catalog: &Catalog, drop: impl Fn(&str) -> bool) -> Rows {
        let mut rows = Rows::default();
        for (entity, values) in [
            (Entity::Account, &self.account),
            (Entity::Person, &self.person),
        ] {
            let Some(values) = values else { continue };
            let kept = values.iter().filter(|(key, _)| !drop(key));
            let table = kept
                .filter_map(|(key, value)| Some(((*key).to_owned(), value.clone()?)))
                .collect();
            rows.bind(catalog, entity, &table);
        }
        rows
    }
}
