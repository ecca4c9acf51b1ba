//! What the guard kept off. Queries that pass are not counted here, so that threads which answer
//! them share no cache line that changes.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

#[derive(Default)]
pub(super) struct Counts {
    pub(super) refused: AtomicU64,
    pub(super) ignored: AtomicU64,
    pub(super) limited: AtomicU64,
    pub(super) bad_cookies: AtomicU64,
    pub(super) slipped: AtomicU64,
    pub(super) dropped: AtomicU64,
}

/// Numbers since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Queries of strangers that were answered REFUSED.
    pub refused: u64,
    /// Queries of strangers that got no reply.
    pub ignored: u64,
    /// Queries above the rate of their prefix.
    pub limited: u64,
    /// Queries answered BADCOOKIE; those above a rate are in `limited` too.
    pub bad_cookies: u64,
    /// Replies above the rate of their kind that went out truncated.
    pub slipped: u64,
    /// Replies above the rate of their kind that did not go out.
    pub dropped: u64,
}

impl Counts {
    pub(super) fn read(&self) -> Counted {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counted {
            refused: of(&self.refused),
            ignored: of(&self.ignored),
            limited: of(&self.limited),
            bad_cookies: of(&self.bad_cookies),
            slipped: of(&self.slipped),
            dropped: of(&self.dropped),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
