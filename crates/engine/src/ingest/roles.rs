//! Roles follow from memberships and what was said about a person in an account. Only a server grants
//! one. A role that stands takes new facts in; one that is new, or whose person or account gained or
//! lost identifiers, is built from all of the person's facts.

use std::collections::{BTreeMap, BTreeSet};

use kith_domain::fact::Trust;
use kith_domain::id::{AccountId, NodeId, PersonId, WorkspaceId};
use kith_store::facts::{self, MembershipRow, ObservationRow};
use kith_store::identity::{self, RootId};
use kith_store::profiles::{self, RoleRow};
use kith_store::{StoreError, Tx};

use super::project::{Touched, observation};
use crate::definitions::Version;
use crate::profile::Profile;

/// What a delivery says about one person in one account.
#[derive(Default)]
struct News<'a> {
    memberships: Vec<&'a MembershipRow>,
    observations: Vec<&'a ObservationRow>,
}

/// Brings the roles of a delivery up to date; the people whose roles changed.
pub(super) async fn project(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    version: &Version,
    touched: Touched<'_>,
) -> Result<BTreeSet<PersonId>, StoreError> {
    let mut to_rebuild = moved(tx, workspace, touched).await?;
    let news = news(touched);
    let pairs: Vec<_> = news.keys().copied().collect();
    let mut held: BTreeMap<_, _> = profiles::roles(tx, workspace, &pairs)
        .await?
        .into_iter()
        .map(|role| ((role.account, role.person), role))
        .collect();

    let mut people = BTreeSet::new();
    let mut rows = Vec::new();
    for (pair, news) in news {
        let (account, person) = pair;
        let created = &touched.placed.created;
        let role = held.remove(&pair).or_else(|| {
            // Nothing was said before about somebody who was not there before.
            let new = created.contains(&person.into()) || created.contains(&account.into());
            new.then(|| RoleRow {
                account,
                person,
                active_since: None,
                fields: serde_json::Map::new(),
                provenance: serde_json::Map::new(),
            })
        });
        let Some(role) = role else {
            to_rebuild.insert(person);
            continue;
        };
        let after = updated(version, &role, &news);
        if after.active_since.is_some() && after != role {
            people.insert(person);
            rows.push(after);
        }
    }
    rows.retain(|role| !to_rebuild.contains(&role.person));
    profiles::put_roles(tx, workspace, &rows).await?;
    for person in to_rebuild {
        if rebuild(tx, workspace, version, person).await? {
            people.insert(person);
        }
    }
    Ok(people)
}

