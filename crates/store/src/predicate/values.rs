//! Reading values out of the JSON of a row, in the canonical forms of the domain. A value of another
//! kind than its column's is as good as absent.

use kith_domain::{Decimal, Value};
use kith_policy::ast::Op;
use kith_policy::predicate::{Column, ColumnKind};

use super::Sql;
use crate::Engine;

/// The two parts of money.
pub(super) const AMOUNT: Option<&str> = Some("amount");
pub(super) const CURRENCY: Option<&str> = Some("currency");

/// What JSON calls the kinds of values.
#[derive(Clone, Copy)]
pub(super) enum JsonKind {
    Number,
    Text,
    List,
}

/// An operator in SQL.
pub(super) const fn sign(op: Op) -> &'static str {
    match op {
        Op::Eq => "=",
        Op::Ne => "<>",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
    }
}

impl Sql {
    /// SQLite's path to a value, or to a part of it.
    fn path(column: &Column, part: Option<&str>) -> String {
        match part {
            None => format!("'$.\"{}\"'", column.path),
            Some(part) => format!("'$.\"{}\".{part}'", column.path),
        }
    }

    /// PostgreSQL's JSON value.
    pub(super) fn node(&self, column: &Column, part: Option<&str>) -> String {
        match (self.engine, part) {
            (Engine::Sqlite, _) => self.plain(column, part),
            (Engine::Postgres, None) => format!("(a.fields -> '{}')", column.path),
            (Engine::Postgres, Some(part)) => {
                format!("(a.fields -> '{}' -> '{part}')", column.path)
            }
        }
    }

    /// The value outside of JSON: of whatever type in SQLite, as text in PostgreSQL.
    pub(super) fn plain(&self, column: &Column, part: Option<&str>) -> String {
        match (self.engine, part) {
            (Engine::Sqlite, _) => format!("(a.fields ->> {})", Self::path(column, part)),
            (Engine::Postgres, None) => format!("(a.fields ->> '{}')", column.path),
            (Engine::Postgres, Some(part)) => {
                format!("(a.fields -> '{}' ->> '{part}')", column.path)
            }
        }
    }

    fn json_type(&self, column: &Column, part: Option<&str>) -> String {
        match self.engine {
            Engine::Sqlite => format!("json_type(a.fields, {})", Self::path(column, part)),
            Engine::Postgres => format!("jsonb_typeof({})", self.node(column, part)),
        }
    }

    pub(super) fn is(&self, column: &Column, part: Option<&str>, kind: JsonKind) -> String {
        let word = match (kind, self.engine) {
            (JsonKind::Number, Engine::Sqlite) => "integer",
            (JsonKind::Number, Engine::Postgres) => "number",
            (JsonKind::Text, Engine::Sqlite) => "text",
            (JsonKind::Text, Engine::Postgres) => "string",
            (JsonKind::List, _) => "array",
        };
        format!("{} = '{word}'", self.json_type(column, part))
    }

    pub(super) fn is_money(&self, column: &Column) -> String {
        let amount = self.is(column, AMOUNT, JsonKind::Number);
        format!("{amount} AND {}", self.is(column, CURRENCY, JsonKind::Text))
    }

    /// There is a value of the column's kind.
    pub(super) fn present(&self, column: &Column) -> String {
        match column.kind {
            ColumnKind::Bool => match self.engine {
                Engine::Sqlite => format!("{} IN ('true', 'false')", self.json_type(column, None)),
                Engine::Postgres => format!("{} = 'boolean'", self.json_type(column, None)),
            },
            ColumnKind::Int | ColumnKind::Time | ColumnKind::Duration => {
                self.is(column, None, JsonKind::Number)
            }
            ColumnKind::Decimal => format!(
                "({} OR {})",
                self.is(column, None, JsonKind::Number),
                self.is_money(column)
            ),
            ColumnKind::Text => self.is(column, None, JsonKind::Text),
            ColumnKind::Texts => self.is(column, None, JsonKind::List),
        }
    }

