//! What sources and callers send: bodies, values, words.

use kith_auth::key;
use kith_connectors::hook::{Hook, Kind};
use kith_connectors::posthog::Capture;
use kith_connectors::segment::Route;
use kith_domain::fact::Decoder;
use kith_domain::id::{AccountId, KeyId, MemberId, PersonId};
use kith_domain::time::{format_duration, parse_duration};
use kith_domain::{Currency, Decimal, FieldType, Identifier, IdentifierType, Timestamp};
use serde_json::Value as Json;

/// Nothing is dropped: a body that can be read gives a message, and each keeps its bytes.
pub(crate) fn segment(bytes: &[u8]) {
    let Some((route, body)) = bytes.split_first() else {
        return;
    };
    let name = char::from(*route).to_string();
    let Some(route) = Route::of_path(&name) else {
        return;
    };
    let Ok(delivery) = route.decode(body, Timestamp::from_micros(1_795_521_600_000_000)) else {
        return;
    };
    for message in &delivery.messages {
        assert!(!message.original.is_empty(), "a message without its bytes");
    }
    if matches!(route, Route::One(_)) {
        assert_eq!(delivery.messages.len(), 1);
    }
}

/// Nothing is dropped: each message keeps its bytes.
pub(crate) fn posthog(bytes: &[u8]) {
    let received_at = Timestamp::from_micros(1_795_521_600_000_000);
    let Ok(delivery) = Capture.decode(bytes, received_at) else {
        return;
    };
    for message in &delivery.messages {
        assert!(!message.original.is_empty(), "a message without its bytes");
    }
}

/// Nothing is dropped: whatever can be read gives a message. The first byte chooses the sender.
pub(crate) fn hook(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else {
        return;
    };
    let Some(kind) = Kind::ALL.get(usize::from(kind.wrapping_sub(b'0'))) else {
        return;
    };
    let hook = Hook {
        kind: *kind,
        mapping: kind.mapping(),
    };
    let received_at = Timestamp::from_micros(1_795_521_600_000_000);
    let Ok(delivery) = hook.decode(body, received_at) else {
        return;
    };
    for message in &delivery.messages {
        assert!(!message.original.is_empty(), "a message without its bytes");
    }
}

/// What a field takes it keeps, and reads again as the same.
pub(crate) fn value(bytes: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Json>(bytes) else {
        return;
    };
    let euro: Option<Currency> = "EUR".parse().ok();
    let types = [
        FieldType::Bool,
        FieldType::Int,
        FieldType::Decimal { currency: None },
        FieldType::Decimal { currency: euro },
        FieldType::String,
        FieldType::Enum([std::sync::Arc::from("growth")].into()),
        FieldType::Timestamp,
        FieldType::Duration,
        FieldType::Strings,
    ];
    for ty in types {
        let _ = ty.read_canonical(&json);
        let Ok(value) = ty.read_payload(&json) else {
            continue;
        };
        let kept = value.to_canonical();
        assert_eq!(
            ty.read_canonical(&kept),
            Some(value.clone()),
            "{}",
            ty.name()
        );
        let _ = value.to_answer();
    }
}

/// What reads and is written again reads as the same.
pub(crate) fn word(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    fn same_again<T>(text: &str)
    where
        T: std::str::FromStr + ToString + PartialEq,
    {
        if let Ok(id) = text.parse::<T>() {
            let again = id.to_string().parse::<T>().ok();
            assert!(again == Some(id), "another id when read again");
        }
    }
    same_again::<AccountId>(text);
    same_again::<PersonId>(text);
    same_again::<MemberId>(text);
    same_again::<KeyId>(text);
    if let Some(at) = Timestamp::parse(text) {
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
    }
    if let Some(length) = parse_duration(text) {
        assert_eq!(parse_duration(&format_duration(length)), Some(length));
    }
    if let Some(number) = Decimal::parse(text) {
        assert_eq!(Decimal::parse(&number.amount()), Some(number));
    }
    let _ = key::parse(text);
    let _ = text.parse::<Currency>();
    for kind in IdentifierType::ALL {
        if let Ok(identifier) = Identifier::new(*kind, text) {
            let again = Identifier::new(*kind, identifier.value());
            assert_eq!(
                again.as_ref().map(Identifier::value),
                Ok(identifier.value())
            );
        }
    }
}
