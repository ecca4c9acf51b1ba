//! Collects patterns and writes one index.
//!
//! What is asked for later (`remove_name`, pruning) is applied while the sorted names are read
//! (`keep.rs`). They are read twice: to count the sets of classes, and to write.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use crate::error::{Error, Result};
use crate::file::{self, Parts, Table};
use crate::gather::{Gather, Rule};
use crate::index::Index;
use crate::keep::{Keep, Removed};
use crate::key;
use crate::lines::{Lines, LinesWriter};
use crate::names::Scope;
use crate::networks::{Network, Trigger};
use crate::out::Out;
use crate::paths;
use crate::regexes::{self, Pattern};
use crate::sets::{Member, SetTable, MAX_CLASS};
use crate::skim::{self, LineShape, Skimmed};
use crate::url::Url;
use crate::write::{self, Draft};

/// Collects patterns and writes one immutable [`Index`]. Writing does not consume it.
#[derive(Debug)]
pub struct IndexBuilder {
    names: Gather,
    removed: Removed,
    regexes: Vec<Pattern>,
    regex_numbers: HashMap<String, usize>,
    networks: BTreeMap<Network, Vec<(u32, u32)>>,
    keep_lines: bool,
    prune: bool,
    only: Option<HashSet<Vec<u8>>>,
    /// The key of the host that a URL was added for last, and the mark it has.
    marked: (Vec<u8>, Member),
}

/// Names between two words about how far writing is.
const SPEAK_EVERY: u64 = 1 << 17;

impl IndexBuilder {
    /// Starts empty. With `keep_lines`, line numbers are kept for [`Index::find`].
    pub fn new(keep_lines: bool) -> IndexBuilder {
        IndexBuilder {
            names: Gather::new(),
            removed: Removed::new(),
            regexes: Vec::new(),
            regex_numbers: HashMap::new(),
            networks: BTreeMap::new(),
            keep_lines,
            prune: true,
            only: None,
            marked: (Vec::new(), Member(0)),
        }
    }

    /// Bounds the memory that names take, however many come: what is beyond goes into a file beside
    /// `path` that has no name and ends with the builder.
    pub fn spill_beside(&mut self, path: &Path) -> Result<()> {
        self.names.spill_beside(path)
    }

    /// Sets how many bytes of names are kept before they are written, for tests.
    #[doc(hidden)]
    pub fn run_bytes(&mut self, most: usize) {
        self.names.run_bytes(most);
    }

    /// Keeps only names that could cover one of `names`; all else is read and forgotten.
    pub fn only(&mut self, names: &[&str]) -> Result<()> {
        let mut wanted = HashSet::from([Vec::new()]);
        for name in names {
            let mut key = Vec::new();
            if key::push_key(&mut key, name.as_bytes()).is_none() {
                return Err(Error::Name(name.chars().take(80).collect()));
            }
            let ends = key.iter().enumerate().filter(|(_, byte)| **byte == b'.');
            wanted.extend(ends.map(|(end, _)| key[..end].to_vec()));
            wanted.insert(key);
        }
        self.only = Some(wanted);
        Ok(())
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
        self.skim_on(0, data, shapes, comments, wide)
    }

