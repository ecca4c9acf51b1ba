//! From an address to the group and client it belongs to, by longest prefix.
//!
//! Prefixes nest or are disjoint, so they flatten into sorted, disjoint intervals and a lookup is
//! one binary search whatever the number of groups.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 or IPv6 network, as 128 bits; IPv4 lives in `::ffff:0:0/96`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    first: u128,
    last: u128,
}

/// An address as 128 bits, IPv4 mapped (RFC 4291 section 2.5.5.2).
#[must_use]
pub fn bits(address: IpAddr) -> u128 {
    let v6 = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    u128::from(v6)
}

impl Network {
    /// Read `192.0.2.0/24`, `2001:db8::/32` or a single address; host bits are cleared.
    ///
    /// # Errors
    /// Words for a person when `text` is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address
            .parse()
            .map_err(|_| format!("not an address: {text:?}"))?;
        let width: u32 = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => width,
            Some(digits) => digits
                .parse::<u32>()
                .ok()
                .filter(|n| *n <= width)
                .ok_or_else(|| format!("not a prefix length: {text:?}"))?,
        };
        let host_bits = width - length;
        let mask = if host_bits == 128 {
            u128::MAX
        } else {
            (1u128 << host_bits) - 1
        };
        let first = bits(address) & !mask;
        Ok(Self {
            first,
            last: first | mask,
        })
    }

    /// Whether `address` lies inside.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        (self.first..=self.last).contains(&bits(address))
    }
}

/// Prefixes flattened into intervals, each with a value.
#[derive(Debug)]
pub struct PrefixMap<T> {
    starts: Vec<u128>,
    values: Vec<T>,
}

impl<T: Copy> PrefixMap<T> {
    /// Build from prefixes; `outside` is the value of addresses in none of them. Where the same
    /// prefix is given twice the later one holds.
    #[must_use]
    pub fn new(mut prefixes: Vec<(Network, T)>, outside: T) -> Self {
        // Wider first at the same start, so that a stack of open networks mirrors their nesting.
        prefixes.sort_by(|a, b| a.0.first.cmp(&b.0.first).then(b.0.last.cmp(&a.0.last)));
        let mut map = Self {
            starts: vec![0],
            values: vec![outside],
        };
        let mut open: Vec<(u128, T)> = Vec::new();
        for (network, value) in prefixes {
            map.close(&mut open, Some(network.first), outside);
            map.set(network.first, value);
            open.push((network.last, value));
        }
        map.close(&mut open, None, outside);
        map
    }

    /// The value of the longest prefix that holds `address`.
    #[must_use]
    pub fn get(&self, address: IpAddr) -> T {
        let key = bits(address);
        self.values[self.starts.partition_point(|start| *start <= key) - 1]
    }

    /// End every open network that ends before `next` and go back to the one around it.
    fn close(&mut self, open: &mut Vec<(u128, T)>, next: Option<u128>, outside: T) {
        while let Some(&(last, _)) = open.last() {
            if next.is_some_and(|next| next <= last) {
                return;
            }
            open.pop();
            let around = open.last().map_or(outside, |(_, value)| *value);
            if let Some(after) = last.checked_add(1) {
                self.set(after, around);
            }
        }
    }

    fn set(&mut self, start: u128, value: T) {
        if self.starts.last() == Some(&start) {
            if let Some(last) = self.values.last_mut() {
                *last = value;
            }
        } else {
            self.starts.push(start);
            self.values.push(value);
        }
    }
}

/// The unspecified address, for questions that come from nowhere (tools).
pub const NOWHERE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("a test address")
    }

    #[test]
    fn the_longest_prefix_wins_and_its_end_returns_to_the_one_around() {
        let net = |text: &str| Network::parse(text).expect("a test network");
        let map = PrefixMap::new(
            vec![
                (net("10.0.0.0/8"), 1),
                (net("10.1.0.0/16"), 2),
                (net("10.1.2.3"), 3),
                (net("2001:db8::/32"), 4),
                (net("0.0.0.0/0"), 5),
            ],
            0,
        );
        for (text, expected) in [
            ("10.0.0.1", 1),
            ("10.1.0.0", 2),
            ("10.1.2.2", 2),
            ("10.1.2.3", 3),
            ("10.1.2.4", 2),
            ("10.2.0.0", 1),
            ("11.0.0.0", 5),
            ("255.255.255.255", 5),
            ("2001:db8:ffff::1", 4),
            ("2001:db9::", 0),
            ("::1", 0),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0),
        ] {
            assert_eq!(expected, map.get(address(text)), "{text}");
        }
    }

    #[test]
    fn text_that_is_no_network_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "x",
            "::/129",
            "10.0.0.1/",
            "10.0.0.1/-1",
        ] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn lookup_equals_a_scan(
            prefixes in prop::collection::vec((any::<u16>(), 16u8..=32), 0..40),
            probes in prop::collection::vec(any::<u32>(), 0..60),
        ) {
            let nets: Vec<(Network, u8)> = prefixes.iter().enumerate().map(|(i, (low, length))| {
                let text = format!("10.7.{}.{}/{length}", low >> 8, low & 255);
                (Network::parse(&text).expect("a network"), length * 2 + (i % 2) as u8)
            }).collect();
            let map = PrefixMap::new(nets.clone(), 0);
            for probe in probes {
                let ip = IpAddr::from([10, 7, (probe >> 8) as u8, probe as u8]);
                let longest = nets.iter().filter(|(n, _)| n.contains(ip)).map(|(_, v)| v / 2).max();
                prop_assert_eq!(longest.unwrap_or(0), map.get(ip) / 2);
            }
        }
    }
}
