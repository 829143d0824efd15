//! Facts: what a source said, after its format was understood and before the contract is checked.
//! Connectors make them; the engine checks, resolves and stores them.

use serde_json::{Map, Value as Json};

use crate::Timestamp;
use crate::catalog::Entity;
use crate::identifier::Identifier;
use crate::relation::Relation;

/// Longest key of a message that the path of a fault repeats.
const MAX_SHOWN_KEY_BYTES: usize = 64;

/// Whether the key that delivered a fact is kept secret by a server or ships in browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Trust {
    /// Held by a server: its facts may merge people, grant roles and prove identity.
    Server,
    /// Ships in a browser, so anyone may forge its facts.
    Public,
}

impl Trust {
    /// The word, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Public => "public",
        }
    }
}

/// What a fact says.
#[derive(Debug, Clone, PartialEq)]
pub enum FactKind {
    /// Traits of a person; with an account, of the person's role in it too.
    Identify,
    /// A person belongs to an account; traits of the account, and of the role.
    Group,
    /// Something happened.
    Track {
        /// The event's name as the source has it.
        event: String,
    },
    /// Two identifiers are of one person.
    Alias,
    /// Fields of one entity by the catalog's own keys, as callers of the API write them.
    Write {
        /// Whose fields they are.
        entity: Entity,
        /// Where they stand in what was written: `fields`, `accounts.0.role`.
        at: String,
    },
    /// Traits of the root that `subject` names.
    Describe,
    /// What the fact's identifiers of one root named apart is one there from now on: the source merged its
    /// own records, and will not take it back.
    Merge,
    /// The source has deleted its record of the roots that the fact names: what it said of them until
    /// then holds no longer.
    Delete,
    /// Somebody wrote something in the conversation that `subject` names; if an end user did, they are
    /// the fact's person.
    Message {
        /// What kind of author.
        author: Author,
        /// Whether it is a note, which the other side does not read.
        is_note: bool,
    },
}

/// What kind of author wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Author {
    /// An end user.
    Person,
    /// Someone of the support organisation.
    Member,
    /// Software that acts.
    Agent,
    /// The help desk itself.
    System,
}

impl Author {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Person, Self::Member, Self::Agent, Self::System];

    /// The word, as stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Member => "member",
            Self::Agent => "agent",
            Self::System => "system",
        }
    }
}

impl std::str::FromStr for Author {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|author| author.as_str() == text).ok_or(())
    }
}

/// The name under which the catalog has messages of conversations: `events.toml` says what may be in
/// one, and how sensitive that is.
pub const MESSAGE: &str = "conversation.message";
/// The name under which the catalog has notes on conversations.
pub const NOTE: &str = "conversation.note";
/// The property of either that is what was written.
pub const BODY: &str = "body";
/// Most bytes that may be written in one message.
pub const MAX_MESSAGE_BYTES: usize = 32 * 1024;

/// The name under which it is observed of a root that a source has deleted it; no field has it, for the
/// paths of fields name an entity.
pub const DELETED: &str = "deleted";

impl FactKind {
    /// The word, as stored and shown.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Group => "group",
            Self::Track { .. } => "track",
            Self::Alias => "alias",
            Self::Write { .. } => "write",
            Self::Describe => "describe",
            Self::Merge => "merge",
            Self::Delete => "delete",
            Self::Message { .. } => "message",
        }
    }
}

/// One thing that a source said.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// The source's own id of the message; at most 100 bytes. Two facts of one source with the same
    /// id within 30 days are one fact.
    pub message_id: String,
    /// What it says.
    pub kind: FactKind,
    /// The person's identifiers, the strongest first; the first is the node that facts hang on.
    pub person: Vec<Identifier>,
    /// The account's identifiers, likewise.
    pub account: Vec<Identifier>,
    /// The identifiers of any other root that it is about, all of one kind, likewise.
    pub subject: Vec<Identifier>,
    /// What belongs to what, from the root of the relation's first kind that the fact names.
    pub relations: Vec<Related>,
    /// Traits, or properties of an event or a message, unchecked.
    pub data: Map<String, Json>,
    /// When it was observed, corrected for the sender's clock, never later than it was received.
    pub observed_at: Timestamp,
    /// Parts of the message that could not be used; they go to quarantine, the rest is kept.
    pub faults: Vec<Fault>,
}

/// A relation that a fact states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// Which.
    pub relation: Relation,
    /// What it leads to from now on; `None` ends it.
    pub to: Option<Identifier>,
}

/// Why a message, or a part of one, was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where in the message: `traits.plan`; empty for all of it.
    pub path: String,
    /// A stable name for machines: `unknown-field`.
    pub code: &'static str,
    /// What was expected and what to do, without the value.
    pub detail: String,
}

/// Where in a message, `traits.plan`. Keys are names, but a confused client may send a customer's
/// value as one, or bytes that no store takes: what does not look like a name becomes `*`.
#[must_use]
pub fn path(parent: &str, key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$' | ' ');
    let shown = if key.len() <= MAX_SHOWN_KEY_BYTES && key.chars().all(plain) {
        key
    } else {
        "*"
    };
    format!("{parent}.{shown}")
}

/// A foreign format: bytes that a client sent become facts.
pub trait Decoder: std::fmt::Debug + Send + Sync {
    /// Reads one request's body, already decompressed. `received_at` bounds and corrects the
    /// sender's times.
    ///
    /// # Errors
    /// Only if no parser can read the body at all; a bad message within it is a [`Message`] with a
    /// fault.
    fn decode(&self, body: &[u8], received_at: Timestamp) -> Result<Delivery, MalformedBody>;
}

/// What one request delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The write key in the body, for clients that send it there.
    pub write_key: Option<String>,
    /// The messages, in the order in which they were sent.
    pub messages: Vec<Message>,
}

/// A body that no parser can read. It never repeats the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct MalformedBody {
    /// What was expected and where reading stopped.
    pub detail: String,
}

/// One message of a delivery: understood, or refused whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The original bytes of this message, kept if any part of it goes to quarantine.
    pub original: Vec<u8>,
    /// Identifiers found in it, even if refused, so that erasure finds the quarantine row.
    pub identifiers: Vec<Identifier>,
    /// The source's own id of the message, if one could be read.
    pub message_id: Option<String>,
    /// The fact, or why there is none.
    pub fact: Result<Fact, Fault>,
}
