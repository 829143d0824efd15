//! Which rows belong to a list, as data that a database can be asked with: the rows exist, the verdict
//! on them is true, and the caller's filter holds on what is shown of them.
//!
//! The three values of conditions are gone here. A row belongs only where its conditions are *known* to
//! hold, so each condition becomes what must be known for it to be true or, behind a `not`, for it to be
//! false: a test `known equal`, a test `known to differ`, joined by nothing but `all` and `any`. A test on
//! a value that is absent holds in neither form. Hence a database needs no third value either, and any
//! test that it cannot run may be left out at the price of rows too many, never of a row too few.

mod lower;
mod shown;
mod tidy;

use std::sync::Arc;

use kith_domain::{Entity, Field, FieldIdx, FieldPath, FieldType, Timestamp, Value};

use crate::ast::Op;
use crate::decision::Decision;
use crate::filter::GovernedFilter;
use crate::plan::Plan;
use crate::subject::Subject;

pub use shown::Sort;

/// The rows of a list, asked of a database.
#[derive(Debug, Clone, PartialEq)]
pub struct RowPredicate {
    /// All must hold; none of them is an [`Predicate::All`].
    pub all: Vec<Predicate>,
    /// Whether every row that passes belongs to the list. If not, each must still be decided in memory,
    /// by [`Plan::keeps`].
    pub is_exact: bool,
}

/// A condition on one row that holds or does not.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// Holds on every row.
    Always,
    /// Holds on no row.
    Never,
    /// All hold; at least two.
    All(Vec<Self>),
    /// Any holds; at least two.
    Any(Vec<Self>),
    /// One test.
    Test(Test),
}

/// One test. It holds only if every value that it reads is there and of its column's kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Both sides are of one kind, money of one currency, and compare so.
    Compare {
        /// Left side.
        left: Operand,
        /// How; `!=` here means known to differ.
        op: Op,
        /// Right side.
        right: Operand,
    },
    /// The value is one of these, or known to be none of them.
    In {
        /// Never decimal.
        column: Column,
        /// At least two, all of the column's kind.
        among: Vec<Value>,
        /// Whether it must be none of them.
        negated: bool,
    },
    /// The list shares an item with another, or is known to share none.
    Shares {
        /// A column of lists.
        list: Column,
        /// What it is held against.
        with: Texts,
        /// Whether it must share none.
        negated: bool,
    },
    /// The list has no items.
    Empty(Column),
    /// There is a value.
    Present(Column),
    /// There is no value.
    Absent(Column),
}

/// Texts that a list is held against.
#[derive(Debug, Clone, PartialEq)]
pub enum Texts {
    /// These.
    Fixed(Vec<Arc<str>>),
    /// One column of text.
    One(Column),
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A value of the row, moved by so many microseconds if it is a time.
    Column(Column, i64),
    /// The time of the request, moved by so many microseconds.
    Now(i64),
    /// Fixed.
    Value(Value),
}

/// A field of the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its place in the catalog.
    pub field: FieldIdx,
    /// Its full path.
    pub path: FieldPath,
    /// How its values are kept.
    pub kind: ColumnKind,
}

/// How a field's values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// A bool.
    Bool,
    /// A whole number.
    Int,
    /// A number times 10⁶, with a currency if it is money.
    Decimal,
    /// Text, compared bytewise.
    Text,
    /// Microseconds since 1970.
    Time,
    /// Microseconds.
    Duration,
    /// A list of texts.
    Texts,
}

impl ColumnKind {
    /// How values of this type are kept.
    #[must_use]
    pub const fn of(ty: &FieldType) -> Self {
        match ty {
            FieldType::Bool => Self::Bool,
            FieldType::Int => Self::Int,
            FieldType::Decimal { .. } => Self::Decimal,
            FieldType::String | FieldType::Enum(_) => Self::Text,
            FieldType::Timestamp => Self::Time,
            FieldType::Duration => Self::Duration,
            FieldType::Strings => Self::Texts,
        }
    }

    pub(crate) const fn of_value(value: &Value) -> Self {
        match value {
            Value::Bool(_) => Self::Bool,
            Value::Int(_) => Self::Int,
            Value::Decimal(_) => Self::Decimal,
            Value::String(_) => Self::Text,
            Value::Timestamp(_) => Self::Time,
            Value::Duration(_) => Self::Duration,
            Value::Strings(_) => Self::Texts,
        }
    }
}

impl Column {
    /// A catalogued field as a column.
    #[must_use]
    pub fn of(idx: FieldIdx, field: &Field) -> Self {
        Self {
            field: idx,
            path: field.path.clone(),
            kind: ColumnKind::of(&field.ty),
        }
    }
}

impl RowPredicate {
    /// Whether no row can pass.
    #[must_use]
    pub fn is_never(&self) -> bool {
        self.all.contains(&Predicate::Never)
    }
}

impl Plan {
    /// The rows of an entity that belong to a list under this plan: those that exist, on which the
    /// purpose is allowed, and which the filter keeps. What is bound with a row is left to memory: with an
    /// account its company, site and subscription, with any other the account that it belongs to and
    /// through which it exists. What a condition on accounts asks of any other is unknown, and nobody's
    /// identity is proven.
    #[must_use]
    pub fn rows(&self, of: Entity, filter: Option<&GovernedFilter>) -> RowPredicate {
        let mut lower = lower::Lower::new(self, of);
        let mut all = Vec::new();
        if self.needs_proven_person() {
            all.push(Predicate::Never);
        }
        for (entity, keeps) in self.limits() {
            if goes_with(of, *entity) {
                all.push(lower.of_plan(*keeps, true));
            } else if of != Entity::Account {
                lower.rest();
            }
        }
        all.push(lower.of_plan(self.allowed(), true));
        if let Some(filter) = filter {
            all.push(lower.of_filter(filter));
        }
        RowPredicate {
            all: match tidy::all(all) {
                Predicate::Always => Vec::new(),
                Predicate::All(parts) => parts,
                one => vec![one],
            },
            is_exact: lower.is_exact,
        }
    }

    /// Whether a row that this plan decided on belongs to the list of [`Plan::rows`].
    #[must_use]
    pub fn keeps(
        &self,
        filter: Option<&GovernedFilter>,
        decision: &Decision,
        subject: &Subject<'_>,
        now: Timestamp,
        key: &[u8; 32],
    ) -> bool {
        match filter {
            Some(filter) => filter.keeps(decision, subject, now, key),
            None => decision.exists && decision.verdict.is_allowed(),
        }
    }
}

/// Whether a limit on `entity` speaks of a row of `of` that is bound alone.
fn goes_with(of: Entity, entity: Entity) -> bool {
    let of_account = matches!(of, Entity::Subscription | Entity::Role);
    of == entity || (entity == Entity::Account && of_account)
}
