//! From a question and what is known about it to a reply: the verdict on the name, the kept answer,
//! the verdict on where that leads. Changes nothing but the reply's buffer, and allocates nothing
//! on the usual ways.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::askers::{Askers, Known};
use super::misses::Waiter;
use super::{Now, Outcome, Settings};
use crate::answer::Body;
use crate::cache::Entry;
use crate::decide::{Decision, Kind, Rewrite};
use crate::events::ShortName;
use crate::matches::{Match, Matches};
use crate::plan::{Action, Answer, Style};
use crate::reply::{Aging, Asked, Blocked, Ede};
use crate::snapshot::{Asker, Snapshot};
use crate::wire::{rcode, rtype};

/// Extended errors of answers past their time (RFC 8914 sections 4.4 and 4.20).
const EDE_STALE: u16 = 3;
const EDE_STALE_NXDOMAIN: u16 = 19;

/// Who asks for what type, when, by which door.
#[derive(Clone, Copy)]
pub(super) struct Who<'a> {
    pub(super) client: &'a IpAddr,
    pub(super) qtype: u16,
    pub(super) now: Now,
    pub(super) door: u8,
}

/// Who asks what, when, under which rules.
pub(super) struct Case<'a> {
    pub(super) settings: &'a Settings,
    pub(super) snapshot: &'a Arc<Snapshot>,
    pub(super) client: &'a IpAddr,
    pub(super) known: Known,
    /// What is counted now is counted there.
    pub(super) slot: i64,
    pub(super) qtype: u16,
    pub(super) now: Now,
    /// Steady seconds.
    pub(super) at: f64,
    pub(super) door: u8,
}

