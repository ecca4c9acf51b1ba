//! Answers kept for their time, within a number of bytes.
//!
//! Rules: an entry is found by a keyed 64-bit hash and believed only if its whole question is the
//! same; one entry per hash. Bytes count everything an entry holds. When they run out, entries are
//! evicted in the order of a clock hand that spares those used since it last came by. Ages are
//! read from a `Ticker`, so that a system clock set back neither revives nor prolongs anything.

use crate::answer::Body;
use crate::hash::{ByHash, Secret};
use crate::matches::Matches;
use crate::wire::query::Question;
use crate::wire::HEADER;

/// Flags of a key: answers differ with DO and CD.
pub(crate) const KEY_DO: u8 = 1;
/// See `KEY_DO`.
pub(crate) const KEY_CD: u8 = 2;

/// What is asked: a lower-case question (name, type, class in wire form) with DO and CD.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) hash: u64,
    /// Of the name alone.
    pub(crate) name_hash: u64,
    pub(crate) question: &'a [u8],
    pub(crate) flags: u8,
}

/// Makes keys; its secret is the process's own, so nobody outside can make hashes collide.
#[derive(Default)]
pub(crate) struct Keys(Secret);

impl Keys {
    /// The key of a question.
    #[inline]
    pub(crate) fn key<'a>(&self, question: &'a Question, flags: u8) -> Key<'a> {
        let name_hash = self.0.of(question.name());
        let rest = u64::from(question.qtype()) << 32
            | u64::from(question.qclass()) << 16
            | u64::from(flags) << 8
            | 1;
        // The secret is in the name's hash; an odd factor only keeps the types of a name apart.
        let hash = (name_hash ^ rest)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
            ^ rest;
        Key {
            hash,
            name_hash,
            question: question.wire(),
            flags,
        }
    }
}

/// Seconds that never run backwards, made from a clock that may.
#[derive(Default)]
pub(crate) struct Ticker {
    last: Option<f64>,
    elapsed: f64,
}

impl Ticker {
    /// Threads hand in times a little out of order; more than this is a clock that was set back.
    const SLACK: f64 = 1.0;
    /// No step counts for more: beyond, a second more would be lost in the sum's last digits.
    const LONGEST: f64 = u32::MAX as f64;

    /// Take the time now (unix seconds); return seconds since the first call.
    #[inline]
    pub(crate) fn tick(&mut self, now: f64) -> f64 {
        if !now.is_finite() {
            return self.elapsed;
        }
        match self.last {
            Some(last) if now > last => {
                self.elapsed += (now - last).min(Self::LONGEST);
                self.last = Some(now);
            }
            Some(last) if now >= last - Self::SLACK => {}
            _ => self.last = Some(now),
        }
        self.elapsed
    }
}

/// What an entry needs beyond an answer that leads nowhere special.
#[derive(Default)]
pub(crate) struct Extra {
    /// What the rules say about targets and addresses in the answer.
    pub(crate) answer: Matches,
    /// What each source of `answer` is: a name in wire form, or nothing for an address.
    pub(crate) subjects: Vec<Box<[u8]>>,
    /// What they say about address hints.
    pub(crate) hints: Matches,
    /// The answer without `ech`, if it has one.
    pub(crate) without_ech: Option<Body>,
    /// The answer without `ech` and hints, if it has hints that some rule matches.
    pub(crate) without_hints: Option<Body>,
}

impl Extra {
    pub(crate) fn is_empty(&self) -> bool {
        self.answer.is_empty()
            && self.hints.is_empty()
            && self.without_ech.is_none()
            && self.without_hints.is_none()
    }
}

/// What the rules of one generation say about a question and its answer.
pub(crate) struct Said {
    pub(crate) generation: u64,
    pub(crate) name: Matches,
    pub(crate) extra: Option<Box<Extra>>,
}

/// One kept answer.
pub(crate) struct Entry {
    hash: u64,
    flags: u8,
    used: bool,
    /// Asked for since it was stored.
    hit: bool,
    /// A refresh is under way.
    pub(crate) refreshing: bool,
    pub(crate) question_end: u16,
    /// Seconds it may be served from `stored` on.
    pub(crate) ttl: u32,
    /// When it was stored, in the ticker's seconds.
    pub(crate) stored: f64,
    pub(crate) body: Body,
    pub(crate) said: Said,
}

