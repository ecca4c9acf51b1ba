//! The names of an open index: one trie over keys, walked from the top-level domain down.

use crate::error::Result;
use crate::host;
use crate::key::MAX_NAME;
use crate::map::Section;
use crate::paths::{self, Kinds, UrlHit, MAX_KEY};
use crate::sets::{Member, Sets};
use crate::trie::{Step, Trie};
use crate::url::Url;

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
    /// No name: URLs on a host (`paths.rs`). Names never match it.
    Path = 3,
}

impl Scope {
    /// Returns the scope with this number, if there is one.
    #[inline]
    pub fn from_number(number: u32) -> Option<Scope> {
        match number {
            0 => Some(Scope::Exact),
            1 => Some(Scope::Subtree),
            2 => Some(Scope::Below),
            3 => Some(Scope::Path),
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

    /// The number of keys: names, hosts of URLs and URLs.
    pub(crate) fn len(&self) -> usize {
        self.trie.len()
    }

    /// The number of names with rules.
    pub(crate) fn names(&self) -> usize {
        self.trie.names()
    }

    /// The number of URLs.
    pub(crate) fn urls(&self) -> usize {
        self.trie.urls()
    }

    /// Says whether `key` is there.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        let mut found = false;
        let met = |length, set| found |= length == key.len() && self.members(set).next().is_some();
        self.trie.walk(key, met);
        found
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

    /// Calls `hit` for every name pattern that covers the host of `url`, and `met` for every rule for
    /// URLs that covers it.
    pub(crate) fn walk_url(
        &self,
        url: &Url,
        mut hit: impl FnMut(Hit),
        mut met: impl FnMut(UrlHit),
    ) {
        let mut key = Vec::with_capacity(MAX_KEY);
        if !host::push_key(&mut key, url.host()) {
            return;
        }
        let mut marks: Vec<(usize, u8, Step, Kinds)> = Vec::new();
        self.trie
            .walk_from(self.trie.start(), &key, |length, set, step| {
                if let Some(depth) = depth(&key, length) {
                    self.report(set, depth, length == key.len(), &mut hit);
                    let mut kinds = Kinds::default();
                    self.sets.members(set).for_each(|member| kinds.add(member));
                    if !kinds.is_empty() {
                        marks.push((length, depth, step, kinds));
                    }
                }
            });
        let whole = key.len();
        // The longest first: the key of each is the beginning of the one before.
        for (length, depth, step, kinds) in marks.into_iter().rev() {
            let scopes: &[bool] = if length == whole {
                &[true, false]
            } else {
                &[true]
            };
            key.truncate(length);
            self.walk_paths(url, (&mut key, depth, step, kinds), scopes, &mut met);
        }
    }

    /// The same for URLs on one host, of which there are some. `at`: its key, number of labels,
    /// node, and what its marks say.
    fn walk_paths(
        &self,
        url: &Url,
        at: (&mut Vec<u8>, u8, Step, Kinds),
        scopes: &[bool],
        met: &mut impl FnMut(UrlHit),
    ) {
        let (key, labels, step, kinds) = at;
        let length = key.len();
        let host = last_labels(url.host(), labels);
        paths::hashes(url, host, kinds, |part, letters| {
            for &subtree in scopes {
                key.truncate(length);
                key.extend_from_slice(&[b'/', paths::letter(subtree)]);
                key.extend_from_slice(&letters);
                self.trie.walk_from(step, key, |spelled, set, _| {
                    if spelled != key.len() {
                        return;
                    }
                    for member in self.sets.members(set) {
                        met(UrlHit {
                            class: member.class(),
                            subtree,
                            labels,
                            length: part.length as u32,
                            depth: part.depth,
                        });
                    }
                });
            }
        });
    }

    #[inline]
    fn walk_key(&self, key: &Key, mut hit: impl FnMut(Hit)) {
        let bytes = &key.bytes[..key.length];
        self.trie.walk(bytes, |length, set| {
            if let Some(depth) = depth(bytes, length) {
                let whole = length == bytes.len() && !key.cut;
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
                Scope::Path => false,
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

/// Returns the number of labels in the first `length` bytes of `key`; `None`: they end inside of one.
#[inline]
fn depth(key: &[u8], length: usize) -> Option<u8> {
    if length == 0 {
        return Some(0);
    }
    let dots = || key[..length].iter().filter(|byte| **byte == b'.').count();
    (length == key.len() || key[length] == b'.').then(|| dots() as u8 + 1)
}

/// Returns the last `labels` labels of `name`.
pub(crate) fn last_labels(name: &str, labels: u8) -> &str {
    match labels.checked_sub(1) {
        None => "",
        Some(dots) => match name.rmatch_indices('.').nth(dots as usize) {
            Some((at, _)) => &name[at + 1..],
            None => name,
        },
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
