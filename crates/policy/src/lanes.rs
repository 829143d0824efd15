//! Truth values to compute with: one at a time, or those of 64 rows side by side.

use crate::tri::Tri;

/// Kleene's logic on one value or on many.
pub(crate) trait Logic: Copy {
    /// This value everywhere.
    fn constant(tri: Tri) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn negate(self) -> Self;
}

impl Logic for Tri {
    fn constant(tri: Tri) -> Self {
        tri
    }

    fn and(self, other: Self) -> Self {
        Tri::and(self, other)
    }

    fn or(self, other: Self) -> Self {
        Tri::or(self, other)
    }

    fn negate(self) -> Self {
        Tri::negate(self)
    }
}

/// One truth value for each of up to 64 rows. A row in neither set is unknown; in both it is never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lanes {
    /// The rows on which it is true.
    pub(crate) yes: u64,
    /// The rows on which it is false.
    pub(crate) no: u64,
}

impl Lanes {
    /// How many rows fit.
    pub(crate) const WIDTH: usize = 64;

    /// The value of one row after the other.
    pub(crate) fn collect(values: impl Iterator<Item = Tri>) -> Self {
        let mut lanes = Self { yes: 0, no: 0 };
        for (value, lane) in values.zip(0..Self::WIDTH) {
            lanes.yes |= u64::from(value == Tri::True) << lane;
            lanes.no |= u64::from(value == Tri::False) << lane;
        }
        lanes
    }

    /// The rows on which a statement that restricts applies.
    pub(crate) const fn restricts(self) -> u64 {
        !self.no
    }
}

impl Logic for Lanes {
    fn constant(tri: Tri) -> Self {
        let all = |is_all: bool| if is_all { u64::MAX } else { 0 };
        Self {
            yes: all(tri == Tri::True),
            no: all(tri == Tri::False),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            yes: self.yes & other.yes,
            no: self.no | other.no,
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            yes: self.yes | other.yes,
            no: self.no & other.no,
        }
    }

    fn negate(self) -> Self {
        Self {
            yes: self.no,
            no: self.yes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Tri; 3] = [Tri::False, Tri::Unknown, Tri::True];

    #[test]
    fn side_by_side_is_the_same_as_one_by_one() {
        let pairs = || ALL.into_iter().flat_map(|a| ALL.map(|b| (a, b)));
        let left = Lanes::collect(pairs().map(|(a, _)| a));
        let right = Lanes::collect(pairs().map(|(_, b)| b));
        let check = |lanes: Lanes, one: fn(Tri, Tri) -> Tri| {
            let expect = Lanes::collect(pairs().map(|(a, b)| one(a, b)));
            let used = (1 << pairs().count()) - 1;
            assert_eq!((lanes.yes & used, lanes.no & used), (expect.yes, expect.no));
        };
        check(left.and(right), Tri::and);
        check(left.or(right), Tri::or);
        check(left.negate(), |a, _| a.negate());
        check(Lanes::constant(Tri::True), |_, _| Tri::True);
        check(Lanes::constant(Tri::Unknown), |_, _| Tri::Unknown);
    }

    #[test]
    fn what_is_unknown_restricts_and_does_not_grant() {
        let lanes = Lanes::collect(ALL.into_iter());
        assert_eq!(lanes.yes, 0b100);
        assert_eq!(lanes.restricts() & 0b111, 0b110);
    }
}
