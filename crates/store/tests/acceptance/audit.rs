//! The audit log.

use std::collections::BTreeMap;

use kith_domain::Purpose;
use kith_domain::id::{AccountId, AuditId, PersonId, WorkspaceId};
use kith_store::audit::{self, AuditFilter, AuditRow, FieldSet};
use kith_store::{StoreError, feed};

use crate::transactions::change;
use crate::{Place, Store, at, promises, uuid};

promises! {
    entries_read_back_from_both_streams,
    numbers_have_no_gaps_under_concurrency,
    the_entry_of_a_change_shares_its_fate,
    a_search_finds_by_each_filter,
    a_page_of_entries_follows_the_last,
    an_entry_that_is_refused_does_not_take_others_along,
}

fn entry(ws: WorkspaceId, number: u128) -> AuditRow {
    AuditRow {
        workspace: ws,
        id: AuditId::from_uuid(uuid(number)),
        at: at(i64::try_from(number).unwrap()),
        leaf: vec![1, 0, 255],
        actor: "mem_1".into(),
        credential: "key_1".into(),
        on_behalf_of: None,
        purpose: Purpose::SupportView,
        action: "context.read".into(),
        verdict: "allowed".into(),
        account: None,
        person: None,
        lookup_hash: None,
        fields: FieldSet {
            hash: [4; 32],
            names: vec!["account.plan".into(), "person.email".into()],
        },
        statements: vec!["s1".into()],
        definitions_version: 2,
        definitions_hash: "abc".into(),
        position: 7,
    }
}

fn all() -> AuditFilter {
    AuditFilter {
        limit: 1_000,
        ..AuditFilter::default()
    }
}

async fn entries_read_back_from_both_streams(store: Store) {
    let (ws, other, db) = (store.ws, store.other, &store.db);
    let full = AuditRow {
        on_behalf_of: Some("mem_2".into()),
        account: Some(AccountId::from_uuid(uuid(1))),
        person: Some(PersonId::from_uuid(uuid(2))),
        lookup_hash: Some([9; 32]),
        ..entry(ws, 2)
    };
    let bare = AuditRow {
        fields: FieldSet {
            hash: [0; 32],
            names: vec![],
        },
        statements: vec![],
        ..entry(ws, 1)
    };
    let place = db.audit_append(bare.clone()).await.unwrap();
    assert_eq!((&*place.stream, place.seq), ("node-a/read", 1));
    let changed = full.clone();
    let place = db
        .write(ws, move |tx| {
            Box::pin(async move { audit::append_in(tx, &changed).await })
        })
        .await
        .map_err(|error: StoreError| error)
        .unwrap();
    assert_eq!((&*place.stream, place.seq), ("node-a/change", 1));
    let found = db.audit_search(ws, &all()).await.unwrap();
    let rows: Vec<_> = found.into_iter().map(|entry| entry.row).collect();
    assert_eq!(rows, [full, bare]);
    assert_eq!(db.audit_search(other, &all()).await.unwrap(), []);
}

async fn numbers_have_no_gaps_under_concurrency(store: Store) {
    let second = store.again().await;
    let appends = (0..300_u128).map(|number| {
        let ws = if number % 3 == 0 {
            store.ws
        } else {
            store.other
        };
        let db = if number % 2 == 0 { &store.db } else { &second };
        let db = db.clone();
        tokio::spawn(async move { (ws, db.audit_append(entry(ws, number)).await) })
    });
    let mut numbers: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for append in appends.collect::<Vec<_>>() {
        let (ws, place) = append.await.unwrap();
        let place = place.unwrap();
        numbers
            .entry((ws, place.stream))
            .or_default()
            .push(place.seq);
    }
    assert_eq!(numbers.len(), 4);
    for ((ws, stream), mut numbers) in numbers {
        numbers.sort_unstable();
        let expect: Vec<i64> = (1..).take(numbers.len()).collect();
        assert_eq!(numbers, expect, "{ws} {stream}");
    }
}

async fn the_entry_of_a_change_shares_its_fate(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    for fails in [true, false] {
        let done = db
            .write(ws, move |tx| {
                Box::pin(async move {
                    audit::append_in(tx, &entry(ws, 1)).await?;
                    feed::append_many(tx, ws, &[change(1)]).await?;
                    if fails {
                        return Err(StoreError::TooLarge);
                    }
                    Ok(())
                })
            })
            .await;
        assert_eq!(done.is_err(), fails);
    }
    let found = db.audit_search(ws, &all()).await.unwrap();
    assert_eq!(
        found
            .iter()
            .map(|entry| entry.place.seq)
            .collect::<Vec<_>>(),
        [1]
    );
}

