//! Conversations that go elsewhere.

use std::sync::Arc;

use kith_domain::{Entity, Purpose, Timestamp};
use serde::Serialize;

use super::example::Bound;
use crate::finite::{Compiler, Diagram, MAX_STEPS, Memory, Model, Ref, Shape, TooLarge, Universe};
use crate::policies::Policies;
use crate::route::Route;
use crate::subject::Subject;

/// Most changes of routes that are told.
const MAX_CHANGES: usize = 50;
/// Most conversations that are tried to show one.
const MAX_EXAMPLES: usize = 8;

/// Conversations of one kind that go elsewhere.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteChange {
    /// Where they went: `space `billing``, `triage`, `the default inbox`.
    pub before: String,
    /// Where they go.
    pub after: String,
    /// One of them; without one it is not proven that there is any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Bound>,
}

/// Every change of a route.
pub(super) fn routes(
    old: &Policies,
    new: &Policies,
    universe: &mut Universe,
    tries: &mut usize,
) -> Vec<RouteChange> {
    let not_known = || RouteChange {
        before: "anywhere".to_owned(),
        after: "elsewhere, perhaps: there is too much to go through".to_owned(),
        example: None,
    };
    if universe.is_too_large() {
        return vec![not_known()];
    }
    let mut diagram = Diagram::new(MAX_STEPS);
    let Ok((change, spaces)) = compile(old, new, universe, &mut diagram) else {
        return vec![not_known()];
    };
    let mut changes = Vec::new();
    let leaves = diagram.leaves(change).into_iter();
    for (leaf, (a, b)) in leaves.map(|leaf| (leaf, Ref::unpair(leaf))) {
        if a == b {
            continue;
        }
        if changes.len() == MAX_CHANGES {
            changes.push(not_known());
            break;
        }
        let paths = diagram.paths(change, MAX_EXAMPLES, &|of| of == leaf);
        let example = paths.into_iter().find_map(|path| {
            let bind = [Entity::Conversation];
            let model = Model::of_path(universe, (SHAPE, PURPOSE), &path, &bind, tries)?;
            let bound = Bound::new(&model, universe);
            let goes =
                |policies| bound.with(policies, |subject| place(policies, subject, bound.now));
            (goes(old) == named(a, &spaces) && goes(new) == named(b, &spaces)).then_some(bound)
        });
        changes.push(RouteChange {
            before: named(a, &spaces),
            after: named(b, &spaces),
            example,
        });
    }
    changes
}

/// Routes ask for no actor and no purpose, so any will do.
const SHAPE: Shape = Shape {
    agent: None,
    has_member: true,
};
const PURPOSE: Purpose = Purpose::SupportView;

/// Where both versions send each conversation, and the names of the spaces.
fn compile(
    old: &Policies,
    new: &Policies,
    universe: &mut Universe,
    diagram: &mut Diagram,
) -> Result<(Ref, Vec<Arc<str>>), TooLarge> {
    let sides = SHAPE.sides(PURPOSE);
    let mut spaces: Vec<Arc<str>> = Vec::new();
    let mut places = Vec::new();
    for (version, policies) in [old, new].into_iter().enumerate() {
        let mut memory = Memory::default();
        let asks = (SHAPE, PURPOSE, sides.as_slice());
        let inner = &policies.0;
        let mut compiler = Compiler::new(inner, version, universe, diagram, asks, &mut memory);
        places.push(compiler.route(&mut spaces)?);
    }
    let [a, b] = places.as_slice() else {
        return Err(TooLarge);
    };
    Ok((diagram.pair(*a, *b)?, spaces))
}

/// The name of a place as diagrams number them.
fn named(place: u32, spaces: &[Arc<str>]) -> String {
    match place {
        0 => DEFAULT.to_owned(),
        1 => TRIAGE.to_owned(),
        space => {
            let name = spaces.get(space as usize - 2);
            name.map_or_else(String::new, |name| format!("`{name}`"))
        }
    }
}

const DEFAULT: &str = "the default inbox";
const TRIAGE: &str = "triage";

fn place(policies: &Policies, subject: &Subject<'_>, now: Timestamp) -> String {
    match policies.route(subject, now) {
        Route::Space { space, .. } => format!("`{space}`"),
        Route::Triage { .. } => TRIAGE.to_owned(),
        Route::Default => DEFAULT.to_owned(),
    }
}
