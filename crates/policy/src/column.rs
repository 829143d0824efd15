//! One field of up to 64 rows, read once for all tests that hold it against something fixed.

use kith_domain::{Currency, Decimal, Value};

use crate::ast::Op;
use crate::eval::{Block, Reading, Scalar};
use crate::ir::{Atom, Base, FieldRef, Items, Term};
use crate::lanes::{Lanes, Logic};
use crate::tri::Tri;

/// The values of one field.
pub(crate) struct Column<'a> {
    block: &'a Block<'a>,
    values: [Option<&'a Value>; Lanes::WIDTH],
    /// The rows that are bound.
    bound: u64,
    /// The rows that have a value.
    present: u64,
    texts: Option<Texts<'a>>,
    /// As the last test on numbers needed them.
    numbers: Option<Numbers>,
}

/// Values that are text. Their beginnings are fetched all at once, before any is compared: texts lie
/// wherever they were made, and waiting for one after the other is most of what many rows cost.
struct Texts<'a> {
    /// The rows whose value is text.
    known: u64,
    heads: [u64; Lanes::WIDTH],
    texts: [&'a str; Lanes::WIDTH],
}

/// Values that compare as whole numbers.
#[derive(Clone, Copy)]
struct Numbers {
    unit: Unit,
    /// The rows whose value has this unit.
    known: u64,
    values: [i64; Lanes::WIDTH],
}

/// What a whole number counts. Numbers of different units do not compare, but for [`Unit::Whole`] and
/// decimals without a currency.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Truth,
    Whole,
    Millionth(Option<Currency>),
    Moment,
    Microsecond,
}

/// The field that a test holds against what is the same on every row, if it does nothing else.
pub(crate) fn column_of<S>(atom: &Atom<S>) -> Option<FieldRef> {
    match atom {
        Atom::Compare { left, right, .. } if is_same_on_every_row(right) => field_of(left),
        Atom::Compare { left, right, .. } if is_same_on_every_row(left) => field_of(right),
        Atom::Absent(term) => field_of(term),
        Atom::Overlap {
            left: Items::One(term),
            right: Items::Const(_),
        }
        | Atom::Overlap {
            left: Items::Const(_),
            right: Items::One(term),
        } => field_of(term),
        _ => None,
    }
}

fn field_of(term: &Term) -> Option<FieldRef> {
    match term.base {
        Base::Field(at) if term.shift == 0 => Some(at),
        _ => None,
    }
}

const fn is_same_on_every_row(term: &Term) -> bool {
    match term.base {
        Base::Const(_) => true,
        Base::Attr(attr) => attr.is_parameter() || attr.is_now(),
        Base::Field(_) => false,
    }
}

impl<'a> Column<'a> {
    pub(crate) fn new(block: &'a Block<'a>, FieldRef { entity, field }: FieldRef) -> Self {
        let mut column = Self {
            block,
            values: [None; Lanes::WIDTH],
            bound: 0,
            present: 0,
            texts: None,
            numbers: None,
        };
        let places = column.values.iter_mut().zip(block.subjects);
        for ((place, subject), lane) in places.zip(0..Lanes::WIDTH) {
            let row = subject.row(entity);
            *place = row.and_then(|row| row.get(field));
            column.bound |= u64::from(row.is_some()) << lane;
            column.present |= u64::from(place.is_some()) << lane;
        }
        column
    }

    /// One of the tests that [`column_of`] gives this column's field for.
    pub(crate) fn test<S>(&mut self, atom: &'a Atom<S>) -> Lanes {
        match atom {
            Atom::Absent(_) => Lanes {
                yes: self.bound & !self.present,
                no: self.present,
            },
            Atom::Compare { left, op, right } => {
                let (op, other) = match left.base {
                    Base::Field(_) => (*op, right),
                    _ => (op.swapped(), left),
                };
                match self.block.read(other) {
                    Reading::Value(other) => self.compare(op, other),
                    Reading::Unknown | Reading::Absent => Lanes::constant(Tri::Unknown),
                }
            }
            Atom::Overlap {
                left: Items::Const(values),
                ..
            }
            | Atom::Overlap {
                right: Items::Const(values),
                ..
            } => {
                let each = values.iter().map(Scalar::of);
                each.fold(Lanes::constant(Tri::False), |any, value| {
                    any.or(self.compare(Op::Eq, value))
                })
            }
            other => self.block.test(other),
        }
    }

    fn compare(&mut self, op: Op, with: Scalar<'_>) -> Lanes {
        if let Scalar::Text(with) = with {
            return self.compare_texts(op, with);
        }
        let Some((unit, with)) = number(with) else {
            return Lanes::constant(Tri::Unknown);
        };
        let present = self.present;
        let numbers = self.numbers(unit);
        let may_differ = matches!(unit, Unit::Whole | Unit::Millionth(None));
        if may_differ && numbers.known != present {
            return self.compare_one_by_one(op, with, unit);
        }
        let holds = numbers.compare(op, with);
        Lanes {
            yes: holds & numbers.known,
            no: !holds & numbers.known,
        }
    }

