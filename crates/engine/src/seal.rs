//! The secrets of sources at rest: sealed under a key that the store does not have, so that a copy of the
//! store opens nothing elsewhere. Without a key nothing is sealed, and nothing is kept plain.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use kith_domain::Runtime;
use kith_domain::id::{SourceId, WorkspaceId};

const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;

/// The key that seals secrets.
pub struct MasterKey(XChaCha20Poly1305);

/// Says nothing of the key.
impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey")
    }
}

impl MasterKey {
    /// The key that a text of 64 hexadecimal digits stands for; `None` if it is none.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut key = [0; KEY_BYTES];
        hex::decode_to_slice(text.trim(), &mut key).ok()?;
        Some(Self(XChaCha20Poly1305::new(&Key::from(key))))
    }

    /// Seals what is secret of a source. It opens for this source alone.
    pub(crate) fn seal(
        &self,
        runtime: &Runtime,
        owner: (WorkspaceId, SourceId),
        secrets: &[String],
    ) -> Option<Vec<u8>> {
        let text = serde_json::to_vec(secrets).ok()?;
        let nonce: [u8; NONCE_BYTES] = runtime.bytes();
        let payload = Payload {
            msg: &text,
            aad: &bound_to(owner),
        };
        let sealed = self.0.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([&nonce, sealed.as_slice()].concat())
    }

    /// What was sealed; `None` under another key, or for another source.
    pub(crate) fn open(
        &self,
        owner: (WorkspaceId, SourceId),
        sealed: &[u8],
    ) -> Option<Vec<String>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: sealed,
            aad: &bound_to(owner),
        };
        let text = self.0.decrypt(&XNonce::from(*nonce), payload).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

fn bound_to((workspace, source): (WorkspaceId, SourceId)) -> Vec<u8> {
    [workspace.0.to_be_bytes().as_slice(), source.as_bytes()].concat()
}
