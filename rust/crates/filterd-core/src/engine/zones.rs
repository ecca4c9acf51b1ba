//! Questions by the domain they are about, so that a flood of made-up names under one domain takes
//! neither all places nor all of the upstreams' time from the others.

use psl::Psl;
use smallvec::SmallVec;

use crate::cache::Keys;
use crate::hash::ByHash;

/// Domains share a bucket only where their hashes meet in it: the worst is that two wait for one
/// allowance.
const BUCKETS: usize = 4096;

/// Seconds' worth of questions that may come at once.
const BURST: f64 = 2.0;

/// Counts and allowances.
pub(super) struct Zones {
    in_flight: ByHash<u32>,
    most: u32,
    /// Questions a second; 0: as many as there are.
    rate: f64,
    /// Seconds until which each bucket's allowance is spent. Made at the first question.
    spent_until: Vec<f64>,
}

impl Zones {
    /// At most `most` questions in flight and `rate` a second for each domain.
    pub(super) fn new(most: usize, rate: u32) -> Self {
        Self {
            in_flight: ByHash::default(),
            most: u32::try_from(most).unwrap_or(u32::MAX),
            rate: f64::from(rate),
            spent_until: Vec::new(),
        }
    }

    /// Take a place for one more question about `zone`; false: it has had its share.
    pub(super) fn enter(&mut self, zone: u64, at: f64) -> bool {
        if self.in_flight.get(&zone).is_some_and(|n| *n >= self.most) {
            return false;
        }
        if self.rate > 0.0 && !self.spend(zone, at) {
            return false;
        }
        *self.in_flight.entry(zone).or_default() += 1;
        true
    }

    /// Give it back.
    pub(super) fn leave(&mut self, zone: u64) {
        if let Some(count) = self.in_flight.get_mut(&zone) {
            *count -= 1;
            if *count == 0 {
                self.in_flight.remove(&zone);
            }
        }
    }

    fn spend(&mut self, zone: u64, at: f64) -> bool {
        self.spent_until.resize(BUCKETS, 0.0);
        let until = &mut self.spent_until[zone as usize % BUCKETS];
        // A time far ahead is one of a clock that was another.
        let from = if *until > at + 2.0 * BURST {
            at
        } else {
            until.max(at)
        };
        if from > at + BURST {
            return false;
        }
        *until = from + 1.0 / self.rate;
        true
    }
}

/// The domain that somebody can register of a name (wire form, lower case): its public suffix and
/// one label more; the name itself if it is not longer.
pub(super) fn zone_of<'a>(keys: &Keys, name: &'a [u8]) -> (u64, &'a [u8]) {
    let mut labels: SmallVec<[&[u8]; 16]> = SmallVec::new();
    let mut rest = name;
    while let Some((&length, behind)) = rest.split_first() {
        let Some(label) = behind
            .get(..usize::from(length))
            .filter(|label| !label.is_empty())
        else {
            break;
        };
        labels.push(label);
        rest = &behind[label.len()..];
    }
    // Octets of the public suffix as text; here they are counted label by label, each with a dot.
    let suffix = psl::List.find(labels.iter().rev().copied()).len;
    let (mut octets, mut length) = (0, 0);
    for label in labels.iter().rev() {
        length += 1 + label.len();
        if octets >= suffix {
            // The one label more.
            break;
        }
        octets += label.len() + usize::from(octets > 0);
    }
    let end = name.len() - rest.len();
    let zone = &name[end - length..end];
    (keys.of(zone), zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_is_what_somebody_can_register() {
        let keys = Keys::default();
        for (name, zone) in [
            (
                &b"\x03www\x07example\x03com\0"[..],
                &b"\x07example\x03com"[..],
            ),
            (
                b"\x01a\x01b\x06school\x03edu\x02vn\0",
                b"\x06school\x03edu\x02vn",
            ),
            (b"\x03com\0", b"\x03com"),
            (b"\x06school\x04test\0", b"\x06school\x04test"),
            (
                b"\x03www\x06school\x03edu\x02vn\0",
                b"\x06school\x03edu\x02vn",
            ),
            (b"\x03edu\x02vn\0", b"\x03edu\x02vn"),
            (b"\0", b""),
        ] {
            assert_eq!(zone_of(&keys, name).1, zone);
        }
    }

    #[test]
    fn a_zone_has_so_many_places_and_so_many_questions_a_second() {
        let mut zones = Zones::new(3, 0);
        assert!((0..3).all(|_| zones.enter(1, 0.0)));
        assert!(!zones.enter(1, 0.0));
        assert!(zones.enter(2, 0.0), "another zone has its own");
        zones.leave(1);
        assert!(zones.enter(1, 0.0));

        let mut zones = Zones::new(1000, 10);
        let taken = (0..1000).filter(|_| zones.enter(1, 100.0)).count();
        assert!((20..=22).contains(&taken), "{taken} of a burst");
        let later = (0..1000).filter(|_| zones.enter(1, 101.0)).count();
        assert!((9..=11).contains(&later), "{later} a second after");
        assert!(zones.enter(1, 0.5), "another clock");
    }
}
