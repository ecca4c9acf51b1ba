//! What the rules say about names that are not in the cache, blocked ones above all, remembered by
//! one thread; and how often it was said, until that is told to the tally.
//!
//! A name has one line of the processor's cache: two keyed hashes that stand for it (128 bits, with
//! secrets that nobody outside knows), and up to three matches. What matches more is looked up
//! each time.

use filterd_index::{large_pages, prefetch};

use crate::decide::Kind;
use crate::hash::Secret;
use crate::matches::{Match, MatchKind, Matches};
use crate::wire::name;

/// Words of a place: a line. Places of a set.
const WORDS: usize = 8;
const LINE: usize = WORDS * 8;
const WAYS: usize = 4;
/// Matches that fit a place.
const MOST: usize = 3;

/// Names whose counts wait to be told: one in so many of those that there is room for. Beyond, the
/// tally is told at once.
const COUNTED: usize = 8;
/// Octets that a name of those takes on average; longer ones leave room for fewer.
const NAME: usize = 32;

/// A table of fixed size, in sets of four places. Empty until the first name comes.
pub(crate) struct Memo {
    words: Vec<u64>,
    /// Where the first place begins: at the start of a line.
    start: usize,
    sets: usize,
    /// Which place of a set goes next: turns with every name that is put.
    turn: usize,
    secret: Secret,
    /// Never grows: it has its room from the beginning.
    counted: Vec<Counted>,
    /// The names of those, one behind the other.
    names: Vec<u8>,
    /// How many of `counted` have been told already: the first ones.
    told: usize,
    /// How many were there before those that are there now; and octets of their names.
    gone: (usize, usize),
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
    /// The bits of the clients it was decided for.
    pub(crate) clients: u64,
}

struct Counted {
    telling: Telling,
    /// Where the name is remembered, if it still is: its last word says so.
    place: usize,
    /// Where it ends in `names`, had none of them gone.
    end: usize,
}

impl Memo {
    /// Bytes that a name takes, with its part of what is counted.
    pub(crate) const EACH: usize = LINE + (std::mem::size_of::<Counted>() + NAME) / COUNTED;

