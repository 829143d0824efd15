//! Groups fields that are decided alike.

use std::collections::HashMap;

use kith_domain::{Catalog, FieldIdx, Lifecycle};

use crate::policies::{ClassIdx, Effect, FieldClass, Gate, StatementIdx};

/// The class of every field, and the classes.
pub(super) fn group(
    catalog: &Catalog,
    effects: &[Vec<(StatementIdx, Effect)>],
) -> (Vec<ClassIdx>, Vec<FieldClass>) {
    let mut parents: HashMap<FieldIdx, FieldIdx> = HashMap::new();
    for event in catalog.events() {
        for (_, property) in &event.properties {
            parents.insert(*property, event.occurrence);
        }
    }
    let mut known: HashMap<FieldClass, ClassIdx> = HashMap::new();
    let mut classes: Vec<FieldClass> = Vec::new();
    let mut class_of: Vec<ClassIdx> = Vec::new();
    // The catalog is sorted by path, so an event comes before its properties.
    for (idx, field) in catalog.iter() {
        let parent = parents
            .get(&idx)
            .and_then(|parent| class_of.get(parent.index()).copied());
        let class = FieldClass {
            gate: Gate {
                draft: field.lifecycle == Lifecycle::Draft,
                safe_for: field.safe_for,
                sensitivity: field.sensitivity,
            },
            effects: effects
                .get(idx.index())
                .map(|effects| effects.as_slice().into())
                .unwrap_or_default(),
            parent,
        };
        let next = ClassIdx(u32::try_from(classes.len()).unwrap_or(u32::MAX));
        let class_idx = *known.entry(class.clone()).or_insert_with(|| {
            classes.push(class);
            next
        });
        class_of.push(class_idx);
    }
    (class_of, classes)
}
