//! The change feed.

use std::time::Duration;

use kith_store::feed::{self, FeedRow};

use crate::transactions::change;
use crate::{Place, Store, promises, read, write};

promises! {
    changes_read_back_in_order,
    an_empty_append_changes_nothing,
}

/// Reads the feed until so many rows are there: on PostgreSQL a consumer waits for older transactions,
/// those of other databases included.
pub(crate) async fn read_until(store: &Store, after: i64, count: usize) -> Vec<FeedRow> {
    let ws = store.ws;
    for _ in 0..1_000 {
        let rows = read!(store.db, ws, |tx| feed::read_from(tx, ws, after, 100)).unwrap();
        if rows.len() >= count {
            return rows;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the feed has not {count} rows after {after}");
}

async fn changes_read_back_in_order(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let changes: Vec<_> = (1..=3).map(change).collect();
    let (first, rest) = (changes.clone(), vec![change(4)]);
    assert_eq!(
        write!(db, ws, |tx| feed::append_many(tx, ws, &first)).unwrap(),
        3
    );
    assert_eq!(
        write!(db, ws, |tx| feed::append_many(tx, ws, &rest)).unwrap(),
        4
    );
    read_until(&store, 0, 4).await;
    let rows = read!(db, ws, |tx| feed::read_from(tx, ws, 0, 3)).unwrap();
    assert_eq!(
        rows.iter().map(|row| row.seq).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(
        rows.into_iter().map(|row| row.change).collect::<Vec<_>>(),
        changes
    );
    let rest = read!(db, ws, |tx| feed::read_from(tx, ws, 3, 10)).unwrap();
    assert_eq!(rest.iter().map(|row| row.seq).collect::<Vec<_>>(), [4]);
}

async fn an_empty_append_changes_nothing(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    assert_eq!(
        write!(db, ws, |tx| feed::append_many(tx, ws, &[])).unwrap(),
        0
    );
    assert_eq!(
        read!(db, ws, |tx| feed::read_from(tx, ws, 0, 3)).unwrap(),
        []
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_never_overtakes_a_transaction_that_still_runs() {
    let store = Store::postgres().await;
    let (ws, db) = (store.ws, &store.db);
    let Place::Database(database) = &store.place else {
        unreachable!()
    };
    // An older transaction that has written and not committed, by a writer that takes no turns.
    let slow = database.connect().await.unwrap();
    slow.batch_execute(
        "BEGIN; SET LOCAL kith.workspace = '1';
         INSERT INTO feed (workspace, seq, at, root_kind, root_id, operation, fields,
           definitions_version)
         VALUES (1, 100, 0, 'person', '\\x00000000000000000000000000000000', 'update', '[]', 1)",
    )
    .await
    .unwrap();
    write!(db, ws, |tx| feed::append_many(tx, ws, &[change(1)])).unwrap();
    let seen = read!(db, ws, |tx| feed::read_from(tx, ws, 0, 10)).unwrap();
    assert_eq!(seen, []);
    slow.batch_execute("COMMIT").await.unwrap();
    let seen = read_until(&store, 0, 2).await;
    assert_eq!(seen.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 100]);
}
