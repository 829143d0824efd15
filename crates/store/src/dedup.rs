//! Which messages were delivered already. A claim is (workspace, source, message id).

use std::collections::HashMap;

use kith_domain::Timestamp;
use kith_domain::id::WorkspaceId;

use crate::db::sql::{Column, bytes, text};
use crate::{StoreError, Tx};

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The message is new.
    New,
    /// It was delivered before, with the same payload.
    Duplicate,
    /// Its id was used before for another payload.
    Conflict,
}

const CLAIM: &str = "INSERT INTO dedup (workspace, source, message_id, payload_hash, received_at)
    SELECT ?1, ?2, r.message_id, r.hash, ?3 FROM {rows} WHERE true
    ON CONFLICT (workspace, source, message_id) DO NOTHING
    RETURNING message_id";
const CLAIM_ROWS: [Column; 2] = [text("message_id"), bytes("hash")];
const HASHES: &str = "SELECT d.received_at, d.message_id, d.payload_hash
    FROM {rows} JOIN dedup d
      ON d.workspace = ?1 AND d.source = ?2 AND d.message_id = r.message_id";
const HASHES_ROWS: [Column; 1] = [text("message_id")];
const PURGE: &str = "DELETE FROM dedup WHERE workspace = ?1 AND (source, message_id) IN (
    SELECT source, message_id FROM dedup WHERE workspace = ?1 AND received_at < ?2
    ORDER BY received_at LIMIT ?3)";

/// Claims messages of one source, given by id and payload hash. The answer is in the order of the
/// input; of equal ids within it the first counts.
///
/// # Errors
/// If the database fails.
pub async fn claim_many(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    source: &str,
    messages: &[(&str, [u8; 32])],
    at: Timestamp,
) -> Result<Vec<Claim>, StoreError> {
    let mut hashes: HashMap<&str, [u8; 32]> = HashMap::with_capacity(messages.len());
    let mut first = Vec::with_capacity(messages.len());
    for (id, hash) in messages {
        let new = !hashes.contains_key(id);
        if new {
            hashes.insert(id, *hash);
        }
        first.push(new);
    }
    let rows: Vec<_> = hashes
        .iter()
        .map(|(id, hash)| [(*id).into(), hash.into()])
        .collect();
    let shared = [ws.into(), source.into(), at.into()];
    let claimed = tx.each(CLAIM, &shared, &CLAIM_ROWS, &rows).await?;
    let claimed = claimed
        .iter()
        .map(|row| row.columns("dedup").string("message_id"))
        .collect::<Result<std::collections::HashSet<_>, _>>()?;

    // What was there already keeps its hash.
    let there: Vec<_> = hashes
        .keys()
        .filter(|id| !claimed.contains(**id))
        .map(|id| [(*id).into()])
        .collect();
    let found = tx
        .each(HASHES, &[ws.into(), source.into()], &HASHES_ROWS, &there)
        .await?;
    let mut stored = HashMap::with_capacity(found.len());
    for row in &found {
        let mut columns = row.columns("dedup");
        columns.time("received_at")?;
        stored.insert(columns.text("message_id")?, columns.hash("payload_hash")?);
    }
    Ok(messages
        .iter()
        .zip(first)
        .map(|((id, hash), first)| {
            let kept = stored.get(id).or_else(|| hashes.get(id));
            if first && claimed.contains(*id) {
                Claim::New
            } else if kept == Some(hash) {
                Claim::Duplicate
            } else {
                Claim::Conflict
            }
        })
        .collect())
}

/// Forgets claims from before `at`, the oldest first, at most `limit`; how many.
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
