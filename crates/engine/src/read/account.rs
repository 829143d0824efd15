//! One account by Kith's own id: its governed form, and the summary of it that support begins with.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use indexmap::IndexMap;
use kith_domain::id::{AccountId, PersonId};
use kith_domain::time::MICROS_PER_SECOND;
use kith_domain::{Catalog, Entity, Purpose, Scope, Timestamp};
use kith_policy::{Plan, Reason, State, Subject, Verdict};
use kith_store::{StoreError, Tx, journey, profiles};
use serde::Serialize;
use serde_json::Value as Json;
use sha2::Sha256;

use super::answer::{EntityAnswer, FieldAnswer, Governor, JourneyItem, Withheld};
use super::around::AroundAnswer;
use super::as_of::{Then, then};
use super::context::{
    Asked, ContextRequest, MemberRef, Miss, Read, RootRef, SubjectRef, recent, statements,
};
use super::governed::{Governed, Sealed};
use super::subject::typed;
use crate::Engine;
use crate::access::Caller;
use crate::error::EngineError;

/// Most people that a summary shows.
const MAX_PEOPLE: usize = 50;
/// Most people of an account that are looked at. Beyond it, people are as good as out of view.
const MAX_ROLES: u32 = 500;
/// How far back events are counted.
const COUNTED_DAYS: i64 = 30;

/// Which account is asked for.
#[derive(Debug, Clone)]
pub struct AccountRequest {
    /// Why.
    pub purpose: Purpose,
    /// The account.
    pub account: AccountId,
    /// The member for whom an agent acts; needs the scope `onBehalfOf`.
    pub on_behalf_of: Option<MemberRef>,
    /// With the values of this time.
    pub as_of: Option<Timestamp>,
}

impl From<AccountRequest> for ContextRequest {
    fn from(request: AccountRequest) -> Self {
        Self {
            purpose: request.purpose,
            subject: SubjectRef {
                person: None,
                account: Some(RootRef::Id(request.account)),
            },
            on_behalf_of: request.on_behalf_of,
            identity_token: None,
        }
    }
}

/// An account in its governed form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountAnswer {
    /// What it was asked for.
    pub purpose: Purpose,
    /// The definitions version that decided.
    pub definitions_version: u64,
    /// When it was decided; ages count from here, or from `as_of`.
    pub decided_at: Timestamp,
    /// The time that the values are of, if one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// The statements that allowed the purpose.
    pub allowed_because: Arc<[Reason]>,
    /// The account.
    pub account: EntityAnswer<AccountId>,
    /// Its company, site and subscriptions as they are now; not with `as_of`.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub around: Option<AroundAnswer>,
    /// The fields that are hidden, each with the reason.
    pub withheld: Vec<Withheld>,
    /// Equal for answers that differ in nothing but when they were given: a keyed hash of the governed
    /// form, which tells nothing of the values.
    #[serde(skip)]
    pub etag: String,
}

/// What support begins with: an account, its people, and what happened there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountSummary {
    /// What it was asked for.
    pub purpose: Purpose,
    /// The definitions version that decided.
    pub definitions_version: u64,
    /// When it was decided; ages count from here.
    pub decided_at: Timestamp,
    /// The statements that allowed the purpose.
    pub allowed_because: Arc<[Reason]>,
    /// The account.
    pub account: EntityAnswer<AccountId>,
    /// Its company, site and subscriptions.
    #[serde(flatten)]
    pub around: AroundAnswer,
    /// The people of the account in view on whom the purpose is allowed, by id; at most 50.
    pub people: Vec<PersonItem>,
    /// Whether there are more people than are shown.
    pub more_people: bool,
    /// How often what the asker may see happened in the last 30 days, by the event's name.
    pub events: BTreeMap<String, u64>,
    /// What happened recently, the newest first.
    pub journey: Vec<JourneyItem>,
    /// The fields that are hidden whoever the person is, each with the reason.
    pub withheld: Vec<Withheld>,
}

/// A person of an account.
#[derive(Serialize)]
pub struct PersonItem {
    /// The person's id.
    pub id: PersonId,
    /// Visible and masked fields by key.
    #[serde(flatten)]
    pub fields: IndexMap<String, FieldAnswer>,
    /// The person's role in the account.
    pub role: IndexMap<String, FieldAnswer>,
    /// The fields that are hidden on this person and not on every other, each with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub withheld: Vec<Withheld>,
}

