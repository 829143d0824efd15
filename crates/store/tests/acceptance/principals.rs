//! Workspaces, members, agents, keys and secrets.

use kith_domain::fact::Trust;
use kith_domain::id::{AgentId, KeyId, MemberId, SecretId};
use kith_domain::{Agent, AgentKind, Member, Scope as KeyScope};
use kith_store::keys::{Holder, KeyRow};
use kith_store::secrets::{Method, SecretRow};
use kith_store::{Scope, StoreError, agents, keys, members, secrets, workspaces};

use crate::{Store, at, promises, read, uuid, write};

promises! {
    workspaces_are_numbered_from_one_and_named_once,
    a_member_reads_back_with_all_attributes,
    a_name_is_taken_once_in_a_workspace,
    agents_read_back,
    a_key_is_found_before_its_workspace_is_known,
    a_revoked_key_stays_and_says_so,
    revoked_secrets_are_not_live,
    a_name_with_nul_is_refused,
}

pub(crate) fn sam(id: u128) -> Member {
    Member {
        id: MemberId::from_uuid(uuid(id)),
        name: "sam".into(),
        roles: ["support".into(), "success".into()].into(),
        teams: ["north".into()].into(),
        sites: [].into(),
        regions: ["eu".into(), "us".into()].into(),
    }
}

fn key(store: &Store, number: u128, holder: Holder) -> KeyRow {
    KeyRow {
        workspace: store.ws,
        id: KeyId::from_uuid(uuid(number)),
        label: "a key".into(),
        holder,
        writes_as: None,
        scopes: [KeyScope::Context, KeyScope::OnBehalfOf].into(),
        secret_hash: [3; 32],
        created_at: at(1),
        revoked_at: None,
    }
}

async fn workspaces_are_numbered_from_one_and_named_once(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    assert_eq!((store.ws.0, store.other.0), (1, 2));
    let found = read!(db, Scope::Installation, |tx| workspaces::by_name(
        tx, "acme"
    ))
    .unwrap();
    assert_eq!(found.as_ref().map(|row| row.id), Some(ws));
    assert_eq!(
        read!(db, ws, |tx| workspaces::by_id(tx, ws)).unwrap(),
        found
    );
    let all = read!(db, Scope::Installation, |tx| workspaces::list(tx)).unwrap();
    assert_eq!(all.len(), 2);
    let none = read!(db, Scope::Installation, |tx| workspaces::by_name(
        tx, "Acme"
    ))
    .unwrap();
    assert_eq!(none, None);
    let taken = write!(db, Scope::Installation, |tx| workspaces::create(
        tx,
        "acme",
        &[7; 32],
        at(0)
    ));
    assert_eq!(
        taken,
        Err(StoreError::Conflict(
            "a workspace of this name exists already"
        ))
    );
}

async fn a_member_reads_back_with_all_attributes(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let bare = Member {
        id: MemberId::from_uuid(uuid(2)),
        name: "ada".into(),
        roles: [].into(),
        teams: [].into(),
        sites: [].into(),
        regions: [].into(),
    };
    for member in [sam(1), bare.clone()] {
        write!(db, ws, |tx| members::insert(tx, ws, &member, at(1))).unwrap();
    }
    let (id, bare_id) = (sam(1).id, bare.id);
    assert_eq!(
        read!(db, ws, |tx| members::by_id(tx, ws, id)).unwrap(),
        Some(sam(1))
    );
    assert_eq!(
        read!(db, ws, |tx| members::by_name(tx, ws, "sam")).unwrap(),
        Some(sam(1))
    );
    let found = read!(db, ws, |tx| members::by_id(tx, ws, bare_id)).unwrap();
    assert_eq!(found.as_ref(), Some(&bare));
    assert_eq!(
        read!(db, ws, |tx| members::list(tx, ws)).unwrap(),
        [bare, sam(1)]
    );
    assert_eq!(
        read!(db, ws, |tx| members::by_name(tx, ws, "Sam")).unwrap(),
        None
    );
}

async fn a_name_is_taken_once_in_a_workspace(store: Store) {
    let (ws, other, db) = (store.ws, store.other, &store.db);
    write!(db, ws, |tx| members::insert(tx, ws, &sam(1), at(1))).unwrap();
    let again = write!(db, ws, |tx| members::insert(tx, ws, &sam(2), at(1)));
    assert_eq!(
        again,
        Err(StoreError::Conflict("a member of this name exists already"))
    );
    // The failed transaction left nothing behind, and another workspace has names of its own.
    assert_eq!(read!(db, ws, |tx| members::list(tx, ws)).unwrap(), [sam(1)]);
    write!(db, other, |tx| members::insert(tx, other, &sam(2), at(1))).unwrap();
}

