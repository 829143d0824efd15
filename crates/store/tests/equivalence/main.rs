//! Every rendering of a policy says the same of every row: the direct evaluator, the plan, and the SQL of
//! both engines. On random catalogs, rows, policies, askers and filters.
//!
//! `KITH_EQUIVALENCE_CASES` sets how many (policy, asker, row) cases are looked at; the smallest world
//! that fails is kept in `regressions.txt` beside this file and tried first ever after.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at what it does not expect"
)]

#[path = "../../../policy/tests/support/mod.rs"]
mod support;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering as Atomically};

use kith_domain::id::{AccountId, WorkspaceId};
use kith_domain::{Catalog, Entity, FieldIdx, Timestamp, Value};
use kith_policy::predicate::Sort;
use kith_policy::{Decision, GovernedFilter, Plan, Row, Subject, reference};
use kith_store::lists::{self, After, Key, OrderBy, Question};
use kith_store::profiles::{self, Profile};
use kith_store::{Db, Scope, StoreError, StoreUrl, field_index, workspaces};
use kith_testkit::{Cluster, Database};
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};
use support::world::{self, Ask, World};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use uuid::Uuid;

const DEFAULT_CASES: u64 = 100_000;
const ROWS: usize = 192;
const POLICIES: usize = 6;
const ASKS: usize = 6;
const KEY: [u8; 32] = [7; 32];
/// Rows of a page, where pages are held against the whole.
const PAGE: u32 = 7;

static WORLDS: AtomicU64 = AtomicU64::new(0);

/// Both engines, each with one database for all worlds.
struct Stores {
    runtime: Runtime,
    engines: Vec<Db>,
    _folder: TempDir,
    _database: Database,
}

impl Stores {
    fn open() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (engines, database) = runtime.block_on(async {
            let cluster = Cluster::shared().await.unwrap();
            let database = cluster.database().await.unwrap();
            let urls = [
                StoreUrl::sqlite(&folder.path().join("kith-data")),
                database.url().parse().unwrap(),
            ];
            let mut engines = Vec::new();
            for url in &urls {
                engines.push(Db::open(url, "node").await.unwrap());
            }
            (engines, database)
        });
        Self {
            runtime,
            engines,
            _folder: folder,
            _database: database,
        }
    }
}

#[test]
fn every_rendering_says_the_same_of_every_row() {
    let cases =
        std::env::var("KITH_EQUIVALENCE_CASES").map_or(DEFAULT_CASES, |text| text.parse().unwrap());
    let stores = Stores::open();
    let looked_at = AtomicU64::new(0);
    let mut config = ProptestConfig::with_cases(1);
    config.max_shrink_iters = 400;
    config.failure_persistence = Some(Box::new(FileFailurePersistence::Direct(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/equivalence/regressions.txt"
    ))));
    config.source_file = Some(file!());
    let mut tally = Tally::default();
    while looked_at.load(Atomically::Relaxed) < cases {
        let mut runner = TestRunner::new(config.clone());
        let tally = std::cell::RefCell::new(&mut tally);
        let result = runner.run(&world::world(ROWS, POLICIES, ASKS), |world| {
            let seen = agree(&stores, &world)?;
            looked_at.fetch_add(seen.cases, Atomically::Relaxed);
            tally.borrow_mut().add(seen);
            Ok(())
        });
        if let Err(failure) = result {
            panic!("{failure}");
        }
    }
    println!("{tally:?}");
    // The generator has not drifted into what says nothing.
    assert!(
        tally.kept * 10 > tally.cases,
        "few rows are kept: {tally:?}"
    );
    assert!(
        tally.exact * 10 > tally.asks * 6,
        "few are exact: {tally:?}"
    );
    assert!(
        tally.filtered * 4 > tally.asks,
        "few are filtered: {tally:?}"
    );
}

#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    /// Policy, asker and row.
    cases: u64,
    /// Rows in a list.
    kept: u64,
    /// Policy and asker.
    asks: u64,
    /// Of these, decided by the database alone.
    exact: u64,
    /// With a filter.
    filtered: u64,
    /// Sorted by the database.
    sorted: u64,
}

impl Tally {
    fn add(&mut self, more: Self) {
        self.cases += more.cases;
        self.kept += more.kept;
        self.asks += more.asks;
        self.exact += more.exact;
        self.filtered += more.filtered;
        self.sorted += more.sorted;
    }
}

fn id(number: usize) -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(number as u128 + 1))
}

