//! The sets of (class, scope) that names carry, each stored once.
//!
//! Millions of names share a few sets, so the trie maps a name to the number of its set. The most
//! common set has number 0, which costs the trie nothing.

use std::collections::HashMap;

use crate::cursor::{put_u32, Cursor};
use crate::error::Result;
use crate::map::Section;
use crate::names::Scope;
use crate::paths;

/// Highest class an index can hold.
pub const MAX_CLASS: u32 = (1 << 30) - 1;

/// A class and a scope in one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Member(pub(crate) u32);

impl Member {
    pub(crate) fn new(class: u32, scope: Scope) -> Member {
        Member(class << 2 | scope as u32)
    }

    pub(crate) fn class(self) -> u32 {
        self.0 >> 2
    }

    /// `None` only for a number that no builder writes.
    #[inline]
    pub(crate) fn scope(self) -> Option<Scope> {
        Scope::from_number(self.0 & 3)
    }
}

/// Collects sets and numbers them.
#[derive(Debug, Default)]
pub(crate) struct SetTable {
    numbers: HashMap<Vec<Member>, u32>,
    uses: Vec<u32>,
    last: Option<(Vec<Member>, u32)>,
}

impl SetTable {
    /// Returns the provisional number of `set`, which is sorted, and counts one use of it.
    pub(crate) fn intern(&mut self, set: &[Member]) -> u32 {
        let known = match &self.last {
            Some((last, number)) if last == set => Some(*number),
            _ => self.numbers.get(set).copied(),
        };
        let number = known.unwrap_or_else(|| {
            let number = self.uses.len() as u32;
            self.numbers.insert(set.to_vec(), number);
            self.uses.push(0);
            number
        });
        self.uses[number as usize] += 1;
        if self.last.as_ref().is_none_or(|(_, last)| *last != number) {
            self.last = Some((set.to_vec(), number));
        }
        number
    }

    /// Returns the provisional number of a set that was interned.
    pub(crate) fn number(&mut self, set: &[Member]) -> Option<u32> {
        if let Some((last, number)) = &self.last {
            if last == set {
                return Some(*number);
            }
        }
        let number = *self.numbers.get(set)?;
        self.last = Some((set.to_vec(), number));
        Some(number)
    }

    /// Appends the sets to `out`, most used first, and returns provisional -> final number.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Vec<u32> {
        let mut by_number: Vec<(&[Member], u32)> = self
            .numbers
            .iter()
            .map(|(set, &number)| (set.as_slice(), number))
            .collect();
        by_number
            .sort_unstable_by_key(|(_, number)| (u32::MAX - self.uses[*number as usize], *number));
        let mut finals = vec![0u32; by_number.len()];
        put_u32(out, by_number.len() as u32);
        let mut end = 0u32;
        put_u32(out, end);
        for (rank, (set, number)) in by_number.iter().enumerate() {
            finals[*number as usize] = rank as u32;
            end += set.len() as u32;
            put_u32(out, end);
        }
        for member in by_number.iter().flat_map(|(set, _)| set.iter()) {
            put_u32(out, member.0);
        }
        finals
    }
}

/// The sets of an open index, read in place.
#[derive(Debug)]
pub(crate) struct Sets {
    section: Section,
    count: usize,
    classes: u32,
}

impl Sets {
    /// Checks `section` whole, so that reading a set later needs no error.
    pub(crate) fn open(section: Section) -> Result<Sets> {
        let mut cursor = Cursor::new(section.as_ref(), "sets");
        let count = cursor.count(4)?;
        let mut end = cursor.u32()?;
        for _ in 0..count {
            let next = cursor.u32()?;
            if next < end {
                return Err(cursor.damaged("offsets out of order"));
            }
            end = next;
        }
        let mut classes = 0;
        for _ in 0..end {
            let member = Member(cursor.u32()?);
            if member.scope().is_none() {
                return Err(cursor.damaged("unknown scope"));
            }
            if !paths::is_mark(member) {
                classes = classes.max(member.class() + 1);
            }
        }
        if !cursor.is_empty() {
            return Err(cursor.damaged("bytes left over"));
        }
        Ok(Sets {
            section,
            count,
            classes,
        })
    }

    /// Returns one more than the highest class.
    pub(crate) fn classes(&self) -> u32 {
        self.classes
    }

    /// Returns the members of set `number`; none for a number that is not there.
    #[inline]
    pub(crate) fn members(&self, number: u32) -> impl Iterator<Item = Member> + '_ {
        self.bytes_of(number)
            .unwrap_or_default()
            .chunks_exact(4)
            .filter_map(|chunk| chunk.first_chunk::<4>())
            .map(|chunk| Member(u32::from_le_bytes(*chunk)))
    }

    #[inline]
    fn bytes_of(&self, number: u32) -> Option<&[u8]> {
        let number = usize::try_from(number)
            .ok()
            .filter(|number| *number < self.count)?;
        let bytes = self.section.as_ref();
        let (start, end) = (offset(bytes, number)?, offset(bytes, number + 1)?);
        let base = 4 + 4 * (self.count + 1);
        bytes.get(base + 4 * start..base + 4 * end)
    }
}

#[inline]
fn offset(bytes: &[u8], number: usize) -> Option<usize> {
    let chunk = bytes.get(4 + 4 * number..)?.first_chunk::<4>()?;
    Some(u32::from_le_bytes(*chunk) as usize)
}
