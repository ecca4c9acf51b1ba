//! One query in a lane: look up, reply, park, count.
//!
//! The order is that of the least work: the near cache, then what is remembered of the rules, then
//! the cache that threads share, then the rules themselves.

use std::sync::Arc;

use super::ask::Ask;
use super::books::Books;
use super::case::{seconds_until, Case, Sent, Step, Who};
use super::lane::Tables;
use super::misses::{Parked, Sought, Waiter};
use super::settings::Record;
use super::zones::zone_of;
use super::{lock, said, Engine, Outcome};
use crate::cache::{Entry, Key, Telling};
use crate::decide::{Decision, Kind};
use crate::events::{ShortName, Taken};
use crate::matches::{Match, Matches};
use crate::reply::{self, Aging, Asked, Ede};
use crate::snapshot::Snapshot;
use crate::tally::Told;
use crate::wire::query::{Query, Question, Refusal};
use crate::wire::rcode;

#[inline]
fn telling(case: &Case<'_>, kind: Kind, step: u8, hit: Option<Match>) -> Telling {
    Telling {
        slot: case.slot,
        kind,
        step,
        group: case.known.group,
        hit,
        count: 1,
        clients: case.known.bit,
    }
}

impl Tables {
    /// Answer, or park.
    pub(super) fn answer(
        &mut self,
        engine: &Engine,
        snapshot: &Arc<Snapshot>,
        ask: &Ask<'_>,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let question = &ask.query.question;
        let (key, generation) = (ask.key, snapshot.generation);
        let who = Who {
            client: &ask.client,
            qtype: question.qtype(),
            now: ask.now,
            door: ask.door,
        };
        let case = Case::new(&engine.settings, snapshot, &mut self.askers, who);
        self.books.stats.query(ask.door, who.qtype);
        if let Some(entry) = self.near.get(key, generation, case.at) {
            if entry.is_plain() && engine.settings.record != Record::Events {
                let now = ask.now.unix as i64;
                if let Some(until) = snapshot.passes(case.known.group, now) {
                    let aging = Aging::Fresh {
                        age: entry.age(case.at),
                        most: seconds_until(until, now),
                    };
                    let code = ask.asked.relay(out, &entry.body, aging, None);
                    if entry.is_due(case.at, engine.settings.prefetch) {
                        let entry = Arc::clone(entry);
                        self.books.prefetch(engine, key, question, &entry, case.at);
                    }
                    return self.books.note_pass(&case, question.name(), code, out);
                }
            }
            let step = case.reply(&ask.asked, &entry.said.name, Some(entry), out);
            let due = entry.is_due(case.at, engine.settings.prefetch);
            if due && matches!(&step, Step::Sent(sent) if sent.from_answer) {
                let entry = Arc::clone(entry);
                self.books.prefetch(engine, key, question, &entry, case.at);
            }
            return self.end(engine, &case, ask, step, None, out);
        }
        let name = question.name();
        if let Some(place) = self.memo.find(key.name_hash, name, generation) {
            let at = place.at;
            let only = place
                .only()
                .filter(|_| case.settings.record == Record::Counts);
            if let Some(hit) = only {
                if let Some((step, code)) = case.block_by(&ask.asked, &hit, out) {
                    return self.note_block(&case, name, at, (step, hit), code, out);
                }
            }
            let found = place.matches();
            match case.reply(&ask.asked, &found, None, out) {
                Step::Sent(sent) => return self.note_at(&case, name, at, sent, out),
                Step::Answer => {}
                target => return self.end(engine, &case, ask, target, None, out),
            }
        }
        let kept = self.books.kept(engine, key, snapshot);
        if let Some(entry) = kept.filter(|entry| entry.is_fresh(case.at)) {
            let step = case.reply(&ask.asked, &entry.said.name, Some(&entry), out);
            if entry.is_due(case.at, engine.settings.prefetch)
                && matches!(&step, Step::Sent(sent) if sent.from_answer)
            {
                self.books.prefetch(engine, key, question, &entry, case.at);
            }
            self.near.put(entry);
            return self.end(engine, &case, ask, step, None, out);
        }
        let mut found = Matches::new();
        snapshot.match_name(question.name(), &mut found);
        let step = case.reply(&ask.asked, &found, None, out);
        let place = self.memo.put(key.name_hash, name, generation, &found);
        match (step, place) {
            (Step::Sent(sent), Some(at)) => self.note_at(&case, name, at, sent, out),
            (step, _) => self.end(engine, &case, ask, step, Some(&found), out),
        }
    }

