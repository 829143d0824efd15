//! Dedup claims, events, observations, memberships, the journey and the quarantine.

use kith_domain::fact::Trust;
use kith_domain::id::{AccountId, EventId, NodeId, PersonId, QuarantineId};
use kith_domain::{Identifier, IdentifierType, Timestamp};
use kith_store::dedup::{self, Claim};
use kith_store::facts::{self, EventRow, MembershipRow, ObservationRow};
use kith_store::quarantine::{self, QuarantineRow, Status};
use kith_store::{StoreError, identity, journey};
use serde_json::json;

use crate::identity::{new_node, user};
use crate::{Store, at, promises, read, uuid, write};

promises! {
    a_message_delivered_twice_counts_once,
    old_claims_are_forgotten_little_by_little,
    events_come_newest_first_and_page_by_page,
    a_journey_in_one_account_leaves_out_the_others,
    an_observation_delivered_again_changes_nothing,
    memberships_are_the_same_in_any_order,
    quarantine_keeps_the_original_bytes,
    values_that_json_must_escape_read_back,
}

fn node(id: u128) -> NodeId {
    NodeId::from_uuid(uuid(id))
}

async fn a_message_delivered_twice_counts_once(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let check = async |source: &'static str, messages: &[(&'static str, u8)], expect: &[Claim]| {
        let messages: Vec<_> = messages
            .iter()
            .map(|(id, hash)| (*id, [*hash; 32]))
            .collect();
        let claims = write!(db, ws, |tx| dedup::claim_many(
            tx,
            ws,
            source,
            &messages,
            at(1)
        ));
        assert_eq!(claims.unwrap(), expect);
    };
    use Claim::{Conflict, Duplicate, New};
    check(
        "a",
        &[("m1", 1), ("m2", 2), ("m1", 1), ("m2", 3)],
        &[New, New, Duplicate, Conflict],
    )
    .await;
    check(
        "a",
        &[("m1", 1), ("m3", 3), ("m2", 9)],
        &[Duplicate, New, Conflict],
    )
    .await;
    check("b", &[("m1", 9)], &[New]).await;
    check("a", &[], &[]).await;
}

async fn old_claims_are_forgotten_little_by_little(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    for (id, when) in [("m1", 1), ("m2", 2), ("m3", 3), ("m4", 4)] {
        write!(db, ws, |tx| dedup::claim_many(
            tx,
            ws,
            "a",
            &[(id, [0; 32])],
            at(when)
        ))
        .unwrap();
    }
    for expect in [2, 1, 0] {
        let purged = write!(db, ws, |tx| dedup::purge_before(tx, ws, at(4), 2)).unwrap();
        assert_eq!(purged, expect);
    }
    let claims = write!(db, ws, |tx| dedup::claim_many(
        tx,
        ws,
        "a",
        &[("m1", [0; 32]), ("m4", [0; 32])],
        at(5)
    ));
    assert_eq!(claims.unwrap(), [Claim::New, Claim::Duplicate]);
}

fn event(id: u128, node_id: u128, when: i64, account: Option<u128>) -> EventRow {
    EventRow {
        node: node(node_id),
        at: at(when),
        id: EventId::from_uuid(uuid(id)),
        name: "checkout.failed".into(),
        account_node: account.map(node),
        properties: json!({ "event.checkout.failed.reason": "card" })
            .as_object()
            .unwrap()
            .clone(),
        source: "segment".into(),
        message_id: format!("m{id}"),
        trust: Trust::Public,
        received_at: at(when),
        definitions_version: 3,
    }
}

