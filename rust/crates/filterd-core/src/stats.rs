//! Counters: what happened, in numbers, since the process started.

use serde_json::{json, Map, Value};

use crate::decide::{Decision, Kind};
use crate::matches::Match;
use crate::wire::rtype;

/// How many generations of per-rule counts are kept for who has not read them yet.
const GENERATIONS: usize = 8;

const DOORS: [&str; 4] = ["udp", "tcp", "dot", "doh"];
const KINDS: [&str; 4] = ["pass", "allow", "block", "rewrite"];
const QTYPES: [&str; 11] =
    ["A", "AAAA", "HTTPS", "PTR", "TXT", "MX", "NS", "SOA", "SRV", "ANY", "other"];

/// The counters.
#[derive(Default)]
pub(crate) struct Stats {
    queries: [u64; 4],
    qtypes: [u64; 11],
    verdicts: [[u64; 10]; 4],
    rcodes: [u64; 24],
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    pub(crate) stale: u64,
    pub(crate) prefetches: u64,
    pub(crate) joined: u64,
    pub(crate) overload: u64,
    /// Packets not answered because they are no queries.
    pub(crate) dropped: u64,
    /// Blocked by silence.
    pub(crate) silenced: u64,
    pub(crate) formerr: u64,
    /// Answers of upstreams that did not hold together or fit their question.
    pub(crate) unusable: u64,
    /// Questions no upstream answered well.
    pub(crate) failed: u64,
    pub(crate) failures_remembered: u64,
    pub(crate) stripped_ech: u64,
    pub(crate) stripped_hints: u64,
    pub(crate) truncated: u64,
    pub(crate) rematched: u64,
    pub(crate) swaps: u64,
    classes: Vec<Classes>,
}

/// Hits by class of rules, within one generation: class ids mean nothing outside of it.
struct Classes {
    generation: u64,
    /// Layer and count by global class id.
    hits: Vec<(u8, u64)>,
}

impl Stats {
    #[inline]
    pub(crate) fn query(&mut self, door: u8, qtype: u16) {
        self.queries[usize::from(door.min(3))] += 1;
        let bucket = match qtype {
            rtype::A => 0,
            rtype::AAAA => 1,
            rtype::HTTPS => 2,
            rtype::PTR => 3,
            rtype::TXT => 4,
            rtype::MX => 5,
            rtype::NS => 6,
            rtype::SOA => 7,
            rtype::SRV => 8,
            rtype::ANY => 9,
            _ => 10,
        };
        self.qtypes[bucket] += 1;
    }

    #[inline]
    pub(crate) fn reply(&mut self, code: u8) {
        self.rcodes[usize::from(code.min(23))] += 1;
    }

    /// Count a verdict under the generation that gave it.
    #[inline]
    pub(crate) fn verdict(&mut self, generation: u64, decision: &Decision<'_>) {
        self.verdicts[kind_index(decision.kind)][usize::from(decision.step.min(9))] += 1;
        if let Some(hit) = decision.hit {
            self.class(generation, hit);
        }
    }

    fn class(&mut self, generation: u64, hit: Match) {
        if self.classes.last().is_none_or(|last| last.generation != generation) {
            if self.classes.len() == GENERATIONS {
                self.classes.remove(0);
            }
            self.classes.push(Classes { generation, hits: Vec::new() });
        }
        let Some(last) = self.classes.last_mut() else { return };
        let class = hit.class as usize;
        if class >= last.hits.len() {
            last.hits.resize(class + 1, (0, 0));
        }
        last.hits[class].0 = hit.layer;
        last.hits[class].1 += 1;
    }

    /// All counters as JSON.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let mut out = Map::new();
        let named = |names: &[&str], counts: &[u64]| -> Value {
            let pairs = names.iter().zip(counts).map(|(name, count)| ((*name).into(), json!(count)));
            Value::Object(pairs.collect())
        };
        out.insert("queries".into(), named(&DOORS, &self.queries));
        out.insert("qtypes".into(), named(&QTYPES, &self.qtypes));
        let verdicts: Map<_, _> =
            KINDS.iter().zip(&self.verdicts).map(|(kind, steps)| ((*kind).into(), json!(steps))).collect();
        out.insert("verdicts".into(), Value::Object(verdicts));
        let rcodes = self.rcodes.iter().enumerate().filter(|(_, count)| **count > 0);
        let rcodes: Map<_, _> = rcodes.map(|(code, n)| (code.to_string(), json!(n))).collect();
        out.insert("rcodes".into(), Value::Object(rcodes));
        for (name, count) in [
            ("cache_hits", self.hits),
            ("cache_misses", self.misses),
            ("cache_stale", self.stale),
            ("prefetches", self.prefetches),
            ("joined", self.joined),
            ("overload", self.overload),
            ("dropped", self.dropped),
            ("silenced", self.silenced),
            ("formerr", self.formerr),
            ("answers_unusable", self.unusable),
            ("resolutions_failed", self.failed),
            ("failures_remembered", self.failures_remembered),
            ("stripped_ech", self.stripped_ech),
            ("stripped_hints", self.stripped_hints),
            ("truncated", self.truncated),
            ("rematched", self.rematched),
            ("swaps", self.swaps),
        ] {
            out.insert(name.into(), json!(count));
        }
        let classes = self.classes.iter().map(|of| {
            let hits = of.hits.iter().enumerate().filter(|(_, (_, count))| *count > 0);
            let hits: Vec<_> = hits.map(|(class, (layer, count))| json!([layer, class, count])).collect();
            json!({"generation": of.generation, "hits": hits})
        });
        out.insert("classes".into(), Value::Array(classes.collect()));
        out
    }
}

fn kind_index(kind: Kind) -> usize {
    match kind {
        Kind::Pass => 0,
        Kind::Allow => 1,
        Kind::Block => 2,
        Kind::Rewrite => 3,
    }
}
