//! Completing a miss: the answer is checked, matched, kept, and given to each that waits, under
//! the rules for each. Where no answer comes, an older one stands in (RFC 8767), or SERVFAIL.

use std::sync::Arc;

use super::case::Case;
use super::lane::Tables;
use super::misses::{Ended, Waiter};
use super::{lock, said, Lane, Now, Outcome, Reply};
use crate::answer::{self, Answer, Unusable};
use crate::cache::{Entry, Key, Said};
use crate::guard::Pace;
use crate::wire::HEADER;

/// Extended errors for upstreams that fail without saying why (RFC 8914 sections 4.23, 4.24).
const EDE_NO_REACHABLE_AUTHORITY: u16 = 22;
const EDE_INVALID_DATA: u16 = 24;

/// Replies that come of completing, and the buffers of those that were sent before.
#[derive(Debug, Default)]
pub struct Outbox {
    /// What is to be sent.
    pub replies: Vec<Reply>,
    spare: Vec<Vec<u8>>,
}

impl Outbox {
    /// Buffers that are kept: what a turn of a thread needs at most, as good as always.
    const SPARE: usize = 256;
    /// Larger ones are not kept.
    const LARGEST: usize = 4096;
    const USUAL: usize = 512;

    /// All has been sent: keep the buffers for those that come.
    pub fn clear(&mut self) {
        for reply in self.replies.drain(..) {
            let mut wire = reply.wire;
            if self.spare.len() < Self::SPARE && (1..=Self::LARGEST).contains(&wire.capacity()) {
                wire.clear();
                self.spare.push(wire);
            }
        }
    }

    fn buffer(&mut self) -> Vec<u8> {
        self.spare
            .pop()
            .unwrap_or_else(|| Vec::with_capacity(Self::USUAL))
    }
}

impl Lane {
    /// End a miss with an upstream's answer, or with `None` and the EDE code that says why (0: not
    /// known). An answer that does not fit its question counts as a failure. An unknown miss gives
    /// nothing.
    pub fn complete(
        &mut self,
        miss: u64,
        answer: Option<&[u8]>,
        now: Now,
        failure: u16,
    ) -> Vec<Reply> {
        let mut outbox = Outbox::default();
        self.complete_into(miss, answer, now, failure, &mut outbox);
        outbox.replies
    }

    /// The same, with the replies behind those in `outbox`.
    pub fn complete_into(
        &mut self,
        miss: u64,
        answer: Option<&[u8]>,
        now: Now,
        failure: u16,
        outbox: &mut Outbox,
    ) {
        self.renew();
        let engine = Arc::clone(&self.engine);
        let (question, flags, found) = match lock(&engine.waiting).misses.get_mut(miss) {
            Some(known) => (known.question.clone(), known.flags, known.found.take()),
            None => return,
        };
        let key = engine.keys.key(&question, flags);
        let limits = engine.settings.ttl_limits();
        match answer.map(|message| answer::accept(message, question.wire(), limits)) {
            Some(Ok(answer)) => {
                let end = HEADER + question.wire().len();
                let found = found
                    .filter(|(generation, _)| *generation == self.snapshot.generation)
                    .map(|(_, found)| found);
                let said = said::say(&self.snapshot, &answer.body, end, answer.ech, found);
                self.succeed(miss, key, answer, said, now, outbox);
            }
            Some(Err(Unusable::Failed(ede))) => {
                let ede = ede.unwrap_or(EDE_NO_REACHABLE_AUTHORITY);
                self.give_up(miss, key, now, ede, outbox);
            }
            Some(Err(Unusable::Misfit)) => {
                self.tables.books.stats.unusable += 1;
                self.give_up(miss, key, now, EDE_INVALID_DATA, outbox);
            }
            None => self.give_up(miss, key, now, failure, outbox),
        }
    }

    /// Answer those that wait for `miss` from an answer past its time, if there is one; the miss
    /// goes on (RFC 8767 section 5: do not let clients wait too long).
    pub fn serve_stale(&mut self, miss: u64, now: Now) -> Vec<Reply> {
        let mut outbox = Outbox::default();
        self.serve_stale_into(miss, now, &mut outbox);
        outbox.replies
    }

