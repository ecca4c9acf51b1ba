//! What one line of a list is to us: a rule, something else, or nothing that we can keep.
//!
//! The matcher takes lines silently that it never matches, or that mean more than was written.
//! Those are refused here, and counted with a word each:
//!
//! | word | why |
//! | --- | --- |
//! | `removeparam`, `csp`, `redirect-rule` | changes a request or an answer; only verdicts are given |
//! | `to`, `tag` | the matcher reads the option and does not apply it |
//! | `domain-entity` | `domain=name.*` never matches there, and without it the rule means more |
//! | `regex` | an expression that the linear engine cannot compile (look-around, references) |
//! | `wide` | neither a pattern nor `domain=`: it would match every request |
//! | `option:NAME` | an option that is not known (`option:other`: not by name either) |
//! | `conditional` | behind `!#if`, for another program |
//! | `include` | `!#include`: name the other list too |
//! | `long`, `not-utf8`, `syntax` | does not read |
//!
//! A `$redirect` is a block: what would be sent instead is left out.

use std::collections::BTreeMap;

use adblock::filters::network::{FilterPart, NetworkFilter, NetworkFilterError, NetworkFilterMask};
use adblock::lists::{parse_filter, FilterParseError, ParseOptions, ParsedLine};
use regex::bytes::RegexBuilder;
use serde::{Deserialize, Serialize};

use crate::conditions::Conditions;
use crate::need::{Need, Needs};

/// Longest line that is read, in bytes.
pub const MAX_LINE: usize = 16_384;

/// Options of other programs, by which a refused line is counted.
const NAMED: [&str; 24] = [
    "popup",
    "popunder",
    "inline-script",
    "inline-font",
    "replace",
    "urltransform",
    "uritransform",
    "permissions",
    "header",
    "ipaddress",
    "strict1p",
    "strict3p",
    "denyallow",
    "webrtc",
    "elemhide",
    "genericblock",
    "empty",
    "mp4",
    "cookie",
    "removeheader",
    "app",
    "specifichide",
    "cname",
    "dnsrewrite",
];

/// What became of the lines of one list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The list's class.
    pub class: u32,
    /// Lines that are matched, or cancel one that is (`$badfilter`).
    pub rules: u64,
    /// Rules for a page's looks, which are not loaded; `$generichide` too.
    pub cosmetic: u64,
    /// Comments and empty lines.
    pub comments: u64,
    /// Lines that are not kept, by the words above.
    pub unsupported: BTreeMap<String, u64>,
}

/// One line, read.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    Rule(Need),
    Cancels,
    Cosmetic,
    Comment,
    Unsupported(String),
}

/// A list, read: `text` has the rules where they were, and empty lines in place of all others.
pub(crate) struct Read {
    pub(crate) counts: Counts,
    pub(crate) text: String,
    /// The lines with `$badfilter` once more, for the other classes.
    pub(crate) cancels: String,
    pub(crate) needs: Needs,
}

/// Reads a whole list.
pub(crate) fn read(data: &[u8], class: u32) -> Read {
    let mut counts = Counts {
        class,
        ..Counts::default()
    };
    let mut text = String::with_capacity(data.len());
    let mut cancels = String::new();
    let mut needs = Needs::default();
    let mut conditions = Conditions::default();
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    for raw in data.split(|byte| *byte == b'\n') {
        let (line, kept) = line_of(raw, &mut conditions);
        match line {
            Line::Rule(need) => {
                counts.rules += 1;
                text.push_str(kept);
                needs.add(need);
            }
            Line::Cancels => {
                counts.rules += 1;
                text.push_str(kept);
                cancels.push_str(kept);
                cancels.push('\n');
            }
            Line::Cosmetic => counts.cosmetic += 1,
            Line::Comment => counts.comments += 1,
            Line::Unsupported(why) => *counts.unsupported.entry(why).or_default() += 1,
        }
        text.push('\n');
    }
    if data.is_empty() || data.ends_with(b"\n") {
        counts.comments -= 1; // behind the last newline is no line
    }
    Read {
        counts,
        text,
        cancels,
        needs,
    }
}

