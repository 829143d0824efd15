//! What is written, and what is told of it: ids and outcomes, never a value.
#![expect(
    missing_debug_implementations,
    reason = "these hold a customer's values: nothing may print them in passing"
)]

use kith_domain::fact::{Fault, Related};
use kith_domain::{Identifier, RootKind, Timestamp};
use kith_store::identity::RootId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// Most identifiers that one write may name a root by.
pub const MAX_IDENTIFIERS: usize = 20;
/// Most accounts that one write may join a person to.
pub const MAX_JOINED: usize = 50;

/// One thing that a caller writes.
#[derive(Clone)]
pub struct Write {
    /// What.
    pub what: What,
    /// When it was observed; `None` is now. A later time than now counts as now.
    pub observed_at: Option<Timestamp>,
    /// What was sent, kept in quarantine if a part of it cannot be used.
    pub original: Vec<u8>,
}

/// One line of many.
pub struct WriteLine {
    /// Its number, from 1.
    pub number: u64,
    /// What it says.
    pub write: Write,
}

impl Write {
    /// The identifiers that say what is written, if it is no event.
    #[must_use]
    pub fn written_by(&self) -> &[Identifier] {
        match &self.what {
            What::Root(RootWrite {
                target: Target::Identifiers(identifiers),
                ..
            }) => identifiers,
            _ => &[],
        }
    }

    /// How many roots and identifiers it names.
    #[must_use]
    pub fn names(&self) -> usize {
        match &self.what {
            What::Root(root) => {
                self.written_by().len() + root.accounts.len() + root.relations.len()
            }
            What::Event(_) => 2,
        }
    }
}

/// What a caller writes.
#[derive(Clone)]
pub enum What {
    /// Fields of an account, a person or another root.
    Root(RootWrite),
    /// Something that happened.
    Event(EventWrite),
}

/// Fields of one root.
#[derive(Clone)]
pub struct RootWrite {
    /// What it is.
    pub kind: RootKind,
    /// Which one.
    pub target: Target,
    /// Values by the keys of the catalog; `null` deletes.
    pub fields: Map<String, Json>,
    /// The accounts that a person belongs to.
    pub accounts: Vec<Joined>,
    /// What it belongs to.
    pub relations: Vec<Related>,
}

/// An account that a person belongs to.
#[derive(Clone)]
pub struct Joined {
    /// Which one.
    pub account: Identifier,
    /// Fields of the person's role there.
    pub role: Map<String, Json>,
}

/// Something that happened to a person, an account, or both.
#[derive(Clone)]
pub struct EventWrite {
    /// The event's name in the catalog.
    pub name: String,
    /// To whom.
    pub person: Option<Target>,
    /// Where.
    pub account: Option<Target>,
    /// Values by the keys of the catalog.
    pub properties: Map<String, Json>,
}

/// Which root is meant.
#[derive(Debug, Clone)]
pub enum Target {
    /// Kith's own id: it must be in view.
    Id(RootId),
    /// All of its identifiers that are known to the caller; what is not there comes to be.
    Identifiers(Vec<Identifier>),
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WriteOutcome {
    /// It was not there before.
    Created,
    /// It was there and is another now.
    Updated,
    /// It is as it was.
    Unchanged,
    /// It was taken. What became of it, and whether anything was there, is not for the caller to know.
    Accepted,
    /// Nothing of it could be used: it waits in quarantine.
    Quarantined,
}

/// The answer to a write.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// The id of what was written, if the caller may know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What became of it.
    pub outcome: WriteOutcome,
    /// Parts that could not be used. They wait in quarantine.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedPart>,
}

/// A part of a write that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedPart {
    /// Where it is: `fields.plan`; empty for all of it.
    pub path: String,
    /// A stable name for machines, as in quarantine: `wrong-type`.
    pub code: String,
    /// What was expected and what to do, without the value.
    pub detail: String,
}

impl From<&Fault> for RefusedPart {
    fn from(fault: &Fault) -> Self {
        // The catalog does not know where a format keeps the name of an event.
        let names_event = fault.path == "event" || fault.code == "unknown-event";
        Self {
            path: match names_event {
                true => "name".to_owned(),
                false => fault.path.clone(),
            },
            code: fault.code.to_owned(),
            detail: fault.detail.clone(),
        }
    }
}