fn agree(stores: &Stores, world: &World) -> Result<Tally, TestCaseError> {
    let catalog = world::catalog(&world.catalog);
    let rows: Vec<Row> = world
        .rows
        .iter()
        .map(|account| world::typed(&catalog, account))
        .collect();
    let workspaces: Vec<WorkspaceId> = stores
        .engines
        .iter()
        .map(|db| stores.runtime.block_on(load(db, world, &catalog, &rows)))
        .collect();
    let mut tally = Tally::default();
    for (text, asks) in &world.asks {
        let Some(policies) = world::checked(&catalog, text) else {
            continue;
        };
        for ask in asks {
            let plan = policies.specialise(&ask.actor, ask.purpose);
            let filter = ask.filter.as_deref().map(|text| {
                let filter = policies.filter(text);
                filter.unwrap_or_else(|found| panic!("{}", support::list(&found)))
            });
            // A filter that is refused by name is none.
            let filter = filter.and_then(|filter| plan.govern(&filter).ok());
            let about = format!("{ask:?}\nunder\n{text}");
            let asked = Asked {
                catalog: &catalog,
                rows: &rows,
                plan: &plan,
                filter: filter.as_ref(),
                about: &about,
            };
            let expect = asked.in_memory(&policies, ask)?;
            let predicate = plan.rows(Entity::Account, filter.as_ref());
            tally.cases += rows.len() as u64;
            tally.asks += 1;
            tally.kept += expect.len() as u64;
            tally.exact += u64::from(predicate.is_exact);
            tally.filtered += u64::from(filter.is_some());
            let order = asked.order(ask);
            tally.sorted += u64::from(order.as_ref().is_some_and(|order| !order.is_empty()));
            for (db, ws) in stores.engines.iter().zip(&workspaces) {
                for indexed in [BTreeSet::new(), all_fields(&catalog)] {
                    let question = Question {
                        rows: &predicate,
                        now: support::now(),
                        indexed: &indexed,
                    };
                    let asking = asked.in_database(db, *ws, question, &expect, order.as_deref());
                    stores.runtime.block_on(asking)?;
                }
            }
        }
    }
    Ok(tally)
}

fn all_fields(catalog: &Catalog) -> BTreeSet<String> {
    let fields = catalog.fields().iter();
    fields.map(|field| field.path.as_str().to_owned()).collect()
}

async fn load(db: &Db, world: &World, catalog: &Catalog, rows: &[Row]) -> WorkspaceId {
    let name = format!("world {}", WORLDS.fetch_add(1, Atomically::Relaxed));
    let at = Timestamp::from_micros(1);
    let ws = db
        .write(Scope::Installation, move |tx| {
            Box::pin(async move { workspaces::create(tx, &name, &KEY, at).await })
        })
        .await
        .unwrap()
        .id;
    let profiles: Vec<Profile<AccountId>> = world
        .rows
        .iter()
        .enumerate()
        .map(|(place, account)| Profile {
            id: id(place),
            created_at: at,
            updated_at: at,
            fields: account.0.clone(),
            provenance: serde_json::Map::new(),
        })
        .collect();
    let indexed: Vec<Vec<(String, Option<Value>)>> = rows
        .iter()
        .map(|row| {
            let fields = catalog.iter();
            fields
                .map(|(idx, field)| (field.path.to_string(), row.get(idx).cloned()))
                .collect()
        })
        .collect();
    db.write(ws, move |tx| {
        Box::pin(async move {
            profiles::put(tx, ws, &profiles).await?;
            let changed: Vec<_> = indexed
                .iter()
                .enumerate()
                .flat_map(|(place, values)| {
                    values
                        .iter()
                        .map(move |(field, value)| field_index::Changed {
                            id: id(place).into(),
                            field,
                            value: value.as_ref(),
                        })
                })
                .collect();
            field_index::replace(tx, ws, &changed).await
        })
    })
    .await
    .unwrap();
    ws
}

/// One request on all rows of a world.
struct Asked<'a> {
    catalog: &'a Catalog,
    rows: &'a [Row],
    plan: &'a Plan,
    filter: Option<&'a GovernedFilter>,
    about: &'a str,
}

/// The rows of the answer in the order of the request, each with what it is ordered by.
type Expected = Vec<(AccountId, Vec<Option<Key>>)>;

