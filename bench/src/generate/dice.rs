//! Numbers and ids that look random and follow from the seed.

use uuid::{Builder, Uuid};

use crate::customers::scatter;

/// As random as is needed, and the same in every run.
pub(super) struct Dice(u64);

impl Dice {
    /// The dice of one account.
    pub(super) fn of(seed: u64, number: u64) -> Self {
        Self(scatter(seed ^ scatter(number)))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scatter(self.0)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    pub(super) fn percent(&mut self) -> u64 {
        self.below(100)
    }

    pub(super) fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        let place = self.below(words.len() as u64) as usize;
        words.get(place).copied().unwrap_or_default()
    }

    /// A UUIDv7 that comes after those of smaller numbers.
    pub(super) fn uuid(&mut self, number: u64, seconds: u64) -> Uuid {
        let mut random = [0_u8; 10];
        let number = number.to_be_bytes();
        let bytes = self.roll().to_be_bytes();
        // Its 12 bits behind the time do not order those of one second, so the number does.
        for (place, byte) in random
            .iter_mut()
            .skip(2)
            .zip(number.iter().skip(3).chain(&bytes))
        {
            *place = *byte;
        }
        Builder::from_unix_timestamp_millis(seconds * 1_000, &random).into_uuid()
    }
}
