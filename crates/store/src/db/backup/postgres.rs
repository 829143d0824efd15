//! Every table as `COPY` writes it, in one snapshot. `pg_dump` would need a role that row level security
//! does not bind, and Kith's must not be one; so each workspace is read in its own scope.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;
use std::pin::pin;

use bytes::Bytes;
use deadpool_postgres::Transaction;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_postgres::IsolationLevel;

use super::{Contents, POSTGRES, STREAM_ENDS, StreamEnd, failed};
use crate::StoreError;
use crate::db::migrate;
use crate::db::postgres::{connect, refuse_unbound_role};

/// Bytes sent at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// However long it takes.
const PATIENCE: &str =
    "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;";
/// The tables and their columns, without what numbers transactions of this one server.
const COLUMNS: &str = "SELECT c.relname::text, a.attname::text
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
      AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      AND a.atttypid <> 'xid8'::regtype AND c.relname <> 'schema_version'
    ORDER BY c.relname, a.attnum";

pub(super) async fn take(url: &str, into: &Path) -> Result<Contents, StoreError> {
    let pool = connect(url)?;
    let mut client = pool.get().await?;
    let tx = client
        .build_transaction()
        .isolation_level(IsolationLevel::RepeatableRead)
        .read_only(true)
        .start()
        .await?;
    tx.batch_execute(PATIENCE).await?;
    scope(&tx, 0).await?;
    let tables = tables(&tx).await?;
    if !tables.contains_key("workspace") {
        return Err(StoreError::Conflict(
            "there is no store in that database: check `KITH_STORE_URL`",
        ));
    }
    let version: i64 = tx
        .query_one("SELECT max(version) FROM schema_version", &[])
        .await?
        .try_get(0)?;
    let workspaces = workspaces(&tx).await?;
    let streams = stream_ends(&tx).await?;
    for (table, columns) in &tables {
        copy_out(&tx, into, (table, columns), &workspaces).await?;
    }
    tx.commit().await?;
    Ok(Contents {
        engine: POSTGRES.to_owned(),
        schema: BTreeMap::from([(POSTGRES.to_owned(), version)]),
        workspaces,
        streams,
        files: tables.keys().map(|table| file_of(table)).collect(),
        tables,
    })
}

fn file_of(table: &str) -> String {
    format!("{table}.copy")
}

async fn scope(tx: &Transaction<'_>, workspace: u64) -> Result<(), StoreError> {
    let set = format!("SET LOCAL kith.workspace = '{workspace}'");
    Ok(tx.batch_execute(&set).await?)
}

async fn tables(tx: &Transaction<'_>) -> Result<BTreeMap<String, Vec<String>>, StoreError> {
    let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in tx.query(COLUMNS, &[]).await? {
        tables
            .entry(row.try_get(0)?)
            .or_default()
            .push(row.try_get(1)?);
    }
    Ok(tables)
}

async fn workspaces(tx: &Transaction<'_>) -> Result<BTreeMap<u64, String>, StoreError> {
    let rows = tx.query("SELECT id, name FROM workspace", &[]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get::<_, i64>(0)?.unsigned_abs(), row.try_get(1)?)))
        .collect()
}

async fn stream_ends(tx: &Transaction<'_>) -> Result<Vec<StreamEnd>, StoreError> {
    let rows = tx.query(STREAM_ENDS, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(StreamEnd {
                workspace: row.try_get::<_, i64>(0)?.unsigned_abs(),
                stream: row.try_get(1)?,
                last: row.try_get(2)?,
                entries: row.try_get(3)?,
            })
        })
        .collect()
}

