//! From a query and what is known to a reply: the verdict on the name, the cached answer, the
//! verdict on the answer. Runs under the engine's lock and allocates nothing on the usual ways.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::misses::{Alias, Parked, Waiter};
use super::{said, Outcome, Settings, State};
use crate::cache::{Entry, Key, Keys, KEY_CD, KEY_DO};
use crate::decide::{Decision, Kind, Rewrite};
use crate::events::{ShortName, Taken};
use crate::matches::Matches;
use crate::plan::{Action, Style};
use crate::reply::{Aging, Asked, Blocked, Ede};
use crate::snapshot::{Asker, Snapshot};
use crate::wire::query::{Query, Question};
use crate::wire::{flag, rcode, rtype};

const EDE_STALE: u16 = 3;
const EDE_STALE_NXDOMAIN: u16 = 19;

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
    fn waiter(&self, alias: Option<Alias>) -> Waiter {
        Waiter {
            token: 0,
            id: self.asked.id,
            flags: self.asked.flags,
            question: self.asked.question.into(),
            edns: self.asked.edns,
            limit: self.asked.limit,
            door: self.door,
            client: self.client,
            alias,
        }
    }
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

/// A kept answer at some moment.
#[derive(Clone, Copy)]
pub(super) struct Kept<'a> {
    pub(super) entry: &'a Entry,
    /// Seconds of the ticker.
    pub(super) at: f64,
    /// TTL to send if its time is over.
    pub(super) stale: u32,
}

/// Who asks what, when, under which rules.
pub(super) struct Case<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) asker: Asker,
    pub(super) client: IpAddr,
    pub(super) qtype: u16,
    /// Unix seconds.
    pub(super) now: f64,
    pub(super) door: u8,
}

/// A query that has been dealt with.
pub(super) struct Sent<'a> {
    pub(super) decision: Decision<'a>,
    /// `None`: silence.
    code: Option<u8>,
    subject: Option<ShortName>,
    from_answer: bool,
    stripped_ech: bool,
    stripped_hints: bool,
}

/// How far a query came.
pub(super) enum Step<'a> {
    Sent(Sent<'a>),
    /// An answer from an upstream is needed.
    Answer,
    /// The answer to another name is needed.
    Target(Decision<'a>, &'a [u8]),
}

