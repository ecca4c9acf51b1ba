//! Lists in, verdicts out.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::panic::{catch_unwind, AssertUnwindSafe};

use adblock::lists::{FilterSet, ParseOptions, RuleTypes};
use adblock::sourcemap::FilterRuleDebugInfo;
use adblock::Engine;

use crate::asked::{Spelled, Traits};
use crate::error::{Error, Result};
use crate::lines::{self, Counts};
use crate::need::{Needed, Needs};

/// Most bytes of all lists together.
pub const MAX_LISTS_BYTES: usize = 128 << 20;
/// Bytes of a URL that are looked at; what is behind them matches nothing.
pub const MAX_URL: usize = 16_384;

/// A list and its class.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    /// The text as it was fetched.
    pub data: &'a [u8],
    /// A number of the caller's; lists of one class answer as one.
    pub class: u32,
}

/// What is asked about. Hosts are in ASCII (A-labels).
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The whole URL, `http`, `https`, `ws` or `wss`.
    pub url: &'a str,
    /// The URL of the page or frame that asks, or its origin; None: not known. A document that
    /// nobody asks for is its own first party, anything else counts as a third party's.
    pub source_url: Option<&'a str>,
    /// `document`, `subdocument`, `script`, `stylesheet`, `image`, `font`, `media`, `object`,
    /// `ping`, `websocket`, `xmlhttprequest`, `csp_report`; all other words mean `other`.
    pub request_type: &'a str,
    /// The method, in any case.
    pub method: &'a str,
}

/// How a rule matched. The earlier one wins over the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Blocks in spite of exceptions.
    Important,
    /// Lifts a block.
    Exception,
    /// Blocks.
    Block,
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Important => "important",
            Kind::Exception => "exception",
            Kind::Block => "block",
        }
    }
}

/// A rule that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The class of its list.
    pub class: u32,
    /// The line as it stands in the list.
    pub rule: String,
    /// Its number in its list, from 1; 0: not known.
    pub line: u32,
    /// What it does.
    pub kind: Kind,
}

pub(crate) struct Part {
    pub(crate) class: u32,
    pub(crate) engine: Engine,
    pub(crate) needed: Needed,
}

/// Lists, compiled. One engine a class, in the order in which classes first came.
pub struct Abp {
    pub(crate) parts: Vec<Part>,
    pub(crate) counts: Vec<Counts>,
}

impl Abp {
    /// Compiles `lists`. `$badfilter` cancels the equal rules of every list, but for lists of a class
    /// in `sealed`, where only their own counts.
    ///
    /// # Errors
    /// [`Error::TooBig`]; [`Error::Failed`] if the matcher gives up.
    pub fn build(lists: &[List<'_>], sealed: &[u32]) -> Result<Abp> {
        let bytes = lists.iter().map(|list| list.data.len()).sum::<usize>();
        if bytes > MAX_LISTS_BYTES {
            return Err(Error::TooBig);
        }
        guarded(|| {
            let mut counts = Vec::with_capacity(lists.len());
            let mut order = Vec::new();
            let mut texts = BTreeMap::<u32, (Vec<String>, Needs)>::new();
            let mut cancels = String::new();
            for list in lists {
                let read = lines::read(list.data, list.class);
                counts.push(read.counts);
                cancels.push_str(&read.cancels);
                let (lines, needs) = texts.entry(list.class).or_default();
                lines.push(read.text);
                needs.append(read.needs);
                if !order.contains(&list.class) {
                    order.push(list.class);
                }
            }
            let mut parts = Vec::with_capacity(order.len());
            for class in order {
                let (mut texts, needs) = texts.remove(&class).unwrap_or_default();
                if !sealed.contains(&class) {
                    texts.push(cancels.clone());
                }
                parts.push(Part {
                    class,
                    engine: compile(texts),
                    needed: Needed::new(needs.sorted())?,
                });
            }
            Ok(Abp { parts, counts })
        })
    }

    /// What became of each list, in the order given.
    pub fn counts(&self) -> &[Counts] {
        &self.counts
    }

    /// The rules that speak about `request`: for each class in `only` (None: all) the block that
    /// matched, if one did, and once there is a block that exceptions can lift, for each class the
    /// exception that matched. Empty: no rule blocks.
    ///
    /// # Errors
    /// [`Error::Url`]; [`Error::Failed`] if the matcher gives up.
    pub fn matches(&self, request: &Request<'_>, only: Option<&[u32]>) -> Result<Vec<Match>> {
        guarded(|| {
            let spelled = Spelled::of(request);
            let read = OnceCell::new();
            // In the matcher's form, which costs more than all that is looked at before.
            let request = || match read.get() {
                Some(request) => Ok(request),
                None => spelled.read().map(|made| read.get_or_init(|| made)),
            };
            let traits = match spelled.traits() {
                Some(traits) => traits,
                None => Traits::of(request()?),
            };
            let counted = |part: &&Part| only.is_none_or(|only| only.contains(&part.class));
            let mut found = Vec::new();
            let mut lifted = Vec::new();
            let mut open = Vec::new(); // classes without a block, whose exceptions were not looked at
            for part in self.parts.iter().filter(counted) {
                if !part.needed.has(&traits) {
                    open.push(part);
                    continue;
                }
                let result = part.engine.check_network_request(request()?);
                let kind = match result.important {
                    true => Kind::Important,
                    false => Kind::Block,
                };
                match result.filter {
                    Some(info) => found.push(said(part.class, info, kind)),
                    None => open.push(part),
                }
                if let Some(info) = result.exception {
                    lifted.push(said(part.class, info, Kind::Exception));
                }
            }
            if found.iter().any(|found| found.kind == Kind::Block) {
                for part in open {
                    let result = part
                        .engine
                        .check_network_request_subset(request()?, true, true);
                    if let Some(info) = result.exception {
                        lifted.push(said(part.class, info, Kind::Exception));
                    }
                }
                found.append(&mut lifted);
            }
            Ok(found)
        })
    }

    /// The rule that wins: an important block, else an exception from a block, else a block.
    ///
    /// # Errors
    /// As [`Abp::matches`].
    pub fn check(&self, request: &Request<'_>, only: Option<&[u32]>) -> Result<Option<Match>> {
        let found = self.matches(request, only)?;
        Ok(found.into_iter().min_by_key(|found| found.kind))
    }
}

fn compile(texts: Vec<String>) -> Engine {
    let mut set = FilterSet::new(true); // with the text of rules
    let options = ParseOptions {
        rule_types: RuleTypes::NetworkOnly,
        ..ParseOptions::default()
    };
    for text in texts {
        set.add_filter_list(text, options);
    }
    // Not "optimised": that fuses rules, and nobody could say which one matched.
    Engine::new_with_filter_set_no_optimize(set)
}

fn said(class: u32, info: FilterRuleDebugInfo, kind: Kind) -> Match {
    let line = info.source_location.map_or(0, |at| at.line_number + 1);
    Match {
        class,
        rule: info.raw_line.unwrap_or_default(),
        line,
        kind,
    }
}

/// Turns a panic of the matcher into an error: it reads what strangers write.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Error::Failed))
}
