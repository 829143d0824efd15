//! Appending entries, in groups.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kith_domain::id::WorkspaceId;

use super::{AuditRow, AuditSeq};
use crate::db::param::{Param, int as to_int};
use crate::db::sql::{Column, bytes, int, json, text};
use crate::keys::words;
use crate::{StoreError, Tx};

const NEWEST: &str = "SELECT r.workspace, (SELECT coalesce(max(a.seq), 0) FROM audit a
      WHERE a.workspace = r.workspace AND a.stream = r.stream)
    FROM {rows}";
const NEWEST_ROWS: [Column; 2] = [int("workspace"), text("stream")];
const INTERN: &str = "INSERT INTO field_set (workspace, stream, hash, names)
    SELECT r.workspace, r.stream, r.hash, r.names FROM {rows} WHERE true
    ON CONFLICT (workspace, stream, hash) DO NOTHING";
const INTERN_ROWS: [Column; 4] = [
    int("workspace"),
    text("stream"),
    bytes("hash"),
    json("names"),
];
const APPEND: &str = "INSERT INTO audit (workspace, stream, seq, id, at, leaf, actor, credential,
      on_behalf_of, purpose, action, verdict, account, person, lookup_hash, field_set, statements,
      definitions_version, definitions_hash, position)
    SELECT r.workspace, r.stream, r.seq, r.id, r.at, r.leaf, r.actor, r.credential,
      r.on_behalf_of, r.purpose, r.action, r.verdict, r.account, r.person, r.lookup_hash,
      r.field_set, r.statements, r.definitions_version, r.definitions_hash, r.position
    FROM {rows}";
const APPEND_ROWS: [Column; 20] = [
    int("workspace"),
    text("stream"),
    int("seq"),
    bytes("id"),
    int("at"),
    bytes("leaf"),
    text("actor"),
    text("credential"),
    text("on_behalf_of"),
    text("purpose"),
    text("action"),
    text("verdict"),
    bytes("account"),
    bytes("person"),
    bytes("lookup_hash"),
    bytes("field_set"),
    json("statements"),
    int("definitions_version"),
    text("definitions_hash"),
    int("position"),
];

/// Appends the entry of a change to this node's stream of changes, within the change's own
/// transaction.
///
/// # Errors
/// If the database fails.
pub async fn append_in(tx: &mut Tx<'_>, entry: &AuditRow) -> Result<AuditSeq, StoreError> {
    let stream = tx.change_stream();
    append_to(tx, &stream, entry).await
}

/// Appends one entry.
pub(crate) async fn append_to(
    tx: &mut Tx<'_>,
    stream: &Arc<str>,
    entry: &AuditRow,
) -> Result<AuditSeq, StoreError> {
    let mut places = append_group(tx, stream, std::slice::from_ref(entry)).await?;
    places
        .pop()
        .ok_or(StoreError::Conflict("nothing was appended"))
}

/// Appends entries of any workspaces. The caller's transaction must be the only one that writes this
/// stream of these workspaces.
pub(crate) async fn append_group(
    tx: &mut Tx<'_>,
    stream: &Arc<str>,
    entries: &[AuditRow],
) -> Result<Vec<AuditSeq>, StoreError> {
    let mut numbers = newest(tx, stream, entries).await?;
    intern(tx, stream, entries).await?;
    let mut places = Vec::with_capacity(entries.len());
    for entry in entries {
        let newest = numbers.entry(entry.workspace).or_default();
        *newest += 1;
        tx.touch(entry.workspace);
        places.push(AuditSeq {
            stream: Arc::clone(stream),
            seq: *newest,
        });
    }
    let statements: Vec<String> = entries
        .iter()
        .map(|entry| words(entry.statements.iter().map(String::as_str)))
        .collect();
    let rows = entries
        .iter()
        .zip(&places)
        .zip(&statements)
        .map(|((entry, place), statements)| params(entry, place, statements))
        .collect::<Result<Vec<_>, _>>()?;
    tx.each(APPEND, &[], &APPEND_ROWS, &rows).await?;
    Ok(places)
}

/// Refuses an entry that no database can hold.
pub(crate) fn check(entry: &AuditRow) -> Result<(), StoreError> {
    let place = AuditSeq {
        stream: "".into(),
        seq: 0,
    };
    let words = [&entry.fields.names, &entry.statements];
    params(entry, &place, "[]")?
        .into_iter()
        .chain(words.into_iter().flatten().map(|word| Param::Text(word)))
        .try_for_each(|param| param.check())
}

fn params<'p>(
    entry: &'p AuditRow,
    place: &'p AuditSeq,
    statements: &'p str,
) -> Result<[Param<'p>; 20], StoreError> {
    Ok([
        entry.workspace.into(),
        (&*place.stream).into(),
        place.seq.into(),
        (&entry.id).into(),
        entry.at.into(),
        entry.leaf.as_slice().into(),
        entry.actor.as_str().into(),
        entry.credential.as_str().into(),
        entry.on_behalf_of.as_deref().into(),
        entry.purpose.as_str().into(),
        entry.action.as_str().into(),
        entry.verdict.as_str().into(),
        entry.account.as_ref().into(),
        entry.person.as_ref().into(),
        entry.lookup_hash.as_ref().into(),
        (&entry.fields.hash).into(),
        Param::Json(statements),
        to_int(entry.definitions_version)?.into(),
        entry.definitions_hash.as_str().into(),
        entry.position.into(),
    ])
}

/// The newest number of the stream in each workspace.
async fn newest(
    tx: &mut Tx<'_>,
    stream: &str,
    entries: &[AuditRow],
) -> Result<HashMap<WorkspaceId, i64>, StoreError> {
    let mut workspaces: Vec<WorkspaceId> = entries.iter().map(|entry| entry.workspace).collect();
    workspaces.sort_unstable();
    workspaces.dedup();
    let rows: Vec<_> = workspaces
        .iter()
        .map(|workspace| [(*workspace).into(), stream.into()])
        .collect();
    tx.each(NEWEST, &[], &NEWEST_ROWS, &rows)
        .await?
        .iter()
        .map(|row| {
            let mut columns = row.columns("audit");
            Ok((columns.workspace("workspace")?, columns.int("seq")?))
        })
        .collect()
}

/// Keeps each set of field names once.
async fn intern(tx: &mut Tx<'_>, stream: &str, entries: &[AuditRow]) -> Result<(), StoreError> {
    let sets: BTreeMap<_, _> = entries
        .iter()
        .map(|entry| ((entry.workspace, &entry.fields.hash), &entry.fields.names))
        .collect();
    let names: Vec<String> = sets
        .values()
        .map(|names| words(names.iter().map(String::as_str)))
        .collect();
    let rows: Vec<_> = sets
        .keys()
        .zip(&names)
        .map(|((workspace, hash), names)| {
            [
                (*workspace).into(),
                stream.into(),
                (*hash).into(),
                Param::Json(names),
            ]
        })
        .collect();
    tx.each(INTERN, &[], &INTERN_ROWS, &rows).await?;
    Ok(())
}