/// What the delivery says about roles, by account and person.
fn news(touched: Touched<'_>) -> BTreeMap<(AccountId, PersonId), News<'_>> {
    let pair = |person: &NodeId, account: &NodeId| {
        let root = |node| touched.placed.roots.get(node);
        Some((root(account)?.account()?, root(person)?.person()?))
    };
    let mut news: BTreeMap<_, News<'_>> = BTreeMap::new();
    for row in &touched.said.memberships {
        let granted = row.trust == Trust::Server && row.ended_at.is_none();
        if let Some(pair) = pair(&row.person_node, &row.account_node).filter(|_| granted) {
            news.entry(pair).or_default().memberships.push(row);
        }
    }
    for row in &touched.said.observations {
        let about = row
            .account_node
            .and_then(|account| pair(&row.node, &account));
        if let Some(pair) = about {
            news.entry(pair).or_default().observations.push(row);
        }
    }
    news
}

/// A role with what is new about it.
fn updated(version: &Version, role: &RoleRow, news: &News<'_>) -> RoleRow {
    let since = news.memberships.iter().map(|row| row.first_seen_at);
    let mut profile = Profile {
        fields: role.fields.clone(),
        provenance: role.provenance.clone(),
    };
    for row in &news.observations {
        profile.observe(&version.definitions.catalog, &observation(row));
    }
    RoleRow {
        account: role.account,
        person: role.person,
        active_since: since.chain(role.active_since).min(),
        fields: profile.fields,
        provenance: profile.provenance,
    }
}

/// People whose roles are to be built anew: they, or one of their accounts, gained or lost
/// identifiers.
async fn moved(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    touched: Touched<'_>,
) -> Result<BTreeSet<PersonId>, StoreError> {
    let mut people = BTreeSet::new();
    let placed = touched.placed;
    for root in placed.rebuilt.iter().chain(placed.merged.keys()) {
        people.extend(root.person());
        if root.account().is_some() {
            let nodes: Vec<NodeId> = identity::nodes_of_root(tx, workspace, *root)
                .await?
                .into_iter()
                .map(|node| node.id)
                .collect();
            let memberships = facts::memberships_of(tx, workspace, &nodes).await?;
            let nodes: Vec<NodeId> = memberships.into_iter().map(|row| row.person_node).collect();
            let rows = identity::nodes(tx, workspace, &nodes).await?;
            people.extend(rows.into_iter().filter_map(|row| row.root?.person()));
        }
    }
    Ok(people)
}

/// Builds the roles of one person from their facts; true if they changed.
async fn rebuild(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    version: &Version,
    person: PersonId,
) -> Result<bool, StoreError> {
    let held = profiles::accounts_of_person(tx, workspace, person, u32::MAX).await?;
    let mut before: BTreeMap<AccountId, RoleRow> = held
        .into_iter()
        .map(|(role, _)| (role.account, role))
        .collect();

    let nodes: Vec<NodeId> = identity::nodes_of_root(tx, workspace, RootId::Person(person))
        .await?
        .into_iter()
        .map(|node| node.id)
        .collect();
    let memberships = facts::memberships_of(tx, workspace, &nodes).await?;
    let granted: Vec<_> = memberships
        .into_iter()
        .filter(|row| row.trust == Trust::Server && row.ended_at.is_none())
        .collect();
    let observations = facts::observations_of(tx, workspace, &nodes).await?;

    let account_nodes: BTreeSet<NodeId> = granted.iter().map(|row| row.account_node).collect();
    let account_nodes: Vec<NodeId> = account_nodes.into_iter().collect();
    let roots: BTreeMap<NodeId, AccountId> = identity::nodes(tx, workspace, &account_nodes)
        .await?
        .into_iter()
        .filter_map(|row| Some((row.id, row.root?.account()?)))
        .collect();

    let mut after: BTreeMap<AccountId, RoleRow> = BTreeMap::new();
    for row in granted {
        let Some(account) = roots.get(&row.account_node) else {
            continue;
        };
        let role = after.entry(*account).or_insert_with(|| RoleRow {
            account: *account,
            person,
            active_since: Some(row.first_seen_at),
            fields: serde_json::Map::new(),
            provenance: serde_json::Map::new(),
        });
        role.active_since = role.active_since.min(Some(row.first_seen_at));
    }
    for (account, role) in &mut after {
        let about_it = observations
            .iter()
            .filter(|row| {
                row.account_node
                    .is_some_and(|node| roots.get(&node) == Some(account))
            })
            .map(observation)
            .collect::<Vec<_>>();
        let profile = Profile::of(&version.definitions.catalog, &about_it);
        role.fields = profile.fields;
        role.provenance = profile.provenance;
    }
    let ended: Vec<(AccountId, PersonId)> = before
        .keys()
        .filter(|account| !after.contains_key(account))
        .map(|account| (*account, person))
        .collect();
    let changed: Vec<RoleRow> = after
        .into_values()
        .filter(|role| before.remove(&role.account).as_ref() != Some(role))
        .collect();
    profiles::delete_roles(tx, workspace, &ended).await?;
    profiles::put_roles(tx, workspace, &changed).await?;
    Ok(!ended.is_empty() || !changed.is_empty())
}