impl<'a> Case<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        client: IpAddr,
        qtype: u16,
        now: f64,
        door: u8,
    ) -> Self {
        let asker = snapshot.asker(client);
        Self {
            snapshot,
            asker,
            client,
            qtype,
            now,
            door,
        }
    }

    fn seconds(&self) -> i64 {
        self.now as i64
    }

    /// Seconds for which a verdict holds: until the group's schedule next switches.
    fn most_ttl(&self) -> u32 {
        let now = self.seconds();
        match self.snapshot.until(self.asker.group, now) {
            Some(switch) => u32::try_from((switch - now).max(1)).unwrap_or(u32::MAX),
            None => u32::MAX,
        }
    }

    fn own_ttl(&self) -> u32 {
        self.snapshot
            .group(self.asker.group)
            .answer
            .ttl
            .min(self.most_ttl())
    }

    /// Reply if what is known suffices. `found`: what the rules say about the name.
    pub(super) fn reply(
        &self,
        asked: &Asked<'_>,
        found: &Matches,
        kept: Option<Kept<'_>>,
        out: &mut Vec<u8>,
    ) -> Step<'a> {
        let mut decision = self
            .snapshot
            .decide(found, &self.asker, self.qtype, self.seconds());
        if decision.kind == Kind::Block {
            match self.block(asked, &decision, out) {
                Effect::Sent(code) => return Step::Sent(Sent::own(decision, code)),
                Effect::Pass => decision.kind = Kind::Pass,
            }
        }
        if decision.kind == Kind::Rewrite {
            return self.rewrite(asked, decision, out);
        }
        match kept {
            Some(kept) => Step::Sent(self.pass_on(asked, decision, kept, out)),
            None => Step::Answer,
        }
    }

    fn block(&self, asked: &Asked<'_>, decision: &Decision<'_>, out: &mut Vec<u8>) -> Effect {
        let answer = &self.snapshot.group(self.asker.group).answer;
        let how = match decision.action {
            Action::Drop => return Effect::Sent(None),
            Action::TcpOnly if self.door == 0 => {
                asked.truncated(out);
                return Effect::Sent(Some(rcode::NOERROR));
            }
            Action::TcpOnly => return Effect::Pass,
            Action::Nxdomain => Blocked::Nxdomain,
            Action::Nodata => Blocked::Nodata,
            _ => match answer.style {
                Style::Nxdomain => Blocked::Nxdomain,
                Style::Nodata => Blocked::Nodata,
                Style::Refused => Blocked::Refused,
                Style::Null => {
                    Blocked::Address(Some(Ipv4Addr::UNSPECIFIED), Some(Ipv6Addr::UNSPECIFIED))
                }
                Style::Address => Blocked::Address(answer.ipv4, answer.ipv6),
            },
        };
        Effect::Sent(Some(asked.block(
            out,
            how,
            self.qtype,
            self.own_ttl(),
            ede(decision),
        )))
    }

    fn rewrite(&self, asked: &Asked<'_>, decision: Decision<'a>, out: &mut Vec<u8>) -> Step<'a> {
        let ttl = self.own_ttl();
        let why = ede(&decision);
        let code = match &decision.rewrite {
            Some(Rewrite::Cname(target)) if self.qtype != rtype::CNAME => {
                let target = *target;
                return Step::Target(decision, target);
            }
            Some(Rewrite::Cname(target)) => asked.alias(out, target, ttl, None, why),
            Some(Rewrite::Rcode(rcode::NOERROR)) | None => {
                asked.block(out, Blocked::Nodata, self.qtype, ttl, why)
            }
            Some(Rewrite::Rcode(rcode::NXDOMAIN)) => {
                asked.block(out, Blocked::Nxdomain, self.qtype, ttl, why)
            }
            Some(Rewrite::Rcode(code)) => {
                asked.error(out, *code, why);
                *code
            }
            Some(Rewrite::Records(records)) => {
                let records = records
                    .iter()
                    .map(|record| (record.rtype, &record.rdata[..]));
                asked.records(out, records, ttl, why);
                rcode::NOERROR
            }
        };
        Step::Sent(Sent::own(decision, Some(code)))
    }

    /// Reply with an answer that is there, unless it leads where the asker may not go.
    fn pass_on(
        &self,
        asked: &Asked<'_>,
        decision: Decision<'a>,
        kept: Kept<'_>,
        out: &mut Vec<u8>,
    ) -> Sent<'a> {
        let entry = kept.entry;
        let mut sent = Sent::own(decision, None);
        sent.from_answer = true;
        let mut body = &entry.body;
        if let Some(extra) = &entry.said.extra {
            let now = self.seconds();
            // What a rule allows by name, and what must not be blocked, is not looked into.
            let settled = sent.decision.kind == Kind::Allow || sent.decision.step == 1;
            if !settled && !extra.answer.is_empty() {
                let second =
                    self.snapshot
                        .decide_answer(&extra.answer, &self.asker, self.qtype, now);
                if second.kind == Kind::Block {
                    if let Effect::Sent(code) = self.block(asked, &second, out) {
                        let source = second.hit.map_or(0, |hit| usize::from(hit.source));
                        let subject = extra.subjects.get(source.wrapping_sub(1));
                        sent.subject = subject.map(|wire| ShortName::from_slice(wire));
                        sent.code = code;
                        sent.decision = second;
                        return sent;
                    }
                }
            }
            if let (true, Some(bare)) = (
                self.snapshot.group(self.asker.group).filtered,
                &extra.without_ech,
            ) {
                sent.stripped_ech = true;
                body = bare;
            }
            if let (false, Some(bare)) = (settled, &extra.without_hints) {
                let hints = self
                    .snapshot
                    .decide_answer(&extra.hints, &self.asker, self.qtype, now);
                if hints.kind == Kind::Block {
                    sent.stripped_hints = true;
                    body = bare;
                }
            }
        }
        let (aging, why) = self.aging(kept);
        sent.code = Some(asked.relay(out, body, aging, why));
        sent
    }

    /// Reply with a CNAME to `target` and the answer to that.
    fn alias(
        &self,
        asked: &Asked<'_>,
        decision: Decision<'a>,
        target: &[u8],
        kept: Kept<'_>,
        out: &mut Vec<u8>,
    ) -> Sent<'a> {
        let mut body = &kept.entry.body;
        let mut sent = Sent::own(decision, None);
        sent.from_answer = true;
        if self.snapshot.group(self.asker.group).filtered {
            let extra = kept.entry.said.extra.as_ref();
            if let Some(bare) = extra.and_then(|extra| extra.without_ech.as_ref()) {
                sent.stripped_ech = true;
                body = bare;
            }
        }
        let (aging, stale) = self.aging(kept);
        let why = stale.or(ede(&sent.decision));
        let answer = Some((body, usize::from(kept.entry.question_end), aging));
        sent.code = Some(asked.alias(out, target, self.own_ttl(), answer, why));
        sent
    }

    /// How the TTLs of an answer go out, and what to say if it stands in for a newer one.
    #[inline]
    fn aging(&self, kept: Kept<'_>) -> (Aging, Option<Ede<'static>>) {
        let most = self.most_ttl();
        if kept.entry.is_fresh(kept.at) || kept.entry.ttl == 0 {
            return (
                Aging::Fresh {
                    age: kept.entry.age(kept.at),
                    most,
                },
                None,
            );
        }
        let nxdomain = kept.entry.body.bytes[3] & 0x0f == rcode::NXDOMAIN;
        let code = if nxdomain {
            EDE_STALE_NXDOMAIN
        } else {
            EDE_STALE
        };
        (
            Aging::Stale(kept.stale.min(most)),
            Some(Ede { code, text: "" }),
        )
    }
}

