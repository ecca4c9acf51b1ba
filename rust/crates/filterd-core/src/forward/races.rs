//! Several servers and a strategy: one question becomes a race that ends with the first good answer.
//!
//! The next server is asked when the last one failed, or when it has kept us waiting longer than it
//! usually does; the first stays in the race, so a late answer is still an answer. FORMERR,
//! SERVFAIL, NOTIMP and REFUSED count as "ask the next one"; if no server does better the SERVFAIL
//! is passed on, with whatever reason it carries. When all have failed and time is left, the race is
//! run again. As in `filterd/upstream/forwarder.py`.

use smallvec::SmallVec;

use super::exchanges::Purpose;
use super::message::{self, Shape};
use super::strategy::Servers;
use super::wheel;
use super::{Fault, Forward, Strategy, NETWORK_ERROR, NO_REACHABLE_AUTHORITY};
use crate::wire::rcode;

const ROUNDS: u8 = 3;
/// Seconds left to the others once one has said SERVFAIL and all are asked.
const GRACE: f64 = 1.0;
/// Seconds before the second round; doubles.
const PAUSE: f64 = 0.2;

/// What a race does when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    AskNext,
    StartAgain,
    GiveUp,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Race {
    pub(super) live: bool,
    pub(super) miss: u64,
    query: Vec<u8>,
    shape: Shape,
    deadline: f64,
    /// When a stale answer is better; infinite once that has been said.
    stale_at: f64,
    order: Servers,
    /// The next of `order` to ask.
    next: usize,
    rounds: u8,
    /// Exchanges on their way.
    pub(super) open: SmallVec<[u32; 4]>,
    due: Option<(Due, f64)>,
    /// A SERVFAIL as it would be passed on.
    remembered: Option<Box<[u8]>>,
    /// Somebody was there and gave no usable answer.
    refused: bool,
}

impl Forward {
    /// Begin a race for `query`, which `shape` describes.
    pub(super) fn race(&mut self, miss: u64, query: &[u8], shape: Shape, order: Servers, now: f64) {
        let key = self.races.take();
        let race = &mut self.races[key];
        race.live = true;
        race.miss = miss;
        race.query.clear();
        race.query.extend_from_slice(query);
        race.shape = shape;
        race.deadline = now + self.settings.deadline;
        race.stale_at = now + self.settings.stale_wait;
        race.order = order;
        race.rounds = 0;
        race.open.clear();
        race.due = None;
        race.remembered = None;
        race.refused = false;
        self.in_flight_peak = self.in_flight_peak.max(self.races.len());
        self.start(key, now);
    }

    /// Ask the first server, or all of them when parallel.
    fn start(&mut self, key: u32, now: f64) {
        self.races[key].next = 0;
        self.races[key].rounds += 1;
        if !self.ask_next(key, now) {
            self.stuck(key, now);
        } else if self.settings.strategy == Strategy::Parallel {
            while self.ask_next(key, now) {}
        }
        self.arm(key, now);
    }

    /// Ask the next server that can be asked; false if none is left, or no time.
    fn ask_next(&mut self, key: u32, now: f64) -> bool {
        let race = &mut self.races[key];
        race.due = None;
        while let Some(&server) = self.races[key].order.as_slice().get(self.races[key].next) {
            let race = &mut self.races[key];
            if wheel::passed(race.deadline, now) {
                return false;
            }
            race.next += 1;
            let more = race.next < race.order.as_slice().len();
            let (shape, deadline) = (race.shape, race.deadline);
            let query = std::mem::take(&mut race.query);
            self.servers[usize::from(server)].counts.queries += 1;
            let sent = self.send(server, Purpose::Race(key), &query, shape, deadline, now);
            let upstream = &mut self.servers[usize::from(server)];
            let race = &mut self.races[key];
            race.query = query;
            let Some(exchange) = sent else {
                upstream.counts.failed(Fault::Unreachable);
                continue;
            };
            race.open.push(exchange);
            if more {
                race.due = Some((Due::AskNext, now + upstream.health.patience()));
            }
            return true;
        }
        false
    }

