//! One workspace's rows do not exist in another.

use kith_domain::id::{AccountId, NodeId};
use kith_store::profiles::{self, Profile};
use kith_store::{Scope, StoreError, dedup, feed, identity, members};
use serde_json::json;

use crate::principals::sam;
use crate::transactions::change;
use crate::{Place, Store, at, promises, read, uuid, write};

promises! {
    the_same_ids_in_two_workspaces_never_meet,
    a_statement_for_another_workspace_is_refused,
    a_workspace_of_its_own_is_all_that_the_installation_opens,
}

fn account(plan: &str) -> Profile<AccountId> {
    let fields = json!({ "account.plan": plan });
    Profile {
        id: AccountId::from_uuid(uuid(1)),
        created_at: at(1),
        updated_at: at(2),
        fields: fields.as_object().unwrap().clone(),
        provenance: serde_json::Map::new(),
    }
}

async fn the_same_ids_in_two_workspaces_never_meet(store: Store) {
    let db = &store.db;
    for (ws, plan) in [(store.ws, "pro"), (store.other, "free")] {
        let new = crate::identity::new_node(&crate::identity::user("usr_1"), 5, true);
        db.write(ws, move |tx| {
            Box::pin(async move {
                members::insert(tx, ws, &sam(1), at(1)).await?;
                profiles::put(tx, ws, &[account(plan)]).await?;
                identity::upsert_nodes(tx, ws, &[new]).await?;
                let claims = dedup::claim_many(tx, ws, "s", &[("m", [1; 32])], at(1)).await?;
                assert_eq!(claims, [dedup::Claim::New]);
                feed::append_many(tx, ws, &[change(1)]).await
            })
        })
        .await
        .unwrap();
    }
    for (ws, plan) in [(store.ws, "pro"), (store.other, "free")] {
        let id = account(plan).id;
        let found = read!(db, ws, |tx| profiles::get(tx, ws, id)).unwrap();
        assert_eq!(found, Some(account(plan)));
        assert_eq!(read!(db, ws, |tx| tx.position()).unwrap(), 1);
    }
    // What one changes, the other does not see.
    let (ws, other) = (store.ws, store.other);
    let root = account("").id.into();
    let node = NodeId::from_uuid(uuid(5));
    write!(db, ws, |tx| identity::set_roots(tx, ws, &[(node, root)])).unwrap();
    let seen = read!(db, other, |tx| identity::nodes(tx, other, &[node])).unwrap();
    assert_eq!(seen[0].root, None);
}

async fn a_statement_for_another_workspace_is_refused(store: Store) {
    let (ws, other) = (store.ws, store.other);
    let read = read!(store.db, ws, |tx| members::list(tx, other));
    assert_eq!(read, Err(StoreError::OutOfScope));
    let written = write!(store.db, ws, |tx| feed::append_many(
        tx,
        other,
        &[change(1)]
    ));
    assert_eq!(written, Err(StoreError::OutOfScope));
}

async fn a_workspace_of_its_own_is_all_that_the_installation_opens(store: Store) {
    let ws = store.ws;
    write!(store.db, ws, |tx| members::insert(tx, ws, &sam(1), at(1))).unwrap();
    // On SQLite the scope of the installation is not walled; on PostgreSQL it sees no member.
    let Place::Database(_) = &store.place else {
        return;
    };
    let seen = read!(store.db, Scope::Installation, |tx| members::list(tx, ws)).unwrap();
    assert_eq!(seen, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn row_level_security_stops_a_query_that_forgets_the_workspace() {
    let store = Store::postgres().await;
    for ws in [store.ws, store.other] {
        write!(store.db, ws, |tx| feed::append_many(tx, ws, &[change(1)])).unwrap();
        write!(store.db, ws, |tx| members::insert(tx, ws, &sam(1), at(1))).unwrap();
    }
    let Place::Database(database) = &store.place else {
        unreachable!()
    };
    let client = database.connect().await.unwrap();
    let tables = client
        .query(
            "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname <> 'schema_version'
               AND NOT (c.relrowsecurity AND c.relforcerowsecurity)",
            &[],
        )
        .await
        .unwrap();
    let open: Vec<String> = tables.iter().map(|row| row.get(0)).collect();
    assert!(open.is_empty(), "without row level security: {open:?}");

    let count = async |scope: &str, table: &str| -> i64 {
        client
            .batch_execute(&format!("SET kith.workspace = '{scope}'"))
            .await
            .unwrap();
        let sql = format!("SELECT count(*) FROM {table}");
        client.query_one(&sql, &[]).await.unwrap().get(0)
    };
    for table in ["member", "member_attribute", "feed"] {
        let both = count("1", table).await + count("2", table).await;
        assert_eq!(count("1", table).await * 2, both, "{table}");
        assert!(both > 0, "{table}");
        assert_eq!(count("0", table).await, 0, "{table}");
        assert_eq!(count("", table).await, 0, "{table}");
    }
    assert_eq!(count("0", "workspace").await, 2);
    assert_eq!(count("", "workspace").await, 0);
    // Nor can it write into another one.
    client
        .batch_execute("SET kith.workspace = '1'")
        .await
        .unwrap();
    let refused = client
        .batch_execute(
            "INSERT INTO agent (workspace, id, name, kind, created_at)
             VALUES (2, '\\x00', 'a', 'ai', 0)",
        )
        .await
        .unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "42501");
}
