//! Erasing a person: out of every table, with what they wrote and the conversations that they had, and what
//! keeps them from coming back.
//!
//! What is left is the fact that a person was erased, the random ids in the audit log and the change feed,
//! and keyed hashes of the identifiers. What freed space still holds is [`crate::Db::sweep`]'s part.

use std::collections::{BTreeSet, HashSet};

use kith_domain::id::{NodeId, PersonId, QuarantineId, WorkspaceId};
use kith_domain::{Identifier, Relation, RootKind, Timestamp};

use crate::db::sql::{Column, bytes, text};
use crate::facts::{self, EventRow, ObservationRow};
use crate::identity::{self, NodeRow, RootId};
use crate::messages::{self, MessageRow};
use crate::quarantine::{self, QuarantineRow};
use crate::{StoreError, Tx, field_index, profiles};

/// What was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// The identifiers that led to the person or to one of the conversations.
    pub identifiers: Vec<Identifier>,
    /// The person's conversations.
    pub conversations: Vec<RootId>,
    /// How many events.
    pub events: u64,
    /// How many values, the losing ones too.
    pub observations: u64,
    /// How many messages.
    pub messages: u64,
    /// How many refused messages.
    pub quarantined: u64,
}

const NODES: [Column; 1] = [bytes("node")];
const DELETE_EVENTS: &str = "DELETE FROM event
    WHERE workspace = ?1 AND node IN (SELECT r.node FROM {rows}) RETURNING source, message_id";
const DELETE_OBSERVATIONS: &str = "DELETE FROM observation
    WHERE workspace = ?1 AND node IN (SELECT r.node FROM {rows}) RETURNING source, message_id";
const DELETE_MESSAGES: &str = "DELETE FROM message
    WHERE workspace = ?1 AND node IN (SELECT r.node FROM {rows}) RETURNING source, message_id";
const DELETE_WRITTEN: &str = "DELETE FROM message
    WHERE workspace = ?1 AND author_node IN (SELECT r.node FROM {rows})
    RETURNING source, message_id";
const DELETE_MEMBERSHIPS: &str = "DELETE FROM membership
    WHERE workspace = ?1 AND person_node IN (SELECT r.node FROM {rows})";
const DELETE_EDGES: &str = "DELETE FROM edge
    WHERE workspace = ?1 AND a IN (SELECT r.node FROM {rows})";
const DELETE_EDGES_BACK: &str = "DELETE FROM edge
    WHERE workspace = ?1 AND b IN (SELECT r.node FROM {rows})";
const DELETE_DECIDED: &str = "DELETE FROM identity_decision_node
    WHERE workspace = ?1 AND node IN (SELECT r.node FROM {rows})";
const DELETE_REVIEWS: &str = "DELETE FROM review
    WHERE workspace = ?1 AND a IN (SELECT r.node FROM {rows})";
const DELETE_REVIEWS_BACK: &str = "DELETE FROM review
    WHERE workspace = ?1 AND b IN (SELECT r.node FROM {rows})";
const DELETE_NODES: &str = "DELETE FROM identifier
    WHERE workspace = ?1 AND id IN (SELECT r.node FROM {rows})";
const DELETE_CLAIMS: &str = "DELETE FROM dedup
    WHERE workspace = ?1 AND (source, message_id) IN (SELECT r.source, r.message_id FROM {rows})";
const CLAIMS: [Column; 2] = [text("source"), text("message_id")];
const REFUSED: &str = "SELECT q.quarantine FROM {rows} JOIN quarantine_identifier q
    ON q.workspace = ?1 AND q.kind = r.kind AND q.value = r.value";
const IDENTIFIERS: [Column; 2] = [text("kind"), text("value")];
const DELETE_REFUSED: &str = "DELETE FROM quarantine
    WHERE workspace = ?1 AND id IN (SELECT r.id FROM {rows})
    RETURNING source, coalesce(message_id, '')";
const DELETE_REFUSED_IDENTIFIERS: &str = "DELETE FROM quarantine_identifier
    WHERE workspace = ?1 AND quarantine IN (SELECT r.id FROM {rows})";
const IDS: [Column; 1] = [bytes("id")];
const CONVERSATIONS: &str = "SELECT from_id FROM relation
    WHERE workspace = ?1 AND to_id = ?2 AND name = ?3 ORDER BY from_id";
