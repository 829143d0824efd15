//! Relations between roots: from either end, ended, and of one workspace alone.

use kith_domain::Relation;
use kith_domain::id::{
    AccountId, CompanyId, ConversationId, NodeId, PersonId, SiteId, SubscriptionId,
};
use kith_store::identity::RootId;
use kith_store::profiles::{self, Profile, ProfileId};
use kith_store::relations::{self, RelationRow};
use serde_json::json;

use crate::{Store, at, promises, read, uuid, write};

promises! {
    a_relation_is_found_from_either_end,
    an_ended_relation_leads_nowhere_and_keeps_its_origin,
    a_root_that_is_no_more_leads_nowhere,
    every_root_has_a_profile_of_its_own,
}

const COMPANY: Relation = Relation::AccountCompany;
const OF_ACCOUNT: Relation = Relation::SubscriptionAccount;

fn account(id: u128) -> AccountId {
    AccountId::from_uuid(uuid(id))
}

fn company(id: u128) -> CompanyId {
    CompanyId::from_uuid(uuid(id))
}

fn subscription(id: u128) -> SubscriptionId {
    SubscriptionId::from_uuid(uuid(id))
}

fn row(relation: Relation, from: impl Into<RootId>, to: Option<RootId>) -> RelationRow {
    let provenance = json!({"source": "crm", "observed": 1});
    RelationRow {
        relation,
        from: from.into(),
        to: to.map(|to| (NodeId::from_uuid(uuid(99)), to)),
        provenance: provenance.as_object().unwrap().clone(),
    }
}

fn profile<Id>(id: Id) -> Profile<Id> {
    Profile {
        id,
        created_at: at(1),
        updated_at: at(2),
        fields: serde_json::Map::new(),
        provenance: serde_json::Map::new(),
    }
}

async fn put<Id: ProfileId + 'static>(store: &Store, ids: Vec<Id>) {
    let ws = store.ws;
    let rows: Vec<_> = ids.into_iter().map(profile).collect();
    write!(store.db, ws, |tx| profiles::put(tx, ws, &rows)).unwrap();
}

/// Accounts 1 and 2 of company 5, account 3 of none; account 1 pays for subscriptions 7 and 8.
async fn two_accounts_of_one_company(store: &Store) {
    let ws = store.ws;
    put(store, vec![account(1), account(2), account(3)]).await;
    put(store, vec![company(5)]).await;
    put(store, vec![subscription(7), subscription(8)]).await;
    let rows = [
        row(COMPANY, account(1), Some(company(5).into())),
        row(COMPANY, account(2), Some(company(5).into())),
        row(OF_ACCOUNT, subscription(7), Some(account(1).into())),
        row(OF_ACCOUNT, subscription(8), Some(account(1).into())),
    ];
    write!(store.db, ws, |tx| relations::put(tx, ws, &rows)).unwrap();
}

/// The company of each account.
async fn companies(store: &Store, of: &[AccountId]) -> Vec<(AccountId, CompanyId)> {
    let (ws, of) = (store.ws, of.to_vec());
    let found = read!(store.db, ws, |tx| relations::ahead(tx, ws, COMPANY, &of)).unwrap();
    let mut found: Vec<_> = found.into_iter().map(|(of, to)| (of, to.id)).collect();
    found.sort();
    found
}

/// The accounts of a company.
async fn accounts(store: &Store, of: CompanyId) -> Vec<AccountId> {
    let ws = store.ws;
    let found = read!(store.db, ws, |tx| relations::behind(tx, ws, COMPANY, &[of])).unwrap();
    let mut found: Vec<_> = found.into_iter().map(|(_, from)| from.id).collect();
    found.sort();
    found
}

async fn a_relation_is_found_from_either_end(store: Store) {
    let (ws, other) = (store.ws, store.other);
    two_accounts_of_one_company(&store).await;
    let all = [account(1), account(2), account(3)];
    let expect = [(account(1), company(5)), (account(2), company(5))];
    assert_eq!(companies(&store, &all).await, expect);
    assert_eq!(accounts(&store, company(5)).await, [account(1), account(2)]);

    let paid: Vec<(AccountId, Profile<SubscriptionId>)> =
        read!(store.db, ws, |tx| relations::behind(
            tx,
            ws,
            OF_ACCOUNT,
            &[account(1), account(2)]
        ))
        .unwrap();
    let mut paid: Vec<_> = paid.into_iter().map(|(of, by)| (of, by.id)).collect();
    paid.sort();
    let expect = [(account(1), subscription(7)), (account(1), subscription(8))];
    assert_eq!(paid, expect);

    // Of another relation, or another workspace, there is nothing.
    let sites: Vec<(AccountId, Profile<SiteId>)> = read!(store.db, ws, |tx| relations::ahead(
        tx,
        ws,
        Relation::AccountSite,
        &[account(1)]
    ))
    .unwrap();
    assert!(sites.is_empty());
    let of = [account(1).into()];
    let found = read!(store.db, other, |tx| relations::of(tx, other, &of)).unwrap();
    assert!(found.is_empty());
}

async fn an_ended_relation_leads_nowhere_and_keeps_its_origin(store: Store) {
    let ws = store.ws;
    two_accounts_of_one_company(&store).await;
    let ended = row(COMPANY, account(1), None);
    let rows = [ended.clone()];
    write!(store.db, ws, |tx| relations::put(tx, ws, &rows)).unwrap();
    assert_eq!(companies(&store, &[account(1)]).await, []);
    assert_eq!(accounts(&store, company(5)).await, [account(2)]);
    let of = [account(1).into()];
    let found = read!(store.db, ws, |tx| relations::of(tx, ws, &of)).unwrap();
    assert_eq!(found, [ended]);
    let to = [company(5).into()];
    let found = read!(store.db, ws, |tx| relations::to(tx, ws, &to)).unwrap();
    assert_eq!(found, [row(COMPANY, account(2), Some(company(5).into()))]);
}

async fn a_root_that_is_no_more_leads_nowhere(store: Store) {
    let ws = store.ws;
    two_accounts_of_one_company(&store).await;
    let gone = [account(1).into()];
    write!(store.db, ws, |tx| relations::delete_of(tx, ws, &gone)).unwrap();
    assert_eq!(accounts(&store, company(5)).await, [account(2)]);
}

async fn every_root_has_a_profile_of_its_own(store: Store) {
    async fn check<Id>(store: &Store, id: Id)
    where
        Id: ProfileId + PartialEq + std::fmt::Debug + 'static,
    {
        let ws = store.ws;
        let found = read!(store.db, ws, |tx| profiles::get(tx, ws, id)).unwrap();
        assert_eq!(found, None);
        put(store, vec![id]).await;
        let found = read!(store.db, ws, |tx| profiles::get(tx, ws, id)).unwrap();
        assert_eq!(found, Some(profile(id)));
    }
    // The same number in every table.
    check(&store, account(1)).await;
    check(&store, company(1)).await;
    check(&store, ConversationId::from_uuid(uuid(1))).await;
    check(&store, PersonId::from_uuid(uuid(1))).await;
    check(&store, SiteId::from_uuid(uuid(1))).await;
    check(&store, subscription(1)).await;
}
