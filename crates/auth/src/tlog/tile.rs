//! Tiles as C2SP tlog-tiles names and fills them: 256 hashes of one level, or the entries themselves.

/// Hashes, or entries, of a full tile.
pub const WIDTH: u64 = 256;
/// Longest leaf: a bundle of entries says the length in two bytes.
pub const MAX_LEAF_BYTES: usize = 0xffff;
/// Highest level that the format has.
const MAX_LEVEL: u8 = 63;

/// What is in a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileKind {
    /// Hashes of this level: each over 256^level leaves.
    Hashes(u8),
    /// Entries.
    Entries,
}

/// A tile that is asked for: what stands behind `tile/` in its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TilePath {
    /// What is in it.
    pub kind: TileKind,
    /// Which, from 0.
    pub index: u64,
    /// How many are wanted of one that is not full; 256 for a full one.
    pub width: u64,
}

impl TilePath {
    /// Reads `0/x001/234`, `1/000.p/5`, `entries/002`. `None` if it is not in the one form.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (kind, rest) = path.split_once('/')?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => {
                let level = level.parse().ok().filter(|level| *level <= MAX_LEVEL)?;
                TileKind::Hashes(level)
            }
        };
        let (number, width) = match rest.split_once(".p/") {
            None => (rest, WIDTH),
            Some((number, width)) => {
                let width: u64 = width.parse().ok()?;
                (number, (1..WIDTH).contains(&width).then_some(width)?)
            }
        };
        let mut index = 0_u64;
        for part in number.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            if digits.len() != 3 {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let tile = Self { kind, index, width };
        // There is one way to write each, so that nothing is kept or counted under two names.
        (tile.to_string() == path).then_some(tile)
    }

    /// Where it is in its level: the first hash or entry, and the one after the last. `None` if no tree
    /// is so large.
    #[must_use]
    pub fn range(&self) -> Option<(u64, u64)> {
        let start = self.index.checked_mul(WIDTH)?;
        Some((start, start.checked_add(self.width)?))
    }

    /// How many leaves a tree must have for it.
    #[must_use]
    pub fn needs(&self) -> Option<u64> {
        let (_, end) = self.range()?;
        match self.kind {
            TileKind::Entries => Some(end),
            TileKind::Hashes(level) => 256_u64.checked_pow(level.into())?.checked_mul(end),
        }
    }
}

impl std::fmt::Display for TilePath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("entries")?,
            TileKind::Hashes(level) => write!(f, "{level}")?,
        }
        let mut parts = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            parts.push(rest % 1000);
            rest /= 1000;
        }
        let last = parts.len() - 1;
        for (place, part) in parts.iter().rev().enumerate() {
            let mark = if place < last { "x" } else { "" };
            write!(f, "/{mark}{part:03}")?;
        }
        if self.width < WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// How many hashes a level has in a tree of this size.
#[must_use]
pub const fn entries_at(level: u8, size: u64) -> u64 {
    match size.checked_shr(8 * level as u32) {
        Some(entries) => entries,
        None => 0,
    }
}

/// Appends an entry to a bundle: its length in two bytes, then itself. `None` if it is too long.
#[must_use]
pub fn bundle_entry(bundle: &mut Vec<u8>, leaf: &[u8]) -> Option<()> {
    let length = u16::try_from(leaf.len()).ok()?;
    bundle.extend(length.to_be_bytes());
    bundle.extend_from_slice(leaf);
    Some(())
}
