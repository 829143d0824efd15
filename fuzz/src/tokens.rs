//! Proofs of who the end user is: whatever the bytes, none proves but what the secret's holder made.

use kith_auth::end_user::{IdentityToken, SigningMethod, SigningSecret, verify};
use kith_domain::id::SecretId;
use kith_domain::{IdentifierType, Timestamp};

/// Of tests alone.
const SECRET: &[u8] = b"a secret of at least thirty-two bytes";
/// HMAC-SHA256 of `usr_1` under it.
const HASH: &str = "aec4d093fbffff8c2bec6c5bf0a47f3a5917c866634343f9227847b66e67f5fe";
/// Signed with it: `usr_1`, until the year 2100.
const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c3JfMSIsImV4cCI6NDEwMjQ0NDgwMH0.xk8gRRcW_PAn5uEHuzY60IOudmLD2fYx8AvkI5QURic";

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let parts = JWT.rsplit_once('.').map_or("", |(parts, _)| parts);
    [
        JWT,
        &format!("{parts}."),
        &format!("usr_1\n{HASH}"),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c3JfMSJ9.",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

pub(crate) fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let secrets: Vec<_> = [SigningMethod::Hs256, SigningMethod::HmacSha256]
        .into_iter()
        .filter_map(|method| SigningSecret::new(SecretId::NIL, method, SECRET).ok())
        .collect();
    assert_eq!(secrets.len(), 2);
    let now = Timestamp::from_micros(1_795_521_600_000_000);
    let mut tokens = vec![IdentityToken::Jwt(text.to_owned())];
    if let Some((identifier, hash)) = text.split_once('\n') {
        for kind in [IdentifierType::UserId, IdentifierType::Email] {
            tokens.push(IdentityToken::Hmac {
                kind,
                identifier: identifier.to_owned(),
                hash: hash.to_owned(),
            });
        }
    }
    for token in tokens {
        if let Ok(proven) = verify(&secrets, &token, now) {
            assert!(!proven.identifiers.is_empty());
            for identifier in &proven.identifiers {
                assert_eq!(identifier.value(), "usr_1", "proven without the secret");
            }
        }
    }
    // Bytes as a key of each kind.
    for method in SigningMethod::ALL {
        let _ = SigningSecret::new(SecretId::NIL, method, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without this the target would look at nothing but refusals.
    #[test]
    fn the_seeds_prove() {
        let now = Timestamp::from_micros(1_795_521_600_000_000);
        let proves = |method, token: IdentityToken| {
            let secret = SigningSecret::new(SecretId::NIL, method, SECRET);
            secret.is_ok_and(|secret| verify(&[secret], &token, now).is_ok())
        };
        assert!(proves(SigningMethod::Hs256, IdentityToken::Jwt(JWT.into())));
        let hmac = IdentityToken::Hmac {
            kind: IdentifierType::UserId,
            identifier: "usr_1".into(),
            hash: HASH.into(),
        };
        assert!(proves(SigningMethod::HmacSha256, hmac));
    }
}
