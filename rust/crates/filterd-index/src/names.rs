//! The names of an open index: one trie over keys, walked from the top-level domain down.

use crate::error::Result;
use crate::key::MAX_NAME;
use crate::map::Section;
use crate::sets::{Member, Sets};
use crate::trie::Trie;

/// Which names a name pattern covers. The numbers are part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scope {
    /// The name only.
    Exact = 0,
    /// The name and everything under it.
    Subtree = 1,
    /// Everything under it, not the name itself (RPZ `*.x`).
    Below = 2,
}

impl Scope {
    /// Returns the scope with this number, if there is one.
    #[inline]
    pub fn from_number(number: u32) -> Option<Scope> {
        match number {
            0 => Some(Scope::Exact),
            1 => Some(Scope::Subtree),
            2 => Some(Scope::Below),
            _ => None,
        }
    }
}

/// One name pattern that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hit {
    /// The class the builder was given.
    pub class: u32,
    /// The scope of the pattern.
    pub scope: Scope,
    /// Number of labels of the pattern; 0 is the root.
    pub depth: u8,
}

/// Most labels a name can have: 127 of one byte each fill 254 of the 255 bytes on the wire.
const MAX_LABELS: usize = 127;

#[derive(Debug)]
pub(crate) struct Names {
    trie: Trie,
    sets: Sets,
}

impl Names {
    pub(crate) fn open(section: Section, sets: Sets) -> Result<Names> {
        Ok(Names {
            trie: Trie::open(section)?,
            sets,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.trie.len()
    }

    /// Returns one more than the highest class.
    pub(crate) fn classes(&self) -> u32 {
        self.sets.classes()
    }

    /// Calls `visit` with every key from `from` to `to` and the number of its set; see
    /// [`Trie::between`].
    pub(crate) fn between(&self, from: &[u8], to: &[u8], visit: impl FnMut(&[u8], u32)) {
        self.trie.between(from, to, visit);
    }

    /// Returns the members of a set.
    pub(crate) fn members(&self, set: u32) -> impl Iterator<Item = Member> + '_ {
        self.sets.members(set)
    }

    /// Walks `name` (lower case, no trailing dot; "" is the root).
    #[inline]
    pub(crate) fn walk(&self, name: &str, hit: impl FnMut(Hit)) {
        let mut key = Key::new();
        if !name.is_empty() {
            for label in name.as_bytes().rsplit(|byte| *byte == b'.') {
                key.push(label);
            }
        }
        self.walk_key(&key, hit);
    }

    /// Walks a name in wire form: labels with their lengths, in lower case, with or without the
    /// root byte. Bytes that are no such name match nothing.
    #[inline]
    pub(crate) fn walk_wire(&self, wire: &[u8], hit: impl FnMut(Hit)) {
        let mut starts = [0u8; MAX_LABELS];
        let mut count = 0;
        let mut at = 0;
        while let Some(&length) = wire.get(at) {
            if length == 0 {
                break;
            }
            if count == MAX_LABELS || at > MAX_NAME {
                return;
            }
            starts[count] = at as u8;
            count += 1;
            at += 1 + length as usize;
        }
        if at > wire.len() {
            return;
        }
        let mut key = Key::new();
        for &start in starts[..count].iter().rev() {
            let Some((&length, rest)) = wire[start as usize..].split_first() else {
                return;
            };
            let Some(label) = rest.get(..length as usize) else {
                return;
            };
            key.push(label);
        }
        self.walk_key(&key, hit);
    }

    #[inline]
    fn walk_key(&self, key: &Key, mut hit: impl FnMut(Hit)) {
        let bytes = &key.bytes[..key.length];
        self.trie.walk(bytes, |length, set| {
            let spelled = length == bytes.len();
            if spelled || length == 0 || bytes[length] == b'.' {
                let whole = spelled && !key.cut;
                let dots = bytes[..length].iter().filter(|byte| **byte == b'.').count();
                let depth = if length == 0 { 0 } else { dots as u8 + 1 };
                self.report(set, depth, whole, &mut hit);
            }
        });
    }

    #[inline]
    fn report(&self, set: u32, depth: u8, whole: bool, hit: &mut impl FnMut(Hit)) {
        for member in self.sets.members(set) {
            let Some(scope) = member.scope() else {
                continue;
            };
            let applies = match scope {
                Scope::Exact => whole,
                Scope::Subtree => true,
                Scope::Below => !whole,
            };
            if applies {
                hit(Hit {
                    class: member.class(),
                    scope,
                    depth,
                });
            }
        }
    }
}

/// The key of a question, written label by label.
struct Key {
    bytes: [u8; MAX_NAME],
    length: usize,
    /// The name goes on, but with nothing that a key could hold.
    cut: bool,
}

impl Key {
    #[inline]
    fn new() -> Key {
        Key {
            bytes: [0; MAX_NAME],
            length: 0,
            cut: false,
        }
    }

    /// Appends the next label from the top-level domain down.
    #[inline]
    fn push(&mut self, label: &[u8]) {
        let start = self.length + usize::from(self.length > 0);
        // A dot inside a label is legal on the wire; it must not look like a boundary.
        let room = self.bytes.get_mut(start..start + label.len());
        let room = room.filter(|_| !self.cut && !label.is_empty() && !label.contains(&b'.'));
        let Some(room) = room else {
            self.cut = true;
            return;
        };
        room.copy_from_slice(label);
        if start > 0 {
            self.bytes[start - 1] = b'.';
        }
        self.length = start + label.len();
    }
}
