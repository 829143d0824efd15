//! Large workspaces, made up: accounts of the demo's catalog with their people and events, written straight
//! into the store's tables as ingest would leave them a month later, when nobody asks any more whether a
//! message came before. Every account follows from the seed and its number, so a store that was left half
//! full is filled up where it ended.

mod customer;
mod dice;
mod rows;
mod values;

#[cfg(test)]
mod tests;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use kith_domain::definitions::read_folder;
use kith_domain::id::WorkspaceId;
use kith_domain::{Catalog, Identifier, IdentifierType};
use kith_engine::Caller;
use kith_store::{Db, StoreUrl, identity};

use self::customer::account_key;
use self::rows::Rows;
use crate::benches::progress;
use crate::customers::Customers;
use crate::kith::{Desk, definitions};

pub(crate) use self::customer::{EVENTS, PEOPLE};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Written with what is made up here; another one makes other customers.
const FORMAT: u32 = 2;
/// Accounts in one transaction.
const BATCH: u64 = 4_000;
/// About three in ten accounts are on this plan.
pub(crate) const PLAN: &str = "growth";

/// How many accounts, and which.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) accounts: u64,
    pub(crate) seed: u64,
    /// Whether they have people and events.
    pub(crate) is_whole: bool,
}

impl Size {
    /// With everything, as the large stores of all benches are.
    pub(crate) const fn whole(accounts: u64) -> Self {
        Self {
            accounts,
            seed: 1,
            is_whole: true,
        }
    }

    /// Where such a store is kept.
    pub(crate) fn folder(self, cache: &Path) -> PathBuf {
        let Self { accounts, seed, .. } = self;
        cache.join(format!("large-{FORMAT}-{seed}-{accounts}"))
    }

    /// The same customers, as those who go on delivering about them know them.
    pub(crate) const fn customers(self) -> Customers {
        Customers {
            accounts: self.accounts,
            people: self.accounts * PEOPLE,
        }
    }
}

/// A workspace with so many accounts, and a member who asks about those of one region.
pub(crate) struct Large {
    pub(crate) desk: Desk,
    pub(crate) caller: Caller,
}

impl Large {
    /// Opens a store, and makes in it what is not there yet.
    pub(crate) async fn open(store: &StoreUrl, size: Size) -> Result<Self> {
        let desk = Desk::open(store, definitions()?).await?;
        let caller = desk.engine.authenticate(&desk.keys.member).await?;
        let pen = Pen::new(store, &desk).await?;
        pen.fill(size, size.accounts).await?;
        Ok(Self { desk, caller })
    }
}

/// What customers are written with.
struct Pen {
    db: Db,
    workspace: WorkspaceId,
    version: u64,
    catalog: Catalog,
}

impl Pen {
    async fn new(store: &StoreUrl, desk: &Desk) -> Result<Self> {
        let (read, _) = read_folder(definitions()?).map_err(|_| "the definitions have mistakes")?;
        Ok(Self {
            db: Db::open(store, "generate").await?,
            workspace: desk.workspace,
            version: desk.version,
            catalog: read.catalog,
        })
    }

    /// Writes the accounts below a number that are not there yet.
    async fn fill(&self, size: Size, end: u64) -> Result<()> {
        let begun = Instant::now();
        let from = self.written(end).await?;
        let mut done = from;
        while done < end {
            let next = end.min(done + BATCH);
            self.write(size, done..next).await?;
            done = next;
            if done.is_multiple_of(BATCH * 10) || done == end {
                let rate = (done - from) as f64 / begun.elapsed().as_secs_f64();
                let with = match size.is_whole {
                    true => format!(", each with {PEOPLE} people and {EVENTS} events"),
                    false => String::new(),
                };
                progress(&format!("{done} of {end} accounts{with}: {rate:.0}/s"));
            }
        }
        Ok(())
    }

    /// Writes accounts with all that they have, or nothing.
    async fn write(&self, size: Size, numbers: std::ops::Range<u64>) -> Result<()> {
        let workspace = self.workspace;
        let mut rows = Rows::default();
        for number in numbers {
            rows.add(size.customer(number), &self.catalog, self.version)?;
        }
        let written = self.db.write(workspace, move |tx| {
            Box::pin(async move { rows.write(tx, workspace).await })
        });
        Ok(written.await?)
    }

    /// How many of so many accounts are there. They were written in the order of their numbers, so that a few
    /// looks find the last.
    async fn written(&self, of: u64) -> Result<u64> {
        let (mut there, mut missing) = (0, of);
        let mut next = of.saturating_sub(1);
        while there < missing {
            if self.is_written(next).await? {
                there = next + 1;
            } else {
                missing = next;
            }
            next = there.midpoint(missing);
        }
        Ok(there)
    }

    async fn is_written(&self, number: u64) -> Result<bool> {
        let workspace = self.workspace;
        let key = Identifier::new(IdentifierType::GroupId, &account_key(number))?;
        let found = self.db.read(workspace, move |tx| {
            Box::pin(async move { identity::find(tx, workspace, &key).await })
        });
        Ok(found.await?.is_some())
    }
}
