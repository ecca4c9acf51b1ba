//! What a request must have for a blocking rule to match it.
//!
//! The matcher tries some fifty rules for a usual request, and nearly always none of them matches.
//! But each rule needs something that is quickly looked for: a host, a page that it is bound to, or
//! some text of the URL. Where a request has nothing that any rule of a class needs, the matcher is
//! not asked. What is needed is never more than what the rule says, so nothing that matches is lost.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::str;

use adblock::filters::network::{FilterPart, NetworkFilter, NetworkFilterMask};
use aho_corasick::AhoCorasick;
use regex_syntax::hir::{Hir, HirKind};
use regex_syntax::ParserBuilder;
use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_64;

use crate::asked::Traits;
use crate::error::{Error, Result};
use crate::lines::expression;

const GOOD: usize = 6; // bytes of a literal that says more than a page's domain does
const LONG: usize = 24; // bytes of a text that are looked for; what is behind them says little more
const MOST_TEXT: usize = 512 << 10; // bytes of all texts of a class, which take memory many times over
const LABELS: usize = 12; // of a host; the parts of longer ones are not looked up one by one

/// What one rule needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It blocks nothing.
    Nothing,
    /// Whole labels of the request's host.
    Host(String),
    /// One of these domains for the page that asks, as the matcher's hashes.
    Page(Vec<u64>),
    /// A text of the URL, in lower case.
    Text(String),
    /// Nothing that is known here.
    Unknown,
}

impl Need {
    /// What `rule` needs: the kind of need that the fewest requests have.
    pub(crate) fn of(rule: &NetworkFilter<'_>) -> Need {
        let is = |flag| rule.mask.contains(flag);
        if is(NetworkFilterMask::IS_EXCEPTION) {
            return Need::Nothing;
        }
        let mut host = "";
        if is(NetworkFilterMask::IS_HOSTNAME_ANCHOR) {
            host = rule.hostname.as_deref().unwrap_or_default();
        }
        let whole = host.trim_matches('.');
        // `||ads*` takes any label that begins so.
        if !whole.is_empty() && !is(NetworkFilterMask::IS_HOSTNAME_REGEX) {
            return Need::Host(whole.to_owned());
        }
        let pattern = match &rule.filter {
            FilterPart::Simple(pattern) => pattern,
            _ => "",
        };
        let text = match is(NetworkFilterMask::IS_COMPLETE_REGEX) {
            true => of_expression(pattern),
            false => rarer(longest(pattern), longest(host)).to_owned(),
        };
        let pages = rule.opt_domains.as_ref().filter(|pages| !pages.is_empty());
        match pages {
            Some(pages) if worth(&text) < GOOD => Need::Page(pages.clone()),
            _ if text.is_empty() => Need::Unknown,
            _ => Need::Text(text[..text.len().min(LONG)].to_ascii_lowercase()),
        }
    }
}

/// The longest part of a pattern that stands in a URL as it is. A backslash is none of the syntax,
/// but the matcher makes an expression of such a pattern.
fn longest(pattern: &str) -> &str {
    if pattern.contains('\\') {
        return "";
    }
    let plain = pattern.split(|c: char| matches!(c, '*' | '^' | '|') || !c.is_ascii());
    plain.fold("", rarer)
}

/// The longest text that every match of `/expression/` has.
fn of_expression(pattern: &str) -> String {
    let parsed = expression(pattern).and_then(|inner| {
        let mut parser = ParserBuilder::new().utf8(false).unicode(false).build();
        parser.parse(&inner).ok()
    });
    parsed.map_or_else(String::new, |parsed| in_all(&parsed).to_owned())
}

fn in_all(hir: &Hir) -> &str {
    match hir.kind() {
        HirKind::Literal(literal) => str::from_utf8(&literal.0)
            .ok()
            .filter(|text| text.is_ascii())
            .unwrap_or_default(),
        HirKind::Capture(capture) => in_all(&capture.sub),
        HirKind::Repetition(repeated) if repeated.min > 0 => in_all(&repeated.sub),
        HirKind::Concat(parts) => parts.iter().map(in_all).fold("", rarer),
        _ => "",
    }
}

/// The text that fewer URLs may have: the longer one, where that is not in nearly all of them.
fn rarer<'a>(one: &'a str, other: &'a str) -> &'a str {
    match (worth(other), other.len()) > (worth(one), one.len()) {
        true => other,
        false => one,
    }
}

fn worth(text: &str) -> usize {
    match "https://www.".contains(text) {
        true => 0,
        false => text.len(),
    }
}

