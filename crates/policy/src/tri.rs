//! Kleene's three truth values.

/// False, unknown or true, in this order: `and` is the least, `or` the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tri {
    /// Known not to hold.
    False,
    /// A value is absent, a row unbound, a currency another, or a type wrong.
    Unknown,
    /// Known to hold.
    True,
}

impl Tri {
    /// Holds if both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// Holds if either holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// The opposite; unknown stays unknown.
    #[must_use]
    pub const fn negate(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }

    /// What a statement that grants asks of its condition.
    #[must_use]
    pub fn grants(self) -> bool {
        self == Self::True
    }

    /// What a statement that restricts asks of its condition.
    #[must_use]
    pub fn restricts(self) -> bool {
        self != Self::False
    }
}

impl From<bool> for Tri {
    fn from(known: bool) -> Self {
        if known { Self::True } else { Self::False }
    }
}
