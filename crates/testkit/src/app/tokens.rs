//! Proofs of an end user's identity, as a customer's backend makes them, and as a forger might.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// A JWT under `HS256` with this secret.
#[must_use]
pub fn jwt(secret: &[u8], claims: &Value) -> String {
    jwt_with_header(secret, &json!({"alg": "HS256", "typ": "JWT"}), claims)
}

/// A JWT with any header, always signed as `HS256` signs.
#[must_use]
pub fn jwt_with_header(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = unsigned(header, claims);
    let signature = URL_SAFE_NO_PAD.encode(hmac(secret, message.as_bytes()));
    format!("{message}.{signature}")
}

/// Header and claims of a JWT, without a signature.
#[must_use]
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// The hash that Intercom calls `user_hash`, as an identity token.
#[must_use]
pub fn user_hash(secret: &[u8], kind: &str, value: &str) -> Value {
    json!({
        "type": kind,
        "value": value,
        "hash": hex::encode(hmac(secret, value.as_bytes())),
    })
}

fn hmac(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}
