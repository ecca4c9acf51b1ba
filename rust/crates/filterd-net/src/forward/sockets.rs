//! The sockets that questions go out from: connected, so that the kernel drops what comes from
//! anybody else, and bound to a random port by it.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use filterd_core::forward::{Fault, PortId, LARGEST, MOST_PORTS};
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{self, AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// The open sockets, by `PortId::place`.
pub(crate) struct Sockets {
    epoll: OwnedFd,
    open: Vec<Option<(PortId, OwnedFd)>>,
    buffer: Box<[u8; LARGEST + 1]>,
}

/// What came of reading.
pub(crate) enum Read<'a> {
    Packet(&'a [u8]),
    /// Nothing more for now.
    Nothing,
    Fault(Fault),
}

impl Sockets {
    pub(crate) fn new(epoll: OwnedFd) -> Self {
        Self {
            epoll,
            open: (0..MOST_PORTS).map(|_| None).collect(),
            buffer: Box::new([0; LARGEST + 1]),
        }
    }

    /// Open a socket to `server` and listen to it.
    pub(crate) fn open(&mut self, port: PortId, server: SocketAddr) -> io::Result<()> {
        let family = if server.is_ipv4() {
            AddressFamily::INET
        } else {
            AddressFamily::INET6
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = net::socket_with(family, SocketType::DGRAM, flags, None)?;
        // The kernel draws the port at random and keeps to the range the operator reserved.
        net::connect(&socket, &server)?;
        let data = epoll::EventData::new_u64(port.place() as u64);
        epoll::add(&self.epoll, &socket, data, epoll::EventFlags::IN)?;
        let place = self.open.get_mut(port.place());
        *place.ok_or_else(|| io::Error::other("more ports than places"))? = Some((port, socket));
        Ok(())
    }

    /// Close it; epoll forgets it by itself.
    pub(crate) fn close(&mut self, port: PortId) {
        if let Some(place) = self.open.get_mut(port.place()) {
            if place.as_ref().is_some_and(|(open, _)| *open == port) {
                *place = None;
            }
        }
    }

    pub(crate) fn close_all(&mut self) {
        self.open.fill_with(|| None);
    }

    /// The port at a place, if one is open there.
    pub(crate) fn port(&self, place: u64) -> Option<PortId> {
        let (port, _) = self.open.get(usize::try_from(place).ok()?)?.as_ref()?;
        Some(*port)
    }

    /// Send a datagram. What cannot be sent now counts as lost: it is sent again in time.
    pub(crate) fn send(&self, port: PortId, wire: &[u8]) -> Result<(), Fault> {
        let Some((open, socket)) = self.open.get(port.place()).and_then(Option::as_ref) else {
            return Ok(());
        };
        if *open != port {
            return Ok(());
        }
        match net::send(socket, wire, SendFlags::NOSIGNAL) {
            Ok(_) => Ok(()),
            Err(error) => fault(error).map_or(Ok(()), Err),
        }
    }

    /// Read a datagram, its first `LARGEST` + 1 octets.
    pub(crate) fn read(&mut self, port: PortId) -> Read<'_> {
        let Some((_, socket)) = self.open.get(port.place()).and_then(Option::as_ref) else {
            return Read::Nothing;
        };
        match net::recv(socket.as_fd(), &mut self.buffer[..], RecvFlags::empty()) {
            Ok((length, _)) => Read::Packet(&self.buffer[..length]),
            Err(error) => fault(error).map_or(Read::Nothing, Read::Fault),
        }
    }
}

/// What an error of a socket says about the server; `None`: nothing, it passes.
fn fault(error: Errno) -> Option<Fault> {
    match error {
        Errno::AGAIN | Errno::INTR | Errno::NOBUFS | Errno::NOMEM | Errno::MSGSIZE => None,
        Errno::CONNREFUSED => Some(Fault::Refused),
        _ => Some(Fault::Unreachable),
    }
}
