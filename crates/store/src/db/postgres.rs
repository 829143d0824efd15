//! PostgreSQL: a pool of connections, a snapshot per read, and a lock per workspace for writes.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join};
use postgres_types::{ToSql, Type};
use tokio_postgres::config::SslMode;
use tokio_postgres::{NoTls, Statement};

use super::audit_queue::AuditQueue;
use super::param::Cell;
use super::row::Row;
use super::turns::Turns;
use super::tx::Connection;
use super::{Scope, Shared, Tx, migrate};
use crate::audit::{AuditRow, AuditSeq};
use crate::{Cause, StoreError};

/// Connections at most; PostgreSQL's own default limit is 100.
const MAX_CONNECTIONS: usize = 16;
/// How long to wait for a connection, free or new.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Said to the server at connection: nothing waits for ever, and nothing is acknowledged before it
/// is on disk, whatever the server's own settings say.
const SESSION: &str = "-c statement_timeout=15s -c lock_timeout=10s \
     -c idle_in_transaction_session_timeout=30s -c synchronous_commit=on -c timezone=UTC";

/// A store on a server.
pub(super) struct Postgres {
    pool: Pool,
    shared: Arc<Shared>,
    turns: Turns,
    audit: AuditQueue,
}

impl Postgres {
    pub(super) async fn open(url: &str, shared: &Arc<Shared>) -> Result<Self, StoreError> {
        let pool = connect(url)?;
        refuse_unbound_role(&pool).await?;
        migrate::postgres(&pool, migrate::POSTGRES).await?;
        let audit = AuditQueue::start(pool.clone(), Arc::clone(shared));
        Ok(Self {
            pool,
            shared: Arc::clone(shared),
            turns: Turns::new(),
            audit,
        })
    }

    pub(super) const fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(super) async fn read<'env, T, E, F>(&self, scope: Scope, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, E>> + Send,
        T: Send,
        E: From<StoreError> + Send,
    {
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}",
            set_scope(scope)
        );
        run(&self.pool, &self.shared, scope, begin, work).await
    }

    /// As a read, with a limit of its own on each statement.
    pub(super) async fn scan<'env, T, E, F>(
        &self,
        scope: Scope,
        patience: Duration,
        work: F,
    ) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, E>> + Send,
        T: Send,
        E: From<StoreError> + Send,
    {
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}; SET LOCAL statement_timeout = {}",
            set_scope(scope),
            patience.as_millis().max(1)
        );
        run(&self.pool, &self.shared, scope, begin, work).await
    }

    /// Read committed, behind a lock that the workspace's writers hold one after the other: each
    /// sees all that was committed before, so none fails for concurrency and none needs a retry.
    pub(super) async fn write<'env, T, E, F>(&self, scope: Scope, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, E>> + Send,
        T: Send,
        E: From<StoreError> + Send,
    {
        let begin = format!(
            "BEGIN; {}; SELECT pg_advisory_xact_lock({})",
            set_scope(scope),
            workspace_number(scope)
        );
        let _turn = self.turns.take(workspace_number(scope)).await;
        run(&self.pool, &self.shared, scope, begin, work).await
    }

    /// Read committed, behind no lock: what needs one takes it.
    pub(super) async fn fold<'env, T, E, F>(&self, scope: Scope, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, E>> + Send,
        T: Send,
        E: From<StoreError> + Send,
    {
        let begin = format!("BEGIN; {}", set_scope(scope));
        run(&self.pool, &self.shared, scope, begin, work).await
    }

    pub(super) async fn audit_append(&self, entry: AuditRow) -> Result<AuditSeq, StoreError> {
        self.audit.append(entry).await
    }
}

pub(super) fn connect(url: &str) -> Result<Pool, StoreError> {
    let mut config: tokio_postgres::Config = url
        .parse()
        .map_err(|_| StoreError::Url("PostgreSQL cannot read it"))?;
    if config.get_ssl_mode() == SslMode::Require {
        return Err(StoreError::Url(
            "`sslmode=require` is not supported yet: use a local socket, a private network or a TLS tunnel",
        ));
    }
    config.ssl_mode(SslMode::Disable);
    let session = match config.get_options() {
        Some(options) => format!("{options} {SESSION}"),
        None => SESSION.to_owned(),
    };
    config
        .options(session)
        .application_name("kith")
        .connect_timeout(CONNECT_TIMEOUT);
    let manager = Manager::from_config(
        config,
        NoTls,
        ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        },
    );
    Pool::builder(manager)
        .max_size(MAX_CONNECTIONS)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(CONNECT_TIMEOUT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .build()
        .map_err(|_| StoreError::Unavailable(Cause::new("no pool of connections")))
}