/// What the rules of a class need, as it is written to a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Needs {
    hosts: Vec<u64>,
    pages: Vec<u64>,
    texts: Vec<String>,
    unknown: u64,
}

impl Needs {
    pub(crate) fn add(&mut self, need: Need) {
        match need {
            Need::Nothing => {}
            Need::Host(host) => self.hosts.push(XxHash3_64::oneshot(host.as_bytes())),
            Need::Page(mut pages) => self.pages.append(&mut pages),
            Need::Text(text) => self.texts.push(text),
            Need::Unknown => self.unknown += 1,
        }
    }

    pub(crate) fn append(&mut self, mut other: Needs) {
        self.hosts.append(&mut other.hosts);
        self.pages.append(&mut other.pages);
        self.texts.append(&mut other.texts);
        self.unknown += other.unknown;
    }

    /// The same needs, each once and in order, so that equal lists make equal files.
    pub(crate) fn sorted(mut self) -> Needs {
        for numbers in [&mut self.hosts, &mut self.pages] {
            numbers.sort_unstable();
            numbers.dedup();
        }
        self.texts.sort_unstable();
        self.texts.dedup();
        self
    }
}

/// The needs of a class, made to be looked for.
pub(crate) struct Needed {
    pub(crate) needs: Needs,
    hosts: HashSet<u64, BuildHasherDefault<Hashed>>,
    pages: HashSet<u64, BuildHasherDefault<Hashed>>,
    texts: AhoCorasick,
}

impl Needed {
    /// Of too many texts none is looked for: the matcher is always asked.
    ///
    /// # Errors
    /// [`Error::TooBig`]: more text than the automaton can hold.
    pub(crate) fn new(mut needs: Needs) -> Result<Needed> {
        if needs.texts.iter().map(String::len).sum::<usize>() > MOST_TEXT {
            needs.unknown = needs.unknown.saturating_add(needs.texts.len() as u64);
            needs.texts = Vec::new();
        }
        let texts = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(&needs.texts)
            .map_err(|_| Error::TooBig)?;
        Ok(Needed {
            hosts: needs.hosts.iter().copied().collect(),
            pages: needs.pages.iter().copied().collect(),
            texts,
            needs,
        })
    }

    /// Whether a blocking rule may match; if not, none does.
    pub(crate) fn has(&self, request: &Traits<'_>) -> bool {
        self.needs.unknown > 0
            || self.has_host(request.host)
            || request.pages.iter().any(|page| self.pages.contains(page))
            || self.texts.is_match(request.url)
    }

    /// A rule's host may stand anywhere in the request's, between two dots.
    fn has_host(&self, host: &str) -> bool {
        if self.hosts.is_empty() {
            return false;
        }
        let bytes = host.as_bytes();
        let dots = || memchr::memchr_iter(b'.', bytes);
        if dots().count() >= LABELS {
            return true;
        }
        let starts = std::iter::once(0).chain(dots().map(|dot| dot + 1));
        starts.into_iter().any(|start| {
            let ends = dots().skip_while(move |end| *end <= start);
            ends.chain(std::iter::once(bytes.len())).any(|end| {
                self.hosts
                    .contains(&XxHash3_64::oneshot(&bytes[start..end]))
            })
        })
    }
}

/// Takes a number that is a hash already for its own hash.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are kept")
    }
}

#[cfg(test)]
mod tests {
    use adblock::lists::{parse_filter, ParseOptions, ParsedLine};
    use proptest::prelude::*;

    use super::*;
    use crate::abp::{Abp, List, Request as Asking};
    use crate::asked::Spelled;

    fn need(rule: &str) -> Need {
        match parse_filter(rule, false, ParseOptions::default()) {
            Ok(ParsedLine::Network(rule)) => Need::of(&rule),
            _ => panic!("{rule}"),
        }
    }

