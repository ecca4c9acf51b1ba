//! Whose the datagrams of a batch are: their senders', or those for whom a proxy sent them.

use std::net::IpAddr;

use filterd_core::proxy::{Entry, Fault, Proxies};

use crate::sys::{Batch, BATCH};

const UDP: u8 = 0;
/// What stands for a datagram that nobody has looked at.
const UNSEEN: Entry = Entry::Refused(Fault::Missing);

/// See the module. Without proxies it costs a branch for each datagram.
pub(crate) struct Origins<'p> {
    proxies: Option<&'p Proxies>,
    entries: [Entry; BATCH],
}

impl<'p> Origins<'p> {
    pub(crate) fn new(proxies: Option<&'p Proxies>) -> Self {
        Self {
            proxies,
            entries: [UNSEEN; BATCH],
        }
    }

    /// Look at the first `count` datagrams of a batch that was just received.
    pub(crate) fn look(&mut self, batch: &Batch, count: usize) {
        let Some(proxies) = self.proxies else {
            return;
        };
        // Whatever happens below, none is taken for what stood at its place before.
        self.entries = [UNSEEN; BATCH];
        let mut proxied = 0;
        for (at, entry) in self.entries.iter_mut().enumerate().take(count) {
            if let Some(ends) = batch.ends(at) {
                *entry = proxies.enter(ends.client, batch.packet(at), true);
                proxied += u64::from(matches!(*entry, Entry::Client(_, 1..)));
            }
        }
        proxies.entered(UDP, proxied);
    }

    /// The DNS message of a datagram; nothing of one that is refused.
    #[inline]
    pub(crate) fn message<'b>(&self, batch: &'b Batch, at: usize) -> &'b [u8] {
        let packet = batch.packet(at);
        if self.proxies.is_none() {
            return packet;
        }
        match self.entries[at] {
            Entry::Client(_, start) => packet.get(start..).unwrap_or_default(),
            Entry::More | Entry::Refused(_) => &[],
        }
    }

    /// Whose it is, and the proxy it came through, if `peer`, its sender, is one. `None`: nobody's.
    #[inline]
    pub(crate) fn client(&self, at: usize, peer: IpAddr) -> Option<(IpAddr, Option<IpAddr>)> {
        if self.proxies.is_none() {
            return Some((peer, None));
        }
        match self.entries[at] {
            Entry::Client(client, 0) => Some((client, None)),
            Entry::Client(client, _) => Some((client, Some(peer))),
            Entry::More | Entry::Refused(_) => None,
        }
    }
}
