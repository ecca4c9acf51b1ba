//! Timers: a wheel of lists, so that setting, moving and ending one costs the same however many
//! there are, and none is left behind that nobody waits for.
//!
//! Each key has at most one timer. A timer never fires early, and late by at most one `TICK`.

/// Seconds between two slots.
pub(super) const TICK: f64 = 0.008;

/// Slots; what lies further ahead than a turn is put off when its slot comes round.
const SLOTS: u64 = 1024;

const WORDS: usize = (SLOTS / 64) as usize;
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Node {
    before: u32,
    after: u32,
    /// The tick to fire at.
    at: u64,
    slot: u32,
}

const UNSET: Node = Node {
    before: NONE,
    after: NONE,
    at: 0,
    slot: NONE,
};

/// Whether `at` has come: as near as the wheel knows, so that what it fires is never put off again
/// for a rounding.
pub(super) fn passed(at: f64, now: f64) -> bool {
    at <= now + TICK / 2.0
}

/// See the module. Keys are small numbers, such as places in a slab.
pub(super) struct Wheel {
    /// The first timer of each slot.
    heads: Vec<u32>,
    /// A bit for each slot that has any.
    used: [u64; WORDS],
    nodes: Vec<Node>,
    /// The next tick to look at.
    hand: u64,
    length: usize,
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self {
            heads: vec![NONE; SLOTS as usize],
            used: [0; WORDS],
            nodes: Vec::new(),
            hand: 0,
            length: 0,
        }
    }

    /// Have `key` come out of `pop` at `at`, whatever was set before.
    pub(super) fn set(&mut self, key: u32, at: f64, now: f64) {
        self.cancel(key);
        if self.length == 0 {
            self.hand = (now / TICK) as u64;
        }
        let wanted = key as usize + 1;
        if self.nodes.len() < wanted {
            self.nodes.resize(wanted, UNSET);
        }
        self.link(key, (at / TICK).ceil() as u64);
    }

    /// Forget the timer of `key`, if it has one.
    pub(super) fn cancel(&mut self, key: u32) {
        if self
            .nodes
            .get(key as usize)
            .is_some_and(|node| node.slot != NONE)
        {
            self.unlink(key);
        }
    }

    /// Take a timer whose time has come.
    pub(super) fn pop(&mut self, now: f64) -> Option<u32> {
        let limit = (now / TICK) as u64;
        while self.length > 0 && self.hand <= limit {
            let ahead = self.ahead()?;
            if self.hand + ahead > limit {
                break;
            }
            self.hand += ahead;
            let key = self.heads[(self.hand % SLOTS) as usize];
            let at = self.nodes[key as usize].at;
            self.unlink(key);
            if at <= limit {
                return Some(key);
            }
            // It lay further ahead than a turn: nothing else of this slot may wait for it again.
            self.link_from(key, at, self.hand + 1);
        }
        None
    }

    /// When to call `pop` again: never later than a timer is due.
    pub(super) fn next(&self) -> Option<f64> {
        Some((self.hand + self.ahead()?) as f64 * TICK)
    }

    /// How many timers are set.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Slots between the hand and the next one that is used.
    fn ahead(&self) -> Option<u64> {
        if self.length == 0 {
            return None;
        }
        let start = self.hand % SLOTS;
        let (first, bit) = ((start / 64) as usize, start % 64);
        let here = self.used[first] >> bit;
        if here != 0 {
            return Some(u64::from(here.trailing_zeros()));
        }
        (1..=WORDS)
            .map(|step| (step, self.used[(first + step) % WORDS]))
            .find(|(_, word)| *word != 0)
            .map(|(step, word)| step as u64 * 64 + u64::from(word.trailing_zeros()) - bit)
    }

    fn link(&mut self, key: u32, at: u64) {
        self.link_from(key, at, self.hand);
    }

    fn link_from(&mut self, key: u32, at: u64, first: u64) {
        let tick = at.clamp(first, self.hand + SLOTS - 1);
        let slot = (tick % SLOTS) as usize;
        let after = self.heads[slot];
        self.nodes[key as usize] = Node {
            before: NONE,
            after,
            at,
            slot: slot as u32,
        };
        if after != NONE {
            self.nodes[after as usize].before = key;
        }
        self.heads[slot] = key;
        self.used[slot / 64] |= 1 << (slot % 64);
        self.length += 1;
    }

    fn unlink(&mut self, key: u32) {
        let node = std::mem::replace(&mut self.nodes[key as usize], UNSET);
        let slot = node.slot as usize;
        if node.before == NONE {
            self.heads[slot] = node.after;
        } else {
            self.nodes[node.before as usize].after = node.after;
        }
        if node.after != NONE {
            self.nodes[node.after as usize].before = node.before;
        }
        if self.heads[slot] == NONE {
            self.used[slot / 64] &= !(1 << (slot % 64));
        }
        self.length -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(wheel: &mut Wheel, now: f64) -> Vec<u32> {
        let mut keys: Vec<u32> = std::iter::from_fn(|| wheel.pop(now)).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn what_is_cancelled_or_moved_does_not_fire() {
        let mut wheel = Wheel::new();
        for key in 0..3 {
            wheel.set(key, 100.5, 100.0);
        }
        wheel.cancel(1);
        wheel.cancel(7);
        wheel.set(2, 101.0, 100.1);
        assert_eq!(drain(&mut wheel, 100.6), [0]);
        assert_eq!(drain(&mut wheel, 102.0), [2]);
        assert_eq!((wheel.next(), wheel.len()), (None, 0));
    }

    #[test]
    fn a_timer_further_ahead_than_a_turn_waits_its_time() {
        let mut wheel = Wheel::new();
        wheel.set(4, 1060.0, 1000.0);
        wheel.set(5, 1000.0, 1000.0);
        assert_eq!(drain(&mut wheel, 1000.1), [5]);
        let mut now = 1000.1;
        while let Some(next) = wheel.next() {
            now = next.max(now);
            match wheel.pop(now) {
                Some(key) => {
                    assert_eq!(key, 4);
                    assert!((1060.0..=1060.0 + 2.0 * TICK).contains(&now), "{now}");
                }
                None => assert!(now < 1060.0 + TICK),
            }
        }
        assert!(now >= 1060.0);
    }

    proptest! {
        #[test]
        fn each_fires_once_never_early_and_at_most_a_tick_late(
            waits in prop::collection::vec(0.0..40.0f64, 1..60),
            steps in prop::collection::vec(0.001..3.0f64, 1..60),
        ) {
            let mut wheel = Wheel::new();
            let start = 86_400.0;
            for (key, wait) in waits.iter().enumerate() {
                wheel.set(key as u32, start + wait, start);
            }
            let mut fired = vec![false; waits.len()];
            let mut now = start;
            for step in steps.into_iter().chain([100.0]) {
                now += step;
                while let Some(key) = wheel.pop(now) {
                    let key = key as usize;
                    prop_assert!(!fired[key]);
                    fired[key] = true;
                    prop_assert!(start + waits[key] <= now);
                }
                for (key, wait) in waits.iter().enumerate() {
                    prop_assert!(fired[key] || start + wait > now - 2.0 * TICK);
                }
                prop_assert!(wheel.next().is_none_or(|next| next > now - TICK));
            }
            prop_assert_eq!(wheel.len(), 0);
        }
    }
}
