//! Messages of conversations.

use kith_domain::fact::Author;
use kith_domain::id::{ConversationId, MessageId};
use kith_domain::{Identifier, IdentifierType};
use kith_store::identity::{self, NewNode};
use kith_store::messages::{self, MessageCount, MessageRow};
use serde_json::json;

use crate::{Store, at, promises, read, uuid, write};

promises! { messages_come_newest_first_page_by_page_and_are_counted }

async fn messages_come_newest_first_page_by_page_and_are_counted(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let root = ConversationId::from_uuid(uuid(1));
    let other = ConversationId::from_uuid(uuid(2));
    let named = ["c-1", "c-2"].map(|value| NewNode {
        identifier: Identifier::new(IdentifierType::ConversationId, value).unwrap(),
        id: kith_domain::id::NodeId::from_uuid(uuid(if value == "c-1" { 11 } else { 12 })),
        known: true,
        at: at(0),
    });
    let [node, of_other] = [named[0].id, named[1].id];
    let rows: Vec<_> = (0..6_i64)
        .map(|number| MessageRow {
            node: if number == 5 { of_other } else { node },
            // Two of one moment.
            at: at(number / 2),
            id: MessageId::from_uuid(uuid(100 + number.unsigned_abs() as u128)),
            is_note: number == 3,
            author: Author::ALL[usize::try_from(number).unwrap() % Author::ALL.len()],
            author_node: (number == 0).then_some(node),
            properties: json!({"event.conversation.message.body": "it's \"so\"\n"})
                .as_object()
                .unwrap()
                .clone(),
            source: "desk".into(),
            message_id: format!("m-{number}"),
            received_at: at(9),
            definitions_version: 1,
        })
        .collect();
    let held = rows.clone();
    write!(db, ws, |tx| async {
        identity::upsert_nodes(tx, ws, &named).await?;
        identity::set_roots(tx, ws, &[(node, root.into()), (of_other, other.into())]).await?;
        messages::insert(tx, ws, &held).await
    })
    .unwrap();

    let mut all = Vec::new();
    let mut before = None;
    loop {
        let page = read!(db, ws, |tx| messages::of_conversation(
            tx, ws, root, before, 2
        ))
        .unwrap();
        before = page.last().map(|row| (row.at, row.id));
        all.extend(page);
        if before.is_none() {
            break;
        }
    }
    all.reverse();
    assert_eq!(all, rows[..5]);
    assert!(!format!("{all:?}").contains("so"));

    let mut counts = read!(db, ws, |tx| messages::counts(tx, ws, &[root, other])).unwrap();
    counts.sort_by_key(|of| (of.conversation, of.of_notes));
    let count = |conversation, of_notes, count, first, last| MessageCount {
        conversation,
        of_notes,
        count,
        first_at: at(first),
        last_at: at(last),
    };
    assert_eq!(
        counts,
        [
            count(root, false, 4, 0, 2),
            count(root, true, 1, 1, 1),
            count(other, false, 1, 2, 2),
        ]
    );
    let elsewhere = store.other;
    let none = read!(db, elsewhere, |tx| messages::of_conversation(
        tx, elsewhere, root, None, 9
    ));
    assert_eq!(none.unwrap(), []);
}
