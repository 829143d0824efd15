//! The transaction of a delivery: claim, quarantine, place, store, project, tell.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kith_domain::fact::{Author, DELETED, Fault, Trust};
use kith_domain::id::{EventId, MessageId, NodeId, QuarantineId, WorkspaceId};
use kith_domain::{Identifier, RootKind, Runtime, Timestamp, Value};
use kith_store::dedup::{self, Claim};
use kith_store::facts::{self, EventRow, MembershipRow, ObservationRow};
use kith_store::identity::{self, EdgeRow, NewNode, RootId};
use kith_store::messages::{self, MessageRow};
use kith_store::quarantine::{self, QuarantineRow, Status};
use kith_store::{StoreError, Tx, definitions};

use super::project::{self, Touched};
use super::{Delivery, Ingested, Kept, Prepared};
use crate::definitions::Version;
use crate::erasure::keep_out;
use crate::identity::{Placed, place};

/// What a delivery became.
pub(crate) struct Committed {
    pub(crate) ingested: Ingested,
    /// In the order of the messages.
    pub(crate) claims: Vec<Claim>,
    /// The events that were kept, by the place of their message.
    pub(crate) events: HashMap<usize, EventId>,
    /// Where the identifiers belong that the messages named which were kept.
    pub(crate) roots: HashMap<Identifier, RootId>,
    /// Roots that have come to be.
    pub(crate) created: BTreeSet<RootId>,
    /// The fields of each root whose value changed; for a person whose roles did, also none.
    pub(crate) changed: BTreeMap<RootId, Vec<String>>,
}

/// Stores a delivery, once: messages that were delivered before change nothing. `None` if another
/// version was published since the delivery was held against its own.
pub(crate) async fn commit(
    tx: &mut Tx<'_>,
    runtime: Runtime,
    delivery: Delivery,
) -> Result<Option<Committed>, StoreError> {
    let Delivery {
        source,
        hash_key,
        received_at,
        version,
        mut messages,
    } = delivery;
    let workspace = source.workspace;
    let version_number = version.as_ref().map_or(0, |version| version.number);
    if definitions::latest_version(tx, workspace).await? != version_number {
        return Ok(None);
    }
    let origin = Said {
        source: &source.name,
        trust: source.trust,
        received_at,
        version: version_number,
    };

    let out = keep_out(tx, workspace, &hash_key, &mut messages).await?;
    let ids: Vec<(&str, [u8; 32])> = messages
        .iter()
        .zip(&out)
        .filter(|(_, out)| !**out)
        .map(|(message, _)| (message.message_id.as_str(), message.hash))
        .collect();
    let claimed = dedup::claim_many(tx, workspace, &source.name, &ids, received_at).await?;
    let mut claimed = claimed.into_iter();
    // Whoever wrote of somebody who was erased hears what a repeat would: that nothing changed.
    let claims: Vec<Claim> = out
        .iter()
        .map(|out| match out {
            true => Claim::Duplicate,
            false => claimed.next().unwrap_or(Claim::Duplicate),
        })
        .collect();

    let mut ingested = Ingested::default();
    let mut kept = Vec::new();
    let mut refused = Vec::new();
    let mut events = HashMap::new();
    for (place, (mut message, claim)) in messages.into_iter().zip(&claims).enumerate() {
        match claim {
            Claim::Duplicate if out.get(place) == Some(&true) => {
                ingested.suppressed += 1;
                continue;
            }
            Claim::Duplicate => {
                ingested.duplicates += 1;
                continue;
            }
            Claim::Conflict => {
                message.kept = None;
                message.faults = vec![Fault {
                    path: "messageId".into(),
                    code: "message-id-reused",
                    detail: "another message was delivered under this id: send each under its own"
                        .into(),
                }];
            }
            Claim::New => {}
        }
        if let Some(part) = message.kept.take() {
            ingested.kept += 1;
            events.extend(part.event.as_ref().map(|(id, ..)| (place, *id)));
            kept.push((message.message_id.clone(), part));
        }
        if !message.faults.is_empty() {
            ingested.quarantined += 1;
            refused.push(origin.refused(&runtime, message));
        }
    }
    quarantine::insert_many(tx, workspace, &refused).await?;

    let nodes = Nodes::upsert(tx, workspace, &runtime, &origin, &kept).await?;
    let edges = origin.edges(&nodes, &kept);
    let mut placed = place(tx, workspace, &runtime, &nodes.rows, &edges).await?;
    let mut said = origin.rows(&nodes, kept);
    // What a source said of what it deleted may be anywhere among its facts.
    let deleted = said.observations.iter().filter(|row| row.field == DELETED);
    let deleted = deleted.filter_map(|row| placed.roots.get(&row.node).copied());
    placed.rebuilt.extend(deleted.collect::<Vec<_>>());
    facts::insert_events(tx, workspace, &said.events).await?;
    messages::insert(tx, workspace, &said.messages).await?;
    facts::insert_observations(tx, workspace, &said.observations).await?;
    facts::insert_memberships(tx, workspace, &said.memberships).await?;
    let names: Vec<_> = std::mem::take(&mut said.names).into_values().collect();
    let named = facts::insert_names(tx, workspace, names.clone()).await?;
    let is_new = |row: &ObservationRow| named.new.contains(&(row.node, row.field.clone()));
    said.observations.extend(names.into_iter().filter(is_new));
    let older = named.older.iter().filter_map(|node| placed.roots.get(node));
    placed.rebuilt.extend(older.copied().collect::<Vec<_>>());

    let changed = match &version {
        Some(version) => {
            let touched = Touched {
                placed: &placed,
                said: &said,
                at: received_at,
            };
            project::project(tx, workspace, version, touched).await?
        }
        None => BTreeMap::new(),
    };
    let roots = nodes
        .by_identifier
        .into_iter()
        .filter_map(|(identifier, node)| Some((identifier, *placed.roots.get(&node)?)))
        .collect();
    Ok(Some(Committed {
        ingested,
        claims,
        events,
        roots,
        created: placed.created,
        changed,
    }))
}

