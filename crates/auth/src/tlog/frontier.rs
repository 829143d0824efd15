//! The right edge of a tree: all that is needed to append to it and to know its root.

use super::{Hash, WIDTH, empty_root, node_hash};

/// For each level of tiles, the hashes of the tile that is not yet full.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl Frontier {
    /// The edge of a tree of this size. `tail(level, first, count)` gives the `count` hashes of that
    /// level from the `first` on.
    ///
    /// # Errors
    /// What `tail` says.
    pub fn load<E>(
        size: u64,
        mut tail: impl FnMut(u8, u64, u64) -> Result<Vec<Hash>, E>,
    ) -> Result<Self, E> {
        let mut levels = Vec::new();
        for (level, first, count) in Self::tails(size) {
            levels.push(tail(level, first, count)?);
        }
        Ok(Self { size, levels })
    }

    /// Which hashes the edge of a tree of this size is made of: level, first, count.
    pub fn tails(size: u64) -> impl Iterator<Item = (u8, u64, u64)> {
        (0..8).map_while(move |level: u8| {
            let hashes = size >> (8 * u32::from(level));
            let count = hashes % WIDTH;
            (hashes > 0).then_some((level, hashes - count, count))
        })
    }

    /// How many leaves there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Appends the hash of a leaf. `filled(level, n, hash)` is told of each hash of a higher level that
    /// is settled by it.
    pub fn push(&mut self, leaf: Hash, mut filled: impl FnMut(u8, u64, Hash)) {
        self.size += 1;
        let mut next = Some(leaf);
        let mut level = 0_u8;
        while let Some(hash) = next.take() {
            let place = usize::from(level);
            if self.levels.len() <= place {
                self.levels.push(Vec::new());
            }
            let Some(tile) = self.levels.get_mut(place) else {
                return;
            };
            tile.push(hash);
            if tile.len() as u64 == WIDTH {
                let above = root_of(tile);
                tile.clear();
                level += 1;
                let n = (self.size >> (8 * u32::from(level))) - 1;
                filled(level, n, above);
                next = Some(above);
            }
        }
    }

    /// The tree's root.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut below = None;
        for tile in &self.levels {
            let units: Vec<Hash> = tile.iter().copied().chain(below).collect();
            if !units.is_empty() {
                below = Some(root_of(&units));
            }
        }
        below.unwrap_or_else(empty_root)
    }
}

/// The root over some hashes of one level, of which the last may stand for less than a whole.
fn root_of(units: &[Hash]) -> Hash {
    match units {
        [] => empty_root(),
        [one] => *one,
        many => {
            let middle = 1 << (usize::BITS - 1 - (many.len() - 1).leading_zeros());
            let (left, right) = many.split_at(middle);
            node_hash(&root_of(left), &root_of(right))
        }
    }
}
