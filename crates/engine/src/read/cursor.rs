//! Cursors: where a page ended, sealed. They hold what the last row was ordered by, which is a customer's
//! value, so nobody can read one, make one, or use one that was given to somebody else, for another
//! question, or under other definitions.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key as CipherKey, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use std::str::FromStr;

use kith_domain::id::WorkspaceId;
use kith_domain::{Actor, Member, Principal, Purpose, Runtime};
use kith_store::lists::{After, Key};
use serde::Serialize;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::error::EngineError;

const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 24;
/// The format and the definitions version, which stand in the clear and are sealed all the same.
const HEAD_BYTES: usize = 1 + 8;
/// Longest cursor that is looked at, as text.
const MAX_CHARS: usize = 60_000;

/// What the cursors of one question are sealed to.
pub(super) struct Seal {
    cipher: XChaCha20Poly1305,
    version: u64,
    question: [u8; 32],
}

/// The question that a cursor goes on with.
pub(super) struct Question<'a> {
    pub(super) workspace: WorkspaceId,
    /// What is listed, as the audit calls it.
    pub(super) list: &'a str,
    pub(super) actor: &'a Actor,
    pub(super) purpose: Purpose,
    pub(super) filter: &'a str,
    pub(super) sort: &'a [String],
}

impl Seal {
    pub(super) fn new(hash_key: &[u8; 32], version: u64, question: &Question<'_>) -> Self {
        Self {
            cipher: XChaCha20Poly1305::new(&cipher_key(hash_key)),
            version,
            question: question.digest(),
        }
    }

    /// The cursor of a page that ended here.
    pub(super) fn close<Id: Serialize>(
        &self,
        runtime: &Runtime,
        end: &After<Id>,
    ) -> Result<String, EngineError> {
        let end = json!({
            "id": end.id,
            "keys": end.keys.iter().map(write_key).collect::<Vec<_>>(),
        });
        self.close_json(runtime, &end)
    }

    /// The cursor of a page of another kind.
    pub(super) fn close_json(&self, runtime: &Runtime, end: &Json) -> Result<String, EngineError> {
        let nonce: [u8; NONCE_BYTES] = runtime.bytes();
        let head = self.head();
        let sealed = self.cipher.encrypt(
            &XNonce::from(nonce),
            Payload {
                msg: end.to_string().as_bytes(),
                aad: &self.bound_to(head),
            },
        );
        let sealed = sealed.map_err(|_| broken())?;
        let bytes: Vec<u8> = head.into_iter().chain(nonce).chain(sealed).collect();
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Where a cursor says that its page ended.
    pub(super) fn open<Id: FromStr>(&self, cursor: &str) -> Result<After<Id>, EngineError> {
        read(&self.open_json(cursor)?).ok_or_else(broken)
    }

    /// Where a cursor of another kind says that its page ended.
    pub(super) fn open_json(&self, cursor: &str) -> Result<Json, EngineError> {
        let bytes = (cursor.len() <= MAX_CHARS)
            .then(|| URL_SAFE_NO_PAD.decode(cursor).ok())
            .flatten()
            .ok_or_else(broken)?;
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>().ok_or_else(broken)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(broken)?;
        let current = self.head();
        if head.first() == current.first() && *head != current {
            return Err(EngineError::invalid(
                "cursor",
                "the definitions changed since it was given: start again without it",
            ));
        }
        let payload = Payload {
            msg: sealed,
            aad: &self.bound_to(*head),
        };
        let text = self
            .cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| broken())?;
        serde_json::from_slice(&text).map_err(|_| broken())
    }

    fn head(&self) -> [u8; HEAD_BYTES] {
        let mut head = [FORMAT; HEAD_BYTES];
        for (place, byte) in head.iter_mut().skip(1).zip(self.version.to_be_bytes()) {
            *place = byte;
        }
        head
    }

    fn bound_to(&self, head: [u8; HEAD_BYTES]) -> Vec<u8> {
        head.into_iter().chain(self.question).collect()
    }
}

/// What came is no cursor that was given for this very question.
pub(super) fn broken() -> EngineError {
    EngineError::invalid(
        "cursor",
        "expected the `nextCursor` of a page of this very question, asked by the same caller: send it \
         with the same purpose, filter and sort, or start again without it",
    )
}

/// A key of its own, from the workspace's.
fn cipher_key(hash_key: &[u8; 32]) -> CipherKey {
    // HMAC takes keys of every length, and its SHA-256 is as long as the cipher's key.
    let key = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(hash_key).map(|mut mac| {
        mac.update(b"kith cursor\0");
        <[u8; 32]>::from(mac.finalize().into_bytes())
    });
    CipherKey::from(key.unwrap_or_default())
}

impl Question<'_> {
    fn digest(&self) -> [u8; 32] {
        let mut digest = Parts(Sha256::new());
        digest.part(&self.workspace.0.to_be_bytes());
        match &self.actor.principal {
            Principal::Member(member) => digest.member(member),
            Principal::Agent(agent) => {
                digest.part(agent.id.as_bytes());
                digest.part(agent.kind.as_str().as_bytes());
            }
        }
        if let Some(member) = &self.actor.on_behalf_of {
            digest.member(member);
        }
        digest.part(self.list.as_bytes());
        digest.part(self.purpose.as_str().as_bytes());
        digest.part(self.filter.as_bytes());
        for field in self.sort {
            digest.part(field.as_bytes());
        }
        digest.0.finalize().into()
    }
}

/// Hashes parts so that no two lists of parts look alike.
struct Parts(Sha256);

impl Parts {
    fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// A member with all that policies may ask of them: whose roles change starts again.
    fn member(&mut self, member: &Member) {
        self.part(member.id.as_bytes());
        self.part(member.name.as_bytes());
        for set in [&member.roles, &member.teams, &member.sites, &member.regions] {
            self.part(&(set.len() as u64).to_be_bytes());
            for word in set {
                self.part(word.as_bytes());
            }
        }
    }
}

fn write_key(key: &Option<Key>) -> Json {
    match key {
        None => Json::Null,
        Some(Key::Number(number)) => json!(number),
        Some(Key::Money(currency, number)) => json!([currency, number]),
        Some(Key::Text(text)) => json!(text),
    }
}

fn read_key(json: &Json) -> Option<Option<Key>> {
    Some(match json {
        Json::Null => None,
        Json::Number(number) => Some(Key::Number(number.as_i64()?)),
        Json::String(text) => Some(Key::Text(text.clone())),
        Json::Array(pair) => match pair.as_slice() {
            [currency, number] => Some(Key::Money(currency.as_str()?.to_owned(), number.as_i64()?)),
            _ => return None,
        },
        Json::Bool(_) | Json::Object(_) => return None,
    })
}

fn read<Id: FromStr>(json: &Json) -> Option<After<Id>> {
    let keys = json.get("keys")?.as_array()?;
    Some(After {
        id: json.get("id")?.as_str()?.parse().ok()?,
        keys: keys.iter().map(read_key).collect::<Option<_>>()?,
    })
}