    /// Count the block of a name that is remembered, as `note_at` would.
    #[inline]
    fn note_block(
        &mut self,
        case: &Case<'_>,
        name: &[u8],
        at: usize,
        (step, hit): (u8, Match),
        code: u8,
        out: &[u8],
    ) -> Outcome {
        let telling = telling(case, Kind::Block, step, Some(hit));
        self.books.stats.sent(code, out);
        self.books.sampler.see(case, name, Kind::Block);
        if !self.memo.count(at, name, &telling) {
            self.books.tell(case.snapshot, name, &telling);
        }
        Outcome::Reply
    }

    /// Count a decision where the name is remembered: it is near already, and told of later.
    fn note_at(
        &mut self,
        case: &Case<'_>,
        name: &[u8],
        place: usize,
        sent: Sent<'_>,
        out: &[u8],
    ) -> Outcome {
        let decision = &sent.decision;
        let telling = telling(case, decision.kind, decision.step, decision.hit);
        let counts = case.settings.record == Record::Counts && decision.hit.is_some();
        if counts && self.memo.count(place, name, &telling) {
            self.books.sampler.see(case, name, decision.kind);
            return self.books.note_sent(&sent, out);
        }
        self.books.note(case, name, sent, out)
    }

    /// Tell the tally what was counted where names are remembered, `most` names.
    pub(super) fn tell(&mut self, snapshot: &Arc<Snapshot>, most: usize) {
        let books = &mut self.books;
        self.memo
            .take_counts(most, |name, telling| books.tell(snapshot, name, telling));
    }

    /// Do what is left to do: count, ask for another name, or park. `found`: what the rules say about
    /// the name, if somebody has looked.
    #[inline]
    fn end<'s>(
        &mut self,
        engine: &Engine,
        case: &Case<'s>,
        ask: &Ask<'_>,
        step: Step<'s>,
        found: Option<&Matches>,
        out: &mut Vec<u8>,
    ) -> Outcome {
        match step {
            Step::Sent(sent) => {
                self.books.stats.hits += u64::from(sent.from_answer);
                self.books.note(case, ask.query.question.name(), sent, out)
            }
            Step::Answer => {
                self.books.stats.miss(case.door);
                let waiter = ask.waiter(false);
                let sought = Sought {
                    key: ask.key,
                    question: &ask.query.question,
                    found: found.map(|found| (case.snapshot.generation, found)),
                };
                self.books.park(engine, case, sought, waiter, out)
            }
            Step::Target(decision, target) => {
                self.ask_target(engine, case, ask, decision, target, out)
            }
        }
    }

    /// A rewrite to another name: answer from what is known of that, or park its question.
    fn ask_target<'s>(
        &mut self,
        engine: &Engine,
        case: &Case<'s>,
        ask: &Ask<'_>,
        decision: Decision<'s>,
        target: &[u8],
        out: &mut Vec<u8>,
    ) -> Outcome {
        let own = &ask.query.question;
        let Some(question) = Question::new(target, own.qtype(), own.qclass()) else {
            return self.books.fail(&ask.asked, 0, out);
        };
        let key = engine.keys.key(&question, ask.key.flags);
        let kept = self.books.kept(engine, key, case.snapshot);
        if let Some(entry) = kept.filter(|entry| entry.is_fresh(case.at)) {
            let sent = case.alias(&ask.asked, decision, target, &entry, out);
            self.books.stats.hits += 1;
            return self.books.note(case, own.name(), sent, out);
        }
        self.books.stats.miss(case.door);
        let sought = Sought {
            key,
            question: &question,
            found: None,
        };
        self.books.park(engine, case, sought, ask.waiter(true), out)
    }
}

