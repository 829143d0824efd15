//! The audit log: who saw or changed which fields of whom. Entries hold field names, never values.
//!
//! Each node writes two streams for each workspace, `<node>/read` and `<node>/change`, and numbers
//! each from 1 without gaps. The entries of all streams are the leaves of one tree (`tree`).

mod append;
mod probe;
mod search;
pub mod tree;

use std::sync::Arc;

use kith_domain::id::{AccountId, AuditId, PersonId, WorkspaceId};
use kith_domain::{Purpose, Timestamp};

pub use append::append_in;
pub(crate) use append::{append_group, append_to, check};
pub(crate) use probe::{outcome, try_append};
pub use search::AuditFilter;
pub(crate) use search::{at_places, merge, search};

use crate::StoreError;

/// The names of one node's streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Streams {
    /// Entries of reads.
    pub read: Arc<str>,
    /// Entries of changes, which ride in the change's own transaction.
    pub change: Arc<str>,
}

impl Streams {
    /// The streams of a node, whose name is small letters, digits and `-`, at most 63.
    pub(crate) fn of_node(node: &str) -> Result<Self, StoreError> {
        let well_formed = (1..=63).contains(&node.len())
            && node
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !well_formed {
            return Err(StoreError::NodeName);
        }
        Ok(Self {
            read: format!("{node}/read").into(),
            change: format!("{node}/change").into(),
        })
    }
}

/// Names of fields, with the hash by which entries refer to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSet {
    /// Hash of the names, made by the engine.
    pub hash: [u8; 32],
    /// Full field paths.
    pub names: Vec<String>,
}

/// An entry to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRow {
    /// Whose log.
    pub workspace: WorkspaceId,
    /// The entry's id.
    pub id: AuditId,
    /// When.
    pub at: Timestamp,
    /// The frozen, versioned bytes that the log proves.
    pub leaf: Vec<u8>,
    /// The credential's holder: the text of a member's or agent's id.
    pub actor: String,
    /// The text of the credential's id.
    pub credential: String,
    /// The text of the id of the member that an agent acted for.
    pub on_behalf_of: Option<String>,
    /// Why.
    pub purpose: Purpose,
    /// What was done: `context.read`, `definitions.publish`, …
    pub action: String,
    /// What was decided: `allowed`, `refused`, …
    pub verdict: String,
    /// The account it was about.
    pub account: Option<AccountId>,
    /// The person it was about.
    pub person: Option<PersonId>,
    /// A keyed hash of the identifier that was looked up.
    pub lookup_hash: Option<[u8; 32]>,
    /// The fields that were shown or changed.
    pub fields: FieldSet,
    /// Ids of the policy statements that decided.
    pub statements: Vec<String>,
    /// The definitions under which it was decided.
    pub definitions_version: u64,
    /// Their hash.
    pub definitions_hash: String,
    /// The change feed's position of the snapshot.
    pub position: i64,
}

/// The place of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSeq {
    /// The stream.
    pub stream: Arc<str>,
    /// 1, 2, 3, … within workspace and stream.
    pub seq: i64,
}

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Where it stands.
    pub place: AuditSeq,
    /// What it says.
    pub row: AuditRow,
}
