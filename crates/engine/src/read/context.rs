//! The governed context of one customer, and the explanation of it: the use cases that read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use kith_auth::end_user::IdentityToken;
use kith_domain::id::{AccountId, AuditId, MemberId, NodeId, PersonId, WorkspaceId};
use kith_domain::{Actor, Catalog, Entity, Identifier, Purpose, Scope, Timestamp};
use kith_policy::{Decision, NotVisible, Plan, Reason, Refusal, Verdict};
use kith_store::facts::EventRow;
use kith_store::{StoreError, Tx, identity, journey};

use super::answer::{
    AccountItem, Context, EntityAnswer, Explanation, FieldExplanation, Governor, JourneyItem,
    SignedIdentityAnswer,
};
use super::around::AroundAnswer;
use super::governed::{Governed, Receipt, Sealed};
use super::proof;
use super::subject::{self, Bound};
use crate::Engine;
use crate::access::Caller;
use crate::audit::{AuditActor, Entry, Outcome};
use crate::definitions::Version;
use crate::error::{EngineError, FieldRefused, Refused};

/// Most events that the recent journey shows.
const JOURNEY_LIMIT: u32 = 50;
/// How long the database may look where many rows may have to be looked at.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked.
#[derive(Debug, Clone)]
pub struct ContextRequest {
    /// Why.
    pub purpose: Purpose,
    /// About whom.
    pub subject: SubjectRef,
    /// The member for whom an agent acts; needs the scope `onBehalfOf`.
    pub on_behalf_of: Option<MemberRef>,
    /// Proof from the customer's backend that the end user is the subject.
    pub identity_token: Option<IdentityToken>,
}

/// About whom a request asks: a person, an account, or a person in an account.
#[derive(Debug, Clone)]
pub struct SubjectRef {
    /// The person.
    pub person: Option<RootRef<PersonId>>,
    /// The account.
    pub account: Option<RootRef<AccountId>>,
}

impl SubjectRef {
    /// Whether anyone is to be found by an identifier.
    const fn is_looked_up(&self) -> bool {
        matches!(self.person, Some(RootRef::Identifier(_)))
            || matches!(self.account, Some(RootRef::Identifier(_)))
    }
}

/// A person or account, by Kith's id or by an identifier of theirs.
#[derive(Debug, Clone)]
pub enum RootRef<Id> {
    /// Kith's own id.
    Id(Id),
    /// An identifier; the definitions must consent to the look-up.
    Identifier(Identifier),
}

/// A member, by id or by name.
#[derive(Debug, Clone)]
pub enum MemberRef {
    /// Kith's own id.
    Id(MemberId),
    /// The member's name, unique in the workspace.
    Name(String),
}

impl From<&str> for MemberRef {
    fn from(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }
}

/// What became of a read, before its audit entry is committed.
pub(super) enum Read<T> {
    Answer(Sealed<T>),
    Miss(Miss),
}

impl<T> Read<T> {
    pub(super) const fn audit(&self) -> AuditId {
        match self {
            Self::Answer(sealed) => sealed.audit(),
            Self::Miss(miss) => miss.entry().id,
        }
    }

    /// Absent and invisible must cost the same: this is how that is seen.
    pub(super) fn tell_cost(&self, tx: &Tx<'_>, action: &'static str) {
        tracing::debug!(
            audit = %self.audit(),
            statements = tx.statements(),
            action,
            "one snapshot"
        );
    }

    const fn decided(&self) -> (Purpose, Outcome) {
        match self {
            Self::Answer(sealed) => sealed.decided(),
            Self::Miss(miss) => (miss.entry().purpose, miss.entry().outcome),
        }
    }
}

/// Why there is no answer.
pub(crate) enum Miss {
    Forbidden(Entry, String),
    Refused(Entry, u64, Refusal),
    NotFound(Entry),
    NotVisible(Entry, u64, NotVisible),
}

/// Who asks, under which version and plan, and the audit entry in the making.
pub(crate) struct Begun {
    pub(crate) version: Arc<Version>,
    pub(crate) actor: Actor,
    pub(crate) plan: Plan,
    pub(crate) entry: Entry,
}

