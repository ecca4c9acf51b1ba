//! Deciding: matches in, verdict with its reason out. No I/O, no clock, no log, no allocation
//! unless a rewrite answers with several records.
//!
//! The precedence list lives in Python (`filterd/policy/precedence.py`), compiled into one rank
//! per class and group: the lowest rank wins. What is left to do here is what depends on the
//! question: conditions on type and client, the schedule, RPZ's order of zones, and rewrites.

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::matches::{Match, MatchKind};
use crate::plan::{Action, Answer, Class, Group, Plan, RecordWire, Segment, Who, NOT_APPLICABLE};

/// The four verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nothing spoke against it.
    Pass,
    /// A rule spoke for it.
    Allow,
    /// Blocked.
    Block,
    /// Answered with the rule's data.
    Rewrite,
}

impl Kind {
    /// The word of `model.verdict.Kind`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Allow => "allow",
            Self::Block => "block",
            Self::Rewrite => "rewrite",
        }
    }
}

/// What a rewrite answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite<'a> {
    /// This rcode, nothing else.
    Rcode(u8),
    /// Resolve this name (wire form, root byte) instead.
    Cname(&'a [u8]),
    /// These records of the type asked for; none: NODATA.
    Records(SmallVec<[&'a RecordWire; 2]>),
}

/// A verdict and its reason.
#[derive(Clone, Debug)]
pub struct Decision<'a> {
    /// The verdict.
    pub kind: Kind,
    /// The step of the precedence list that decided, 1 to 9.
    pub step: u8,
    /// The match that decided, if a rule did.
    pub hit: Option<Match>,
    /// Only a block of a step before this one reaches what the name leads to: an order reaches
    /// behind what a school allows, a list does not.
    pub reach: u8,
    /// What its class does; `Block` for a block without a rule, else `Allow`.
    pub action: Action,
    /// EDE code, 0 none.
    pub ede: u16,
    /// EDE text.
    pub ede_text: &'a str,
    /// The answer of a rewrite.
    pub rewrite: Option<Rewrite<'a>>,
}

/// Who asks, with what is known about them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Person<'a> {
    /// Group index.
    pub group: u16,
    /// Address, where one is known.
    pub address: Option<IpAddr>,
    /// Client name, where one is known.
    pub name: Option<&'a str>,
    /// Client tags.
    pub tags: &'a [String],
}

const CLOSED: u16 = 4 << 8;
const DEFAULT_BLOCK: u16 = (9 << 8) | 255;

/// Decide a question from what its name (and its client's address) matched.
#[must_use]
pub fn decide<'a>(
    plan: &'a Plan,
    found: &[Match],
    client_found: &[Match],
    person: &Person<'_>,
    qtype: u16,
    now: i64,
) -> Decision<'a> {
    let group = &plan.groups[usize::from(person.group)];
    let segment = group.segment(now);
    if let Some(best) = foregone(plan, segment, found, client_found) {
        return verdict(plan, group, segment, best, qtype, &[]);
    }
    let candidates = Candidates::new(plan, segment, person, qtype);
    let zone = candidates.zone_winner(found.iter().chain(client_found));
    let mut best: Option<(u16, Match)> = None;
    let mut late: Option<(u16, Match)> = None;
    let mut rewrites: SmallVec<[Match; 2]> = SmallVec::new();
    let mut excused: SmallVec<[u32; 2]> = SmallVec::new();
    for hit in found.iter().chain(client_found) {
        let Some((rank, class)) = candidates.applies(hit) else {
            continue;
        };
        if class.zone.is_some() && zone != Some(*hit) {
            continue;
        }
        if class.late {
            prefer(&mut late, rank, hit);
        } else if class.action == Action::Unrewrite {
            excused.push(hit.class);
        } else if combines(class, rank) {
            rewrites.push(*hit);
        } else {
            prefer(&mut best, rank, hit);
        }
    }
    rewrites.retain(|hit| !is_excused(plan, hit, &excused));
    for hit in &rewrites {
        prefer(&mut best, candidates.table[hit.class as usize], hit);
    }
    let decision = verdict(plan, group, segment, best, qtype, &rewrites);
    match (decision.kind, late) {
        (Kind::Pass | Kind::Allow, Some((rank, hit))) if decision.step > 1 => Decision {
            reach: decision.reach,
            ..by_rule(plan, rank, hit, qtype, &[hit])
        },
        _ => decision,
    }
}