    /// The same for a piece of a list, which begins with a line; `before` lines came before it.
    pub fn skim_on(
        &mut self,
        before: u32,
        data: &[u8],
        shapes: &[LineShape<'_>],
        comments: &[&[u8]],
        wide: bool,
    ) -> Result<Skimmed> {
        skim::skim(self, before, data, (shapes, comments), wide)
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

    /// Adds a rule for a URL: `path` (it begins with a `/`) and all beneath it, or, with a query,
    /// exactly that; on `host`, with `subtree` on all below it too. Neither need be canonical.
    /// [`Error::Url`] where they are no URL, or the host is too long.
    pub fn add_url(
        &mut self,
        host: &str,
        path: &str,
        subtree: bool,
        class: u32,
        line: u32,
    ) -> Result<()> {
        if class > paths::HIGHEST_CLASS {
            return Err(Error::Class(class));
        }
        let text = format!("{host}{path}");
        let refused = || Error::Url(text.chars().take(80).collect());
        if !path.starts_with('/') || host.contains(['/', '?', '#', '@', '\\']) {
            return Err(refused());
        }
        let url = Url::parse(&text).ok_or_else(refused)?;
        let mut key = Vec::new();
        paths::push_key(&mut key, &url, subtree).ok_or_else(refused)?;
        let end = memchr::memchr(b'/', &key).unwrap_or(key.len());
        let (of_host, only) = (&key[..end], self.only.as_ref());
        if only.is_some_and(|only| !only.contains(of_host)) {
            return Ok(());
        }
        let mark = paths::mark(&url);
        if self.marked.0 != of_host || self.marked.1 != mark {
            self.marked = (of_host.to_vec(), mark);
            self.push_whole(mark, 0, of_host)?;
        }
        self.push_whole(Member::new(class, Scope::Path), line, &key)
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
        let gone = self.removed.entry(wanted).or_default();
        gone.insert(Member::new(class, scope));
        Ok(())
    }

    /// Writes the index to `path`, and its lines beside it where they are kept. Each file is
    /// complete on disk before it takes its name.
    pub fn write(&mut self, path: &Path, meta: &str) -> Result<()> {
        self.write_telling(path, meta, |_, _| {})
    }

    /// The same; `tell` hears how far it is, done of all, now and then.
    pub fn write_telling(
        &mut self,
        path: &Path,
        meta: &str,
        tell: impl FnMut(u64, u64),
    ) -> Result<()> {
        let draft = Draft::create(path)?;
        let beside = match self.keep_lines {
            true => Some(Draft::create(&Lines::path(path))?),
            false => None,
        };
        let mut out = Out::file(&draft.file, path);
        let lines = beside
            .as_ref()
            .map(|beside| LinesWriter::new(Out::file(&beside.file, path)));
        let (table, lines) = self.compile(meta, &mut out, lines, tell)?;
        out.finish()?;
        let header = write::header(&draft, &table)?;
        draft.head(&header)?;
        if let (Some(lines), Some(beside)) = (lines, &beside) {
            let (head, _) = lines.finish(file::identity(&header))?;
            beside.head(&head)?;
        }
        write::place(path, draft, beside)
    }

    /// Returns the index without a file, for overlays.
    pub fn finish(&mut self, meta: &str) -> Result<Index> {
        let mut out = Out::memory();
        let lines = self.keep_lines.then(|| LinesWriter::new(Out::memory()));
        let (table, lines) = self.compile(meta, &mut out, lines, |_, _| {})?;
        let mut bytes = out.finish()?;
        file::seal(&mut bytes, &table);
        let lines = match lines {
            Some(lines) => {
                let (head, mut bytes_of) = lines.finish(file::identity(&bytes))?;
                bytes_of[..head.len()].copy_from_slice(&head);
                Some(bytes_of)
            }
            None => None,
        };
        Index::from_parts(bytes, lines)
    }

    /// Adds one name whose key `write_key` appends to what it is given; it says whether it did.
    pub(crate) fn push(
        &mut self,
        class: u32,
        scope: Scope,
        line: u32,
        write_key: impl FnOnce(&mut Vec<u8>) -> bool,
    ) -> Result<bool> {
        check_class(class)?;
        let member = Member::new(class, scope);
        self.names
            .push(Rule { member, line }, self.only.as_ref(), write_key)
    }

    fn push_whole(&mut self, member: Member, line: u32, key: &[u8]) -> Result<()> {
        let write = |arena: &mut Vec<u8>| {
            arena.extend_from_slice(key);
            true
        };
        self.names.push(Rule { member, line }, None, write)?;
        Ok(())
    }

    fn compile<'f>(
        &mut self,
        meta: &str,
        out: &mut Out<'_>,
        mut lines: Option<LinesWriter<'f>>,
        mut tell: impl FnMut(u64, u64),
    ) -> Result<(Table, Option<LinesWriter<'f>>)> {
        self.names.settle()?;
        let all = 2 * self.names.len();
        let mut done = 0;
        let mut count = |rules: usize| {
            let before = done / SPEAK_EVERY;
            done += rules as u64;
            if done / SPEAK_EVERY != before {
                tell(done, all);
            }
        };
        let mut sets = SetTable::default();
        let mut keep = Keep::new(&self.removed, self.prune);
        self.names.each(|key, rules| {
            count(rules.len());
            if let Some((set, _)) = keep.of(key, rules) {
                sets.intern(set);
            }
            Ok(())
        })?;
        let mut set_bytes = Vec::new();
        let finals = sets.write(&mut set_bytes);
        let mut regexes = Vec::new();
        regexes::write(&self.regexes, &mut regexes);
        let networks: Vec<_> = self.networks.iter().map(|(n, r)| (*n, r.clone())).collect();
        let mut network_bytes = Vec::new();
        crate::networks::write(&networks, &mut network_bytes);
        let parts = Parts {
            sets: &set_bytes,
            regexes: &regexes,
            networks: &network_bytes,
            meta,
        };
        let mut keep = Keep::new(&self.removed, self.prune);
        let table = file::assemble(out, &parts, |trie| {
            self.names.each(|key, rules| {
                count(rules.len());
                let Some((set, set_lines)) = keep.of(key, rules) else {
                    return Ok(());
                };
                let number = sets.number(set).map(|number| finals[number as usize]);
                trie.insert(key, number.unwrap_or_default())?;
                if key.contains(&b'/') {
                    trie.count(false);
                } else if !set.iter().all(|member| paths::is_mark(*member)) {
                    trie.count(true);
                }
                if let Some(lines) = &mut lines {
                    lines.name(key);
                    set_lines.iter().try_for_each(|line| lines.line(*line))?;
                }
                Ok(())
            })
        })?;
        Ok((table, lines))
    }
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
