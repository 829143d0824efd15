//! Masks: how a value is shown that may not be shown as it is.
//!
//! Every mask takes every value. One that does not fit the value's kind, or would show the whole of it,
//! falls back to `redact`, so a wrong mask shows less and never more. Lists are redacted whole.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use kith_domain::time::MICROS_PER_SECOND;
use kith_domain::{Decimal, MaskKind, Timestamp, Value};
use sha2::Sha256;

/// What stands for all that is not shown.
pub const DOTS: &str = "•••";
/// Bytes of a keyed hash that are shown, as twice as many hex digits.
const HASH_BYTES: usize = 16;
/// Shortest text of which the end may be shown.
const SHORTEST_FOR_END: usize = 8;

/// The value as the mask shows it, a text; `None` under the mask `null`.
///
/// `key` is the workspace's: under `hash` equal values look equal within one workspace, and nowhere
/// else.
#[must_use]
pub fn apply(kind: MaskKind, value: &Value, key: &[u8; 32]) -> Option<Value> {
    let shown = match kind {
        MaskKind::Null => return None,
        MaskKind::Redact => None,
        MaskKind::Email => text(value).and_then(email),
        MaskKind::Phone => text(value).and_then(phone),
        MaskKind::Last4 => last4(value),
        MaskKind::Year => year(value),
        MaskKind::Bucket => bucket(value),
        MaskKind::Initials => text(value).and_then(initials),
        MaskKind::Hash => hash(value, key),
    };
    let shown = shown.map_or_else(|| Arc::from(DOTS), Arc::from);
    Some(Value::String(shown))
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// `a•••@example.com`. A local part of one letter is hidden whole.
fn email(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let mut letters = local.chars();
    let first = letters.next()?;
    if domain.is_empty() {
        return None;
    }
    let shown = if letters.next().is_some() {
        first.to_string()
    } else {
        String::new()
    };
    Some(format!("{shown}{DOTS}@{domain}"))
}

/// The last two digits, of a number that has enough of them.
fn phone(number: &str) -> Option<String> {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    let shown = digits.len().checked_sub(2).filter(|hidden| *hidden >= 4)?;
    let end: String = digits.get(shown..)?.iter().collect();
    Some(format!("{DOTS}{end}"))
}

/// The last four characters, of a text that has twice as many.
fn last4(value: &Value) -> Option<String> {
    let whole = match value {
        Value::String(text) => text.to_string(),
        Value::Int(number) => number.unsigned_abs().to_string(),
        _ => return None,
    };
    let letters: Vec<char> = whole.chars().collect();
    if letters.len() < SHORTEST_FOR_END {
        return None;
    }
    let end: String = letters.get(letters.len() - 4..)?.iter().collect();
    Some(format!("{DOTS}{end}"))
}

fn year(value: &Value) -> Option<String> {
    let at = match value {
        Value::Timestamp(at) => *at,
        Value::String(text) => Timestamp::parse(text)?,
        _ => return None,
    };
    Some(at.year().to_string())
}

/// The range of 1, 2 and 5 times powers of ten that holds the number; zero is itself.
fn bucket(value: &Value) -> Option<String> {
    const ONE: i128 = 1_000_000;
    let (millionths, unit) = match value {
        Value::Int(whole) => (i128::from(*whole) * ONE, String::new()),
        Value::Decimal(Decimal { micros, currency }) => (
            i128::from(*micros),
            currency.map_or_else(String::new, |currency| format!(" {currency}")),
        ),
        Value::Duration(micros) => {
            let seconds = i128::from(*micros) * ONE / i128::from(MICROS_PER_SECOND);
            (seconds, " s".to_owned())
        }
        _ => return None,
    };
    let absolute = millionths.unsigned_abs();
    if absolute == 0 {
        return Some(format!("0{unit}"));
    }
    let one = ONE.unsigned_abs();
    let (mut low, mut high) = (0, one);
    let mut factors = [2, 5, 10].into_iter().cycle();
    let mut power = one;
    while absolute >= high {
        let factor = factors.next()?;
        low = high;
        high = power.checked_mul(factor)?;
        if factor == 10 {
            power = high;
        }
    }
    let sign = if millionths < 0 { "-" } else { "" };
    Some(format!("{sign}{}–{sign}{}{unit}", low / one, high / one))
}

/// `A. L.`: at most four, and none of a name that is no longer than its initials.
fn initials(name: &str) -> Option<String> {
    let words: Vec<&str> = name
        .split(|letter: char| letter.is_whitespace() || letter == '-')
        .filter(|word| word.starts_with(char::is_alphabetic))
        .collect();
    let is_longer = words.iter().any(|word| word.chars().nth(2).is_some());
    if words.is_empty() || !is_longer {
        return None;
    }
    let initials: Vec<String> = words
        .iter()
        .take(4)
        .filter_map(|word| word.chars().next())
        .map(|first| format!("{}.", first.to_uppercase()))
        .collect();
    Some(initials.join(" "))
}

fn hash(value: &Value, key: &[u8; 32]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(b"kith mask\0");
    mac.update(value.to_canonical().to_string().as_bytes());
    let digest = mac.finalize().into_bytes();
    Some(hex::encode(digest.get(..HASH_BYTES)?))
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
