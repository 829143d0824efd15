//! Projections: profiles and roles follow from the facts. A root whose identifiers stayed takes new
//! observations in; one that gained or lost identifiers is built anew from all of its facts.

use std::collections::{BTreeMap, BTreeSet};

use kith_domain::Timestamp;
use kith_domain::fact::Trust;
use kith_domain::id::{AccountId, NodeId, PersonId, WorkspaceId};
use kith_store::facts::{self, ObservationRow};
use kith_store::feed::{self, Change};
use kith_store::identity::{self, RootId};
use kith_store::profiles::{self, ProfileId, RoleRow};
use kith_store::{StoreError, Tx, field_index};

use super::commit::Rows;
use crate::definitions::Version;
use crate::identity::Placed;
use crate::profile::{Observation, Origin, Profile};

/// What a delivery touched.
#[derive(Clone, Copy)]
pub(super) struct Touched<'a> {
    pub(super) placed: &'a Placed,
    pub(super) said: &'a Rows,
    pub(super) at: Timestamp,
}

/// Brings profiles and roles up to date, and tells the change feed.
pub(super) async fn project(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    version: &Version,
    touched: Touched<'_>,
) -> Result<(), StoreError> {
    let placed = touched.placed;
    // New observations by the root that they are about.
    let mut fresh: BTreeMap<RootId, Vec<Observation>> = BTreeMap::new();
    for root in placed.created.iter().chain(&placed.rebuilt) {
        fresh.entry(*root).or_default();
    }
    for row in touched
        .said
        .observations
        .iter()
        .filter(|row| row.account_node.is_none())
    {
        if let Some(root) = placed.roots.get(&row.node) {
            fresh.entry(*root).or_default().push(observation(row));
        }
    }
    let mut changes = Vec::new();
    for (old, new) in &placed.merged {
        changes.push(change(touched.at, *old, "merge", Vec::new(), version));
        forget(tx, workspace, *old).await?;
        fresh.entry(*new).or_default();
    }
    for (root, observations) in fresh {
        let fields = match root {
            RootId::Account(id) => {
                profile(tx, workspace, version, touched, root, id, observations).await?
            }
            RootId::Company(id) => {
                profile(tx, workspace, version, touched, root, id, observations).await?
            }
            RootId::Person(id) => {
                profile(tx, workspace, version, touched, root, id, observations).await?
            }
        };
        let created = placed.created.contains(&root);
        if created || !fields.is_empty() || placed.rebuilt.contains(&root) {
            let operation = if created { "create" } else { "update" };
            changes.push(change(touched.at, root, operation, fields, version));
        }
    }
    for person in people_with_new_roles(tx, workspace, touched).await? {
        if roles(tx, workspace, version, person).await? {
            changes.push(change(
                touched.at,
                RootId::Person(person),
                "roles",
                Vec::new(),
                version,
            ));
        }
    }
    feed::append_many(tx, workspace, &changes).await?;
    Ok(())
}

/// Nothing of a root that was merged away is left to be found.
async fn forget(tx: &mut Tx<'_>, workspace: WorkspaceId, root: RootId) -> Result<(), StoreError> {
    match root {
        RootId::Account(id) => profiles::delete(tx, workspace, id).await?,
        RootId::Company(id) => profiles::delete(tx, workspace, id).await?,
        RootId::Person(id) => profiles::delete(tx, workspace, id).await?,
    }
    field_index::clear(tx, workspace, root).await
}

fn change(
    at: Timestamp,
    root: RootId,
    operation: &'static str,
    fields: Vec<String>,
    version: &Version,
) -> Change {
    Change {
        at,
        root,
        operation: operation.into(),
        fields,
        definitions_version: version.number,
    }
}

fn observation(row: &ObservationRow) -> Observation {
    Observation {
        field: row.field.clone(),
        value: row.value.clone().unwrap_or_default(),
        origin: Origin::new(
            &row.source,
            row.trust,
            row.observed_at.micros(),
            row.received_at.micros(),
        ),
    }
}

