//! Access: the networks whose queries are answered.

use std::net::IpAddr;

use super::settings::{AccessSettings, Others};
use crate::clients::{Network, PrefixMap};

/// A set of networks. Those of IPv6, `::/0` too, hold no client of IPv4.
pub(crate) struct Networks {
    v4: Family,
    v6: Family,
}

/// The networks of one family. Most clients are known by their first byte, as all of 10.0.0.0/8
/// are, and cost no search.
struct Family {
    first: [Share; 256],
    map: PrefixMap<bool>,
}

/// How many of the addresses with the same first byte belong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    None,
    Some,
    All,
}

impl Networks {
    pub(crate) fn new(texts: &[String]) -> Result<Self, String> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for text in texts {
            let network = Network::parse(text).map_err(|error| format!("guard: {error}"))?;
            match text.split('/').next().map(str::parse) {
                Some(Ok(IpAddr::V4(address))) => v4.push((network, address.octets()[0])),
                Some(Ok(IpAddr::V6(address))) => v6.push((network, address.octets()[0])),
                _ => return Err(format!("guard: not an address: {text:?}")),
            }
        }
        Ok(Self::of(v4, v6))
    }

    pub(super) fn none() -> Self {
        Self::of(Vec::new(), Vec::new())
    }

    fn of(v4: Vec<(Network, u8)>, v6: Vec<(Network, u8)>) -> Self {
        let v4_ends = |first: u8| [[first, 0, 0, 0], [first, 255, 255, 255]].map(IpAddr::from);
        let v6_ends = |first: u8| {
            let low = u128::from(first) << 120;
            [low, low | u128::MAX >> 8].map(|bits| IpAddr::from(bits.to_be_bytes()))
        };
        Self {
            v4: Family::new(v4, v4_ends),
            v6: Family::new(v6, v6_ends),
        }
    }

    /// Whether `client` is in one of them.
    #[inline]
    pub(crate) fn hold(&self, client: IpAddr) -> bool {
        match client {
            IpAddr::V4(address) => self.v4.hold(address.octets()[0], client),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(mapped) => self.v4.hold(mapped.octets()[0], client),
                None => self.v6.hold(address.octets()[0], client),
            },
        }
    }
}

impl Family {
    /// `networks`: each with its first byte; `ends`: the first and the last address with one.
    fn new(networks: Vec<(Network, u8)>, ends: impl Fn(u8) -> [IpAddr; 2]) -> Self {
        let mut first = [Share::None; 256];
        for (byte, share) in (0..=u8::MAX).zip(&mut first) {
            let [low, high] = ends(byte);
            for (network, start) in &networks {
                if network.contains(low) && network.contains(high) {
                    *share = Share::All;
                } else if *share == Share::None && *start == byte {
                    *share = Share::Some;
                }
            }
        }
        let prefixes = networks
            .into_iter()
            .map(|(network, _)| (network, true))
            .collect();
        Self {
            first,
            map: PrefixMap::new(prefixes, false),
        }
    }

    #[inline]
    fn hold(&self, first: u8, client: IpAddr) -> bool {
        match self.first[usize::from(first)] {
            Share::All => true,
            Share::None => false,
            Share::Some => self.map.get(client),
        }
    }
}

/// Who is answered, and how all others are not.
pub(super) struct Access {
    /// `None`: everybody.
    networks: Option<Networks>,
    others: Others,
}

impl Access {
    pub(super) fn new(settings: &AccessSettings) -> Result<Self, String> {
        Ok(Self {
            networks: Some(Networks::new(&settings.networks)?),
            others: settings.others,
        })
    }

    pub(super) fn everybody() -> Self {
        Self {
            networks: None,
            others: Others::Refuse,
        }
    }

    #[inline]
    pub(super) fn admits(&self, client: IpAddr) -> bool {
        match &self.networks {
            Some(networks) => networks.hold(client),
            None => true,
        }
    }

    /// Whether all others get no reply at all.
    pub(super) fn silent(&self) -> bool {
        self.others == Others::Drop
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn networks(texts: &[&str]) -> Networks {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        Networks::new(&texts).expect("networks")
    }

    #[test]
    fn families_are_apart() {
        let hold = |texts: &[&str], client: &str| {
            networks(texts).hold(client.parse().expect("an address"))
        };
        assert!(hold(&["0.0.0.0/0"], "192.0.2.1"));
        assert!(hold(&["0.0.0.0/0"], "::ffff:192.0.2.1"));
        assert!(!hold(&["0.0.0.0/0"], "2001:db8::1"));
        assert!(hold(&["::/0"], "2001:db8::1"));
        assert!(!hold(&["::/0"], "192.0.2.1"));
        assert!(!hold(&["::/0"], "::ffff:192.0.2.1"));
        assert!(!hold(&[], "127.0.0.1"));
    }

    proptest! {
        #[test]
        fn the_first_byte_changes_nothing(
            prefixes in prop::collection::vec((any::<u32>(), 0u32..=32), 0..12),
            probes in prop::collection::vec(any::<u32>(), 0..60),
        ) {
            let texts: Vec<String> = prefixes
                .iter()
                .map(|(bits, length)| format!("{}/{length}", std::net::Ipv4Addr::from(*bits)))
                .collect();
            let set = Networks::new(&texts).expect("networks");
            let six: Vec<String> = prefixes
                .iter()
                .map(|(bits, length)| {
                    let address = std::net::Ipv6Addr::from(u128::from(*bits) << 96);
                    format!("{address}/{length}")
                })
                .collect();
            let six = Networks::new(&six).expect("networks");
            // Some that are near a network's edge.
            let near = prefixes.iter().flat_map(|(bits, _)| [*bits, bits ^ 1, bits.wrapping_sub(1)]);
            for probe in probes.into_iter().chain(near) {
                let inside = prefixes.iter().any(|(bits, length)| {
                    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
                    bits & mask == probe & mask
                });
                prop_assert_eq!(set.hold(std::net::Ipv4Addr::from(probe).into()), inside);
                let v6 = std::net::Ipv6Addr::from(u128::from(probe) << 96 | 1);
                prop_assert_eq!(six.hold(v6.into()), inside);
            }
        }
    }
}