impl Miss {
    const fn entry(&self) -> &Entry {
        match self {
            Self::Forbidden(entry, _)
            | Self::Refused(entry, ..)
            | Self::NotFound(entry)
            | Self::NotVisible(entry, ..) => entry,
        }
    }

    pub(super) fn not_found(mut entry: Entry) -> Self {
        entry.outcome = Outcome::NotFound;
        Self::NotFound(entry)
    }

    pub(super) fn refused(mut entry: Entry, version: &Version, refusal: &Refusal) -> Self {
        entry.outcome = Outcome::Refused;
        entry.statements = statements(&refusal.reasons);
        Self::Refused(entry, version.number, refusal.clone())
    }
}

/// A question whose rows exist for the actor, and what the plan decides about them.
pub(super) struct Asked {
    pub(super) now: Timestamp,
    pub(super) workspace: WorkspaceId,
    pub(super) purpose: Purpose,
    pub(super) version: Arc<Version>,
    pub(super) plan: Plan,
    pub(super) bound: Bound,
    pub(super) decision: Decision,
    pub(super) hash_key: [u8; 32],
    pub(super) entry: Entry,
}

impl Engine {
    /// Answers the governed context of a customer, after its audit entry is committed. Refusals and
    /// misses are audited too.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if the policy refuses the purpose, [`EngineError::NotFound`] if there
    /// is nothing that the actor may know of, [`EngineError::AuditUnavailable`] if the entry cannot
    /// be written: then nothing leaves.
    pub async fn context(
        &self,
        caller: &Caller,
        request: ContextRequest,
    ) -> Result<Governed<Context>, EngineError> {
        let read = self
            .snapshot(caller, request, Vec::new(), "context.read", |tx, asked| {
                Box::pin(context(tx, asked))
            })
            .await?;
        self.release(read).await
    }

    /// Explains what the policy decides about a customer, without any value: the verdict, and the
    /// state of these fields (all, if none is named) with the statement that decided.
    ///
    /// # Errors
    /// As [`Engine::context`]; a refusal that depends on the row is explained, not an error.
    pub async fn explain(
        &self,
        caller: &Caller,
        request: ContextRequest,
        fields: Vec<String>,
    ) -> Result<Governed<Explanation>, EngineError> {
        let wanted = fields.clone();
        let read = self
            .snapshot(
                caller,
                request,
                fields,
                "context.explain",
                move |_, asked| Box::pin(std::future::ready(Ok(explanation(asked, &wanted)))),
            )
            .await?;
        self.release(read).await
    }

