//! A transaction: what every function of this crate that touches rows is handed.

use std::marker::PhantomData;
use std::sync::Arc;

use kith_domain::id::WorkspaceId;
use postgres_types::ToSql;

use super::param::{Cell, Param};
use super::postgres::PgConnection;
use super::row::Row;
use super::sql::{Column, dollars};
use super::{Engine, Scope, Shared};
use crate::StoreError;

/// How often a workspace is named after an entry.
const LOOKS: u8 = 3;

/// A transaction on either engine. It knows its workspace: a statement that is bound to another one
/// is refused, on SQLite too, where no row level security would catch it.
///
/// `'env` is how long the surroundings live that the closure of a read may borrow from.
pub struct Tx<'env> {
    pub(super) connection: Connection,
    scope: Scope,
    shared: Arc<Shared>,
    statements: u64,
    failure: Option<StoreError>,
    surroundings: PhantomData<&'env ()>,
}

pub(super) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(PgConnection),
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx")
            .field("engine", &self.engine())
            .field("scope", &self.scope)
            .field("statements", &self.statements)
            .finish_non_exhaustive()
    }
}

impl Tx<'_> {
    pub(super) fn new(connection: Connection, scope: Scope, shared: Arc<Shared>) -> Self {
        Self {
            connection,
            scope,
            shared,
            statements: 0,
            failure: None,
            surroundings: PhantomData,
        }
    }

    /// Makes ready for the next piece of work on the same connection.
    pub(super) fn restart(&mut self, scope: Scope) {
        self.scope = scope;
        self.statements = 0;
        self.failure = None;
    }

    /// The error of a statement that failed, if one did: such a transaction must not commit, even if
    /// its closure carried on. PostgreSQL insists, so SQLite does likewise.
    pub(super) fn failure(&mut self) -> Option<StoreError> {
        self.failure.take()
    }

    /// The engine that it runs on.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.shared.sql.engine
    }

    /// The stream for entries of changes.
    pub(crate) fn change_stream(&self) -> Arc<str> {
        Arc::clone(&self.shared.streams.change)
    }

    /// Remembers that entries are appended to the log of this workspace.
    pub(crate) fn touch(&self, workspace: WorkspaceId) {
        self.shared.touched.lock().insert(workspace, LOOKS);
        self.shared.unfolded.lock().insert(workspace);
    }

    /// How many statements ran so far; a bulk statement counts as one on both engines. "Absent" and
    /// "invisible" must run the same number.
    #[must_use]
    pub const fn statements(&self) -> u64 {
        self.statements
    }

    /// The number of the newest row of the workspace's change feed that this snapshot sees; 0 before
    /// the first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn position(&mut self) -> Result<i64, StoreError> {
        let Scope::Workspace(workspace) = self.scope else {
            return Ok(0);
        };
        let row = self
            .query_opt(
                "SELECT coalesce(max(seq), 0) FROM feed WHERE workspace = ?1",
                &[workspace.into()],
            )
            .await?;
        row.map_or(Ok(0), |row| row.columns("feed").int("seq"))
    }

    /// Every row of the answer.
    pub(crate) async fn query(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let result = self.try_query(sql, params).await;
        self.remember(result)
    }

    /// Every row of the answer to a statement of a text that hardly comes twice: neither the text nor
    /// its plan is kept.
    pub(crate) async fn query_once(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let result = self.try_query_once(sql, params).await;
        self.remember(result)
    }

    /// The first row of the answer.
    pub(crate) async fn query_opt(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Option<Row>, StoreError> {
        self.query(sql, params)
            .await
            .map(|rows| rows.into_iter().next())
    }

    /// How many rows the statement changed.
    pub(crate) async fn execute(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<u64, StoreError> {
        let result = self.try_execute(sql, params).await;
        self.remember(result)
    }

    /// A bulk statement over `{rows}`, with `shared` parameters first: what it returns, in no order.
    pub(crate) async fn each<const N: usize>(
        &mut self,
        sql: &str,
        shared: &[Param<'_>],
        columns: &[Column; N],
        rows: &[[Param<'_>; N]],
    ) -> Result<Vec<Row>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let result = self.try_each(sql, shared, columns, rows).await;
        self.remember(result)
    }

    fn remember<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            self.failure.get_or_insert_with(|| error.clone());
        }
        result
    }

    /// Counts the statement, and checks that its first parameter is the workspace.
    fn begin_statement(&mut self, params: &[Param<'_>]) -> Result<(), StoreError> {
        self.statements += 1;
        self.check_scope(params.first())?;
        params.iter().try_for_each(Param::check)
    }

    fn check_scope(&self, first: Option<&Param<'_>>) -> Result<(), StoreError> {
        let Scope::Workspace(workspace) = self.scope else {
            return Ok(());
        };
        match first {
            Some(Param::Int(number)) if *number == workspace.0.cast_signed() => Ok(()),
            _ => Err(StoreError::OutOfScope),
        }
    }

    async fn try_query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        self.begin_statement(params)?;
        match &mut self.connection {
            Connection::Sqlite(connection) => sqlite_query(connection, sql, params),
            Connection::Postgres(connection) => {
                let sql = self.shared.sql.plain(sql);
                let params: Vec<_> = params.iter().map(|param| param as _).collect();
                connection.query(&sql, &params).await
            }
        }
    }

    async fn try_query_once(
        &mut self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.begin_statement(params)?;
        match &mut self.connection {
            Connection::Sqlite(connection) => sqlite_rows(&mut connection.prepare(sql)?, params),
            Connection::Postgres(connection) => {
                let params: Vec<_> = params
                    .iter()
                    .map(|param| (param as &(dyn ToSql + Sync), param.ty()))
                    .collect();
                connection.query_once(&dollars(sql), &params).await
            }
        }
    }

    async fn try_execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.begin_statement(params)?;
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                let changed = statement.execute(rusqlite::params_from_iter(params))?;
                Ok(changed as u64)
            }
            Connection::Postgres(connection) => {
                let sql = self.shared.sql.plain(sql);
                let params: Vec<_> = params.iter().map(|param| param as _).collect();
                connection.execute(&sql, &params).await
            }
        }
    }

    async fn try_each<const N: usize>(
        &mut self,
        sql: &str,
        shared: &[Param<'_>],
        columns: &[Column; N],
        rows: &[[Param<'_>; N]],
    ) -> Result<Vec<Row>, StoreError> {
        if shared.is_empty() {
            // Then the workspace is the first column.
            self.statements += 1;
            rows.iter()
                .try_for_each(|row| self.check_scope(row.first()))?;
        } else {
            self.begin_statement(shared)?;
        }
        rows.iter().flatten().try_for_each(Param::check)?;
        let sql = self.shared.sql.bulk(sql, shared.len(), columns);
        match &mut self.connection {
            Connection::Sqlite(connection) => sqlite_each(connection, &sql, shared, rows),
            Connection::Postgres(connection) => {
                let arrays = arrays(rows);
                let params: Vec<&(dyn ToSql + Sync)> = shared
                    .iter()
                    .map(|param| param as _)
                    .chain(arrays.iter().map(|array| array as _))
                    .collect();
                connection.query(&sql, &params).await
            }
        }
    }
}

/// Rows turned into columns, as `UNNEST` takes them.
fn arrays<'p, const N: usize>(rows: &[[Param<'p>; N]]) -> Vec<Vec<Param<'p>>> {
    let mut arrays = vec![Vec::with_capacity(rows.len()); N];
    for row in rows {
        for (array, param) in arrays.iter_mut().zip(row) {
            array.push(*param);
        }
    }
    arrays
}

