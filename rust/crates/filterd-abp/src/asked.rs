//! A request in the matcher's words.
//!
//! The matcher reads a URL by itself, with its public suffix, which costs more than looking for
//! rules. A URL that is spelled as usual already is handed over in parts.

use std::borrow::Cow;

use adblock::request::Request as Asked;
use adblock::utils::fast_hash;

use crate::abp::{Request, MAX_URL};
use crate::error::{Error, Result};

/// A request with both of its URLs spelled in one way.
pub(crate) struct Spelled<'a> {
    url: Cow<'a, str>,
    source: Cow<'a, str>,
    kind: &'a str,
    method: &'a str,
}

/// A request as far as rules need something of it.
pub(crate) struct Traits<'a> {
    pub(crate) url: &'a str,
    pub(crate) host: &'a str,
    /// The host of the page that asks and the domains above it, as the matcher's hashes.
    pub(crate) pages: Cow<'a, [u64]>,
}

impl<'a> Spelled<'a> {
    pub(crate) fn of(request: &Request<'a>) -> Spelled<'a> {
        let url = spelled(request.url);
        let source = match request.source_url {
            Some(source) => spelled(source),
            None if request.request_type == "document" => url.clone(),
            None => Cow::Borrowed(""),
        };
        Spelled {
            url,
            source,
            kind: request.request_type,
            method: request.method,
        }
    }

    /// What rules may need, without the matcher's reading; `None`: that takes it.
    pub(crate) fn traits(&self) -> Option<Traits<'_>> {
        let (host, from, _) = parts(&self.url, &self.source)?;
        Some(Traits {
            url: &self.url,
            host,
            pages: Cow::Owned(domains(from).map(fast_hash).collect()),
        })
    }

    /// The matcher's form of it.
    ///
    /// # Errors
    /// [`Error::Url`].
    pub(crate) fn read(&self) -> Result<Asked> {
        let (kind, method) = (self.kind, self.method);
        match parts(&self.url, &self.source) {
            Some((host, from, third_party)) => Ok(Asked::preparsed(
                &self.url,
                host,
                from,
                kind,
                third_party,
                method,
            )),
            None => Asked::new(&self.url, &self.source, kind, method).map_err(|_| Error::Url),
        }
    }
}

impl<'a> Traits<'a> {
    pub(crate) fn of(asked: &'a Asked) -> Traits<'a> {
        Traits {
            url: &asked.url,
            host: &asked.hostname,
            pages: Cow::Borrowed(asked.source_hostname_hashes.as_deref().unwrap_or_default()),
        }
    }
}

/// A host and the domains above it; none of an empty one.
fn domains(host: &str) -> impl Iterator<Item = &str> {
    let whole = Some(host).filter(|host| !host.is_empty());
    std::iter::successors(whole, |host| host.split_once('.').map(|(_, rest)| rest))
}

/// The URL's first [`MAX_URL`] bytes with its scheme and host spelled as the matcher compares
/// them, in lower case and without a last dot, and with all that is not ASCII percent-encoded as
/// browsers do.
fn spelled(url: &str) -> Cow<'_, str> {
    if url.len() <= MAX_URL && usual(url).is_some() {
        return Cow::Borrowed(url);
    }
    let mut out = String::with_capacity(url.len().min(MAX_URL));
    for byte in url.bytes().take(MAX_URL) {
        if byte.is_ascii() {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.push(char::from(b"0123456789ABCDEF"[usize::from(half)]));
            }
        }
    }
    let start = out.find("://").map_or(0, |at| at + 3);
    let ends = |c: char| matches!(c, '/' | '?' | '#' | '\\');
    let end = out[start..].find(ends).map_or(out.len(), |at| start + at);
    out[..end].make_ascii_lowercase();
    let port = match out[start..end].rfind(':') {
        Some(at) if !out[start + at..end].contains(']') => start + at,
        _ => end,
    };
    let host = out[..port].trim_end_matches('.').len();
    if host > start {
        out.replace_range(host..port, "");
    }
    Cow::Owned(out)
}

/// Both hosts, and whether they are different parties; `None`: that takes the matcher's own reading.
fn parts<'a>(url: &'a str, source: &'a str) -> Option<(&'a str, &'a str, bool)> {
    let host = usual(url)?;
    if source.is_empty() {
        return Some((host, "", true));
    }
    let from = usual(source)?;
    if host == from {
        return Some((host, from, false));
    }
    // Whom a name belongs to takes its last two labels at least, where it has two.
    let labelled = host.contains('.') && from.contains('.');
    (labelled && last_two(host) != last_two(from)).then_some((host, from, true))
}

