//! Our own ports: some sockets per server, each with a random source port from the kernel and a
//! short life, so that there is little time to find one out. Never more than `MOST_PORTS` in all.

use std::collections::VecDeque;

use super::slab::Slab;
use super::{Fault, Forward, MOST_PORTS, MOST_SERVERS};

/// Sockets per server that questions are spread over.
pub(super) const POOL: usize = 8;
/// Then a new port.
const USES: u32 = 128;
const SECONDS: f64 = 20.0;
/// Unmatched datagrams after which a port counts as found out.
const STRAYS: u32 = 16;
/// Questions that wait at one port; beyond that its ids would be easy to hit.
const WAITING: usize = 4096;

const _: () = assert!(MOST_PORTS / MOST_SERVERS >= POOL * 2);

/// Names a port while it is open. A place in a table, used again, and how often that was so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PortId(u32);

impl PortId {
    const PLACES: u32 = 1 << 16;

    /// A number below `MOST_PORTS`, no two ports that are open at a time have the same.
    #[must_use]
    pub fn place(self) -> usize {
        (self.0 % Self::PLACES) as usize
    }

    fn successor(self, place: u32) -> Self {
        let turn = (self.0 / Self::PLACES).wrapping_add(1);
        Self(turn.wrapping_mul(Self::PLACES) | place)
    }
}

/// One socket.
#[derive(Debug, Default)]
pub(super) struct Port {
    id: PortId,
    open: bool,
    pub(super) server: u8,
    born: f64,
    uses: u32,
    strays: u32,
    retired: bool,
    /// The ids that are waited for, and the exchange of each at the same index.
    ids: Vec<u16>,
    exchanges: Vec<u32>,
}

impl Port {
    /// The exchange that waits for `id`.
    pub(super) fn find(&self, id: u16) -> Option<u32> {
        let at = self.ids.iter().position(|waiting| *waiting == id)?;
        self.exchanges.get(at).copied()
    }

    fn remove(&mut self, id: u16) {
        if let Some(at) = self.ids.iter().position(|waiting| *waiting == id) {
            self.ids.swap_remove(at);
            self.exchanges.swap_remove(at);
        }
    }

    /// All that wait here.
    pub(super) fn exchanges(&self) -> &[u32] {
        &self.exchanges
    }
}

/// The ports of one server.
#[derive(Debug, Default)]
pub(super) struct Pool {
    places: [Option<PortId>; POOL],
    /// Not used any more, but still waited at; oldest first.
    retired: VecDeque<PortId>,
}

/// All ports.
#[derive(Debug)]
pub(super) struct Ports(Slab<Port>);

impl Ports {
    pub(super) fn new() -> Self {
        Self(Slab::new())
    }

    pub(super) fn get(&self, id: PortId) -> Option<&Port> {
        let place = id.place() as u32;
        (place < self.0.size())
            .then(|| &self.0[place])
            .filter(|port| port.open && port.id == id)
    }

    fn get_mut(&mut self, id: PortId) -> Option<&mut Port> {
        let place = id.place() as u32;
        (place < self.0.size())
            .then(|| &mut self.0[place])
            .filter(|port| port.open && port.id == id)
    }

    fn add(&mut self, server: u8, now: f64) -> PortId {
        let place = self.0.take();
        let port = &mut self.0[place];
        port.id = port.id.successor(place);
        port.open = true;
        port.server = server;
        port.born = now;
        port.uses = 0;
        port.strays = 0;
        port.retired = false;
        port.ids.clear();
        port.exchanges.clear();
        port.id
    }

    fn remove(&mut self, id: PortId) {
        if let Some(port) = self.get_mut(id) {
            port.open = false;
            self.0.give(id.place() as u32);
        }
    }

    /// Let `exchange` wait for `id`; false if the port is gone or full, or the id taken.
    pub(super) fn expect(&mut self, port: PortId, id: u16, exchange: u32) -> bool {
        let Some(port) = self.get_mut(port) else {
            return false;
        };
        port.ids.push(id);
        port.exchanges.push(exchange);
        port.uses += 1;
        true
    }
}