fn sqlite_query(
    connection: &rusqlite::Connection,
    sql: &str,
    params: &[Param<'_>],
) -> Result<Vec<Row>, StoreError> {
    sqlite_rows(&mut *connection.prepare_cached(sql)?, params)
}

fn sqlite_rows(
    statement: &mut rusqlite::Statement<'_>,
    params: &[Param<'_>],
) -> Result<Vec<Row>, StoreError> {
    let width = statement.column_count();
    let mut found = Vec::new();
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    collect(&mut rows, width, &mut found)?;
    Ok(found)
}

fn sqlite_each<const N: usize>(
    connection: &rusqlite::Connection,
    sql: &str,
    shared: &[Param<'_>],
    rows: &[[Param<'_>; N]],
) -> Result<Vec<Row>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let width = statement.column_count();
    let mut found = Vec::new();
    for row in rows {
        let params = shared.iter().chain(row);
        let mut rows = statement.query(rusqlite::params_from_iter(params))?;
        collect(&mut rows, width, &mut found)?;
    }
    Ok(found)
}

fn collect(
    rows: &mut rusqlite::Rows<'_>,
    width: usize,
    found: &mut Vec<Row>,
) -> Result<(), StoreError> {
    while let Some(row) = rows.next()? {
        let cells = (0..width)
            .map(|index| {
                // A value of a kind that is never written reads as absent, and so as corrupt.
                Ok(Cell::from_sqlite(row.get_ref(index)?).unwrap_or(Cell::Null))
            })
            .collect::<Result<_, rusqlite::Error>>()?;
        found.push(Row { cells });
    }
    Ok(())
}