async fn agents_read_back(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let agent = Agent {
        id: AgentId::from_uuid(uuid(1)),
        name: "drafter".into(),
        kind: AgentKind::Ai,
    };
    let (new, id) = (agent.clone(), agent.id);
    write!(db, ws, |tx| agents::insert(tx, ws, &new, at(1))).unwrap();
    let by_id = read!(db, ws, |tx| agents::by_id(tx, ws, id)).unwrap();
    let by_name = read!(db, ws, |tx| agents::by_name(tx, ws, "drafter")).unwrap();
    assert_eq!(
        (by_id.as_ref(), by_name.as_ref()),
        (Some(&agent), Some(&agent))
    );
    assert_eq!(read!(db, ws, |tx| agents::list(tx, ws)).unwrap(), [agent]);
}

async fn a_key_is_found_before_its_workspace_is_known(store: Store) {
    let (ws, other, db) = (store.ws, store.other, &store.db);
    let source = |trust| Holder::Source {
        name: "segment".into(),
        trust,
    };
    let rows = [
        key(&store, 1, Holder::Member(MemberId::from_uuid(uuid(10)))),
        key(&store, 2, Holder::Agent(AgentId::from_uuid(uuid(11)))),
        key(&store, 3, source(Trust::Server)),
        key(&store, 4, source(Trust::Public)),
    ];
    for row in rows.clone() {
        let id = row.id;
        let new = row.clone();
        write!(db, ws, |tx| keys::insert(tx, &new)).unwrap();
        let found = read!(db, Scope::Installation, |tx| keys::find(tx, id)).unwrap();
        assert_eq!(found, Some(row));
    }
    assert_eq!(read!(db, ws, |tx| keys::list(tx, ws)).unwrap(), rows);
    assert_eq!(read!(db, other, |tx| keys::list(tx, other)).unwrap(), []);
    let absent = read!(db, Scope::Installation, |tx| keys::find(tx, KeyId::NIL)).unwrap();
    assert_eq!(absent, None);
}

async fn a_revoked_key_stays_and_says_so(store: Store) {
    let (ws, other, db) = (store.ws, store.other, &store.db);
    let row = key(&store, 1, Holder::Member(MemberId::NIL));
    let id = row.id;
    write!(db, ws, |tx| keys::insert(tx, &row)).unwrap();
    assert!(!write!(db, other, |tx| keys::revoke(tx, other, id, at(5))).unwrap());
    assert!(write!(db, ws, |tx| keys::revoke(tx, ws, id, at(5))).unwrap());
    assert!(!write!(db, ws, |tx| keys::revoke(tx, ws, id, at(6))).unwrap());
    let found = read!(db, Scope::Installation, |tx| keys::find(tx, id)).unwrap();
    assert_eq!(found.unwrap().revoked_at, Some(at(5)));
}

async fn revoked_secrets_are_not_live(store: Store) {
    let (ws, db) = (store.ws, &store.db);
    let rows: Vec<_> = (1..)
        .zip(Method::ALL)
        .map(|(number, method)| SecretRow {
            id: SecretId::from_uuid(uuid(number)),
            method,
            kid: (method == Method::Rs256).then(|| "2026-01".into()),
            bytes: vec![0, 1, 2, 255],
            created_at: at(1),
            revoked_at: None,
        })
        .collect();
    for row in rows.clone() {
        write!(db, ws, |tx| secrets::insert(tx, ws, &row)).unwrap();
    }
    assert_eq!(read!(db, ws, |tx| secrets::live(tx, ws)).unwrap(), rows);
    let id = rows[0].id;
    assert!(write!(db, ws, |tx| secrets::revoke(tx, ws, id, at(2))).unwrap());
    assert_eq!(
        read!(db, ws, |tx| secrets::live(tx, ws)).unwrap(),
        rows[1..]
    );
    let all = read!(db, ws, |tx| secrets::list(tx, ws)).unwrap();
    assert_eq!(all[0].revoked_at, Some(at(2)));
}

async fn a_name_with_nul_is_refused(store: Store) {
    let ws = store.ws;
    let member = Member {
        name: "a\0b".into(),
        ..sam(1)
    };
    let refused = write!(store.db, ws, |tx| members::insert(tx, ws, &member, at(1)));
    assert_eq!(refused, Err(StoreError::Nul));
}
