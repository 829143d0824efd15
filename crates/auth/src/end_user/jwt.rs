//! Signed identity by JWT. The signature is checked first, and nothing else is read unless it holds,
//! save the header's `alg`, `kid` and `crit`.
//!
//! The library does the arithmetic; header, claims and times are read here, because its own checks
//! ask the system's clock, take claims twice, and let tokens without an audience pass.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kith_domain::{IdentifierType, Timestamp};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Number, Value as Json};

use super::secret::SigningSecret;
use super::{MAX_TOKEN_BYTES, ProofFailure, ProofMethod, Proven, as_stored};

/// How far the clocks of those who sign may be off.
const LEEWAY_SECONDS: i64 = 30;

/// Derived readers refuse a key that occurs twice; of keys that they do not know they take no notice.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    user_id: Option<Json>,
    external_id: Option<Json>,
    sub: Option<Json>,
    email: Option<String>,
    email_verified: Option<bool>,
    exp: Option<Number>,
    nbf: Option<Number>,
    aud: Option<Json>,
}

pub(super) fn verify(
    secrets: &[SigningSecret],
    token: &str,
    now: Timestamp,
) -> Result<Proven, ProofFailure> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(ProofFailure::TooLong);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(ProofFailure::Malformed)?;
    let (header, claims) = message.split_once('.').ok_or(ProofFailure::Malformed)?;
    if claims.contains('.') || signature.is_empty() {
        return Err(ProofFailure::Malformed);
    }
    let header: Header = read_part(header)?;
    if header.crit.is_some() {
        return Err(ProofFailure::Malformed);
    }
    let secret = signer(secrets, &header, message, signature)?;
    let claims: Claims = read_part(claims)?;
    check_times(&claims, now)?;
    check_audience(&claims, secret.audience.as_deref())?;
    Ok(Proven {
        identifiers: identifiers(&claims)?,
        method: ProofMethod::Jwt,
        secret: secret.id,
    })
}

fn read_part<T: DeserializeOwned>(part: &str) -> Result<T, ProofFailure> {
    let json = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| ProofFailure::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| ProofFailure::Malformed)
}

/// The secret that made the signature. The algorithm is the secret's, never the token's: the token's
/// only says which secrets to try.
fn signer<'s>(
    secrets: &'s [SigningSecret],
    header: &Header,
    message: &str,
    signature: &str,
) -> Result<&'s SigningSecret, ProofFailure> {
    let mut failure = ProofFailure::NoSecret;
    for secret in secrets {
        let (Some(algorithm), Some(key)) = (secret.method.algorithm(), secret.key()) else {
            continue;
        };
        if secret.method.as_str() != header.alg {
            if failure == ProofFailure::NoSecret {
                failure = ProofFailure::AlgorithmRefused;
            }
            continue;
        }
        let other_key =
            matches!((&header.kid, &secret.kid), (Some(named), Some(kid)) if named != kid);
        if other_key {
            if failure != ProofFailure::BadSignature {
                failure = ProofFailure::UnknownKey;
            }
            continue;
        }
        match jsonwebtoken::crypto::verify(signature, message.as_bytes(), key, algorithm) {
            Ok(true) => return Ok(secret),
            Ok(false) | Err(_) => failure = ProofFailure::BadSignature,
        }
    }
    Err(failure)
}

fn check_times(claims: &Claims, now: Timestamp) -> Result<(), ProofFailure> {
    let now = now
        .micros()
        .div_euclid(kith_domain::time::MICROS_PER_SECOND);
    let expires = seconds(claims.exp.as_ref().ok_or(ProofFailure::NoExpiry)?)?;
    if now >= expires.saturating_add(LEEWAY_SECONDS) {
        return Err(ProofFailure::Expired);
    }
    let Some(begins) = &claims.nbf else {
        return Ok(());
    };
    if now.saturating_add(LEEWAY_SECONDS) < seconds(begins)? {
        return Err(ProofFailure::NotYetValid);
    }
    Ok(())
}

/// Whole seconds since 1970. RFC 7519 allows a fraction, which is cut off.
fn seconds(number: &Number) -> Result<i64, ProofFailure> {
    let whole = number.as_i64().or_else(|| {
        // Up to 2^53 a double holds every whole second; beyond lies no date.
        let float = number.as_f64()?;
        (float.abs() < 9_007_199_254_740_992.0).then_some(float.floor() as i64)
    });
    whole.ok_or(ProofFailure::Malformed)
}

fn check_audience(claims: &Claims, wanted: Option<&str>) -> Result<(), ProofFailure> {
    let Some(wanted) = wanted else {
        return Ok(());
    };
    let meant = match &claims.aud {
        Some(Json::String(audience)) => audience == wanted,
        Some(Json::Array(audiences)) => audiences.iter().any(|audience| audience == wanted),
        _ => false,
    };
    if meant {
        Ok(())
    } else {
        Err(ProofFailure::WrongAudience)
    }
}

/// The end user: `user_id`, else `external_id`, else `sub`; and the email, unless the backend itself
/// says that it is not verified.
fn identifiers(claims: &Claims) -> Result<Vec<kith_domain::Identifier>, ProofFailure> {
    let mut found = Vec::new();
    let user_id = claims
        .user_id
        .as_ref()
        .or(claims.external_id.as_ref())
        .or(claims.sub.as_ref());
    match user_id {
        None => {}
        Some(Json::String(text)) => found.push(as_stored(IdentifierType::UserId, text)?),
        Some(Json::Number(number)) if number.is_i64() || number.is_u64() => {
            found.push(as_stored(IdentifierType::UserId, &number.to_string())?);
        }
        Some(_) => return Err(ProofFailure::UnusableIdentifier),
    }
    if let Some(email) = &claims.email
        && claims.email_verified != Some(false)
    {
        found.push(as_stored(IdentifierType::Email, email)?);
    }
    if found.is_empty() {
        Err(ProofFailure::NoIdentifier)
    } else {
        Ok(found)
    }
}