/// The host of a URL with a scheme of the web and a host of lower-case letters, digits, dots and
/// hyphens, and no character that would be read in another way; `None` for all others.
fn usual(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest
        .bytes()
        .position(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))?;
    let (host, rest) = rest.split_at(end);
    // An address can be spelled in several ways, and "xn--" can be wrong.
    let letter = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase());
    let named = letter(host.bytes().next()) && letter(host.bytes().last());
    let usual = matches!(scheme, "http" | "https" | "ws" | "wss")
        && named
        && !host.contains("xn--")
        && rest.starts_with('/')
        && rest.bytes().all(|byte| byte.is_ascii_graphic());
    usual.then_some(host)
}

fn last_two(host: &str) -> &str {
    let mut starts = host.rmatch_indices('.').map(|(at, _)| at + 1);
    starts.nth(1).map_or(host, |at| &host[at..])
}

#[cfg(test)]
mod tests {
    use adblock::request::Request as Asked;
    use proptest::prelude::*;

    use super::{parts, spelled, Spelled, Traits};
    use crate::abp::Request;

    #[test]
    fn hosts_are_spelled_one_way() {
        let table = [
            ("HTTPS://Ads.Test/Path", "https://ads.test/Path"),
            ("https://ads.test./x.", "https://ads.test/x."),
            ("https://Ads.Test..:8443/x", "https://ads.test:8443/x"),
            ("https://[::1]:80/x", "https://[::1]:80/x"),
            ("https://[::1]/x", "https://[::1]/x"),
            ("https://ads.test", "https://ads.test"),
            ("https://ads.test?X", "https://ads.test?X"),
            ("https://a.test/é", "https://a.test/%C3%A9"),
            ("https://.../", "https://.../"),
            ("", ""),
        ];
        for (given, written) in table {
            assert_eq!(spelled(given), written, "{given}");
        }
    }

    #[test]
    fn usual_ones_are_handed_over_in_parts() {
        let table = [
            ("https://a.example/x", "https://b.example/", Some(true)),
            ("https://a.example/x", "https://a.example/", Some(false)),
            ("https://a.b.example/x", "https://c.b.example/", None),
            ("https://a.example/x", "", Some(true)),
            ("https://printer/x", "https://a.example/", None),
            ("https://192.0.2.1/x", "https://a.example/", None),
        ];
        for (url, source, third) in table {
            let found = parts(url, source).map(|(_, _, third)| third);
            assert_eq!(found, third, "{url} {source}");
        }
    }

    fn url() -> impl Strategy<Value = String> {
        let host =
            "([a-c]{1,2}\\.){0,3}(test|example|co\\.uk|github\\.io|com|vn|gov\\.vn|b|a\\.\\.b)";
        let path = "/[a-cA-C/.?&=%:;~^|\"'<>#@\\[\\]-]{0,12}";
        prop_oneof![
            8 => ("(https?|wss?)", host, path)
                .prop_map(|(scheme, host, path)| format!("{scheme}://{host}{path}")),
            1 => "(https?|ftp)://[a-cA-C.:@%0-9-]{0,8}(:8[0-9])?/\\PC{0,8}",
            1 => "\\PC{0,24}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn in_parts_it_is_what_the_matcher_reads(url in url(), source in url()) {
            let (url, source) = (spelled(&url), spelled(&source));
            if let Some((host, from, third_party)) = parts(&url, &source) {
                let ours = Asked::preparsed(&url, host, from, "script", third_party, "GET");
                let theirs = Asked::new(&url, &source, "script", "GET").expect("a usual URL");
                prop_assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
                let request = Request {
                    url: &url,
                    source_url: Some(&source),
                    request_type: "script",
                    method: "GET",
                };
                let spelled = Spelled::of(&request);
                let (ours, theirs) = (spelled.traits().expect("usual"), Traits::of(&theirs));
                prop_assert_eq!(ours.url, theirs.url);
                prop_assert_eq!(ours.host, theirs.host);
                prop_assert_eq!(ours.pages, theirs.pages);
            }
        }
    }
}
