//! Keys and their numbers as a path-compressed trie in one run of bytes, read in place.
//!
//! A key is spelled by the nodes on its way: each node holds the bytes that all keys below it
//! share (its label), and a table with the byte and the place of each child. Children stand
//! before their parent, so a child is named by the distance back to it, most often in one or two
//! bytes, and a damaged distance can never lead in a circle.
//!
//! A node is a header byte, then, each only where the header says so:
//! length of the label, label, number of the key that ends here, count of children less one, their
//! bytes, their distances. The bytes of more than a few children are one bit each, for the 40 bytes
//! that occur in keys. The section ends with the place of the root, the count of keys and the counts of
//! names with rules and of URLs among them.

use crate::cursor::{put_u32, Cursor};
use crate::error::{Error, Result};
use crate::listing;
use crate::map::Section;
use crate::out::{Out, REACH};

/// A node without children, where a key ends; 6 bits of the header are its label's length.
pub(crate) const LEAF: u8 = 0x80;
/// In a leaf: its number is not 0 and follows.
pub(crate) const LEAF_NUMBER: u8 = 0x40;
pub(crate) const LEAF_LENGTH: u8 = 0x3f;
/// In a node with children: a key ends here.
pub(crate) const FINAL: u8 = 0x40;
/// In a node with children: that key's number is not 0 and follows.
pub(crate) const NUMBER: u8 = 0x20;
/// In a node with children: bytes of a distance, less one.
pub(crate) const WIDTH_SHIFT: u8 = 3;
pub(crate) const WIDTH: u8 = 0x03;
pub(crate) const LENGTH: u8 = 0x07;
/// Most children whose bytes are listed; those of more are bits, which are shorter and faster.
pub(crate) const LISTED: usize = 5;
/// Bytes of such bits.
pub(crate) const BITS: usize = 5;
/// Which bit stands for a byte; they sort alike. [`NO_BIT`] for bytes that no key holds.
const BIT: [u8; 256] = bits();
const NO_BIT: u8 = 0xff;
/// Place of the root, count of keys, count of names with rules, count of URLs.
const FOOTER: usize = 16;

/// The bytes that occur in keys, in order.
pub(crate) const SYMBOLS: &[u8; 40] = b"-./0123456789_abcdefghijklmnopqrstuvwxyz";

const fn bits() -> [u8; 256] {
    let mut table = [NO_BIT; 256];
    let mut at = 0;
    while at < SYMBOLS.len() {
        table[SYMBOLS[at] as usize] = at as u8;
        at += 1;
    }
    table
}

/// Writes a trie from sorted, distinct keys, which hold no other bytes than [`BIT`] knows.
pub(crate) struct TrieWriter<'o, 'f> {
    out: &'o mut Out<'f>,
    base: usize,
    last: Vec<u8>,
    open: Vec<Open>,
    /// Children of all open nodes; each node's are those from its `children` on.
    children: Vec<(u8, u32)>,
    count: u32,
    names: u32,
    urls: u32,
    leaves: Vec<u32>,
}

/// A node on the way of the last key.
struct Open {
    /// How many bytes of the last key lead to the end of its label.
    end: usize,
    number: Option<u32>,
    children: usize,
}

/// Leaves remembered so that an equal one near by is not written again.
const LEAVES: usize = 1 << 12;
/// How far back an equal leaf may stand; farther ones would widen their parent's distances.
const LEAF_REACH: usize = REACH / 2;
/// Shorter leaves are not worth a distance.
const LEAF_LEAST: usize = 4;

impl<'o, 'f> TrieWriter<'o, 'f> {
    /// Starts a trie at the end of `out`.
    pub(crate) fn new(out: &'o mut Out<'f>) -> TrieWriter<'o, 'f> {
        let base = out.len();
        let open = vec![Open {
            end: 0,
            number: None,
            children: 0,
        }];
        let leaves = vec![u32::MAX; LEAVES];
        TrieWriter {
            out,
            base,
            last: Vec::new(),
            open,
            children: Vec::new(),
            count: 0,
            names: 0,
            urls: 0,
            leaves,
        }
    }

    /// Adds `key`, which sorts behind all before it.
    pub(crate) fn insert(&mut self, key: &[u8], number: u32) -> Result<()> {
        self.count += 1;
        if key.is_empty() {
            if let Some(root) = self.open.first_mut() {
                root.number = Some(number);
            }
            return Ok(());
        }
        let shared = self
            .last
            .iter()
            .zip(key)
            .take_while(|(a, b)| a == b)
            .count();
        self.close(shared)?;
        self.open.push(Open {
            end: key.len(),
            number: Some(number),
            children: self.children.len(),
        });
        self.last.truncate(shared);
        self.last.extend_from_slice(&key[shared..]);
        Ok(())
    }

    /// Counts the key just added as a name with rules, or as a URL.
    pub(crate) fn count(&mut self, is_name: bool) {
        self.names += u32::from(is_name);
        self.urls += u32::from(!is_name);
    }