/// The winner where there is nothing to weigh: no match, or one without a condition, which are
/// most of all questions. `None`: there is something to weigh.
#[inline]
fn foregone(
    plan: &Plan,
    segment: Segment,
    found: &[Match],
    client_found: &[Match],
) -> Option<Option<(u16, Match)>> {
    if !client_found.is_empty() {
        return None;
    }
    match found {
        [] => Some(None),
        [hit] if plan.classes[hit.class as usize].is_plain() => {
            let rank = plan.ranks[segment.ranks][hit.class as usize];
            Some((rank != NOT_APPLICABLE).then_some((rank, *hit)))
        }
        _ => None,
    }
}

/// A block by one rule, as `decide` would give it.
pub(crate) struct Block<'a> {
    pub(crate) step: u8,
    pub(crate) action: Action,
    pub(crate) ede: u16,
    pub(crate) ede_text: &'a str,
    pub(crate) answer: &'a Answer,
    /// Until when that holds.
    pub(crate) until: Option<i64>,
}

/// What a name comes to about which this is all that is said, if that is a block that answers
/// something: most of all blocks. `None`: it may be anything, `decide` knows.
#[inline]
pub(crate) fn block<'a>(plan: &'a Plan, hit: &Match, group: u16, now: i64) -> Option<Block<'a>> {
    let number = hit.class as usize;
    let class = plan.classes.get(number)?;
    if matches!(class.action, Action::Allow | Action::Drop) || !class.is_plain() {
        return None;
    }
    let group = plan.groups.get(usize::from(group))?;
    let segment = group.segment(now);
    if segment.closed || group.block_default {
        return None;
    }
    let rank = plan.ranks.get(segment.ranks)?.get(number)?;
    (*rank != NOT_APPLICABLE).then(|| Block {
        step: (rank >> 8) as u8,
        action: class.action,
        ede: class.ede,
        ede_text: &class.ede_text,
        answer: &group.answer,
        until: group.until(now),
    })
}

/// What the best rule, or none, comes to under the group's schedule and default.
#[inline]
fn verdict<'a>(
    plan: &'a Plan,
    group: &'a Group,
    segment: Segment,
    best: Option<(u16, Match)>,
    qtype: u16,
    rewrites: &[Match],
) -> Decision<'a> {
    let closed = segment.closed.then_some(CLOSED);
    let default = group.block_default.then_some(DEFAULT_BLOCK);
    let without_rule = closed.or(default).unwrap_or(NOT_APPLICABLE);
    match best {
        Some((rank, hit)) if rank <= without_rule => by_rule(plan, rank, hit, qtype, rewrites),
        _ if without_rule == CLOSED => blocked(4, &group.ede_closed),
        _ if without_rule == DEFAULT_BLOCK => blocked(9, &group.ede_default),
        _ => passed(),
    }
}

/// Everything of an answer is judged, whatever stood for its name; see `Decision::reach`.
pub const REACH_ALL: u8 = u8::MAX;

