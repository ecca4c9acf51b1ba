//! From a question and what is known about it to a reply: the verdict on the name, the kept answer,
//! the verdict on where that leads. Changes nothing but the reply's buffer, and allocates nothing
//! on the usual ways.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::misses::Waiter;
use super::{Outcome, Settings};
use crate::cache::Entry;
use crate::decide::{Decision, Kind, Rewrite};
use crate::events::ShortName;
use crate::matches::Matches;
use crate::plan::{Action, Style};
use crate::reply::{Aging, Asked, Blocked, Ede};
use crate::snapshot::{Asker, Snapshot};
use crate::wire::{rcode, rtype};

/// Extended errors of answers past their time (RFC 8914 sections 4.4 and 4.20).
const EDE_STALE: u16 = 3;
const EDE_STALE_NXDOMAIN: u16 = 19;

/// Who asks for what type, when (unix seconds), by which door.
#[derive(Clone, Copy)]
pub(super) struct Who {
    pub(super) client: IpAddr,
    pub(super) qtype: u16,
    pub(super) now: f64,
    pub(super) door: u8,
}

/// Who asks what, when, under which rules.
pub(super) struct Case<'a> {
    pub(super) settings: &'a Settings,
    pub(super) snapshot: &'a Arc<Snapshot>,
    pub(super) asker: Asker,
    pub(super) client: IpAddr,
    pub(super) qtype: u16,
    /// Unix seconds.
    pub(super) now: f64,
    /// Seconds of the ticker.
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
    pub(super) fn new(
        settings: &'a Settings,
        snapshot: &'a Arc<Snapshot>,
        at: f64,
        who: Who,
    ) -> Self {
        let Who {
            client,
            qtype,
            now,
            door,
        } = who;
        let asker = snapshot.asker(client);
        Self {
            settings,
            snapshot,
            asker,
            client,
            qtype,
            now,
            at,
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
        entry: Option<&Entry>,
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
            let question = entry.question();
            let target = question
                .get(..question.len().saturating_sub(4))
                .unwrap_or_default();
            return Some(self.alias(asked, decision, target, entry, out));
        }
        match self.reply(asked, &entry.said.name, Some(entry), out) {
            Step::Sent(sent) => Some(sent),
            Step::Answer | Step::Target(..) => None,
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
        entry: &Entry,
        out: &mut Vec<u8>,
    ) -> Sent<'a> {
        let mut sent = Sent::own(decision, None);
        sent.from_answer = true;
        let mut body = &entry.body;
        if let Some(extra) = &entry.said.extra {
            let now = self.seconds();
            // What a rule allows by name is blocked only by a rule of an earlier step: an order
            // reaches what a school allows, a list does not. What must not be blocked is not.
            let settled = sent.decision.kind == Kind::Allow || sent.decision.step == 1;
            let first_step = sent.decision.step;
            let counts = |second: &Decision<'_>| {
                second.kind == Kind::Block && (!settled || second.step < first_step)
            };
            if !extra.answer.is_empty() {
                let second =
                    self.snapshot
                        .decide_answer(&extra.answer, &self.asker, self.qtype, now);
                if counts(&second) {
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
            if let Some(bare) = &extra.without_hints {
                let hints = self
                    .snapshot
                    .decide_answer(&extra.hints, &self.asker, self.qtype, now);
                if counts(&hints) {
                    sent.stripped_hints = true;
                    body = bare;
                }
            }
        }
        let (aging, why) = self.aging(entry);
        sent.code = Some(asked.relay(out, body, aging, why));
        sent
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
        let mut body = &entry.body;
        let mut sent = Sent::own(decision, None);
        sent.from_answer = true;
        if self.snapshot.group(self.asker.group).filtered {
            let extra = entry.said.extra.as_ref();
            if let Some(bare) = extra.and_then(|extra| extra.without_ech.as_ref()) {
                sent.stripped_ech = true;
                body = bare;
            }
        }
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
