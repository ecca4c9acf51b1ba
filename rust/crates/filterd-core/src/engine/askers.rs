//! Clients that asked a moment ago, with the group they belong to and their bit in the slot.

use std::net::IpAddr;

use crate::bands::Bands;
use crate::snapshot::Snapshot;

/// Counts are kept by five minutes, so that no row tells when somebody asked.
const SLOT: i64 = 300;

/// A table of one size, each client in its one place, under the rules of one snapshot.
pub(super) struct Askers {
    places: Box<[Option<(IpAddr, Known)>; PLACES]>,
    bands: Bands,
    /// The slot that the bits are of; the bits of when that begins, and by how much those of its
    /// end are larger.
    slot: i64,
    from: u64,
    width: u64,
}

/// What is known of an address.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) group: u16,
    /// Client index, as in `Asker`.
    pub(super) client: i32,
    /// The client's bit in the slot; see [`Bands`].
    pub(super) bit: u64,
}

const PLACES: usize = 256;

impl Askers {
    pub(super) fn new(bands: Bands) -> Self {
        Self {
            places: Box::new([None; PLACES]),
            bands,
            slot: 0,
            from: 0,
            width: 0,
        }
    }

    /// Who asks from an address, at a time in unix seconds.
    #[inline]
    pub(super) fn get(&mut self, snapshot: &Snapshot, client: &IpAddr, unix: f64) -> Known {
        // Times of numbers from 0 on are in the order of their bits.
        if unix.to_bits().wrapping_sub(self.from) >= self.width {
            self.turn(unix);
        }
        let place = &mut self.places[place(client)];
        match place {
            Some((at, known)) if at == client => *known,
            _ => {
                let asker = snapshot.asker(*client);
                let known = Known {
                    group: asker.group,
                    client: asker.client,
                    bit: self.bands.in_slot(*client, self.slot),
                };
                *place = Some((*client, known));
                known
            }
        }
    }

    /// The slot of the time that was given last.
    #[inline]
    pub(super) fn slot(&self) -> i64 {
        self.slot
    }

    /// Begin the slot that holds a time.
    #[cold]
    fn turn(&mut self, unix: f64) {
        let slot = (unix as i64).div_euclid(SLOT).saturating_mul(SLOT);
        if slot != self.slot {
            self.places.fill(None);
        }
        self.slot = slot;
        let (from, until) = (slot.max(0) as f64, slot.saturating_add(SLOT).max(0) as f64);
        self.from = from.to_bits();
        self.width = until.to_bits() - self.from;
    }
}

/// By its last bytes, where the clients of one network differ.
#[inline]
fn place(client: &IpAddr) -> usize {
    let byte = match client {
        IpAddr::V4(address) => {
            let [_, _, third, last] = address.octets();
            last ^ third.rotate_left(4)
        }
        IpAddr::V6(address) => {
            let [.., a, b, c] = address.octets();
            a ^ b ^ c
        }
    };
    usize::from(byte)
}
