//! A thread's own front of the shared cache: a table of fixed size with two places for each hash,
//! the newest in the place of the older, and a bound in bytes. It holds fresh answers only, and is
//! read without a lock.

use std::sync::Arc;

use filterd_index::prefetch;

use super::{Entry, Key};

/// Answers are this large on average; a table for smaller ones would stay half empty.
const USUAL: usize = 320;

/// The table. Empty until the first answer comes, then of one size for good.
pub(crate) struct Near {
    pairs: Vec<[Slot; 2]>,
    size: usize,
    hand: usize,
    bytes: usize,
    most: usize,
}

/// The hash stands beside the entry, so that a look at a foreign one stays in the table.
#[derive(Default)]
struct Slot {
    hash: u64,
    entry: Option<Arc<Entry>>,
}

impl Near {
    /// Hold at most `most` bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            pairs: Vec::new(),
            size: (most / USUAL / 2).max(16).next_power_of_two(),
            hand: 0,
            bytes: 0,
            most,
        }
    }

    /// Have the place of a hash brought near.
    #[inline]
    pub(crate) fn expect(&self, hash: u64) {
        if let Some(pair) = self.pairs.get(hash as usize & (self.size - 1)) {
            prefetch(pair);
        }
    }

    /// Have the entry of a hash, if it is there, brought near: after its place has come.
    #[inline]
    pub(crate) fn expect_entry(&self, hash: u64) {
        if let Some(pair) = self.pairs.get(hash as usize & (self.size - 1)) {
            let slot = pair.iter().find(|slot| slot.hash == hash);
            if let Some(entry) = slot.and_then(|slot| slot.entry.as_ref()) {
                entry.expect();
            }
        }
    }

    /// Find a fresh answer about which the rules of `generation` have spoken, unless there is a newer.
    #[inline]
    pub(crate) fn get(&self, key: Key<'_>, generation: u64, at: f64) -> Option<&Arc<Entry>> {
        let pair = self.pairs.get(key.hash as usize & (self.size - 1))?;
        let slot = pair.iter().find(|slot| slot.hash == key.hash)?;
        let entry = slot.entry.as_ref()?;
        let good = entry.said.generation == generation
            && entry.answers(key)
            && entry.is_fresh(at)
            && !entry.is_outdated();
        if !good {
            return None;
        }
        entry.mark_used();
        Some(entry)
    }

    /// Hold `entry`, in the place of an older one of the same question or of its pair.
    pub(crate) fn put(&mut self, entry: Arc<Entry>) {
        let cost = entry.cost();
        if cost > self.most / 16 {
            return;
        }
        if self.pairs.is_empty() {
            self.pairs.resize_with(self.size, Default::default);
        }
        let at = entry.hash() as usize & (self.size - 1);
        let hash = entry.hash();
        let slot = Slot {
            hash,
            entry: Some(entry),
        };
        let pair = &mut self.pairs[at];
        if pair[0].hash != hash {
            pair.swap(0, 1);
        }
        let old = std::mem::replace(&mut pair[0], slot);
        self.bytes = self.bytes + cost - old.cost();
        while self.bytes > self.most {
            self.hand = (self.hand + 1) & (self.size - 1);
            if self.hand != at {
                let gone = std::mem::take(&mut self.pairs[self.hand]);
                self.bytes -= gone[0].cost() + gone[1].cost();
            }
        }
    }

    /// Forget everything.
    pub(crate) fn clear(&mut self) {
        self.pairs.fill_with(Default::default);
        self.bytes = 0;
    }
}

impl Slot {
    fn cost(&self) -> usize {
        self.entry.as_ref().map_or(0, |entry| entry.cost())
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::{entry, question};
    use super::super::Keys;
    use super::*;

    #[test]
    fn it_holds_what_is_fresh_and_of_this_generation() {
        let keys = Keys::default();
        let question = question("name");
        let key = keys.key(&question, 0);
        let mut near = Near::new(1 << 16);
        assert!(near.get(key, 1, 0.0).is_none());
        near.put(Arc::new(entry(key, 1)));
        assert!(near.get(key, 1, 59.0).is_some());
        assert!(near.get(key, 1, 60.0).is_none(), "its time is over");
        assert!(near.get(key, 2, 0.0).is_none(), "other rules are in force");
        near.clear();
        assert!(near.get(key, 1, 0.0).is_none());
    }

    #[test]
    fn its_bytes_stay_within_the_bound_and_true() {
        let keys = Keys::default();
        let most = 1 << 15;
        let mut near = Near::new(most);
        for n in 0..2_000 {
            let question = question(&format!("n{}", n % 700));
            near.put(Arc::new(entry(keys.key(&question, 0), 1)));
            let held: usize = near.pairs.iter().flatten().map(Slot::cost).sum();
            assert_eq!(near.bytes, held);
            assert!(held <= most);
        }
        assert!(near.bytes > most / 3, "hardly anything is held");
    }
}
