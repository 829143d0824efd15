//! Snapshots, all or nothing, and what a closure may not do.

use std::time::Duration;

use kith_domain::fact::Trust;
use kith_domain::id::{AccountId, EventId, NodeId, PersonId};
use kith_store::facts::{self, EventRow};
use kith_store::feed::{self, Change};
use kith_store::identity::{self, RootId};
use kith_store::{StoreError, dedup, journey, members, profiles};

use crate::principals::sam;
use crate::{Store, at, promises, read, uuid, write};

promises! {
    the_store_answers_that_it_is_well,
    a_read_sees_one_snapshot,
    a_failed_closure_leaves_nothing,
    a_panic_loses_only_its_own_job,
    a_statement_that_failed_cannot_be_ignored,
    a_closure_that_waits_is_refused_where_it_would_block,
    jobs_of_one_group_fail_alone,
    writers_of_one_workspace_take_turns,
    absent_and_present_run_the_same_statements,
    two_processes_may_open_one_store,
    a_read_may_borrow_from_its_surroundings,
}

pub(crate) fn change(number: u128) -> Change {
    Change {
        at: at(1),
        root: RootId::Account(AccountId::from_uuid(uuid(number))),
        operation: "update".into(),
        fields: vec!["account.plan".into()],
        definitions_version: 1,
    }
}

async fn the_store_answers_that_it_is_well(store: Store) {
    store.db.ping().await.unwrap();
}

async fn a_read_sees_one_snapshot(store: Store) {
    let ws = store.ws;
    write!(store.db, ws, |tx| feed::append_many(tx, ws, &[change(1)])).unwrap();
    let db = store.db.clone();
    let runtime = tokio::runtime::Handle::current();
    let (before, after) = store
        .db
        .read(ws, move |tx| {
            Box::pin(async move {
                let before = tx.position().await?;
                // Someone else writes and commits, meanwhile.
                let (done, wait) = std::sync::mpsc::channel();
                runtime.spawn(async move {
                    let written = write!(db, ws, |tx| feed::append_many(tx, ws, &[change(2)]));
                    done.send(written).unwrap();
                });
                assert_eq!(wait.recv_timeout(Duration::from_secs(10)).unwrap(), Ok(2));
                Ok::<_, StoreError>((before, tx.position().await?))
            })
        })
        .await
        .unwrap();
    assert_eq!((before, after), (1, 1));
    assert_eq!(read!(store.db, ws, |tx| tx.position()).unwrap(), 2);
}

async fn a_failed_closure_leaves_nothing(store: Store) {
    let ws = store.ws;
    let failed: Result<(), StoreError> = store
        .db
        .write(ws, move |tx| {
            Box::pin(async move {
                feed::append_many(tx, ws, &[change(1)]).await?;
                Err(StoreError::TooLarge)
            })
        })
        .await;
    assert_eq!(failed, Err(StoreError::TooLarge));
    assert_eq!(read!(store.db, ws, |tx| tx.position()).unwrap(), 0);
}

async fn a_panic_loses_only_its_own_job(store: Store) {
    let ws = store.ws;
    let panicked: Result<(), StoreError> = store
        .db
        .write(ws, move |tx| {
            Box::pin(async move {
                feed::append_many(tx, ws, &[change(1)]).await?;
                panic!("on purpose");
            })
        })
        .await;
    assert_eq!(panicked, Err(StoreError::Panicked));
    // The next one finds the place clean, and is not blocked by a lock left behind.
    let seq = write!(store.db, ws, |tx| feed::append_many(tx, ws, &[change(2)])).unwrap();
    assert_eq!(seq, 1);
}

async fn a_statement_that_failed_cannot_be_ignored(store: Store) {
    let ws = store.ws;
    let ignored: Result<(), StoreError> = store
        .db
        .write(ws, move |tx| {
            Box::pin(async move {
                feed::append_many(tx, ws, &[change(1)]).await?;
                members::insert(tx, ws, &sam(1), at(1)).await?;
                let _ = members::insert(tx, ws, &sam(2), at(1)).await;
                Ok(())
            })
        })
        .await;
    assert!(
        matches!(ignored, Err(StoreError::Conflict(_))),
        "{ignored:?}"
    );
    assert_eq!(read!(store.db, ws, |tx| tx.position()).unwrap(), 0);
}

