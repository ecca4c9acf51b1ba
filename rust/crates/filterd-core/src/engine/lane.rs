//! One thread's way through the engine.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::ask::Ask;
use super::askers::Askers;
use super::books::Books;
use super::{lock, Engine, Now, Outcome, Way};
use crate::cache::{Key, Memo, Near, KEY_CD, KEY_DO};
use crate::gate::Gated;
use crate::guard::{Arrival, Guard, Pace, Pass};
use crate::reply::{self, Asked, Ede};
use crate::snapshot::Snapshot;
use crate::wire::edns::Cookie;
use crate::wire::query::{Query, Refusal};
use crate::wire::{flag, rcode};

/// Seconds between two times that a lane turns in its counts.
const TURN_IN: f64 = 0.2;

/// Remembered names whose counts are told then, so that no query waits for long: half a
/// millisecond. Of more names than that, each is told the more seldom.
const TOLD: usize = 2048;

/// See the module.
pub struct Lane {
    pub(super) engine: Arc<Engine>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) guard: Arc<Guard>,
    pub(super) gated: Option<Gated>,
    pub(super) tables: Tables,
    reads: Box<[Read]>,
    /// Bytes of the near cache, and names of the memo.
    room: (usize, usize),
    edition: u64,
    emptied: u64,
    turned_in: f64,
}

/// Packets that a lane reads before it answers them.
pub const BATCH: usize = 64;

/// A packet that was read.
struct Read {
    query: Query,
    refusal: Option<Refusal>,
    hash: u64,
    name_hash: u64,
    flags: u8,
}

impl Read {
    fn new() -> Self {
        Self {
            query: Query::empty(),
            refusal: Some(Refusal::Drop),
            hash: 0,
            name_hash: 0,
            flags: 0,
        }
    }
}

/// What a lane keeps and counts by itself.
pub(super) struct Tables {
    pub(super) askers: Askers,
    pub(super) near: Near,
    pub(super) memo: Memo,
    pub(super) books: Books,
}

impl Lane {
    /// A lane for a thread that answers much.
    #[must_use]
    pub fn new(engine: &Arc<Engine>) -> Self {
        Self::with(engine, engine.settings.near_bytes(), engine.settings.memo())
    }

    /// A lane for whoever answers little: the answers that come by TCP, or from upstreams.
    #[must_use]
    pub fn small(engine: &Arc<Engine>) -> Self {
        Self::with(engine, engine.settings.near_bytes() / 16, 4096)
    }

    fn with(engine: &Arc<Engine>, near: usize, memo: usize) -> Self {
        let edition = engine.edition.load(Ordering::Acquire);
        let number = engine.lanes.fetch_add(1, Ordering::Relaxed);
        let bands = engine.bands();
        let snapshot = engine.snapshot();
        Self {
            edition,
            emptied: engine.emptied.load(Ordering::Acquire),
            gated: Gated::new(engine.gate(), &snapshot),
            snapshot,
            guard: engine.guard(),
            tables: Tables {
                askers: Askers::new(bands),
                near: Near::new(near),
                memo: Memo::new(memo),
                books: Books::new(&engine.settings, bands, number),
            },
            reads: (0..BATCH).map(|_| Read::new()).collect(),
            room: (near, memo),
            engine: Arc::clone(engine),
            turned_in: 0.0,
        }
    }

    /// Answer `packet` into `out`, park it, or drop it. `door`: 0 udp, 1 tcp, 2 dot, 3 doh.
    /// Whatever is in the packet, this does not panic.
    pub fn handle(
        &mut self,
        packet: &[u8],
        client: IpAddr,
        way: Way,
        now: Now,
        door: u8,
        out: &mut Vec<u8>,
    ) -> Outcome {
        self.read(0, packet);
        self.answer(0, packet, client, way, now, door, out)
    }

    /// The first half of `handle` for one of up to [`BATCH`] packets: read it, and have what its
    /// answer will need brought near, while the others are read.
    #[inline]
    pub fn read(&mut self, at: usize, packet: &[u8]) {
        let read = &mut self.reads[at];
        read.refusal = read.query.read(packet).err();
        if read.refusal.is_none() {
            let flags = key_flags(&read.query);
            let key = self.engine.keys.key(&read.query.question, flags);
            (read.hash, read.name_hash, read.flags) = (key.hash, key.name_hash, flags);
            self.tables.near.expect(read.hash);
            self.tables.memo.expect(read.name_hash);
        }
    }

    /// Between the halves, for batches: by now the table knows where the answer is.
    #[inline]
    pub fn expect(&self, at: usize) {
        let read = &self.reads[at];
        if read.refusal.is_none() {
            self.tables.near.expect_entry(read.hash);
        }
    }