const DELETE_RELATIONS: &str = "DELETE FROM relation WHERE workspace = ?1 AND from_id = ?2";
const DELETE_RELATIONS_BACK: &str = "DELETE FROM relation WHERE workspace = ?1 AND to_id = ?2";
const DELETE_ROLES: &str = "DELETE FROM role WHERE workspace = ?1 AND person = ?2";
const DELETE_REDIRECTS: &str = "DELETE FROM redirect
    WHERE workspace = ?1 AND kind = ?2 AND (to_id = ?3 OR from_id = ?3)";

const EVENTS: &str = "SELECT e.node, e.at, e.id, e.name, e.account_node, e.properties, e.source,
      e.message_id, e.trust, e.received_at, e.definitions_version
    FROM {rows} JOIN event e ON e.workspace = ?1 AND e.node = r.node";
const MESSAGES: &str = "SELECT m.node, m.at, m.id, m.is_note, m.author, m.author_node,
      m.properties, m.source, m.message_id, m.received_at, m.definitions_version
    FROM {rows} JOIN message m ON m.workspace = ?1 AND m.node = r.node";
const WRITTEN: &str = "SELECT m.node, m.at, m.id, m.is_note, m.author, m.author_node,
      m.properties, m.source, m.message_id, m.received_at, m.definitions_version
    FROM {rows} JOIN message m ON m.workspace = ?1 AND m.author_node = r.node";
const REFUSED_ROWS: &str = "SELECT q.id, q.source, q.received_at, q.message_id, q.path, q.code,
      q.detail, q.definitions_version, q.original, q.status
    FROM {rows} JOIN quarantine q ON q.workspace = ?1 AND q.id = r.id";

const SUPPRESS: &str = "INSERT INTO suppressed_identifier (workspace, hash, at)
    SELECT ?1, r.hash, ?2 FROM {rows} WHERE true
    ON CONFLICT (workspace, hash) DO NOTHING";
const HASHES: [Column; 1] = [bytes("hash")];
const ANY_SUPPRESSED: &str = "SELECT 1 FROM suppressed_identifier WHERE workspace = ?1 LIMIT 1";
const SUPPRESSED: &str = "SELECT s.hash FROM {rows} JOIN suppressed_identifier s
    ON s.workspace = ?1 AND s.hash = r.hash";
const READMIT: &str = "DELETE FROM suppressed_identifier WHERE workspace = ?1 AND hash = ?2";
const BEGIN: &str = "INSERT INTO erasure (workspace, person, at, is_swept)
    VALUES (?1, ?2, ?3, 0)
    ON CONFLICT (workspace, person) DO UPDATE SET at = excluded.at, is_swept = 0";
const UNSWEPT: &str = "SELECT count(*) FROM erasure WHERE workspace = ?1 AND is_swept = 0";
const SWEPT: &str = "UPDATE erasure SET is_swept = 1 WHERE workspace = ?1 AND at <= ?2";

/// All that is held of a person: what [`erase_person`] takes out.
#[derive(Default)]
pub struct Held {
    /// The identifiers that lead to the person.
    pub nodes: Vec<NodeRow>,
    /// The identifiers of the person's conversations.
    pub conversations: Vec<NodeRow>,
    /// Every value that was said, of the conversations too.
    pub observations: Vec<ObservationRow>,
    /// What happened.
    pub events: Vec<EventRow>,
    /// What was said in the conversations, and what the person wrote in others.
    pub messages: Vec<MessageRow>,
    /// What was refused.
    pub refused: Vec<QuarantineRow>,
}

/// Says nothing of what is held: it is a customer's.
impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

