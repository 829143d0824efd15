//! What sources said: events, observations of fields, and memberships of people in accounts. All of
//! it hangs on identifier nodes, so that un-merging rewrites nothing.

use std::collections::{HashMap, HashSet};

use kith_domain::Timestamp;
use kith_domain::fact::{DELETED, Trust};
use kith_domain::id::{EventId, NodeId, WorkspaceId};
use serde_json::{Map, Value as Json};

use crate::db::param::{Param, int as to_int};
use crate::db::row::{Columns, Row};
use crate::db::sql::{Column, bytes, int, json, text};
use crate::identity::RootId;
use crate::{StoreError, Tx};

/// Something that happened.
#[derive(Clone, PartialEq)]
pub struct EventRow {
    /// The person's node.
    pub node: NodeId,
    /// When it happened.
    pub at: Timestamp,
    /// Its id.
    pub id: EventId,
    /// The catalogued name.
    pub name: String,
    /// The node of the account that it happened in.
    pub account_node: Option<NodeId>,
    /// Canonical values, by full field path.
    pub properties: Map<String, Json>,
    /// The source that said so.
    pub source: String,
    /// The source's id of the message.
    pub message_id: String,
    /// How far the source is believed.
    pub trust: Trust,
    /// When it was received.
    pub received_at: Timestamp,
    /// The definitions that it was checked against.
    pub definitions_version: u64,
}

/// One value of one field, from one source.
#[derive(Clone, PartialEq)]
pub struct ObservationRow {
    /// The node that it hangs on: the person's, for facts about a role.
    pub node: NodeId,
    /// The account's node, for facts about a person's role in it.
    pub account_node: Option<NodeId>,
    /// The full field path, or the name of a relation, whose value is the node that it leads to.
    pub field: String,
    /// The source that said so.
    pub source: String,
    /// The source's id of the message.
    pub message_id: String,
    /// How far the source is believed.
    pub trust: Trust,
    /// When it was so, corrected for the sender's clock.
    pub observed_at: Timestamp,
    /// When it was received.
    pub received_at: Timestamp,
    /// The canonical value; `None` deletes.
    pub value: Option<Json>,
}

/// A person belongs to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipRow {
    /// The person's node.
    pub person_node: NodeId,
    /// The account's node.
    pub account_node: NodeId,
    /// How far the source is believed.
    pub trust: Trust,
    /// Since when.
    pub first_seen_at: Timestamp,
    /// Until when; `None` if no fact ended it.
    pub ended_at: Option<Timestamp>,
}

impl std::fmt::Debug for EventRow {
    /// Leaves the properties out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventRow")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("node", &self.node)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ObservationRow {
    /// Leaves the value out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObservationRow")
            .field("node", &self.node)
            .field("field", &self.field)
            .field("source", &self.source)
            .field("observed_at", &self.observed_at)
            .finish_non_exhaustive()
    }
}

const TRUSTS: [Trust; 2] = [Trust::Server, Trust::Public];

const INSERT_EVENTS: &str = "INSERT INTO event (workspace, node, at, id, name, account_node,
      properties, source, message_id, trust, received_at, definitions_version)
    SELECT ?1, r.node, r.at, r.id, r.name, r.account_node, r.properties, r.source, r.message_id,
      r.trust, r.received_at, r.definitions_version
    FROM {rows}";
const EVENTS: [Column; 11] = [
    bytes("node"),
    int("at"),
    bytes("id"),
    text("name"),
    bytes("account_node"),
    json("properties"),
    text("source"),
    text("message_id"),
    text("trust"),
    int("received_at"),
    int("definitions_version"),
];
const INSERT_OBSERVATIONS: &str = "INSERT INTO observation (workspace, node, account_node, field,
      source, message_id, trust, observed_at, received_at, value)
    SELECT ?1, r.node, r.account_node, r.field, r.source, r.message_id, r.trust, r.observed_at,
      r.received_at, r.value
    FROM {rows} WHERE true
    ON CONFLICT (workspace, node, account_node, field, source, message_id) DO NOTHING";
const NAMES_SINCE: &str = "SELECT o.node, o.field, o.observed_at
    FROM {rows} JOIN observation o ON o.workspace = ?1 AND o.node = r.node
      AND o.account_node = r.account_node AND o.field = r.field AND o.source = r.source
      AND o.message_id = r.message_id";
const NAMES: [Column; 5] = [
    bytes("node"),
    bytes("account_node"),
    text("field"),
    text("source"),
    text("message_id"),
];
const DATES: [Column; 7] = [
    bytes("node"),
    bytes("account_node"),
    text("field"),
    text("source"),
    text("message_id"),
    int("observed_at"),
    int("received_at"),
];
const DATE_NAMES: &str = "UPDATE observation SET observed_at = r.observed_at,
      received_at = r.received_at
    FROM {rows}
    WHERE observation.workspace = ?1 AND observation.node = r.node
      AND observation.account_node = r.account_node AND observation.field = r.field
      AND observation.source = r.source AND observation.message_id = r.message_id";
