//! An upstream's answer: does it fit its question, how long may it be kept, what does it lead to.
//!
//! Nothing of an answer that does not hold together is used. TTLs: the smallest of the answer
//! section, and for "no such name" or "no such data" the SOA's (RFC 2308 section 5).

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::wire::name::{self, Name};
use crate::wire::record::{Record, Walk, ADDITIONAL, ANSWER, AUTHORITY};
use crate::wire::svcb::{self, Without};
use crate::wire::{build, edns, flag, rcode, rtype, u16_at, u32_at, HEADER};

/// Why an answer is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Damaged, cut off, no answer at all, or the answer to another question.
    Misfit,
    /// The upstream's own failure (SERVFAIL, REFUSED and the like), with its extended error.
    Failed(Option<u16>),
}

/// Limits on how long answers are kept, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TtlLimits {
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) negative: u32,
}

/// Most names and addresses one answer may lead to. Each is held against all rules, with every
/// new generation again; answers that are honest have a dozen, and other resolvers stop at 100
/// records of a type. It also lets a byte number them (`Match::source`).
const MAX_LEADS: usize = 254;

/// Places in a message: those of most answers stand with them, not on the heap.
pub(crate) type Ttls = SmallVec<[u16; 8]>;

/// A message ready to be sent again: without OPT, question in lower case, TTLs within limits.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Box<[u8]>,
    /// Where the TTLs stand.
    pub(crate) ttls: Ttls,
}

/// A usable answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) body: Body,
    /// Seconds it may be kept; 0: not at all.
    pub(crate) ttl: u32,
    /// It carries an `ech` parameter.
    pub(crate) ech: bool,
}

/// Check `message` against `question` (wire form, lower case, with type and class) and take it in.
pub(crate) fn accept(
    message: &[u8],
    question: &[u8],
    limits: TtlLimits,
) -> Result<Answer, Unusable> {
    let code = check_head(message, question)?;
    let mut seen = Seen::default();
    let end = scan(message, HEADER + question.len(), &mut seen).ok_or(Unusable::Misfit)?;
    if seen.rcode_high != 0 || (code != rcode::NOERROR && code != rcode::NXDOMAIN) {
        return Err(Unusable::Failed(seen.ede));
    }
    let negative = code == rcode::NXDOMAIN || !seen.answers_type(question);
    let kept = keep_for(&seen, negative, limits);
    // The SOA of a negative answer is sent with the time it is kept (RFC 2308 section 5).
    let most = if negative && kept > 0 { kept } else { u32::MAX };
    let mut bytes: Box<[u8]> = message[..end].into();
    bytes[HEADER..HEADER + question.len()].copy_from_slice(question);
    bytes[10..12].copy_from_slice(&seen.additional.to_be_bytes());
    let mut count = 0;
    leads(&bytes, HEADER + question.len(), |_| count += 1);
    if count > MAX_LEADS {
        return Err(Unusable::Misfit);
    }
    for &at in &seen.ttls {
        let at = usize::from(at);
        // A TTL with its top bit set counts as 0 (RFC 2181 section 8).
        let ttl = u32_at(&bytes, at)
            .filter(|ttl| *ttl <= i32::MAX as u32)
            .unwrap_or(0);
        let ttl = ttl.clamp(limits.min, limits.max).min(most);
        bytes[at..at + 4].copy_from_slice(&ttl.to_be_bytes());
    }
    let body = Body {
        bytes,
        ttls: seen.ttls,
    };
    Ok(Answer {
        body,
        ttl: kept,
        ech: seen.ech,
    })
}

/// The response code, if this is a whole response to this question.
fn check_head(message: &[u8], question: &[u8]) -> Result<u8, Unusable> {
    let flags = u16_at(message, 2).ok_or(Unusable::Misfit)?;
    let asked = message
        .get(HEADER..HEADER + question.len())
        .ok_or(Unusable::Misfit)?;
    let fits = flags & (flag::QR | flag::OPCODE | flag::TC) == flag::QR
        && u16_at(message, 4) == Some(1)
        && asked.eq_ignore_ascii_case(question)
        && message.len() <= usize::from(u16::MAX);
    if fits {
        return Ok((flags & flag::RCODE) as u8);
    }
    // Servers that fail often leave the question out.
    let code = (flags & flag::RCODE) as u8;
    if flags & flag::QR != 0 && code != rcode::NOERROR && code != rcode::NXDOMAIN {
        return Err(Unusable::Failed(None));
    }
    Err(Unusable::Misfit)
}

