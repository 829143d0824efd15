//! Typed values: how a field's value is read from a payload, kept, compared and written.
//!
//! Three forms, one place:
//! - **payload**: what a source sends; read by [`FieldType::read_payload`], strictly.
//! - **canonical**: what the store keeps; scaled integers and microseconds, never floats.
//! - **answer**: what an API gives; money as `{"amount": "12.50", "currency": "EUR"}`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::Timestamp;
use crate::time::{format_duration, parse_duration};

/// Longest string that a field's value may be, in bytes.
pub const MAX_STRING_BYTES: usize = 8 * 1024;
/// Most items that a list of strings may have.
pub const MAX_LIST_ITEMS: usize = 256;

/// A currency: three capital letters of ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl FromStr for Currency {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| ())?;
        letters
            .iter()
            .all(u8::is_ascii_uppercase)
            .then_some(Self(letters))
            .ok_or(())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An exact decimal, with a currency if it is money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The number times 10⁶. Range: about ±9.2 × 10¹².
    pub micros: i64,
    /// The currency of money; `None` for a plain number.
    pub currency: Option<Currency>,
}

impl Decimal {
    /// Digits kept behind the point.
    pub const SCALE: u32 = 6;
    const ONE: i64 = 1_000_000;

    /// A whole number without a currency; `None` beyond the range.
    #[must_use]
    pub fn from_int(whole: i64) -> Option<Self> {
        whole.checked_mul(Self::ONE).map(|micros| Self {
            micros,
            currency: None,
        })
    }

    /// Reads `-12.5`: digits, at most one point, at most six digits behind it. No exponent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let well_formed = !whole.is_empty()
            && all_digits(whole)
            && all_digits(fraction)
            && !digits.ends_with('.')
            && fraction.len() <= Self::SCALE as usize;
        if !well_formed {
            return None;
        }
        let scaled: i64 = format!("{whole}{fraction:0<6}").parse().ok()?;
        Some(Self {
            micros: if negative { -scaled } else { scaled },
            currency: None,
        })
    }

    /// The same number as money.
    #[must_use]
    pub const fn with_currency(self, currency: Option<Currency>) -> Self {
        Self {
            micros: self.micros,
            currency,
        }
    }

    /// The number alone, `12.50`: two digits behind the point at least if it is money.
    #[must_use]
    pub fn amount(&self) -> String {
        let sign = if self.micros < 0 { "-" } else { "" };
        let absolute = self.micros.unsigned_abs();
        let (whole, rest) = (
            absolute / Self::ONE.unsigned_abs(),
            absolute % Self::ONE.unsigned_abs(),
        );
        let fraction = format!("{rest:06}");
        let shortest = fraction.trim_end_matches('0');
        let wanted = if self.currency.is_some() {
            shortest.len().max(2)
        } else {
            shortest.len()
        };
        match fraction.get(..wanted) {
            Some(digits) if !digits.is_empty() => format!("{sign}{whole}.{digits}"),
            _ => format!("{sign}{whole}"),
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.currency {
            Some(currency) => write!(f, "{} {currency}", self.amount()),
            None => f.write_str(&self.amount()),
        }
    }
}

/// What values a field takes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// `true` or `false`.
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// An exact decimal; money if it declares a currency.
    Decimal {
        /// The currency of a bare number in this field.
        currency: Option<Currency>,
    },
    /// Text of at most [`MAX_STRING_BYTES`].
    String,
    /// One of these words.
    Enum(Arc<[Arc<str>]>),
    /// A point in time.
    Timestamp,
    /// A length of time.
    Duration,
    /// A list of at most [`MAX_LIST_ITEMS`] strings.
    Strings,
}

/// One value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// Of a bool field.
    Bool(bool),
    /// Of an int field.
    Int(i64),
    /// Of a decimal field.
    Decimal(Decimal),
    /// Of a string or enum field.
    String(Arc<str>),
    /// Of a timestamp field.
    Timestamp(Timestamp),
    /// Of a duration field, in microseconds.
    Duration(i64),
    /// Of a list field.
    Strings(Arc<[Arc<str>]>),
}

