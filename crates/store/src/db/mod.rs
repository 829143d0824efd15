//! One interface over SQLite and PostgreSQL: a snapshot to read, a transaction to write, and the
//! audit log that a read waits for.

mod audit_queue;
pub mod backup;
mod depth;
pub mod inspect;
pub(crate) mod migrate;
pub(crate) mod param;
mod postgres;
pub(crate) mod row;
mod scan;
pub(crate) mod sql;
mod sqlite;
mod sweep;
mod turns;
mod tx;
mod writer;

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kith_domain::id::WorkspaceId;
use parking_lot::Mutex;

pub use depth::Depths;
pub use tx::Tx;

use depth::Depth;

use crate::audit::tree::{self, Batch, Lag};
use crate::audit::{AuditEntry, AuditFilter, AuditRow, AuditSeq, Streams};
use crate::{StoreError, StoreUrl};

/// The database engine behind a [`Db`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engine {
    /// Embedded, in the calling process.
    Sqlite,
    /// A server.
    Postgres,
}

/// What a transaction may touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The rows of one workspace.
    Workspace(WorkspaceId),
    /// Workspaces and keys of all of them: to find the workspace that a credential belongs to.
    Installation,
}

impl From<WorkspaceId> for Scope {
    fn from(workspace: WorkspaceId) -> Self {
        Self::Workspace(workspace)
    }
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    backend: Arc<Backend>,
    shared: Arc<Shared>,
    scans: Arc<tokio::sync::Semaphore>,
    depths: Arc<(Depth, Depth)>,
}

/// What every transaction of a store goes by.
struct Shared {
    sql: sql::SqlCache,
    streams: Streams,
    touched: Mutex<HashMap<WorkspaceId, u8>>,
    /// Workspaces whose log may be ahead of its tree.
    unfolded: Mutex<HashSet<WorkspaceId>>,
}

enum Backend {
    Sqlite(Arc<sqlite::Sqlite>),
    Postgres(postgres::Postgres),
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db")
            .field("engine", &self.engine())
            .field("streams", &self.shared.streams)
            .finish_non_exhaustive()
    }
}

impl Db {
    /// Opens the store, creates it if it is not there, and upgrades it if an older Kith wrote it.
    /// `node` names this process in the audit log: small letters, digits and `-`.
    ///
    /// # Errors
    /// If the store cannot be reached or written, or was written by a newer Kith.
    pub async fn open(url: &StoreUrl, node: &str) -> Result<Self, StoreError> {
        let engine = match url {
            StoreUrl::Sqlite(_) => Engine::Sqlite,
            StoreUrl::Postgres(_) => Engine::Postgres,
        };
        let shared = Arc::new(Shared {
            sql: sql::SqlCache::new(engine),
            streams: Streams::of_node(node)?,
            touched: Mutex::default(),
            unfolded: Mutex::default(),
        });
        let backend = match url {
            StoreUrl::Sqlite(folder) => {
                Backend::Sqlite(Arc::new(sqlite::Sqlite::open(folder, &shared)?))
            }
            StoreUrl::Postgres(url) => {
                Backend::Postgres(postgres::Postgres::open(url, &shared).await?)
            }
        };
        Ok(Self {
            backend: Arc::new(backend),
            shared,
            scans: scan::places(),
            depths: Arc::default(),
        })
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.shared.sql.engine
    }

    /// How many of this process wait for a commit.
    #[must_use]
    pub fn depths(&self) -> Depths {
        let (writes, audit) = &*self.depths;
        Depths {
            writes: writes.now(),
            audit: audit.now(),
        }
    }

    /// The names of this node's audit streams.
    #[must_use]
    pub fn streams(&self) -> &Streams {
        &self.shared.streams
    }

