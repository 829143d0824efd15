//! A store as it stands, looked at without opening it: nothing is made and nothing is upgraded.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{migrate, postgres};
use crate::{StoreError, StoreUrl};

/// The schema of one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// `kith.db`, `audit.db` or `postgres`.
    pub database: &'static str,
    /// Its version.
    pub found: i64,
    /// The version that this Kith works with.
    pub known: i64,
}

/// A PostgreSQL server, and what it holds row level security by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `170002` for 17.2.
    pub version: i32,
    /// Whether Kith's role is one that row level security never binds.
    pub role_is_unbound: bool,
    /// Tables with rows of workspaces that are not bound to them.
    pub unbound_tables: Vec<String>,
}

/// The schema of each database of a store; none if nothing is there yet.
///
/// # Errors
/// If it cannot be reached or read.
pub async fn schema(url: &StoreUrl) -> Result<Vec<Schema>, StoreError> {
    let known =
        |steps: &[migrate::Migration]| i64::try_from(steps.len()).map_err(|_| StoreError::TooLarge);
    match url {
        StoreUrl::Sqlite(folder) => {
            let files = [
                ("kith.db", migrate::SQLITE),
                ("audit.db", migrate::SQLITE_AUDIT),
            ];
            let mut all = Vec::new();
            for (database, steps) in files {
                let path = folder.join(database);
                if path.exists() {
                    all.push(Schema {
                        database,
                        found: sqlite_version(&path)?,
                        known: known(steps)?,
                    });
                }
            }
            Ok(all)
        }
        StoreUrl::Postgres(url) => {
            let client = postgres::connect(url)?.get().await?;
            let there = "SELECT to_regclass('schema_version') IS NOT NULL";
            if !client.query_one(there, &[]).await?.try_get(0)? {
                return Ok(Vec::new());
            }
            let version = "SELECT coalesce(max(version), 0) FROM schema_version";
            Ok(vec![Schema {
                database: "postgres",
                found: client.query_one(version, &[]).await?.try_get(0)?,
                known: known(migrate::POSTGRES)?,
            }])
        }
    }
}

fn sqlite_version(path: &Path) -> Result<i64, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// The server behind a store; none behind files.
///
/// # Errors
/// If it cannot be reached.
pub async fn server(url: &StoreUrl) -> Result<Option<Server>, StoreError> {
    let StoreUrl::Postgres(url) = url else {
        return Ok(None);
    };
    let client = postgres::connect(url)?.get().await?;
    let facts = "SELECT current_setting('server_version_num')::int, rolsuper OR rolbypassrls
        FROM pg_roles WHERE rolname = current_user";
    let facts = client.query_one(facts, &[]).await?;
    let unbound = "SELECT c.relname::text FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace' AND NOT a.attisdropped
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
          AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
        ORDER BY c.relname";
    let unbound = client.query(unbound, &[]).await?;
    let tables = unbound.iter().map(|row| row.try_get(0));
    Ok(Some(Server {
        version: facts.try_get(0)?,
        role_is_unbound: facts.try_get(1)?,
        unbound_tables: tables.collect::<Result<_, _>>()?,
    }))
}
