//! The names of an open index: one FST over keys, walked from the top-level domain down.

use fst::raw::{Fst, Node, Output};

use crate::error::{Error, Result};
use crate::map::Section;
use crate::sets::Sets;

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

pub(crate) struct Names {
    fst: Fst<Section>,
    sets: Sets,
}

impl Names {
    pub(crate) fn open(section: Section, sets: Sets) -> Result<Names> {
        let fst = Fst::new(section).map_err(|e| Error::damaged(format!("names: {e}")))?;
        Ok(Names { fst, sets })
    }

    pub(crate) fn len(&self) -> usize {
        self.fst.len()
    }

    /// Walks `name` (lower case, no trailing dot; "" is the root).
    #[inline]
    pub(crate) fn walk(&self, name: &str, mut hit: impl FnMut(Hit)) {
        if name.is_empty() {
            return self.walk_labels(std::iter::empty(), &mut hit);
        }
        self.walk_labels(name.as_bytes().rsplit(|byte| *byte == b'.'), &mut hit);
    }

    /// Walks a name in wire form: labels with their lengths, in lower case, with or without the
    /// root byte. Bytes that are no such name match nothing.
    #[inline]
    pub(crate) fn walk_wire(&self, wire: &[u8], mut hit: impl FnMut(Hit)) {
        let mut starts = [0u8; MAX_LABELS];
        let mut count = 0;
        let mut at = 0;
        while let Some(&length) = wire.get(at) {
            if length == 0 {
                break;
            }
            if count == MAX_LABELS || at > u8::MAX as usize {
                return;
            }
            starts[count] = at as u8;
            count += 1;
            at += 1 + length as usize;
        }
        if at > wire.len() {
            return;
        }
        let labels = starts[..count].iter().rev().filter_map(|&start| {
            let (&length, rest) = wire.get(start as usize..)?.split_first()?;
            rest.get(..length as usize)
        });
        self.walk_labels(labels, &mut hit);
    }

    /// `labels` come from the top-level domain down.
    #[inline]
    fn walk_labels<'n>(&self, labels: impl Iterator<Item = &'n [u8]>, hit: &mut impl FnMut(Hit)) {
        let mut labels = labels.peekable();
        let mut depth = 0u8;
        let mut node = self.fst.root();
        let mut output = Output::zero();
        if node.is_final() {
            let whole = labels.peek().is_none();
            self.report(node.final_output(), depth, whole, hit);
        }
        while let Some(label) = labels.next() {
            if depth > 0 && !self.step(&mut node, &mut output, b'.') {
                return;
            }
            for &byte in label {
                // A dot inside a label is legal on the wire; it must not look like a boundary.
                if byte == b'.' || !self.step(&mut node, &mut output, byte) {
                    return;
                }
            }
            depth += 1;
            if node.is_final() {
                let number = output.cat(node.final_output());
                self.report(number, depth, labels.peek().is_none(), hit);
            }
        }
    }

    #[inline]
    fn step<'a>(&'a self, node: &mut Node<'a>, output: &mut Output, byte: u8) -> bool {
        let Some(at) = node.find_input(byte) else {
            return false;
        };
        let transition = node.transition(at);
        *output = output.cat(transition.out);
        *node = self.fst.node(transition.addr);
        true
    }

    #[inline]
    fn report(&self, set: Output, depth: u8, whole: bool, hit: &mut impl FnMut(Hit)) {
        for member in self.sets.members(set.value()) {
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
