//! Fixed values take the type of what they are compared with.

use std::sync::Arc;

use kith_domain::diagnostic::nearest;
use kith_domain::{Decimal, FieldType, Span, Timestamp, Value};

use super::Checker;
use super::resolve::One;
use crate::ast::{Literal, Operand, OperandKind};
use crate::format;
use crate::parser::quoted;

impl Checker<'_> {
    /// A fixed value as a value of what it is compared with.
    pub(super) fn fixed(
        &mut self,
        literal: &Literal,
        span: Span,
        one: &One,
        name: &str,
    ) -> Option<Value> {
        if let (true, Literal::Text(text)) = (one.is_purpose(), literal) {
            let hint = match self.purpose(text, span) {
                Some(purpose) => format!("write it without quotes: `{purpose}`"),
                None => return None,
            };
            let message = "a purpose stands without quotes".to_owned();
            self.report("type-mismatch", span, message, hint);
            return None;
        }
        self.coerce(literal, span, &one.ty, name)
    }

    /// A fixed value as a value of this type.
    pub(super) fn coerce(
        &mut self,
        literal: &Literal,
        span: Span,
        to: &FieldType,
        name: &str,
    ) -> Option<Value> {
        if let Some(value) = fit(literal, to) {
            self.check_word(&value, span, to, name)?;
            self.check_currency(&value, span, to, name);
            return Some(value);
        }
        let message = format!(
            "`{name}` is {}, and cannot be compared with {}",
            describe(to),
            describe_literal(literal)
        );
        self.report("type-mismatch", span, message, fitting(literal, to));
        None
    }

    /// The items of a fixed list as values of the type of what is looked for in it.
    pub(super) fn coerce_all(
        &mut self,
        items: &[Operand],
        one: &One,
        name: &str,
    ) -> Option<Arc<[Value]>> {
        let mut values = Some(Vec::new());
        for item in items {
            let value = match &item.node {
                OperandKind::Literal(literal) => self.fixed(literal, item.span, one, name),
                OperandKind::Name(word) if one.is_purpose() => self
                    .purpose(word, item.span)
                    .map(|purpose| Value::String(purpose.as_str().into())),
                _ => {
                    self.no_fixed_value(item);
                    None
                }
            };
            // Every item is looked at, so that every mistake shows.
            values = values.zip(value).map(|(mut values, value)| {
                values.push(value);
                values
            });
        }
        values.map(Arc::from)
    }

    pub(super) fn no_fixed_value(&mut self, item: &Operand) {
        let text = format::operand(item);
        let hint = if text.contains('.') {
            "compare with each name by itself, joined by `or`".to_owned()
        } else {
            format!("a text stands in quotes: `\"{text}\"`")
        };
        let message = format!("a list holds fixed values, and `{text}` is none");
        self.report("type-mismatch", item.span, message, hint);
    }

    /// A word that an enum does not have makes a test that never holds.
    fn check_word(&mut self, value: &Value, span: Span, ty: &FieldType, name: &str) -> Option<()> {
        let (FieldType::Enum(words), Value::String(word)) = (ty, value) else {
            return Some(());
        };
        if words.contains(word) {
            return Some(());
        }
        let known: Vec<&str> = words.iter().map(|word| &**word).collect();
        let hint = match nearest(word, known.iter().copied()) {
            Some(close) => format!("did you mean `\"{close}\"`?"),
            None => format!("it is one of {}", quoted(&known)),
        };
        let message = format!("`{name}` is never `\"{}\"`", word.escape_debug());
        self.report("unknown-value", span, message, hint);
        None
    }

    /// Another currency than the declared one is allowed, but mostly a slip.
    fn check_currency(&mut self, value: &Value, span: Span, ty: &FieldType, name: &str) {
        if let (
            FieldType::Decimal {
                currency: Some(declared),
            },
            Value::Decimal(Decimal {
                currency: Some(written),
                ..
            }),
        ) = (ty, value)
            && declared != written
        {
            let message = format!(
                "`{name}` is kept in {declared}: beside an amount in {written} it is unknown"
            );
            let hint = format!("compare with an amount in {declared}");
            self.warn("other-currency", span, message, hint);
        }
    }
}

