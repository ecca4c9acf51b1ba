//! An open index: which classes match a name or an address, and why.

use std::fmt;
use std::fs::File;
use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::file;
use crate::key;
use crate::lines::Lines;
use crate::map::{Bytes, Section};
use crate::names::{last_labels, Hit, Names, Scope};
use crate::networks::{NetworkHit, Networks, Trigger};
use crate::paths::{self, UrlHit};
use crate::regexes::{RegexHit, Regexes};
use crate::sets::{Member, Sets};
use crate::url::Url;
use crate::write::{self, Draft};

/// A compiled, immutable rule index. Share it by `Arc`; lookups allocate nothing.
pub struct Index {
    names: Names,
    regexes: Regexes,
    networks: Networks,
    meta: String,
    bytes: Bytes,
    identity: u64,
    path: Option<PathBuf>,
    lines: OnceLock<Option<Lines>>,
}

/// A rule found by [`Index::find`] or [`Index::find_address`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Found {
    /// The class the builder was given.
    pub class: u32,
    /// What sort of pattern it is.
    pub kind: FoundKind,
    /// The name, regex or network; of a URL, the part of what was asked that it covers.
    pub pattern: String,
    /// Its line; 0 where unknown.
    pub line: u32,
}

/// The sort of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FoundKind {
    /// A name, for itself only.
    Exact,
    /// A name and everything under it.
    Subtree,
    /// Everything under a name.
    Below,
    /// A regular expression.
    Regex,
    /// A network.
    Network,
    /// URLs on a host.
    Url,
}

impl FoundKind {
    /// Returns the word for it: exact, subtree, below, regex, network or url.
    pub fn as_str(self) -> &'static str {
        match self {
            FoundKind::Exact => "exact",
            FoundKind::Subtree => "subtree",
            FoundKind::Below => "below",
            FoundKind::Regex => "regex",
            FoundKind::Network => "network",
            FoundKind::Url => "url",
        }
    }
}

impl From<Scope> for FoundKind {
    fn from(scope: Scope) -> FoundKind {
        match scope {
            Scope::Exact => FoundKind::Exact,
            Scope::Subtree => FoundKind::Subtree,
            Scope::Below => FoundKind::Below,
            Scope::Path => FoundKind::Url,
        }
    }
}

impl Index {
    /// Maps the index at `path`. `verify` reads it whole and checks its checksum; leave that out
    /// only for a file that was verified since it was written.
    ///
    /// What is verified is read beside the mapping: pages that no question needs stay out of this
    /// process.
    pub fn open(path: &Path, verify: bool) -> Result<Index> {
        let file = File::open(path).map_err(|e| Error::io(path, e))?;
        let bytes = match Bytes::map_file(&file, path) {
            // An empty file cannot be mapped on some systems; it is foreign, not unreadable.
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::InvalidInput => {
                return Err(Error::Foreign)
            }
            other => other?,
        };
        let layout = file::read(bytes.as_ref())?;
        if verify {
            let checked = file::CHECKED_FROM..bytes.as_ref().len();
            file::verify(bytes.as_ref(), |take| {
                write::each_piece(&file, path, checked, take)
            })?;
        }
        Index::from(bytes, &layout, Some(path.to_owned()), OnceLock::new())
    }

