//! Rules for URLs, among the names: which keys they have, and which of them a URL meets.
//!
//! A rule for `example.com/a/b` is the key `com.example/e` and 25 letters: 125 bits of the SHA-256 of
//! host and path, as Safe Browsing hashes both, in the letters of RFC 4648 section 6. `e` is for that
//! host alone, `s` for what is below it too. So the file does not show which paths it has; `/`
//! occurs in no name, and members of scope [`Scope::Path`] count for no name, so that neither can be
//! taken for the other. The host's own key has marks, members of that scope as well, which say how deep the
//! paths are: only those depths are hashed, and a host without marks is looked up once and no more.
//!
//! A rule covers its path and what is beneath it; one with a query covers exactly that. Which rule
//! that is can only be found by trying, so of long paths only the beginning and the whole are tried.

use sha2::{Digest, Sha256};

use crate::host;
use crate::names::Scope;
use crate::sets::{Member, MAX_CLASS};
use crate::url::Url;

/// Letters of a hash in a key: 25 of 5 bits.
const LETTERS: usize = 25;
/// What a rule for a URL puts behind the key of its host.
const TAIL: usize = 2 + LETTERS;
/// Longest key: what a byte can count.
pub(crate) const MAX_KEY: usize = u8::MAX as usize;
/// Folders from the root on that are tried; then comes the whole path.
const FOLDERS: usize = 24;
/// Deeper rules count as if they were as deep as this.
const DEEPEST: u8 = 126;
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A rule that covers a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UrlHit {
    /// The class the builder was given.
    pub class: u32,
    /// Whether the rule is for what is below its host too.
    pub subtree: bool,
    /// Number of labels of the rule's host; 0 is an address.
    pub labels: u8,
    /// How many bytes of the URL's path the rule's path has; its own final slash is left out.
    pub length: u32,
    /// Number of folders in it, and one more for a query.
    pub depth: u8,
}

/// What a mark says of paths that are deeper than what is tried folder by folder.
const WHOLE: usize = FOLDERS + 1;
/// What a mark says of paths with a query.
const QUERY: usize = FOLDERS + 2;
/// Marks are members of the highest classes, which no rule for URLs has.
pub(crate) const HIGHEST_CLASS: u32 = MAX_CLASS - 32;

/// What says on a host that there are rules for URLs like `url`.
pub(crate) fn mark(url: &Url) -> Member {
    let mut kind = QUERY;
    if url.query_at() == url.path().len() {
        let path = &url.path()[..whole(url)];
        kind = memchr::memchr_iter(b'/', path.as_bytes())
            .count()
            .min(WHOLE);
    }
    Member::new(MAX_CLASS - kind as u32, Scope::Path)
}

/// Whether `member` is such a mark.
#[inline]
pub(crate) fn is_mark(member: Member) -> bool {
    member.class() > HIGHEST_CLASS && member.scope() == Some(Scope::Path)
}

/// The kinds of paths that the marks of a host speak of, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kinds(u32);

