//! Completing a miss: the answer is checked, matched, kept, and given to each that waits, under
//! the rules for each. Where no answer comes, an older one stands in (RFC 8767), or SERVFAIL.

use std::sync::Arc;

use super::case::Case;
use super::{misses::Waiter, said, Engine, Outcome, State};
use crate::answer::{self, Answer, Unusable};
use crate::cache::{Entry, Key, Said};
use crate::wire::HEADER;

/// Extended errors for upstreams that fail without saying why (RFC 8914 sections 4.23, 4.24).
const EDE_NO_REACHABLE_AUTHORITY: u16 = 22;
const EDE_INVALID_DATA: u16 = 24;

/// Replies by token.
pub type Replies = Vec<(u64, Vec<u8>)>;

impl Engine {
    /// End a miss with an upstream's answer, or with `None` and the EDE code that says why (0: not
    /// known). An answer that does not fit its question counts as a failure. An unknown miss gives
    /// nothing. A waiting query that the rules now meet with silence gets an empty reply: nothing to
    /// send, and nothing to wait for.
    pub fn complete(&self, miss: u64, answer: Option<&[u8]>, now: f64, failure: u16) -> Replies {
        let (question, flags, snapshot) = {
            let state = self.lock();
            let Some(known) = state.tables.misses.get(miss) else {
                return Vec::new();
            };
            (
                known.question.clone(),
                known.flags,
                Arc::clone(&state.snapshot),
            )
        };
        let key = self.keys.key(&question, flags);
        let accepted = answer
            .map(|message| answer::accept(message, question.wire(), self.settings.ttl_limits()));
        match accepted {
            Some(Ok(answer)) => {
                let end = HEADER + question.wire().len();
                let said = said::say(&snapshot, &answer.body, end, answer.ech);
                self.succeed(miss, key, answer, said, now)
            }
            Some(Err(Unusable::Failed(ede))) => {
                let ede = ede.unwrap_or(EDE_NO_REACHABLE_AUTHORITY);
                self.give_up(miss, key, now, ede)
            }
            Some(Err(Unusable::Misfit)) => {
                self.lock().tables.stats.unusable += 1;
                self.give_up(miss, key, now, EDE_INVALID_DATA)
            }
            None => self.give_up(miss, key, now, failure),
        }
    }

    /// Answer those that wait for `miss` from an answer past its time, if there is one; the miss
    /// goes on (RFC 8767 section 5: do not let clients wait too long).
    pub fn serve_stale(&self, miss: u64, now: f64) -> Replies {
        let mut state = self.lock();
        let at = state.tables.ticker.tick(now);
        let Some(known) = state.tables.misses.get(miss) else {
            return Vec::new();
        };
        let question = known.question.clone();
        let key = self.keys.key(&question, known.flags);
        let window = self.settings.stale_ttl;
        if !state
            .tables
            .cache
            .get(key)
            .is_some_and(|entry| entry.is_usable(at, window))
        {
            return Vec::new();
        }
        let waiters = state.tables.misses.take_waiters(miss);
        self.stand_in_for(&mut state, &waiters, key, now, at, 0)
    }

    fn succeed(
        &self,
        miss: u64,
        key: Key<'_>,
        answer: Answer,
        mut said: Said,
        now: f64,
    ) -> Replies {
        let mut state = self.lock();
        let at = state.tables.ticker.tick(now);
        let snapshot = Arc::clone(&state.snapshot);
        if said.generation != snapshot.generation {
            said = said::say(
                &snapshot,
                &answer.body,
                HEADER + key.question.len(),
                answer.ech,
            );
        }
        let Some(known) = state.tables.misses.remove(miss) else {
            return Vec::new();
        };
        state.tables.failures.forget(key.hash);
        let entry = Entry::new(key, answer.body, answer.ttl, at, said);
        let mut replies = Vec::with_capacity(known.waiters.len());
        for waiter in &known.waiters {
            let mut out = Vec::with_capacity(512);
            let case = Case::new(&self.settings, &snapshot, at, waiter.who(now));
            let asked = waiter.asked(self.settings.udp_size);
            let outcome = match case.finish(&asked, waiter, &entry, &mut out) {
                Some(sent) => state.tables.note(&case, &waiter.name(), sent, &out),
                None => state.tables.fail(&asked, 0, &mut out),
            };
            if outcome != Outcome::Reply {
                out.clear();
            }
            replies.push((waiter.token, out));
        }
        if answer.ttl > 0 && !known.outdated {
            state.tables.cache.put(entry);
        }
        replies
    }

    fn give_up(&self, miss: u64, key: Key<'_>, now: f64, ede: u16) -> Replies {
        let mut state = self.lock();
        let at = state.tables.ticker.tick(now);
        let Some(known) = state.tables.misses.remove(miss) else {
            return Vec::new();
        };
        state.tables.stats.failed += 1;
        if !known.outdated {
            state.tables.failures.put(key.hash, at, ede);
        }
        if let Some(entry) = state.tables.cache.get(key) {
            entry.refreshing = false;
        }
        self.stand_in_for(&mut state, &known.waiters, key, now, at, ede)
    }

    fn stand_in_for(
        &self,
        state: &mut State,
        waiters: &[Waiter],
        key: Key<'_>,
        now: f64,
        at: f64,
        ede: u16,
    ) -> Replies {
        let snapshot = Arc::clone(&state.snapshot);
        let mut replies = Vec::with_capacity(waiters.len());
        for waiter in waiters {
            let case = Case::new(&self.settings, &snapshot, at, waiter.who(now));
            let mut out = Vec::with_capacity(512);
            if state.tables.stand_in(&case, key, waiter, ede, &mut out) != Outcome::Reply {
                out.clear();
            }
            replies.push((waiter.token, out));
        }
        replies
    }
}
