//! Decisions about many accounts at once, without any value: which of them exist for the asker, whether
//! the purpose is allowed on each and why, and what each field is there.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use kith_domain::id::AccountId;
use kith_domain::{Catalog, Entity, FieldIdx, FieldPath, Purpose, Scope, Timestamp};
use kith_policy::{Decision, Plan, Reason, Subject};
use kith_store::{Tx, identity, profiles};
use serde::Serialize;

use super::answer::StateAnswer;
use super::around::Around;
use super::context::{Begun, MemberRef, Miss, Read, known, statements};
use super::governed::{Governed, Sealed};
use super::subject::typed;
use crate::Engine;
use crate::access::Caller;
use crate::audit::Outcome;
use crate::error::EngineError;

/// Most accounts of one request.
const MAX_ACCOUNTS: usize = 100;
/// Most fields of one request.
const MAX_FIELDS: usize = 200;
/// What the audit calls it.
const ACTION: &str = "decisions.read";

/// About which accounts and fields a decision is asked for.
#[derive(Debug, Clone)]
pub struct DecisionsRequest {
    /// Why.
    pub purpose: Purpose,
    /// The accounts, 1 to 100, by Kith's own id: finding somebody by an identifier is for `context`.
    pub accounts: Vec<AccountId>,
    /// Full paths, up to 200; if none is named, every field of accounts.
    pub fields: Vec<String>,
    /// The member for whom an agent acts; needs the scope `onBehalfOf`.
    pub on_behalf_of: Option<MemberRef>,
}

/// What the policy decides about accounts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decisions {
    /// What it was asked for.
    pub purpose: Purpose,
    /// The definitions version that decided.
    pub definitions_version: u64,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// One for each account, in the order in which they were asked for.
    pub items: Vec<AccountDecision>,
}

/// What the policy decides about one account.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountDecision {
    /// The id that was asked for.
    pub id: AccountId,
    /// Whether there is such an account for the asker. What is out of view is as if it never was.
    pub exists: bool,
    /// The verdict and the fields, if it exists.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decided>,
}

/// The verdict and the fields of an account that exists.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decided {
    /// Whether the purpose is allowed.
    pub allowed: bool,
    /// Why, or why not, as far as this asker may know.
    pub reasons: Vec<Reason>,
    /// The state of each field, by its full path.
    pub fields: IndexMap<FieldPath, StateAnswer>,
}

