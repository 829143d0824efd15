//! What can be wrong with a log, each thing in its own words.

use std::fmt;

use kith_store::audit::AuditSeq;
use serde::Serialize;

/// One thing that is not as it was signed. Entries are named by their place in the tree, from 0, and by
/// stream and number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum LogFault {
    /// An entry's bytes are not those that became a leaf.
    Changed { index: u64, entry: String },
    /// What stands beside an entry to find it by says something else than the entry.
    Relabelled {
        index: u64,
        entry: String,
        column: &'static str,
    },
    /// An entry is gone, and later ones are there.
    Missing { index: u64, entry: String },
    /// An entry was gone before it became a leaf.
    NeverFolded { entry: String },
    /// The last entries are gone.
    Truncated { entries: u64, left: u64 },
    /// An entry stands where another one stood.
    Reordered { index: u64, entry: String },
    /// A hash that proofs are made from is not what the entries make.
    WrongHash { level: u8, index: u64 },
    /// The entries do not make the root that the log's newest checkpoint says.
    WrongRoot { size: u64 },
    /// There are leaves that no checkpoint speaks of.
    Unsigned { leaves: u64, signed: u64 },
    /// The log's newest checkpoint is signed by another key than the installation's.
    OtherKey,
    /// The log's newest checkpoint was changed after it was signed.
    Forged,
    /// The kept checkpoint is of another log.
    KeptOfOtherLog { origin: String },
    /// The kept checkpoint is signed by another key than the log's.
    KeptByOtherKey,
    /// The kept checkpoint was changed after it was signed.
    KeptForged,
    /// The kept checkpoint speaks of more entries than there are.
    Behind { kept: u64, size: u64 },
    /// The first entries are not those that the kept checkpoint speaks of.
    Rewritten { kept: u64 },
}

/// `main/read 17`
pub(super) fn entry(place: &AuditSeq) -> String {
    format!("{} {}", place.stream, place.seq)
}

impl fmt::Display for LogFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { index, entry } => {
                write!(f, "entry {index} ({entry}) was changed after it became a part of the log")
            }
            Self::Relabelled { index, entry, column } => write!(
                f,
                "entry {index} ({entry}) is found by another `{column}` than it has: searches are misled"
            ),
            Self::Missing { index, entry } => write!(f, "entry {index} ({entry}) is missing"),
            Self::NeverFolded { entry } => {
                write!(f, "entry {entry} was removed before it became a part of the log")
            }
            Self::Truncated { entries, left } => write!(
                f,
                "the log was truncated: the last {entries} of its entries are gone, and {left} are left"
            ),
            Self::Reordered { index, entry } => {
                write!(f, "entries were reordered: {entry} stands at {index}, where another one stood")
            }
            Self::WrongHash { level, index } => write!(
                f,
                "the hash {index} of level {level}, which proofs are made from, is not what the entries make"
            ),
            Self::WrongRoot { size } => write!(
                f,
                "the {size} entries do not make the root hash that the log's checkpoint was signed with"
            ),
            Self::Unsigned { leaves, signed } => write!(
                f,
                "the log has {leaves} entries and its checkpoint speaks of {signed}: entries were added by another hand"
            ),
            Self::OtherKey => {
                f.write_str("the log's checkpoint was signed by another key than this installation's")
            }
            Self::Forged => f.write_str(
                "the log's checkpoint was changed after it was signed: its signature does not hold",
            ),
            Self::KeptOfOtherLog { origin } => {
                write!(f, "the kept checkpoint is of another log, `{origin}`")
            }
            Self::KeptByOtherKey => f.write_str(
                "the kept checkpoint was signed by another key than the log has now: the log was signed anew",
            ),
            Self::KeptForged => f.write_str(
                "the kept checkpoint was changed after it was signed: its signature does not hold",
            ),
            Self::Behind { kept, size } => write!(
                f,
                "the kept checkpoint is ahead of the log: it speaks of {kept} entries and the log has {size}: it was cut back, or restored from an older copy"
            ),
            Self::Rewritten { kept } => write!(
                f,
                "the log was rewritten: its first {kept} entries are not those that the kept checkpoint speaks of"
            ),
        }
    }
}
