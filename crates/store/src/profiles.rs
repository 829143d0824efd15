//! Profiles: one row for each root (account, person, company, …), and one for each person's role in an
//! account. Projections of the facts, which can be built anew at any time.

use kith_domain::Timestamp;
use kith_domain::id::{
    AccountId, CompanyId, ConversationId, PersonId, SiteId, SubscriptionId, WorkspaceId,
};
use serde_json::{Map, Value as Json};

use crate::db::param::Param;
use crate::db::row::{Columns, Row};
use crate::db::sql::{Column, bytes, int, json};
use crate::facts::object_text;
use crate::{Engine, StoreError, Tx};

/// The row of a root: an account, a person, a company and so on.
#[derive(Clone, PartialEq)]
pub struct Profile<Id> {
    /// Whose it is.
    pub id: Id,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Canonical values, by full field path.
    pub fields: Map<String, Json>,
    /// Where each value comes from, by full field path.
    pub provenance: Map<String, Json>,
}

/// The row of a person's role in an account.
#[derive(Clone, PartialEq)]
pub struct RoleRow {
    /// The account.
    pub account: AccountId,
    /// The person.
    pub person: PersonId,
    /// Since when; `None` if no server source ever granted it.
    pub active_since: Option<Timestamp>,
    /// Canonical values, by full field path.
    pub fields: Map<String, Json>,
    /// Where each value comes from, by full field path.
    pub provenance: Map<String, Json>,
}

impl<Id: std::fmt::Debug> std::fmt::Debug for Profile<Id> {
    /// Leaves the values out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile")
            .field("id", &self.id)
            .field("updated_at", &self.updated_at)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for RoleRow {
    /// Leaves the values out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoleRow")
            .field("account", &self.account)
            .field("person", &self.person)
            .field("active_since", &self.active_since)
            .finish_non_exhaustive()
    }
}

/// The id of a root, which has a profile: an account, a person, a company and so on.
pub trait ProfileId: Copy + Send + Sync + sealed::Table {}

pub(crate) mod sealed {
    pub trait Table: Sized {
        const TABLE: &'static str;
        const GET: &'static str;
        const PUT: &'static str;
        const DELETE: &'static str;
        const AHEAD: &'static str;
        const BEHIND: &'static str;

        fn as_bytes(&self) -> &[u8; 16];
        fn from_slice(bytes: &[u8]) -> Option<Self>;
    }
}

macro_rules! profile_table {
    ($id:ty, $table:literal) => {
        impl ProfileId for $id {}

        impl sealed::Table for $id {
            const TABLE: &'static str = $table;
            const GET: &'static str = concat!(
                "SELECT p.id, p.created_at, p.updated_at, p.fields, p.provenance FROM {rows} JOIN ",
                $table,
                " p ON p.workspace = ?1 AND p.id = r.id"
            );
            const PUT: &'static str = concat!(
                "INSERT INTO ",
                $table,
                " (workspace, id, created_at, updated_at, fields, provenance)
                  SELECT ?1, r.id, r.created_at, r.updated_at, r.fields, r.provenance
                  FROM {rows} WHERE true
                  ON CONFLICT (workspace, id) DO UPDATE SET
                    created_at = excluded.created_at, updated_at = excluded.updated_at,
                    fields = excluded.fields, provenance = excluded.provenance"
            );

            const DELETE: &'static str =
                concat!("DELETE FROM ", $table, " WHERE workspace = ?1 AND id = ?2");
            const AHEAD: &'static str = concat!(
                "SELECT l.from_id, p.id, p.created_at, p.updated_at, p.fields, p.provenance
                 FROM {rows} JOIN relation l CROSS JOIN ",
                $table,
                " p ON l.workspace = ?1 AND l.from_id = r.id AND l.name = ?2
                   AND p.workspace = ?1 AND p.id = l.to_id"
            );
            const BEHIND: &'static str = concat!(
                "SELECT l.to_id, p.id, p.created_at, p.updated_at, p.fields, p.provenance
                 FROM {rows} JOIN relation l CROSS JOIN ",
                $table,
                " p ON l.workspace = ?1 AND l.to_id = r.id AND l.name = ?2
                   AND p.workspace = ?1 AND p.id = l.from_id"
            );

            fn as_bytes(&self) -> &[u8; 16] {
                self.as_bytes()
            }

            fn from_slice(bytes: &[u8]) -> Option<Self> {
                <$id>::from_slice(bytes)
            }
        }
    };
}

profile_table!(AccountId, "account");
profile_table!(PersonId, "person");
profile_table!(CompanyId, "company");
profile_table!(SubscriptionId, "subscription");
profile_table!(ConversationId, "conversation");
profile_table!(SiteId, "site");

