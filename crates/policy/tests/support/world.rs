//! Random worlds: a catalog, rows with every kind of value and every way of lacking one, policies over
//! them, and requests. What evaluates policies in whatever way can be held against the direct evaluator
//! on them.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use kith_domain::id::{KeyId, MemberId};
use kith_domain::{
    Actor, Audience, Catalog, Definitions, Entity, Field, FieldIdx, FieldPath, FieldType,
    Lifecycle, MaskKind, Member, PolicyFile, Principal, Purpose, SafeFor, Sensitivity,
};
use kith_policy::{Policies, Row};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value as Json, json};

use super::generate::{ACTORS, PURPOSES};

/// Fields by key, in an order in which states may read the states of those before.
const KEYS: [(&str, Kind); 17] = [
    ("region", Kind::Text),
    ("plan", Kind::Word),
    ("owner", Kind::Text),
    ("isPartner", Kind::Bool),
    ("isTrial", Kind::Bool),
    ("seats", Kind::Int),
    ("logins", Kind::Int),
    ("score", Kind::Decimal),
    ("health", Kind::Decimal),
    ("revenue", Kind::Money),
    ("budget", Kind::Money),
    ("createdAt", Kind::Time),
    ("renewsAt", Kind::Time),
    ("sla", Kind::Duration),
    ("waited", Kind::Duration),
    ("labels", Kind::Texts),
    ("notes", Kind::Text),
];

const WORDS: [&str; 3] = ["trial", "growth", "enterprise"];

/// Texts that fit into the language, and that engines might compare in ways of their own.
const TEXTS: [&str; 14] = [
    "",
    "eu",
    "us",
    "EU",
    "é",
    "e\u{301}",
    "日本",
    "😀",
    "•••",
    "[eu]",
    "{}",
    "5",
    "true",
    r"a\\b%_'",
];

const LABELS: [&str; 6] = ["vip", "late", "日本", "", "eu", "trial"];

const INTS: [i64; 7] = [i64::MIN, -3, 0, 3, 10, 200, i64::MAX];
const MILLIONTHS: [i64; 7] = [i64::MIN, -1_500_000, 0, 1, 2_500_000, 3_000_000, i64::MAX];
const NUMBERS: [&str; 5] = ["-1.5", "0", "2.5", "3", "10"];
const MONEY: [&str; 6] = ["0", "2.5", "3 EUR", "3 USD", "-1.5 EUR", "9999999 EUR"];
/// Microseconds of 2020-01-01, 2026-11-20, 2026-11-24T12:00:00Z and 2030-01-01.
const TIMES: [i64; 4] = [
    1_577_836_800_000_000,
    1_795_132_800_000_000,
    1_795_521_600_000_000,
    1_893_456_000_000_000,
];
const DURATIONS: [i64; 4] = [0, 1, 3_600_000_000, 129_600_000_000];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Word,
    Bool,
    Int,
    Decimal,
    Money,
    Time,
    Duration,
    Texts,
}

/// What the catalog says of a field.
#[derive(Debug, Clone)]
pub(crate) struct Traits {
    sensitivity: Sensitivity,
    safe_for: Vec<Audience>,
    mask: MaskKind,
}

/// A catalog and rows of accounts.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) catalog: Vec<Traits>,
    pub(crate) rows: Vec<Account>,
    pub(crate) asks: Vec<(String, Vec<Ask>)>,
}

/// A row as a store keeps it.
#[derive(Clone, PartialEq)]
pub(crate) struct Account(pub(crate) Map<String, Json>);

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Json::Object(self.0.clone()).to_string())
    }
}

/// Who asks for what.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) actor: Actor,
    pub(crate) purpose: Purpose,
    pub(crate) filter: Option<String>,
    pub(crate) sort: Vec<(&'static str, bool)>,
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actor = match self.actor.member() {
            Some(member) => format!("{} {:?} {:?}", member.name, member.roles, member.regions),
            None => String::new(),
        };
        let agent = self.actor.agent().map(|agent| agent.kind);
        write!(
            f,
            "{agent:?} {actor} for {}: {:?} by {:?}",
            self.purpose, self.filter, self.sort
        )
    }
}

