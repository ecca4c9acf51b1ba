//! What a lane counts, and the ledger where lanes turn it in.

use super::sampler::{Sampler, Samples};
use super::Settings;
use crate::bands::Bands;
use crate::events::Ring;
use crate::stats::Stats;
use crate::tally::Tally;

/// Rows of counts a lane keeps until it turns them in. A flood of names that are asked for once
/// each is counted by list and group beyond that: coarser before anything is lost.
const ROWS: usize = 16_384;

/// Rows that wait for who takes them, of all lanes.
const GATHERED: usize = 131_072;

/// Tallies that may wait for who takes them; beyond, they are added together.
const TALLIES: usize = 64;

/// Counts of one lane since it turned them in.
pub(super) struct Books {
    pub(super) stats: Stats,
    pub(super) tally: Tally,
    pub(super) ring: Ring,
    pub(super) sampler: Sampler,
    /// A question was parked or refreshed.
    pub(super) asked: bool,
}

impl Books {
    /// `lane`: a number that no other lane has.
    pub(super) fn new(settings: &Settings, bands: Bands, lane: u64) -> Self {
        Self {
            stats: Stats::default(),
            sampler: Sampler::new(bands, lane),
            tally: Tally::new(ROWS),
            ring: Ring::new(settings.ring),
            asked: false,
        }
    }

    /// Put everything into the ledger, and begin anew.
    pub(super) fn turn_in(&mut self, ledger: &mut Ledger) {
        ledger.stats.absorb(&mut self.stats);
        ledger.ring.absorb(&mut self.ring);
        self.sampler.turn_in(&mut ledger.samples);
        if !self.tally.is_empty() {
            let successor = self.tally.successor();
            ledger.add(std::mem::replace(&mut self.tally, successor));
        }
    }
}

/// The counts of all lanes.
pub(super) struct Ledger {
    pub(super) stats: Stats,
    pub(super) ring: Ring,
    pub(super) samples: Samples,
    tallies: Vec<Tally>,
}

impl Ledger {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            stats: Stats::default(),
            ring: Ring::new(settings.ring),
            samples: Samples::waiting(),
            tallies: Vec::new(),
        }
    }

    fn add(&mut self, tally: Tally) {
        let full = self.tallies.len() >= TALLIES;
        match self.tallies.last_mut().filter(|_| full) {
            Some(last) => last.absorb(tally),
            None => self.tallies.push(tally),
        }
    }

    /// Take what lanes turned in.
    pub(super) fn take_tallies(&mut self) -> Vec<Tally> {
        std::mem::take(&mut self.tallies)
    }
}

/// What was brought together of all lanes, and waits for who takes it.
pub(super) fn gathered() -> Tally {
    Tally::new(GATHERED)
}