fn line_of<'a>(raw: &'a [u8], conditions: &mut Conditions) -> (Line, &'a str) {
    let refused = |why: &str| (Line::Unsupported(why.to_owned()), "");
    if raw.len() > MAX_LINE {
        return refused("long");
    }
    let Ok(text) = std::str::from_utf8(raw) else {
        return refused("not-utf8");
    };
    let text = text.trim();
    if text.starts_with("!#") {
        if conditions.read(text) {
            return (Line::Comment, "");
        }
        if conditions.hold() && text.starts_with("!#include") {
            return refused("include");
        }
    }
    if text.is_empty() || text.starts_with('!') || text.starts_with("[Adblock") {
        return (Line::Comment, "");
    }
    if !conditions.hold() {
        return refused("conditional");
    }
    (judge(text), text)
}

fn judge(text: &str) -> Line {
    let refused = |why: &str| Line::Unsupported(why.to_owned());
    match parse_filter(text, false, ParseOptions::default()) {
        Ok(ParsedLine::Cosmetic(_)) | Err(FilterParseError::Cosmetic(_)) => Line::Cosmetic,
        Ok(ParsedLine::Network(rule)) => network(text, &rule),
        Err(FilterParseError::Network(NetworkFilterError::UnrecognisedOption)) => {
            let known = options(text).find(|option| NAMED.contains(&name_of(option)));
            Line::Unsupported(format!("option:{}", known.map_or("other", name_of)))
        }
        Err(FilterParseError::Network(NetworkFilterError::NoSupportedDomains)) => {
            refused("domain-entity")
        }
        Err(FilterParseError::Network(
            NetworkFilterError::RemoveparamRegexUnsupported
            | NetworkFilterError::EmptyRemoveparam
            | NetworkFilterError::NegatedRemoveparam
            | NetworkFilterError::RemoveparamWithException,
        )) => refused("removeparam"),
        Err(FilterParseError::Unsupported) if text.starts_with('#') => Line::Comment,
        Err(_) => refused("syntax"),
    }
}

fn network(text: &str, rule: &NetworkFilter<'_>) -> Line {
    let refused = |why: &str| Line::Unsupported(why.to_owned());
    let mut named = options(text).map(name_of);
    if rule.is_generic_hide() {
        return Line::Cosmetic;
    }
    if rule.is_removeparam() {
        return refused("removeparam");
    }
    if rule.is_csp() {
        return refused("csp");
    }
    if rule.is_redirect() && !rule.also_block_redirect() {
        return refused("redirect-rule");
    }
    if rule.has_to_option() {
        return refused("to");
    }
    if named.any(|name| name == "tag") {
        return refused("tag");
    }
    if has_entity(text) {
        return refused("domain-entity");
    }
    if rule.is_badfilter() {
        return Line::Cancels;
    }
    let bound =
        rule.opt_domains.is_some() || rule.hostname.as_deref().is_some_and(|h| !h.is_empty());
    let all = match &rule.filter {
        FilterPart::Empty => true,
        FilterPart::Simple(pattern) if rule.mask.contains(NetworkFilterMask::IS_COMPLETE_REGEX) => {
            match everything(pattern) {
                Some(all) => all,
                None => return refused("regex"),
            }
        }
        FilterPart::Simple(pattern) => pattern.bytes().all(|byte| b"*^|".contains(&byte)),
        FilterPart::AnyOf(_) => false,
    };
    if all && !bound {
        return refused("wide");
    }
    Line::Rule(Need::of(rule))
}

/// Whether `/…/` matches even an empty URL; None if it does not compile, as in the matcher.
fn everything(pattern: &str) -> Option<bool> {
    let compiled = RegexBuilder::new(&expression(pattern)?)
        .unicode(false)
        .build();
    Some(compiled.ok()?.is_match(b""))
}

/// What is between the slashes of `/…/`, as the matcher reads it.
pub(crate) fn expression(pattern: &str) -> Option<String> {
    let inner = pattern.get(1..pattern.len().checked_sub(1)?)?;
    Some(inner.replace("\\/", "/").replace("\\:", ":"))
}

/// The options behind the last `$`, as the matcher splits them.
fn options(text: &str) -> impl Iterator<Item = &str> {
    let behind = text.rfind('$').map_or("", |at| &text[at + 1..]);
    behind.split(',').filter(|option| !option.is_empty())
}

