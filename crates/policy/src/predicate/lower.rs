//! From conditions in three values to what must be known of a row: for a condition to be true, and for it
//! to be false.

use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;

use kith_domain::{Catalog, Decimal, Entity, Timestamp, Value};

use super::tidy::{all, among_of, any, constant};
use super::{Column, ColumnKind, Operand, Predicate, Test, Texts};
use crate::ast::Op;
use crate::eval::{Scalar, fields_of};
use crate::ir::{Arena, Atom, Base, FieldRef, Items, Node, NodeId, Term};
use crate::names::{Attr, ListAttr};
use crate::plan::Plan;
use crate::side::Side;
use crate::tri::Tri;

/// Most conditions that are looked at. Shared ones count each time, for a predicate is a tree; beyond
/// it the rest is left to memory.
const MAX_STEPS: usize = 4_000;

/// A condition's test in one of its two forms: known to hold, or known not to.
pub(super) type TestOf<'a, S> = fn(&mut Lower<'a>, &Atom<S>, bool) -> Predicate;

pub(super) struct Lower<'a> {
    pub(super) plan: &'a Plan,
    pub(super) catalog: &'a Catalog,
    side: Option<&'a Side>,
    pub(super) of: Entity,
    steps: usize,
    /// Whether nothing was left to memory so far.
    pub(super) is_exact: bool,
}

/// What a term is, of one bound row.
enum Known {
    /// No row or member to read from.
    Unknown,
    Absent,
    Value(Value),
    /// The time of the request, moved.
    Now(i64),
    /// A column, moved.
    Column(Column, i64),
}

/// A list, of one bound row.
enum List {
    Unknown,
    One(Column),
    Fixed(Arc<[Value]>),
    Column(Column),
    /// One value that is a time of the request's.
    Now(i64),
}

impl<'a> Lower<'a> {
    pub(super) fn new(plan: &'a Plan, of: Entity) -> Self {
        Self {
            plan,
            catalog: &plan.inner.policies.catalog,
            side: plan.sides.first(),
            of,
            steps: 0,
            is_exact: true,
        }
    }

    /// What no database is asked: rows pass, and memory decides.
    pub(super) fn rest(&mut self) -> Predicate {
        self.is_exact = false;
        Predicate::Always
    }

    /// A condition of the plan is known to be `want`.
    pub(super) fn of_plan(&mut self, node: NodeId, want: bool) -> Predicate {
        let plan = self.plan;
        self.node(plan.nodes(), node, want, Lower::test::<Infallible>)
    }

