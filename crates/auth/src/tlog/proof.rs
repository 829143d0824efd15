//! Proofs of inclusion and consistency: RFC 6962 makes them, RFC 9162 checks them.

use super::{Hash, node_hash, range_hash, split};

/// The proof that the leaf `index` is in the tree of `size` leaves; `index` is below `size`.
/// `hash_at` as for [`range_hash`].
///
/// # Errors
/// What `hash_at` says.
pub fn inclusion<E>(
    index: u64,
    size: u64,
    hash_at: &mut impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let (mut start, mut end) = (0, size);
    let mut path = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range_hash(middle, end, hash_at)?);
            end = middle;
        } else {
            path.push(range_hash(start, middle, hash_at)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `from` leaves is the beginning of the tree of `to` leaves; `from` is at
/// least 1 and at most `to`. `hash_at` as for [`range_hash`].
///
/// # Errors
/// What `hash_at` says.
pub fn consistency<E>(
    from: u64,
    to: u64,
    hash_at: &mut impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let (mut start, mut end) = (0, to);
    let mut path = Vec::new();
    while from != end {
        let middle = start + split(end - start);
        if from <= middle {
            path.push(range_hash(middle, end, hash_at)?);
            end = middle;
        } else {
            path.push(range_hash(start, middle, hash_at)?);
            start = middle;
        }
    }
    // What is left over is known to whoever knows the smaller root, unless it is a part of it.
    if start > 0 {
        path.push(range_hash(start, end, hash_at)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether the leaf's hash is at `index` of the tree of `size` leaves with this root.
#[must_use]
pub fn verify_inclusion(index: u64, size: u64, leaf: &Hash, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether the tree of `from` leaves with one root is the beginning of the tree of `to` leaves with
/// another.
#[must_use]
pub fn verify_consistency(
    (from, from_root): (u64, &Hash),
    (to, to_root): (u64, &Hash),
    path: &[Hash],
) -> bool {
    if from == 0 || from > to {
        return false;
    }
    if from == to {
        return path.is_empty() && from_root == to_root;
    }
    let (mut at, mut last) = (from - 1, to - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let mut path = path.iter();
    // A smaller tree that is whole is itself the first hash.
    let first = if from.is_power_of_two() {
        Some(from_root)
    } else {
        path.next()
    };
    let Some(first) = first else { return false };
    let (mut smaller, mut larger) = (*first, *first);
    let mut seen = 0;
    for sibling in path {
        seen += 1;
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            smaller = node_hash(sibling, &smaller);
            larger = node_hash(sibling, &larger);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            larger = node_hash(&larger, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    seen > 0 && last == 0 && smaller == *from_root && larger == *to_root
}