    /// Opens an index held in memory; it is verified and has no line numbers of names.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Index> {
        let layout = file::read(&bytes)?;
        file::verify(&bytes, |take| {
            take(&bytes[file::CHECKED_FROM..]);
            Ok(())
        })?;
        Index::from(Bytes::owned(bytes), &layout, None, OnceLock::from(None))
    }

    /// Opens what a builder has just made.
    pub(crate) fn from_parts(bytes: Vec<u8>, lines: Option<Vec<u8>>) -> Result<Index> {
        let layout = file::read(&bytes)?;
        let identity = file::identity(&bytes);
        let lines = match lines {
            Some(lines) => Lines::read(Bytes::owned(lines), identity)?,
            None => None,
        };
        Index::from(Bytes::owned(bytes), &layout, None, OnceLock::from(lines))
    }

    fn from(
        bytes: Bytes,
        layout: &file::Layout,
        path: Option<PathBuf>,
        lines: OnceLock<Option<Lines>>,
    ) -> Result<Index> {
        let section = |range: &Range<usize>| {
            let part = Section::new(&bytes, range.clone());
            part.ok_or_else(|| Error::damaged("section beyond the end"))
        };
        let sets = Sets::open(section(&layout.sets)?)?;
        let meta = section(&layout.meta)?;
        let meta = std::str::from_utf8(meta.as_ref())
            .map_err(|_| Error::damaged("meta: not UTF-8"))?
            .to_owned();
        let names = Names::open(section(&layout.names)?, sets)?;
        let probe = section(&layout.probe)?;
        if !holds(&names, probe.as_ref()) {
            return Err(Error::damaged("a name that it should hold is not found"));
        }
        Ok(Index {
            names,
            regexes: Regexes::open(section(&layout.regexes)?.as_ref())?,
            networks: Networks::open(section(&layout.networks)?.as_ref())?,
            meta,
            identity: file::identity(bytes.as_ref()),
            bytes,
            path,
            lines,
        })
    }

    /// Calls `hit` for every name pattern that covers `name` (lower case, no trailing dot, "" is
    /// the root), widest first.
    #[inline]
    pub fn walk(&self, name: &str, hit: impl FnMut(Hit)) {
        self.names.walk(name, hit);
    }

    /// The same for a name as it stands in a packet: length-prefixed labels in lower case, with
    /// or without the root byte. Bytes that are no such name match nothing.
    #[inline]
    pub fn walk_wire(&self, wire: &[u8], hit: impl FnMut(Hit)) {
        self.names.walk_wire(wire, hit);
    }

    /// Calls `hit` for every name pattern that covers the host of `url`, and `met` for every rule for
    /// URLs that covers `url`. For a host without any, this is one walk, as for a name.
    pub fn walk_url(&self, url: &Url, hit: impl FnMut(Hit), met: impl FnMut(UrlHit)) {
        self.names.walk_url(url, hit, met);
    }

    /// Calls `hit` for every regex that matches `text` (a name, or an address as text).
    pub fn match_regex(&self, text: &str, hit: impl FnMut(RegexHit)) {
        self.regexes.matches(text, hit);
    }

    /// Calls `hit` for every network of `trigger` that holds `address`, narrowest first.
    pub fn match_address(&self, address: IpAddr, trigger: Trigger, hit: impl FnMut(NetworkHit)) {
        self.networks.matches(address, trigger, hit);
    }

    /// Says whether [`Index::match_regex`] can match at all.
    pub fn has_regexes(&self) -> bool {
        self.regexes.len() > 0
    }

    /// Says whether [`Index::match_address`] can match at all for `trigger`.
    pub fn has_networks(&self, trigger: Trigger) -> bool {
        self.networks.has(trigger)
    }

    /// Returns the text of a regex by the number in its hit.
    pub fn regex(&self, number: u32) -> Option<&str> {
        self.regexes
            .get(number)
            .map(|pattern| pattern.text.as_str())
    }

    /// Returns the text of a network by the number in its hit.
    pub fn network(&self, number: u32) -> Option<String> {
        self.networks.text(number)
    }

    /// Returns the line at which a regex was given this class, 0 where unknown.
    pub fn regex_line(&self, number: u32, class: u32) -> u32 {
        self.regexes
            .get(number)
            .map_or(0, |pattern| line_of(&pattern.rules, class))
    }

    /// Returns the line at which a network was given this class, 0 where unknown.
    pub fn network_line(&self, number: u32, class: u32) -> u32 {
        line_of(self.networks.rules(number), class)
    }

    /// Returns all that matches `name`, with pattern and line, names first and widest first.
    pub fn find(&self, name: &str) -> Result<Vec<Found>> {
        let mut hits = Vec::new();
        self.walk(name, |hit| hits.push(hit));
        let mut found = Vec::new();
        for hit in hits {
            found.push(self.found_name(name, hit)?);
        }
        self.find_regexes(name, &mut found);
        Ok(found)
    }

    /// Returns all that matches `url`: what matches its host, then what is for URLs. The pattern of
    /// such a rule is the part of `url` that it covers, since only hashes are kept.
    pub fn find_url(&self, url: &Url) -> Result<Vec<Found>> {
        let (mut hits, mut urls) = (Vec::new(), Vec::new());
        self.walk_url(url, |hit| hits.push(hit), |hit| urls.push(hit));
        let mut found = Vec::new();
        for hit in hits {
            found.push(self.found_name(url.host(), hit)?);
        }
        self.find_regexes(url.host(), &mut found);
        urls.sort_by_key(|hit| (hit.labels, hit.length, hit.subtree, hit.class));
        for hit in urls {
            let pattern = url.part(hit.labels, hit.length);
            let line = self.url_line(&pattern, hit.subtree, hit.class)?;
            found.push(Found {
                class: hit.class,
                kind: FoundKind::Url,
                pattern,
                line,
            });
        }
        Ok(found)
    }

    fn found_name(&self, name: &str, hit: Hit) -> Result<Found> {
        let pattern = last_labels(name, hit.depth);
        Ok(Found {
            class: hit.class,
            kind: hit.scope.into(),
            pattern: pattern.to_owned(),
            line: self.line(pattern, hit.scope, hit.class)?,
        })
    }

    fn find_regexes(&self, name: &str, found: &mut Vec<Found>) {
        self.match_regex(name, |hit| {
            if let Some(pattern) = self.regexes.get(hit.regex) {
                found.push(Found {
                    class: hit.class,
                    kind: FoundKind::Regex,
                    pattern: pattern.text.clone(),
                    line: line_of(&pattern.rules, hit.class),
                });
            }
        });
    }

    /// Returns all networks of `trigger` that hold `address`, narrowest first.
    pub fn find_address(&self, address: IpAddr, trigger: Trigger) -> Vec<Found> {
        let mut found = Vec::new();
        self.match_address(address, trigger, |hit| {
            if let Some(pattern) = self.network(hit.network) {
                let line = line_of(self.networks.rules(hit.network), hit.class);
                found.push(Found {
                    class: hit.class,
                    kind: FoundKind::Network,
                    pattern,
                    line,
                });
            }
        });
        found
    }

    /// Returns the line of a name rule, 0 where unknown. The first call maps the file of lines;
    /// an error says that it is there but cannot be read.
    pub fn line(&self, name: &str, scope: Scope, class: u32) -> Result<u32> {
        self.line_of_key(key::reversed(name).as_bytes(), Member::new(class, scope))
    }

    /// The same for a rule for URLs; `pattern` is host and path as [`Index::find_url`] shows them.
    pub fn url_line(&self, pattern: &str, subtree: bool, class: u32) -> Result<u32> {
        let mut key = Vec::new();
        let spelled = Url::parse(pattern).and_then(|url| paths::push_key(&mut key, &url, subtree));
        match spelled {
            Some(()) => self.line_of_key(&key, Member::new(class, Scope::Path)),
            None => Ok(0),
        }
    }

    fn line_of_key(&self, key: &[u8], member: Member) -> Result<u32> {
        Ok(match self.lines()? {
            Some(lines) => lines.get(&self.names, key, member),
            None => 0,
        })
    }

    fn lines(&self) -> Result<Option<&Lines>> {
        let lines = match self.lines.get() {
            Some(lines) => lines,
            None => {
                let opened = match &self.path {
                    Some(path) => Lines::open(path, self.identity)?,
                    None => None,
                };
                self.lines.get_or_init(|| opened)
            }
        };
        Ok(lines.as_ref())
    }

    /// Writes a copy of it, with its lines where it has them, to `path`. Each file is complete on
    /// disk before it takes its name.
    pub fn save(&self, path: &Path) -> Result<()> {
        let draft = Draft::create(path)?;
        draft.head(self.bytes.as_ref())?;
        let beside = match self.lines()? {
            Some(lines) => {
                let beside = Draft::create(&Lines::path(path))?;
                beside.head(lines.bytes())?;
                Some(beside)
            }
            None => None,
        };
        write::place(path, draft, beside)
    }

    /// Returns the text the builder was given: JSON with the classes.
    pub fn meta(&self) -> &str {
        &self.meta
    }

    /// Returns one more than the highest class that a rule in it has: so many classes the plan
    /// for it must know.
    pub fn classes(&self) -> u32 {
        let names = self.names.classes();
        names
            .max(self.regexes.classes())
            .max(self.networks.classes())
    }

    /// Returns the number of distinct names.
    pub fn names(&self) -> usize {
        self.names.names()
    }

    /// Returns the number of distinct rules for URLs.
    pub fn urls(&self) -> usize {
        self.names.urls()
    }

    /// Returns the number of distinct regexes.
    pub fn regexes(&self) -> usize {
        self.regexes.len()
    }

    /// Returns the number of distinct networks, counted for each trigger.
    pub fn networks(&self) -> usize {
        self.networks.len()
    }

    /// Returns the size of the index in bytes.
    pub fn size(&self) -> usize {
        self.bytes.as_ref().len()
    }

    /// Gives the memory of what was read of it back: for an index that another one has taken the
    /// place of. It goes on working; what is asked for is read again.
    pub fn set_aside(&self) {
        self.bytes.set_aside();
    }

    /// Returns the file it is mapped from.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("path", &self.path)
            .field("names", &self.names())
            .field("regexes", &self.regexes())
            .field("networks", &self.networks())
            .finish_non_exhaustive()
    }
}

/// Says whether the key `probe`, the last one that was written, is found. An index that was laid
/// out differently would else open well and match nothing: a filter that is silently off.
fn holds(names: &Names, probe: &[u8]) -> bool {
    if names.len() == 0 || probe.is_empty() {
        return names.len() == 0 || names.len() == 1;
    }
    names.has(probe)
}

fn line_of(rules: &[(u32, u32)], class: u32) -> u32 {
    rules
        .iter()
        .find(|(known, _)| *known == class)
        .map_or(0, |(_, line)| *line)
}