fn traits() -> impl Strategy<Value = Traits> {
    (
        prop_oneof![
            4 => Just(Sensitivity::Internal),
            1 => select(Sensitivity::ALL.to_vec()),
        ],
        prop_oneof![
            4 => Just(Audience::ALL.to_vec()),
            1 => subsequence(Audience::ALL.to_vec(), 0..=4),
        ],
        select(MaskKind::ALL.to_vec()),
    )
        .prop_map(|(sensitivity, safe_for, mask)| Traits {
            sensitivity,
            safe_for,
            mask,
        })
}

/// Fields as a catalog has them, one account's.
pub(crate) fn catalog(traits: &[Traits]) -> Catalog {
    let fields = KEYS.iter().zip(traits).map(|((key, kind), traits)| Field {
        path: FieldPath::new(Entity::Account, key).unwrap(),
        entity: Entity::Account,
        ty: match kind {
            Kind::Text => FieldType::String,
            Kind::Word => FieldType::Enum(WORDS.map(Arc::from).into()),
            Kind::Bool => FieldType::Bool,
            Kind::Int => FieldType::Int,
            Kind::Decimal => FieldType::Decimal { currency: None },
            Kind::Money => FieldType::Decimal {
                currency: "EUR".parse().ok(),
            },
            Kind::Time => FieldType::Timestamp,
            Kind::Duration => FieldType::Duration,
            Kind::Texts => FieldType::Strings,
        },
        owner: "product".into(),
        description: "generated".into(),
        sources: Vec::new(),
        traits: Vec::new(),
        identifier: None,
        sensitivity: traits.sensitivity,
        safe_for: traits.safe_for.iter().copied().collect::<SafeFor>(),
        mask: traits.mask,
        freshness: None,
        filterable: true,
        searchable: false,
        tags: Vec::new(),
        lifecycle: Lifecycle::Active,
        examples: Vec::new(),
    });
    // A field of a row that no list binds.
    let person = super::definitions("").catalog;
    let email = person.get(person.find("person.email").unwrap()).unwrap();
    Catalog::new(fields.chain([email.clone()]).collect(), Vec::new())
}

/// The definitions of a world, with these policies.
pub(crate) fn definitions(catalog: &Catalog, policies: &str) -> Definitions {
    let mut definitions = super::definitions("");
    definitions.catalog = catalog.clone();
    definitions.policies = vec![PolicyFile {
        path: "policies/test.kith".into(),
        text: policies.into(),
    }];
    definitions
}

/// Checked policies of a world; `None` if a statement came twice.
pub(crate) fn checked(catalog: &Catalog, policies: &str) -> Option<Policies> {
    match kith_policy::check(&definitions(catalog, policies)) {
        Ok((policies, _)) => Some(policies),
        Err(found)
            if found
                .iter()
                .any(|found| found.code == "duplicate-statement") =>
        {
            None
        }
        Err(found) => panic!("{}\nof\n{policies}", super::list(&found)),
    }
}

/// A stored row as the catalog types it.
pub(crate) fn typed(catalog: &Catalog, account: &Account) -> Row {
    let mut row = Row::new();
    for (path, json) in &account.0 {
        let idx = catalog.find(path).unwrap();
        if let Some(value) = catalog.get(idx).unwrap().ty.read_canonical(json) {
            row.set(idx, value);
        }
    }
    row
}

pub(crate) fn field(catalog: &Catalog, key: &str) -> FieldIdx {
    catalog.find(&format!("account.{key}")).unwrap()
}

