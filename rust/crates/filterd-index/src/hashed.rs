//! Lists of URLs that cannot be read: of each, the first bytes of its HMAC-SHA-256 under the list's
//! own salt. What a URL may be listed as says `expressions.rs`; what such a list hides and what not,
//! `docs/hashed-urls.md`.
//!
//! Nothing here says on which hosts there are entries. A list of hosts' hashes beside it would make
//! a question cheaper and could be tried host by host without knowing any path. So each expression
//! of a URL is hashed for each list, 30 at most, and looked up in a sorted table: a directory by the
//! first bits says which few entries to look at, mostly in one line of the processor's cache.

use std::ops::Range;
use std::path::Path;

use smallvec::SmallVec;

use crate::error::Result;
use crate::expressions::{Expressions, MOST_EXPRESSIONS};
use crate::hashed_file;
use crate::hmac::Hmac;
use crate::map::{Bytes, Section};
use crate::prefetch::prefetch;
use crate::url::Url;

/// Lists in one file.
pub const MAX_HASHED_LISTS: usize = 64;
/// Entries of one list.
pub const MAX_HASHED_ENTRIES: usize = 1 << 26;
/// Bytes of a salt.
pub const SALT_BYTES: std::ops::RangeInclusive<usize> = 16..=64;
/// Bytes of a code that a list keeps. With fewer, a URL is taken for another now and then.
pub const PREFIX_BYTES: std::ops::RangeInclusive<usize> = 8..=32;

/// A list as it is compiled.
#[derive(Clone, Copy)]
pub struct HashedList<'a> {
    /// The key of its codes, [`SALT_BYTES`] long.
    pub salt: &'a [u8],
    /// How many bytes of each code it has, of [`PREFIX_BYTES`].
    pub width: usize,
    /// The beginnings of codes, one after the other, in any order.
    pub prefixes: &'a [u8],
    /// A number that means nothing here.
    pub class: u32,
}

/// An entry that covers a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedHit {
    /// The class of its list.
    pub class: u32,
    /// The part of the URL that it is the hash of.
    pub expression: String,
    /// The entry: as many bytes as those of its list have.
    pub entry: Vec<u8>,
}

/// Lists, compiled. Threads may ask at once.
#[derive(Debug)]
pub struct HashedUrls {
    pub(crate) bytes: Bytes,
    pub(crate) lists: Vec<Table>,
}

/// One of them, where it stands in the file.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) class: u32,
    pub(crate) width: usize,
    pub(crate) hmac: Hmac,
    /// How many bits of an entry the directory goes by.
    pub(crate) bits: u32,
    /// Numbers of 4 bytes: for each value of these bits, which entry is the first that has it or
    /// more; at the end, how many there are.
    pub(crate) directory: Section,
    /// Entries of `width` bytes, sorted.
    pub(crate) entries: Section,
}

impl HashedUrls {
    /// Compiles lists.
    ///
    /// # Errors
    /// [`crate::Error::Hashed`]: a salt, a width or a number of entries out of bounds.
    pub fn build(lists: &[HashedList<'_>]) -> Result<HashedUrls> {
        HashedUrls::from_bytes(hashed_file::assemble(lists)?)
    }

    /// Opens a file in memory. All of it is verified.
    ///
    /// # Errors
    /// [`crate::Error::Foreign`], [`crate::Error::Damaged`], [`crate::Error::Hashed`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<HashedUrls> {
        hashed_file::read(Bytes::owned(bytes))
    }

    /// Maps a file. All of it is verified; it must not be changed in place.
    ///
    /// # Errors
    /// [`crate::Error::Io`], and those of [`HashedUrls::from_bytes`].
    pub fn open(path: &Path) -> Result<HashedUrls> {
        hashed_file::open(path)
    }

    /// Writes the file, whole before it takes its name.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        hashed_file::save(self.bytes.as_ref(), path)
    }

    /// Class and number of entries of each list.
    pub fn counts(&self) -> impl Iterator<Item = (u32, usize)> + '_ {
        self.lists.iter().map(|list| (list.class, list.len()))
    }

    /// Every entry that covers `url`, of the lists of the classes `only` or of all: list by list, the
    /// longest host first and then the longest path.
    pub fn matches(&self, url: &Url, only: Option<&[u32]>) -> Vec<HashedHit> {
        let expressions = Expressions::of(url);
        let mut hits = Vec::new();
        let counting = |list: &&Table| only.is_none_or(|only| only.contains(&list.class));
        for list in self.lists.iter().filter(counting) {
            list.look(&expressions, |host, path, entry| {
                hits.push(HashedHit {
                    class: list.class,
                    expression: format!("{host}{path}"),
                    entry: entry.to_vec(),
                });
            });
        }
        hits
    }
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.entries.as_ref().len() / self.width
    }

    /// Calls `with` for every expression that is listed. Each lookup waits for the memory twice, for
    /// the directory and for entries; all of them wait at once.
    fn look(&self, all: &Expressions<'_>, mut with: impl FnMut(&str, &str, &[u8])) {
        let pairs = || {
            let hosts = all.hosts.iter();
            hosts.flat_map(|host| all.paths.iter().map(move |path| (*host, *path)))
        };
        let mut codes: SmallVec<[[u8; 32]; MOST_EXPRESSIONS]> = SmallVec::new();
        for (host, path) in pairs() {
            let code = self.hmac.code(host, path);
            if let Some(place) = self.directory.as_ref().get(bucket(&code, self.bits) * 4) {
                prefetch(place);
            }
            codes.push(code);
        }
        let mut ranges: SmallVec<[Range<usize>; MOST_EXPRESSIONS]> = SmallVec::new();
        for code in &codes {
            let bucket = bucket(code, self.bits);
            let range = self.start(bucket) * self.width..self.start(bucket + 1) * self.width;
            if let Some(place) = self.entries.as_ref().get(range.start) {
                prefetch(place);
            }
            ranges.push(range);
        }
        for ((code, range), (host, path)) in codes.iter().zip(ranges).zip(pairs()) {
            let entry = &code[..self.width];
            if self.has(entry, range) {
                with(host, path, entry);
            }
        }
    }

    fn has(&self, wanted: &[u8], range: Range<usize>) -> bool {
        let Some(mut rest) = self.entries.as_ref().get(range) else {
            return false; // opening has checked that there is none
        };
        while !rest.is_empty() {
            let middle = rest.len() / self.width / 2 * self.width;
            let (before, from) = rest.split_at(middle);
            let (entry, after) = from.split_at(self.width);
            match wanted.cmp(entry) {
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Less => rest = before,
                std::cmp::Ordering::Greater => rest = after,
            }
        }
        false
    }

    /// Returns which entry is the first of `bucket`.
    pub(crate) fn start(&self, bucket: usize) -> usize {
        let numbers = self.directory.as_ref();
        let number = numbers.get(bucket * 4..).and_then(<[u8]>::first_chunk);
        number.map_or(0, |number| u32::from_le_bytes(*number) as usize)
    }
}

/// Returns the first `bits` bits of an entry as a number.
pub(crate) fn bucket(entry: &[u8], bits: u32) -> usize {
    let first = entry
        .first_chunk()
        .map_or(0, |first| u32::from_be_bytes(*first));
    (u64::from(first) << bits >> 32) as usize
}

/// How many bits the directory of so many entries goes by: four entries a bucket, more or less.
pub(crate) fn directory_bits(entries: usize) -> u32 {
    entries.checked_ilog2().unwrap_or(0).saturating_sub(1)
}
