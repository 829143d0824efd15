//! Tokens that hold, and the attacks on those who check them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use kith_domain::IdentifierType::{Email, UserId};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;

pub(super) const NOW: i64 = 1_795_500_000;
const SECRET: &[u8] = b"thirty-two bytes are long enough";
const OTHER: &[u8] = b"as long, and made by another one";
const RSA_PRIVATE: &[u8] = include_bytes!("test_keys/rsa.private.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("test_keys/rsa.public.pem");
const RSA_PKCS1: &[u8] = include_bytes!("test_keys/rsa.pkcs1.pem");
const RSA_1024: &[u8] = include_bytes!("test_keys/rsa1024.public.pem");
const P256_PRIVATE: &[u8] = include_bytes!("test_keys/p256.private.pem");
const P256_PUBLIC: &[u8] = include_bytes!("test_keys/p256.public.pem");
const P384_PUBLIC: &[u8] = include_bytes!("test_keys/p384.public.pem");

pub(super) fn now(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * kith_domain::time::MICROS_PER_SECOND)
}

pub(super) fn id(number: u128) -> SecretId {
    SecretId::from_slice(&number.to_be_bytes()).unwrap()
}

fn secret(number: u128, method: SigningMethod, bytes: &[u8]) -> SigningSecret {
    SigningSecret::new(id(number), method, bytes).unwrap()
}

fn hs256() -> SigningSecret {
    secret(1, SigningMethod::Hs256, SECRET)
}