/// Brings one profile up to date; the fields whose value changed.
async fn profile<Id: ProfileId>(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    version: &Version,
    touched: Touched<'_>,
    root: RootId,
    id: Id,
    fresh: Vec<Observation>,
) -> Result<Vec<String>, StoreError> {
    let catalog = &version.definitions.catalog;
    let held = profiles::get(tx, workspace, id).await?;
    let created_at = held.as_ref().map_or(touched.at, |row| row.created_at);
    let (before, had) = match held {
        Some(row) => (
            Profile {
                fields: row.fields,
                provenance: row.provenance,
            },
            true,
        ),
        None => (Profile::default(), false),
    };
    let after = if touched.placed.rebuilt.contains(&root) {
        let nodes: Vec<NodeId> = identity::nodes_of_root(tx, workspace, root)
            .await?
            .into_iter()
            .map(|node| node.id)
            .collect();
        let rows = facts::observations_of(tx, workspace, &nodes).await?;
        let all: Vec<_> = rows
            .iter()
            .filter(|row| row.account_node.is_none())
            .map(observation)
            .collect();
        Profile::of(catalog, &all)
    } else {
        let mut profile = before.clone();
        for observation in &fresh {
            profile.observe(catalog, observation);
        }
        profile
    };
    if had && after == before {
        return Ok(Vec::new());
    }
    let changed = changed_fields(&before, &after);
    let indexed: Vec<_> = changed
        .iter()
        .filter_map(|path| {
            let field = catalog
                .find(path)
                .and_then(|idx| catalog.get(idx))
                .filter(|field| field.filterable)?;
            let value = after
                .fields
                .get(path)
                .and_then(|json| field.ty.read_canonical(json));
            Some((path.as_str(), value))
        })
        .collect();
    let indexed: Vec<_> = indexed
        .iter()
        .map(|(path, value)| (*path, value.as_ref()))
        .collect();
    field_index::replace_for(tx, workspace, root, &indexed).await?;
    let row = profiles::Profile {
        id,
        created_at,
        updated_at: touched.at,
        fields: after.fields,
        provenance: after.provenance,
    };
    profiles::put(tx, workspace, &[row]).await?;
    Ok(changed)
}

fn changed_fields(before: &Profile, after: &Profile) -> Vec<String> {
    let paths: BTreeSet<&String> = before.fields.keys().chain(after.fields.keys()).collect();
    paths
        .into_iter()
        .filter(|path| before.fields.get(*path) != after.fields.get(*path))
        .cloned()
        .collect()
}

/// People whose roles may have changed: by a new membership, a new value of a role, or because they
/// or one of their accounts gained or lost identifiers.
async fn people_with_new_roles(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    touched: Touched<'_>,
) -> Result<BTreeSet<PersonId>, StoreError> {
    let placed = touched.placed;
    let person = |node: &NodeId| placed.roots.get(node).and_then(RootId::person);
    let account = |node: &NodeId| placed.roots.get(node).and_then(RootId::account);
    let mut people = BTreeSet::new();
    for row in touched
        .said
        .observations
        .iter()
        .filter(|row| row.account_node.is_some())
    {
        people.extend(person(&row.node));
    }
    for row in touched
        .said
        .memberships
        .iter()
        .filter(|row| row.trust == Trust::Server)
    {
        let Some((person, account)) = person(&row.person_node).zip(account(&row.account_node))
        else {
            continue;
        };
        let role = profiles::role(tx, workspace, account, person).await?;
        if role.is_none_or(|role| {
            role.active_since
                .is_none_or(|since| since > row.first_seen_at)
        }) {
            people.insert(person);
        }
    }
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

/// Builds the roles of one person from their facts; true if they changed. Only a server grants a role.
async fn roles(
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
