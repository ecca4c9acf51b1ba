//! Listing the keys of a trie in order, between two of them.
//!
//! Walks look for one key; this is for explaining, where the place of a key among all matters.

use crate::paths::MAX_KEY;
use crate::trie::{
    varint, BITS, FINAL, LEAF, LEAF_LENGTH, LEAF_NUMBER, LENGTH, LISTED, NUMBER, SYMBOLS, WIDTH,
    WIDTH_SHIFT,
};

/// Most nodes that are looked at: many more than lead to some dozens of keys.
const LOOKED_AT: usize = 1 << 16;

/// Calls `visit` with every key from `range.0` to `range.1`, in order, and its number. `bytes` is a
/// trie whose root stands at `root`. Stops early where the bytes are damaged or the range is far
/// wider than some dozens of keys.
pub(crate) fn between(
    bytes: &[u8],
    root: usize,
    range: (&[u8], &[u8]),
    visit: impl FnMut(&[u8], u32),
) {
    let mut walk = Range {
        bytes,
        from: range.0,
        to: range.1,
        key: Vec::new(),
        left: LOOKED_AT,
        visit,
    };
    // What was visited before the walk broke off is right; the rest is missing.
    let _ = walk.walk(root);
}

/// A walk through all keys of a range.
struct Range<'a, V> {
    bytes: &'a [u8],
    from: &'a [u8],
    to: &'a [u8],
    key: Vec<u8>,
    left: usize,
    visit: V,
}

impl<V: FnMut(&[u8], u32)> Range<'_, V> {
    /// Visits what stands at and below the node at `place`; `None` where the bytes are damaged.
    fn walk(&mut self, place: usize) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        let node = Node::read(self.bytes.get(place..)?)?;
        let start = self.key.len();
        if start + node.label.len() > MAX_KEY {
            return None;
        }
        self.key.extend_from_slice(node.label);
        if self.may_hold() {
            if let Some(number) = node.number {
                if self.key.as_slice() >= self.from && self.key.as_slice() <= self.to {
                    (self.visit)(&self.key, number);
                }
            }
            for child in 0..node.count {
                let (byte, distance) = node.child(child)?;
                self.key.push(byte);
                if self.may_hold() {
                    let below = place.checked_sub(distance).filter(|_| distance != 0);
                    self.walk(below?)?;
                }
                self.key.pop();
            }
        }
        self.key.truncate(start);
        Some(())
    }

    /// Says whether a key that starts as `key` does can be in the range.
    fn may_hold(&self) -> bool {
        let low = &self.from[..self.key.len().min(self.from.len())];
        self.key.as_slice() >= low && self.key.as_slice() <= self.to
    }
}

/// A node taken apart.
struct Node<'a> {
    label: &'a [u8],
    /// Of the key that ends here.
    number: Option<u32>,
    count: usize,
    /// The children's bytes, listed or as bits, and their distances.
    bytes: &'a [u8],
    distances: &'a [u8],
    width: usize,
}

impl<'a> Node<'a> {
    fn read(bytes: &'a [u8]) -> Option<Node<'a>> {
        let (&head, mut rest) = bytes.split_first()?;
        let leaf = head & LEAF != 0;
        let most = if leaf { LEAF_LENGTH } else { LENGTH };
        let mut length = (head & most) as usize;
        if length == most as usize {
            let (&longer, after) = rest.split_first()?;
            (length, rest) = (longer as usize, after);
        }
        let (label, mut rest) = rest.split_at_checked(length)?;
        let ends = leaf || head & FINAL != 0;
        let explicit = head & if leaf { LEAF_NUMBER } else { NUMBER } != 0;
        let number = match (ends, explicit) {
            (false, _) => None,
            (true, false) => Some(0),
            (true, true) => Some(varint(&mut rest)?),
        };
        let width = (head >> WIDTH_SHIFT & WIDTH) as usize + 1;
        let (mut count, mut listed) = (0, 0);
        if !leaf {
            let (&less, after) = rest.split_first()?;
            (count, rest) = (less as usize + 1, after);
            listed = if count <= LISTED { count } else { BITS };
        }
        let (bytes, distances) = rest.split_at_checked(listed)?;
        Some(Node {
            label,
            number,
            count,
            bytes,
            distances,
            width,
        })
    }

    /// The byte and the distance of a child.
    fn child(&self, number: usize) -> Option<(u8, usize)> {
        let byte = if self.count <= LISTED {
            *self.bytes.get(number)?
        } else {
            let bits = self.bytes.iter().enumerate();
            let mut set = bits.flat_map(|(at, byte)| {
                (0..8)
                    .filter(move |bit| byte >> bit & 1 == 1)
                    .map(move |bit| 8 * at + bit)
            });
            *SYMBOLS.get(set.nth(number)?)?
        };
        let distance = self.distances.get(number * self.width..)?;
        let distance = distance.get(..self.width)?.iter().rev();
        Some((
            byte,
            distance.fold(0, |sum, byte| sum << 8 | *byte as usize),
        ))
    }
}
