//! Keys by which a repeated write is known. What is kept of one is ids and outcomes, no bodies.

use hmac::{Hmac, KeyInit, Mac};
use kith_domain::Timestamp;
use kith_domain::id::{KeyId, WorkspaceId};
use kith_domain::time::MICROS_PER_SECOND;
use kith_store::idempotency::{self, Answered};
use kith_store::{StoreError, Tx};
use serde::Deserialize;
use sha2::Sha256;

use super::request::{Write, Written};
use crate::error::EngineError;
use crate::read::{Governed, Receipt};

/// Longest key, in bytes.
const MAX_KEY_BYTES: usize = 255;
/// How long an answer is remembered.
const REMEMBERED_MICROS: i64 = 24 * 60 * 60 * MICROS_PER_SECOND;
/// Most outdated answers that one write takes away.
const MOST_FORGOTTEN: u32 = 1_000;

/// The key that a caller gave a write, so that a repeat is no second write.
#[derive(Clone)]
pub struct IdempotencyKey(String);

/// A caller may have made it of a customer's value.
impl std::fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdempotencyKey(…)")
    }
}

impl std::str::FromStr for IdempotencyKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = (1..=MAX_KEY_BYTES).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "expected 1 to {MAX_KEY_BYTES} letters, digits and signs without blanks: a UUID is best"
            ))
        }
    }
}

/// A key as the store knows it: of one credential, and telling nothing of its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyHash([u8; 32]);

impl KeyHash {
    pub(super) fn new(hash_key: &[u8; 32], credential: KeyId, key: &IdempotencyKey) -> Self {
        let parts: [&[u8]; 3] = [b"idempotency", credential.as_bytes(), key.0.as_bytes()];
        Self(keyed(hash_key, &parts))
    }

    /// The id of the message that a line of many is.
    pub(super) fn message_id(&self, line: u64) -> String {
        let short = hex::encode(self.0.get(..16).unwrap_or_default());
        format!("idem:{short}:{line}")
    }

    /// What was answered to the same write.
    pub(super) async fn answered(
        &self,
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        request: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Result<Governed<Written>, EngineError>>, EngineError> {
        let found = idempotency::find(tx, workspace, &self.0).await?;
        let Some(found) = found.filter(|found| found.at >= remembered_since(now)) else {
            return Ok(None);
        };
        if found.request != *request {
            return Ok(Some(Err(EngineError::KeyReused)));
        }
        let corrupt = |_| StoreError::Conflict("a remembered answer cannot be read");
        let answer = Written::deserialize(&found.answer).map_err(corrupt)?;
        let receipt = Receipt::of_before(&found);
        Ok(Some(Ok(Governed::of_change(answer, receipt))))
    }

    /// Remembers an answer, and forgets those that are too old.
    pub(super) async fn remember(
        &self,
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        request: [u8; 32],
        written: &Governed<Written>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let answer = serde_json::to_value(written.answer())
            .map_err(|_| StoreError::Conflict("an answer does not serialise"))?;
        let answered = Answered {
            key: self.0,
            request,
            audit: written.audit(),
            answer,
            at: now,
        };
        idempotency::put(tx, workspace, &answered).await?;
        let since = remembered_since(now);
        idempotency::purge_before(tx, workspace, since, MOST_FORGOTTEN).await?;
        Ok(())
    }
}

/// What is asked, as the store knows it.
pub(super) fn request(hash_key: &[u8; 32], action: &str, write: &Write) -> [u8; 32] {
    keyed(hash_key, &[b"request", action.as_bytes(), &write.original])
}

fn remembered_since(now: Timestamp) -> Timestamp {
    Timestamp::from_micros(now.micros().saturating_sub(REMEMBERED_MICROS))
}

fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
