//! Relations follow from the observations that state them: the newest by the usual precedence wins, and
//! an explicit end ends it. A root that stayed as it was takes new ones in; one that gained or lost
//! identifiers chooses anew; and whatever leads to such a root follows the identifier that was named.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use kith_domain::id::{NodeId, WorkspaceId};
use kith_domain::{IdentifierType, Relation};
use kith_store::facts::{self, ObservationRow};
use kith_store::identity::{self, RootId};
use kith_store::relations::{self, RelationRow};
use kith_store::{StoreError, Tx};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::project::{Touched, origin};
use crate::profile::Origin;

type Key = (RootId, Relation);

/// What one observation says that a relation leads to.
struct Stated {
    to: Option<NodeId>,
    origin: Origin,
}

/// Brings the relations of a delivery up to date; the names of those that changed, by the root that they
/// are of.
pub(super) async fn project(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    touched: Touched<'_>,
) -> Result<BTreeMap<RootId, Vec<String>>, StoreError> {
    let placed = touched.placed;
    let mut stated: BTreeMap<Key, Vec<Stated>> = BTreeMap::new();
    for row in &touched.said.observations {
        let root = placed.roots.get(&row.node).copied();
        let found = root.zip(Relation::named(&row.field));
        // One that is built anew reads what was stored, and these are.
        if let Some(key) = found.filter(|(root, _)| !placed.rebuilt.contains(root)) {
            stated.entry(key).or_default().push(read(row));
        }
    }
    for root in &placed.rebuilt {
        for (relation, all) in all_of(tx, workspace, *root).await? {
            stated.insert((*root, relation), all);
        }
    }
    let from: BTreeSet<RootId> = stated.keys().map(|(root, _)| *root).collect();
    let from: Vec<RootId> = from
        .into_iter()
        .chain(placed.rebuilt.iter().copied())
        .collect();
    let mut held: BTreeMap<Key, RelationRow> = relations::of(tx, workspace, &from)
        .await?
        .into_iter()
        .map(|row| ((row.from, row.relation), row))
        .collect();
    let anew: Vec<RootId> = placed
        .merged
        .keys()
        .chain(&placed.rebuilt)
        .copied()
        .collect();
    relations::delete_of(tx, workspace, &anew).await?;
    for (key, all) in &mut stated {
        let held = held.get(key).filter(|_| !placed.rebuilt.contains(&key.0));
        all.extend(held.and_then(said_by));
    }

    take_back(tx, workspace, &mut stated).await?;
    let targets: BTreeSet<NodeId> = stated.values().flatten().filter_map(|of| of.to).collect();
    let targets: Vec<NodeId> = targets.into_iter().collect();
    let nodes = Targets::read(tx, workspace, &targets).await?;
    let mut changed: BTreeSet<Key> = BTreeSet::new();
    let mut rows = Vec::new();
    for ((from, relation), all) in stated {
        let chosen = all.into_iter().max_by(|a, b| nodes.compare(a, b));
        let Some(Stated { to, origin }) = chosen else {
            continue;
        };
        let Ok(Json::Object(provenance)) = serde_json::to_value(&origin) else {
            continue;
        };
        let to = to.and_then(|node| Some((node, nodes.root(node)?)));
        let row = RelationRow {
            relation,
            from,
            to,
            provenance,
        };
        let before = held.remove(&(from, relation));
        let root_of = |row: &RelationRow| row.to.map(|(_, root)| root);
        if before.as_ref().and_then(root_of) != root_of(&row) {
            changed.insert((from, relation));
        }
        if before.as_ref() != Some(&row) || placed.rebuilt.contains(&from) {
            rows.push(row);
        }
    }
    relations::put(tx, workspace, &rows).await?;
    // What nobody says any more of a root that lost identifiers.
    let lost = held
        .into_keys()
        .filter(|(from, _)| placed.rebuilt.contains(from));
    changed.extend(lost);

    let followed = followed(tx, workspace, touched).await?;
    changed.extend(followed.iter().map(|row| (row.from, row.relation)));
    let mut names: BTreeMap<RootId, Vec<String>> = BTreeMap::new();
    for (from, relation) in changed {
        let of_root = names.entry(from).or_default();
        of_root.push(relation.as_str().to_owned());
    }
    Ok(names)
}

