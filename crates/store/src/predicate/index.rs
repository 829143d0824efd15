//! Which tests the index of filterable fields answers, and how. Its keys are bytes that sort as the
//! values do; what is asked here is exact, so the row need not be looked at again.

use kith_domain::{Decimal, Timestamp, Value};
use kith_policy::ast::Op;
use kith_policy::predicate::{Column, ColumnKind, Operand, Predicate, Test, Texts};

use super::Sql;
use super::values::sign;
use crate::field_index::{MAX_TEXT_BYTES, keys};
use crate::predicate::Bound;

/// A test that the index answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct IndexTest {
    field: String,
    keys: Keys,
    /// Keys of one length only: plain numbers and money share a field.
    length: Option<i64>,
    /// Whether a row has at most one key of the field.
    pub(super) is_single: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Keys {
    /// One of these; mostly there is only one.
    Among(Vec<Vec<u8>>),
    /// Between bounds; each with whether it is `>=` or `<=`.
    Range(Vec<(Op, Vec<u8>)>),
}

impl IndexTest {
    /// The test that the index answers for a conjunct, if it does. The field must be indexed whole.
    pub(super) fn of(
        conjunct: &Predicate,
        now: Timestamp,
        is_indexed: &dyn Fn(&Column) -> bool,
    ) -> Option<Self> {
        let Predicate::Test(test) = conjunct else {
            return None;
        };
        match test {
            Test::Compare {
                left: Operand::Column(column, 0),
                op,
                right,
            } if is_indexed(column) => {
                let value = match right {
                    Operand::Value(value) => value.clone(),
                    Operand::Now(shift) => Value::Timestamp(now.plus_micros(*shift)),
                    Operand::Column(..) => return None,
                };
                Self::compare(column, *op, &value)
            }
            Test::In {
                column,
                among,
                negated: false,
            } if is_indexed(column) => Self::among(column, among.iter()),
            Test::Shares {
                list,
                with: Texts::Fixed(texts),
                negated: false,
            } if is_indexed(list) => {
                let texts: Vec<_> = texts
                    .iter()
                    .map(|text| Value::String(text.clone()))
                    .collect();
                Self::among(list, texts.iter())
            }
            _ => None,
        }
    }

    fn among<'v>(column: &Column, values: impl Iterator<Item = &'v Value>) -> Option<Self> {
        let keys = values.map(key).collect::<Option<Vec<_>>>()?;
        Some(Self {
            field: column.path.as_str().to_owned(),
            keys: Keys::Among(keys),
            length: None,
            is_single: column.kind != ColumnKind::Texts,
        })
    }

    fn compare(column: &Column, op: Op, value: &Value) -> Option<Self> {
        if op == Op::Eq {
            return Self::among(column, std::iter::once(value));
        }
        let key = key(value)?;
        let length = match value {
            Value::Decimal(_) => i64::try_from(key.len()).ok(),
            _ => None,
        };
        let mut bounds = match op {
            Op::Eq | Op::Ne => return None,
            Op::Lt | Op::Le | Op::Gt | Op::Ge => vec![(op, key.clone())],
        };
        if let Value::Decimal(Decimal {
            currency: Some(currency),
            ..
        }) = value
        {
            // The other end of the currency's own range.
            let (end, filling) = match op {
                Op::Lt | Op::Le => (Op::Ge, 0),
                _ => (Op::Le, u8::MAX),
            };
            let mut bound = currency.as_str().as_bytes().to_vec();
            bound.resize(key.len(), filling);
            bounds.push((end, bound));
        }
        Some(Self {
            field: column.path.as_str().to_owned(),
            keys: Keys::Range(bounds),
            length,
            is_single: true,
        })
    }

    /// Whether one key is asked for, so that rows come in the order of their ids.
    pub(super) fn is_one_key(&self) -> bool {
        matches!(&self.keys, Keys::Among(keys) if keys.len() == 1)
    }

    /// The conditions on a row `name` of the index.
    pub(super) fn render(&self, sql: &mut Sql, name: &str) -> String {
        let mut parts = vec![
            format!("{name}.workspace = ?1"),
            format!("{name}.field = '{}'", self.field),
        ];
        match &self.keys {
            Keys::Among(keys) => {
                let places: Vec<_> = keys
                    .iter()
                    .map(|key| sql.bind(Bound::Bytes(key.clone())))
                    .collect();
                parts.push(match places.as_slice() {
                    [one] => format!("{name}.value = {one}"),
                    several => format!("{name}.value IN ({})", several.join(", ")),
                });
            }
            Keys::Range(bounds) => {
                for (op, bound) in bounds {
                    let place = sql.bind(Bound::Bytes(bound.clone()));
                    parts.push(format!("{name}.value {} {place}", sign(*op)));
                }
            }
        }
        if let Some(length) = self.length {
            parts.push(format!("length({name}.value) = {length}"));
        }
        parts.join(" AND ")
    }
}

/// The key of a value, unless it is so long that the index holds only its beginning.
fn key(value: &Value) -> Option<Vec<u8>> {
    let key = keys(value).pop()?;
    let is_whole = !matches!(value, Value::String(_)) || key.len() < MAX_TEXT_BYTES;
    is_whole.then_some(key)
}
