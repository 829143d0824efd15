//! Erasure: a person leaves every table, index and quarantine, with what they wrote and the conversations
//! that they had, and does not come back by replay. What stays is the proof: an entry in the audit log that
//! names random ids and counts.
//!
//! Afterwards the store is swept of what erased rows left in free space. That is done again when a server
//! starts, if it was not done before.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::BoxFuture;
use kith_domain::id::{PersonId, WorkspaceId};
use kith_domain::{Identifier, Purpose, Scope};
use kith_store::feed::{self, Change};
use kith_store::identity::RootId;
use kith_store::{StoreError, Tx, erasure, identity};
use serde::Serialize;

use crate::Engine;
use crate::access::Caller;
use crate::audit::{AuditActor, Entry, Outcome, lookup_hash};
use crate::error::{EngineError, Refused};
use crate::ingest::Prepared;
use crate::read::{Governed, Receipt, Standing, standing, statements};

/// What the audit calls it.
const ACTION: &str = "people.erase";
/// How often a sweep is tried that readers were in the way of.
const SWEEPS: u32 = 10;
/// How long it waits for them.
const SWEEP_WAIT: Duration = Duration::from_millis(300);

/// What was erased: how much, and never what.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Erasure {
    /// The person that is no more.
    pub id: PersonId,
    /// Identifiers that are kept from coming back.
    pub identifiers: usize,
    /// Conversations that went with the person.
    pub conversations: usize,
    /// Events.
    pub events: u64,
    /// Values of fields, the losing ones too.
    pub values: u64,
    /// Messages.
    pub messages: u64,
    /// Refused messages.
    pub quarantined: u64,
}

impl Engine {
    /// Erases a person in the caller's view, for good.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if the policies refuse `person.erase`, [`EngineError::NotFound`] if there is
    /// nobody that the caller may know of; both are audited.
    pub async fn erase_person(
        &self,
        caller: &Caller,
        person: PersonId,
    ) -> Result<Governed<Erasure>, EngineError> {
        caller.needs(Scope::Write)?;
        let hash_key = self.hash_key(caller.workspace).await?;
        let (engine, caller) = (self.clone(), caller.clone());
        let workspace = caller.workspace;
        let erased = self
            .db()
            .write(workspace, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move { engine.erase_for(tx, &caller, person, hash_key).await })
            })
            .await?;
        let outcome = match &erased {
            Ok(_) => Outcome::Allowed,
            Err(EngineError::Refused(_)) => Outcome::Refused,
            Err(_) => Outcome::NotFound,
        };
        self.metrics().decided_change(Purpose::PersonErase, outcome);
        if erased.is_ok() {
            self.sweep(workspace).await;
        }
        erased
    }

    /// The same for whoever has the store itself, whatever the policies say; `None` if there is nobody.
    ///
    /// # Errors
    /// If the store fails: then nothing was erased.
    pub async fn erase_person_as_operator(
        &self,
        workspace: WorkspaceId,
        person: PersonId,
    ) -> Result<Option<Governed<Erasure>>, EngineError> {
        let hash_key = self.hash_key(workspace).await?;
        let runtime = self.runtime().clone();
        let erased = self
            .db()
            .write(workspace, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let root = identity::resolve(tx, workspace, person.into()).await?;
                    let Some(person) = root.person() else {
                        return Ok(None);
                    };
                    if identity::nodes_of_root(tx, workspace, root)
                        .await?
                        .is_empty()
                    {
                        return Ok(None);
                    }
                    let by = AuditActor::operator();
                    let entry = Entry::new(&runtime, workspace, by, ACTION, Purpose::PersonErase);
                    erase(tx, entry, person, &hash_key).await.map(Some)
                })
            })
            .await?;
        if erased.is_some() {
            self.sweep(workspace).await;
        }
        Ok(erased)
    }

    /// Lets what names an identifier in again, though its person was erased; whether it was kept out.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn readmit(
        &self,
        workspace: WorkspaceId,
        identifier: &Identifier,
    ) -> Result<bool, EngineError> {
        let hash = lookup_hash(&self.hash_key(workspace).await?, identifier);
        let runtime = self.runtime().clone();
        let was_out = self
            .db()
            .write(
                workspace,
                move |tx| -> BoxFuture<'_, Result<bool, StoreError>> {
                    Box::pin(async move {
                        let was_out = erasure::readmit(tx, workspace, hash.as_bytes()).await?;
                        if was_out {
                            let by = AuditActor::operator();
                            let mut entry = Entry::new(
                                &runtime,
                                workspace,
                                by,
                                "people.readmit",
                                Purpose::PersonErase,
                            );
                            entry.lookups.push(hash);
                            Receipt::in_change(tx, entry).await?;
                        }
                        Ok(was_out)
                    })
                },
            )
            .await?;
        Ok(was_out)
    }

    /// Sweeps the store of what erasures left behind that were cut off before they were done.
    pub async fn finish_erasures(&self) {
        let Ok(workspaces) = self.workspaces().await else {
            return;
        };
        for workspace in workspaces {
            let unswept = self.db().read(workspace.id, move |tx| {
                Box::pin(erasure::unswept(tx, workspace.id))
            });
            if unswept.await.is_ok_and(|unswept| unswept > 0) {
                self.sweep(workspace.id).await;
            }
        }
    }

    /// Sweeps the store, and says so in it. What cannot be done now is done when a server starts.
    async fn sweep(&self, workspace: WorkspaceId) {
        let until = self.runtime().now();
        for _ in 0..SWEEPS {
            match self.db().sweep().await {
                Ok(true) => {
                    let done = self.db().write(workspace, move |tx| {
                        Box::pin(erasure::swept(tx, workspace, until))
                    });
                    if let Err(error) = done.await {
                        tracing::warn!(%error, "swept, and could not say so: it will be done again");
                    }
                    return;
                }
                Ok(false) => tokio::time::sleep(SWEEP_WAIT).await,
                Err(error) => {
                    tracing::warn!(%error, "what was erased is still in free space");
                    return;
                }
            }
        }
        tracing::warn!(
            "what was erased is still in free space, since readers see it: the next erasure or start sweeps it"
        );
    }

    async fn erase_for(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        person: PersonId,
        hash_key: [u8; 32],
    ) -> Result<Result<Governed<Erasure>, EngineError>, EngineError> {
        let workspace = caller.workspace;
        let begun = self
            .begin(tx, caller, None, ACTION, Purpose::PersonErase)
            .await?;
        let Ok(mut begun) = begun else {
            return Err(StoreError::Conflict("an erasure acts for nobody else").into());
        };
        begun.entry.position = 0;
        let refused = |begun: &crate::read::Begun, refusal: kith_policy::Refusal| {
            let mut entry = begun.entry.clone();
            entry.outcome = Outcome::Refused;
            entry.statements = statements(&refusal.reasons);
            (entry, refusal)
        };
        let denied = match begun.plan.refusal() {
            Some(refusal) => Some(refused(&begun, refusal)),
            None => {
                let root = identity::resolve(tx, workspace, person.into()).await?;
                let now = begun.entry.at;
                match standing(tx, &mut begun, root, &hash_key, now).await? {
                    Standing::Mine(reasons) => {
                        let mut entry = begun.entry.clone();
                        entry.statements = reasons;
                        let person = root.person().unwrap_or(person);
                        let erased = erase(tx, entry, person, &hash_key).await?;
                        return Ok(Ok(erased));
                    }
                    Standing::Refused(refusal) => Some(refused(&begun, refusal)),
                    Standing::Hidden => None,
                }
            }
        };
        tracing::debug!(
            audit = %begun.entry.id,
            statements = tx.statements(),
            action = ACTION,
            "one snapshot"
        );
        Ok(Err(match denied {
            Some((entry, refusal)) => {
                let audit = Receipt::in_change(tx, entry).await?.audit();
                EngineError::Refused(Box::new(Refused {
                    audit,
                    definitions_version: begun.version.number,
                    refusal,
                }))
            }
            None => {
                begun.entry.outcome = Outcome::NotFound;
                let audit = Receipt::in_change(tx, begun.entry).await?.audit();
                EngineError::NotFound { audit }
            }
        }))
    }
}

