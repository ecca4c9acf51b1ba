//! The patterns of one order in few bytes, and what is asked of all of them at once.
//!
//! A block is sorted by key (`key.rs`; a URL's path follows its host's key after a `/`) and front
//! coded: how many bytes a key shares with the one before, how many are new, and these, each in a
//! row of its own, because that packs best. Officers signed the patterns in an order; where that is
//! not the sorted one, the block has the places too. Nothing here believes what it reads.

use std::collections::HashSet;

use crate::builder::IndexBuilder;
use crate::error::{Error, Result};
use crate::key::{LABEL_BYTE, MAX_LABEL, MAX_NAME};
use crate::names::Scope;
use crate::suffix::is_suffix;

/// Longest path of a URL pattern.
const MAX_PATH: usize = 2000;
/// Most bytes that the keys of one block come to.
const MOST_BYTES: usize = 16 << 20;
const WORDS: [&str; 3] = ["name", "subtree", "url"];
const URL: u8 = 2;

/// A set of names, for what no order may touch and what an authority is kept to.
#[derive(Debug, Clone, Default)]
pub struct NameSet(HashSet<Box<[u8]>>);

impl NameSet {
    /// Returns the set of `names` (lower case, no trailing dot).
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> NameSet {
        NameSet(names.into_iter().map(|n| n.as_bytes().into()).collect())
    }

    fn has_one_above(&self, name: &[u8]) -> bool {
        !self.0.is_empty() && parents(name).any(|each| self.0.contains(each))
    }
}

/// Why a pattern is too broad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broad {
    /// It is a public suffix.
    Suffix,
    /// It is protected, or has protected names under it.
    Protected,
    /// Nearly everybody needs it.
    Popular,
}

/// What [`Patterns::first_broad`] holds names against.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Names that must not be blocked, with all under them.
    pub protected: NameSet,
    /// The names above those.
    pub above: NameSet,
    /// Names that nearly everybody needs, and those above them.
    pub popular: NameSet,
}

/// The patterns of an order.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    keys: Vec<u8>,
    ends: Vec<u32>,
    kinds: Vec<u8>,
    /// The place of each in the order that was signed; none: it is this one.
    places: Option<Vec<u32>>,
}