    /// Writes what is still open; returns the last key.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        let last = self.last.clone();
        self.close(0)?;
        let root = match self.open.pop() {
            Some(root) => self.write(&root, 0)?,
            None => 0,
        };
        put_u32(self.out.end(), root);
        put_u32(self.out.end(), self.count);
        put_u32(self.out.end(), self.names);
        put_u32(self.out.end(), self.urls);
        Ok(last)
    }

    /// Writes every open node that reaches beyond the first `shared` bytes of the last key.
    fn close(&mut self, shared: usize) -> Result<()> {
        while self.open.last().is_some_and(|node| node.end > shared) {
            let Some(node) = self.open.pop() else { break };
            let parent = self.open.last().map_or(0, |parent| parent.end);
            let begin = parent.max(shared);
            let place = self.write(&node, begin + 1)?;
            self.children.truncate(node.children);
            if parent < shared {
                // The new key leaves the last one inside this label: a node stands there now.
                let children = self.children.len();
                self.open.push(Open {
                    end: shared,
                    number: None,
                    children,
                });
            }
            self.children.push((self.last[begin], place));
        }
        Ok(())
    }

    /// Writes `node`, whose label is the last key from `start` on, and returns its place.
    fn write(&mut self, node: &Open, start: usize) -> Result<u32> {
        let place = self.out.len() - self.base;
        let at = u32::try_from(place).map_err(|_| Error::TooBig)?;
        let children = &self.children[node.children..];
        let label = self.last.get(start..node.end).unwrap_or_default();
        let explicit = node.number.filter(|number| *number != 0);
        if children.is_empty() && node.number.is_some() {
            let mark = if explicit.is_some() {
                LEAF | LEAF_NUMBER
            } else {
                LEAF
            };
            put_head(self.out.end(), mark, LEAF_LENGTH, label);
            put_varint(self.out.end(), explicit);
            let place = self.shared_leaf(at);
            self.out.settle()?;
            return Ok(place);
        }
        let farthest = children
            .iter()
            .map(|(_, child)| at - child)
            .max()
            .unwrap_or(0);
        let width = (4 - farthest.leading_zeros() as usize / 8).max(1);
        let mut mark = (width as u8 - 1) << WIDTH_SHIFT;
        if node.number.is_some() {
            mark |= FINAL;
        }
        if explicit.is_some() {
            mark |= NUMBER;
        }
        let out = self.out.end();
        put_head(out, mark, LENGTH, label);
        put_varint(out, explicit);
        // An empty trie has a root without children; its count wraps to 255, and it is not read.
        out.push((children.len() as u8).wrapping_sub(1));
        if children.len() <= LISTED {
            out.extend(children.iter().map(|(byte, _)| *byte));
        } else {
            let bits = children.iter().fold(0u64, |bits, (byte, _)| {
                debug_assert_ne!(BIT[*byte as usize], NO_BIT);
                bits | 1 << (BIT[*byte as usize] & 63)
            });
            out.extend_from_slice(&bits.to_le_bytes()[..BITS]);
        }
        for (_, child) in children {
            out.extend_from_slice(&(at - child).to_le_bytes()[..width]);
        }
        self.out.settle()?;
        Ok(at)
    }

    /// Drops the leaf just written at `at` if an equal one stands near; returns which to use.
    fn shared_leaf(&mut self, at: u32) -> u32 {
        let start = self.base + at as usize;
        let written = self.out.since(start).unwrap_or_default();
        if written.len() < LEAF_LEAST {
            return at;
        }
        let hash = twox_hash::XxHash3_64::oneshot(written) as usize % LEAVES;
        let known = self.leaves[hash];
        let near = known != u32::MAX && (at - known) as usize <= LEAF_REACH;
        let equal = near.then(|| self.out.since(self.base + known as usize));
        if equal
            .flatten()
            .is_some_and(|bytes| bytes.starts_with(written))
        {
            self.out.truncate(start);
            return known;
        }
        self.leaves[hash] = at;
        at
    }
}

/// Writes the header and the label, whose length goes into the bits of `most` or, from there on,
/// into a byte of its own.
fn put_head(out: &mut Vec<u8>, mark: u8, most: u8, label: &[u8]) {
    if label.len() < most as usize {
        out.push(mark | label.len() as u8);
    } else {
        out.push(mark | most);
        out.push(label.len() as u8);
    }
    out.extend_from_slice(label);
}

