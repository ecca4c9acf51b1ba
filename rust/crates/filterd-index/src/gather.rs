//! Names on their way into an index: gathered in any order, given back sorted.
//!
//! Keys are kept as bytes in one arena, with a fixed entry for each; sorting moves entries only.
//! With a scratch file, what is gathered never takes more than [`MOST`] bytes: then it is sorted,
//! written as a run (`runs.rs`) and forgotten, and reading merges the runs.

use std::collections::HashSet;
use std::path::Path;

use crate::error::{Error, Result};
use crate::key;
use crate::runs::Runs;
use crate::sets::Member;

/// Bytes of names and entries after which a run is written.
const MOST: usize = 64 << 20;

/// One rule for a name. They sort by key, then member, then line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    pub(crate) member: Member,
    /// 0: unknown.
    pub(crate) line: u32,
}

/// The names of an index to be.
#[derive(Debug)]
pub(crate) struct Gather {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    runs: Option<Runs>,
    most: usize,
}

/// A name added: its key in the arena, and what was said of it.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Bytes of the key that sorting looks at; they mean nothing outside.
    chunk: u64,
    offset: u32,
    rule: Rule,
    length: u8,
}

impl Gather {
    /// Starts empty, all in memory.
    pub(crate) fn new() -> Gather {
        Gather {
            arena: Vec::new(),
            entries: Vec::new(),
            runs: None,
            most: usize::MAX,
        }
    }

    /// Keeps what does not fit in a nameless file beside `path`.
    pub(crate) fn spill_beside(&mut self, path: &Path) -> Result<()> {
        self.runs = Some(Runs::create(path)?);
        self.most = MOST;
        Ok(())
    }

    /// Writes runs of so many bytes, for tests of small ones.
    pub(crate) fn run_bytes(&mut self, most: usize) {
        self.most = most;
    }

    /// Adds one name whose key `write_key` appends to the arena; it says whether it did. With
    /// `only`, other keys are forgotten.
    pub(crate) fn push(
        &mut self,
        rule: Rule,
        only: Option<&HashSet<Vec<u8>>>,
        write_key: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Result<bool> {
        let start = self.arena.len();
        if !write_key(&mut self.arena) {
            self.arena.truncate(start);
            return Ok(false);
        }
        if only.is_some_and(|only| !only.contains(&self.arena[start..])) {
            self.arena.truncate(start);
            return Ok(true);
        }
        self.entries.push(Entry {
            chunk: 0,
            offset: u32::try_from(start).map_err(|_| Error::TooBig)?,
            rule,
            length: (self.arena.len() - start) as u8,
        });
        if self.arena.len() + self.entries.len() * size_of::<Entry>() >= self.most {
            self.spill()?;
        }
        Ok(true)
    }

    /// Sorts what is there; to be called before [`Gather::each`].
    pub(crate) fn settle(&mut self) -> Result<()> {
        if self.runs.as_ref().is_some_and(|runs| !runs.is_empty()) {
            return self.spill();
        }
        self.sort();
        Ok(())
    }

    /// Calls `with` for every name in order, with its rules in order.
    pub(crate) fn each(&self, mut with: impl FnMut(&[u8], &[Rule]) -> Result<()>) -> Result<()> {
        let mut rules: Vec<Rule> = Vec::new();
        if let Some(runs) = self.runs.as_ref().filter(|runs| !runs.is_empty()) {
            let mut name: Vec<u8> = Vec::new();
            let mut merge = runs.merge()?;
            while let Some((key, rule)) = merge.head() {
                if !rules.is_empty() && key != name {
                    with(&name, &rules)?;
                    rules.clear();
                }
                if rules.is_empty() {
                    name.clear();
                    name.extend_from_slice(key);
                }
                rules.push(rule);
                merge.step()?;
            }
            return if rules.is_empty() {
                Ok(())
            } else {
                with(&name, &rules)
            };
        }
        for group in self
            .entries
            .chunk_by(|a, b| key_in(&self.arena, a) == key_in(&self.arena, b))
        {
            rules.clear();
            rules.extend(group.iter().map(|entry| entry.rule));
            with(key_in(&self.arena, &group[0]), &rules)?;
        }
        Ok(())
    }

    /// How many rules there are.
    pub(crate) fn len(&self) -> u64 {
        self.runs.as_ref().map_or(0, Runs::len) + self.entries.len() as u64
    }

    fn spill(&mut self) -> Result<()> {
        self.sort();
        let Some(runs) = self.runs.as_mut().filter(|_| !self.entries.is_empty()) else {
            return Ok(());
        };
        let arena = &self.arena;
        runs.append(
            self.entries
                .iter()
                .map(|entry| (key_in(arena, entry), entry.rule)),
        )?;
        self.entries.clear();
        self.arena.clear();
        Ok(())
    }

    fn sort(&mut self) {
        sort_from(&mut self.entries, &self.arena, 0);
    }
}

/// Fewer entries than this are compared key by key.
const FEW: usize = 24;

/// Sorts entries whose keys agree in the first `depth` bytes: by the next eight bytes, held in the
/// entry itself, and where those agree by the eight behind them. Most comparisons so touch no key,
/// which in a large list are far from each other.
fn sort_from(entries: &mut [Entry], arena: &[u8], depth: usize) {
    if entries.len() < FEW {
        entries.sort_unstable_by(|a, b| {
            let (one, other) = (key_in(arena, a), key_in(arena, b));
            one.cmp(other).then_with(|| a.rule.cmp(&b.rule))
        });
        return;
    }
    for entry in entries.iter_mut() {
        entry.chunk = key::chunk(key_in(arena, entry), depth);
    }
    entries.sort_unstable_by_key(|entry| entry.chunk);
    for alike in entries.chunk_by_mut(|a, b| a.chunk == b.chunk) {
        if alike.len() == 1 {
            continue;
        }
        // No key holds a zero byte, so one at the end says that the keys end here: they are equal.
        if alike[0].chunk & 0xff == 0 {
            alike.sort_unstable_by_key(|entry| entry.rule);
        } else {
            sort_from(alike, arena, depth + 8);
        }
    }
}

fn key_in<'a>(arena: &'a [u8], entry: &Entry) -> &'a [u8] {
    let start = entry.offset as usize;
    &arena[start..start + entry.length as usize]
}