/// Decide from what the targets and addresses of an answer matched: the first source blocks that
/// is blocked on a step before `reach`; an exception holds for its own source only. `stream`: the
/// question came over TCP, which is all that a TCP-only rule wants.
///
/// No data of a rewrite can stand for a part of an answer. A rewrite that refuses (an rcode), an
/// order's, and RPZ local data, which is its zone's block, block here; others do not count.
#[must_use]
pub fn decide_answer<'a>(
    plan: &'a Plan,
    found: &[Match],
    person: &Person<'_>,
    qtype: u16,
    now: i64,
    reach: u8,
    stream: bool,
) -> Decision<'a> {
    let segment = plan.groups[usize::from(person.group)].segment(now);
    let candidates = Candidates::new(plan, segment, person, qtype);
    let mut rest = found;
    while let Some(first) = rest.first() {
        let end = rest.partition_point(|hit| hit.source == first.source);
        let (source, others) = rest.split_at(end);
        rest = others;
        let zone = candidates.zone_winner(source.iter());
        let mut best: Option<(u16, Match)> = None;
        let mut refusals: SmallVec<[(u16, Match); 2]> = SmallVec::new();
        let mut excused: SmallVec<[u32; 2]> = SmallVec::new();
        for hit in source {
            let Some((rank, class)) = candidates.applies(hit) else {
                continue;
            };
            if class.zone.is_some() && zone != Some(*hit) {
                continue;
            }
            match class.action {
                Action::Unrewrite => excused.push(hit.class),
                Action::Rewrite if refuses(class, rank) => refusals.push((rank, *hit)),
                Action::Rewrite => {}
                Action::TcpOnly if stream => {}
                _ => prefer(&mut best, rank, hit),
            }
        }
        for (rank, hit) in &refusals {
            let lifted = combines(&plan.classes[hit.class as usize], *rank)
                && is_excused(plan, hit, &excused);
            if !lifted {
                prefer(&mut best, *rank, hit);
            }
        }
        if let Some((rank, hit)) = best {
            let mut decision = by_rule(plan, rank, hit, qtype, &[]);
            if decision.kind == Kind::Rewrite {
                decision.kind = Kind::Block;
                decision.action = Action::Block;
                decision.rewrite = None;
            }
            if decision.kind == Kind::Block && decision.step < reach {
                return decision;
            }
        }
    }
    passed()
}

/// The rank at which `hit` would count for this person and type, or `NOT_APPLICABLE`.
#[must_use]
pub fn rank(plan: &Plan, hit: &Match, person: &Person<'_>, qtype: u16, now: i64) -> u16 {
    let segment = plan.groups[usize::from(person.group)].segment(now);
    let candidates = Candidates::new(plan, segment, person, qtype);
    candidates
        .applies(hit)
        .map_or(NOT_APPLICABLE, |(rank, _)| rank)
}

struct Candidates<'a, 'p> {
    plan: &'a Plan,
    table: &'a [u16],
    person: &'p Person<'p>,
    qtype: u16,
}

impl<'a, 'p> Candidates<'a, 'p> {
    fn new(plan: &'a Plan, segment: Segment, person: &'p Person<'p>, qtype: u16) -> Self {
        Self {
            plan,
            table: &plan.ranks[segment.ranks],
            person,
            qtype,
        }
    }

    fn applies(&self, hit: &Match) -> Option<(u16, &'a Class)> {
        let rank = self.table[hit.class as usize];
        let class = &self.plan.classes[hit.class as usize];
        let qtype = self.qtype;
        if rank == NOT_APPLICABLE
            || (!class.qtypes.is_empty() && !class.qtypes.contains(&qtype))
            || class.not_qtypes.contains(&qtype)
            || class
                .who
                .as_ref()
                .is_some_and(|who| !who.includes(self.person))
        {
            return None;
        }
        Some((rank, class))
    }

    /// RPZ: the first zone that has anything to say, and in it the best trigger: client address,
    /// then the name (exact, then the longest wildcard), then addresses of the answer by length.
    fn zone_winner<'m>(&self, found: impl Iterator<Item = &'m Match>) -> Option<Match> {
        if !self.plan.has_zones {
            return None;
        }
        let of_zone = |hit: &'m Match| {
            let (_, class) = self.applies(hit)?;
            Some(((class.zone?, zone_order(hit)), hit))
        };
        found
            .filter_map(of_zone)
            .min_by_key(|(order, _)| *order)
            .map(|(_, hit)| *hit)
    }
}

fn zone_order(hit: &Match) -> (u8, u8) {
    let longest_first = u8::MAX - hit.depth;
    match hit.kind {
        MatchKind::Network if hit.source == 0 => (0, longest_first),
        MatchKind::Exact | MatchKind::Url => (1, longest_first),
        MatchKind::Subtree | MatchKind::Below | MatchKind::Regex => (2, longest_first),
        MatchKind::Network => (3, longest_first),
    }
}

/// Lower rank first; then the more specific pattern; then the class that was given first.
fn prefer(best: &mut Option<(u16, Match)>, rank: u16, hit: &Match) {
    let better = match best {
        None => true,
        Some((best_rank, best_hit)) => {
            (rank, u8::MAX - hit.depth, hit.class)
                < (*best_rank, u8::MAX - best_hit.depth, best_hit.class)
        }
    };
    if better {
        *best = Some((rank, *hit));
    }
}

