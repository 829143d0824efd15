//! One root by its id, bound and decided on as in a list of its kind.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

use std::sync::Arc;

use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use kith_domain::id::AccountId;
use kith_domain::{Purpose, Scope, Timestamp};
use kith_policy::{Decision, Reason, Verdict};
use kith_store::identity::RootId;
use kith_store::profiles::{self, Profile};
use kith_store::{Tx, identity};
use serde::Serialize;

use super::MAX_NAMED;
use super::root::{Asker, Bound, Listed, Surroundings};
use crate::Engine;
use crate::access::Caller;
use crate::audit::Entry;
use crate::definitions::Version;
use crate::error::EngineError;
use crate::read::answer::{EntityAnswer, Governor, IdAnswer, Withheld};
use crate::read::context::{Begun, MemberRef, Miss, Read, statements};
use crate::read::governed::{Governed, Sealed};
use crate::read::subject::typed;

/// Which root is asked for.
#[derive(Debug, Clone)]
pub struct RootRequest<Id> {
    /// Why.
    pub purpose: Purpose,
    /// Which one.
    pub id: Id,
    /// The member for whom an agent acts; needs the scope `onBehalfOf`.
    pub on_behalf_of: Option<MemberRef>,
}

/// One root, governed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RootAnswer<Id> {
    /// What it was asked for.
    pub purpose: Purpose,
    /// The definitions version that decided.
    pub definitions_version: u64,
    /// When it was decided; ages count from here.
    pub decided_at: Timestamp,
    /// Why the purpose is allowed.
    pub allowed_because: Arc<[Reason]>,
    /// It, under the word for what it is.
    #[serde(flatten)]
    pub root: IndexMap<&'static str, EntityAnswer<Id>>,
    /// The accounts in view that it belongs to, the first ones if there are many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<IdAnswer<AccountId>>,
    /// Every field that is hidden, with the reason.
    pub withheld: Vec<Withheld>,
}

impl Engine {
    /// Answers one person, company or other root, after its audit entry is committed. Refusals and misses
    /// are audited too.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if the policy refuses the purpose, [`EngineError::NotFound`] if there is
    /// nothing that the actor may know of.
    pub async fn root<Id: Listed>(
        &self,
        caller: &Caller,
        request: RootRequest<Id>,
    ) -> Result<Governed<RootAnswer<Id>>, EngineError> {
        caller.needs(Scope::Context)?;
        let workspace = caller.workspace;
        let hash_key = self.hash_key(workspace).await?;
        let (engine, caller) = (self.clone(), caller.clone());
        let read = self
            .db()
            .read(workspace, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let read = engine.one(tx, &caller, &request, hash_key).await?;
                    read.tell_cost(tx, Id::READ);
                    Ok::<_, EngineError>(read)
                })
            })
            .await?;
        self.release(read).await
    }

    async fn one<Id: Listed>(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        request: &RootRequest<Id>,
        hash_key: [u8; 32],
    ) -> Result<Read<RootAnswer<Id>>, EngineError> {
        let looked = match self.look(tx, caller, request, Id::READ).await? {
            Ok(looked) => looked,
            Err(miss) => return Ok(Read::Miss(miss)),
        };
        let Looked {
            version,
            mut entry,
            id,
            now,
            bound,
            profile,
            decision,
            allowed_because,
        } = looked;
        let mut governor = Governor {
            catalog: &version.definitions.catalog,
            decision: &decision,
            hash_key: &hash_key,
            now,
            released: Vec::new(),
        };
        let fields = governor.fields(Id::ENTITY, bound.own(), &profile.provenance);
        let accounts: Vec<_> = bound.accounts.iter().take(MAX_NAMED).copied().collect();
        let answer = RootAnswer {
            purpose: request.purpose,
            definitions_version: version.number,
            decided_at: now,
            root: IndexMap::from([(Id::ENTITY.as_str(), EntityAnswer { id, fields })]),
            accounts: accounts.iter().map(|id| IdAnswer { id: *id }).collect(),
            withheld: governor.withheld(&[Id::ENTITY]),
            allowed_because,
        };
        entry.accounts = accounts;
        entry.statements = statements(&answer.allowed_because);
        entry.set_fields(governor.released);
        Ok(Read::Answer(Sealed::new(answer, entry)))
    }

    /// Finds the one that is asked for, bound and decided on as in a list of its kind.
    pub(in crate::read) async fn look<Id: Listed>(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        request: &RootRequest<Id>,
        action: &'static str,
    ) -> Result<Result<Looked<Id>, Miss>, EngineError> {
        let (workspace, now) = (caller.workspace, self.runtime().now());
        let (on_behalf_of, purpose) = (request.on_behalf_of.as_ref(), request.purpose);
        let begun = self
            .begin(tx, caller, on_behalf_of, action, purpose)
            .await?;
        let Begun {
            version,
            plan,
            mut entry,
            ..
        } = match begun {
            Ok(begun) => begun,
            Err(miss) => return Ok(Err(miss)),
        };
        // A verdict that is false whatever the row is refused before any row is read.
        if let Some(refusal) = plan.refusal() {
            return Ok(Err(Miss::refused(entry, &version, &refusal)));
        }
        let catalog = &version.definitions.catalog;
        let root = identity::resolve(tx, workspace, request.id.into()).await?;
        let id = Id::of(root).unwrap_or(request.id);
        let found = profiles::get(tx, workspace, id).await?;
        let asker = Asker {
            workspace,
            catalog,
            plan: &plan,
            now,
        };
        // What is not there takes the same path as what may not be seen.
        let surroundings = Surroundings::read(tx, asker, &[id]).await?;
        let bound = found.and_then(|profile| {
            let row = typed(catalog, &profile.fields);
            Some((surroundings.bind(asker, id, row)?, profile))
        });
        let Some((bound, profile)) = bound else {
            return Ok(Err(Miss::not_found(entry)));
        };
        match root {
            RootId::Account(id) => entry.account = Some(id),
            RootId::Person(id) => entry.person = Some(id),
            _ => entry.roots.push(id.to_string()),
        }
        let decision = plan.decide(&bound.subject(), now);
        if !decision.exists {
            return Ok(Err(Miss::not_found(entry)));
        }
        let allowed_because = match &decision.verdict {
            Verdict::Allowed { reasons } => reasons.clone(),
            Verdict::Refused(refusal) => {
                return Ok(Err(Miss::refused(entry, &version, refusal)));
            }
        };
        Ok(Ok(Looked {
            version,
            entry,
            id,
            now,
            bound,
            profile,
            decision,
            allowed_because,
        }))
    }
}

/// One root that was found, and what was decided on it.
pub(in crate::read) struct Looked<Id> {
    pub(in crate::read) version: Arc<Version>,
    pub(in crate::read) entry: Entry,
    pub(in crate::read) id: Id,
    pub(in crate::read) now: Timestamp,
    bound: Bound,
    profile: Profile<Id>,
    pub(in crate::read) decision: Decision,
    pub(in crate::read) allowed_because: Arc<[Reason]>,
}
