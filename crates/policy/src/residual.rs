//! What is left of a field's state when the actor and the purpose are known: two conditions over the
//! row, in three values.
//!
//! A field is *revealed* if its base or a `show` gives it and no `hide` takes it away; it is *masked* so
//! far as a `mask` applies. Revealed must be true, and a mask is off only if its condition is false, so
//! whatever is unknown ends in less access. The interval of a state is in the same conditions: what may
//! be true of the field is everything that the unknown leaves open. Hence tests of states are conditions
//! too, made of these, and a plan has no other kind of test than those on values.

use kith_domain::MaskKind;

use crate::ir::NodeId;
use crate::lanes::Lanes;
use crate::state::State;
use crate::tri::Tri;

/// A field's state on every row, as conditions in the plan's nodes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Residual {
    /// The field is hidden unless this is true.
    pub revealed: NodeId,
    /// Each mask, and the condition that must be false for it not to apply. Those that apply meet as
    /// masks do. In order of kind, each once.
    pub masks: Box<[(MaskKind, NodeId)]>,
}

impl Residual {
    /// The state on one row.
    pub(crate) fn state(&self, value: impl Fn(NodeId) -> Tri) -> State {
        if !value(self.revealed).grants() {
            return State::Hidden;
        }
        self.masked(|condition| value(condition).restricts())
    }

    /// The states of up to 64 rows, into their places in order; hidden on all but the rows of `among`.
    pub(crate) fn states<'s>(
        &self,
        value: impl Fn(NodeId) -> Lanes,
        among: u64,
        places: impl Iterator<Item = &'s mut State>,
    ) {
        let revealed = value(self.revealed).yes & among;
        let places = places.zip(0..Lanes::WIDTH);
        match &*self.masks {
            [] => places.for_each(|(place, lane)| {
                *place = pick(revealed, lane, State::Visible, State::Hidden);
            }),
            [(kind, condition)] => {
                let masked = value(*condition).restricts();
                places.for_each(|(place, lane)| {
                    let shown = pick(masked, lane, State::Masked(*kind), State::Visible);
                    *place = pick(revealed, lane, shown, State::Hidden);
                });
            }
            _ => places.for_each(|(place, lane)| {
                let shown = self.masked(|condition| value(condition).restricts() >> lane & 1 == 1);
                *place = pick(revealed, lane, shown, State::Hidden);
            }),
        }
    }

    /// What the masks that apply make of a field that is revealed.
    fn masked(&self, applies: impl Fn(NodeId) -> bool) -> State {
        let masks = self.masks.iter();
        masks
            .filter(|(_, condition)| applies(*condition))
            .fold(State::Visible, |state, (kind, _)| {
                state.meet(State::Masked(*kind))
            })
    }
}

fn pick(lanes: u64, lane: usize, then: State, otherwise: State) -> State {
    if lanes >> lane & 1 == 1 {
        then
    } else {
        otherwise
    }
}
