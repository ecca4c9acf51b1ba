//! Counts of decisions, made where they are taken, so that at the privacy level "aggregates" no
//! record of a single query exists at all: no client, no time finer than a slot. About how many
//! clients there were in a slot is kept as bits that say nothing else; see `bands.rs`.
//!
//! Bounded: past `most` different rows, further patterns are counted without their name.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::decide::Kind;
use crate::events::ShortName;
use crate::hash::{Keyed, Secret};
use crate::matches::{Match, MatchKind};
use crate::snapshot::Snapshot;
use crate::wire::name::last_labels;

/// One row of counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Start of the slot, unix seconds.
    pub slot: i64,
    /// pass, allow, block or rewrite.
    pub kind: &'static str,
    /// The step of the precedence list, 1 to 9.
    pub step: u8,
    /// Global class id in its generation; -1 without a rule.
    pub class: i32,
    /// Name of the group.
    pub group: String,
    /// What matched; "" without a rule, for a client's address, and past the bound.
    pub pattern: String,
    /// How many.
    pub count: u64,
    /// Generation of the snapshot that decided.
    pub generation: u64,
    /// The bits of the clients, by `bands.rs`; those of one slot only may be put together.
    pub clients: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    generation: u64,
    slot: i64,
    class: i32,
    group: u16,
    kind: Kind,
    step: u8,
    /// The labels of a name pattern, or the number of a regex or network.
    pattern: ShortName,
}

/// One row before its words are made.
struct Row {
    hit: Option<Match>,
    /// The row that counts what found no place of its own: it has no pattern.
    nameless: bool,
    sum: Sum,
}

/// How many decisions, and the bits of the clients that they were for.
#[derive(Clone, Copy, Default)]
struct Sum {
    count: u64,
    clients: u64,
}

impl Sum {
    #[inline]
    fn add(&mut self, more: Self) {
        self.count += more.count;
        self.clients |= more.clients;
    }
}

/// What tells decisions without a pattern apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Plain {
    generation: u64,
    slot: i64,
    group: u16,
    kind: Kind,
    step: u8,
}

/// How many of those are looked through; beyond, they are rows like any other.
const PLAIN: usize = 16;

/// The rows since they were last taken.
pub(crate) struct Tally {
    rows: Keyed<Key, Row>,
    most: usize,
    /// Decisions without a pattern, which are most of all: few kinds, found by looking.
    plain: Vec<(Plain, Sum)>,
    /// Every snapshot that a row speaks of: one, or a few where rules were swapped meanwhile.
    snapshots: Vec<Arc<Snapshot>>,
}

/// What a decision came to, as far as it is counted.
pub(crate) struct Told<'a> {
    pub(crate) kind: Kind,
    pub(crate) step: u8,
    pub(crate) hit: Option<&'a Match>,
    pub(crate) group: u16,
    /// The bits of the clients that were told.
    pub(crate) clients: u64,
    /// The name that was matched (wire, lower case): the qname or a target.
    pub(crate) matched: &'a [u8],
}

