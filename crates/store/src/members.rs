//! Members of the support organisation, with their roles, teams, sites and regions.

use std::collections::BTreeSet;

use kith_domain::id::{MemberId, WorkspaceId};
use kith_domain::{Member, Timestamp};

use crate::db::row::Row;
use crate::db::sql::{Column, text};
use crate::{StoreError, Tx};

const INSERT: &str = "INSERT INTO member (workspace, id, name, created_at) VALUES (?1, ?2, ?3, ?4)";
const INSERT_ATTRIBUTES: &str = "INSERT INTO member_attribute (workspace, member, kind, value)
    SELECT ?1, ?2, r.kind, r.value FROM {rows}";
const ATTRIBUTES: [Column; 2] = [text("kind"), text("value")];
const BY_ID: &str = "SELECT m.id, m.name, a.kind, a.value
    FROM member m
    LEFT JOIN member_attribute a ON a.workspace = m.workspace AND a.member = m.id
    WHERE m.workspace = ?1 AND m.id = ?2
    ORDER BY a.kind, a.value";
const BY_NAME: &str = "SELECT m.id, m.name, a.kind, a.value
    FROM member m
    LEFT JOIN member_attribute a ON a.workspace = m.workspace AND a.member = m.id
    WHERE m.workspace = ?1 AND m.name = ?2
    ORDER BY a.kind, a.value";
const LIST: &str = "SELECT m.id, m.name, a.kind, a.value
    FROM member m
    LEFT JOIN member_attribute a ON a.workspace = m.workspace AND a.member = m.id
    WHERE m.workspace = ?1
    ORDER BY m.name, m.id, a.kind, a.value";

/// Adds a member.
///
/// # Errors
/// A conflict if the name is taken.
pub async fn insert(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    member: &Member,
    at: Timestamp,
) -> Result<(), StoreError> {
    let id = &member.id;
    tx.execute(
        INSERT,
        &[ws.into(), id.into(), (&*member.name).into(), at.into()],
    )
    .await
    .map_err(|error| error.or_conflict("a member of this name exists already"))?;
    let attributes: Vec<_> = [
        ("role", &member.roles),
        ("team", &member.teams),
        ("site", &member.sites),
        ("region", &member.regions),
    ]
    .into_iter()
    .flat_map(|(kind, values)| {
        values
            .iter()
            .map(move |value| [kind.into(), (&**value).into()])
    })
    .collect();
    tx.each(
        INSERT_ATTRIBUTES,
        &[ws.into(), id.into()],
        &ATTRIBUTES,
        &attributes,
    )
    .await?;
    Ok(())
}

/// Finds a member; one statement.
///
/// # Errors
/// If the database fails.
pub async fn by_id(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: MemberId,
) -> Result<Option<Member>, StoreError> {
    let rows = tx.query(BY_ID, &[ws.into(), (&id).into()]).await?;
    Ok(read(&rows)?.pop())
}

/// Finds a member by name; one statement.
///
/// # Errors
/// If the database fails.
pub async fn by_name(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    name: &str,
) -> Result<Option<Member>, StoreError> {
    let rows = tx.query(BY_NAME, &[ws.into(), name.into()]).await?;
    Ok(read(&rows)?.pop())
}

/// Every member, by name.
///
/// # Errors
/// If the database fails.
pub async fn list(tx: &mut Tx<'_>, ws: WorkspaceId) -> Result<Vec<Member>, StoreError> {
    read(&tx.query(LIST, &[ws.into()]).await?)
}

/// Folds one row per attribute into one member each.
fn read(rows: &[Row]) -> Result<Vec<Member>, StoreError> {
    let mut members: Vec<Member> = Vec::new();
    for row in rows {
        let mut columns = row.columns("member");
        let id = columns.id("id", MemberId::from_slice)?;
        let name = columns.text("name")?;
        let mut member = match members.pop() {
            Some(last) if last.id == id => last,
            other => {
                members.extend(other);
                Member {
                    id,
                    name: name.into(),
                    roles: BTreeSet::new(),
                    teams: BTreeSet::new(),
                    sites: BTreeSet::new(),
                    regions: BTreeSet::new(),
                }
            }
        };
        if columns.is_null() {
            members.push(member);
            continue;
        }
        let values = match columns.text("kind")? {
            "role" => &mut member.roles,
            "team" => &mut member.teams,
            "site" => &mut member.sites,
            "region" => &mut member.regions,
            _ => return Err(columns.corrupt("kind")),
        };
        values.insert(columns.text("value")?.into());
        members.push(member);
    }
    Ok(members)
}