fn put_varint(out: &mut Vec<u8>, number: Option<u32>) {
    let Some(mut number) = number else { return };
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A trie read in place. Damaged bytes give wrong or no answers, never a panic or a circle.
#[derive(Debug)]
pub(crate) struct Trie {
    section: Section,
    root: usize,
    count: usize,
    names: usize,
    urls: usize,
}

impl Trie {
    pub(crate) fn open(section: Section) -> Result<Trie> {
        let bytes = section.as_ref();
        let footer = bytes.len().checked_sub(FOOTER);
        let footer = footer.ok_or_else(|| Error::damaged("names: too short"))?;
        let mut cursor = Cursor::new(&bytes[footer..], "names");
        let (root, count) = (cursor.u32()? as usize, cursor.u32()? as usize);
        let (names, urls) = (cursor.u32()? as usize, cursor.u32()? as usize);
        if root >= footer {
            return Err(cursor.damaged("no root"));
        }
        if names.saturating_add(urls) > count {
            return Err(cursor.damaged("more names and URLs than keys"));
        }
        Ok(Trie {
            section,
            root,
            count,
            names,
            urls,
        })
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The number of keys that are names with rules.
    pub(crate) fn names(&self) -> usize {
        self.names
    }

    /// The number of keys that are URLs.
    pub(crate) fn urls(&self) -> usize {
        self.urls
    }

    /// Calls `visit` with every key from `from` to `to`, in order, and its number. Stops early where
    /// the bytes are damaged or the range is far wider than some dozens of keys.
    pub(crate) fn between(&self, from: &[u8], to: &[u8], visit: impl FnMut(&[u8], u32)) {
        if self.count == 0 {
            return;
        }
        listing::between(self.section.as_ref(), self.root, (from, to), visit);
    }

    /// Calls `met` with the length and the number of every stored key that `key` starts with,
    /// shortest first.
    #[inline]
    pub(crate) fn walk(&self, key: &[u8], mut met: impl FnMut(usize, u32)) {
        self.walk_from(self.start(), key, |length, number, _| met(length, number));
    }

    /// Where every walk starts.
    #[inline]
    pub(crate) fn start(&self) -> Step {
        Step {
            place: self.root,
            done: 0,
        }
    }

    /// The same from a node on; `met` hears at which node the key ends, too. To go on from there is to
    /// meet that key again.
    #[inline]
    pub(crate) fn walk_from(&self, from: Step, key: &[u8], mut met: impl FnMut(usize, u32, Step)) {
        if self.count == 0 {
            return;
        }
        let bytes = self.section.as_ref();
        let mut step = from;
        while let Some(next) = step.take(bytes, key, &mut met) {
            step = next;
        }
    }
}

/// Where a walk stands: the next node, and the bytes of the key spelled so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    place: usize,
    done: usize,
}

impl Step {
    /// Reads the node here; `None` where the walk ends.
    #[inline]
    fn take(
        self,
        bytes: &[u8],
        key: &[u8],
        met: &mut impl FnMut(usize, u32, Step),
    ) -> Option<Step> {
        let (&head, mut rest) = bytes.get(self.place..)?.split_first()?;
        let most = if head & LEAF != 0 {
            LEAF_LENGTH
        } else {
            LENGTH
        };
        let mut length = (head & most) as usize;
        if length == most as usize {
            let (&longer, after) = rest.split_first()?;
            (length, rest) = (longer as usize, after);
        }
        let (label, mut rest) = rest.split_at_checked(length)?;
        let ahead = key.get(self.done..)?;
        if !starts_with(ahead, label) {
            return None;
        }
        let done = self.done + length;
        if head & LEAF != 0 {
            let number = if head & LEAF_NUMBER != 0 {
                varint(&mut rest)?
            } else {
                0
            };
            met(done, number, self);
            return None;
        }
        if head & FINAL != 0 {
            let number = if head & NUMBER != 0 {
                varint(&mut rest)?
            } else {
                0
            };
            met(done, number, self);
        }
        let &byte = key.get(done)?;
        let (&count, rest) = rest.split_first()?;
        let (child, distances) = child(rest, count as usize + 1, byte)?;
        let width = (head >> WIDTH_SHIFT & WIDTH) as usize + 1;
        // Four bytes can always be read: the footer stands behind the last node.
        let chunk = distances.get(child * width..)?.first_chunk::<4>()?;
        let distance = u32::from_le_bytes(*chunk) & (u32::MAX >> (32 - 8 * width as u32));
        let place = self
            .place
            .checked_sub(distance as usize)
            .filter(|_| distance != 0)?;
        Some(Step {
            place,
            done: done + 1,
        })
    }
}

/// `slice::starts_with` for labels, which are mostly too short for a call to be worth it.
#[inline]
fn starts_with(key: &[u8], label: &[u8]) -> bool {
    key.len() >= label.len() && key.iter().zip(label).all(|(a, b)| a == b)
}

/// Returns which of `count` children has `byte`, and the distances, which stand behind their bytes.
#[inline]
fn child(bytes: &[u8], count: usize, byte: u8) -> Option<(usize, &[u8])> {
    if count <= LISTED {
        let (listed, distances) = bytes.split_at_checked(count)?;
        return Some((listed.iter().position(|listed| *listed == byte)?, distances));
    }
    let bits = u64::from_le_bytes(*bytes.first_chunk::<8>()?) & ((1 << (8 * BITS)) - 1);
    let bit = BIT[byte as usize];
    if bit == NO_BIT || bits >> bit & 1 == 0 {
        return None;
    }
    let before = bits & ((1 << bit) - 1);
    Some((before.count_ones() as usize, bytes.get(BITS..)?))
}

#[inline]
pub(crate) fn varint(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0u32;
    for shift in [0, 7, 14, 21, 28] {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
