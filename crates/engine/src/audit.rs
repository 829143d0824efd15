//! Audit: who viewed, changed, exported or used in AI which fields of whom, for which purpose, under
//! which definitions version, with which verdict and why. Entries hold names, never values.
//!
//! An entry is written once, as frozen bytes that become a leaf of the log's Merkle tree, beside
//! columns to search by. It is committed before the data that it speaks of leaves; the tree follows
//! within a second (`fold`), and anyone can hold it against what was signed (`verify`).

mod fault;
mod fold;
mod key;
mod verify;

use hmac::{Hmac, KeyInit, Mac};
use kith_auth::tlog::MAX_LEAF_BYTES;
use kith_domain::id::{AccountId, AuditId, KeyId, PersonId, WorkspaceId};
use kith_domain::{Actor, Identifier, Principal, Purpose, Runtime, Timestamp};
use kith_store::audit::tree;
use kith_store::audit::{AuditEntry, AuditFilter, AuditRow, FieldSet};
use kith_store::{Db, StoreError};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::Engine;
use crate::error::EngineError;

pub use fault::LogFault;
pub(crate) use key::KeyPlace;
pub use verify::LogReport;

/// The format of leaves. A leaf is never written anew, so readers know every version for ever.
const LEAF_VERSION: u8 = 1;

/// Who is named in an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditActor {
    /// `member`, `agent`, `source` or `operator`.
    pub kind: &'static str,
    /// The id of the member, agent or key; the operator of the machine has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The member on whose behalf an agent acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// The credential that was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<KeyId>,
}

impl AuditActor {
    /// The one who has the store's files or its password: the command line beside the store.
    #[must_use]
    pub const fn operator() -> Self {
        Self {
            kind: "operator",
            id: String::new(),
            on_behalf_of: None,
            credential: None,
        }
    }

    /// The column to search by: `member:mem_…`.
    pub(crate) fn principal(&self) -> String {
        if self.id.is_empty() {
            self.kind.to_owned()
        } else {
            format!("{}:{}", self.kind, self.id)
        }
    }
}

impl From<&Actor> for AuditActor {
    fn from(actor: &Actor) -> Self {
        let (kind, id) = match &actor.principal {
            Principal::Member(member) => ("member", member.id.to_string()),
            Principal::Agent(agent) => ("agent", agent.id.to_string()),
        };
        Self {
            kind,
            id,
            on_behalf_of: actor
                .on_behalf_of
                .as_ref()
                .map(|member| member.id.to_string()),
            credential: Some(actor.credential),
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Data left, or a change was made.
    Allowed,
    /// The policy refused.
    Refused,
    /// There was nothing that the actor may know of.
    NotFound,
}

impl Outcome {
    /// The word, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::NotFound => "notFound",
        }
    }
}

/// One entry, before it is frozen. The order of the fields is the order in the leaf.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    /// The leaf's format.
    v: u8,
    pub(crate) id: AuditId,
    #[serde(rename = "at", serialize_with = "micros")]
    pub(crate) at: Timestamp,
    pub(crate) workspace: WorkspaceId,
    pub(crate) actor: AuditActor,
    /// What was done: `context.read`, `definitions.publish`, `key.create`, …
    pub(crate) action: &'static str,
    pub(crate) purpose: Purpose,
    pub(crate) outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<AccountId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) person: Option<PersonId>,
    /// The accounts of a list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) accounts: Vec<AccountId>,
    /// The people of an account's summary, or of a list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) people: Vec<PersonId>,
    /// The ids of what else is listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) roots: Vec<String>,
    /// Keyed hashes of the identifiers that were looked up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) lookups: Vec<LookupHash>,
    /// How the end user's identity was proven, or why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signed_identity: Option<&'static str>,
    /// Hash of the set of fields that left; the set itself is interned beside the log.
    #[serde(serialize_with = "field_set")]
    fields: FieldSet,
    /// Ids of the statements that decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) statements: Vec<String>,
    /// What else a change did, in words and ids.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    /// The version that decided, or that was made; 0 before the first.
    pub(crate) definitions_version: u64,
    pub(crate) definitions_hash: String,
    /// Newest change that the snapshot held; 0 for a change.
    pub(crate) position: i64,
}

