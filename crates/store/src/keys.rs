//! Credentials: the keys of members and agents, and the write keys of sources. Only a hash of the
//! secret is kept.

use kith_domain::fact::Trust;
use kith_domain::id::{AgentId, KeyId, MemberId, WorkspaceId};
use kith_domain::{Scope as KeyScope, Scopes, Timestamp};

use crate::db::param::Param;
use crate::db::row::Row;
use crate::{StoreError, Tx};

/// Whom a key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A member.
    Member(MemberId),
    /// An agent.
    Agent(AgentId),
    /// A source that delivers facts, with how far they are believed.
    Source {
        /// The source's name.
        name: String,
        /// `server` if the key is kept secret by a server, `public` if it ships in browsers.
        trust: Trust,
    },
}

impl Holder {
    /// The kind of key: `member`, `agent`, `write` or `public`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Member(_) => "member",
            Self::Agent(_) => "agent",
            Self::Source {
                trust: Trust::Server,
                ..
            } => "write",
            Self::Source {
                trust: Trust::Public,
                ..
            } => "public",
        }
    }
}

/// A credential.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// The workspace that it opens.
    pub workspace: WorkspaceId,
    /// Its id, part of the secret's text.
    pub id: KeyId,
    /// What people call it.
    pub label: String,
    /// Whom it stands for.
    pub holder: Holder,
    /// The source that what a member or an agent writes is said to come from; `None` is `api`.
    pub writes_as: Option<String>,
    /// What it opens beside its holder's own rights.
    pub scopes: Scopes,
    /// A hash of the secret.
    pub secret_hash: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked; `None` if it is good.
    pub revoked_at: Option<Timestamp>,
}

impl std::fmt::Debug for KeyRow {
    /// Leaves the hash out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRow")
            .field("workspace", &self.workspace)
            .field("id", &self.id)
            .field("label", &self.label)
            .field("holder", &self.holder)
            .field("scopes", &self.scopes)
            .field("revoked_at", &self.revoked_at)
            .finish_non_exhaustive()
    }
}

const INSERT: &str = "INSERT INTO key
    (workspace, id, label, kind, principal, source, scopes, secret_hash, created_at, revoked_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
const FIND: &str = "SELECT id, workspace, label, kind, principal, source, scopes, secret_hash,
    created_at, revoked_at FROM key WHERE id = ?1";
const LIST: &str = "SELECT id, workspace, label, kind, principal, source, scopes, secret_hash,
    created_at, revoked_at FROM key WHERE workspace = ?1 ORDER BY id";
const REVOKE: &str = "UPDATE key SET revoked_at = ?3
    WHERE workspace = ?1 AND id = ?2 AND revoked_at IS NULL";

/// Adds a key to the workspace that its row names.
///
/// # Errors
/// A conflict if the id exists.
pub async fn insert(tx: &mut Tx<'_>, key: &KeyRow) -> Result<(), StoreError> {
    let writes_as = key.writes_as.as_deref().into();
    let (principal, source) = match &key.holder {
        Holder::Member(id) => (id.into(), writes_as),
        Holder::Agent(id) => (id.into(), writes_as),
        Holder::Source { name, .. } => (Param::Null, name.as_str().into()),
    };
    let scopes = words(key.scopes.iter().map(|scope| scope.as_str()));
    let params = [
        key.workspace.into(),
        (&key.id).into(),
        key.label.as_str().into(),
        key.holder.kind().into(),
        principal,
        source,
        Param::Json(&scopes),
        (&key.secret_hash).into(),
        key.created_at.into(),
        key.revoked_at.into(),
    ];
    tx.execute(INSERT, &params)
        .await
        .map_err(|error| error.or_conflict("a key of this id exists already"))?;
    Ok(())
}

/// Finds a key of any workspace, revoked or not, in the scope of the installation.
///
/// # Errors
/// If the database fails.
pub async fn find(tx: &mut Tx<'_>, id: KeyId) -> Result<Option<KeyRow>, StoreError> {
    let row = tx.query_opt(FIND, &[(&id).into()]).await?;
    row.as_ref().map(read).transpose()
}

/// Every key of the workspace, the oldest first.
///
/// # Errors
/// If the database fails.
pub async fn list(tx: &mut Tx<'_>, ws: WorkspaceId) -> Result<Vec<KeyRow>, StoreError> {
    tx.query(LIST, &[ws.into()])
        .await?
        .iter()
        .map(read)
        .collect()
}

/// Revokes a key; false if there is none, or none that is good.
///
/// # Errors
/// If the database fails.
pub async fn revoke(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: KeyId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = tx
        .execute(REVOKE, &[ws.into(), (&id).into(), at.into()])
        .await?;
    Ok(changed > 0)
}

/// A JSON list of words.
pub(crate) fn words<'w>(words: impl Iterator<Item = &'w str>) -> String {
    serde_json::Value::from_iter(words).to_string()
}

fn read(row: &Row) -> Result<KeyRow, StoreError> {
    let mut columns = row.columns("key");
    let id = columns.id("id", KeyId::from_slice)?;
    let workspace = columns.workspace("workspace")?;
    let label = columns.string("label")?;
    let kind = columns.text("kind")?;
    let principal = columns.opt("principal", |columns, name| columns.bytes(name))?;
    let mut source = columns.opt("source", |columns, name| columns.string(name))?;
    let holder = match (kind, principal) {
        ("member", Some(id)) => MemberId::from_slice(id).map(Holder::Member),
        ("agent", Some(id)) => AgentId::from_slice(id).map(Holder::Agent),
        ("write", None) => source.take().map(|name| Holder::Source {
            name,
            trust: Trust::Server,
        }),
        ("public", None) => source.take().map(|name| Holder::Source {
            name,
            trust: Trust::Public,
        }),
        _ => None,
    };
    Ok(KeyRow {
        workspace,
        id,
        label,
        holder: holder.ok_or_else(|| columns.corrupt("kind"))?,
        writes_as: source,
        scopes: read_scopes(&columns.words("scopes")?).ok_or_else(|| columns.corrupt("scopes"))?,
        secret_hash: columns.hash("secret_hash")?,
        created_at: columns.time("created_at")?,
        revoked_at: columns.opt("revoked_at", |columns, name| columns.time(name))?,
    })
}

fn read_scopes(words: &[String]) -> Option<Scopes> {
    words
        .iter()
        .map(|word| {
            KeyScope::ALL
                .into_iter()
                .find(|scope| scope.as_str() == word)
        })
        .collect()
}
