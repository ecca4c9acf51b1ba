//! The engine's tables at work on one query: look up, reply, park, count. Runs under the lock.

use std::net::IpAddr;
use std::sync::Arc;

use super::case::{Case, Sent, Step, Who};
use super::misses::{Parked, Waiter};
use super::settings::Record;
use super::{said, Outcome, Settings, Tables};
use crate::cache::{Key, Keys, KEY_CD, KEY_DO};
use crate::decide::{Decision, Kind};
use crate::events::{ShortName, Taken};
use crate::matches::Matches;
use crate::reply::{Asked, Ede};
use crate::snapshot::Snapshot;
use crate::tally::Told;
use crate::wire::query::{Query, Question};
use crate::wire::{flag, rcode};

/// One query, parsed.
pub(super) struct Ask<'a> {
    pub(super) query: &'a Query,
    pub(super) asked: Asked<'a>,
    pub(super) key: Key<'a>,
    pub(super) client: IpAddr,
    pub(super) now: f64,
    pub(super) door: u8,
}

impl Ask<'_> {
    fn waiter(&self, aliased: bool) -> Waiter {
        Waiter {
            token: 0,
            id: self.asked.id,
            flags: self.asked.flags,
            question: self.asked.question.into(),
            edns: self.asked.edns,
            limit: self.asked.limit,
            door: self.door,
            client: self.client,
            aliased,
        }
    }
}

/// Counts are kept by five minutes, so that no row tells when somebody asked.
const SLOT: i64 = 300;

fn slot(now: f64) -> i64 {
    (now as i64).div_euclid(SLOT).saturating_mul(SLOT)
}

