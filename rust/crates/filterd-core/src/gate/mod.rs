//! The gate of strict groups: the firewall lets them go where they were answered to, and nowhere
//! else. So whatever a reply leads to is opened before the reply leaves.
//!
//! A [`Gate`] remembers what is open and for how long, so that the firewall hears of an address
//! only when it is new or its time runs short. An address must stay for its record's TTL and a
//! grace; it is given half as long again, so that a name that is asked for all day costs one call in
//! that time and no client finds closed what it may still believe. A firewall that fails costs
//! nobody an answer: it is counted, and left alone for a second.
//!
//! Whoever has names of his own could fill the sets. So there is a bound to what one reply opens, to
//! how long, and to what one client holds (`held.rs`). The records of a reply are given no more time
//! than counts here: an address is never closed to a client that may still believe in it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{json, Value};
use smallvec::SmallVec;

mod held;
mod reading;

use crate::snapshot::Snapshot;
use held::{Held, Need};

/// What is needed is given so much longer.
const SPARE: f64 = 1.5;
/// A firewall that has failed is asked again after so many seconds: a transaction that the kernel
/// takes back waits for all its processors.
const PAUSE: f64 = 1.0;
/// Addresses of one reply that are opened: the first ones. Names that people use have fewer; whoever
/// goes to a later one is refused at once and tries the next.
const REPLY: usize = 32;
/// Addresses that are put there again at once, so that replies need not wait for all of them.
const CHUNK: usize = 512;
/// Longest TTL in seconds that a strict group is answered with: a client asks again once an hour.
const LONGEST: u32 = 3600;
/// A set that the kernel calls full is emptied at most once in so many seconds.
const EMPTYING: f64 = 60.0;

/// Why a firewall did not do as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The process may not change it.
    Denied,
    /// It has no such table or set.
    Absent,
    /// The set takes no more.
    Full,
    /// Anything else.
    Failed,
}

/// What is to change in one set.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// The set's name. All its addresses are of one family.
    pub set: &'a str,
    /// Whether all that is in it goes first.
    pub empty: bool,
    /// Addresses that are to be in it, and for how many seconds from now, whatever was before; none
    /// is there twice.
    pub open: &'a [(IpAddr, f64)],
    /// Addresses that are to go first, whether they are there or not.
    pub close: &'a [IpAddr],
}

/// Whoever lets packets pass by sets of addresses.
pub trait Firewall: Send {
    /// Make all changes at once, or none; they hold when this returns.
    ///
    /// # Errors
    /// Why not.
    fn change(&mut self, changes: &[Change<'_>]) -> Result<(), Refused>;
}

/// Which groups are strict, and times in seconds. Python writes it as JSON.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateSettings {
    /// The table that has the sets.
    pub table: String,
    /// Strict groups, with their sets for IPv4 and IPv6.
    pub groups: HashMap<String, [String; 2]>,
    /// How long an address stays open beyond its record's TTL.
    pub grace: f64,
    /// How long at least.
    pub least: f64,
    /// Most addresses of one set.
    pub most: usize,
}

impl GateSettings {
    /// Read them from JSON.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub fn parse(json: &str) -> Result<Self, String> {
        let settings: Self =
            serde_json::from_str(json).map_err(|error| format!("gate: {error}"))?;
        let times = [settings.grace, settings.least];
        if settings.most == 0 || times.iter().any(|time| !(0.0..=1e9).contains(time)) {
            return Err("gate: a time is out of range, or no address has room".into());
        }
        Ok(settings)
    }
}

/// See the module. One for all threads.
pub struct Gate {
    places: HashMap<String, u16>,
    grace: f64,
    least: f64,
    /// Held while the firewall is asked: whoever finds an address here may go there.
    inside: Mutex<Inside>,
}

struct Inside {
    firewall: Box<dyn Firewall>,
    /// Two for each strict group: IPv4, IPv6.
    sets: Vec<Held>,
    /// Until when the firewall is left alone, and why.
    paused: Option<(f64, Refused)>,
    counts: Counts,
    /// When the last reply was looked at.
    at: f64,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    opened: u64,
    /// Closed before their time, for there was no room.
    displaced: u64,
    failed: [u64; 4],
    /// Addresses beyond what a client may hold.
    share: u64,
}

const REASONS: [(Refused, &str); 4] = [
    (Refused::Denied, "denied"),
    (Refused::Absent, "absent"),
    (Refused::Full, "full"),
    (Refused::Failed, "failed"),
];

impl Counts {
    fn of(&mut self, done: Result<(), Refused>, addresses: usize) {
        let count = match done {
            Ok(()) => &mut self.opened,
            Err(why) => &mut self.failed[why as usize],
        };
        *count += addresses as u64;
    }

