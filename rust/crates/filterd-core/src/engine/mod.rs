//! The engine: bytes of a query in, bytes of a reply out.
//!
//! A query is parsed without a lock; then one short lock covers the cache, the verdict and the
//! reply. Rules are matched outside of the lock, but for what is kept or waits from before a swap:
//! that is matched again under it. What is not in the cache is parked until `complete` brings its
//! answer; questions that are the same wait together, and each client's verdict is its own. All
//! bounded; time is handed in.

mod case;
mod complete;
mod misses;
mod said;
mod serve;
mod settings;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use complete::Replies;
pub use misses::Question;
pub use settings::{Record, Settings};

pub use crate::tally::Count;

use crate::cache::{Cache, Failures, Keys, Memo, Ticker};
use crate::events::{Event, Ring};
use crate::matches::Matches;
use crate::reply::{self, Asked};
use crate::snapshot::Snapshot;
use crate::stats::{Gauges, Stats};
use crate::tally::Tally;
use crate::wire::query::{self, Query, Refusal};
use crate::wire::rcode;
use misses::Misses;

/// Names whose matches are remembered although their answers are not cached.
const MEMO: usize = 16_384;

/// Rows of counts kept until they are taken. A flood of names that are asked for once each is
/// counted by list and group beyond that: coarser before anything is lost.
const ROWS: usize = 16_384;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The reply stands in the buffer.
    Reply,
    /// Parked; `complete` or `serve_stale` names this token with the reply.
    Miss(u64),
    /// No reply: not a query, or a rule says silence.
    Drop,
}

/// See the module. One for all threads and doors of a process.
pub struct Engine {
    settings: Settings,
    keys: Keys,
    state: Mutex<State>,
}

/// What the lock guards. In two parts, so that a query can hold on to the one while it changes the
/// other, and need not count itself in and out.
struct State {
    snapshot: Arc<Snapshot>,
    tables: Tables,
}

/// What is kept, parked and counted.
struct Tables {
    ticker: Ticker,
    cache: Cache,
    memo: Memo,
    failures: Failures,
    misses: Misses,
    ring: Ring,
    tally: Tally,
    stats: Stats,
}