fn micros<S: serde::Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(at.micros())
}

impl Entry {
    pub(crate) fn new(
        runtime: &Runtime,
        workspace: WorkspaceId,
        actor: AuditActor,
        action: &'static str,
        purpose: Purpose,
    ) -> Self {
        let mut entry = Self {
            v: LEAF_VERSION,
            id: AuditId::from_uuid(runtime.uuid()),
            at: runtime.now(),
            workspace,
            actor,
            action,
            purpose,
            outcome: Outcome::Allowed,
            account: None,
            person: None,
            accounts: Vec::new(),
            people: Vec::new(),
            roots: Vec::new(),
            lookups: Vec::new(),
            signed_identity: None,
            fields: FieldSet {
                hash: [0; 32],
                names: Vec::new(),
            },
            statements: Vec::new(),
            detail: None,
            definitions_version: 0,
            definitions_hash: String::new(),
            position: 0,
        };
        entry.set_fields(Vec::new());
        entry
    }

    /// Another entry about the same request, so far.
    pub(crate) fn another(&self, runtime: &Runtime) -> Self {
        Self {
            id: AuditId::from_uuid(runtime.uuid()),
            ..self.clone()
        }
    }

    /// Names the fields that leave; masked ones carry their mask, `person.email:email`.
    pub(crate) fn set_fields(&mut self, mut names: Vec<String>) {
        names.sort_unstable();
        names.dedup();
        let hash = Sha256::digest(names.join("\n").as_bytes()).into();
        self.fields = FieldSet { hash, names };
    }

    /// The credential of a read that looked anybody up by an identifier.
    pub(crate) fn looked_up_by(&self) -> Option<KeyId> {
        self.actor.credential.filter(|_| !self.lookups.is_empty())
    }

    /// The frozen bytes, and the columns to search by.
    pub(crate) fn freeze(self) -> Result<AuditRow, StoreError> {
        let leaf = serde_json::to_vec(&self)
            .map_err(|_| StoreError::Conflict("an audit entry does not serialise"))?;
        if leaf.len() > MAX_LEAF_BYTES {
            return Err(StoreError::TooLarge);
        }
        Ok(AuditRow {
            workspace: self.workspace,
            id: self.id,
            at: self.at,
            leaf,
            actor: self.actor.principal(),
            credential: self
                .actor
                .credential
                .map_or_else(String::new, |key| key.to_string()),
            on_behalf_of: self.actor.on_behalf_of,
            purpose: self.purpose,
            action: self.action.to_owned(),
            verdict: self.outcome.as_str().to_owned(),
            account: self.account,
            person: self.person,
            lookup_hash: self.lookups.first().map(|hash| hash.0),
            fields: self.fields,
            statements: self.statements,
            definitions_version: self.definitions_version,
            definitions_hash: self.definitions_hash,
            position: self.position,
        })
    }
}

fn field_set<S: Serializer>(fields: &FieldSet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(fields.hash))
}

/// Keyed hash of an identifier that was looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LookupHash([u8; 32]);

impl LookupHash {
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Serialize for LookupHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

/// An identifier as the audit knows it: equal for equal identifiers of one workspace, and telling
/// nothing to whoever has not the workspace's key.
pub(crate) fn lookup_hash(key: &[u8; 32], identifier: &Identifier) -> LookupHash {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return LookupHash([0; 32]);
    };
    mac.update(identifier.kind().as_str().as_bytes());
    mac.update(&[0]);
    mac.update(identifier.value().as_bytes());
    LookupHash(mac.finalize().into_bytes().into())
}

/// Where entries of reads are committed, in groups.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    db: Db,
}

impl Journal {
    pub(crate) const fn new(db: Db) -> Self {
        Self { db }
    }

    /// Appends an entry; once this returns, it is durable.
    pub(crate) async fn append(&self, entry: Entry) -> Result<(), EngineError> {
        let row = entry.freeze().map_err(EngineError::AuditUnavailable)?;
        match self.db.audit_append(row).await {
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::error!(%error, "the audit entry could not be written: no data leaves");
                Err(EngineError::AuditUnavailable(error))
            }
        }
    }
}