impl Patterns {
    /// Returns patterns given as (kind, text) in the order that was signed; kind 0 is a name, 1 a
    /// subtree, 2 a URL. [`Error::Name`] for what is not spelled as patterns are.
    pub fn new<'t>(given: impl IntoIterator<Item = (u8, &'t str)>) -> Result<Patterns> {
        let mut rows = Vec::new();
        for (place, (kind, text)) in given.into_iter().enumerate() {
            let place = u32::try_from(place).map_err(|_| damaged("too many patterns"))?;
            if !is_spelled(kind, text.as_bytes()) {
                return Err(Error::Name(text.chars().take(80).collect()));
            }
            rows.push((turned(text.as_bytes()), kind, place));
        }
        let sorted = rows.is_sorted();
        rows.sort_unstable();
        let mut found = Patterns::default();
        for (key, kind, _) in &rows {
            found.push(key, *kind)?;
        }
        if !sorted {
            found.places = Some(rows.into_iter().map(|(_, _, place)| place).collect());
        }
        Ok(found)
    }

    /// Returns the number of patterns.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Says whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Returns the block.
    pub fn pack(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.keys.len());
        put(&mut out, self.len());
        let mut runs: Vec<(u8, usize)> = Vec::new();
        for &kind in &self.kinds {
            match runs.last_mut() {
                Some((last, count)) if *last == kind => *count += 1,
                _ => runs.push((kind, 1)),
            }
        }
        put(&mut out, runs.len());
        for (kind, count) in runs {
            out.push(kind);
            put(&mut out, count);
        }
        let mut fresh = Vec::with_capacity(self.len());
        let mut before: &[u8] = &[];
        for key in self.each() {
            let shared = before.iter().zip(key).take_while(|(a, b)| a == b).count();
            put(&mut out, shared);
            fresh.push(&key[shared..]);
            before = key;
        }
        for bytes in &fresh {
            put(&mut out, bytes.len());
        }
        for bytes in &fresh {
            out.extend_from_slice(bytes);
        }
        out.push(u8::from(self.places.is_some()));
        for place in self.places.iter().flatten() {
            out.extend_from_slice(&place.to_le_bytes());
        }
        out
    }

    /// Reads a block of `most` patterns at most. Every pattern is spelled as it should be and
    /// stands in its place; [`Error::Patterns`] otherwise.
    pub fn unpack(block: &[u8], most: usize) -> Result<Patterns> {
        let mut rest = block;
        let count = take(&mut rest)?;
        if count > most || count > block.len() {
            return Err(damaged("more patterns than there may be"));
        }
        let mut found = Patterns {
            ends: Vec::with_capacity(count),
            kinds: Vec::with_capacity(count),
            ..Patterns::default()
        };
        let mut kinds = Vec::with_capacity(count);
        for _ in 0..take(&mut rest)? {
            let kind = bytes(&mut rest, 1)?[0];
            let run = take(&mut rest)?;
            if kind > URL || run == 0 || run > count - kinds.len() {
                return Err(damaged("kinds"));
            }
            kinds.resize(kinds.len() + run, kind);
        }
        if kinds.len() != count {
            return Err(damaged("kinds"));
        }
        let shared = numbers(&mut rest, count)?;
        let fresh = numbers(&mut rest, count)?;
        let mut key: Vec<u8> = Vec::new();
        let mut text = Vec::new();
        let mut order = (Vec::new(), 0);
        for (at, kind) in kinds.into_iter().enumerate() {
            if shared[at] > key.len() {
                return Err(damaged("shares more than there is"));
            }
            key.truncate(shared[at]);
            key.extend_from_slice(bytes(&mut rest, fresh[at])?);
            turn(&key, &mut text);
            if !is_spelled(kind, &text) || (at > 0 && (&key[..], kind) < (&order.0[..], order.1)) {
                return Err(damaged("a pattern that is none, or not in its place"));
            }
            found.push(&key, kind)?;
            order.0.clone_from(&key);
            order.1 = kind;
        }
        found.places = match bytes(&mut rest, 1)?[0] {
            0 => None,
            1 => Some(places(bytes(&mut rest, 4 * count)?, count)?),
            _ => return Err(damaged("places")),
        };
        if !rest.is_empty() {
            return Err(damaged("more than was said"));
        }
        Ok(found)
    }

    /// Returns kind and text of each, in the order that was signed.
    pub fn signed(&self) -> Vec<(u8, String)> {
        let mut text = Vec::new();
        let at_places = self.in_signed_order();
        at_places
            .map(|at| {
                turn(self.key(at), &mut text);
                (self.kinds[at], String::from_utf8_lossy(&text).into_owned())
            })
            .collect()
    }

    /// Returns them as they stand in what was signed: JSON in its one spelling.
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.keys.len() + 16 * self.len());
        let mut text = Vec::new();
        for at in self.in_signed_order() {
            out.extend_from_slice(if out.is_empty() { b"[[\"" } else { b",[\"" });
            out.extend_from_slice(WORDS[self.kinds[at] as usize].as_bytes());
            out.extend_from_slice(b"\",\"");
            turn(self.key(at), &mut text);
            for &byte in &text {
                if matches!(byte, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(byte);
            }
            out.extend_from_slice(b"\"]");
        }
        out.extend_from_slice(if out.is_empty() { b"[]" } else { b"]" });
        out
    }

    /// Returns the first name, in the order that was signed, that is not in `space` nor under it.
    pub fn first_outside(&self, space: &NameSet) -> Option<String> {
        let mut text = Vec::new();
        self.in_signed_order().find_map(|at| {
            turn(self.key(at), &mut text);
            let host = host(&text);
            (!space.has_one_above(host)).then(|| String::from_utf8_lossy(host).into_owned())
        })
    }

    /// Returns the first name, in the order that was signed, that is too broad, and why.
    pub fn first_broad(&self, limits: &Limits) -> Option<(String, Broad)> {
        let mut text = Vec::new();
        self.in_signed_order().find_map(|at| {
            turn(self.key(at), &mut text);
            let name = host(&text);
            let why = if is_suffix(name) {
                Broad::Suffix
            } else if limits.above.0.contains(name) || limits.protected.has_one_above(name) {
                Broad::Protected
            } else if self.kinds[at] != URL && limits.popular.0.contains(name) {
                Broad::Popular
            } else {
                return None;
            };
            Some((String::from_utf8_lossy(name).into_owned(), why))
        })
    }

    /// Adds the names and URLs to `builder`. Returns how many were added: not those URLs that no index
    /// can hold ([`Error::Url`]), which nobody can ask for either, or whose host is too long.
    pub fn add_to(&self, builder: &mut IndexBuilder, class: u32) -> Result<u64> {
        let mut added = 0;
        let mut text = Vec::new();
        for (key, kind) in self.each().zip(&self.kinds) {
            let scope = match kind {
                0 => Scope::Exact,
                1 => Scope::Subtree,
                _ => {
                    turn(key, &mut text);
                    let text = String::from_utf8_lossy(&text);
                    let (host, path) = text.split_at(host(text.as_bytes()).len());
                    match builder.add_url(host, path, false, class, 0) {
                        Ok(()) => added += 1,
                        Err(Error::Url(_)) => {}
                        Err(error) => return Err(error),
                    }
                    continue;
                }
            };
            let write = |arena: &mut Vec<u8>| {
                arena.extend_from_slice(key);
                true
            };
            added += u64::from(builder.push(class, scope, 0, write)?);
        }
        Ok(added)
    }

    fn push(&mut self, key: &[u8], kind: u8) -> Result<()> {
        self.keys.extend_from_slice(key);
        if self.keys.len() > MOST_BYTES {
            return Err(damaged("longer than a block may be"));
        }
        self.ends.push(self.keys.len() as u32);
        self.kinds.push(kind);
        Ok(())
    }

    fn key(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.keys[start as usize..self.ends[at] as usize]
    }

    fn each(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|at| self.key(at))
    }

    fn in_signed_order(&self) -> impl Iterator<Item = usize> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        if let Some(places) = &self.places {
            for (at, place) in places.iter().enumerate() {
                order[*place as usize] = at as u32;
            }
        }
        order.into_iter().map(|at| at as usize)
    }
}

