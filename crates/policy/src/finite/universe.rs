//! Everything that the tests of one or two versions read, as variables with finitely many options.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use kith_domain::{Entity, FieldIdx, FieldType, Value};

use super::classes::{AnyField, Class, Source, Test, classes, sources_of};
use super::compile::Sight;
use super::options::{self, Options};
use crate::ir::{Atom, Base, FieldRef, Items, Node, Term};
use crate::names::ListAttr;
use crate::policies::{Inner, StatementId};
use crate::subject::{ProofMethod, SignedIdentity};

/// Most variables.
const MAX_VARIABLES: usize = 3_000;

/// A variable's place in the order in which diagrams ask for them: roles come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Var(pub(super) u32);

/// What a variable stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// Whether a list holds a word: no, yes.
    Holds(Source, Arc<str>),
    /// The value of a field or a name.
    Value(Source),
    /// Whether a list is there at all: yes, no.
    Present(FieldIdx),
    /// The proof of the end user's identity.
    Proof,
    /// Whether a row of this entity is bound: yes, no.
    Bound(Entity),
    /// A test that is not taken apart: false, unknown, true.
    Truth(Test),
    /// A part of a statement that is the same in all versions, not taken apart: false, unknown, true.
    Common(Part),
}

/// A condition of a statement, on one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Part {
    pub(crate) statement: StatementId,
    pub(crate) side: usize,
    /// Whose states it reads; `None` for the predicate of a limit.
    pub(crate) condition: Option<Sight>,
}

/// The proofs that there are.
pub(super) const PROOFS: [SignedIdentity; 4] = [
    SignedIdentity {
        proven: false,
        method: None,
    },
    SignedIdentity {
        proven: true,
        method: Some(ProofMethod::Jwt),
    },
    SignedIdentity {
        proven: true,
        method: Some(ProofMethod::Hmac),
    },
    SignedIdentity {
        proven: true,
        method: None,
    },
];

/// The variables of some versions of the policies.
#[derive(Debug)]
pub(crate) struct Universe {
    fields: Vec<AnyField>,
    /// For each version, the place of each of its fields among those of all.
    maps: Vec<Vec<FieldIdx>>,
    keys: Vec<Key>,
    vars: HashMap<Key, Var>,
    values: HashMap<Source, Vec<Option<Value>>>,
    words: HashMap<Source, Vec<Arc<str>>>,
    /// Roles that the tests do not name, and that stand for all others.
    other_roles: Vec<Arc<str>>,
    /// Classes whose tests are not taken apart, with where to look for values.
    opaque: Vec<(Class, Options)>,
    opaque_sources: HashMap<Source, usize>,
    is_too_large: bool,
}

impl Universe {
    pub(crate) fn new(versions: &[&Inner]) -> Self {
        let (fields, maps) = union(versions);
        let mut universe = Self {
            fields,
            maps,
            keys: Vec::new(),
            vars: HashMap::new(),
            values: HashMap::new(),
            words: HashMap::new(),
            other_roles: Vec::new(),
            opaque: Vec::new(),
            opaque_sources: HashMap::new(),
            is_too_large: false,
        };
        let mut tests = HashSet::new();
        for (version, inner) in versions.iter().enumerate() {
            for node in inner.nodes.nodes() {
                if let Node::Atom(atom) = node
                    && !matches!(atom, Atom::State { .. })
                {
                    tests.insert(universe.test(version, atom));
                }
            }
        }
        for class in classes(&tests) {
            match options::options(&class, &universe.fields) {
                Some(given) => {
                    if class.sources.contains(&Source::List(ListAttr::Roles)) {
                        universe.other_roles.clone_from(&given.fresh);
                    }
                    universe.values.extend(given.values);
                    universe.words.extend(given.lists);
                }
                None => {
                    let place = universe.opaque.len();
                    let sources = class.sources.iter().map(|source| (*source, place));
                    universe.opaque_sources.extend(sources);
                    let guesses = options::guesses(&class, &universe.fields);
                    universe.opaque.push((class, guesses));
                }
            }
        }
        universe.order();
        universe
    }

    /// Gives every variable its place.
    fn order(&mut self) {
        let mut lists: Vec<_> = self
            .words
            .iter()
            .map(|(source, words)| (*source, words.clone()))
            .collect();
        lists.sort_by_key(|(source, _)| *source);
        let of_member = |source: &Source| matches!(source, Source::List(_));
        let of_members = lists.iter().filter(|(source, _)| of_member(source));
        let held = of_members.flat_map(|(source, words)| {
            words
                .iter()
                .map(|word| Key::Holds(*source, Arc::clone(word)))
        });
        // Roles that are named first: what changes is told role by role.
        let (roles, others): (Vec<Key>, Vec<Key>) =
            held.partition(|key| self.named_role(key).is_some());
        for key in roles.into_iter().chain(others) {
            self.add(key);
        }
        let mut values: Vec<_> = self.values.keys().copied().collect();
        values.sort();
        for source in values
            .iter()
            .filter(|source| matches!(source, Source::Attr(_)))
        {
            self.add(Key::Value(*source));
        }
        self.add(Key::Proof);
        // No condition reads an event's row, so it is never bound.
        for entity in Entity::ALL {
            if entity != Entity::Event {
                self.add(Key::Bound(entity));
            }
        }
        for source in values
            .iter()
            .filter(|source| matches!(source, Source::Field(_)))
        {
            self.add(Key::Value(*source));
        }
        for (source, words) in lists.iter().filter(|(source, _)| !of_member(source)) {
            if let Source::Field(idx) = source {
                self.add(Key::Present(*idx));
            }
            for word in words {
                self.add(Key::Holds(*source, Arc::clone(word)));
            }
        }
        self.is_too_large = self.keys.len() > MAX_VARIABLES;
    }

