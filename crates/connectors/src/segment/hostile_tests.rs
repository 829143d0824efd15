//! What no client should send. Nothing makes the decoder panic, and in a batch nothing beside the
//! bad message is lost.

use kith_domain::fact::{Decoder, Message};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::tests::{NODE, PYTHON, decode, received_at};
use super::{Call, Route};
use crate::original::{MAX_BATCH_EVENTS, MAX_EVENT_BYTES};

const GOOD: &str = r#"{"type":"track","messageId":"good","userId":"u1","event":"login"}"#;
const ROUTES: [Route; 7] = [
    Route::Batch,
    Route::One(Call::Identify),
    Route::One(Call::Track),
    Route::One(Call::Page),
    Route::One(Call::Screen),
    Route::One(Call::Group),
    Route::One(Call::Alias),
];

/// Sends a bad message between two good ones; the good ones must come through, the bad one is
/// returned, with all its bytes.
fn between_good(bad: &[u8]) -> Message {
    let body = [
        b"{\"batch\":[",
        GOOD.as_bytes(),
        b", ",
        bad,
        b" ,",
        GOOD.as_bytes(),
        b"]}",
    ]
    .concat();
    let mut messages = decode(Route::Batch, body);
    assert_eq!(messages.len(), 3);
    for good in [&messages[0], &messages[2]] {
        assert_eq!(good.original, GOOD.as_bytes());
        assert_eq!(good.fact.as_ref().unwrap().message_id, "good");
    }
    // When it was sent is no part of it, see `tests.rs`.
    if !bad.windows(8).any(|part| part == b"\"sentAt\"") {
        assert_eq!(messages[1].original, bad);
    }
    messages.remove(1)
}

