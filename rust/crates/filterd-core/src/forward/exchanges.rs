//! One question to one server: sent, sent again with growing waits, answered or not.
//!
//! An answer is taken by (port, id, question, letter case); everything else is dropped and counted
//! while we wait on for the right one.

use super::counts::Discard;
use super::message::{self, Fit, Shape};
use super::ports::PortId;
use super::wheel;
use super::{Fault, Forward};

/// Seconds until a query is sent again; doubles.
const FIRST_WAIT: f64 = 0.4;

/// Draws for an id that is free before the port counts as full: as good as never needed.
const DRAWS: usize = 64;

/// What an exchange is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A place that is not in use.
    #[default]
    Unused,
    /// This race.
    Race(u32),
    /// To see how a server is doing.
    Probe,
    /// Not needed any more; it stays until its next timer, so that a late answer is no stray.
    Withdrawn,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    pub(super) purpose: Purpose,
    pub(super) server: u8,
    pub(super) asked_at: f64,
    port: PortId,
    id: u16,
    /// As it was sent.
    wire: Vec<u8>,
    shape: Shape,
    mixed: bool,
    /// An oversized answer came: try TCP next.
    suspect: bool,
    wait: f64,
    deadline: f64,
}

impl Forward {
    /// Send `query` to `server`; `None` if there is no place for it.
    pub(super) fn send(
        &mut self,
        server: u8,
        purpose: Purpose,
        query: &[u8],
        shape: Shape,
        deadline: f64,
        now: f64,
    ) -> Option<u32> {
        let port = self.port(server, now)?;
        let mixed = self.servers[usize::from(server)].mixes_case(now);
        let key = self.exchanges.take();
        let exchange = &mut self.exchanges[key];
        message::prepare(query, shape, &mut self.rng, mixed, &mut exchange.wire);
        let Some(id) = self.free_id(port, key) else {
            self.exchanges.give(key);
            return None;
        };
        let exchange = &mut self.exchanges[key];
        exchange.purpose = purpose;
        exchange.server = server;
        exchange.asked_at = now;
        exchange.port = port;
        exchange.id = id;
        exchange.shape = shape;
        exchange.mixed = mixed;
        exchange.suspect = false;
        exchange.wait = FIRST_WAIT;
        exchange.deadline = deadline;
        self.effects.send(port, &exchange.wire);
        self.exchange_timers
            .set(key, deadline.min(now + FIRST_WAIT), now);
        Some(key)
    }

    /// Give the exchange an id that nobody waits for at `port`, and let it wait.
    fn free_id(&mut self, port: PortId, key: u32) -> Option<u16> {
        for _ in 0..DRAWS {
            let wire = &mut self.exchanges[key].wire;
            let id = message::id(wire);
            if self.ports.get(port)?.find(id).is_none() {
                return self.ports.expect(port, id, key).then_some(id);
            }
            message::draw_id(wire, &mut self.rng);
        }
        None
    }

    /// A datagram came to `port`.
    pub(super) fn arrived(&mut self, port: PortId, packet: &[u8], now: f64) {
        let Some(at) = self.ports.get(port) else {
            return;
        };
        let server = at.server;
        let Some(key) = at.find(message::id(packet)).filter(|_| packet.len() >= 2) else {
            let short = packet.len() < crate::wire::HEADER;
            let why = if short {
                Discard::Malformed
            } else {
                Discard::WrongId
            };
            self.discard(port, server, why, now);
            return;
        };
        let exchange = &mut self.exchanges[key];
        let fit = message::fits(&exchange.wire, exchange.shape, packet);
        if fit == Fit::Alien {
            let response = message::is_response(packet);
            let why = if response {
                Discard::WrongQuestion
            } else {
                Discard::Malformed
            };
            self.discard(port, server, why, now);
        } else if packet.len() > exchange.shape.limit {
            exchange.suspect = true;
            self.discard(port, server, Discard::Oversized, now);
        } else if fit == Fit::Case && exchange.mixed {
            self.servers[usize::from(server)]
                .counts
                .dropped(Discard::WrongCase);
            self.needs_tcp(key, now);
        } else if message::truncated(packet) {
            let rtt = now - exchange.asked_at;
            self.servers[usize::from(server)].health.succeeded(rtt);
            self.needs_tcp(key, now);
        } else {
            self.answered(key, packet, now);
        }
    }