/// Writes a table's rows: those of each workspace in its scope, and what is of none in that of the
/// installation.
async fn copy_out(
    tx: &Transaction<'_>,
    into: &Path,
    (table, columns): (&str, &[String]),
    workspaces: &BTreeMap<u64, String>,
) -> Result<(), StoreError> {
    let path = into.join(file_of(table));
    let wrong = |error| failed("write", &path, &error);
    let mut file = BufWriter::new(File::create(&path).map_err(wrong)?);
    let by_workspace = columns.iter().any(|column| column == "workspace");
    let more = workspaces.keys().filter(|_| by_workspace);
    for workspace in std::iter::once(&0).chain(more) {
        scope(tx, *workspace).await?;
        let only = if by_workspace {
            format!(" WHERE workspace = {workspace}")
        } else {
            String::new()
        };
        let columns = quoted(columns);
        let sql = format!("COPY (SELECT {columns} FROM \"{table}\"{only}) TO STDOUT");
        let mut rows = pin!(tx.copy_out(&sql).await?);
        while let Some(chunk) = rows.next().await {
            file.write_all(&chunk?).map_err(wrong)?;
        }
    }
    let file = file
        .into_inner()
        .map_err(|error| wrong(error.into_error()))?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(wrong)?;
    file.sync_all().map_err(wrong)
}

pub(super) async fn put_back(
    url: &str,
    from: &Path,
    contents: &Contents,
) -> Result<(), StoreError> {
    let version = contents.schema.get(POSTGRES).copied().unwrap_or_default();
    let known = i64::try_from(migrate::POSTGRES.len()).map_err(|_| StoreError::TooLarge)?;
    let steps = usize::try_from(version).ok();
    let Some(steps) = steps.and_then(|steps| migrate::POSTGRES.get(..steps)) else {
        let found = version;
        return Err(StoreError::NewerSchema { found, known });
    };
    let pool = connect(url)?;
    refuse_unbound_role(&pool).await?;
    let mut client = pool.get().await?;
    // In one transaction, so that what fails leaves nothing that the next try would find in its way.
    let tx = client.transaction().await?;
    if !tables(&tx).await?.is_empty() {
        return Err(StoreError::Conflict(
            "the database has tables: name an empty one with `KITH_STORE_URL`",
        ));
    }
    migrate::postgres_in(&tx, steps).await?;
    tx.batch_execute(PATIENCE).await?;
    if tables(&tx).await? != contents.tables {
        return Err(StoreError::Conflict(
            "the backup's tables are not those of its schema version: take another backup",
        ));
    }
    for (table, columns) in &contents.tables {
        copy_in(&tx, from, table, columns).await?;
    }
    Ok(tx.commit().await?)
}

/// Reads a table's rows. `COPY` into a table is for those whom row level security does not bind, as the
/// owner while it is not forced.
async fn copy_in(
    tx: &Transaction<'_>,
    from: &Path,
    table: &str,
    columns: &[String],
) -> Result<(), StoreError> {
    let path = from.join(file_of(table));
    let wrong = |error| failed("read", &path, &error);
    let mut file = File::open(&path).map_err(wrong)?;
    let forced: bool = tx
        .query_one(
            "SELECT relforcerowsecurity FROM pg_class
             WHERE relnamespace = current_schema()::regnamespace AND relname = $1::text",
            &[&table],
        )
        .await?
        .try_get(0)?;
    if forced {
        let lift = format!("ALTER TABLE \"{table}\" NO FORCE ROW LEVEL SECURITY");
        tx.batch_execute(&lift).await?;
    }
    let sql = format!("COPY \"{table}\" ({}) FROM STDIN", quoted(columns));
    let mut sink = pin!(tx.copy_in::<_, Bytes>(&sql).await?);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = file.read(&mut chunk).map_err(wrong)?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        sink.send(Bytes::copy_from_slice(bytes)).await?;
    }
    sink.finish().await?;
    if forced {
        let force = format!("ALTER TABLE \"{table}\" FORCE ROW LEVEL SECURITY");
        tx.batch_execute(&force).await?;
    }
    Ok(())
}

/// Names of columns, which come from the database's own catalogue.
fn quoted(columns: &[String]) -> String {
    let quoted: Vec<_> = columns.iter().map(|name| format!("\"{name}\"")).collect();
    quoted.join(", ")
}