/// Says whether `text` is spelled as a pattern of `kind` is (`feed/acts.py`).
fn is_spelled(kind: u8, text: &[u8]) -> bool {
    let name = host(text);
    let rest = &text[name.len()..];
    let spelled = match kind {
        URL => {
            !rest.is_empty()
                && rest.len() <= MAX_PATH + 1
                && rest.iter().all(|byte| (0x21..0x7f).contains(byte))
        }
        0 | 1 => rest.is_empty(),
        _ => false,
    };
    spelled && is_name(name)
}

fn is_name(name: &[u8]) -> bool {
    let mut labels = name.split(|byte| *byte == b'.');
    let whole = labels.all(|label| {
        (1..=MAX_LABEL).contains(&label.len())
            && label
                .iter()
                .all(|b| LABEL_BYTE[*b as usize] == *b && *b != 0)
    });
    let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    whole && name.len() <= MAX_NAME && !last.iter().all(u8::is_ascii_digit)
}

fn host(text: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'/', text).unwrap_or(text.len());
    &text[..end]
}

/// Yields `name` and every name above it, longest first.
fn parents(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    let after_dots = memchr::memchr_iter(b'.', name).map(|at| &name[at + 1..]);
    std::iter::once(name).chain(after_dots)
}

fn turned(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    turn(text, &mut out);
    out
}

