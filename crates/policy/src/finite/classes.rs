//! Which things the tests compare with each other: those must be given options together.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use kith_domain::{AgentKind, Entity, FieldIdx, FieldType, Purpose, Value};

use crate::ast::Op;
use crate::ir::{Atom, Base, Items, Term};
use crate::names::{Attr, ListAttr, NO_AGENT};
use crate::subject::ProofMethod;

/// A test, over the fields of all versions together.
pub(crate) type Test = Atom<FieldIdx>;

/// Something that a test reads and that is not fixed by the shape of the asker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Source {
    /// A field, by its place among those of all versions.
    Field(FieldIdx),
    /// `user.id` and its like, or `now`.
    Attr(Attr),
    /// `user.roles` and its like.
    List(ListAttr),
}

/// A field of any version.
#[derive(Debug, Clone)]
pub(crate) struct AnyField {
    pub(crate) path: Arc<str>,
    pub(crate) entity: Entity,
    /// Its type in each version that has it, each once.
    pub(crate) types: Vec<FieldType>,
    pub(crate) examples: Vec<Arc<str>>,
    /// Its place in each version's catalog.
    pub(crate) places: Vec<Option<FieldIdx>>,
}

/// Sources that some test compares with each other, and all tests of them.
#[derive(Debug, Default)]
pub(super) struct Class {
    pub(super) sources: Vec<Source>,
    pub(super) tests: Vec<Test>,
}

/// What kind of values the sources of a class have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Bool,
    Text,
    Number,
    Time,
    Duration,
}

impl Family {
    pub(super) const fn of(ty: &FieldType) -> Self {
        match ty {
            FieldType::Bool => Self::Bool,
            FieldType::Int | FieldType::Decimal { .. } => Self::Number,
            FieldType::String | FieldType::Enum(_) | FieldType::Strings => Self::Text,
            FieldType::Timestamp => Self::Time,
            FieldType::Duration => Self::Duration,
        }
    }
}

/// Whether the shape of the asker fixes it.
const fn is_of_shape(attr: Attr) -> bool {
    matches!(attr, Attr::AgentKind | Attr::Purpose)
}

/// Whether it is a variable of its own, with options that never change.
const fn is_of_proof(attr: Attr) -> bool {
    matches!(attr, Attr::SignedIdentity | Attr::IdentityMethod)
}

fn source_of(term: &Term) -> Option<Source> {
    match term.base {
        Base::Field(at) => Some(Source::Field(at.field)),
        Base::Attr(attr) if !is_of_shape(attr) && !is_of_proof(attr) => Some(Source::Attr(attr)),
        Base::Attr(_) | Base::Const(_) => None,
    }
}

fn source_of_items(items: &Items) -> Option<Source> {
    match items {
        Items::One(term) => source_of(term),
        Items::Field(at) => Some(Source::Field(at.field)),
        Items::Attr(list) => Some(Source::List(*list)),
        Items::Const(_) | Items::Unknown => None,
    }
}

/// The sources that a test reads.
pub(super) fn sources_of(test: &Test) -> Vec<Source> {
    let both = match test {
        Atom::Compare { left, right, .. } => [source_of(left), source_of(right)],
        Atom::Overlap { left, right } => [source_of_items(left), source_of_items(right)],
        Atom::Absent(term) => [source_of(term), None],
        Atom::State { .. } => [None, None],
    };
    both.into_iter().flatten().collect()
}

/// The terms of a test.
pub(super) fn terms_of(test: &Test) -> Vec<&Term> {
    const fn of_items(items: &Items) -> Option<&Term> {
        match items {
            Items::One(term) => Some(term),
            _ => None,
        }
    }
    let both = match test {
        Atom::Compare { left, right, .. } => [Some(left), Some(right)],
        Atom::Overlap { left, right } => [of_items(left), of_items(right)],
        Atom::Absent(term) => [Some(term), None],
        Atom::State { .. } => [None, None],
    };
    both.into_iter().flatten().collect()
}

/// Puts tests into classes.
pub(super) fn classes(tests: &HashSet<Test>) -> Vec<Class> {
    let mut sorted: Vec<_> = tests.iter().map(|test| (sources_of(test), test)).collect();
    sorted.retain(|(sources, _)| !sources.is_empty());
    // By what they read, then as they are written, so that the same policies give the same options.
    sorted.sort_by_cached_key(|(sources, test)| (sources.clone(), format!("{test:?}")));
    let mut class_of: HashMap<Source, usize> = HashMap::new();
    let mut classes: Vec<Class> = Vec::new();
    for (sources, test) in sorted {
        let mut known: Vec<_> = sources
            .iter()
            .filter_map(|source| class_of.get(source).copied())
            .collect();
        known.sort_unstable();
        known.dedup();
        let home = known.first().copied().unwrap_or_else(|| {
            classes.push(Class::default());
            classes.len() - 1
        });
        for other in known.into_iter().skip(1) {
            let moved = classes
                .get_mut(other)
                .map(std::mem::take)
                .unwrap_or_default();
            for source in &moved.sources {
                class_of.insert(*source, home);
            }
            if let Some(class) = classes.get_mut(home) {
                class.sources.extend(moved.sources);
                class.tests.extend(moved.tests);
            }
        }
        if let Some(class) = classes.get_mut(home) {
            for source in sources {
                if class_of.insert(source, home).is_none() {
                    class.sources.push(source);
                }
            }
            class.tests.push(test.clone());
        }
    }
    classes.retain(|class| !class.sources.is_empty());
    for class in &mut classes {
        class.sources.sort();
    }
    classes
}

impl Class {
    /// The values that the tests name.
    pub(super) fn constants(&self) -> Vec<&Value> {
        let mut constants = Vec::new();
        for test in &self.tests {
            for term in terms_of(test) {
                if let Base::Const(value) = &term.base {
                    constants.push(value);
                }
            }
            if let Atom::Overlap { left, right } = test {
                for items in [left, right] {
                    if let Items::Const(values) = items {
                        constants.extend(values.iter());
                    }
                }
            }
        }
        constants
    }

    /// Every text that the tests name, themselves or through what the shape of the asker fixes.
    pub(super) fn words(&self) -> BTreeSet<Arc<str>> {
        let mut words: BTreeSet<Arc<str>> = self
            .constants()
            .into_iter()
            .filter_map(|value| match value {
                Value::String(text) => Some(Arc::clone(text)),
                _ => None,
            })
            .collect();
        for term in self.tests.iter().flat_map(terms_of) {
            match term.base {
                Base::Attr(Attr::AgentKind) => {
                    let kinds = AgentKind::ALL.iter().map(|kind| kind.as_str());
                    words.extend(kinds.chain([NO_AGENT]).map(Arc::from));
                }
                Base::Attr(Attr::Purpose) => {
                    words.extend(
                        Purpose::ALL
                            .iter()
                            .map(|purpose| Arc::from(purpose.as_str())),
                    );
                }
                Base::Attr(Attr::IdentityMethod) => {
                    words.extend(
                        ProofMethod::ALL
                            .iter()
                            .map(|method| Arc::from(method.as_str())),
                    );
                }
                _ => {}
            }
        }
        words
    }

    /// Whether some test asks for an order.
    pub(super) fn is_ordered(&self) -> bool {
        self.tests
            .iter()
            .any(|test| matches!(test, Atom::Compare { op, .. } if !matches!(op, Op::Eq | Op::Ne)))
    }
}
