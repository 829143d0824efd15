//! Ingest: from a request's bytes to durable facts and fresh profiles, in one transaction that is
//! committed before the client hears that it was kept.

mod commit;
mod contract;
mod message;
mod project;
mod relations;
mod roles;

use std::sync::Arc;

use kith_domain::fact::{Author, Decoder, Fact, FactKind, Fault, Message, Related};
use kith_domain::id::EventId;
use kith_domain::{Catalog, Entity, Identifier, RootKind, Timestamp};
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use crate::Engine;
use crate::access::Source;
use crate::definitions::Version;
use crate::error::EngineError;
use crate::quota::Quota;
use contract::{Checked, Deliverer};

pub(crate) use commit::{Committed, carry, commit};

/// What became of a delivery. It says how much, never what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Messages that were kept, whole or in part.
    pub kept: usize,
    /// Messages that had been delivered before.
    pub duplicates: usize,
    /// Messages of which something is in quarantine.
    pub quarantined: usize,
    /// Messages about somebody who was erased: nothing of them is kept.
    pub suppressed: usize,
    /// What is left of the key's quota, if it has one.
    pub quota: Option<Quota>,
}

/// A message that was held against the catalog, ready to be stored.
pub(crate) struct Prepared {
    pub(crate) message_id: String,
    hash: [u8; 32],
    /// What fits; `None` if the message is refused whole.
    pub(crate) kept: Option<Kept>,
    /// What does not fit.
    pub(crate) faults: Vec<Fault>,
    /// The message as it came, and the identifiers in it, for quarantine.
    original: Vec<u8>,
    identifiers: Vec<Identifier>,
}

impl Prepared {
    /// Everything that it names.
    pub(crate) fn identifiers(&self) -> impl Iterator<Item = &Identifier> {
        let kept = self.kept.iter().flat_map(Kept::identifiers);
        self.identifiers.iter().chain(kept)
    }

    /// Leaves nothing of it but what it says of an account; false if that is nothing.
    pub(crate) fn keep_account_alone(&mut self) -> bool {
        self.faults.clear();
        self.original.clear();
        self.identifiers.clear();
        let Some(kept) = &mut self.kept else {
            return false;
        };
        kept.person.clear();
        kept.subject.clear();
        kept.relations.clear();
        kept.joins = false;
        kept.event = None;
        kept.written = None;
        kept.values
            .retain(|(_, entity, _)| *entity == Entity::Account);
        kept.shown
            .retain(|(identifier, _)| identifier.kind().root_kind() == RootKind::Account);
        !kept.account.is_empty() && !kept.values.is_empty()
    }
}

/// The part of a message that fits.
pub(crate) struct Kept {
    /// The rule that the edges of this message are made by.
    rule: &'static str,
    person: Vec<Identifier>,
    account: Vec<Identifier>,
    /// Another root that it is about.
    subject: Vec<Identifier>,
    /// What belongs to what.
    pub(crate) relations: Vec<Related>,
    /// Whether it says that the person belongs to the account.
    joins: bool,
    /// Whether the source has deleted what it names.
    deletes: bool,
    /// Full field path, the entity, and the canonical value; `null` deletes.
    pub(crate) values: Vec<(String, Entity, Json)>,
    /// Identifiers that are values of a field too, by its full path.
    pub(crate) shown: Vec<(Identifier, String)>,
    pub(crate) event: Option<(EventId, String, Map<String, Json>)>,
    /// Who wrote the event, which is a message, and whether it is a note.
    written: Option<(Author, bool)>,
    observed_at: Timestamp,
}

impl Kept {
    /// The identifiers that it says are one root: those of a person, of an account, of another root.
    fn groups(&self) -> [&Vec<Identifier>; 3] {
        [&self.person, &self.account, &self.subject]
    }

    /// Everything that it names.
    fn identifiers(&self) -> impl Iterator<Item = &Identifier> {
        let targets = self.relations.iter().filter_map(|of| of.to.as_ref());
        self.groups().into_iter().flatten().chain(targets)
    }

    /// The identifier that what it says of a kind of root hangs on.
    fn first(&self, kind: RootKind) -> Option<&Identifier> {
        let firsts = self.groups().into_iter().filter_map(|of| of.first());
        firsts
            .into_iter()
            .find(|identifier| identifier.kind().root_kind() == kind)
    }
}

/// Everything that a delivery's transaction needs; nothing in it waits on anything.
pub(crate) struct Delivery {
    pub(crate) source: Source,
    /// The key of the workspace's keyed hashes.
    pub(crate) hash_key: [u8; 32],
    pub(crate) received_at: Timestamp,
    pub(crate) version: Option<Arc<Version>>,
    pub(crate) messages: Vec<Prepared>,
}

