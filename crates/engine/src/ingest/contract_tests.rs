//! What the contract keeps and what it refuses.

use kith_domain::definitions::{SourceFile, read_folder};
use kith_domain::fact::Related;
use kith_domain::{IdentifierType, Relation, Timestamp};
use serde_json::json;

use super::*;

const ACCOUNT: &str = r#"
[plan]
type = "enum"
values = ["trial", "growth"]
owner = "RevOps"
description = "What they pay for."
sources = ["segment"]
sensitivity = "internal"

[contractValue]
type = "decimal"
currency = "EUR"
owner = "Sales"
description = "From the CRM."
sources = ["hubspot"]
sensitivity = "restricted"

[score]
type = "int"
description = "Not decided yet."
sensitivity = "internal"
lifecycle = "draft"
"#;

const PERSON: &str = r#"
[userId]
type = "string"
owner = "Platform"
description = "The product's key."
identifier = "userId"
sensitivity = "internal"

[name]
type = "string"
owner = "Platform"
description = "How they are called."
traits = ["fullName"]
sensitivity = "confidential"
"#;

const ROLE: &str = r#"
[name]
type = "string"
owner = "Platform"
description = "What they may do there."
traits = ["role"]
sensitivity = "internal"
"#;

const EVENTS: &str = r#"
["checkout.failed"]
aliases = ["Checkout Failed"]
owner = "Product"
description = "A checkout did not go through."
sensitivity = "internal"

["checkout.failed".properties.amount]
type = "decimal"
currency = "EUR"
owner = "Product"
description = "What it was about."
sensitivity = "internal"
"#;

fn catalog() -> Catalog {
    let file = |path: &str, text: &str| SourceFile {
        path: path.into(),
        text: text.into(),
    };
    read_folder(vec![
        file("workspace.toml", "edition = 2026"),
        file("fields/account.toml", ACCOUNT),
        file("fields/person.toml", PERSON),
        file("fields/role.toml", ROLE),
        file("events.toml", EVENTS),
    ])
    .unwrap()
    .0
    .catalog
}

fn fact(kind: FactKind, data: &Json) -> Fact {
    let identifier = |kind, value| vec![Identifier::new(kind, value).unwrap()];
    Fact {
        message_id: "m1".into(),
        kind,
        person: identifier(IdentifierType::UserId, "usr_1"),
        account: identifier(IdentifierType::GroupId, "acme"),
        subject: Vec::new(),
        relations: Vec::new(),
        data: data.as_object().unwrap().clone(),
        observed_at: Timestamp::from_micros(0),
        faults: Vec::new(),
    }
}

const SERVER: Deliverer<'_> = Deliverer {
    source: "segment",
    trust: Trust::Server,
};
const BROWSER: Deliverer<'_> = Deliverer {
    source: "segment",
    trust: Trust::Public,
};

/// What is kept, as `path=value`, and what is refused, as `path:code`.
fn check(deliverer: Deliverer<'_>, fact: &Fact, kept: &[&str], refused: &[&str]) {
    let catalog = catalog();
    let checked = super::check(&catalog, deliverer, fact);
    let mut got: Vec<String> = checked
        .values
        .iter()
        .map(|(idx, _, value)| format!("{}={value}", catalog.get(*idx).unwrap().path))
        .collect();
    got.extend(checked.shown.iter().map(|(identifier, idx)| {
        let value = json!(identifier.value());
        format!("{}={value}", catalog.get(*idx).unwrap().path)
    }));
    if let Some((name, properties)) = &checked.event {
        got.push(format!("{name} {}", Json::Object(properties.clone())));
    }
    got.sort();
    assert_eq!(got, kept);
    let faults: Vec<String> = checked
        .faults
        .iter()
        .map(|fault| format!("{}:{}", fault.path, fault.code))
        .collect();
    assert_eq!(faults, refused);
}

#[test]
fn what_fits_is_kept_beside_what_does_not() {
    check(
        SERVER,
        &fact(
            FactKind::Group,
            &json!({"plan": "growth", "plann": 1, "contractValue": 9, "score": 3}),
        ),
        &["account.plan=\"growth\"", "person.userId=\"usr_1\""],
        &[
            "traits.plann:unknown-field",
            "traits.contractValue:source-not-listed",
            "traits.score:draft-field",
        ],
    );
    check(
        SERVER,
        &fact(FactKind::Group, &json!({"plan": "platinum"})),
        &["person.userId=\"usr_1\""],
        &["traits.plan:wrong-type"],
    );
}

#[test]
fn a_trait_of_the_role_goes_to_the_role_and_only_from_a_server() {
    let with_role = fact(
        FactKind::Identify,
        &json!({"fullName": "Ada Example", "role": "Billing owner"}),
    );
    check(
        SERVER,
        &with_role,
        &[
            "person.name=\"Ada Example\"",
            "person.userId=\"usr_1\"",
            "role.name=\"Billing owner\"",
        ],
        &[],
    );
    check(
        BROWSER,
        &with_role,
        &["person.name=\"Ada Example\"", "person.userId=\"usr_1\""],
        &["traits.role:role-from-public-key"],
    );
}

