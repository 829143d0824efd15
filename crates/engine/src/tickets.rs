//! Tickets: what a page without scripts and cookies has to carry to ask again, a key above all, sealed
//! so that it does not come back in any answer. Only the process that gave a ticket can open it, for an
//! hour; what it opens is looked at anew every time, so a revoked key is of no use.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use kith_domain::Runtime;
use kith_domain::time::MICROS_PER_SECOND;

use crate::Engine;

/// How long a ticket is good.
const LIFE_MICROS: i64 = 60 * 60 * MICROS_PER_SECOND;
const NONCE_BYTES: usize = 24;
const STAMP_BYTES: usize = 8;
/// Longest ticket that is looked at, as text.
const MAX_CHARS: usize = 20_000;

/// Seals and opens tickets.
pub(crate) struct Tickets(XChaCha20Poly1305);

impl Tickets {
    /// With a key that nobody else has and that ends with the process.
    pub(crate) fn new(runtime: &Runtime) -> Self {
        let key: [u8; 32] = runtime.bytes();
        Self(XChaCha20Poly1305::new(&Key::from(key)))
    }
}

impl Engine {
    /// Seals a text into a ticket; `None` if it is too long for one.
    #[must_use]
    pub fn seal_ticket(&self, text: &str) -> Option<String> {
        let nonce: [u8; NONCE_BYTES] = self.runtime().bytes();
        let stamp = self.runtime().now().micros().to_be_bytes();
        let payload = Payload {
            msg: text.as_bytes(),
            aad: &stamp,
        };
        let sealed = self.0.tickets.0.encrypt(&XNonce::from(nonce), payload);
        let bytes: Vec<u8> = stamp.into_iter().chain(nonce).chain(sealed.ok()?).collect();
        Some(URL_SAFE_NO_PAD.encode(bytes)).filter(|ticket| ticket.len() <= MAX_CHARS)
    }

    /// What was sealed into a ticket of this process; `None` if it is none, or no longer good.
    #[must_use]
    pub fn open_ticket(&self, ticket: &str) -> Option<String> {
        let bytes = (ticket.len() <= MAX_CHARS).then_some(ticket)?;
        let bytes = URL_SAFE_NO_PAD.decode(bytes).ok()?;
        let (stamp, rest) = bytes.split_first_chunk::<STAMP_BYTES>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: sealed,
            aad: stamp,
        };
        let opened = self.0.tickets.0.decrypt(&XNonce::from(*nonce), payload);
        let age = self
            .runtime()
            .now()
            .micros()
            .checked_sub(i64::from_be_bytes(*stamp))?;
        if !(0..LIFE_MICROS).contains(&age) {
            return None;
        }
        String::from_utf8(opened.ok()?).ok()
    }
}
