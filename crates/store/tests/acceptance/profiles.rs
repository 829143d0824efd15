//! Profiles, roles and the index of filterable fields.

use kith_domain::Value;
use kith_domain::id::{AccountId, CompanyId, PersonId};
use kith_store::profiles::{self, Profile, RoleRow};
use kith_store::{field_index, identity::RootId};
use serde_json::json;

use crate::{Store, at, promises, read, uuid, write};

promises! {
    a_profile_is_replaced_whole,
    a_persons_accounts_come_with_the_role,
    the_index_follows_what_changed,
}

fn profile<Id>(id: Id, name: &str) -> Profile<Id> {
    let object = |value: serde_json::Value| value.as_object().unwrap().clone();
    Profile {
        id,
        created_at: at(1),
        updated_at: at(2),
        fields: object(json!({ "x.name": name, "x.seats": 3 })),
        provenance: object(json!({ "x.name": { "source": "crm" } })),
    }
}

fn role(account: u128, person: u128, active: bool) -> RoleRow {
    RoleRow {
        account: AccountId::from_uuid(uuid(account)),
        person: PersonId::from_uuid(uuid(person)),
        active_since: active.then(|| at(3)),
        fields: serde_json::Map::new(),
        provenance: serde_json::Map::new(),
    }
}

async fn a_profile_is_replaced_whole(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    // The same number in three tables.
    let account = AccountId::from_uuid(uuid(1));
    let person = PersonId::from_uuid(uuid(1));
    let company = CompanyId::from_uuid(uuid(1));
    write!(db, ws, |tx| profiles::put(tx, ws, &[profile(account, "a")])).unwrap();
    write!(db, ws, |tx| profiles::put(tx, ws, &[profile(person, "p")])).unwrap();
    write!(db, ws, |tx| profiles::put(tx, ws, &[profile(company, "c")])).unwrap();
    let two = AccountId::from_uuid(uuid(2));
    let both = vec![profile(account, "b"), profile(two, "d")];
    write!(db, ws, |tx| profiles::put(tx, ws, &both)).unwrap();

    let found = read!(db, ws, |tx| profiles::get(tx, ws, account)).unwrap();
    assert_eq!(found, Some(profile(account, "b")));
    let found = read!(db, ws, |tx| profiles::get(tx, ws, person)).unwrap();
    assert_eq!(found, Some(profile(person, "p")));
    let found = read!(db, ws, |tx| profiles::get(tx, ws, company)).unwrap();
    assert_eq!(found, Some(profile(company, "c")));
    let found = read!(db, ws, |tx| profiles::get(tx, ws, AccountId::NIL)).unwrap();
    assert_eq!(found, None);
    let ids = [two, AccountId::NIL, account];
    let many = read!(db, ws, |tx| profiles::get_many(tx, ws, &ids)).unwrap();
    assert_eq!(many.len(), 2);
}

async fn a_persons_accounts_come_with_the_role(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let accounts: Vec<_> = (1..=3)
        .map(|id| profile(AccountId::from_uuid(uuid(id)), "a"))
        .collect();
    write!(db, ws, |tx| profiles::put(tx, ws, &accounts)).unwrap();
    let roles = vec![role(2, 7, true), role(1, 7, false), role(3, 8, true)];
    write!(db, ws, |tx| profiles::put_roles(tx, ws, &roles)).unwrap();
    let person = PersonId::from_uuid(uuid(7));
    let found = read!(db, ws, |tx| profiles::accounts_of_person(tx, ws, person, 9)).unwrap();
    let expect = |account, active| {
        let role = role(account, 7, active);
        (role.clone(), profile(role.account, "a"))
    };
    assert_eq!(found, [expect(1, false), expect(2, true)]);
    let first = read!(db, ws, |tx| profiles::accounts_of_person(tx, ws, person, 1)).unwrap();
    assert_eq!(first, [expect(1, false)]);

    let account = AccountId::from_uuid(uuid(1));
    write!(db, ws, |tx| profiles::put_roles(
        tx,
        ws,
        &[role(1, 7, true)]
    ))
    .unwrap();
    let found = read!(db, ws, |tx| profiles::role(tx, ws, account, person)).unwrap();
    assert_eq!(found, Some(role(1, 7, true)));
    write!(db, ws, |tx| profiles::delete_roles(
        tx,
        ws,
        &[(account, person)]
    ))
    .unwrap();
    let found = read!(db, ws, |tx| profiles::role(tx, ws, account, person)).unwrap();
    assert_eq!(found, None);
}

async fn the_index_follows_what_changed(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let id: RootId = AccountId::from_uuid(uuid(1)).into();
    let text = |text: &str| Value::String(text.into());
    let tags = Value::Strings(
        [Box::from("a"), Box::from("b"), Box::from("a")]
            .map(std::sync::Arc::from)
            .into(),
    );
    for changed in [
        vec![
            ("account.plan", Some(text("pro"))),
            ("account.tags", Some(tags)),
        ],
        vec![("account.plan", Some(text("free")))],
        vec![("account.tags", None)],
        vec![("account.name", Some(text(&"long ".repeat(2_000))))],
    ] {
        store
            .db
            .write(ws, move |tx| {
                Box::pin(async move {
                    let changed: Vec<_> = changed
                        .iter()
                        .map(|(field, value)| field_index::Changed {
                            id,
                            field,
                            value: value.as_ref(),
                        })
                        .collect();
                    field_index::replace(tx, ws, &changed).await
                })
            })
            .await
            .unwrap();
    }
    let found = read!(db, ws, |tx| field_index::of_root(tx, ws, id)).unwrap();
    let prefix = "long ".repeat(2_000).into_bytes()[..field_index::MAX_TEXT_BYTES].to_vec();
    assert_eq!(
        found,
        [
            ("account.name".to_owned(), prefix),
            ("account.plan".to_owned(), b"free".to_vec()),
        ]
    );
}
