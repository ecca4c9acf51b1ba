//! The cache that all threads share: found by a keyed 64-bit hash and believed only if the whole
//! question is the same; one entry per hash. When a shard's bytes run out, entries are evicted in
//! the order of a clock hand that spares those used since it last came by.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Entry, Key};
use crate::hash::ByHash;

/// A shard is at least so large: an answer may have 64 KiB, and must not empty it.
const SMALLEST: usize = 1 << 20;
/// More do not make two threads meet much less often.
const MOST_SHARDS: usize = 256;

/// The shards, each with a lock of its own.
pub(crate) struct Shards {
    shards: Box<[Mutex<Shard>]>,
    bytes: AtomicUsize,
    entries: AtomicUsize,
    evictions: AtomicU64,
}

impl Shards {
    /// Keep at most `most` bytes.
    pub(crate) fn new(most: usize) -> Self {
        let fit = (most / SMALLEST).clamp(1, MOST_SHARDS);
        let count = 1 << fit.ilog2();
        let shard = |_| Mutex::new(Shard::new(most / count));
        Self {
            shards: (0..count).map(shard).collect(),
            bytes: AtomicUsize::new(0),
            entries: AtomicUsize::new(0),
            evictions: AtomicU64::new(0),
        }
    }

    /// Find an answer, fresh or not.
    pub(crate) fn get(&self, key: Key<'_>) -> Option<Arc<Entry>> {
        let shard = self.shard(key.hash);
        let slot = *shard.map.get(&key.hash)?;
        let entry = shard.slots.get(slot as usize)?.as_ref()?;
        if !entry.answers(key) {
            return None;
        }
        entry.mark_used();
        Some(Arc::clone(entry))
    }

    /// Keep an answer in place of the one with its key, if any. An answer larger than a whole
    /// shard is not kept.
    pub(crate) fn put(&self, entry: Arc<Entry>) {
        let gone = self.change(entry.hash(), |shard| shard.put(entry));
        drop(gone);
    }

    /// Put `entry` in the place of `old`, unless something else stands there by now: what another
    /// thread brought meanwhile is newer.
    pub(crate) fn replace(&self, old: &Arc<Entry>, entry: Arc<Entry>) {
        let gone = self.change(entry.hash(), |shard| {
            let slot = shard.map.get(&entry.hash()).copied();
            let known = slot.and_then(|slot| shard.slots.get(slot as usize)?.as_ref());
            match known {
                Some(known) if Arc::ptr_eq(known, old) => shard.put(entry),
                _ => Vec::new(),
            }
        });
        drop(gone);
    }

    /// Forget everything, and give the memory back.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            let mut shard = lock(shard);
            let empty = Shard::new(shard.most);
            let old = std::mem::replace(&mut *shard, empty);
            self.bytes.fetch_sub(old.bytes, Relaxed);
            self.entries.fetch_sub(old.map.len(), Relaxed);
            drop(shard);
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.load(Relaxed)
    }

    pub(crate) fn evictions(&self) -> u64 {
        self.evictions.load(Relaxed)
    }

    /// Change a shard and take down what that did to the sums. What was taken out is freed by the
    /// caller, after the lock.
    fn change(
        &self,
        hash: u64,
        change: impl FnOnce(&mut Shard) -> Vec<Arc<Entry>>,
    ) -> Vec<Arc<Entry>> {
        let mut shard = self.shard(hash);
        let before = (shard.bytes, shard.map.len(), shard.evictions);
        let gone = change(&mut shard);
        let after = (shard.bytes, shard.map.len(), shard.evictions);
        drop(shard);
        // Sums that wrap around add up again.
        self.bytes
            .fetch_add(after.0.wrapping_sub(before.0), Relaxed);
        self.entries
            .fetch_add(after.1.wrapping_sub(before.1), Relaxed);
        self.evictions.fetch_add(after.2 - before.2, Relaxed);
        gone
    }

    /// The upper bits choose: the lower ones choose the place inside.
    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        lock(&self.shards[(hash >> 48) as usize & (self.shards.len() - 1)])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // A panic elsewhere left at worst a sum a little off; that is no reason to stop DNS.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Shard {
    map: ByHash<u32>,
    slots: Vec<Option<Arc<Entry>>>,
    free: Vec<u32>,
    hand: usize,
    bytes: usize,
    most: usize,
    evictions: u64,
}

impl Shard {
    fn new(most: usize) -> Self {
        Self {
            map: ByHash::default(),
            slots: Vec::new(),
            free: Vec::new(),
            hand: 0,
            bytes: 0,
            most,
            evictions: 0,
        }
    }