/// What a walk over the records of an answer saw.
#[derive(Default)]
struct Seen {
    ttls: Ttls,
    types: Vec<u16>,
    least: Option<u32>,
    soa: Option<u32>,
    additional: u16,
    rcode_high: u8,
    ede: Option<u16>,
    ech: bool,
}

impl Seen {
    /// The answer section holds what was asked for, or something was asked for that may hold all.
    fn answers_type(&self, question: &[u8]) -> bool {
        let qtype = u16_at(question, question.len().saturating_sub(4)).unwrap_or(0);
        qtype == rtype::ANY || self.types.contains(&qtype)
    }
}

/// Walk all records; return where the part to keep ends. The OPT goes, and with it whatever stands
/// behind it in the additional section: nothing there is needed, and cutting moves no offset.
fn scan(message: &[u8], start: usize, seen: &mut Seen) -> Option<usize> {
    let mut walk = Walk::new(message, start)?;
    let mut end = start;
    let mut cut = false;
    let mut owner = Name::root();
    while let Some((section, record)) = walk.next().ok()? {
        name::expand(message, record.owner, &mut owner)?;
        if record.rtype == rtype::OPT {
            if section != ADDITIONAL || cut {
                return None;
            }
            cut = true;
            let (edns, _) = edns::read(message, &record)?;
            seen.rcode_high = edns.rcode_high;
            seen.ede = edns.ede;
            continue;
        }
        check_rdata(message, &record)?;
        if cut {
            continue;
        }
        note(message, section, &record, seen)?;
        end = record.end;
    }
    Some(end)
}

/// Take down what one record adds.
fn note(message: &[u8], section: usize, record: &Record, seen: &mut Seen) -> Option<()> {
    seen.ttls.push(u16::try_from(record.ttl_at).ok()?);
    match section {
        ANSWER => {
            seen.types.push(record.rtype);
            seen.least = Some(seen.least.unwrap_or(u32::MAX).min(record.ttl));
        }
        AUTHORITY if record.rtype == rtype::SOA => {
            let minimum = u32_at(message, record.end.checked_sub(4)?)?;
            seen.soa = Some(minimum.min(record.ttl));
        }
        ADDITIONAL => seen.additional += 1,
        _ => {}
    }
    if record.rtype == rtype::HTTPS || record.rtype == rtype::SVCB {
        seen.ech |= svcb::has_ech(&message[record.rdata..record.end])?;
    }
    Some(())
}

/// Refuse records whose RDATA would mislead the client or us.
fn check_rdata(message: &[u8], record: &Record) -> Option<()> {
    let length = record.end - record.rdata;
    let mut name = Name::root();
    let sound = match record.rtype {
        rtype::A => length == 4,
        rtype::AAAA => length == 16,
        rtype::CNAME | rtype::DNAME | rtype::NS | rtype::PTR => {
            name::expand(message, record.rdata, &mut name)? == record.end
        }
        rtype::SOA => {
            let next = name::expand(message, record.rdata, &mut name)?;
            name::expand(message, next, &mut name)? + 20 == record.end
        }
        rtype::SVCB | rtype::HTTPS => {
            svcb::params(&message[record.rdata..record.end], |_, _| {})?;
            true
        }
        _ => true,
    };
    sound.then_some(())
}

/// How long to keep the answer.
fn keep_for(seen: &Seen, negative: bool, limits: TtlLimits) -> u32 {
    let sane = |ttl: u32| if ttl > i32::MAX as u32 { 0 } else { ttl };
    let answers = seen.least.map(sane);
    if !negative {
        return answers.unwrap_or(0).clamp(limits.min, limits.max);
    }
    // Without an SOA a negative answer is not cached (RFC 2308 section 5).
    let Some(soa) = seen.soa.map(sane) else {
        return 0;
    };
    soa.min(answers.unwrap_or(soa))
        .clamp(limits.min, limits.max)
        .min(limits.negative)
}

