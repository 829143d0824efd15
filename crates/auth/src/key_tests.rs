//! What keys promise: made once, read strictly, never shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use kith_domain::{Clock, Entropy, Timestamp};
use proptest::prelude::*;

use super::*;

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_795_500_000_000_000)
    }
}

/// Each buffer is filled with the next number.
#[derive(Debug, Default)]
struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

fn runtime() -> Runtime {
    Runtime::new(Arc::new(Still), Arc::new(Counting::default()))
}

fn new_key(kind: KeyKind) -> (KeyId, Token, SecretHash) {
    let runtime = runtime();
    let id = KeyId::from_uuid(runtime.uuid());
    let (token, hash) = generate(kind, id, &runtime);
    (id, token, hash)
}

#[test]
fn a_key_opens_what_it_was_made_for() {
    for kind in KeyKind::ALL {
        let (id, token, hash) = new_key(kind);
        let parsed = parse(token.reveal()).unwrap();
        assert_eq!((parsed.kind, parsed.id), (kind, id));
        assert!(verify(&parsed, &hash));
        assert!(verify(
            &parsed,
            &SecretHash::from_slice(hash.as_bytes()).unwrap()
        ));
    }
}

#[test]
fn the_form_of_a_key_is_fixed() {
    let (_, token, _) = new_key(KeyKind::Write);
    // The alphabet and the padding are part of what is hashed: a change locks every key out.
    let expect = "kith_write_01m8627gr0e008000000000000_040g2081040g2081040g2081040g2081040g2081040g2081040g";
    assert_eq!(token.reveal(), expect);
    assert_eq!(base_32([0xff; 32]), format!("{}g", "z".repeat(51)));
    assert_eq!(base_32([0; 32]), "0".repeat(52));
    assert_eq!(base_32(*b"\x08\x42\x10\x84\x21\x08\x42\x10\x84\x21\x08\x42\x10\x84\x21\x08\x42\x10\x84\x21\x08\x42\x10\x84\x21\x08\x42\x10\x84\x21\x08\x42"), format!("{}{}", "1".repeat(51), "0"));
}

#[test]
fn another_kind_id_or_secret_does_not_open_it() {
    let (_, token, hash) = new_key(KeyKind::Public);
    let text = token.reveal();
    let other_id = text.replacen("_01", "_02", 1);
    let other_secret = match text.strip_suffix('0') {
        Some(rest) => format!("{rest}g"),
        None => format!("{}0", &text[..text.len() - 1]),
    };
    for changed in [text.replacen("public", "write", 1), other_id, other_secret] {
        assert_ne!(changed, text);
        assert!(!verify(&parse(&changed).unwrap(), &hash));
    }
}

#[test]
fn what_has_not_the_form_of_a_key_is_refused() {
    let (_, token, _) = new_key(KeyKind::Agent);
    let text = token.reveal();
    let cases = [
        String::new(),
        "kith".into(),
        "kith____".into(),
        text.to_uppercase(),
        text.replacen("agent", "admin", 1),
        text.replacen("kith", "kitt", 1),
        format!("{text}_"),
        format!("{text}0"),
        format!(" {text}"),
        text[..text.len() - 1].to_owned(),
        text.replacen("_01", "_z1", 1),
        text.replacen("_01", "_1", 1),
        "é_".repeat(100),
    ];
    for case in cases {
        assert_eq!(parse(&case).unwrap_err(), MalformedKey, "{case}");
    }
}

#[test]
fn secrets_stay_out_of_debug_output_and_errors() {
    let (_, token, hash) = new_key(KeyKind::Member);
    let parsed = parse(token.reveal()).unwrap();
    let secret = token.reveal().rsplit('_').next().unwrap();
    let shown = format!("{token:?} {hash:?} {parsed:?} {MalformedKey}");
    assert!(!shown.contains(secret), "{shown}");
    assert!(!shown.contains(&hex::encode(hash.as_bytes())));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*|kith_(member|write)_[0-9a-z]{26}_[0-9a-z]{52}|[kith_0-9a-z]{0,120}") {
        if let Ok(parsed) = parse(&text) {
            prop_assert!(verify(&parsed, &SecretHash::of(&text)));
        }
    }
}
