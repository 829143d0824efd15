//! What is made up is what ingest would have left, and reads as such.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::result::Result;

use kith_domain::fact::{Decoder, Delivery, Fact, FactKind, MalformedBody, Message};
use kith_domain::id::AccountId;
use kith_domain::{Entity, Purpose, Timestamp, Value};
use kith_engine::{ContextRequest, ListRequest, RootRef, SubjectRef};
use kith_testkit::Cluster;
use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;
use serde_json::{Map, Value as Json};
use tempfile::TempDir;

use super::*;
use crate::customers::SOURCES;
use crate::kith::REGION;

const SIZE: Size = Size {
    accounts: 2_000,
    seed: 7,
    is_whole: true,
};
const FEW: Size = Size {
    accounts: 12,
    ..SIZE
};

fn region(size: Size, number: u64) -> Option<Value> {
    let account = size.customer(number).account;
    account.values.get("account.region").cloned()
}

#[test]
fn customers_follow_from_the_seed_and_come_in_order() {
    let ids = |size: Size| {
        (0..size.accounts).map(move |number| {
            let customer = size.customer(number);
            let people: Vec<_> = customer.people.iter().map(|of| of.id).collect();
            let events: Vec<_> = customer.events.iter().map(|of| of.id).collect();
            (customer.account.id, people, events)
        })
    };
    let all: Vec<_> = ids(SIZE).collect();
    assert!(all.iter().map(|(account, ..)| account).is_sorted());
    assert!(all.iter().flat_map(|(_, people, _)| people).is_sorted());
    assert!(ids(SIZE).eq(all.iter().cloned()));
    let others = ids(Size { seed: 8, ..SIZE });
    assert!(all.iter().zip(others).all(|(a, b)| a.0 != b.0));
    let different: BTreeSet<_> = all.iter().flat_map(|(.., events)| events).collect();
    assert_eq!(different.len() as u64, SIZE.accounts * EVENTS);
}

#[test]
fn some_of_every_kind_and_some_without() {
    let mut seen = BTreeMap::<String, u64>::new();
    for number in 0..SIZE.accounts {
        for (field, value) in &SIZE.customer(number).account.values.fields() {
            let value = match value {
                Json::String(text) if field != "account.name" => text.as_str(),
                _ => "some",
            };
            *seen.entry(format!("{field} {value}")).or_default() += 1;
        }
    }
    let percent = |of: &str| seen.get(of).copied().unwrap_or_default() * 100 / SIZE.accounts;
    let check = |of: &str, between: std::ops::RangeInclusive<u64>| {
        assert!(between.contains(&percent(of)), "{of}: {} %", percent(of));
    };
    check("account.region eu", 45..=55);
    check("account.plan growth", 25..=35);
    check("account.paymentState late", 5..=15);
    check("account.privateRevenue some", 80..=92);
    check("account.name some", 100..=100);
}

#[test]
fn events_come_after_their_account_and_within_two_years() {
    let (first, last) = (SIZE.customer(0), SIZE.customer(SIZE.accounts - 1));
    let micros_of_a_year = 365 * 86_400 * 1_000_000;
    let end = first.account.at.micros() + 3 * micros_of_a_year;
    for customer in [first, last] {
        for event in customer.events {
            assert!(event.at >= customer.account.at);
            assert!((end - 2 * micros_of_a_year..end).contains(&event.at.micros()));
        }
    }
}

struct Store {
    folder: TempDir,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("kith-data")
    }

    async fn fill(&self, size: Size) -> Large {
        Large::open(&StoreUrl::sqlite(&self.path()), size)
            .await
            .unwrap()
    }
}

/// A value as text; of an object the order of the keys is nobody's concern.
fn text(cell: SqlValue) -> String {
    match cell {
        SqlValue::Text(text) if text.starts_with('{') => {
            let object: BTreeMap<String, Json> = serde_json::from_str(&text).unwrap();
            format!("{object:?}")
        }
        other => format!("{other:?}"),
    }
}

/// All rows of a statement, as text, in order.
fn rows(store: &Path, sql: &str) -> Vec<String> {
    let connection = Connection::open(store.join("kith.db")).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let width = statement.column_count();
    let rows = statement.query_map((), |row| {
        let cells = (0..width).map(|place| row.get(place).map(text));
        Ok(cells.collect::<Result<Vec<_>, _>>()?.join(", "))
    });
    let mut rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    rows.sort();
    rows
}

/// Fails with the first rows that only one of two has.
fn same(found: &[String], expect: &[String], of: &str) {
    let mut pairs = found.iter().zip(expect);
    let different = pairs.find(|(found, expect)| found != expect);
    assert_eq!(different, None, "{of}");
    assert_eq!(found.len(), expect.len(), "{of}");
}

