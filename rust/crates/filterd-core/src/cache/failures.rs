//! Questions whose resolution failed a moment ago.

use crate::hash::ByHash;

/// Questions whose resolution failed a moment ago (RFC 9520): not asked again for 1 s, and longer
/// while it keeps failing, up to 5 s.
#[derive(Default)]
pub(crate) struct Failures {
    map: ByHash<Failure>,
}

#[derive(Clone, Copy)]
pub(crate) struct Failure {
    until: f64,
    pause: f64,
    pub(crate) ede: u16,
}

impl Failures {
    const MOST: usize = 8192;
    const LONGEST: f64 = 5.0;

    /// The failure that still counts at `at`.
    #[inline]
    pub(crate) fn get(&self, hash: u64, at: f64) -> Option<Failure> {
        if self.map.is_empty() {
            return None;
        }
        self.map
            .get(&hash)
            .filter(|failure| at < failure.until)
            .copied()
    }

    pub(crate) fn put(&mut self, hash: u64, at: f64, ede: u16) {
        if self.map.len() >= Self::MOST {
            self.map.retain(|_, failure| at < failure.until);
            if self.map.len() >= Self::MOST {
                self.map.clear();
            }
        }
        let pause = self
            .map
            .get(&hash)
            .map_or(1.0, |last| (last.pause * 2.0).min(Self::LONGEST));
        self.map.insert(
            hash,
            Failure {
                until: at + pause,
                pause,
                ede,
            },
        );
    }

    /// It worked.
    pub(crate) fn forget(&mut self, hash: u64) {
        if !self.map.is_empty() {
            self.map.remove(&hash);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.map.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_bounded() {
        let mut failures = Failures::default();
        for hash in 0..3 * Failures::MOST as u64 {
            failures.put(hash, 0.0, 22);
            assert!(failures.map.len() <= Failures::MOST);
        }
    }
}
