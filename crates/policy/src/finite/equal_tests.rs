//! Diagrams are what the direct evaluator says, choice by choice.

use std::collections::BTreeMap;

use kith_domain::{Entity, Purpose};
use proptest::prelude::*;

use super::support::generate::{self, policies};
use super::support::mixed::mixed_policies;
use super::universe::Key;
use super::*;
use crate::policies::{ClassIdx, Policies};
use crate::reference;
use crate::subject::{Row, Subject};
use crate::tri::Tri;

const ALL: generate::Shape = generate::Shape {
    absence: true,
    states: true,
    related: false,
    proof: true,
};

/// Holds every diagram of these policies against the direct evaluator, on one choice of options for
/// each shape of asker and purpose. `picks` choose the options.
fn equals(policies: &Policies, purpose: Purpose, picks: &[usize]) -> Result<(), TestCaseError> {
    for (turn, shape) in Shape::all(true).into_iter().enumerate() {
        let mut universe = Universe::new(&[&policies.0]);
        let sides = shape.sides(purpose);
        let mut diagram = Diagram::new(MAX_STEPS);
        let mut memory = Memory::default();
        let inner = &policies.0;
        let asks = (shape, purpose, sides.as_slice());
        let mut compiler = Compiler::new(inner, 0, &mut universe, &mut diagram, asks, &mut memory);
        let (Ok(exists), Ok(allowed)) = (compiler.exists(), compiler.allowed()) else {
            continue;
        };
        let classes = (0..inner.classes.len()).map(|class| ClassIdx(u32::try_from(class).unwrap()));
        let met: Result<BTreeMap<_, _>, TooLarge> = classes
            .map(|class| Ok((class, compiler.met(class)?)))
            .collect();
        let Ok(met) = met else { continue };
        let vars = (0..)
            .map(Var)
            .map_while(|var| Some((var, universe.key(var)?.clone())));
        let choice: Vec<_> = vars
            .map(|(var, key)| {
                let pick = picks[(var.0 as usize + turn) % picks.len()];
                // Most rows are bound, or most tests would be unknown.
                let pick = match key {
                    Key::Bound(_) => usize::from(pick.is_multiple_of(5)),
                    _ => pick,
                };
                (var, pick % universe.count(var))
            })
            .collect();
        if choice.iter().any(|(var, _)| universe.is_truth(*var)) {
            continue;
        }
        let at = |of| diagram.value_at(of, &|var| choice[var.0 as usize].1);
        let asks = (shape, purpose);
        let model = Model::of_path(&universe, asks, &choice, &[], &mut 0).unwrap();
        let rows: Vec<(Entity, Row)> = model
            .rows
            .iter()
            .map(|(entity, values)| {
                let mut row = Row::new();
                for (field, value) in values {
                    row.set(*field, value.clone());
                }
                (*entity, row)
            })
            .collect();
        let mut subject = Subject {
            signed_identity: model.signed_identity,
            ..Subject::default()
        };
        for (entity, row) in &rows {
            subject.bind(*entity, row);
        }
        let said = reference::decide(policies, &model.actor, purpose, &subject, model.now);
        prop_assert_eq!(at(exists), Ref::tri(Tri::from(said.exists)), "exists");
        prop_assert_eq!(at(allowed), Ref::tri(Tri::from(said.allowed)), "allowed");
        for (field, class) in inner.class_of.iter().enumerate() {
            let state = said.states[field];
            prop_assert_eq!(
                at(met[class]),
                Ref::interval(state),
                "{}",
                &inner.catalog.fields()[field].path
            );
        }
    }
    Ok(())
}

fn purpose() -> impl Strategy<Value = Purpose> {
    proptest::sample::select(generate::PURPOSES.to_vec())
}

fn picks() -> impl Strategy<Value = Vec<Vec<usize>>> {
    proptest::collection::vec(proptest::collection::vec(0_usize..1_000, 61), 20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn policies_with_states(text in policies(ALL), purpose in purpose(), picks in picks()) {
        let (_, policies) = super::support::policies(&text);
        for picks in &picks {
            equals(&policies, purpose, picks)?;
        }
    }

    #[test]
    fn tests_of_every_form(text in mixed_policies(), purpose in purpose(), picks in picks()) {
        let (_, policies) = super::support::policies(&text);
        for picks in &picks {
            equals(&policies, purpose, picks)?;
        }
    }
}