impl Forward {
    /// A port to ask `server` from; `None` if too much waits at the one that was drawn.
    pub(super) fn port(&mut self, server: u8, now: f64) -> Option<PortId> {
        let at = self.draw(POOL);
        let share = self.retired_share();
        let pool = &self.servers[usize::from(server)].pool;
        if let Some(id) = pool.places[at] {
            let room = pool.retired.len() < share;
            let port = self.ports.get(id)?;
            let worn = port.uses >= USES || now - port.born >= SECONDS;
            // With too many that still wait, this one goes on: a bound is worth more than its age.
            if !worn || !(port.ids.is_empty() || room) {
                return (port.ids.len() < WAITING).then_some(id);
            }
            self.retire(id);
        }
        let id = self.ports.add(server, now);
        let upstream = &mut self.servers[usize::from(server)];
        upstream.pool.places[at] = Some(id);
        self.effects.open(id, upstream.address);
        Some(id)
    }

    /// Retired ports that a server may have.
    fn retired_share(&self) -> usize {
        MOST_PORTS / self.servers.len().max(1) - POOL
    }

    /// Ask no more from this port; it closes with the last that waits at it.
    fn retire(&mut self, id: PortId) {
        let Some(port) = self.ports.get_mut(id) else {
            return;
        };
        port.retired = true;
        let idle = port.ids.is_empty();
        let pool = &mut self.servers[usize::from(port.server)].pool;
        for place in &mut pool.places {
            if *place == Some(id) {
                *place = None;
            }
        }
        if idle {
            self.close(id);
        } else {
            pool.retired.push_back(id);
        }
    }

    fn close(&mut self, id: PortId) {
        self.ports.remove(id);
        self.effects.close(id);
    }

    /// Nobody waits for `wanted` any more.
    pub(super) fn leave(&mut self, id: PortId, wanted: u16) {
        let Some(port) = self.ports.get_mut(id) else {
            return;
        };
        port.remove(wanted);
        if port.retired && port.ids.is_empty() {
            let server = usize::from(port.server);
            self.servers[server]
                .pool
                .retired
                .retain(|other| *other != id);
            self.close(id);
        }
    }

    /// A datagram that nobody waits for. Enough of them, and the port counts as found out.
    pub(super) fn stray(&mut self, id: PortId, now: f64) {
        let Some(port) = self.ports.get_mut(id) else {
            return;
        };
        port.strays += 1;
        if port.strays < STRAYS || port.retired {
            return;
        }
        let server = usize::from(port.server);
        let full = self.servers[server].pool.retired.len() >= self.retired_share();
        if let Some(oldest) = self.servers[server].pool.retired.front().copied() {
            if full {
                // It closes with its last question.
                self.fail_all(oldest, Fault::Closed, now);
            }
        }
        self.retire(id);
    }

    /// End what waits at `id`.
    pub(super) fn fail_all(&mut self, id: PortId, fault: Fault, now: f64) {
        // A question that fails here asks another server, so nothing new comes to this port.
        while let Some(&exchange) = self.ports.get(id).and_then(|port| port.exchanges().first()) {
            self.fail(exchange, fault, now);
        }
    }

    /// Forget a port that never came to be, and end what waits at it.
    pub(super) fn lose(&mut self, id: PortId, now: f64) {
        self.retire_without_closing(id);
        let Some(port) = self.ports.get_mut(id) else {
            return;
        };
        port.ids.clear();
        let waiting = std::mem::take(&mut port.exchanges);
        self.ports.remove(id);
        for exchange in waiting {
            self.fail(exchange, Fault::Unreachable, now);
        }
    }

    fn retire_without_closing(&mut self, id: PortId) {
        let Some(port) = self.ports.get(id) else {
            return;
        };
        let pool = &mut self.servers[usize::from(port.server)].pool;
        pool.places
            .iter_mut()
            .filter(|place| **place == Some(id))
            .for_each(|place| *place = None);
        pool.retired.retain(|other| *other != id);
    }

    /// Close every port; nothing may wait at any.
    pub(super) fn close_ports(&mut self) {
        for server in 0..self.servers.len() {
            for at in 0..POOL {
                if let Some(id) = self.servers[server].pool.places[at] {
                    self.retire(id);
                }
            }
        }
    }
}