    #[test]
    fn each_rule_has_its_need() {
        let host = |host: &str| Need::Host(host.into());
        let text = |text: &str| Need::Text(text.into());
        let table = [
            ("||ads.example^", host("ads.example")),
            ("||ads.example/x/*/banner.gif", host("ads.example")),
            ("||ADS.example^$important", host("ads.example")),
            ("||ads.", host("ads")),
            ("||ads*/banner.", text("/banner.")),
            ("||adserver*/x", text("adserver")),
            ("/Banner/*/img^", text("/banner/")),
            ("|https://*/ads^x|", text("/ads")),
            ("/ad?x\\d/*y$script", Need::Unknown),
            ("/ad.js$domain=bücher.example", text("/ad.js")),
            ("@@||ads.example^", Need::Nothing),
            ("/[a-f0-9]{32}\\/invoke\\.js/", text("/invoke.js")),
            ("/^https:\\/\\/[a-z]{3,}\\.pics\\/$/$image", text(".pics/")),
            ("/(one|two)\\/ads+z/", text("/ad")),
            ("/^https:\\/\\/[a-z]+\\//$script", text("https://")),
            ("://www.*.gif", text(".gif")),
            ("/^(https|ws):/$script", text(":")),
            ("/[a-z]+/$script,third-party", Need::Unknown),
        ];
        for (rule, wanted) in table {
            assert_eq!(need(rule), wanted, "{rule}");
        }
        let page = |rule: &str| matches!(need(rule), Need::Page(pages) if pages.len() == 2);
        assert!(page("/ad$domain=a.example|b.example"));
        assert!(page(
            "|https://$script,domain=a.example|b.example|~c.b.example"
        ));
        assert_eq!(need("/banners/*$domain=a.example"), text("/banners/"));
    }

    #[test]
    fn hosts_are_found_between_dots() {
        let mut needs = Needs::default();
        needs.add(Need::Host("ads.example".into()));
        let needed = Needed::new(needs).expect("built");
        for host in [
            "ads.example",
            "x.ads.example",
            "ads.example.test",
            "a.ads.example.test",
        ] {
            assert!(needed.has_host(host), "{host}");
        }
        for host in [
            "xads.example",
            "ads.examples",
            "example",
            "ads",
            "",
            "a..b",
            ".",
        ] {
            assert!(!needed.has_host(host), "{host}");
        }
        assert!(
            needed.has_host(&"a.".repeat(64)),
            "too long to be looked up"
        );
    }

    #[test]
    fn of_too_many_texts_none_is_looked_for() {
        let mut needs = Needs::default();
        for number in 0..30_000 {
            needs.add(need(&format!("/some-long-advertisement-{number}/x^")));
        }
        assert!(needs.texts.iter().all(|text| text.len() == LONG));
        let needed = Needed::new(needs).expect("built");
        assert_eq!(
            (needed.needs.unknown, needed.needs.texts.len()),
            (30_000, 0)
        );
        let traits = Traits {
            url: "https://a.example/",
            host: "a.example",
            pages: (&[]).into(),
        };
        assert!(needed.has(&traits));
    }

    fn pattern() -> impl Strategy<Value = String> {
        let host = "([ab]{1,2}\\.){0,2}(test|a\\.test)?";
        prop_oneof![
            3 => (host, "[/ab.*^]{0,5}\\|?").prop_map(|(host, rest)| format!("||{host}{rest}")),
            3 => "\\|?[/ab.*^?=]{1,7}\\|?",
            1 => "/\\^?(https:\\\\/\\\\/)?[ab.+]{1,3}(\\\\/|\\\\.|[ab]\\{2\\}|\\(a\\|b\\))[ab.+?]{0,3}/",
            1 => "/[ab]\\\\[a-z.][ab*]{0,3}",
        ]
    }

    fn rule() -> impl Strategy<Value = String> {
        let option = "(script|image|third-party|important|domain=a\\.test|domain=b\\.test\\|~a\\.b\\.test|~script)";
        (pattern(), prop::option::of(option)).prop_map(|(pattern, option)| match option {
            Some(option) => format!("{pattern}${option}"),
            None => pattern,
        })
    }

    fn url() -> impl Strategy<Value = String> {
        prop_oneof![
            6 => "https?://([ab]{1,2}\\.){0,3}(test|b|A\\.test)(:80)?/[/abAB.?=]{0,8}",
            1 => "https?://[aB.:@%0-9é-]{0,8}/\\PC{0,8}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3_000))]
        #[test]
        fn where_a_rule_blocks_its_need_is_there(
            rules in prop::collection::vec(rule(), 1..4),
            url in url(),
            source in prop_oneof![1 => Just(None), 3 => url().prop_map(Some)],
            kind in prop_oneof![Just("script"), Just("image"), Just("document")],
        ) {
            let text = rules.join("\n");
            let list = List { data: text.as_bytes(), class: 0 };
            let abp = Abp::build(&[list], &[]).expect("built");
            let asking = Asking {
                url: &url,
                source_url: source.as_deref(),
                request_type: kind,
                method: "GET",
            };
            let spelled = Spelled::of(&asking);
            let Ok(request) = spelled.read() else { return Ok(()) };
            let traits = spelled.traits().unwrap_or_else(|| Traits::of(&request));
            for part in &abp.parts {
                if part.engine.check_network_request(&request).filter.is_some() {
                    prop_assert!(part.needed.has(&traits), "{rules:?}");
                }
            }
        }
    }
}
