//! nftables told by netlink: addresses into the sets of one table of family inet, and out again.
//!
//! All that belongs together is one batch, which the kernel takes or leaves as one, and has taken
//! when `send` returns. A kernel before 6.12 leaves the time of an element as it is that is there
//! already, and what is not there cannot be deleted (one that can be asked to came with 6.3). So an
//! element is made, deleted and made: that is right whatever was before, and never fails for it.
//!
//! Layouts: netlink(7), linux/netfilter/nfnetlink.h and linux/netfilter/nf_tables.h.

use std::net::IpAddr;
use std::os::fd::OwnedFd;

use filterd_core::gate::{Change, Firewall, Refused};
use rustix::io::Errno;
use rustix::net::{
    netlink, recv, send, socket_with, sockopt, AddressFamily, RecvFlags, SendFlags, SocketFlags,
    SocketType,
};

const BATCH_BEGIN: u16 = libc::NFNL_MSG_BATCH_BEGIN as u16;
const BATCH_END: u16 = libc::NFNL_MSG_BATCH_END as u16;
const SUBSYSTEM: u16 = libc::NFNL_SUBSYS_NFTABLES as u16;
const NEW_ELEMENT: u16 = SUBSYSTEM << 8 | libc::NFT_MSG_NEWSETELEM as u16;
const DELETE_ELEMENT: u16 = SUBSYSTEM << 8 | libc::NFT_MSG_DELSETELEM as u16;
const REQUEST: u16 = libc::NLM_F_REQUEST as u16;
const CREATE: u16 = libc::NLM_F_CREATE as u16;
const ERROR: u16 = libc::NLMSG_ERROR as u16;
const INET: u8 = libc::NFPROTO_INET as u8;

/// Attributes of `nf_tables.h`, and the flag of one that holds others.
const LIST_TABLE: u16 = 1;
const LIST_SET: u16 = 2;
const LIST_ELEMENTS: u16 = 3;
const LIST_ELEMENT: u16 = 1;
const ELEMENT_KEY: u16 = 1;
const ELEMENT_TIMEOUT: u16 = 4;
const DATA_VALUE: u16 = 1;
const NESTED: u16 = 1 << 15;

/// Addresses of one message: what holds them has a length of sixteen bits.
const TOGETHER: usize = 512;
/// Octets of a batch that fit into a socket as it is.
const ROOM: usize = 100_000;

/// Octets of an acknowledgement that say anything: a header and an error number.
const ANSWER: usize = 20;
const MOST_ANSWERS: usize = 64;

/// See the module.
pub struct Nftables {
    table: String,
    socket: Option<OwnedFd>,
    batch: Vec<u8>,
}

impl Nftables {
    /// Whoever changes this table. Nothing is opened before it is needed.
    #[must_use]
    pub fn new(table: &str) -> Self {
        Self {
            table: table.to_owned(),
            socket: None,
            batch: Vec::new(),
        }
    }

    fn send(&mut self) -> Result<(), Errno> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => socket_with(
                AddressFamily::NETLINK,
                SocketType::RAW,
                SocketFlags::CLOEXEC,
                Some(netlink::NETFILTER),
            )?,
        };
        if self.batch.len() > ROOM {
            sockopt::set_socket_send_buffer_size_force(&socket, 2 * self.batch.len())?;
        }
        let sent = send(&socket, &self.batch, SendFlags::empty());
        if self.batch.capacity() > 2 * ROOM {
            self.batch = Vec::new();
        }
        sent?;
        // Whatever there is to say has been said by now.
        let (mut said, mut lost, mut all) = (None, None, false);
        for _ in 0..MOST_ANSWERS {
            let mut answer = [0; ANSWER];
            match recv(&socket, &mut answer, RecvFlags::DONTWAIT) {
                Ok((read, _)) => said = said.or(error_of(answer.get(..read).unwrap_or(&answer))),
                Err(Errno::AGAIN) => {
                    all = true;
                    break;
                }
                Err(Errno::INTR) => {}
                // More than there is room for; the first is behind this.
                Err(Errno::NOBUFS) => lost = Some(Errno::NOBUFS),
                Err(error) => return Err(error),
            }
        }
        // Kept only where it is known to be empty.
        if all && lost.is_none() {
            self.socket = Some(socket);
        }
        said.or(lost).map_or(Ok(()), Err)
    }
}