fn name_of(option: &str) -> &str {
    let bare = option.trim_start_matches('~');
    bare.split_once('=').map_or(bare, |(name, _)| name)
}

/// Whether `domain=` is bound to `name.*` or an expression in a way that leaving it out would
/// change: all of its domains are such, or an excluded one is.
fn has_entity(text: &str) -> bool {
    options(text)
        .filter_map(|option| {
            option
                .strip_prefix("domain=")
                .or(option.strip_prefix("from="))
        })
        .any(|domains| {
            let odd = |domain: &str| domain.ends_with(".*") || domain.ends_with('/');
            let mut wanted = domains.split('|').filter(|domain| !domain.starts_with('~'));
            let first = wanted.next();
            let only_odd = first.is_some_and(odd) && wanted.all(odd);
            let excluded = domains
                .split('|')
                .any(|domain| domain.starts_with('~') && odd(domain));
            only_odd || excluded
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let mut conditions = Conditions::default();
        match line_of(text.as_bytes(), &mut conditions).0 {
            Line::Rule(_) => "rule".into(),
            Line::Cancels => "cancels".into(),
            Line::Cosmetic => "cosmetic".into(),
            Line::Comment => "comment".into(),
            Line::Unsupported(why) => why,
        }
    }

    #[test]
    fn each_line_has_its_word() {
        let table = [
            ("||ads.example^", "rule"),
            ("/banner/*/img^", "rule"),
            ("@@||ads.example/ok$script", "rule"),
            ("||ads.example^$important,third-party", "rule"),
            ("||ads.example/x.js$redirect=noopjs", "rule"),
            ("||ads.example/x.js$rewrite=abp-resource:blank-js", "rule"),
            ("/ads[0-9]+/$script", "rule"),
            ("*$script,domain=bad.example", "rule"),
            ("||ads.example^$badfilter", "cancels"),
            ("example.com##.banner", "cosmetic"),
            ("example.com#@#.banner", "cosmetic"),
            ("##+js(nothing)", "cosmetic"),
            ("@@||ads.example^$generichide", "cosmetic"),
            ("! comment", "comment"),
            ("# comment", "comment"),
            ("[Adblock Plus 2.0]", "comment"),
            ("", "comment"),
            ("||ads.example^$removeparam=utm", "removeparam"),
            ("||ads.example^$removeparam=/^utm/", "removeparam"),
            ("||ads.example^$csp=script-src 'none'", "csp"),
            ("||ads.example^$redirect-rule=noopjs", "redirect-rule"),
            ("*$script,to=ads.example", "to"),
            ("||ads.example^$tag=x", "tag"),
            ("/ad.js$domain=name.*", "domain-entity"),
            ("/ad.js$domain=~name.*", "domain-entity"),
            ("/ad.js$domain=a.example|~name.*", "domain-entity"),
            ("/ad.js$domain=a.example|name.*", "rule"),
            ("/(?!a)ads/", "regex"),
            ("/.*/$script", "wide"),
            ("*", "syntax"),
            ("**", "wide"),
            ("@@*$script", "wide"),
            ("|https://", "wide"),
            ("||ads.example^$popup", "option:popup"),
            ("||ads.example^$whatever", "option:other"),
            ("!#include other.txt", "include"),
            ("||ads.example^$match-case", "syntax"),
        ];
        for (text, word) in table {
            assert_eq!(said(text), word, "{text}");
        }
        assert_eq!(said(&"a".repeat(MAX_LINE + 1)), "long");
        let broken = read(b"\xff\xfe\n||ads.example^", 0).counts;
        assert_eq!((broken.rules, broken.unsupported["not-utf8"]), (1, 1));
    }

    #[test]
    fn lines_keep_their_place_and_count() {
        let list =
            b"! a\r\n||one.example^\r\n##x\n\n!#if env_x\n||two.example^\n!#endif\nfoo$popup\n";
        let read = read(list, 7);
        assert_eq!(
            read.text.lines().position(|line| line == "||one.example^"),
            Some(1)
        );
        let counts = read.counts;
        assert_eq!(
            (counts.class, counts.rules, counts.cosmetic, counts.comments),
            (7, 1, 1, 4)
        );
        assert_eq!(counts.unsupported["conditional"], 1);
        assert_eq!(counts.unsupported["option:popup"], 1);
    }
}