async fn a_search_finds_by_each_filter(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let account = AccountId::from_uuid(uuid(1));
    let person = PersonId::from_uuid(uuid(2));
    let rows = [
        entry(ws, 1),
        AuditRow {
            actor: "agt_1".into(),
            on_behalf_of: Some("mem_1".into()),
            purpose: Purpose::AiDraft,
            account: Some(account),
            ..entry(ws, 2)
        },
        AuditRow {
            actor: "mem_2".into(),
            verdict: "refused".into(),
            person: Some(person),
            fields: FieldSet {
                hash: [5; 32],
                names: vec!["person.name".into()],
            },
            ..entry(ws, 3)
        },
    ];
    for row in rows {
        db.audit_append(row).await.unwrap();
    }
    let check = async |filter: AuditFilter, expect: &[u128]| {
        let found = db.audit_search(ws, &filter).await.unwrap();
        let ids: Vec<_> = found
            .iter()
            .map(|entry| entry.row.id.uuid().as_u128())
            .collect();
        assert_eq!(ids, expect, "{filter:?}");
    };
    check(all(), &[3, 2, 1]).await;
    check(AuditFilter { limit: 2, ..all() }, &[3, 2]).await;
    check(
        AuditFilter {
            actor: Some("mem_1".into()),
            ..all()
        },
        &[2, 1],
    )
    .await;
    check(
        AuditFilter {
            account: Some(account),
            ..all()
        },
        &[2],
    )
    .await;
    check(
        AuditFilter {
            person: Some(person),
            ..all()
        },
        &[3],
    )
    .await;
    check(
        AuditFilter {
            purpose: Some(Purpose::AiDraft),
            ..all()
        },
        &[2],
    )
    .await;
    check(
        AuditFilter {
            verdict: Some("refused".into()),
            ..all()
        },
        &[3],
    )
    .await;
    check(
        AuditFilter {
            since: Some(at(2)),
            ..all()
        },
        &[3, 2],
    )
    .await;
    check(
        AuditFilter {
            until: Some(at(2)),
            ..all()
        },
        &[1],
    )
    .await;
    check(
        AuditFilter {
            field: Some("person.email".into()),
            ..all()
        },
        &[2, 1],
    )
    .await;
    check(
        AuditFilter {
            field: Some("person".into()),
            ..all()
        },
        &[],
    )
    .await;
    check(
        AuditFilter {
            id: Some(AuditId::from_uuid(uuid(3))),
            ..all()
        },
        &[3],
    )
    .await;
    let everything = AuditFilter {
        id: Some(AuditId::from_uuid(uuid(2))),
        actor: Some("mem_1".into()),
        account: Some(account),
        person: None,
        purpose: Some(Purpose::AiDraft),
        verdict: Some("allowed".into()),
        since: Some(at(1)),
        until: Some(at(9)),
        field: Some("account.plan".into()),
        before: Some((at(3), AuditId::NIL)),
        limit: 5,
    };
    check(everything, &[2]).await;
}

async fn a_page_of_entries_follows_the_last(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    for number in 1..=5 {
        // All at the same time, so that the id decides.
        let row = AuditRow {
            at: at(1),
            ..entry(ws, number)
        };
        db.audit_append(row).await.unwrap();
    }
    let mut before = None;
    let mut seen = Vec::new();
    loop {
        let filter = AuditFilter {
            before,
            limit: 2,
            ..all()
        };
        let page = db.audit_search(ws, &filter).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some((last.row.at, last.row.id));
        seen.extend(page.iter().map(|entry| entry.row.id.uuid().as_u128()));
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
}

async fn an_entry_that_is_refused_does_not_take_others_along(store: Store) {
    let appends = (0..40_u128).map(|number| {
        let (db, ws) = (store.db.clone(), store.ws);
        let mut row = entry(ws, number);
        if number % 4 == 0 {
            row.action = "a\0b".into();
        }
        tokio::spawn(async move { db.audit_append(row).await })
    });
    for (number, append) in appends.collect::<Vec<_>>().into_iter().enumerate() {
        let appended = append.await.unwrap();
        assert_eq!(appended.is_err(), number % 4 == 0, "{appended:?}");
    }
}

#[tokio::test]
async fn an_audit_file_that_was_taken_away_is_noticed() {
    let store = Store::sqlite().await;
    let Place::Folder(folder) = &store.place else {
        unreachable!()
    };
    store.db.audit_append(entry(store.ws, 1)).await.unwrap();
    let file = folder.path().join("kith-data/audit.db");
    let aside = folder.path().join("aside.db");
    std::fs::rename(&file, &aside).unwrap();
    for put_another in [false, true] {
        if put_another {
            std::fs::write(&file, b"").unwrap();
        }
        let refused = store.db.audit_append(entry(store.ws, 2)).await;
        assert!(
            matches!(refused, Err(StoreError::Unavailable(_))),
            "{refused:?}"
        );
        assert!(store.db.ping().await.is_err());
    }
    std::fs::rename(&aside, &file).unwrap();
    let place = store.db.audit_append(entry(store.ws, 2)).await.unwrap();
    assert_eq!(place.seq, 2);
}

#[tokio::test]
async fn an_entry_that_postgres_refuses_is_an_error() {
    let store = Store::postgres().await;
    let Place::Database(database) = &store.place else {
        unreachable!()
    };
    let client = database.connect().await.unwrap();
    client
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'no: %', NEW.actor; END $$;
             CREATE TRIGGER refuse BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await
        .unwrap();
    let refused = store.db.audit_append(entry(store.ws, 1)).await.unwrap_err();
    // The database's own words may hold values, and stay out.
    assert_eq!(
        refused.to_string(),
        "the database refused a statement: PostgreSQL error P0001"
    );
    client
        .batch_execute("DROP TRIGGER refuse ON audit")
        .await
        .unwrap();
    let place = store.db.audit_append(entry(store.ws, 1)).await.unwrap();
    assert_eq!(place.seq, 1);
}
