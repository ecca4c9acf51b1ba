//! Collects patterns and writes one index.
//!
//! Names are kept as bytes in one arena, with a fixed entry for each; sorting moves entries only.
//! What is asked for later (`remove_name`, pruning) is applied while the sorted entries are read.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use crate::error::{Error, Result};
use crate::file::{self, Parts};
use crate::index::Index;
use crate::key;
use crate::lines::Lines;
use crate::names::Scope;
use crate::networks::{Network, Trigger};
use crate::regexes::{self, Pattern};
use crate::sets::{Member, SetTable, MAX_CLASS};
use crate::skim::{self, LineShape, Skimmed};

/// Collects patterns and writes one immutable [`Index`]. Writing does not consume it.
#[derive(Debug)]
pub struct IndexBuilder {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    removed: HashMap<Vec<u8>, HashSet<Member>>,
    regexes: Vec<Pattern>,
    regex_numbers: HashMap<String, usize>,
    networks: BTreeMap<Network, Vec<(u32, u32)>>,
    keep_lines: bool,
    prune: bool,
}

/// A name added: its key in the arena, and what was said of it.
#[derive(Debug, Clone, Copy)]
struct Entry {
    leading: u64,
    offset: u32,
    member: Member,
    line: u32,
    length: u8,
}

/// The set number of a name that is left out.
const LEFT_OUT: u32 = u32::MAX;

impl IndexBuilder {
    /// Starts empty. With `keep_lines`, line numbers are kept for [`Index::find`].
    pub fn new(keep_lines: bool) -> IndexBuilder {
        IndexBuilder {
            arena: Vec::new(),
            entries: Vec::new(),
            removed: HashMap::new(),
            regexes: Vec::new(),
            regex_numbers: HashMap::new(),
            networks: BTreeMap::new(),
            keep_lines,
            prune: true,
        }
    }

    /// Says whether names that a parent of the same class already covers are left out (the
    /// default). No match changes by it; [`Index::find`] then reports the parent.
    pub fn prune(&mut self, prune: bool) -> &mut Self {
        self.prune = prune;
        self
    }