const OBSERVATIONS: [Column; 9] = [
    bytes("node"),
    bytes("account_node"),
    text("field"),
    text("source"),
    text("message_id"),
    text("trust"),
    int("observed_at"),
    int("received_at"),
    json("value"),
];
const OBSERVATIONS_OF: &str = "SELECT o.node, o.account_node, o.field, o.source, o.message_id,
      o.trust, o.observed_at, o.received_at, o.value
    FROM {rows} JOIN observation o ON o.workspace = ?1 AND o.node = r.node";
const NODES: [Column; 1] = [bytes("node")];
const OBSERVATIONS_NAMED: &str = "SELECT o.node, o.account_node, o.field, o.source, o.message_id,
      o.trust, o.observed_at, o.received_at, o.value
    FROM {rows} JOIN observation o ON o.workspace = ?1 AND o.node = r.node
      AND o.account_node = r.account_node AND o.field = r.field";
// The empty account node stands for none.
const DELETIONS: &str = "SELECT o.node, o.account_node, o.field, o.source, o.message_id, o.trust,
      o.observed_at, o.received_at, o.value, r.root
    FROM {rows} JOIN observation o ON o.workspace = ?1 AND o.account_node = ?3 AND o.field = ?2
      AND o.node IN (SELECT i.id FROM identifier i WHERE i.workspace = ?1 AND i.root = r.root)";
const ROOTS: [Column; 1] = [bytes("root")];
const NAMED: [Column; 3] = [bytes("node"), bytes("account_node"), text("field")];
// Whichever order facts come in, a membership begins with its earliest fact and ends with its latest
// end.
const INSERT_MEMBERSHIPS: &str = "INSERT INTO membership
      (workspace, person_node, account_node, trust, first_seen_at, ended_at)
    SELECT ?1, r.person_node, r.account_node, r.trust, min(r.first_seen_at), max(r.ended_at)
    FROM {rows} WHERE true
    GROUP BY r.person_node, r.account_node, r.trust
    ON CONFLICT (workspace, person_node, account_node, trust) DO UPDATE SET
      first_seen_at = CASE WHEN excluded.first_seen_at < membership.first_seen_at
        THEN excluded.first_seen_at ELSE membership.first_seen_at END,
      ended_at = CASE WHEN membership.ended_at IS NULL OR excluded.ended_at > membership.ended_at
        THEN excluded.ended_at ELSE membership.ended_at END
    WHERE excluded.first_seen_at < membership.first_seen_at
      OR (excluded.ended_at IS NOT NULL
        AND (membership.ended_at IS NULL OR excluded.ended_at > membership.ended_at))";
const MEMBERSHIPS: [Column; 5] = [
    bytes("person_node"),
    bytes("account_node"),
    text("trust"),
    int("first_seen_at"),
    int("ended_at"),
];
const MEMBERSHIPS_OF: &str = "SELECT m.person_node, m.account_node, m.trust, m.first_seen_at,
      m.ended_at
    FROM {rows} JOIN membership m ON m.workspace = ?1 AND m.person_node = r.node
    UNION
    SELECT m.person_node, m.account_node, m.trust, m.first_seen_at, m.ended_at
    FROM {rows} JOIN membership m ON m.workspace = ?1 AND m.account_node = r.node";

