//! A scan ends when its time is over or nobody waits for it any more, and what it used serves others.

use std::time::Duration;

use kith_domain::Timestamp;
use kith_domain::id::WorkspaceId;
use kith_testkit::{Cluster, Database};
use tempfile::TempDir;

use super::MAX_SCANS;
use crate::{Db, Scope, StoreError, StoreUrl, workspaces};

/// Counts for ever.
const ENDLESS: &str = "WITH RECURSIVE n (x) AS (SELECT CAST(?1 AS bigint) UNION ALL SELECT n.x + 1 FROM n WHERE n.x > 0)
    SELECT max(n.x) FROM n";
const AT_ONCE: &str = "SELECT CAST(?1 AS bigint)";

const SHORT: Duration = Duration::from_millis(150);
/// Longer than any test: who waits this long failed.
const LONG: Duration = Duration::from_secs(600);

struct Store {
    db: Db,
    workspace: WorkspaceId,
    _folder: Option<TempDir>,
    _database: Option<Database>,
}

impl Store {
    async fn open(url: &StoreUrl, folder: Option<TempDir>, database: Option<Database>) -> Self {
        let db = Db::open(url, "node").await.unwrap();
        let workspace = db.write(Scope::Installation, |tx| {
            let at = Timestamp::from_micros(0);
            Box::pin(async move { workspaces::create(tx, "acme", &[7; 32], at).await })
        });
        Self {
            workspace: workspace.await.unwrap().id,
            db,
            _folder: folder,
            _database: database,
        }
    }

    async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::sqlite(&folder.path().join("kith-data"));
        Self::open(&url, Some(folder), None).await
    }

    async fn postgres() -> Self {
        let database = Cluster::shared().await.unwrap().database().await.unwrap();
        let url = database.url().parse().unwrap();
        Self::open(&url, None, Some(database)).await
    }

    /// One scan of one statement.
    fn scan(
        &self,
        sql: &'static str,
        patience: Duration,
    ) -> impl Future<Output = Result<i64, StoreError>> + Send + use<> {
        let (db, workspace) = (self.db.clone(), self.workspace);
        async move {
            db.scan(workspace, patience, move |tx| {
                Box::pin(async move {
                    let row = tx.query_opt(sql, &[workspace.into()]).await?;
                    row.map_or(Ok(0), |row| row.columns("scan").int("number"))
                })
            })
            .await
        }
    }

    /// As many scans as run at a time, one after the other: each connection that was used is used again.
    async fn serves(&self) {
        let expect = self.workspace.0.cast_signed();
        for _ in 0..=MAX_SCANS {
            assert_eq!(self.scan(AT_ONCE, LONG).await.unwrap(), expect);
            let (db, workspace) = (&self.db, self.workspace);
            let read = db.read(workspace, |tx| {
                Box::pin(async move { tx.query(AT_ONCE, &[workspace.into()]).await })
            });
            assert_eq!(read.await.unwrap().len(), 1);
        }
    }
}

async fn a_scan_ends_when_its_time_is_over(store: Store) {
    for _ in 0..=MAX_SCANS {
        let ended = store.scan(ENDLESS, SHORT).await;
        assert!(matches!(ended, Err(StoreError::TooSlow)), "{ended:?}");
    }
    store.serves().await;
}

async fn waiting_for_a_place_counts(store: Store) {
    let running: Vec<_> = (0..MAX_SCANS)
        .map(|_| tokio::spawn(store.scan(ENDLESS, LONG)))
        .collect();
    while store.db.scans.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let ended = store.scan(AT_ONCE, SHORT).await;
    assert!(matches!(ended, Err(StoreError::TooSlow)), "{ended:?}");
    // Nobody waits for these any more.
    for scan in running {
        scan.abort();
    }
    store.serves().await;
}

async fn a_scan_that_fails_serves_the_next(store: Store) {
    for _ in 0..=MAX_SCANS {
        let ended = store
            .scan("SELECT CAST(?1 AS bigint) FROM no_such_table", LONG)
            .await;
        assert!(ended.is_err_and(|error| !matches!(error, StoreError::TooSlow)));
    }
    store.serves().await;
}

macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(super::Store::sqlite().await).await;
                }
            )*
        }

        mod on_postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(super::Store::postgres().await).await;
                }
            )*
        }
    };
}

promises! {
    a_scan_ends_when_its_time_is_over,
    waiting_for_a_place_counts,
    a_scan_that_fails_serves_the_next,
}
