//! The UDP sockets of all doors, for whoever has a reply that comes late.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use filterd_core::engine::{Reply, Way};
use filterd_core::proxy::Proxies;
use rustix::net::sockopt::{set_socket_timeout, Timeout};

use crate::sys::{tell_local, Batch, Ends};

/// A thread that waits for datagrams looks up from it so often.
const LOOK_UP: Duration = Duration::from_millis(100);

/// See the module.
pub struct Doors {
    sockets: Vec<Socket>,
    late: Mutex<Batch>,
    unsent: AtomicU64,
    proxies: Option<Arc<Proxies>>,
}

struct Socket {
    fd: OwnedFd,
    wildcard: bool,
}

impl Doors {
    /// Take bound UDP sockets over. They are made to block, for a tenth of a second at a time.
    ///
    /// # Errors
    /// One of them is no UDP socket.
    pub fn new(sockets: Vec<OwnedFd>) -> io::Result<Self> {
        let sockets = sockets.into_iter().map(Socket::new);
        Ok(Self {
            sockets: sockets.collect::<io::Result<_>>()?,
            late: Mutex::new(Batch::new(false)),
            unsent: AtomicU64::new(0),
            proxies: None,
        })
    }

    /// The same, believing `proxies`.
    #[must_use]
    pub fn behind(self, proxies: Option<Arc<Proxies>>) -> Self {
        Self { proxies, ..self }
    }

    /// The proxies that are believed; `None`: nobody is.
    pub(crate) fn proxies(&self) -> Option<&Proxies> {
        self.proxies.as_deref()
    }

    /// How many sockets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Send the replies that go back as datagrams, without waiting: what a full buffer does not
    /// take is lost, as any datagram may be, and counted.
    pub fn send(&self, replies: &[Reply]) {
        let mut all: Vec<(u32, (Ends, &[u8]))> = Vec::with_capacity(replies.len());
        for reply in replies.iter().filter(|reply| !reply.wire.is_empty()) {
            if let Way::Datagram(back) = reply.way {
                let ends = Ends {
                    client: back.through.unwrap_or(reply.client),
                    port: back.port,
                    scope: back.scope,
                    local: back.local,
                };
                all.push((back.socket, (ends, &reply.wire)));
            }
        }
        all.sort_by_key(|(socket, _)| *socket);
        let mut batch = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        for of_one in all.chunk_by(|(one, _), (other, _)| one == other) {
            let socket = of_one.first().map_or(0, |(socket, _)| *socket);
            let Some(socket) = self.sockets.get(socket as usize) else {
                continue;
            };
            let messages = of_one.iter().map(|(_, message)| *message);
            self.lost(batch.send(socket.fd.as_fd(), messages));
        }
    }

    /// Have reading wait again. Whoever handed a socket over may have kept it, and what he says of
    /// waiting holds here as well: a thread would go round as fast as it can.
    pub(crate) fn wait_for_all(&self) {
        for socket in &self.sockets {
            // It cannot fail for a socket that is open.
            let _ = rustix::io::ioctl_fionbio(&socket.fd, false);
        }
    }

    /// Replies that could not be sent.
    #[must_use]
    pub fn unsent(&self) -> u64 {
        self.unsent.load(Ordering::Relaxed)
    }

    pub(crate) fn lost(&self, count: usize) {
        if count > 0 {
            self.unsent.fetch_add(count as u64, Ordering::Relaxed);
        }
    }

    pub(crate) fn socket(&self, at: u32) -> Option<(BorrowedFd<'_>, bool)> {
        let socket = self.sockets.get(at as usize)?;
        Some((socket.fd.as_fd(), socket.wildcard))
    }
}

impl Socket {
    fn new(fd: OwnedFd) -> io::Result<Self> {
        let address = rustix::net::getsockname(&fd)?;
        let address = std::net::SocketAddr::try_from(address)
            .map_err(|_| io::Error::other("not a socket of IPv4 or IPv6"))?;
        let wildcard = address.ip().is_unspecified();
        if wildcard {
            tell_local(fd.as_fd(), matches!(address.ip(), IpAddr::V6(_)))?;
        }
        rustix::io::ioctl_fionbio(&fd, false)?;
        set_socket_timeout(&fd, Timeout::Recv, Some(LOOK_UP))?;
        Ok(Self { fd, wildcard })
    }
}
