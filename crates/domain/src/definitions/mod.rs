//! One version of a workspace's definitions: everything that is version-controlled together.
//!
//! They are written as a folder of text files and stored as one canonical text with its hash:
//!
//! ```text
//! workspace.toml           edition, ceilings, look-up consents
//! fields/<entity>.toml     one table per field
//! events.toml              one table per event
//! policies/*.kith          the policy language
//! tests/*.toml             cases: what must come of a request
//! ```

mod cases;
mod clash;
mod read;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use cases::{Answer, Case, CaseState, Expected};
pub use read::{Place, read_folder};

use crate::catalog::{Catalog, FieldPath, Sensitivity};
use crate::identifier::IdentifierType;
use crate::purpose::{Audience, Purpose};

/// The edition of the definitions format that this Kith reads.
pub const EDITION: i64 = 2026;
/// Largest definitions file, in bytes.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;
/// Most files in a definitions folder.
pub const MAX_FILES: usize = 1_000;
/// Most fields in a catalog, those of events included.
pub const MAX_FIELDS: usize = 10_000;
/// Most cases in a definitions folder, each combination of actor and purpose counted.
pub const MAX_CASES: usize = 10_000;

/// A file of the definitions folder, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Path relative to the folder, with `/`: `policies/support.kith`.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// A file of policies, not yet parsed: `kith-policy` does that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Path relative to the folder.
    pub path: Arc<str>,
    /// The whole text.
    pub text: Arc<str>,
}

/// The highest sensitivity that an audience sees without a `show`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceilings {
    /// Of support.
    pub support: Sensitivity,
    /// Of AI.
    pub ai: Sensitivity,
    /// Of reporting.
    pub reporting: Sensitivity,
    /// Of automation.
    pub automation: Sensitivity,
}

impl Default for Ceilings {
    fn default() -> Self {
        Self {
            support: Sensitivity::Confidential,
            ai: Sensitivity::Internal,
            reporting: Sensitivity::Confidential,
            automation: Sensitivity::Internal,
        }
    }
}

impl Ceilings {
    /// The ceiling of one audience.
    #[must_use]
    pub const fn of(&self, audience: Audience) -> Sensitivity {
        match audience {
            Audience::Support => self.support,
            Audience::Ai => self.ai,
            Audience::Reporting => self.reporting,
            Audience::Automation => self.automation,
        }
    }
}

/// A warning about a field that its owner accepts: `accept = { sensitive-for-ai = "why" }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accept {
    /// Of which field.
    pub field: FieldPath,
    /// The warning's name, which may be no known one.
    pub lint: Arc<str>,
    /// Why; empty if nothing is said.
    pub reason: Arc<str>,
    /// Where it is accepted.
    pub place: Place,
}

/// One version of a workspace's definitions, read and cross-checked. Policies are text still.
#[derive(Debug, Clone, PartialEq)]
pub struct Definitions {
    /// The highest sensitivity that each audience sees without a `show`.
    pub ceilings: Ceilings,
    /// The purposes that may find a customer by each type of identifier.
    pub lookups: BTreeMap<IdentifierType, BTreeSet<Purpose>>,
    /// Fields and events.
    pub catalog: Catalog,
    /// Where each field is defined, parallel to the catalog's fields.
    pub places: Vec<Place>,
    /// What fields accept that would be warned of, in order of file, then position.
    pub accepts: Vec<Accept>,
    /// Policies, in order of file path.
    pub policies: Vec<PolicyFile>,
    /// What must come of requests, in order of file path, then position.
    pub cases: Vec<Case>,
    /// The files as they were read, in order of path: the canonical text.
    pub files: Vec<SourceFile>,
}

impl Definitions {
    /// Whether the definitions let this purpose find a customer by this type of identifier.
    #[must_use]
    pub fn may_look_up(&self, kind: IdentifierType, purpose: Purpose) -> bool {
        self.lookups
            .get(&kind)
            .is_some_and(|purposes| purposes.contains(&purpose))
    }
}

/// SHA-256 over the files in order of path, each with its length, as lower-case hex: the same files
/// give the same hash wherever they are kept.
#[must_use]
pub fn hash(files: &[SourceFile]) -> String {
    let mut hasher = Sha256::new();
    let mut sorted: Vec<_> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    for file in sorted {
        for part in [&file.path, &file.text] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
    }
    hasher
        .finalize()
        .iter()
        .fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}
