//! The hash that backends already compute, and who might forge it.

use kith_domain::IdentifierType::{self, AnonymousId, Email, UserId};
use proptest::prelude::*;

use super::jwt_tests::{NOW, id, now};
use super::*;

const SECRET: &[u8] = b"an old secret, 24 letters";

fn secret(number: u128, bytes: &[u8]) -> SigningSecret {
    SigningSecret::new(id(number), SigningMethod::HmacSha256, bytes).unwrap()
}

fn hash(secret: &[u8], text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

fn check(
    secrets: &[SigningSecret],
    (kind, identifier): (IdentifierType, &str),
    hash: &str,
    expect: Result<(&str, u128), ProofFailure>,
) {
    let token = IdentityToken::Hmac {
        kind,
        identifier: identifier.into(),
        hash: hash.into(),
    };
    let found = verify(secrets, &token, now(NOW));
    let expect = expect.map(|(value, number)| Proven {
        identifiers: vec![Identifier::new(kind, value).unwrap()],
        method: ProofMethod::Hmac,
        secret: id(number),
    });
    assert_eq!(found, expect, "{identifier}");
}

#[test]
fn a_hash_by_any_live_secret_proves_the_identifier() {
    let secrets = [
        secret(1, b"another secret of 24 ch."),
        secret(2, SECRET),
        secret(3, b"and one that came after"),
    ];
    let usr = hash(SECRET, "usr_2481");
    check(&secrets, (UserId, "usr_2481"), &usr, Ok(("usr_2481", 2)));
    check(
        &secrets,
        (UserId, "usr_2481"),
        &usr.to_uppercase(),
        Ok(("usr_2481", 2)),
    );
    check(
        &secrets[..2],
        (UserId, "usr_2481"),
        &usr,
        Ok(("usr_2481", 2)),
    );
    // What was hashed is the address as the backend has it; what is proven is the address as stored.
    let ada = hash(SECRET, "Ada@Example.com");
    check(
        &secrets,
        (Email, "Ada@Example.com"),
        &ada,
        Ok(("ada@example.com", 2)),
    );
    check(
        &secrets,
        (Email, "ada@example.com"),
        &ada,
        Err(ProofFailure::BadSignature),
    );
}

#[test]
fn a_hash_made_by_other_software_proves_it_too() {
    // Node: crypto.createHmac("sha256", secret).update("usr_2481").digest("hex")
    let node = "6cec7994139b1c5e11db3e47e24ef700fe676c2c851cd53bd5c644e5b677485f";
    check(
        &[secret(1, SECRET)],
        (UserId, "usr_2481"),
        node,
        Ok(("usr_2481", 1)),
    );
}

#[test]
fn nothing_else_proves_anything() {
    let secrets = [secret(1, SECRET)];
    let usr = hash(SECRET, "usr_2481");
    let flipped = usr.replacen(&usr[..1], if usr.starts_with('0') { "1" } else { "0" }, 1);
    for (hash, expect) in [
        (flipped.as_str(), ProofFailure::BadSignature),
        (
            &hash(b"somebody else's secret", "usr_2481"),
            ProofFailure::BadSignature,
        ),
        (&hash(SECRET, "usr_2482"), ProofFailure::BadSignature),
        (&"0".repeat(64), ProofFailure::BadSignature),
        ("", ProofFailure::Malformed),
        (&usr[..62], ProofFailure::Malformed),
        (&format!("{usr}00"), ProofFailure::Malformed),
        (&format!(" {usr}"), ProofFailure::Malformed),
        (&"é".repeat(32), ProofFailure::Malformed),
        (&"0".repeat(MAX_TOKEN_BYTES + 2), ProofFailure::TooLong),
    ] {
        check(&secrets, (UserId, "usr_2481"), hash, Err(expect));
    }
    check(&[], (UserId, "usr_2481"), &usr, Err(ProofFailure::NoSecret));
}

#[test]
fn a_signed_text_that_would_be_stored_otherwise_proves_nothing() {
    let secrets = [secret(1, SECRET)];
    for (kind, text) in [
        (UserId, " usr_2481"),
        (UserId, "usr_2481\n"),
        (UserId, "null"),
        (UserId, ""),
        (Email, "ada@example.com "),
        (Email, "ada"),
        (AnonymousId, "anon-1"),
    ] {
        check(
            &secrets,
            (kind, text),
            &hash(SECRET, text),
            Err(ProofFailure::UnusableIdentifier),
        );
    }
}

#[test]
fn a_secret_for_tokens_is_none_for_hashes() {
    let bytes = b"thirty-two bytes are long enough";
    let jwt = SigningSecret::new(id(1), SigningMethod::Hs256, bytes).unwrap();
    check(
        &[jwt],
        (UserId, "usr_2481"),
        &hash(bytes, "usr_2481"),
        Err(ProofFailure::NoSecret),
    );
}

proptest! {
    #[test]
    fn no_text_proves_anything(identifier in "\\PC{0,40}", hash in "[0-9a-fA-F]{64}|\\PC{0,80}") {
        let token = IdentityToken::Hmac { kind: UserId, identifier, hash };
        prop_assert!(verify(&[secret(1, SECRET)], &token, now(NOW)).is_err());
    }
}
