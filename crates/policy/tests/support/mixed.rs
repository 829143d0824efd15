//! Policies and requests in which every kind of value stands beside every other that it may stand
//! beside.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::sync::Arc;

use kith_domain::id::{AgentId, KeyId, MemberId};
use kith_domain::{Actor, Agent, AgentKind, Member, Principal, Purpose};
use kith_policy::{ProofMethod, SignedIdentity};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Tests of every form: lists with lists, names with fields, times with times, orders of texts.
const TESTS: [&str; 40] = [
    "account.region in user.regions",
    "account.region in user.teams",
    "account.region not in [\"eu\", \"sam\"]",
    "account.region == \"eu\"",
    "account.region == user.name",
    "account.region == person.name",
    "account.owner == user.id",
    "account.owner == user.name",
    "account.owner == agent.name",
    "user.name == \"sam\"",
    "agent.name != \"drafter\"",
    "agent.name is absent",
    "user.name is absent",
    "agent.kind in [\"ai\", \"none\"]",
    "agent.kind == account.region",
    "user.role == \"eu\"",
    "user.role in [\"sam\", \"vip\"]",
    "user.role in account.labels",
    "user.role in user.teams",
    "user.role == account.region",
    "\"vip\" in account.labels",
    "account.region in account.labels",
    "account.labels is absent",
    "account.labels is not absent",
    "identity.method in account.labels",
    "identity.method == \"jwt\"",
    "identity.method is absent",
    "signedIdentity == account.isPartner",
    "account.isPartner == true",
    "account.seats > 3",
    "account.seats in [3, 4, 10]",
    "account.score <= 0.5",
    "account.score > account.seats",
    "account.privateRevenue != 1000 USD",
    "account.privateRevenue >= 1000",
    "account.createdAt < now - 30 days",
    "now - account.createdAt > 300 days",
    "account.createdAt == 2026-10-25T12:00:00Z",
    "now > 2026-11-24",
    "account.responseTime < 36 hours",
];

/// Tests that only stand alone, because they ask for an order of texts.
const ORDERS: [&str; 3] = [
    "person.email < \"m\"",
    "person.email >= \"ma\"",
    "person.email > \"\"",
];

pub(crate) fn mixed_condition() -> impl Strategy<Value = String> {
    let test = prop_oneof![
        10 => select(&TESTS[..]).prop_map(str::to_owned),
        1 => select(&ORDERS[..]).prop_map(str::to_owned),
    ];
    test.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("not ({inner})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) or ({b})")),
        ]
    })
}

pub(crate) fn mixed_policies() -> impl Strategy<Value = String> {
    let start = select(vec![
        "allow support.view, ai.draft, ai.answer when",
        "allow support.reply when",
        "forbid support.view, ai.draft unless",
        "show account.privateRevenue when",
        "hide account.plan when",
        "mask account.region, account.plan with last4 when",
        "mask account.plan with redact unless",
        "limit account to",
        "limit person to",
    ]);
    let statement =
        (start, mixed_condition()).prop_map(|(start, condition)| format!("{start} {condition}"));
    proptest::collection::vec(statement, 1..5).prop_map(|statements| statements.join("\n"))
}

const WORDS: [&str; 6] = ["eu", "sam", "vip", "drafter", "jwt", "else"];

pub(crate) fn anyone() -> impl Strategy<Value = Actor> {
    let words = || subsequence(WORDS.to_vec(), 0..3);
    let member = (
        words(),
        words(),
        words(),
        select(vec!["sam", "eu", "bo"]),
        any::<bool>(),
    );
    let kind = proptest::option::of(select(AgentKind::ALL.to_vec()));
    (
        member,
        kind,
        select(vec!["drafter", "eu", "bot"]),
        any::<bool>(),
    )
        .prop_map(
            |((roles, teams, regions, name, is_nil), kind, agent, with_member)| {
                let set = |words: Vec<&str>| words.into_iter().map(Arc::from).collect();
                let id = if is_nil {
                    "mem_00000000000000000000000000"
                } else {
                    "mem_00000000000000000000000007"
                };
                let member = Arc::new(Member {
                    id: id.parse().unwrap_or(MemberId::NIL),
                    name: name.into(),
                    roles: set(roles),
                    teams: set(teams),
                    sites: set(Vec::new()),
                    regions: set(regions),
                });
                Actor {
                    credential: KeyId::NIL,
                    principal: match kind {
                        None => Principal::Member(Arc::clone(&member)),
                        Some(kind) => Principal::Agent(Arc::new(Agent {
                            id: AgentId::NIL,
                            name: agent.into(),
                            kind,
                        })),
                    },
                    on_behalf_of: (kind.is_some() && with_member).then_some(member),
                }
            },
        )
}

/// A value for each of these fields, or none.
fn some_values(
    of: &'static [(&'static str, &'static [&'static str])],
) -> BoxedStrategy<toml::Table> {
    let values = of.iter().map(|(key, values)| {
        proptest::option::weighted(0.8, select(*values)).prop_map(move |value| {
            value
                .map(|value| format!("{key} = {value}\n"))
                .unwrap_or_default()
        })
    });
    let values: Vec<_> = values.collect();
    values
        .prop_map(|lines| toml::from_str(&lines.concat()).unwrap())
        .boxed()
}

pub(crate) fn mixed_request()
-> impl Strategy<Value = (Actor, Purpose, [Option<toml::Table>; 2], SignedIdentity)> {
    let account = some_values(&[
        (
            "region",
            &[
                "'eu'", "'sam'", "'vip'", "'jwt'", "'else'", "'ai'", "'none'",
            ],
        ),
        ("plan", &["'trial'", "'growth'"]),
        (
            "owner",
            &[
                "'mem_00000000000000000000000007'",
                "'sam'",
                "'drafter'",
                "'x'",
            ],
        ),
        (
            "labels",
            &["[]", "['vip']", "['eu', 'else']", "['jwt', 'sam']", "['x']"],
        ),
        ("isPartner", &["true", "false"]),
        ("seats", &["3", "4", "7", "10", "-1"]),
        ("score", &["'0.5'", "'0.4'", "'3'", "'7.5'"]),
        (
            "privateRevenue",
            &[
                "1000",
                "999",
                "{ amount = 1000, currency = 'USD' }",
                "{ amount = 1, currency = 'CHF' }",
            ],
        ),
        (
            "createdAt",
            &[
                "'2026-10-25T12:00:00Z'",
                "'2026-10-26T12:00:00Z'",
                "'2020-01-01'",
                "'2026-11-20'",
            ],
        ),
        ("responseTime", &["'36 hours'", "'1 hour'"]),
    ]);
    let person = some_values(&[
        ("name", &["'eu'", "'x'"]),
        ("email", &["'a'", "'m'", "'ma'", "'mb'", "''"]),
    ]);
    let purposes = vec![
        Purpose::SupportView,
        Purpose::SupportReply,
        Purpose::AiDraft,
        Purpose::AiAnswer,
    ];
    let proof = (
        any::<bool>(),
        proptest::option::of(select(ProofMethod::ALL.to_vec())),
    );
    (
        anyone(),
        select(purposes),
        proptest::option::weighted(0.9, account),
        proptest::option::weighted(0.6, person),
        proof,
    )
        .prop_map(|(actor, purpose, account, person, (proven, method))| {
            (
                actor,
                purpose,
                [account, person],
                SignedIdentity { proven, method },
            )
        })
}