fn value(kind: Kind) -> BoxedStrategy<Json> {
    let ints = |of: &'static [i64]| select(of).prop_map(|n| json!(n)).boxed();
    let long = |end: &'static str| json!(format!("{}{end}", "x".repeat(520)));
    match kind {
        Kind::Text => prop_oneof![
            12 => select(&TEXTS[..]).prop_map(|text| json!(text.replace(r"\\", r"\"))),
            1 => select(vec![long("a"), long("b")]),
        ]
        .boxed(),
        Kind::Word => select(&WORDS[..]).prop_map(|word| json!(word)).boxed(),
        Kind::Bool => any::<bool>().prop_map(|flag| json!(flag)).boxed(),
        Kind::Int => ints(&INTS),
        Kind::Decimal => ints(&MILLIONTHS),
        Kind::Money => prop_oneof![
            6 => (select(&MILLIONTHS[..]), select(vec!["EUR", "EUR", "USD"]))
                .prop_map(|(amount, currency)| json!({"amount": amount, "currency": currency})),
            1 => ints(&MILLIONTHS),
        ]
        .boxed(),
        Kind::Time => ints(&TIMES),
        Kind::Duration => ints(&DURATIONS),
        Kind::Texts => proptest::collection::vec(select(&LABELS[..]), 0..4)
            .prop_map(|items| json!(items))
            .boxed(),
    }
}

/// A value that is there, absent, null, or of another kind.
fn held(kind: Kind) -> BoxedStrategy<Option<Json>> {
    prop_oneof![
        24 => value(kind).prop_map(Some),
        6 => Just(None),
        1 => Just(Some(Json::Null)),
        1 => select(vec![
            json!("5"), json!(5), json!(true), json!([]), json!(["eu"]), json!({"eu": 1}),
            json!({"amount": "3", "currency": "EUR"}), json!("[eu]"),
        ])
        .prop_map(Some),
    ]
    .boxed()
}

fn account() -> impl Strategy<Value = Account> {
    let held: Vec<_> = KEYS.iter().map(|(_, kind)| held(*kind)).collect();
    held.prop_map(|values| {
        let pairs = KEYS.iter().zip(values);
        let held = pairs.filter_map(|((key, _), value)| Some((format!("account.{key}"), value?)));
        Account(held.collect())
    })
}

fn keys(kinds: &'static [Kind]) -> BoxedStrategy<&'static str> {
    let keys: Vec<_> = KEYS
        .iter()
        .filter(|(_, kind)| kinds.contains(kind))
        .map(|(key, _)| *key)
        .collect();
    select(keys).boxed()
}

fn op() -> impl Strategy<Value = &'static str> {
    select(vec!["==", "!=", "<", "<=", ">", ">="])
}

fn equal() -> impl Strategy<Value = &'static str> {
    select(vec!["==", "!="])
}

fn quoted() -> impl Strategy<Value = String> {
    select(&TEXTS[..]).prop_map(|text| format!("\"{text}\""))
}

/// A test of fields, the member and the time: all that a filter may ask.
fn plain_test() -> BoxedStrategy<String> {
    let texts = || keys(&[Kind::Text]);
    let compare = |keys: BoxedStrategy<&'static str>, values: &'static [&'static str]| {
        (keys, op(), select(values))
            .prop_map(|(key, op, value)| format!("account.{key} {op} {value}"))
    };
    let pair = |kinds: &'static [Kind]| {
        (keys(kinds), op(), keys(kinds))
            .prop_map(|(a, op, b)| format!("account.{a} {op} account.{b}"))
    };
    let any_key: Vec<_> = KEYS.iter().map(|(key, _)| *key).collect();
    let within = || select(vec!["in", "not in"]);
    prop_oneof![
        3 => (texts(), op(), quoted()).prop_map(|(key, op, text)| format!("account.{key} {op} {text}")),
        2 => (texts(), within(), proptest::collection::vec(quoted(), 0..4))
            .prop_map(|(key, within, texts)| format!("account.{key} {within} [{}]", texts.join(", "))),
        1 => (texts(), within()).prop_map(|(key, within)| format!("account.{key} {within} user.regions")),
        1 => (texts(), equal()).prop_map(|(key, op)| format!("account.{key} {op} user.name")),
        1 => (texts(), op(), texts()).prop_map(|(a, op, b)| format!("account.{a} {op} account.{b}")),
        2 => (equal(), select(&WORDS[..])).prop_map(|(op, word)| format!("account.plan {op} \"{word}\"")),
        1 => (within(), subsequence(WORDS.to_vec(), 0..3)).prop_map(|(within, words)| {
            let words: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
            format!("account.plan {within} [{}]", words.join(", "))
        }),
        1 => (keys(&[Kind::Bool]), equal(), any::<bool>())
            .prop_map(|(key, op, value)| format!("account.{key} {op} {value}")),
        1 => (equal()).prop_map(|op| format!("account.isPartner {op} account.isTrial")),
        2 => compare(keys(&[Kind::Int]), &["-3", "0", "3", "10", "2.5", "9000000000000"]),
        1 => (keys(&[Kind::Int]), within(), subsequence(vec!["3", "10", "2.5", "-3"], 0..4))
            .prop_map(|(key, within, numbers)| format!("account.{key} {within} [{}]", numbers.join(", "))),
        2 => compare(keys(&[Kind::Decimal]), &NUMBERS),
        3 => compare(keys(&[Kind::Money]), &MONEY),
        1 => (keys(&[Kind::Money]), within(), subsequence(MONEY.to_vec(), 0..4))
            .prop_map(|(key, within, amounts)| format!("account.{key} {within} [{}]", amounts.join(", "))),
        1 => pair(&[Kind::Int, Kind::Decimal]),
        1 => pair(&[Kind::Money]),
        1 => pair(&[Kind::Time]),
        1 => pair(&[Kind::Duration]),
        2 => compare(
            keys(&[Kind::Time]),
            &["now", "now - 30 days", "now + 1 hour", "2026-11-20", "2020-01-01T00:00:00Z"],
        ),
        1 => (keys(&[Kind::Time]), op(), select(vec!["4 days", "2000 days"]))
            .prop_map(|(key, op, time)| format!("now - account.{key} {op} {time}")),
        1 => (op(), select(vec!["0 days", "4 days", "2000 days"]))
            .prop_map(|(op, time)| format!("account.renewsAt - account.createdAt {op} {time}")),
        1 => op().prop_map(|op| format!("account.createdAt + 3 weeks {op} account.renewsAt - 2 hours")),
        1 => op().prop_map(|op| format!("now - 5 days {op} 2026-11-20")),
        1 => compare(keys(&[Kind::Duration]), &["0 hours", "1 hour", "36 hours"]),
        2 => (select(&LABELS[..]), within()).prop_map(|(label, within)| format!("\"{label}\" {within} account.labels")),
        1 => (texts(), within()).prop_map(|(key, within)| format!("account.{key} {within} account.labels")),
        1 => within().prop_map(|within| format!("account.plan {within} account.labels")),
        1 => within().prop_map(|within| format!("user.role {within} account.labels")),
        1 => equal().prop_map(|op| format!(r#"user.role {op} "support""#)),
        2 => (select(any_key), select(vec!["is absent", "is not absent"]))
            .prop_map(|(key, is)| format!("account.{key} {is}")),
        1 => select(vec![
            r#"person.email == "ada@example.com""#.to_owned(),
            "person.email is absent".to_owned(),
            "person.email in []".to_owned(),
        ]),
    ]
    .boxed()
}

/// A test of a statement: also of states, of the first `fields` fields only, and of who asks.
fn test(states: bool, fields: usize) -> BoxedStrategy<String> {
    let asker = select(vec![
        r#"agent.kind == "ai""#,
        "agent.name is absent",
        "purpose in [ai.draft, support.view]",
        "signedIdentity == true",
        "signedIdentity != true",
        "identity.method is absent",
        r#"user.name == "sam""#,
        r#"user.role in ["support", "success"]"#,
        "account.owner == agent.name",
    ]);
    let value = prop_oneof![8 => plain_test(), 1 => asker.prop_map(str::to_owned)].boxed();
    if !states || fields == 0 {
        return value;
    }
    let state = (
        0..fields,
        equal(),
        select(vec!["hidden", "masked", "visible"]),
    );
    let state =
        state.prop_map(|(place, op, state)| format!("account.{} {op} {state}", KEYS[place].0));
    prop_oneof![3 => value, 1 => state].boxed()
}

/// Tests nested into a condition.
fn nested(test: BoxedStrategy<String>) -> BoxedStrategy<String> {
    test.prop_recursive(5, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("not ({inner})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) or ({b})")),
        ]
    })
    .boxed()
}