/// Which entries to find.
#[derive(Debug, Clone, Default)]
pub struct AuditQuery {
    /// Who acted: `member:mem_…`, `agent:agt_…`, `operator`; or the member served, `mem_…`.
    pub actor: Option<String>,
    /// The account that it was about.
    pub account: Option<AccountId>,
    /// The person that it was about.
    pub person: Option<PersonId>,
    /// For which purpose.
    pub purpose: Option<Purpose>,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// A field that left, in whatever form.
    pub field: Option<String>,
    /// At most this many, the newest first.
    pub limit: u32,
}

impl From<AuditQuery> for AuditFilter {
    fn from(query: AuditQuery) -> Self {
        Self {
            id: None,
            actor: query.actor,
            account: query.account,
            person: query.person,
            purpose: query.purpose,
            verdict: query.outcome.map(|outcome| outcome.as_str().to_owned()),
            since: query.since,
            until: query.until,
            field: query.field,
            before: None,
            limit: query.limit,
        }
    }
}

/// An entry that was found.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditItem {
    /// The entry's id.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// The stream and the number in it.
    pub stream: String,
    /// The number in the stream, from 1.
    pub seq: i64,
    /// Who acted.
    pub actor: String,
    /// The credential that was shown; empty for the operator.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub credential: String,
    /// The member served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// What was done.
    pub action: String,
    /// Why.
    pub purpose: Purpose,
    /// What became of it.
    pub outcome: String,
    /// The account that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The person that it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// The fields that left; masked ones with their mask.
    pub fields: Vec<String>,
    /// The statements that decided.
    pub statements: Vec<String>,
    /// The definitions version that decided.
    pub definitions_version: u64,
}

impl From<AuditEntry> for AuditItem {
    fn from(AuditEntry { place, row }: AuditEntry) -> Self {
        Self {
            id: row.id,
            at: row.at,
            stream: place.stream.to_string(),
            seq: place.seq,
            actor: row.actor,
            credential: row.credential,
            on_behalf_of: row.on_behalf_of,
            action: row.action,
            purpose: row.purpose,
            outcome: row.verdict,
            account: row.account,
            person: row.person,
            fields: row.fields.names,
            statements: row.statements,
            definitions_version: row.definitions_version,
        }
    }
}

/// What a log last said of itself.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogCheckpoint {
    /// The signed note: to be kept where the administrator has no hand.
    pub checkpoint: String,
    /// What it is checked with.
    pub verifier: String,
    /// How many entries it speaks of.
    pub size: u64,
    /// When it was signed.
    pub at: Timestamp,
}

impl Engine {
    /// What the log last said of itself; `None` before the first entry was folded.
    ///
    /// # Errors
    /// If the store fails, or the key cannot be read.
    pub async fn audit_checkpoint(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Option<LogCheckpoint>, EngineError> {
        let row = self
            .db()
            .audit_tree(workspace, move |tx| {
                Box::pin(tree::checkpoint(tx, workspace))
            })
            .await?;
        let Some(row) = row else { return Ok(None) };
        let key = self.log_key().await?;
        Ok(Some(LogCheckpoint {
            verifier: key.verifier(&self.log_origin(workspace).await?),
            checkpoint: row.note,
            size: row.size,
            at: row.at,
        }))
    }

    /// Finds entries, the newest first. Looking is itself an entry.
    ///
    /// # Errors
    /// If the store fails, or the entry about the look cannot be written.
    pub async fn audit_search(
        &self,
        workspace: WorkspaceId,
        by: AuditActor,
        query: AuditQuery,
    ) -> Result<Vec<AuditItem>, EngineError> {
        let filter = AuditFilter::from(query);
        let found = self.db().audit_search(workspace, &filter).await?;
        let entry = Entry::new(
            self.runtime(),
            workspace,
            by,
            "audit.search",
            Purpose::AuditView,
        );
        self.journal().append(entry).await?;
        Ok(found.into_iter().map(AuditItem::from).collect())
    }
}
