//! Where a reply leads its client, and for how long.

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::wire::record::{Walk, ADDITIONAL, ANSWER};
use crate::wire::{name, rtype, svcb, HEADER};

/// Whether replies to questions of this type may have addresses that a client goes to.
#[inline]
pub(super) fn leads_to_addresses(qtype: u16) -> bool {
    matches!(qtype, rtype::A | rtype::AAAA | rtype::HTTPS | rtype::SVCB)
}

/// Give every address that `reply`, one of our own, leads to: A and AAAA records of the answer, and
/// for HTTPS and SVCB hints and the addresses beside them, whose clients use them (RFC 9460 section
/// 4). Addresses that are no way out of here, such as 0.0.0.0 for what is blocked, are left out.
///
/// The TTL of each, and of the aliases and signatures with them, is lowered to `most` seconds.
pub(super) fn addresses(
    reply: &mut [u8],
    qtype: u16,
    most: u32,
    mut each: impl FnMut(IpAddr, u32),
) {
    let service = qtype == rtype::HTTPS || qtype == rtype::SVCB;
    let end = name::end_of_plain(reply, HEADER).map(|end| end + 4);
    let Some(mut walk) = end.and_then(|end| Walk::new(reply, end)) else {
        return;
    };
    let mut long: SmallVec<[usize; 8]> = SmallVec::new();
    while let Ok(Some((section, record))) = walk.next() {
        if section != ANSWER && !(service && section == ADDITIONAL) {
            continue;
        }
        // What stands for the TTL of an OPT is none.
        if record.ttl > most && record.rtype != rtype::OPT {
            long.push(record.ttl_at);
        }
        let Some(rdata) = reply.get(record.rdata..record.end) else {
            break;
        };
        let mut one = |address: IpAddr| {
            if leads_out(address) {
                each(address, record.ttl.min(most));
            }
        };
        match record.rtype {
            rtype::A => {
                if let Ok(octets) = <[u8; 4]>::try_from(rdata) {
                    one(IpAddr::from(octets));
                }
            }
            rtype::AAAA => {
                if let Ok(octets) = <[u8; 16]>::try_from(rdata) {
                    one(IpAddr::from(octets));
                }
            }
            rtype::HTTPS | rtype::SVCB => _ = svcb::hints(rdata, one),
            _ => {}
        }
    }
    for at in long {
        if let Some(ttl) = reply.get_mut(at..at + 4) {
            ttl.copy_from_slice(&most.to_be_bytes());
        }
    }
}

/// Whether packets to it may pass a gateway at all. An IPv4 address in IPv6's clothes goes out as
/// IPv4, where it was not answered.
fn leads_out(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            !(address.is_unspecified()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast())
        }
        IpAddr::V6(address) => {
            !(address.is_unspecified()
                || address.is_loopback()
                || address.is_unicast_link_local()
                || address.is_multicast()
                || address.to_ipv4_mapped().is_some())
        }
    }
}
