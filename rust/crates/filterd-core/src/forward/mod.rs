//! Plain DNS over UDP to other resolvers (RFC 1035, RFC 5452), without a socket or a clock.
//!
//! Whoever has both calls `ask`, `received` and `tick` with the time, and then takes `next_effect` until
//! there is nothing more to do. Each question ends exactly once: with an answer, a failure, or by
//! going elsewhere, because UDP cannot carry its answer. The same rules as in `filterd/upstream/`,
//! which asks over everything else.
//!
//! Bounds: `most` questions, `MOST_PORTS` ports, and for each question one exchange a server.

mod counts;
mod effects;
mod exchanges;
mod health;
mod message;
mod ports;
mod races;
pub mod routes;
mod settings;
mod slab;
mod strategy;
mod wheel;

use std::net::SocketAddr;

use chacha20::rand_core::{Rng, SeedableRng};
use chacha20::ChaCha12Rng;
use serde_json::{json, Map, Value};

pub use counts::Fault;
pub use effects::Effect;
pub use message::LARGEST;
pub use ports::PortId;
pub use settings::{ForwardSettings, Server};
pub use strategy::Strategy;

use counts::Counts;
use effects::Effects;
use exchanges::{Exchange, Purpose};
use health::Health;
use message::Shape;
use ports::{Pool, Ports};
use races::Race;
use slab::Slab;
use wheel::Wheel;

use crate::wire::rcode;

/// Most servers; more would only be asked one after the other until the time is up.
pub const MOST_SERVERS: usize = 16;

/// Most ports open at a time, for all servers together.
pub const MOST_PORTS: usize = 256;

/// Seconds until random letter case is tried again with a server that loses it.
const CASE_MEMORY: f64 = 3600.0;

/// RFC 8914 section 4.23.
const NO_REACHABLE_AUTHORITY: u16 = 22;
/// RFC 8914 section 4.24.
const NETWORK_ERROR: u16 = 23;

/// See the module.
pub struct Forward {
    settings: ForwardSettings,
    rng: ChaCha12Rng,
    servers: Vec<Upstream>,
    /// Questions so far.
    turn: u64,
    races: Slab<Race>,
    race_timers: Wheel,
    exchanges: Slab<Exchange>,
    exchange_timers: Wheel,
    ports: Ports,
    effects: Effects,
    /// Exchanges that no race waits for any more.
    lingering: usize,
    in_flight_peak: usize,
    overload: u64,
}

/// One server as it runs.
struct Upstream {
    address: SocketAddr,
    label: String,
    health: Health,
    counts: Counts,
    pool: Pool,
    /// No random letter case before.
    case_at: f64,
}

impl Upstream {
    fn mixes_case(&self, now: f64) -> bool {
        now >= self.case_at
    }

    /// Keep what an answer says about the server; true if it is a good one.
    fn learn(&mut self, code: u8, rtt: f64, now: f64) -> bool {
        if code == rcode::REFUSED {
            // One that refuses us refuses all we ask.
            self.missed(Fault::Rcode, now);
            return false;
        }
        self.counts.answered(rtt);
        self.health.succeeded(rtt);
        let unhelpful = matches!(code, rcode::FORMERR | rcode::SERVFAIL | rcode::NOTIMP);
        if unhelpful {
            self.counts.failed(Fault::Rcode);
        }
        !unhelpful
    }

    /// Keep that no answer came for `waited` seconds.
    fn learn_fault(&mut self, fault: Fault, waited: f64, now: f64) {
        if fault == Fault::Timeout && waited < self.health.patience() {
            // It had less time than it usually takes.
            self.counts.failed(fault);
        } else {
            self.missed(fault, now);
        }
    }

    fn missed(&mut self, fault: Fault, now: f64) {
        self.counts.failed(fault);
        self.health.failed(now);
    }
}

impl Forward {
    /// Ask nobody yet. `seed` is what ids and letter case are drawn from: 32 octets from the system,
    /// told to nobody.
    #[must_use]
    pub fn new(settings: ForwardSettings, seed: [u8; 32]) -> Self {
        let upstream = |server: &Server| Upstream {
            address: server.address,
            label: server.label.clone(),
            health: Health::new(),
            counts: Counts::default(),
            pool: Pool::default(),
            case_at: 0.0,
        };
        Self {
            servers: settings.servers.iter().map(upstream).collect(),
            settings,
            rng: ChaCha12Rng::from_seed(seed),
            turn: 0,
            races: Slab::new(),
            race_timers: Wheel::new(),
            exchanges: Slab::new(),
            exchange_timers: Wheel::new(),
            ports: Ports::new(),
            effects: Effects::new(),
            lingering: 0,
            in_flight_peak: 0,
            overload: 0,
        }
    }

    /// One that begins anew, with random numbers drawn from this one: after a panic in this one.
    #[must_use]
    pub fn successor(&mut self) -> Self {
        let mut seed = [0; 32];
        self.rng.fill_bytes(&mut seed);
        Self::new(self.settings.clone(), seed)
    }

