//! Values, names and times in the words of people.

use kith_domain::Timestamp;
use maud::{Markup, html};
use serde_json::Value as Json;

/// `activationRisk`, `checkout.failed` or `card_declined` as a person writes it: `Activation risk`.
pub(super) fn phrase(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        match letter {
            '.' | '_' => words.push(' '),
            _ if letter.is_ascii_uppercase() && !words.is_empty() => {
                words.push(' ');
                words.push(letter.to_ascii_lowercase());
            }
            _ if words.is_empty() => words.push(letter.to_ascii_uppercase()),
            _ => words.push(letter),
        }
    }
    words
}

/// A value of a governed answer.
pub(super) fn value(json: &Json) -> Markup {
    match json {
        Json::Null => html! { span.quiet { "–" } },
        Json::Bool(yes) => html! { (if *yes { "yes" } else { "no" }) },
        Json::Number(number) => html! { (number) },
        Json::String(text) => match Timestamp::parse(text).filter(|_| text.contains('T')) {
            Some(at) => time(at),
            None => html! { (text) },
        },
        Json::Array(items) if items.is_empty() => html! { span.quiet { "none" } },
        Json::Array(items) => html! {
            @for (place, item) in items.iter().enumerate() {
                @if place > 0 { ", " }
                (value(item))
            }
        },
        Json::Object(money) => {
            let part = |key| money.get(key).and_then(Json::as_str).unwrap_or("?");
            html! { (part("amount")) " " (part("currency")) }
        }
    }
}

/// A time to the minute.
pub(super) fn time(at: Timestamp) -> Markup {
    let text = at.to_string();
    let minute = text.get(..16).unwrap_or(&text).replace('T', " ");
    html! { time datetime=(text) { (minute) " UTC" } }
}

/// A length of time in its largest unit.
pub(super) fn age(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    match seconds {
        ..MINUTE => "just now".to_owned(),
        MINUTE..HOUR => format!("{} min ago", seconds / MINUTE),
        HOUR..DAY => format!("{} h ago", seconds / HOUR),
        DAY.. => format!("{} d ago", seconds / DAY),
    }
}

/// A sentence with its parts in backticks as code.
pub(super) fn sentence(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } }
            @else if place == 0 { (capital(part)) }
            @else { (part) }
        }
    }
}

/// With a capital letter first.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// A path that may break behind its points.
pub(super) fn path(text: &str) -> Markup {
    html! {
        code {
            @for part in text.split_inclusive('.') { (part) wbr; }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_read_as_people_write_them() {
        for (name, expect) in [
            ("activationRisk", "Activation risk"),
            ("checkout.failed", "Checkout failed"),
            ("card_declined", "Card declined"),
            ("plan", "Plan"),
            ("", ""),
        ] {
            assert_eq!(phrase(name), expect);
        }
    }

    #[test]
    fn values_are_text_and_never_markup() {
        for (json, expect) in [
            (json!(null), r#"<span class="quiet">–</span>"#),
            (json!(true), "yes"),
            (json!(12), "12"),
            (json!("<b>&"), "&lt;b&gt;&amp;"),
            (json!(["a", "b"]), "a, b"),
            (
                json!({"amount": "4800.00", "currency": "EUR"}),
                "4800.00 EUR",
            ),
            (
                json!("2026-11-24T10:12:33Z"),
                r#"<time datetime="2026-11-24T10:12:33Z">2026-11-24 10:12 UTC</time>"#,
            ),
        ] {
            assert_eq!(value(&json).into_string(), expect);
        }
    }

    #[test]
    fn sentences_have_their_code_set_apart() {
        let told = sentence("`a` is <b> and `c`").into_string();
        assert_eq!(told, "<code>a</code> is &lt;b&gt; and <code>c</code>");
        assert_eq!(sentence("it holds").into_string(), "It holds");
    }
}