/// The value of a literal in a type, if it has one.
fn fit(literal: &Literal, to: &FieldType) -> Option<Value> {
    Some(match (literal, to) {
        (Literal::Bool(value), FieldType::Bool) => Value::Bool(*value),
        (Literal::Number(number), FieldType::Int) => {
            let one = Decimal::from_int(1)?.micros;
            if number.micros % one == 0 {
                Value::Int(number.micros / one)
            } else {
                Value::Decimal(*number)
            }
        }
        (Literal::Number(number), FieldType::Decimal { currency }) => {
            Value::Decimal(number.with_currency(*currency))
        }
        (Literal::Money(number, currency), FieldType::Decimal { currency: Some(_) }) => {
            Value::Decimal(number.with_currency(Some(*currency)))
        }
        (Literal::Text(text), FieldType::String | FieldType::Enum(_)) => {
            Value::String(Arc::clone(text))
        }
        (Literal::Time(written), FieldType::Timestamp) => {
            Value::Timestamp(Timestamp::parse(written)?)
        }
        (Literal::Duration(amount, unit), FieldType::Duration) => {
            Value::Duration(amount.checked_mul(unit.micros())?)
        }
        _ => return None,
    })
}

/// A type, for people.
pub(super) fn describe(ty: &FieldType) -> String {
    match ty {
        FieldType::Bool => "`true` or `false`".to_owned(),
        FieldType::Int => "a whole number".to_owned(),
        FieldType::Decimal { currency: None } => "a number".to_owned(),
        FieldType::Decimal {
            currency: Some(currency),
        } => format!("an amount in {currency}"),
        FieldType::String => "a text".to_owned(),
        FieldType::Enum(words) => {
            let known: Vec<&str> = words.iter().take(8).map(|word| &**word).collect();
            let more = if words.len() > 8 { ", …" } else { "" };
            format!("one of {}{more}", quoted(&known))
        }
        FieldType::Timestamp => "a time".to_owned(),
        FieldType::Duration => "a length of time".to_owned(),
        FieldType::Strings => "a list of texts".to_owned(),
    }
}

fn describe_literal(literal: &Literal) -> &'static str {
    match literal {
        Literal::Text(_) => "a text",
        Literal::Bool(_) => "`true` or `false`",
        Literal::Number(_) => "a number",
        Literal::Money(..) => "an amount of money",
        Literal::Duration(..) => "a length of time",
        Literal::Time(_) => "a time",
        Literal::State(_) => "a state",
    }
}

/// What to write instead.
fn fitting(literal: &Literal, to: &FieldType) -> String {
    match (to, literal) {
        (FieldType::Int | FieldType::Decimal { .. } | FieldType::Bool, Literal::Text(text))
            if fit_unquoted(text, to) =>
        {
            format!("write it without quotes: `{text}`")
        }
        (FieldType::Timestamp, Literal::Text(text)) if Timestamp::parse(text).is_some() => {
            format!("write it without quotes: `{text}`")
        }
        (FieldType::Bool, _) => "write `true` or `false`".to_owned(),
        (FieldType::Int, _) => "write a whole number such as `10`".to_owned(),
        (FieldType::Decimal { currency: None }, _) => "write a number such as `0.5`".to_owned(),
        (
            FieldType::Decimal {
                currency: Some(currency),
            },
            _,
        ) => format!("write an amount such as `1000 {currency}`"),
        (FieldType::String, _) => "write a text in quotes".to_owned(),
        (FieldType::Enum(words), _) => words.first().map_or_else(String::new, |word| {
            format!("write one of its words in quotes, such as `\"{word}\"`")
        }),
        (FieldType::Timestamp, _) => {
            "write a time such as `2026-01-31`, or `now - 30 days`".to_owned()
        }
        (FieldType::Duration, _) => "write a length of time such as `36 hours`".to_owned(),
        (FieldType::Strings, _) => "search it with `in`".to_owned(),
    }
}

fn fit_unquoted(text: &str, to: &FieldType) -> bool {
    match to {
        FieldType::Bool => matches!(text, "true" | "false"),
        _ => Decimal::parse(text).is_some(),
    }
}
