//! The system calls that have no safe wrapper elsewhere: many datagrams at once, with the address
//! that each was sent to (recvmmsg, sendmmsg; RFC 3542 section 6 and `ip(7)` for the latter), and a
//! word to the scheduler.
//!
//! A [`Batch`] owns every buffer that the kernel is told of for receiving, at addresses that do not
//! move: those headers are made once, and only what the kernel wrote into them is set again. The
//! headers for sending are made before each call, as many as it has, so that no pointer to what is
//! sent is used after it. Most batches have one datagram, and touch as little.

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use libc::{c_int, c_void, cmsghdr, iovec, mmsghdr, msghdr, sockaddr_in, sockaddr_in6};

/// Datagrams of one call.
pub(crate) const BATCH: usize = 64;
/// Octets that are read of one; a query has some hundred at most.
const LONGEST: usize = 2048;
/// What is left of a longer one (RFC 1035 section 4.1.1).
const HEADER: usize = 12;
/// Room for one control message with an address: IPv6's is the larger.
const CONTROL: usize = 128;

/// The other end of a datagram: its address, and ours where the socket is bound to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) client: IpAddr,
    pub(crate) port: u16,
    pub(crate) scope: u32,
    pub(crate) local: Option<IpAddr>,
}

/// A control buffer, aligned as the kernel's headers want it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

/// Either kind of socket address.
#[derive(Clone, Copy)]
#[repr(C)]
union Address {
    family: libc::sa_family_t,
    v4: sockaddr_in,
    v6: sockaddr_in6,
}

/// Buffers for a batch of datagrams: what came in, and what goes out.
pub(crate) struct Batch {
    packets: Box<[[u8; LONGEST]; BATCH]>,
    addresses: Box<[Address; BATCH]>,
    controls: Box<[Control; BATCH]>,
    /// Where each datagram goes that comes in.
    rooms: Box<[iovec; BATCH]>,
    headers: Box<[mmsghdr; BATCH]>,
    /// How many headers the kernel has written to.
    used: usize,
    parts: Box<[iovec; BATCH]>,
    outgoing: Box<[mmsghdr; BATCH]>,
    /// Whether to ask for the address that each datagram was sent to.
    wildcard: bool,
}

// SAFETY: the raw pointers inside `rooms` and `headers` point into boxes of the same batch, which
// move with it; those inside `parts` and `outgoing` are written anew before each call, and between
// calls nobody reads them.
unsafe impl Send for Batch {}

impl Batch {
    pub(crate) fn new(wildcard: bool) -> Self {
        // SAFETY: all of these are plain C data for which zeroes are a value.
        let (addresses, rooms, headers, parts, outgoing) = unsafe {
            (
                Box::new([mem::zeroed(); BATCH]),
                Box::new([mem::zeroed(); BATCH]),
                Box::new([mem::zeroed(); BATCH]),
                Box::new([mem::zeroed(); BATCH]),
                Box::new([mem::zeroed(); BATCH]),
            )
        };
        let mut batch = Self {
            packets: Box::new([[0; LONGEST]; BATCH]),
            addresses,
            controls: Box::new([Control([0; CONTROL]); BATCH]),
            rooms,
            headers,
            used: BATCH,
            parts,
            outgoing,
            wildcard,
        };
        for at in 0..BATCH {
            batch.rooms[at] = iovec {
                iov_base: batch.packets[at].as_mut_ptr().cast(),
                iov_len: LONGEST,
            };
            let header = &mut batch.headers[at].msg_hdr;
            header.msg_name = ptr::from_mut(&mut batch.addresses[at]).cast();
            header.msg_iov = &raw mut batch.rooms[at];
            header.msg_iovlen = 1;
            if wildcard {
                header.msg_control = batch.controls[at].0.as_mut_ptr().cast();
            }
        }
        batch
    }

