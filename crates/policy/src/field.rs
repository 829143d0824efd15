//! The state of a field on one side: what the catalog says, lifted by `show`, then lowered by `mask`
//! and `hide`.

use kith_domain::{Ceilings, MaskKind, Purpose};

use crate::policies::{Effect, Gate, StatementIdx};
use crate::state::{Interval, State};
use crate::tri::Tri;

/// Why a field is in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Why {
    /// The field is a draft.
    Draft,
    /// The purpose reveals nothing to anyone.
    NoAudience,
    /// The catalog does not call it safe for the audience.
    NotSafe,
    /// More sensitive than the audience's ceiling, and no `show` lifts it.
    AboveCeiling,
    /// Within the ceiling, and nothing lowers it.
    WithinCeiling,
    /// This statement.
    Statement(StatementIdx),
}

/// The interval of a field, and why its strict end is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) interval: Interval,
    pub(crate) why: Why,
}

/// What a field starts from, before any statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) state: State,
    pub(crate) why: Why,
    /// Whether `show` can lift it.
    pub(crate) liftable: bool,
}

impl Start {
    pub(crate) fn of(gate: Gate, ceilings: &Ceilings, purpose: Purpose) -> Self {
        let hidden = |why, liftable| Self {
            state: State::Hidden,
            why,
            liftable,
        };
        if gate.draft {
            return hidden(Why::Draft, false);
        }
        let Some(audience) = purpose.audience() else {
            return hidden(Why::NoAudience, false);
        };
        if !gate.safe_for.contains(audience) {
            return hidden(Why::NotSafe, false);
        }
        if gate.sensitivity > ceilings.of(audience) {
            return hidden(Why::AboveCeiling, true);
        }
        Self {
            state: State::Visible,
            why: Why::WithinCeiling,
            liftable: false,
        }
    }

    /// Whether nothing can make the field anything but hidden.
    pub(crate) fn is_closed(self) -> bool {
        self.state == State::Hidden && !self.liftable
    }

    /// Applies statements, in any order, each with the value of its condition.
    pub(crate) fn apply(
        self,
        steps: impl Iterator<Item = (StatementIdx, Effect, Tri)> + Clone,
    ) -> Decided {
        let mut decided = Decided {
            interval: Interval::exactly(self.state),
            why: self.why,
        };
        if self.is_closed() {
            return decided;
        }
        let shows = steps
            .clone()
            .filter(|(_, effect, _)| *effect == Effect::Show && self.liftable);
        for (statement, _, condition) in shows {
            if condition.restricts() {
                decided.interval.hi = State::Visible;
            }
            if condition.grants() && decided.interval.lo == State::Hidden {
                decided.interval.lo = State::Visible;
                decided.why = Why::Statement(statement);
            }
        }
        for (statement, effect, condition) in steps {
            let Some(state) = restriction(effect) else {
                continue;
            };
            let before = decided.interval.lo;
            decided.interval = decided.interval.restrict(state, condition);
            if decided.interval.lo != before {
                decided.why = Why::Statement(statement);
            }
        }
        decided
    }
}

fn restriction(effect: Effect) -> Option<State> {
    match effect {
        Effect::Show => None,
        Effect::Mask(kind) => Some(State::Masked(kind)),
        Effect::Hide => Some(State::Hidden),
    }
}

/// The mask of a state, for those who apply it.
impl State {
    /// The mask through which the value is emitted, if it is masked.
    #[must_use]
    pub const fn mask(self) -> Option<MaskKind> {
        match self {
            Self::Masked(kind) => Some(kind),
            Self::Hidden | Self::Visible => None,
        }
    }
}