const TABLES: [&str; 9] = [
    "identifier",
    "edge",
    "observation",
    "membership",
    "event",
    "account",
    "person",
    "role",
    "field_index",
];

#[tokio::test]
async fn a_store_that_was_left_half_full_is_filled_up_to_be_the_same() {
    let (at_once, resumed) = (Store::new(), Store::new());
    at_once.fill(FEW).await;
    let url = StoreUrl::sqlite(&resumed.path());
    let desk = Desk::open(&url, definitions().unwrap()).await.unwrap();
    let pen = Pen::new(&url, &desk).await.unwrap();
    for (there, end) in [(0, 5), (5, 6), (6, 6)] {
        assert_eq!(pen.written(FEW.accounts).await.unwrap(), there);
        pen.fill(FEW, end).await.unwrap();
    }
    resumed.fill(FEW).await;
    assert_eq!(pen.written(FEW.accounts).await.unwrap(), FEW.accounts);
    for table in TABLES {
        let sql = format!("SELECT * FROM {table}");
        let expect = rows(&at_once.path(), &sql);
        assert!(expect.len() as u64 >= FEW.accounts, "{table}");
        same(&rows(&resumed.path(), &sql), &expect, table);
    }
}

#[tokio::test]
async fn a_person_is_found_with_account_role_and_events() {
    let store = Store::new();
    a_person_is_found(&StoreUrl::sqlite(&store.path())).await;
    let cluster = Cluster::shared().await.unwrap();
    let database = cluster.database().await.unwrap();
    a_person_is_found(&database.url().parse().unwrap()).await;
}

async fn a_person_is_found(store: &StoreUrl) {
    let large = Large::open(store, FEW).await.unwrap();
    let number = (0..FEW.accounts)
        .find(|number| region(FEW, *number) == Some(Value::String(REGION.into())))
        .unwrap();
    let customer = FEW.customer(number);
    let (place, person) = customer.people.iter().enumerate().next().unwrap();
    let request = ContextRequest {
        purpose: Purpose::SupportView,
        subject: SubjectRef {
            person: Some(RootRef::Identifier(
                Identifier::new(IdentifierType::UserId, &person.user_id).unwrap(),
            )),
            account: None,
        },
        on_behalf_of: None,
        identity_token: None,
    };
    let answer = large.desk.engine.context(&large.caller, request).await;
    let answer = serde_json::to_value(answer.unwrap()).unwrap();
    assert_eq!(answer["person"]["id"], person.id.to_string());
    assert_eq!(answer["person"]["email"]["value"], person.email);
    assert_eq!(answer["account"]["id"], customer.account.id.to_string());
    assert_eq!(answer["role"]["name"]["value"], "Billing owner");
    let events = customer.events.iter().filter(|event| event.person == place);
    let journey = answer["journey"].as_array().unwrap();
    assert_eq!(journey.len(), events.count());
}

#[tokio::test]
async fn lists_count_those_in_view() {
    let store = Store::new();
    let large = store
        .fill(Size {
            accounts: 120,
            ..SIZE
        })
        .await;
    let eu = Some(Value::String(REGION.into()));
    let size = Size {
        accounts: 120,
        ..SIZE
    };
    let expect = (0..120)
        .filter(|number| region(size, *number) == eu)
        .count();
    let request = ListRequest {
        purpose: Purpose::SupportView,
        on_behalf_of: None,
        filter: None,
        sort: Vec::new(),
        limit: None,
        cursor: None,
        count: true,
    };
    let page = large.desk.engine.list::<AccountId>(&large.caller, request);
    let page = serde_json::to_value(page.await.unwrap()).unwrap();
    assert_eq!(page["count"], expect);
    for user_id in size.people_in_view(20) {
        let number: u64 = user_id.trim_start_matches("usr_").parse().unwrap();
        assert_eq!(region(size, number % 120), eu, "{user_id}");
    }
}

/// Facts that are decoded already.
#[derive(Debug)]
struct Facts(Vec<Fact>);

impl Decoder for Facts {
    fn decode(&self, _: &[u8], _: Timestamp) -> Result<Delivery, MalformedBody> {
        let messages = self.0.iter().map(|fact| Message {
            original: fact.message_id.clone().into_bytes(),
            identifiers: Vec::new(),
            message_id: Some(fact.message_id.clone()),
            fact: Ok(fact.clone()),
        });
        Ok(Delivery {
            write_key: None,
            messages: messages.collect(),
        })
    }
}

fn key(field: &str) -> String {
    field.rsplit('.').next().unwrap_or_default().to_owned()
}

