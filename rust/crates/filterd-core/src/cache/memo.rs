//! What the rules say about names that are not in the cache, remembered by one thread.

use smallvec::SmallVec;

use crate::matches::Matches;

/// What the rules say about names that are not in the cache, blocked ones above all: a table of
/// fixed size with two places for each name; the newest takes the place of the older.
pub(crate) struct Memo {
    /// Empty until the first name comes, then of one size for good.
    pairs: Vec<[Option<Remembered>; 2]>,
    size: usize,
}

/// Of one generation each: a swap that had to empty the whole table would hold answers up.
struct Remembered {
    hash: u64,
    generation: u64,
    name: SmallVec<[u8; 32]>,
    matches: Matches,
}

impl Memo {
    /// Room for `size` names, a power of two.
    pub(crate) fn new(size: usize) -> Self {
        Self {
            pairs: Vec::new(),
            size: (size / 2).next_power_of_two(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, hash: u64, name: &[u8], generation: u64) -> Option<&Matches> {
        let pair = self.pairs.get(hash as usize & (self.size - 1))?;
        let known = pair
            .iter()
            .flatten()
            .find(|known| known.hash == hash && *known.name == *name)?;
        (known.generation == generation).then_some(&known.matches)
    }

    pub(crate) fn put(&mut self, hash: u64, name: &[u8], generation: u64, matches: Matches) {
        if self.pairs.is_empty() {
            self.pairs.resize_with(self.size, || [None, None]);
        }
        let pair = &mut self.pairs[hash as usize & (self.size - 1)];
        let same = |known: &Remembered| known.hash == hash && *known.name == *name;
        if !pair[0].as_ref().is_some_and(same) {
            pair.swap(0, 1);
        }
        pair[0] = Some(Remembered {
            hash,
            generation,
            name: SmallVec::from_slice(name),
            matches,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_remembers_two_names_of_a_place_and_one_generation() {
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
}