impl Asked<'_> {
    /// The direct evaluator and the plan, which must agree; then what is kept, in its order.
    fn in_memory(
        &self,
        policies: &kith_policy::Policies,
        ask: &Ask,
    ) -> Result<Expected, TestCaseError> {
        let mut kept = Vec::new();
        for (place, row) in self.rows.iter().enumerate() {
            let subject = Subject {
                account: Some(row),
                ..Subject::default()
            };
            let now = support::now();
            let decision = self.plan.decide(&subject, now);
            let meaning = reference::decide(policies, &ask.actor, ask.purpose, &subject, now);
            prop_assert_eq!(decision.exists, meaning.exists, "{}", self.about);
            if !decision.exists {
                continue;
            }
            let allowed = decision.verdict.is_allowed();
            prop_assert_eq!(allowed, meaning.allowed, "{}", self.about);
            for (idx, field) in self.catalog.iter() {
                let lo = meaning.states[idx.index()].lo;
                prop_assert_eq!(decision.state(idx), lo, "{}\n{}", field.path, self.about);
            }
            if self.plan.keeps(self.filter, &decision, &subject, now, &KEY) {
                let keys = self.keys(ask, &decision, &subject);
                kept.push((id(place), keys));
            }
        }
        let ways: Vec<bool> = ask.sort.iter().map(|(_, descending)| *descending).collect();
        kept.sort_by(|(a, a_keys), (b, b_keys)| {
            let keys = a_keys.iter().zip(b_keys).zip(&ways);
            keys.map(|((a, b), descending)| compare(a.as_ref(), b.as_ref(), *descending))
                .fold(Ordering::Equal, Ordering::then)
                .then(a.cmp(b))
        });
        Ok(kept)
    }

    fn keys(&self, ask: &Ask, decision: &Decision, subject: &Subject<'_>) -> Vec<Option<Key>> {
        let shown = |idx: FieldIdx| decision.shown(idx, subject, &KEY);
        ask.sort
            .iter()
            .map(|(key, _)| shown(world::field(self.catalog, key)).and_then(|v| Key::of(&v)))
            .collect()
    }

    /// How the database sorts, if it can.
    fn order(&self, ask: &Ask) -> Option<Vec<OrderBy>> {
        let mut order = Vec::new();
        for (key, descending) in &ask.sort {
            let field = world::field(self.catalog, key);
            match self.plan.sort(Entity::Account, field).ok()? {
                Sort::Column { column, shown } => order.push(OrderBy {
                    column,
                    shown,
                    descending: *descending,
                }),
                Sort::None | Sort::InMemory => return None,
            }
        }
        Some(order)
    }

    async fn in_database(
        &self,
        db: &Db,
        ws: WorkspaceId,
        question: Question<'_>,
        expect: &Expected,
        order: Option<&[OrderBy]>,
    ) -> Result<(), TestCaseError> {
        let about = || format!("{:?}\n{:?}\n{}", db.engine(), question.rows, self.about);
        let (whole, count): (Vec<AccountId>, u64) = db
            .read(ws, |tx| {
                Box::pin(async move {
                    let by = order.unwrap_or_default();
                    let listed =
                        lists::list::<AccountId>(tx, ws, question, by, None, 1_000).await?;
                    let count = lists::count::<AccountId>(tx, ws, question).await?;
                    Ok((listed.iter().map(|row| row.id).collect(), count))
                })
            })
            .await
            .map_err(|error: StoreError| TestCaseError::fail(format!("{error}\n{}", about())))?;
        prop_assert_eq!(whole.len() as u64, count, "{}", about());
        let mut wanted: Vec<AccountId> = expect.iter().map(|(id, _)| *id).collect();
        if order.is_none() {
            wanted.sort();
        }
        if !question.rows.is_exact {
            // Rows too many, never too few.
            let found: BTreeSet<_> = whole.into_iter().collect();
            prop_assert!(wanted.iter().all(|id| found.contains(id)), "{}", about());
            return Ok(());
        }
        prop_assert_eq!(&whole, &wanted, "{}", about());
        let Some(order) = order else { return Ok(()) };
        let keys: BTreeMap<_, _> = expect.iter().cloned().collect();
        let mut paged = Vec::new();
        while let Some(last) = paged.last().copied().map_or(Some(None), |last| {
            (paged.len() < whole.len()).then_some(Some(last))
        }) {
            let after = last.map(|last: AccountId| After {
                keys: keys[&last].clone(),
                id: last,
            });
            let after = &after;
            let page = db
                .read(ws, |tx| {
                    Box::pin(async move {
                        lists::list::<AccountId>(tx, ws, question, order, after.as_ref(), PAGE)
                            .await
                    })
                })
                .await
                .map_err(|error: StoreError| TestCaseError::fail(error.to_string()))?;
            if page.is_empty() {
                break;
            }
            paged.extend(page.iter().map(|row| row.id));
        }
        prop_assert_eq!(&paged, &whole, "in pages: {}", about());
        Ok(())
    }
}

/// Absent comes last whichever way.
fn compare(a: Option<&Key>, b: Option<&Key>, descending: bool) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if descending => b.cmp(a),
        (Some(a), Some(b)) => a.cmp(b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}