    fn answered(&mut self, key: u32, packet: &[u8], now: f64) {
        let Exchange {
            purpose,
            server,
            asked_at,
            ..
        } = self.exchanges[key];
        self.release(key);
        if purpose == Purpose::Withdrawn {
            return;
        }
        let upstream = &mut self.servers[usize::from(server)];
        let good = upstream.learn(message::code(packet), now - asked_at, now);
        if let Purpose::Race(race) = purpose {
            self.heard(race, packet, good, now);
        }
    }

    fn discard(&mut self, port: PortId, server: u8, why: Discard, now: f64) {
        self.servers[usize::from(server)].counts.dropped(why);
        self.stray(port, now);
    }

    /// The timer of an exchange.
    pub(super) fn waited(&mut self, key: u32, now: f64) {
        let exchange = &mut self.exchanges[key];
        if exchange.purpose == Purpose::Withdrawn {
            self.release(key);
        } else if wheel::passed(exchange.deadline, now) {
            self.fail(key, Fault::Timeout, now);
        } else if exchange.suspect {
            self.needs_tcp(key, now);
        } else {
            // The same bytes on the same port: every other id or port would be one more to hit.
            exchange.wait *= 2.0;
            let again = exchange.deadline.min(now + exchange.wait);
            self.effects.send(exchange.port, &exchange.wire);
            self.exchange_timers.set(key, again, now);
            let server = usize::from(exchange.server);
            self.servers[server].counts.retries += 1;
        }
    }

    /// End an exchange without an answer.
    pub(super) fn fail(&mut self, key: u32, fault: Fault, now: f64) {
        let Exchange {
            purpose,
            server,
            asked_at,
            ..
        } = self.exchanges[key];
        self.release(key);
        if purpose == Purpose::Withdrawn {
            return;
        }
        self.servers[usize::from(server)].learn_fault(fault, now - asked_at, now);
        if let Purpose::Race(race) = purpose {
            self.unheard(race, fault, now);
        }
    }

    /// End an exchange whose answer UDP cannot carry: whoever speaks TCP takes the question over.
    fn needs_tcp(&mut self, key: u32, now: f64) {
        let Exchange {
            purpose, server, ..
        } = self.exchanges[key];
        self.release(key);
        if let Purpose::Race(race) = purpose {
            self.servers[usize::from(server)].counts.to_tcp += 1;
            self.elsewhere(race, now);
        }
    }

    /// A race needs this exchange no longer.
    pub(super) fn withdraw(&mut self, key: u32) {
        if self.lingering >= self.settings.most {
            self.exchanges[key].purpose = Purpose::Unused;
            self.release(key);
            return;
        }
        self.exchanges[key].purpose = Purpose::Withdrawn;
        self.lingering += 1;
    }

    /// Take an exchange off its port, its race and the table.
    pub(super) fn release(&mut self, key: u32) {
        let exchange = &mut self.exchanges[key];
        let (port, id, server) = (exchange.port, exchange.id, usize::from(exchange.server));
        match std::mem::take(&mut exchange.purpose) {
            Purpose::Race(race) => self.races[race].open.retain(|open| *open != key),
            Purpose::Probe => self.servers[server].health.probing = false,
            Purpose::Withdrawn => self.lingering -= 1,
            Purpose::Unused => {}
        }
        self.exchange_timers.cancel(key);
        self.exchanges.give(key);
        self.leave(port, id);
    }
}
