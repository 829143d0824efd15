//! Projections: profiles and roles follow from the facts. A root whose identifiers stayed takes new
//! observations in; one that gained or lost identifiers is built anew from all of its facts. All that
//! a delivery touched is read and written at once, so that its cost is that of its facts.

use std::collections::{BTreeMap, BTreeSet};

use kith_domain::id::{NodeId, WorkspaceId};
use kith_domain::{Relation, Timestamp};
use kith_store::facts::{self, ObservationRow};
use kith_store::feed::{self, Change};
use kith_store::field_index::Changed;
use kith_store::identity::{self, RootId};
use kith_store::profiles::{self, ProfileId};
use kith_store::{StoreError, Tx, field_index};

use super::commit::Rows;
use super::{relations, roles};
use crate::definitions::Version;
use crate::identity::Placed;
use crate::index::{self, Indexed};
use crate::profile::{Observation, Origin, Profile};

/// What a delivery touched.
#[derive(Clone, Copy)]
pub(super) struct Touched<'a> {
    pub(super) placed: &'a Placed,
    pub(super) said: &'a Rows,
    pub(super) at: Timestamp,
}

/// Brings profiles and roles up to date, and tells the change feed: the fields of each root whose value
/// changed, and for a person whose roles did also none.
pub(super) async fn project(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    version: &Version,
    touched: Touched<'_>,
) -> Result<BTreeMap<RootId, Vec<String>>, StoreError> {
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
        .filter(|row| is_of_profile(row))
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
    let projection = Projection {
        workspace,
        version,
        touched,
    };
    let mut changed = projection.all(tx, fresh).await?;
    for (root, names) in relations::project(tx, workspace, touched).await? {
        changed.entry(root).or_default().extend(names);
    }
    let mut told = BTreeMap::new();
    for (root, fields) in changed {
        let created = placed.created.contains(&root);
        if created || !fields.is_empty() || placed.rebuilt.contains(&root) {
            let operation = if created { "create" } else { "update" };
            changes.push(change(touched.at, root, operation, fields.clone(), version));
        }
        if !fields.is_empty() {
            told.insert(root, fields);
        }
    }
    let written = touched.said.messages.iter();
    let written: BTreeSet<RootId> = written
        .filter_map(|row| placed.roots.get(&row.node).copied())
        .collect();
    for conversation in written {
        changes.push(change(
            touched.at,
            conversation,
            "message",
            Vec::new(),
            version,
        ));
    }
    for person in roles::project(tx, workspace, version, touched).await? {
        let root = RootId::Person(person);
        changes.push(change(touched.at, root, "roles", Vec::new(), version));
        told.entry(root).or_default();
    }
    feed::append_many(tx, workspace, &changes).await?;
    Ok(told)
}

