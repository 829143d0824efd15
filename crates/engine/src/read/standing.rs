//! What a root is to a caller who would change it: settled by the same rows, the same limits and the same
//! verdict as a read.

use kith_domain::id::{AccountId, PersonId};
use kith_domain::{Entity, Timestamp};
use kith_policy::{Refusal, Subject, Verdict};
use kith_store::Tx;
use kith_store::identity::RootId;
use kith_store::profiles::{self, ProfileId};
use serde_json::{Map, Value as Json};

use super::context::{Begun, ContextRequest, RootRef, SubjectRef, statements};
use super::proof::Proof;
use super::subject::{self, typed};
use crate::error::EngineError;

/// What a root is to a caller.
pub(crate) enum Standing {
    /// It is in view and may be changed, by these statements.
    Mine(Vec<String>),
    /// It is in view and may not.
    Refused(Refusal),
    /// It is not there, or not for this caller.
    Hidden,
}

/// Looks at a root. One that does not exist costs the same statements.
pub(crate) async fn standing(
    tx: &mut Tx<'_>,
    begun: &mut Begun,
    root: RootId,
    hash_key: &[u8; 32],
    now: Timestamp,
) -> Result<Standing, EngineError> {
    let subject = match root {
        RootId::Account(id) => of_account(id),
        RootId::Person(id) => of_person(id),
        RootId::Company(id) => return other(tx, begun, id).await,
        RootId::Conversation(id) => return other(tx, begun, id).await,
        RootId::Site(id) => return other(tx, begun, id).await,
        RootId::Subscription(id) => return other(tx, begun, id).await,
    };
    let request = ContextRequest {
        purpose: begun.entry.purpose,
        subject,
        on_behalf_of: None,
        identity_token: None,
    };
    let (workspace, version) = (begun.entry.workspace, &begun.version);
    let entry = &mut begun.entry;
    let found = subject::find(tx, workspace, version, &request, hash_key, entry).await?;
    let catalog = &version.definitions.catalog;
    let Some(bound) = found.bind(catalog, &begun.plan, &Proof::Absent, now) else {
        return Ok(Standing::Hidden);
    };
    Ok(match begun.plan.decide(&bound.subject(), now).verdict {
        Verdict::Allowed { reasons } => Standing::Mine(statements(&reasons)),
        Verdict::Refused(refusal) => Standing::Refused(refusal),
    })
}

/// A root that is bound through accounts. Where the policies keep any row from the caller, its accounts
/// would have to be asked; that is still to come, and until then it is as if it were not there.
async fn other<Id: ProfileId>(
    tx: &mut Tx<'_>,
    begun: &Begun,
    id: Id,
) -> Result<Standing, EngineError> {
    let found = profiles::get(tx, begun.entry.workspace, id).await?;
    Ok(match found {
        Some(_) if begun.plan.is_open() => {
            let decision = begun.plan.decide(&Subject::default(), begun.entry.at);
            Standing::Mine(statements(decision.verdict.reasons()))
        }
        _ => Standing::Hidden,
    })
}

/// Whether a root would be in view and may be changed if it held these values and nothing else.
pub(crate) fn would_be(
    begun: &Begun,
    entity: Entity,
    fields: &Map<String, Json>,
    now: Timestamp,
) -> Option<Vec<String>> {
    let row = typed(&begun.version.definitions.catalog, fields);
    let subject = match entity {
        Entity::Account => Subject {
            account: Some(&row),
            ..Subject::default()
        },
        Entity::Person => Subject {
            person: Some(&row),
            ..Subject::default()
        },
        _ => return None,
    };
    let decision = begun.plan.decide(&subject, now);
    match decision.verdict {
        Verdict::Allowed { reasons } if decision.exists => Some(statements(&reasons)),
        _ => None,
    }
}

const fn of_account(id: AccountId) -> SubjectRef {
    SubjectRef {
        person: None,
        account: Some(RootRef::Id(id)),
    }
}

const fn of_person(id: PersonId) -> SubjectRef {
    SubjectRef {
        person: Some(RootRef::Id(id)),
        account: None,
    }
}
