//! Identifier nodes, edges, roots and redirects.

use kith_domain::fact::Trust;
use kith_domain::id::{AccountId, NodeId, PersonId};
use kith_domain::{Identifier, IdentifierType};
use kith_store::identity::{self, EdgeRow, NewNode, RootId};
use kith_store::{Db, StoreError};

use crate::{Store, at, promises, read, uuid, write};

promises! {
    a_node_is_made_once_and_only_becomes_known,
    an_edge_is_kept_once_for_each_rule_and_trust,
    a_component_is_all_that_hangs_together,
    a_component_beyond_the_limit_says_so,
    roots_are_a_projection_that_moves,
    a_merged_id_leads_on_for_ever,
}

pub(crate) fn user(text: &str) -> Identifier {
    Identifier::new(IdentifierType::UserId, text).unwrap()
}

pub(crate) fn new_node(identifier: &Identifier, id: u128, known: bool) -> NewNode {
    NewNode {
        identifier: identifier.clone(),
        id: NodeId::from_uuid(uuid(id)),
        known,
        at: at(i64::try_from(id).unwrap()),
    }
}

fn node(id: u128) -> NodeId {
    NodeId::from_uuid(uuid(id))
}

fn edge(a: u128, b: u128, rule: &str, trust: Trust) -> EdgeRow {
    EdgeRow {
        a: node(a),
        b: node(b),
        rule: rule.into(),
        trust,
        source: "segment".into(),
        message_id: "m".into(),
        at: at(1),
        active: true,
    }
}

async fn add_nodes(db: &Db, store: &Store, count: u128) {
    let ws = store.ws;
    let nodes: Vec<_> = (1..=count)
        .map(|number| new_node(&user(&format!("usr_{number}")), number, true))
        .collect();
    write!(db, ws, |tx| identity::upsert_nodes(tx, ws, &nodes)).unwrap();
}

async fn a_node_is_made_once_and_only_becomes_known(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let email = Identifier::new(IdentifierType::Email, "ada@example.com").unwrap();
    // Named twice in one batch, and by a type whose text is the same.
    let first = vec![
        new_node(&user("usr_1"), 1, false),
        new_node(&email, 2, true),
        new_node(&user("usr_1"), 3, false),
    ];
    let made = write!(db, ws, |tx| identity::upsert_nodes(tx, ws, &first)).unwrap();
    assert_eq!(made[0], made[2]);
    let ids: Vec<_> = made.iter().map(|made| made.node.id).collect();
    assert_eq!(ids, [node(1), node(2), node(1)]);
    assert!(made.iter().all(|made| made.created && !made.became_known));

    for (known, became_known, then) in [
        (false, false, false),
        (true, true, true),
        (true, false, true),
        (false, false, true),
    ] {
        let again = vec![new_node(&user("usr_1"), 9, known)];
        let made = write!(db, ws, |tx| identity::upsert_nodes(tx, ws, &again)).unwrap();
        assert_eq!(
            (made[0].created, made[0].became_known),
            (false, became_known)
        );
        let identifier = user("usr_1");
        let found = read!(db, ws, |tx| identity::find(tx, ws, &identifier)).unwrap();
        assert_eq!(found.as_ref(), Some(&made[0].node));
        assert_eq!(found.unwrap().known, then);
    }
    let absent = user("USR_1");
    assert_eq!(
        read!(db, ws, |tx| identity::find(tx, ws, &absent)).unwrap(),
        None
    );
}

async fn an_edge_is_kept_once_for_each_rule_and_trust(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let edges = vec![
        edge(1, 2, "identify", Trust::Public),
        edge(2, 1, "identify", Trust::Public),
        edge(2, 1, "identify", Trust::Server),
        edge(1, 2, "alias", Trust::Public),
    ];
    let same = edges.clone();
    let new = write!(db, ws, |tx| identity::insert_edges(tx, ws, &edges)).unwrap();
    assert_eq!(new, [true, false, true, true]);
    let new = write!(db, ws, |tx| identity::insert_edges(tx, ws, &same)).unwrap();
    assert_eq!(new, [false; 4]);
}

