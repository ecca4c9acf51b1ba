//! A network in memory for the forwarder: what was opened and sent, and how each question ended.
#![allow(dead_code, reason = "each test file uses a part of this")]

use std::collections::HashMap;
use std::net::SocketAddr;

use filterd_core::forward::{Effect, Forward, ForwardSettings, PortId, MOST_PORTS};

/// A query as the engine makes it: id 0, lower case, an OPT that takes 1232 octets.
pub(crate) fn query(name: &str) -> Vec<u8> {
    let mut wire = vec![0, 0, 1, 0x20, 0, 1, 0, 0, 0, 0, 0, 1];
    for label in name.split('.') {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire.extend_from_slice(&[0, 0, 1, 0, 1]);
    wire.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    wire
}

/// A reply to `query` with this response code.
pub(crate) fn reply(query: &[u8], code: u8) -> Vec<u8> {
    let mut wire = query.to_vec();
    wire[2] |= 0x80;
    wire[3] = 0x80 | code;
    wire
}

pub(crate) fn good(query: &[u8]) -> Vec<u8> {
    reply(query, 0)
}

pub(crate) fn truncated(query: &[u8]) -> Vec<u8> {
    let mut wire = good(query);
    wire[2] |= 0x02;
    wire
}

pub(crate) fn lying_id(query: &[u8]) -> Vec<u8> {
    let mut wire = good(query);
    wire[0] ^= 0x55;
    wire
}

pub(crate) fn lying_question(query: &[u8]) -> Vec<u8> {
    let mut wire = good(query);
    wire[13] ^= 0x03;
    wire
}

pub(crate) fn lower_case(query: &[u8]) -> Vec<u8> {
    let mut wire = good(query);
    let end = wire.len() - 15;
    wire[12..end].make_ascii_lowercase();
    wire
}

pub(crate) fn oversized(query: &[u8]) -> Vec<u8> {
    let mut wire = good(query);
    wire.resize(1300, 0);
    wire
}

/// How a question ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Answer(Vec<u8>),
    Failed(u16),
    Elsewhere,
}

/// A datagram that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) port: PortId,
    pub(crate) server: SocketAddr,
    pub(crate) wire: Vec<u8>,
}

pub(crate) struct Net {
    pub(crate) forward: Forward,
    pub(crate) now: f64,
    pub(crate) open: HashMap<PortId, SocketAddr>,
    pub(crate) opened: usize,
    pub(crate) most_open: usize,
    pub(crate) sent: Vec<Sent>,
    pub(crate) ends: HashMap<u64, Vec<End>>,
    pub(crate) stale: Vec<u64>,
    /// Every so many sockets cannot be opened; 0: all can.
    pub(crate) fails_to_open: usize,
}

pub(crate) fn server(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 53))
}

impl Net {
    /// `count` servers, numbered from 1.
    pub(crate) fn new(count: u8, strategy: &str) -> Self {
        Self::with(count, strategy, 4096)
    }

    pub(crate) fn with(count: u8, strategy: &str, most: usize) -> Self {
        let server = |n| format!(r#"{{"label": "s{n}", "address": "{}"}}"#, server(n));
        let servers: Vec<String> = (1..=count).map(server).collect();
        let json = format!(
            r#"{{"servers": [{}], "strategy": "{strategy}", "deadline": 5, "stale_wait": 1.8, "most": {most}}}"#,
            servers.join(", ")
        );
        let settings = ForwardSettings::read(&json).expect("good settings");
        Self {
            forward: Forward::new(settings, [7; 32]),
            now: 5000.0,
            open: HashMap::new(),
            opened: 0,
            most_open: 0,
            sent: Vec::new(),
            ends: HashMap::new(),
            stale: Vec::new(),
            fails_to_open: 0,
        }
    }

    pub(crate) fn ask(&mut self, miss: u64, name: &str) {
        self.forward.ask(miss, &query(name), self.now);
        self.settle();
    }

    pub(crate) fn receive(&mut self, port: PortId, packet: &[u8]) {
        self.forward.received(port, packet, self.now);
        self.settle();
    }

    /// Answer what was sent as `how` says.
    pub(crate) fn answer(&mut self, sent: &Sent, how: fn(&[u8]) -> Vec<u8>) {
        self.receive(sent.port, &how(&sent.wire));
    }

    /// Let the time pass, with every tick that is wanted in between.
    pub(crate) fn pass(&mut self, seconds: f64) {
        let end = self.now + seconds;
        while let Some(next) = self.forward.next_tick().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.forward.tick(self.now);
            self.settle();
        }
        self.now = end;
        self.forward.tick(self.now);
        self.settle();
    }

    /// Do all that is to be done.
    pub(crate) fn settle(&mut self) {
        loop {
            let mut lost = None;
            match self.forward.next_effect() {
                None => return,
                Some(Effect::Open { port, server }) => {
                    self.opened += 1;
                    if self.fails_to_open > 0 && self.opened.is_multiple_of(self.fails_to_open) {
                        lost = Some(port);
                    } else {
                        assert!(self.open.keys().all(|other| other.place() != port.place()));
                        assert!(port.place() < MOST_PORTS);
                        self.open.insert(port, server);
                        self.most_open = self.most_open.max(self.open.len());
                    }
                }
                Some(Effect::Close { port }) => {
                    assert!(self.open.remove(&port).is_some(), "a port closed twice");
                }
                Some(Effect::Send { port, wire }) => {
                    // What goes to a socket that could not be opened is lost.
                    if let Some(&server) = self.open.get(&port) {
                        let wire = wire.to_vec();
                        self.sent.push(Sent { port, server, wire });
                    } else {
                        assert!(self.fails_to_open > 0, "sent from a port that is not open");
                    }
                }
                Some(Effect::Answer { miss, wire }) => {
                    let end = End::Answer(wire.to_vec());
                    self.ends.entry(miss).or_default().push(end);
                }
                Some(Effect::Failed { miss, ede }) => {
                    self.ends.entry(miss).or_default().push(End::Failed(ede));
                }
                Some(Effect::Elsewhere { miss }) => {
                    self.ends.entry(miss).or_default().push(End::Elsewhere);
                }
                Some(Effect::Stale { miss }) => self.stale.push(miss),
            }
            if let Some(port) = lost {
                self.forward.unopened(port, self.now);
            }
        }
    }

    /// How the question ended; `None` while it runs.
    pub(crate) fn end(&self, miss: u64) -> Option<&End> {
        let ends = self.ends.get(&miss)?;
        assert_eq!(ends.len(), 1, "a question ends once");
        ends.first()
    }

    /// Take what was sent since the last time.
    pub(crate) fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// Take the one datagram that was sent since the last time.
    pub(crate) fn take_one(&mut self) -> Sent {
        let sent = self.take_sent();
        assert_eq!(sent.len(), 1);
        sent.into_iter().next().expect("one")
    }

    /// A counter of the server with this number.
    pub(crate) fn count(&self, number: u8, path: &str) -> u64 {
        let counts = self.forward.counts();
        let server = &counts["servers"][format!("s{number}")];
        server
            .pointer(path)
            .and_then(|n| n.as_u64())
            .expect("a counter")
    }

    pub(crate) fn is_up(&self, number: u8) -> bool {
        self.forward.counts()["servers"][format!("s{number}")]["up"] == true
    }
}