    pub(super) fn empty(&self, list: &Column) -> String {
        match self.engine {
            Engine::Sqlite => format!(
                "({} AND json_array_length(a.fields, {}) = 0)",
                self.present(list),
                Self::path(list, None)
            ),
            Engine::Postgres => format!("{} = '[]'::jsonb", self.node(list, None)),
        }
    }

    /// SQLite's table of a list's items.
    pub(super) fn each(&self, list: &Column, name: &str) -> String {
        format!("json_each(a.fields, {}) AS {name}", Self::path(list, None))
    }

    pub(super) fn compare_value(&mut self, column: &Column, op: Op, value: &Value) -> String {
        match value {
            Value::Bool(value) => self.compare_bool(column, op, *value),
            Value::Int(number) | Value::Duration(number) => {
                self.compare_number(column, None, op, *number)
            }
            Value::Timestamp(at) => self.compare_number(column, None, op, at.micros()),
            Value::Decimal(Decimal {
                micros,
                currency: None,
            }) => self.compare_number(column, None, op, *micros),
            Value::Decimal(Decimal {
                micros,
                currency: Some(currency),
            }) => {
                let currency = self.text(currency.as_str());
                let same = format!("{} = {currency}", self.plain(column, CURRENCY));
                let amount = self.compare_number(column, AMOUNT, op, *micros);
                format!("({same} AND {amount})")
            }
            Value::String(text) => self.compare_text(column, op, text),
            // No list is ever compared.
            Value::Strings(_) => "FALSE".to_owned(),
        }
    }

    fn compare_bool(&self, column: &Column, op: Op, value: bool) -> String {
        let held: Vec<_> = [false, true]
            .into_iter()
            .filter(|held| op.accepts(held.cmp(&value)))
            .collect();
        match (held.as_slice(), self.engine) {
            ([], _) => "FALSE".to_owned(),
            ([one], Engine::Sqlite) => format!("{} = '{one}'", self.json_type(column, None)),
            ([one], Engine::Postgres) => format!("{} = '{one}'::jsonb", self.node(column, None)),
            _ => self.present(column),
        }
    }

    fn compare_number(
        &mut self,
        column: &Column,
        part: Option<&str>,
        op: Op,
        number: i64,
    ) -> String {
        let (sign, place) = (sign(op), self.int(number));
        let is_number = self.is(column, part, JsonKind::Number);
        match self.engine {
            Engine::Sqlite => {
                format!(
                    "({is_number} AND {} {sign} {place})",
                    self.plain(column, part)
                )
            }
            // A number equals nothing but a number.
            Engine::Postgres if op == Op::Eq => {
                format!("{} = to_jsonb({place}::bigint)", self.node(column, part))
            }
            Engine::Postgres => {
                let node = self.node(column, part);
                format!("({is_number} AND {node} {sign} to_jsonb({place}::bigint))")
            }
        }
    }

    fn compare_text(&mut self, column: &Column, op: Op, text: &str) -> String {
        let (sign, place) = (sign(op), self.text(text));
        if op == Op::Eq {
            let same = self.same_text(column, &place);
            return self.guarded([text], column, same);
        }
        let is_text = self.is(column, None, JsonKind::Text);
        let held = match self.engine {
            Engine::Sqlite => self.plain(column, None),
            Engine::Postgres => format!("{} COLLATE \"C\"", self.plain(column, None)),
        };
        format!("({is_text} AND {held} {sign} {place})")
    }

    fn same_text(&self, column: &Column, place: &str) -> String {
        match self.engine {
            Engine::Sqlite => format!("{} = {place}", self.plain(column, None)),
            Engine::Postgres => format!("{} = to_jsonb({place}::text)", self.node(column, None)),
        }
    }

