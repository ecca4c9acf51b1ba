//! What may stand for a URL in a list of hashes: host suffixes with path prefixes, as Safe Browsing
//! makes them ("URLs and hashing", v5, "Suffix/prefix expressions").
//!
//! * Hosts: the host, and up to four names from the one below its public suffix on, each with one
//!   label more. An address only as it is. A public suffix covers nothing below it, so no list, which
//!   nobody can read, can name all of `com.vn`.
//! * Paths: the path with its query, the path, and up to four folders from the root on, each with
//!   its slash.
//!
//! So at most 5 x 6, the longest host first and then the longest path.

use smallvec::SmallVec;

use crate::suffix::is_suffix;
use crate::url::Url;

/// Names beside the host itself.
const SUFFIXES: usize = 4;
/// Folders, the root among them.
const FOLDERS: usize = 4;
/// Expressions of one URL.
pub(crate) const MOST_EXPRESSIONS: usize = (SUFFIXES + 1) * (FOLDERS + 2);

/// The two halves of all expressions of a URL.
#[derive(Debug)]
pub(crate) struct Expressions<'a> {
    pub(crate) hosts: SmallVec<[&'a str; SUFFIXES + 1]>,
    pub(crate) paths: SmallVec<[&'a str; FOLDERS + 2]>,
}

impl<'a> Expressions<'a> {
    pub(crate) fn of(url: &'a Url) -> Expressions<'a> {
        Expressions {
            hosts: hosts(url),
            paths: paths(url),
        }
    }
}

fn hosts(url: &Url) -> SmallVec<[&str; SUFFIXES + 1]> {
    let host = url.host();
    let mut found = SmallVec::new();
    if url.address().is_none() {
        let dots = memchr::memrchr_iter(b'.', host.as_bytes());
        let below = dots.map(|dot| &host[dot + 1..]);
        let sites = below.skip_while(|name| is_suffix(name.as_bytes()));
        found.extend(sites.take(SUFFIXES));
    }
    found.push(host);
    found.reverse();
    found
}

fn paths(url: &Url) -> SmallVec<[&str; FOLDERS + 2]> {
    let path = url.path();
    let end = url.query_at();
    let mut found: SmallVec<[&str; FOLDERS + 2]> = SmallVec::new();
    let slashes = memchr::memchr_iter(b'/', &path.as_bytes()[..end]).take(FOLDERS);
    found.extend(slashes.map(|slash| &path[..slash + 1]));
    for whole in [&path[..end], path] {
        if found.last().is_none_or(|last| last.len() < whole.len()) {
            found.push(whole);
        }
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(url: &str) -> (Vec<String>, Vec<String>) {
        let url = Url::parse(url).expect("a URL");
        let found = Expressions::of(&url);
        let owned = |each: &[&str]| each.iter().map(|text| (*text).to_owned()).collect();
        (owned(&found.hosts), owned(&found.paths))
    }

    #[test]
    fn the_examples_of_safe_browsing() {
        let (hosts, paths) = both("http://a.b.com/1/2.html?param=1");
        assert_eq!(hosts, ["a.b.com", "b.com"]);
        assert_eq!(paths, ["/1/2.html?param=1", "/1/2.html", "/1/", "/"]);
        let (hosts, paths) = both("http://a.b.c.d.e.f.com/1.html");
        let wanted = [
            "a.b.c.d.e.f.com",
            "c.d.e.f.com",
            "d.e.f.com",
            "e.f.com",
            "f.com",
        ];
        assert_eq!(hosts, wanted);
        assert_eq!(paths, ["/1.html", "/"]);
        assert_eq!(both("http://1.2.3.4/1/").0, ["1.2.3.4"]);
        assert_eq!(both("http://[2001:db8::1]/").0, ["[2001:db8::1]"]);
    }

    #[test]
    fn no_public_suffix_covers_what_is_below_it() {
        assert_eq!(
            both("http://a.site.com.vn/").0,
            ["a.site.com.vn", "site.com.vn"]
        );
        assert_eq!(both("http://com.vn/").0, ["com.vn"]);
        assert_eq!(both("http://localhost/").0, ["localhost"]);
    }

    #[test]
    fn never_more_than_thirty() {
        let (hosts, paths) = both("http://a.b.c.d.e.f.g.test/1/2/3/4/5/6/?a/b/c");
        assert_eq!((hosts.len(), paths.len()), (5, 6));
        assert_eq!(
            paths[1..],
            ["/1/2/3/4/5/6/", "/1/2/3/", "/1/2/", "/1/", "/"]
        );
        assert_eq!(both("http://a.test/1/2/").1, ["/1/2/", "/1/", "/"]);
        assert_eq!(both("http://a.test/1/2/3/").1.len(), 4);
        assert_eq!(both("http://a.test/?a").1, ["/?a", "/"]);
    }
}
