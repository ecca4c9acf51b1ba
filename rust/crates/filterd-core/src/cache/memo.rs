//! What the rules say about names that are not in the cache, blocked ones above all, remembered by
//! one thread; and how often it was said, until that is told to the tally.
//!
//! A name has one line of the processor's cache: two keyed hashes that stand for it (128 bits, with
//! secrets that nobody outside knows), and up to three matches. What matches more is looked up
//! each time.

use filterd_index::{large_pages, prefetch};
use smallvec::SmallVec;

use crate::decide::Kind;
use crate::hash::Secret;
use crate::matches::{Match, MatchKind, Matches};

/// Words of a place, and places of a set.
const WORDS: usize = 8;
const WAYS: usize = 4;
/// Matches that fit a place.
const MOST: usize = 3;

/// A table of fixed size, in sets of four places. Empty until the first name comes.
pub(crate) struct Memo {
    words: Vec<u64>,
    /// Where the first place begins: at the start of a line.
    start: usize,
    sets: usize,
    /// Which place of a set goes next: turns with every name that is put.
    turn: usize,
    secret: Secret,
    counted: Vec<Counted>,
}

/// What was decided about a name, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Telling {
    pub(crate) slot: i64,
    pub(crate) kind: Kind,
    pub(crate) step: u8,
    pub(crate) group: u16,
    pub(crate) hit: Option<Match>,
    pub(crate) count: u32,
}

struct Counted {
    hash: u64,
    check: u64,
    telling: Telling,
    name: SmallVec<[u8; 32]>,
}

impl Memo {
    /// Bytes that a name takes.
    pub(crate) const EACH: usize = WORDS * 8;

    /// Room for `size` names.
    pub(crate) fn new(size: usize) -> Self {
        Self {
            words: Vec::new(),
            start: 0,
            sets: (size / WAYS).max(1).next_power_of_two(),
            turn: 0,
            secret: Secret::default(),
            counted: Vec::new(),
        }
    }

    /// Have the places of a hash brought near.
    #[inline]
    pub(crate) fn expect(&self, hash: u64) {
        let first = self.first(hash);
        for way in 0..WAYS {
            if let Some(word) = self.words.get(first + way * WORDS) {
                prefetch(word);
            }
        }
    }

    /// Find what is said about a name, and where that is remembered.
    #[inline]
    pub(crate) fn get(&self, hash: u64, name: &[u8], generation: u64) -> Option<(usize, Matches)> {
        let first = self.first(hash);
        let set = self.words.get(first..first + WAYS * WORDS)?;
        let (way, place) = set
            .chunks_exact(WORDS)
            .enumerate()
            .find(|(_, place)| place[0] == hash)?;
        let good = place[1] == self.check(name) && place[2] >> 8 == generation & GENERATION;
        good.then(|| (first + way * WORDS, unpack(place)))
    }

    /// Remember what is said about a name.
    pub(crate) fn put(&mut self, hash: u64, name: &[u8], generation: u64, matches: &Matches) {
        let found = matches.as_slice();
        if found.len() > MOST {
            return;
        }
        if self.words.is_empty() {
            self.begin();
        }
        let check = self.check(name);
        let first = self.first(hash);
        let known = (0..WAYS).find(|way| self.words[first + way * WORDS] == hash);
        let way = known.unwrap_or_else(|| {
            self.turn = (self.turn + 1) % WAYS;
            self.turn
        });
        let at = first + way * WORDS;
        let place = &mut self.words[at..at + WORDS];
        place.fill(0);
        place[0] = hash;
        place[1] = check;
        place[2] = (generation & GENERATION) << 8 | found.len() as u64;
        for (number, hit) in found.iter().enumerate() {
            place[3 + number] = u64::from(hit.class) << 32 | u64::from(hit.pattern);
            place[6] |= pack(hit) << (20 * number);
        }
    }

    /// Count a decision about the name at `place`, as `get` gave it; false if another was counted
    /// there that has not been taken yet.
    #[inline]
    pub(crate) fn count(&mut self, place: usize, name: &[u8], telling: Telling) -> bool {
        let [hash, check] = [self.words[place], self.words[place + 1]];
        let number = self.words[place + 7] as usize;
        let full = self.counted.len() >= self.sets * WAYS;
        match self.counted.get_mut(number) {
            Some(known) if known.hash == hash && known.check == check => {
                let same = Telling {
                    count: known.telling.count,
                    ..telling
                };
                if known.telling != same || known.telling.count == u32::MAX {
                    return false;
                }
                known.telling.count += telling.count;
            }
            _ if full => return false,
            _ => {
                self.words[place + 7] = self.counted.len() as u64;
                self.counted.push(Counted {
                    hash,
                    check,
                    telling,
                    name: SmallVec::from_slice(name),
                });
            }
        }
        true
    }

    /// Take everything that was counted.
    pub(crate) fn take_counts(&mut self, mut each: impl FnMut(&[u8], Telling)) {
        for counted in self.counted.drain(..) {
            each(&counted.name, counted.telling);
        }
    }

    #[cold]
    fn begin(&mut self) {
        self.words = vec![0; (self.sets * WAYS + 1) * WORDS];
        large_pages(&mut self.words);
        let address = self.words.as_ptr() as usize;
        self.start = (address.next_multiple_of(Self::EACH) - address) / 8;
    }

