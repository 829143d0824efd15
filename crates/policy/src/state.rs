//! What a field is for a request, and how sure that is.

use std::fmt;

use kith_domain::MaskKind;
use serde::Serialize;

use crate::tri::Tri;

/// What a field is for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Not emitted at all.
    Hidden,
    /// Emitted through a mask only.
    Masked(MaskKind),
    /// Emitted as it is.
    Visible,
}

impl State {
    /// The stricter of both: hidden, then masked, then visible; two masks meet as masks do.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        match (self, other) {
            (Self::Hidden, _) | (_, Self::Hidden) => Self::Hidden,
            (Self::Masked(a), Self::Masked(b)) => Self::Masked(a.meet(b)),
            (Self::Masked(kind), Self::Visible) | (Self::Visible, Self::Masked(kind)) => {
                Self::Masked(kind)
            }
            (Self::Visible, Self::Visible) => Self::Visible,
        }
    }

    /// The word that conditions compare with.
    #[must_use]
    pub const fn word(self) -> StateWord {
        match self {
            Self::Hidden => StateWord::Hidden,
            Self::Masked(_) => StateWord::Masked,
            Self::Visible => StateWord::Visible,
        }
    }

    /// Whether the true value is emitted.
    #[must_use]
    pub fn is_visible(self) -> bool {
        self == Self::Visible
    }
}

/// A state without its mask, in order of strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StateWord {
    /// Not emitted.
    Hidden,
    /// Emitted through a mask.
    Masked,
    /// Emitted as it is.
    Visible,
}

impl StateWord {
    /// Every state, the strictest first.
    pub const ALL: [Self; 3] = [Self::Hidden, Self::Masked, Self::Visible];

    /// The word in policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::Masked => "masked",
            Self::Visible => "visible",
        }
    }

    /// The state of this word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }
}

impl fmt::Display for StateWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The states that a field may have, given what is unknown. What is emitted is `lo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    /// The strictest that it may be.
    pub lo: State,
    /// The loosest that it may be.
    pub hi: State,
}

impl Interval {
    /// Surely this state.
    #[must_use]
    pub const fn exactly(state: State) -> Self {
        Self {
            lo: state,
            hi: state,
        }
    }

    /// Both ends, the stricter of both each.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        Self {
            lo: self.lo.meet(other.lo),
            hi: self.hi.meet(other.hi),
        }
    }

    /// A restriction to `state` under a condition: certain at the loose end only if the condition
    /// is true, at the strict end unless it is false.
    #[must_use]
    pub fn restrict(self, state: State, condition: Tri) -> Self {
        Self {
            lo: if condition.restricts() {
                self.lo.meet(state)
            } else {
                self.lo
            },
            hi: if condition.grants() {
                self.hi.meet(state)
            } else {
                self.hi
            },
        }
    }

    /// Whether the field is in this state: true or false if that is sure.
    #[must_use]
    pub fn is(self, word: StateWord) -> Tri {
        let (lo, hi) = (self.lo.word(), self.hi.word());
        if word < lo || hi < word {
            Tri::False
        } else if lo == hi {
            Tri::True
        } else {
            Tri::Unknown
        }
    }
}