impl Engine {
    /// Make an engine with an empty cache.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, settings: Settings) -> Self {
        let tables = Tables {
            ticker: Ticker::default(),
            cache: Cache::new(settings.cache_bytes),
            memo: Memo::new(MEMO),
            failures: Failures::default(),
            misses: Misses::new(settings.max_misses),
            ring: Ring::new(settings.ring),
            tally: Tally::new(ROWS),
            stats: Stats::default(),
        };
        Self {
            settings,
            keys: Keys::default(),
            state: Mutex::new(State { snapshot, tables }),
        }
    }

    /// Put a new snapshot in force: for every query from now on, and for all that is cached.
    pub fn swap(&self, snapshot: Arc<Snapshot>) {
        let mut state = self.lock();
        state.tables.stats.swaps += 1;
        let old = std::mem::replace(&mut state.snapshot, snapshot);
        drop(state);
        // Unmapping an index is not for the time of the lock.
        drop(old);
    }

    /// The snapshot in force.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.lock().snapshot)
    }

    /// Answer `packet` into `out`, park it, or drop it. `now`: unix seconds. `door`: 0 udp, 1 tcp,
    /// 2 dot, 3 doh. Whatever is in the packet, this does not panic.
    pub fn handle(
        &self,
        packet: &[u8],
        client: IpAddr,
        now: f64,
        door: u8,
        out: &mut Vec<u8>,
    ) -> Outcome {
        match query::read(packet) {
            Ok(query) => self.answer(&query, packet, client, now, door, out),
            Err(refusal) => self.refuse(refusal, packet, door, out),
        }
    }

    fn answer(
        &self,
        query: &Query,
        packet: &[u8],
        client: IpAddr,
        now: f64,
        door: u8,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let asked = self.asked(query, packet, door);
        let key = self.keys.key(&query.question, serve::key_flags(query));
        let ask = serve::Ask {
            query,
            asked,
            key,
            client,
            now,
            door,
        };
        let mut fresh: Option<(u64, Matches)> = None;
        loop {
            let snapshot = {
                let State { snapshot, tables } = &mut *self.lock();
                let (settings, keys) = (&self.settings, &self.keys);
                match tables.answer(snapshot, settings, keys, &ask, fresh.take(), out) {
                    Some(outcome) => return outcome,
                    None => Arc::clone(snapshot),
                }
            };
            // Not known: match without the lock, and look again. A swap in between sends us round
            // once more, and swaps are rarer than that.
            let mut found = Matches::new();
            snapshot.match_name(query.question.name(), &mut found);
            fresh = Some((snapshot.generation, found));
        }
    }

    fn refuse(&self, refusal: Refusal, packet: &[u8], door: u8, out: &mut Vec<u8>) -> Outcome {
        let (qtype, code) = match refusal {
            Refusal::Drop => {
                self.lock().tables.stats.dropped += 1;
                return Outcome::Drop;
            }
            Refusal::Bare(code) => {
                reply::bare(out, packet, code);
                (0, code)
            }
            Refusal::Error(query, code) => {
                self.asked(&query, packet, door).error(out, code, None);
                (query.question.qtype(), code)
            }
            Refusal::Any(query) => {
                self.asked(&query, packet, door).any(out);
                (query.question.qtype(), rcode::NOERROR)
            }
        };
        let mut state = self.lock();
        state.tables.stats.query(door, qtype);
        state.tables.stats.reply(code);
        state.tables.stats.formerr += u64::from(code == rcode::FORMERR);
        Outcome::Reply
    }

    fn asked<'a>(&self, query: &Query, packet: &'a [u8], door: u8) -> Asked<'a> {
        Asked {
            id: query.id,
            flags: query.flags,
            question: packet
                .get(crate::wire::HEADER..query.question_end)
                .unwrap_or_default(),
            edns: query.edns,
            limit: self.settings.limit(query.edns, door),
            udp_size: self.settings.udp_size,
            sealed: door >= 2,
        }
    }

    /// New questions to resolve, oldest first. Each must be completed, whatever comes of it.
    pub fn take_misses(&self, most: usize) -> Vec<Question> {
        self.lock().tables.misses.take(most, self.settings.udp_size)
    }

    /// Whether `take_misses` would give anything: for a door that wakes whoever takes them.
    #[must_use]
    pub fn has_misses(&self) -> bool {
        self.lock().tables.misses.has_fresh()
    }

    /// A waiting client has gone.
    pub fn forget(&self, token: u64) {
        self.lock().tables.misses.forget(token);
    }

    /// Take up to `most` events, oldest first.
    pub fn take_events(&self, most: usize) -> Vec<Event> {
        // Words are made of them after the lock is gone.
        let taken = self.lock().tables.ring.take(most);
        taken.iter().map(crate::events::Taken::describe).collect()
    }

    /// Take the counts that were made since the last time; see `Record::Counts`.
    pub fn take_counts(&self) -> Vec<Count> {
        let taken = {
            let tally = &mut self.lock().tables.tally;
            let successor = tally.successor();
            std::mem::replace(tally, successor)
        };
        // Words are made of them after the lock is gone.
        taken.describe()
    }

    /// Forget all answers and failures; what waits goes on waiting, and is not kept.
    pub fn clear_cache(&self) {
        let mut state = self.lock();
        state.tables.cache.clear();
        state.tables.memo.clear();
        state.tables.failures.clear();
        state.tables.misses.outdate();
    }

    /// Counters and gauges as JSON.
    #[must_use]
    pub fn stats(&self) -> String {
        let state = self.lock();
        let gauges = Gauges {
            cache_entries: state.tables.cache.len(),
            cache_bytes: state.tables.cache.bytes(),
            cache_evictions: state.tables.cache.evictions,
            in_flight: state.tables.misses.len(),
            waiting: state.tables.misses.waiting(),
            events_waiting: state.tables.ring.len(),
            events_dropped: state.tables.ring.lost,
            generation: state.snapshot.generation,
        };
        state.tables.stats.json(&gauges).to_string()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere left counters at worst one behind; that is no reason to stop DNS.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