/// Reads all that is held of a person, each kind by time.
///
/// # Errors
/// If the database fails.
pub async fn held(tx: &mut Tx<'_>, ws: WorkspaceId, person: PersonId) -> Result<Held, StoreError> {
    let root = RootId::Person(person);
    let mut held = Held {
        nodes: identity::nodes_of_root(tx, ws, root).await?,
        ..Held::default()
    };
    for conversation in conversations(tx, ws, root).await? {
        let nodes = identity::nodes_of_root(tx, ws, conversation).await?;
        held.conversations.extend(nodes);
    }
    let all: Vec<&NodeRow> = held.nodes.iter().chain(&held.conversations).collect();
    let ids: Vec<NodeId> = all.iter().map(|node| node.id).collect();
    held.observations = facts::observations_of(tx, ws, &ids).await?;
    let rows: Vec<_> = ids.iter().map(|node| [node.into()]).collect();
    for row in tx.each(EVENTS, &[ws.into()], &NODES, &rows).await? {
        held.events.push(facts::read_event(&row)?);
    }
    for sql in [MESSAGES, WRITTEN] {
        for row in tx.each(sql, &[ws.into()], &NODES, &rows).await? {
            held.messages.push(messages::read(&row)?);
        }
    }
    let waiting = refused_ids(tx, ws, all).await?;
    let rows: Vec<_> = waiting.iter().map(|id| [id.into()]).collect();
    for row in tx.each(REFUSED_ROWS, &[ws.into()], &IDS, &rows).await? {
        held.refused.push(quarantine::read(&row)?);
    }
    held.observations
        .sort_by(|a, b| (a.observed_at, &a.field).cmp(&(b.observed_at, &b.field)));
    held.events.sort_by_key(|event| (event.at, event.id));
    held.messages
        .sort_by_key(|message| (message.at, message.id));
    held.messages.dedup_by_key(|message| message.id);
    held.refused
        .sort_by_key(|refused| (refused.received_at, refused.id));
    Ok(held)
}

/// Takes a person out of every table, and remembers that what is left in free space is to be swept.
///
/// # Errors
/// If the database fails: then nothing was erased.
pub async fn erase_person(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    person: PersonId,
    at: Timestamp,
) -> Result<Erased, StoreError> {
    let root = RootId::Person(person);
    let mut erased = Erased::default();
    let mut claims = BTreeSet::new();

    let own = identity::nodes_of_root(tx, ws, root).await?;
    erased.conversations = conversations(tx, ws, root).await?;
    let mut nodes = own;
    for conversation in &erased.conversations {
        nodes.extend(identity::nodes_of_root(tx, ws, *conversation).await?);
    }
    erased.identifiers.extend(
        nodes
            .iter()
            .filter_map(|node| Identifier::new(node.kind, &node.value).ok()),
    );
    let ids: Vec<NodeId> = nodes.iter().map(|node| node.id).collect();

    erased.events = take(tx, ws, DELETE_EVENTS, &ids, &mut claims).await?;
    erased.observations = take(tx, ws, DELETE_OBSERVATIONS, &ids, &mut claims).await?;
    erased.messages = take(tx, ws, DELETE_MESSAGES, &ids, &mut claims).await?
        + take(tx, ws, DELETE_WRITTEN, &ids, &mut claims).await?;
    erased.quarantined = refused(tx, ws, &nodes, &mut claims).await?;
    for sql in [
        DELETE_MEMBERSHIPS,
        DELETE_EDGES,
        DELETE_EDGES_BACK,
        DELETE_DECIDED,
        DELETE_REVIEWS,
        DELETE_REVIEWS_BACK,
        DELETE_NODES,
    ] {
        take(tx, ws, sql, &ids, &mut claims).await?;
    }
    let rows: Vec<_> = claims
        .iter()
        .map(|(source, id)| [source.as_str().into(), id.as_str().into()])
        .collect();
    tx.each(DELETE_CLAIMS, &[ws.into()], &CLAIMS, &rows).await?;

    for root in erased.conversations.iter().copied().chain([root]) {
        forget(tx, ws, root).await?;
    }
    tx.execute(DELETE_ROLES, &[ws.into(), (&person).into()])
        .await?;
    tx.execute(BEGIN, &[ws.into(), (&person).into(), at.into()])
        .await?;
    Ok(erased)
}

/// The row of a root, what the index holds of it, and what leads to and from it.
async fn forget(tx: &mut Tx<'_>, ws: WorkspaceId, root: RootId) -> Result<(), StoreError> {
    match root {
        RootId::Person(id) => profiles::delete(tx, ws, id).await?,
        RootId::Conversation(id) => profiles::delete(tx, ws, id).await?,
        _ => return Err(StoreError::Conflict("only people are erased")),
    }
    field_index::clear(tx, ws, root).await?;
    for sql in [DELETE_RELATIONS, DELETE_RELATIONS_BACK] {
        tx.execute(sql, &[ws.into(), (&root).into()]).await?;
    }
    let kind = root.kind().as_str().into();
    tx.execute(DELETE_REDIRECTS, &[ws.into(), kind, (&root).into()])
        .await?;
    Ok(())
}

async fn conversations(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    person: RootId,
) -> Result<Vec<RootId>, StoreError> {
    let name = Relation::ConversationPerson.as_str().into();
    let rows = tx
        .query(CONVERSATIONS, &[ws.into(), (&person).into(), name])
        .await?;
    let conversation = |bytes: &[u8]| RootId::from_slice(RootKind::Conversation, bytes);
    rows.iter()
        .map(|row| row.columns("relation").id("from_id", conversation))
        .collect()
}

