//! What a policy file says, as written: names are not yet looked up. Every part has its span, and
//! two trees are equal if they say the same, wherever it stands.

use std::sync::Arc;

use kith_domain::{Currency, Decimal, MaskKind, Span};

use crate::state::StateWord;

/// A part of the tree and where it stands; the place is no part of its identity.
#[derive(Debug, Clone)]
pub struct Spanned<T> {
    /// The part.
    pub node: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    pub(crate) const fn new(node: T, span: Span) -> Self {
        Self { node, span }
    }
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

/// A name with its points.
pub type Name = Spanned<Arc<str>>;

/// A policy file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct File {
    /// In order of position.
    pub statements: Vec<Statement>,
    /// Comments behind the last statement.
    pub trailing: Vec<CommentLine>,
}

/// One line of comment that stands before a statement.
#[derive(Debug, Clone)]
pub struct CommentLine {
    /// Without `#`.
    pub text: String,
    /// Whether a blank line follows.
    pub ends_block: bool,
    /// Where it stands, `#` included.
    pub span: Span,
}

impl PartialEq for CommentLine {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.ends_block == other.ends_block
    }
}

/// One statement.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Comments before or within it.
    pub comments: Vec<CommentLine>,
    /// What it does.
    pub action: Action,
    /// `when`.
    pub when: Option<Expr>,
    /// `unless`.
    pub unless: Option<Expr>,
    /// From its first to its last word.
    pub span: Span,
}

impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        self.comments == other.comments
            && self.action == other.action
            && self.when == other.when
            && self.unless == other.unless
    }
}

/// What a statement does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `allow PURPOSES`.
    Allow(Vec<Name>),
    /// `forbid PURPOSES`.
    Forbid(Vec<Name>),
    /// `show FIELDS`.
    Show(Vec<Spanned<Selector>>),
    /// `hide FIELDS`.
    Hide(Vec<Spanned<Selector>>),
    /// `mask FIELDS with KIND`; without a kind, each field's own.
    Mask(Vec<Spanned<Selector>>, Option<Spanned<MaskKind>>),
    /// `limit ENTITY to PREDICATE`.
    Limit(Name, Expr),
    /// `route conversation to SPACE`.
    Route(Spanned<Arc<str>>),
}

impl Action {
    /// The word that opens such a statement.
    #[must_use]
    pub const fn keyword(&self) -> &'static str {
        match self {
            Self::Allow(_) => "allow",
            Self::Forbid(_) => "forbid",
            Self::Show(_) => "show",
            Self::Hide(_) => "hide",
            Self::Mask(..) => "mask",
            Self::Limit(..) => "limit",
            Self::Route(_) => "route",
        }
    }
}

/// Which fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// `account.plan`.
    Field(Arc<str>),
    /// `person.*`, without the `.*`.
    Under(Arc<str>),
    /// `tag:billing`.
    Tag(Arc<str>),
    /// `sensitivity >= restricted`.
    Sensitivity(Op, Arc<str>),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// `==`.
    Eq,
    /// `!=`.
    Ne,
    /// `<`.
    Lt,
    /// `<=`.
    Le,
    /// `>`.
    Gt,
    /// `>=`.
    Ge,
}

impl Op {
    /// Every operator.
    pub const ALL: [Self; 6] = [Self::Eq, Self::Ne, Self::Lt, Self::Le, Self::Gt, Self::Ge];

    /// As written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }

    /// The operator that says the same with both sides swapped.
    #[must_use]
    pub const fn swapped(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            same => same,
        }
    }

    /// Whether an order like this passes.
    #[must_use]
    pub const fn accepts(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
        }
    }
}

/// A condition.
pub type Expr = Spanned<ExprKind>;

/// What a condition says.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// All hold; at least two, none of them an `And`.
    And(Vec<Expr>),
    /// One holds; at least two, none of them an `Or`.
    Or(Vec<Expr>),
    /// Does not hold.
    Not(Box<Expr>),
    /// `a == b`.
    Compare(Operand, Op, Operand),
    /// `a in b`, or `a not in b`.
    In {
        /// What is looked for.
        item: Operand,
        /// Where.
        list: Operand,
        /// Whether it must not be there.
        negated: bool,
    },
    /// `a is absent`, or `a is not absent`.
    Absent {
        /// What is looked at.
        of: Operand,
        /// Whether it must be there.
        negated: bool,
    },
    /// Could not be read; already reported.
    Broken,
}

/// One side of a test.
pub type Operand = Spanned<OperandKind>;

/// What stands on one side of a test.
#[derive(Debug, Clone, PartialEq)]
pub enum OperandKind {
    /// A name, to be looked up.
    Name(Arc<str>),
    /// A fixed value.
    Literal(Literal),
    /// `[a, b]`.
    List(Vec<Operand>),
    /// `a + b` or `a - b`.
    Shift {
        /// What is moved.
        from: Box<Operand>,
        /// Whether it is moved back.
        minus: bool,
        /// By how much.
        by: Box<Operand>,
    },
}

/// A fixed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// In quotes.
    Text(Arc<str>),
    /// `true` or `false`.
    Bool(bool),
    /// A number, without a currency.
    Number(Decimal),
    /// `1000 EUR`.
    Money(Decimal, Currency),
    /// `30 days`.
    Duration(i64, Unit),
    /// A date or a time, as written.
    Time(Arc<str>),
    /// `hidden`, `masked` or `visible`.
    State(StateWord),
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// 60 of them make a minute.
    Seconds,
    /// 60 of them make an hour.
    Minutes,
    /// 24 of them make a day.
    Hours,
    /// Of 24 hours.
    Days,
    /// Of 7 days.
    Weeks,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 5] = [
        Self::Seconds,
        Self::Minutes,
        Self::Hours,
        Self::Days,
        Self::Weeks,
    ];

    /// The word for several.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Minutes => "minutes",
            Self::Hours => "hours",
            Self::Days => "days",
            Self::Weeks => "weeks",
        }
    }

    /// The word for one.
    #[must_use]
    pub fn singular(self) -> &'static str {
        self.plural().trim_end_matches('s')
    }

    /// Its length in microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        const SECOND: i64 = kith_domain::time::MICROS_PER_SECOND;
        match self {
            Self::Seconds => SECOND,
            Self::Minutes => 60 * SECOND,
            Self::Hours => 3_600 * SECOND,
            Self::Days => 86_400 * SECOND,
            Self::Weeks => 7 * 86_400 * SECOND,
        }
    }
}
