//! What real clients send, and what each event becomes.

use kith_domain::Timestamp;
use kith_domain::fact::{Decoder, Message};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::Capture;
use crate::segment::tests::{received_at, show_message};

/// Sent by the packages' own code to a local server, people made up.
const NODE: &str = include_str!("fixtures/posthog-node-5.json");
const PYTHON: &str = include_str!("fixtures/posthog-python-7.json");
const BROWSER: &str = include_str!("fixtures/browser.json");

fn decode(body: impl AsRef<[u8]>) -> Vec<Message> {
    Capture
        .decode(body.as_ref(), received_at())
        .unwrap()
        .messages
}

fn shown(body: &Json) -> Vec<Json> {
    decode(body.to_string()).iter().map(show_message).collect()
}

#[test]
fn what_real_clients_send_becomes_facts() {
    for (name, body) in [
        ("posthog-node", NODE),
        ("posthog-python", PYTHON),
        ("posthog-browser", BROWSER),
    ] {
        let delivery = Capture.decode(body.as_bytes(), received_at()).unwrap();
        assert_eq!(delivery.write_key.as_deref(), Some("kith_write_example"));
        let shown: Vec<_> = delivery.messages.iter().map(show_message).collect();
        insta::assert_json_snapshot!(name, shown);
        for message in &delivery.messages {
            assert!(body.contains(std::str::from_utf8(&message.original).unwrap()));
        }
    }
}

#[test]
fn an_alias_has_no_direction() {
    let alias = |distinct: &str, other: &str| {
        let event = json!({"event": "$create_alias", "distinct_id": distinct, "uuid": "u",
            "properties": {"alias": other}});
        let mut person = decode(event.to_string()).remove(0).fact.unwrap().person;
        person.sort();
        person
    };
    assert_eq!(alias("anon-1", "usr_1"), alias("usr_1", "anon-1"));
    assert_eq!(alias("usr_1", "anon-1").len(), 2);
}

#[test]
fn who_is_known_is_a_user_and_who_is_not_is_a_browser() {
    let check = |properties: Json, expect: &[&str]| {
        let event = json!({"event": "Seen", "distinct_id": "d-1", "properties": properties});
        let person = shown(&event).remove(0)["fact"]["person"].clone();
        assert_eq!(person, json!(expect), "{event}");
    };
    check(json!({}), &["userId:d-1", "anonymousId:d-1"]);
    check(
        json!({"$device_id": "d-2"}),
        &["userId:d-1", "anonymousId:d-1"],
    );
    check(json!({"$device_id": "d-1"}), &["anonymousId:d-1"]);
    check(json!({"$is_identified": false}), &["anonymousId:d-1"]);
    check(
        json!({"$process_person_profile": false}),
        &["anonymousId:d-1"],
    );
}

#[test]
fn an_event_that_says_something_of_the_person_is_two_facts() {
    let event = json!({"event": "Upgraded", "distinct_id": "usr_1", "uuid": "u-1",
        "properties": {"code": "x", "$set": {"email": "ada@acme.example", "$browser": "x"}, "$unset": ["phone"]}});
    let shown = shown(&event);
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[0]["messageId"], "u-1");
    assert_eq!(shown[0]["fact"]["data"], json!({"code": "x"}));
    assert_eq!(shown[1]["messageId"], "u-1#set");
    assert_eq!(
        shown[1]["fact"]["data"],
        json!({"email": "ada@acme.example", "phone": null})
    );
    assert_eq!(shown[1]["fact"]["kind"], "identify");
    // What the client says of itself on every event is nothing of the person.
    let plain =
        json!({"event": "Seen", "distinct_id": "usr_1", "properties": {"$set": {"$browser": "x"}}});
    assert_eq!(decode(plain.to_string()).len(), 1);
}

#[test]
fn what_cannot_be_used_is_refused_with_its_reason() {
    let check = |event: Json, expect: &[&str]| {
        let found = shown(&event).remove(0)["fact"].clone();
        let faults = match &found["refused"] {
            Json::String(refused) => vec![refused.clone()],
            _ => serde_json::from_value(found["faults"].clone()).unwrap(),
        };
        assert_eq!(faults.len(), expect.len(), "{faults:?}");
        for (fault, expect) in faults.iter().zip(expect) {
            assert!(fault.starts_with(expect), "{fault}");
        }
    };
    check(
        json!({"distinct_id": "usr_1"}),
        &["malformed-event-name at `event`"],
    );
    check(
        json!({"event": "Seen"}),
        &["missing-identifier at `distinct_id`"],
    );
    check(
        json!({"event": "Seen", "distinct_id": "null"}),
        &["junk-identifier at `distinct_id`"],
    );
    check(
        json!({"event": "$groupidentify", "properties": {"$group_type": "project", "$group_key": "p"}}),
        &["unknown-group-type at `properties.$group_type`"],
    );
    check(
        json!({"event": "$create_alias", "distinct_id": "usr_1"}),
        &["missing-identifier at `properties.alias`"],
    );
    check(
        json!({"event": "$identify", "distinct_id": "usr_1", "$set": {"email": "none of it"}, "$set_once": {"plan": "x"}}),
        &[
            "set-once at `$set_once.plan`",
            "malformed-identifier at `$set.email`",
        ],
    );
    check(
        json!({"event": "Seen", "distinct_id": "usr_1", "timestamp": "soon"}),
        &["malformed-time at `timestamp`"],
    );
}

#[test]
fn a_bad_event_does_not_spoil_its_batch() {
    let good = json!({"event": "Seen", "distinct_id": "usr_1"});
    let bodies = [
        json!({"batch": [good, 7, good]}),
        json!([good, "x", good]),
        json!({"batch": [good, {"event": "Seen", "distinct_id": [1]}, good]}),
    ];
    for body in bodies {
        let kept: Vec<bool> = decode(body.to_string())
            .iter()
            .map(|message| message.fact.is_ok())
            .collect();
        assert_eq!(kept, [true, false, true], "{body}");
    }
    assert!(Capture.decode(b"data=e30%3D", received_at()).is_err());
    assert!(decode("{\"batch\": 7}").remove(0).fact.is_err());
}

#[test]
fn the_clock_of_a_sender_is_corrected() {
    let body = json!({"api_key": "k", "sent_at": "2026-11-24T13:00:00Z", "batch": [
        {"event": "Seen", "distinct_id": "usr_1", "timestamp": "2026-11-24T12:59:00Z"}]});
    let fact = decode(body.to_string()).remove(0).fact.unwrap();
    assert_eq!(
        Some(fact.observed_at),
        Timestamp::parse("2026-11-24T11:59:00Z")
    );
}

proptest! {
    #[test]
    fn no_bytes_within_a_real_body_make_it_panic(at in 0..PYTHON.len(), bytes in prop::collection::vec(any::<u8>(), 1..4)) {
        let mut body = PYTHON.as_bytes().to_vec();
        let end = (at + bytes.len()).min(body.len());
        body.splice(at..end, bytes);
        if let Ok(delivery) = Capture.decode(&body, received_at()) {
            for message in delivery.messages {
                prop_assert!(!message.original.is_empty());
            }
        }
    }
}
