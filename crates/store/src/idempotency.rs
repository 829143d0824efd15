//! What became of writes that came with a key of their own, so that a repeat is answered alike.

use kith_domain::Timestamp;
use kith_domain::id::{AuditId, WorkspaceId};

use serde_json::Value as Json;

use crate::db::param::Param;
use crate::{StoreError, Tx};

/// What a write with a key was answered: ids and outcomes, never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// A keyed hash of the credential and the key.
    pub key: [u8; 32],
    /// A keyed hash of what was asked.
    pub request: [u8; 32],
    /// The audit entry of the write.
    pub audit: AuditId,
    /// The answer.
    pub answer: Json,
    /// When.
    pub at: Timestamp,
}

const FIND: &str = "SELECT key_hash, request, audit, answer, at FROM idempotency
    WHERE workspace = ?1 AND key_hash = ?2";
const PUT: &str = "INSERT INTO idempotency (workspace, key_hash, request, audit, answer, at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (workspace, key_hash) DO UPDATE SET request = excluded.request,
      audit = excluded.audit, answer = excluded.answer, at = excluded.at";
const PURGE: &str = "DELETE FROM idempotency WHERE workspace = ?1 AND key_hash IN (
    SELECT key_hash FROM idempotency WHERE workspace = ?1 AND at < ?2 ORDER BY at LIMIT ?3)";

/// What was answered under a key; one statement.
///
/// # Errors
/// If the database fails.
pub async fn find(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    key: &[u8; 32],
) -> Result<Option<Answered>, StoreError> {
    let Some(row) = tx.query_opt(FIND, &[ws.into(), key.into()]).await? else {
        return Ok(None);
    };
    let mut columns = row.columns("idempotency");
    Ok(Some(Answered {
        key: columns.hash("key_hash")?,
        request: columns.hash("request")?,
        audit: columns.id("audit", AuditId::from_slice)?,
        answer: columns.json("answer")?,
        at: columns.time("at")?,
    }))
}

/// Remembers what was answered, in the place of what was under the same key.
///
/// # Errors
/// If the database fails.
pub async fn put(tx: &mut Tx<'_>, ws: WorkspaceId, answered: &Answered) -> Result<(), StoreError> {
    let answer = answered.answer.to_string();
    let params = [
        ws.into(),
        (&answered.key).into(),
        (&answered.request).into(),
        (&answered.audit).into(),
        Param::Json(&answer),
        answered.at.into(),
    ];
    tx.execute(PUT, &params).await?;
    Ok(())
}

/// Forgets answers from before `at`, the oldest first, at most `limit`; how many.
///
/// # Errors
/// If the database fails.
pub async fn purge_before(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    at: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    tx.execute(PURGE, &[ws.into(), at.into(), i64::from(limit).into()])
        .await
}