impl Tally {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            rows: Keyed::default(),
            most,
            plain: Vec::new(),
            snapshots: Vec::new(),
        }
    }

    /// An empty one with the room that this one came to need.
    pub(crate) fn successor(&self) -> Self {
        Self {
            rows: Keyed::with_capacity_and_hasher(self.rows.len(), Secret::default()),
            most: self.most,
            plain: Vec::new(),
            snapshots: Vec::new(),
        }
    }

    /// Count one decision at `slot`.
    #[inline]
    pub(crate) fn add(&mut self, snapshot: &Arc<Snapshot>, slot: i64, told: &Told<'_>) {
        if told.kind == Kind::Pass || told.hit.is_none() {
            let plain = Plain {
                generation: snapshot.generation,
                slot,
                group: told.group,
                kind: told.kind,
                step: if told.kind == Kind::Pass {
                    9
                } else {
                    told.step
                },
            };
            let one = Sum {
                count: 1,
                clients: told.clients,
            };
            if let Some((_, sum)) = self.plain.iter_mut().find(|(known, _)| *known == plain) {
                sum.add(one);
                return;
            }
            if self.plain.len() < PLAIN {
                self.plain.push((plain, one));
                self.keep(snapshot);
                return;
            }
        }
        self.add_many(snapshot, slot, told, 1);
    }

    /// Count `n` decisions that are the same.
    pub(crate) fn add_many(
        &mut self,
        snapshot: &Arc<Snapshot>,
        slot: i64,
        told: &Told<'_>,
        n: u64,
    ) {
        // Which default or protected name let something pass would narrow down what was asked.
        let hit = told.hit.filter(|_| told.kind != Kind::Pass);
        let mut key = Key {
            generation: snapshot.generation,
            slot,
            class: hit.map_or(-1, |hit| i32::try_from(hit.class).unwrap_or(i32::MAX)),
            group: told.group,
            kind: told.kind,
            step: if told.kind == Kind::Pass {
                9
            } else {
                told.step
            },
            pattern: hit.map_or_else(ShortName::new, |hit| spelled(hit, told.matched)),
        };
        let sum = Sum {
            count: n,
            clients: told.clients,
        };
        if let Some(row) = self.rows.get_mut(&key) {
            row.sum.add(sum);
            return;
        }
        let nameless = self.rows.len() >= self.most;
        if nameless {
            key.pattern.clear();
        }
        self.keep(snapshot);
        let row = Row {
            hit: hit.copied(),
            nameless,
            sum: Sum::default(),
        };
        self.rows.entry(key).or_insert(row).sum.add(sum);
    }

    /// How many rows it has.
    pub(crate) fn len(&self) -> usize {
        self.rows.len() + self.plain.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.plain.is_empty()
    }

    /// Add what another has counted.
    pub(crate) fn absorb(&mut self, other: Self) {
        for snapshot in other.snapshots {
            self.keep(&snapshot);
        }
        for (plain, more) in other.plain {
            match self.plain.iter_mut().find(|(known, _)| *known == plain) {
                Some((_, sum)) => sum.add(more),
                None => self.plain.push((plain, more)),
            }
        }
        for (mut key, mut row) in other.rows {
            if !self.rows.contains_key(&key) && self.rows.len() >= self.most {
                key.pattern.clear();
                row.nameless = true;
            }
            match self.rows.entry(key) {
                Entry::Occupied(mut known) => known.get_mut().sum.add(row.sum),
                Entry::Vacant(place) => {
                    place.insert(row);
                }
            }
        }
    }

    fn keep(&mut self, snapshot: &Arc<Snapshot>) {
        let generation = snapshot.generation;
        let is_known = |known: &Arc<Snapshot>| known.generation == generation;
        if !self.snapshots.iter().any(is_known) {
            self.snapshots.push(Arc::clone(snapshot));
        }
    }
}

/// Put all rows in words, in the order of a log's key: neighbours are written together.
pub(crate) fn describe(tally: Tally) -> Vec<Count> {
    let snapshots = tally.snapshots;
    let of = |generation: u64| {
        snapshots
            .iter()
            .find(|known| known.generation == generation)
    };
    let plain = tally.plain.into_iter().filter_map(|(plain, sum)| {
        Some(Count {
            slot: plain.slot,
            kind: plain.kind.word(),
            step: plain.step,
            class: -1,
            group: of(plain.generation)?.group(plain.group).name.clone(),
            pattern: String::new(),
            count: sum.count,
            generation: plain.generation,
            clients: sum.clients,
        })
    });
    let rows = tally.rows.into_iter().filter_map(|(key, row)| {
        let snapshot = of(key.generation)?;
        let pattern = match row.hit {
            Some(hit) if !row.nameless && !is_client(&hit) => {
                snapshot.pattern_text(&hit, &key.pattern)
            }
            _ => String::new(),
        };
        Some(Count {
            slot: key.slot,
            kind: key.kind.word(),
            step: key.step,
            class: key.class,
            group: snapshot.group(key.group).name.clone(),
            pattern,
            count: row.sum.count,
            generation: key.generation,
            clients: row.sum.clients,
        })
    });
    let mut counts: Vec<Count> = plain.chain(rows).collect();
    counts.sort_unstable_by(|one, other| one.order().cmp(&other.order()));
    counts
}

impl Count {
    fn order(&self) -> (i64, &str, &str, u8, i32, &str) {
        (
            self.slot,
            &self.group,
            self.kind,
            self.step,
            self.class,
            &self.pattern,
        )
    }
}

/// A rule about who asks (RPZ rpz-client-ip): its pattern is an address of a client.
fn is_client(hit: &Match) -> bool {
    hit.kind == MatchKind::Network && hit.source == 0
}

/// The bytes that tell one pattern of a class from another.
fn spelled(hit: &Match, matched: &[u8]) -> ShortName {
    match hit.kind {
        MatchKind::Regex | MatchKind::Network | MatchKind::Url => {
            ShortName::from_slice(&hit.pattern.to_be_bytes())
        }
        MatchKind::Exact | MatchKind::Subtree | MatchKind::Below => {
            ShortName::from_slice(last_labels(matched, hit.depth))
        }
    }
}