    /// `open`: the addresses in the set that has most of them.
    fn json(&self, open: usize) -> Value {
        let failed = REASONS.map(|(why, word)| (word.to_owned(), self.failed[why as usize].into()));
        let mut failures: serde_json::Map<String, Value> = failed.into_iter().collect();
        failures.insert("share".to_owned(), self.share.into());
        json!({
            "opened": self.opened,
            "open": open,
            "displaced": self.displaced,
            "failures": failures,
        })
    }
}

/// Addresses of one family with the seconds that they are to stay.
type Wanted = SmallVec<[(IpAddr, f64); 8]>;

impl Gate {
    /// A gate in front of `firewall`. What `before` has open stays, where the sets are the same.
    #[must_use]
    pub fn new(
        settings: &GateSettings,
        firewall: Box<dyn Firewall>,
        before: Option<&Self>,
    ) -> Self {
        let mut old = before.map(|gate| lock(&gate.inside));
        let mut places = HashMap::new();
        let mut sets = Vec::new();
        for (group, names) in &settings.groups {
            places.insert(group.clone(), (sets.len() / 2) as u16);
            for name in names {
                let known = old.as_mut().and_then(|old| {
                    let held = old.sets.iter_mut().find(|held| held.name == *name)?;
                    Some(held.taken(settings.most))
                });
                sets.push(known.unwrap_or_else(|| Held::new(name.clone(), settings.most)));
            }
        }
        Self {
            places,
            grace: settings.grace,
            least: settings.least,
            inside: Mutex::new(Inside {
                firewall,
                sets,
                paused: None,
                counts: old.as_ref().map_or_else(Counts::default, |old| old.counts),
                at: old.as_ref().map_or(0.0, |old| old.at),
            }),
        }
    }

    /// Put everything that is to be open into the firewall again, for the time that it has left:
    /// somebody has changed the table. Returns how many addresses.
    ///
    /// # Errors
    /// The firewall's; the rest is put there when it is answered with again.
    pub fn open_again(&self, at: f64) -> Result<usize, Refused> {
        let mut count = 0;
        let sets = lock(&self.inside).sets.len();
        for set in 0..sets {
            let known = lock(&self.inside).sets[set].live(at).into_iter();
            let known: Vec<IpAddr> = known.map(|(address, _)| address).collect();
            // In parts, so that replies need not wait for all of it.
            for part in known.chunks(CHUNK) {
                count += lock(&self.inside).open_again(set, part, at)?;
            }
        }
        Ok(count)
    }

    /// How many addresses were opened, could not be, by reason, or had to go early; and how many are
    /// open in the fullest set, as of the last reply that was looked at.
    #[must_use]
    pub fn counts(&self) -> Value {
        let inside = lock(&self.inside);
        let open = inside.sets.iter().map(|held| held.open(inside.at));
        inside.counts.json(open.max().unwrap_or(0))
    }

    /// The counts where there is no gate.
    pub(crate) fn no_counts() -> Value {
        Counts::default().json(0)
    }

    #[inline(never)]
    fn open(&self, place: u16, client: IpAddr, qtype: u16, reply: &mut [u8], at: f64) {
        let mut found: SmallVec<[(IpAddr, u32); 8]> = SmallVec::new();
        reading::addresses(reply, qtype, LONGEST, |address, ttl| {
            match found.iter().position(|(known, _)| *known == address) {
                Some(at) => found[at].1 = ttl.max(found[at].1),
                None if found.len() < REPLY => found.push((address, ttl)),
                None => {}
            }
        });
        if found.is_empty() {
            return;
        }
        let mut inside = lock(&self.inside);
        inside.at = at;
        let first = 2 * usize::from(place);
        let turns = [inside.sets[first].turn(), inside.sets[first + 1].turn()];
        let mut wanted = [Wanted::new(), Wanted::new()];
        for (address, ttl) in found {
            let needed = (f64::from(ttl) + self.grace).max(self.least);
            let family = usize::from(address.is_ipv6());
            match inside.sets[first + family].ask(address, client, at + needed, at) {
                Need::Nothing => {}
                Need::Telling => {
                    // No less than somebody was told before, of whom the firewall did not hear.
                    let left = inside.sets[first + family].left(&address, at);
                    wanted[family].push((address, (needed * SPARE).max(left.unwrap_or(0.0))));
                }
                Need::Beyond => inside.counts.share += 1,
            }
        }
        if wanted.iter().any(|wanted| !wanted.is_empty()) {
            inside.put(first, turns, &wanted, at);
        }
    }
}