impl Engine {
    /// Decides about accounts, without any value, on one snapshot, after the audit entry is committed.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if the policy refuses the purpose whatever the account,
    /// [`EngineError::Invalid`] for too many accounts or fields, or fields that the catalog has not.
    pub async fn decisions(
        &self,
        caller: &Caller,
        request: DecisionsRequest,
    ) -> Result<Governed<Decisions>, EngineError> {
        caller.needs(Scope::Context)?;
        bounded("accounts", request.accounts.len(), 1, MAX_ACCOUNTS)?;
        bounded("fields", request.fields.len(), 0, MAX_FIELDS)?;
        let (engine, workspace) = (self.clone(), caller.workspace);
        let caller = caller.clone();
        let read = self
            .db()
            .read(workspace, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let read = engine.decide(tx, &caller, &request).await?;
                    read.tell_cost(tx, ACTION);
                    Ok::<_, EngineError>(read)
                })
            })
            .await?;
        self.release(read).await
    }

    async fn decide(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        request: &DecisionsRequest,
    ) -> Result<Read<Decisions>, EngineError> {
        let now = self.runtime().now();
        let (on_behalf_of, purpose) = (request.on_behalf_of.as_ref(), request.purpose);
        let begun = self
            .begin(tx, caller, on_behalf_of, ACTION, purpose)
            .await?;
        let Begun {
            version,
            plan,
            mut entry,
            ..
        } = match begun {
            Ok(begun) => begun,
            Err(miss) => return Ok(Read::Miss(miss)),
        };
        let catalog = &version.definitions.catalog;
        let fields = wanted(catalog, &request.fields)?;
        if let Some(refusal) = plan.refusal() {
            return Ok(Read::Miss(Miss::refused(entry, &version, &refusal)));
        }

        let merged = identity::merged_accounts(tx, caller.workspace, &request.accounts).await?;
        let led = |id: &AccountId| merged.get(id).copied().unwrap_or(*id);
        let ids: BTreeSet<AccountId> = request.accounts.iter().map(led).collect();
        let ids: Vec<AccountId> = ids.into_iter().collect();
        let found = profiles::get_many(tx, caller.workspace, &ids).await?;
        let around = Around::read(tx, caller.workspace, catalog, &ids).await?;
        let decisions: BTreeMap<AccountId, Decision> = found
            .iter()
            .map(|profile| {
                let row = typed(catalog, &profile.fields);
                (
                    profile.id,
                    decide_one(&plan, profile.id, &row, &around, now),
                )
            })
            .filter(|(_, decision)| decision.exists)
            .collect();

        let mut decided_by = BTreeSet::new();
        for decision in decisions.values() {
            decided_by.extend(statements(decision.verdict.reasons()));
        }
        entry.statements = decided_by.into_iter().collect();
        entry.detail = Some(format!(
            "{} accounts of {}; {} fields",
            decisions.len(),
            ids.len(),
            fields.len()
        ));
        entry.accounts = decisions.keys().copied().collect();
        if decisions.is_empty() {
            entry.outcome = Outcome::NotFound;
        }
        let items = request.accounts.iter().map(|id| {
            let decision = decisions.get(&led(id));
            AccountDecision {
                id: *id,
                exists: decision.is_some(),
                decided: decision.map(|decision| decided(catalog, &fields, decision)),
            }
        });
        let answer = Decisions {
            purpose,
            definitions_version: version.number,
            decided_at: now,
            items: items.collect(),
        };
        Ok(Read::Answer(Sealed::new(answer, entry)))
    }
}

/// Every verdict is answered and audited with its reasons, which a batch of decisions does not keep.
fn decide_one(
    plan: &Plan,
    id: AccountId,
    account: &kith_policy::Row,
    around: &Around,
    now: Timestamp,
) -> Decision {
    let mut subject = Subject {
        account: Some(account),
        ..Subject::default()
    };
    let neighbours = around.of(id, &subject, plan, now);
    neighbours.bind(&mut subject);
    plan.decide(&subject, now)
}

fn decided(catalog: &Catalog, fields: &[FieldIdx], decision: &Decision) -> Decided {
    let state = |idx: &FieldIdx| {
        let field = catalog.get(*idx)?;
        Some((field.path.clone(), decision.state(*idx).into()))
    };
    Decided {
        allowed: decision.verdict.is_allowed(),
        reasons: decision.verdict.reasons().to_vec(),
        fields: fields.iter().filter_map(state).collect(),
    }
}

/// The fields that are asked about, in order of path.
fn wanted(catalog: &Catalog, named: &[String]) -> Result<Vec<FieldIdx>, EngineError> {
    known(catalog, named)?;
    let is_wanted = |entity: Entity, path: &FieldPath| match named.is_empty() {
        true => entity == Entity::Account,
        false => named.iter().any(|name| name == path.as_str()),
    };
    let wanted: Vec<_> = catalog
        .iter()
        .filter(|(_, field)| is_wanted(field.entity, &field.path))
        .map(|(idx, _)| idx)
        .collect();
    bounded("fields", wanted.len(), 0, MAX_FIELDS)?;
    Ok(wanted)
}

fn bounded(what: &str, number: usize, least: usize, most: usize) -> Result<(), EngineError> {
    if (least..=most).contains(&number) {
        return Ok(());
    }
    let expected = match least {
        0 => format!("name at most {most} of them"),
        _ => format!("expected {least} to {most} of them"),
    };
    Err(EngineError::invalid(what, expected))
}
