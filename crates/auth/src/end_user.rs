//! Signed identity: proof, made by a customer's own backend, of who the end user of a request is.
//!
//! Two forms that backends already compute are taken:
//! - a JWT, HS256, RS256 or ES256, which expires;
//! - a hex HMAC-SHA256 of the user id or email, which never does and can be replayed, so that a
//!   policy may trust it less (`identity.method == "hmac"`).
//!
//! What is proven is an identifier, not yet a person: the engine resolves it.

mod jwt;
mod secret;

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use kith_domain::id::SecretId;
use kith_domain::{Identifier, IdentifierType, Timestamp};
use sha2::Sha256;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

pub use secret::{SecretError, SigningMethod, SigningSecret};

/// Longest token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Most live secrets that are tried.
pub const MAX_LIVE_SECRETS: usize = 16;

/// What a request brings as proof. Not yet looked at.
#[derive(Clone)]
pub enum IdentityToken {
    /// A compact JWT.
    Jwt(String),
    /// A hash over an identifier, as Intercom's `user_hash` is.
    Hmac {
        /// Which identifier it is over: a user id or an email.
        kind: IdentifierType,
        /// The identifier, exactly as it was hashed.
        identifier: String,
        /// The hash in hex, in either case.
        hash: String,
    },
}

/// Shows the form alone: tokens are credentials.
impl fmt::Debug for IdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jwt(_) => "Jwt(…)",
            Self::Hmac { .. } => "Hmac(…)",
        })
    }
}

/// How an identity was proven (`identity.method`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProofMethod {
    /// By a JWT that has not expired.
    Jwt,
    /// By a hash that never expires.
    Hmac,
}

impl ProofMethod {
    /// The word in policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Hmac => "hmac",
        }
    }
}

/// What a token proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The end user's identifiers, the user id first. Never empty.
    pub identifiers: Vec<Identifier>,
    /// How they were proven.
    pub method: ProofMethod,
    /// With which secret.
    pub secret: SecretId,
}

/// Why a token proves nothing. For the audit alone: whoever sent it learns only that it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ProofFailure {
    /// No live secret is of this method.
    #[error("no live secret verifies this kind of token")]
    NoSecret,
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("the token is too long")]
    TooLong,
    /// Not of the form of its kind.
    #[error("the token is malformed")]
    Malformed,
    /// `none`, or an algorithm for which no live secret is meant.
    #[error("the token's algorithm is not one that a live secret is meant for")]
    AlgorithmRefused,
    /// It names a key that is not live.
    #[error("the token names a key that is not live")]
    UnknownKey,
    /// No live secret made the signature.
    #[error("no live secret made the signature")]
    BadSignature,
    /// A JWT without `exp`.
    #[error("the token has no expiry")]
    NoExpiry,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is to come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Made for someone else.
    #[error("the token is meant for another audience")]
    WrongAudience,
    /// Signed, but names nobody.
    #[error("the token names no end user")]
    NoIdentifier,
    /// Signed, but what it names is junk, or not written as it would be stored.
    #[error("the token's identifier is not usable")]
    UnusableIdentifier,
}

impl ProofFailure {
    /// A stable name for the audit: `bad-signature`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSecret => "no-secret",
            Self::TooLong => "too-long",
            Self::Malformed => "malformed",
            Self::AlgorithmRefused => "algorithm-refused",
            Self::UnknownKey => "unknown-key",
            Self::BadSignature => "bad-signature",
            Self::NoExpiry => "no-expiry",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::WrongAudience => "wrong-audience",
            Self::NoIdentifier => "no-identifier",
            Self::UnusableIdentifier => "unusable-identifier",
        }
    }
}

/// Holds a token against the live secrets of a workspace, at the time `now`.
///
/// # Errors
/// Whatever is wrong, the token proves nothing; the reason is for the audit.
pub fn verify(
    secrets: &[SigningSecret],
    token: &IdentityToken,
    now: Timestamp,
) -> Result<Proven, ProofFailure> {
    let secrets = secrets.get(..MAX_LIVE_SECRETS).unwrap_or(secrets);
    match token {
        IdentityToken::Jwt(token) => jwt::verify(secrets, token, now),
        IdentityToken::Hmac {
            kind,
            identifier,
            hash,
        } => verify_hmac(secrets, *kind, identifier, hash),
    }
}

fn verify_hmac(
    secrets: &[SigningSecret],
    kind: IdentifierType,
    identifier: &str,
    hash: &str,
) -> Result<Proven, ProofFailure> {
    if identifier.len() > MAX_TOKEN_BYTES || hash.len() > MAX_TOKEN_BYTES {
        return Err(ProofFailure::TooLong);
    }
    let mut claimed = [0; 32];
    hex::decode_to_slice(hash, &mut claimed).map_err(|_| ProofFailure::Malformed)?;
    // Every live secret is tried in full, so that time does not tell which of them came close.
    let (mut found, mut position, mut any) = (Choice::from(0), 0_u32, false);
    for (secret, place) in secrets.iter().zip(0..) {
        if secret.method != SigningMethod::HmacSha256 {
            continue;
        }
        any = true;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.bytes())
            .map_err(|_| ProofFailure::BadSignature)?;
        mac.update(identifier.as_bytes());
        let computed: [u8; 32] = mac.finalize().into_bytes().into();
        let same = computed.ct_eq(&claimed);
        position.conditional_assign(&place, same & !found);
        found |= same;
    }
    if !any {
        return Err(ProofFailure::NoSecret);
    }
    let secret = secrets.get(position as usize).filter(|_| found.into());
    let secret = secret.ok_or(ProofFailure::BadSignature)?;
    let identifier = match kind {
        IdentifierType::UserId | IdentifierType::Email => as_stored(kind, identifier)?,
        _ => return Err(ProofFailure::UnusableIdentifier),
    };
    Ok(Proven {
        identifiers: vec![identifier],
        method: ProofMethod::Hmac,
        secret: secret.id,
    })
}

/// The identifier that a signed text names. A text that would be trimmed is refused: whoever may
/// choose their own user id could otherwise have `" usr_1"` signed, and be taken for `usr_1`.
fn as_stored(kind: IdentifierType, text: &str) -> Result<Identifier, ProofFailure> {
    match Identifier::new(kind, text) {
        Ok(identifier) if text.trim() == text => Ok(identifier),
        _ => Err(ProofFailure::UnusableIdentifier),
    }
}

#[cfg(test)]
mod hmac_tests;
#[cfg(test)]
mod jwt_tests;