impl Entry {
    pub(crate) fn new(key: Key<'_>, body: Body, ttl: u32, stored: f64, said: Said) -> Self {
        let question_end = u16::try_from(HEADER + key.question.len()).unwrap_or(u16::MAX);
        Self {
            hash: key.hash,
            flags: key.flags,
            used: false,
            hit: false,
            refreshing: false,
            question_end,
            ttl,
            stored,
            body,
            said,
        }
    }

    /// The question in wire form, lower case.
    pub(crate) fn question(&self) -> &[u8] {
        self.body
            .bytes
            .get(HEADER..usize::from(self.question_end))
            .unwrap_or_default()
    }

    /// The name in the question.
    pub(crate) fn name(&self) -> &[u8] {
        let question = self.question();
        question
            .get(..question.len().saturating_sub(4))
            .unwrap_or_default()
    }

    /// Whole seconds since it was stored.
    #[inline]
    pub(crate) fn age(&self, at: f64) -> u32 {
        (at - self.stored).max(0.0) as u32
    }

    #[inline]
    pub(crate) fn is_fresh(&self, at: f64) -> bool {
        at - self.stored < f64::from(self.ttl)
    }

    /// Take note that it is asked for; say whether it is time to refresh it: asked for before, not
    /// being refreshed, and less than `part` of its time left.
    #[inline]
    pub(crate) fn is_due(&mut self, at: f64, part: f64) -> bool {
        let asked_before = std::mem::replace(&mut self.hit, true);
        let left = f64::from(self.ttl) - (at - self.stored);
        asked_before && !self.refreshing && left < part * f64::from(self.ttl)
    }

    /// Past its time by no more than `window` seconds, or fresh.
    pub(crate) fn is_usable(&self, at: f64, window: u32) -> bool {
        at - self.stored < f64::from(self.ttl) + f64::from(window)
    }

    fn cost(&self) -> usize {
        const ALLOCATION: usize = 16;
        // The slot, and the map's part at its usual load.
        const FIXED: usize = std::mem::size_of::<Option<Entry>>() + 24;
        let body = |body: &Body| body.bytes.len() + 2 * body.ttls.len() + 2 * ALLOCATION;
        let extra = self.said.extra.as_ref().map_or(0, |extra| {
            std::mem::size_of::<Extra>()
                + ALLOCATION
                + extra.answer.heap_bytes()
                + extra
                    .subjects
                    .iter()
                    .map(|subject| subject.len() + 2 * ALLOCATION)
                    .sum::<usize>()
                + extra.hints.heap_bytes()
                + extra.without_ech.as_ref().map_or(0, body)
                + extra.without_hints.as_ref().map_or(0, body)
        });
        FIXED + body(&self.body) + self.said.name.heap_bytes() + extra
    }
}

/// The answers.
pub(crate) struct Cache {
    map: ByHash<u32>,
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    hand: usize,
    bytes: usize,
    most: usize,
    pub(crate) evictions: u64,
}