/// Why a payload's value does not fit its field. It never repeats the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub struct ValueError {
    /// What the field takes, for people.
    pub expected: String,
    /// What kind of thing was sent, never the thing itself.
    pub found: &'static str,
}

impl FieldType {
    /// The type's name in definitions.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Decimal { .. } => "decimal",
            Self::String => "string",
            Self::Enum(_) => "enum",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::Strings => "strings",
        }
    }

    /// Reads a value as a source sent it. `null` is not a value: the caller handles it as a deletion.
    ///
    /// # Errors
    /// Says what the field takes and what kind of thing was found.
    pub fn read_payload(&self, json: &Json) -> Result<Value, ValueError> {
        let read = match self {
            Self::Bool => json.as_bool().map(Value::Bool),
            Self::Int => read_int(json).map(Value::Int),
            Self::Decimal { currency } => read_decimal(json, *currency).map(Value::Decimal),
            Self::String => json.as_str().and_then(clean_string).map(Value::String),
            Self::Enum(words) => json
                .as_str()
                .and_then(|text| words.iter().find(|word| ***word == *text))
                .map(|word| Value::String(Arc::clone(word))),
            Self::Timestamp => read_timestamp(json).map(Value::Timestamp),
            Self::Duration => read_duration(json).map(Value::Duration),
            Self::Strings => read_strings(json).map(Value::Strings),
        };
        read.ok_or_else(|| ValueError {
            expected: self.expectation(),
            found: kind_of(json),
        })
    }

    /// Reads the form that the store keeps; `None` if it is not of this type.
    #[must_use]
    pub fn read_canonical(&self, json: &Json) -> Option<Value> {
        match self {
            Self::Bool => json.as_bool().map(Value::Bool),
            Self::Int => json.as_i64().map(Value::Int),
            Self::Decimal { .. } => read_canonical_decimal(json).map(Value::Decimal),
            Self::String | Self::Enum(_) => json.as_str().map(|text| Value::String(text.into())),
            Self::Timestamp => json
                .as_i64()
                .map(|at| Value::Timestamp(Timestamp::from_micros(at))),
            Self::Duration => json.as_i64().map(Value::Duration),
            Self::Strings => json
                .as_array()?
                .iter()
                .map(|item| item.as_str().map(Arc::from))
                .collect::<Option<Arc<[Arc<str>]>>>()
                .map(Value::Strings),
        }
    }

    fn expectation(&self) -> String {
        match self {
            Self::Bool => "`true` or `false`".into(),
            Self::Int => "a whole number between -2^63 and 2^63".into(),
            Self::Decimal { currency: None } => {
                "a number with at most 6 digits behind the point (as a string if it has more than 15 digits)".into()
            }
            Self::Decimal { currency: Some(currency) } => format!(
                "an amount such as `12.50`, or `{{\"amount\": \"12.50\", \"currency\": \"{currency}\"}}`"
            ),
            Self::String => format!("text of at most {MAX_STRING_BYTES} bytes without NUL"),
            Self::Enum(words) => {
                let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                format!("one of {}", words.join(", "))
            }
            Self::Timestamp => "a time such as `2026-01-31T12:00:00Z`, or seconds since 1970".into(),
            Self::Duration => "a length of time such as `PT36H`, or a number of seconds".into(),
            Self::Strings => format!("a list of at most {MAX_LIST_ITEMS} texts"),
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal {
                currency: Some(currency),
            } => write!(f, "decimal in {currency}"),
            other => f.write_str(other.name()),
        }
    }
}

impl Value {
    /// The form that the store keeps: scaled integers and microseconds; money as
    /// `{"amount": 12500000, "currency": "EUR"}` with the amount times 10⁶.
    #[must_use]
    pub fn to_canonical(&self) -> Json {
        match self {
            Self::Bool(value) => json!(value),
            Self::Int(value) | Self::Duration(value) => json!(value),
            Self::Decimal(Decimal {
                micros,
                currency: None,
            }) => json!(micros),
            Self::Decimal(Decimal {
                micros,
                currency: Some(currency),
            }) => {
                json!({ "amount": micros, "currency": currency.as_str() })
            }
            Self::String(text) => json!(**text),
            Self::Timestamp(at) => json!(at.micros()),
            Self::Strings(items) => items.iter().map(|item| json!(**item)).collect(),
        }
    }

