//! What changes, told role by role: the roles come first in every diagram.

use std::sync::Arc;

use crate::finite::{Change, Diagram, Ref, Universe, Var};

/// Most sets of roles that are told apart.
const MAX_SETS: usize = 256;

/// Askers with the same roles, as far as these matter.
#[derive(Debug, Clone, Default)]
pub(super) struct RoleSet {
    pub(super) with: Vec<Arc<str>>,
    pub(super) without: Vec<Arc<str>>,
    /// How what is shown changes on their requests.
    pub(super) changes: Vec<Change>,
    /// Where the diagram goes on, and by which choices one gets there.
    pub(super) ways: Vec<(Vec<(Var, usize)>, Ref)>,
}

/// Takes the roles off the top of a diagram of changes.
pub(super) fn role_sets(diagram: &Diagram, universe: &Universe, of: Ref) -> Vec<RoleSet> {
    let mut sets = Vec::new();
    if !walk(
        diagram,
        universe,
        of,
        &mut RoleSet::default(),
        &mut Vec::new(),
        &mut sets,
    ) {
        // Too many to tell apart: one for all.
        sets = vec![RoleSet {
            changes: changes(diagram, of),
            ways: vec![(Vec::new(), of)],
            ..RoleSet::default()
        }];
    }
    join(sets)
}

fn changes(diagram: &Diagram, of: Ref) -> Vec<Change> {
    let leaves = diagram.leaves(of);
    leaves.into_iter().filter_map(Change::of_value).collect()
}

/// `false` if there are too many sets.
fn walk(
    diagram: &Diagram,
    universe: &Universe,
    of: Ref,
    set: &mut RoleSet,
    path: &mut Vec<(Var, usize)>,
    sets: &mut Vec<RoleSet>,
) -> bool {
    let role = diagram.first(of).and_then(|(var, kids)| {
        let role = universe.named_role(universe.key(var)?)?;
        Some((var, kids, role))
    });
    let Some((var, kids, role)) = role else {
        sets.push(RoleSet {
            changes: changes(diagram, of),
            ways: vec![(path.clone(), of)],
            ..set.clone()
        });
        return sets.len() <= MAX_SETS;
    };
    for (option, kid) in kids.iter().enumerate() {
        let of_set = if option == 0 {
            &mut set.without
        } else {
            &mut set.with
        };
        of_set.push(Arc::clone(role));
        path.push((var, option));
        let fits = walk(diagram, universe, *kid, set, path, sets);
        path.pop();
        let of_set = if option == 0 {
            &mut set.without
        } else {
            &mut set.with
        };
        of_set.pop();
        if !fits {
            return false;
        }
    }
    true
}

/// Joins two sets that differ in one role and change alike, as long as there are any.
fn join(mut sets: Vec<RoleSet>) -> Vec<RoleSet> {
    let mut place = 0;
    while place < sets.len() {
        let joined = sets
            .iter()
            .enumerate()
            .skip(place + 1)
            .find_map(|(other, set)| Some((other, joined(sets.get(place)?, set)?)));
        match joined {
            Some((other, set)) => {
                sets.remove(other);
                if let Some(slot) = sets.get_mut(place) {
                    *slot = set;
                }
                place = 0;
            }
            None => place += 1,
        }
    }
    sets
}

fn joined(a: &RoleSet, b: &RoleSet) -> Option<RoleSet> {
    if a.changes != b.changes {
        return None;
    }
    let more = |of: &[Arc<str>], than: &[Arc<str>]| -> Vec<Arc<str>> {
        of.iter()
            .filter(|role| !than.contains(role))
            .cloned()
            .collect()
    };
    let (with, without) = (more(&a.with, &b.with), more(&a.without, &b.without));
    let (with_b, without_b) = (more(&b.with, &a.with), more(&b.without, &a.without));
    let differ_in_one = match (with.as_slice(), without.as_slice()) {
        ([role], []) if with_b.is_empty() => without_b == [Arc::clone(role)],
        ([], [role]) if without_b.is_empty() => with_b == [Arc::clone(role)],
        _ => false,
    };
    let without_role = |of: &[Arc<str>]| -> Vec<Arc<str>> {
        of.iter()
            .filter(|role| !with.contains(role) && !without.contains(role))
            .cloned()
            .collect()
    };
    differ_in_one.then(|| RoleSet {
        with: without_role(&a.with),
        without: without_role(&a.without),
        changes: a.changes.clone(),
        ways: a.ways.iter().chain(&b.ways).cloned().collect(),
    })
}
