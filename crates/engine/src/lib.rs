//! The use cases of Kith: ingest, identity, the governed read, definitions, keys, audit. Transports
//! call in here; policy decides; the store keeps.

mod access;
mod admin;
mod audit;
pub mod backup;
mod definitions;
pub mod delivery;
mod erasure;
mod error;
mod health;
pub mod identity;
mod index;
mod ingest;
mod lookups;
pub mod metrics;
mod plans;
mod profile;
mod quota;
mod read;
pub mod runtime;
mod seal;
mod sources;
mod subject_access;
mod tickets;
mod words;
mod write;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use kith_domain::Runtime;
use kith_domain::id::WorkspaceId;
use kith_store::{Db, Scope, StoreUrl, workspaces};
use quick_cache::sync::Cache;

pub use access::Caller;
pub use admin::{KeyHolder, KeyInfo, NewKey, NewMember, NewSecret, SecretInfo, WRITER, Workspace};
pub use audit::{AuditActor, AuditItem, AuditQuery, LogCheckpoint, LogFault, LogReport, Outcome};
pub use definitions::{
    Checked as CheckedDefinitions, Published, check as check_definitions, read as read_definitions,
};
pub use erasure::Erasure;
pub use error::{EngineError, FieldRefused, Refused};
pub use health::Health;
pub use identity::{Ruled, Ruling, Suggested};
pub use index::{Indexed, indexed};
pub use ingest::Ingested;
pub use kith_store::identity::reviews::ReviewStatus;
pub use read::{
    AccountAnswer, AccountDecision, AccountItem, AccountRequest, AccountSummary, AroundAnswer,
    AuditPage, AuthorAnswer, ChangeItem, ConsistencyProof, Context, ContextRequest,
    ConversationAnswer, ConversationItem, ConversationNews, ConversationRequest, Decided,
    DecisionItem, Decisions, DecisionsRequest, EdgeItem, EntityAnswer, Explanation, FieldAnswer,
    FieldExplanation, FoundItem, Governed, IdAnswer, IdentifierItem, IdentityAnswer,
    InclusionProof, Journey, JourneyEntry, JourneyItem, JourneyKind, JourneyOf, JourneyRequest,
    LeafRef, ListRequest, Listed, MemberRef, MessageItem, OpenedItem, OriginAnswer, Page, PageRow,
    PersonItem, PropertyAnswer, ReviewItem, Reviews, RootAnswer, RootRef, RootRequest, SearchPage,
    SearchRequest, SignedIdentityAnswer, SortField, StateAnswer, SubjectRef, SubscriptionItem,
    Withheld,
};

pub use kith_connectors::hook::Kind as SourceKind;
pub use kith_store::identity::RootId;
pub use quota::Quota;
pub use seal::MasterKey;
pub use sources::{NewSource, NotReceived, SourceChange, SourceConfig, SourceInfo};
pub use subject_access::SubjectFile;
pub use write::{
    EventWrite, IdempotencyKey, Joined, MAX_IDENTIFIERS, MAX_JOINED, RefusedPart, RootWrite,
    Target, What, Write, WriteLine, WriteOutcome, Written,
};

use audit::{Journal, KeyPlace};
use definitions::Version;
use lookups::Lookups;
use metrics::Metrics;
use plans::Plans;
use quota::Quotas;
use tickets::Tickets;

/// Most compiled definitions versions that are kept at hand.
const CACHED_VERSIONS: usize = 256;
/// Most workspaces whose keys are kept at hand.
const CACHED_WORKSPACES: usize = 10_000;

/// The use cases over one store. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    db: Db,
    runtime: Runtime,
    journal: Journal,
    log_key: KeyPlace,
    versions: Cache<(WorkspaceId, u64), Arc<Version>>,
    plans: Plans,
    hash_keys: Cache<WorkspaceId, [u8; 32]>,
    lookups: Lookups,
    quotas: Quotas,
    tickets: Tickets,
    master_key: OnceLock<Arc<MasterKey>>,
    metrics: Metrics,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("db", &self.0.db)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens the store, upgrading it if an older Kith wrote it. `node` names this process in the
    /// audit log: small letters, digits and `-`.
    ///
    /// # Errors
    /// If the store cannot be opened.
    pub async fn open(store: &StoreUrl, node: &str, runtime: Runtime) -> Result<Self, EngineError> {
        Self::open_with_log_key(store, node, runtime, None).await
    }

    /// The same, with the audit log's key in this file: all nodes of one store must have the same. It is
    /// made if it is not there. Without one it is kept in the store's folder or database.
    ///
    /// # Errors
    /// If the store cannot be opened.
    pub async fn open_with_log_key(
        store: &StoreUrl,
        node: &str,
        runtime: Runtime,
        log_key: Option<&Path>,
    ) -> Result<Self, EngineError> {
        let db = Db::open(store, node).await?;
        Ok(Self(Arc::new(Inner {
            journal: Journal::new(db.clone()),
            log_key: KeyPlace::of(store, log_key),
            lookups: Lookups::new(runtime.clone()),
            quotas: Quotas::default(),
            tickets: Tickets::new(&runtime),
            master_key: OnceLock::new(),
            metrics: Metrics::new(),
            db,
            runtime,
            versions: Cache::new(CACHED_VERSIONS),
            plans: Plans::new(),
            hash_keys: Cache::new(CACHED_WORKSPACES),
        })))
    }

    /// Whether the store answers and the audit log can be written.
    ///
    /// # Errors
    /// If not.
    pub async fn ready(&self) -> Result<(), EngineError> {
        Ok(self.db().ping().await?)
    }

    pub(crate) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.0.runtime
    }

    pub(crate) fn lookups(&self) -> &Lookups {
        &self.0.lookups
    }

    pub(crate) fn quotas(&self) -> &Quotas {
        &self.0.quotas
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// The key of a workspace's keyed hashes. It never changes, so it is read once.
    pub(crate) async fn hash_key(&self, workspace: WorkspaceId) -> Result<[u8; 32], EngineError> {
        if let Some(key) = self.0.hash_keys.get(&workspace) {
            return Ok(key);
        }
        let row = self
            .db()
            .read(Scope::Installation, move |tx| {
                Box::pin(workspaces::by_id(tx, workspace))
            })
            .await?;
        let key = row.ok_or(EngineError::Unauthenticated)?.hash_key;
        self.0.hash_keys.insert(workspace, key);
        Ok(key)
    }
}