    fn add(&mut self, key: Key) -> Var {
        let var = Var(u32::try_from(self.keys.len()).unwrap_or(u32::MAX));
        self.keys.push(key.clone());
        self.vars.insert(key, var);
        var
    }

    /// The role that a variable stands for, if the tests name it.
    pub(crate) fn named_role<'k>(&self, key: &'k Key) -> Option<&'k Arc<str>> {
        match key {
            Key::Holds(Source::List(ListAttr::Roles), role) => {
                Some(role).filter(|role| !self.other_roles.contains(role))
            }
            _ => None,
        }
    }

    /// Whether there are more variables than can be gone through.
    pub(crate) const fn is_too_large(&self) -> bool {
        self.is_too_large
    }

    /// Every field of any version, in order of path.
    pub(crate) fn fields(&self) -> &[AnyField] {
        &self.fields
    }

    /// A test of one version, over the fields of all.
    pub(crate) fn test(&self, version: usize, atom: &Atom<FieldIdx>) -> Test {
        let field = |at: &FieldRef| FieldRef {
            entity: at.entity,
            field: self.field(version, at.field),
        };
        let term = |term: &Term| Term {
            base: match &term.base {
                Base::Field(at) => Base::Field(field(at)),
                other => other.clone(),
            },
            shift: term.shift,
        };
        let items = |items: &Items| match items {
            Items::One(one) => Items::One(term(one)),
            Items::Field(at) => Items::Field(field(at)),
            other => other.clone(),
        };
        match atom {
            Atom::Compare { left, op, right } => Atom::Compare {
                left: term(left),
                op: *op,
                right: term(right),
            },
            Atom::Overlap { left, right } => Atom::Overlap {
                left: items(left),
                right: items(right),
            },
            Atom::Absent(of) => Atom::Absent(term(of)),
            Atom::State { of, is } => Atom::State {
                of: self.field(version, *of),
                is: *is,
            },
        }
    }

    /// The place of a version's field among those of all.
    pub(super) fn field(&self, version: usize, field: FieldIdx) -> FieldIdx {
        let map = self.maps.get(version);
        let place = map.and_then(|map| map.get(field.index()).copied());
        place.unwrap_or(FieldIdx(u32::MAX))
    }

    /// The variable of a key. That of a test or a statement is made when it is first asked for; any other that is
    /// not there is asked by no test.
    pub(crate) fn var(&mut self, key: &Key) -> Option<Var> {
        match self.vars.get(key) {
            Some(var) => Some(*var),
            None if matches!(key, Key::Truth(_) | Key::Common(_)) => Some(self.add(key.clone())),
            None => None,
        }
    }

    pub(crate) fn key(&self, var: Var) -> Option<&Key> {
        self.keys.get(var.0 as usize)
    }

    /// Whether a variable is the outcome of a test that is not taken apart.
    pub(super) fn is_truth(&self, var: Var) -> bool {
        matches!(self.key(var), Some(Key::Truth(_)))
    }

    /// How many options a variable has.
    pub(crate) fn count(&self, var: Var) -> usize {
        match self.key(var) {
            Some(Key::Value(source)) => self.options(*source).len(),
            Some(Key::Proof) => PROOFS.len(),
            Some(Key::Truth(_) | Key::Common(_)) => 3,
            _ => 2,
        }
    }

    /// The options of a source.
    pub(super) fn options(&self, source: Source) -> &[Option<Value>] {
        self.values.get(&source).map_or(&[], Vec::as_slice)
    }

    /// The words that a list may hold.
    pub(super) fn words(&self, source: Source) -> &[Arc<str>] {
        self.words.get(&source).map_or(&[], Vec::as_slice)
    }

    /// Whether a test is not taken apart.
    pub(super) fn is_opaque(&self, test: &Test) -> bool {
        let sources = sources_of(test);
        sources
            .iter()
            .any(|source| self.opaque_sources.contains_key(source))
    }

    /// The class of a test that is not taken apart.
    pub(super) fn opaque_class(&self, test: &Test) -> Option<(usize, &(Class, Options))> {
        let sources = sources_of(test);
        let place = sources
            .iter()
            .find_map(|source| self.opaque_sources.get(source))?;
        Some((*place, self.opaque.get(*place)?))
    }
}

/// The fields of all versions by path, and where each version's are among them.
fn union(versions: &[&Inner]) -> (Vec<AnyField>, Vec<Vec<FieldIdx>>) {
    let mut by_path: BTreeMap<&str, AnyField> = BTreeMap::new();
    for (version, inner) in versions.iter().enumerate() {
        for (idx, field) in inner.catalog.iter() {
            let any = by_path
                .entry(field.path.as_str())
                .or_insert_with(|| AnyField {
                    path: field.path.as_str().into(),
                    entity: field.entity,
                    types: Vec::new(),
                    examples: Vec::new(),
                    places: vec![None; versions.len()],
                });
            if !any.types.contains(&field.ty) {
                any.types.push(field.ty.clone());
            }
            if matches!(field.ty, FieldType::String | FieldType::Strings) {
                any.examples.extend(field.examples.iter().cloned());
            }
            if let Some(place) = any.places.get_mut(version) {
                *place = Some(idx);
            }
        }
    }
    let fields: Vec<AnyField> = by_path.into_values().collect();
    let mut maps: Vec<_> = versions
        .iter()
        .map(|inner| vec![FieldIdx(u32::MAX); inner.catalog.fields().len()])
        .collect();
    for (place, field) in (0..).zip(&fields) {
        for (map, own) in maps.iter_mut().zip(&field.places) {
            if let Some(slot) = own.and_then(|own| map.get_mut(own.index())) {
                *slot = FieldIdx(place);
            }
        }
    }
    (fields, maps)
}