    /// The second half: answer the `packet` that was read as number `at`.
    #[allow(clippy::too_many_arguments)] // a query, field by field
    pub fn answer(
        &mut self,
        at: usize,
        packet: &[u8],
        client: IpAddr,
        way: Way,
        now: Now,
        door: u8,
        out: &mut Vec<u8>,
    ) -> Outcome {
        self.renew();
        let Self {
            engine,
            snapshot,
            guard,
            gated,
            tables,
            reads,
            ..
        } = self;
        let read = &reads[at];
        let query = &read.query;
        let cookie = match read.refusal {
            Some(Refusal::Drop) => {
                tables.books.stats.dropped += 1;
                return Outcome::Drop;
            }
            Some(Refusal::Bare(_)) => Cookie::Absent,
            _ => query.cookie,
        };
        let pass = match guard.arrive(client, cookie, door != 0, now) {
            Arrival::Go(pass) => pass,
            Arrival::Drop => return Outcome::Drop,
            Arrival::Refuse(pass, why) => {
                let no = (rcode::REFUSED, Some(why.ede()));
                return self.turn_away(at, packet, client, pass, no, now, door, out);
            }
            Arrival::BadCookie(pass) => {
                let no = (rcode::BADCOOKIE, None);
                return self.turn_away(at, packet, client, pass, no, now, door, out);
            }
        };
        let outcome = match read.refusal {
            None => {
                let ask = Ask {
                    query,
                    asked: asked(engine, query, packet, pass, door),
                    key: Key {
                        hash: read.hash,
                        name_hash: read.name_hash,
                        question: query.question.wire(),
                        flags: read.flags,
                    },
                    client,
                    way,
                    pass,
                    now,
                    door,
                };
                tables.answer(engine, snapshot, &ask, out)
            }
            Some(refusal) => {
                let asked = asked(engine, query, packet, pass, door);
                tables
                    .books
                    .refuse(refusal, query, &asked, packet, door, out)
            }
        };
        if outcome == Outcome::Reply {
            if guard.leave(client, pass, out, now.steady) == Pace::Drop {
                tables.books.stats.withhold();
                return Outcome::Drop;
            }
            if let Some(gated) = gated {
                let known = tables.askers.get(snapshot, &client, now.unix);
                let who = (known.group, client);
                gated.let_through(who, query.question.qtype(), out, now.steady);
            }
        }
        outcome
    }

    /// Say no to a query that the guard does not let in: nothing of it is looked at.
    #[cold]
    #[allow(clippy::too_many_arguments)] // a query and its refusal, field by field
    fn turn_away(
        &mut self,
        at: usize,
        packet: &[u8],
        client: IpAddr,
        pass: Pass,
        (code, ede): (u8, Option<Ede<'_>>),
        now: Now,
        door: u8,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let read = &self.reads[at];
        let readable = !matches!(read.refusal, Some(Refusal::Drop | Refusal::Bare(_)));
        let qtype = if readable {
            asked(&self.engine, &read.query, packet, pass, door).error(out, code, ede);
            read.query.question.qtype()
        } else {
            reply::bare(out, packet, code & 0x0f);
            0
        };
        let stats = &mut self.tables.books.stats;
        stats.query(door, qtype);
        stats.reply(code);
        match self.guard.leave(client, pass, out, now.steady) {
            Pace::Drop => {
                stats.withhold();
                Outcome::Drop
            }
            Pace::Send | Pace::Slip => Outcome::Reply,
        }
    }

    /// Turn in the counts if it is time. Threads call it after each batch, and when nothing comes.
    pub fn rest(&mut self, now: Now) {
        if !(0.0..TURN_IN).contains(&(now.steady - self.turned_in)) {
            self.turned_in = now.steady;
            self.turn_in_some(TOLD);
        }
    }

    /// Turn in all counts.
    pub fn turn_in(&mut self) {
        self.turn_in_some(usize::MAX);
    }

    fn turn_in_some(&mut self, told: usize) {
        // A lane that nobody asks must not keep old rules in memory.
        self.renew();
        self.tables.tell(&self.snapshot, told);
        self.tables.books.turn_in(&mut lock(&self.engine.ledger));
    }

    /// Start anew after a panic: nothing that it may have left half done is used again.
    pub fn recover(&mut self) {
        let (near, memo) = self.room;
        let mut fresh = Self::with(&self.engine, near, memo);
        self.tables.memo = Memo::new(2);
        fresh.tables.books.stats.panics = 1;
        // What was parked before the panic still waits for somebody to be told.
        fresh.tables.books.asked = true;
        *self = fresh;
    }

    /// Whether questions were parked or refreshed since the last time it was asked: whoever takes
    /// them wants to be told.
    pub fn take_asked(&mut self) -> bool {
        std::mem::take(&mut self.tables.books.asked)
    }

    /// The engine that this lane leads through.
    #[must_use]
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// See whether rules were swapped or answers are to be forgotten.
    #[inline]
    pub(super) fn renew(&mut self) {
        let edition = self.engine.edition.load(Ordering::Acquire);
        if edition != self.edition {
            self.edition = edition;
            self.catch_up();
        }
    }

    #[cold]
    fn catch_up(&mut self) {
        // What was counted under the old rules is told in their words.
        self.tables.tell(&self.snapshot, usize::MAX);
        self.snapshot = self.engine.snapshot();
        self.guard = self.engine.guard();
        self.gated = Gated::new(self.engine.gate(), &self.snapshot);
        let bands = self.engine.bands();
        self.tables.askers = Askers::new(bands);
        self.tables.books.sampler.begin(bands);
        let emptied = self.engine.emptied.load(Ordering::Acquire);
        if emptied != self.emptied {
            self.emptied = emptied;
            self.tables.near.clear();
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.turn_in();
    }
}

/// Flags of the key of a query.
fn key_flags(query: &Query) -> u8 {
    let dnssec = if query.edns.is_some_and(|edns| edns.dnssec) {
        KEY_DO
    } else {
        0
    };
    let unchecked = if query.flags & flag::CD != 0 {
        KEY_CD
    } else {
        0
    };
    dnssec | unchecked
}

#[inline]
fn asked<'a>(engine: &Engine, query: &Query, packet: &'a [u8], pass: Pass, door: u8) -> Asked<'a> {
    Asked {
        id: query.id,
        flags: query.flags,
        question: packet
            .get(crate::wire::HEADER..query.question_end)
            .unwrap_or_default(),
        edns: query.edns,
        cookie: pass.cookie,
        limit: engine.settings.limit(query.edns, door),
        udp_size: engine.settings.udp_size,
        sealed: door >= 2,
    }
}
