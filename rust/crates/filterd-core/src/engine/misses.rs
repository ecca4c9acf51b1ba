//! Parked questions and who waits for them.

use std::collections::hash_map::Entry;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use smallvec::SmallVec;

use super::case::Who;
use super::table::Table;
use super::zones::Zones;
use super::{Now, Reply, Way};
use crate::cache::{Key, KEY_CD, KEY_DO};
use crate::guard::Pass;
use crate::hash::{ByHash, Keyed};
use crate::matches::Matches;
use crate::rdata::name_to_text;
use crate::reply::Asked;
use crate::wire::build;
use crate::wire::edns::Edns;
use crate::wire::{query, u16_at};

/// Most clients that wait for one question.
const WAITERS: usize = 1024;

/// One client's queries take at most half of the places, so that nobody who asks for ever new names
/// leaves the others without; where there are few places, at most so many.
const SHARE: usize = 64;

/// Questions about names under one domain take at most one place in so many.
const ZONE_SHARE: usize = 4;

/// A question for an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Names it in `complete` and `serve_stale`.
    pub miss: u64,
    /// The query: id 0, RD, AD, an OPT, no client option.
    pub wire: Vec<u8>,
    /// The name, lower case, no final dot; "" for the root.
    pub name: String,
    /// The type.
    pub qtype: u16,
    /// 1 DO, 2 CD, 4 prefetch: nobody waits for it.
    pub flags: u8,
}

/// Questions for plain forwarding, oldest first: only what goes out, in buffers that are used again.
#[derive(Debug, Default)]
pub struct Queries {
    list: VecDeque<(u64, Range<usize>)>,
    bytes: Vec<u8>,
}

impl Queries {
    /// The first: what names it in `complete`, and the query as in `Question::wire`.
    #[must_use]
    pub fn first(&self) -> Option<(u64, &[u8])> {
        let (miss, range) = self.list.front()?;
        Some((*miss, &self.bytes[range.clone()]))
    }

    /// Take the first away.
    pub fn pop(&mut self) -> Option<u64> {
        let (miss, _) = self.list.pop_front()?;
        if self.list.is_empty() {
            self.bytes.clear();
        }
        Some(miss)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn push(&mut self, miss: u64, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.list.push_back((miss, start..self.bytes.len()));
    }
}

/// A question to be parked, and what the rules of a generation say about its name, where somebody
/// has looked.
#[derive(Clone, Copy)]
pub(super) struct Sought<'a> {
    pub(super) key: Key<'a>,
    pub(super) question: &'a query::Question,
    pub(super) found: Option<(u64, &'a Matches)>,
}

/// What a reply to a parked query needs.
pub(super) struct Waiter {
    pub(super) token: u64,
    pub(super) id: u16,
    pub(super) flags: u16,
    /// As the client spelt it.
    pub(super) question: SmallVec<[u8; 64]>,
    pub(super) edns: Option<Edns>,
    pub(super) limit: usize,
    pub(super) door: u8,
    pub(super) client: IpAddr,
    pub(super) way: Way,
    pub(super) pass: Pass,
    /// The question parked is the target of a rewrite of the one that was asked.
    pub(super) aliased: bool,
}

impl Waiter {
    /// The name that was asked for, wire form, lower case.
    pub(super) fn name(&self) -> SmallVec<[u8; 64]> {
        let length = self.question.len().saturating_sub(4);
        let mut name = SmallVec::from_slice(&self.question[..length]);
        name.make_ascii_lowercase();
        name
    }

    fn qtype(&self) -> u16 {
        u16_at(&self.question, self.question.len().saturating_sub(4)).unwrap_or(0)
    }

    /// Who waits, with the time it is now.
    pub(super) fn who(&self, now: Now) -> Who<'_> {
        Who {
            client: &self.client,
            qtype: self.qtype(),
            now,
            door: self.door,
        }
    }

    /// The reply for it.
    pub(super) fn reply(&self, wire: Vec<u8>) -> Reply {
        Reply {
            token: self.token,
            client: self.client,
            way: self.way,
            wire,
        }
    }

    pub(super) fn asked(&self, udp_size: u16) -> Asked<'_> {
        Asked {
            id: self.id,
            flags: self.flags,
            question: &self.question,
            edns: self.edns,
            cookie: self.pass.cookie,
            limit: self.limit,
            udp_size,
            sealed: self.door >= 2,
        }
    }
}

/// Who counts as one client: an IPv4 address, or all that one IPv6 link may choose from.
fn household(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(four) => four.into(),
            None => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
        },
    }
}