    /// Wait for datagrams; the first for as long as the socket's own timeout says, more only if
    /// they are there. Zero if none came in time.
    ///
    /// # Errors
    /// What the socket says.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        let room = if self.wildcard { CONTROL } else { 0 };
        for header in self.headers.iter_mut().take(self.used) {
            header.msg_hdr.msg_namelen = mem::size_of::<Address>() as u32;
            header.msg_hdr.msg_controllen = room;
        }
        self.used = BATCH;
        // SAFETY: BATCH headers, each pointing at buffers of this batch with their true lengths.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_WAITFORONE,
                ptr::null_mut(),
            )
        };
        let Ok(count) = usize::try_from(count) else {
            let error = io::Error::last_os_error();
            // The kernel may have come to write something first: all are set again.
            return match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(0),
                _ => Err(error),
            };
        };
        // One more may have been begun when nothing was left.
        self.used = (count + 1).min(BATCH);
        Ok(count)
    }

    /// The datagram at `at` of those received last.
    pub(crate) fn packet(&self, at: usize) -> &[u8] {
        let header = &self.headers[at];
        // One that was cut is not what was sent: without all behind its header it is a query with a
        // format error, and whatever else has a header keeps being that.
        let cut = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
        let most = if cut { HEADER } else { LONGEST };
        &self.packets[at][..(header.msg_len as usize).min(most)]
    }

    /// Where it came from; `None` for an address of no kind we know.
    pub(crate) fn ends(&self, at: usize) -> Option<Ends> {
        let (client, port, scope) = read(&self.addresses[at])?;
        let local = self.wildcard.then(|| self.local(at)).flatten();
        Some(Ends {
            client,
            port,
            scope,
            local,
        })
    }

    fn local(&self, at: usize) -> Option<IpAddr> {
        let header = &self.headers[at].msg_hdr;
        // SAFETY: the kernel has written msg_controllen bytes of whole control messages.
        unsafe {
            let mut message = libc::CMSG_FIRSTHDR(header);
            while !message.is_null() {
                let data = libc::CMSG_DATA(message);
                let length = (*message).cmsg_len;
                match ((*message).cmsg_level, (*message).cmsg_type) {
                    (libc::IPPROTO_IP, libc::IP_PKTINFO)
                        if length >= whole::<libc::in_pktinfo>() =>
                    {
                        let info: libc::in_pktinfo = ptr::read_unaligned(data.cast());
                        return Some(v4(info.ipi_addr.s_addr));
                    }
                    (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO)
                        if length >= whole::<libc::in6_pktinfo>() =>
                    {
                        let info: libc::in6_pktinfo = ptr::read_unaligned(data.cast());
                        return Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).into());
                    }
                    _ => message = libc::CMSG_NXTHDR(header, message),
                }
            }
        }
        None
    }

    /// Send each of `replies` back to where the datagram of its number came from. Returns how many
    /// could not be sent.
    pub(crate) fn reply<'r>(
        &mut self,
        socket: BorrowedFd<'_>,
        replies: impl Iterator<Item = (usize, &'r [u8])>,
    ) -> usize {
        let mut count = 0;
        for (to, (at, wire)) in replies.take(BATCH).enumerate() {
            let local = self.wildcard.then(|| self.local(at)).flatten();
            self.parts[to] = part(wire);
            let header = &mut self.outgoing[to].msg_hdr;
            header.msg_name = ptr::from_mut(&mut self.addresses[at]).cast();
            header.msg_namelen = self.headers[at].msg_hdr.msg_namelen;
            header.msg_iov = &raw mut self.parts[to];
            header.msg_iovlen = 1;
            header.msg_control = ptr::null_mut();
            header.msg_controllen = 0;
            if let Some(local) = local {
                let scope = read(&self.addresses[at]).map_or(0, |(_, _, scope)| scope);
                control(&mut self.controls[at], header, local, scope);
            }
            count = to + 1;
        }
        send_all(socket, &mut self.outgoing[..count])
    }

    /// Send each of `messages` to its client, without waiting. Returns how many could not be sent.
    pub(crate) fn send<'a>(
        &mut self,
        socket: BorrowedFd<'_>,
        messages: impl Iterator<Item = (Ends, &'a [u8])>,
    ) -> usize {
        let mut unsent = 0;
        let mut messages = messages.peekable();
        while messages.peek().is_some() {
            let mut count = 0;
            for (to, (ends, wire)) in messages.by_ref().take(BATCH).enumerate() {
                count = to + 1;
                self.parts[to] = part(wire);
                let length = write(&mut self.addresses[to], &ends);
                let header = &mut self.outgoing[to].msg_hdr;
                header.msg_name = ptr::from_mut(&mut self.addresses[to]).cast();
                header.msg_namelen = length;
                header.msg_iov = &raw mut self.parts[to];
                header.msg_iovlen = 1;
                header.msg_control = ptr::null_mut();
                header.msg_controllen = 0;
                if let Some(local) = ends.local {
                    control(&mut self.controls[to], header, local, ends.scope);
                }
            }
            unsent += send_all(socket, &mut self.outgoing[..count]);
        }
        unsent
    }
}

