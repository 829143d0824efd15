//! The values of a field's past. They are fields like any other: only those that the decision of now
//! does not hide are read at all, and what leaves of them is governed by that decision.

use std::collections::BTreeSet;

use kith_domain::fact::DELETED;
use kith_domain::id::{AccountId, WorkspaceId};
use kith_domain::{Catalog, Entity, Timestamp};
use kith_policy::{Decision, Row, State};
use kith_store::Tx;
use kith_store::history::{self, SaidRow};
use kith_store::identity::RootId;
use serde_json::{Map, Value as Json};

use super::subject::typed;
use crate::error::EngineError;
use crate::profile::{Observation, Profile};

/// Most observations that a past is made of.
const MAX_OBSERVATIONS: u32 = 200_000;

/// An entity's row as it was.
pub(super) struct Then {
    pub(super) at: Timestamp,
    pub(super) row: Row,
    pub(super) provenance: Map<String, Json>,
}

/// The fields of an entity of which anything may leave.
pub(super) fn shown<'c>(catalog: &'c Catalog, decision: &Decision, entity: Entity) -> Vec<&'c str> {
    let fields = catalog.iter().filter(|(_, field)| field.entity == entity);
    let shown = fields.filter(|(idx, _)| decision.state(*idx) != State::Hidden);
    shown.map(|(_, field)| field.path.as_str()).collect()
}

/// What was said of fields until a time, and which sources took back what they had said of the roots by
/// then; `narrower` says what to ask for instead if that is too much.
pub(super) async fn said(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    role_in: Option<AccountId>,
    of: &[history::Of<'_>],
    until: Timestamp,
    narrower: &str,
) -> Result<Vec<SaidRow>, EngineError> {
    let most = MAX_OBSERVATIONS;
    let mut of = of.to_vec();
    if role_in.is_none() {
        let roots: BTreeSet<RootId> = of.iter().map(|(root, _)| *root).collect();
        of.extend(roots.into_iter().map(|root| (root, DELETED)));
    }
    let of = &of;
    let rows = history::until(tx, workspace, role_in, of, until, most).await?;
    if rows.len() > most as usize {
        return Err(EngineError::TooBroad(format!(
            "its fields were observed more than {most} times: {narrower}"
        )));
    }
    Ok(rows)
}

/// The row as it was: what was observed until then, chosen as it is chosen today.
pub(super) async fn then(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    catalog: &Catalog,
    decision: &Decision,
    (entity, root): (Entity, RootId),
    at: Timestamp,
) -> Result<Then, EngineError> {
    let fields = shown(catalog, decision, entity);
    let of: Vec<_> = fields.into_iter().map(|field| (root, field)).collect();
    let said = said(tx, workspace, None, &of, at, "ask for it as it is now").await?;
    let said: Vec<_> = said.into_iter().map(Observation::from).collect();
    let profile = Profile::of(catalog, &said);
    Ok(Then {
        at,
        row: typed(catalog, &profile.fields),
        provenance: profile.provenance,
    })
}