fn clauses(states: bool, fields: usize) -> BoxedStrategy<String> {
    let clause = |word: &'static str, weight| {
        let clause = proptest::option::weighted(weight, nested(test(states, fields)));
        clause.prop_map(move |of| of.map_or(String::new(), |of| format!(" {word} {of}")))
    };
    (clause("when", 0.6), clause("unless", 0.15))
        .prop_map(|(when, unless)| when + &unless)
        .boxed()
}

fn on_purposes(word: &'static str) -> BoxedStrategy<String> {
    let purposes = subsequence(PURPOSES.to_vec(), 2..6);
    (purposes, clauses(true, KEYS.len()))
        .prop_map(move |(purposes, clauses)| {
            let purposes: Vec<_> = purposes.iter().map(ToString::to_string).collect();
            format!("{word} {}{clauses}", purposes.join(", "))
        })
        .boxed()
}

fn on_fields(verbs: &'static [&'static str]) -> BoxedStrategy<String> {
    (0..KEYS.len())
        .prop_flat_map(move |place| {
            (select(verbs), clauses(true, place)).prop_map(move |(verb, clauses)| {
                let (verb, with) = verb.split_once(' ').unwrap_or((verb, ""));
                format!("{verb} account.{} {with}{clauses}", KEYS[place].0)
            })
        })
        .boxed()
}

