//! What sources say of one root, or of one role.

use std::collections::BTreeSet;

use kith_domain::fact::Trust;
use kith_domain::id::NodeId;
use kith_domain::{Catalog, Timestamp, Value};
use kith_engine::{Indexed, indexed};
use kith_store::facts::ObservationRow;
use serde_json::{Map, Value as Json, json};

/// The fields that show an identifier of which a root has one: what says them is that it is named, so that
/// each source says them once and in no message.
const NAMES: [&str; 2] = ["account.workspaceId", "person.userId"];

/// Where each value comes from, the field, and the value.
pub(super) struct Values(Vec<(&'static str, &'static str, Value)>);

impl Values {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(12))
    }

    pub(super) fn put(&mut self, source: &'static str, field: &'static str, value: Value) {
        self.0.push((source, field, value));
    }

    pub(super) fn text(&mut self, source: &'static str, field: &'static str, text: &str) {
        self.put(source, field, Value::String(text.into()));
    }

    pub(super) fn get(&self, field: &str) -> Option<&Value> {
        let mut all = self.0.iter();
        all.find(|(_, of, _)| *of == field).map(|(.., value)| value)
    }

    #[cfg(test)]
    pub(super) fn said_by(&self, source: &str) -> impl Iterator<Item = (&'static str, &Value)> {
        let said = self.0.iter().filter(move |(of, ..)| *of == source);
        said.map(|(_, field, value)| (*field, value))
    }

    /// By field: a profile.
    pub(super) fn fields(&self) -> Map<String, Json> {
        let fields = self.0.iter();
        fields
            .map(|(_, field, value)| ((*field).to_owned(), value.to_canonical()))
            .collect()
    }

    /// By field: where a profile's values come from.
    pub(super) fn provenance(&self, at: Timestamp) -> Map<String, Json> {
        let at = at.micros();
        let fields = self.0.iter();
        let origin = |source| json!({ "source": source, "observed": at, "received": at });
        fields
            .map(|(source, field, _)| ((*field).to_owned(), origin(*source)))
            .collect()
    }

    /// The sources that said something.
    pub(super) fn sources(&self) -> BTreeSet<&'static str> {
        self.0.iter().map(|(source, ..)| *source).collect()
    }

    /// What the index holds of them.
    pub(super) fn entries<'a>(
        &'a self,
        catalog: &'a Catalog,
    ) -> impl Iterator<Item = Indexed> + 'a {
        let held = self.0.iter().filter_map(|(_, field, value)| {
            let field = catalog.get(catalog.find(field)?)?;
            Some(indexed(field, Some(value)))
        });
        held.flatten()
    }

    /// The facts that they follow from. Where the value of a field is an identifier, `shown` gives the
    /// node that it hangs on: its own.
    pub(super) fn observations(
        &self,
        said: &Said<'_>,
        shown: &[(&str, NodeId)],
    ) -> impl Iterator<Item = ObservationRow> {
        self.0.iter().map(|(source, field, value)| {
            let own = shown.iter().find(|(of, _)| of == field);
            ObservationRow {
                node: own.map_or(said.node, |(_, node)| *node),
                account_node: said.account_node,
                field: (*field).to_owned(),
                source: (*source).to_owned(),
                message_id: match NAMES.contains(field) {
                    true => String::new(),
                    false => said.message_id.to_owned(),
                },
                trust: Trust::Server,
                observed_at: said.at,
                received_at: said.at,
                value: Some(value.to_canonical()),
            }
        })
    }
}

/// What facts have in common.
pub(super) struct Said<'a> {
    pub(super) node: NodeId,
    pub(super) account_node: Option<NodeId>,
    pub(super) message_id: &'a str,
    pub(super) at: Timestamp,
}