/// `$dnsrewrite` rules of one name add up; local data of RPZ and hosts lines stand alone.
fn combines(class: &Class, rank: u16) -> bool {
    class.action == Action::Rewrite && class.zone.is_none() && rank & 255 == 0
}

/// Whether a rewrite of a name blocks an answer that leads there.
fn refuses(class: &Class, rank: u16) -> bool {
    const ORDER: u16 = 2;
    !class.late
        && (rank >> 8 <= ORDER
            || class.zone.is_some()
            || class.rewrite.as_ref().is_some_and(|data| data.rcode != 0))
}

fn is_excused(plan: &Plan, hit: &Match, excused: &[u32]) -> bool {
    excused.iter().any(|class| {
        let exception = &plan.classes[*class as usize].rewrite;
        exception.is_none() || *exception == plan.classes[hit.class as usize].rewrite
    })
}

fn by_rule<'a>(
    plan: &'a Plan,
    rank: u16,
    hit: Match,
    qtype: u16,
    rewrites: &[Match],
) -> Decision<'a> {
    let class = &plan.classes[hit.class as usize];
    let step = (rank >> 8) as u8;
    let (kind, rewrite) = match class.action {
        Action::Allow if step == 1 => (Kind::Pass, None),
        Action::Allow | Action::Unrewrite => (Kind::Allow, None),
        Action::Rewrite => (Kind::Rewrite, Some(answer_of(plan, hit, qtype, rewrites))),
        _ => (Kind::Block, None),
    };
    Decision {
        kind,
        step,
        hit: Some(hit),
        reach: if kind == Kind::Block { REACH_ALL } else { step },
        action: class.action,
        ede: class.ede,
        ede_text: &class.ede_text,
        rewrite,
    }
}

/// The answer of one rewrite or of several together: a CNAME alone, else an rcode other than
/// NOERROR alone, else all records of the type asked for.
fn answer_of<'a>(plan: &'a Plan, hit: Match, qtype: u16, together: &[Match]) -> Rewrite<'a> {
    let own = [hit];
    let hits = if together.is_empty() {
        &own[..]
    } else {
        together
    };
    let all = || {
        hits.iter()
            .filter_map(|hit| plan.classes[hit.class as usize].rewrite.as_ref())
    };
    if let Some(cname) = all().find_map(|data| data.cname.as_deref()) {
        return Rewrite::Cname(cname);
    }
    if let Some(data) = all().find(|data| data.rcode != 0) {
        return Rewrite::Rcode(data.rcode);
    }
    let of_type = |record: &&RecordWire| record.rtype == qtype || record.rtype == 5;
    let mut records: SmallVec<[&RecordWire; 2]> = SmallVec::new();
    for record in all().flat_map(|data| &data.records).filter(of_type) {
        // A set of records holds each once (RFC 2181 section 5).
        if !records.contains(&record) {
            records.push(record);
        }
    }
    Rewrite::Records(records)
}

fn blocked(step: u8, ede_text: &str) -> Decision<'_> {
    Decision {
        kind: Kind::Block,
        step,
        hit: None,
        reach: REACH_ALL,
        action: Action::Block,
        ede: 17,
        ede_text,
        rewrite: None,
    }
}

fn passed<'a>() -> Decision<'a> {
    Decision {
        kind: Kind::Pass,
        step: 9,
        hit: None,
        reach: REACH_ALL,
        action: Action::Allow,
        ede: 0,
        ede_text: "",
        rewrite: None,
    }
}

impl Who {
    fn includes(&self, person: &Person<'_>) -> bool {
        let within = |networks: &[crate::clients::Network]| {
            person
                .address
                .is_some_and(|address| networks.iter().any(|net| net.contains(address)))
        };
        let named = |names: &std::collections::HashSet<String>| {
            person.name.is_some_and(|name| names.contains(name))
        };
        let tagged = |tags: &std::collections::HashSet<String>| {
            person.tags.iter().any(|tag| tags.contains(tag))
        };
        if within(&self.not_networks) || named(&self.not_names) || tagged(&self.not_tags) {
            return false;
        }
        let any_client = self.networks.is_empty() && self.names.is_empty();
        (any_client || within(&self.networks) || named(&self.names))
            && (self.tags.is_empty() || tagged(&self.tags))
    }
}
