//! Identifier nodes: what facts hang on.

use std::collections::HashMap;

use kith_domain::id::{NodeId, WorkspaceId};
use kith_domain::{Identifier, IdentifierType, Timestamp};

use super::RootId;
use crate::db::row::Row;
use crate::db::sql::{Column, bytes, int, text};
use crate::{StoreError, Tx};

/// An identifier that some source used.
#[derive(Clone, PartialEq, Eq)]
pub struct NodeRow {
    /// Its id.
    pub id: NodeId,
    /// The type of the identifier.
    pub kind: IdentifierType,
    /// The normalised text.
    pub value: String,
    /// What it belongs to at present; `None` before it was resolved.
    pub root: Option<RootId>,
    /// Whether a fact of a server source named it.
    pub known: bool,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

impl std::fmt::Debug for NodeRow {
    /// Leaves the identifier's text out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NodeRow")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("root", &self.root)
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}

/// An identifier that a fact names.
#[derive(Debug, Clone)]
pub struct NewNode {
    /// The identifier.
    pub identifier: Identifier,
    /// The id of its node, if it has none yet.
    pub id: NodeId,
    /// Whether the fact is of a server source.
    pub known: bool,
    /// When the fact was received.
    pub at: Timestamp,
}

/// A node, and what naming it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upserted {
    /// The node as it is now.
    pub node: NodeRow,
    /// Whether it is new.
    pub created: bool,
    /// Whether it was there, named by public sources only, and is known from now on.
    pub became_known: bool,
}

macro_rules! node_columns {
    () => {
        "i.id, i.kind, i.value, i.root, i.known, i.first_seen"
    };
}

const FIND: &str = concat!(
    "SELECT ",
    node_columns!(),
    " FROM identifier i WHERE i.workspace = ?1 AND i.kind = ?2 AND i.value = ?3"
);
const FIND_MANY: &str = concat!(
    "SELECT ",
    node_columns!(),
    " FROM {rows} JOIN identifier i
      ON i.workspace = ?1 AND i.kind = r.kind AND i.value = r.value"
);
const FIND_MANY_ROWS: [Column; 2] = [text("kind"), text("value")];
const BY_ID: &str = concat!(
    "SELECT ",
    node_columns!(),
    " FROM {rows} JOIN identifier i ON i.workspace = ?1 AND i.id = r.id"
);
const BY_ID_ROWS: [Column; 1] = [bytes("id")];
const OF_ROOT: &str = concat!(
    "SELECT ",
    node_columns!(),
    " FROM identifier i WHERE i.workspace = ?1 AND i.root = ?2 ORDER BY i.id"
);
const INSERT: &str = "INSERT INTO identifier (workspace, id, kind, value, known, first_seen)
    SELECT ?1, r.id, r.kind, r.value, r.known, r.at FROM {rows}";
const INSERT_ROWS: [Column; 5] = [
    bytes("id"),
    text("kind"),
    text("value"),
    int("known"),
    int("at"),
];
const MAKE_KNOWN: &str = "UPDATE identifier SET known = 1 FROM {rows}
    WHERE identifier.workspace = ?1 AND identifier.id = r.id";
const SET_ROOT: &str = "UPDATE identifier SET root = r.root FROM {rows}
    WHERE identifier.workspace = ?1 AND identifier.id = r.id";
const SET_ROOT_ROWS: [Column; 2] = [bytes("id"), bytes("root")];

/// Finds the node of an identifier; one statement.
///
/// # Errors
/// If the database fails.
pub async fn find(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    identifier: &Identifier,
) -> Result<Option<NodeRow>, StoreError> {
    let params = [
        ws.into(),
        identifier.kind().as_str().into(),
        identifier.value().into(),
    ];
    let row = tx.query_opt(FIND, &params).await?;
    row.as_ref().map(read).transpose()
}

/// The nodes of these identifiers; those that nobody named are left out. One statement.
///
/// # Errors
/// If the database fails.
pub async fn find_all(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    identifiers: &[Identifier],
) -> Result<HashMap<Identifier, NodeRow>, StoreError> {
    let mut found = find_many(tx, ws, identifiers.iter()).await?;
    let nodes = identifiers.iter().filter_map(|identifier| {
        let key = (identifier.kind(), identifier.value().to_owned());
        Some((identifier.clone(), found.remove(&key)?.node))
    });
    Ok(nodes.collect())
}

/// The nodes of these ids, in no order; ids that do not exist are left out.
///
/// # Errors
/// If the database fails.
pub async fn nodes(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    ids: &[NodeId],
) -> Result<Vec<NodeRow>, StoreError> {
    let rows: Vec<_> = ids.iter().map(|id| [id.into()]).collect();
    let rows = tx.each(BY_ID, &[ws.into()], &BY_ID_ROWS, &rows).await?;
    rows.iter().map(read).collect()
}