/// Brings up to date what follows from facts whose identifiers went elsewhere, with no new fact.
pub(crate) async fn carry(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    version: &Version,
    placed: &Placed,
    at: Timestamp,
) -> Result<(), StoreError> {
    let said = &Rows {
        names: BTreeMap::new(),
        events: Vec::new(),
        messages: Vec::new(),
        observations: Vec::new(),
        memberships: Vec::new(),
    };
    let touched = Touched { placed, said, at };
    project::project(tx, workspace, version, touched).await?;
    Ok(())
}

/// Where a delivery comes from, as every row of it says.
struct Said<'a> {
    source: &'a str,
    trust: Trust,
    received_at: Timestamp,
    version: u64,
}

/// The rows of a delivery.
pub(super) struct Rows {
    pub(super) events: Vec<EventRow>,
    pub(super) messages: Vec<MessageRow>,
    pub(super) observations: Vec<ObservationRow>,
    /// What identifiers say of themselves of which a root has one, by node and field: nothing ever
    /// competes with it, so that it is an observation only once.
    names: BTreeMap<(NodeId, String), ObservationRow>,
    pub(super) memberships: Vec<MembershipRow>,
}

impl Said<'_> {
    fn refused(&self, runtime: &Runtime, message: Prepared) -> (QuarantineRow, Vec<Identifier>) {
        let lines = |part: fn(&Fault) -> &str| {
            message
                .faults
                .iter()
                .map(part)
                .collect::<Vec<_>>()
                .join("\n")
        };
        let row = QuarantineRow {
            id: QuarantineId::from_uuid(runtime.uuid()),
            source: self.source.to_owned(),
            received_at: self.received_at,
            message_id: Some(message.message_id),
            path: lines(|fault| &fault.path),
            code: lines(|fault| fault.code),
            detail: lines(|fault| &fault.detail),
            definitions_version: self.version,
            original: message.original,
            status: Status::Open,
        };
        (row, message.identifiers)
    }

    /// What each message says is one: its identifiers of a person, of an account, of another root.
    fn edges(&self, nodes: &Nodes, kept: &[(String, Kept)]) -> Vec<EdgeRow> {
        let mut edges = Vec::new();
        for (message_id, part) in kept.iter().filter(|(_, part)| !part.deletes) {
            for identifiers in part.groups() {
                let mut ids = identifiers
                    .iter()
                    .filter_map(|identifier| nodes.id(identifier));
                let Some(first) = ids.next() else { continue };
                edges.extend(ids.filter(|other| *other != first).map(|other| EdgeRow {
                    a: first,
                    b: other,
                    rule: part.rule.to_owned(),
                    trust: self.trust,
                    source: self.source.to_owned(),
                    message_id: message_id.clone(),
                    at: self.received_at,
                    active: true,
                }));
            }
        }
        edges
    }

    /// Facts hang on the first identifier that a message names of the root that they are about; events
    /// on the person's, else the account's. An identifier that is a value of a field hangs on itself.
    fn rows(&self, nodes: &Nodes, kept: Vec<(String, Kept)>) -> Rows {
        let mut rows = Rows {
            events: Vec::new(),
            messages: Vec::new(),
            observations: Vec::new(),
            names: BTreeMap::new(),
            memberships: Vec::new(),
        };
        for (message_id, part) in kept {
            let first = |kind| part.first(kind).and_then(|of| nodes.id(of));
            let (person, account) = (first(RootKind::Person), first(RootKind::Account));
            let conversation = first(RootKind::Conversation);
            let observed = |node, account_node, field, value| ObservationRow {
                node,
                account_node,
                field,
                source: self.source.to_owned(),
                message_id: message_id.clone(),
                trust: self.trust,
                observed_at: part.observed_at,
                received_at: self.received_at,
                value,
            };
            let deleted = part.groups().map(|named| named.first());
            for identifier in deleted.into_iter().flatten().filter(|_| part.deletes) {
                if let Some(node) = nodes.id(identifier) {
                    let row = observed(node, None, DELETED.to_owned(), Some(true.into()));
                    rows.observations.push(row);
                }
            }
            for (identifier, field) in &part.shown {
                let Some(node) = nodes.id(identifier) else {
                    continue;
                };
                let value = Value::String(identifier.value().into()).to_canonical();
                let row = observed(node, None, field.clone(), Some(value));
                if identifier.kind().limit() > 1 {
                    rows.observations.push(row);
                    continue;
                }
                let row = ObservationRow {
                    message_id: String::new(),
                    ..row
                };
                let held = rows.names.entry((node, row.field.clone()));
                held.and_modify(|held| {
                    if row.observed_at < held.observed_at {
                        held.observed_at = row.observed_at;
                    }
                })
                .or_insert(row);
            }
            for (field, entity, value) in &part.values {
                let (node, account_node) = match entity.root_kind() {
                    None => (person, account),
                    Some(kind) => (first(kind), None),
                };
                let Some(node) = node else { continue };
                let value = Some(value.clone()).filter(|value| !value.is_null());
                let row = observed(node, account_node, field.clone(), value);
                rows.observations.push(row);
            }
            for related in &part.relations {
                let Some(node) = first(related.relation.from()) else {
                    continue;
                };
                let to = related.to.as_ref().and_then(|to| nodes.id(to));
                let name = related.relation.as_str().to_owned();
                let row = observed(node, None, name, to.map(|to| to.to_string().into()));
                rows.observations.push(row);
            }
            if let Some((person_node, account_node)) = person.zip(account).filter(|_| part.joins) {
                rows.memberships.push(MembershipRow {
                    person_node,
                    account_node,
                    trust: self.trust,
                    first_seen_at: part.observed_at,
                    ended_at: None,
                });
            }
            if let Some((author, is_note)) = part.written {
                if let Some(((id, _, properties), node)) = part.event.zip(conversation) {
                    rows.messages.push(MessageRow {
                        node,
                        at: part.observed_at,
                        id: MessageId::from_uuid(id.uuid()),
                        is_note,
                        author,
                        author_node: person.filter(|_| author == Author::Person),
                        properties,
                        source: self.source.to_owned(),
                        message_id,
                        received_at: self.received_at,
                        definitions_version: self.version,
                    });
                }
                continue;
            }
            if let (Some((id, name, properties)), Some(node)) = (part.event, person.or(account)) {
                rows.events.push(EventRow {
                    node,
                    at: part.observed_at,
                    id,
                    name,
                    account_node: account,
                    properties,
                    source: self.source.to_owned(),
                    message_id,
                    trust: self.trust,
                    received_at: self.received_at,
                    definitions_version: self.version,
                });
            }
        }
        rows
    }
}

