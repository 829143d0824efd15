//! Upgrades from every earlier schema.

use kith_testkit::{Cluster, Database};
use rusqlite::Connection as SqliteConnection;

use super::*;
use crate::{Db, StoreUrl};

/// Runs the first migrations only, as a Kith of that time did.
fn sqlite_of_version(path: &std::path::Path, version: usize, migrations: &[Migration]) {
    let mut connection = SqliteConnection::open(path).unwrap();
    sqlite(&mut connection, &migrations[..version]).unwrap();
}

fn sqlite_schema(path: &std::path::Path) -> Vec<(String, i64)> {
    let connection = SqliteConnection::open(path).unwrap();
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    let mut statement = connection
        .prepare("SELECT coalesce(sql, name) FROM sqlite_master ORDER BY 1")
        .unwrap();
    let rows = statement.query_map((), |row| row.get(0)).unwrap();
    rows.map(|sql| (sql.unwrap(), version)).collect()
}

#[tokio::test]
async fn a_folder_of_every_earlier_version_is_upgraded() {
    let mut expect = None;
    // From the newest, whose schema the others must reach, down to none at all.
    for version in (0..=SQLITE.len()).rev() {
        let folder = tempfile::tempdir().unwrap();
        let (data, audit) = (
            folder.path().join("kith.db"),
            folder.path().join("audit.db"),
        );
        sqlite_of_version(&data, version, SQLITE);
        sqlite_of_version(&audit, version.min(SQLITE_AUDIT.len()), SQLITE_AUDIT);
        let db = Db::open(&StoreUrl::sqlite(folder.path()), "node")
            .await
            .unwrap();
        db.ping().await.unwrap();
        let schema = (sqlite_schema(&data), sqlite_schema(&audit));
        let expect = expect.get_or_insert_with(|| schema.clone());
        assert_eq!(&schema, expect, "from version {version}");
    }
}

#[tokio::test]
async fn a_folder_of_a_newer_version_is_refused() {
    for file in ["kith.db", "audit.db"] {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::sqlite(folder.path());
        drop(Db::open(&url, "node").await.unwrap());
        let connection = SqliteConnection::open(folder.path().join(file)).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let refused = Db::open(&url, "node").await.unwrap_err();
        assert!(
            matches!(refused, StoreError::NewerSchema { found: 99, .. }),
            "{refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_together_upgrade_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = Cluster::shared().await.unwrap().database().await.unwrap();
    for url in [
        StoreUrl::sqlite(folder.path()),
        database.url().parse().unwrap(),
    ] {
        let opening: Vec<_> = (0..6)
            .map(|_| {
                let url = url.clone();
                tokio::spawn(async move { Db::open(&url, "node").await?.ping().await })
            })
            .collect();
        for opened in opening {
            assert_eq!(opened.await.unwrap(), Ok(()), "{url}");
        }
    }
}

async fn postgres_schema(database: &Database) -> Vec<String> {
    let client = database.connect().await.unwrap();
    let rows = client
        .query(
            "SELECT concat_ws(' ', table_name, column_name, data_type, collation_name, is_nullable,
               column_default)
             FROM information_schema.columns WHERE table_schema = 'public'
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
             UNION ALL SELECT concat_ws(' ', tablename, policyname, qual)
             FROM pg_policies WHERE schemaname = 'public'
             UNION ALL SELECT max(version)::text FROM schema_version
             ORDER BY 1",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_database_of_every_earlier_version_is_upgraded() {
    let cluster = Cluster::shared().await.unwrap();
    let mut expect = None;
    for version in (0..=POSTGRES.len()).rev() {
        let database = cluster.database().await.unwrap();
        let url: StoreUrl = database.url().parse().unwrap();
        let pool = crate::db::postgres::connect(database.url()).unwrap();
        postgres(&pool, &POSTGRES[..version]).await.unwrap();
        let db = Db::open(&url, "node").await.unwrap();
        db.ping().await.unwrap();
        let schema = postgres_schema(&database).await;
        let expect = expect.get_or_insert_with(|| schema.clone());
        assert_eq!(&schema, expect, "from version {version}");
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let database = Cluster::shared().await.unwrap().database().await.unwrap();
    let url: StoreUrl = database.url().parse().unwrap();
    drop(Db::open(&url, "node").await.unwrap());
    let client = database.connect().await.unwrap();
    client
        .execute("INSERT INTO schema_version (version) VALUES (99)", &[])
        .await
        .unwrap();
    let refused = Db::open(&url, "node").await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "the store has schema version 99 and this Kith knows versions up to {}: start the Kith that wrote it, or a newer one",
            POSTGRES.len()
        )
    );
}