fn limit() -> BoxedStrategy<String> {
    let entity = select(vec!["account", "account", "person"]);
    (entity, nested(test(false, 0)), clauses(false, 0))
        .prop_map(|(entity, predicate, clauses)| format!("limit {entity} to {predicate}{clauses}"))
        .boxed()
}

fn statements() -> impl Strategy<Value = String> {
    let everyone: Vec<_> = PURPOSES.iter().map(ToString::to_string).collect();
    let everyone = format!("allow {}", everyone.join(", "));
    let statement = prop_oneof![
        2 => on_purposes("allow"),
        1 => on_purposes("forbid"),
        3 => on_fields(&["show"]),
        3 => on_fields(&["hide", "mask", "mask with last4", "mask with redact", "mask with null"]),
        1 => limit(),
    ];
    // Most requests should get to see something.
    let allowed = proptest::option::weighted(0.8, Just(everyone));
    (allowed, proptest::collection::vec(statement, 0..9)).prop_map(|(allowed, statements)| {
        let all: Vec<_> = allowed.into_iter().chain(statements).collect();
        all.join("\n")
    })
}

fn actor() -> impl Strategy<Value = Actor> {
    let set = |words: Vec<&str>| {
        words
            .into_iter()
            .map(Arc::from)
            .collect::<BTreeSet<Arc<str>>>()
    };
    let member = (
        subsequence(TEXTS[1..9].to_vec(), 0..4),
        subsequence(vec!["support", "success", "leadership", "vip"], 0..3),
        select(vec!["sam", "eu", "日本", "5"]),
    );
    let member = member.prop_map(move |(regions, roles, name)| Actor {
        credential: KeyId::NIL,
        principal: Principal::Member(Arc::new(Member {
            id: MemberId::NIL,
            name: name.into(),
            roles: set(roles),
            teams: BTreeSet::new(),
            sites: BTreeSet::new(),
            regions: set(regions),
        })),
        on_behalf_of: None,
    });
    prop_oneof![
        1 => select(&ACTORS[..]).prop_map(super::actor),
        1 => member,
    ]
}

fn ask() -> impl Strategy<Value = Ask> {
    let sortable: Vec<_> = KEYS
        .iter()
        .filter(|(_, kind)| *kind != Kind::Texts)
        .map(|(key, _)| *key)
        .collect();
    (
        actor(),
        select(&PURPOSES[..]),
        proptest::option::weighted(0.7, nested(plain_test())),
        proptest::collection::vec((select(sortable), any::<bool>()), 0..3),
    )
        .prop_map(|(actor, purpose, filter, sort)| Ask {
            actor,
            purpose,
            filter,
            sort,
        })
}

/// A world with so many rows, policies and requests under each.
pub(crate) fn world(rows: usize, policies: usize, asks: usize) -> impl Strategy<Value = World> {
    use proptest::collection::vec;
    (
        vec(traits(), KEYS.len()),
        vec(account(), 1..=rows),
        vec((statements(), vec(ask(), 1..=asks)), 1..=policies),
    )
        .prop_map(|(catalog, rows, asks)| World {
            catalog,
            rows,
            asks,
        })
}