/// A query that has been dealt with.
pub(super) struct Sent<'a> {
    pub(super) decision: Decision<'a>,
    /// `None`: silence.
    pub(super) code: Option<u8>,
    pub(super) subject: Option<ShortName>,
    pub(super) from_answer: bool,
    pub(super) stripped_ech: bool,
    pub(super) stripped_hints: bool,
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
    #[inline]
    pub(super) fn new(
        settings: &'a Settings,
        snapshot: &'a Arc<Snapshot>,
        askers: &mut Askers,
        who: Who<'a>,
    ) -> Self {
        let Who {
            client,
            qtype,
            now,
            door,
        } = who;
        let known = askers.get(snapshot, client, now.unix);
        Self {
            settings,
            snapshot,
            client,
            known,
            slot: askers.slot(),
            qtype,
            now,
            at: now.steady,
            door,
        }
    }

    fn asker(&self) -> Asker {
        Asker {
            group: self.known.group,
            client: self.known.client,
            address: Some(*self.client),
        }
    }

    fn seconds(&self) -> i64 {
        self.now.unix as i64
    }

    /// Seconds for which a verdict holds: until the group's schedule next switches.
    fn most_ttl(&self) -> u32 {
        let now = self.seconds();
        seconds_until(self.snapshot.until(self.known.group, now), now)
    }

    fn own_ttl(&self) -> u32 {
        self.snapshot
            .group(self.known.group)
            .answer
            .ttl
            .min(self.most_ttl())
    }

    /// Reply if what is known suffices. `found`: what the rules say about the name.
    pub(super) fn reply(
        &self,
        asked: &Asked<'_>,
        found: &Matches,
        entry: Option<&Entry>,
        out: &mut Vec<u8>,
    ) -> Step<'a> {
        let mut decision = self
            .snapshot
            .decide(found, &self.asker(), self.qtype, self.seconds());
        if decision.kind == Kind::Block {
            match self.block(asked, &decision, out) {
                Effect::Sent(code) => return Step::Sent(Sent::own(decision, code)),
                Effect::Pass => decision.kind = Kind::Pass,
            }
        }
        if decision.kind == Kind::Rewrite {
            return self.rewrite(asked, decision, out);
        }
        match entry {
            Some(entry) => Step::Sent(self.pass_on(asked, decision, entry, out)),
            None => Step::Answer,
        }
    }

    /// Reply to one that waited, now that there is an answer. `None`: the rules have changed
    /// meanwhile and want another name resolved; the client will ask again.
    pub(super) fn finish(
        &self,
        asked: &Asked<'_>,
        waiter: &Waiter,
        entry: &Entry,
        out: &mut Vec<u8>,
    ) -> Option<Sent<'a>> {
        if waiter.aliased {
            return self.finish_alias(asked, waiter, entry, out);
        }
        match self.reply(asked, &entry.said.name, Some(entry), out) {
            Step::Sent(sent) => Some(sent),
            Step::Answer | Step::Target(..) => None,
        }
    }

    /// The same for one whose question was rewritten to the one that is answered now. The rules
    /// are asked about its own name again: they, or the time, may have changed since.
    fn finish_alias(
        &self,
        asked: &Asked<'_>,
        waiter: &Waiter,
        entry: &Entry,
        out: &mut Vec<u8>,
    ) -> Option<Sent<'a>> {
        let mut found = Matches::new();
        self.snapshot.match_name(&waiter.name(), &mut found);
        match self.reply(asked, &found, None, out) {
            Step::Sent(sent) => Some(sent),
            Step::Target(decision, target) if target == entry.name() => {
                Some(self.alias(asked, decision, target, entry, out))
            }
            Step::Answer | Step::Target(..) => None,
        }
    }

    /// Reply where `hit` is all that is said about a name, if it is blocked and that can be told at
    /// once; return the step and the code. As `reply`, and for a fraction of the work.
    #[inline]
    pub(super) fn block_by(
        &self,
        asked: &Asked<'_>,
        hit: &Match,
        out: &mut Vec<u8>,
    ) -> Option<(u8, u8)> {
        let now = self.seconds();
        let block = self.snapshot.blocks(hit, self.known.group, now)?;
        let ttl = block.answer.ttl.min(seconds_until(block.until, now));
        let why = (block.ede != 0).then_some(Ede {
            code: block.ede,
            text: block.ede_text,
        });
        let how = how(block.action, block.answer);
        Some((block.step, asked.block(out, how, self.qtype, ttl, why)))
    }

    fn block(&self, asked: &Asked<'_>, decision: &Decision<'_>, out: &mut Vec<u8>) -> Effect {
        let answer = &self.snapshot.group(self.known.group).answer;
        let how = match decision.action {
            Action::Drop => return Effect::Sent(None),
            Action::TcpOnly if self.door == 0 => {
                asked.truncated(out);
                return Effect::Sent(Some(rcode::NOERROR));
            }
            Action::TcpOnly => return Effect::Pass,
            action => how(action, answer),
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
        entry: &Entry,
        out: &mut Vec<u8>,
    ) -> Sent<'a> {
        let mut sent = Sent::own(decision, None);
        sent.from_answer = true;
        if self.stopped(asked, entry, &mut sent, out) {
            return sent;
        }
        let body = self.body_for(entry, &mut sent);
        let (aging, why) = self.aging(entry);
        sent.code = Some(asked.relay(out, body, aging, why));
        sent
    }

    /// Block instead, and say so in `sent`, if the answer leads where the asker may not go.
    fn stopped(
        &self,
        asked: &Asked<'_>,
        entry: &Entry,
        sent: &mut Sent<'a>,
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(extra) = &entry.said.extra else {
            return false;
        };
        let Some(second) = self.blocked_behind(&extra.answer, sent.decision.reach) else {
            return false;
        };
        let Effect::Sent(code) = self.block(asked, &second, out) else {
            return false;
        };
        let source = second.hit.map_or(0, |hit| usize::from(hit.source));
        let subject = extra.subjects.get(source.wrapping_sub(1));
        sent.subject = subject.map(|wire| ShortName::from_slice(wire));
        sent.code = code;
        sent.decision = second;
        true
    }

    /// The answer as this asker may have it: without `ech`, without hints that a rule blocks.
    fn body_for<'e>(&self, entry: &'e Entry, sent: &mut Sent<'a>) -> &'e Body {
        let mut body = &entry.body;
        let Some(extra) = &entry.said.extra else {
            return body;
        };
        if let (true, Some(bare)) = (
            self.snapshot.group(self.known.group).filtered,
            &extra.without_ech,
        ) {
            sent.stripped_ech = true;
            body = bare;
        }
        if let Some(bare) = &extra.without_hints {
            let reach = sent.decision.reach;
            if self.blocked_behind(&extra.hints, reach).is_some() {
                sent.stripped_hints = true;
                body = bare;
            }
        }
        body
    }

    fn blocked_behind(&self, found: &Matches, reach: u8) -> Option<Decision<'a>> {
        if found.is_empty() {
            return None;
        }
        let (qtype, now, stream) = (self.qtype, self.seconds(), self.door != 0);
        let decision = self
            .snapshot
            .decide_answer(found, &self.asker(), qtype, now, reach, stream);
        (decision.kind == Kind::Block).then_some(decision)
    }

    /// Reply with a CNAME to `target` and the answer to that.
    pub(super) fn alias(
        &self,
        asked: &Asked<'_>,
        decision: Decision<'a>,
        target: &[u8],
        entry: &Entry,
        out: &mut Vec<u8>,
    ) -> Sent<'a> {
        let mut sent = Sent::own(decision, None);
        sent.from_answer = true;
        let own = self
            .snapshot
            .decide(&entry.said.name, &self.asker(), self.qtype, self.seconds());
        if own.kind == Kind::Block && own.step < sent.decision.reach {
            if let Effect::Sent(code) = self.block(asked, &own, out) {
                sent.subject = Some(ShortName::from_slice(target));
                sent.code = code;
                sent.decision = own;
                return sent;
            }
        }
        if self.stopped(asked, entry, &mut sent, out) {
            return sent;
        }
        let body = self.body_for(entry, &mut sent);
        let (aging, stale) = self.aging(entry);
        let why = stale.or(ede(&sent.decision));
        let answer = Some((body, usize::from(entry.question_end), aging));
        sent.code = Some(asked.alias(out, target, self.own_ttl(), answer, why));
        sent
    }

    /// How the TTLs of an answer go out, and what to say if it stands in for a newer one.
    #[inline]
    fn aging(&self, entry: &Entry) -> (Aging, Option<Ede<'static>>) {
        let most = self.most_ttl();
        if entry.is_fresh(self.at) || entry.ttl == 0 {
            return (
                Aging::Fresh {
                    age: entry.age(self.at),
                    most,
                },
                None,
            );
        }
        let nxdomain = entry.body.bytes[3] & 0x0f == rcode::NXDOMAIN;
        let code = if nxdomain {
            EDE_STALE_NXDOMAIN
        } else {
            EDE_STALE
        };
        (
            Aging::Stale(self.settings.stale_answer_ttl.min(most)),
            Some(Ede { code, text: "" }),
        )
    }
}

/// What a block is answered with.
#[inline]
fn how(action: Action, answer: &Answer) -> Blocked {
    match (action, answer.style) {
        (Action::Nxdomain, _) => Blocked::Nxdomain,
        (Action::Nodata, _) => Blocked::Nodata,
        (_, Style::Nxdomain) => Blocked::Nxdomain,
        (_, Style::Nodata) => Blocked::Nodata,
        (_, Style::Refused) => Blocked::Refused,
        (_, Style::Null) => {
            Blocked::Address(Some(Ipv4Addr::UNSPECIFIED), Some(Ipv6Addr::UNSPECIFIED))
        }
        (_, Style::Address) => Blocked::Address(answer.ipv4, answer.ipv6),
    }
}

/// Seconds for which something may be believed that changes at `switch`.
#[inline]
pub(super) fn seconds_until(switch: Option<i64>, now: i64) -> u32 {
    match switch {
        Some(switch) => u32::try_from(switch.saturating_sub(now).max(1)).unwrap_or(u32::MAX),
        None => u32::MAX,
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