/// The wall that row level security is must hold: it does not bind such roles, not even if forced.
pub(super) async fn refuse_unbound_role(pool: &Pool) -> Result<(), StoreError> {
    let role = pool
        .get()
        .await?
        .query_one(
            "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user",
            &[],
        )
        .await?;
    if role.try_get(0)? {
        return Err(StoreError::UnboundRole);
    }
    Ok(())
}

/// What row level security goes by. Workspaces are numbered from 1; 0 is the installation.
pub(super) fn set_scope(scope: Scope) -> String {
    format!("SET LOCAL kith.workspace = '{}'", workspace_number(scope))
}

const fn workspace_number(scope: Scope) -> u64 {
    match scope {
        Scope::Workspace(workspace) => workspace.0,
        Scope::Installation => 0,
    }
}

/// Runs a closure between the opening statements and the commit.
pub(super) async fn run<'env, T, E, F>(
    pool: &Pool,
    shared: &Arc<Shared>,
    scope: Scope,
    begin: String,
    work: F,
) -> Result<T, E>
where
    F: for<'t> FnOnce(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, E>> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    let connection = PgConnection::begin(pool, begin).await?;
    let mut tx = Tx::new(Connection::Postgres(connection), scope, Arc::clone(shared));
    let result = AssertUnwindSafe(async { work(&mut tx).await })
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(StoreError::Panicked.into()));
    let failure = tx.failure();
    let Connection::Postgres(connection) = tx.connection else {
        return result;
    };
    match (result, failure) {
        (Ok(value), None) => {
            connection.end("COMMIT").await?;
            Ok(value)
        }
        (result, failure) => {
            connection.end("ROLLBACK").await?;
            match failure {
                Some(failure) => result.and(Err(failure.into())),
                None => result,
            }
        }
    }
}

/// A connection with a transaction open on it. If it is dropped before the end (the caller went
/// away, or a closure panicked), the connection is closed, and with it the transaction.
pub(super) struct PgConnection {
    client: Option<Object>,
    /// The opening statements, until they are sent together with the first other one.
    begin: Option<String>,
}

impl PgConnection {
    async fn begin(pool: &Pool, begin: String) -> Result<Self, StoreError> {
        Ok(Self {
            client: Some(pool.get().await?),
            begin: Some(begin),
        })
    }

    async fn end(mut self, end: &str) -> Result<(), StoreError> {
        if self.begin.is_none() {
            self.client()?.batch_execute(end).await?;
        }
        // Back to the pool.
        self.client = None;
        Ok(())
    }

    fn client(&self) -> Result<&Object, StoreError> {
        self.client
            .as_ref()
            .ok_or_else(|| StoreError::Unavailable(Cause::new("the transaction is over")))
    }

    /// Runs a statement, the first one in one round trip with the opening of the transaction: what
    /// is polled first is sent first. Should the opening fail, so does the statement, since row level
    /// security lets nothing through without a scope.
    async fn send<T>(
        &mut self,
        sql: &str,
        statement: impl AsyncFnOnce(&Object, &Statement) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StoreError> {
        let begin = self.begin.take();
        let client = self.client()?;
        let prepared = client.prepare_cached(sql).await?;
        let Some(begin) = begin else {
            return Ok(statement(client, &prepared).await?);
        };
        let (opened, answer) =
            join(client.batch_execute(&begin), statement(client, &prepared)).await;
        opened?;
        Ok(answer?)
    }

    pub(super) async fn query(
        &mut self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let rows = self
            .send(sql, async |client, statement| {
                client.query(statement, params).await
            })
            .await?;
        rows.iter().map(read_row).collect()
    }

    /// A statement of a text that hardly comes twice: the server keeps nothing of it.
    pub(super) async fn query_once(
        &mut self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, StoreError> {
        let begin = self.begin.take();
        let client = self.client()?;
        let rows = match begin {
            None => client.query_typed(sql, params).await?,
            Some(begin) => {
                let asked = client.query_typed(sql, params);
                let (opened, rows) = join(client.batch_execute(&begin), asked).await;
                opened?;
                rows?
            }
        };
        rows.iter().map(read_row).collect()
    }

    pub(super) async fn execute(
        &mut self,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, StoreError> {
        self.send(sql, async |client, statement| {
            client.execute(statement, params).await
        })
        .await
    }
}

fn read_row(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let cells = (0..row.len())
        .map(|index| row.try_get::<_, Cell>(index))
        .collect::<Result<_, _>>()?;
    Ok(Row { cells })
}

impl Drop for PgConnection {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }
}
