//! Counters: what happened, in numbers, since the process started.

use serde_json::{json, Map, Value};

use crate::decide::{Decision, Kind};
use crate::matches::Match;
use crate::wire::rtype;

/// How many generations of per-rule counts are kept for who has not read them yet.
const GENERATIONS: usize = 8;

const DOORS: [&str; 4] = ["udp", "tcp", "dot", "doh"];
const KINDS: [&str; 4] = ["pass", "allow", "block", "rewrite"];
const QTYPES: [&str; 11] = [
    "A", "AAAA", "HTTPS", "PTR", "TXT", "MX", "NS", "SOA", "SRV", "ANY", "other",
];

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
        if self
            .classes
            .last()
            .is_none_or(|last| last.generation != generation)
        {
            if self.classes.len() == GENERATIONS {
                self.classes.remove(0);
            }
            self.classes.push(Classes {
                generation,
                hits: Vec::new(),
            });
        }
        let Some(last) = self.classes.last_mut() else {
            return;
        };
        let class = hit.class as usize;
        if class >= last.hits.len() {
            last.hits.resize(class + 1, (0, 0));
        }
        last.hits[class].0 = hit.layer;
        last.hits[class].1 += 1;
    }

    /// All counters as JSON; the names are those `metrics/` in Python reads. What has not happened
    /// may be missing.
    pub(crate) fn json(&self, gauges: &Gauges) -> Value {
        let verdicts = KINDS.iter().zip(&self.verdicts);
        let verdicts: Map<_, _> = verdicts
            .map(|(kind, steps)| ((*kind).to_owned(), numbered(steps)))
            .collect();
        let (now, before): (Vec<_>, Vec<_>) = self
            .classes
            .iter()
            .partition(|of| of.generation == gauges.generation);
        let earlier: Vec<_> = before
            .iter()
            .map(|of| json!({"generation": of.generation, "hits": of.rows()}))
            .collect();
        json!({
            "queries": named(&DOORS, &self.queries),
            "types": named(&QTYPES, &self.qtypes),
            "verdicts": verdicts,
            "rcodes": numbered(&self.rcodes),
            "cache": {
                "hits": self.hits,
                "misses": self.misses,
                "stale": self.stale,
                "prefetches": self.prefetches,
                "evictions": gauges.cache_evictions,
                "bytes": gauges.cache_bytes,
                "entries": gauges.cache_entries,
                "rematched": self.rematched,
            },
            "misses": {
                "in_flight": gauges.in_flight,
                "waiting": gauges.waiting,
                "joined": self.joined,
                "overload": self.overload,
                "failed": self.failed,
                "failures_remembered": self.failures_remembered,
            },
            "malformed": {"dropped": self.dropped, "formerr": self.formerr},
            "answers_unusable": self.unusable,
            "ech_stripped": self.stripped_ech,
            "hints_stripped": self.stripped_hints,
            "silenced": self.silenced,
            "truncated": self.truncated,
            "events_waiting": gauges.events_waiting,
            "events_dropped": gauges.events_dropped,
            "generation": gauges.generation,
            "swaps": self.swaps,
            "hits": now.first().map_or_else(Vec::new, |of| of.rows()),
            "earlier": earlier,
        })
    }
}

/// What is read off at the moment, not counted.
pub(crate) struct Gauges {
    pub(crate) cache_entries: usize,
    pub(crate) cache_bytes: usize,
    pub(crate) cache_evictions: u64,
    pub(crate) in_flight: usize,
    pub(crate) waiting: usize,
    pub(crate) events_waiting: usize,
    pub(crate) events_dropped: u64,
    pub(crate) generation: u64,
}

impl Classes {
    /// Layer, class and count of those that were hit.
    fn rows(&self) -> Vec<Value> {
        let hits = self
            .hits
            .iter()
            .enumerate()
            .filter(|(_, (_, count))| *count > 0);
        hits.map(|(class, (layer, count))| json!([layer, class, count]))
            .collect()
    }
}

fn named(names: &[&str], counts: &[u64]) -> Value {
    let pairs = names
        .iter()
        .zip(counts)
        .map(|(name, count)| ((*name).to_owned(), json!(count)));
    Value::Object(pairs.collect())
}

fn numbered(counts: &[u64]) -> Value {
    let pairs = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    Value::Object(
        pairs
            .map(|(number, count)| (number.to_string(), json!(count)))
            .collect(),
    )
}

fn kind_index(kind: Kind) -> usize {
    match kind {
        Kind::Pass => 0,
        Kind::Allow => 1,
        Kind::Block => 2,
        Kind::Rewrite => 3,
    }
}