const IDS: [Column; 1] = [bytes("id")];
const PROFILES: [Column; 5] = [
    bytes("id"),
    int("created_at"),
    int("updated_at"),
    json("fields"),
    json("provenance"),
];
const PUT_ROLES: &str = "INSERT INTO role
      (workspace, account, person, active_since, fields, provenance)
    SELECT ?1, r.account, r.person, r.active_since, r.fields, r.provenance
    FROM {rows} WHERE true
    ON CONFLICT (workspace, account, person) DO UPDATE SET
      active_since = excluded.active_since, fields = excluded.fields,
      provenance = excluded.provenance";
const ROLES: [Column; 5] = [
    bytes("account"),
    bytes("person"),
    int("active_since"),
    json("fields"),
    json("provenance"),
];
const ROLE: &str = "SELECT p.account, p.person, p.active_since, p.fields, p.provenance
    FROM {rows} JOIN role p
      ON p.workspace = ?1 AND p.account = r.account AND p.person = r.person";
// SQLite would rather walk over every role of the workspace, because they come in the order wanted.
macro_rules! accounts_of_person {
    ($index:literal) => {
        concat!(
            "SELECT p.account, p.person, p.active_since, p.fields, p.provenance, a.id,
               a.created_at, a.updated_at, a.fields, a.provenance
             FROM role p ",
            $index,
            " JOIN account a ON a.workspace = p.workspace AND a.id = p.account
             WHERE p.workspace = ?1 AND p.person = ?2
             ORDER BY p.account LIMIT ?3"
        )
    };
}
const ACCOUNTS_OF_PERSON_SQLITE: &str = accounts_of_person!("INDEXED BY role_by_person");
const ACCOUNTS_OF_PERSON_POSTGRES: &str = accounts_of_person!("");
const ACCOUNTS_OF_PEOPLE: &str =
    "SELECT p.account, p.person, p.active_since, p.fields, p.provenance, a.id,
       a.created_at, a.updated_at, a.fields, a.provenance
     FROM {rows} JOIN role p CROSS JOIN account a
       ON p.workspace = ?1 AND p.person = r.id AND a.workspace = ?1 AND a.id = p.account
     LIMIT ?2";
const PEOPLE_OF_ACCOUNT: &str =
    "SELECT r.account, r.person, r.active_since, r.fields, r.provenance,
       p.id, p.created_at, p.updated_at, p.fields, p.provenance
     FROM role r JOIN person p ON p.workspace = r.workspace AND p.id = r.person
     WHERE r.workspace = ?1 AND r.account = ?2
     ORDER BY r.person LIMIT ?3";
const DELETE_ROLES: &str = "DELETE FROM role WHERE workspace = ?1 AND (account, person) IN (
    SELECT r.account, r.person FROM {rows})";
const ROLE_KEYS: [Column; 2] = [bytes("account"), bytes("person")];

/// Reads a profile; one statement.
///
/// # Errors
/// If the database fails.
pub async fn get<Id: ProfileId>(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: Id,
) -> Result<Option<Profile<Id>>, StoreError> {
    Ok(get_many(tx, ws, &[id]).await?.pop())
}

/// Reads profiles, in no order; one statement. Ids that do not exist are left out.
///
/// # Errors
/// If the database fails.
pub async fn get_many<Id: ProfileId>(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    ids: &[Id],
) -> Result<Vec<Profile<Id>>, StoreError> {
    let rows: Vec<_> = ids.iter().map(|id| [id.as_bytes().into()]).collect();
    tx.each(Id::GET, &[ws.into()], &IDS, &rows)
        .await?
        .iter()
        .map(|row| read_profile(&mut row.columns(Id::TABLE)))
        .collect()
}

/// Writes profiles; an id may appear once.
///
/// # Errors
/// If the database fails.
pub async fn put<Id: ProfileId>(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    profiles: &[Profile<Id>],
) -> Result<(), StoreError> {
    let texts: Vec<_> = profiles
        .iter()
        .map(|profile| {
            (
                object_text(&profile.fields),
                object_text(&profile.provenance),
            )
        })
        .collect();
    let rows: Vec<_> = profiles
        .iter()
        .zip(&texts)
        .map(|(profile, (fields, provenance))| {
            [
                profile.id.as_bytes().into(),
                profile.created_at.into(),
                profile.updated_at.into(),
                Param::Json(fields),
                Param::Json(provenance),
            ]
        })
        .collect();
    tx.each(Id::PUT, &[ws.into()], &PROFILES, &rows).await?;
    Ok(())
}

/// Removes a profile, as when its root was merged into another.
///
/// # Errors
/// If the database fails.
pub async fn delete<Id: ProfileId>(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    id: Id,
) -> Result<(), StoreError> {
    tx.execute(Id::DELETE, &[ws.into(), id.as_bytes().into()])
        .await?;
    Ok(())
}

/// Reads a person's role in an account; one statement.
///
/// # Errors
/// If the database fails.
pub async fn role(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    account: AccountId,
    person: PersonId,
) -> Result<Option<RoleRow>, StoreError> {
    Ok(roles(tx, ws, &[(account, person)]).await?.pop())
}

