//! How values are read, kept and written.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn money(currency: &str) -> FieldType {
    FieldType::Decimal {
        currency: currency.parse().ok(),
    }
}

fn words(words: &[&str]) -> FieldType {
    FieldType::Enum(words.iter().map(|word| Arc::from(*word)).collect())
}

/// Reads as a payload and writes as an answer.
fn check(field: &FieldType, payload: &Json, expect: Result<Json, &str>) {
    let got = field.read_payload(payload).map(|value| value.to_answer());
    match expect {
        Ok(answer) => assert_eq!(got, Ok(answer), "{field} from {payload}"),
        Err(found) => assert_eq!(
            got.map_err(|error| error.found),
            Err(found),
            "{field} from {payload}"
        ),
    }
}

#[test]
fn payloads_are_read_strictly() {
    check(&FieldType::Bool, &json!(true), Ok(json!(true)));
    check(
        &FieldType::Bool,
        &json!("true"),
        Err("a text that does not fit"),
    );
    check(&FieldType::Int, &json!(3), Ok(json!(3)));
    check(&FieldType::Int, &json!(3.0), Ok(json!(3)));
    check(
        &FieldType::Int,
        &json!(3.5),
        Err("a number that does not fit"),
    );
    check(
        &FieldType::Int,
        &json!(1e300),
        Err("a number that does not fit"),
    );
    check(
        &money("EUR"),
        &json!(12.5),
        Ok(json!({"amount": "12.50", "currency": "EUR"})),
    );
    check(
        &money("EUR"),
        &json!("0.000001"),
        Ok(json!({"amount": "0.000001", "currency": "EUR"})),
    );
    let dollars = json!({"amount": "-3", "currency": "USD"});
    check(
        &money("EUR"),
        &dollars,
        Ok(json!({"amount": "-3.00", "currency": "USD"})),
    );
    check(
        &money("EUR"),
        &json!({"amount": 1, "currency": "eur"}),
        Err("an object"),
    );
    check(
        &money("EUR"),
        &json!("0.0000001"),
        Err("a text that does not fit"),
    );
    check(
        &FieldType::Decimal { currency: None },
        &json!(0.25),
        Ok(json!("0.25")),
    );
    check(
        &FieldType::Decimal { currency: None },
        &json!("9e3"),
        Err("a text that does not fit"),
    );
    check(&words(&["ok", "late"]), &json!("late"), Ok(json!("late")));
    check(
        &words(&["ok", "late"]),
        &json!("Late"),
        Err("a text that does not fit"),
    );
    check(
        &FieldType::String,
        &json!("a\0b"),
        Err("a text that does not fit"),
    );
    check(
        &FieldType::Timestamp,
        &json!(1_700_000_000),
        Ok(json!("2023-11-14T22:13:20Z")),
    );
    check(
        &FieldType::Timestamp,
        &json!(1_700_000_000_000_i64),
        Err("a number that does not fit"),
    );
    check(&FieldType::Duration, &json!(90), Ok(json!("PT1M30S")));
    check(
        &FieldType::Strings,
        &json!(["a", "b"]),
        Ok(json!(["a", "b"])),
    );
    check(&FieldType::Strings, &json!(["a", 1]), Err("a list"));
}

#[test]
fn an_error_never_repeats_the_value() {
    let error = words(&["ok"]).read_payload(&json!("hunter2")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected one of `ok`, found a text that does not fit"
    );
}

proptest! {
    #[test]
    fn decimals_read_back_from_their_text(micros: i64) {
        let decimal = Decimal { micros, currency: None };
        // i64::MIN has no positive counterpart, and so no text that parses.
        prop_assume!(micros != i64::MIN);
        prop_assert_eq!(Decimal::parse(&decimal.amount()), Some(decimal));
    }

    #[test]
    fn reading_a_decimal_never_panics(text in "\\PC*") {
        let _ = Decimal::parse(&text);
    }

    #[test]
    fn canonical_values_read_back(micros: i64, text in "[^\0]{0,40}") {
        let euros = Value::Decimal(Decimal { micros, currency: "EUR".parse().ok() });
        prop_assert_eq!(money("EUR").read_canonical(&euros.to_canonical()), Some(euros));
        let text = Value::String(text.into());
        prop_assert_eq!(FieldType::String.read_canonical(&text.to_canonical()), Some(text));
    }
}