    pub(super) fn node<S: Clone + Eq + Hash>(
        &mut self,
        nodes: &Arena<S>,
        node: NodeId,
        want: bool,
        test: TestOf<'a, S>,
    ) -> Predicate {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return self.rest();
        }
        let (parts, join_all) = match nodes.get(node) {
            None => return Predicate::Never,
            Some(Node::Const(tri)) => return constant(*tri == Tri::from(want)),
            Some(Node::Not(inner)) => return self.node(nodes, *inner, !want, test),
            Some(Node::Atom(atom)) => return test(self, atom, want),
            Some(Node::And(parts)) => (parts, want),
            Some(Node::Or(parts)) => (parts, !want),
        };
        let parts: Vec<_> = parts
            .iter()
            .map(|part| self.node(nodes, *part, want, test))
            .collect();
        if join_all { all(parts) } else { any(parts) }
    }

    /// One test on values.
    pub(super) fn test<S>(&mut self, atom: &Atom<S>, want: bool) -> Predicate {
        if self.is_elsewhere(atom) {
            return self.rest();
        }
        match atom {
            Atom::Compare { left, op, right } => {
                let (left, right) = (self.known(left), self.known(right));
                self.compare(left, if want { *op } else { negated(*op) }, right)
            }
            Atom::Absent(term) => match self.known(term) {
                Known::Unknown => Predicate::Never,
                Known::Absent => constant(want),
                Known::Value(_) | Known::Now(_) => constant(!want),
                Known::Column(column, _) if want => Predicate::Test(Test::Absent(column)),
                Known::Column(column, _) => Predicate::Test(Test::Present(column)),
            },
            Atom::Overlap { left, right } => {
                let (left, right) = (self.list(left), self.list(right));
                self.overlap(left, right, want)
            }
            // A plan has none, and a filter may not ask for one.
            Atom::State { .. } => Predicate::Never,
        }
    }

    /// Whether a test reads a row that may be bound with this one and that no column shows.
    fn is_elsewhere<S>(&self, atom: &Atom<S>) -> bool {
        let around = [Entity::Company, Entity::Site, Entity::Subscription];
        let is_bound_too = |entity| match self.of {
            Entity::Account => around.contains(&entity),
            of => entity != of && entity != Entity::Event,
        };
        let mut entities =
            fields_of(atom).filter_map(|field| Some(self.catalog.get(field)?.entity));
        let is_settled = match atom {
            Atom::Overlap { left, right } => self.is_empty(left) || self.is_empty(right),
            _ => false,
        };
        !is_settled && entities.any(is_bound_too)
    }

    fn column(&self, FieldRef { entity, field }: FieldRef) -> Option<Column> {
        let found = self.catalog.get(field).filter(|_| entity == self.of)?;
        Some(Column::of(field, found))
    }

    fn known(&self, term: &Term) -> Known {
        match &term.base {
            Base::Const(Value::Timestamp(at)) => {
                let at = at.micros().saturating_add(term.shift);
                Known::Value(Value::Timestamp(Timestamp::from_micros(at)))
            }
            Base::Const(value) => Known::Value(value.clone()),
            Base::Field(at) => match self.column(*at) {
                Some(column) => Known::Column(column, term.shift),
                None => Known::Unknown,
            },
            Base::Attr(Attr::Now) => Known::Now(term.shift),
            // A list proves nobody's identity.
            Base::Attr(Attr::SignedIdentity) => Known::Value(Value::Bool(false)),
            Base::Attr(Attr::IdentityMethod) => Known::Absent,
            Base::Attr(attr) => match self.side.and_then(|side| side.value(*attr)) {
                None => Known::Unknown,
                Some(None) => Known::Absent,
                Some(Some(value)) => Known::Value(value.clone()),
            },
        }
    }

    fn list(&self, items: &Items) -> List {
        match items {
            Items::Unknown => List::Unknown,
            Items::Const(values) => List::Fixed(Arc::clone(values)),
            Items::Attr(list) => self.member_list(*list),
            Items::Field(at) => match self.column(*at) {
                Some(column) if column.kind == ColumnKind::Texts => List::Column(column),
                _ => List::Unknown,
            },
            Items::One(term) => match self.known(term) {
                Known::Unknown | Known::Absent => List::Unknown,
                Known::Value(value) => List::Fixed([value].into()),
                Known::Now(shift) => List::Now(shift),
                Known::Column(column, _) => List::One(column),
            },
        }
    }

    /// A list that has no items, whatever the row.
    pub(super) fn is_empty(&self, items: &Items) -> bool {
        matches!(self.list(items), List::Fixed(values) if values.is_empty())
    }

    fn member_list(&self, list: ListAttr) -> List {
        let values = self.side.and_then(|side| side.list(list));
        values.map_or(List::Unknown, |values| List::Fixed(Arc::clone(values)))
    }

    /// Both sides are known and compare so.
    fn compare(&mut self, left: Known, op: Op, right: Known) -> Predicate {
        match (left, right) {
            (Known::Unknown | Known::Absent, _) | (_, Known::Unknown | Known::Absent) => {
                Predicate::Never
            }
            (Known::Value(left), Known::Value(right)) => {
                let compared = Scalar::of(&left).compare(op, Scalar::of(&right));
                constant(compared == Tri::True)
            }
            (Known::Now(left), Known::Now(right)) => constant(op.accepts(left.cmp(&right))),
            (Known::Now(shift), Known::Value(Value::Timestamp(at))) => {
                let Some(at) = at.micros().checked_sub(shift) else {
                    return self.rest();
                };
                Predicate::Test(Test::Compare {
                    left: Operand::Now(0),
                    op,
                    right: Operand::Value(Value::Timestamp(Timestamp::from_micros(at))),
                })
            }
            (Known::Now(_), Known::Value(_)) => Predicate::Never,
            (Known::Column(column, shift), Known::Value(value)) => {
                self.compare_value(column, shift, op, value)
            }
            (Known::Column(column, shift), Known::Now(now)) => {
                if column.kind != ColumnKind::Time {
                    return Predicate::Never;
                }
                let Some(now) = now.checked_sub(shift) else {
                    return self.rest();
                };
                Predicate::Test(Test::Compare {
                    left: Operand::Column(column, 0),
                    op,
                    right: Operand::Now(now),
                })
            }
            (Known::Column(left, left_shift), Known::Column(right, right_shift)) => {
                self.compare_columns((left, left_shift), op, (right, right_shift))
            }
            (left @ Known::Value(_), right) | (left @ Known::Now(_), right) => {
                self.compare(right, op.swapped(), left)
            }
        }
    }

    fn compare_value(&mut self, column: Column, shift: i64, op: Op, value: Value) -> Predicate {
        let right = match (column.kind, value) {
            (ColumnKind::Time, Value::Timestamp(at)) => match at.micros().checked_sub(shift) {
                Some(at) => Value::Timestamp(Timestamp::from_micros(at)),
                None => return self.rest(),
            },
            (ColumnKind::Decimal, Value::Int(whole)) => match Decimal::from_int(whole) {
                Some(decimal) => Value::Decimal(decimal),
                None => return self.rest(),
            },
            (ColumnKind::Int, Value::Decimal(decimal)) => {
                return compare_whole(column, op, decimal);
            }
            (ColumnKind::Texts, _) => return Predicate::Never,
            (kind, value) if kind == ColumnKind::of_value(&value) => value,
            _ => return Predicate::Never,
        };
        Predicate::Test(Test::Compare {
            left: Operand::Column(column, 0),
            op,
            right: Operand::Value(right),
        })
    }

    fn compare_columns(
        &mut self,
        (left, left_shift): (Column, i64),
        op: Op,
        (right, right_shift): (Column, i64),
    ) -> Predicate {
        let numbers = [ColumnKind::Int, ColumnKind::Decimal];
        match (left.kind, right.kind) {
            (ColumnKind::Texts, _) | (_, ColumnKind::Texts) => Predicate::Never,
            (a, b) if a == b => match left_shift.checked_sub(right_shift) {
                Some(shift) => Predicate::Test(Test::Compare {
                    left: Operand::Column(left, shift),
                    op,
                    right: Operand::Column(right, 0),
                }),
                None => self.rest(),
            },
            // One of them scaled, and 64 bits do not hold both: memory has more.
            (a, b) if numbers.contains(&a) && numbers.contains(&b) => self.rest(),
            _ => Predicate::Never,
        }
    }

    /// Two lists are known to share an item, or known to share none. An empty one shares none, whatever
    /// is unknown of the other.
    fn overlap(&mut self, left: List, right: List, want: bool) -> Predicate {
        let has_none = |list: &List| matches!(list, List::Fixed(values) if values.is_empty());
        if has_none(&left) || has_none(&right) {
            return constant(!want);
        }
        match (left, right) {
            // The language has no way to say it.
            (List::Column(_), List::Column(_)) => self.rest(),
            (List::Column(list), other) | (other, List::Column(list)) => {
                self.list_against(list, other, want)
            }
            (List::Unknown, _) | (_, List::Unknown) => Predicate::Never,
            (List::Fixed(left), List::Fixed(right)) => {
                constant(fixed_overlap(&left, &right) == Tri::from(want))
            }
            (List::One(column), List::Fixed(values)) | (List::Fixed(values), List::One(column)) => {
                self.one_of(&column, &values, want)
            }
            (List::Now(shift), List::Fixed(values)) | (List::Fixed(values), List::Now(shift)) => {
                let op = if want { Op::Eq } else { Op::Ne };
                let parts: Vec<_> = values
                    .iter()
                    .map(|value| self.compare(Known::Now(shift), op, Known::Value(value.clone())))
                    .collect();
                if want { any(parts) } else { all(parts) }
            }
            (left, right) => {
                let op = if want { Op::Eq } else { Op::Ne };
                self.compare(left.into(), op, right.into())
            }
        }
    }

    fn list_against(&mut self, list: Column, other: List, want: bool) -> Predicate {
        let empty = Predicate::Test(Test::Empty(list.clone()));
        let with = match other {
            List::One(column) if column.kind == ColumnKind::Text => Texts::One(column),
            List::Fixed(values) => {
                let texts: Vec<_> = values.iter().filter_map(text).collect();
                let has_others = texts.len() < values.len();
                if texts.is_empty() || (has_others && !want) {
                    // No item compares with what is no text, so only an empty list is sure.
                    return if want { Predicate::Never } else { empty };
                }
                Texts::Fixed(texts)
            }
            // Nothing is known of the other, or no item compares with it.
            _ if want => return Predicate::Never,
            _ => return empty,
        };
        // What shares none with texts that are there may have no items; with one that is absent, it must.
        let needs_empty = !want && matches!(with, Texts::One(_));
        let shares = Predicate::Test(Test::Shares {
            list,
            with,
            negated: !want,
        });
        if needs_empty {
            any([shares, empty])
        } else {
            shares
        }
    }

    /// A column's value is one of these, or known to be none of them.
    fn one_of(&mut self, column: &Column, values: &[Value], want: bool) -> Predicate {
        let is_plain = column.kind != ColumnKind::Decimal
            && values
                .iter()
                .all(|value| ColumnKind::of_value(value) == column.kind);
        if is_plain {
            let mut among: Vec<Value> = Vec::with_capacity(values.len());
            for value in values {
                if !among.contains(value) {
                    among.push(value.clone());
                }
            }
            return among_of(column.clone(), among, !want);
        }
        let op = if want { Op::Eq } else { Op::Ne };
        let parts: Vec<_> = values
            .iter()
            .map(|value| self.compare_value(column.clone(), 0, op, value.clone()))
            .collect();
        if want { any(parts) } else { all(parts) }
    }
}

