//! Secrets and public keys that prove end users, each pinned to one method: a key never verifies
//! what it was not registered for.

use std::fmt;

use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, DecodingKey};
use kith_domain::id::SecretId;

/// Fewest bytes of an HS256 secret (RFC 7518, 3.2).
const MIN_HS256_BYTES: usize = 32;
/// Fewest bytes of a secret for plain hashes: what support tools hand out has 24 characters.
const MIN_HMAC_BYTES: usize = 16;
/// Bytes of an RSA modulus: from 2048 to 4096 bits.
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
/// Most bytes of any secret or key.
const MAX_BYTES: usize = 4 * 1024;

/// What a secret verifies, and nothing else.
///
/// A plain hash and HS256 have the same arithmetic, and are still apart: a user who may choose their
/// own user id could else have the first half of a JWT signed as if it were one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SigningMethod {
    /// JWT with a shared secret.
    Hs256,
    /// JWT with an RSA public key in PEM.
    Rs256,
    /// JWT with a P-256 public key in PEM.
    Es256,
    /// Hex HMAC-SHA256 of an identifier, with a shared secret.
    HmacSha256,
}

impl SigningMethod {
    /// Every method.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::Rs256, Self::Es256, Self::HmacSha256];

    /// The word, as stored and shown; for JWTs, as in their `alg`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::HmacSha256 => "hmac-sha256",
        }
    }

    /// The algorithm of JWTs that it verifies.
    pub(super) const fn algorithm(self) -> Option<Algorithm> {
        match self {
            Self::Hs256 => Some(Algorithm::HS256),
            Self::Rs256 => Some(Algorithm::RS256),
            Self::Es256 => Some(Algorithm::ES256),
            Self::HmacSha256 => None,
        }
    }
}

impl std::str::FromStr for SigningMethod {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|method| method.as_str() == text)
            .ok_or(())
    }
}

/// Why bytes cannot be a secret of a method. It never repeats them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Too few bytes to resist guessing.
    #[error(
        "too short: a secret for `HS256` has at least {MIN_HS256_BYTES} bytes, one for `hmac-sha256` at least {MIN_HMAC_BYTES}"
    )]
    TooShort,
    /// Too many bytes.
    #[error("longer than {MAX_BYTES} bytes")]
    TooLong,
    /// A key file where a shared secret is wanted: public keys are no secrets.
    #[error("a PEM key where a shared secret is wanted: register it for `RS256` or `ES256`")]
    KeyAsSecret,
    /// Not the public key that the method needs.
    #[error(
        "not a usable public key: `RS256` wants an RSA key of 2048 to 4096 bits, `ES256` a P-256 key, in PEM that starts with `-----BEGIN PUBLIC KEY-----`"
    )]
    NotAPublicKey,
    /// A private key, which belongs in the customer's backend alone.
    #[error(
        "a private key: register its public key, and replace this one, for it has left its home"
    )]
    PrivateKey,
}

/// A live secret of a workspace. Several may be live at once, so that they can be rotated.
#[derive(Clone)]
pub struct SigningSecret {
    /// Its id, which a proof names.
    pub id: SecretId,
    /// What it verifies.
    pub method: SigningMethod,
    /// The `kid` that its tokens carry. A token that names another one is not held against it.
    pub kid: Option<String>,
    /// The `aud` that its tokens must carry; without it, theirs is not looked at.
    pub audience: Option<String>,
    bytes: Vec<u8>,
    key: Option<DecodingKey>,
}

impl SigningSecret {
    /// Checks and takes a shared secret, or a public key in PEM.
    ///
    /// # Errors
    /// If the bytes are too weak for the method, or of another kind.
    pub fn new(id: SecretId, method: SigningMethod, bytes: &[u8]) -> Result<Self, SecretError> {
        if bytes.len() > MAX_BYTES {
            return Err(SecretError::TooLong);
        }
        let key = match method {
            SigningMethod::Hs256 => {
                Some(shared(bytes, MIN_HS256_BYTES).map(DecodingKey::from_secret)?)
            }
            SigningMethod::HmacSha256 => shared(bytes, MIN_HMAC_BYTES).map(|_| None)?,
            SigningMethod::Rs256 => Some(rsa_key(bytes)?),
            SigningMethod::Es256 => Some(ec_key(bytes)?),
        };
        Ok(Self {
            id,
            method,
            kid: None,
            audience: None,
            bytes: bytes.to_vec(),
            key,
        })
    }

    /// The same, for tokens that carry this `kid`.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// The same, for tokens that carry this `aud`.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// What was registered: to be stored sealed, never shown.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) const fn key(&self) -> Option<&DecodingKey> {
        self.key.as_ref()
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningSecret")
            .field("id", &self.id)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

fn shared(bytes: &[u8], at_least: usize) -> Result<&[u8], SecretError> {
    if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        Err(SecretError::KeyAsSecret)
    } else if bytes.len() < at_least {
        Err(SecretError::TooShort)
    } else {
        Ok(bytes)
    }
}

/// Refuses all PEM but that of public keys.
fn public_pem(bytes: &[u8]) -> Result<&[u8], SecretError> {
    let text = std::str::from_utf8(bytes).map_err(|_| SecretError::NotAPublicKey)?;
    if text.contains("PRIVATE KEY") {
        return Err(SecretError::PrivateKey);
    }
    let known = [
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN RSA PUBLIC KEY-----",
    ];
    known
        .iter()
        .any(|start| text.trim_start().starts_with(start))
        .then_some(bytes)
        .ok_or(SecretError::NotAPublicKey)
}

fn rsa_key(pem: &[u8]) -> Result<DecodingKey, SecretError> {
    let not_one = |_| SecretError::NotAPublicKey;
    let key = DecodingKey::from_rsa_pem(public_pem(pem)?).map_err(not_one)?;
    let der = key.try_get_as_bytes().map_err(not_one)?;
    let (modulus, _) = (DEFAULT_PROVIDER
        .key_utils
        .rsa_pub_components_from_public_key)(der)
    .map_err(not_one)?;
    if RSA_MODULUS_BYTES.contains(&modulus.len()) {
        Ok(key)
    } else {
        Err(SecretError::NotAPublicKey)
    }
}

fn ec_key(pem: &[u8]) -> Result<DecodingKey, SecretError> {
    let key = DecodingKey::from_ec_pem(public_pem(pem)?).map_err(|_| SecretError::NotAPublicKey)?;
    // Making a verifier checks that the point lies on P-256.
    match (DEFAULT_PROVIDER.verifier_factory)(&Algorithm::ES256, &key) {
        Ok(_) => Ok(key),
        Err(_) => Err(SecretError::NotAPublicKey),
    }
}
