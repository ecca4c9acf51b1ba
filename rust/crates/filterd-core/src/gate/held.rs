//! One set of the firewall as the gate knows it: until when each address stays, which was asked for
//! when, and no more of them than there is room for.
//!
//! Of a full set those go that were asked for least recently. That alone would not do: who makes up
//! names of his own asks faster than a school does. So what one client opened is a part of the set
//! at most, until its time is over; beyond that nothing is taken from others for him. Whose an
//! address is, is a hash that ends with the process, and it is never told.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::net::IpAddr;

use crate::hash::{ByHash, Keyed};

/// One client holds one in so many of a set's addresses at most.
const SHARE: usize = 4;
/// An address keeps its place in the order until one in so many of a set was asked for after it.
const NEAR: usize = 64;
/// Seconds between two times that all are looked at, for those whose time is over.
const SWEEP: f64 = 1.0;

/// See the module. Times are steady seconds.
pub(super) struct Held {
    pub(super) name: String,
    most: usize,
    stays: Keyed<IpAddr, Stay>,
    /// By their turns: least recently asked for first.
    order: BTreeMap<u64, IpAddr>,
    turn: u64,
    /// How many each client holds, by its hash; none holds nothing.
    holders: ByHash<u32>,
    swept: f64,
    /// When the firewall was last told to empty it.
    pub(super) emptied: f64,
}

#[derive(Clone, Copy)]
struct Stay {
    until: f64,
    turn: u64,
    holder: u64,
    /// The firewall has it.
    given: bool,
}

/// What is to be done about an address that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: it stays long enough.
    Nothing,
    /// Tell the firewall.
    Telling,
    /// Nothing: its client holds its share.
    Beyond,
}

impl Held {
    pub(super) fn new(name: String, most: usize) -> Self {
        Self {
            name,
            most,
            stays: Keyed::default(),
            order: BTreeMap::new(),
            turn: 0,
            holders: ByHash::default(),
            swept: f64::NEG_INFINITY,
            emptied: f64::NEG_INFINITY,
        }
    }

    /// The same with another bound, and nothing left here.
    pub(super) fn taken(&mut self, most: usize) -> Self {
        let taken = std::mem::replace(self, Self::new(self.name.clone(), self.most));
        Self { most, ..taken }
    }

    /// A client asks for an address, that is to stay until then at least. What the firewall is to be
    /// told of is among those held from now on; `make_room` and `keep` follow.
    pub(super) fn ask(&mut self, address: IpAddr, client: IpAddr, until: f64, at: f64) -> Need {
        let near = (self.most / NEAR) as u64;
        let last = self.turn;
        if let Some(stay) = self.stays.get_mut(&address) {
            if stay.given && stay.until >= until && last - stay.turn <= near {
                return Need::Nothing;
            }
            if stay.until > at {
                self.order.remove(&stay.turn);
                self.turn += 1;
                stay.turn = self.turn;
                self.order.insert(stay.turn, address);
                let long = stay.given && stay.until >= until;
                return if long { Need::Nothing } else { Need::Telling };
            }
            // Over: whoever asks for it now has it.
            self.forget(&address);
        }
        let holder = self.stays.hasher().hash_one(client);
        if self.holds_share(holder) {
            self.sweep(at);
            if self.holds_share(holder) {
                return Need::Beyond;
            }
        }
        self.turn += 1;
        let stay = Stay {
            until,
            turn: self.turn,
            holder,
            given: false,
        };
        self.stays.insert(address, stay);
        self.order.insert(stay.turn, address);
        *self.holders.entry(holder).or_default() += 1;
        Need::Telling
    }

    /// Remember until when it is to stay.
    pub(super) fn keep(&mut self, address: &IpAddr, until: f64, given: bool) {
        if let Some(stay) = self.stays.get_mut(address) {
            (stay.until, stay.given) = (until, given);
        }
    }

    /// Seconds that an address has left, if it has any.
    pub(super) fn left(&self, address: &IpAddr, at: f64) -> Option<f64> {
        let left = self.stays.get(address)?.until - at;
        (left > 0.0).then_some(left)
    }

    /// The addresses that have time left, and how much.
    pub(super) fn live(&self, at: f64) -> Vec<(IpAddr, f64)> {
        let left = self
            .stays
            .iter()
            .map(|(address, stay)| (*address, stay.until - at));
        left.filter(|(_, left)| *left > 0.0).collect()
    }

    /// How many the firewall has that have time left.
    pub(super) fn open(&self, at: f64) -> usize {
        let open = self.stays.values();
        open.filter(|stay| stay.given && stay.until > at).count()
    }

    /// The turn of whatever was asked for last.
    pub(super) fn turn(&self) -> u64 {
        self.turn
    }

    /// Forget what there is no room for, of what was asked for until `turn`; return those that the
    /// firewall is to take out.
    pub(super) fn make_room(&mut self, turn: u64, at: f64) -> Vec<IpAddr> {
        let mut gone = Vec::new();
        if self.stays.len() > self.most {
            self.sweep(at);
        }
        while self.stays.len() > self.most {
            let Some((_, &address)) = self.order.range(..=turn).next() else {
                break;
            };
            let stay = self.forget(&address);
            if stay.is_some_and(|stay| stay.given && stay.until > at) {
                gone.push(address);
            }
        }
        gone
    }

    fn holds_share(&self, holder: u64) -> bool {
        let share = (self.most / SHARE).max(1);
        let held = self.holders.get(&holder);
        held.is_some_and(|held| *held as usize >= share)
    }

    /// Forget those whose time is over, unless that was done just now.
    fn sweep(&mut self, at: f64) {
        if (0.0..SWEEP).contains(&(at - self.swept)) {
            return;
        }
        self.swept = at;
        let over = self.stays.iter().filter(|(_, stay)| stay.until <= at);
        let over: Vec<IpAddr> = over.map(|(address, _)| *address).collect();
        for address in over {
            self.forget(&address);
        }
    }

    fn forget(&mut self, address: &IpAddr) -> Option<Stay> {
        let stay = self.stays.remove(address)?;
        self.order.remove(&stay.turn);
        if let Some(held) = self.holders.get_mut(&stay.holder) {
            *held -= 1;
            if *held == 0 {
                self.holders.remove(&stay.holder);
            }
        }
        Some(stay)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.stays.len(), self.order.len());
        let held: u32 = self.holders.values().sum();
        assert_eq!(self.stays.len(), held as usize);
        self.stays.len()
    }
}