/// Two people, the first with two nodes, and two accounts.
async fn add_events(store: &Store) -> (PersonId, AccountId) {
    let ws = store.ws;
    let [ada, bob] = [1, 2].map(|id| PersonId::from_uuid(uuid(id)));
    let [acme, globex] = [1, 2].map(|id| AccountId::from_uuid(uuid(id)));
    let group = |text| Identifier::new(IdentifierType::GroupId, text).unwrap();
    let nodes = vec![
        new_node(&user("usr_1"), 11, true),
        new_node(&user("usr_2"), 12, true),
        new_node(&user("usr_3"), 13, true),
        new_node(&group("acme"), 21, true),
        new_node(&group("globex"), 22, true),
    ];
    let roots = vec![
        (node(11), ada.into()),
        (node(12), ada.into()),
        (node(13), bob.into()),
        (node(21), acme.into()),
        (node(22), globex.into()),
    ];
    let events = vec![
        event(1, 11, 10, Some(21)),
        event(2, 12, 20, Some(22)),
        event(3, 11, 30, None),
        event(5, 12, 40, Some(21)),
        event(4, 11, 40, Some(21)),
        event(6, 13, 50, Some(21)),
    ];
    store
        .db
        .write(ws, move |tx| {
            Box::pin(async move {
                identity::upsert_nodes(tx, ws, &nodes).await?;
                identity::set_roots(tx, ws, &roots).await?;
                facts::insert_events(tx, ws, &events).await
            })
        })
        .await
        .unwrap();
    (ada, acme)
}

fn ids(events: &[EventRow]) -> Vec<u128> {
    events
        .iter()
        .map(|event| event.id.uuid().as_u128())
        .collect()
}

async fn events_come_newest_first_and_page_by_page(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let (ada, acme) = add_events(&store).await;
    let first = read!(db, ws, |tx| journey::of_person(tx, ws, ada, None, None, 3)).unwrap();
    assert_eq!(ids(&first), [5, 4, 3]);
    assert_eq!(first[1], event(4, 11, 40, Some(21)));
    let cursor = |events: &[EventRow]| events.last().map(|event| (event.at, event.id));
    let before = cursor(&first);
    let rest = read!(db, ws, |tx| journey::of_person(
        tx, ws, ada, None, before, 3
    ))
    .unwrap();
    assert_eq!(ids(&rest), [2, 1]);
    let of_acme = read!(db, ws, |tx| journey::of_account(tx, ws, acme, None, 2)).unwrap();
    assert_eq!(ids(&of_acme), [6, 5]);
    let before = cursor(&of_acme);
    let rest = read!(db, ws, |tx| journey::of_account(tx, ws, acme, before, 9)).unwrap();
    assert_eq!(ids(&rest), [4, 1]);
}

async fn a_journey_in_one_account_leaves_out_the_others(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let (ada, acme) = add_events(&store).await;
    for (account, expect) in [
        (Some(acme), vec![5, 4, 3, 1]),
        (Some(AccountId::NIL), vec![3]),
    ] {
        let seen = read!(db, ws, |tx| journey::of_person(
            tx, ws, ada, account, None, 9
        ));
        assert_eq!(ids(&seen.unwrap()), expect);
    }
    let nobody = PersonId::NIL;
    let none = read!(db, ws, |tx| journey::of_person(
        tx, ws, nobody, None, None, 9
    ));
    assert_eq!(none.unwrap(), []);
}

fn observation(message: &str, value: Option<serde_json::Value>) -> ObservationRow {
    ObservationRow {
        node: node(1),
        account_node: None,
        field: "person.name".into(),
        source: "segment".into(),
        message_id: message.into(),
        trust: Trust::Server,
        observed_at: at(1),
        received_at: at(2),
        value,
    }
}

async fn an_observation_delivered_again_changes_nothing(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let role = ObservationRow {
        account_node: Some(node(2)),
        field: "role.title".into(),
        ..observation("m1", Some(json!("owner")))
    };
    let rows = vec![
        observation("m1", Some(json!("Ada"))),
        observation("m2", None),
        role,
        // The same once more, with a clock corrected otherwise.
        ObservationRow {
            observed_at: at(9),
            ..observation("m1", Some(json!("Eve")))
        },
    ];
    let (first, expect) = (rows.clone(), rows[..3].to_vec());
    for rows in [first, rows] {
        write!(db, ws, |tx| facts::insert_observations(tx, ws, &rows)).unwrap();
    }
    let nodes = [node(1), node(2), node(7)];
    let mut found = read!(db, ws, |tx| facts::observations_of(tx, ws, &nodes)).unwrap();
    found.sort_by(|a, b| (&a.field, &a.message_id).cmp(&(&b.field, &b.message_id)));
    assert_eq!(found, expect);
}

