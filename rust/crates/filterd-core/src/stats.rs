//! Counters: what happened, in numbers, since the process started.

use serde_json::{json, Map, Value};

use crate::decide::{Decision, Kind};
use crate::matches::Match;
use crate::wire::{flag, rtype};

/// How many generations of per-rule counts are kept for who has not read them yet.
const GENERATIONS: usize = 8;

const DOORS: [&str; 4] = ["udp", "tcp", "dot", "doh"];
const KINDS: [&str; 4] = ["pass", "allow", "block", "rewrite"];
const QTYPES: [&str; 11] = [
    "A", "AAAA", "HTTPS", "PTR", "TXT", "MX", "NS", "SOA", "SRV", "ANY", "other",
];

/// The counters. What a hit counts stands in two lines of the processor's cache: the first one, and
/// that of `hits`.
#[derive(Default)]
#[repr(C, align(64))]
pub(crate) struct Stats {
    /// Questions that no rule had a say in; `verdicts` has them too once they are turned in.
    passed: u64,
    queries: [u64; 4],
    qtypes: [u64; 11],
    pub(crate) hits: u64,
    rcodes: [u64; 24],
    verdicts: [[u64; 10]; 4],
    /// The code of the reply that was counted last.
    last: u8,
    /// By door: what a question has to wait for is not the same for all of them.
    misses: [u64; 4],
    pub(crate) stale: u64,
    pub(crate) prefetches: u64,
    pub(crate) joined: u64,
    pub(crate) overload: u64,
    /// Questions turned away because their domain had its share.
    pub(crate) crowded: u64,
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
    /// Threads that met a fault of the program's own and went on.
    pub(crate) panics: u64,
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
        self.last = code.min(23);
        self.rcodes[usize::from(self.last)] += 1;
    }

    /// Count a reply with its code and whether it says TC.
    #[inline]
    pub(crate) fn sent(&mut self, code: u8, wire: &[u8]) {
        self.reply(code);
        let cut = |high: &u8| high & (flag::TC >> 8) as u8 != 0;
        if wire.get(2).is_some_and(cut) {
            self.truncated += 1;
        }
    }

    /// The reply that was counted last does not go out.
    pub(crate) fn withhold(&mut self) {
        let count = &mut self.rcodes[usize::from(self.last)];
        *count = count.saturating_sub(1);
    }

    /// Count a question that the cache could not answer.
    #[inline]
    pub(crate) fn miss(&mut self, door: u8) {
        self.misses[usize::from(door.min(3))] += 1;
    }

    /// Count a question that no rule had a say in.
    #[inline]
    pub(crate) fn passed(&mut self) {
        self.passed += 1;
    }

    /// Count a verdict under the generation that gave it.
    #[inline]
    pub(crate) fn verdict(&mut self, generation: u64, decision: &Decision<'_>) {
        self.add_verdicts(
            generation,
            decision.kind,
            decision.step,
            decision.hit.as_ref(),
            1,
        );
    }

    /// Count several that are the same.
    #[inline]
    pub(crate) fn add_verdicts(
        &mut self,
        generation: u64,
        kind: Kind,
        step: u8,
        hit: Option<&Match>,
        count: u64,
    ) {
        self.verdicts[kind_index(kind)][usize::from(step.min(9))] += count;
        if let Some(hit) = hit {
            self.class(generation, hit.class as usize, hit.layer, count);
        }
    }

    fn class(&mut self, generation: u64, class: usize, layer: u8, count: u64) {
        let Some(hits) = self.hits_of(generation) else {
            return;
        };
        if class >= hits.len() {
            hits.resize(class + 1, (0, 0));
        }
        hits[class].0 = layer;
        hits[class].1 += count;
    }

    /// The table of a generation; `None` for one that is older than all that are kept.
    fn hits_of(&mut self, generation: u64) -> Option<&mut Vec<(u8, u64)>> {
        let known = |of: &Classes| of.generation == generation;
        let place = match self.classes.iter().rposition(known) {
            Some(place) => place,
            None => {
                if self.classes.len() == GENERATIONS {
                    if self.classes[0].generation > generation {
                        return None;
                    }
                    self.classes.remove(0);
                }
                let after = |of: &Classes| of.generation < generation;
                let place = self.classes.partition_point(after);
                let hits = Vec::new();
                self.classes.insert(place, Classes { generation, hits });
                place
            }
        };
        self.classes.get_mut(place).map(|of| &mut of.hits)
    }

    /// Add what another has counted, and leave it empty.
    pub(crate) fn absorb(&mut self, other: &mut Self) {
        let other = std::mem::take(other);
        add(&mut self.queries, &other.queries);
        add(&mut self.qtypes, &other.qtypes);
        add(&mut self.rcodes, &other.rcodes);
        self.verdicts[kind_index(Kind::Pass)][9] += other.passed;
        for (mine, theirs) in self.verdicts.iter_mut().zip(&other.verdicts) {
            add(mine, theirs);
        }
        self.hits += other.hits;
        add(&mut self.misses, &other.misses);
        self.stale += other.stale;
        self.prefetches += other.prefetches;
        self.joined += other.joined;
        self.overload += other.overload;
        self.crowded += other.crowded;
        self.dropped += other.dropped;
        self.silenced += other.silenced;
        self.formerr += other.formerr;
        self.unusable += other.unusable;
        self.failed += other.failed;
        self.failures_remembered += other.failures_remembered;
        self.stripped_ech += other.stripped_ech;
        self.stripped_hints += other.stripped_hints;
        self.truncated += other.truncated;
        self.rematched += other.rematched;
        self.swaps += other.swaps;
        self.panics += other.panics;
        for of in other.classes {
            let rows = of.hits.into_iter().enumerate();
            for (class, (layer, count)) in rows.filter(|(_, (_, count))| *count > 0) {
                self.class(of.generation, class, layer, count);
            }
        }
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
                "misses": self.misses.iter().sum::<u64>(),
                "misses_by_door": named(&DOORS, &self.misses),
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
                "crowded": self.crowded,
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
            "samples_dropped": gauges.samples_dropped,
            "generation": gauges.generation,
            "swaps": self.swaps,
            "panics": self.panics,
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
    pub(crate) samples_dropped: u64,
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

fn add(mine: &mut [u64], theirs: &[u64]) {
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        *mine += theirs;
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