impl Books {
    fn tell(&mut self, snapshot: &Arc<Snapshot>, name: &[u8], telling: &Telling) {
        let hit = telling.hit.as_ref();
        let (kind, step, count) = (telling.kind, telling.step, telling.count.into());
        self.stats
            .add_verdicts(snapshot.generation, kind, step, hit, count);
        let told = Told {
            kind: telling.kind,
            step: telling.step,
            hit,
            group: telling.group,
            clients: telling.clients,
            matched: name,
        };
        self.tally.add_many(snapshot, telling.slot, &told, count);
    }

    /// Answer what is no question of the usual kind.
    pub(super) fn refuse(
        &mut self,
        refusal: Refusal,
        query: &Query,
        asked: &Asked<'_>,
        packet: &[u8],
        door: u8,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let (qtype, code) = match refusal {
            Refusal::Drop => return Outcome::Drop,
            Refusal::Bare(code) => {
                reply::bare(out, packet, code);
                (0, code)
            }
            Refusal::Error(code) => {
                asked.error(out, code, None);
                (query.question.qtype(), code)
            }
            Refusal::Any => {
                asked.any(out);
                (query.question.qtype(), rcode::NOERROR)
            }
        };
        self.stats.query(door, qtype);
        self.stats.reply(code);
        self.stats.formerr += u64::from(code == rcode::FORMERR);
        Outcome::Reply
    }

    /// Find a kept answer, fresh or not, and have the rules in force speak about it if they have
    /// not: once for all threads, and without a lock.
    pub(super) fn kept(
        &mut self,
        engine: &Engine,
        key: Key<'_>,
        snapshot: &Snapshot,
    ) -> Option<Arc<Entry>> {
        let entry = engine.cache.get(key)?;
        if entry.said.generation == snapshot.generation {
            return Some(entry);
        }
        let extra = entry.said.extra.as_ref();
        let ech = extra.is_some_and(|extra| extra.without_ech.is_some());
        let said = said::say(
            snapshot,
            &entry.body,
            usize::from(entry.question_end),
            ech,
            None,
        );
        self.stats.rematched += 1;
        let anew = Arc::new(entry.restated(said));
        engine.cache.replace(&entry, Arc::clone(&anew));
        Some(anew)
    }

    fn prefetch(
        &mut self,
        engine: &Engine,
        key: Key<'_>,
        question: &Question,
        entry: &Entry,
        at: f64,
    ) {
        let (zone, _) = zone_of(&engine.keys, question.name());
        let sought = Sought {
            key,
            question,
            found: None,
        };
        let mut waiting = lock(&engine.waiting);
        if waiting.failures.get(key.hash, at).is_some()
            || !waiting.misses.prefetch(sought, zone, at)
        {
            return;
        }
        self.asked = true;
        entry.set_refreshing(true);
        self.stats.prefetches += 1;
    }

    fn park(
        &mut self,
        engine: &Engine,
        case: &Case<'_>,
        sought: Sought<'_>,
        waiter: Waiter,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let key = sought.key;
        let (zone, _) = zone_of(&engine.keys, sought.question.name());
        let (failure, parked) = {
            let mut waiting = lock(&engine.waiting);
            match waiting.failures.get(key.hash, case.at) {
                Some(failure) => (Some(failure), Parked::Full(waiter)),
                None => (None, waiting.misses.park(sought, zone, case.at, waiter)),
            }
        };
        match (failure, parked) {
            (_, Parked::New(token)) => {
                self.asked = true;
                Outcome::Miss(token)
            }
            (_, Parked::Joined(token)) => {
                self.stats.joined += 1;
                Outcome::Miss(token)
            }
            (Some(failure), Parked::Full(waiter)) => {
                self.stats.failures_remembered += 1;
                self.stand_in(engine, case, key, &waiter, failure.ede, out)
            }
            (_, Parked::Crowded(waiter)) => {
                self.stats.crowded += 1;
                self.stand_in(engine, case, key, &waiter, 0, out)
            }
            (None, Parked::Full(waiter)) => {
                self.stats.overload += 1;
                self.stand_in(engine, case, key, &waiter, 0, out)
            }
        }
    }