async fn memberships_are_the_same_in_any_order(store: Store) {
    let (ws, other, db) = (store.ws, store.other, &store.db);
    let membership = |first_seen_at: Timestamp, ended_at: Option<Timestamp>| MembershipRow {
        person_node: node(1),
        account_node: node(2),
        trust: Trust::Server,
        first_seen_at,
        ended_at,
    };
    let facts = [
        membership(at(5), None),
        membership(at(3), Some(at(8))),
        membership(at(9), Some(at(6))),
        membership(at(4), None),
    ];
    let forwards = facts.to_vec();
    write!(db, ws, |tx| facts::insert_memberships(tx, ws, &forwards)).unwrap();
    for fact in facts.into_iter().rev() {
        write!(db, other, |tx| facts::insert_memberships(
            tx,
            other,
            &[fact]
        ))
        .unwrap();
    }
    let expect = [membership(at(3), Some(at(8)))];
    for ws in [ws, other] {
        for end in [node(1), node(2)] {
            let found = read!(db, ws, |tx| facts::memberships_of(tx, ws, &[end])).unwrap();
            assert_eq!(found, expect);
        }
        let both = [node(1), node(2)];
        let found = read!(db, ws, |tx| facts::memberships_of(tx, ws, &both)).unwrap();
        assert_eq!(found, expect);
    }
}

async fn quarantine_keeps_the_original_bytes(store: Store) {
    let (ws, other, db) = (store.ws, store.other, &store.db);
    let row = |number: u128| QuarantineRow {
        id: QuarantineId::from_uuid(uuid(number)),
        source: "segment".into(),
        received_at: at(1),
        message_id: (number == 1).then(|| "m1".into()),
        path: "traits.plan".into(),
        code: "unknown-field".into(),
        detail: "expected a catalogued field".into(),
        definitions_version: 2,
        // No UTF-8, and with NUL.
        original: vec![0, 255, 123],
        status: Status::Open,
    };
    let refused = vec![
        (row(1), vec![user("usr_1"), user("usr_1"), user("usr_2")]),
        (row(2), vec![]),
    ];
    write!(db, ws, |tx| quarantine::insert_many(tx, ws, &refused)).unwrap();
    let list = |before: Option<QuarantineId>, limit| {
        let db = db.clone();
        async move {
            read!(db, ws, |tx| quarantine::list(
                tx,
                ws,
                Status::Open,
                before,
                limit
            ))
        }
    };
    assert_eq!(list(None, 9).await.unwrap(), [row(2), row(1)]);
    assert_eq!(list(None, 1).await.unwrap(), [row(2)]);
    assert_eq!(list(Some(row(2).id), 9).await.unwrap(), [row(1)]);
    for (ws, status, expect) in [
        (ws, Status::Open, 2),
        (ws, Status::Replayed, 0),
        (other, Status::Open, 0),
    ] {
        assert_eq!(
            read!(db, ws, |tx| quarantine::count(tx, ws, status)).unwrap(),
            expect
        );
    }
}

async fn values_that_json_must_escape_read_back(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let values = [
        json!("quote \" backslash \\ tab \t \\u0000 é 🦀"),
        json!(i64::MAX),
        json!(i64::MIN),
        json!({ "amount": 12_500_000, "currency": "EUR" }),
        json!([]),
        json!(false),
    ];
    for (number, value) in values.iter().enumerate() {
        let row = observation(&format!("m{number}"), Some(value.clone()));
        write!(db, ws, |tx| facts::insert_observations(tx, ws, &[row])).unwrap();
    }
    let found = read!(db, ws, |tx| facts::observations_of(tx, ws, &[node(1)])).unwrap();
    for (number, value) in values.iter().enumerate() {
        let message = format!("m{number}");
        let row = found.iter().find(|row| row.message_id == message).unwrap();
        assert_eq!(row.value.as_ref(), Some(value));
    }
    let nul = observation("nul", Some(json!("a\0b")));
    let refused = write!(db, ws, |tx| facts::insert_observations(tx, ws, &[nul]));
    assert_eq!(refused, Err(StoreError::Nul));
}
