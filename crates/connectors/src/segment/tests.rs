//! What real clients send, and what each call becomes.

use kith_domain::Timestamp;
use kith_domain::fact::{Decoder, FactKind, Fault, Message};
use serde_json::{Value as Json, json};

use super::{Call, Route, settings};

/// Sent by the packages' own code to a local server, people made up.
pub(super) const NODE: &str = include_str!("fixtures/analytics-node-3.1.json");
pub(super) const PYTHON: &str = include_str!("fixtures/analytics-python-2.4.json");

pub(crate) fn received_at() -> Timestamp {
    Timestamp::parse("2026-11-24T12:00:00Z").unwrap()
}

pub(super) fn decode(route: Route, body: impl AsRef<[u8]>) -> Vec<Message> {
    route.decode(body.as_ref(), received_at()).unwrap().messages
}

fn one(call: Call, body: &Json) -> Message {
    let mut messages = decode(Route::One(call), body.to_string());
    assert_eq!(messages.len(), 1);
    messages.remove(0)
}

fn show(identifiers: &[kith_domain::Identifier]) -> Vec<String> {
    identifiers
        .iter()
        .map(|it| format!("{}:{}", it.kind(), it.value()))
        .collect()
}

fn show_fault(fault: &Fault) -> String {
    format!("{} at `{}`: {}", fault.code, fault.path, fault.detail)
}

/// All of a message but its bytes, for snapshots.
pub(crate) fn show_message(message: &Message) -> Json {
    let fact = match &message.fact {
        Err(fault) => json!({ "refused": show_fault(fault) }),
        Ok(fact) => json!({
            "kind": fact.kind.as_str(),
            "event": match &fact.kind { FactKind::Track { event } => Some(event), _ => None },
            "person": show(&fact.person),
            "account": show(&fact.account),
            "data": fact.data,
            "observedAt": fact.observed_at,
            "faults": fact.faults.iter().map(show_fault).collect::<Vec<_>>(),
        }),
    };
    json!({
        "messageId": message.message_id,
        "identifiers": show(&message.identifiers),
        "fact": fact,
    })
}

#[test]
fn what_real_clients_send_becomes_facts() {
    for (name, body) in [("analytics-node", NODE), ("analytics-python", PYTHON)] {
        let delivery = Route::Batch.decode(body.as_bytes(), received_at()).unwrap();
        assert_eq!(delivery.write_key.as_deref(), Some("kith_write_example"));
        let shown: Vec<_> = delivery.messages.iter().map(show_message).collect();
        insta::assert_json_snapshot!(name, shown);
        for message in &delivery.messages {
            assert!(body.contains(std::str::from_utf8(&message.original).unwrap()));
        }
    }
}

#[test]
fn every_route_has_a_long_and_a_short_form() {
    let calls = [
        ("identify", "i", Call::Identify),
        ("track", "t", Call::Track),
        ("page", "p", Call::Page),
        ("screen", "s", Call::Screen),
        ("group", "g", Call::Group),
        ("alias", "a", Call::Alias),
    ];
    for (long, short, call) in calls {
        assert_eq!(Route::of_path(long), Some(Route::One(call)));
        assert_eq!(Route::of_path(short), Some(Route::One(call)));
    }
    assert_eq!(Route::of_path("batch"), Some(Route::Batch));
    assert_eq!(Route::of_path("b"), Some(Route::Batch));
    assert_eq!(Route::of_path("import"), None);
}

#[test]
fn the_route_says_which_call_it_is_whatever_the_message_says() {
    let body = json!({ "type": "alias", "userId": "usr_1", "event": "login", "writeKey": "k" });
    let fact = one(Call::Track, &body).fact.unwrap();
    assert_eq!(
        fact.kind,
        FactKind::Track {
            event: "login".into()
        }
    );
    assert_eq!(
        Route::One(Call::Track)
            .decode(body.to_string().as_bytes(), received_at())
            .unwrap()
            .write_key
            .as_deref(),
        Some("k")
    );
}