#[test]
fn a_bad_message_does_not_spoil_its_batch() {
    let check = |bad: &[u8], code: &str| {
        let message = between_good(bad);
        assert_eq!(message.fact.unwrap_err().code, code);
        assert!(message.message_id.is_some());
    };
    let large = format!(
        r#"{{"type":"track","userId":"u1","event":"login","properties":{{"x":"{}"}}}}"#,
        "x".repeat(MAX_EVENT_BYTES)
    );
    check(large.as_bytes(), "event-too-large");
    check(
        b"{\"type\":\"track\",\"userId\":\"u1\",\"event\":\"a\xff\"}",
        "not-utf-8",
    );
    check(b"null", "not-an-object");
    check(b"[[[]]]", "not-an-object");
    check(b"-1e999999", "not-an-object");
    check(b"\"\\ud800\"", "not-an-object");
    check(br#"{"\ud800":1}"#, "not-an-object");
    check(br#"{"type":"purchase","userId":"u1"}"#, "unknown-type");
    check(
        br#"{"type":"track","userId":"\ud800","event":"login"}"#,
        "malformed-identifier",
    );
    check(
        "[".repeat(20_000)
            .into_bytes()
            .into_iter()
            .chain("]".repeat(20_000).into_bytes())
            .collect::<Vec<_>>()
            .as_slice(),
        "not-an-object",
    );
}

#[test]
fn a_value_that_cannot_be_read_does_not_spoil_its_message() {
    let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
    for bad in ["1e999", r#""\ud800""#, &deep] {
        let message = format!(
            r#"{{"type":"identify","userId":"u1","traits":{{"plan":"growth","bad":{bad},"a@b.c":1e999}}}}"#
        );
        let fact = between_good(message.as_bytes()).fact.unwrap();
        assert_eq!(Json::Object(fact.data), json!({ "plan": "growth" }));
        let faults: Vec<_> = fact
            .faults
            .iter()
            .map(|fault| (fault.code, fault.path.as_str()))
            .collect();
        // A key that is no name is not repeated: it may be someone's address.
        assert_eq!(
            faults,
            [
                ("unreadable-value", "traits.bad"),
                ("unreadable-value", "traits.*")
            ]
        );
    }
}

#[test]
fn a_body_that_no_parser_can_read_is_malformed_and_not_repeated() {
    for body in [
        "",
        "{",
        "secret",
        r#"{"batch":[{"secret":1}"#,
        r#"{"batch":[]} secret"#,
        "\u{feff}{}",
        "{\"secret\":\"\n\"}",
    ] {
        for route in ROUTES {
            let error = route.decode(body.as_bytes(), received_at()).unwrap_err();
            assert!(!error.detail.contains("secret"), "{error}");
        }
    }
}

#[test]
fn a_batch_in_which_no_events_can_be_told_apart_is_kept_as_one() {
    for (body, code) in [
        ("{}", "missing-batch"),
        ("[1]", "missing-batch"),
        ("7", "missing-batch"),
        (r#"{"batch":null}"#, "missing-batch"),
        (r#"{"batch":{}}"#, "wrong-type"),
        (
            &json!({ "batch": vec![0; MAX_BATCH_EVENTS + 1] }).to_string(),
            "too-many-events",
        ),
    ] {
        let messages = decode(Route::Batch, body);
        assert_eq!(messages.len(), 1);
        assert_eq!(messages[0].original, body.as_bytes());
        assert_eq!(messages[0].fact.as_ref().unwrap_err().code, code);
    }
    assert_eq!(decode(Route::Batch, r#"{"batch":[]}"#), []);
}

#[test]
fn more_events_than_the_specification_allows_are_taken() {
    let body = format!(r#"{{"batch":[{}]}}"#, vec![GOOD; 10_000].join(","));
    let messages = decode(Route::Batch, body);
    assert_eq!(messages.len(), 10_000);
    assert!(messages.iter().all(|message| message.fact.is_ok()));
}

#[test]
fn a_key_that_occurs_twice_loses_nothing() {
    let body = format!(r#"{{"batch":[{GOOD}],"batch":[{GOOD}],"writeKey":"a","writeKey":"b"}}"#);
    let delivery = Route::Batch.decode(body.as_bytes(), received_at()).unwrap();
    assert_eq!(delivery.messages.len(), 2);
    assert_eq!(delivery.write_key.as_deref(), Some("b"));
}

/// Every place in a value, as JSON pointers.
fn places(json: &Json, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match json {
        Json::Object(map) => map
            .iter()
            .for_each(|(key, value)| places(value, &format!("{at}/{key}"), found)),
        Json::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(i, value)| places(value, &format!("{at}/{i}"), found)),
        _ => {}
    }
}

#[test]
fn the_wrong_type_in_any_place_is_no_more_than_a_fault() {
    let wrong = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1.5e300),
        json!("null"),
        json!("x".repeat(600)),
        json!([]),
        json!([[1]]),
        json!({}),
        json!({ "id": {} }),
    ];
    for body in [NODE, PYTHON] {
        let sound: Json = serde_json::from_str(body).unwrap();
        for event in sound["batch"].as_array().unwrap() {
            let mut found = Vec::new();
            places(event, "", &mut found);
            for place in found {
                for value in &wrong {
                    let mut changed = event.clone();
                    *changed.pointer_mut(&place).unwrap() = value.clone();
                    between_good(changed.to_string().as_bytes());
                }
            }
        }
    }
}

#[test]
fn truncated_bodies_are_malformed() {
    for body in [NODE, PYTHON] {
        for end in 0..body.trim_end().len() {
            assert!(
                Route::Batch
                    .decode(&body.as_bytes()[..end], received_at())
                    .is_err()
            );
        }
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "\\PC{0,12}|null|[a-z]{1,3}@[a-z]{1,3}".prop_map(Json::from),
    ];
    let key = "type|userId|anonymousId|previousId|groupId|messageId|event|traits|properties|context|timestamp|originalTimestamp|sentAt|email|company|id|\\PC{0,5}";
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((key, inner), 0..8)
                .prop_map(|pairs| pairs.into_iter().collect::<Json>()),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        for route in ROUTES {
            let _ = route.decode(&body, received_at());
        }
    }

    #[test]
    fn no_bytes_within_a_real_body_make_it_panic(at in 0..NODE.len(), bytes in prop::collection::vec(any::<u8>(), 1..4)) {
        let mut body = NODE.as_bytes().to_vec();
        body.splice(at..(at + bytes.len()).min(NODE.len()), bytes);
        for route in ROUTES {
            if let Ok(delivery) = route.decode(&body, received_at()) {
                for message in delivery.messages {
                    prop_assert!(message.original.len() <= body.len());
                }
            }
        }
    }

    #[test]
    fn any_message_is_told_apart_from_its_neighbours(message in any_json()) {
        let message = between_good(message.to_string().as_bytes());
        if let Ok(fact) = message.fact {
            prop_assert!(fact.observed_at <= received_at());
            for identifier in fact.person.iter().chain(&fact.account) {
                prop_assert!(message.identifiers.contains(identifier));
            }
        }
    }

    #[test]
    fn faults_repeat_no_value(secret in "[A-Z]{12}") {
        let traits = json!({ "email": secret, "company": { "id": [secret] }, "deep": 1 });
        let body = json!({
            "userId": { "x": secret }, "anonymousId": format!("{secret}\0"), "groupId": "ws_1",
            "timestamp": secret, "context": secret, "traits": traits,
        });
        for route in ROUTES {
            for message in decode(route, body.to_string()) {
                let shown = format!("{:?}", message.fact.map(|fact| fact.faults));
                prop_assert!(!shown.contains(&secret), "{shown}");
            }
        }
    }
}