/// Erases, keeps from coming back, tells the change feed, and leaves the proof, all in one transaction.
async fn erase(
    tx: &mut Tx<'_>,
    mut entry: Entry,
    person: PersonId,
    hash_key: &[u8; 32],
) -> Result<Governed<Erasure>, EngineError> {
    let (workspace, at) = (entry.workspace, entry.at);
    let erased = erasure::erase_person(tx, workspace, person, at).await?;
    let hashes: BTreeSet<[u8; 32]> = erased
        .identifiers
        .iter()
        .map(|identifier| *lookup_hash(hash_key, identifier).as_bytes())
        .collect();
    let hashes: Vec<_> = hashes.into_iter().collect();
    erasure::suppress(tx, workspace, &hashes, at).await?;
    let roots = erased.conversations.iter().copied();
    let changes: Vec<Change> = roots
        .chain([RootId::Person(person)])
        .map(|root| Change {
            at,
            root,
            operation: "erase".into(),
            fields: Vec::new(),
            definitions_version: entry.definitions_version,
        })
        .collect();
    feed::append_many(tx, workspace, &changes).await?;
    let answer = Erasure {
        id: person,
        identifiers: hashes.len(),
        conversations: erased.conversations.len(),
        events: erased.events,
        values: erased.observations,
        messages: erased.messages,
        quarantined: erased.quarantined,
    };
    entry.person = Some(person);
    entry.roots = erased.conversations.iter().map(RootId::to_string).collect();
    entry.detail = Some(format!(
        "erased {} identifiers, {} values, {} events, {} messages, {} refused messages",
        answer.identifiers, answer.values, answer.events, answer.messages, answer.quarantined
    ));
    let receipt = Receipt::in_change(tx, entry).await?;
    Ok(Governed::of_change(answer, receipt))
}

/// Takes those out of a delivery who were erased: which messages are not taken in at all. Of one that also
/// speaks of an account, that part stays.
pub(crate) async fn keep_out(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    hash_key: &[u8; 32],
    messages: &mut [Prepared],
) -> Result<Vec<bool>, StoreError> {
    let mut out = vec![false; messages.len()];
    if !erasure::any_suppressed(tx, workspace).await? {
        return Ok(out);
    }
    let hash = |identifier: &Identifier| *lookup_hash(hash_key, identifier).as_bytes();
    let named: BTreeSet<[u8; 32]> = messages
        .iter()
        .flat_map(Prepared::identifiers)
        .map(hash)
        .collect();
    let named: Vec<_> = named.into_iter().collect();
    let suppressed = erasure::suppressed(tx, workspace, &named).await?;
    if suppressed.is_empty() {
        return Ok(out);
    }
    for (message, out) in messages.iter_mut().zip(&mut out) {
        let is_out = |identifier: &Identifier| suppressed.contains(&hash(identifier));
        if message.identifiers().any(is_out) {
            *out = !message.keep_account_alone();
        }
    }
    Ok(out)
}
