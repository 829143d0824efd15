//! What only one of the engines can get wrong.

use std::time::{Duration, Instant};

use kith_domain::Timestamp;
use kith_domain::fact::Trust;
use kith_domain::id::NodeId;
use kith_store::facts::{self, ObservationRow};
use kith_store::{StoreError, feed, members};
use rusqlite::Connection;
use serde_json::json;

use crate::principals::sam;
use crate::transactions::change;
use crate::{Place, Store, at, read, uuid, write};

fn data_file(store: &Store) -> std::path::PathBuf {
    let Place::Folder(folder) = &store.place else {
        unreachable!()
    };
    folder.path().join("kith-data/kith.db")
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let store = Store::sqlite().await;
    let ws = store.ws;
    write!(store.db, ws, |tx| feed::append_many(tx, ws, &[change(1)])).unwrap();
    let other_hand = Connection::open(data_file(&store)).unwrap();
    other_hand
        .execute("UPDATE feed SET root_kind = 'hunter2'", ())
        .unwrap();
    let error = read!(store.db, ws, |tx| feed::read_from(tx, ws, 0, 9)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "corrupt row in `feed` at key `1`: cannot read `root_kind`"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_waits_for_another_process() {
    let store = Store::sqlite().await;
    let ws = store.ws;
    let mut other_process = Connection::open(data_file(&store)).unwrap();
    let lock = other_process
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .unwrap();
    let db = store.db.clone();
    let writing =
        tokio::spawn(async move { write!(db, ws, |tx| feed::append_many(tx, ws, &[change(1)])) });
    // Readers do not wait.
    let begun = Instant::now();
    assert_eq!(read!(store.db, ws, |tx| tx.position()).unwrap(), 0);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!writing.is_finished());
    lock.commit().unwrap();
    assert_eq!(writing.await.unwrap(), Ok(1));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_write_ahead_log_stays_small() {
    let store = Store::sqlite().await;
    let ws = store.ws;
    for batch in 0..30 {
        let rows: Vec<_> = (0..100)
            .map(|number| ObservationRow {
                node: NodeId::from_uuid(uuid(batch * 100 + number)),
                account_node: None,
                field: "person.notes".into(),
                source: "crm".into(),
                message_id: "m".into(),
                trust: Trust::Server,
                observed_at: Timestamp::from_micros(1),
                received_at: Timestamp::from_micros(1),
                value: Some(json!("x".repeat(8_000))),
            })
            .collect();
        write!(store.db, ws, |tx| facts::insert_observations(tx, ws, &rows)).unwrap();
        // A reader in between, whose snapshot must not keep the log from being emptied.
        read!(store.db, ws, |tx| tx.position()).unwrap();
    }
    let log = data_file(&store).with_file_name("kith.db-wal");
    let bytes = std::fs::metadata(log).unwrap().len();
    assert!(bytes < 16 * 1024 * 1024, "{bytes} bytes");
}

#[cfg(unix)]
#[tokio::test]
async fn the_folder_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let store = Store::sqlite().await;
    let file = data_file(&store);
    let mode = std::fs::metadata(file.parent().unwrap()).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_neither_rows_nor_locks() {
    let store = Store::postgres().await;
    let ws = store.ws;
    for _ in 0..40 {
        let work = store.db.write(ws, move |tx| {
            Box::pin(async move {
                members::insert(tx, ws, &sam(1), at(1)).await?;
                // Longer than the caller has patience.
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok::<_, StoreError>(())
            })
        });
        let gave_up = tokio::time::timeout(Duration::from_millis(20), work).await;
        assert!(gave_up.is_err());
    }
    assert_eq!(read!(store.db, ws, |tx| members::list(tx, ws)).unwrap(), []);
    write!(store.db, ws, |tx| members::insert(tx, ws, &sam(1), at(1))).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_compared_bytewise_whatever_the_collation() {
    for store in [Store::sqlite().await, Store::postgres().await] {
        let ws = store.ws;
        for (number, name) in (1..).zip(["b", "B", "a", "é", "A", "_"]) {
            let member = kith_domain::Member {
                name: name.into(),
                ..sam(number)
            };
            write!(store.db, ws, |tx| members::insert(tx, ws, &member, at(1))).unwrap();
        }
        let names: Vec<_> = read!(store.db, ws, |tx| members::list(tx, ws))
            .unwrap()
            .into_iter()
            .map(|member| member.name)
            .collect();
        let names: Vec<_> = names.iter().map(|name| &**name).collect();
        assert_eq!(names, ["A", "B", "_", "a", "b", "é"]);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_soon() {
    let url = "postgres://kith:hunter2@127.0.0.1:1/kith".parse().unwrap();
    let error = kith_store::Db::open(&url, "node").await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(!format!("{error:?} {error}").contains("hunter2"));
}

#[tokio::test]
async fn a_nodes_name_fits_into_a_streams_name() {
    let folder = tempfile::tempdir().unwrap();
    let url = kith_store::StoreUrl::sqlite(folder.path());
    for name in ["", "Node", "a/b", "a'b", "a b", &"a".repeat(64)] {
        let refused = kith_store::Db::open(&url, name).await.unwrap_err();
        assert_eq!(refused, StoreError::NodeName, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_row_level_security_does_not_bind_is_refused() {
    let cluster = kith_testkit::Cluster::shared().await.unwrap();
    let database = cluster.database().await.unwrap();
    let superuser = cluster.superuser(database.name()).await.unwrap();
    let name = database.name();
    superuser
        .batch_execute(&format!("ALTER ROLE {name} BYPASSRLS"))
        .await
        .unwrap();
    let url = database.url().parse().unwrap();
    let refused = kith_store::Db::open(&url, "node").await.unwrap_err();
    assert_eq!(refused, StoreError::UnboundRole);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_workspace_leaves_connections_for_readers() {
    let store = Store::postgres().await;
    let ws = store.ws;
    let writers: Vec<_> = (0..100)
        .map(|_| {
            let db = store.db.clone();
            tokio::spawn(async move {
                db.write(ws, move |tx| {
                    Box::pin(async move {
                        tx.position().await?;
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        Ok::<_, StoreError>(())
                    })
                })
                .await
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let read = read!(store.db, ws, |tx| tx.position());
    assert_eq!(read, Ok(0));
    assert!(writers.iter().any(|writer| !writer.is_finished()));
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
}
