//! What the rules say about names that are not in the cache, blocked ones above all, remembered by
//! one thread; and how often it was said, until that is told to the tally.

use filterd_index::prefetch;
use smallvec::SmallVec;

use crate::decide::Kind;
use crate::matches::{Match, Matches};

/// A table of fixed size with two places for each name. Empty until the first name comes.
pub(crate) struct Memo {
    pairs: Vec<Pair>,
    size: usize,
    /// Places with counts.
    counted: Vec<u32>,
}

#[derive(Default)]
struct Pair {
    slots: [Option<Remembered>; 2],
    /// Which one goes when a third name comes.
    next: u8,
}

/// Of one generation each: a swap that had to empty the whole table would hold answers up.
struct Remembered {
    hash: u64,
    generation: u64,
    name: SmallVec<[u8; 32]>,
    matches: Matches,
    told: Option<Telling>,
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

/// A name that is to be told of, with what was decided about it.
pub(crate) type Told = (SmallVec<[u8; 32]>, Telling);

impl Memo {
    /// Room for `size` names, a power of two.
    pub(crate) fn new(size: usize) -> Self {
        Self {
            pairs: Vec::new(),
            size: (size / 2).next_power_of_two(),
            counted: Vec::new(),
        }
    }

    /// Have the place of a hash brought near.
    #[inline]
    pub(crate) fn expect(&self, hash: u64) {
        if let Some(pair) = self.pairs.get(hash as usize & (self.size - 1)) {
            for slot in pair.slots.iter().flatten() {
                prefetch(&slot.hash);
                prefetch(&slot.told);
            }
        }
    }

    /// Find what is said about a name, and where that is remembered.
    #[inline]
    pub(crate) fn get(&self, hash: u64, name: &[u8], generation: u64) -> Option<(usize, &Matches)> {
        let at = hash as usize & (self.size - 1);
        let slots = &self.pairs.get(at)?.slots;
        let is_it = |known: &Remembered| known.hash == hash && *known.name == *name;
        let side = usize::from(!slots[0].as_ref().is_some_and(is_it));
        let known = slots[side]
            .as_ref()
            .filter(|known| side == 0 || is_it(known))?;
        (known.generation == generation).then_some((2 * at + side, &known.matches))
    }

    /// Remember what is said about a name. What had been told of whom it replaces is to be counted
    /// elsewhere.
    #[must_use]
    pub(crate) fn put(
        &mut self,
        hash: u64,
        name: &[u8],
        generation: u64,
        matches: Matches,
    ) -> Option<Told> {
        if self.pairs.is_empty() {
            self.pairs.resize_with(self.size, Pair::default);
        }
        let pair = &mut self.pairs[hash as usize & (self.size - 1)];
        let same = |known: &Option<Remembered>| {
            known
                .as_ref()
                .is_some_and(|known| known.hash == hash && *known.name == *name)
        };
        let side = match pair.slots.iter().position(same) {
            Some(side) => side,
            None => usize::from(pair.next & 1),
        };
        pair.next = 1 - side as u8;
        let old = pair.slots[side].replace(Remembered {
            hash,
            generation,
            name: SmallVec::from_slice(name),
            matches,
            told: None,
        });
        old.and_then(|old| Some((old.name, old.told?)))
    }

    /// Count a decision about the name at `place`, as `get` gave it; false if another was counted
    /// there that has not been taken yet.
    #[inline]
    pub(crate) fn count(&mut self, place: usize, telling: Telling) -> bool {
        let pair = self.pairs.get_mut(place / 2);
        let Some(known) = pair.and_then(|pair| pair.slots[place % 2].as_mut()) else {
            return false;
        };
        match &mut known.told {
            Some(told) => {
                let same = Telling {
                    count: told.count,
                    ..telling
                };
                if *told != same || told.count == u32::MAX {
                    return false;
                }
                told.count += telling.count;
            }
            nothing => {
                *nothing = Some(telling);
                self.counted.push(place as u32);
            }
        }
        true
    }

    /// Take everything that was counted.
    pub(crate) fn take_counts(&mut self, mut each: impl FnMut(&[u8], Telling)) {
        for place in self.counted.drain(..) {
            let place = place as usize;
            let known = self.pairs[place / 2].slots[place % 2].as_mut();
            if let Some((name, told)) =
                known.and_then(|known| Some((&known.name, known.told.take()?)))
            {
                each(name, told);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches() -> Matches {
        let mut matches = Matches::new();
        matches.push(7, 0, crate::matches::MatchKind::Exact, 1, 0);
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
    fn it_remembers_two_names_of_a_place_and_one_generation() {
        let mut memo = Memo::new(4);
        for (hash, name) in [(2, &b"a"[..]), (4, b"b"), (6, b"c")] {
            assert!(memo.put(hash, name, 1, matches()).is_none());
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
    fn no_count_is_lost_by_a_name_that_goes_or_comes_anew() {
        let mut memo = Memo::new(4);
        let mut counted = 0;
        let mut told = 0;
        for n in 0..1000u64 {
            let (hash, name) = (n * 7 % 13, [b'a' + (n * 7 % 13) as u8]);
            if n % 5 == 0 {
                let gone = memo.put(hash, &name, 1, matches());
                told += gone.map_or(0, |(_, telling)| telling.count);
            }
            let place = memo.get(hash, &name, 1).map(|(place, _)| place);
            if place.is_some_and(|place| memo.count(place, BLOCKED)) {
                counted += 1;
            }
            if n % 97 == 0 {
                memo.take_counts(|_, telling| told += telling.count);
            }
        }
        memo.take_counts(|_, telling| told += telling.count);
        assert!(counted > 200, "{counted}");
        assert_eq!(told, counted);
    }

    #[test]
    fn another_decision_about_a_name_is_not_mixed_in() {
        let mut memo = Memo::new(4);
        assert!(memo.put(2, b"a", 1, matches()).is_none());
        let place = memo.get(2, b"a", 1).expect("known").0;
        assert!(memo.count(place, BLOCKED) && memo.count(place, BLOCKED));
        assert!(!memo.count(
            place,
            Telling {
                group: 1,
                ..BLOCKED
            }
        ));
        let mut seen = Vec::new();
        memo.take_counts(|name, telling| seen.push((name.to_vec(), telling)));
        assert_eq!(
            seen,
            [(
                b"a".to_vec(),
                Telling {
                    count: 2,
                    ..BLOCKED
                }
            )]
        );
        assert!(memo.count(
            place,
            Telling {
                group: 1,
                ..BLOCKED
            }
        ));
    }
}