/// What a source said of a root that it deleted since counts as if it had ended the relation in that
/// moment.
async fn take_back(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    stated: &mut BTreeMap<Key, Vec<Stated>>,
) -> Result<(), StoreError> {
    let roots: BTreeSet<RootId> = stated.keys().map(|(root, _)| *root).collect();
    let roots: Vec<RootId> = roots.into_iter().collect();
    let deletions = facts::deletions(tx, workspace, &roots).await?;
    for (root, row) in &deletions {
        let deletion = origin(row);
        for (_, all) in stated.iter_mut().filter(|((of, _), _)| of == root) {
            let ended = all.iter().filter_map(|of| of.origin.until(&deletion));
            let ended: Vec<_> = ended.map(|origin| Stated { to: None, origin }).collect();
            all.extend(ended);
        }
    }
    Ok(())
}

/// What leads to a root that gained or lost identifiers leads to where the identifier that was named is
/// now; the relations of which this was true.
async fn followed(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    touched: Touched<'_>,
) -> Result<Vec<RelationRow>, StoreError> {
    let placed = touched.placed;
    let moved: Vec<RootId> = placed
        .rebuilt
        .iter()
        .chain(placed.merged.keys())
        .copied()
        .collect();
    let mut leading = relations::to(tx, workspace, &moved).await?;
    let named: Vec<NodeId> = leading.iter().filter_map(|row| Some(row.to?.0)).collect();
    let nodes = Targets::read(tx, workspace, &named).await?;
    leading.retain_mut(|row| {
        let now = row.to.and_then(|(node, _)| Some((node, nodes.root(node)?)));
        let is_elsewhere = row.to != now;
        row.to = now;
        is_elsewhere
    });
    relations::put(tx, workspace, &leading).await?;
    Ok(leading)
}

/// Everything that was ever stated of a root, by relation.
async fn all_of(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    root: RootId,
) -> Result<BTreeMap<Relation, Vec<Stated>>, StoreError> {
    let mut all: BTreeMap<Relation, Vec<Stated>> = BTreeMap::new();
    let of_kind = Relation::ALL
        .into_iter()
        .filter(|of| of.from() == root.kind());
    let relations: Vec<Relation> = of_kind.collect();
    if relations.is_empty() {
        return Ok(all);
    }
    let nodes = identity::nodes_of_root(tx, workspace, root).await?;
    let wanted: Vec<(NodeId, &str)> = nodes
        .iter()
        .flat_map(|node| relations.iter().map(|of| (node.id, of.as_str())))
        .collect();
    for row in facts::observations_named(tx, workspace, &wanted).await? {
        if let Some(relation) = Relation::named(&row.field) {
            all.entry(relation).or_default().push(read(&row));
        }
    }
    Ok(all)
}

fn read(row: &ObservationRow) -> Stated {
    let to = row.value.as_ref().and_then(Json::as_str);
    Stated {
        to: to.and_then(|text| text.parse().ok()),
        origin: origin(row),
    }
}

/// What the row that stands says.
fn said_by(row: &RelationRow) -> Option<Stated> {
    let provenance: &Map<String, Json> = &row.provenance;
    Some(Stated {
        to: row.to.map(|(node, _)| node),
        origin: Origin::deserialize(provenance).ok()?,
    })
}

/// The identifiers that relations lead to.
struct Targets(BTreeMap<NodeId, (IdentifierType, String, Option<RootId>)>);

impl Targets {
    async fn read(
        tx: &mut Tx<'_>,
        workspace: WorkspaceId,
        nodes: &[NodeId],
    ) -> Result<Self, StoreError> {
        let rows = identity::nodes(tx, workspace, nodes).await?;
        let targets = rows
            .into_iter()
            .map(|row| (row.id, (row.kind, row.value, row.root)));
        Ok(Self(targets.collect()))
    }

    fn root(&self, node: NodeId) -> Option<RootId> {
        self.0.get(&node)?.2
    }

    /// Which of two is chosen. The ids of nodes are random, so equal origins are told apart by the
    /// identifiers themselves.
    fn compare(&self, a: &Stated, b: &Stated) -> Ordering {
        let name = |of: &Stated| {
            let (kind, value, _) = self.0.get(&of.to?)?;
            Some((*kind, value))
        };
        a.origin
            .compare(&b.origin)
            .then_with(|| name(a).cmp(&name(b)))
    }
}
