//! A sample of what is asked, to say what an order would hit: one answer in so many, of no lane's
//! clients more than of others', with no time and no address, and in memory only.

use std::collections::VecDeque;

use super::case::Case;
use crate::bands::Bands;
use crate::decide::Kind;
use crate::events::ShortName;
use crate::rdata::name_to_text;

/// Samples that a lane keeps until it turns them in, and that wait for who takes them.
const LANE: usize = 1024;
const WAITING: usize = 16_384;

/// One question that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The name asked for, lower case, no final dot; "." for the root.
    pub name: String,
    /// The one bit of 64 that the client has today; see [`Bands`].
    pub clients: u64,
    /// A rule blocked it.
    pub blocked: bool,
}

struct Taken {
    name: ShortName,
    clients: u64,
    blocked: bool,
}

/// Which answers are sampled, of one lane.
pub(super) struct Sampler {
    lane: u64,
    /// Answers until the next one is sampled.
    left: u32,
    /// What the next gap is drawn from. Gaps that are all the same would meet a client that asks
    /// as regularly always, or never.
    state: u64,
    bands: Bands,
    samples: Samples,
}

impl Sampler {
    /// `lane`: a number that no other lane has.
    pub(super) fn new(bands: Bands, lane: u64) -> Self {
        let mut sampler = Self {
            lane,
            left: 0,
            state: 0,
            bands,
            samples: Samples::new(LANE),
        };
        sampler.begin(bands);
        sampler
    }

    /// Sample by these from now on.
    pub(super) fn begin(&mut self, bands: Bands) {
        self.bands = bands;
        self.state = bands.seed(self.lane);
        self.left = self.gap();
    }

    /// Look at an answer to `name` (wire, lower case).
    #[inline]
    pub(super) fn see(&mut self, case: &Case<'_>, name: &[u8], kind: Kind) {
        // Where nothing is sampled, this is so once in four thousand million.
        self.left = self.left.wrapping_sub(1);
        if self.left == 0 {
            self.take(case, name, kind);
        }
    }

    #[cold]
    #[inline(never)]
    fn take(&mut self, case: &Case<'_>, name: &[u8], kind: Kind) {
        self.left = self.gap();
        if self.left != 0 {
            self.samples.push(Taken {
                name: ShortName::from_slice(name),
                clients: self.bands.on_day(*case.client, case.now.unix),
                blocked: kind == Kind::Block,
            });
        }
    }

    /// From one to twice the mean, less one; 0: nothing is sampled.
    fn gap(&mut self) -> u32 {
        let width = u64::from(self.bands.sample) * 2;
        if width == 0 {
            return 0;
        }
        // Marsaglia's xorshift; no more is asked of it than to keep no client's time.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        1 + (((self.state >> 32) * (width - 1)) >> 32) as u32
    }

    /// Put everything there, and begin anew.
    pub(super) fn turn_in(&mut self, all: &mut Samples) {
        all.lost += std::mem::take(&mut self.samples.lost);
        for taken in self.samples.items.drain(..) {
            all.push(taken);
        }
    }
}

/// Samples of which the oldest go when nobody takes them.
pub(super) struct Samples {
    items: VecDeque<Taken>,
    most: usize,
    /// How many have gone.
    pub(super) lost: u64,
}

impl Samples {
    fn new(most: usize) -> Self {
        Self {
            items: VecDeque::new(),
            most,
            lost: 0,
        }
    }

    /// For all lanes.
    pub(super) fn waiting() -> Self {
        Self::new(WAITING)
    }

    #[inline]
    fn push(&mut self, taken: Taken) {
        if self.items.len() >= self.most {
            self.items.pop_front();
            self.lost += 1;
        }
        self.items.push_back(taken);
    }

    /// Take all; what it costs to put them in words is not for the time of a lock.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Sample> {
        std::mem::take(&mut self.items).into_iter().map(|taken| {
            let name = name_to_text(&taken.name);
            Sample {
                name: if name.is_empty() { ".".into() } else { name },
                clients: taken.clients,
                blocked: taken.blocked,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(sample: u32, lane: u64) -> Vec<u32> {
        let bands = Bands::new(&[7; 16], sample).expect("a key");
        let mut sampler = Sampler::new(bands, lane);
        (0..4000).map(|_| sampler.gap()).collect()
    }

    #[test]
    fn gaps_are_right_in_the_mean_and_differ() {
        for sample in [1, 2, 64, 1000] {
            let gaps = gaps(sample, 0);
            let mean = gaps.iter().sum::<u32>() as f64 / gaps.len() as f64;
            assert!((mean / f64::from(sample) - 1.0).abs() < 0.05, "{mean}");
            assert!(gaps.iter().all(|gap| (1..2 * sample.max(1)).contains(gap)));
        }
        let (mut one, other) = (gaps(64, 0), gaps(64, 1));
        assert_ne!(one, other, "lanes must not keep step");
        one.sort_unstable();
        one.dedup();
        assert!(one.len() > 100, "{} different gaps", one.len());
    }

    #[test]
    fn the_oldest_go_and_are_counted() {
        let mut samples = Samples::new(2);
        for label in [b"\x01a", b"\x01b", b"\x01c"] {
            samples.push(Taken {
                name: ShortName::from_slice(label),
                clients: 1,
                blocked: false,
            });
        }
        let kept: Vec<_> = samples.take().map(|sample| sample.name).collect();
        assert_eq!((kept, samples.lost), (vec!["b".into(), "c".into()], 1));
        assert_eq!(samples.take().count(), 0);
    }
}
