//! Secrets of keys: `kith_<kind>_<id>_<secret>`, shown once and stored hashed.
//!
//! The hash is SHA-256 of the whole text. A slow hash such as argon2 protects secrets that people
//! choose, because those can be guessed; 256 random bits cannot, and a slow hash on every request
//! would only help those who flood us with wrong keys. Because the whole text is hashed, neither the
//! kind nor the id of a key can be exchanged for another.

use std::fmt;

use kith_domain::Runtime;
use kith_domain::id::KeyId;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// Random bytes in a secret.
const SECRET_BYTES: usize = 32;
/// Characters in which they are written: 5 bits each.
const SECRET_CHARS: usize = 52;
/// Crockford's base 32 in small letters, as in ids: no two characters look alike.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ID_PREFIX: &str = "key_";

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// A member's own: everything they may do.
    Member,
    /// An agent's: within its scopes.
    Agent,
    /// A source's, held by a server.
    Write,
    /// A source's, shipped in browsers.
    Public,
}

impl KeyKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Member, Self::Agent, Self::Write, Self::Public];

    /// The word in the key's text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Agent => "agent",
            Self::Write => "write",
            Self::Public => "public",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A new key's text, to be shown to its owner once and never kept.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// The text. Whoever holds it is the key's principal.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What is stored of a key: 32 bytes of SHA-256.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// The bytes that the store keeps.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From the bytes that the store keeps; `None` unless there are 32.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// A text that has the form of a key. Nothing is proven yet: see [`verify`].
#[derive(Debug, Clone)]
pub struct ParsedKey {
    /// What it says it is for.
    pub kind: KeyKind,
    /// The id under which the hash is stored.
    pub id: KeyId,
    token: Token,
}

/// Text that has not the form of a key. It never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a key: expected `kith_<kind>_<id>_<secret>`, as it was shown when the key was made")]
pub struct MalformedKey;

/// Makes the secret of a new key: what to show, and what to store.
#[must_use]
pub fn generate(kind: KeyKind, id: KeyId, runtime: &Runtime) -> (Token, SecretHash) {
    let id = id.to_string();
    let id = id.strip_prefix(ID_PREFIX).unwrap_or(&id);
    let secret = base_32(runtime.bytes());
    let token = Token(format!("kith_{kind}_{id}_{secret}"));
    let hash = SecretHash::of(&token.0);
    (token, hash)
}

/// Reads a key's text.
///
/// # Errors
/// If it has not the form of a key.
pub fn parse(text: &str) -> Result<ParsedKey, MalformedKey> {
    let mut parts = text.split('_');
    let mut part = || parts.next().ok_or(MalformedKey);
    let (product, kind, suffix, secret) = (part()?, part()?, part()?, part()?);
    let kind = KeyKind::ALL
        .into_iter()
        .find(|known| known.as_str() == kind);
    let id: KeyId = format!("{ID_PREFIX}{suffix}")
        .parse()
        .map_err(|_| MalformedKey)?;
    let well_formed = parts.next().is_none()
        && product == "kith"
        && secret.len() == SECRET_CHARS
        && secret.bytes().all(|byte| ALPHABET.contains(&byte));
    match kind {
        Some(kind) if well_formed => Ok(ParsedKey {
            kind,
            id,
            token: Token(text.to_owned()),
        }),
        _ => Err(MalformedKey),
    }
}

/// Whether this is the key whose hash was stored, in a time that tells nothing about how close it is.
#[must_use]
pub fn verify(key: &ParsedKey, stored: &SecretHash) -> bool {
    SecretHash::of(&key.token.0).0.ct_eq(&stored.0).into()
}

/// Writes bytes 5 bits at a time, the last character padded with zeros.
fn base_32(bytes: [u8; SECRET_BYTES]) -> String {
    let bit = |position: usize| {
        let byte = bytes.get(position / 8).copied().unwrap_or(0);
        usize::from(byte >> (7 - position % 8) & 1)
    };
    (0..SECRET_CHARS)
        .map(|place| (0..5).fold(0, |digit, offset| digit << 1 | bit(place * 5 + offset)))
        .map(|digit| char::from(ALPHABET.get(digit).copied().unwrap_or(b'0')))
        .collect()
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