/// One question in flight.
#[derive(Default)]
pub(super) struct Miss {
    hash: u64,
    zone: u64,
    pub(super) question: query::Question,
    pub(super) flags: u8,
    prefetch: bool,
    /// The cache was cleared since it was asked, or nothing is to be kept of it: its answer is for
    /// those who wait, not for later.
    pub(super) outdated: bool,
    /// What the rules of a generation say about the name.
    pub(super) found: Option<(u64, Matches)>,
    pub(super) waiters: SmallVec<[Waiter; 1]>,
}

impl Miss {
    /// Append the query for an upstream.
    fn query(&self, udp_size: u16, wire: &mut Vec<u8>) {
        let (dnssec, unchecked) = (self.flags & KEY_DO != 0, self.flags & KEY_CD != 0);
        build::query(self.question.wire(), dnssec, unchecked, udp_size, wire);
    }
}

/// What is left of a question that is in flight no more.
pub(super) struct Ended {
    /// See `Miss`.
    pub(super) outdated: bool,
    pub(super) waiters: SmallVec<[Waiter; 1]>,
}

/// Says which names plain forwarding may resolve (wire form, lower case).
pub type Route = Box<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Which questions wait to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Some for plain forwarding.
    pub plain: bool,
    /// Some for `take_misses`.
    pub others: bool,
}

/// All of them.
pub(super) struct Misses {
    most: usize,
    next: u64,
    zones: Zones,
    waiting: usize,
    /// How many queries of each client wait.
    by_client: Keyed<IpAddr, usize>,
    by_id: Table<Miss>,
    by_hash: ByHash<u64>,
    /// Which miss a token waits for; a datagram's client says nothing when it goes.
    tokens: Keyed<u64, u64>,
    /// Not yet taken: for whoever resolves by every means, and for plain forwarding.
    fresh: VecDeque<u64>,
    plain: VecDeque<u64>,
    route: Option<Route>,
}

/// What parking did.
pub(super) enum Parked {
    /// A new question.
    New(u64),
    /// The same question was in flight.
    Joined(u64),
    /// No room.
    Full(Waiter),
    /// No room for more of its domain.
    Crowded(Waiter),
}

