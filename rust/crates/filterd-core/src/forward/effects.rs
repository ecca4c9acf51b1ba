//! What is to be done: queued while the state machine runs, taken one by one by whoever has sockets.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;

use super::ports::PortId;

/// See `Forward::next_effect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect<'a> {
    /// Open a UDP socket, connect it to `server` and call it `port`. If that cannot be done, say so
    /// by `Forward::unopened`.
    Open {
        /// Its name from now on.
        port: PortId,
        /// Where it leads.
        server: SocketAddr,
    },
    /// Close it.
    Close {
        /// As `Open` named it.
        port: PortId,
    },
    /// Send a datagram; one that cannot be sent now counts as lost.
    Send {
        /// From here.
        port: PortId,
        /// The whole query.
        wire: &'a [u8],
    },
    /// The end of a question: its answer, with id 0 and the question spelt as it was asked.
    Answer {
        /// As `ask` named it.
        miss: u64,
        /// The whole message.
        wire: &'a [u8],
    },
    /// The end of a question: no answer.
    Failed {
        /// As `ask` named it.
        miss: u64,
        /// Extended error code: 22 nobody there, 23 no usable answer (RFC 8914).
        ede: u16,
    },
    /// The end of a question here: it needs TCP.
    Elsewhere {
        /// As `ask` named it.
        miss: u64,
    },
    /// A question has waited so long that a stale answer is better; it goes on. At most once each.
    Stale {
        /// As `ask` named it.
        miss: u64,
    },
}

enum Queued {
    Open(PortId, SocketAddr),
    Close(PortId),
    Send(PortId, Range<usize>),
    Answer(u64, Range<usize>),
    Failed(u64, u16),
    Elsewhere(u64),
    Stale(u64),
}

/// The queue and the bytes that go with it; both are empty again whenever all has been taken.
pub(super) struct Effects {
    queue: VecDeque<Queued>,
    bytes: Vec<u8>,
}

impl Effects {
    pub(super) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            bytes: Vec::new(),
        }
    }

    pub(super) fn open(&mut self, port: PortId, server: SocketAddr) {
        self.queue.push_back(Queued::Open(port, server));
    }

    pub(super) fn close(&mut self, port: PortId) {
        self.queue.push_back(Queued::Close(port));
    }

    pub(super) fn send(&mut self, port: PortId, wire: &[u8]) {
        let range = self.keep(|bytes| bytes.extend_from_slice(wire));
        self.queue.push_back(Queued::Send(port, range));
    }

    /// `write` appends the answer.
    pub(super) fn answer(&mut self, miss: u64, write: impl FnOnce(&mut Vec<u8>)) {
        let range = self.keep(write);
        self.queue.push_back(Queued::Answer(miss, range));
    }

    pub(super) fn failed(&mut self, miss: u64, ede: u16) {
        self.queue.push_back(Queued::Failed(miss, ede));
    }

    pub(super) fn elsewhere(&mut self, miss: u64) {
        self.queue.push_back(Queued::Elsewhere(miss));
    }

    pub(super) fn stale(&mut self, miss: u64) {
        self.queue.push_back(Queued::Stale(miss));
    }

    pub(super) fn next(&mut self) -> Option<Effect<'_>> {
        let Some(queued) = self.queue.pop_front() else {
            self.bytes.clear();
            return None;
        };
        Some(match queued {
            Queued::Open(port, server) => Effect::Open { port, server },
            Queued::Close(port) => Effect::Close { port },
            Queued::Send(port, range) => Effect::Send {
                port,
                wire: &self.bytes[range],
            },
            Queued::Answer(miss, range) => Effect::Answer {
                miss,
                wire: &self.bytes[range],
            },
            Queued::Failed(miss, ede) => Effect::Failed { miss, ede },
            Queued::Elsewhere(miss) => Effect::Elsewhere { miss },
            Queued::Stale(miss) => Effect::Stale { miss },
        })
    }

    fn keep(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Range<usize> {
        let start = self.bytes.len();
        write(&mut self.bytes);
        start..self.bytes.len()
    }
}