/// What a customer's sources would have said, each with the source.
fn facts(customer: &customer::Customer) -> Vec<(&'static str, Fact)> {
    let named = |kind, value: &str| vec![Identifier::new(kind, value).unwrap()];
    let account = named(IdentifierType::GroupId, &customer.account.key);
    let fact = |kind, at, message_id: String| Fact {
        message_id,
        kind,
        person: Vec::new(),
        account: account.clone(),
        subject: Vec::new(),
        relations: Vec::new(),
        data: Map::new(),
        observed_at: at,
        faults: Vec::new(),
    };
    let mut facts = Vec::new();
    for source in SOURCES {
        let kind = FactKind::Write {
            entity: Entity::Account,
            at: "fields".into(),
        };
        let id = format!("account-{}", customer.account.key);
        let data = customer.account.values.said_by(source);
        let data = data.filter(|(field, _)| *field != "account.workspaceId");
        let said = Fact {
            data: data
                .map(|(field, value)| (key(field), value.to_answer()))
                .collect(),
            ..fact(kind, customer.account.at, id)
        };
        if !said.data.is_empty() {
            facts.push((source, said));
        }
    }
    for person in &customer.people {
        let mut names = named(IdentifierType::UserId, &person.user_id);
        names.extend(named(IdentifierType::Email, &person.email));
        let own = person.values.said_by("product");
        let own = own.filter(|(field, _)| !["person.userId", "person.email"].contains(field));
        let mut data: Map<_, _> = own
            .map(|(field, value)| (key(field), value.to_answer()))
            .collect();
        data.extend(
            person
                .role
                .said_by("product")
                .map(|(_, value)| ("role".to_owned(), value.to_answer())),
        );
        let id = format!("person-{}", person.user_id);
        facts.push((
            "product",
            Fact {
                person: names,
                data,
                ..fact(FactKind::Identify, person.at, id)
            },
        ));
    }
    for event in &customer.events {
        let person = customer.people.get(event.person).unwrap();
        let kind = FactKind::Track {
            event: event.name.into(),
        };
        let properties = event.properties.iter();
        facts.push((
            "product",
            Fact {
                person: named(IdentifierType::UserId, &person.user_id),
                data: properties
                    .map(|(field, value)| (key(field), value.to_answer()))
                    .collect(),
                ..fact(kind, event.at, format!("event-{}", event.id))
            },
        ));
    }
    facts
}

/// All that was stored, with identifiers where ids are, and without when it came in.
const STORED: [&str; 9] = [
    "SELECT kind, value, known FROM identifier",
    "SELECT min(a.value, b.value), max(a.value, b.value), rule, trust, source, message_id, active
     FROM edge JOIN identifier a ON a.id = a JOIN identifier b ON b.id = b",
    "SELECT i.value, a.value, field, source, message_id, trust, observed_at, o.value
     FROM observation o JOIN identifier i ON i.id = node LEFT JOIN identifier a ON a.id = account_node",
    "SELECT i.value, a.value, trust, first_seen_at, ended_at FROM membership
     JOIN identifier i ON i.id = person_node JOIN identifier a ON a.id = account_node",
    "SELECT i.value, a.value, at, name, properties, source, message_id, trust, definitions_version
     FROM event JOIN identifier i ON i.id = node JOIN identifier a ON a.id = account_node",
    "SELECT i.value, fields FROM account p JOIN identifier i ON i.root = p.id",
    "SELECT i.value, fields FROM person p JOIN identifier i ON i.root = p.id",
    "SELECT i.value, a.value, active_since, fields FROM role
     JOIN identifier i ON i.root = person JOIN identifier a ON a.root = account",
    "SELECT i.value, f.field, hex(f.value) FROM field_index f JOIN identifier i ON i.root = f.id",
];

#[tokio::test]
async fn ingest_would_have_left_the_same() {
    let (made_up, delivered) = (Store::new(), Store::new());
    made_up.fill(FEW).await;
    let url = StoreUrl::sqlite(&delivered.path());
    let desk = Desk::open(&url, definitions().unwrap()).await.unwrap();
    for number in 0..FEW.accounts {
        for (source, fact) in facts(&FEW.customer(number)) {
            let key = desk.keys.writers.get(source).map(String::as_str);
            let kept = desk
                .engine
                .ingest(key, &Facts(vec![fact]), b"")
                .await
                .unwrap();
            assert_eq!((kept.kept, kept.quarantined), (1, 0));
        }
    }
    for sql in STORED {
        let expect = rows(&delivered.path(), sql);
        assert!(expect.len() as u64 >= FEW.accounts, "{sql}");
        same(&rows(&made_up.path(), sql), &expect, sql);
    }
}