/// The nodes that belong to an account, person or company, the oldest first; one statement.
///
/// # Errors
/// If the database fails.
pub async fn nodes_of_root(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    root: RootId,
) -> Result<Vec<NodeRow>, StoreError> {
    let rows = tx.query(OF_ROOT, &[ws.into(), (&root).into()]).await?;
    rows.iter().map(read).collect()
}

/// Makes sure that every identifier has a node, and that those named by a server source are known.
/// The answer is in the order of the input, which may name an identifier more than once.
///
/// # Errors
/// If the database fails.
pub async fn upsert_nodes(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    named: &[NewNode],
) -> Result<Vec<Upserted>, StoreError> {
    let mut wanted: HashMap<&Identifier, NewNode> = HashMap::with_capacity(named.len());
    for node in named {
        wanted
            .entry(&node.identifier)
            .and_modify(|first| {
                first.known |= node.known;
                first.at = first.at.min(node.at);
            })
            .or_insert_with(|| node.clone());
    }
    let mut there = find_many(tx, ws, wanted.keys().copied()).await?;
    let mut new = Vec::new();
    let mut became_known = Vec::new();
    for (identifier, node) in &wanted {
        match there.get_mut(&(identifier.kind(), identifier.value().to_owned())) {
            None => new.push(node),
            Some(found) if node.known && !found.node.known => {
                found.node.known = true;
                found.became_known = true;
                became_known.push(found.node.id);
            }
            Some(_) => {}
        }
    }
    insert(tx, ws, &new).await?;
    let rows: Vec<_> = became_known.iter().map(|id| [id.into()]).collect();
    tx.each(MAKE_KNOWN, &[ws.into()], &BY_ID_ROWS, &rows)
        .await?;

    for node in new {
        let key = (node.identifier.kind(), node.identifier.value().to_owned());
        there.insert(key, created(node));
    }
    Ok(named
        .iter()
        .filter_map(|node| {
            let key = (node.identifier.kind(), node.identifier.value().to_owned());
            there.get(&key).cloned()
        })
        .collect())
}

type Found = HashMap<(IdentifierType, String), Upserted>;

async fn find_many(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    identifiers: impl Iterator<Item = &Identifier>,
) -> Result<Found, StoreError> {
    let rows: Vec<_> = identifiers
        .map(|identifier| [identifier.kind().as_str().into(), identifier.value().into()])
        .collect();
    let found = tx
        .each(FIND_MANY, &[ws.into()], &FIND_MANY_ROWS, &rows)
        .await?;
    found
        .iter()
        .map(|row| {
            let node = read(row)?;
            let there = Upserted {
                created: false,
                became_known: false,
                node,
            };
            Ok(((there.node.kind, there.node.value.clone()), there))
        })
        .collect()
}

async fn insert(tx: &mut Tx<'_>, ws: WorkspaceId, nodes: &[&NewNode]) -> Result<(), StoreError> {
    let rows: Vec<_> = nodes
        .iter()
        .map(|node| {
            [
                (&node.id).into(),
                node.identifier.kind().as_str().into(),
                node.identifier.value().into(),
                node.known.into(),
                node.at.into(),
            ]
        })
        .collect();
    tx.each(INSERT, &[ws.into()], &INSERT_ROWS, &rows).await?;
    Ok(())
}

fn created(node: &NewNode) -> Upserted {
    Upserted {
        node: NodeRow {
            id: node.id,
            kind: node.identifier.kind(),
            value: node.identifier.value().to_owned(),
            root: None,
            known: node.known,
            first_seen: node.at,
        },
        created: true,
        became_known: false,
    }
}

/// Says to which account, person or company each node belongs from now on.
///
/// # Errors
/// If the database fails.
pub async fn set_roots(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    roots: &[(NodeId, RootId)],
) -> Result<(), StoreError> {
    let rows: Vec<_> = roots
        .iter()
        .map(|(node, root)| [node.into(), root.into()])
        .collect();
    tx.each(SET_ROOT, &[ws.into()], &SET_ROOT_ROWS, &rows)
        .await?;
    Ok(())
}

fn read(row: &Row) -> Result<NodeRow, StoreError> {
    let mut columns = row.columns("identifier");
    let id = columns.id("id", NodeId::from_slice)?;
    let kind = columns.word("kind", IdentifierType::ALL, IdentifierType::as_str)?;
    Ok(NodeRow {
        id,
        kind,
        value: columns.string("value")?,
        root: columns.opt("root", |columns, name| {
            columns.id(name, |bytes| RootId::from_slice(kind.root_kind(), bytes))
        })?,
        known: columns.flag("known")?,
        first_seen: columns.time("first_seen")?,
    })
}
