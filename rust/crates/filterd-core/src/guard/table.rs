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
            if new == old {
                return take;
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const SLOTS: usize = 1 << 12;

    /// Hash number `number`: all of the same line, with tags of their own.
    fn in_one_line(number: u64) -> u64 {
        (number + 1) << TAG_SHIFT
    }

    fn passed(table: &Table, hash: u64, bucket: Bucket, steady: f64, times: usize) -> usize {
        let takes = (0..times).map(|_| table.take(hash, bucket, steady));
        takes.filter(|take| *take == Take::Within).count()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let bucket = Bucket::new(10, 50, 0, 0);
        let table = Table::new(SLOTS, &[bucket]);
        assert_eq!(passed(&table, 7, bucket, 1000.0, 200), 50);
        // However hard it goes on: ten a second.
        let more: usize = (1..=100)
            .map(|tenth| {
                let steady = 1000.0 + f64::from(tenth) / 10.0;
                passed(&table, 7, bucket, steady, 30)
            })
            .sum();
        assert!((99..=101).contains(&more), "{more}");
        // Others have lost nothing, and after a pause there is a burst again.
        assert_eq!(passed(&table, 8 << TAG_SHIFT, bucket, 1000.0, 50), 50);
        assert_eq!(passed(&table, 7, bucket, 1015.1, 200), 50);
    }

    #[test]
    fn debt_holds_until_it_is_paid() {
        let bucket = Bucket::new(5, 5, 15, 0);
        let table = Table::new(SLOTS, &[bucket]);
        assert_eq!(passed(&table, 7, bucket, 50.0, 1000), 5);
        assert_eq!(passed(&table, 7, bucket, 60.0, 1), 0);
        // That one was held against it too, but no debt is above fifteen seconds.
        assert_eq!(passed(&table, 7, bucket, 65.0, 1), 0);
        assert_eq!(passed(&table, 7, bucket, 81.5, 1000), 5);
    }

    #[test]
    fn every_so_many_over_slip() {
        let slips = |slip: u8| {
            let bucket = Bucket::new(1, 1, 15, slip);
            let table = Table::new(SLOTS, &[bucket]);
            assert_eq!(table.take(7, bucket, 1.0), Take::Within);
            let takes: Vec<Take> = (0..12).map(|_| table.take(7, bucket, 1.0)).collect();
            assert!(!takes.contains(&Take::Within));
            let slipped = takes.iter().enumerate();
            slipped
                .filter(|(_, take)| **take == Take::Slip)
                .map(|(at, _)| at)
                .collect::<Vec<_>>()
        };
        assert!(slips(0).is_empty());
        assert_eq!(slips(1), (0..12).collect::<Vec<_>>());
        assert_eq!(slips(3), [2, 5, 8, 11]);
    }

    #[test]
    fn in_a_crowded_line_a_newcomer_passes_and_the_worst_stay_counted() {
        let bucket = Bucket::new(10, 100, 0, 0);
        let table = Table::new(SLOTS, &[bucket]);
        for number in 0..WAYS as u64 - 1 {
            assert_eq!(passed(&table, in_one_line(number), bucket, 9.0, 500), 100);
        }
        for number in 100..10_000 {
            assert_eq!(passed(&table, in_one_line(number), bucket, 9.0, 1), 1);
        }
        for number in 0..WAYS as u64 - 1 {
            assert_eq!(passed(&table, in_one_line(number), bucket, 9.0, 1), 0);
        }
    }

    #[test]
    fn what_was_long_ago_is_past() {
        let bucket = Bucket::new(1, 10, 600, 0);
        let table = Table::new(SLOTS, &[bucket]);
        let mut steady = 5.0;
        for _ in 0..60 {
            assert_eq!(passed(&table, 7, bucket, steady, 5000), 10, "{steady}");
            // More than half of a word's time, then all of it and back round.
            steady += 3.1 * 86_400.0;
        }
    }

    #[test]
    fn a_clock_read_a_little_earlier_frees_nobody() {
        let bucket = Bucket::new(100, 100, 15, 0);
        let table = Table::new(SLOTS, &[bucket]);
        assert_eq!(passed(&table, 7, bucket, 50.0, 100_000), 100);
        assert_eq!(passed(&table, 7, bucket, 49.9, 1000), 0);
    }

    #[test]
    fn threads_share_one_count() {
        const EACH: usize = 20_000;
        let bucket = Bucket::new(1, 600, 0, 0);
        let table = Table::new(SLOTS, &[bucket]);
        let run = || passed(&table, 7, bucket, 50.0, EACH);
        let sum: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
            let ends = threads.into_iter().map(|thread| thread.join());
            ends.map(|passed| passed.expect("a thread")).sum()
        });
        // Who loses the word to others too often passes uncounted; that is rare.
        assert!((600..1200).contains(&sum), "{sum}");
    }

    #[test]
    fn keys_spread_over_lines_and_tags() {
        let secret = crate::hash::Secret::default();
        let table = Table::new(SLOTS, &[Bucket::new(1, 1, 0, 0)]);
        let mask = table.lines.len() as u64 - 1;
        let places: HashSet<(u64, u64)> = (0..50_000u64)
            .map(|number| secret.of(&number.to_le_bytes()))
            .map(|hash| (hash & mask, hash >> TAG_SHIFT))
            .collect();
        // Of the 1.25e9 pairs, one in 2^29 is expected to meet.
        assert!(places.len() > 49_980, "{}", places.len());
    }

    proptest! {
        /// Against a bucket as one would draw it: it leaks at `rate` and holds `burst`.
        #[test]
        fn it_is_a_leaking_bucket(
            rate in 1u32..1000,
            burst in 1u32..100,
            steps in prop::collection::vec((0u64..2_000_000, 1usize..50), 1..60),
        ) {
            let bucket = Bucket::new(rate, burst, 0, 0);
            let table = Table::new(SLOTS, &[bucket]);
            let (mut tick, mut holds) = (77 * TICKS, 0u64);
            for (pause, times) in steps {
                tick += pause;
                holds = holds.saturating_sub(pause);
                for _ in 0..times {
                    let fits = holds + bucket.cost <= u64::from(burst) * bucket.cost;
                    holds += if fits { bucket.cost } else { 0 };
                    let took = table.take(7, bucket, tick as f64 / TICKS as f64);
                    prop_assert_eq!(took == Take::Within, fits);
                }
            }
        }
    }
}
