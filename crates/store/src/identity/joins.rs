//! How many known people the facts of a source joined, by the hour.

use kith_domain::Timestamp;
use kith_domain::id::WorkspaceId;

use crate::db::param::int;
use crate::{StoreError, Tx};

const MICROS_AN_HOUR: i64 = 3_600_000_000;

const COUNT: &str = "SELECT joins FROM identity_joins
    WHERE workspace = ?1 AND source = ?2 AND hour = ?3";
const ADD: &str = "INSERT INTO identity_joins (workspace, source, hour, joins)
    VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (workspace, source, hour) DO UPDATE SET
      joins = identity_joins.joins + excluded.joins";
const FORGET: &str = "DELETE FROM identity_joins
    WHERE workspace = ?1 AND source = ?2 AND hour < ?3";

/// How many a source joined in the hour of a time so far.
///
/// # Errors
/// If the database fails.
pub async fn joins(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    source: &str,
    at: Timestamp,
) -> Result<u64, StoreError> {
    let hour = at.micros().div_euclid(MICROS_AN_HOUR);
    let row = tx
        .query_opt(COUNT, &[ws.into(), source.into(), hour.into()])
        .await?;
    row.map_or(Ok(0), |row| row.columns("identity_joins").number("joins"))
}

/// Counts more of them.
///
/// # Errors
/// If the database fails.
pub async fn add_joins(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    source: &str,
    at: Timestamp,
    joins: u64,
) -> Result<(), StoreError> {
    let hour = at.micros().div_euclid(MICROS_AN_HOUR);
    tx.execute(FORGET, &[ws.into(), source.into(), hour.into()])
        .await?;
    let row = [ws.into(), source.into(), hour.into(), int(joins)?.into()];
    tx.execute(ADD, &row).await?;
    Ok(())
}