async fn a_component_is_all_that_hangs_together(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    add_nodes(db, &store, 6).await;
    let off = EdgeRow {
        active: false,
        ..edge(3, 2, "identify", Trust::Server)
    };
    let edges = vec![
        edge(1, 2, "identify", Trust::Server),
        off.clone(),
        edge(3, 4, "identify", Trust::Server),
        edge(5, 6, "identify", Trust::Server),
    ];
    write!(db, ws, |tx| identity::insert_edges(tx, ws, &edges)).unwrap();
    for start in [1, 4] {
        let start = [node(start), node(3)];
        let all = read!(db, ws, |tx| identity::component(tx, ws, &start, 10)).unwrap();
        assert!(all.beyond.is_empty());
        let ids: Vec<_> = all.nodes.iter().map(|row| row.id).collect();
        assert_eq!(ids, [node(1), node(2), node(3), node(4)]);
        let ends: Vec<_> = all
            .edges
            .iter()
            .map(|row| (row.a, row.b, row.active))
            .collect();
        assert_eq!(
            ends,
            [
                (node(1), node(2), true),
                (node(2), node(3), false),
                (node(3), node(4), true)
            ]
        );
    }
    let on = EdgeRow {
        active: true,
        ..off
    };
    write!(db, ws, |tx| identity::set_edges_active(tx, ws, &[on])).unwrap();
    let all = read!(db, ws, |tx| identity::component(tx, ws, &[node(1)], 10)).unwrap();
    assert!(all.edges.iter().all(|row| row.active));
    let none = read!(db, ws, |tx| identity::component(tx, ws, &[], 10)).unwrap();
    assert_eq!((none.nodes.len(), none.beyond.len()), (0, 0));
}

async fn a_component_beyond_the_limit_says_so(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    add_nodes(db, &store, 30).await;
    let edges: Vec<_> = (1..30)
        .map(|number| edge(number, number + 1, "identify", Trust::Server))
        .collect();
    write!(db, ws, |tx| identity::insert_edges(tx, ws, &edges)).unwrap();
    for (limit, complete) in [(10, false), (29, false), (30, true)] {
        let part = read!(db, ws, |tx| identity::component(tx, ws, &[node(1)], limit)).unwrap();
        assert_eq!(part.beyond.is_empty(), complete, "{limit}");
    }
}

async fn roots_are_a_projection_that_moves(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    add_nodes(db, &store, 3).await;
    let [one, two]: [RootId; 2] = [1, 2].map(|id| PersonId::from_uuid(uuid(id)).into());
    let roots = vec![(node(1), one), (node(2), one), (node(3), two)];
    write!(db, ws, |tx| identity::set_roots(tx, ws, &roots)).unwrap();
    write!(db, ws, |tx| identity::set_roots(tx, ws, &[(node(2), two)])).unwrap();
    let ids = |rows: Vec<identity::NodeRow>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let of_one = read!(db, ws, |tx| identity::nodes_of_root(tx, ws, one)).unwrap();
    assert_eq!(of_one[0].root, Some(one));
    assert_eq!(ids(of_one), [node(1)]);
    let of_two = read!(db, ws, |tx| identity::nodes_of_root(tx, ws, two)).unwrap();
    assert_eq!(ids(of_two), [node(2), node(3)]);
}

async fn a_merged_id_leads_on_for_ever(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let [a, b, c]: [RootId; 3] = [1, 2, 3].map(|id| PersonId::from_uuid(uuid(id)).into());
    let merge = async |from, to| {
        write!(db, ws, |tx| identity::redirect_to(
            tx,
            ws,
            from,
            to,
            node(1)
        ))
    };
    let check = async |expect: [RootId; 3]| {
        for (id, expect) in [a, b, c].into_iter().zip(expect) {
            let led = read!(db, ws, |tx| identity::resolve(tx, ws, id)).unwrap();
            assert_eq!(led, expect);
        }
    };
    check([a, b, c]).await;
    merge(a, b).await.unwrap();
    check([b, b, c]).await;
    merge(b, c).await.unwrap();
    check([c, c, c]).await;
    // Split off again: what leads to it leads nowhere else, and no circle arises.
    merge(c, a).await.unwrap();
    check([a, a, a]).await;
    let accounts = [7, 8, 9].map(|id| AccountId::from_uuid(uuid(id)));
    let [one, other, account] = accounts.map(RootId::from);
    merge(one, other).await.unwrap();
    let merged = read!(db, ws, |tx| identity::merged_accounts(tx, ws, &accounts)).unwrap();
    assert_eq!(Vec::from_iter(merged), [(accounts[0], accounts[1])]);
    assert!(matches!(
        merge(a, account).await,
        Err(StoreError::Conflict(_))
    ));
}
