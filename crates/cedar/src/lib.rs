//! Cedar as second opinion on policies: in tests and tools only, never in what ships.
//!
//! [`render`] writes the statements of a version as Cedar policies, from their text and with none of
//! Kith's own compilation between, and [`Peer`] asks Cedar what they say of a request. Kith and Cedar
//! must agree.
//!
//! ```text
//! allow, forbid   permit, forbid on Action::"support.view"
//! limit           forbid on Find::Action::"support.view"
//! show, hide      permit, forbid on See::Action::"support.view", the field as resource
//! mask            permit on Mask::Action::"support.view": those that apply are the masks
//! ```
//!
//! Kith knows three values of truth, Cedar two, and it skips a policy that faults. So each condition
//! is written twice: as what holds where it is true, and as what holds where it is false; neither
//! holds where it is unknown. Before a value is read, `has` asks whether it is there, so that no
//! policy ever faults. Cedar decides from these what statements do together: any `permit`, no
//! `forbid`. What it cannot do, it leaves to [`Peer`]: the meet of the sides of a request, of an
//! event and its properties, and of masks.
//!
//! Cedar cannot express, and [`Why`] names:
//!
//! - tests of states, `account.plan == hidden`: a decision that reads decisions;
//! - orders of texts, `person.email < "m"`: Cedar compares texts with `==` and `like` only;
//! - whole numbers beside fractions, `account.seats > account.score`: Cedar has 64 bits and faults
//!   where they do not suffice, so neither can be brought to the other's scale;
//! - `route`, which answers with a name.
//!
//! Money and other fractions are whole millionths, money with its currency beside it; times and
//! lengths of time are whole microseconds.

mod ask;
mod condition;
mod read;
mod render;

use std::fmt;
use std::sync::Arc;

use kith_policy::StatementId;

pub use ask::{Answer, Fault, Peer};
pub use render::render;

/// Policies for Cedar, and the statements that are not among them.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Cedar policies, each under its statement's id.
    pub policies: String,
    /// How many statements they render.
    pub statements: usize,
    /// In order of file path, then position.
    pub excluded: Vec<Excluded>,
}

/// A statement that Cedar cannot express.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    /// Which.
    pub statement: StatementId,
    /// As formatted.
    pub text: Arc<str>,
    /// What of it.
    pub why: Why,
}

/// What Cedar cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// A test of a state.
    StateTest,
    /// Texts in order.
    TextOrder,
    /// A whole number beside a fraction.
    MixedNumbers,
    /// A `route`.
    Route,
    /// A form that this renderer does not know.
    UnknownForm,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StateTest => "tests a state",
            Self::TextOrder => "asks for an order of texts",
            Self::MixedNumbers => "compares a whole number with a fraction",
            Self::Route => "routes a conversation",
            Self::UnknownForm => "has a form that is not rendered",
        })
    }
}
