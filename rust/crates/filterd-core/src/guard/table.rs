//! Rates by key, in a table of fixed size that all threads share without a lock.
//!
//! Each count is one word: a tag of the key, and the time at which the key's bucket will be empty
//! again (the generic cell rate algorithm). A query adds its cost to that time, and is over if the
//! bucket then holds more than its depth. Nothing has to run for buckets to empty.
//!
//! A key looks into one cache line of eight words. If none is its own it takes an empty one, else
//! the one that holds least: a key that is pushed out starts from nothing, so a crowded line lets
//! more pass, and those furthest over their rate stay counted. Two keys share a count if line and
//! tag are the same, one time in a hundred thousand; the hash is keyed anew in every process, so
//! nobody can aim at a stranger's count.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a key may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// Ticks that one costs.
    cost: u64,
    /// Ticks that fit in.
    depth: u64,
    /// Ticks that are held against a key that goes on above its rate.
    debt: u64,
    /// One in so many that are over is a `Slip`; 0: none. At most 15.
    slip: u64,
}

impl Bucket {
    /// `rate` a second (1 to 100,000), `burst` at once, `window` seconds of debt; all together
    /// far less than the twelve days that a word's time spans.
    pub(super) fn new(rate: u32, burst: u32, window: u32, slip: u8) -> Self {
        let cost = (TICKS / u64::from(rate.max(1))).max(1);
        Self {
            cost,
            depth: cost * u64::from(burst.max(1)),
            debt: TICKS * u64::from(window),
            slip: u64::from(slip & 15),
        }
    }
}

/// What became of one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    Within,
    Over,
    /// Over, and every so many of those.
    Slip,
}

/// Ticks a second.
const TICKS: u64 = 1 << 20;

// A word: 20 bits of tag, 4 of those over since the last slip, 40 of time.
const TIME_BITS: u32 = 40;
const TIME: u64 = (1 << TIME_BITS) - 1;
const TAG_SHIFT: u32 = 44;

/// Tries to write while other threads write the same word. Then it passes uncounted.
const TRIES: usize = 8;

const WAYS: usize = 8;

#[repr(align(64))]
#[derive(Default)]
struct Line([AtomicU64; WAYS]);

pub(super) struct Table {
    lines: Box<[Line]>,
    /// No bucket holds more ticks than this.
    most: u64,
}

impl Table {
    /// `slots`: words, a power of two; `buckets`: all that `take` will be given.
    pub(super) fn new(slots: usize, buckets: &[Bucket]) -> Self {
        let lines = (slots / WAYS).next_power_of_two();
        let most = buckets.iter().map(|bucket| bucket.depth + bucket.debt);
        Self {
            lines: (0..lines).map(|_| Line::default()).collect(),
            // Threads read the clock at different times, so one may find a bucket that another
            // filled a little above what it can hold.
            most: most.max().unwrap_or(0) + TICKS,
        }
    }

    /// Count one more for the key with this hash. `steady`: seconds.
    pub(super) fn take(&self, hash: u64, bucket: Bucket, steady: f64) -> Take {
        let now = (steady * TICKS as f64) as u64 & TIME;
        // Low bits choose the line, high ones are the tag. No tag is 0: an empty word has that.
        let tag = (hash >> TAG_SHIFT).max(1);
        let line = &self.lines[hash as usize & (self.lines.len() - 1)];
        for _ in 0..TRIES {
            let (slot, old) = self.find(line, tag, now);
            let held = if old >> TAG_SHIFT == tag {
                self.held(old, now)
            } else {
                0
            };
            let mut over = if held > 0 { old >> TIME_BITS & 15 } else { 0 };
            let (take, holds) = if held + bucket.cost <= bucket.depth {
                (Take::Within, held + bucket.cost)
            } else {
                over = if bucket.slip == 0 {
                    0
                } else {
                    (over + 1) % bucket.slip
                };
                let take = if bucket.slip != 0 && over == 0 {
                    Take::Slip
                } else {
                    Take::Over
                };
                let most = (bucket.depth + bucket.debt).max(held);
                // Without debt what is over leaves no trace, so that the rate itself gets through.
                let added = if bucket.debt == 0 { 0 } else { bucket.cost };
                (take, (held + added).min(most))
            };
            let new = tag << TAG_SHIFT | over << TIME_BITS | (now + holds) & TIME;
            let written = slot.compare_exchange(old, new, Ordering::Relaxed, Ordering::Relaxed);
            if written.is_ok() {
                return take;
            }
        }
        Take::Within
    }

    /// The key's own word, else the one that holds least.
    fn find<'t>(&self, line: &'t Line, tag: u64, now: u64) -> (&'t AtomicU64, u64) {
        let mut least = (&line.0[0], line.0[0].load(Ordering::Relaxed), u64::MAX);
        for slot in &line.0 {
            let word = slot.load(Ordering::Relaxed);
            if word >> TAG_SHIFT == tag {
                return (slot, word);
            }
            let held = self.held(word, now);
            if held < least.2 {
                least = (slot, word, held);
            }
        }
        (least.0, least.1)
    }

    /// Ticks that a word's bucket holds now. A time further ahead than any bucket reaches is past.
    fn held(&self, word: u64, now: u64) -> u64 {
        let ahead = (word & TIME).wrapping_sub(now) & TIME;
        if ahead > self.most {
            0
        } else {
            ahead
        }
    }
}
