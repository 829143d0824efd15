//! A transparency log as anyone can check it: the Merkle tree of RFC 6962, its tiles as
//! C2SP tlog-tiles has them, and checkpoints as C2SP signed notes.
//!
//! Pure arithmetic over hashes. Where hashes are kept, and of what, is the engine's business.

mod frontier;
mod note;
mod proof;
mod tile;

use sha2::{Digest, Sha256};

pub use frontier::Frontier;
pub use note::{Checkpoint, LogKey, NoteError, Signature, SignedCheckpoint};
pub use proof::{consistency, inclusion, verify_consistency, verify_inclusion};
pub use tile::{MAX_LEAF_BYTES, TileKind, TilePath, WIDTH, bundle_entry, entries_at};

/// A SHA-256.
pub type Hash = [u8; 32];

/// The hash of a leaf.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(leaf)
        .finalize()
        .into()
}

/// The hash of a node above two others.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The root of a tree without leaves.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The largest power of two below `size`, which is at least 2: where a tree parts.
const fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// The hash over the leaves from `start` up to `end`, which are a part of the tree that the RFC cuts out
/// by halving. `hash_at(level, n)` is asked for the hash over the n-th 256^level leaves, all of which
/// are below `end`.
///
/// # Errors
/// What `hash_at` says.
pub fn range_hash<E>(
    start: u64,
    end: u64,
    hash_at: &mut impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let size = end.saturating_sub(start);
    if size == 0 {
        return Ok(empty_root());
    }
    let whole_tiles = size.is_power_of_two() && size.trailing_zeros().is_multiple_of(8);
    if whole_tiles && start.is_multiple_of(size) {
        let level = size.trailing_zeros() / 8;
        // A u64 has at most seven such levels.
        return hash_at(u8::try_from(level).unwrap_or(u8::MAX), start / size);
    }
    let middle = start + split(size);
    let left = range_hash(start, middle, hash_at)?;
    let right = range_hash(middle, end, hash_at)?;
    Ok(node_hash(&left, &right))
}

#[cfg(test)]
mod tests;