/// Signs a header and claims as they are written, however odd.
fn signed(header: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn hs(header: &str, claims: &str) -> String {
    signed(
        header,
        claims,
        &EncodingKey::from_secret(SECRET),
        Algorithm::HS256,
    )
}

fn hs_claims(claims: &Json) -> String {
    hs(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string())
}

fn ada() -> Json {
    json!({ "user_id": "usr_2481", "exp": NOW + 60 })
}

fn prove(secrets: &[SigningSecret], token: impl Into<String>) -> Result<Proven, ProofFailure> {
    verify(secrets, &IdentityToken::Jwt(token.into()), now(NOW))
}

fn proven(user: &str, number: u128) -> Result<Proven, ProofFailure> {
    let identifiers = vec![Identifier::new(UserId, user).unwrap()];
    Ok(Proven {
        identifiers,
        method: ProofMethod::Jwt,
        secret: id(number),
    })
}

#[test]
fn a_token_of_each_algorithm_proves_its_user() {
    let claims = ada().to_string();
    let rsa = signed(
        r#"{"alg":"RS256"}"#,
        &claims,
        &EncodingKey::from_rsa_pem(RSA_PRIVATE).unwrap(),
        Algorithm::RS256,
    );
    let ec = signed(
        r#"{"alg":"ES256"}"#,
        &claims,
        &EncodingKey::from_ec_pem(P256_PRIVATE).unwrap(),
        Algorithm::ES256,
    );
    let secrets = [
        hs256(),
        secret(2, SigningMethod::Rs256, RSA_PUBLIC),
        secret(3, SigningMethod::Es256, P256_PUBLIC),
    ];
    assert_eq!(prove(&secrets, hs_claims(&ada())), proven("usr_2481", 1));
    assert_eq!(prove(&secrets, &rsa), proven("usr_2481", 2));
    assert_eq!(prove(&secrets, &ec), proven("usr_2481", 3));
    assert_eq!(
        prove(&[secret(4, SigningMethod::Rs256, RSA_PKCS1)], &rsa),
        proven("usr_2481", 4)
    );
    assert_eq!(
        prove(&secrets[..1], rsa),
        Err(ProofFailure::AlgorithmRefused)
    );
}

#[test]
fn tokens_made_by_other_software_are_read() {
    // PyJWT 2.15, with a user id and an email; jsonwebtoken 9.0 for Node, with `sub` alone.
    let python = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VyX2lkIjoidXNyXzI0ODEiLCJlbWFpbCI6IkFkYUBFeGFtcGxlLmNvbSIsImV4cCI6MTc5NTUwMDA2MH0.Dhdrwq6XAPc5Vvd42Bne_d2Hzr4wl_sxUF9RvBXOYns";
    let node = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ1c3JfMjQ4MSIsImV4cCI6MTc5NTUwMDA2MH0.Gopvy53ss1W3CD8NJg-YOPf1snMhmvtOHNuUyjt19K8";
    let emails: Vec<_> = prove(&[hs256()], python).unwrap().identifiers;
    assert_eq!(emails[1].value(), "ada@example.com");
    assert_eq!(prove(&[hs256()], node), proven("usr_2481", 1));
}

#[test]
fn claims_name_the_user_in_one_of_three_ways() {
    let check = |claims: Json, expect: Result<&[(IdentifierType, &str)], ProofFailure>| {
        let mut claims = claims;
        claims["exp"] = json!(NOW + 60);
        let found = prove(&[hs256()], hs_claims(&claims)).map(|proven| proven.identifiers);
        let expect = expect.map(|all| {
            all.iter()
                .map(|(kind, value)| Identifier::new(*kind, value).unwrap())
                .collect::<Vec<_>>()
        });
        assert_eq!(found, expect, "{claims}");
    };
    check(
        json!({ "user_id": "a", "external_id": "b", "sub": "c" }),
        Ok(&[(UserId, "a")]),
    );
    check(
        json!({ "external_id": "b", "sub": "c" }),
        Ok(&[(UserId, "b")]),
    );
    check(
        json!({ "sub": "c", "email": "Ada@Example.com" }),
        Ok(&[(UserId, "c"), (Email, "ada@example.com")]),
    );
    check(json!({ "user_id": 2481 }), Ok(&[(UserId, "2481")]));
    check(
        json!({ "email": "ada@example.com" }),
        Ok(&[(Email, "ada@example.com")]),
    );
    check(
        json!({ "sub": "c", "email": "ada@example.com", "email_verified": false }),
        Ok(&[(UserId, "c")]),
    );
    check(
        json!({ "email": "ada@example.com", "email_verified": false }),
        Err(ProofFailure::NoIdentifier),
    );
    check(json!({}), Err(ProofFailure::NoIdentifier));
    for junk in [
        json!("null"),
        json!(""),
        json!(" a"),
        json!(1.5),
        json!(["a"]),
        json!({ "a": 1 }),
        json!(true),
    ] {
        check(
            json!({ "user_id": junk, "email": "ada@example.com" }),
            Err(ProofFailure::UnusableIdentifier),
        );
    }
    check(
        json!({ "sub": "c", "email": "no address" }),
        Err(ProofFailure::UnusableIdentifier),
    );
}

#[test]
fn a_token_holds_until_it_expires_and_not_before_it_begins() {
    let check = |claims: Json, expect: Result<(), ProofFailure>| {
        let found = prove(&[hs256()], hs_claims(&claims));
        assert_eq!(found.map(|_| ()), expect, "{claims}");
    };
    let exp = |exp: Json| json!({ "sub": "a", "exp": exp });
    check(exp(json!(NOW + 1)), Ok(()));
    check(exp(json!(NOW - 29)), Ok(()));
    check(exp(json!(NOW - 30)), Err(ProofFailure::Expired));
    check(exp(json!(NOW as f64 - 29.5)), Err(ProofFailure::Expired));
    check(exp(json!(0)), Err(ProofFailure::Expired));
    check(exp(json!(-1)), Err(ProofFailure::Expired));
    check(exp(json!(i64::MIN)), Err(ProofFailure::Expired));
    check(exp(json!(i64::MAX)), Ok(()));
    check(exp(json!(u64::MAX)), Err(ProofFailure::Malformed));
    check(exp(json!(1e300)), Err(ProofFailure::Malformed));
    check(
        exp(json!((NOW + 60).to_string())),
        Err(ProofFailure::Malformed),
    );
    check(exp(json!([NOW + 60])), Err(ProofFailure::Malformed));
    check(exp(json!(null)), Err(ProofFailure::NoExpiry));
    check(json!({ "sub": "a" }), Err(ProofFailure::NoExpiry));
    let nbf = |nbf: Json| json!({ "sub": "a", "exp": NOW + 60, "nbf": nbf });
    check(nbf(json!(NOW + 30)), Ok(()));
    check(nbf(json!(NOW + 31)), Err(ProofFailure::NotYetValid));
    check(nbf(json!("soon")), Err(ProofFailure::Malformed));
}

#[test]
fn an_audience_is_asked_for_only_by_a_secret_that_has_one() {
    let check = |audience: Option<&str>, aud: Json, holds: bool| {
        let claims = json!({ "user_id": "usr_2481", "exp": NOW + 60, "aud": aud });
        let secret = match audience {
            Some(audience) => hs256().with_audience(audience),
            None => hs256(),
        };
        let expect = if holds {
            proven("usr_2481", 1)
        } else {
            Err(ProofFailure::WrongAudience)
        };
        assert_eq!(prove(&[secret], hs_claims(&claims)), expect, "{claims}");
    };
    check(None, json!("someone"), true);
    check(Some("kith"), json!("kith"), true);
    check(Some("kith"), json!(["other", "kith"]), true);
    for wrong in [
        json!("kit"),
        json!("Kith"),
        json!([]),
        json!(["other"]),
        json!(null),
        json!({ "kith": 1 }),
        json!(7),
    ] {
        check(Some("kith"), wrong, false);
    }
}

#[test]
fn a_key_id_chooses_among_keys_and_is_nothing_more() {
    let secrets = [
        secret(1, SigningMethod::Hs256, SECRET).with_kid("new"),
        secret(2, SigningMethod::Hs256, OTHER).with_kid("old"),
    ];
    let check = |kid: Json, expect: Result<Proven, ProofFailure>| {
        let token = hs(
            &json!({ "alg": "HS256", "kid": kid }).to_string(),
            &ada().to_string(),
        );
        assert_eq!(prove(&secrets, token), expect, "{kid}");
    };
    check(json!("new"), proven("usr_2481", 1));
    check(json!(null), proven("usr_2481", 1));
    check(json!("old"), Err(ProofFailure::BadSignature));
    for trick in [
        "",
        "../../../dev/null",
        "new' OR '1'='1",
        "new\0",
        "http://attacker.example/key",
        "NEW",
    ] {
        check(json!(trick), Err(ProofFailure::UnknownKey));
    }
    check(json!(["new"]), Err(ProofFailure::Malformed));
    // A secret that was registered without one takes any.
    let token = hs(r#"{"alg":"HS256","kid":"unheard-of"}"#, &ada().to_string());
    assert_eq!(prove(&[hs256()], token), proven("usr_2481", 1));
}

#[test]
fn the_algorithm_is_the_keys_and_never_the_tokens() {
    let claims = ada().to_string();
    let every = [
        hs256(),
        secret(2, SigningMethod::Rs256, RSA_PUBLIC),
        secret(3, SigningMethod::Es256, P256_PUBLIC),
        secret(4, SigningMethod::HmacSha256, SECRET),
    ];
    for none in [
        "none", "None", "NONE", "nOnE", "", "HS384", "HS512", "PS256", "EdDSA", "hs256",
    ] {
        let header = json!({ "alg": none }).to_string();
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(&header),
            URL_SAFE_NO_PAD.encode(&claims)
        );
        assert_eq!(
            prove(&every, format!("{message}.")),
            Err(ProofFailure::Malformed),
            "{none}"
        );
        assert_eq!(
            prove(&every, format!("{message}.AA")),
            Err(ProofFailure::AlgorithmRefused),
            "{none}"
        );
        assert_eq!(
            prove(&every, hs(&header, &claims)),
            Err(ProofFailure::AlgorithmRefused),
            "{none}"
        );
    }
    // The public key, which everyone has, as the secret of an HMAC.
    for public in [
        RSA_PUBLIC,
        RSA_PKCS1,
        P256_PUBLIC,
        RSA_PUBLIC.trim_ascii_end(),
    ] {
        let key = EncodingKey::from_secret(public);
        let token = signed(r#"{"alg":"HS256"}"#, &claims, &key, Algorithm::HS256);
        assert_eq!(prove(&every, &token), Err(ProofFailure::BadSignature));
        assert_eq!(
            prove(&every[1..], &token),
            Err(ProofFailure::AlgorithmRefused)
        );
        let claimed = signed(r#"{"alg":"RS256"}"#, &claims, &key, Algorithm::HS256);
        assert_eq!(prove(&every, claimed), Err(ProofFailure::BadSignature));
    }
}

#[test]
fn a_signature_is_the_whole_signature_of_the_very_token() {
    let good = hs_claims(&ada());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let other = hs_claims(&json!({ "user_id": "usr_1", "exp": NOW + 60 }));
    let (other_message, _) = other.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let check = |token: String, expect: ProofFailure| {
        assert_eq!(prove(&[hs256()], token.as_str()), Err(expect), "{token}");
    };
    check(
        format!("{other_message}.{signature}"),
        ProofFailure::BadSignature,
    );
    check(
        format!("{message}.{}", &signature[..signature.len() - 2]),
        ProofFailure::BadSignature,
    );
    check(
        format!("{message}.{signature}A"),
        ProofFailure::BadSignature,
    );
    check(
        format!("{message}.{signature}="),
        ProofFailure::BadSignature,
    );
    check(
        format!("{message}.{}", "A".repeat(43)),
        ProofFailure::BadSignature,
    );
    check(format!("{message}."), ProofFailure::Malformed);
    check(message.to_owned(), ProofFailure::Malformed);
    check(format!("{good}.{signature}"), ProofFailure::Malformed);
    check(format!(".{claims}.{signature}"), ProofFailure::Malformed);
    check(format!("{header}..{signature}"), ProofFailure::BadSignature);
    check(format!(" {good}"), ProofFailure::Malformed);
    check(format!("{good} "), ProofFailure::BadSignature);
    for text in ["", ".", "..", "...", "a.b.c", "{}.{}.{}", "é.é.é"] {
        check(text.to_owned(), ProofFailure::Malformed);
    }
    let stranger = signed(
        r#"{"alg":"HS256"}"#,
        &ada().to_string(),
        &EncodingKey::from_secret(OTHER),
        Algorithm::HS256,
    );
    check(stranger, ProofFailure::BadSignature);
    assert_eq!(prove(&[], good), Err(ProofFailure::NoSecret));
}

#[test]
fn what_is_signed_and_still_ambiguous_is_refused() {
    let plain = r#"{"alg":"HS256"}"#;
    let check = |header: &str, claims: &str, expect: ProofFailure| {
        assert_eq!(
            prove(&[hs256()], hs(header, claims)),
            Err(expect),
            "{header} {claims}"
        );
    };
    let exp = NOW + 60;
    check(
        plain,
        &format!(r#"{{"user_id":"usr_1","user_id":"usr_2","exp":{exp}}}"#),
        ProofFailure::Malformed,
    );
    check(
        plain,
        &format!(r#"{{"sub":"usr_1","exp":1,"exp":{exp}}}"#),
        ProofFailure::Malformed,
    );
    check(
        plain,
        &format!(r#"{{"sub":"usr_1","exp":{exp}}} {{}}"#),
        ProofFailure::Malformed,
    );
    check(plain, "null", ProofFailure::Malformed);
    check(plain, "[]", ProofFailure::Malformed);
    check(plain, "", ProofFailure::Malformed);
    let good = ada().to_string();
    check(
        r#"{"alg":"none","alg":"HS256"}"#,
        &good,
        ProofFailure::Malformed,
    );
    check(
        r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
        &good,
        ProofFailure::Malformed,
    );
    check(r#"{"typ":"JWT"}"#, &good, ProofFailure::Malformed);
    check(r#"{"alg":["HS256"]}"#, &good, ProofFailure::Malformed);
    check(r#"["HS256"]"#, &good, ProofFailure::Malformed);
    // Keys that a token brings along, or points to, are never looked at.
    let jwk = r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AA"},"jku":"http://attacker.example","x5u":"http://attacker.example"}"#;
    assert_eq!(prove(&[hs256()], hs(jwk, &good)), proven("usr_2481", 1));
}

#[test]
fn tokens_without_end_are_not_read() {
    let mut claims = ada();
    claims["filler"] = json!("x".repeat(MAX_TOKEN_BYTES));
    assert_eq!(
        prove(&[hs256()], hs_claims(&claims)),
        Err(ProofFailure::TooLong)
    );
    // Nesting without end in a claim that is read; in one that is not, it is passed over.
    let nested = |claim: &str| {
        let (open, close) = ("[".repeat(2_000), "]".repeat(2_000));
        let exp = NOW + 60;
        let claims = format!(r#"{{"user_id":"usr_2481","exp":{exp},"{claim}":{open}{close}}}"#);
        prove(&[hs256()], hs(r#"{"alg":"HS256"}"#, &claims))
    };
    assert_eq!(nested("aud"), Err(ProofFailure::Malformed));
    assert_eq!(nested("other"), proven("usr_2481", 1));
}

#[test]
fn secrets_that_are_weak_or_of_another_kind_are_not_taken() {
    use SecretError::{KeyAsSecret, NotAPublicKey, PrivateKey, TooLong, TooShort};
    use SigningMethod::{Es256, HmacSha256, Hs256, Rs256};
    let check = |method, bytes: &[u8], expect: SecretError| {
        assert_eq!(
            SigningSecret::new(id(1), method, bytes).unwrap_err(),
            expect,
            "{method:?}"
        );
    };
    check(Hs256, &SECRET[..31], TooShort);
    check(HmacSha256, &SECRET[..15], TooShort);
    check(HmacSha256, b"", TooShort);
    check(Hs256, &[b'x'; 5_000], TooLong);
    for public in [RSA_PUBLIC, RSA_PKCS1, P256_PUBLIC] {
        check(Hs256, public, KeyAsSecret);
        check(HmacSha256, public, KeyAsSecret);
    }
    check(Rs256, RSA_PRIVATE, PrivateKey);
    check(Es256, P256_PRIVATE, PrivateKey);
    check(Rs256, RSA_1024, NotAPublicKey);
    check(Rs256, P256_PUBLIC, NotAPublicKey);
    check(Es256, RSA_PUBLIC, NotAPublicKey);
    check(Es256, P384_PUBLIC, NotAPublicKey);
    check(Rs256, SECRET, NotAPublicKey);
    check(
        Rs256,
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        NotAPublicKey,
    );
    check(Es256, b"-----BEGIN PUBLIC KEY-----\n\xff", NotAPublicKey);
}

#[test]
fn secrets_and_tokens_stay_out_of_debug_output() {
    let shown = format!("{:?} {:?}", hs256(), IdentityToken::Jwt(hs_claims(&ada())));
    assert!(
        !shown.contains("thirty-two") && !shown.contains("eyJ"),
        "{shown}"
    );
}

fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,30}",
        prop::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| URL_SAFE_NO_PAD.encode(bytes)),
        Just(URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#)),
        Just(URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#)),
        Just(URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256"}"#)),
        Just(URL_SAFE_NO_PAD.encode(json!({ "sub": "a", "exp": NOW + 60 }).to_string())),
    ]
}

proptest! {
    #[test]
    fn no_text_proves_anything(parts in prop::collection::vec(part(), 0..5)) {
        let secrets = [
            hs256(),
            secret(2, SigningMethod::Rs256, RSA_PUBLIC),
            secret(3, SigningMethod::Es256, P256_PUBLIC),
        ];
        prop_assert!(prove(&secrets, parts.join(".")).is_err());
    }

    #[test]
    fn no_changed_letter_goes_unnoticed(at in 0_usize..120, letter in "[A-Za-z0-9_.-]") {
        let good = hs_claims(&ada());
        let at = at % good.len();
        let changed = format!("{}{letter}{}", &good[..at], &good[at + 1..]);
        let expect_same = changed == good;
        prop_assert_eq!(prove(&[hs256()], changed).is_ok(), expect_same);
    }

    #[test]
    fn signed_claims_of_any_shape_do_not_panic(claims in "\\PC{0,60}", exp in any::<f64>()) {
        let _ = prove(&[hs256()], hs(r#"{"alg":"HS256"}"#, &claims));
        let _ = prove(&[hs256()], hs_claims(&json!({ "sub": claims, "exp": exp, "nbf": exp, "aud": claims })));
    }
}