/// What an answer leads a client to.
pub(crate) enum Lead<'a> {
    /// The target of a CNAME, DNAME, HTTPS or SVCB record, in wire form and lower case.
    Name(&'a [u8]),
    /// An A or AAAA record.
    Address(IpAddr),
    /// A hint in an HTTPS or SVCB record: the client may use it, and can do without.
    Hint(IpAddr),
}

/// Give everything a (previously accepted) answer leads to to `each`. Any record of the answer
/// section counts, on the alias chain or not: it was sent to be used. Addresses in the additional
/// section count for HTTPS and SVCB, whose clients use them (RFC 9460 section 4).
pub(crate) fn leads(message: &[u8], question_end: usize, mut each: impl FnMut(Lead<'_>)) {
    let Some(mut walk) = Walk::new(message, question_end) else {
        return;
    };
    let qtype = u16_at(message, question_end.saturating_sub(4)).unwrap_or(0);
    let service = qtype == rtype::HTTPS || qtype == rtype::SVCB;
    let mut name = Name::root();
    while let Ok(Some((section, record))) = walk.next() {
        if section != ANSWER && !(service && section == ADDITIONAL) {
            continue;
        }
        let Some(rdata) = message.get(record.rdata..record.end) else {
            return;
        };
        match record.rtype {
            rtype::CNAME | rtype::DNAME
                if name::expand(message, record.rdata, &mut name).is_some() =>
            {
                name.lower();
                each(Lead::Name(name.wire()));
            }
            rtype::HTTPS | rtype::SVCB => {
                // The root as target stands for the owner (or, in alias form, for no service).
                if rdata.len() > 3
                    && name::expand(rdata, 2, &mut name).is_some()
                    && name.wire().len() > 1
                {
                    name.lower();
                    each(Lead::Name(name.wire()));
                }
                _ = svcb::hints(rdata, |address| each(Lead::Hint(address)));
            }
            rtype::A => {
                if let Ok(bytes) = <[u8; 4]>::try_from(rdata) {
                    each(Lead::Address(IpAddr::from(bytes)));
                }
            }
            rtype::AAAA => {
                if let Ok(bytes) = <[u8; 16]>::try_from(rdata) {
                    each(Lead::Address(IpAddr::from(bytes)));
                }
            }
            _ => {}
        }
    }
}

/// The answer's header and question without any record, and without AD.
pub(crate) fn emptied(body: &Body, question_end: usize) -> Body {
    let mut bytes: Box<[u8]> = body.bytes.get(..question_end).unwrap_or_default().into();
    if let Some(header) = bytes.get_mut(..HEADER) {
        header[3] &= !(flag::AD as u8);
        header[6..].fill(0);
    }
    Body {
        bytes,
        ttls: Ttls::new(),
    }
}

/// A copy of an answer whose HTTPS and SVCB records go without some parameters. What was signed is
/// changed by that, so the signatures over it go too and AD is cleared.
pub(crate) fn strip(body: &Body, question_end: usize, without: Without) -> Option<Body> {
    let message = &body.bytes[..];
    let mut out = message.get(..question_end)?.to_vec();
    let mut counts = [0u16; 3];
    let mut ttls = Ttls::with_capacity(body.ttls.len());
    let mut walk = Walk::new(message, question_end)?;
    while let Some((section, record)) = walk.next().ok()? {
        let rdata = message.get(record.rdata..record.end)?;
        if record.rtype == rtype::RRSIG {
            let covered = u16_at(rdata, 0)?;
            if covered == rtype::HTTPS || covered == rtype::SVCB {
                continue;
            }
        }
        let start = out.len();
        if record.rtype == rtype::HTTPS || record.rtype == rtype::SVCB {
            build::copy_with(message, &record, record.ttl, &mut out, |out| {
                svcb::copy_without(rdata, without, out)
            })?;
        } else {
            build::copy(message, &record, record.ttl, &mut out)?;
        }
        counts[section] += 1;
        ttls.push(u16::try_from(name::skip(&out, start)? + 4).ok()?);
    }
    if out.len() > usize::from(u16::MAX) {
        return None;
    }
    out[3] &= !(flag::AD as u8);
    for (section, count) in counts.iter().enumerate() {
        out[6 + 2 * section..8 + 2 * section].copy_from_slice(&count.to_be_bytes());
    }
    Some(Body {
        bytes: out.into_boxed_slice(),
        ttls,
    })
}
