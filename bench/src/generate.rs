//! Large workspaces, made up: accounts of the demo's catalog, written straight into the store's tables as
//! ingest would leave them. Every account follows from the seed and its number, so a store that was left
//! half full is filled up where it ended.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use kith_domain::id::{AccountId, WorkspaceId};
use kith_domain::{Decimal, Timestamp, Value};
use kith_engine::runtime::{OsEntropy, SystemClock};
use kith_engine::{AuditActor, Caller, Engine, KeyHolder, NewKey, NewMember};
use kith_policy::predicate::RowPredicate;
use kith_store::field_index::{self, Changed};
use kith_store::lists::{self, Question};
use kith_store::profiles::{self, Profile};
use kith_store::{Db, StoreError, StoreUrl};
use serde_json::{Map, json};
use uuid::{Builder, Uuid};

use crate::benches::progress;
use crate::customers::scatter;
use crate::kith::definitions;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Written with what is made up here; another one makes other accounts.
pub(crate) const FORMAT: u32 = 1;
/// Accounts in one transaction.
const BATCH: u64 = 10_000;
/// The first account signed up on 2023-01-01, the last three years later.
const BEGIN_SECONDS: u64 = 1_672_531_200;
const SPAN_SECONDS: u64 = 3 * 365 * 86_400;
const WORKSPACE: &str = "large";
const MEMBER: &str = "Bench Support";
/// Half of the accounts are in this region.
pub(crate) const REGION: &str = "eu";
/// About three in ten accounts are on this plan.
pub(crate) const PLAN: &str = "growth";

const WORDS: [&str; 16] = [
    "Amber", "Birch", "Cobalt", "Delta", "Ember", "Fjord", "Garnet", "Harbour", "Indigo",
    "Juniper", "Krill", "Larch", "Meadow", "Nickel", "Opal", "Pine",
];
const MANAGERS: [&str; 8] = ["rae", "ian", "mo", "kim", "lou", "max", "noa", "sol"];

/// How many accounts, and which.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) accounts: u64,
    pub(crate) seed: u64,
}

/// A workspace with so many accounts, and a member who asks about those of one region.
pub(crate) struct Large {
    pub(crate) engine: Engine,
    pub(crate) workspace: WorkspaceId,
    pub(crate) caller: Caller,
}

impl Large {
    /// Opens a store, and makes in it what is not there yet.
    pub(crate) async fn open(store: &StoreUrl, size: Size) -> Result<Self> {
        let runtime = kith_domain::Runtime::new(Arc::new(SystemClock), Arc::new(OsEntropy));
        let engine = Engine::open(store, "bench", runtime).await?;
        let by = AuditActor::operator;
        let found = engine.workspaces().await?;
        let workspace = match found.iter().find(|found| found.name == WORKSPACE) {
            Some(found) => found.id,
            None => engine.create_workspace(WORKSPACE).await?.id,
        };
        engine
            .publish(workspace, by(), definitions()?, "bench")
            .await?;
        let members = engine.members(workspace).await?;
        if members.iter().all(|member| *member.name != *MEMBER) {
            let member = NewMember {
                name: MEMBER.into(),
                roles: vec!["support".into()],
                regions: vec![REGION.into()],
                ..NewMember::default()
            };
            engine.add_member(workspace, by(), member).await?;
        }
        let key = NewKey {
            holder: KeyHolder::Member(MEMBER.into()),
            scopes: Vec::new(),
            writes_as: None,
            label: "bench".into(),
        };
        let (_, token) = engine.create_key(workspace, by(), key).await?;
        let caller = engine.authenticate(token.reveal()).await?;
        fill(&Db::open(store, "generate").await?, workspace, size).await?;
        Ok(Self {
            engine,
            workspace,
            caller,
        })
    }
}

