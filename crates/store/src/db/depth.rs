//! How many wait for the store just now: what an operator watches to see a queue grow.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Who waits for a commit, the commit under way included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depths {
    /// Transactions that write.
    pub writes: usize,
    /// Audit entries of reads.
    pub audit: usize,
}

/// Counts those that are in it.
#[derive(Debug, Default)]
pub(super) struct Depth(AtomicUsize);

impl Depth {
    /// Counts one more until what this gives is dropped, however that comes about.
    pub(super) fn enter(&self) -> impl Drop + Send {
        self.0.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.0)
    }

    pub(super) fn now(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
