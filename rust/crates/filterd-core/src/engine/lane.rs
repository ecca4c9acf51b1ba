//! One thread's way through the engine.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::books::Books;
use super::serve::{self, Ask};
use super::{lock, Engine, Now, Outcome, Way};
use crate::cache::{Memo, Near};
use crate::guard::{Arrival, Guard, Pace, Pass};
use crate::reply::{self, Asked, Ede};
use crate::snapshot::Snapshot;
use crate::wire::query::{self, Query, Refusal};
use crate::wire::rcode;

/// Seconds between two times that a lane turns in its counts.
const TURN_IN: f64 = 0.2;

/// See the module.
pub struct Lane {
    pub(super) engine: Arc<Engine>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) guard: Arc<Guard>,
    pub(super) tables: Tables,
    edition: u64,
    emptied: u64,
    turned_in: f64,
}

/// What a lane keeps and counts by itself.
pub(super) struct Tables {
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
        Self {
            edition: engine.edition.load(Ordering::Acquire),
            emptied: engine.emptied.load(Ordering::Acquire),
            snapshot: engine.snapshot(),
            guard: engine.guard(),
            tables: Tables {
                near: Near::new(near),
                memo: Memo::new(memo),
                books: Books::new(&engine.settings),
            },
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
        self.renew();
        let read = query::read(packet);
        let cookie = match &read {
            Ok(query) => query.cookie(),
            Err(Refusal::Drop) => {
                self.tables.books.stats.dropped += 1;
                return Outcome::Drop;
            }
            Err(refusal) => refusal.cookie(),
        };
        let pass = match self.guard.arrive(client, cookie, door != 0, now) {
            Arrival::Go(pass) => pass,
            Arrival::Drop => return Outcome::Drop,
            Arrival::Refuse(pass, why) => {
                let turned = (rcode::REFUSED, Some(why.ede()));
                return self.turn_away(&read, packet, client, pass, turned, now, door, out);
            }
            Arrival::BadCookie(pass) => {
                let turned = (rcode::BADCOOKIE, None);
                return self.turn_away(&read, packet, client, pass, turned, now, door, out);
            }
        };
        let outcome = match read {
            Ok(query) => {
                let engine = &*self.engine;
                let ask = Ask {
                    query: &query,
                    asked: asked(engine, &query, packet, pass, door),
                    key: engine.keys.key(&query.question, serve::key_flags(&query)),
                    client,
                    way,
                    pass,
                    now,
                    door,
                };
                self.tables.answer(engine, &self.snapshot, &ask, out)
            }
            Err(refusal) => self.refuse(refusal, packet, pass, door, out),
        };
        if outcome == Outcome::Reply
            && self.guard.leave(client, pass, out, now.steady) == Pace::Drop
        {
            return Outcome::Drop;
        }
        outcome
    }

    /// Say no to a query that the guard does not let in: nothing of it is looked at.
    #[cold]
    #[allow(clippy::too_many_arguments)] // a query and its refusal, field by field
    fn turn_away(
        &mut self,
        read: &Result<Query, Refusal>,
        packet: &[u8],
        client: IpAddr,
        pass: Pass,
        (code, ede): (u8, Option<Ede<'_>>),
        now: Now,
        door: u8,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let query = match read {
            Ok(query) => Some(query),
            Err(Refusal::Error(query, _) | Refusal::Any(query)) => Some(&**query),
            Err(_) => None,
        };
        match query {
            Some(query) => asked(&self.engine, query, packet, pass, door).error(out, code, ede),
            None => reply::bare(out, packet, code & 0x0f),
        }
        let stats = &mut self.tables.books.stats;
        stats.query(door, query.map_or(0, |query| query.question.qtype()));
        stats.reply(code);
        match self.guard.leave(client, pass, out, now.steady) {
            Pace::Drop => Outcome::Drop,
            Pace::Send | Pace::Slip => Outcome::Reply,
        }
    }

    /// Turn in the counts if it is time. Threads call it after each batch, and when nothing comes.
    pub fn rest(&mut self, now: Now) {
        if !(0.0..TURN_IN).contains(&(now.steady - self.turned_in)) {
            self.turned_in = now.steady;
            self.turn_in();
        }
    }

    /// Turn in the counts.
    pub fn turn_in(&mut self) {
        self.tables.books.turn_in(&mut lock(&self.engine.ledger));
    }

    /// Start anew after a panic: nothing that it may have left half done is used again.
    pub fn recover(&mut self) {
        let mut fresh = Self::new(&self.engine);
        fresh.tables.books.stats.panics = 1;
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
        self.snapshot = self.engine.snapshot();
        self.guard = self.engine.guard();
        let emptied = self.engine.emptied.load(Ordering::Acquire);
        if emptied != self.emptied {
            self.emptied = emptied;
            self.tables.near.clear();
        }
    }

    fn refuse(
        &mut self,
        refusal: Refusal,
        packet: &[u8],
        pass: Pass,
        door: u8,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let (qtype, code) = match refusal {
            Refusal::Drop => return Outcome::Drop,
            Refusal::Bare(code) => {
                reply::bare(out, packet, code);
                (0, code)
            }
            Refusal::Error(query, code) => {
                asked(&self.engine, &query, packet, pass, door).error(out, code, None);
                (query.question.qtype(), code)
            }
            Refusal::Any(query) => {
                asked(&self.engine, &query, packet, pass, door).any(out);
                (query.question.qtype(), rcode::NOERROR)
            }
        };
        let stats = &mut self.tables.books.stats;
        stats.query(door, qtype);
        stats.reply(code);
        stats.formerr += u64::from(code == rcode::FORMERR);
        Outcome::Reply
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.turn_in();
    }
}

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
