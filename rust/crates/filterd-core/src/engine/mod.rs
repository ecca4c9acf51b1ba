//! The engine: bytes of a query in, bytes of a reply out.
//!
//! What threads share is the [`Engine`]: the rules in force, the cache, the questions that wait,
//! the counts. Each thread answers through a [`Lane`] of its own, which holds the snapshot, a near
//! cache and its own counts, so that a hit or a block takes no lock; a look at one number tells it
//! that rules were swapped. What is not in the cache is parked until `complete` brings its answer;
//! questions that are the same wait together, and each client's verdict is its own. All bounded;
//! time is handed in. A [`Desk`] is an engine with one lane for callers that take turns.

mod ask;
mod askers;
mod books;
mod case;
mod complete;
mod desk;
mod lane;
mod misses;
mod said;
mod sampler;
mod serve;
mod settings;
mod table;
mod zones;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use complete::Outbox;
pub use desk::Desk;
pub use lane::{Lane, BATCH};
pub use misses::{Pending, Queries, Question, Route};
pub use sampler::Sample;
pub use settings::{Record, Settings};

pub use crate::tally::Count;

use crate::bands::Bands;
use crate::cache::{Failures, Keys, Shards};
use crate::events::Event;
use crate::gate::Gate;
use crate::guard::Guard;
use crate::snapshot::Snapshot;
use crate::stats::Gauges;
use crate::tally::Tally;
use books::Ledger;
use misses::Misses;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The reply stands in the buffer.
    Reply,
    /// Parked; `complete` or `serve_stale` brings the reply, with this token for `Way::Token`.
    Miss(u64),
    /// No reply: not a query, or a rule says silence.
    Drop,
}

/// The time, twice. Schedules and logs go by the one, ages by the other, so that a system clock
/// that is set neither revives nor ends anything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Now {
    /// Unix seconds.
    pub unix: f64,
    /// Seconds of a clock that is never set (CLOCK_MONOTONIC), the same for all threads.
    pub steady: f64,
}

impl From<f64> for Now {
    /// For tools and tests whose clock is never set.
    fn from(seconds: f64) -> Self {
        Self {
            unix: seconds,
            steady: seconds,
        }
    }
}

/// How a reply that comes later finds its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By the token of `Outcome::Miss`.
    Token,
    /// As a datagram from where the query came in.
    Datagram(Return),
}

/// The way back of a datagram. Only numbers: whoever has the sockets reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Return {
    /// Which of the sockets.
    pub socket: u32,
    /// The client's port.
    pub port: u16,
    /// The interface, for link-local addresses; 0: none.
    pub scope: u32,
    /// The address that was asked, where the socket is bound to all.
    pub local: Option<IpAddr>,
    /// The proxy that it came through and goes back to; the port is that one's.
    pub through: Option<IpAddr>,
}

/// A reply that comes later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The token of `Outcome::Miss`.
    pub token: u64,
    /// Whose it is.
    pub client: IpAddr,
    /// How it gets there.
    pub way: Way,
    /// The message; empty where a rule says silence: nothing to send, and nothing to wait for.
    pub wire: Vec<u8>,
}

/// See the module. One for all threads and doors of a process.
pub struct Engine {
    settings: Settings,
    keys: Keys,
    /// Moves with every swap.
    edition: AtomicU64,
    /// Moves whenever what is cached is to be forgotten.
    emptied: AtomicU64,
    snapshot: Mutex<Arc<Snapshot>>,
    guard: Mutex<Arc<Guard>>,
    gate: Mutex<Option<Arc<Gate>>>,
    bands: Mutex<Bands>,
    /// How many lanes there have been.
    lanes: AtomicU64,
    cache: Shards,
    waiting: Mutex<Waiting>,
    ledger: Mutex<Ledger>,
    gathered: Mutex<Tally>,
}

/// Questions that wait for an answer, and those that had none a moment ago.
struct Waiting {
    misses: Misses,
    failures: Failures,
}