    /// Ask `query` (id 0, one question) and call it `miss`. `steady`: seconds of a clock that only
    /// goes forward, here and below.
    pub fn ask(&mut self, miss: u64, query: &[u8], steady: f64) {
        let Some(shape) = Shape::of(query) else {
            self.effects.elsewhere(miss);
            return;
        };
        if self.races.len() >= self.settings.most {
            self.overload += 1;
            self.effects.failed(miss, NETWORK_ERROR);
            return;
        }
        self.turn += 1;
        let servers = &self.servers;
        let plan = strategy::plan(
            self.settings.strategy,
            |server| &servers[usize::from(server)].health,
            servers.len() as u8,
            self.turn,
            steady,
        );
        self.race(miss, query, shape, plan.order, steady);
        for &server in plan.beside.as_slice() {
            self.probe(server, query, shape, steady);
        }
    }

    fn probe(&mut self, server: u8, query: &[u8], shape: Shape, now: f64) {
        let deadline = now + self.settings.deadline;
        let sent = self.send(server, Purpose::Probe, query, shape, deadline, now);
        if sent.is_some() {
            let upstream = &mut self.servers[usize::from(server)];
            upstream.counts.queries += 1;
            upstream.health.probing = true;
        }
    }

    /// A datagram came to `port`, whole or at least its first `LARGEST` + 1 octets.
    pub fn received(&mut self, port: PortId, packet: &[u8], steady: f64) {
        self.arrived(port, packet, steady);
    }

    /// Whether an answer may still come to `port`.
    #[must_use]
    pub fn waits_at(&self, port: PortId) -> bool {
        self.ports
            .get(port)
            .is_some_and(|port| !port.exchanges().is_empty())
    }

    /// The system says that what was sent from `port` reached nobody. It stays open.
    pub fn refused(&mut self, port: PortId, fault: Fault, steady: f64) {
        self.fail_all(port, fault, steady);
    }

    /// `port` could not be opened; it is not to be closed either.
    pub fn unopened(&mut self, port: PortId, steady: f64) {
        self.lose(port, steady);
    }

    /// Do what is due; call it at `next_tick`, or sooner.
    pub fn tick(&mut self, steady: f64) {
        while let Some(key) = self.exchange_timers.pop(steady) {
            self.waited(key, steady);
        }
        while let Some(key) = self.race_timers.pop(steady) {
            self.race_due(key, steady);
        }
    }

    /// When `tick` has something to do; `None` while nothing is under way.
    #[must_use]
    pub fn next_tick(&self) -> Option<f64> {
        let (race, exchange) = (self.race_timers.next(), self.exchange_timers.next());
        match (race, exchange) {
            (Some(race), Some(exchange)) => Some(race.min(exchange)),
            (race, exchange) => race.or(exchange),
        }
    }

    /// The next thing to do. Take all of them after each call, or each few calls.
    pub fn next_effect(&mut self) -> Option<Effect<'_>> {
        self.effects.next()
    }

    /// The questions under way, as `ask` named them.
    pub fn open(&self) -> impl Iterator<Item = u64> + '_ {
        let live = (0..self.races.size()).filter(|race| self.races[*race].live);
        live.map(|race| self.races[race].miss)
    }

    /// How many questions are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.races.len()
    }

    /// The server at this place was found to lose the letter case of names (an answer without it
    /// was confirmed over TCP): ask it without for an hour.
    pub fn loses_case(&mut self, server: usize, steady: f64) {
        if let Some(upstream) = self.servers.get_mut(server) {
            upstream.case_at = steady + CASE_MEMORY;
        }
    }

    /// Give every question back and close every port: for the end, or before other settings.
    pub fn hand_over(&mut self, steady: f64) {
        for race in 0..self.races.size() {
            if self.races[race].live {
                self.elsewhere(race, steady);
            }
        }
        for exchange in 0..self.exchanges.size() {
            if self.exchanges[exchange].purpose != Purpose::Unused {
                self.release(exchange);
            }
        }
        self.close_ports();
    }

    /// Counters and health, with the names that `Resolver.stats` of `filterd/upstream` uses.
    #[must_use]
    pub fn counts(&self) -> Value {
        let server = |upstream: &Upstream| {
            let mut report = upstream.counts.report();
            report.insert("up".to_owned(), upstream.health.up().into());
            report.insert("rtt_average".to_owned(), json!(upstream.health.rtt));
            (upstream.label.clone(), Value::Object(report))
        };
        json!({
            "in_flight": self.races.len(),
            "in_flight_peak": self.in_flight_peak,
            "overload": self.overload,
            "servers": self.servers.iter().map(server).collect::<Map<_, _>>(),
        })
    }

    /// A random number below `most`, which is a power of two.
    fn draw(&mut self, most: usize) -> usize {
        self.rng.next_u32() as usize & (most - 1)
    }
}
