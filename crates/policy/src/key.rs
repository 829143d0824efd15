//! What a plan depends on beside the policies: of who asks only what the policies mention, so that all
//! members with the same answers share one plan.
//!
//! A test that reads nothing but the actor (`user.role == "support"`, `user.name == "sam"`) counts by
//! its outcome. A name that stands beside the row (`account.region in user.regions`) counts by its
//! value, except the member's own id and name: those stay parameters of the plan, or every member
//! would have a plan of their own. Specialising sees the key alone, never the actor, so equal keys
//! cannot but give equal plans.

use std::collections::BTreeSet;
use std::sync::Arc;

use kith_domain::{Actor, FieldIdx, Member, Purpose, Timestamp, Value};

use crate::eval::Env;
use crate::ir::{Arena, Atom, Base, Items, Node, NodeId, Term};
use crate::names::{Attr, ListAttr};
use crate::policies::Policies;
use crate::side::{Side, SideKind, sides, sides_as};
use crate::subject::Subject;
use crate::tri::Tri;

/// What the policies of one version ask about the actor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asks {
    /// The tests that read nothing but the actor, in order.
    tests: Vec<NodeId>,
    /// Names that stand beside the row.
    values: Vec<Attr>,
    /// Lists that stand beside the row.
    lists: Vec<ListAttr>,
}

/// Who asks and why, ready to meet a plan.
#[derive(Debug)]
pub struct Asker {
    pub(crate) key: PlanKey,
    pub(crate) sides: Arc<[Side]>,
}

/// What a plan depends on beside the policies. Cheap to clone; equal keys have the same plan.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PlanKey(Arc<Key>);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    purpose: Purpose,
    sides: Box<[SideKey]>,
}

/// One side, as far as the policies mention it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SideKey {
    pub(crate) kind: SideKind,
    pub(crate) purpose: Purpose,
    /// Whether a member takes part.
    pub(crate) has_user: bool,
    /// Parallel to [`Asks::tests`].
    tests: Box<[Tri]>,
    /// Parallel to [`Asks::values`]: `None` unknown, `Some(None)` absent.
    values: Box<[Option<Option<Value>>]>,
    /// Parallel to [`Asks::lists`]: `None` without a member.
    lists: Box<[Option<Arc<[Value]>>]>,
}

impl Asks {
    pub(crate) fn of(nodes: &Arena<FieldIdx>) -> Self {
        let mut asks = Self::default();
        for (id, node) in nodes.iter() {
            let Node::Atom(atom) = node else { continue };
            let mut beside_row = BesideRow::default();
            beside_row.see(atom);
            if beside_row.is_alone() {
                asks.tests.push(id);
            } else {
                asks.values.extend(beside_row.values.iter().flatten());
                asks.lists.extend(beside_row.lists.iter().flatten());
            }
        }
        asks.values.sort();
        asks.values.dedup();
        asks.lists.sort();
        asks.lists.dedup();
        asks
    }

    /// The outcome of a test that reads nothing but the actor; `None` if it reads something else.
    pub(crate) fn outcome(&self, test: NodeId, side: &SideKey) -> Option<Tri> {
        let place = self.tests.binary_search(&test).ok()?;
        side.tests.get(place).copied()
    }

    /// The value of a name: `None` unknown, `Some(None)` absent.
    pub(crate) fn value<'k>(&self, attr: Attr, side: &'k SideKey) -> Option<Option<&'k Value>> {
        let place = self.values.binary_search(&attr).ok()?;
        let value = side.values.get(place)?.as_ref()?;
        Some(value.as_ref())
    }

    /// A list of the member; `None` without a member.
    pub(crate) fn list<'k>(&self, list: ListAttr, side: &'k SideKey) -> Option<&'k Arc<[Value]>> {
        let place = self.lists.binary_search(&list).ok()?;
        side.lists.get(place)?.as_ref()
    }

    fn key(&self, nodes: &Arena<FieldIdx>, side: &Side) -> SideKey {
        let nothing = Subject::default();
        let env = Env {
            subject: &nothing,
            now: Timestamp::from_micros(0),
            side: Some(side),
        };
        let outcome = |test: &NodeId| match nodes.get(*test) {
            Some(Node::Atom(atom)) => env.test(atom),
            _ => Tri::Unknown,
        };
        let value = |attr: &Attr| side.value(*attr).map(|value| value.cloned());
        SideKey {
            kind: side.kind,
            purpose: side.purpose,
            has_user: side.has_user(),
            tests: self.tests.iter().map(outcome).collect(),
            values: self.values.iter().map(value).collect(),
            lists: self
                .lists
                .iter()
                .map(|list| side.list(*list).cloned())
                .collect(),
        }
    }
}

