//! The values of a field's past. They are fields like any other: only those that the decision of now
//! does not hide are read at all, and what leaves of them is governed by that decision.

use kith_domain::{Catalog, Entity, Timestamp};
use kith_policy::{Decision, Row, State};
use kith_store::Tx;
use kith_store::history::{self, Whose};
use serde_json::{Map, Value as Json};

use super::subject::typed;
use crate::error::EngineError;
use crate::ingest::observation;
use crate::profile::Profile;

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

/// The row as it was: what was observed until then, chosen as it is chosen today.
pub(super) async fn then(
    tx: &mut Tx<'_>,
    workspace: kith_domain::id::WorkspaceId,
    catalog: &Catalog,
    decision: &Decision,
    (entity, whose): (Entity, Whose),
    at: Timestamp,
) -> Result<Then, EngineError> {
    let fields = shown(catalog, decision, entity);
    let rows = history::as_of(tx, workspace, whose, &fields, at).await?;
    let said: Vec<_> = rows.iter().map(observation).collect();
    let profile = Profile::of(catalog, &said);
    Ok(Then {
        at,
        row: typed(catalog, &profile.fields),
        provenance: profile.provenance,
    })
}
