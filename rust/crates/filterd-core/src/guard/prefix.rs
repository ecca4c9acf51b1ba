//! Prefixes: the part of an address that stands for one client.

use std::net::IpAddr;

use crate::clients::bits;

/// How many leading bits of an address count.
#[derive(Clone, Copy)]
pub(super) struct Prefixes {
    v4: u128,
    v6: u128,
}

/// `::ffff:0:0/96`, where `bits` puts IPv4.
const MAPPED: u128 = 0xffff;

impl Prefixes {
    /// `v4`: 0 to 32 bits; `v6`: 0 to 128.
    pub(super) fn new(v4: u8, v6: u8) -> Self {
        Self {
            v4: mask(96 + u32::from(v4)),
            v6: mask(u32::from(v6)),
        }
    }

    /// The prefix of `client`. An IPv6 prefix is never that of IPv4 clients, however short.
    #[inline]
    pub(super) fn of(self, client: IpAddr) -> (u128, bool) {
        let bits = bits(client);
        let v4 = bits >> 32 == MAPPED;
        (bits & if v4 { self.v4 } else { self.v6 }, v4)
    }
}

fn mask(length: u32) -> u128 {
    u128::MAX.checked_shl(128 - length).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_share_a_prefix_and_families_do_not() {
        let prefixes = Prefixes::new(24, 56);
        let of = |text: &str| prefixes.of(text.parse().expect("an address"));
        assert_eq!(of("192.0.2.1"), of("192.0.2.255"));
        assert_ne!(of("192.0.2.1"), of("192.0.3.1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_eq!(of("2001:db8:0:ff::1"), of("2001:db8::2"));
        assert_ne!(of("2001:db8:0:100::1"), of("2001:db8::1"));
        let all = Prefixes::new(0, 0);
        let of = |text: &str| all.of(text.parse().expect("an address"));
        assert_eq!(of("192.0.2.1"), of("203.0.113.9"));
        assert_eq!(of("2001:db8::1"), of("fe80::1"));
        assert_ne!(of("192.0.2.1"), of("::1"));
    }
}