/// Reads the roles of people in accounts, in no order; one statement. Those that do not exist are
/// left out.
///
/// # Errors
/// If the database fails.
pub async fn roles(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    pairs: &[(AccountId, PersonId)],
) -> Result<Vec<RoleRow>, StoreError> {
    let rows: Vec<_> = pairs
        .iter()
        .map(|(account, person)| [account.into(), person.into()])
        .collect();
    tx.each(ROLE, &[ws.into()], &ROLE_KEYS, &rows)
        .await?
        .iter()
        .map(|row| read_role(&mut row.columns("role")))
        .collect()
}

/// Writes roles; a pair of account and person may appear once.
///
/// # Errors
/// If the database fails.
pub async fn put_roles(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    roles: &[RoleRow],
) -> Result<(), StoreError> {
    let texts: Vec<_> = roles
        .iter()
        .map(|role| (object_text(&role.fields), object_text(&role.provenance)))
        .collect();
    let rows: Vec<_> = roles
        .iter()
        .zip(&texts)
        .map(|(role, (fields, provenance))| {
            [
                (&role.account).into(),
                (&role.person).into(),
                role.active_since.into(),
                Param::Json(fields),
                Param::Json(provenance),
            ]
        })
        .collect();
    tx.each(PUT_ROLES, &[ws.into()], &ROLES, &rows).await?;
    Ok(())
}

/// Removes roles, as when one of the two was merged into another.
///
/// # Errors
/// If the database fails.
pub async fn delete_roles(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    roles: &[(AccountId, PersonId)],
) -> Result<(), StoreError> {
    let rows: Vec<_> = roles
        .iter()
        .map(|(account, person)| [account.into(), person.into()])
        .collect();
    tx.each(DELETE_ROLES, &[ws.into()], &ROLE_KEYS, &rows)
        .await?;
    Ok(())
}

/// The accounts that a person has a role in, with the role, by account id; one statement.
///
/// # Errors
/// If the database fails.
pub async fn accounts_of_person(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    person: PersonId,
    limit: u32,
) -> Result<Vec<(RoleRow, Profile<AccountId>)>, StoreError> {
    let params = [ws.into(), (&person).into(), i64::from(limit).into()];
    let sql = match tx.engine() {
        Engine::Sqlite => ACCOUNTS_OF_PERSON_SQLITE,
        Engine::Postgres => ACCOUNTS_OF_PERSON_POSTGRES,
    };
    tx.query(sql, &params)
        .await?
        .iter()
        .map(|row| read_joined(row, "account"))
        .collect()
}

/// The accounts of these people, with the role of each in each, in no order; one statement. Never more than
/// `limit` of one person, and of all of them on PostgreSQL.
///
/// # Errors
/// If the database fails.
pub async fn accounts_of_people(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    people: &[PersonId],
    limit: u32,
) -> Result<Vec<(RoleRow, Profile<AccountId>)>, StoreError> {
    let rows: Vec<_> = people.iter().map(|id| [id.into()]).collect();
    let shared = [ws.into(), i64::from(limit).into()];
    tx.each(ACCOUNTS_OF_PEOPLE, &shared, &IDS, &rows)
        .await?
        .iter()
        .map(|row| read_joined(row, "account"))
        .collect()
}

/// The people who have a role in an account, with the role, by person id; one statement.
///
/// # Errors
/// If the database fails.
pub async fn people_of_account(
    tx: &mut Tx<'_>,
    ws: WorkspaceId,
    account: AccountId,
    limit: u32,
) -> Result<Vec<(RoleRow, Profile<PersonId>)>, StoreError> {
    let params = [ws.into(), (&account).into(), i64::from(limit).into()];
    tx.query(PEOPLE_OF_ACCOUNT, &params)
        .await?
        .iter()
        .map(|row| read_joined(row, "person"))
        .collect()
}

/// A role, and behind it the profile of one of its two ends.
fn read_joined<Id: ProfileId>(
    row: &Row,
    table: &'static str,
) -> Result<(RoleRow, Profile<Id>), StoreError> {
    let mut columns = row.columns("role");
    let role = read_role(&mut columns)?;
    let profile = read_profile(&mut columns.continued(table))?;
    Ok((role, profile))
}

pub(crate) fn read_profile<Id: ProfileId>(
    columns: &mut Columns<'_>,
) -> Result<Profile<Id>, StoreError> {
    Ok(Profile {
        id: columns.id("id", Id::from_slice)?,
        created_at: columns.time("created_at")?,
        updated_at: columns.time("updated_at")?,
        fields: columns.object("fields")?,
        provenance: columns.object("provenance")?,
    })
}

fn read_role(columns: &mut Columns<'_>) -> Result<RoleRow, StoreError> {
    Ok(RoleRow {
        account: columns.id("account", AccountId::from_slice)?,
        person: columns.id("person", PersonId::from_slice)?,
        active_since: columns.opt("active_since", |columns, name| columns.time(name))?,
        fields: columns.object("fields")?,
        provenance: columns.object("provenance")?,
    })
}