fn part(wire: &[u8]) -> iovec {
    iovec {
        // The kernel only reads what is sent.
        iov_base: wire.as_ptr().cast_mut().cast::<c_void>(),
        iov_len: wire.len(),
    }
}

/// How long a control message with a `T` is; the kernel cuts what finds no room.
const fn whole<T>() -> usize {
    // SAFETY: arithmetic on a size.
    unsafe { libc::CMSG_LEN(mem::size_of::<T>() as u32) as usize }
}

/// Send all without waiting: a link that is slow must not hold up who answers. One that cannot be
/// sent is left out, for the others' sake. Returns how many were.
fn send_all(socket: BorrowedFd<'_>, headers: &mut [mmsghdr]) -> usize {
    let (mut done, mut unsent) = (0, 0);
    while done < headers.len() {
        let rest = &mut headers[done..];
        // SAFETY: headers that the caller has pointed at live buffers with their true lengths.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                rest.as_mut_ptr(),
                rest.len() as u32,
                libc::MSG_DONTWAIT,
            )
        };
        match usize::try_from(sent) {
            Ok(sent) if sent > 0 => done += sent,
            _ => match io::Error::last_os_error().kind() {
                io::ErrorKind::Interrupted => {}
                // The way out is full: the rest would find it so too.
                io::ErrorKind::WouldBlock => return unsent + headers.len() - done,
                _ => {
                    unsent += 1;
                    done += 1;
                }
            },
        }
    }
    unsent
}

fn v4(network_order: u32) -> IpAddr {
    Ipv4Addr::from(network_order.to_ne_bytes()).into()
}

fn read(address: &Address) -> Option<(IpAddr, u16, u32)> {
    // SAFETY: the family says which of the two the kernel or `write` has written.
    unsafe {
        match c_int::from(address.family) {
            libc::AF_INET => Some((
                v4(address.v4.sin_addr.s_addr),
                u16::from_be(address.v4.sin_port),
                0,
            )),
            libc::AF_INET6 => Some((
                Ipv6Addr::from(address.v6.sin6_addr.s6_addr).into(),
                u16::from_be(address.v6.sin6_port),
                address.v6.sin6_scope_id,
            )),
            _ => None,
        }
    }
}

/// Write the client's address; returns its length.
fn write(address: &mut Address, ends: &Ends) -> u32 {
    match ends.client {
        IpAddr::V4(client) => {
            address.v4 = sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: ends.port.to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes(client.octets()),
                },
                sin_zero: [0; 8],
            };
            mem::size_of::<sockaddr_in>() as u32
        }
        IpAddr::V6(client) => {
            address.v6 = sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: ends.port.to_be(),
                sin6_flowinfo: 0,
                sin6_addr: libc::in6_addr {
                    s6_addr: client.octets(),
                },
                sin6_scope_id: ends.scope,
            };
            mem::size_of::<sockaddr_in6>() as u32
        }
    }
}

