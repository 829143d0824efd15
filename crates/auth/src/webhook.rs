//! Signatures of webhooks, each as its sender makes it. One who cannot sign is told no more than that:
//! why a signature does not hold is for the log of whoever runs this.
//!
//! | scheme | header | signed |
//! |---|---|---|
//! | Stripe | `Stripe-Signature: t=…,v1=…` | `{t}.{body}`, in hex |
//! | HubSpot v3 | `X-HubSpot-Signature-v3`, `X-HubSpot-Request-Timestamp` | method, address, body and time, in base64 |
//! | Chatwoot | `X-Chatwoot-Signature: sha256=…`, `X-Chatwoot-Timestamp` | `{t}.{body}`, in hex |
//! | Intercom | `X-Hub-Signature: sha1=…` | the body with SHA-1, in hex; no time, so that dedup alone stops a repeat |
//! | Zendesk | `X-Zendesk-Webhook-Signature`, `…-Timestamp` | time and body, in base64 |
//! | Standard Webhooks | `webhook-id`, `webhook-timestamp`, `webhook-signature: v1,…` | `{id}.{t}.{body}`, in base64 |
//!
//! Several secrets may be live, so that one can be replaced: any of them will do. All are HMAC-SHA256 but
//! where another is named, and are compared in constant time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use kith_domain::Timestamp;
use kith_domain::time::MICROS_PER_SECOND;
use sha1::Sha1;
use sha2::Sha256;

/// How far a sender's clock may be off, and how old a delivery may be: in seconds, either way.
pub const TOLERANCE_SECONDS: i64 = 300;
/// Most signatures of one header that are looked at.
const MAX_SIGNATURES: usize = 16;
/// What secrets of Standard Webhooks begin with; the rest is base64.
const STANDARD_PREFIX: &str = "whsec_";

/// Who signs how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Stripe.
    Stripe,
    /// HubSpot, version 3.
    HubSpot,
    /// Chatwoot.
    Chatwoot,
    /// Intercom.
    Intercom,
    /// Zendesk.
    Zendesk,
    /// <https://www.standardwebhooks.com>.
    Standard,
}

/// A request whose signature is to be checked.
#[derive(Clone, Copy)]
pub struct Signed<'a> {
    /// Its headers.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
    /// The address that the sender called, which HubSpot signs.
    pub url: &'a str,
    /// The body as it came.
    pub body: &'a [u8],
}

/// Says nothing of the request.
impl std::fmt::Debug for Signed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signed").finish_non_exhaustive()
    }
}

/// Why a signature does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// A header is missing, or cannot be read.
    #[error("the headers of the signature are missing or cannot be read")]
    Malformed,
    /// It was signed too long ago, or in the future.
    #[error("signed more than {TOLERANCE_SECONDS} seconds ago, or ahead")]
    Stale,
    /// No live secret made it.
    #[error("no live secret made this signature")]
    Wrong,
}

/// Holds a request against the secrets that are live.
///
/// # Errors
/// Why its signature does not hold.
pub fn verify(
    scheme: Scheme,
    secrets: &[impl AsRef<[u8]>],
    request: Signed<'_>,
    now: Timestamp,
) -> Result<(), Unsigned> {
    let claim = Claim::read(scheme, request).ok_or(Unsigned::Malformed)?;
    if let Some(at) = claim.at_seconds {
        let now = now.micros().div_euclid(MICROS_PER_SECOND);
        if now.abs_diff(at) > TOLERANCE_SECONDS.unsigned_abs() {
            return Err(Unsigned::Stale);
        }
    }
    let holds = secrets.iter().any(|secret| {
        let key = key(scheme, secret.as_ref());
        key.is_some_and(|key| {
            let any = |signature: &Vec<u8>| match scheme {
                Scheme::Intercom => is_made_by::<Hmac<Sha1>>(&key, &claim.signed, signature),
                _ => is_made_by::<Hmac<Sha256>>(&key, &claim.signed, signature),
            };
            claim.signatures.iter().any(any)
        })
    });
    if holds { Ok(()) } else { Err(Unsigned::Wrong) }
}

