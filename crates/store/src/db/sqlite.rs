//! SQLite: a folder with two files, so that the audit entries of reads never queue behind ingest.
//! Reads run in the calling thread, each on a connection of its own.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kith_domain::id::WorkspaceId;
use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::{Connection as SqliteConnection, OpenFlags};

use super::scan::Interrupt;
use super::tx::Connection;
use super::writer::Writer;
use super::{Scope, Shared, Tx, migrate, run_at_once};
use crate::StoreError;
use crate::audit::tree::{self, Batch, Lag};
use crate::audit::{self, AuditEntry, AuditFilter, AuditRow, AuditSeq};
use crate::error::Cause;

/// Waits for another process's lock, then gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Read connections kept open for the next reader.
const MAX_IDLE_READERS: usize = 16;
/// Pages that a writer keeps at most, in KiB. It alone keeps them from one commit to the next, and new rows
/// go to places all over its indexes.
const WRITER_CACHE_KIB: i64 = 64 * 1024;
/// Prepared statements kept per connection.
const MAX_STATEMENTS: usize = 256;

/// A store in a folder.
pub(super) struct Sqlite {
    data: File,
    audit: File,
}

impl Sqlite {
    pub(super) fn open(folder: &Path, shared: &Arc<Shared>) -> Result<Self, StoreError> {
        create_folder(folder)?;
        Ok(Self {
            data: File::open(folder.join("kith.db"), migrate::SQLITE, shared)?,
            audit: File::open(folder.join("audit.db"), migrate::SQLITE_AUDIT, shared)?,
        })
    }

    pub(super) fn read<'env, T, E, F>(&self, scope: Scope, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        self.data.read(scope, work)
    }

    /// A read that can be stopped from elsewhere for as long as it runs.
    pub(super) fn read_interruptibly<T, E, F>(
        &self,
        scope: Scope,
        interrupt: &Interrupt,
        work: F,
    ) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'static>) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        let connection = self.data.reader()?;
        interrupt.arm(connection.get_interrupt_handle());
        self.data
            .read_on(connection, scope, work, || interrupt.disarm())
    }

    pub(super) async fn write<T, E, F>(&self, scope: Scope, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'static>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.data.writer.submit(scope, work).await
    }

    pub(super) async fn audit_append(
        &self,
        stream: Arc<str>,
        entry: AuditRow,
    ) -> Result<AuditSeq, StoreError> {
        self.audit
            .writer
            .submit(Scope::Installation, move |tx| {
                async move { audit::append_to(tx, &stream, &entry).await }.boxed()
            })
            .await
    }

    pub(super) fn audit_search(
        &self,
        workspace: WorkspaceId,
        filter: &AuditFilter,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let search = |file: &File| {
            file.read(workspace.into(), |tx| {
                audit::search(tx, workspace, filter).boxed()
            })
        };
        let changes = search(&self.data)?;
        let reads = search(&self.audit)?;
        Ok(audit::merge(changes, reads, filter))
    }

    pub(super) fn audit_waiting(
        &self,
        workspace: WorkspaceId,
        limit: usize,
    ) -> Result<Batch, StoreError> {
        // The tree first: what becomes a leaf meanwhile is seen to be one when the batch is folded.
        let (size, folded) = self.audit.read(workspace.into(), |tx| {
            async move {
                let size = tree::size(tx, workspace).await?;
                Ok::<_, StoreError>((size, tree::folded(tx, workspace).await?))
            }
            .boxed()
        })?;
        let mut entries = Vec::new();
        for file in [&self.data, &self.audit] {
            let room = limit.saturating_sub(entries.len());
            entries.extend(file.read(workspace.into(), |tx| {
                tree::waiting(tx, workspace, &folded, room).boxed()
            })?);
        }
        Ok(Batch { size, entries })
    }

    pub(super) fn audit_lag(&self, workspace: WorkspaceId) -> Result<Lag, StoreError> {
        let mut lag = Lag::default();
        let folded = self
            .audit
            .read(workspace.into(), |tx| tree::folded(tx, workspace).boxed())?;
        for file in [&self.data, &self.audit] {
            lag = lag.and(file.read(workspace.into(), |tx| {
                tree::lag(tx, workspace, &folded).boxed()
            })?);
        }
        Ok(lag)
    }

    pub(super) fn audit_streams(
        &self,
        workspace: WorkspaceId,
    ) -> Result<HashMap<Arc<str>, i64>, StoreError> {
        let mut found = HashMap::new();
        for file in [&self.data, &self.audit] {
            found.extend(file.read(workspace.into(), |tx| tree::streams(tx, workspace).boxed())?);
        }
        Ok(found)
    }

    pub(super) fn audit_entries(
        &self,
        workspace: WorkspaceId,
        places: &[AuditSeq],
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let mut found = Vec::new();
        for file in [&self.data, &self.audit] {
            found.extend(file.read(workspace.into(), |tx| {
                audit::at_places(tx, workspace, places).boxed()
            })?);
        }
        Ok(found)
    }

    pub(super) fn audit_read<'env, T, E, F>(&self, workspace: WorkspaceId, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        self.audit.read(workspace.into(), work)
    }

    pub(super) async fn audit_write<T, E, F>(&self, workspace: WorkspaceId, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'static>) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.audit.writer.submit(workspace.into(), work).await
    }

    /// Where the file is that holds customers' data.
    pub(super) fn data_path(&self) -> PathBuf {
        self.data.path.clone()
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        for file in [&self.data, &self.audit] {
            file.writer
                .submit(Scope::Installation, |tx| ask_nothing(tx).boxed())
                .await?;
            file.read(Scope::Installation, |tx| ask_nothing(tx).boxed())?;
        }
        let writer = &self.audit.writer;
        let tried = writer.submit(Scope::Installation, |tx| audit::try_append(tx).boxed());
        audit::outcome(tried.await)
    }
}

