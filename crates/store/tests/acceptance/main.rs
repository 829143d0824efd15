//! The promises of the store, each kept on both engines.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, and its helpers do too"
)]

mod audit;
mod crash;
mod definitions;
mod engines;
mod facts;
mod feed;
mod identity;
mod isolation;
mod messages;
mod principals;
mod profiles;
mod relations;
mod transactions;

use kith_domain::Timestamp;
use kith_domain::id::WorkspaceId;
use kith_store::{Db, Scope, StoreUrl, workspaces};
use kith_testkit::{Cluster, Database};
use tempfile::TempDir;
use uuid::Uuid;

/// A fresh store with two workspaces.
pub(crate) struct Store {
    pub(crate) db: Db,
    pub(crate) url: StoreUrl,
    pub(crate) ws: WorkspaceId,
    pub(crate) other: WorkspaceId,
    pub(crate) place: Place,
}

pub(crate) enum Place {
    Folder(TempDir),
    Database(Database),
}

impl Store {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::sqlite(&folder.path().join("kith-data"));
        Self::open(url, Place::Folder(folder)).await
    }

    pub(crate) async fn postgres() -> Self {
        Self::in_cluster(&Cluster::shared().await.unwrap()).await
    }

    pub(crate) async fn in_cluster(cluster: &Cluster) -> Self {
        let database = cluster.database().await.unwrap();
        let url = database.url().parse().unwrap();
        Self::open(url, Place::Database(database)).await
    }

    async fn open(url: StoreUrl, place: Place) -> Self {
        let db = Db::open(&url, "node-a").await.unwrap();
        let ws = create_workspace(&db, "acme").await;
        let other = create_workspace(&db, "globex").await;
        Self {
            db,
            url,
            ws,
            other,
            place,
        }
    }

    /// Opens the same store again, as another process would.
    pub(crate) async fn again(&self) -> Db {
        Db::open(&self.url, "node-b").await.unwrap()
    }
}

async fn create_workspace(db: &Db, name: &'static str) -> WorkspaceId {
    db.write(Scope::Installation, move |tx| {
        Box::pin(async move { workspaces::create(tx, name, &[7; 32], at(0)).await })
    })
    .await
    .unwrap()
    .id
}

/// A point in time, some seconds into the year 2026.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::parse("2026-01-01")
        .unwrap()
        .plus_micros(seconds * 1_000_000)
}

/// The id of any kind with this number.
pub(crate) fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// Runs one expression on a snapshot of a workspace.
macro_rules! read {
    ($db:expr, $ws:expr, |$tx:ident| $work:expr) => {
        $db.read($ws, move |$tx| Box::pin(async move { $work.await }))
            .await
    };
}

/// Runs one expression in a transaction of a workspace.
macro_rules! write {
    ($db:expr, $ws:expr, |$tx:ident| $work:expr) => {
        $db.write($ws, move |$tx| Box::pin(async move { $work.await }))
            .await
    };
}

/// Makes two tests of each promise, one for each engine.
macro_rules! promises {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                $(#[$attribute])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $name() {
                    super::$name(crate::Store::sqlite().await).await;
                }
            )*
        }

        mod on_postgres {
            $(
                $(#[$attribute])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $name() {
                    super::$name(crate::Store::postgres().await).await;
                }
            )*
        }
    };
}

pub(crate) use {promises, read, write};