impl Firewall for Nftables {
    fn change(&mut self, changes: &[Change<'_>]) -> Result<(), Refused> {
        write(&mut self.batch, &self.table, changes);
        self.send().map_err(|error| match error {
            Errno::PERM | Errno::ACCESS => Refused::Denied,
            Errno::NOENT => Refused::Absent,
            Errno::NFILE => Refused::Full,
            _ => Refused::Failed,
        })
    }
}

/// The error that an answer tells, if it is one.
fn error_of(answer: &[u8]) -> Option<Errno> {
    let kind = u16::from_ne_bytes(*answer.get(4..)?.first_chunk()?);
    let error = i32::from_ne_bytes(*answer.get(16..)?.first_chunk()?);
    (kind == ERROR && error != 0).then(|| Errno::from_raw_os_error(-error))
}

/// Write the whole batch.
fn write(out: &mut Vec<u8>, table: &str, changes: &[Change<'_>]) {
    out.clear();
    message(out, BATCH_BEGIN, REQUEST, (0, SUBSYSTEM), |_| {});
    for change in changes {
        let set = (table, change.set);
        if change.empty {
            about(out, DELETE_ELEMENT, set, |_| {});
        }
        for part in change.close.chunks(TOGETHER) {
            // One second is enough for what is deleted at once.
            let passing = part.iter().map(|address| (*address, Some(1000)));
            let close = part.iter().map(|address| (*address, None));
            elements(out, NEW_ELEMENT, set, passing);
            elements(out, DELETE_ELEMENT, set, close);
        }
        for part in change.open.chunks(TOGETHER) {
            let known = part.iter().map(|(address, _)| (*address, None));
            let open = || {
                let open = part.iter();
                open.map(|(address, time)| (*address, Some(milliseconds(*time))))
            };
            if !change.empty {
                elements(out, NEW_ELEMENT, set, open());
                elements(out, DELETE_ELEMENT, set, known);
            }
            elements(out, NEW_ELEMENT, set, open());
        }
    }
    message(out, BATCH_END, REQUEST, (0, SUBSYSTEM), |_| {});
}

fn milliseconds(seconds: f64) -> u64 {
    // Zero would be "for ever".
    ((seconds * 1000.0) as u64).max(1)
}

/// A message about elements of a set.
fn elements(
    out: &mut Vec<u8>,
    kind: u16,
    set: (&str, &str),
    elements: impl Iterator<Item = (IpAddr, Option<u64>)>,
) {
    about(out, kind, set, |out| {
        attribute(out, LIST_ELEMENTS | NESTED, |out| {
            for (address, time) in elements {
                attribute(out, LIST_ELEMENT | NESTED, |out| {
                    element(out, address, time)
                });
            }
        });
    });
}

/// A message about a set; to delete, without saying what, is to empty it.
fn about(
    out: &mut Vec<u8>,
    kind: u16,
    (table, set): (&str, &str),
    what: impl FnOnce(&mut Vec<u8>),
) {
    let flags = if kind == NEW_ELEMENT {
        REQUEST | CREATE
    } else {
        REQUEST
    };
    message(out, kind, flags, (INET, 0), |out| {
        text(out, LIST_TABLE, table);
        text(out, LIST_SET, set);
        what(out);
    });
}

fn element(out: &mut Vec<u8>, address: IpAddr, time: Option<u64>) {
    attribute(out, ELEMENT_KEY | NESTED, |out| {
        attribute(out, DATA_VALUE, |out| match address {
            IpAddr::V4(address) => out.extend_from_slice(&address.octets()),
            IpAddr::V6(address) => out.extend_from_slice(&address.octets()),
        });
    });
    if let Some(time) = time {
        attribute(out, ELEMENT_TIMEOUT, |out| {
            out.extend_from_slice(&time.to_be_bytes());
        });
    }
}

/// One message: netlink's header, netfilter's, and a body whose length is a multiple of four.
fn message(
    out: &mut Vec<u8>,
    kind: u16,
    flags: u16,
    (family, resource): (u8, u16),
    body: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(&flags.to_ne_bytes());
    // A number that nobody looks at, and whom it is from: the kernel knows.
    out.extend_from_slice(&[0; 8]);
    let [high, low] = resource.to_be_bytes();
    out.extend_from_slice(&[family, 0, high, low]);
    body(out);
    let length = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&length.to_ne_bytes());
}

fn attribute(out: &mut Vec<u8>, kind: u16, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&kind.to_ne_bytes());
    body(out);
    let length = (out.len() - start) as u16;
    out[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    out.resize(out.len().next_multiple_of(4), 0);
}

fn text(out: &mut Vec<u8>, kind: u16, text: &str) {
    attribute(out, kind, |out| {
        out.extend_from_slice(text.as_bytes());
        out.push(0);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages as kind, flags and length, by walking their lengths.
    fn walked(batch: &[u8]) -> Vec<(u16, u16, usize)> {
        let mut found = Vec::new();
        let mut rest = batch;
        while !rest.is_empty() {
            let length = u32::from_ne_bytes(*rest.first_chunk().expect("a length")) as usize;
            assert_eq!(length % 4, 0);
            let two = |at: usize| u16::from_ne_bytes([rest[at], rest[at + 1]]);
            found.push((two(4), two(6), length));
            rest = &rest[length..];
        }
        found
    }

    #[test]
    fn an_element_is_made_deleted_and_made_and_all_of_it_is_one_batch() {
        let four = [("192.0.2.1".parse().expect("an address"), 1.5)];
        let gone = ["2001:db8::1".parse().expect("an address")];
        let changes = [
            Change {
                set: "four",
                empty: false,
                open: &four,
                close: &[],
            },
            Change {
                set: "six",
                empty: false,
                open: &[],
                close: &gone,
            },
        ];
        let mut batch = vec![1, 2, 3];
        write(&mut batch, "t", &changes);
        let kinds: Vec<u16> = walked(&batch).iter().map(|(kind, ..)| *kind).collect();
        let (new, delete) = (NEW_ELEMENT, DELETE_ELEMENT);
        assert_eq!(
            kinds,
            [BATCH_BEGIN, new, delete, new, new, delete, BATCH_END]
        );
        assert_eq!((new, delete), (0x0a0c, 0x0a0e));
        let flags: Vec<u16> = walked(&batch).iter().map(|(_, flags, _)| *flags).collect();
        assert_eq!(flags, [1, 0x401, 1, 0x401, 0x401, 1, 1]);
    }

    #[test]
    fn a_set_is_emptied_and_filled_in_one_batch_of_messages_that_have_a_length() {
        let open: Vec<(IpAddr, f64)> = (0..=u16::MAX)
            .map(|number| (IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, number]), 1.0))
            .collect();
        let changes = [Change {
            set: "six",
            empty: true,
            open: &open,
            close: &[],
        }];
        let mut batch = Vec::new();
        write(&mut batch, "t", &changes);
        let walked = walked(&batch);
        let kinds: Vec<u16> = walked.iter().map(|(kind, ..)| *kind).collect();
        let full = open.len() / TOGETHER;
        assert_eq!(kinds[..3], [BATCH_BEGIN, DELETE_ELEMENT, NEW_ELEMENT]);
        assert_eq!(
            kinds.iter().filter(|kind| **kind == NEW_ELEMENT).count(),
            full
        );
        assert_eq!(walked[1].2, 20 + 8 + 8, "no element is named");
        // Each has its 512, of forty octets, in one attribute.
        assert_eq!(walked[2].2, 20 + 8 + 8 + 4 + TOGETHER * 40);
    }

    #[test]
    fn an_element_is_written_as_the_kernel_reads_it() {
        let mut out = Vec::new();
        let address = "192.0.2.1".parse().expect("an address");
        element(&mut out, address, Some(milliseconds(1.5)));
        let value = [8u16.to_ne_bytes(), 1u16.to_ne_bytes(), [192, 0], [2, 1]].concat();
        let key = [12u16.to_ne_bytes(), 0x8001u16.to_ne_bytes()].concat();
        let time = [12u16.to_ne_bytes(), 4u16.to_ne_bytes()].concat();
        let wanted = [key, value, time, 1500u64.to_be_bytes().to_vec()].concat();
        assert_eq!(out, wanted);
        assert_eq!(milliseconds(0.0), 1, "none is for ever");
    }

    #[test]
    fn a_name_is_ended_and_filled_up_but_not_counted_so() {
        let mut out = Vec::new();
        text(&mut out, LIST_TABLE, "filterd");
        assert_eq!(out.len(), 12);
        text(&mut out, LIST_SET, "four");
        assert_eq!(u16::from_ne_bytes([out[12], out[13]]), 9);
        assert_eq!(out.len(), 24);
    }

    #[test]
    fn an_answer_is_an_error_or_none() {
        let answer = |kind: u16, error: i32| {
            let mut bytes = [0; ANSWER];
            bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
            bytes[16..].copy_from_slice(&error.to_ne_bytes());
            bytes
        };
        assert_eq!(error_of(&answer(ERROR, -libc::EPERM)), Some(Errno::PERM));
        assert_eq!(error_of(&answer(ERROR, 0)), None);
        assert_eq!(error_of(&answer(3, -1)), None);
        assert_eq!(error_of(&[0; 7]), None);
    }

    #[test]
    fn a_table_that_is_not_there_is_said_to_be_absent_or_not_ours() {
        let mut firewall = Nftables::new("filterd-test-none");
        let open = [("192.0.2.1".parse().expect("an address"), 1.0)];
        let changes = [Change {
            set: "none",
            empty: false,
            open: &open,
            close: &[],
        }];
        // So many that the kernel says it more often than a socket holds.
        let many = vec![open[0]; 1 << 16];
        let filled = [Change {
            empty: true,
            open: &many,
            ..changes[0]
        }];
        for changes in [&changes, &filled, &changes] {
            let why = firewall.change(changes).expect_err("there is none");
            assert!(matches!(why, Refused::Absent | Refused::Denied), "{why:?}");
        }
    }
}
