//! Versions of the definitions.

use kith_domain::definitions::SourceFile;
use kith_store::definitions::{self, DefinitionsRow};
use kith_store::{Db, StoreError};

use crate::{Store, at, promises, read, write};

promises! {
    versions_follow_each_other_and_never_change,
    of_two_who_publish_the_same_version_one_wins,
}

fn version(version: u64) -> DefinitionsRow {
    let file = |path: &str, text: &str| SourceFile {
        path: path.into(),
        text: text.into(),
    };
    DefinitionsRow {
        version,
        hash: format!("hash of {version}"),
        // In no order of names, with what JSON must escape.
        files: vec![
            file("workspace.toml", "edition = 2026\n"),
            file("policies/a.kith", "hide \"\u{1}\\u0000 é\"\n"),
        ],
        author: "sam".into(),
        message: "first".into(),
        created_at: at(1),
    }
}

async fn publish(db: &Db, store: &Store, row: DefinitionsRow) -> Result<(), StoreError> {
    let ws = store.ws;
    write!(db, ws, |tx| definitions::publish(tx, ws, &row))
}

async fn versions_follow_each_other_and_never_change(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    assert_eq!(
        read!(db, ws, |tx| definitions::latest(tx, ws)).unwrap(),
        None
    );
    assert_eq!(
        read!(db, ws, |tx| definitions::latest_version(tx, ws)).unwrap(),
        0
    );
    for wrong in [0, 2] {
        let refused = publish(db, &store, version(wrong)).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))));
    }
    publish(db, &store, version(1)).await.unwrap();
    assert!(publish(db, &store, version(1)).await.is_err());
    publish(db, &store, version(2)).await.unwrap();

    let latest = read!(db, ws, |tx| definitions::latest(tx, ws)).unwrap();
    assert_eq!(latest, Some(version(2)));
    let first = read!(db, ws, |tx| definitions::get(tx, ws, 1)).unwrap();
    assert_eq!(first, Some(version(1)));
    assert_eq!(
        read!(db, ws, |tx| definitions::get(tx, ws, 3)).unwrap(),
        None
    );
    let heads = read!(db, ws, |tx| definitions::list(tx, ws, 10)).unwrap();
    assert_eq!(
        heads.iter().map(|head| head.version).collect::<Vec<_>>(),
        [2, 1]
    );
    let other = store.other;
    assert_eq!(
        read!(db, other, |tx| definitions::latest(tx, other)).unwrap(),
        None
    );
}

async fn of_two_who_publish_the_same_version_one_wins(store: Store) {
    let second = store.again().await;
    let (a, b) = tokio::join!(
        publish(&store.db, &store, version(1)),
        publish(&second, &store, version(1))
    );
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
}
