//! Plain deduplicated inserts: one row of 500 bytes a message, known by its id, 100 in a transaction,
//! each transaction durable before the next.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use kith_testkit::Database;
use rusqlite::Connection;

use crate::customers::scatter;

const BATCH: u64 = 100;
const PAYLOAD: [u8; 500] = [b'x'; 500];

/// Rows in a second, by one writer, as SQLite has but one.
pub(super) fn sqlite(file: &Path, duration: Duration) -> Result<f64, rusqlite::Error> {
    let mut connection = Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 2000;
         PRAGMA cache_size = -16384;
         CREATE TABLE message (id TEXT NOT NULL UNIQUE, payload BLOB NOT NULL) STRICT;",
    )?;
    let begun = Instant::now();
    let mut rows = 0;
    while begun.elapsed() < duration {
        let tx = connection.transaction()?;
        {
            let mut insert = tx.prepare_cached(
                "INSERT INTO message (id, payload) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
            )?;
            for number in rows..rows + BATCH {
                insert.execute((id(number), PAYLOAD))?;
            }
        }
        tx.commit()?;
        rows += BATCH;
    }
    Ok(rows as f64 / begun.elapsed().as_secs_f64())
}

/// Rows in a second, over one connection, as the transactions of a workspace run one by one.
pub(super) async fn postgres(
    database: &Database,
    duration: Duration,
) -> Result<f64, Box<dyn Error>> {
    let client = database.connect().await?;
    client
        .batch_execute("CREATE TABLE message (id TEXT PRIMARY KEY, payload BYTEA NOT NULL)")
        .await?;
    let insert = client
        .prepare(
            "INSERT INTO message (id, payload) SELECT * FROM UNNEST($1::text[], $2::bytea[])
             ON CONFLICT (id) DO NOTHING",
        )
        .await?;
    let payloads = vec![PAYLOAD.as_slice(); BATCH as usize];
    let begun = Instant::now();
    let mut rows = 0;
    while begun.elapsed() < duration {
        let ids: Vec<String> = (rows..rows + BATCH).map(id).collect();
        client.execute(&insert, &[&ids, &payloads]).await?;
        rows += BATCH;
    }
    Ok(rows as f64 / begun.elapsed().as_secs_f64())
}

fn id(number: u64) -> String {
    format!("{:016x}-{:016x}", scatter(number), scatter(scatter(number)))
}