#[test]
fn people_and_accounts_are_named_by_identifiers_in_their_order() {
    let check = |call, body: Json, person: &[&str], account: &[&str]| {
        let fact = one(call, &body).fact.unwrap();
        assert_eq!(show(&fact.person), person, "{body}");
        assert_eq!(show(&fact.account), account, "{body}");
        assert_eq!(fact.faults, [], "{body}");
    };
    let ada = json!({ "email": "Ada@Example.com" });
    check(
        Call::Identify,
        json!({ "anonymousId": "an-1", "userId": "usr_1", "traits": ada, "context": { "groupId": "ws_1" } }),
        &["userId:usr_1", "anonymousId:an-1", "email:ada@example.com"],
        &["groupId:ws_1"],
    );
    check(
        Call::Identify,
        json!({ "context": { "traits": ada } }),
        &["email:ada@example.com"],
        &[],
    );
    check(
        Call::Identify,
        json!({ "userId": 2481, "anonymousId": null }),
        &["userId:2481"],
        &[],
    );
    // The call's own traits outrank the context's, also where they delete.
    let both = json!({ "traits": { "email": "new@example.com" }, "context": { "traits": { "email": "old@example.com" } } });
    check(Call::Identify, both, &["email:new@example.com"], &[]);
    let gone = json!({ "userId": "usr_1", "traits": { "email": null }, "context": { "traits": { "email": "old@example.com" } } });
    check(Call::Identify, gone, &["userId:usr_1"], &[]);
    let company = json!({ "userId": "usr_1", "traits": { "company": { "id": 7 } } });
    check(Call::Identify, company, &["userId:usr_1"], &["groupId:7"]);
    let inherited = json!({ "userId": "usr_1", "event": "login", "context": { "traits": { "company": { "id": "ws_1" } } } });
    check(Call::Track, inherited, &["userId:usr_1"], &["groupId:ws_1"]);
    // A group's own email is the account's, and it may come without a person.
    let group = json!({ "groupId": "ws_1", "traits": { "email": "office@example.com" } });
    check(Call::Group, group, &[], &["groupId:ws_1"]);
    let alias = json!({ "userId": "usr_1", "previousId": "an-1", "anonymousId": "an-1" });
    check(
        Call::Alias,
        alias,
        &["userId:usr_1", "anonymousId:an-1"],
        &[],
    );
}

#[test]
fn traits_and_properties_stay_as_they_were_sent() {
    let check = |call, body: Json, data: Json| {
        let fact = one(call, &body).fact.unwrap();
        assert_eq!(Json::Object(fact.data), data, "{body}");
    };
    check(
        Call::Identify,
        json!({ "userId": "u1", "traits": { "email": "Ada@Example.com", "age": 3.0, "plan": null }, "context": { "traits": { "plan": "growth", "locale": "de" } } }),
        json!({ "locale": "de", "email": "Ada@Example.com", "age": 3.0, "plan": null }),
    );
    // The id of a company named the account; what else was said of it is still there to be checked.
    check(
        Call::Identify,
        json!({ "userId": "u1", "traits": { "company": { "id": "ws_1" } } }),
        json!({}),
    );
    let company = json!({ "userId": "u1", "traits": { "company": { "id": "ws_1", "size": 5 } } });
    check(Call::Identify, company, json!({ "company": { "size": 5 } }));
    let other = json!({ "userId": "u1", "context": { "groupId": "ws_2" }, "traits": { "company": { "id": "ws_1" } } });
    check(
        Call::Identify,
        other,
        json!({ "company": { "id": "ws_1" } }),
    );
    let page = json!({ "userId": "u1", "name": "Pricing", "category": "Docs", "properties": { "category": "Site" } });
    check(
        Call::Page,
        page,
        json!({ "category": "Site", "name": "Pricing" }),
    );
    let track =
        json!({ "userId": "u1", "event": "login", "context": { "traits": { "plan": "growth" } } });
    check(Call::Track, track, json!({}));
}

#[test]
fn page_and_screen_are_events() {
    let event = |call| match one(call, &json!({ "userId": "u1" })).fact.unwrap().kind {
        FactKind::Track { event } => event,
        other => panic!("{other:?}"),
    };
    assert_eq!(event(Call::Page), "page.viewed");
    assert_eq!(event(Call::Screen), "screen.viewed");
}

