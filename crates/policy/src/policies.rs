//! The checked policies of one version: what [`crate::check`] makes and everything else reads.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use kith_domain::{Catalog, Ceilings, Entity, Field, FieldIdx, MaskKind, Purpose};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::ir::{Arena, NodeId};
use crate::key::Asks;

/// A statement's id: the first half of the SHA-256 of its formatted text. The same statement has the
/// same id in every file and version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatementId(pub [u8; 16]);

impl StatementId {
    pub(crate) fn of(formatted: &str) -> Self {
        let digest = Sha256::digest(formatted.as_bytes());
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(digest) {
            *to = from;
        }
        Self(id)
    }
}

impl fmt::Display for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for StatementId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A statement's place in [`Policies::statements`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StatementIdx(pub(crate) u32);

impl StatementIdx {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A checked statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The hash of its text.
    pub id: StatementId,
    /// The file, relative to the definitions folder.
    pub file: Arc<str>,
    /// Its first line, from 1.
    pub line: usize,
    /// The word that opens it: `hide`.
    pub keyword: &'static str,
    /// As formatted, without comments.
    pub text: Arc<str>,
    /// `when and not unless`.
    pub condition: NodeId,
    pub(crate) when: Option<NodeId>,
    pub(crate) unless: Option<NodeId>,
}

/// What a statement does to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Effect {
    Show,
    Mask(MaskKind),
    Hide,
}

/// Fields on which the same statements have the same effects: decided once for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FieldClass {
    /// One of them, for all that is the same of all.
    pub(crate) gate: Gate,
    pub(crate) effects: Box<[(StatementIdx, Effect)]>,
    /// The class of the event that this is a property of.
    pub(crate) parent: Option<ClassIdx>,
}

/// What the catalog says of a field's disclosure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Gate {
    pub(crate) draft: bool,
    pub(crate) safe_for: kith_domain::SafeFor,
    pub(crate) sensitivity: kith_domain::Sensitivity,
}

/// A class's place in [`Inner::classes`]. A parent's comes before its children's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ClassIdx(pub(crate) u32);

impl ClassIdx {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// `limit ENTITY to PREDICATE`.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) entity: Entity,
    pub(crate) statement: StatementIdx,
    pub(crate) predicate: NodeId,
}

/// `route conversation to SPACE`.
#[derive(Debug, Clone)]
pub(crate) struct RouteRule {
    pub(crate) statement: StatementIdx,
    pub(crate) space: Arc<str>,
}

/// The checked policies of one version of the definitions, with what they need of its catalog.
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Policies(pub(crate) Arc<Inner>);

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) ceilings: Ceilings,
    pub(crate) catalog: Catalog,
    /// Parallel to the catalog's fields.
    pub(crate) class_of: Vec<ClassIdx>,
    pub(crate) classes: Vec<FieldClass>,
    pub(crate) nodes: Arena<FieldIdx>,
    /// What the nodes ask about the actor.
    pub(crate) asks: Asks,
    /// The text of each test, parallel to the nodes.
    pub(crate) texts: Vec<Option<Arc<str>>>,
    pub(crate) statements: Vec<Statement>,
    pub(crate) allow: BTreeMap<Purpose, Vec<StatementIdx>>,
    pub(crate) forbid: BTreeMap<Purpose, Vec<StatementIdx>>,
    pub(crate) limits: Vec<Limit>,
    /// In the order in which they are asked.
    pub(crate) routes: Vec<RouteRule>,
}

impl Policies {
    /// Every statement, in order of file path, then position.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.0.statements
    }

    /// The statement with this id, if this version has it.
    #[must_use]
    pub fn statement(&self, id: StatementId) -> Option<&Statement> {
        self.0
            .statements
            .iter()
            .find(|statement| statement.id == id)
    }
}

impl Inner {
    pub(crate) fn statement(&self, idx: StatementIdx) -> Option<&Statement> {
        self.statements.get(idx.index())
    }

    pub(crate) fn field(&self, idx: FieldIdx) -> Option<&Field> {
        self.catalog.get(idx)
    }

    pub(crate) fn class(&self, idx: FieldIdx) -> Option<ClassIdx> {
        self.class_of.get(idx.index()).copied()
    }

    pub(crate) fn text(&self, node: NodeId) -> Option<&Arc<str>> {
        self.texts.get(node.index())?.as_ref()
    }
}