/// Writes the accounts that are not there yet.
async fn fill(db: &Db, workspace: WorkspaceId, size: Size) -> Result<()> {
    let (mut done, indexed) = state(db, workspace).await?;
    if done == size.accounts {
        return Ok(());
    }
    let indexed = Arc::new(indexed);
    let (begun, from) = (Instant::now(), done);
    while done < size.accounts {
        let end = size.accounts.min(done + BATCH);
        let batch: Vec<_> = (done..end).map(|number| size.account(number)).collect();
        let indexed = Arc::clone(&indexed);
        db.write(workspace, move |tx| {
            Box::pin(async move {
                let profiles: Vec<_> = batch.iter().map(Account::profile).collect();
                profiles::put(tx, workspace, &profiles).await?;
                let mut entries: Vec<_> = batch
                    .iter()
                    .flat_map(|account| account.entries(&indexed))
                    .collect();
                // In the order of the table, as far as it goes.
                entries.sort_by_key(|entry| entry.field);
                field_index::replace(tx, workspace, &entries).await
            })
        })
        .await?;
        done = end;
        let rate = (done - from) as f64 / begun.elapsed().as_secs_f64();
        if done.is_multiple_of(BATCH * 10) || done == size.accounts {
            progress(&format!(
                "{done} of {} accounts, {rate:.0}/s",
                size.accounts
            ));
        }
    }
    Ok(())
}

/// How many accounts there are, and which fields the index holds.
async fn state(db: &Db, workspace: WorkspaceId) -> Result<(u64, BTreeSet<String>)> {
    let state = db.read(workspace, |tx| {
        Box::pin(async move {
            let all = RowPredicate {
                all: Vec::new(),
                is_exact: true,
            };
            let indexed = field_index::whole(tx, workspace).await?;
            let question = Question {
                rows: &all,
                now: Timestamp::from_micros(0),
                indexed: &indexed,
            };
            let count = lists::count::<AccountId>(tx, workspace, question).await?;
            Ok::<_, StoreError>((count, indexed))
        })
    });
    Ok(state.await?)
}

/// One account: where each value comes from, and the value.
struct Account {
    id: AccountId,
    at: Timestamp,
    values: Vec<(&'static str, &'static str, Value)>,
}

impl Size {
    /// The account with a number. Later ones signed up later, and their ids come later.
    fn account(self, number: u64) -> Account {
        let mut dice = Dice(scatter(self.seed ^ scatter(number)));
        let seconds = BEGIN_SECONDS + number * SPAN_SECONDS / self.accounts.max(1);
        let at = Timestamp::from_micros(seconds.cast_signed() * 1_000_000);
        let id = uuid(number, seconds, &mut dice);
        let mut account = Account {
            id: AccountId::from_uuid(id),
            at,
            values: Vec::with_capacity(12),
        };
        let words = [dice.one_of(&WORDS), dice.one_of(&WORDS)];
        let name = format!("{} {number}", words.join(" "));
        account.text("product", "account.name", &name);
        account.put("product", "account.signupAt", Value::Timestamp(at));
        let (plan, seats, price) = match dice.percent() {
            ..60 => ("starter", 1 + dice.below(10), 9),
            60..90 => (PLAN, 5 + dice.below(100), 19),
            _ => ("enterprise", 50 + dice.below(1_000), 39),
        };
        let is_known = dice.percent() < 97;
        if is_known {
            account.text("billing", "account.plan", plan);
            let seats = seats.cast_signed();
            account.put("billing", "account.seatsPurchased", Value::Int(seats));
        }
        match dice.percent() {
            ..50 => account.text("crm", "account.region", REGION),
            50..95 => account.text("crm", "account.region", "us"),
            _ => {}
        }
        match dice.percent() {
            ..80 => account.text("billing", "account.paymentState", "ok"),
            80..90 => account.text("billing", "account.paymentState", "late"),
            90..93 => account.text("billing", "account.paymentState", "failed"),
            _ => {}
        }
        if dice.percent() < 80 {
            let segment = match seats {
                ..20 => "smb",
                20..200 => "midMarket",
                _ => "enterprise",
            };
            account.text("crm", "account.segment", segment);
            account.text("crm", "account.csm", dice.one_of(&MANAGERS));
        }
        if is_known && dice.percent() < 90 {
            let revenue = Decimal {
                micros: (seats * price * 12).cast_signed() * 1_000_000,
                currency: "EUR".parse().ok(),
            };
            account.put("billing", "account.privateRevenue", Value::Decimal(revenue));
        }
        let calls = dice.below(100_000).cast_signed();
        account.put("product", "account.apiCalls30d", Value::Int(calls));
        account
    }
}