#[test]
fn a_message_says_one_thing_of_a_field() {
    let names = |name: &str, full_name: &str| {
        fact(
            FactKind::Identify,
            &json!({"name": name, "fullName": full_name}),
        )
    };
    let kept = ["person.name=\"Ada\"", "person.userId=\"usr_1\""];
    check(SERVER, &names("Ada", "Ada"), &kept, &[]);
    check(
        SERVER,
        &names("Ada", "Bea"),
        &kept,
        &["traits.fullName:said-twice"],
    );
}

#[test]
fn an_event_is_known_by_its_name_or_an_alias() {
    for name in ["checkout.failed", "Checkout Failed"] {
        check(
            SERVER,
            &fact(
                FactKind::Track { event: name.into() },
                &json!({"amount": 12.5, "card": "4242"}),
            ),
            &[
                "checkout.failed {\"event.checkout.failed.amount\":{\"amount\":12500000,\"currency\":\"EUR\"}}",
                "person.userId=\"usr_1\"",
            ],
            &["properties.card:unknown-property"],
        );
    }
    check(
        SERVER,
        &fact(
            FactKind::Track {
                event: "Checkout Exploded".into(),
            },
            &json!({}),
        ),
        &["person.userId=\"usr_1\""],
        &[":unknown-event"],
    );
}

#[test]
fn an_explicit_null_is_kept_as_a_deletion() {
    check(
        SERVER,
        &fact(FactKind::Group, &json!({"plan": null})),
        &["account.plan=null", "person.userId=\"usr_1\""],
        &[],
    );
}

#[test]
fn a_message_with_a_thousand_faults_reports_the_first_and_counts_the_rest() {
    let data: Map<String, Json> = (0..1000).map(|n| (format!("x{n}"), json!(n))).collect();
    let checked = super::check(
        &catalog(),
        SERVER,
        &fact(FactKind::Identify, &Json::Object(data)),
    );
    assert_eq!(checked.faults.len(), MAX_FAULTS + 1);
    let last = checked.faults.last().unwrap();
    assert_eq!(
        last.detail,
        "936 more parts of this message do not fit the catalog"
    );
}

/// What is left of a fact: its subjects, the names of its relations, and what is refused.
fn confined(
    deliverer: Deliverer<'_>,
    subject: &[&str],
    relations: &[(&str, Option<&str>)],
) -> String {
    let identifier = |text: &&str| {
        let (kind, value) = text.split_once(':').unwrap();
        Identifier::new(kind.parse().unwrap(), value).unwrap()
    };
    let related = |(name, to): &(&str, Option<&str>)| Related {
        relation: Relation::named(name).unwrap(),
        to: to.as_ref().map(identifier),
    };
    let mut fact = Fact {
        person: Vec::new(),
        subject: subject.iter().map(identifier).collect(),
        relations: relations.iter().map(related).collect(),
        ..fact(FactKind::Describe, &json!({"name": "Example"}))
    };
    confine(deliverer, &mut fact);
    let relations = fact.relations.iter().map(|of| of.relation.as_str());
    let kept: Vec<&str> = fact
        .subject
        .iter()
        .map(Identifier::value)
        .chain(relations)
        .collect();
    let refused: Vec<&str> = fact.faults.iter().map(|fault| fault.code).collect();
    format!("{} | {}", kept.join(" "), refused.join(" "))
}

#[test]
fn only_a_server_speaks_of_companies_and_of_what_belongs_to_what() {
    let company = ["companyId:crm-1", "domain:acme.example"];
    let to_company = [("account.company", Some("companyId:crm-1"))];
    assert_eq!(
        confined(SERVER, &company, &to_company),
        "crm-1 acme.example account.company | "
    );
    assert_eq!(
        confined(BROWSER, &company, &to_company),
        " | subject-from-public-key relation-from-public-key"
    );
    assert_eq!(
        confined(BROWSER, &[], &[("account.site", None)]),
        " | relation-from-public-key"
    );
}

#[test]
fn a_relation_leads_from_what_is_named_to_one_of_its_kind() {
    for (subject, relations, expect) in [
        // From a subscription that nobody named.
        (
            vec![],
            vec![("subscription.account", Some("groupId:acme"))],
            " | unsound-relation",
        ),
        // To what is no company.
        (
            vec![],
            vec![("account.company", Some("siteKey:berlin"))],
            " | unsound-relation",
        ),
        // Twice.
        (
            vec![],
            vec![
                ("account.site", Some("siteKey:a")),
                ("account.site", Some("siteKey:b")),
            ],
            "account.site | unsound-relation",
        ),
        (vec!["siteKey:a", "companyId:b"], vec![], " | mixed-subject"),
        (
            vec!["subscriptionId:s"],
            vec![("subscription.account", None), ("account.site", None)],
            "s subscription.account account.site | ",
        ),
    ] {
        assert_eq!(confined(SERVER, &subject, &relations), expect);
    }
}

#[test]
fn a_key_that_ships_in_browsers_merges_and_deletes_nothing() {
    for kind in [FactKind::Merge, FactKind::Delete] {
        let mut forged = fact(kind.clone(), &json!({}));
        confine(BROWSER, &mut forged);
        assert!(forged.person.is_empty() && forged.account.is_empty());
        assert_eq!(forged.faults[0].code, "record-from-public-key");
        let mut said = fact(kind, &json!({}));
        confine(SERVER, &mut said);
        assert_eq!((said.person.len(), said.faults.len()), (1, 0));
    }
    // What was deleted has no values any more, its identifiers included.
    check(SERVER, &fact(FactKind::Delete, &json!({})), &[], &[]);
}
