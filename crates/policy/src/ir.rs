//! The one intermediate form of conditions: typed, total, interned. Names are resolved, literals have
//! the type of what they are compared with, and equal conditions are one node.
//!
//! The same nodes serve twice. As checked, a test of a state names a field: that is the parameter `S`.
//! In a plan no test of a state is left, for there the states are conditions themselves, so `S` has no
//! value. Parts come before what is made of them, so one pass over the nodes evaluates them all.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use kith_domain::{Entity, FieldIdx, Value};

use crate::ast::Op;
use crate::names::{Attr, ListAttr};
use crate::state::StateWord;
use crate::tri::Tri;

/// A node's place in its [`Arena`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Node<S> {
    /// Always this.
    Const(Tri),
    /// The opposite.
    Not(NodeId),
    /// All of them.
    And(Box<[NodeId]>),
    /// Any of them.
    Or(Box<[NodeId]>),
    /// One test.
    Atom(Atom<S>),
}

/// One test.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Atom<S> {
    /// Both are known, comparable, and compare so. Never `!=`: that is `not ==`.
    Compare {
        /// Left side.
        left: Term,
        /// How.
        op: Op,
        /// Right side.
        right: Term,
    },
    /// Both lists share an item.
    Overlap {
        /// One list.
        left: Items,
        /// The other.
        right: Items,
    },
    /// The value is absent, in a row that is bound.
    Absent(Term),
    /// A field is in this state.
    State {
        /// Which field.
        of: S,
        /// Which state.
        is: StateWord,
    },
}

/// Something with one value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Term {
    /// Where the value comes from.
    pub base: Base,
    /// Microseconds by which a time is moved; 0 for all that is no time.
    pub shift: i64,
}

/// Where one value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Base {
    /// The bound row of the field's entity.
    Field(FieldRef),
    /// The request.
    Attr(Attr),
    /// Fixed.
    Const(Value),
}

/// A field and the row that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldRef {
    /// Whose row.
    pub entity: Entity,
    /// Which field.
    pub field: FieldIdx,
}

/// Something with several values.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Items {
    /// One value as a list of one.
    One(Term),
    /// A field that holds a list.
    Field(FieldRef),
    /// A list of the member's.
    Attr(ListAttr),
    /// Fixed.
    Const(Arc<[Value]>),
    /// Of a member who is not there.
    Unknown,
}

impl Base {
    pub(crate) const fn term(self) -> Term {
        Term {
            base: self,
            shift: 0,
        }
    }
}

/// Nodes, each once.
#[derive(Debug, Clone)]
pub struct Arena<S> {
    nodes: Vec<Node<S>>,
    /// Places of nodes, by what is there.
    known: HashTable<NodeId>,
    hasher: DefaultHashBuilder,
    /// For each node, what is remembered of it.
    notes: Vec<Notes>,
    joins: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Notes {
    /// The join that it was last a part of.
    joined: u32,
    /// Its opposite, if one was asked for.
    opposite: Option<NodeId>,
}

impl<S> Default for Arena<S> {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            known: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            notes: Vec::new(),
            joins: 0,
        }
    }
}

impl<S: Clone + Eq + Hash> Arena<S> {
    /// Without nodes, and with room for so many.
    pub(crate) fn with_capacity(nodes: usize) -> Self {
        Self {
            nodes: Vec::with_capacity(nodes),
            known: HashTable::with_capacity(nodes),
            notes: Vec::with_capacity(nodes),
            ..Self::default()
        }
    }

    /// Every node, parts before what is made of them.
    #[must_use]
    pub fn nodes(&self) -> &[Node<S>] {
        &self.nodes
    }

    /// Every node with its place, parts before what is made of them.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Node<S>)> {
        let places = 0..u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        places.map(NodeId).zip(&self.nodes)
    }

    /// One node.
    #[must_use]
    pub fn get(&self, id: NodeId) -> Option<&Node<S>> {
        self.nodes.get(id.index())
    }

    /// What a node always is, if it is constant.
    #[must_use]
    pub fn constant(&self, id: NodeId) -> Option<Tri> {
        match self.get(id) {
            Some(Node::Const(tri)) => Some(*tri),
            _ => None,
        }
    }

    fn intern(&mut self, node: Node<S>) -> NodeId {
        let (nodes, hasher) = (&self.nodes, &self.hasher);
        let is_same = |id: &NodeId| nodes.get(id.index()) == Some(&node);
        let hash = |id: &NodeId| {
            nodes
                .get(id.index())
                .map_or(0, |node| hasher.hash_one(node))
        };
        match self.known.entry(hasher.hash_one(&node), is_same, hash) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => {
                let id = NodeId(u32::try_from(nodes.len()).unwrap_or(u32::MAX));
                place.insert(id);
                self.nodes.push(node);
                self.notes.push(Notes::default());
                id
            }
        }
    }

    pub(crate) fn constant_node(&mut self, tri: Tri) -> NodeId {
        self.intern(Node::Const(tri))
    }

    pub(crate) fn atom(&mut self, atom: Atom<S>) -> NodeId {
        self.intern(Node::Atom(atom))
    }

    pub(crate) fn negate(&mut self, of: NodeId) -> NodeId {
        let known = self.notes.get(of.index()).and_then(|notes| notes.opposite);
        if let Some(opposite) = known {
            return opposite;
        }
        let opposite = match self.get(of) {
            Some(Node::Const(tri)) => {
                let tri = tri.negate();
                self.constant_node(tri)
            }
            Some(Node::Not(inner)) => *inner,
            _ => self.intern(Node::Not(of)),
        };
        if let Some(notes) = self.notes.get_mut(of.index()) {
            notes.opposite = Some(opposite);
        }
        opposite
    }

    pub(crate) fn all(&mut self, parts: impl IntoIterator<Item = NodeId>) -> NodeId {
        self.join(parts, Tri::False, Tri::True, Node::And)
    }

    pub(crate) fn any(&mut self, parts: impl IntoIterator<Item = NodeId>) -> NodeId {
        self.join(parts, Tri::True, Tri::False, Node::Or)
    }

    /// Joins parts: one that is `decisive` decides, what is `neutral` falls out, and what is constant
    /// beside is unknown.
    fn join(
        &mut self,
        parts: impl IntoIterator<Item = NodeId>,
        decisive: Tri,
        neutral: Tri,
        node: fn(Box<[NodeId]>) -> Node<S>,
    ) -> NodeId {
        let mut kept = Vec::new();
        self.joins += 1;
        for part in parts {
            match self.constant(part) {
                Some(tri) if tri == decisive => return part,
                Some(tri) if tri == neutral => continue,
                _ => {}
            }
            if let Some(notes) = self.notes.get_mut(part.index())
                && notes.joined != self.joins
            {
                notes.joined = self.joins;
                kept.push(part);
            }
        }
        match kept.as_slice() {
            [] => self.constant_node(neutral),
            [only] => *only,
            _ => self.intern(node(kept.into())),
        }
    }
}