    /// SQLite writes lists and objects as text too, but they begin as few texts do.
    fn guarded<'t>(
        &self,
        texts: impl IntoIterator<Item = &'t str>,
        column: &Column,
        same: String,
    ) -> String {
        let like_json = |text: &str| text.starts_with(['[', '{']);
        if self.engine == Engine::Sqlite && texts.into_iter().any(like_json) {
            let is_text = self.is(column, None, JsonKind::Text);
            return format!("({is_text} AND {same})");
        }
        same
    }

    /// One of these values, or none of them. All are of the column's kind, which is not decimal.
    pub(super) fn among(&mut self, column: &Column, among: &[Value], negated: bool) -> String {
        let mut places = Vec::with_capacity(among.len());
        for value in among {
            let place = match value {
                Value::Int(number) | Value::Duration(number) => (self.int(*number), "bigint"),
                Value::Timestamp(at) => (self.int(at.micros()), "bigint"),
                Value::String(text) => (self.text(text), "text"),
                Value::Bool(value) => (i64::from(*value).to_string(), "bool"),
                Value::Decimal(_) | Value::Strings(_) => continue,
            };
            places.push(match (self.engine, place) {
                (Engine::Sqlite, (place, _)) => place,
                (Engine::Postgres, (place, "bool")) => format!("'{}'::jsonb", place == "1"),
                (Engine::Postgres, (place, ty)) => format!("to_jsonb({place}::{ty})"),
            });
        }
        let not = if negated { "NOT " } else { "" };
        let held = self.node(column, None);
        let held = format!("{held} {not}IN ({})", places.join(", "));
        let texts = among.iter().filter_map(|value| match value {
            Value::String(text) => Some(&**text),
            _ => None,
        });
        match (self.engine, column.kind) {
            _ if negated => format!("({} AND {held})", self.present(column)),
            (Engine::Sqlite, ColumnKind::Text) => self.guarded(texts, column, held),
            (Engine::Sqlite, _) => format!("({} AND {held})", self.present(column)),
            (Engine::Postgres, _) => held,
        }
    }

    /// Two columns of one kind, the left one moved if both are times.
    pub(super) fn compare_columns(
        &mut self,
        left: &Column,
        shift: i64,
        op: Op,
        right: &Column,
    ) -> String {
        if left.kind == ColumnKind::Decimal {
            let plain = |sql: &Self, column| sql.is(column, None, JsonKind::Number);
            let plain = format!("{} AND {}", plain(self, left), plain(self, right));
            let plain = format!("{plain} AND {}", self.held(left, right, None, op));
            let money = format!("{} AND {}", self.is_money(left), self.is_money(right));
            let money = format!(
                "{money} AND {} = {} AND {}",
                self.plain(left, CURRENCY),
                self.plain(right, CURRENCY),
                self.held(left, right, AMOUNT, op)
            );
            return format!("(({plain}) OR ({money}))");
        }
        let present = format!("{} AND {}", self.present(left), self.present(right));
        let held = match left.kind {
            ColumnKind::Text if self.engine == Engine::Postgres => format!(
                "{} COLLATE \"C\" {} {}",
                self.plain(left, None),
                sign(op),
                self.plain(right, None)
            ),
            ColumnKind::Bool if self.engine == Engine::Sqlite => format!(
                "{} {} {}",
                self.json_type(left, None),
                sign(op),
                self.json_type(right, None)
            ),
            ColumnKind::Time if shift != 0 => self.moved(left, shift, op, right),
            _ => self.held(left, right, None, op),
        };
        format!("({present} AND {held})")
    }

    fn held(&self, left: &Column, right: &Column, part: Option<&str>, op: Op) -> String {
        format!(
            "{} {} {}",
            self.node(left, part),
            sign(op),
            self.node(right, part)
        )
    }

    fn moved(&mut self, left: &Column, shift: i64, op: Op, right: &Column) -> String {
        let (sign, shift) = (sign(op), self.int(shift));
        let (a, b) = (self.node(left, None), self.node(right, None));
        match self.engine {
            Engine::Sqlite => format!("{a} + {shift} {sign} {b}"),
            // Only a number can be cast, and the guard beside need not come first.
            Engine::Postgres => {
                let number =
                    |node: &str, is: String| format!("CASE WHEN {is} THEN {node}::numeric END");
                let left = number(&a, self.present(left));
                let right = number(&b, self.present(right));
                format!("({left}) + {shift}::bigint {sign} ({right})")
            }
        }
    }
}
