//! What changes, told role by role: the roles come first in every diagram.

use std::sync::Arc;

use super::Comparison;
use crate::finite::{Change, Diagram, Ref, Universe, Var};

/// Most sets of roles that are told apart.
const MAX_SETS: usize = 256;

/// Askers with the same roles, as far as these matter.
#[derive(Debug, Clone)]
pub(super) struct RoleSet {
    /// Roles, and whether they have them.
    pub(super) roles: Vec<(Arc<str>, bool)>,
    /// How what is shown changes on their requests, examples or not.
    pub(super) comparison: Comparison,
    /// Where the diagram goes on, and by which choices one gets there.
    pub(super) ways: Vec<(Vec<(Var, usize)>, Ref)>,
}

impl RoleSet {
    /// Everyone, of whom nothing is known.
    pub(super) const EVERYONE: Self = Self {
        roles: Vec::new(),
        comparison: Comparison::Unproven,
        ways: Vec::new(),
    };

    /// Whether someone may be in both.
    fn meets(&self, other: &Self) -> bool {
        let mut roles = self.roles.iter();
        !roles.any(|(role, has)| other.roles.contains(&(Arc::clone(role), !has)))
    }

    /// Whether all of the other are in it.
    fn covers(&self, other: &Self) -> bool {
        self.roles.iter().all(|role| other.roles.contains(role))
    }
}

/// Takes the roles off the top of a diagram of changes. Everyone is in a set; who is in several is in
/// sets that change alike.
pub(super) fn role_sets(diagram: &Diagram, universe: &Universe, of: Ref) -> Vec<RoleSet> {
    let mut sets = Vec::new();
    let (mut roles, mut path) = (Vec::new(), Vec::new());
    if !walk(diagram, universe, of, &mut roles, &mut path, &mut sets) {
        // Too many to tell apart: one for all.
        sets = vec![RoleSet {
            comparison: comparison(diagram, of),
            ways: vec![(Vec::new(), of)],
            ..RoleSet::EVERYONE
        }];
    }
    simplify(&sets)
}

fn comparison(diagram: &Diagram, of: Ref) -> Comparison {
    let steps = diagram.leaves(of).into_iter().filter_map(Change::of_value);
    let (mut more, mut less) = (false, false);
    for step in steps {
        more |= matches!(step, Change::Wider | Change::Differs);
        less |= matches!(step, Change::Narrower | Change::Differs);
    }
    match (more, less) {
        (false, false) => Comparison::Same,
        (false, true) => Comparison::Narrower,
        (true, false) => Comparison::Wider,
        (true, true) => Comparison::Incomparable,
    }
}

/// `false` if there are too many sets.
fn walk(
    diagram: &Diagram,
    universe: &Universe,
    of: Ref,
    roles: &mut Vec<(Arc<str>, bool)>,
    path: &mut Vec<(Var, usize)>,
    sets: &mut Vec<RoleSet>,
) -> bool {
    let role = diagram.first(of).and_then(|(var, kids)| {
        let role = universe.named_role(universe.key(var)?)?;
        Some((var, kids, role))
    });
    let Some((var, kids, role)) = role else {
        sets.push(RoleSet {
            comparison: comparison(diagram, of),
            ways: vec![(path.clone(), of)],
            roles: roles.clone(),
        });
        return sets.len() <= MAX_SETS;
    };
    for (option, kid) in kids.iter().enumerate() {
        roles.push((Arc::clone(role), option == 1));
        path.push((var, option));
        let fits = walk(diagram, universe, *kid, roles, path, sets);
        path.pop();
        roles.pop();
        if !fits {
            return false;
        }
    }
    true
}

/// Asks for no role that does not matter: a set grows as long as it meets none that changes otherwise.
fn simplify(sets: &[RoleSet]) -> Vec<RoleSet> {
    let mut simple: Vec<RoleSet> = Vec::new();
    for set in sets {
        let mut grown = set.clone();
        // What they have says more than what they have not.
        let (has, has_not): (Vec<_>, Vec<_>) = set.roles.iter().partition(|(_, has)| *has);
        for role in has_not.into_iter().chain(has) {
            let mut larger = grown.clone();
            larger.roles.retain(|of| of != role);
            let mut others = sets.iter().filter(|of| of.comparison != set.comparison);
            if !others.any(|other| larger.meets(other)) {
                grown = larger;
            }
        }
        // Sets that change otherwise never meet, so one that covers it changes alike.
        match simple.iter_mut().find(|known| known.covers(&grown)) {
            Some(known) => known.ways.extend(grown.ways),
            None => {
                let (covered, rest): (Vec<_>, Vec<_>) =
                    simple.into_iter().partition(|known| grown.covers(known));
                grown
                    .ways
                    .extend(covered.into_iter().flat_map(|set| set.ways));
                simple = rest;
                simple.push(grown);
            }
        }
    }
    simple
}
