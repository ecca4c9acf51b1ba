//! The PROXY protocol, version 2: a proxy says in front of a message whose it is (HAProxy's
//! specification, section 2.2; integers in network order).
//!
//! | octets | |
//! |---|---|
//! | 12 | signature |
//! | 1 | version (high four bits, 2) and command (0 LOCAL, 1 PROXY) |
//! | 1 | address family (high: 1 IPv4, 2 IPv6) and transport (low: 1 stream, 2 datagram) |
//! | 2 | length of what follows: source, destination, their ports, then TLVs, which are skipped |
//!
//! Nothing in it proves anything, so it is read only where the sender's own address is one that is
//! believed, and there it must stand: whoever may leave it out may choose to be taken for the proxy.
//! The transport is what the client used towards the proxy, which need not be what the proxy uses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::guard::access::Networks;

/// Octets of the longest header that is read, as the specification has it for senders: what fits
/// into the smallest TCP segment.
pub const LONGEST: usize = 536;

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
const FIXED: usize = 16;
const V4: usize = 12;
const V6: usize = 36;
/// Doors that are counted apart: udp, tcp.
const DOORS: usize = 2;

/// What a proxy says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whose it is; `None`: the proxy's own (LOCAL), which is how it looks whether we are well.
    pub client: Option<IpAddr>,
    /// Octets of the header: where the message begins.
    pub length: usize,
}

/// What is wrong with a header. The number is its place in `Counted::refused`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is none.
    Missing,
    /// It ends before its length, or its length before its addresses.
    Truncated,
    /// It is longer than [`LONGEST`].
    Oversized,
    /// Not version 2.
    Version,
    /// Neither LOCAL nor PROXY.
    Command,
    /// Not IPv4 or IPv6 over a stream or datagrams.
    Family,
    /// An address that no client has.
    Address,
}

impl Fault {
    /// All, in the order of their numbers, with their words.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Missing, "missing"),
        (Self::Truncated, "truncated"),
        (Self::Oversized, "oversized"),
        (Self::Version, "version"),
        (Self::Command, "command"),
        (Self::Family, "family"),
        (Self::Address, "address"),
    ];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// Read the header at the beginning of `data`; `None`: more of it has to come.
///
/// # Errors
/// What is wrong with it, whatever follows.
pub fn read(data: &[u8]) -> Result<Option<Header>, Fault> {
    let seen = data.len().min(SIGNATURE.len());
    if data[..seen] != SIGNATURE[..seen] {
        return Err(Fault::Missing);
    }
    let Some(&[kind, family, high, low]) = data.get(SIGNATURE.len()..FIXED) else {
        return Ok(None);
    };
    if kind >> 4 != 2 {
        return Err(Fault::Version);
    }
    let length = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if length > LONGEST {
        return Err(Fault::Oversized);
    }
    let (local, least) = match (kind & 0x0f, family) {
        // Whatever stands behind LOCAL is to be skipped, its family too.
        (0, _) => (true, FIXED),
        (1, 0x11 | 0x12) => (false, FIXED + V4),
        (1, 0x21 | 0x22) => (false, FIXED + V6),
        (1, _) => return Err(Fault::Family),
        _ => return Err(Fault::Command),
    };
    if length < least {
        return Err(Fault::Truncated);
    }
    let Some(block) = data.get(FIXED..length) else {
        return Ok(None);
    };
    let client = if local {
        None
    } else {
        Some(source(block, family)?)
    };
    Ok(Some(Header { client, length }))
}

/// The source address of a block that is long enough for its family.
fn source(block: &[u8], family: u8) -> Result<IpAddr, Fault> {
    let address = if family >> 4 == 1 {
        let octets = block.first_chunk::<4>().ok_or(Fault::Truncated)?;
        IpAddr::V4(Ipv4Addr::from(*octets))
    } else {
        let octets = block.first_chunk::<16>().ok_or(Fault::Truncated)?;
        IpAddr::V6(Ipv6Addr::from(*octets)).to_canonical()
    };
    if address.is_unspecified() || address.is_multicast() {
        return Err(Fault::Address);
    }
    Ok(address)
}

