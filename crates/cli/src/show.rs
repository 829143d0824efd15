//! Values, times and reasons as short texts for tables.

use kith_domain::Timestamp;
use kith_engine::FieldAnswer;
use serde_json::Value as Json;

use crate::output::GLUE;

/// What stands for a value that there is not.
pub(crate) const NONE: &str = "–";

/// A value of an answer in a few words.
pub(crate) fn value(json: &Json) -> String {
    match json {
        Json::Null => NONE.to_owned(),
        Json::String(text) => match Timestamp::parse(text) {
            Some(at) if text.contains('T') => minute(at),
            _ => one_line(text),
        },
        Json::Array(items) if items.is_empty() => "none".to_owned(),
        Json::Array(items) => items.iter().map(value).collect::<Vec<_>>().join(", "),
        Json::Object(money) => {
            let part = |key| money.get(key).and_then(Json::as_str).unwrap_or("?");
            format!("{} {}", part("amount"), part("currency"))
        }
        other => other.to_string(),
    }
}

/// The value, with what is to be known of it: its mask, or that it is stale.
pub(crate) fn field(answer: &FieldAnswer) -> String {
    let value = value(&answer.value);
    match (answer.mask, &answer.origin) {
        (Some(mask), _) => format!("{MASKED}{GLUE}{value} ({mask})"),
        (None, Some(origin)) if origin.stale => format!("{value} (stale)"),
        (None, _) => value,
    }
}

/// Marks a masked value, also where there is no colour.
pub(crate) const MASKED: &str = "◐";
/// Marks what is withheld, also where there is no colour.
pub(crate) const HIDDEN: &str = "✗";

/// A source and how long ago it said so: `billing, 9h`.
pub(crate) fn origin(answer: &FieldAnswer) -> Option<String> {
    let origin = answer.origin.as_ref()?;
    Some(format!("{}, {}", origin.source, age(origin.age_seconds)))
}

/// A length of time in its largest unit.
pub(crate) fn age(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    match seconds {
        ..MINUTE => format!("{seconds}s"),
        MINUTE..HOUR => format!("{}m", seconds / MINUTE),
        HOUR..DAY => format!("{}h", seconds / HOUR),
        DAY.. => format!("{}d", seconds / DAY),
    }
}

/// `2026-01-31 12:00`, UTC.
pub(crate) fn minute(at: Timestamp) -> String {
    shorten(at, "2026-01-31T12:00".len())
}

/// `2026-01-31 12:00:00`, UTC.
pub(crate) fn second(at: Timestamp) -> String {
    shorten(at, "2026-01-31T12:00:00".len())
}

fn shorten(at: Timestamp, length: usize) -> String {
    let text = at.to_string();
    text.get(..length).unwrap_or(&text).replacen('T', " ", 1)
}

/// A customer's text must not move the cursor or break a row.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_short() {
        let check = |json: Json, expect: &str| assert_eq!(value(&json), expect, "{json}");
        check(json!(null), "–");
        check(json!(true), "true");
        check(json!(25), "25");
        check(json!("12.5"), "12.5");
        check(
            json!({"amount": "4800.00", "currency": "EUR"}),
            "4800.00 EUR",
        );
        check(json!("2026-11-24T05:47:06.25Z"), "2026-11-24 05:47");
        check(json!("2026-11-24"), "2026-11-24");
        check(json!(["slack", "github"]), "slack, github");
        check(json!([]), "none");
        check(json!("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }

    #[test]
    fn ages_are_in_their_largest_unit() {
        for (seconds, expect) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (7_200, "2h"),
            (400_000, "4d"),
        ] {
            assert_eq!(age(seconds), expect);
        }
    }
}