    /// An answer came; `good`: not one of those that lead to the next server.
    pub(super) fn heard(&mut self, key: u32, answer: &[u8], good: bool, now: f64) {
        let race = &mut self.races[key];
        if good {
            let (query, shape) = (&race.query, race.shape);
            self.effects.answer(race.miss, |out| {
                message::restore(query, shape, answer, out);
            });
            self.finish(key, now);
            return;
        }
        race.refused = true;
        if message::code(answer) == rcode::SERVFAIL {
            let mut whole = Vec::with_capacity(answer.len());
            message::restore(&race.query, race.shape, answer, &mut whole);
            race.remembered = Some(whole.into_boxed_slice());
        }
        self.go_on(key, now);
    }

    /// A server will not answer.
    pub(super) fn unheard(&mut self, key: u32, fault: Fault, now: f64) {
        self.races[key].refused |= !fault.is_absence();
        self.go_on(key, now);
    }

    fn go_on(&mut self, key: u32, now: f64) {
        if !self.ask_next(key, now) && self.races[key].open.is_empty() {
            self.stuck(key, now);
        } else if self.races[key].remembered.is_some() && self.races[key].due.is_none() {
            // All are asked: nobody should wait for a dead server to hear SERVFAIL.
            self.races[key].due = Some((Due::GiveUp, now + GRACE));
        }
        self.arm(key, now);
    }

    /// Nobody is left to ask.
    fn stuck(&mut self, key: u32, now: f64) {
        let race = &mut self.races[key];
        let pause = PAUSE * f64::from(1 << (race.rounds - 1).min(ROUNDS));
        if !race.refused && race.rounds < ROUNDS && now + 2.0 * pause < race.deadline {
            race.due = Some((Due::StartAgain, now + pause));
        } else {
            self.give_up(key, now);
        }
    }

    fn give_up(&mut self, key: u32, now: f64) {
        let race = &mut self.races[key];
        match race.remembered.take() {
            Some(answer) => self
                .effects
                .answer(race.miss, |out| out.extend_from_slice(&answer)),
            None if race.refused => self.effects.failed(race.miss, NETWORK_ERROR),
            None => self.effects.failed(race.miss, NO_REACHABLE_AUTHORITY),
        }
        self.finish(key, now);
    }

    /// End a race that somebody else takes over.
    pub(super) fn elsewhere(&mut self, key: u32, now: f64) {
        self.effects.elsewhere(self.races[key].miss);
        self.finish(key, now);
    }

    /// Withdraw the question everywhere. Whoever was slower than usual gets a mark for it.
    fn finish(&mut self, key: u32, now: f64) {
        let open = std::mem::take(&mut self.races[key].open);
        for exchange in open {
            let (server, asked_at) = {
                let exchange = &self.exchanges[exchange];
                (usize::from(exchange.server), exchange.asked_at)
            };
            self.withdraw(exchange);
            let upstream = &mut self.servers[server];
            if now - asked_at > upstream.health.patience() {
                upstream.missed(Fault::Timeout, now);
            }
        }
        let race = &mut self.races[key];
        race.live = false;
        race.remembered = None;
        self.race_timers.cancel(key);
        self.races.give(key);
    }

    /// The timer of a race.
    pub(super) fn race_due(&mut self, key: u32, now: f64) {
        let race = &mut self.races[key];
        if wheel::passed(race.stale_at, now) {
            race.stale_at = f64::INFINITY;
            self.effects.stale(race.miss);
        }
        match race.due.take_if(|(_, at)| wheel::passed(*at, now)) {
            Some((Due::AskNext, _)) => self.go_on(key, now),
            Some((Due::StartAgain, _)) => self.start(key, now),
            Some((Due::GiveUp, _)) => self.give_up(key, now),
            None => self.arm(key, now),
        }
    }

    /// Set the timer of a race to the next thing it does, if it still runs.
    fn arm(&mut self, key: u32, now: f64) {
        let race = &self.races[key];
        if !race.live {
            return;
        }
        let due = race.due.map_or(f64::INFINITY, |(_, at)| at);
        let at = due.min(race.stale_at);
        if at.is_finite() {
            self.race_timers.set(key, at, now);
        } else {
            self.race_timers.cancel(key);
        }
    }
}
