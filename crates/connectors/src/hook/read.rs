//! How foreign records write numbers, times and texts, and how facts do.

use kith_domain::Timestamp;
use kith_domain::time::MICROS_PER_SECOND;
use serde_json::{Value as Json, json};

use super::mapping::at;

/// A text or a whole number at a path.
pub(super) fn text(json: &Json, path: &str) -> Option<String> {
    match at(json, path)? {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}

/// A whole number at a path.
pub(super) fn int(json: &Json, path: &str) -> Option<i64> {
    at(json, path)?.as_i64()
}

/// A time at a path: seconds since 1970, or a text.
pub(super) fn time(json: &Json, path: &str) -> Option<Timestamp> {
    match at(json, path)? {
        Json::String(text) => Timestamp::parse(text),
        number => seconds(number.as_i64()?),
    }
}

/// Seconds since 1970.
pub(super) fn seconds(seconds: i64) -> Option<Timestamp> {
    let micros = seconds.checked_mul(MICROS_PER_SECOND)?;
    Some(Timestamp::from_micros(micros))
}

/// A time as fields take it; `null` if there is none.
pub(super) fn stamp(time: Option<Timestamp>) -> Json {
    time.map_or(Json::Null, |time| json!(time))
}

/// When something was said, never later than it was received.
pub(super) fn observed(claimed: Option<Timestamp>, received_at: Timestamp) -> Timestamp {
    claimed.map_or(received_at, |claimed| claimed.min(received_at))
}

/// `past_due` as `pastDue`.
pub(super) fn camel(word: &str) -> String {
    let mut camel = String::with_capacity(word.len());
    let mut is_next_upper = false;
    for c in word.chars() {
        if matches!(c, '_' | '-' | ' ') {
            is_next_upper = !camel.is_empty();
        } else if is_next_upper {
            camel.extend(c.to_uppercase());
            is_next_upper = false;
        } else {
            camel.push(c);
        }
    }
    camel
}

/// Currencies without cents, and those with thousandths.
const WHOLE: [&str; 16] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "ugx", "vnd", "vuv",
    "xaf", "xof", "xpf",
];
const THOUSANDTHS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// An amount in a currency's smallest unit, as facts write money.
pub(super) fn money(minor: i64, currency: &str) -> Json {
    let currency = currency.to_ascii_lowercase();
    let digits = match currency.as_str() {
        whole if WHOLE.contains(&whole) => 0,
        fine if THOUSANDTHS.contains(&fine) => 3,
        _ => 2,
    };
    let unit = 10_u64.pow(digits);
    let sign = if minor < 0 { "-" } else { "" };
    let (whole, rest) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
    let amount = match digits {
        0 => format!("{sign}{whole}"),
        digits => format!("{sign}{whole}.{rest:0width$}", width = digits as usize),
    };
    json!({"amount": amount, "currency": currency.to_ascii_uppercase()})
}

/// What a help desk has as HTML, as the text that its author wrote.
pub(super) fn plain(html: &str) -> String {
    let mut plain = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, tagged)) = rest.split_once('<') {
        plain.push_str(before);
        let Some((tag, after)) = tagged.split_once('>') else {
            plain.push('<');
            rest = tagged;
            break;
        };
        let name = tag.trim_matches(|c: char| c == '/' || c.is_whitespace());
        let name = name.split_whitespace().next().unwrap_or_default();
        let ends_line = name.eq_ignore_ascii_case("br")
            || (tag.starts_with('/') && matches!(name, "p" | "div" | "li"));
        if ends_line {
            plain.push('\n');
        }
        rest = after;
    }
    plain.push_str(rest);
    let entities = [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    for (entity, text) in entities {
        plain = plain.replace(entity, text);
    }
    plain.trim().to_owned()
}
