//! Numbered migrations, one list per kind of database. A store of any earlier version is upgraded
//! when it is opened; one of a newer version is refused.
//!
//! Expand, then contract: a migration may not break the version before it, which may still be running.

use deadpool_postgres::{Pool, Transaction};
use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// One step: the SQL that leads from the version before it.
pub(crate) type Migration = &'static str;

macro_rules! migrations {
    ($($file:literal),* $(,)?) => {
        &[$(include_str!(concat!("../../migrations/", $file))),*]
    };
}

/// Of `kith.db`.
pub(crate) const SQLITE: &[Migration] = migrations![
    "sqlite/0001_principals.sql",
    "sqlite/0002_definitions.sql",
    "sqlite/0003_identity.sql",
    "sqlite/0004_facts.sql",
    "sqlite/0005_profiles.sql",
    "sqlite/0006_quarantine.sql",
    "sqlite/0007_feed.sql",
    "sqlite/0008_audit.sql",
    "sqlite/0009_indexed_fields.sql",
    "sqlite/0010_planner.sql",
    "sqlite/0011_profile_rows.sql",
    "sqlite/0012_relations.sql",
    "sqlite/0013_messages.sql",
    "sqlite/0014_idempotency.sql",
    "sqlite/0015_erasure.sql",
    "sqlite/0016_sources.sql",
    "sqlite/0017_identity_decisions.sql",
];

/// Of `audit.db`.
pub(crate) const SQLITE_AUDIT: &[Migration] =
    migrations!["sqlite/0008_audit.sql", "sqlite/audit_0002_tree.sql"];

/// Of PostgreSQL.
pub(crate) const POSTGRES: &[Migration] = migrations![
    "postgres/0001_principals.sql",
    "postgres/0002_definitions.sql",
    "postgres/0003_identity.sql",
    "postgres/0004_facts.sql",
    "postgres/0005_profiles.sql",
    "postgres/0006_quarantine.sql",
    "postgres/0007_feed.sql",
    "postgres/0008_audit.sql",
    "postgres/0009_indexed_fields.sql",
    "postgres/0010_audit_tree.sql",
    "postgres/0011_relations.sql",
    "postgres/0012_messages.sql",
    "postgres/0013_idempotency.sql",
    "postgres/0014_erasure.sql",
    "postgres/0015_sources.sql",
    "postgres/0016_identity_decisions.sql",
];

/// The steps that a store of this version lacks.
fn missing(
    migrations: &[Migration],
    found: i64,
) -> Result<impl Iterator<Item = (i64, Migration)>, StoreError> {
    let known = i64::try_from(migrations.len()).map_err(|_| StoreError::TooLarge)?;
    if found > known {
        return Err(StoreError::NewerSchema { found, known });
    }
    let numbered = (1..).zip(migrations.iter().copied());
    Ok(numbered.filter(move |(version, _)| *version > found))
}

pub(super) fn sqlite(
    connection: &mut Connection,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    // Under the lock, so that of two processes that start together one upgrades and one waits.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (version, sql) in missing(migrations, found)? {
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", version)?;
    }
    tx.commit()?;
    Ok(())
}

pub(super) async fn postgres(pool: &Pool, migrations: &[Migration]) -> Result<(), StoreError> {
    let mut client = pool.get().await?;
    let tx = client.transaction().await?;
    postgres_in(&tx, migrations).await?;
    tx.commit().await?;
    Ok(())
}

/// The same in a transaction that does more.
pub(super) async fn postgres_in(
    tx: &Transaction<'_>,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    // One process at a time, and as long as it takes.
    tx.batch_execute(
        "SET LOCAL statement_timeout = 0;
         SET LOCAL lock_timeout = 0;
         SELECT pg_advisory_xact_lock(2, 0);
         CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)",
    )
    .await?;
    let found: i64 = tx
        .query_one("SELECT coalesce(max(version), 0) FROM schema_version", &[])
        .await?
        .try_get(0)?;
    for (version, sql) in missing(migrations, found)? {
        tx.batch_execute(sql).await?;
        tx.execute(
            "INSERT INTO schema_version (version) VALUES ($1)",
            &[&version],
        )
        .await?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "migrate_tests.rs"]
mod tests;