async fn a_closure_that_waits_is_refused_where_it_would_block(store: Store) {
    let ws = store.ws;
    let waited: Result<(), StoreError> = store
        .db
        .write(ws, move |tx| {
            Box::pin(async move {
                feed::append_many(tx, ws, &[change(1)]).await?;
                tokio::task::yield_now().await;
                Err(StoreError::Waits)
            })
        })
        .await;
    assert_eq!(waited, Err(StoreError::Waits));
    assert_eq!(read!(store.db, ws, |tx| tx.position()).unwrap(), 0);
}

async fn jobs_of_one_group_fail_alone(store: Store) {
    let ws = store.ws;
    let jobs = (0..60_u128).map(|number| {
        let db = store.db.clone();
        tokio::spawn(async move {
            db.write(ws, move |tx| {
                Box::pin(async move {
                    feed::append_many(tx, ws, &[change(number)]).await?;
                    if number % 3 == 0 {
                        return Err(StoreError::TooLarge);
                    }
                    Ok(())
                })
            })
            .await
        })
    });
    for (number, job) in jobs.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(job.await.unwrap().is_ok(), number % 3 != 0);
    }
    let rows = crate::feed::read_until(&store, 0, 40).await;
    let numbers: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
}

async fn writers_of_one_workspace_take_turns(store: Store) {
    let ws = store.ws;
    let second = store.again().await;
    let writers = (0..40).map(|number| {
        let db = [&store.db, &second][number % 2].clone();
        // What each reads is what it may rely on, so none of them takes a number twice.
        tokio::spawn(async move { write!(db, ws, |tx| feed::append_many(tx, ws, &[change(1)])) })
    });
    let mut numbers = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        numbers.push(writer.await.unwrap().unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=40).collect::<Vec<_>>());
}

async fn absent_and_present_run_the_same_statements(store: Store) {
    let ws = store.ws;
    let person = PersonId::from_uuid(uuid(1));
    let node = NodeId::from_uuid(uuid(2));
    let identifier = crate::identity::user("usr_1");
    let new = crate::identity::new_node(&identifier, 2, true);
    let event = EventRow {
        node,
        at: at(1),
        id: EventId::from_uuid(uuid(3)),
        name: "checkout.failed".into(),
        account_node: None,
        properties: serde_json::Map::new(),
        source: "segment".into(),
        message_id: "m".into(),
        trust: Trust::Server,
        received_at: at(1),
        definitions_version: 1,
    };
    store
        .db
        .write(ws, move |tx| {
            Box::pin(async move {
                identity::upsert_nodes(tx, ws, &[new]).await?;
                identity::set_roots(tx, ws, &[(node, person.into())]).await?;
                facts::insert_events(tx, ws, &[event]).await
            })
        })
        .await
        .unwrap();
    let mut counts = Vec::new();
    for (person, text) in [(person, "usr_1"), (PersonId::NIL, "usr_2")] {
        let identifier = crate::identity::user(text);
        let count = store
            .db
            .read(ws, move |tx| {
                Box::pin(async move {
                    identity::find(tx, ws, &identifier).await?;
                    identity::resolve(tx, ws, person.into()).await?;
                    profiles::get(tx, ws, person).await?;
                    profiles::accounts_of_person(tx, ws, person, 10).await?;
                    profiles::role(tx, ws, AccountId::NIL, person).await?;
                    journey::of_person(tx, ws, person, None, None, 10).await?;
                    identity::nodes_of_root(tx, ws, person.into()).await?;
                    Ok::<_, StoreError>(tx.statements())
                })
            })
            .await
            .unwrap();
        counts.push(count);
    }
    assert_eq!(counts, [7, 7]);
}

async fn two_processes_may_open_one_store(store: Store) {
    let ws = store.ws;
    let second = store.again().await;
    write!(second, ws, |tx| members::insert(tx, ws, &sam(1), at(1))).unwrap();
    assert_eq!(
        read!(store.db, ws, |tx| members::list(tx, ws)).unwrap(),
        [sam(1)]
    );
}

async fn a_read_may_borrow_from_its_surroundings(store: Store) {
    let ws = store.ws;
    let source = String::from("segment");
    let messages = vec![("m", [0; 32])];
    let (source, messages) = (&source, &messages);
    // It may not write, either.
    let refused = store
        .db
        .read(ws, move |tx| {
            Box::pin(async move { dedup::claim_many(tx, ws, source, messages, at(1)).await })
        })
        .await;
    assert!(refused.is_err());
}