/// Adds events.
///
/// # Errors
/// A conflict if an event's id exists at its node and time.
pub async fn insert_events(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    events: &[EventRow],
) -> Result<(), StoreError> {
    let properties: Vec<String> = events
        .iter()
        .map(|event| object_text(&event.properties))
        .collect();
    let rows = events
        .iter()
        .zip(&properties)
        .map(|(event, properties)| {
            Ok([
                (&event.node).into(),
                event.at.into(),
                (&event.id).into(),
                event.name.as_str().into(),
                event.account_node.as_ref().into(),
                Param::Json(properties),
                event.source.as_str().into(),
                event.message_id.as_str().into(),
                event.trust.as_str().into(),
                event.received_at.into(),
                to_int(event.definitions_version)?.into(),
            ])
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    tx.each(INSERT_EVENTS, &[ws.into()], &EVENTS, &rows).await?;
    Ok(())
}

/// Adds observations; one that is there already, by node, field, source and message id, stays as it
/// is.
///
/// # Errors
/// If the database fails.
pub async fn insert_observations(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    observations: &[ObservationRow],
) -> Result<(), StoreError> {
    let values = observed_values(observations);
    let rows = observed_rows(observations, &values);
    tx.each(INSERT_OBSERVATIONS, &[ws.into()], &OBSERVATIONS, &rows)
        .await?;
    Ok(())
}

/// What became of names that were said.
#[derive(Debug, Default)]
pub struct Named {
    /// Those that nobody had said, by node and field.
    pub new: HashSet<(NodeId, String)>,
    /// The nodes of those that had been said, and are older than was known.
    pub older: Vec<NodeId>,
}

/// Adds observations that are said by naming an identifier, all under one message id: of each node,
/// field and source there is one, since the earliest time, whichever order they come in.
///
/// # Errors
/// If the database fails, or two are of one node, field and source.
pub async fn insert_names(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    names: Vec<ObservationRow>,
) -> Result<Named, StoreError> {
    let keys: Vec<_> = names.iter().map(key).collect();
    let found = tx.each(NAMES_SINCE, &[ws.into()], &NAMES, &keys).await?;
    let since = found
        .iter()
        .map(|row| {
            let mut columns = row.columns("observation");
            let node = columns.id("node", NodeId::from_slice)?;
            Ok((
                (node, columns.string("field")?),
                columns.time("observed_at")?,
            ))
        })
        .collect::<Result<HashMap<_, _>, StoreError>>()?;
    let (mut new, mut older) = (Vec::new(), Vec::new());
    for name in names {
        match since.get(&(name.node, name.field.clone())) {
            None => new.push(name),
            Some(since) if name.observed_at < *since => older.push(name),
            Some(_) => {}
        }
    }
    insert_observations(tx, ws, &new).await?;
    let rows: Vec<_> = older
        .iter()
        .map(|name| {
            let [node, account_node, field, source, message_id] = key(name);
            let (observed_at, received_at) = (name.observed_at.into(), name.received_at.into());
            [
                node,
                account_node,
                field,
                source,
                message_id,
                observed_at,
                received_at,
            ]
        })
        .collect();
    tx.each(DATE_NAMES, &[ws.into()], &DATES, &rows).await?;
    Ok(Named {
        new: new
            .into_iter()
            .map(|name| (name.node, name.field))
            .collect(),
        older: older.into_iter().map(|name| name.node).collect(),
    })
}

fn key(name: &ObservationRow) -> [Param<'_>; 5] {
    [
        (&name.node).into(),
        Param::Bytes(&[]),
        name.field.as_str().into(),
        name.source.as_str().into(),
        name.message_id.as_str().into(),
    ]
}

fn observed_values(observations: &[ObservationRow]) -> Vec<Option<String>> {
    let values = observations.iter();
    let values = values.map(|observation| observation.value.as_ref().map(Json::to_string));
    values.collect()
}

fn observed_rows<'o>(
    observations: &'o [ObservationRow],
    values: &'o [Option<String>],
) -> Vec<[Param<'o>; 9]> {
    let rows = observations.iter().zip(values);
    let rows = rows.map(|(observation, value)| {
        let account_node = observation
            .account_node
            .as_ref()
            .map_or(Param::Bytes(&[]), Param::from);
        [
            (&observation.node).into(),
            account_node,
            observation.field.as_str().into(),
            observation.source.as_str().into(),
            observation.message_id.as_str().into(),
            observation.trust.as_str().into(),
            observation.observed_at.into(),
            observation.received_at.into(),
            value.as_deref().map_or(Param::Null, Param::Json),
        ]
    });
    rows.collect()
}

/// Every observation that hangs on these nodes, those about roles included, in no order.
///
/// # Errors
/// If the database fails.
pub async fn observations_of(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    nodes: &[NodeId],
) -> Result<Vec<ObservationRow>, StoreError> {
    let rows: Vec<_> = nodes.iter().map(|node| [node.into()]).collect();
    tx.each(OBSERVATIONS_OF, &[ws.into()], &NODES, &rows)
        .await?
        .iter()
        .map(read_observation)
        .collect()
}

/// The observations of one field, or one relation, that hang on these nodes themselves, in no order.
///
/// # Errors
/// If the database fails.
pub async fn observations_named(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    wanted: &[(NodeId, &str)],
) -> Result<Vec<ObservationRow>, StoreError> {
    let rows: Vec<_> = wanted
        .iter()
        .map(|(node, field)| [node.into(), Param::Bytes(&[]), (*field).into()])
        .collect();
    tx.each(OBSERVATIONS_NAMED, &[ws.into()], &NAMED, &rows)
        .await?
        .iter()
        .map(read_observation)
        .collect()
}

/// The observations that a source deleted its record of one of these roots; in no order.
///
/// # Errors
/// If the database fails.
pub async fn deletions(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    roots: &[RootId],
) -> Result<Vec<(RootId, ObservationRow)>, StoreError> {
    let by_id = roots.iter().map(|root| (root.as_bytes().as_slice(), *root));
    let by_id: HashMap<&[u8], RootId> = by_id.collect();
    let rows: Vec<_> = roots.iter().map(|root| [root.into()]).collect();
    let shared = [ws.into(), DELETED.into(), Param::Bytes(&[])];
    let found = tx.each(DELETIONS, &shared, &ROOTS, &rows).await?;
    found
        .iter()
        .map(|row| {
            let mut columns = row.columns("observation");
            let observation = read_columns(&mut columns)?;
            let root = columns.id("root", |bytes| by_id.get(bytes).copied())?;
            Ok((root, observation))
        })
        .collect()
}

/// Adds memberships, or widens those that are there: they begin with the earliest fact and end with
/// the latest end.
///
/// # Errors
/// If the database fails.
pub async fn insert_memberships(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    memberships: &[MembershipRow],
) -> Result<(), StoreError> {
    let rows: Vec<_> = memberships
        .iter()
        .map(|membership| {
            [
                (&membership.person_node).into(),
                (&membership.account_node).into(),
                membership.trust.as_str().into(),
                membership.first_seen_at.into(),
                membership.ended_at.into(),
            ]
        })
        .collect();
    tx.each(INSERT_MEMBERSHIPS, &[ws.into()], &MEMBERSHIPS, &rows)
        .await?;
    Ok(())
}

/// The memberships in which one of these nodes, a person's or an account's, takes part; in no order.
///
/// # Errors
/// If the database fails.
pub async fn memberships_of(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    nodes: &[NodeId],
) -> Result<Vec<MembershipRow>, StoreError> {
    let rows: Vec<_> = nodes.iter().map(|node| [node.into()]).collect();
    let found = tx.each(MEMBERSHIPS_OF, &[ws.into()], &NODES, &rows).await?;
    let mut memberships = found
        .iter()
        .map(read_membership)
        .collect::<Result<Vec<_>, _>>()?;
    // One may be met from both of its ends.
    memberships.sort_by_key(|m| (m.person_node, m.account_node, m.trust));
    memberships.dedup();
    Ok(memberships)
}

/// The text of a JSON object.
pub(crate) fn object_text(object: &Map<String, Json>) -> String {
    // Maps of text to JSON always have a text form.
    serde_json::to_string(object).unwrap_or_else(|_| "{}".into())
}

/// Reads the columns of an event: node, at, id, name, account node, properties, source, message id,
/// trust, received at, definitions version.
pub(crate) fn read_event(row: &Row) -> Result<EventRow, StoreError> {
    let mut columns = row.columns("event");
    Ok(EventRow {
        node: columns.id("node", NodeId::from_slice)?,
        at: columns.time("at")?,
        id: columns.id("id", EventId::from_slice)?,
        name: columns.string("name")?,
        account_node: columns.opt("account_node", |columns, name| {
            columns.id(name, NodeId::from_slice)
        })?,
        properties: columns.object("properties")?,
        source: columns.string("source")?,
        message_id: columns.string("message_id")?,
        trust: read_trust(&mut columns)?,
        received_at: columns.time("received_at")?,
        definitions_version: columns.number("definitions_version")?,
    })
}

pub(crate) fn read_trust(columns: &mut Columns<'_>) -> Result<Trust, StoreError> {
    columns.word("trust", &TRUSTS, Trust::as_str)
}

pub(crate) fn read_observation(row: &Row) -> Result<ObservationRow, StoreError> {
    read_columns(&mut row.columns("observation"))
}

fn read_columns(columns: &mut Columns<'_>) -> Result<ObservationRow, StoreError> {
    Ok(ObservationRow {
        node: columns.id("node", NodeId::from_slice)?,
        account_node: columns.id("account_node", |bytes| match bytes {
            [] => Some(None),
            bytes => NodeId::from_slice(bytes).map(Some),
        })?,
        field: columns.string("field")?,
        source: columns.string("source")?,
        message_id: columns.string("message_id")?,
        trust: read_trust(columns)?,
        observed_at: columns.time("observed_at")?,
        received_at: columns.time("received_at")?,
        value: columns.opt("value", |columns, name| columns.json(name))?,
    })
}

fn read_membership(row: &Row) -> Result<MembershipRow, StoreError> {
    let mut columns = row.columns("membership");
    Ok(MembershipRow {
        person_node: columns.id("person_node", NodeId::from_slice)?,
        account_node: columns.id("account_node", NodeId::from_slice)?,
        trust: read_trust(&mut columns)?,
        first_seen_at: columns.time("first_seen_at")?,
        ended_at: columns.opt("ended_at", |columns, name| columns.time(name))?,
    })
}