    /// Asks on one snapshot; what leaves it is sealed.
    pub(super) async fn snapshot<T, F>(
        &self,
        caller: &Caller,
        request: ContextRequest,
        fields: Vec<String>,
        action: &'static str,
        answer: F,
    ) -> Result<Read<T>, EngineError>
    where
        T: Send,
        F: for<'t> FnOnce(&'t mut Tx<'_>, Asked) -> BoxFuture<'t, Result<Read<T>, EngineError>>
            + Send
            + 'static,
    {
        caller.needs(Scope::Context)?;
        if request.subject.is_looked_up() {
            self.lookups()
                .admit(caller.credential, self.runtime().now())?;
        }
        let hash_key = self.hash_key(caller.workspace).await?;
        let (engine, caller) = (self.clone(), caller.clone());
        self.db()
            .read(
                caller.workspace,
                move |tx| -> BoxFuture<'_, Result<Read<T>, EngineError>> {
                    Box::pin(async move {
                        let asked = engine
                            .ask(tx, &caller, &request, &fields, action, hash_key)
                            .await?;
                        let read = match asked {
                            Ok(asked) => answer(tx, asked).await?,
                            Err(miss) => Read::Miss(miss),
                        };
                        read.tell_cost(tx, action);
                        Ok(read)
                    })
                },
            )
            .await
    }

    /// Asks on one snapshot where many rows may have to be looked at; `narrower` says what to ask for
    /// instead if that takes too long.
    pub(super) async fn scanned<T, F>(
        &self,
        workspace: WorkspaceId,
        action: &'static str,
        narrower: &'static str,
        read: F,
    ) -> Result<Read<T>, EngineError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'static>) -> BoxFuture<'t, Result<Read<T>, EngineError>>
            + Send
            + 'static,
    {
        let scanned = self
            .db()
            .scan(workspace, PATIENCE, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let read = read(tx).await?;
                    read.tell_cost(tx, action);
                    Ok::<_, EngineError>(read)
                })
            });
        scanned.await.map_err(|error| match error {
            EngineError::Store(StoreError::TooSlow) => EngineError::TooBroad(format!(
                "it took longer than {} seconds: {narrower}",
                PATIENCE.as_secs()
            )),
            other => other,
        })
    }

    /// Commits the audit entry, then gives the answer, the refusal or the miss that it speaks of.
    pub(super) async fn release<T>(&self, read: Read<T>) -> Result<Governed<T>, EngineError> {
        let (purpose, outcome) = read.decided();
        let started = Instant::now();
        let released = self.commit(read).await;
        match &released {
            Err(EngineError::AuditUnavailable(_)) => self.metrics().not_audited(),
            _ => self.metrics().decided(purpose, outcome, started.elapsed()),
        }
        released
    }

    async fn commit<T>(&self, read: Read<T>) -> Result<Governed<T>, EngineError> {
        let miss = match read {
            Read::Answer(sealed) => return sealed.release(self.journal()).await,
            Read::Miss(miss) => miss,
        };
        match miss {
            Miss::Forbidden(entry, why) => {
                Receipt::commit(self.journal(), entry).await?;
                Err(EngineError::Forbidden(why))
            }
            Miss::Refused(entry, definitions_version, refusal) => {
                let audit = Receipt::commit(self.journal(), entry).await?.audit();
                Err(EngineError::Refused(Box::new(Refused {
                    audit,
                    definitions_version,
                    refusal,
                })))
            }
            Miss::NotVisible(entry, definitions_version, field) => {
                let audit = Receipt::commit(self.journal(), entry).await?.audit();
                Err(EngineError::NotVisible(Box::new(FieldRefused {
                    audit,
                    definitions_version,
                    field,
                })))
            }
            Miss::NotFound(entry) => {
                if let Some(credential) = entry.looked_up_by() {
                    self.lookups().missed(credential, entry.at);
                }
                let audit = Receipt::commit(self.journal(), entry).await?.audit();
                Err(EngineError::NotFound { audit })
            }
        }
    }

    /// Finds the asker, the current version and the plan of both.
    pub(crate) async fn begin(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        on_behalf_of: Option<&MemberRef>,
        action: &'static str,
        purpose: Purpose,
    ) -> Result<Result<Begun, Miss>, EngineError> {
        let workspace = caller.workspace;
        let version = self.version(tx, workspace).await?;
        let position = tx.position().await?;
        let entry_of = |actor| {
            let mut entry = Entry::new(self.runtime(), workspace, actor, action, purpose);
            entry.definitions_version = version.number;
            entry.definitions_hash.clone_from(&version.hash);
            entry.position = position;
            entry
        };
        let actor = match self.actor(tx, caller, on_behalf_of).await {
            Ok(actor) => actor,
            Err(EngineError::Forbidden(why)) => {
                let mut entry = entry_of(AuditActor::from(&caller.alone()));
                entry.outcome = Outcome::Refused;
                return Ok(Err(Miss::Forbidden(entry, why)));
            }
            Err(error) => return Err(error),
        };
        let asker = caller.asker(&version.policies, &actor, purpose)?;
        let plan = self.plan(workspace, &version, asker);
        let entry = entry_of(AuditActor::from(&actor));
        Ok(Ok(Begun {
            version,
            actor,
            plan,
            entry,
        }))
    }

    pub(super) async fn ask(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        request: &ContextRequest,
        fields: &[String],
        action: &'static str,
        hash_key: [u8; 32],
    ) -> Result<Result<Asked, Miss>, EngineError> {
        let on_behalf_of = request.on_behalf_of.as_ref();
        let begun = self
            .begin(tx, caller, on_behalf_of, action, request.purpose)
            .await?;
        let begun = match begun {
            Ok(begun) => begun,
            Err(miss) => return Ok(Err(miss)),
        };
        known(&begun.version.definitions.catalog, fields)?;
        self.find(tx, begun, caller, request, hash_key).await
    }

    /// Finds what a request names, and what the plan decides about it.
    pub(super) async fn find(
        &self,
        tx: &mut Tx<'_>,
        begun: Begun,
        caller: &Caller,
        request: &ContextRequest,
        hash_key: [u8; 32],
    ) -> Result<Result<Asked, Miss>, EngineError> {
        let Begun {
            version,
            plan,
            mut entry,
            ..
        } = begun;
        let now = self.runtime().now();
        let workspace = caller.workspace;
        // A verdict that is false whatever the row is refused before any look-up.
        if let Some(refusal) = plan.refusal() {
            return Ok(Err(Miss::refused(entry, &version, &refusal)));
        }
        let proof = proof::verify(tx, workspace, request.identity_token.as_ref(), now).await?;
        entry.signed_identity = proof.audit_word();
        let found = subject::find(tx, workspace, &version, request, &hash_key, &mut entry).await?;
        let Some(bound) = found.bind(&version.definitions.catalog, &plan, &proof, now) else {
            return Ok(Err(Miss::not_found(entry)));
        };
        entry.account = bound.account.as_ref().map(|account| account.id);
        entry.person = bound.person.as_ref().map(|person| person.id);
        let decision = plan.decide(&bound.subject(), now);
        Ok(Ok(Asked {
            now,
            workspace,
            purpose: request.purpose,
            version,
            plan,
            bound,
            decision,
            hash_key,
            entry,
        }))
    }
}