enum Effect {
    /// With this code; `None`: silence.
    Sent(Option<u8>),
    /// Not by this door: the query goes on.
    Pass,
}

impl<'a> Sent<'a> {
    fn own(decision: Decision<'a>, code: Option<u8>) -> Self {
        Self {
            decision,
            code,
            subject: None,
            from_answer: false,
            stripped_ech: false,
            stripped_hints: false,
        }
    }

    pub(super) fn outcome(&self) -> Outcome {
        if self.code.is_some() {
            Outcome::Reply
        } else {
            Outcome::Drop
        }
    }
}

fn ede<'a>(decision: &Decision<'a>) -> Option<Ede<'a>> {
    (decision.ede != 0).then_some(Ede {
        code: decision.ede,
        text: decision.ede_text,
    })
}

impl State {
    /// Answer, or park. `None`: the rules have to be asked about the name first; come again with
    /// what generation said what.
    pub(super) fn answer(
        &mut self,
        settings: &Settings,
        keys: &Keys,
        ask: &Ask<'_>,
        fresh: Option<(u64, Matches)>,
        out: &mut Vec<u8>,
    ) -> Option<Outcome> {
        let at = self.ticker.tick(ask.now);
        let snapshot = Arc::clone(&self.snapshot);
        let question = &ask.query.question;
        let mut entry = self.cache.get(ask.key);
        if entry
            .as_ref()
            .is_some_and(|entry| entry.said.generation != snapshot.generation)
        {
            self.refresh_said(ask.key, &snapshot);
            entry = self.cache.get(ask.key);
        }
        if let (None, Some((generation, found))) = (&entry, fresh) {
            if generation == snapshot.generation {
                self.memo
                    .put(ask.key.name_hash, question.name(), generation, found);
            }
        }
        let mut due = false;
        let mut kept = None;
        let found = match entry {
            Some(entry) => {
                if entry.is_fresh(at) {
                    due = entry.is_due(at, settings.prefetch);
                    kept = Some(Kept {
                        entry,
                        at,
                        stale: settings.stale_answer_ttl,
                    });
                }
                &entry.said.name
            }
            None => self
                .memo
                .get(ask.key.name_hash, question.name(), snapshot.generation)?,
        };
        let case = Case::new(&snapshot, ask.client, question.qtype(), ask.now, ask.door);
        let step = case.reply(&ask.asked, found, kept, out);
        self.stats.query(ask.door, question.qtype());
        Some(match step {
            Step::Sent(sent) => {
                if sent.from_answer {
                    self.stats.hits += 1;
                    if due {
                        self.prefetch(ask.key, question, at);
                    }
                }
                let outcome = sent.outcome();
                self.note(settings, &snapshot, &case, question.name(), sent, out);
                outcome
            }
            Step::Answer => {
                self.stats.misses += 1;
                let waiter = ask.waiter(None);
                self.park(
                    settings, &snapshot, &case, ask.key, question, waiter, at, out,
                )
            }
            Step::Target(decision, target) => self.ask_target(
                settings, keys, &snapshot, &case, ask, decision, target, at, out,
            ),
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
        let ech = entry
            .said
            .extra
            .as_ref()
            .is_some_and(|extra| extra.without_ech.is_some());
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

    #[allow(clippy::too_many_arguments)] // a query on its way, part by part
    fn ask_target<'s>(
        &mut self,
        settings: &Settings,
        keys: &Keys,
        snapshot: &Arc<Snapshot>,
        case: &Case<'s>,
        ask: &Ask<'_>,
        decision: Decision<'s>,
        target: &[u8],
        at: f64,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let own = &ask.query.question;
        let Some(question) = Question::new(target, own.qtype(), own.qclass()) else {
            return self.fail(&ask.asked, 0, out);
        };
        let key = keys.key(&question, ask.key.flags);
        if let Some(entry) = self.cache.get(key).filter(|entry| entry.is_fresh(at)) {
            let kept = Kept {
                entry,
                at,
                stale: settings.stale_answer_ttl,
            };
            let sent = case.alias(&ask.asked, decision, target, kept, out);
            self.stats.hits += 1;
            let outcome = sent.outcome();
            self.note(settings, snapshot, case, own.name(), sent, out);
            return outcome;
        }
        self.stats.misses += 1;
        let alias = Alias {
            hit: decision.hit,
            step: decision.step,
        };
        self.park(
            settings,
            snapshot,
            case,
            key,
            &question,
            ask.waiter(Some(alias)),
            at,
            out,
        )
    }

    #[allow(clippy::too_many_arguments)] // a query on its way, part by part
    fn park(
        &mut self,
        settings: &Settings,
        snapshot: &Arc<Snapshot>,
        case: &Case<'_>,
        key: Key<'_>,
        question: &Question,
        waiter: Waiter,
        at: f64,
        out: &mut Vec<u8>,
    ) -> Outcome {
        if let Some(failure) = self.failures.get(key.hash, at) {
            self.stats.failures_remembered += 1;
            return self.stand_in(settings, snapshot, case, key, &waiter, at, failure.ede, out);
        }
        match self.misses.park(key, question, waiter) {
            Parked::New(token) => Outcome::Miss(token),
            Parked::Joined(token) => {
                self.stats.joined += 1;
                Outcome::Miss(token)
            }
            Parked::Full(waiter) => {
                self.stats.overload += 1;
                self.stand_in(settings, snapshot, case, key, &waiter, at, 0, out)
            }
        }
    }

    /// Reply although no upstream did: with an answer past its time, or with a failure.
    #[allow(clippy::too_many_arguments)] // a query on its way, part by part
    pub(super) fn stand_in(
        &mut self,
        settings: &Settings,
        snapshot: &Arc<Snapshot>,
        case: &Case<'_>,
        key: Key<'_>,
        waiter: &Waiter,
        at: f64,
        failure: u16,
        out: &mut Vec<u8>,
    ) -> Outcome {
        self.refresh_said(key, snapshot);
        let entry = self
            .cache
            .get(key)
            .filter(|entry| entry.is_usable(at, settings.stale_ttl));
        let asked = waiter.asked(settings.udp_size);
        let Some(entry) = entry else {
            return self.fail(&asked, failure, out);
        };
        let stale = !entry.is_fresh(at);
        let kept = Kept {
            entry,
            at,
            stale: settings.stale_answer_ttl,
        };
        let Some(sent) = case.finish(&asked, waiter, kept, out) else {
            return self.fail(&asked, failure, out);
        };
        self.stats.stale += u64::from(stale && sent.from_answer);
        let outcome = sent.outcome();
        self.note(
            settings,
            snapshot,
            case,
            waiter.name().as_slice(),
            sent,
            out,
        );
        outcome
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
        settings: &Settings,
        snapshot: &Arc<Snapshot>,
        case: &Case<'_>,
        name: &[u8],
        sent: Sent<'_>,
        out: &[u8],
    ) {
        let decision = &sent.decision;
        self.stats.verdict(snapshot.generation, decision);
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
        if decision.kind == Kind::Pass && !settings.log_pass {
            return;
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
            snapshot: Arc::clone(snapshot),
        });
    }
}

impl<'a> Case<'a> {
    /// Reply to one that waited, now that there is an answer. `None`: the rules have changed
    /// meanwhile and want another name resolved; the client will ask again.
    pub(super) fn finish(
        &self,
        asked: &Asked<'_>,
        waiter: &Waiter,
        kept: Kept<'_>,
        out: &mut Vec<u8>,
    ) -> Option<Sent<'a>> {
        if let Some(alias) = waiter.alias {
            let decision = Decision {
                kind: Kind::Rewrite,
                step: alias.step,
                hit: alias.hit,
                action: Action::Rewrite,
                ede: 0,
                ede_text: "",
                rewrite: None,
            };
            let question = kept.entry.question();
            let target = question
                .get(..question.len().saturating_sub(4))
                .unwrap_or_default();
            return Some(self.alias(asked, decision, target, kept, out));
        }
        match self.reply(asked, &kept.entry.said.name, Some(kept), out) {
            Step::Sent(sent) => Some(sent),
            Step::Answer | Step::Target(..) => None,
        }
    }
}