    /// Takes every line of `data` that is exactly prefix + plain name + suffix of a shape; the
    /// first shape that fits counts.
    ///
    /// Plain: 2 or more labels of a-z 0-9 - _ (any case), no trailing dot, no `xn--` label, last
    /// label not numeric and, unless `wide`, no public suffix. A line that starts, after blanks,
    /// with one of `comments` is a comment; all else is a leftover.
    pub fn skim(
        &mut self,
        data: &[u8],
        shapes: &[LineShape<'_>],
        comments: &[&[u8]],
        wide: bool,
    ) -> Result<Skimmed> {
        skim::skim(self, data, shapes, comments, wide)
    }

    /// Adds a name (a-z 0-9 - _, any case, no trailing dot; "" is the root). `line` 0: unknown.
    pub fn add_name(&mut self, name: &str, scope: Scope, class: u32, line: u32) -> Result<()> {
        let added = self.push(class, scope, line, |arena| {
            name.is_empty() || key::push_key(arena, name.as_bytes()).is_some()
        })?;
        if added {
            Ok(())
        } else {
            Err(Error::Name(name.chars().take(80).collect()))
        }
    }

    /// Adds a regex; [`Error::Regex`] with the engine's reason for one it cannot run.
    pub fn add_regex(&mut self, regex: &str, class: u32, line: u32) -> Result<()> {
        check_class(class)?;
        let number = match self.regex_numbers.get(regex) {
            Some(number) => *number,
            None => {
                regexes::check(regex)?;
                self.regexes.push(Pattern {
                    text: regex.to_owned(),
                    rules: Vec::new(),
                });
                self.regex_numbers
                    .insert(regex.to_owned(), self.regexes.len() - 1);
                self.regexes.len() - 1
            }
        };
        add_rule(&mut self.regexes[number].rules, class, line);
        Ok(())
    }

    /// Adds an address or a network in CIDR notation; bits behind the prefix are cleared.
    pub fn add_network(
        &mut self,
        network: &str,
        trigger: Trigger,
        class: u32,
        line: u32,
    ) -> Result<()> {
        check_class(class)?;
        let network = Network::parse(network, trigger)?;
        add_rule(self.networks.entry(network).or_default(), class, line);
        Ok(())
    }

    /// Forgets a name, whether it was added before or will be (`$badfilter`).
    pub fn remove_name(&mut self, name: &str, scope: Scope, class: u32) -> Result<()> {
        check_class(class)?;
        let mut wanted = Vec::new();
        if !name.is_empty() && key::push_key(&mut wanted, name.as_bytes()).is_none() {
            return Err(Error::Name(name.chars().take(80).collect()));
        }
        self.removed
            .entry(wanted)
            .or_default()
            .insert(Member::new(class, scope));
        Ok(())
    }

    /// Writes the index to `path`, and its lines beside it where they are kept. Each file is
    /// complete on disk before it takes its name.
    pub fn write(&mut self, path: &Path, meta: &str) -> Result<()> {
        let (bytes, lines) = self.compile(meta)?;
        file::write(path, &bytes, lines.as_ref())
    }

    /// Returns the index without a file, for overlays.
    pub fn finish(&mut self, meta: &str) -> Result<Index> {
        let (bytes, lines) = self.compile(meta)?;
        Index::from_parts(bytes, lines)
    }

    /// Adds one name whose key `write_key` appends to the arena; it says whether it did.
    pub(crate) fn push(
        &mut self,
        class: u32,
        scope: Scope,
        line: u32,
        write_key: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Result<bool> {
        check_class(class)?;
        let start = self.arena.len();
        if !write_key(&mut self.arena) {
            self.arena.truncate(start);
            return Ok(false);
        }
        let offset = u32::try_from(start).map_err(|_| Error::TooBig)?;
        let written = &self.arena[start..];
        self.entries.push(Entry {
            leading: key::leading(written),
            offset,
            member: Member::new(class, scope),
            line,
            length: written.len() as u8,
        });
        Ok(true)
    }

    fn compile(&mut self, meta: &str) -> Result<(Vec<u8>, Option<Lines>)> {
        self.sort();
        let mut sets = SetTable::default();
        let mut numbers = Vec::new();
        let mut lines = self.keep_lines.then(Vec::new);
        self.number_names(&mut sets, &mut numbers, lines.as_mut());
        let mut set_bytes = Vec::new();
        let finals = sets.write(&mut set_bytes);
        let names = self
            .groups()
            .zip(&numbers)
            .filter(|(_, number)| **number != LEFT_OUT)
            .map(|(group, number)| (self.key(&group[0]), finals[*number as usize]));
        let mut regexes = Vec::new();
        regexes::write(&self.regexes, &mut regexes);
        let networks: Vec<_> = self.networks.iter().map(|(n, r)| (*n, r.clone())).collect();
        let mut network_bytes = Vec::new();
        crate::networks::write(&networks, &mut network_bytes);
        let bytes = file::assemble(
            names,
            &Parts {
                sets: &set_bytes,
                regexes: &regexes,
                networks: &network_bytes,
                meta,
            },
        )?;
        let lines = lines.map(|found| Lines::build(found, file::identity(&bytes)));
        Ok((bytes, lines))
    }

    fn key(&self, entry: &Entry) -> &[u8] {
        key_in(&self.arena, entry)
    }

    fn sort(&mut self) {
        let arena = &self.arena;
        self.entries.sort_unstable_by(|a, b| {
            a.leading
                .cmp(&b.leading)
                .then_with(|| key_in(arena, a).cmp(key_in(arena, b)))
                .then_with(|| (a.member, a.line).cmp(&(b.member, b.line)))
        });
    }

    /// The sorted entries, all of one name at a time.
    fn groups(&self) -> impl Iterator<Item = &[Entry]> {
        self.entries
            .chunk_by(|a, b| a.leading == b.leading && self.key(a) == self.key(b))
    }

    /// Gives every name the number of its set, or [`LEFT_OUT`].
    fn number_names(
        &self,
        sets: &mut SetTable,
        numbers: &mut Vec<u32>,
        mut lines: Option<&mut Vec<(u64, u32)>>,
    ) {
        // Names that cover what is under them, each with where its classes start.
        let mut parents: Vec<(&[u8], usize)> = Vec::new();
        let mut classes: Vec<u32> = Vec::new();
        let mut set: Vec<Member> = Vec::new();
        for group in self.groups() {
            let key = self.key(&group[0]);
            let removed = if self.removed.is_empty() {
                None
            } else {
                self.removed.get(key)
            };
            // Keys between a parent and its children may not be children (`a.b-c` sorts before
            // `a.b.c`), so the stack keeps all keys that start this one, boundary or not.
            while let Some((parent, start)) = parents.last() {
                if key.starts_with(parent) {
                    break;
                }
                classes.truncate(*start);
                parents.pop();
            }
            set.clear();
            for entry in group {
                let member = entry.member;
                let dropped = set.last() == Some(&member)
                    || removed.is_some_and(|gone| gone.contains(&member))
                    || is_covered(key, member.class(), &parents, &classes);
                if dropped {
                    continue;
                }
                set.push(member);
                if let Some(lines) = lines.as_mut().filter(|_| entry.line != 0) {
                    lines.push((Lines::hash(key, member), entry.line));
                }
            }
            numbers.push(if set.is_empty() {
                LEFT_OUT
            } else {
                sets.intern(&set)
            });
            if self.prune {
                let start = classes.len();
                let wide = set
                    .iter()
                    .filter(|member| member.scope() != Some(Scope::Exact));
                classes.extend(wide.map(|member| member.class()));
                if classes.len() > start {
                    parents.push((key, start));
                }
            }
        }
    }
}

/// Says whether one of `parents` is over `key` and has `class`; `classes` holds those of all
/// parents, each from its start to the start of the next.
fn is_covered(key: &[u8], class: u32, parents: &[(&[u8], usize)], classes: &[u32]) -> bool {
    let mut end = classes.len();
    parents.iter().rev().any(|(parent, start)| {
        let own = &classes[*start..end];
        end = *start;
        own.contains(&class) && key::is_under(key, parent)
    })
}

fn key_in<'a>(arena: &'a [u8], entry: &Entry) -> &'a [u8] {
    let start = entry.offset as usize;
    &arena[start..start + entry.length as usize]
}

fn check_class(class: u32) -> Result<()> {
    if class > MAX_CLASS {
        return Err(Error::Class(class));
    }
    Ok(())
}

/// Adds a rule unless the class has one already: the first line is the one to show.
fn add_rule(rules: &mut Vec<(u32, u32)>, class: u32, line: u32) {
    if !rules.iter().any(|(known, _)| *known == class) {
        rules.push((class, line));
    }
}