/// Whose a message is, and where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// This client's, from this octet on; 0: it came without a proxy.
    Client(IpAddr, usize),
    /// The header is not all there yet.
    More,
    /// Nobody's: the header is not what it has to be. It has been counted.
    Refused(Fault),
}

/// The proxies that are believed, and what they said. One for all doors of a process.
pub struct Proxies {
    networks: Networks,
    proxied: [AtomicU64; DOORS],
    refused: [AtomicU64; Fault::ALL.len()],
}

/// Numbers since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Datagrams and connections with a good header, by door.
    pub proxied: [u64; DOORS],
    /// Those that were refused, by fault.
    pub refused: [u64; Fault::ALL.len()],
}

impl Proxies {
    /// Believe the addresses in `networks`.
    ///
    /// # Errors
    /// Words for a person about one that is no network.
    pub fn new(networks: &[String]) -> Result<Self, String> {
        Ok(Self {
            networks: Networks::new(networks)?,
            proxied: Default::default(),
            refused: Default::default(),
        })
    }

    /// Whether `peer` is one of them.
    #[must_use]
    pub fn hold(&self, peer: IpAddr) -> bool {
        self.networks.hold(peer)
    }

    /// Say whose `data` is that came from `peer`. `whole`: no more of it will come. Good headers are
    /// for the caller to count, by `entered`.
    pub fn enter(&self, peer: IpAddr, data: &[u8], whole: bool) -> Entry {
        if !self.hold(peer) {
            return Entry::Client(peer, 0);
        }
        match read(data) {
            Ok(Some(header)) => Entry::Client(header.client.unwrap_or(peer), header.length),
            Ok(None) if !whole => Entry::More,
            Ok(None) => self.refuse(Fault::Truncated),
            Err(fault) => self.refuse(fault),
        }
    }

