//! How many clients asked, and never which: a client is one bit of 64, and in each slot and on each
//! day another one.
//!
//! The bit is a keyed hash (SipHash-2-4) of the client's address and the time it stands for. The key
//! is handed in, stays here, and is worth nothing once it is gone. Several clients share a bit, so
//! that the bits of a set say about how many it holds: n of 64 set, about -64 ln(1 - n / 64).

use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use crate::clients::bits;

const DAY: i64 = 86_400;
/// Tells what a bit is for: the same number of a slot and of a day are two things.
const OF_SLOT: u64 = 1 << 62;
const OF_DAY: u64 = 2 << 62;
const OF_LANE: u64 = 3 << 62;

/// Whose bits are whose, and how much of the traffic is sampled.
#[derive(Clone, Copy)]
pub struct Bands {
    /// `None`: clients have no bits.
    key: Option<SipHasher24>,
    /// One answer in so many is sampled; 0: none.
    pub(crate) sample: u32,
}

impl Bands {
    /// Clients have no bits, and nothing is sampled.
    pub const NONE: Self = Self {
        key: None,
        sample: 0,
    };

    /// With a key of 16 random bytes, or none; one answer in `sample` is sampled, 0: none.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub fn new(key: &[u8], sample: u32) -> Result<Self, String> {
        match <&[u8; 16]>::try_from(key) {
            Ok(key) => Ok(Self {
                key: Some(SipHasher24::new_with_key(key)),
                sample: sample.min(MOST),
            }),
            Err(_) if key.is_empty() && sample == 0 => Ok(Self::NONE),
            Err(_) if key.is_empty() => Err("bands: a sample needs a key of 16 bytes".into()),
            Err(_) => Err(format!("bands: a key has 16 bytes, not {}", key.len())),
        }
    }

    /// The bit of a client in the slot that begins then; 0 without a key.
    #[inline]
    pub(crate) fn in_slot(&self, client: IpAddr, slot: i64) -> u64 {
        self.bit(client, slot as u64 ^ OF_SLOT)
    }

    /// The same for the day (UTC) that holds these unix seconds.
    pub(crate) fn on_day(&self, client: IpAddr, unix: f64) -> u64 {
        self.bit(client, (unix as i64).div_euclid(DAY) as u64 ^ OF_DAY)
    }

    /// Where the sampling of a lane begins: not 0.
    pub(crate) fn seed(&self, lane: u64) -> u64 {
        self.hash(lane, OF_LANE) | 1
    }

    fn bit(&self, client: IpAddr, time: u64) -> u64 {
        match self.key {
            Some(_) => 1 << (self.hash(link(client), time) >> 58),
            None => 0,
        }
    }

    fn hash(&self, what: u64, time: u64) -> u64 {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&what.to_le_bytes());
        bytes[8..].copy_from_slice(&time.to_le_bytes());
        self.key.map_or(0, |key| key.hash(&bytes))
    }
}

/// Beyond, it is as good as none; twice that still fits a counter.
const MOST: u32 = 1 << 30;

/// What stands for one client: an IPv4 address, or the link of an IPv6 address, which one machine
/// has many of.
fn link(client: IpAddr) -> u64 {
    let bits = bits(client);
    match (bits >> 64) as u64 {
        // ::ffff:0:0/96, and with it the few addresses that are no link's.
        0 => bits as u64,
        link => link,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    const SLOT: i64 = 1_800_000_000;

    fn bands(key: u8) -> Bands {
        Bands::new(&[key; 16], 0).expect("a key")
    }

    fn clients(count: u32) -> impl Iterator<Item = IpAddr> {
        (0..count).map(|n| IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n)))
    }

    /// All bits of so many clients, in their order.
    fn bits_of(bands: &Bands, count: u32, slot: i64) -> Vec<u64> {
        let bits = clients(count).map(|client| bands.in_slot(client, slot));
        bits.collect()
    }

    fn about(bits: u64) -> f64 {
        -64.0 * (1.0 - f64::from(bits.count_ones()) / 64.0).ln()
    }

    #[test]
    fn each_client_has_one_bit_and_bits_say_about_how_many() {
        for count in [1, 4, 10, 40] {
            let rounds = 200;
            let mut sum = 0.0;
            for round in 0..rounds {
                let bits = bits_of(&bands(7), count, SLOT + 300 * round);
                assert!(bits.iter().all(|bit| bit.count_ones() == 1));
                sum += about(bits.iter().fold(0, |all, bit| all | bit));
            }
            let mean = sum / rounds as f64;
            let off = (mean / f64::from(count) - 1.0).abs();
            assert!(off < 0.1, "{count} clients are said to be {mean}");
        }
    }

    #[test]
    fn a_slot_a_day_and_a_key_each_have_their_own_bits() {
        let own = bits_of(&bands(7), 640, SLOT);
        assert_eq!(own, bits_of(&bands(7), 640, SLOT));
        let days = |unix: f64| -> Vec<u64> {
            let bits = clients(640).map(|client| bands(7).on_day(client, unix));
            bits.collect()
        };
        let today = days(SLOT as f64);
        assert_eq!(today, days((SLOT - SLOT % DAY + DAY - 1) as f64));
        for other in [
            bits_of(&bands(7), 640, SLOT + 300),
            bits_of(&bands(8), 640, SLOT),
            today.clone(),
            days((SLOT + DAY) as f64),
        ] {
            // Ten of 640 by chance.
            let same = own.iter().zip(&other).filter(|(one, other)| one == other);
            assert!(same.count() < 40, "one tells of the other");
        }
    }

    #[test]
    fn a_machine_is_one_client_whatever_address_of_its_link_it_takes() {
        let of = |text: &str| bands(7).hash(link(text.parse().expect("an address")), 0);
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        let local = IpAddr::V6(Ipv6Addr::LOCALHOST);
        assert_ne!(link(local), link(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }

    #[test]
    fn without_a_key_there_is_no_bit_and_no_sample() {
        let none = Bands::new(&[], 0).expect("none");
        for client in clients(9) {
            assert_eq!(
                (none.in_slot(client, SLOT), none.on_day(client, 1e9)),
                (0, 0)
            );
        }
        for (key, sample) in [(0, 1), (15, 0), (17, 64)] {
            assert!(Bands::new(&vec![1; key], sample).is_err(), "{key} bytes");
        }
    }
}