    #[inline]
    fn first(&self, hash: u64) -> usize {
        self.start + (hash as usize & (self.sets - 1)) * WAYS * WORDS
    }

    /// Never 0: an empty place is nobody's.
    #[inline]
    fn check(&self, name: &[u8]) -> u64 {
        self.secret.of(name) | 1
    }
}

/// The bits of a generation that are kept: it would take 2^56 swaps to meet one again.
const GENERATION: u64 = u64::MAX >> 8;

fn pack(hit: &Match) -> u64 {
    u64::from(hit.layer) | u64::from(hit.depth) << 8 | (hit.kind as u64) << 16
}

fn unpack(place: &[u64]) -> Matches {
    const KINDS: [MatchKind; 5] = [
        MatchKind::Exact,
        MatchKind::Subtree,
        MatchKind::Below,
        MatchKind::Regex,
        MatchKind::Network,
    ];
    let mut matches = Matches::new();
    for number in 0..(place[2] & 0xff) as usize {
        let (which, how) = (place[3 + number], place[6] >> (20 * number));
        let kind = KINDS[(how >> 16 & 0xf) as usize % KINDS.len()];
        let (class, pattern) = ((which >> 32) as u32, which as u32);
        matches.push(class, how as u8, kind, (how >> 8) as u8, pattern);
    }
    matches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(count: u32) -> Matches {
        let kinds = [
            MatchKind::Exact,
            MatchKind::Network,
            MatchKind::Below,
            MatchKind::Regex,
        ];
        let mut matches = Matches::new();
        for (n, kind) in (0..count).zip(kinds) {
            matches.push(
                u32::MAX - n,
                255 - n as u8,
                kind,
                128 + n as u8,
                7 << 24 | n,
            );
        }
        matches
    }

    const BLOCKED: Telling = Telling {
        slot: 300,
        kind: Kind::Block,
        step: 7,
        group: 0,
        hit: None,
        count: 1,
    };

    #[test]
    fn what_is_put_is_found_whole_under_its_generation_and_name() {
        for count in 0..4 {
            let mut memo = Memo::new(64);
            assert!(memo.get(2, b"a", 1).is_none());
            memo.put(2, b"a", 1, &matches(count));
            assert_eq!(
                memo.get(2, b"a", 1).map(|found| found.1),
                Some(matches(count))
            );
            assert!(
                memo.get(2, b"b", 1).is_none(),
                "the hash alone proves nothing"
            );
            assert!(memo.get(2, b"a", 2).is_none());
            memo.put(2, b"a", 2, &matches(1));
            assert_eq!(memo.get(2, b"a", 2).map(|found| found.1), Some(matches(1)));
        }
        let mut memo = Memo::new(64);
        memo.put(2, b"a", 1, &matches(4));
        assert!(memo.get(2, b"a", 1).is_none(), "too many to remember");
    }

    #[test]
    fn a_set_holds_four_and_then_the_next_takes_a_place() {
        let mut memo = Memo::new(4);
        let name = |n: u8| [b'a' + n];
        for n in 0..5 {
            memo.put(u64::from(n) + 9, &name(n), 1, &matches(1));
        }
        let kept = (0..5).filter(|n| memo.get(u64::from(*n) + 9, &name(*n), 1).is_some());
        assert_eq!(kept.count(), 4);
        assert!(memo.get(13, &name(4), 1).is_some(), "the newest stays");
    }

    #[test]
    fn no_count_is_lost_by_a_name_that_goes_or_comes_anew() {
        let mut memo = Memo::new(4);
        let (mut counted, mut told) = (0, 0);
        for n in 0..1000u64 {
            let (hash, name) = (n * 7 % 13, [b'a' + (n * 7 % 13) as u8]);
            if n % 5 == 0 {
                memo.put(hash, &name, 1, &matches(2));
            }
            let place = memo.get(hash, &name, 1).map(|(place, _)| place);
            if place.is_some_and(|place| memo.count(place, &name, BLOCKED)) {
                counted += 1;
            }
            if n % 97 == 0 {
                memo.take_counts(|_, telling| told += telling.count);
            }
        }
        memo.take_counts(|_, telling| told += telling.count);
        assert!(counted > 50, "{counted}");
        assert_eq!(told, counted);
    }

    #[test]
    fn another_decision_about_a_name_is_not_mixed_in() {
        let mut memo = Memo::new(4);
        memo.put(2, b"a", 1, &matches(1));
        let place = memo.get(2, b"a", 1).expect("known").0;
        let other = Telling {
            group: 1,
            ..BLOCKED
        };
        assert!(memo.count(place, b"a", BLOCKED) && memo.count(place, b"a", BLOCKED));
        assert!(!memo.count(place, b"a", other));
        let mut seen = Vec::new();
        memo.take_counts(|name, telling| seen.push((name.to_vec(), telling)));
        let twice = Telling {
            count: 2,
            ..BLOCKED
        };
        assert_eq!(seen, [(b"a".to_vec(), twice)]);
        assert!(memo.count(place, b"a", other));
    }
}