async fn ask_nothing(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    tx.query("SELECT 1", &[]).await.map(drop)
}

/// One database file: its writer and its readers.
struct File {
    path: PathBuf,
    writer: Writer,
    readers: Mutex<Vec<SqliteConnection>>,
    shared: Arc<Shared>,
}

impl File {
    fn open(
        path: PathBuf,
        migrations: &[migrate::Migration],
        shared: &Arc<Shared>,
    ) -> Result<Self, StoreError> {
        let mut connection = connect(&path)?;
        connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
        migrate::sqlite(&mut connection, migrations)?;
        let file = DatabaseFile::at(&path)?;
        let name = path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let tx = Tx::new(
            Connection::Sqlite(connection),
            Scope::Installation,
            Arc::clone(shared),
        );
        Ok(Self {
            writer: Writer::start(&name, file, tx)?,
            readers: Mutex::default(),
            shared: Arc::clone(shared),
            path,
        })
    }

    fn read<'env, T, E, F>(&self, scope: Scope, work: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        self.read_on(self.reader()?, scope, work, || {})
    }

    fn reader(&self) -> Result<SqliteConnection, StoreError> {
        let idle = self.readers.lock().pop();
        idle.map_or_else(|| self.open_reader(), Ok)
    }

    /// Runs a closure on a connection; `done` is called before that is for others again.
    fn read_on<'env, T, E, F>(
        &self,
        connection: SqliteConnection,
        scope: Scope,
        work: F,
        done: impl FnOnce(),
    ) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx<'env>) -> BoxFuture<'t, Result<T, E>>,
        E: From<StoreError>,
    {
        run(&connection, "BEGIN")?;
        let mut tx = Tx::new(
            Connection::Sqlite(connection),
            scope,
            Arc::clone(&self.shared),
        );
        let result = run_at_once(|| work(&mut tx));
        let failure = tx.failure();
        done();
        if let Connection::Sqlite(connection) = tx.connection {
            run(&connection, "COMMIT")?;
            let mut readers = self.readers.lock();
            if readers.len() < MAX_IDLE_READERS {
                readers.push(connection);
            }
        }
        match failure {
            Some(failure) => result.and(Err(failure.into())),
            None => result,
        }
    }

    fn open_reader(&self) -> Result<SqliteConnection, StoreError> {
        let connection = connect(&self.path)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }
}

fn run(connection: &SqliteConnection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute(())?;
    Ok(())
}

/// Opens a connection. The write-ahead log is bounded and synced at every commit; deleted content is
/// overwritten.
pub(super) fn connect(path: &Path) -> Result<SqliteConnection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = SqliteConnection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(MAX_STATEMENTS);
    // Else a statement with a bound `LIMIT` is prepared anew each time it runs.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;
         PRAGMA wal_autocheckpoint = 2000;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA cache_size = -16384;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;",
    )?;
    Ok(connection)
}

pub(super) fn create_folder(folder: &Path) -> Result<(), StoreError> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| {
        StoreError::Unavailable(Cause::new(format!(
            "cannot create the folder `{}`: {}",
            folder.display(),
            error.kind()
        )))
    })
}

/// The file that was opened. SQLite goes on writing to a file that was deleted or replaced, and what
/// it then acknowledges is lost; so the writer looks before each group.
pub(super) struct DatabaseFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl DatabaseFile {
    fn at(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }

    pub(super) fn check_in_place(&self) -> Result<(), StoreError> {
        if identity(&self.path)? == self.identity {
            Ok(())
        } else {
            Err(moved())
        }
    }
}

fn moved() -> StoreError {
    StoreError::Unavailable(Cause::new(
        "the database file was moved or replaced: put it back, or restart",
    ))
}

#[cfg(unix)]
fn identity(path: &Path) -> Result<(u64, u64), StoreError> {
    use std::os::unix::fs::MetadataExt as _;

    let metadata = fs::metadata(path).map_err(|_| moved())?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Result<(u64, u64), StoreError> {
    fs::metadata(path).map(|_| (0, 0)).map_err(|_| moved())
}
