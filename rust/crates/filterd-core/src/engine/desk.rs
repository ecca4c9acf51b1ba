//! An engine with one lane, for callers that take turns: the asyncio doors, tools and tests.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use super::{lock, Count, Engine, Lane, Now, Outcome, Question, Reply, Sample, Settings, Way};
use crate::events::Event;
use crate::snapshot::Snapshot;

/// See the module. What it says of counts and events is true at once for its own lane.
pub struct Desk {
    engine: Arc<Engine>,
    lane: Mutex<Lane>,
}

impl Desk {
    /// Make an engine with an empty cache, and a lane.
    #[must_use]
    pub fn new(snapshot: Arc<Snapshot>, settings: Settings) -> Self {
        let engine = Arc::new(Engine::new(snapshot, settings));
        Self {
            lane: Mutex::new(Lane::new(&engine)),
            engine,
        }
    }

    /// Keep less for the desk's own lane from now on: other threads answer most.
    pub fn make_small(&self) {
        *lock(&self.lane) = Lane::small(&self.engine);
    }

    /// The engine, for lanes of other threads.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// See `Lane::handle`; replies that come later have a token.
    pub fn handle(
        &self,
        packet: &[u8],
        client: IpAddr,
        now: impl Into<Now>,
        door: u8,
        out: &mut Vec<u8>,
    ) -> Outcome {
        lock(&self.lane).handle(packet, client, Way::Token, now.into(), door, out)
    }

    /// See `Lane::complete`.
    pub fn complete(
        &self,
        miss: u64,
        answer: Option<&[u8]>,
        now: impl Into<Now>,
        failure: u16,
    ) -> Vec<Reply> {
        lock(&self.lane).complete(miss, answer, now.into(), failure)
    }

    /// See `Lane::serve_stale`.
    pub fn serve_stale(&self, miss: u64, now: impl Into<Now>) -> Vec<Reply> {
        lock(&self.lane).serve_stale(miss, now.into())
    }

    /// See `Engine::swap`.
    pub fn swap(&self, snapshot: Arc<Snapshot>) {
        self.engine.swap(snapshot);
    }

    /// See `Engine::snapshot`.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.engine.snapshot()
    }

    /// See `Engine::take_misses`.
    pub fn take_misses(&self, most: usize) -> Vec<Question> {
        self.engine.take_misses(most)
    }

    /// Whether `take_misses` would give anything.
    #[must_use]
    pub fn has_misses(&self) -> bool {
        self.engine.pending().others
    }

    /// See `Engine::forget`.
    pub fn forget(&self, token: u64) {
        self.engine.forget(token);
    }

    /// See `Engine::take_events`.
    pub fn take_events(&self, most: usize) -> Vec<Event> {
        lock(&self.lane).turn_in();
        self.engine.take_events(most)
    }

    /// See `Engine::gather_counts`.
    pub fn gather_counts(&self) -> usize {
        lock(&self.lane).turn_in();
        self.engine.gather_counts()
    }

    /// See `Engine::take_counts`.
    pub fn take_counts(&self) -> Vec<Count> {
        lock(&self.lane).turn_in();
        self.engine.take_counts()
    }

    /// See `Engine::take_sample`.
    pub fn take_sample(&self) -> Vec<Sample> {
        lock(&self.lane).turn_in();
        self.engine.take_sample()
    }

    /// See `Engine::clear_cache`.
    pub fn clear_cache(&self) {
        self.engine.clear_cache();
    }

    /// See `Engine::stats`.
    #[must_use]
    pub fn stats(&self) -> String {
        lock(&self.lane).turn_in();
        self.engine.stats()
    }
}