/// Flags of the key of a query.
pub(super) fn key_flags(query: &Query) -> u8 {
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

impl Tables {
    /// Answer, or park. `None`: the rules have to be asked about the name first; come again with
    /// what generation said what.
    pub(super) fn answer(
        &mut self,
        snapshot: &Arc<Snapshot>,
        settings: &Settings,
        keys: &Keys,
        ask: &Ask<'_>,
        fresh: Option<(u64, Matches)>,
        out: &mut Vec<u8>,
    ) -> Option<Outcome> {
        let at = self.ticker.tick(ask.now);
        let question = &ask.query.question;
        let (key, qtype) = (ask.key, question.qtype());
        let mut entry = self.cache.get(key);
        if entry
            .as_ref()
            .is_some_and(|entry| entry.said.generation != snapshot.generation)
        {
            self.refresh_said(key, snapshot);
            entry = self.cache.get(key);
        }
        if let (None, Some((generation, found))) = (&entry, fresh) {
            if generation == snapshot.generation {
                self.memo
                    .put(key.name_hash, question.name(), generation, found);
            }
        }
        let mut due = false;
        let mut usable = None;
        let found = match entry {
            Some(entry) => {
                if entry.is_fresh(at) {
                    due = entry.is_due(at, settings.prefetch);
                    usable = Some(&*entry);
                }
                &entry.said.name
            }
            None => self
                .memo
                .get(key.name_hash, question.name(), snapshot.generation)?,
        };
        let who = Who {
            client: ask.client,
            qtype,
            now: ask.now,
            door: ask.door,
        };
        let case = Case::new(settings, snapshot, at, who);
        let step = case.reply(&ask.asked, found, usable, out);
        self.stats.query(ask.door, qtype);
        Some(match step {
            Step::Sent(sent) => {
                if sent.from_answer {
                    self.stats.hits += 1;
                    if due {
                        self.prefetch(key, question, at);
                    }
                }
                self.note(&case, question.name(), sent, out)
            }
            Step::Answer => {
                self.stats.misses += 1;
                self.park(&case, key, question, ask.waiter(false), out)
            }
            Step::Target(decision, target) => {
                self.ask_target(&case, keys, ask, decision, target, out)
            }
        })
    }

    /// Have the rules of this generation say anew what they say about a kept answer.
    pub(super) fn refresh_said(&mut self, key: Key<'_>, snapshot: &Snapshot) {
        let Some(entry) = self.cache.get(key) else {
            return;
        };
        if entry.said.generation == snapshot.generation {
            return;
        }
        let extra = entry.said.extra.as_ref();
        let ech = extra.is_some_and(|extra| extra.without_ech.is_some());
        let said = said::say(snapshot, &entry.body, usize::from(entry.question_end), ech);
        self.stats.rematched += 1;
        self.cache.restate(key, said);
    }

    fn prefetch(&mut self, key: Key<'_>, question: &Question, at: f64) {
        if self.failures.get(key.hash, at).is_some() || !self.misses.prefetch(key, question) {
            return;
        }
        self.stats.prefetches += 1;
        if let Some(entry) = self.cache.get(key) {
            entry.refreshing = true;
        }
    }

    /// A rewrite to another name: answer from what is known of that, or park its question.
    fn ask_target<'s>(
        &mut self,
        case: &Case<'s>,
        keys: &Keys,
        ask: &Ask<'_>,
        decision: Decision<'s>,
        target: &[u8],
        out: &mut Vec<u8>,
    ) -> Outcome {
        let own = &ask.query.question;
        let Some(question) = Question::new(target, own.qtype(), own.qclass()) else {
            return self.fail(&ask.asked, 0, out);
        };
        let key = keys.key(&question, ask.key.flags);
        self.refresh_said(key, case.snapshot);
        if let Some(entry) = self.cache.get(key).filter(|entry| entry.is_fresh(case.at)) {
            let sent = case.alias(&ask.asked, decision, target, entry, out);
            self.stats.hits += 1;
            return self.note(case, own.name(), sent, out);
        }
        self.stats.misses += 1;
        self.park(case, key, &question, ask.waiter(true), out)
    }

    fn park(
        &mut self,
        case: &Case<'_>,
        key: Key<'_>,
        question: &Question,
        waiter: Waiter,
        out: &mut Vec<u8>,
    ) -> Outcome {
        if let Some(failure) = self.failures.get(key.hash, case.at) {
            self.stats.failures_remembered += 1;
            return self.stand_in(case, key, &waiter, failure.ede, out);
        }
        match self.misses.park(key, question, waiter) {
            Parked::New(token) => Outcome::Miss(token),
            Parked::Joined(token) => {
                self.stats.joined += 1;
                Outcome::Miss(token)
            }
            Parked::Full(waiter) => {
                self.stats.overload += 1;
                self.stand_in(case, key, &waiter, 0, out)
            }
        }
    }

    /// Reply although no upstream did: with an answer past its time, or with a failure.
    pub(super) fn stand_in(
        &mut self,
        case: &Case<'_>,
        key: Key<'_>,
        waiter: &Waiter,
        failure: u16,
        out: &mut Vec<u8>,
    ) -> Outcome {
        self.refresh_said(key, case.snapshot);
        let settings = case.settings;
        let asked = waiter.asked(settings.udp_size);
        let entry = self.cache.get(key);
        let Some(entry) = entry.filter(|entry| entry.is_usable(case.at, settings.stale_ttl)) else {
            return self.fail(&asked, failure, out);
        };
        let stale = !entry.is_fresh(case.at);
        let Some(sent) = case.finish(&asked, waiter, entry, out) else {
            return self.fail(&asked, failure, out);
        };
        self.stats.stale += u64::from(stale && sent.from_answer);
        self.note(case, &waiter.name(), sent, out)
    }

    pub(super) fn fail(&mut self, asked: &Asked<'_>, failure: u16, out: &mut Vec<u8>) -> Outcome {
        let why = (failure != 0).then_some(Ede {
            code: failure,
            text: "",
        });
        asked.error(out, rcode::SERVFAIL, why);
        self.stats.reply(rcode::SERVFAIL);
        Outcome::Reply
    }

    /// Count a query that has been dealt with, and make an event of it. `name` in lower case.
    pub(super) fn note(
        &mut self,
        case: &Case<'_>,
        name: &[u8],
        sent: Sent<'_>,
        out: &[u8],
    ) -> Outcome {
        let outcome = sent.outcome();
        let decision = &sent.decision;
        self.stats.verdict(case.snapshot.generation, decision);
        match sent.code {
            Some(code) => {
                self.stats.reply(code);
                let cut = out
                    .get(2)
                    .is_some_and(|high| high & (flag::TC >> 8) as u8 != 0);
                self.stats.truncated += u64::from(cut);
            }
            None => self.stats.silenced += 1,
        }
        self.stats.stripped_ech += u64::from(sent.stripped_ech);
        self.stats.stripped_hints += u64::from(sent.stripped_hints);
        match case.settings.record {
            Record::Nothing => return outcome,
            Record::Counts => {
                let told = Told {
                    kind: decision.kind,
                    step: decision.step,
                    hit: decision.hit.as_ref(),
                    group: case.asker.group,
                    matched: sent.subject.as_deref().unwrap_or(name),
                };
                self.tally.add(case.snapshot, slot(case.now), &told);
                return outcome;
            }
            Record::Events if decision.kind == Kind::Pass && !case.settings.log_pass => {
                return outcome;
            }
            Record::Events => {}
        }
        self.ring.push(Taken {
            time: case.now,
            client: case.client,
            name: ShortName::from_slice(name),
            subject: sent.subject,
            qtype: case.qtype,
            kind: decision.kind,
            step: decision.step,
            hit: decision.hit,
            group: case.asker.group,
            door: case.door,
            rcode: sent.code.unwrap_or(u8::MAX),
            snapshot: Arc::clone(case.snapshot),
        });
        outcome
    }
}
