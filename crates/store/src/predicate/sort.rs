//! The order of rows by what is shown of their fields, and where a page goes on. What is not shown is
//! absent, and absent comes last whichever way.

use kith_domain::{Currency, Decimal, Value};
use kith_policy::predicate::{Column, ColumnKind, Predicate};

use super::values::{AMOUNT, CURRENCY, JsonKind};
use super::{Bound, Sql, nested};
use crate::Engine;

/// One field to sort by.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderBy {
    /// Not a list.
    pub column: Column,
    /// Where its value counts; elsewhere it is absent.
    pub shown: Predicate,
    /// Whether the greatest come first.
    pub descending: bool,
}

/// A value as rows are ordered by it: numbers by size, money by currency and size, texts by their bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A number, a time, a bool; of a decimal the millionths.
    Number(i64),
    /// Money: the currency, empty if there is none, and the millionths.
    Money(String, i64),
    /// A text.
    Text(String),
}

impl Key {
    /// The key of a value; lists have none.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Bool(value) => Self::Number((*value).into()),
            Value::Int(number) | Value::Duration(number) => Self::Number(*number),
            Value::Timestamp(at) => Self::Number(at.micros()),
            Value::Decimal(Decimal { micros, currency }) => {
                let currency = currency.as_ref().map_or("", Currency::as_str);
                Self::Money(currency.to_owned(), *micros)
            }
            Value::String(text) => Self::Text(text.to_string()),
            Value::Strings(_) => return None,
        })
    }
}

impl std::fmt::Debug for Key {
    /// Says nothing of the value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

/// An expression to sort by, and which way.
struct Part {
    expression: String,
    descending: bool,
    /// The value of the row before; `None` if it has none.
    after: Option<Bound>,
}

/// `ORDER BY …`, and the condition that a row comes behind the one with these keys and this id.
pub(crate) fn order(
    sql: &mut Sql,
    id: &str,
    by: &[OrderBy],
    after: Option<(&[Option<Key>], &[u8; 16])>,
) -> (String, Option<String>) {
    let keys = after.map(|(keys, _)| keys);
    let mut parts = Vec::new();
    for (place, by) in by.iter().enumerate() {
        let key = keys.and_then(|keys| keys.get(place)).cloned().flatten();
        parts.extend(sql.parts(by, key));
    }
    let mut order: Vec<_> = parts
        .iter()
        .map(|part| {
            let way = if part.descending { "DESC" } else { "ASC" };
            format!("{} {way} NULLS LAST", part.expression)
        })
        .collect();
    order.push(id.to_owned());
    let behind = after.map(|(_, last)| sql.behind(&parts, id, last));
    (order.join(", "), behind)
}

impl Sql {
    fn behind(&mut self, parts: &[Part], id: &str, last: &[u8; 16]) -> String {
        let mut ways = Vec::new();
        let mut same = Vec::new();
        for part in parts {
            let expression = &part.expression;
            match part.after.clone() {
                // Nothing is behind what comes last.
                None => same.push(format!("{expression} IS NULL")),
                Some(bound) => {
                    let place = self.bind(bound);
                    let sign = if part.descending { '<' } else { '>' };
                    let behind = format!("({expression} {sign} {place} OR {expression} IS NULL)");
                    let way = same.iter().cloned().chain([behind]);
                    ways.push(nested(way.collect(), " AND "));
                    same.push(format!("{expression} = {place}"));
                }
            }
        }
        let place = self.bind(Bound::Bytes(last.to_vec()));
        same.push(format!("{id} > {place}"));
        if ways.is_empty() && same.len() == 1 {
            return same.concat();
        }
        ways.push(nested(same, " AND "));
        nested(ways, " OR ")
    }

    /// The expressions of one field: two if it may be money.
    fn parts(&mut self, by: &OrderBy, after: Option<Key>) -> Vec<Part> {
        let (currency, value) = match after {
            None => (None, None),
            Some(Key::Number(number)) => (None, Some(Bound::Int(number))),
            Some(Key::Text(text)) => (None, Some(Bound::Text(text))),
            Some(Key::Money(currency, number)) => {
                (Some(Bound::Text(currency)), Some(Bound::Int(number)))
            }
        };
        let column = &by.column;
        let mut expressions = match column.kind {
            ColumnKind::Decimal => {
                let plain = self.is(column, None, JsonKind::Number);
                let money = self.is_money(column);
                let held = self.plain(column, CURRENCY);
                let first = format!("CASE WHEN {plain} THEN '' WHEN {money} THEN {held} END");
                let second = format!(
                    "CASE WHEN {plain} THEN {} WHEN {money} THEN {} END",
                    self.number(column, None),
                    self.number(column, AMOUNT)
                );
                vec![(self.bytewise(&first), currency), (second, value)]
            }
            ColumnKind::Text => {
                let is_text = self.present(column);
                let text = format!("CASE WHEN {is_text} THEN {} END", self.plain(column, None));
                vec![(self.bytewise(&text), value)]
            }
            ColumnKind::Bool => {
                let is = |wanted| self.bool_is(column, wanted);
                let flag = format!(
                    "CASE WHEN {} THEN 1 WHEN {} THEN 0 END",
                    is(true),
                    is(false)
                );
                vec![(flag, value)]
            }
            ColumnKind::Int | ColumnKind::Time | ColumnKind::Duration => {
                let is_number = self.present(column);
                let number = self.number(column, None);
                vec![(format!("CASE WHEN {is_number} THEN {number} END"), value)]
            }
            ColumnKind::Texts => Vec::new(),
        };
        if by.shown != Predicate::Always {
            let shown = self.predicate(&by.shown);
            for (expression, _) in &mut expressions {
                *expression = format!("CASE WHEN {shown} THEN {expression} END");
            }
        }
        let part = |(expression, after)| Part {
            expression: format!("({expression})"),
            descending: by.descending,
            after,
        };
        expressions.into_iter().map(part).collect()
    }

    fn bool_is(&self, column: &Column, wanted: bool) -> String {
        match self.engine {
            Engine::Sqlite => format!("json_type(a.fields, '$.\"{}\"') = '{wanted}'", column.path),
            Engine::Postgres => format!("{} = '{wanted}'::jsonb", self.node(column, None)),
        }
    }

    fn number(&self, column: &Column, part: Option<&str>) -> String {
        match self.engine {
            Engine::Sqlite => self.plain(column, part),
            Engine::Postgres => format!("{}::bigint", self.node(column, part)),
        }
    }

    fn bytewise(&self, text: &str) -> String {
        match self.engine {
            Engine::Sqlite => text.to_owned(),
            Engine::Postgres => format!("({text}) COLLATE \"C\""),
        }
    }
}