/// Nothing of a root that was merged away is left to be found.
async fn forget(tx: &mut Tx<'_>, workspace: WorkspaceId, root: RootId) -> Result<(), StoreError> {
    match root {
        RootId::Account(id) => profiles::delete(tx, workspace, id).await?,
        RootId::Company(id) => profiles::delete(tx, workspace, id).await?,
        RootId::Conversation(id) => profiles::delete(tx, workspace, id).await?,
        RootId::Person(id) => profiles::delete(tx, workspace, id).await?,
        RootId::Site(id) => profiles::delete(tx, workspace, id).await?,
        RootId::Subscription(id) => profiles::delete(tx, workspace, id).await?,
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

pub(super) fn observation(row: &ObservationRow) -> Observation {
    Observation {
        field: row.field.clone(),
        value: row.value.clone().unwrap_or_default(),
        origin: origin(row),
    }
}

pub(super) fn origin(row: &ObservationRow) -> Origin {
    Origin::new(
        &row.source,
        row.trust,
        row.observed_at.micros(),
        row.received_at.micros(),
    )
}

/// Brings the profiles of a delivery up to date, all of a kind at once.
struct Projection<'a> {
    workspace: WorkspaceId,
    version: &'a Version,
    touched: Touched<'a>,
}

impl Projection<'_> {
    /// The fields of each root whose value changed, whatever its kind.
    async fn all(
        &self,
        tx: &mut Tx<'_>,
        fresh: BTreeMap<RootId, Vec<Observation>>,
    ) -> Result<BTreeMap<RootId, Vec<String>>, StoreError> {
        let (mut accounts, mut companies, mut people) = (Vec::new(), Vec::new(), Vec::new());
        let (mut conversations, mut sites, mut subscriptions) =
            (Vec::new(), Vec::new(), Vec::new());
        for (root, observations) in fresh {
            match root {
                RootId::Account(id) => accounts.push((id, observations)),
                RootId::Company(id) => companies.push((id, observations)),
                RootId::Conversation(id) => conversations.push((id, observations)),
                RootId::Person(id) => people.push((id, observations)),
                RootId::Site(id) => sites.push((id, observations)),
                RootId::Subscription(id) => subscriptions.push((id, observations)),
            }
        }
        let mut changed = self.profiles(tx, accounts).await?;
        changed.extend(self.profiles(tx, companies).await?);
        changed.extend(self.profiles(tx, people).await?);
        changed.extend(self.profiles(tx, conversations).await?);
        changed.extend(self.profiles(tx, sites).await?);
        changed.extend(self.profiles(tx, subscriptions).await?);
        Ok(changed.into_iter().collect())
    }

    /// The fields of each root whose value changed.
    async fn profiles<Id: ProfileId + Ord + Into<RootId>>(
        &self,
        tx: &mut Tx<'_>,
        roots: Vec<(Id, Vec<Observation>)>,
    ) -> Result<Vec<(RootId, Vec<String>)>, StoreError> {
        let catalog = &self.version.definitions.catalog;
        let ids: Vec<Id> = roots.iter().map(|(id, _)| *id).collect();
        let mut held: BTreeMap<Id, profiles::Profile<Id>> =
            profiles::get_many(tx, self.workspace, &ids)
                .await?
                .into_iter()
                .map(|row| (row.id, row))
                .collect();
        let mut rows = Vec::with_capacity(roots.len());
        let mut changed = Vec::with_capacity(roots.len());
        let mut indexed: Vec<(RootId, Indexed)> = Vec::new();
        for (id, fresh) in roots {
            let root: RootId = id.into();
            let row = held.remove(&id);
            let created_at = row.as_ref().map_or(self.touched.at, |row| row.created_at);
            let had = row.is_some();
            let before = row.map_or_else(Profile::default, |row| Profile {
                fields: row.fields,
                provenance: row.provenance,
            });
            let after = if self.touched.placed.rebuilt.contains(&root) {
                self.rebuilt(tx, root).await?
            } else {
                let mut profile = before.clone();
                for observation in &fresh {
                    profile.observe(catalog, observation);
                }
                profile
            };
            let fields = if had && after == before {
                Vec::new()
            } else {
                let fields = changed_fields(&before, &after);
                for path in &fields {
                    let Some(field) = catalog.find(path).and_then(|idx| catalog.get(idx)) else {
                        continue;
                    };
                    let json = after.fields.get(path);
                    let value = json.and_then(|json| field.ty.read_canonical(json));
                    let of_field = index::indexed(field, value.as_ref());
                    indexed.extend(of_field.map(|indexed| (root, indexed)));
                }
                rows.push(profiles::Profile {
                    id,
                    created_at,
                    updated_at: self.touched.at,
                    fields: after.fields,
                    provenance: after.provenance,
                });
                fields
            };
            changed.push((root, fields));
        }
        let indexed: Vec<_> = indexed
            .iter()
            .map(|(id, indexed)| Changed {
                id: *id,
                field: &indexed.name,
                value: indexed.value.as_ref(),
            })
            .collect();
        field_index::replace(tx, self.workspace, &indexed).await?;
        profiles::put(tx, self.workspace, &rows).await?;
        Ok(changed)
    }

    /// The profile of all that was ever said about a root.
    async fn rebuilt(&self, tx: &mut Tx<'_>, root: RootId) -> Result<Profile, StoreError> {
        let nodes: Vec<NodeId> = identity::nodes_of_root(tx, self.workspace, root)
            .await?
            .into_iter()
            .map(|node| node.id)
            .collect();
        let rows = facts::observations_of(tx, self.workspace, &nodes).await?;
        let all: Vec<_> = rows
            .iter()
            .filter(|row| is_of_profile(row))
            .map(observation)
            .collect();
        Ok(Profile::of(&self.version.definitions.catalog, &all))
    }
}

/// Whether an observation is a value of a field of the root that it hangs on: not one about a role, and
/// no relation.
fn is_of_profile(row: &ObservationRow) -> bool {
    row.account_node.is_none() && Relation::named(&row.field).is_none()
}

fn changed_fields(before: &Profile, after: &Profile) -> Vec<String> {
    let paths: BTreeSet<&String> = before.fields.keys().chain(after.fields.keys()).collect();
    paths
        .into_iter()
        .filter(|path| before.fields.get(*path) != after.fields.get(*path))
        .cloned()
        .collect()
}