    /// Whole numbers and such with a fraction compare, though they are of different units.
    fn compare_one_by_one(&self, op: Op, with: i64, unit: Unit) -> Lanes {
        let with = match unit {
            Unit::Whole => Scalar::Int(with),
            _ => Scalar::Decimal(Decimal {
                micros: with,
                currency: None,
            }),
        };
        Lanes::collect(self.values.iter().map(|value| match value {
            Some(value) => Scalar::of(value).compare(op, with),
            None => Tri::Unknown,
        }))
    }

    fn compare_texts(&mut self, op: Op, with: &str) -> Lanes {
        let values = &self.values;
        let texts = self.texts.get_or_insert_with(|| Texts::of(values));
        let holds = texts.compare(op, with);
        Lanes {
            yes: holds & texts.known,
            no: !holds & texts.known,
        }
    }

    fn numbers(&mut self, unit: Unit) -> &Numbers {
        let values = &self.values;
        let known = self.numbers.filter(|numbers| numbers.unit == unit);
        self.numbers
            .insert(known.unwrap_or_else(|| Numbers::of(unit, values)))
    }
}

impl<'a> Texts<'a> {
    fn of(values: &[Option<&'a Value>; Lanes::WIDTH]) -> Self {
        let mut found = Self {
            known: 0,
            heads: [0; Lanes::WIDTH],
            texts: [""; Lanes::WIDTH],
        };
        let places = found.texts.iter_mut().zip(values);
        for ((place, value), lane) in places.zip(0..Lanes::WIDTH) {
            if let Some(Value::String(text)) = value {
                *place = text;
                found.known |= 1 << lane;
            }
        }
        for (place, text) in found.heads.iter_mut().zip(&found.texts) {
            *place = head(text);
        }
        found
    }

    fn compare(&self, op: Op, with: &str) -> u64 {
        let first = head(with);
        let same = |(head, text): (u64, &str)| head == first && text == with;
        let order = |(head, text): (u64, &str)| head.cmp(&first).then_with(|| text.cmp(with));
        match op {
            Op::Eq => self.each(same),
            Op::Ne => self.each(|text| !same(text)),
            Op::Lt => self.each(|text| order(text).is_lt()),
            Op::Le => self.each(|text| order(text).is_le()),
            Op::Gt => self.each(|text| order(text).is_gt()),
            Op::Ge => self.each(|text| order(text).is_ge()),
        }
    }

    fn each(&self, holds: impl Fn((u64, &str)) -> bool) -> u64 {
        let heads = self.heads.iter().copied();
        let last_first = heads.zip(self.texts).rev();
        last_first.fold(0, |lanes, text| lanes << 1 | u64::from(holds(text)))
    }
}

/// The first eight bytes of a text, which sort as it does.
fn head(text: &str) -> u64 {
    let bytes = text.as_bytes();
    if let Some(first) = bytes.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let places = (0..u64::BITS).step_by(8).rev();
    let bytes = bytes.iter().zip(places);
    bytes.fold(0, |head, (byte, place)| head | u64::from(*byte) << place)
}

impl Numbers {
    fn of(unit: Unit, values: &[Option<&Value>; Lanes::WIDTH]) -> Self {
        let mut numbers = Self {
            unit,
            known: 0,
            values: [0; Lanes::WIDTH],
        };
        let places = numbers.values.iter_mut().zip(values);
        for ((place, value), lane) in places.zip(0..Lanes::WIDTH) {
            let found = value.and_then(|value| number(Scalar::of(value)));
            if let Some((_, number)) = found.filter(|(of, _)| *of == unit) {
                *place = number;
                numbers.known |= 1 << lane;
            }
        }
        numbers
    }

    fn compare(&self, op: Op, with: i64) -> u64 {
        match op {
            Op::Eq => self.each(|number| number == with),
            Op::Ne => self.each(|number| number != with),
            Op::Lt => self.each(|number| number < with),
            Op::Le => self.each(|number| number <= with),
            Op::Gt => self.each(|number| number > with),
            Op::Ge => self.each(|number| number >= with),
        }
    }

    fn each(&self, holds: impl Fn(i64) -> bool) -> u64 {
        let last_first = self.values.iter().rev();
        last_first.fold(0, |lanes, number| lanes << 1 | u64::from(holds(*number)))
    }
}

/// A value as a whole number.
fn number(value: Scalar<'_>) -> Option<(Unit, i64)> {
    Some(match value {
        Scalar::Bool(value) => (Unit::Truth, value.into()),
        Scalar::Int(value) => (Unit::Whole, value),
        Scalar::Decimal(Decimal { micros, currency }) => (Unit::Millionth(currency), micros),
        Scalar::Time(at) => (Unit::Moment, at),
        Scalar::Duration(micros) => (Unit::Microsecond, micros),
        Scalar::Text(_) | Scalar::List => return None,
    })
}