/// Whether a text can be a secret of a scheme.
#[must_use]
pub fn is_secret(scheme: Scheme, secret: &[u8]) -> bool {
    key(scheme, secret).is_some_and(|key| key.len() >= 16)
}

fn is_made_by<M: Mac + KeyInit>(key: &[u8], signed: &[&[u8]], signature: &[u8]) -> bool {
    let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else {
        return false;
    };
    for part in signed {
        mac.update(part);
    }
    mac.verify_slice(signature).is_ok()
}

/// The bytes that a secret stands for.
fn key(scheme: Scheme, secret: &[u8]) -> Option<Vec<u8>> {
    if scheme != Scheme::Standard {
        return Some(secret.to_vec());
    }
    let text = std::str::from_utf8(secret).ok()?;
    STANDARD
        .decode(text.strip_prefix(STANDARD_PREFIX).unwrap_or(text))
        .ok()
}

/// What a request says of its own signature.
struct Claim<'a> {
    at_seconds: Option<i64>,
    signed: Vec<&'a [u8]>,
    signatures: Vec<Vec<u8>>,
}

impl<'a> Claim<'a> {
    fn read(scheme: Scheme, request: Signed<'a>) -> Option<Self> {
        let Signed { header, url, body } = request;
        let dot: &[u8] = b".";
        Some(match scheme {
            Scheme::Stripe => {
                let parts = || {
                    let parts = header("stripe-signature").unwrap_or_default().split(',');
                    parts.filter_map(|part| part.trim().split_once('='))
                };
                let (_, at) = parts().find(|(name, _)| *name == "t")?;
                let made = parts().filter(|(name, _)| *name == "v1");
                Self {
                    at_seconds: Some(at.parse().ok()?),
                    signed: vec![at.as_bytes(), dot, body],
                    signatures: some(made.filter_map(|(_, hex)| hex::decode(hex).ok()))?,
                }
            }
            Scheme::HubSpot => {
                let at = header("x-hubspot-request-timestamp")?;
                let made = header("x-hubspot-signature-v3")?;
                let millis: i64 = at.parse().ok()?;
                Self {
                    at_seconds: Some(millis.div_euclid(1000)),
                    signed: vec![b"POST", url.as_bytes(), body, at.as_bytes()],
                    signatures: some(STANDARD.decode(made).into_iter())?,
                }
            }
            Scheme::Chatwoot => {
                let at = header("x-chatwoot-timestamp")?;
                let made = header("x-chatwoot-signature")?.strip_prefix("sha256=")?;
                Self {
                    at_seconds: Some(at.parse().ok()?),
                    signed: vec![at.as_bytes(), dot, body],
                    signatures: some(hex::decode(made).into_iter())?,
                }
            }
            Scheme::Intercom => Self {
                at_seconds: None,
                signed: vec![body],
                signatures: {
                    let made = header("x-hub-signature")?.strip_prefix("sha1=")?;
                    some(hex::decode(made).into_iter())?
                },
            },
            Scheme::Zendesk => {
                let at = header("x-zendesk-webhook-signature-timestamp")?;
                let made = header("x-zendesk-webhook-signature")?;
                let time = Timestamp::parse(at)?;
                Self {
                    at_seconds: Some(time.micros().div_euclid(MICROS_PER_SECOND)),
                    signed: vec![at.as_bytes(), body],
                    signatures: some(STANDARD.decode(made).into_iter())?,
                }
            }
            Scheme::Standard => {
                let (id, at) = (header("webhook-id")?, header("webhook-timestamp")?);
                let made = header("webhook-signature")?.split(' ');
                let made = made.filter_map(|part| part.strip_prefix("v1,"));
                Self {
                    at_seconds: Some(at.parse().ok()?),
                    signed: vec![id.as_bytes(), dot, at.as_bytes(), dot, body],
                    signatures: some(made.filter_map(|text| STANDARD.decode(text).ok()))?,
                }
            }
        })
    }
}

/// The signatures, if there is one.
fn some(signatures: impl Iterator<Item = Vec<u8>>) -> Option<Vec<Vec<u8>>> {
    let signatures: Vec<_> = signatures.take(MAX_SIGNATURES).collect();
    (!signatures.is_empty()).then_some(signatures)
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