    /// Runs the closure on one snapshot. It may only read, and wait on nothing but its transaction.
    /// On SQLite it runs in the calling thread.
    ///
    /// # Errors
    /// The closure's, or the database's.
    pub async fn read<'env, T, E, F>(&self, scope: impl Into<Scope>, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, E>> + Send,
        T: Send,
        E: From<StoreError> + Send,
    {
        let scope = scope.into();
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.read(scope, work),
            Backend::Postgres(postgres) => postgres.read(scope, work).await,
        }
    }

    /// Runs the closure on one snapshot, like [`Db::read`], where it may look at many rows: on SQLite
    /// off the threads that serve requests. Only a few run at a time.
    ///
    /// # Errors
    /// The closure's, the database's, or [`StoreError::TooSlow`] if it is not done within `patience`.
    pub async fn scan<T, E, F>(
        &self,
        scope: impl Into<Scope>,
        patience: Duration,
        work: F,
    ) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'static>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let scope = scope.into();
        match &*self.backend {
            Backend::Sqlite(sqlite) => {
                scan::sqlite(sqlite, &self.scans, scope, patience, work).await
            }
            Backend::Postgres(postgres) => {
                let scan = async {
                    // Only a semaphore that was closed gives none, and this one never is.
                    let _place = self.scans.acquire().await.ok();
                    postgres.scan(scope, patience, work).await
                };
                let slow = |_| Err(StoreError::TooSlow.into());
                tokio::time::timeout(patience, scan)
                    .await
                    .unwrap_or_else(slow)
            }
        }
    }

    /// Runs the closure whole in one transaction, and answers once it is durable. Transactions of one
    /// workspace run one after the other on both engines, so a closure reads what it may rely on. If
    /// it fails, panics, or ignores a failed statement, nothing of it remains.
    ///
    /// # Errors
    /// The closure's, or the database's.
    pub async fn write<T, E, F>(&self, scope: impl Into<Scope>, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'static>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let scope = scope.into();
        let _waiting = self.depths.0.enter();
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.write(scope, work).await,
            Backend::Postgres(postgres) => postgres.write(scope, work).await,
        }
    }

    /// Appends to this node's log of reads, and answers once the entry is durable. Entries that come
    /// together are committed together.
    ///
    /// # Errors
    /// If the entry is not durable: then the data that it speaks of must not leave.
    pub async fn audit_append(&self, entry: AuditRow) -> Result<AuditSeq, StoreError> {
        let _waiting = self.depths.1.enter();
        match &*self.backend {
            Backend::Sqlite(sqlite) => {
                let stream = Arc::clone(&self.shared.streams.read);
                sqlite.audit_append(stream, entry).await
            }
            Backend::Postgres(postgres) => postgres.audit_append(entry).await,
        }
    }

    /// Entries of every stream, reads and changes, the newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_search(
        &self,
        workspace: WorkspaceId,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => {
                // A scan may take long, and would hold up the thread that serves other requests.
                let (sqlite, filter) = (Arc::clone(sqlite), filter.clone());
                tokio::task::spawn_blocking(move || sqlite.audit_search(workspace, &filter))
                    .await
                    .unwrap_or(Err(StoreError::Panicked))
            }
            Backend::Postgres(postgres) => {
                postgres
                    .read(workspace.into(), |tx| {
                        crate::audit::search(tx, workspace, filter).boxed()
                    })
                    .await
            }
        }
    }

    /// Entries that are not yet leaves of the log's tree, of all streams, at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_waiting(
        &self,
        workspace: WorkspaceId,
        limit: usize,
    ) -> Result<Batch, StoreError> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => {
                let sqlite = Arc::clone(sqlite);
                tokio::task::spawn_blocking(move || sqlite.audit_waiting(workspace, limit))
                    .await
                    .unwrap_or(Err(StoreError::Panicked))
            }
            Backend::Postgres(postgres) => {
                postgres
                    .read(workspace.into(), |tx| {
                        async move {
                            let size = tree::size(tx, workspace).await?;
                            let folded = tree::folded(tx, workspace).await?;
                            let entries = tree::waiting(tx, workspace, &folded, limit).await?;
                            Ok(Batch { size, entries })
                        }
                        .boxed()
                    })
                    .await
            }
        }
    }

    /// The workspaces to whose log this process appended lately. Each is named a few times, since an entry
    /// may be committed only after it was.
    #[must_use]
    pub fn audit_touched(&self) -> Vec<WorkspaceId> {
        let mut touched = self.shared.touched.lock();
        let named = touched.keys().copied().collect();
        touched.retain(|_, left| {
            *left -= 1;
            *left > 0
        });
        named
    }

    /// How far the tree of a workspace's log is behind its entries.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_lag(&self, workspace: WorkspaceId) -> Result<Lag, StoreError> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.audit_lag(workspace),
            Backend::Postgres(postgres) => {
                postgres
                    .read(workspace.into(), |tx| {
                        async move {
                            let folded = tree::folded(tx, workspace).await?;
                            tree::lag(tx, workspace, &folded).await
                        }
                        .boxed()
                    })
                    .await
            }
        }
    }

    /// The same for all logs together to which this process appended, or that were named to
    /// [`Db::audit_unfolded`].
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_lag_of_all(&self) -> Result<Lag, StoreError> {
        let mut all = Lag::default();
        let known: Vec<_> = self.shared.unfolded.lock().iter().copied().collect();
        for workspace in known {
            // Taken out before the look, so that what is appended meanwhile puts it in again.
            self.shared.unfolded.lock().remove(&workspace);
            let lag = self.audit_lag(workspace).await;
            if lag.as_ref().map_or(true, |lag| lag.entries > 0) {
                self.audit_unfolded(workspace);
            }
            all = all.and(lag?);
        }
        Ok(all)
    }

    /// Remembers that a workspace's log may be ahead of its tree.
    pub fn audit_unfolded(&self, workspace: WorkspaceId) {
        self.shared.unfolded.lock().insert(workspace);
    }

    /// The newest number of each stream of the log.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_streams(
        &self,
        workspace: WorkspaceId,
    ) -> Result<HashMap<Arc<str>, i64>, StoreError> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.audit_streams(workspace),
            Backend::Postgres(postgres) => {
                postgres
                    .read(workspace.into(), |tx| tree::streams(tx, workspace).boxed())
                    .await
            }
        }
    }

    /// The entries at these places, in no order; none for a place where nothing stands.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_entries(
        &self,
        workspace: WorkspaceId,
        places: Vec<AuditSeq>,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => {
                let sqlite = Arc::clone(sqlite);
                tokio::task::spawn_blocking(move || sqlite.audit_entries(workspace, &places))
                    .await
                    .unwrap_or(Err(StoreError::Panicked))
            }
            Backend::Postgres(postgres) => {
                let places = &places;
                postgres
                    .read(workspace.into(), |tx| {
                        crate::audit::at_places(tx, workspace, places).boxed()
                    })
                    .await
            }
        }
    }

    /// Runs the closure on one snapshot of the log's tree ([`tree`]).
    ///
    /// # Errors
    /// The closure's, or the database's.
    pub async fn audit_tree<T, E, F>(&self, workspace: WorkspaceId, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'static>) -> BoxFuture<'t, Result<T, E>> + Send,
        T: Send,
        E: From<StoreError> + Send,
    {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.audit_read(workspace, work),
            Backend::Postgres(postgres) => postgres.read(workspace.into(), work).await,
        }
    }

    /// Runs the closure in a transaction that may write the log's tree ([`tree`]) and nothing else, and
    /// waits neither for the workspace's writers nor makes them wait.
    ///
    /// # Errors
    /// The closure's, or the database's.
    pub async fn audit_fold<T, E, F>(&self, workspace: WorkspaceId, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'static>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.audit_write(workspace, work).await,
            Backend::Postgres(postgres) => postgres.fold(workspace.into(), work).await,
        }
    }

    /// Removes what erased rows left in free space and in the write-ahead log. False if that must wait for
    /// a reader who still sees them.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sweep(&self) -> Result<bool, StoreError> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sweep::sqlite(sqlite.data_path()).await,
            Backend::Postgres(postgres) => sweep::postgres(postgres.pool()).await,
        }
    }

    /// Whether the store can be read and written just now, the audit log included.
    ///
    /// # Errors
    /// If it cannot.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match &*self.backend {
            Backend::Sqlite(sqlite) => sqlite.ping().await,
            Backend::Postgres(_) => {
                let tried = self.write(Scope::Installation, |tx| {
                    crate::audit::try_append(tx).boxed()
                });
                crate::audit::outcome(tried.await)
            }
        }
    }
}

/// Runs a closure whose future must be ready at once. A panic becomes an error: the transaction is
/// rolled back, and its connection serves the next one.
fn run_at_once<'t, T, E: From<StoreError>>(
    work: impl FnOnce() -> BoxFuture<'t, Result<T, E>>,
) -> Result<T, E> {
    match catch_unwind(AssertUnwindSafe(|| work().now_or_never())) {
        Ok(Some(result)) => result,
        Ok(None) => Err(StoreError::Waits.into()),
        Err(_) => Err(StoreError::Panicked.into()),
    }
}