impl Engine {
    /// Make an engine with an empty cache.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, settings: Settings) -> Self {
        Self {
            keys: Keys::default(),
            edition: AtomicU64::new(0),
            emptied: AtomicU64::new(0),
            snapshot: Mutex::new(snapshot),
            guard: Mutex::new(Arc::new(Guard::open())),
            gate: Mutex::new(None),
            bands: Mutex::new(Bands::NONE),
            lanes: AtomicU64::new(0),
            cache: Shards::new(settings.shared_bytes()),
            waiting: Mutex::new(Waiting {
                misses: Misses::new(settings.max_misses, settings.zone_rate),
                failures: Failures::default(),
            }),
            ledger: Mutex::new(Ledger::new(&settings)),
            gathered: Mutex::new(books::gathered()),
            settings,
        }
    }

    /// Put a new snapshot in force: for every query from now on, and for all that is cached.
    pub fn swap(&self, snapshot: Arc<Snapshot>) {
        let old = std::mem::replace(&mut *lock(&self.snapshot), snapshot);
        self.edition.fetch_add(1, Ordering::Release);
        lock(&self.ledger).stats.swaps += 1;
        // Unmapping an index is not for the time of a lock.
        drop(old);
    }

    /// Put another guard in front of every query from now on. An engine begins with one that lets
    /// everything pass.
    pub fn set_guard(&self, guard: Arc<Guard>) {
        *lock(&self.guard) = guard;
        self.edition.fetch_add(1, Ordering::Release);
    }

    /// The guard that stands.
    #[must_use]
    pub fn guard(&self) -> Arc<Guard> {
        Arc::clone(&lock(&self.guard))
    }

    /// Have what replies lead to opened for strict groups from now on, before the replies leave.
    /// An engine begins without.
    pub fn set_gate(&self, gate: Arc<Gate>) {
        *lock(&self.gate) = Some(gate);
        self.edition.fetch_add(1, Ordering::Release);
    }

    /// The gate, if there is one.
    #[must_use]
    pub fn gate(&self) -> Option<Arc<Gate>> {
        lock(&self.gate).clone()
    }

    /// Give clients bits, and sample answers, by these from now on. An engine begins with neither.
    pub fn set_bands(&self, bands: Bands) {
        *lock(&self.bands) = bands;
        self.edition.fetch_add(1, Ordering::Release);
    }

    fn bands(&self) -> Bands {
        *lock(&self.bands)
    }

    /// The snapshot in force.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&lock(&self.snapshot))
    }

    /// New questions to resolve, oldest first. Each must be completed, whatever comes of it.
    pub fn take_misses(&self, most: usize) -> Vec<Question> {
        lock(&self.waiting)
            .misses
            .take(most, self.settings.udp_size)
    }

    /// The same for the questions that the route leaves to plain forwarding: behind those that are
    /// in `into`. True if more are left.
    pub fn take_plain(&self, most: usize, into: &mut Queries) -> bool {
        lock(&self.waiting)
            .misses
            .take_plain(most, self.settings.udp_size, into)
    }

    /// Have `take_misses` give a question that plain forwarding could not end; false: it has ended.
    pub fn hand_over(&self, miss: u64) -> bool {
        lock(&self.waiting).misses.hand_over(miss)
    }

    /// Leave the questions that `route` says to plain forwarding; `None`: none.
    pub fn set_route(&self, route: Option<Route>) {
        lock(&self.waiting).misses.set_route(route);
    }

    /// Which questions wait to be taken: for a door that wakes whoever takes them.
    #[must_use]
    pub fn pending(&self) -> Pending {
        lock(&self.waiting).misses.pending()
    }

    /// Keep nothing of what this question is answered, or that it is not: it is true for this moment.
    pub fn keep_nothing_of(&self, miss: u64) {
        if let Some(miss) = lock(&self.waiting).misses.get_mut(miss) {
            miss.outdated = true;
        }
    }

    /// A waiting client has gone.
    pub fn forget(&self, token: u64) {
        lock(&self.waiting).misses.forget(token);
    }

    /// Take up to `most` events, oldest first; those of a lane that has not turned them in come
    /// later.
    pub fn take_events(&self, most: usize) -> Vec<Event> {
        // Words are made of them after the lock is gone.
        let taken = lock(&self.ledger).ring.take(most);
        taken.iter().map(crate::events::Taken::describe).collect()
    }

    /// Bring together what lanes have turned in, so that what is counted again and again waits as
    /// one row. Returns how many rows wait.
    pub fn gather_counts(&self) -> usize {
        let taken = lock(&self.ledger).take_tallies();
        let mut gathered = lock(&self.gathered);
        for tally in taken {
            gathered.absorb(tally);
        }
        gathered.len()
    }

    /// Take the counts that were turned in since the last time; see `Record::Counts`.
    pub fn take_counts(&self) -> Vec<Count> {
        self.gather_counts();
        let taken = std::mem::replace(&mut *lock(&self.gathered), books::gathered());
        // Words are made of them after the lock is gone.
        crate::tally::describe(taken)
    }

    /// Take the samples that were turned in since the last time, a bounded number: where nobody
    /// takes them the oldest go, and are counted.
    pub fn take_sample(&self) -> Vec<Sample> {
        let taken = lock(&self.ledger).samples.take();
        taken.collect()
    }

    /// Forget all answers and failures; what waits goes on waiting, and is not kept.
    pub fn clear_cache(&self) {
        {
            let mut waiting = lock(&self.waiting);
            waiting.failures.clear();
            waiting.misses.outdate();
        }
        self.cache.clear();
        self.emptied.fetch_add(1, Ordering::Release);
        // A lane looks at this one only.
        self.edition.fetch_add(1, Ordering::Release);
    }

    /// Counters and gauges as JSON, as far as lanes have turned them in.
    #[must_use]
    pub fn stats(&self) -> String {
        let (in_flight, waiting) = {
            let waiting = lock(&self.waiting);
            (waiting.misses.len(), waiting.misses.waiting())
        };
        let generation = lock(&self.snapshot).generation;
        let ledger = lock(&self.ledger);
        let gauges = Gauges {
            cache_entries: self.cache.len(),
            cache_bytes: self.cache.bytes(),
            cache_evictions: self.cache.evictions(),
            in_flight,
            waiting,
            events_waiting: ledger.ring.len(),
            events_dropped: ledger.ring.lost,
            samples_dropped: ledger.samples.lost,
            generation,
        };
        let mut stats = ledger.stats.json(&gauges);
        drop(ledger);
        stats["guard"] = serde_json::json!(self.guard().counts());
        stats["gate"] = self
            .gate()
            .map_or_else(Gate::no_counts, |gate| gate.counts());
        stats.to_string()
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere left counters at worst one behind; that is no reason to stop DNS.
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