async fn context(tx: &mut Tx<'_>, asked: Asked) -> Result<Read<Context>, EngineError> {
    let Asked {
        now,
        version,
        workspace,
        purpose,
        plan,
        bound,
        decision,
        hash_key,
        mut entry,
        ..
    } = asked;
    let allowed_because = match &decision.verdict {
        Verdict::Allowed { reasons } => reasons.clone(),
        Verdict::Refused(refusal) => {
            return Ok(Read::Miss(Miss::refused(entry, &version, refusal)));
        }
    };
    let mut decided_by = statements(&allowed_because);
    let catalog = &version.definitions.catalog;
    let mut governor = Governor {
        catalog,
        decision: &decision,
        hash_key: &hash_key,
        now,
        released: Vec::new(),
    };

    let account = bound.account.as_ref().map(|account| EntityAnswer {
        id: account.id,
        fields: governor.fields(Entity::Account, &account.row, &account.provenance),
    });
    let person = bound.person.as_ref().map(|person| EntityAnswer {
        id: person.id,
        fields: governor.fields(Entity::Person, &person.row, &person.provenance),
    });
    let role = bound
        .role
        .as_ref()
        .map(|role| governor.fields(Entity::Role, &role.row, &role.provenance));
    let (around, withheld_around) = AroundAnswer::of(&bound, &plan, &mut governor, &mut decided_by);
    let journey = recent(tx, workspace, &bound, &mut governor).await?;

    let entities = [
        (Entity::Account, account.is_some()),
        (Entity::Person, person.is_some()),
        (Entity::Role, role.is_some()),
        (Entity::Event, true),
    ];
    let entities: Vec<Entity> = entities
        .into_iter()
        .filter(|(_, bound)| *bound)
        .map(|(entity, _)| entity)
        .collect();
    let mut withheld = governor.withheld(&entities);
    withheld.extend(withheld_around);
    entry.statements = decided_by;
    entry.set_fields(governor.released);

    let several = if account.is_none() {
        bound.in_view.as_slice()
    } else {
        &[]
    };
    let answer = Context {
        purpose,
        definitions_version: version.number,
        decided_at: now,
        allowed_because,
        signed_identity: SignedIdentityAnswer {
            verified: bound.signed_identity.proven,
            method: bound.signed_identity.method.map(|method| method.as_str()),
        },
        account,
        person,
        role,
        around,
        accounts: several.iter().map(|id| AccountItem { id: *id }).collect(),
        journey,
        withheld,
    };
    Ok(Read::Answer(Sealed::new(answer, entry)))
}