    /// The form that an API answers with. Only the governed read may call this on a customer's value.
    #[must_use]
    pub fn to_answer(&self) -> Json {
        match self {
            Self::Bool(value) => json!(value),
            Self::Int(value) => json!(value),
            Self::Decimal(
                decimal @ Decimal {
                    currency: Some(currency),
                    ..
                },
            ) => {
                json!({ "amount": decimal.amount(), "currency": currency.as_str() })
            }
            Self::Decimal(decimal) => json!(decimal.amount()),
            Self::String(text) => json!(**text),
            Self::Timestamp(at) => json!(at.to_string()),
            Self::Duration(micros) => json!(format_duration(*micros)),
            Self::Strings(items) => items.iter().map(|item| json!(**item)).collect(),
        }
    }
}

/// What kind of JSON this is, in words that repeat nothing of it.
#[must_use]
pub const fn kind_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a bool",
        Json::Number(_) => "a number that does not fit",
        Json::String(_) => "a text that does not fit",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

fn clean_string(text: &str) -> Option<Arc<str>> {
    (text.len() <= MAX_STRING_BYTES && !text.contains('\0')).then(|| text.into())
}

fn read_int(json: &Json) -> Option<i64> {
    match json {
        Json::Number(number) => number.as_i64().or_else(|| {
            // `3.0` is a whole number too: JavaScript and Python send it so.
            let float = number.as_f64()?;
            (float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0).then_some(float as i64)
        }),
        Json::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn read_decimal(json: &Json, declared: Option<Currency>) -> Option<Decimal> {
    match json {
        Json::Object(money) => {
            let currency: Currency = money.get("currency")?.as_str()?.parse().ok()?;
            let amount = read_number(money.get("amount")?)?;
            (declared.is_some() && money.len() == 2).then(|| amount.with_currency(Some(currency)))
        }
        other => read_number(other).map(|number| number.with_currency(declared)),
    }
}

fn read_number(json: &Json) -> Option<Decimal> {
    match json {
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Decimal::from_int(whole),
            // A double holds 15 decimal digits exactly; its shortest text is what was sent.
            None => {
                let text = number.as_f64()?.to_string();
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                Decimal::parse(&text).filter(|_| digits <= 15)
            }
        },
        Json::String(text) => Decimal::parse(text),
        _ => None,
    }
}

fn read_canonical_decimal(json: &Json) -> Option<Decimal> {
    match json {
        Json::Object(money) => Some(Decimal {
            micros: money.get("amount")?.as_i64()?,
            currency: Some(money.get("currency")?.as_str()?.parse().ok()?),
        }),
        other => other.as_i64().map(|micros| Decimal {
            micros,
            currency: None,
        }),
    }
}

fn read_timestamp(json: &Json) -> Option<Timestamp> {
    match json {
        Json::String(text) => Timestamp::parse(text),
        Json::Number(number) => {
            let seconds = number.as_i64()?;
            // Beyond the year 5138 a number of seconds is really one of milliseconds: refuse to guess.
            (seconds.abs() < 100_000_000_000).then(|| Timestamp::from_micros(seconds * 1_000_000))
        }
        _ => None,
    }
}

fn read_duration(json: &Json) -> Option<i64> {
    match json {
        Json::String(text) => parse_duration(text),
        Json::Number(number) => number.as_i64()?.checked_mul(1_000_000),
        _ => None,
    }
}

fn read_strings(json: &Json) -> Option<Arc<[Arc<str>]>> {
    let items = json.as_array()?;
    if items.len() > MAX_LIST_ITEMS {
        return None;
    }
    items
        .iter()
        .map(|item| item.as_str().and_then(clean_string))
        .collect()
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