/// Puts the labels of the host in `text` the other way round; the path stays. Twice is nothing.
fn turn(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let name = host(text);
    for label in name.rsplit(|byte| *byte == b'.') {
        if !out.is_empty() {
            out.push(b'.');
        }
        out.extend_from_slice(label);
    }
    out.extend_from_slice(&text[name.len()..]);
}

fn places(raw: &[u8], count: usize) -> Result<Vec<u32>> {
    let mut seen = vec![false; count];
    let mut found = Vec::with_capacity(count);
    for four in raw.chunks_exact(4) {
        let place = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
        match seen.get_mut(place as usize) {
            Some(slot) if !*slot => *slot = true,
            _ => return Err(damaged("places")),
        }
        found.push(place);
    }
    Ok(found)
}

fn put(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take(rest: &mut &[u8]) -> Result<usize> {
    let mut number = 0;
    for shift in (0..28).step_by(7) {
        let byte = bytes(rest, 1)?[0];
        number |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(damaged("a number that is too long"))
}

fn numbers(rest: &mut &[u8], count: usize) -> Result<Vec<usize>> {
    (0..count).map(|_| take(rest)).collect()
}

fn bytes<'r>(rest: &mut &'r [u8], count: usize) -> Result<&'r [u8]> {
    let (head, tail) = rest
        .split_at_checked(count)
        .ok_or_else(|| damaged("ends too early"))?;
    *rest = tail;
    Ok(head)
}

fn damaged(why: &str) -> Error {
    Error::Patterns(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = (u8, String)> {
        let name = "[a-z0-9_-]{1,8}(\\.[a-z0-9_-]{1,8}){0,3}\\.(vn|example|xn--a)";
        (0u8..3, name, "[!-~]{0,12}").prop_map(|(kind, name, path)| {
            let text = if kind == URL {
                format!("{name}/{path}")
            } else {
                name
            };
            (kind, text)
        })
    }

    proptest! {
        #[test]
        fn what_is_packed_is_read_back(given in prop::collection::vec(text(), 0..60)) {
            let made = Patterns::new(given.iter().map(|(k, t)| (*k, t.as_str()))).expect("patterns");
            let read = Patterns::unpack(&made.pack(), 100).expect("patterns");
            prop_assert_eq!(read.signed(), given);
            prop_assert_eq!(read.pack(), made.pack());
        }

        #[test]
        fn any_bytes_are_read_or_refused(block in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(read) = Patterns::unpack(&block, 100) {
                prop_assert!(read.len() <= 100);
            }
        }

        #[test]
        fn damage_is_read_or_refused(
            given in prop::collection::vec(text(), 1..20), at in any::<prop::sample::Index>(), bit in 0u32..8
        ) {
            let made = Patterns::new(given.iter().map(|(k, t)| (*k, t.as_str()))).expect("patterns");
            let mut block = made.pack();
            let at = at.index(block.len());
            block[at] ^= 1u8 << bit;
            let _ = Patterns::unpack(&block, 100);
        }
    }

    #[test]
    fn what_is_spelled_otherwise_is_refused() {
        for (kind, text) in [
            (0, "Bet.example"),
            (0, ""),
            (0, "bet.example."),
            (1, "192.0.2.1"),
            (1, "a..b"),
            (0, "bet.example/x"),
            (2, "bet.example"),
            (2, "bet.example/a b"),
            (3, "bet.example"),
        ] {
            assert!(Patterns::new([(kind, text)]).is_err(), "{text}");
        }
    }

    #[test]
    fn json_is_that_which_was_signed() {
        let made = Patterns::new([(1, "z.example"), (2, "a.example/\"\\"), (0, "b.example")]);
        let text = String::from_utf8(made.expect("patterns").canonical()).expect("UTF-8");
        let wanted = r#"[["subtree","z.example"],["url","a.example/\"\\"],["name","b.example"]]"#;
        assert_eq!(text, wanted);
        assert_eq!(Patterns::default().canonical(), b"[]");
    }
}