impl Misses {
    pub(super) fn new(most: usize, zone_rate: u32) -> Self {
        Self {
            most,
            next: 1,
            zones: Zones::new((most / ZONE_SHARE).max(SHARE), zone_rate),
            waiting: 0,
            by_client: Keyed::default(),
            by_id: Table::default(),
            by_hash: ByHash::default(),
            tokens: Keyed::default(),
            fresh: VecDeque::new(),
            plain: VecDeque::new(),
            route: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// What waits to be taken.
    pub(super) fn pending(&self) -> Pending {
        Pending {
            plain: !self.plain.is_empty(),
            others: !self.fresh.is_empty(),
        }
    }

    /// Send questions another way from now on; those that were not taken yet, too.
    pub(super) fn set_route(&mut self, route: Option<Route>) {
        self.route = route;
        let waiting: Vec<u64> = self.fresh.drain(..).chain(self.plain.drain(..)).collect();
        for id in waiting {
            self.queue(id);
        }
    }

    fn queue(&mut self, id: u64) {
        let Some(miss) = self.by_id.get(id) else {
            return;
        };
        let is_plain = |route: &Route| route(miss.question.name());
        if self.route.as_ref().is_some_and(is_plain) {
            self.plain.push_back(id);
        } else {
            self.fresh.push_back(id);
        }
    }

    /// Have the means that knows all take a question that plain forwarding could not end.
    pub(super) fn hand_over(&mut self, id: u64) -> bool {
        let known = self.by_id.get(id).is_some();
        if known {
            self.fresh.push_back(id);
        }
        known
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Park `waiter` (its token is given here) for `question`.
    pub(super) fn park(
        &mut self,
        sought: Sought<'_>,
        zone: u64,
        at: f64,
        mut waiter: Waiter,
    ) -> Parked {
        let share = (self.most / 2).max(SHARE);
        let theirs = self
            .by_client
            .get(&household(waiter.client))
            .copied()
            .unwrap_or(0);
        if self.waiting >= self.most.saturating_mul(4) || theirs >= share {
            return Parked::Full(waiter);
        }
        let token = self.number();
        waiter.token = token;
        let by_token = waiter.way == Way::Token;
        let (id, joined) = match self.same(sought.key) {
            Some(id) => (id, true),
            None if self.by_id.len() >= self.most => return Parked::Full(waiter),
            None if !self.zones.enter(zone, at) => return Parked::Crowded(waiter),
            None => (self.open(sought, zone, false), false),
        };
        let Some(miss) = self.by_id.get_mut(id) else {
            return Parked::Full(waiter);
        };
        if miss.waiters.len() >= WAITERS {
            return Parked::Full(waiter);
        }
        self.waiting += 1;
        *self.by_client.entry(household(waiter.client)).or_default() += 1;
        miss.waiters.push(waiter);
        if by_token {
            self.tokens.insert(token, id);
        }
        if joined {
            Parked::Joined(token)
        } else {
            Parked::New(token)
        }
    }

    /// Ask for `question` with nobody waiting; false if it is in flight or there is no room to
    /// spare: prefetches leave half of it to those who wait.
    pub(super) fn prefetch(&mut self, sought: Sought<'_>, zone: u64, at: f64) -> bool {
        if self.by_id.len() >= self.most / 2 || self.by_hash.contains_key(&sought.key.hash) {
            return false;
        }
        if !self.zones.enter(zone, at) {
            return false;
        }
        self.open(sought, zone, true);
        true
    }

    /// The miss for the same question, if it is in flight.
    fn same(&self, key: Key<'_>) -> Option<u64> {
        let id = *self.by_hash.get(&key.hash)?;
        let miss = self.by_id.get(id)?;
        (miss.flags == key.flags && miss.question.wire() == key.question).then_some(id)
    }

    fn open(&mut self, sought: Sought<'_>, zone: u64, prefetch: bool) -> u64 {
        let (id, miss) = self.by_id.add();
        miss.hash = sought.key.hash;
        miss.zone = zone;
        miss.question.copy(sought.question);
        miss.flags = sought.key.flags;
        miss.prefetch = prefetch;
        miss.outdated = false;
        miss.found = sought
            .found
            .map(|(generation, found)| (generation, found.clone()));
        miss.waiters.clear();
        self.by_hash.insert(sought.key.hash, id);
        self.queue(id);
        id
    }

    pub(super) fn take(&mut self, most: usize, udp_size: u16) -> Vec<Question> {
        let count = most.min(self.fresh.len());
        let by_id = &self.by_id;
        let question = |id: u64| {
            let miss = by_id.get(id)?;
            let mut wire = Vec::new();
            miss.query(udp_size, &mut wire);
            Some(Question {
                miss: id,
                wire,
                name: name_to_text(miss.question.name()),
                qtype: miss.question.qtype(),
                flags: miss.flags | if miss.prefetch { 4 } else { 0 },
            })
        };
        self.fresh.drain(..count).filter_map(question).collect()
    }

    /// Put those for plain forwarding behind what stands in `into`; true if more are left.
    pub(super) fn take_plain(&mut self, most: usize, udp_size: u16, into: &mut Queries) -> bool {
        let count = most.min(self.plain.len());
        for id in self.plain.drain(..count) {
            if let Some(miss) = self.by_id.get(id) {
                into.push(id, |wire| miss.query(udp_size, wire));
            }
        }
        !self.plain.is_empty()
    }

    /// Whoever is asked from now on may say something else.
    pub(super) fn outdate(&mut self) {
        self.by_id.each(|miss| miss.outdated = true);
        // What is asked again is a question of its own.
        self.by_hash.clear();
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Miss> {
        self.by_id.get_mut(id)
    }

    /// End a miss.
    pub(super) fn remove(&mut self, id: u64) -> Option<Ended> {
        let waiters = self.take_waiters(id);
        let miss = self.by_id.remove(id)?;
        self.zones.leave(miss.zone);
        if let Entry::Occupied(entry) = self.by_hash.entry(miss.hash) {
            if *entry.get() == id {
                entry.remove();
            }
        }
        Some(Ended {
            outdated: miss.outdated,
            waiters,
        })
    }

    /// Take those that wait; the miss stays.
    pub(super) fn take_waiters(&mut self, id: u64) -> SmallVec<[Waiter; 1]> {
        let Some(miss) = self.by_id.get_mut(id) else {
            return SmallVec::new();
        };
        let waiters = std::mem::take(&mut miss.waiters);
        for waiter in &waiters {
            if waiter.way == Way::Token {
                self.tokens.remove(&waiter.token);
            }
            self.left(waiter.client);
        }
        waiters
    }

    /// One query of `client` waits no longer.
    fn left(&mut self, client: IpAddr) {
        self.waiting -= 1;
        if let Entry::Occupied(mut count) = self.by_client.entry(household(client)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    pub(super) fn forget(&mut self, token: u64) {
        let Some(id) = self.tokens.remove(&token) else {
            return;
        };
        let Some(miss) = self.by_id.get_mut(id) else {
            return;
        };
        let place = miss.waiters.iter().position(|waiter| waiter.token == token);
        if let Some(place) = place {
            let gone = miss.waiters.remove(place);
            self.left(gone.client);
        }
    }
}