impl Engine {
    /// Answers an account in its governed form, after its audit entry is committed. With `as_of` its
    /// values are of then; who may see them is decided on the account of now.
    ///
    /// # Errors
    /// As [`Engine::context`]; [`EngineError::TooBroad`] if its past takes too long to look through.
    pub async fn account(
        &self,
        caller: &Caller,
        request: AccountRequest,
    ) -> Result<Governed<AccountAnswer>, EngineError> {
        const ACTION: &str = "accounts.read";
        let Some(at) = request.as_of else {
            let asking = request.into();
            let read = self
                .snapshot(caller, asking, Vec::new(), ACTION, |_, asked| {
                    Box::pin(std::future::ready(account(asked, None)))
                })
                .await?;
            return self.release(read).await;
        };
        caller.needs(Scope::Context)?;
        if at > self.runtime().now() {
            let expected = "expected a time that is not in the future";
            return Err(EngineError::invalid("asOf", expected));
        }
        let hash_key = self.hash_key(caller.workspace).await?;
        let (engine, workspace) = (self.clone(), caller.workspace);
        let (caller, request) = (caller.clone(), ContextRequest::from(request));
        let narrower = "ask for the account as it is now";
        let read = self
            .scanned(workspace, ACTION, narrower, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let asked = engine
                        .ask(tx, &caller, &request, &[], ACTION, hash_key)
                        .await?;
                    let asked = match asked {
                        Ok(asked) => asked,
                        Err(miss) => return Ok(Read::Miss(miss)),
                    };
                    let then = match &asked.bound.account {
                        Some(account) if asked.decision.verdict.is_allowed() => {
                            let catalog = &asked.version.definitions.catalog;
                            let of = (Entity::Account, account.id.into());
                            Some(then(tx, workspace, catalog, &asked.decision, of, at).await?)
                        }
                        _ => None,
                    };
                    account(asked, then.as_ref())
                })
            })
            .await?;
        self.release(read).await
    }

    /// Answers the summary of an account, after its audit entry is committed.
    ///
    /// # Errors
    /// As [`Engine::context`]; [`EngineError::TooBroad`] if its events are too many to be counted in time.
    pub async fn account_summary(
        &self,
        caller: &Caller,
        request: AccountRequest,
    ) -> Result<Governed<AccountSummary>, EngineError> {
        const ACTION: &str = "accounts.summary";
        caller.needs(Scope::Context)?;
        let hash_key = self.hash_key(caller.workspace).await?;
        let (engine, workspace) = (self.clone(), caller.workspace);
        let (caller, request) = (caller.clone(), ContextRequest::from(request));
        let narrower = "it has many events, so ask for the account alone";
        let read = self
            .scanned(workspace, ACTION, narrower, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let asked = engine
                        .ask(tx, &caller, &request, &[], ACTION, hash_key)
                        .await?;
                    match asked {
                        Ok(asked) => summary(tx, asked).await,
                        Err(miss) => Ok(Read::Miss(miss)),
                    }
                })
            })
            .await?;
        self.release(read).await
    }
}

fn account(asked: Asked, then: Option<&Then>) -> Result<Read<AccountAnswer>, EngineError> {
    let Asked {
        now,
        version,
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
    let Some(account) = &bound.account else {
        return Ok(Read::Miss(Miss::not_found(entry)));
    };
    let mut decided_by = statements(&allowed_because);
    let mut governor = Governor {
        catalog: &version.definitions.catalog,
        decision: &decision,
        hash_key: &hash_key,
        now: then.map_or(now, |then| then.at),
        released: Vec::new(),
    };
    let (row, provenance) = match then {
        Some(then) => (&then.row, &then.provenance),
        None => (&account.row, &account.provenance),
    };
    let account = EntityAnswer {
        id: account.id,
        fields: governor.fields(Entity::Account, row, provenance),
    };
    let mut withheld = governor.withheld(&[Entity::Account]);
    let around = match then {
        Some(_) => None,
        None => {
            let (around, more) = AroundAnswer::of(&bound, &plan, &mut governor, &mut decided_by);
            withheld.extend(more);
            Some(around)
        }
    };
    entry.statements = decided_by;
    entry.set_fields(governor.released);
    let mut answer = AccountAnswer {
        purpose,
        definitions_version: version.number,
        decided_at: now,
        as_of: then.map(|then| then.at),
        allowed_because,
        account,
        around,
        withheld,
        etag: String::new(),
    };
    answer.etag = answer.hash(&hash_key)?;
    Ok(Read::Answer(Sealed::new(answer, entry)))
}

impl AccountAnswer {
    fn hash(&self, key: &[u8; 32]) -> Result<String, EngineError> {
        let broken = |_| StoreError::Conflict("an answer does not serialise");
        let mut form = serde_json::to_value(self).map_err(broken)?;
        // Time goes on in every answer.
        if let Some(form) = form.as_object_mut() {
            form.remove("decidedAt");
        }
        without_ages(&mut form);
        // HMAC takes keys of every length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
            return Ok(String::new());
        };
        mac.update(b"etag\0");
        mac.update(form.to_string().as_bytes());
        let hash = mac.finalize().into_bytes();
        Ok(format!(
            "W/\"{}\"",
            hex::encode(hash.get(..16).unwrap_or_default())
        ))
    }
}