impl Account {
    fn put(&mut self, source: &'static str, field: &'static str, value: Value) {
        self.values.push((source, field, value));
    }

    fn text(&mut self, source: &'static str, field: &'static str, text: &str) {
        self.put(source, field, Value::String(text.into()));
    }

    fn profile(&self) -> Profile<AccountId> {
        let at = self.at.micros();
        let mut fields = Map::with_capacity(self.values.len());
        let mut provenance = Map::with_capacity(self.values.len());
        for (source, field, value) in &self.values {
            fields.insert((*field).to_owned(), value.to_canonical());
            let origin = json!({ "source": source, "observed": at, "received": at });
            provenance.insert((*field).to_owned(), origin);
        }
        Profile {
            id: self.id,
            created_at: self.at,
            updated_at: self.at,
            fields,
            provenance,
        }
    }

    /// What the index holds of it.
    fn entries(&self, indexed: &BTreeSet<String>) -> impl Iterator<Item = Changed<'_>> {
        let held = self.values.iter();
        let held = held.filter(|(_, field, _)| indexed.contains(*field));
        held.map(|(_, field, value)| Changed {
            id: self.id.into(),
            field,
            value: Some(value),
        })
    }
}

/// A UUIDv7 that comes after those of smaller numbers.
fn uuid(number: u64, seconds: u64, dice: &mut Dice) -> Uuid {
    let mut random = [0_u8; 10];
    let number = number.to_be_bytes();
    let bytes = dice.roll().to_be_bytes();
    // Its 12 bits behind the time do not order those of one second, so the number does.
    for (place, byte) in random
        .iter_mut()
        .skip(2)
        .zip(number.iter().skip(3).chain(&bytes))
    {
        *place = *byte;
    }
    Builder::from_unix_timestamp_millis(seconds * 1_000, &random).into_uuid()
}

/// As random as is needed, and the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scatter(self.0)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    fn percent(&mut self) -> u64 {
        self.below(100)
    }

    fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        let place = self.below(words.len() as u64) as usize;
        words.get(place).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    const SIZE: Size = Size {
        accounts: 2_000,
        seed: 7,
    };

    #[test]
    fn accounts_follow_from_the_seed_and_come_in_order() {
        let ids = |size: Size| (0..size.accounts).map(move |number| size.account(number).id);
        assert!(ids(SIZE).is_sorted());
        assert!(ids(SIZE).eq(ids(SIZE)));
        assert!(
            ids(SIZE)
                .zip(ids(Size { seed: 8, ..SIZE }))
                .all(|(a, b)| a != b)
        );
        let many: BTreeSet<_> = ids(SIZE).collect();
        assert_eq!(many.len() as u64, SIZE.accounts);
    }

    #[test]
    fn some_of_every_kind_and_some_without() {
        let mut seen = std::collections::BTreeMap::<String, u64>::new();
        for number in 0..SIZE.accounts {
            for (field, value) in &SIZE.account(number).profile().fields {
                let value = match value {
                    Json::String(text) if field != "account.name" => text.as_str(),
                    _ => "some",
                };
                *seen.entry(format!("{field} {value}")).or_default() += 1;
            }
        }
        let percent = |of: &str| seen.get(of).copied().unwrap_or_default() * 100 / SIZE.accounts;
        assert!(
            (45..=55).contains(&percent("account.region eu")),
            "{seen:?}"
        );
        assert!(
            (25..=35).contains(&percent("account.plan growth")),
            "{seen:?}"
        );
        assert!(
            (5..=15).contains(&percent("account.paymentState late")),
            "{seen:?}"
        );
        assert!(
            (80..=92).contains(&percent("account.privateRevenue some")),
            "{seen:?}"
        );
        assert_eq!(percent("account.name some"), 100);
    }

    #[tokio::test]
    async fn a_store_that_was_left_half_full_is_filled_up() {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreUrl::sqlite(&folder.path().join("kith-data"));
        let half = Size {
            accounts: 120,
            ..SIZE
        };
        let all = Size {
            accounts: 200,
            ..SIZE
        };
        Large::open(&store, half).await.unwrap();
        let large = Large::open(&store, all).await.unwrap();
        let db = Db::open(&store, "test").await.unwrap();
        assert_eq!(state(&db, large.workspace).await.unwrap().0, 200);
    }
}
