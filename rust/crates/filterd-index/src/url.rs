//! URLs in their one spelling, the same for rules and for what is asked.
//!
//! The rules are those of Safe Browsing, "URLs and hashing" (v4 and v5), where they speak; sources
//! of the others stand beside them:
//!
//! * Blanks at the ends, and tab, CR and LF anywhere, go; so do the scheme and the fragment.
//! * `%XX` is unescaped until there is none left, in one pass.
//! * User and password go, and so does the port (Safe Browsing's test vectors): a rule is for a site,
//!   not for a door of it. What a browser and RFC 3986 read differently (`\` before the path, WHATWG
//!   URL section 4.4) is refused: nobody may be asked for one site and shown another.
//! * The host: see `host.rs`.
//! * The path: `.` and `..` are resolved (RFC 3986 section 5.2.4), runs of `/` are one. The query,
//!   from the first `?` on, stays as it is.
//! * Bytes up to 0x20, from 0x7f on, `#` and `%` are escaped, in capitals.
//!
//! So what is canonical stays as it is. Nothing here allocates more than a few times the input.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::host;
use crate::names::last_labels;

/// Longest URL that is read, in bytes: what servers and proxies take as a request line ends long
/// before it.
pub const MAX_URL: usize = 1 << 16;

/// Schemes whose addresses have a host and a path.
const SCHEMES: [&[u8]; 5] = [b"http", b"https", b"ws", b"wss", b"ftp"];

/// A URL in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Url {
    /// A lower-case name without trailing dot, an IPv4 address, or an IPv6 address in brackets.
    host: String,
    /// Path and query; it begins with a `/`.
    path: String,
}

impl Url {
    /// Reads `text`, with or without a scheme. `None`: it names no host that a name or an address
    /// could be, or is longer than [`MAX_URL`].
    pub fn parse(text: &str) -> Option<Url> {
        if text.len() > MAX_URL {
            return None;
        }
        let stripped = stripped(text.as_bytes());
        let rest = stripped.trim_ascii();
        let rest = &rest[..memchr::memchr(b'#', rest).unwrap_or(rest.len())];
        let bare = without_scheme(rest);
        let end = memchr::memchr2(b'/', b'?', bare).unwrap_or(bare.len());
        let (authority, path) = bare.split_at(end);
        // `http:/host/` and `gopher://host/`: a scheme that is none is no host without a port.
        if bare.len() == rest.len() && authority.ends_with(b":") {
            return None;
        }
        Some(Url {
            host: host::canonical(&unescaped(authority))?,
            path: canonical_path(&unescaped(path)),
        })
    }

    /// The host: see the field.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Path and query, from the `/` on.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the last `labels` labels of the host and the first `length` bytes of the path: what a
    /// rule that matched covers.
    pub fn part(&self, labels: u8, length: u32) -> String {
        let path = self.path.get(..length as usize).unwrap_or(&self.path);
        let root = if path.is_empty() { "/" } else { "" };
        format!("{}{path}{root}", last_labels(&self.host, labels))
    }

    /// The address that the host is, if it is one.
    pub fn address(&self) -> Option<IpAddr> {
        host::address(&self.host)
    }

    /// How many bytes of the path come before the query.
    pub(crate) fn query_at(&self) -> usize {
        let path = self.path.as_bytes();
        memchr::memchr(b'?', path).unwrap_or(path.len())
    }
}

/// Leaves out tabs and ends of lines.
fn stripped(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr3(b'\t', b'\r', b'\n', text).is_none() {
        return Cow::Borrowed(text);
    }
    let kept = text.iter().filter(|byte| !b"\t\r\n".contains(byte));
    Cow::Owned(kept.copied().collect())
}

fn without_scheme(text: &[u8]) -> &[u8] {
    if let Some(rest) = text.strip_prefix(b"//") {
        return rest;
    }
    match memchr::memmem::find(text, b"://") {
        Some(at) if SCHEMES.iter().any(|s| s.eq_ignore_ascii_case(&text[..at])) => &text[at + 3..],
        _ => text,
    }
}

/// Unescapes until nothing is left to unescape. Escapes cannot overlap, so their order means
/// nothing, and one pass over a stack finds them all: a byte that came out of one can only be part of
/// another that ends with it or behind it.
fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        out.push(byte);
        while let [.., b'%', high, low] = out[..] {
            let Some(byte) = hex(high).zip(hex(low)).map(|(high, low)| high << 4 | low) else {
                break;
            };
            out.truncate(out.len() - 3);
            out.push(byte);
        }
    }
    Cow::Owned(out)
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