#[test]
fn a_part_that_cannot_be_used_goes_and_the_rest_stays() {
    let check = |call, body: Json, expect: &[(&str, &str)]| {
        let message = one(call, &body);
        let fact = message.fact.unwrap();
        let faults: Vec<_> = fact
            .faults
            .iter()
            .map(|fault| (fault.code, fault.path.as_str()))
            .collect();
        assert_eq!(faults, expect, "{body}");
        assert!(!fact.data.contains_key("email"), "{body}");
    };
    check(
        Call::Identify,
        json!({ "userId": "u1", "anonymousId": "anonymous" }),
        &[("junk-identifier", "anonymousId")],
    );
    check(
        Call::Identify,
        json!({ "userId": "", "anonymousId": "an-1" }),
        &[("junk-identifier", "userId")],
    );
    check(
        Call::Identify,
        json!({ "userId": ["u1"], "anonymousId": "an-1" }),
        &[("malformed-identifier", "userId")],
    );
    check(
        Call::Identify,
        json!({ "userId": 1.5, "anonymousId": "an-1" }),
        &[("malformed-identifier", "userId")],
    );
    check(
        Call::Identify,
        json!({ "userId": "u1", "traits": { "email": "none" } }),
        &[("junk-identifier", "traits.email")],
    );
    let inherited = json!({ "userId": "u1", "context": { "traits": { "email": "at home" } } });
    check(
        Call::Identify,
        inherited,
        &[("malformed-identifier", "context.traits.email")],
    );
    check(
        Call::Identify,
        json!({ "userId": "u1", "traits": [] }),
        &[("wrong-type", "traits")],
    );
    check(
        Call::Identify,
        json!({ "userId": "u1", "context": "none" }),
        &[("wrong-type", "context")],
    );
    check(
        Call::Track,
        json!({ "userId": "u1", "event": "login", "properties": 3 }),
        &[("wrong-type", "properties")],
    );
    let junk_account =
        json!({ "userId": "u1", "event": "login", "context": { "groupId": "null" } });
    check(
        Call::Track,
        junk_account,
        &[("junk-identifier", "context.groupId")],
    );
    check(
        Call::Group,
        json!({ "userId": "undefined", "groupId": "ws_1" }),
        &[("junk-identifier", "userId")],
    );
    check(
        Call::Identify,
        json!({ "userId": "u1", "timestamp": "yesterday" }),
        &[("malformed-time", "timestamp")],
    );
    check(
        Call::Identify,
        json!({ "userId": "u1", "originalTimestamp": 0 }),
        &[("malformed-time", "originalTimestamp")],
    );
}

#[test]
fn a_message_without_what_it_needs_is_refused_whole() {
    let check = |call, body: Json, code: &str, path: &str| {
        let fault = one(call, &body).fact.unwrap_err();
        assert_eq!((fault.code, fault.path.as_str()), (code, path), "{body}");
    };
    check(
        Call::Identify,
        json!({ "traits": { "plan": "growth" } }),
        "missing-identifier",
        "",
    );
    check(
        Call::Identify,
        json!({ "userId": "null" }),
        "junk-identifier",
        "userId",
    );
    check(
        Call::Track,
        json!({ "event": "login", "context": { "groupId": "ws_1" } }),
        "missing-identifier",
        "",
    );
    check(
        Call::Track,
        json!({ "userId": "u1" }),
        "malformed-event-name",
        "event",
    );
    check(
        Call::Track,
        json!({ "userId": "u1", "event": " " }),
        "malformed-event-name",
        "event",
    );
    check(
        Call::Track,
        json!({ "userId": "u1", "event": "e".repeat(257) }),
        "malformed-event-name",
        "event",
    );
    check(
        Call::Group,
        json!({ "userId": "u1" }),
        "missing-identifier",
        "groupId",
    );
    check(
        Call::Group,
        json!({ "userId": "u1", "groupId": "null" }),
        "junk-identifier",
        "groupId",
    );
    check(
        Call::Alias,
        json!({ "userId": "u1" }),
        "missing-identifier",
        "previousId",
    );
    check(
        Call::Alias,
        json!({ "previousId": "an-1" }),
        "missing-identifier",
        "userId",
    );
    check(
        Call::Alias,
        json!({ "userId": "u1", "previousId": "undefined" }),
        "junk-identifier",
        "previousId",
    );
    check(
        Call::Track,
        json!({ "userId": "u1", "event": "login", "messageId": "m".repeat(101) }),
        "malformed-message-id",
        "messageId",
    );
    check(
        Call::Track,
        json!({ "userId": "u1", "event": "login", "messageId": {} }),
        "malformed-message-id",
        "messageId",
    );
    check(Call::Track, json!([1]), "not-an-object", "");
    check(Call::Track, json!("login"), "not-an-object", "");
}