/// What one test reads.
#[derive(Default)]
struct BesideRow {
    values: [Option<Attr>; 2],
    lists: [Option<ListAttr>; 2],
    reads_actor: bool,
    reads_more: bool,
}

impl BesideRow {
    /// Whether the test reads the actor and nothing else.
    const fn is_alone(&self) -> bool {
        self.reads_actor && !self.reads_more
    }

    fn see(&mut self, atom: &Atom<FieldIdx>) {
        match atom {
            Atom::Compare { left, right, .. } => {
                self.term(0, left);
                self.term(1, right);
            }
            Atom::Overlap { left, right } => {
                self.items(0, left);
                self.items(1, right);
            }
            Atom::Absent(term) => self.term(0, term),
            Atom::State { .. } => self.reads_more = true,
        }
    }

    fn term(&mut self, place: usize, term: &Term) {
        match term.base {
            Base::Const(_) => {}
            Base::Attr(attr) if attr.is_of_actor() => {
                self.reads_actor = true;
                if !attr.is_parameter()
                    && let Some(place) = self.values.get_mut(place)
                {
                    *place = Some(attr);
                }
            }
            Base::Attr(_) | Base::Field(_) => self.reads_more = true,
        }
    }

    fn items(&mut self, place: usize, items: &Items) {
        match items {
            Items::One(term) => self.term(place, term),
            Items::Field(_) => self.reads_more = true,
            Items::Attr(list) => {
                self.reads_actor = true;
                if let Some(place) = self.lists.get_mut(place) {
                    *place = Some(*list);
                }
            }
            Items::Const(_) | Items::Unknown => {}
        }
    }
}

impl PlanKey {
    /// Why data is asked for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.0.purpose
    }

    pub(crate) fn sides(&self) -> &[SideKey] {
        &self.0.sides
    }
}

impl Asker {
    /// What the plan of this asker depends on beside the policies.
    #[must_use]
    pub const fn key(&self) -> &PlanKey {
        &self.key
    }
}

impl Policies {
    /// Who asks and why, as these policies see them.
    #[must_use]
    pub fn asker(&self, actor: &Actor, purpose: Purpose) -> Asker {
        self.asker_of(sides(actor, purpose), purpose)
    }

    /// A member who looks as another would, as these policies see both: rows and states meet, both must
    /// be allowed, and so nothing is wider than what the viewer alone may see. `None` for purposes of AI
    /// and automation, which have two sides by themselves.
    #[must_use]
    pub fn asker_viewing_as(
        &self,
        viewer: &Member,
        viewed: &Member,
        purpose: Purpose,
    ) -> Option<Asker> {
        let sides = sides_as(viewer, viewed, purpose)?;
        Some(self.asker_of(sides, purpose))
    }

    fn asker_of(&self, sides: Vec<Side>, purpose: Purpose) -> Asker {
        let keys = sides
            .iter()
            .map(|side| self.0.asks.key(&self.0.nodes, side));
        Asker {
            key: PlanKey(Arc::new(Key {
                purpose,
                sides: keys.collect(),
            })),
            sides: sides.into(),
        }
    }

    /// The roles that the policies name, in order.
    #[must_use]
    pub fn roles(&self) -> BTreeSet<Arc<str>> {
        let texts = |items: &Items| match items {
            Items::Const(values) => values.to_vec(),
            Items::One(Term {
                base: Base::Const(value),
                ..
            }) => vec![value.clone()],
            _ => Vec::new(),
        };
        let named = self.0.nodes.iter().flat_map(|(_, node)| match node {
            Node::Atom(Atom::Overlap { left, right }) => match (left, right) {
                (Items::Attr(ListAttr::Roles), other) | (other, Items::Attr(ListAttr::Roles)) => {
                    texts(other)
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        });
        named
            .filter_map(|value| match value {
                Value::String(text) => Some(text),
                _ => None,
            })
            .collect()
    }
}