impl Cache {
    /// Keep at most `most` bytes.
    pub(crate) fn new(most: usize) -> Self {
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

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// Find an answer, fresh or not.
    #[inline]
    pub(crate) fn get(&mut self, key: Key<'_>) -> Option<&mut Entry> {
        let slot = *self.map.get(&key.hash)?;
        let entry = self.slots.get_mut(slot as usize)?.as_mut()?;
        if entry.flags != key.flags || entry.question() != key.question {
            return None;
        }
        entry.used = true;
        Some(entry)
    }

    /// Keep an answer in place of the one with its key, if any. An answer larger than the whole
    /// cache is not kept.
    pub(crate) fn put(&mut self, entry: Entry) {
        self.drop_hash(entry.hash);
        let cost = entry.cost();
        if cost > self.most {
            return;
        }
        while self.bytes + cost > self.most && self.evict() {}
        let hash = entry.hash;
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
    }

    /// Say anew what the rules say about an entry, and count its bytes anew.
    pub(crate) fn restate(&mut self, key: Key<'_>, said: Said) {
        let Some(entry) = self.get(key) else { return };
        let before = entry.cost();
        entry.said = said;
        let after = entry.cost();
        self.bytes = self.bytes + after - before;
        while self.bytes > self.most && self.evict() {}
    }

    /// Forget everything, and give the memory back.
    pub(crate) fn clear(&mut self) {
        let evictions = self.evictions;
        *self = Self {
            evictions,
            ..Self::new(self.most)
        };
    }

    fn drop_hash(&mut self, hash: u64) {
        if let Some(slot) = self.map.remove(&hash) {
            if let Some(entry) = self.slots[slot as usize].take() {
                self.bytes -= entry.cost();
                self.free.push(slot);
            }
        }
    }

    /// Evict one entry; false if there is none.
    fn evict(&mut self) -> bool {
        // Two rounds: the first may only take marks away.
        for _ in 0..2 * self.slots.len() {
            self.hand = (self.hand + 1) % self.slots.len();
            match &mut self.slots[self.hand] {
                Some(entry) if entry.used => entry.used = false,
                Some(entry) => {
                    let hash = entry.hash;
                    self.drop_hash(hash);
                    self.evictions += 1;
                    return true;
                }
                None => {}
            }
        }
        false
    }
}

/// What the rules say about names that are not in the cache, blocked ones above all: a table of
/// fixed size with two places for each name; the newest takes the place of the older.
pub(crate) struct Memo {
    /// Empty until the first name comes, then of one size for good.
    pairs: Vec<[Option<Remembered>; 2]>,
    size: usize,
    generation: u64,
}

struct Remembered {
    hash: u64,
    name: Box<[u8]>,
    matches: Matches,
}

impl Memo {
    /// Room for `size` names, a power of two.
    pub(crate) fn new(size: usize) -> Self {
        Self {
            pairs: Vec::new(),
            size: (size / 2).next_power_of_two(),
            generation: 0,
        }
    }

    #[inline]
    pub(crate) fn get(&self, hash: u64, name: &[u8], generation: u64) -> Option<&Matches> {
        if generation != self.generation {
            return None;
        }
        let pair = self.pairs.get(hash as usize & (self.size - 1))?;
        let known = pair
            .iter()
            .flatten()
            .find(|known| known.hash == hash && *known.name == *name)?;
        Some(&known.matches)
    }

    pub(crate) fn put(&mut self, hash: u64, name: &[u8], generation: u64, matches: Matches) {
        if generation != self.generation {
            self.clear();
            self.generation = generation;
        }
        if self.pairs.is_empty() {
            self.pairs.resize_with(self.size, || [None, None]);
        }
        let pair = &mut self.pairs[hash as usize & (self.size - 1)];
        pair.swap(0, 1);
        pair[0] = Some(Remembered {
            hash,
            name: name.into(),
            matches,
        });
    }

    pub(crate) fn clear(&mut self) {
        self.pairs.fill_with(|| [None, None]);
    }
}

/// Questions whose resolution failed a moment ago (RFC 9520): not asked again for 1 s, and longer
/// while it keeps failing, up to 5 s.
#[derive(Default)]
pub(crate) struct Failures {
    map: ByHash<Failure>,
}

#[derive(Clone, Copy)]
pub(crate) struct Failure {
    until: f64,
    pause: f64,
    pub(crate) ede: u16,
}

impl Failures {
    const MOST: usize = 8192;
    const LONGEST: f64 = 5.0;

    /// The failure that still counts at `at`.
    #[inline]
    pub(crate) fn get(&self, hash: u64, at: f64) -> Option<Failure> {
        if self.map.is_empty() {
            return None;
        }
        self.map
            .get(&hash)
            .filter(|failure| at < failure.until)
            .copied()
    }

    pub(crate) fn put(&mut self, hash: u64, at: f64, ede: u16) {
        if self.map.len() >= Self::MOST {
            self.map.retain(|_, failure| at < failure.until);
            if self.map.len() >= Self::MOST {
                self.map.clear();
            }
        }
        let pause = self
            .map
            .get(&hash)
            .map_or(1.0, |last| (last.pause * 2.0).min(Self::LONGEST));
        self.map.insert(
            hash,
            Failure {
                until: at + pause,
                pause,
                ede,
            },
        );
    }