/// The recent events of the person, or of the account if no person was asked for; those of accounts
/// out of view are left out.
pub(super) async fn recent(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    bound: &Bound,
    governor: &mut Governor<'_>,
) -> Result<Vec<JourneyItem>, EngineError> {
    let account = bound.account.as_ref().map(|account| account.id);
    let rows = match (&bound.person, account) {
        (Some(person), account) => {
            journey::of_person(tx, workspace, person.id, account, None, JOURNEY_LIMIT).await?
        }
        (None, Some(account)) => {
            journey::of_account(tx, workspace, account, None, JOURNEY_LIMIT).await?
        }
        (None, None) => Vec::new(),
    };
    let rows = in_view(tx, workspace, bound, rows).await?;
    Ok(rows
        .iter()
        .filter_map(|row| governor.event(row.id, &row.name, row.at, &row.properties))
        .collect())
}

/// The events among these that happened in no account, or in one that is in view.
pub(super) async fn in_view(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    bound: &Bound,
    mut rows: Vec<EventRow>,
) -> Result<Vec<EventRow>, EngineError> {
    let nodes: Vec<NodeId> = rows.iter().filter_map(|row| row.account_node).collect();
    let accounts: BTreeMap<NodeId, Option<AccountId>> = identity::nodes(tx, workspace, &nodes)
        .await?
        .into_iter()
        .map(|node| (node.id, node.root.and_then(|root| root.account())))
        .collect();
    let is_in_view = |node: NodeId| {
        let account = accounts.get(&node).copied().flatten();
        account.is_some_and(|account| bound.in_view.contains(&account))
    };
    rows.retain(|row| row.account_node.is_none_or(is_in_view));
    Ok(rows)
}

/// The statements that decided, for the audit: also where the asker may not see them.
pub(crate) fn statements(reasons: &[Reason]) -> Vec<String> {
    reasons
        .iter()
        .filter_map(Reason::decided_by)
        .map(|id| id.to_string())
        .collect()
}

/// Fields must be in the catalog. This is said before anyone is looked up, so that a wrong one is no
/// way to learn, unaudited, who is there.
pub(super) fn known(catalog: &Catalog, wanted: &[String]) -> Result<(), EngineError> {
    let Some(path) = wanted.iter().find(|path| catalog.find(path).is_none()) else {
        return Ok(());
    };
    let paths = catalog.fields().iter().map(|field| field.path.as_str());
    let expected = match kith_domain::diagnostic::nearest(path, paths) {
        Some(close) => format!("the catalog has no such field; did you mean `{close}`?"),
        None => "the catalog has no such field".to_owned(),
    };
    Err(EngineError::invalid("fields", expected))
}

fn explanation(asked: Asked, wanted: &[String]) -> Read<Explanation> {
    let Asked {
        version,
        purpose,
        decision,
        mut entry,
        ..
    } = asked;
    let catalog = &version.definitions.catalog;
    let (allowed, reasons) = match &decision.verdict {
        Verdict::Allowed { reasons } => (true, reasons.clone()),
        Verdict::Refused(refusal) => (false, refusal.reasons.clone()),
    };
    entry.statements = statements(&reasons);
    let mut fields = Vec::new();
    for (idx, field) in catalog.iter() {
        if wanted.is_empty() || wanted.iter().any(|path| path == field.path.as_str()) {
            let state = decision.state(idx).into();
            fields.push(FieldExplanation {
                field: field.path.clone(),
                state,
                reason: decision.reason(idx),
            });
        }
    }
    let answer = Explanation {
        purpose,
        definitions_version: version.number,
        allowed,
        reasons,
        fields,
    };
    Read::Answer(Sealed::new(answer, entry))
}
