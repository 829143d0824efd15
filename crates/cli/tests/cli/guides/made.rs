//! The tables of the reference that the product makes itself.

use std::fmt::Write as _;

use kith_domain::{Audience, Currency, Decimal, Entity, MaskKind, Purpose, Timestamp, Value};
use kith_policy::{Interval, State, StateWord, Tri, limits, mask};

/// A table by its name, with a newline at its end.
pub(super) fn table(name: &str) -> Option<String> {
    Some(match name {
        "purposes" => purposes(),
        "logic" => logic(),
        "masks" => masks(),
        "masks together" => masks_together(),
        "state tests" => state_tests(),
        "entities" => entities(),
        "limits" => sizes(),
        _ => return None,
    })
}

/// Rows of cells, the first one the head.
fn rows(rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    for (index, cells) in rows.iter().enumerate() {
        let _ = writeln!(out, "| {} |", cells.join(" | "));
        if index == 0 {
            let _ = writeln!(out, "|{}", "---|".repeat(cells.len()));
        }
    }
    out
}

fn head(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn code(text: impl std::fmt::Display) -> String {
    format!("`{text}`")
}

fn purposes() -> String {
    let mut table = vec![head(&["purpose", "audience", "the member's own side has"])];
    for purpose in Purpose::ALL {
        let audience = purpose.audience().map_or("none", Audience::as_str);
        table.push(vec![
            code(purpose),
            audience.to_owned(),
            code(purpose.served()),
        ]);
    }
    rows(&table)
}

const fn word(value: Tri) -> &'static str {
    match value {
        Tri::False => "false",
        Tri::Unknown => "unknown",
        Tri::True => "true",
    }
}

fn logic() -> String {
    let all = [Tri::True, Tri::Unknown, Tri::False];
    let mut table = vec![head(&["a", "b", "a `and` b", "a `or` b", "`not` a"])];
    for a in all {
        for b in all {
            let cells = [a, b, a.and(b), a.or(b), a.negate()];
            table.push(cells.map(|value| word(value).to_owned()).into());
        }
    }
    rows(&table)
}

fn masks() -> String {
    let text = |text: &str| Value::String(text.into());
    let money = Decimal {
        micros: 12_500_000_000,
        currency: "EUR".parse::<Currency>().ok(),
    };
    let examples = [
        ("ada@example.com", text("ada@example.com")),
        ("+49 30 5550100", text("+49 30 5550100")),
        ("Ada Example", text("Ada Example")),
        (
            "2026-01-31",
            Value::Timestamp(Timestamp::parse("2026-01-31").unwrap()),
        ),
        ("12500.00 EUR", Value::Decimal(money)),
    ];
    let mut first = vec!["mask".to_owned()];
    first.extend(examples.iter().map(|(shown, _)| code(shown)));
    let mut table = vec![first];
    for kind in MaskKind::ALL {
        let shown = |value: &Value| match mask::apply(kind, value, &[7; 32]) {
            None => "no value".to_owned(),
            Some(Value::String(shown)) if kind == MaskKind::Hash => {
                format!("`{}…`", shown.chars().take(6).collect::<String>())
            }
            Some(Value::String(shown)) => code(shown),
            Some(_) => panic!("a mask gives a text"),
        };
        let mut cells = vec![code(kind)];
        cells.extend(examples.iter().map(|(_, value)| shown(value)));
        table.push(cells);
    }
    rows(&table)
}

fn masks_together() -> String {
    let pairs = [
        (MaskKind::Email, MaskKind::Email),
        (MaskKind::Last4, MaskKind::Redact),
        (MaskKind::Year, MaskKind::Initials),
        (MaskKind::Bucket, MaskKind::Null),
    ];
    let mut table = vec![head(&["one mask", "another", "together"])];
    for (a, b) in pairs {
        table.push(vec![code(a), code(b), code(a.meet(b))]);
    }
    rows(&table)
}

fn state_tests() -> String {
    let states = [
        State::Hidden,
        State::Masked(MaskKind::Redact),
        State::Visible,
    ];
    let mut first = head(&["strictest", "loosest", "emitted"]);
    first.extend(StateWord::ALL.map(|word| code(format!("== {word}"))));
    let mut table = vec![first];
    for (at, lo) in states.into_iter().enumerate() {
        for hi in &states[at..] {
            let interval = Interval { lo, hi: *hi };
            let mut cells: Vec<_> = [lo, *hi, interval.lo]
                .map(|state| state.word().to_string())
                .into();
            cells.extend(StateWord::ALL.map(|state| word(interval.is(state)).to_owned()));
            table.push(cells);
        }
    }
    rows(&table)
}

fn entities() -> String {
    let names: Vec<_> = Entity::ALL
        .iter()
        .map(|entity| code(format!("{}.…", entity.as_str())))
        .collect();
    format!("{}\n", names.join(", "))
}

fn sizes() -> String {
    let sizes = [
        (
            "statements in a version, over all files",
            limits::MAX_STATEMENTS,
        ),
        (
            "nesting of parentheses and `not` in a condition",
            limits::MAX_NESTING,
        ),
        (
            "tests in the conditions of one statement",
            limits::MAX_TESTS,
        ),
        (
            "items in a list; fields or purposes in a statement",
            limits::MAX_ITEMS,
        ),
        ("bytes of a text in quotes", limits::MAX_TEXT_BYTES),
        (
            "states in a chain of states that read states",
            limits::MAX_STATE_CHAIN,
        ),
        (
            "mistakes that are told of one file at once",
            limits::MAX_FINDINGS,
        ),
    ];
    let mut table = vec![head(&["at most", ""])];
    for (what, size) in sizes {
        table.push(vec![what.to_owned(), size.to_string()]);
    }
    rows(&table)
}