    /// It worked.
    pub(crate) fn forget(&mut self, hash: u64) {
        if !self.map.is_empty() {
            self.map.remove(&hash);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.map.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(name: &str) -> Question {
        let mut wire = vec![name.len() as u8];
        wire.extend_from_slice(name.as_bytes());
        wire.push(0);
        Question::new(&wire, 1, 1).expect("a short name")
    }

    fn entry(key: Key<'_>) -> Entry {
        let mut bytes = vec![0; HEADER];
        bytes.extend_from_slice(key.question);
        let body = Body {
            bytes: bytes.into(),
            ttls: Box::default(),
        };
        let said = Said {
            generation: 1,
            name: Matches::new(),
            extra: None,
        };
        Entry::new(key, body, 60, 0.0, said)
    }

    #[test]
    fn what_is_used_outlives_what_is_not() {
        let keys = Keys::default();
        let questions: Vec<Question> = (0..40).map(|n| question(&format!("name{n:02}"))).collect();
        let key = |n: usize| keys.key(&questions[n], 0);
        let mut cache = Cache::new(10 * entry(key(0)).cost());
        for n in 0..40 {
            cache.put(entry(key(n)));
            assert!(cache.get(key(0)).is_some(), "evicted although used, at {n}");
            assert!(cache.bytes() <= cache.most);
        }
        assert_eq!(cache.len(), 10);
        assert_eq!(cache.evictions, 30);
        cache.clear();
        assert_eq!((cache.len(), cache.bytes(), cache.evictions), (0, 0, 30));
    }

    #[test]
    fn putting_again_replaces_and_bytes_stay_true() {
        let keys = Keys::default();
        let question = question("name");
        let key = keys.key(&question, 0);
        let mut cache = Cache::new(1 << 20);
        cache.put(entry(key));
        let once = cache.bytes();
        cache.put(entry(key));
        assert_eq!((cache.len(), cache.bytes()), (1, once));
        assert!(cache.get(keys.key(&question, KEY_DO)).is_none());
    }

    #[test]
    fn what_is_larger_than_all_is_not_kept() {
        let keys = Keys::default();
        let question = question("name");
        let mut cache = Cache::new(10);
        cache.put(entry(keys.key(&question, 0)));
        assert_eq!((cache.len(), cache.bytes()), (0, 0));
    }

    #[test]
    fn the_ticker_never_runs_backwards_and_takes_small_disorder_for_none() {
        let mut ticker = Ticker::default();
        let mut seen = Vec::new();
        for now in [100.0, 105.0, 104.9, 105.0, 20.0, 25.0, f64::NAN, 26.0] {
            seen.push(ticker.tick(now));
        }
        assert_eq!(seen, [0.0, 5.0, 5.0, 5.0, 5.0, 10.0, 10.0, 11.0]);
    }

    #[test]
    fn a_memo_remembers_two_names_of_a_place_and_one_generation() {
        let mut memo = Memo::new(4);
        let mut matches = Matches::new();
        matches.push(7, 0, crate::matches::MatchKind::Exact, 1, 0);
        for (hash, name) in [(2, &b"a"[..]), (4, b"b"), (6, b"c")] {
            memo.put(hash, name, 1, matches.clone());
        }
        assert!(memo.get(2, b"a", 1).is_none(), "the oldest of three went");
        assert!(memo.get(4, b"b", 1).is_some() && memo.get(6, b"c", 1).is_some());
        assert!(
            memo.get(6, b"x", 1).is_none(),
            "the name counts, not the hash alone"
        );
        assert!(memo.get(6, b"c", 2).is_none());
    }

    #[test]
    fn failures_are_bounded() {
        let mut failures = Failures::default();
        for hash in 0..3 * Failures::MOST as u64 {
            failures.put(hash, 0.0, 22);
            assert!(failures.map.len() <= Failures::MOST);
        }
    }
}