    /// Room for `size` names.
    pub(crate) fn new(size: usize) -> Self {
        Self {
            words: Vec::new(),
            start: 0,
            sets: (size / WAYS).clamp(1, u32::MAX as usize),
            turn: 0,
            secret: Secret::default(),
            counted: Vec::new(),
            names: Vec::new(),
            told: 0,
            gone: (0, 0),
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

    /// Find where it is remembered what is said about a name.
    #[inline]
    pub(crate) fn find(&self, hash: u64, name: &[u8], generation: u64) -> Option<Place<'_>> {
        let first = self.first(hash);
        let set = self.words.get(first..first + WAYS * WORDS)?;
        let place = |way: usize| set.get(way * WORDS..)?.first_chunk::<WORDS>();
        let (way, words) = (0..WAYS)
            .filter_map(|way| Some((way, place(way)?)))
            .find(|(_, words)| words[0] == hash)?;
        let good = words[1] == self.check(name) && words[2] >> 8 == generation & GENERATION;
        good.then_some(Place {
            at: first + way * WORDS,
            words,
        })
    }

    /// Remember what is said about a name; return where, as `Place::at` says it.
    pub(crate) fn put(
        &mut self,
        hash: u64,
        name: &[u8],
        generation: u64,
        matches: &Matches,
    ) -> Option<usize> {
        let found = matches.as_slice();
        if found.len() > MOST {
            return None;
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
        Some(at)
    }

    /// Count a decision about the name remembered at `at`, a `Place`'s; false if another was counted
    /// there that has not been taken yet, or there is no room.
    #[inline]
    pub(crate) fn count(&mut self, at: usize, name: &[u8], telling: &Telling) -> bool {
        // The last word is emptied when another name takes the place, and what it says is void
        // once the counts are taken: then no count is there, or it is another place's.
        let number = (self.words[at + 7] as usize).wrapping_sub(self.gone.0 + 1);
        let told = self.told;
        match self.counted.get_mut(number) {
            Some(known) if known.place == at && number >= told => {
                let told = &mut known.telling;
                let same = told.slot == telling.slot
                    && (told.kind, told.step, told.group)
                        == (telling.kind, telling.step, telling.group)
                    && told.hit == telling.hit;
                let count = told.count.checked_add(telling.count).filter(|_| same);
                told.count = count.unwrap_or(told.count);
                let counted = count.is_some();
                told.clients |= telling.clients & 0u64.wrapping_sub(counted.into());
                counted
            }
            _ => self.count_first(at, name, telling),
        }
    }

    #[inline(never)]
    fn count_first(&mut self, at: usize, name: &[u8], telling: &Telling) -> bool {
        let room = |used: usize, more: usize, room: usize| used + more <= room;
        if !room(self.counted.len(), 1, self.counted.capacity())
            || !room(self.names.len(), name.len(), self.names.capacity())
        {
            return false;
        }
        self.names.extend_from_slice(name);
        self.counted.push(Counted {
            telling: *telling,
            place: at,
            end: self.gone.1 + self.names.len(),
        });
        self.words[at + 7] = (self.gone.0 + self.counted.len()) as u64;
        true
    }

    /// Take up to `most` of what was counted, what waits longest first. What is counted often is
    /// told once for many times, the more so the less is taken.
    pub(crate) fn take_counts(&mut self, most: usize, mut each: impl FnMut(&[u8], &Telling)) {
        let first = self.told;
        let last = first.saturating_add(most).min(self.counted.len());
        let ends = |number: usize| self.counted.get(number).map_or(self.gone.1, |of| of.end);
        let mut start = if first == 0 {
            self.gone.1
        } else {
            ends(first - 1)
        };
        for counted in self.counted.get(first..last).unwrap_or_default() {
            let name = start - self.gone.1..counted.end - self.gone.1;
            each(self.names.get(name).unwrap_or_default(), &counted.telling);
            start = counted.end;
        }
        self.told = last;
        // Moving what is left is worth it once it is the smaller part.
        if last * 2 >= self.counted.len() {
            self.counted.drain(..last);
            self.names.drain(..start - self.gone.1);
            self.gone = (self.gone.0 + last, start);
            self.told = 0;
        }
    }

    #[cold]
    fn begin(&mut self) {
        let counted = (self.sets * WAYS / COUNTED).max(1);
        self.counted = Vec::with_capacity(counted);
        self.names = Vec::with_capacity((counted * NAME).max(name::MAX));
        self.words = vec![0; (self.sets * WAYS + 1) * WORDS];
        large_pages(&mut self.words);
        let address = self.words.as_ptr() as usize;
        self.start = (address.next_multiple_of(LINE) - address) / 8;
    }

    #[inline]
    fn first(&self, hash: u64) -> usize {
        // The part of all sets that the hash's lower half is of all its values.
        let set = (u64::from(hash as u32) * self.sets as u64) >> 32;
        self.start + set as usize * WAYS * WORDS
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

/// Where it is remembered what is said about a name.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// For `Memo::count`.
    pub(crate) at: usize,
    words: &'a [u64; WORDS],
}

impl Place<'_> {
    /// What is said, if that is one thing.
    #[inline]
    pub(crate) fn only(&self) -> Option<Match> {
        (self.words[2] & 0xff == 1).then(|| self.unpack(0))
    }

    /// What is said.
    pub(crate) fn matches(&self) -> Matches {
        let mut matches = Matches::new();
        for number in 0..((self.words[2] & 0xff) as usize).min(MOST) {
            let hit = self.unpack(number);
            matches.push(hit.class, hit.layer, hit.kind, hit.depth, hit.pattern);
        }
        matches
    }

    #[inline]
    fn unpack(&self, number: usize) -> Match {
        let (which, how) = (self.words[3 + number], self.words[6] >> (20 * number));
        let kind = match how >> 16 & 0xf {
            0 => MatchKind::Exact,
            1 => MatchKind::Subtree,
            2 => MatchKind::Below,
            3 => MatchKind::Regex,
            4 => MatchKind::Network,
            _ => MatchKind::Url,
        };
        Match {
            class: (which >> 32) as u32,
            layer: how as u8,
            kind,
            depth: (how >> 8) as u8,
            pattern: which as u32,
            source: 0,
        }
    }
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

    fn get(memo: &Memo, hash: u64, name: &[u8], generation: u64) -> Option<Matches> {
        memo.find(hash, name, generation)
            .map(|place| place.matches())
    }

    const BLOCKED: Telling = Telling {
        slot: 300,
        kind: Kind::Block,
        step: 7,
        group: 0,
        hit: None,
        count: 1,
        clients: 0,
    };

    #[test]
    fn what_is_put_is_found_whole_under_its_generation_and_name() {
        for count in 0..4 {
            let mut memo = Memo::new(64);
            assert!(get(&memo, 2, b"a", 1).is_none());
            memo.put(2, b"a", 1, &matches(count));
            assert_eq!(get(&memo, 2, b"a", 1), Some(matches(count)));
            assert!(
                get(&memo, 2, b"b", 1).is_none(),
                "the hash alone proves nothing"
            );
            assert!(get(&memo, 2, b"a", 2).is_none());
            memo.put(2, b"a", 2, &matches(1));
            assert_eq!(get(&memo, 2, b"a", 2), Some(matches(1)));
        }
        let mut memo = Memo::new(64);
        memo.put(2, b"a", 1, &matches(4));
        assert!(get(&memo, 2, b"a", 1).is_none(), "too many to remember");
    }

    #[test]
    fn a_set_holds_four_and_then_the_next_takes_a_place() {
        let mut memo = Memo::new(4);
        let name = |n: u8| [b'a' + n];
        for n in 0..5 {
            memo.put(u64::from(n) + 9, &name(n), 1, &matches(1));
        }
        let kept = (0..5).filter(|n| get(&memo, u64::from(*n) + 9, &name(*n), 1).is_some());
        assert_eq!(kept.count(), 4);
        assert!(get(&memo, 13, &name(4), 1).is_some(), "the newest stays");
    }

    #[test]
    fn no_count_is_lost_by_a_name_that_goes_or_comes_anew() {
        let mut memo = Memo::new(64);
        let (mut counted, mut told) = (0, 0);
        for n in 0..1000u64 {
            let (hash, name) = (n * 7 % 13, [b'a' + (n * 7 % 13) as u8]);
            if n % 5 == 0 {
                memo.put(hash, &name, 1, &matches(2));
            }
            let place = memo.find(hash, &name, 1).map(|place| place.at);
            if place.is_some_and(|place| memo.count(place, &name, &BLOCKED)) {
                counted += 1;
            }
            if n % 97 == 0 {
                memo.take_counts(usize::MAX, |_, telling| told += telling.count);
            }
        }
        memo.take_counts(usize::MAX, |_, telling| told += telling.count);
        assert!(counted > 50, "{counted}");
        assert_eq!(told, counted);
    }

    #[test]
    fn all_its_bytes_are_within_what_is_said_of_each_name() {
        const SIZE: usize = 5_000;
        let mut memo = Memo::new(SIZE);
        let mut told = 0;
        for n in 0..3 * SIZE as u64 {
            let name = format!("\x0bname{n:07}\0").into_bytes();
            let hash = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            memo.put(hash, &name, 1, &matches(1));
            let at = memo.find(hash, &name, 1).expect("put").at;
            told += u32::from(memo.count(at, &name, &BLOCKED));
        }
        let bytes = memo.words.capacity() * 8
            + memo.counted.capacity() * std::mem::size_of::<Counted>()
            + memo.names.capacity();
        assert!(bytes <= SIZE * Memo::EACH + LINE, "{bytes}");
        assert_eq!(told as usize, SIZE / COUNTED, "then others count");
        let mut taken = 0;
        memo.take_counts(usize::MAX, |name, telling| {
            assert_eq!(name, format!("\x0bname{taken:07}\0").as_bytes());
            taken += telling.count;
        });
        assert_eq!(taken, told);
    }

    #[test]
    fn another_decision_about_a_name_is_not_mixed_in() {
        let mut memo = Memo::new(4);
        memo.put(2, b"a", 1, &matches(1));
        let place = memo.find(2, b"a", 1).expect("known").at;
        let other = Telling {
            group: 1,
            ..BLOCKED
        };
        assert!(memo.count(place, b"a", &BLOCKED) && memo.count(place, b"a", &BLOCKED));
        assert!(!memo.count(place, b"a", &other));
        let mut seen = Vec::new();
        memo.take_counts(usize::MAX, |name, telling| {
            seen.push((name.to_vec(), *telling))
        });
        let twice = Telling {
            count: 2,
            ..BLOCKED
        };
        assert_eq!(seen, [(b"a".to_vec(), twice)]);
        assert!(memo.count(place, b"a", &other));
    }

    #[test]
    fn what_is_taken_in_parts_is_told_once_and_in_turn() {
        let mut memo = Memo::new(4096);
        let names: Vec<Vec<u8>> = (0..100u8).map(|n| vec![b'n', n]).collect();
        let hash = |n: usize| ((n as u64) << 25) | 1;
        let mut sum = std::collections::HashMap::new();
        let mut counted = 0;
        for round in 0..40 {
            for (n, name) in names.iter().enumerate().skip(round % 3) {
                let at = match memo.find(hash(n), name, 1) {
                    Some(place) => place.at,
                    None => memo.put(hash(n), name, 1, &matches(1)).expect("room"),
                };
                assert!(memo.count(at, name, &BLOCKED), "there is room");
                counted += 1;
            }
            let mut seen = 0;
            memo.take_counts(7, |name, telling| {
                seen += 1;
                *sum.entry(name.to_vec()).or_insert(0) += telling.count;
            });
            assert_eq!(seen, 7);
        }
        memo.take_counts(usize::MAX, |name, telling| {
            *sum.entry(name.to_vec()).or_insert(0) += telling.count;
        });
        assert_eq!(sum.values().sum::<u32>(), counted);
        assert!(sum.iter().all(|(name, count)| match name[1] {
            0 => *count == 14,
            1 => *count == 27,
            _ => *count == 40,
        }));
        memo.take_counts(1, |_, _| panic!("nothing is left"));
    }
}