impl Inside {
    /// Open addresses of a group whose sets begin at `first`; what there is no room for goes, of what
    /// was asked for until `turns`.
    fn put(&mut self, first: usize, turns: [u64; 2], wanted: &[Wanted; 2], at: f64) {
        let mut room = |family: usize| self.sets[first + family].make_room(turns[family], at);
        let gone = [room(0), room(1)];
        self.counts.displaced += gone.iter().map(|gone| gone.len() as u64).sum::<u64>();
        let change = |family: usize| Change {
            set: &self.sets[first + family].name,
            empty: false,
            open: &wanted[family],
            close: &gone[family],
        };
        let changes = [change(0), change(1)];
        let (from, to) = match wanted {
            [_, second] if second.is_empty() => (0, 1),
            [first, _] if first.is_empty() => (1, 2),
            _ => (0, 2),
        };
        let paused = self.paused.filter(|(until, _)| at < *until);
        let mut done = match paused {
            Some((_, why)) => Err(why),
            None => self.firewall.change(&changes[from..to]),
        };
        for (family, wanted) in wanted.iter().enumerate() {
            for (address, time) in wanted {
                self.sets[first + family].keep(address, at + time, done.is_ok());
            }
        }
        if paused.is_none() && done == Err(Refused::Full) {
            done = self.empty(first + from..first + to, at);
        }
        self.note(done, at, wanted.iter().map(|wanted| wanted.len()).sum());
    }

    /// The kernel has more in these sets than is known here: what a process before this one opened.
    /// Empty them, and open all that is held, in one step.
    fn empty(&mut self, sets: Range<usize>, at: f64) -> Result<(), Refused> {
        let sets = &mut self.sets[sets];
        let lately = |held: &Held| (0.0..EMPTYING).contains(&(at - held.emptied));
        if sets.iter().any(lately) {
            return Err(Refused::Full);
        }
        for held in &mut *sets {
            held.emptied = at;
        }
        let live: Vec<_> = sets.iter().map(|held| held.live(at)).collect();
        let changes = sets.iter().zip(&live).map(|(held, open)| Change {
            set: &held.name,
            empty: true,
            open,
            close: &[],
        });
        let changes: Vec<_> = changes.collect();
        self.firewall.change(&changes)?;
        for (held, live) in sets.iter_mut().zip(&live) {
            for (address, left) in live {
                held.keep(address, at + left, true);
            }
        }
        Ok(())
    }

    fn open_again(&mut self, set: usize, addresses: &[IpAddr], at: f64) -> Result<usize, Refused> {
        let held = &mut self.sets[set];
        let open: Vec<(IpAddr, f64)> = addresses
            .iter()
            .filter_map(|address| Some((*address, held.left(address, at)?)))
            .collect();
        if open.is_empty() {
            return Ok(0);
        }
        let changes = [Change {
            set: &held.name,
            empty: false,
            open: &open,
            close: &[],
        }];
        let mut done = self.firewall.change(&changes);
        for (address, left) in &open {
            held.keep(address, at + left, done.is_ok());
        }
        if done == Err(Refused::Full) {
            done = self.empty(set..set + 1, at);
        }
        self.paused = None;
        self.note(done, at, if done.is_ok() { 0 } else { open.len() });
        done.map(|()| open.len())
    }

    fn note(&mut self, done: Result<(), Refused>, at: f64, addresses: usize) {
        self.counts.of(done, addresses);
        if let Err(why) = done {
            // What is told while it is left alone does not make that longer.
            self.paused = self
                .paused
                .filter(|(until, _)| at < *until)
                .or(Some((at + PAUSE, why)));
        }
    }
}

/// The gate as one lane sees it: by the numbers of groups in its snapshot.
pub(crate) struct Gated {
    gate: Arc<Gate>,
    places: Box<[Option<u16>]>,
}

impl Gated {
    /// `None` where no group of the snapshot is strict.
    pub(crate) fn new(gate: Option<Arc<Gate>>, snapshot: &Snapshot) -> Option<Self> {
        let gate = gate?;
        let groups = snapshot.groups().iter();
        let places: Box<[Option<u16>]> = groups
            .map(|group| gate.places.get(&group.name).copied())
            .collect();
        let some = places.iter().any(Option::is_some);
        some.then_some(Self { gate, places })
    }

    /// A reply is about to leave for a client of `group`, to a question of type `qtype`: open what
    /// it leads to, and have no record outlast that. `at`: steady seconds.
    #[inline]
    pub(crate) fn let_through(
        &self,
        (group, client): (u16, IpAddr),
        qtype: u16,
        reply: &mut [u8],
        at: f64,
    ) {
        if let Some(Some(place)) = self.places.get(usize::from(group)) {
            if reading::leads_to_addresses(qtype) {
                self.gate.open(*place, client, qtype, reply, at);
            }
        }
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    // At worst something is open that is not known to be, and is opened again.
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
