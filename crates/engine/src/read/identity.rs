//! The identifiers of one root, and what made them one. Identifiers are values of catalogued fields: what of
//! them leaves is what the policies show of those fields, and of an edge nothing is told unless both of its
//! ends may be.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use kith_domain::catalog::MaskKind;
use kith_domain::id::{DecisionId, NodeId};
use kith_domain::{IdentifierType, Purpose, Scope, Timestamp, Value};
use kith_policy::Reason;
use kith_store::{Tx, identity};
use serde::Serialize;
use serde_json::Value as Json;

use super::answer::Governor;
use super::context::{Read, statements};
use super::governed::{Governed, Sealed};
use super::list::{Listed, RootRequest};
use crate::Engine;
use crate::access::Caller;
use crate::error::EngineError;

/// Who somebody is, governed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityAnswer<Id> {
    /// What it was asked for.
    pub purpose: Purpose,
    /// The definitions version that decided.
    pub definitions_version: u64,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Why the purpose is allowed.
    pub allowed_because: Arc<[Reason]>,
    /// Whose they are.
    pub id: Id,
    /// The identifiers that may be seen, the strongest first.
    pub identifiers: Vec<IdentifierItem>,
    /// What made them one.
    pub edges: Vec<EdgeItem>,
    /// What people decided about them, and stands.
    pub decisions: Vec<DecisionItem>,
}

/// An identifier in its governed form.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentifierItem {
    /// Its id: what a split names.
    pub id: NodeId,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: IdentifierType,
    /// `visible` or `masked`.
    pub state: &'static str,
    /// The mask, if masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask: Option<MaskKind>,
    /// The identifier, or its masked form.
    pub value: Json,
    /// When it was first named.
    pub first_seen: Timestamp,
}

/// A fact that says that two identifiers are one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeItem {
    /// One identifier.
    pub a: NodeId,
    /// The other.
    pub b: NodeId,
    /// What kind of fact it was: `identify`, `alias`, `merge`, …
    pub rule: String,
    /// The source that said so.
    pub source: String,
    /// Whether its key is kept by a server or ships in browsers: `server` or `public`.
    pub trust: &'static str,
    /// When it was received.
    pub at: Timestamp,
    /// Whether it holds.
    pub accepted: bool,
}

/// A decision that stands.
#[derive(Serialize)]
pub struct DecisionItem {
    /// Its id, by which it is undone.
    pub id: DecisionId,
    /// `merge` or `apart`.
    pub kind: &'static str,
}

impl Engine {
    /// The identifiers of one root, after its audit entry is committed.
    ///
    /// # Errors
    /// [`EngineError::Refused`] if the policy refuses the purpose, [`EngineError::NotFound`] if there is
    /// nothing that the actor may know of.
    pub async fn identity<Id: Listed>(
        &self,
        caller: &Caller,
        request: RootRequest<Id>,
    ) -> Result<Governed<IdentityAnswer<Id>>, EngineError> {
        caller.needs(Scope::Context)?;
        let workspace = caller.workspace;
        let hash_key = self.hash_key(workspace).await?;
        let (engine, caller) = (self.clone(), caller.clone());
        let read = self
            .db()
            .read(workspace, move |tx| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let read = engine.who(tx, &caller, &request, &hash_key).await?;
                    read.tell_cost(tx, ACTION);
                    Ok::<_, EngineError>(read)
                })
            })
            .await?;
        self.release(read).await
    }

    async fn who<Id: Listed>(
        &self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        request: &RootRequest<Id>,
        hash_key: &[u8; 32],
    ) -> Result<Read<IdentityAnswer<Id>>, EngineError> {
        let looked = match self.look(tx, caller, request, ACTION).await? {
            Ok(looked) => looked,
            Err(miss) => return Ok(Read::Miss(miss)),
        };
        let (workspace, mut entry) = (caller.workspace, looked.entry);
        let catalog = &looked.version.definitions.catalog;
        let governor = Governor {
            catalog,
            decision: &looked.decision,
            hash_key,
            now: looked.now,
            released: Vec::new(),
        };
        let mut released = Vec::new();
        let mut rows = identity::nodes_of_root(tx, workspace, looked.id.into()).await?;
        rows.sort_by(|a, b| {
            (a.kind.priority(), a.kind, &a.value).cmp(&(b.kind.priority(), b.kind, &b.value))
        });
        let mut identifiers = Vec::new();
        for row in rows {
            let value = Value::String(row.value.as_str().into());
            let found = catalog.by_identifier(row.kind);
            let found = found.and_then(|idx| Some((catalog.get(idx)?, idx)));
            let form = found.and_then(|(field, idx)| {
                let form = governor.form(idx, Some(&value))?;
                Some((Governor::name(field, form.1), form))
            });
            let Some((name, (state, mask, value))) = form else {
                continue;
            };
            released.push(name);
            identifiers.push(IdentifierItem {
                id: row.id,
                kind: row.kind,
                state,
                mask,
                value,
                first_seen: row.first_seen,
            });
        }
        let shown: BTreeSet<NodeId> = identifiers.iter().map(|item| item.id).collect();
        let nodes: Vec<NodeId> = shown.iter().copied().collect();
        let edges = identity::edges_at(tx, workspace, &nodes).await?;
        let edges = edges
            .into_iter()
            .filter(|edge| shown.contains(&edge.a) && shown.contains(&edge.b));
        let edges = edges.map(|edge| EdgeItem {
            a: edge.a,
            b: edge.b,
            rule: edge.rule,
            source: edge.source,
            trust: edge.trust.as_str(),
            at: edge.at,
            accepted: edge.active,
        });
        let decided = identity::about(tx, workspace, &nodes).await?;
        let decided: BTreeMap<_, _> = decided
            .into_iter()
            .map(|row| (row.decision, row.kind.as_str()))
            .collect();
        let decided = decided.into_iter();
        entry.statements = statements(&looked.allowed_because);
        entry.set_fields(released);
        let answer = IdentityAnswer {
            purpose: request.purpose,
            definitions_version: looked.version.number,
            decided_at: looked.now,
            allowed_because: looked.allowed_because,
            id: looked.id,
            identifiers,
            edges: edges.collect(),
            decisions: decided
                .map(|(id, kind)| DecisionItem { id, kind })
                .collect(),
        };
        Ok(Read::Answer(Sealed::new(answer, entry)))
    }
}

/// What the audit calls it.
const ACTION: &str = "identity.read";