#[test]
fn a_message_without_an_id_has_the_same_one_whenever_it_is_sent_again() {
    let body = json!({ "userId": "u1", "event": "login" });
    let [first, again, other] = [
        body.clone(),
        body,
        json!({ "userId": "u1", "event": "logout" }),
    ]
    .map(|body| one(Call::Track, &body).fact.unwrap().message_id);
    assert!(first.starts_with("sha256:") && first.len() <= crate::original::MAX_MESSAGE_ID_BYTES);
    assert_eq!(first, again);
    assert_ne!(first, other);
    let own = json!({ "userId": "u1", "event": "login", "messageId": "m-1" });
    assert_eq!(one(Call::Track, &own).fact.unwrap().message_id, "m-1");
}

#[test]
fn what_a_delivery_says_of_itself_is_no_part_of_the_message() {
    let sent = |at: &str, key: &str| {
        let body = format!(
            r#"{{ "userId": "u1", "sentAt": "{at}", "event" : "lo\u0067in", "writeKey": "{key}", "x": [1, {{}}] }}"#
        );
        let mut messages = decode(Route::One(Call::Track), body.into_bytes());
        messages.remove(0)
    };
    let [first, retry] = [
        sent("2026-11-24T09:00:00Z", "kith_public_1"),
        sent("2026-11-24T09:01:00Z", "kith_public_1"),
    ];
    assert_eq!(
        std::str::from_utf8(&first.original).unwrap(),
        r#"{"userId":"u1","event":"lo\u0067in","x":[1, {}]}"#
    );
    assert_eq!(first.original, retry.original);
    assert_eq!(first.message_id, retry.message_id);
    let unknown = decode(Route::Batch, br#"{"writeKey": "kith_public_1"}"#);
    assert_eq!(unknown[0].original, b"{}");
}

#[test]
fn times_are_corrected_by_the_senders_clock() {
    let check = |body: Json, expect: &str| {
        let fact = one(Call::Identify, &body).fact.unwrap();
        assert_eq!(fact.observed_at.to_string(), expect, "{body}");
    };
    check(json!({ "userId": "u1" }), "2026-11-24T12:00:00Z");
    let slow = json!({ "userId": "u1", "timestamp": "2026-11-24T10:00:00Z", "sentAt": "2026-11-24T11:00:00Z" });
    check(slow, "2026-11-24T11:00:00Z");
    // RudderStack's clients say `originalTimestamp` alone; where both are there, it is the sender's.
    let both = json!({ "userId": "u1", "originalTimestamp": "2026-11-24T09:00:00Z", "timestamp": "2026-11-24T11:00:00Z" });
    check(both, "2026-11-24T09:00:00Z");
    check(
        json!({ "userId": "u1", "timestamp": "2027-01-01" }),
        "2026-11-24T12:00:00Z",
    );
    check(
        json!({ "userId": "u1", "timestamp": "1970-01-01" }),
        "2026-11-24T12:00:00Z",
    );
}

#[test]
fn identifiers_are_found_even_in_what_is_refused() {
    let body = json!({
        "type": "unheard-of", "userId": "u1", "anonymousId": "an-1", "previousId": "an-2", "groupId": "ws_1",
        "traits": { "email": "a@example.com", "company": { "id": "ws_2" } },
        "context": { "groupId": "ws_1", "traits": { "email": "b@example.com" } },
    });
    let message = decode(Route::Batch, json!({ "batch": [body] }).to_string()).remove(0);
    assert_eq!(message.fact.unwrap_err().code, "unknown-type");
    let expect = [
        "userId:u1",
        "anonymousId:an-1",
        "anonymousId:an-2",
        "email:a@example.com",
        "email:b@example.com",
        "groupId:ws_1",
        "groupId:ws_2",
    ];
    assert_eq!(show(&message.identifiers), expect);
}

#[test]
fn the_settings_of_a_browser_name_its_key_and_nothing_else() {
    assert_eq!(
        settings("k")["integrations"],
        json!({ "Segment.io": { "apiKey": "k" } })
    );
}
