//! Checkpoints: what a log says of itself, signed, as C2SP tlog-checkpoint and signed-note have it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::Hash;

/// The signature algorithm Ed25519, as signed notes number them.
const ED25519: u8 = 1;
/// Longest note that is read.
const MAX_NOTE_BYTES: usize = 64 * 1024;
/// Before each signature: an em dash.
const SIGNATURE_MARK: &str = "\u{2014} ";

/// What a log says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: a name that no other log has.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    fn body(&self) -> String {
        let root = STANDARD.encode(self.root);
        format!("{}\n{}\n{root}\n", self.origin, self.size)
    }

    /// The checkpoint as a signed note. The signature's name is the log's.
    #[must_use]
    pub fn sign(&self, key: &LogKey) -> String {
        let body = self.body();
        let signature = key.0.sign(body.as_bytes()).to_bytes();
        let id = key_id(&self.origin, &key.0.verifying_key());
        let blob = STANDARD.encode([&id[..], &signature[..]].concat());
        format!("{body}\n{SIGNATURE_MARK}{} {blob}\n", self.origin)
    }
}

/// One signature of a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Who signed, by their own word.
    pub name: String,
    /// By which key, in short.
    pub key_id: [u8; 4],
    bytes: Vec<u8>,
}

/// A checkpoint with what was signed and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What it says.
    pub checkpoint: Checkpoint,
    /// Those who signed, witnesses among them.
    pub signatures: Vec<Signature>,
    body: String,
}

/// Why a text is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a signed checkpoint: {0}")]
pub struct NoteError(&'static str);

impl SignedCheckpoint {
    /// Reads a signed note.
    ///
    /// # Errors
    /// If it is none, or no checkpoint.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError("it is too long"));
        }
        let (text, marks) = note
            .rsplit_once("\n\n")
            .ok_or(NoteError("expected a text, an empty line, and signatures"))?;
        let body = format!("{text}\n");
        let mut lines = text.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty());
        let origin = origin.ok_or(NoteError("the first line must name the log"))?;
        let size = lines.next().and_then(number);
        let size = size.ok_or(NoteError("the second line must be a number of entries"))?;
        let root = lines.next().and_then(|line| STANDARD.decode(line).ok());
        let root = root.and_then(|bytes| bytes.try_into().ok());
        let root = root.ok_or(NoteError("the third line must be a hash in base64"))?;
        let marks = marks
            .strip_suffix('\n')
            .ok_or(NoteError("the last line must end with a line break"))?;
        let signatures = marks.split('\n').map(read_signature).collect::<Option<_>>();
        Ok(Self {
            checkpoint: Checkpoint {
                origin: origin.to_owned(),
                size,
                root,
            },
            signatures: signatures.ok_or(NoteError("a signature cannot be read"))?,
            body,
        })
    }

    /// Reads signed notes that stand one after the other, as a file has them to which each new one is
    /// appended.
    ///
    /// # Errors
    /// If one of them is none, or no checkpoint.
    pub fn parse_all(notes: &str) -> Result<Vec<Self>, NoteError> {
        let mut found = Vec::new();
        let (mut start, mut end, mut signed) = (0, 0, false);
        for line in notes.split_inclusive('\n') {
            let is_signature = line.starts_with(SIGNATURE_MARK);
            if signed && !is_signature {
                found.push(Self::parse(notes.get(start..end).unwrap_or_default())?);
                start = end;
            }
            signed = is_signature;
            end += line.len();
        }
        found.push(Self::parse(notes.get(start..).unwrap_or_default())?);
        Ok(found)
    }

    /// Whether the log's own key signed it: `None` if no signature is by this key, `Some(false)` if one
    /// says so and is not.
    #[must_use]
    pub fn signed_by(&self, key: &LogKey) -> Option<bool> {
        let public = key.0.verifying_key();
        let id = key_id(&self.checkpoint.origin, &public);
        let mut good = None;
        for signature in &self.signatures {
            if signature.name == self.checkpoint.origin && signature.key_id == id {
                let bytes = ed25519_dalek::Signature::from_slice(&signature.bytes).ok();
                let verified = bytes.is_some_and(|bytes| {
                    public.verify_strict(self.body.as_bytes(), &bytes).is_ok()
                });
                good = Some(good.unwrap_or(false) || verified);
            }
        }
        good
    }
}

fn number(line: &str) -> Option<u64> {
    let number: u64 = line.parse().ok()?;
    (number.to_string() == line).then_some(number)
}

fn read_signature(line: &str) -> Option<Signature> {
    let (name, blob) = line.strip_prefix(SIGNATURE_MARK)?.split_once(' ')?;
    let blob = STANDARD.decode(blob).ok()?;
    let (key_id, bytes) = blob.split_first_chunk()?;
    Some(Signature {
        name: name.to_owned(),
        key_id: *key_id,
        bytes: bytes.to_vec(),
    })
}

fn key_id(name: &str, key: &VerifyingKey) -> [u8; 4] {
    let hash: Hash = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', ED25519])
        .chain_update(key.as_bytes())
        .finalize()
        .into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

/// The key with which an installation signs its logs.
#[derive(Clone)]
pub struct LogKey(SigningKey);

impl LogKey {
    /// The key that grows from these random bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// What others check a log's checkpoints with: its name, the key's short id, and the public key.
    #[must_use]
    pub fn verifier(&self, origin: &str) -> String {
        let public = self.0.verifying_key();
        let id = hex::encode(key_id(origin, &public));
        let key = STANDARD.encode([&[ED25519][..], public.as_bytes()].concat());
        format!("{origin}+{id}+{key}")
    }
}

/// Shows nothing of the key.
impl std::fmt::Debug for LogKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogKey(…)")
    }
}