/// `text`: path and query, unescaped.
fn canonical_path(text: &[u8]) -> String {
    let end = memchr::memchr(b'?', text).unwrap_or(text.len());
    let (path, query) = text.split_at(end);
    let mut segments: Vec<&[u8]> = Vec::with_capacity(8);
    let mut last: &[u8] = b"";
    for segment in path.split(|byte| *byte == b'/') {
        last = segment;
        match segment {
            b"" | b"." => {}
            b".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let mut out = String::with_capacity(text.len() + 1);
    for segment in &segments {
        out.push('/');
        escape(segment, &mut out);
    }
    // A path that ends in a slash or in dots names what is in a folder.
    if segments.is_empty() || matches!(last, b"" | b"." | b"..") {
        out.push('/');
    }
    escape(query, &mut out);
    out
}

fn escape(text: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if byte <= 0x20 || byte >= 0x7f || byte == b'#' || byte == b'%' {
            out.push('%');
            out.push(DIGITS[usize::from(byte >> 4)] as char);
            out.push(DIGITS[usize::from(byte & 15)] as char);
        } else {
            out.push(byte as char);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canonical(text: &str) -> Option<String> {
        Url::parse(text).map(|url| format!("{}{}", url.host(), url.path()))
    }

    #[test]
    fn one_spelling() {
        for (given, wanted) in [
            ("http://host.test", "host.test/"),
            ("HTTPS://Host.TEST:8443/A", "host.test/A"),
            ("//host.test/a", "host.test/a"),
            ("host.test/a?b#c", "host.test/a?b"),
            ("http://host.test:/a", "host.test/a"),
            ("  http://host.test/a \n", "host.test/a"),
            ("http://ho\tst.te\r\nst/fo\no", "host.test/foo"),
            ("http://user:secret@host.test:80/a", "host.test/a"),
            ("http://..host...test../a", "host.test/a"),
            ("http://%68ost.test/%61", "host.test/a"),
            // Unescaped as often as it was escaped.
            ("http://host.test/%25%32%35", "host.test/%25"),
            ("http://host.test/%2525252541", "host.test/A"),
            (
                "http://host.test/%%%25%32%35a%%",
                "host.test/%25%25%25a%25%25",
            ),
            ("http://host.test/%%34%31", "host.test/A"),
            // Paths.
            ("http://host.test/a/../b/./c//d", "host.test/b/c/d"),
            ("http://host.test/a/..", "host.test/"),
            ("http://host.test/../../a/.", "host.test/a/"),
            ("http://host.test/%2e%2E/a/%2E%2e/b", "host.test/b"),
            ("http://host.test/a%2f..%2Fb", "host.test/b"),
            ("http://host.test//a///b/", "host.test/a/b/"),
            ("http://host.test/.../a.", "host.test/.../a."),
            // A query stays.
            ("http://host.test?a", "host.test/?a"),
            ("http://host.test/q?", "host.test/q?"),
            (
                "http://host.test/q?r?s=//x/../y",
                "host.test/q?r?s=//x/../y",
            ),
            (
                "http://host.test/q?u=http://other.test/",
                "host.test/q?u=http://other.test/",
            ),
            // What is escaped in the end.
            ("http://host.test/a b\u{7f}", "host.test/a%20b%7F"),
            ("http://host.test/%00\0", "host.test/%00%00"),
            ("http://host.test/a%23b", "host.test/a%23b"),
            ("http://host.test/%0a", "host.test/%0A"),
            ("http://host.test/trường", "host.test/tr%C6%B0%E1%BB%9Dng"),
            ("http://host.test/Aa%21b%40", "host.test/Aa!b@"),
        ] {
            assert_eq!(canonical(given).as_deref(), Some(wanted), "{given:?}");
        }
    }

    #[test]
    fn no_host() {
        for given in [
            "",
            "/",
            "http://",
            "http:///a",
            "http://./",
            "http://user@/a",
            "http://a.test\\@b.test/",
            "http://a.test%5c@b.test/",
            "http://a.test%2f@b.test/",
            "http://a.test%00.b.test/",
            "http://a b.test/",
            "http://a.test:port/",
            "http://a.test:99999/",
            "http://trường.test/",
            "http:/a.test/",
            "http:a.test/",
            "gopher://a.test/",
            "javascript:alert(1)",
            "data:text/html,a",
            "mailto:a@b.test:c",
            "http://[::1/",
            "http://::1/",
            "http://[::1]x/",
        ] {
            assert_eq!(canonical(given), None, "{given:?}");
        }
        let label = "a".repeat(64);
        assert_eq!(canonical(&format!("http://{label}.test/")), None);
        let long = format!("http://a.test/{}", "a".repeat(MAX_URL));
        assert_eq!(canonical(&long), None);
    }

    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            8 => prop::sample::select(vec![
                "a", "B", ".", "..", "/", "//", "%", "2", "5", "%25", "%2e", "%2F", "%3f", "?", "#",
                "@", ":", "[", "]", "::1", "0x7f", "1", "017", "\\", "\t", " ", "test", "http://",
            ]).prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn canonical_stays(tail in text(), at in 0..3u8) {
            let given = match at {
                0 => tail,
                1 => format!("http://host.test/{tail}"),
                _ => format!("http://{tail}"),
            };
            if let Some(once) = canonical(&given) {
                prop_assert_eq!(canonical(&once), Some(once.clone()), "{}", given);
                prop_assert_eq!(canonical(&format!("https://{once}")), Some(once.clone()));
                prop_assert!(once.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b'#'));
            }
        }

        #[test]
        fn escaping_more_changes_nothing(path in "[a-z/.%0-9?]{0,12}", rounds in 1..4u8) {
            let plain = canonical(&format!("http://host.test/{path}"));
            let mut hidden = path;
            for _ in 0..rounds {
                hidden = hidden.bytes().map(|byte| format!("%{byte:02x}")).collect();
            }
            prop_assert_eq!(canonical(&format!("http://host.test/{hidden}")), plain);
        }
    }
}