/// Ages are numbers; a field of that name is an object.
fn without_ages(form: &mut Json) {
    match form {
        Json::Object(parts) => {
            parts.retain(|key, part| key != "ageSeconds" || !part.is_number());
            parts.values_mut().for_each(without_ages);
        }
        Json::Array(items) => items.iter_mut().for_each(without_ages),
        _ => {}
    }
}

async fn summary(tx: &mut Tx<'_>, asked: Asked) -> Result<Read<AccountSummary>, EngineError> {
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
    } = asked;
    let allowed_because = match &decision.verdict {
        Verdict::Allowed { reasons } => reasons.clone(),
        Verdict::Refused(refusal) => {
            return Ok(Read::Miss(Miss::refused(entry, &version, refusal)));
        }
    };
    let Some(account) = &bound.account else {
        return Ok(Read::Miss(Miss::not_found(entry)));
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
    let account_answer = EntityAnswer {
        id: account.id,
        fields: governor.fields(Entity::Account, &account.row, &account.provenance),
    };
    let (around, withheld_around) = AroundAnswer::of(&bound, &plan, &mut governor, &mut decided_by);
    let journey = recent(tx, workspace, &bound, &mut governor).await?;
    let since = COUNTED_DAYS * 24 * 60 * 60 * MICROS_PER_SECOND;
    let since = Timestamp::from_micros(now.micros().saturating_sub(since));
    let counted = journey::counts_of_account(tx, workspace, account.id, since).await?;
    let events = counted
        .into_iter()
        .filter(|(name, _)| governor.shows_event(name))
        .collect();
    let mut withheld = governor.withheld(&[Entity::Account, Entity::Event]);
    withheld.extend(withheld_around);
    let of_people = governor.withheld(&[Entity::Person, Entity::Role]);
    withheld.extend(of_people.into_iter().filter(|of| hides(catalog, &plan, of)));
    let mut released = std::mem::take(&mut governor.released);

    let mut people = Vec::new();
    let rows = profiles::people_of_account(tx, workspace, account.id, MAX_ROLES).await?;
    let mut more_people = false;
    for (role, person) in rows {
        let role_row = typed(catalog, &role.fields);
        let person_row = typed(catalog, &person.fields);
        let subject = Subject {
            person: Some(&person_row),
            role: Some(&role_row),
            ..bound.subject()
        };
        let decision = plan.decide(&subject, now);
        if !decision.exists || !decision.verdict.is_allowed() {
            continue;
        }
        if people.len() == MAX_PEOPLE {
            more_people = true;
            break;
        }
        decided_by.extend(statements(decision.verdict.reasons()));
        let mut governor = Governor {
            catalog,
            decision: &decision,
            hash_key: &hash_key,
            now,
            released: Vec::new(),
        };
        let fields = governor.fields(Entity::Person, &person_row, &person.provenance);
        let role = governor.fields(Entity::Role, &role_row, &role.provenance);
        let mut withheld = governor.withheld(&[Entity::Person, Entity::Role]);
        withheld.retain(|of| !hides(catalog, &plan, of));
        released.append(&mut governor.released);
        entry.people.push(person.id);
        people.push(PersonItem {
            id: person.id,
            fields,
            role,
            withheld,
        });
    }
    decided_by.sort_unstable();
    decided_by.dedup();
    entry.statements = decided_by;
    entry.set_fields(released);
    let answer = AccountSummary {
        purpose,
        definitions_version: version.number,
        decided_at: now,
        allowed_because,
        account: account_answer,
        around,
        people,
        more_people,
        events,
        journey,
        withheld,
    };
    Ok(Read::Answer(Sealed::new(answer, entry)))
}

/// Whether a field is hidden whoever it is about.
fn hides(catalog: &Catalog, plan: &Plan, withheld: &Withheld) -> bool {
    let field = catalog.find(withheld.field.as_str());
    field.and_then(|field| plan.constant_state(field)) == Some(State::Hidden)
}
