//! Statements that say the same in both versions: the same text, of fields of the same types, with
//! tests of states that are themselves decided alike.

use std::collections::{HashMap, HashSet};

use crate::finite::Universe;
use crate::ir::{Atom, Node, NodeId};
use crate::policies::{ClassIdx, Inner, Statement, StatementId, StatementIdx};

/// What both versions share.
#[derive(Debug, Default)]
pub(super) struct Common {
    /// Every statement that says the same.
    pub(super) statements: HashSet<StatementId>,
    /// Of these classes of fields, those that are decided alike.
    pub(super) classes: HashSet<(ClassIdx, ClassIdx)>,
}

/// What both versions share; of classes only these pairs are looked at.
pub(super) fn common(
    (old, new): (&Inner, &Inner),
    universe: &Universe,
    classes: impl Iterator<Item = (ClassIdx, ClassIdx)>,
) -> Common {
    let mut pair = Both {
        old,
        new,
        universe,
        known: HashMap::new(),
    };
    let by_id: HashMap<_, _> = indexed(new).map(|(idx, of)| (of.id, idx)).collect();
    let mut common = Common::default();
    for (idx, statement) in indexed(old) {
        if let Some(other) = by_id.get(&statement.id)
            && pair.statements(idx, *other)
        {
            common.statements.insert(statement.id);
        }
    }
    common.classes = classes.filter(|(a, b)| pair.classes(*a, *b)).collect();
    common
}

fn indexed(inner: &Inner) -> impl Iterator<Item = (StatementIdx, &Statement)> {
    (0..).map(StatementIdx).zip(&inner.statements)
}

struct Both<'a> {
    old: &'a Inner,
    new: &'a Inner,
    universe: &'a Universe,
    /// Whether classes of fields are decided alike.
    known: HashMap<(ClassIdx, ClassIdx), bool>,
}

impl Both<'_> {
    fn statements(&mut self, a: StatementIdx, b: StatementIdx) -> bool {
        let (Some(old), Some(new)) = (self.old.statement(a), self.new.statement(b)) else {
            return false;
        };
        let limit = |inner: &Inner, idx| {
            let mut limits = inner.limits.iter();
            let found = limits.find(|limit| limit.statement == idx);
            found.map(|limit| limit.predicate)
        };
        let limits_alike = match (limit(self.old, a), limit(self.new, b)) {
            (None, None) => true,
            (Some(a), Some(b)) => self.nodes(a, b),
            _ => false,
        };
        old.id == new.id && limits_alike && self.nodes(old.condition, new.condition)
    }

    fn nodes(&mut self, a: NodeId, b: NodeId) -> bool {
        let (old, new) = (self.old, self.new);
        match (old.nodes.get(a), new.nodes.get(b)) {
            (Some(Node::Const(a)), Some(Node::Const(b))) => a == b,
            (Some(Node::Not(a)), Some(Node::Not(b))) => self.nodes(*a, *b),
            (Some(Node::And(a)), Some(Node::And(b))) | (Some(Node::Or(a)), Some(Node::Or(b))) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.nodes(*a, *b))
            }
            (
                Some(Node::Atom(Atom::State { of: a, is: word })),
                Some(Node::Atom(Atom::State { of: b, is: other })),
            ) => match (old.class(*a), new.class(*b)) {
                (Some(a), Some(b)) => word == other && self.classes(a, b),
                _ => false,
            },
            (Some(Node::Atom(a)), Some(Node::Atom(b))) => {
                self.universe.test(0, a) == self.universe.test(1, b)
            }
            _ => false,
        }
    }

    fn classes(&mut self, a: ClassIdx, b: ClassIdx) -> bool {
        if let Some(known) = self.known.get(&(a, b)) {
            return *known;
        }
        let (old, new) = (self.old, self.new);
        let alike = match (old.classes.get(a.index()), new.classes.get(b.index())) {
            (Some(old_class), Some(new_class)) => {
                old.ceilings == new.ceilings
                    && old_class.gate == new_class.gate
                    && old_class.effects.len() == new_class.effects.len()
                    && match (old_class.parent, new_class.parent) {
                        (None, None) => true,
                        (Some(a), Some(b)) => self.classes(a, b),
                        _ => false,
                    }
                    && old_class
                        .effects
                        .iter()
                        .zip(&new_class.effects)
                        .all(|((a, does), (b, also))| does == also && self.statements(*a, *b))
            }
            _ => false,
        };
        self.known.insert((a, b), alike);
        alike
    }
}
