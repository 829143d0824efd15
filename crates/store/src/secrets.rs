//! Secrets with which a customer's own backend signs the identity of its end users.

use kith_domain::Timestamp;
use kith_domain::id::{SecretId, WorkspaceId};

use crate::db::row::Row;
use crate::{StoreError, Tx};

/// How an identity is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// A JWT with a shared secret.
    Hs256,
    /// A JWT with an RSA key.
    Rs256,
    /// A JWT with a P-256 key.
    Es256,
    /// A bare HMAC-SHA256 of the identifier.
    Hmac,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::Hmac];

    /// The word, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "hs256",
            Self::Rs256 => "rs256",
            Self::Es256 => "es256",
            Self::Hmac => "hmac",
        }
    }
}

/// A secret, or a public key, that proves identities.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// Its id.
    pub id: SecretId,
    /// How it signs.
    pub method: Method,
    /// The key id that a JWT names, if it names one.
    pub kid: Option<String>,
    /// The shared secret, or the public key as PEM.
    pub bytes: Vec<u8>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was revoked; `None` if it is good.
    pub revoked_at: Option<Timestamp>,
}

impl std::fmt::Debug for SecretRow {
    /// Leaves the secret out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretRow")
            .field("id", &self.id)
            .field("method", &self.method)
            .field("kid", &self.kid)
            .field("revoked_at", &self.revoked_at)
            .finish_non_exhaustive()
    }
}

const INSERT: &str = "INSERT INTO secret
    (workspace, id, method, kid, bytes, created_at, revoked_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
const LIVE: &str = "SELECT id, method, kid, bytes, created_at, revoked_at FROM secret
    WHERE workspace = ?1 AND revoked_at IS NULL ORDER BY id";
const LIST: &str = "SELECT id, method, kid, bytes, created_at, revoked_at FROM secret
    WHERE workspace = ?1 ORDER BY id";
const REVOKE: &str = "UPDATE secret SET revoked_at = ?3
    WHERE workspace = ?1 AND id = ?2 AND revoked_at IS NULL";

/// Adds a secret.
///
/// # Errors
/// A conflict if the id exists.
pub async fn insert(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    secret: &SecretRow,
) -> Result<(), StoreError> {
    let params = [
        ws.into(),
        (&secret.id).into(),
        secret.method.as_str().into(),
        secret.kid.as_deref().into(),
        secret.bytes.as_slice().into(),
        secret.created_at.into(),
        secret.revoked_at.into(),
    ];
    tx.execute(INSERT, &params)
        .await
        .map_err(|error| error.or_conflict("a secret of this id exists already"))?;
    Ok(())
}

/// The secrets that are good, the oldest first.
///
/// # Errors
/// If the database fails.
pub async fn live(tx: &mut Tx<'_>, ws: WorkspaceId) -> Result<Vec<SecretRow>, StoreError> {
    tx.query(LIVE, &[ws.into()])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Every secret, the oldest first.
///
/// # Errors
/// If the database fails.
pub async fn list(tx: &mut Tx<'_>, ws: WorkspaceId) -> Result<Vec<SecretRow>, StoreError> {
    tx.query(LIST, &[ws.into()])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Revokes a secret; false if there is none, or none that is good.
///
/// # Errors
/// If the database fails.
pub async fn revoke(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: SecretId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = tx
        .execute(REVOKE, &[ws.into(), (&id).into(), at.into()])
        .await?;
    Ok(changed > 0)
}

fn read(row: &Row) -> Result<SecretRow, StoreError> {
    let mut columns = row.columns("secret");
    Ok(SecretRow {
        id: columns.id("id", SecretId::from_slice)?,
        method: columns.word("method", &Method::ALL, Method::as_str)?,
        kid: columns.opt("kid", |columns, name| columns.string(name))?,
        bytes: columns.bytes("bytes")?.to_vec(),
        created_at: columns.time("created_at")?,
        revoked_at: columns.opt("revoked_at", |columns, name| columns.time(name))?,
    })
}