impl Kinds {
    pub(crate) fn add(&mut self, member: Member) {
        if is_mark(member) {
            self.0 |= 1 << ((MAX_CLASS - member.class()) & 31);
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn has(self, kind: usize) -> bool {
        self.0 >> (kind & 31) & 1 == 1
    }
}

/// A beginning of a path that may be a rule's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) length: usize,
    pub(crate) depth: u8,
    kind: usize,
}

/// Writes the key of a rule for `url` to `out`, whose end is the key of its host; `None`: it would be
/// too long.
pub(crate) fn push_key(out: &mut Vec<u8>, url: &Url, subtree: bool) -> Option<()> {
    let start = out.len();
    if !host::push_key(out, url.host()) || out.len() - start + TAIL > MAX_KEY {
        out.truncate(start);
        return None;
    }
    out.extend_from_slice(&[b'/', letter(subtree)]);
    let path = &url.path()[..whole(url)];
    out.extend_from_slice(&spelled(
        Sha256::new().chain_update(url.host()).chain_update(path),
    ));
    Some(())
}

/// How many bytes of the path the key of a rule for `url` hashes: all with a query, else all but a
/// final slash.
fn whole(url: &Url) -> usize {
    let path = url.path();
    let folder = url.query_at() == path.len() && path.ends_with('/');
    path.len() - usize::from(folder)
}

pub(crate) fn letter(subtree: bool) -> u8 {
    if subtree {
        b's'
    } else {
        b'e'
    }
}

/// Spells a hash.
fn spelled(hash: Sha256) -> [u8; LETTERS] {
    let digest = hash.finalize();
    let mut letters = [0; LETTERS];
    for (slot, at) in letters.iter_mut().zip((0..).step_by(5)) {
        let (byte, bit) = (at / 8, at % 8);
        let two = u16::from_be_bytes([digest[byte], digest[byte + 1]]);
        *slot = BASE32[usize::from(two >> (11 - bit) & 31)];
    }
    letters
}

/// Calls `with` for every beginning of the path of `url` that a rule on `host` may have, with its
/// hash, shortest first; of the kinds that there are.
pub(crate) fn hashes(
    url: &Url,
    host: &str,
    kinds: Kinds,
    mut with: impl FnMut(Part, [u8; LETTERS]),
) {
    let mut hash = Sha256::new().chain_update(host);
    let mut hashed = 0;
    parts(url, |part| {
        if !kinds.has(part.kind) {
            return;
        }
        hash.update(&url.path().as_bytes()[hashed..part.length]);
        hashed = part.length;
        with(part, spelled(hash.clone()));
    });
}

fn parts(url: &Url, mut with: impl FnMut(Part)) {
    let path = url.path().as_bytes();
    let end = url.query_at();
    let folders = path[..end].strip_suffix(b"/").unwrap_or(&path[..end]);
    let mut slashes = 0;
    for at in memchr::memchr_iter(b'/', folders) {
        if slashes <= FOLDERS {
            with(Part::new(at, slashes, slashes));
        }
        slashes += 1;
    }
    with(Part::new(folders.len(), slashes, slashes.min(WHOLE)));
    if end < path.len() {
        with(Part::new(path.len(), slashes + 1, QUERY));
    }
}

impl Part {
    fn new(length: usize, depth: usize, kind: usize) -> Part {
        Part {
            length,
            depth: depth.min(usize::from(DEEPEST)) as u8,
            kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(url: &str, subtree: bool) -> Option<String> {
        let mut key = Vec::new();
        push_key(&mut key, &Url::parse(url)?, subtree)?;
        String::from_utf8(key).ok()
    }

    fn beginnings(url: &str) -> Vec<String> {
        let url = Url::parse(url).expect("a URL");
        let mut found = Vec::new();
        parts(&url, |part| {
            found.push(url.path()[..part.length].to_owned())
        });
        found
    }

    #[test]
    fn a_key_is_a_host_and_a_hash() {
        // printf %s example.com/a/b | sha256sum | cut -c1-32 | xxd -r -p | base32
        assert_eq!(
            key("http://Example.COM/a/b/", true).as_deref(),
            Some("com.example/sni5n3hh7e7cymmhqngma2zfzs")
        );
        assert_eq!(key("example.com/a/b", true), key("example.com/a/b/", true));
        assert_ne!(key("example.com/a?b", true), key("example.com/a/?b", true));
        assert_ne!(key("example.com/a", true), key("www.example.com/a", true));
        assert_ne!(key("example.com/a", true), key("example.com/a", false));
    }

    #[test]
    fn a_host_that_leaves_no_room_is_refused() {
        let host = |length: usize| {
            let head = "a".repeat((length + 1) % 2);
            format!("{head}{}t", "a.".repeat((length - 1) / 2))
        };
        let longest = MAX_KEY - TAIL;
        assert_eq!(host(longest).len(), longest);
        assert!(key(&format!("{}/x", host(longest)), false).is_some());
        assert!(key(&format!("{}/x", host(longest + 1)), false).is_none());
    }

    #[test]
    fn beginnings_end_at_slashes() {
        assert_eq!(beginnings("a.test"), [""]);
        assert_eq!(beginnings("a.test/b/c"), ["", "/b", "/b/c"]);
        assert_eq!(beginnings("a.test/b/c/"), ["", "/b", "/b/c"]);
        assert_eq!(beginnings("a.test/b/?c/d"), ["", "/b", "/b/?c/d"]);
        assert_eq!(beginnings("a.test?c"), ["", "/?c"]);
        let long = beginnings(&format!("a.test{}", "/b".repeat(500)));
        assert_eq!(long.len(), FOLDERS + 2);
        assert_eq!(long[FOLDERS + 1].len(), 1000);
    }
}