    /// Keep `entry`; return what had to go.
    fn put(&mut self, entry: Arc<Entry>) -> Vec<Arc<Entry>> {
        let mut gone: Vec<_> = self.take(entry.hash()).into_iter().collect();
        gone.iter().for_each(|old| old.outdate());
        let cost = entry.cost();
        if cost > self.most {
            return gone;
        }
        while self.bytes + cost > self.most {
            let Some(old) = self.evict() else { break };
            gone.push(old);
        }
        let hash = entry.hash();
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(entry);
                slot
            }
            None => {
                self.slots.push(Some(entry));
                (self.slots.len() - 1) as u32
            }
        };
        self.map.insert(hash, slot);
        self.bytes += cost;
        gone
    }

    fn take(&mut self, hash: u64) -> Option<Arc<Entry>> {
        let slot = self.map.remove(&hash)?;
        let entry = self.slots[slot as usize].take()?;
        self.bytes -= entry.cost();
        self.free.push(slot);
        Some(entry)
    }

    /// Evict one entry, if there is one.
    fn evict(&mut self) -> Option<Arc<Entry>> {
        // Two rounds: the first may only take marks away.
        for _ in 0..2 * self.slots.len() {
            self.hand = (self.hand + 1) % self.slots.len();
            let hash = match &self.slots[self.hand] {
                Some(entry) if !entry.unmark() => entry.hash(),
                _ => continue,
            };
            self.evictions += 1;
            return self.take(hash);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::tests::{entry, question};
    use super::super::{Keys, KEY_DO};
    use super::*;
    use crate::wire::query::Question;

    #[test]
    fn what_is_used_outlives_what_is_not() {
        let keys = Keys::default();
        let questions: Vec<Question> = (0..40).map(|n| question(&format!("name{n:02}"))).collect();
        let key = |n: usize| keys.key(&questions[n], 0);
        let most = 10 * entry(key(0), 1).cost();
        let cache = Shards::new(most);
        for n in 0..40 {
            cache.put(Arc::new(entry(key(n), 1)));
            assert!(cache.get(key(0)).is_some(), "evicted although used, at {n}");
            assert!(cache.bytes() <= most);
        }
        assert_eq!(cache.len(), 10);
        assert_eq!(cache.evictions(), 30);
        cache.clear();
        let left = (cache.len(), cache.bytes(), cache.evictions());
        assert_eq!(left, (0, 0, 30));
    }

    #[test]
    fn putting_again_replaces_and_bytes_stay_true() {
        let keys = Keys::default();
        let question = question("name");
        let key = keys.key(&question, 0);
        let cache = Shards::new(1 << 20);
        cache.put(Arc::new(entry(key, 1)));
        let once = cache.bytes();
        cache.put(Arc::new(entry(key, 1)));
        assert_eq!((cache.len(), cache.bytes()), (1, once));
        assert!(cache.get(keys.key(&question, KEY_DO)).is_none());
    }

    #[test]
    fn what_is_larger_than_all_is_not_kept() {
        let keys = Keys::default();
        let question = question("name");
        let cache = Shards::new(10);
        cache.put(Arc::new(entry(keys.key(&question, 0), 1)));
        assert_eq!((cache.len(), cache.bytes()), (0, 0));
    }

    #[test]
    fn a_newer_answer_is_not_replaced_by_an_older_one_said_anew() {
        let keys = Keys::default();
        let question = question("name");
        let key = keys.key(&question, 0);
        let cache = Shards::new(1 << 20);
        let (old, newer) = (Arc::new(entry(key, 1)), Arc::new(entry(key, 2)));
        cache.put(Arc::clone(&old));
        cache.put(Arc::clone(&newer));
        cache.replace(&old, Arc::new(entry(key, 3)));
        assert_eq!(cache.get(key).map(|entry| entry.said.generation), Some(2));
        cache.replace(&newer, Arc::new(entry(key, 4)));
        assert_eq!(cache.get(key).map(|entry| entry.said.generation), Some(4));
    }

    #[test]
    fn ten_million_names_stay_within_the_bound() {
        let keys = Keys::default();
        let most = 8 << 20;
        let cache = Shards::new(most);
        // A tenth of them in a build without optimisation: the bound is the same.
        let names = if cfg!(debug_assertions) {
            1_000_000
        } else {
            10_000_000
        };
        for n in 0..names {
            let question = question(&format!("n{n:09}"));
            cache.put(Arc::new(entry(keys.key(&question, 0), 1)));
        }
        assert!(cache.bytes() <= most, "{} bytes", cache.bytes());
        let kept = cache.len() as u64;
        assert_eq!(kept + cache.evictions(), names);
        let slots: usize = cache
            .shards
            .iter()
            .map(|shard| lock(shard).slots.len())
            .sum();
        assert!(slots < 2 * cache.len(), "{slots} slots for {kept} entries");
    }
}
