//! What erased rows leave behind: free space and the write-ahead log.

use std::path::PathBuf;

use deadpool_postgres::Pool;

use super::sqlite::connect;
use crate::StoreError;

/// The tables that rows of people are in.
const TABLES: [&str; 14] = [
    "conversation",
    "dedup",
    "edge",
    "event",
    "field_index",
    "identifier",
    "membership",
    "message",
    "observation",
    "person",
    "quarantine",
    "quarantine_identifier",
    "relation",
    "role",
];

/// SQLite overwrites what it frees; older states of its pages are in the write-ahead log, until that is
/// folded back and cut. False if a reader still needs it.
pub(super) async fn sqlite(path: PathBuf) -> Result<bool, StoreError> {
    let sweep = move || {
        let connection = connect(&path)?;
        let busy: i64 =
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
        Ok(busy == 0)
    };
    tokio::task::spawn_blocking(sweep)
        .await
        .unwrap_or(Err(StoreError::Panicked))
}

/// PostgreSQL keeps dead rows until it vacuums.
pub(super) async fn postgres(pool: &Pool) -> Result<bool, StoreError> {
    let client = pool.get().await?;
    client.batch_execute("SET statement_timeout = 0").await?;
    let mut swept = Ok(true);
    for table in TABLES {
        if let Err(error) = client.batch_execute(&format!("VACUUM {table}")).await {
            swept = Err(error.into());
            break;
        }
    }
    client.batch_execute("RESET statement_timeout").await?;
    swept
}
