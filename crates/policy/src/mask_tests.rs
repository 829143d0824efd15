//! Every mask over every kind of value.

use kith_domain::{Currency, FieldType};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

const KEY: [u8; 32] = [7; 32];

fn value(ty: &FieldType, payload: &Json) -> Value {
    ty.read_payload(payload).unwrap()
}

fn money() -> FieldType {
    FieldType::Decimal {
        currency: "EUR".parse::<Currency>().ok(),
    }
}

fn check(kind: MaskKind, ty: &FieldType, cases: &[(Json, &str)]) {
    for (payload, expect) in cases {
        let shown = apply(kind, &value(ty, payload), &KEY);
        assert_eq!(
            shown,
            Some(Value::String((*expect).into())),
            "{kind}: {payload}"
        );
    }
}

#[test]
fn null_shows_nothing_of_anything() {
    assert_eq!(apply(MaskKind::Null, &Value::Bool(true), &KEY), None);
    assert_eq!(
        apply(MaskKind::Null, &Value::String("x".into()), &KEY),
        None
    );
}

#[test]
fn redact_shows_that_there_is_something() {
    check(
        MaskKind::Redact,
        &FieldType::String,
        &[(json!("secret"), DOTS)],
    );
    check(MaskKind::Redact, &FieldType::Int, &[(json!(7), DOTS)]);
}

#[test]
fn an_address_keeps_its_first_letter_and_its_domain() {
    check(
        MaskKind::Email,
        &FieldType::String,
        &[
            (json!("ada@example.com"), "a•••@example.com"),
            (json!("a@example.com"), "•••@example.com"),
            (json!("\"a@b\"@example.com"), "\"•••@example.com"),
            (json!("@example.com"), DOTS),
            (json!("ada@"), DOTS),
            (json!("no address"), DOTS),
        ],
    );
}

#[test]
fn a_phone_number_keeps_two_digits() {
    check(
        MaskKind::Phone,
        &FieldType::String,
        &[
            (json!("+49 30 1234567"), "•••67"),
            (json!("123456"), "•••56"),
            (json!("12345"), DOTS),
            (json!("none"), DOTS),
        ],
    );
}

#[test]
fn the_end_of_a_long_text_is_shown() {
    check(
        MaskKind::Last4,
        &FieldType::String,
        &[
            (json!("DE89370400440532013000"), "•••3000"),
            (json!("12345678"), "•••5678"),
            (json!("1234567"), DOTS),
            (json!("äöüßäöüß"), "•••äöüß"),
        ],
    );
    check(
        MaskKind::Last4,
        &FieldType::Int,
        &[(json!(4_242_424_242_i64), "•••4242"), (json!(4242), DOTS)],
    );
}

#[test]
fn a_time_keeps_its_year() {
    check(
        MaskKind::Year,
        &FieldType::Timestamp,
        &[(json!("2026-11-24T12:00:00Z"), "2026")],
    );
    check(
        MaskKind::Year,
        &FieldType::String,
        &[(json!("1815-12-10"), "1815"), (json!("soon"), DOTS)],
    );
    check(MaskKind::Year, &FieldType::Int, &[(json!(1815), DOTS)]);
}

#[test]
fn a_number_becomes_a_range() {
    check(
        MaskKind::Bucket,
        &money(),
        &[
            (json!(0), "0 EUR"),
            (json!("0.5"), "0–1 EUR"),
            (json!(1), "1–2 EUR"),
            (json!("1.99"), "1–2 EUR"),
            (json!(2), "2–5 EUR"),
            (json!("4999.99"), "2000–5000 EUR"),
            (json!(5000), "5000–10000 EUR"),
            (json!(12_500), "10000–20000 EUR"),
            (json!(-12_500), "-10000–-20000 EUR"),
        ],
    );
    check(MaskKind::Bucket, &FieldType::Int, &[(json!(42), "20–50")]);
    check(
        MaskKind::Bucket,
        &FieldType::Duration,
        &[(json!("PT4H"), "10000–20000 s")],
    );
    check(MaskKind::Bucket, &FieldType::String, &[(json!("42"), DOTS)]);
}

#[test]
fn a_name_becomes_initials() {
    check(
        MaskKind::Initials,
        &FieldType::String,
        &[
            (json!("Ada Lovelace"), "A. L."),
            (json!("ada"), "A."),
            (json!("Jean-Luc de la Tour Long"), "J. L. D. L."),
            (json!("Al"), DOTS),
            (json!("A B"), DOTS),
            (json!("42"), DOTS),
            (json!(""), DOTS),
        ],
    );
}

#[test]
fn equal_values_hash_alike_under_one_key_only() {
    let hash = |value: &Value, key: &[u8; 32]| apply(MaskKind::Hash, value, key);
    let ada = Value::String("ada".into());
    assert_eq!(hash(&ada, &KEY), hash(&ada.clone(), &KEY));
    assert_ne!(hash(&ada, &KEY), hash(&Value::String("bob".into()), &KEY));
    assert_ne!(hash(&ada, &KEY), hash(&ada, &[8; 32]));
    let Some(Value::String(shown)) = hash(&ada, &KEY) else {
        panic!("a hash is a text");
    };
    assert_eq!(shown.len(), 2 * HASH_BYTES);
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<i64>().prop_map(Value::Duration),
        any::<i64>().prop_map(|at| Value::Timestamp(Timestamp::from_micros(at))),
        any::<i64>().prop_map(|micros| Value::Decimal(Decimal {
            micros,
            currency: None
        })),
        ".{0,40}".prop_map(|text| Value::String(text.into())),
        proptest::collection::vec(".{0,9}".prop_map(Arc::from), 0..4)
            .prop_map(|texts: Vec<Arc<str>>| Value::Strings(texts.into())),
    ]
}

proptest! {
    #[test]
    fn every_mask_takes_every_value_and_never_shows_a_text_whole(
        value in any_value(),
        kind in proptest::sample::select(MaskKind::ALL.to_vec()),
    ) {
        let shown = apply(kind, &value, &KEY);
        prop_assert_eq!(shown.is_none(), kind == MaskKind::Null);
        if let (Value::String(text), Some(Value::String(shown))) = (&value, &shown) {
            let is_dots = &**text == DOTS;
            prop_assert!(is_dots || text.is_empty() || !shown.contains(&**text) || shown.len() == 32 || kind == MaskKind::Year);
        }
    }
}
