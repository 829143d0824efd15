//! Row predicates as SQL. A predicate knows no third value, so a test may give NULL wherever it does not
//! hold: nothing is ever negated above it.
//!
//! Values are always parameters. Names of fields stand in the text: the catalog lets none through but
//! letters, digits, `_` and points.

mod access;
mod index;
mod sort;
#[cfg(test)]
mod tests;
mod values;

use kith_domain::{Timestamp, Value};
use kith_policy::predicate::{Column, Operand, Predicate, Test, Texts};

pub(crate) use access::{Access, Probe, probes};
pub(crate) use sort::order;
pub use sort::{Key, OrderBy};

use crate::Engine;
use crate::db::param::Param;

/// Parts of one `AND` or `OR` at most; more are nested, for engines bound how deep a text may go, and a
/// row of `OR`s is as deep as it is long.
const MAX_PARTS: usize = 50;

/// A parameter that a statement holds on to.
#[derive(Clone, PartialEq)]
pub(crate) enum Bound {
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Bound {
    pub(crate) fn param(&self) -> Param<'_> {
        match self {
            Self::Int(value) => Param::Int(*value),
            Self::Text(text) => Param::Text(text),
            Self::Bytes(bytes) => Param::Bytes(bytes),
        }
    }
}

/// A statement in the making: the parameters so far, of which the first is the workspace.
pub(crate) struct Sql {
    engine: Engine,
    now: Timestamp,
    pub(crate) params: Vec<Bound>,
}

impl Sql {
    pub(crate) fn new(engine: Engine, workspace: i64, now: Timestamp) -> Self {
        Self {
            engine,
            now,
            params: vec![Bound::Int(workspace)],
        }
    }

    /// The place of a parameter: `?2`.
    pub(crate) fn bind(&mut self, bound: Bound) -> String {
        self.params.push(bound);
        format!("?{}", self.params.len())
    }

    pub(crate) fn int(&mut self, value: i64) -> String {
        self.bind(Bound::Int(value))
    }

    fn text(&mut self, text: &str) -> String {
        self.bind(Bound::Text(text.to_owned()))
    }

    fn texts(&mut self, texts: &[impl AsRef<str>]) -> String {
        let places: Vec<_> = texts.iter().map(|text| self.text(text.as_ref())).collect();
        places.join(", ")
    }

    /// True where the predicate holds on the row of `account a`, else false or NULL.
    pub(crate) fn predicate(&mut self, predicate: &Predicate) -> String {
        match predicate {
            Predicate::Always => "TRUE".to_owned(),
            Predicate::Never => "FALSE".to_owned(),
            Predicate::All(parts) => self.join(parts, " AND "),
            Predicate::Any(parts) => self.join(parts, " OR "),
            Predicate::Test(test) => self.test(test),
        }
    }

    fn join(&mut self, parts: &[Predicate], word: &str) -> String {
        let parts: Vec<_> = parts.iter().map(|part| self.predicate(part)).collect();
        nested(parts, word)
    }

    fn test(&mut self, test: &Test) -> String {
        match test {
            Test::Compare { left, op, right } => match (left, right) {
                (Operand::Column(column, _), Operand::Value(value)) => {
                    self.compare_value(column, *op, value)
                }
                (Operand::Column(column, _), Operand::Now(shift)) => {
                    let now = Value::Timestamp(self.now.plus_micros(*shift));
                    self.compare_value(column, *op, &now)
                }
                (Operand::Column(left, shift), Operand::Column(right, _)) => {
                    self.compare_columns(left, *shift, *op, right)
                }
                (Operand::Now(shift), Operand::Value(Value::Timestamp(at))) => {
                    let now = self.now.plus_micros(*shift);
                    self.predicate(if op.accepts(now.cmp(at)) {
                        &Predicate::Always
                    } else {
                        &Predicate::Never
                    })
                }
                // No other pair is ever made.
                _ => "FALSE".to_owned(),
            },
            Test::In {
                column,
                among,
                negated,
            } => self.among(column, among, *negated),
            Test::Shares {
                list,
                with,
                negated,
            } => self.shares(list, with, *negated),
            Test::Empty(list) => self.empty(list),
            Test::Present(column) => self.present(column),
            Test::Absent(column) => format!("({}) IS NOT TRUE", self.present(column)),
        }
    }

    fn shares(&mut self, list: &Column, with: &Texts, negated: bool) -> String {
        let not = if negated { "NOT " } else { "" };
        let (is_list, items) = (self.present(list), self.node(list, None));
        let (guard, shares) = match (with, self.engine) {
            (Texts::Fixed(texts), Engine::Sqlite) => {
                let texts = self.texts(texts);
                let each = self.each(list, "e");
                let found = format!("EXISTS (SELECT 1 FROM {each} WHERE e.value IN ({texts}))");
                (is_list, found)
            }
            (Texts::Fixed(texts), Engine::Postgres) => {
                let texts = self.texts(texts);
                let found = format!("jsonb_exists_any({items}, ARRAY[{texts}]::text[])");
                (is_list, found)
            }
            (Texts::One(column), Engine::Sqlite) => {
                let (each, text) = (self.each(list, "e"), self.plain(column, None));
                let found = format!("EXISTS (SELECT 1 FROM {each} WHERE e.value = {text})");
                (format!("{is_list} AND {}", self.present(column)), found)
            }
            (Texts::One(column), Engine::Postgres) => {
                let found = format!("jsonb_exists({items}, {})", self.plain(column, None));
                (format!("{is_list} AND {}", self.present(column)), found)
            }
        };
        format!("({guard} AND {not}{shares})")
    }
}

/// The parts joined by a word, in brackets, none of which holds more than [`MAX_PARTS`].
fn nested(mut parts: Vec<String>, word: &str) -> String {
    while parts.len() > MAX_PARTS {
        parts = parts
            .chunks(MAX_PARTS)
            .map(|chunk| format!("({})", chunk.join(word)))
            .collect();
    }
    format!("({})", parts.join(word))
}