    /// Count good headers. `door`: 0 udp, 1 tcp.
    pub fn entered(&self, door: u8, many: u64) {
        if let (Some(count), true) = (self.proxied.get(usize::from(door)), many > 0) {
            count.fetch_add(many, Ordering::Relaxed);
        }
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Counted {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counted {
            proxied: std::array::from_fn(|at| of(&self.proxied[at])),
            refused: std::array::from_fn(|at| of(&self.refused[at])),
        }
    }

    #[cold]
    fn refuse(&self, fault: Fault) -> Entry {
        self.refused[fault as usize].fetch_add(1, Ordering::Relaxed);
        Entry::Refused(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLIENT: [u8; 4] = [192, 0, 2, 7];

    fn header(kind: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let mut data = SIGNATURE.to_vec();
        data.extend_from_slice(&[kind, family]);
        data.extend_from_slice(&(block.len() as u16).to_be_bytes());
        data.extend_from_slice(block);
        data
    }

    fn v4(client: [u8; 4], tlvs: &[u8]) -> Vec<u8> {
        let ends = [&client[..], &[198, 51, 100, 1, 0x12, 0x34, 0, 53], tlvs].concat();
        header(0x21, 0x12, &ends)
    }

    fn v6(client: &str) -> Vec<u8> {
        let client: Ipv6Addr = client.parse().expect("an address");
        header(0x21, 0x21, &[&client.octets()[..], &[0x20; 20]].concat())
    }

    fn fault(data: &[u8]) -> Option<Fault> {
        read(data).err()
    }

    #[test]
    fn a_client_is_who_the_proxy_says() {
        let data = v4(CLIENT, b"\x04\0\x02ab");
        let found = read(&data).expect("a header").expect("whole");
        assert_eq!(found.client, Some(CLIENT.into()));
        assert_eq!(found.length, data.len());
        let found = read(&v6("2001:db8::7")).expect("a header").expect("whole");
        assert_eq!(found.client, "2001:db8::7".parse().ok());
        let found = read(&v6("::ffff:192.0.2.7")).expect("a header");
        assert_eq!(found.and_then(|h| h.client), Some(CLIENT.into()));
    }

    #[test]
    fn local_is_the_proxy_itself_whatever_stands_behind() {
        for data in [
            header(0x20, 0, b""),
            header(0x20, 0x12, &[0; 12]),
            header(0x20, 0xff, b"xyz"),
        ] {
            let found = read(&data).expect("a header").expect("whole");
            assert_eq!((found.client, found.length), (None, data.len()));
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let cases = [
            (b"GET / HTTP/1.1".to_vec(), Fault::Missing),
            (b"PROXY TCP4 192.0.2.7".to_vec(), Fault::Missing),
            (header(0x11, 0x12, &[1; 12]), Fault::Version),
            (header(0x22, 0x12, &[1; 12]), Fault::Command),
            (header(0x21, 0x00, &[1; 12]), Fault::Family),
            (header(0x21, 0x31, &[1; 216]), Fault::Family),
            (header(0x21, 0x10, &[1; 12]), Fault::Family),
            (header(0x21, 0x12, &[1; 11]), Fault::Truncated),
            (header(0x21, 0x21, &[1; 12]), Fault::Truncated),
            (header(0x21, 0x12, &[1; 521]), Fault::Oversized),
            (header(0x20, 0x00, &[1; 521]), Fault::Oversized),
            (v4([0; 4], b""), Fault::Address),
            (v4([224, 0, 0, 251], b""), Fault::Address),
            (v6("::"), Fault::Address),
        ];
        for (data, expected) in cases {
            assert_eq!(fault(&data), Some(expected), "{data:02x?}");
        }
        assert!(read(&header(0x21, 0x12, &[1; 520])).is_ok(), "536 octets");
    }

    #[test]
    fn only_those_that_are_believed_are_read_and_they_must_say() {
        let proxies = Proxies::new(&["192.0.2.128/25".into()]).expect("networks");
        let (proxy, other): (IpAddr, IpAddr) = ([192, 0, 2, 200].into(), [192, 0, 2, 1].into());
        let data = v4([198, 51, 100, 9], b"");
        let told = Entry::Client([198, 51, 100, 9].into(), data.len());
        assert_eq!(proxies.enter(proxy, &data, true), told);
        assert_eq!(proxies.enter(other, &data, true), Entry::Client(other, 0));
        let own = header(0x20, 0, b"");
        let told = Entry::Client(proxy, own.len());
        assert_eq!(proxies.enter(proxy, &own, true), told);
        let (half, bare) = (&data[..20], &[0; 12]);
        assert_eq!(proxies.enter(proxy, half, false), Entry::More);
        assert_eq!(proxies.counts(), Counted::default());
        let refused = Entry::Refused(Fault::Truncated);
        assert_eq!(proxies.enter(proxy, half, true), refused);
        let refused = Entry::Refused(Fault::Missing);
        assert_eq!(proxies.enter(proxy, bare, true), refused);
        proxies.entered(1, 3);
        proxies.entered(9, 3);
        let counts = proxies.counts();
        assert_eq!(counts.refused, [1, 1, 0, 0, 0, 0, 0]);
        assert_eq!(counts.proxied, [0, 3]);
    }

    #[test]
    fn faults_stand_at_their_numbers() {
        for (number, (fault, word)) in Fault::ALL.into_iter().enumerate() {
            assert_eq!((fault as usize, fault.word()), (number, word));
        }
    }

    proptest! {
        #[test]
        fn a_header_that_comes_in_pieces_is_the_same(
            client in any::<[u8; 4]>(), tlvs in prop::collection::vec(any::<u8>(), 0..60),
            behind in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let mut data = v4(client, &tlvs);
            let length = data.len();
            data.extend_from_slice(&behind);
            let whole = read(&data);
            for end in 0..length {
                prop_assert_eq!(read(&data[..end]), Ok(None));
            }
            for end in length..=data.len() {
                prop_assert_eq!(read(&data[..end]), whole);
            }
        }

        #[test]
        fn what_follows_never_changes_what_was_said(
            start in prop::collection::vec(any::<u8>(), 0..80),
            behind in prop::collection::vec(any::<u8>(), 0..80), signed in any::<bool>(),
        ) {
            let mut data = if signed { SIGNATURE.to_vec() } else { Vec::new() };
            data.extend_from_slice(&start);
            let said = read(&data);
            data.extend_from_slice(&behind);
            match said {
                Ok(None) => {}
                said => prop_assert_eq!(read(&data), said),
            }
        }
    }
}