    /// The same, with the replies behind those in `outbox`.
    pub fn serve_stale_into(&mut self, miss: u64, now: Now, outbox: &mut Outbox) {
        self.renew();
        let engine = Arc::clone(&self.engine);
        let (question, flags) = match lock(&engine.waiting).misses.get_mut(miss) {
            Some(known) => (known.question.clone(), known.flags),
            None => return,
        };
        let key = engine.keys.key(&question, flags);
        let window = engine.settings.stale_ttl;
        let usable = |entry: &Arc<Entry>| entry.is_usable(now.steady, window);
        if !engine.cache.get(key).as_ref().is_some_and(usable) {
            return;
        }
        let waiters = lock(&engine.waiting).misses.take_waiters(miss);
        self.stand_in_for(&waiters, key, now, 0, outbox);
    }

    fn succeed(
        &mut self,
        miss: u64,
        key: Key<'_>,
        answer: Answer,
        said: Said,
        now: Now,
        outbox: &mut Outbox,
    ) {
        let known = {
            let mut waiting = lock(&self.engine.waiting);
            waiting.failures.forget(key.hash);
            waiting.misses.remove(miss)
        };
        let Some(Ended { outdated, waiters }) = known else {
            return;
        };
        let ttl = answer.ttl;
        let entry = Arc::new(Entry::new(key, answer.body, ttl, now.steady, said));
        let Tables { askers, books, .. } = &mut self.tables;
        let settings = &self.engine.settings;
        for waiter in &waiters {
            let mut out = outbox.buffer();
            let case = Case::new(settings, &self.snapshot, askers, waiter.who(now));
            let asked = waiter.asked(settings.udp_size);
            let outcome = match case.finish(&asked, waiter, &entry, &mut out) {
                Some(sent) => books.note(&case, &waiter.name(), sent, &out),
                None => books.fail(&asked, 0, &mut out),
            };
            if outcome != Outcome::Reply {
                out.clear();
            }
            if !out.is_empty() {
                let (pass, at) = (waiter.pass, now.steady);
                let pace = self.guard.leave(waiter.client, pass, &mut out, at);
                if pace == Pace::Drop {
                    books.stats.withhold();
                }
                if let Some(gated) = &self.gated {
                    let who = (case.known.group, waiter.client);
                    gated.let_through(who, case.qtype, &mut out, at);
                }
            }
            outbox.replies.push(waiter.reply(out));
        }
        if ttl > 0 && !outdated {
            self.engine.cache.put(entry);
        }
    }

    fn give_up(&mut self, miss: u64, key: Key<'_>, now: Now, ede: u16, outbox: &mut Outbox) {
        let known = {
            let mut waiting = lock(&self.engine.waiting);
            let known = waiting.misses.remove(miss);
            if known.as_ref().is_some_and(|known| !known.outdated) {
                waiting.failures.put(key.hash, now.steady, ede);
            }
            known
        };
        let Some(known) = known else {
            return;
        };
        self.tables.books.stats.failed += 1;
        if let Some(entry) = self.engine.cache.get(key) {
            entry.set_refreshing(false);
        }
        self.stand_in_for(&known.waiters, key, now, ede, outbox);
    }

    fn stand_in_for(
        &mut self,
        waiters: &[Waiter],
        key: Key<'_>,
        now: Now,
        ede: u16,
        outbox: &mut Outbox,
    ) {
        let (engine, snapshot) = (&self.engine, &self.snapshot);
        let Tables { askers, books, .. } = &mut self.tables;
        for waiter in waiters {
            let case = Case::new(&engine.settings, snapshot, askers, waiter.who(now));
            let mut out = outbox.buffer();
            if books.stand_in(engine, &case, key, waiter, ede, &mut out) != Outcome::Reply {
                out.clear();
            }
            if !out.is_empty() {
                let (pass, at) = (waiter.pass, now.steady);
                let pace = self.guard.leave(waiter.client, pass, &mut out, at);
                if pace == Pace::Drop {
                    books.stats.withhold();
                }
                if let Some(gated) = &self.gated {
                    let who = (case.known.group, waiter.client);
                    gated.let_through(who, case.qtype, &mut out, at);
                }
            }
            outbox.replies.push(waiter.reply(out));
        }
    }
}
