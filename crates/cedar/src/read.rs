//! Names and fixed values as Cedar expressions, each with what must be asked before it is read.

use kith_domain::{Catalog, Currency, Decimal, FieldType, Purpose, Timestamp};
use kith_policy::ast::{Literal, Operand, OperandKind};

use crate::Why;

/// What values an expression takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Text,
    Int,
    /// In millionths.
    Fraction,
    /// A record of `micros` and `currency`.
    Money(Currency),
    /// In microseconds since 1970.
    Time,
    /// In microseconds.
    Duration,
    /// A set of texts.
    Texts,
}

/// An expression with one value, or a set of them.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// Holds where there is something to read from. Else whatever is asked is unknown.
    pub(crate) bound: String,
    /// Holds where, that being so, there is a value.
    pub(crate) present: String,
    pub(crate) value: String,
    pub(crate) kind: Kind,
}

impl Reading {
    fn always(value: String, kind: Kind) -> Self {
        Self {
            bound: "true".to_owned(),
            present: "true".to_owned(),
            value,
            kind,
        }
    }

    /// Holds where there is a value.
    pub(crate) fn known(&self) -> String {
        format!("{} && {}", self.bound, self.present)
    }
}

/// One side of a test.
#[derive(Debug, Clone)]
pub(crate) enum Side<'a> {
    One(Reading),
    /// `user.role`: any of a set.
    Any(Reading),
    Literal(&'a Literal),
    Literals(&'a [Operand]),
    /// `later - earlier`.
    Between(Reading, Reading),
    /// A purpose by its name.
    Purpose(Purpose),
}

/// A text as Cedar writes it: the escapes of both languages are those of Rust.
pub(crate) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

pub(crate) fn side<'a>(catalog: &Catalog, operand: &'a Operand) -> Result<Side<'a>, Why> {
    match &operand.node {
        OperandKind::Literal(Literal::State(_)) => Err(Why::StateTest),
        OperandKind::Literal(literal) => Ok(Side::Literal(literal)),
        OperandKind::List(items) => Ok(Side::Literals(items)),
        OperandKind::Name(name) => self::name(catalog, name),
        OperandKind::Shift { from, minus, by } => {
            let from = time(catalog, from)?;
            match &by.node {
                OperandKind::Literal(Literal::Duration(amount, unit)) => {
                    let by = amount.checked_mul(unit.micros()).ok_or(Why::UnknownForm)?;
                    let sign = if *minus { '-' } else { '+' };
                    let value = format!("({} {sign} {by})", from.value);
                    Ok(Side::One(Reading { value, ..from }))
                }
                _ => Ok(Side::Between(from, time(catalog, by)?)),
            }
        }
    }
}

fn time(catalog: &Catalog, operand: &Operand) -> Result<Reading, Why> {
    match side(catalog, operand)? {
        Side::One(reading) if reading.kind == Kind::Time => Ok(reading),
        Side::Literal(literal) => fixed(literal, Kind::Time),
        _ => Err(Why::UnknownForm),
    }
}

fn name<'a>(catalog: &Catalog, name: &str) -> Result<Side<'a>, Why> {
    if let Some(reading) = attribute(name) {
        return Ok(match name {
            "user.role" => Side::Any(reading),
            _ => Side::One(reading),
        });
    }
    let field = catalog.find(name).and_then(|idx| catalog.get(idx));
    let Some(field) = field else {
        let purpose = name.parse().map_err(|_| Why::UnknownForm)?;
        return Ok(Side::Purpose(purpose));
    };
    let (entity, key) = (field.entity, quoted(field.path.key()));
    Ok(Side::One(Reading {
        bound: format!("context has {entity}"),
        present: format!("context.{entity} has {key}"),
        value: format!("context.{entity}[{key}]"),
        kind: match field.ty {
            FieldType::Bool => Kind::Bool,
            FieldType::Int => Kind::Int,
            FieldType::Decimal { currency: None } => Kind::Fraction,
            FieldType::Decimal {
                currency: Some(currency),
            } => Kind::Money(currency),
            FieldType::String | FieldType::Enum(_) => Kind::Text,
            FieldType::Timestamp => Kind::Time,
            FieldType::Duration => Kind::Duration,
            FieldType::Strings => Kind::Texts,
        },
    }))
}

/// A name that is no field.
fn attribute(name: &str) -> Option<Reading> {
    let of = |whose: &str, key: &str, kind| Reading {
        bound: format!("context has {whose}"),
        present: "true".to_owned(),
        value: format!("context.{whose}.{key}"),
        kind,
    };
    // Where no software acts, its name is no doubt: it is absent.
    let of_agent = |key: &str| Reading {
        bound: "true".to_owned(),
        present: "context has agent".to_owned(),
        value: format!("context.agent.{key}"),
        kind: Kind::Text,
    };
    let request = |key: &str, kind| Reading::always(format!("context.{key}"), kind);
    Some(match name {
        "user.id" => of("user", "id", Kind::Text),
        "user.name" => of("user", "name", Kind::Text),
        "user.role" | "user.roles" => of("user", "roles", Kind::Texts),
        "user.teams" => of("user", "teams", Kind::Texts),
        "user.sites" => of("user", "sites", Kind::Texts),
        "user.regions" => of("user", "regions", Kind::Texts),
        "agent.id" => of_agent("id"),
        "agent.name" => of_agent("name"),
        "agent.kind" => request("agentKind", Kind::Text),
        "purpose" => request("purpose", Kind::Text),
        "signedIdentity" => request("signedIdentity", Kind::Bool),
        "identity.method" => Reading {
            present: "context has method".to_owned(),
            ..request("method", Kind::Text)
        },
        "now" => request("now", Kind::Time),
        _ => return None,
    })
}

/// A fixed value beside something of a kind.
pub(crate) fn fixed(literal: &Literal, beside: Kind) -> Result<Reading, Why> {
    let value = match (literal, beside) {
        (Literal::Bool(value), Kind::Bool) => value.to_string(),
        (Literal::Text(text), Kind::Text | Kind::Texts) => quoted(text),
        (Literal::Number(number), Kind::Int) => whole(*number)?.to_string(),
        (Literal::Number(number), Kind::Fraction) => number.micros.to_string(),
        (Literal::Number(number), Kind::Money(currency)) => money(*number, currency),
        (Literal::Money(number, currency), Kind::Money(_)) => {
            let kind = Kind::Money(*currency);
            return Ok(Reading::always(money(*number, *currency), kind));
        }
        (Literal::Time(written), Kind::Time) => {
            let at = Timestamp::parse(written).ok_or(Why::UnknownForm)?;
            at.micros().to_string()
        }
        (Literal::Duration(amount, unit), Kind::Duration) => {
            let micros = amount.checked_mul(unit.micros());
            micros.ok_or(Why::UnknownForm)?.to_string()
        }
        _ => return Err(Why::UnknownForm),
    };
    Ok(Reading::always(value, beside))
}

fn whole(number: Decimal) -> Result<i64, Why> {
    const ONE: i64 = 1_000_000;
    if number.micros % ONE == 0 {
        Ok(number.micros / ONE)
    } else {
        Err(Why::MixedNumbers)
    }
}

fn money(number: Decimal, currency: Currency) -> String {
    format!("{{micros: {}, currency: \"{currency}\"}}", number.micros)
}
