//! One test on values: total, and unknown wherever a value is missing or of another kind. The direct
//! evaluator and the plan share it, so that they can only differ in how tests are put together.

use kith_domain::{Decimal, FieldIdx, Timestamp, Value};

use crate::ast::Op;
use crate::ir::{Atom, Base, FieldRef, Items, Term};
use crate::lanes::Lanes;
use crate::names::Attr;
use crate::side::Side;
use crate::subject::Subject;
use crate::tri::Tri;

/// A value, borrowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar<'a> {
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Text(&'a str),
    /// In microseconds since 1970.
    Time(i64),
    /// In microseconds.
    Duration(i64),
    /// A list is no scalar; it is here so that reading is total.
    List,
}

/// What reading a name gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reading<'a> {
    /// No row or member to read from, or no one value.
    Unknown,
    /// Read, and nothing is there.
    Absent,
    Value(Scalar<'a>),
}

impl<'a> Scalar<'a> {
    pub(crate) fn of(value: &'a Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Decimal(value) => Self::Decimal(*value),
            Value::String(text) => Self::Text(text),
            Value::Timestamp(at) => Self::Time(at.micros()),
            Value::Duration(micros) => Self::Duration(*micros),
            Value::Strings(_) => Self::List,
        }
    }

    /// How two values compare; unknown if they are of different kinds or currencies.
    pub(crate) fn compare(self, op: Op, other: Self) -> Tri {
        let order = match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(&b),
            (Self::Text(a), Self::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Self::Time(a), Self::Time(b)) | (Self::Duration(a), Self::Duration(b)) => a.cmp(&b),
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            (a, b) => {
                let (Some((a, a_currency)), Some((b, b_currency))) = (a.number(), b.number())
                else {
                    return Tri::Unknown;
                };
                if a_currency != b_currency {
                    return Tri::Unknown;
                }
                a.cmp(&b)
            }
        };
        op.accepts(order).into()
    }

    /// The number in millionths, and its currency.
    fn number(self) -> Option<(i128, Option<kith_domain::Currency>)> {
        match self {
            Self::Int(whole) => Some((i128::from(whole) * 1_000_000, None)),
            Self::Decimal(Decimal { micros, currency }) => Some((i128::from(micros), currency)),
            _ => None,
        }
    }
}

/// Where tests read from.
#[derive(Clone, Copy)]
pub(crate) struct Env<'a> {
    pub(crate) subject: &'a Subject<'a>,
    pub(crate) now: Timestamp,
    /// Who asks. In a plan nothing asks for it any more.
    pub(crate) side: Option<&'a Side>,
}