impl Engine {
    /// Keeps what a source delivered. Once this returns, it survives a crash.
    ///
    /// # Errors
    /// [`EngineError::Unauthenticated`] for a write key that never was or was revoked,
    /// [`EngineError::Invalid`] for a body that no parser can read; otherwise nothing was kept.
    pub async fn ingest(
        &self,
        header_key: Option<&str>,
        format: &dyn Decoder,
        body: &[u8],
    ) -> Result<Ingested, EngineError> {
        let received_at = self.runtime().now();
        let known = match header_key {
            Some(key) => Some(self.source(key).await?),
            None => None,
        };
        // What was held against one version is not stored under another: if one is published in
        // between, the delivery is read anew.
        loop {
            let decoded = format
                .decode(body, received_at)
                .map_err(|error| EngineError::invalid("body", error.to_string()))?;
            let source = match (&known, &decoded.write_key) {
                (Some(source), _) => source.clone(),
                (None, Some(key)) => self.source(key).await?,
                (None, None) => return Err(EngineError::Unauthenticated),
            };
            let (trust, quota) = (source.trust, source.quota);
            let kept = self.keep(source, received_at, decoded.messages).await?;
            if let Some(kept) = kept {
                self.metrics().ingested(trust, kept.ingested);
                return Ok(Ingested {
                    quota,
                    ..kept.ingested
                });
            }
        }
    }

    /// Keeps messages under the current version; `None` if that was no longer current in the end.
    pub(crate) async fn keep(
        &self,
        source: Source,
        received_at: Timestamp,
        messages: Vec<Message>,
    ) -> Result<Option<Committed>, EngineError> {
        let workspace = source.workspace;
        let engine = self.clone();
        let version = self
            .db()
            .read(workspace, move |tx| {
                Box::pin(async move {
                    match engine.version(tx, workspace).await {
                        Ok(version) => Ok(Some(version)),
                        // Nothing is catalogued yet: all of it waits in quarantine.
                        Err(EngineError::NoDefinitions) => Ok(None),
                        Err(error) => Err(error),
                    }
                })
            })
            .await?;
        let messages = messages
            .into_iter()
            .map(|message| self.prepare(&source, version.as_deref(), message));
        let messages = messages.collect();
        let delivery = Delivery {
            source,
            hash_key: self.hash_key(workspace).await?,
            received_at,
            version,
            messages,
        };
        let runtime = self.runtime().clone();
        let kept = self
            .db()
            .write(workspace, move |tx| Box::pin(commit(tx, runtime, delivery)))
            .await?;
        Ok(kept)
    }

    pub(crate) fn prepare(
        &self,
        source: &Source,
        version: Option<&Version>,
        message: Message,
    ) -> Prepared {
        let hash: [u8; 32] = Sha256::digest(&message.original).into();
        let Message {
            original,
            identifiers,
            message_id,
            fact,
        } = message;
        let (kept, faults, message_id) = match fact {
            Err(fault) => (None, vec![fault], message_id),
            Ok(fact) => {
                let message_id = fact.message_id.clone();
                let (kept, faults) = self.check(source, version, fact);
                (Some(kept), faults, Some(message_id))
            }
        };
        // A message without an id is known by its bytes: the same bytes again are the same message.
        let message_id = message_id.unwrap_or_else(|| format!("sha256:{}", hex::encode(hash)));
        Prepared {
            message_id,
            hash,
            kept,
            faults,
            original,
            identifiers,
        }
    }

    fn check(
        &self,
        source: &Source,
        version: Option<&Version>,
        mut fact: Fact,
    ) -> (Kept, Vec<Fault>) {
        let nothing = Catalog::default();
        let catalog = version.map_or(&nothing, |version| &version.definitions.catalog);
        let deliverer = Deliverer {
            source: &source.name,
            trust: source.trust,
        };
        contract::confine(deliverer, &mut fact);
        let Checked {
            values,
            shown,
            event,
            faults,
        } = contract::check(catalog, deliverer, &fact);
        let path = |idx| {
            catalog
                .get(idx)
                .map_or_else(String::new, |field| field.path.to_string())
        };
        let written = match fact.kind {
            FactKind::Message { author, is_note } => Some((author, is_note)),
            _ => None,
        };
        let deletes = fact.kind == FactKind::Delete;
        let names_both = !fact.person.is_empty() && !fact.account.is_empty();
        let kept = Kept {
            rule: fact.kind.as_str(),
            joins: names_both
                && match fact.kind {
                    FactKind::Group | FactKind::Identify => true,
                    FactKind::Write { entity, .. } => entity == Entity::Role,
                    FactKind::Track { .. }
                    | FactKind::Alias
                    | FactKind::Describe
                    | FactKind::Merge
                    | FactKind::Delete
                    | FactKind::Message { .. } => false,
                },
            deletes,
            person: fact.person,
            account: fact.account,
            subject: fact.subject,
            relations: fact.relations,
            values: values
                .into_iter()
                .map(|(idx, entity, value)| (path(idx), entity, value))
                .collect(),
            shown: shown
                .into_iter()
                .map(|(identifier, idx)| (identifier, path(idx)))
                .collect(),
            event: event.map(|(name, properties)| {
                (EventId::from_uuid(self.runtime().uuid()), name, properties)
            }),
            written,
            observed_at: fact.observed_at,
        };
        (kept, faults)
    }
}