    /// Reply although no upstream did: with an answer past its time, or with a failure.
    pub(super) fn stand_in(
        &mut self,
        engine: &Engine,
        case: &Case<'_>,
        key: Key<'_>,
        waiter: &Waiter,
        failure: u16,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let settings = case.settings;
        let asked = waiter.asked(settings.udp_size);
        let entry = self.kept(engine, key, case.snapshot);
        let Some(entry) = entry.filter(|entry| entry.is_usable(case.at, settings.stale_ttl)) else {
            return self.fail(&asked, failure, out);
        };
        let stale = !entry.is_fresh(case.at);
        let Some(sent) = case.finish(&asked, waiter, &entry, out) else {
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

    /// Count an answer that no rule had a say in, as `note` would.
    #[inline]
    fn note_pass(&mut self, case: &Case<'_>, name: &[u8], code: u8, out: &[u8]) -> Outcome {
        self.stats.hits += 1;
        self.stats.passed();
        self.stats.sent(code, out);
        self.sampler.see(case, name, Kind::Pass);
        if case.settings.record == Record::Counts {
            let told = Told {
                kind: Kind::Pass,
                step: 9,
                hit: None,
                group: case.known.group,
                clients: case.known.bit,
                matched: &[],
            };
            self.tally.add(case.snapshot, case.slot, &told);
        }
        Outcome::Reply
    }

    /// Count what went out, and not yet what was decided.
    #[inline]
    fn note_sent(&mut self, sent: &Sent<'_>, out: &[u8]) -> Outcome {
        match sent.code {
            Some(code) => self.stats.sent(code, out),
            None => self.stats.silenced += 1,
        }
        self.stats.stripped_ech += u64::from(sent.stripped_ech);
        self.stats.stripped_hints += u64::from(sent.stripped_hints);
        sent.outcome()
    }

    /// Count a query that has been dealt with, and make an event of it. `name` in lower case.
    pub(super) fn note(
        &mut self,
        case: &Case<'_>,
        name: &[u8],
        sent: Sent<'_>,
        out: &[u8],
    ) -> Outcome {
        let outcome = self.note_sent(&sent, out);
        let decision = &sent.decision;
        self.stats.verdict(case.snapshot.generation, decision);
        self.sampler.see(case, name, decision.kind);
        match case.settings.record {
            Record::Nothing => return outcome,
            Record::Counts => {
                let told = Told {
                    kind: decision.kind,
                    step: decision.step,
                    hit: decision.hit.as_ref(),
                    group: case.known.group,
                    clients: case.known.bit,
                    matched: sent.subject.as_deref().unwrap_or(name),
                };
                self.tally.add(case.snapshot, case.slot, &told);
                return outcome;
            }
            Record::Events if decision.kind == Kind::Pass && !case.settings.log_pass => {
                return outcome;
            }
            Record::Events => {}
        }
        self.ring.push(Taken {
            time: case.now.unix,
            client: *case.client,
            name: ShortName::from_slice(name),
            subject: sent.subject,
            qtype: case.qtype,
            kind: decision.kind,
            step: decision.step,
            hit: decision.hit,
            group: case.known.group,
            door: case.door,
            rcode: sent.code.unwrap_or(u8::MAX),
            snapshot: Arc::clone(case.snapshot),
        });
        outcome
    }
}
