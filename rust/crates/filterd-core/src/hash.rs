//! Hashes for the tables of one process: short keys, one multiplication for sixteen bytes.
//!
//! Keyed with secrets from the system, so that nobody outside can choose names that collide. The
//! keyed hash of the standard library promises more, and took a quarter of a query's instructions.

use std::collections::hash_map::RandomState;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

/// A map whose keys come from outside.
pub(crate) type Keyed<K, V> = HashMap<K, V, Secret>;

/// A map from numbers that are keyed hashes already.
pub(crate) type ByHash<V> = HashMap<u64, V, BuildHasherDefault<Hashed>>;

/// What makes the hashes of one table, or of one process, its own.
#[derive(Clone, Copy)]
pub(crate) struct Secret {
    start: u64,
    factor: u64,
}

impl Secret {
    /// The hash of some bytes.
    #[inline]
    pub(crate) fn of(self, bytes: &[u8]) -> u64 {
        let mut hasher = self.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }
}

impl Default for Secret {
    /// A new one.
    fn default() -> Self {
        let random = RandomState::new();
        Self {
            start: random.hash_one(0),
            // An odd factor loses nothing of what it is multiplied with.
            factor: random.hash_one(1) | 1,
        }
    }
}

impl BuildHasher for Secret {
    type Hasher = Folded;

    #[inline]
    fn build_hasher(&self) -> Folded {
        Folded {
            state: self.start,
            factor: self.factor,
        }
    }
}

/// Multiplies and folds the upper half of the product onto the lower, so that every bit of what
/// went in moves bits at both ends.
pub(crate) struct Folded {
    state: u64,
    factor: u64,
}

impl Folded {
    #[inline]
    fn fold(&mut self, low: u64, high: u64) {
        let product = u128::from(self.state ^ low) * u128::from(self.factor ^ high);
        self.state = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for Folded {
    #[inline]
    fn finish(&self) -> u64 {
        self.state
    }

    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        // On its own: next to the bytes, one could make up for the other.
        self.fold(bytes.len() as u64, 0);
        let mut rest = bytes;
        while let Some((low, after)) = rest.split_first_chunk() {
            let Some((high, after)) = after.split_first_chunk() else {
                break;
            };
            self.fold(u64::from_le_bytes(*low), u64::from_le_bytes(*high));
            rest = after;
        }
        // Both ends of what is left; the length says by how much they overlap.
        let (low, high) = match (rest.first_chunk(), rest.last_chunk()) {
            (Some(low), Some(high)) => (u64::from_le_bytes(*low), u64::from_le_bytes(*high)),
            _ => match (rest.first_chunk(), rest.last_chunk()) {
                (Some(low), Some(high)) => {
                    let (low, high) = (u32::from_le_bytes(*low), u32::from_le_bytes(*high));
                    (low.into(), high.into())
                }
                _ => {
                    let byte = |low: u64, byte: &u8| low << 8 | u64::from(*byte);
                    (rest.iter().fold(0, byte), 0)
                }
            },
        };
        self.fold(low, high);
    }

    #[inline]
    fn write_u8(&mut self, number: u8) {
        self.fold(number.into(), 0);
    }

    #[inline]
    fn write_u16(&mut self, number: u16) {
        self.fold(number.into(), 0);
    }

    #[inline]
    fn write_u32(&mut self, number: u32) {
        self.fold(number.into(), 0);
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        self.fold(number, 0);
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        self.fold(number as u64, 0);
    }
}

/// Takes a number that is a hash already for its hash.
#[derive(Default)]
pub(crate) struct Hashed(u64);

impl Hasher for Hashed {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    #[inline]
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_length_and_every_bit_counts() {
        let secret = Secret::default();
        let mut seen = HashSet::new();
        let mut keys = 0;
        for length in 0..=70 {
            let zeros = vec![0u8; length];
            keys += 1;
            seen.insert(secret.of(&zeros));
            for bit in 0..8 * length {
                let mut key = zeros.clone();
                key[bit / 8] ^= 1 << (bit % 8);
                keys += 1;
                seen.insert(secret.of(&key));
            }
        }
        assert_eq!(seen.len(), keys);
    }

    #[test]
    fn numbers_spread_too() {
        let secret = Secret::default();
        let tags: HashSet<u64> = (0..4096u64).map(|n| secret.hash_one(n) >> 57).collect();
        assert_eq!(tags.len(), 128);
    }

    #[test]
    fn names_that_differ_in_a_number_spread_over_a_table() {
        // Low bits choose the place and high ones the tag in it, so both must spread.
        const PLACES: usize = 1 << 12;
        let secret = Secret::default();
        for shift in [0, 64 - 12] {
            let mut places = vec![0u32; PLACES];
            for number in 0..PLACES {
                let hash = secret.of(format!("\x0bn{number:010}\x07example\0").as_bytes());
                places[(hash >> shift) as usize % PLACES] += 1;
            }
            // One in a place on average; for random numbers eleven are as good as impossible.
            assert!(places.iter().all(|count| *count < 11), "shift {shift}");
        }
    }

    #[test]
    fn each_process_has_its_own() {
        let (one, other) = (Secret::default(), Secret::default());
        assert_ne!(one.of(b"\x07example\0"), other.of(b"\x07example\0"));
    }
}