/// Deletes by node; how many rows went, and the claims of the messages that they came with.
async fn take(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    sql: &str,
    nodes: &[NodeId],
    claims: &mut BTreeSet<(String, String)>,
) -> Result<u64, StoreError> {
    let rows: Vec<_> = nodes.iter().map(|node| [node.into()]).collect();
    let gone = tx.each(sql, &[ws.into()], &NODES, &rows).await?;
    for row in &gone {
        let mut columns = row.columns("claim");
        claims.insert((columns.string("source")?, columns.string("message_id")?));
    }
    Ok(gone.len() as u64)
}

/// The refused messages that name one of these.
async fn refused_ids(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    nodes: impl IntoIterator<Item = &NodeRow>,
) -> Result<BTreeSet<QuarantineId>, StoreError> {
    let wanted: Vec<_> = nodes
        .into_iter()
        .map(|node| [node.kind.as_str().into(), node.value.as_str().into()])
        .collect();
    tx.each(REFUSED, &[ws.into()], &IDENTIFIERS, &wanted)
        .await?
        .iter()
        .map(|row| {
            let mut columns = row.columns("quarantine_identifier");
            columns.id("quarantine", QuarantineId::from_slice)
        })
        .collect()
}

async fn refused(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    nodes: &[NodeRow],
    claims: &mut BTreeSet<(String, String)>,
) -> Result<u64, StoreError> {
    let ids = refused_ids(tx, ws, nodes).await?;
    let rows: Vec<_> = ids.iter().map(|id| [id.into()]).collect();
    let gone = tx.each(DELETE_REFUSED, &[ws.into()], &IDS, &rows).await?;
    for row in &gone {
        let mut columns = row.columns("quarantine");
        claims.insert((columns.string("source")?, columns.string("message_id")?));
    }
    tx.each(DELETE_REFUSED_IDENTIFIERS, &[ws.into()], &IDS, &rows)
        .await?;
    Ok(gone.len() as u64)
}

/// What names one of these, by keyed hash, is not taken in any more.
///
/// # Errors
/// If the database fails.
pub async fn suppress(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    hashes: &[[u8; 32]],
    at: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<_> = hashes.iter().map(|hash| [hash.into()]).collect();
    tx.each(SUPPRESS, &[ws.into(), at.into()], &HASHES, &rows)
        .await?;
    Ok(())
}

/// Whether anybody is kept from coming back; one statement.
///
/// # Errors
/// If the database fails.
pub async fn any_suppressed(tx: &mut Tx<'_>, ws: WorkspaceId) -> Result<bool, StoreError> {
    let row = tx.query_opt(ANY_SUPPRESSED, &[ws.into()]).await?;
    Ok(row.is_some())
}

/// Those of the hashes that are suppressed.
///
/// # Errors
/// If the database fails.
pub async fn suppressed(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    hashes: &[[u8; 32]],
) -> Result<HashSet<[u8; 32]>, StoreError> {
    let rows: Vec<_> = hashes.iter().map(|hash| [hash.into()]).collect();
    tx.each(SUPPRESSED, &[ws.into()], &HASHES, &rows)
        .await?
        .iter()
        .map(|row| row.columns("suppressed_identifier").hash("hash"))
        .collect()
}

/// What names this is taken in again; whether it was not.
///
/// # Errors
/// If the database fails.
pub async fn readmit(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    hash: &[u8; 32],
) -> Result<bool, StoreError> {
    Ok(tx.execute(READMIT, &[ws.into(), hash.into()]).await? > 0)
}

/// How many erasures are not swept.
///
/// # Errors
/// If the database fails.
pub async fn unswept(tx: &mut Tx<'_>, ws: WorkspaceId) -> Result<u64, StoreError> {
    let row = tx.query_opt(UNSWEPT, &[ws.into()]).await?;
    row.map_or(Ok(0), |row| row.columns("erasure").number("count"))
}

/// Erasures up to this time are swept.
///
/// # Errors
/// If the database fails.
pub async fn swept(tx: &mut Tx<'_>, ws: WorkspaceId, until: Timestamp) -> Result<(), StoreError> {
    tx.execute(SWEPT, &[ws.into(), until.into()]).await?;
    Ok(())
}
