//! Conditions of the measured policies, written down once and rendered in the language of each
//! engine, so that all are asked the same.

/// A condition on an account and who asks. Numbers are whole; money is in whole euros.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    Is(&'static str, &'static str),
    In(&'static str, &'static [&'static str]),
    Above(&'static str, i64),
    Below(&'static str, i64),
    Flag(&'static str, bool),
    Absent(&'static str),
    Role(&'static str),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

use Condition::{Above, Absent, All, Any, Below, Flag, In, Is, Not, Role};

/// A single test that must be known to have this value.
pub(super) type Known<'a> = (&'a Condition, bool);

impl Condition {
    pub(super) fn kith(&self) -> String {
        match self {
            Is(field, text) => format!("account.{field} == \"{text}\""),
            In(field, texts) => format!("account.{field} in [{}]", quoted(texts)),
            Above(field, bound) => format!("account.{field} > {bound}"),
            Below(field, bound) => format!("account.{field} < {bound}"),
            Flag(field, value) => format!("account.{field} == {value}"),
            Absent(field) => format!("account.{field} is absent"),
            Role(role) => format!("user.role == \"{role}\""),
            Not(inner) => format!("not ({})", inner.kith()),
            All(parts) => join(parts.iter().map(Self::kith), " and "),
            Any(parts) => join(parts.iter().map(Self::kith), " or "),
        }
    }

    /// For languages of two values: this is known to be `wanted` where all tests of one of these
    /// lists are. A test whose value is absent is known to be nothing.
    pub(super) fn known(&self, wanted: bool) -> Vec<Vec<Known<'_>>> {
        match self {
            Not(inner) => inner.known(!wanted),
            All(parts) if wanted => every(parts, wanted),
            Any(parts) if !wanted => every(parts, wanted),
            All(parts) | Any(parts) => parts.iter().flat_map(|part| part.known(wanted)).collect(),
            test => vec![vec![(test, wanted)]],
        }
    }
}

/// One list of each part, in every combination.
fn every(parts: &[Condition], wanted: bool) -> Vec<Vec<Known<'_>>> {
    parts.iter().fold(vec![Vec::new()], |lists, part| {
        let of_part = part.known(wanted);
        let longer = lists
            .iter()
            .flat_map(|list| of_part.iter().map(|more| [&list[..], more].concat()));
        longer.collect()
    })
}

fn join(parts: impl Iterator<Item = String>, by: &str) -> String {
    let parts: Vec<_> = parts.map(|part| format!("({part})")).collect();
    parts.join(by)
}

pub(super) fn quoted(texts: &[&str]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    texts.join(", ")
}