impl<'a> Env<'a> {
    fn field(self, FieldRef { entity, field }: FieldRef) -> Option<Option<&'a Value>> {
        self.subject.row(entity).map(|row| row.get(field))
    }

    /// Reads one value.
    pub(crate) fn read(self, term: &'a Term) -> Reading<'a> {
        let reading = match &term.base {
            Base::Const(value) => Reading::Value(Scalar::of(value)),
            Base::Field(at) => match self.field(*at) {
                None => Reading::Unknown,
                Some(None) => Reading::Absent,
                Some(Some(value)) => Reading::Value(Scalar::of(value)),
            },
            Base::Attr(Attr::Now) => Reading::Value(Scalar::Time(self.now.micros())),
            Base::Attr(Attr::SignedIdentity) => {
                Reading::Value(Scalar::Bool(self.subject.signed_identity.proven))
            }
            Base::Attr(Attr::IdentityMethod) => {
                let identity = self.subject.signed_identity;
                match identity.method.filter(|_| identity.proven) {
                    Some(method) => Reading::Value(Scalar::Text(method.as_str())),
                    None => Reading::Absent,
                }
            }
            Base::Attr(attr) => self
                .side
                .map_or(Reading::Unknown, |side| side.reading(*attr)),
        };
        match reading {
            // No time of the years 0 to 9999, moved by at most 2⁵⁴ microseconds, leaves 64 bits.
            Reading::Value(Scalar::Time(at)) => {
                Reading::Value(Scalar::Time(at.saturating_add(term.shift)))
            }
            other => other,
        }
    }

    /// One test. Tests of states are not for rows to answer.
    pub(crate) fn test<S>(self, atom: &'a Atom<S>) -> Tri {
        match atom {
            Atom::Compare { left, op, right } => match (self.read(left), self.read(right)) {
                (Reading::Value(left), Reading::Value(right)) => left.compare(*op, right),
                _ => Tri::Unknown,
            },
            Atom::Overlap { left, right } => self.overlap(left, right),
            Atom::Absent(term) => match self.read(term) {
                Reading::Unknown => Tri::Unknown,
                Reading::Absent => Tri::True,
                Reading::Value(_) => Tri::False,
            },
            Atom::State { .. } => Tri::Unknown,
        }
    }

    /// Whether two lists share an item. An empty one shares none, whatever is unknown of the other.
    fn overlap(self, left: &'a Items, right: &'a Items) -> Tri {
        let (left, right) = (self.list(left), self.list(right));
        if left.is_empty() || right.is_empty() {
            return Tri::False;
        }
        left.any(|a| right.any(|b| a.compare(Op::Eq, b)))
    }

    fn list(self, items: &'a Items) -> List<'a> {
        match items {
            Items::Unknown => List::Unknown,
            Items::Const(values) => List::Values(values),
            Items::Attr(list) => self
                .side
                .and_then(|side| side.list(*list))
                .map_or(List::Unknown, |values| List::Values(values)),
            Items::One(term) => match self.read(term) {
                Reading::Value(value) => List::One(value),
                _ => List::Unknown,
            },
            Items::Field(at) => match self.field(*at) {
                Some(Some(Value::Strings(texts))) => List::Texts(texts),
                _ => List::Unknown,
            },
        }
    }
}

/// Up to 64 subjects to ask at once, by the same asker at the same time.
pub(crate) struct Block<'a> {
    pub(crate) subjects: &'a [Subject<'a>],
    pub(crate) now: Timestamp,
    pub(crate) side: Option<&'a Side>,
}

/// A subject without rows.
static NOTHING: Subject<'_> = Subject::nothing();

impl<'a> Block<'a> {
    /// One test of each subject.
    pub(crate) fn test<S>(&self, atom: &'a Atom<S>) -> Lanes {
        let subjects = self.subjects.iter();
        Lanes::collect(subjects.map(|subject| self.env(subject).test(atom)))
    }

    /// Reads what is the same on every row.
    pub(crate) fn read(&self, term: &'a Term) -> Reading<'a> {
        self.env(&NOTHING).read(term)
    }

    const fn env(&self, subject: &'a Subject<'a>) -> Env<'a> {
        Env {
            subject,
            now: self.now,
            side: self.side,
        }
    }
}

/// A list, borrowed, of whatever kind.
enum List<'a> {
    Unknown,
    One(Scalar<'a>),
    Values(&'a [Value]),
    Texts(&'a [std::sync::Arc<str>]),
}

impl<'a> List<'a> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Unknown | Self::One(_) => false,
            Self::Values(values) => values.is_empty(),
            Self::Texts(texts) => texts.is_empty(),
        }
    }

    fn any(&self, test: impl Fn(Scalar<'a>) -> Tri) -> Tri {
        match self {
            Self::Unknown => Tri::Unknown,
            Self::One(value) => test(*value),
            Self::Values(values) => any(values.iter().map(Scalar::of), test),
            Self::Texts(texts) => any(texts.iter().map(|text| Scalar::Text(text)), test),
        }
    }
}

fn any<'a>(items: impl Iterator<Item = Scalar<'a>>, test: impl Fn(Scalar<'a>) -> Tri) -> Tri {
    let mut found = Tri::False;
    for item in items {
        found = found.or(test(item));
        if found == Tri::True {
            break;
        }
    }
    found
}

/// The fields whose values a test reads.
pub(crate) fn fields_of<S>(atom: &Atom<S>) -> impl Iterator<Item = FieldIdx> {
    let of_term = |term: &Term| match term.base {
        Base::Field(at) => Some(at.field),
        _ => None,
    };
    let of_items = |items: &Items| match items {
        Items::One(term) => of_term(term),
        Items::Field(at) => Some(at.field),
        _ => None,
    };
    let both = match atom {
        Atom::Compare { left, right, .. } => [of_term(left), of_term(right)],
        Atom::Overlap { left, right } => [of_items(left), of_items(right)],
        Atom::Absent(term) => [of_term(term), None],
        Atom::State { .. } => [None, None],
    };
    both.into_iter().flatten()
}
