//! What was said in conversations: messages, and notes that the other side does not read. They hang on
//! the conversation's identifier node, as events hang on a person's.

use kith_domain::Timestamp;
use kith_domain::fact::Author;
use kith_domain::id::{ConversationId, MessageId, NodeId, WorkspaceId};
use serde_json::{Map, Value as Json};

use crate::db::param::{Param, int as to_int};
use crate::db::row::Row;
use crate::db::sql::{Column, bytes, int, json, text};
use crate::facts::object_text;
use crate::{StoreError, Tx};

/// A message of a conversation.
#[derive(Clone, PartialEq)]
pub struct MessageRow {
    /// The conversation's node.
    pub node: NodeId,
    /// When it was written.
    pub at: Timestamp,
    /// Its id.
    pub id: MessageId,
    /// Whether it is a note, which the other side does not read.
    pub is_note: bool,
    /// What kind of author wrote it.
    pub author: Author,
    /// The node of the person who wrote it, if it was one who is known.
    pub author_node: Option<NodeId>,
    /// Canonical values, by full field path: what was said among them.
    pub properties: Map<String, Json>,
    /// The source that said so.
    pub source: String,
    /// The source's id of the message.
    pub message_id: String,
    /// When it was received.
    pub received_at: Timestamp,
    /// The definitions that it was checked against.
    pub definitions_version: u64,
}

/// How many messages, or notes, a conversation has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageCount {
    /// The conversation.
    pub conversation: ConversationId,
    /// Whether notes are counted here, or messages.
    pub of_notes: bool,
    /// How many there are.
    pub count: u64,
    /// When the first was written.
    pub first_at: Timestamp,
    /// When the last was written.
    pub last_at: Timestamp,
}

/// Where a page ends: the time and id of its last message.
pub type Cursor = (Timestamp, MessageId);

impl std::fmt::Debug for MessageRow {
    /// Leaves what was said out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MessageRow")
            .field("id", &self.id)
            .field("node", &self.node)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

const INSERT: &str = "INSERT INTO message (workspace, node, at, id, is_note, author, author_node,
      properties, source, message_id, received_at, definitions_version)
    SELECT ?1, r.node, r.at, r.id, r.is_note, r.author, r.author_node, r.properties, r.source,
      r.message_id, r.received_at, r.definitions_version
    FROM {rows}";
const ROWS: [Column; 11] = [
    bytes("node"),
    int("at"),
    bytes("id"),
    int("is_note"),
    text("author"),
    bytes("author_node"),
    json("properties"),
    text("source"),
    text("message_id"),
    int("received_at"),
    int("definitions_version"),
];
// A conversation has few identifiers, and each gives its newest messages from its own part of the key.
const OF_CONVERSATION: &str = "SELECT m.node, m.at, m.id, m.is_note, m.author, m.author_node,
      m.properties, m.source, m.message_id, m.received_at, m.definitions_version
    FROM identifier i CROSS JOIN message m
    WHERE i.workspace = ?1 AND i.root = ?2 AND m.workspace = i.workspace AND m.node = i.id
      AND (m.at, m.id) < (?3, ?4)
    ORDER BY m.at DESC, m.id DESC LIMIT ?5";
const COUNTS: &str = "SELECT r.id, m.is_note, count(*), min(m.at), max(m.at)
    FROM {rows} JOIN message m ON m.workspace = ?1 AND m.node IN (
      SELECT i.id FROM identifier i WHERE i.workspace = ?1 AND i.root = r.id)
    GROUP BY r.id, m.is_note";
const IDS: [Column; 1] = [bytes("id")];

/// Adds messages.
///
/// # Errors
/// A conflict if a message's id exists at its node and time.
pub async fn insert(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    messages: &[MessageRow],
) -> Result<(), StoreError> {
    let properties: Vec<String> = messages
        .iter()
        .map(|message| object_text(&message.properties))
        .collect();
    let rows = messages
        .iter()
        .zip(&properties)
        .map(|(message, properties)| {
            Ok([
                (&message.node).into(),
                message.at.into(),
                (&message.id).into(),
                message.is_note.into(),
                message.author.as_str().into(),
                message.author_node.as_ref().into(),
                Param::Json(properties),
                message.source.as_str().into(),
                message.message_id.as_str().into(),
                message.received_at.into(),
                to_int(message.definitions_version)?.into(),
            ])
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    tx.each(INSERT, &[ws.into()], &ROWS, &rows).await?;
    Ok(())
}

/// The messages and notes of a conversation, the newest first; one statement.
///
/// # Errors
/// If the database fails.
pub async fn of_conversation(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    conversation: ConversationId,
    before: Option<Cursor>,
    limit: u32,
) -> Result<Vec<MessageRow>, StoreError> {
    let (at, id) = match &before {
        Some((at, id)) => ((*at).into(), id.into()),
        // Behind every message.
        None => (Param::Int(i64::MAX), Param::Bytes(&[0xff; 16])),
    };
    let params = [
        ws.into(),
        conversation.as_bytes().into(),
        at,
        id,
        i64::from(limit).into(),
    ];
    let rows = tx.query(OF_CONVERSATION, &params).await?;
    rows.iter().map(read).collect()
}

/// How many messages and notes these conversations have, in no order; one statement. What there is none
/// of is left out.
///
/// # Errors
/// If the database fails.
pub async fn counts(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    conversations: &[ConversationId],
) -> Result<Vec<MessageCount>, StoreError> {
    let rows: Vec<_> = conversations
        .iter()
        .map(|id| [id.as_bytes().into()])
        .collect();
    let found = tx.each(COUNTS, &[ws.into()], &IDS, &rows).await?;
    found
        .iter()
        .map(|row| {
            let mut columns = row.columns("message");
            Ok(MessageCount {
                conversation: columns.id("node", ConversationId::from_slice)?,
                of_notes: columns.flag("is_note")?,
                count: columns.number("count")?,
                first_at: columns.time("at")?,
                last_at: columns.time("at")?,
            })
        })
        .collect()
}

pub(crate) fn read(row: &Row) -> Result<MessageRow, StoreError> {
    let mut columns = row.columns("message");
    Ok(MessageRow {
        node: columns.id("node", NodeId::from_slice)?,
        at: columns.time("at")?,
        id: columns.id("id", MessageId::from_slice)?,
        is_note: columns.flag("is_note")?,
        author: columns.word("author", &Author::ALL, Author::as_str)?,
        author_node: columns.opt("author_node", |columns, name| {
            columns.id(name, NodeId::from_slice)
        })?,
        properties: columns.object("properties")?,
        source: columns.string("source")?,
        message_id: columns.string("message_id")?,
        received_at: columns.time("received_at")?,
        definitions_version: columns.number("definitions_version")?,
    })
}