impl From<List> for Known {
    fn from(list: List) -> Self {
        match list {
            List::One(column) => Self::Column(column, 0),
            List::Now(shift) => Self::Now(shift),
            List::Unknown | List::Fixed(_) | List::Column(_) => Self::Unknown,
        }
    }
}

/// A whole number against one with a fraction, asked as one against a whole number.
fn compare_whole(column: Column, op: Op, decimal: Decimal) -> Predicate {
    const ONE: i64 = 1_000_000;
    if decimal.currency.is_some() {
        return Predicate::Never;
    }
    let floor = decimal.micros.div_euclid(ONE);
    let is_whole = decimal.micros.rem_euclid(ONE) == 0;
    let bound = match op {
        Op::Eq if !is_whole => return Predicate::Never,
        Op::Ne if !is_whole => return Predicate::Test(Test::Present(column)),
        Op::Lt | Op::Ge if !is_whole => floor + 1,
        Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => floor,
    };
    Predicate::Test(Test::Compare {
        left: Operand::Column(column, 0),
        op,
        right: Operand::Value(Value::Int(bound)),
    })
}

fn fixed_overlap(left: &[Value], right: &[Value]) -> Tri {
    let pairs = left.iter().flat_map(|a| right.iter().map(move |b| (a, b)));
    pairs.fold(Tri::False, |found, (a, b)| {
        found.or(Scalar::of(a).compare(Op::Eq, Scalar::of(b)))
    })
}

fn text(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::String(text) => Some(Arc::clone(text)),
        _ => None,
    }
}

/// The operator that is known to hold where this one is known not to.
const fn negated(op: Op) -> Op {
    match op {
        Op::Eq => Op::Ne,
        Op::Ne => Op::Eq,
        Op::Lt => Op::Ge,
        Op::Le => Op::Gt,
        Op::Gt => Op::Le,
        Op::Ge => Op::Lt,
    }
}
