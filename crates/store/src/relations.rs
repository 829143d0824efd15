//! Relations between roots: which company is behind an account, which account pays for a subscription.
//! A projection of the observations that state them, which can be built anew at any time.
//!
//! A row remembers the identifier that it leads to, and the root of that identifier at present: whoever
//! merges or splits that root brings its rows up to date. A relation that was ended keeps its row, so
//! that what was said before does not come back.

use kith_domain::id::{NodeId, WorkspaceId};
use kith_domain::{Relation, RootKind};
use serde_json::{Map, Value as Json};

use crate::db::param::Param;
use crate::db::row::Row;
use crate::db::sql::{Column, bytes, json, text};
use crate::facts::object_text;
use crate::identity::RootId;
use crate::profiles::sealed::Table;
use crate::profiles::{Profile, ProfileId, read_profile};
use crate::{StoreError, Tx};

/// What a root's relation leads to at present.
#[derive(Clone, PartialEq)]
pub struct RelationRow {
    /// Which relation.
    pub relation: Relation,
    /// What it is stated of.
    pub from: RootId,
    /// The identifier that was named, and its root; `None` if the relation was ended.
    pub to: Option<(NodeId, RootId)>,
    /// Where it comes from.
    pub provenance: Map<String, Json>,
}

impl std::fmt::Debug for RelationRow {
    /// Leaves the provenance out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelationRow")
            .field("relation", &self.relation)
            .field("from", &self.from)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

const PUT: &str = "INSERT INTO relation (workspace, from_id, name, to_node, to_id, provenance)
    SELECT ?1, r.from_id, r.name, r.to_node, r.to_id, r.provenance
    FROM {rows} WHERE true
    ON CONFLICT (workspace, from_id, name) DO UPDATE SET
      to_node = excluded.to_node, to_id = excluded.to_id, provenance = excluded.provenance";
const ROWS: [Column; 5] = [
    bytes("from_id"),
    text("name"),
    bytes("to_node"),
    bytes("to_id"),
    json("provenance"),
];
const OF: &str = "SELECT l.name, l.from_id, l.to_node, l.to_id, l.provenance
    FROM {rows} JOIN relation l ON l.workspace = ?1 AND l.from_id = r.id";
const TO: &str = "SELECT l.name, l.from_id, l.to_node, l.to_id, l.provenance
    FROM {rows} JOIN relation l ON l.workspace = ?1 AND l.to_id = r.id";
const DELETE_OF: &str = "DELETE FROM relation
    WHERE workspace = ?1 AND from_id IN (SELECT r.id FROM {rows})";
const IDS: [Column; 1] = [bytes("id")];

/// Writes relations; a relation of a root may appear once.
///
/// # Errors
/// If the database fails.
pub async fn put(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    relations: &[RelationRow],
) -> Result<(), StoreError> {
    let texts: Vec<String> = relations
        .iter()
        .map(|row| object_text(&row.provenance))
        .collect();
    let rows: Vec<_> = relations
        .iter()
        .zip(&texts)
        .map(|(row, provenance)| {
            let to = row.to.as_ref();
            [
                (&row.from).into(),
                row.relation.as_str().into(),
                to.map_or(Param::Null, |(node, _)| node.into()),
                to.map_or(Param::Null, |(_, root)| root.into()),
                Param::Json(provenance),
            ]
        })
        .collect();
    tx.each(PUT, &[ws.into()], &ROWS, &rows).await?;
    Ok(())
}

/// The relations that were stated of these roots, ended ones included, in no order; one statement.
///
/// # Errors
/// If the database fails.
pub async fn of(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    roots: &[RootId],
) -> Result<Vec<RelationRow>, StoreError> {
    read_all(tx, ws, OF, roots).await
}

/// The relations that lead to these roots, in no order; one statement.
///
/// # Errors
/// If the database fails.
pub async fn to(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    roots: &[RootId],
) -> Result<Vec<RelationRow>, StoreError> {
    read_all(tx, ws, TO, roots).await
}

/// Removes the relations that were stated of these roots, as when they were merged into others.
///
/// # Errors
/// If the database fails.
pub async fn delete_of(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    roots: &[RootId],
) -> Result<(), StoreError> {
    let rows: Vec<_> = roots.iter().map(|root| [root.into()]).collect();
    tx.each(DELETE_OF, &[ws.into()], &IDS, &rows).await?;
    Ok(())
}

/// What a relation of these roots leads to: each root with the profile at the other end, in no order;
/// one statement. The kinds of both must be the relation's, else nothing is found.
///
/// # Errors
/// If the database fails.
pub async fn ahead<From: ProfileId, To: ProfileId>(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    relation: Relation,
    from: &[From],
) -> Result<Vec<(From, Profile<To>)>, StoreError> {
    joined(tx, ws, To::AHEAD, relation, from).await
}

/// Of what a relation leads to these roots: each root with one profile at the other end, in order of
/// neither; one statement. The kinds of both must be the relation's, else nothing is found.
///
/// # Errors
/// If the database fails.
pub async fn behind<To: ProfileId, From: ProfileId>(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    relation: Relation,
    to: &[To],
) -> Result<Vec<(To, Profile<From>)>, StoreError> {
    joined(tx, ws, From::BEHIND, relation, to).await
}

async fn joined<Near: ProfileId, Far: ProfileId>(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    sql: &'static str,
    relation: Relation,
    near: &[Near],
) -> Result<Vec<(Near, Profile<Far>)>, StoreError> {
    let rows: Vec<_> = near.iter().map(|id| [id.as_bytes().into()]).collect();
    tx.each(sql, &[ws.into(), relation.as_str().into()], &IDS, &rows)
        .await?
        .iter()
        .map(|row| {
            let mut columns = row.columns("relation");
            let id = columns.id("id", Near::from_slice)?;
            Ok((
                id,
                read_profile(&mut columns.continued(<Far as Table>::TABLE))?,
            ))
        })
        .collect()
}

async fn read_all(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    sql: &'static str,
    roots: &[RootId],
) -> Result<Vec<RelationRow>, StoreError> {
    let rows: Vec<_> = roots.iter().map(|root| [root.into()]).collect();
    let found = tx.each(sql, &[ws.into()], &IDS, &rows).await?;
    found.iter().map(read).collect()
}

fn read(row: &Row) -> Result<RelationRow, StoreError> {
    let mut columns = row.columns("relation");
    let relation = columns.word("name", &Relation::ALL, Relation::as_str)?;
    let id = |kind: RootKind| move |bytes: &[u8]| RootId::from_slice(kind, bytes);
    let from = columns.id("from_id", id(relation.from()))?;
    let node = columns.opt("to_node", |columns, name| {
        columns.id(name, NodeId::from_slice)
    })?;
    let root = columns.opt("to_id", |columns, name| columns.id(name, id(relation.to())))?;
    Ok(RelationRow {
        relation,
        from,
        to: node.zip(root),
        provenance: columns.object("provenance")?,
    })
}