/// Write a control message that has the datagram leave from `local`, and point `header` at it.
fn control(buffer: &mut Control, header: &mut msghdr, local: IpAddr, scope: u32) {
    fn put<T>(buffer: &mut Control, level: c_int, kind: c_int, info: T) -> usize {
        let size = mem::size_of::<T>() as u32;
        let message = buffer.0.as_mut_ptr().cast::<cmsghdr>();
        // SAFETY: the buffer is aligned as a header and has room for one with either address.
        unsafe {
            (*message).cmsg_level = level;
            (*message).cmsg_type = kind;
            (*message).cmsg_len = libc::CMSG_LEN(size) as usize;
            ptr::write_unaligned(libc::CMSG_DATA(message).cast(), info);
            libc::CMSG_SPACE(size) as usize
        }
    }
    *buffer = Control([0; CONTROL]);
    header.msg_controllen = match local {
        IpAddr::V4(local) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr {
                    s_addr: u32::from_ne_bytes(local.octets()),
                },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            put(buffer, libc::IPPROTO_IP, libc::IP_PKTINFO, info)
        }
        IpAddr::V6(local) => {
            let info = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr {
                    s6_addr: local.octets(),
                },
                ipi6_ifindex: scope,
            };
            put(buffer, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info)
        }
    };
    header.msg_control = buffer.0.as_mut_ptr().cast();
}

/// Have a socket that is bound to all addresses tell which one was asked.
///
/// # Errors
/// What the kernel says.
pub(crate) fn tell_local(socket: BorrowedFd<'_>, v6: bool) -> io::Result<()> {
    let (level, option) = if v6 {
        (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)
    } else {
        (libc::IPPROTO_IP, libc::IP_PKTINFO)
    };
    let on: c_int = 1;
    // SAFETY: an int of its true length.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(&on).cast(),
            mem::size_of::<c_int>() as u32,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// `struct sched_attr` of `sched_setattr(2)`, as it was in its first version.
#[derive(Default)]
#[repr(C)]
struct Schedule {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    /// Nanoseconds: of an ordinary thread, how long it wants to run at once (Linux 6.12).
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// What a thread that answers runs at once.
const SLICE_NS: u64 = 100_000;

/// Ask the scheduler for short turns, which come sooner: a thread that answers has little to do
/// each time, and should not wait until another has had its three milliseconds. It gets no more
/// than its share by this. A kernel that knows nothing of it leaves all as it was.
pub(crate) fn take_short_turns() {
    let size = mem::size_of::<Schedule>() as u32;
    let mut schedule = Schedule::default();
    // SAFETY: the kernel writes up to `size` octets into a struct of that size, and reads them.
    let known = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut schedule, size, 0) };
    let ordinary = schedule.policy == libc::SCHED_OTHER as u32;
    if known == 0 && ordinary {
        schedule.size = size;
        schedule.runtime = SLICE_NS;
        // SAFETY: as above.
        unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const schedule, 0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule() -> Schedule {
        let (size, mut schedule) = (mem::size_of::<Schedule>() as u32, Schedule::default());
        // SAFETY: as in `take_short_turns`.
        let known =
            unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut schedule, size, 0) };
        assert_eq!(known, 0);
        schedule
    }

    #[test]
    fn short_turns_change_nothing_else() {
        let before = schedule();
        take_short_turns();
        let after = schedule();
        assert_eq!(
            (after.policy, after.nice, after.priority),
            (before.policy, before.nice, before.priority)
        );
        // A kernel before 6.12 says 0 of ordinary threads.
        if before.runtime > 0 {
            assert_eq!(after.runtime, SLICE_NS);
        }
    }
}