/// The identifier nodes of a delivery.
struct Nodes {
    rows: Vec<identity::Upserted>,
    by_identifier: HashMap<Identifier, NodeId>,
}

impl Nodes {
    async fn upsert(
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        runtime: &Runtime,
        origin: &Said<'_>,
        kept: &[(String, Kept)],
    ) -> Result<Self, StoreError> {
        // In order of identifier, so that deliveries meet in the same order everywhere.
        let mut named: BTreeMap<&Identifier, NewNode> = BTreeMap::new();
        for identifier in kept.iter().flat_map(|(_, part)| part.identifiers()) {
            named.entry(identifier).or_insert_with(|| NewNode {
                identifier: identifier.clone(),
                id: NodeId::from_uuid(runtime.uuid()),
                known: origin.trust == Trust::Server,
                at: origin.received_at,
            });
        }
        let named: Vec<NewNode> = named.into_values().collect();
        let rows = identity::upsert_nodes(tx, workspace, &named).await?;
        let by_identifier = named
            .into_iter()
            .zip(&rows)
            .map(|(new, row)| (new.identifier, row.node.id))
            .collect();
        Ok(Self {
            rows,
            by_identifier,
        })
    }

    fn id(&self, identifier: &Identifier) -> Option<NodeId> {
        self.by_identifier.get(identifier).copied()
    }
}
