//! An own, strict reading of DNS (RFC 1035, 6891, 7873, 8482), which shares no code with the core:
//! what a packet may be answered with, and whether a reply is that.

/// The server reads no more of a datagram.
const READ: usize = 2048;
/// The largest UDP message the server sends.
const LARGEST: usize = 1232;

/// What a packet gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing at all.
    Silence,
    /// A lawful reply.
    Reply,
    /// A lawful reply or nothing.
    Either,
}

type Fault = String;

/// A query as far as it can be read.
struct Asked {
    question_end: usize,
    qtype: u16,
    class: u16,
    opt: Option<Opt>,
    /// Names elsewhere than in the question that are read in more than one way.
    odd: bool,
}

#[derive(Clone, Copy)]
struct Opt {
    size: u16,
    extended: u8,
    version: u8,
    rest: u16,
    cookie: Option<(usize, usize)>,
}

pub fn due(packet: &[u8]) -> Due {
    if packet.len() < 12 || packet[2] & 0x80 != 0 {
        Due::Silence
    } else if packet.len() > READ {
        Due::Either
    } else {
        Due::Reply
    }
}

/// Hold `reply` against the packet it came for.
pub fn hold(packet: &[u8], reply: &[u8]) -> Result<(), Fault> {
    let packet = &packet[..packet.len().min(READ)];
    if packet.len() < 12 || packet[2] & 0x80 != 0 {
        return Err("a reply to what is no query".into());
    }
    if reply.len() < 12 {
        return Err("no whole header".into());
    }
    let (asked_flags, flags) = (u16_at(packet, 2)?, u16_at(reply, 2)?);
    check(reply[..2] == packet[..2], "another id")?;
    check(flags & 0x8000 != 0, "QR is not set")?;
    check((flags ^ asked_flags) & 0x7800 == 0, "another opcode")?;
    check((flags ^ asked_flags) & 0x0100 == 0, "RD is not echoed")?;
    check(flags & 0x0440 == 0, "AA or Z is set")?;
    let low = flags & 15;
    if asked_flags & 0x7800 != 0 {
        return bare(reply, low, 4);
    }
    let Some(asked) = asked(packet) else {
        return bare(reply, low, 1);
    };
    if asked.odd && reply.len() == 12 {
        return bare(reply, low, 1);
    }
    let limit = match asked.opt {
        None => 512,
        Some(opt) => usize::from(opt.size).clamp(512, LARGEST),
    };
    check(reply.len() <= limit, "larger than the client takes")?;
    check(u16_at(reply, 4)? == 1, "not one question")?;
    let end = asked.question_end;
    check(
        reply.get(12..end) == packet.get(12..end),
        "another question",
    )?;
    check(flags & 0x0080 != 0, "RA is not set")?;
    check((flags ^ asked_flags) & 0x0010 == 0, "CD is not echoed")?;
    let said = said(reply, end)?;
    check(
        said.opt.is_some() == asked.opt.is_some(),
        "OPT for none, or none",
    )?;
    let code = low | said.opt.map_or(0, |opt| u16::from(opt.extended) << 4);
    let truncated = flags & 0x0200 != 0;
    check(!truncated || said.answers == 0, "truncated, with records")?;
    if let (Some(opt), Some(theirs)) = (said.opt, asked.opt) {
        check(opt.version == 0, "another version of EDNS")?;
        check(usize::from(opt.size) == LARGEST, "another UDP size")?;
        check(
            opt.rest == theirs.rest & 0x8000,
            "DO is not echoed, or more",
        )?;
        cookies(packet, theirs, reply, opt)?;
    }
    rcode(packet, &asked, code)?;
    if code == 0 && asked.qtype == 255 && !truncated {
        check(said.answers == 1, "not one record for ANY")?;
    }
    if code == 0 && !truncated && is_blocked(packet, &asked) {
        let null = reply.get(end + 12..end + 16) == Some(&[0; 4]);
        check(said.answers == 1 && null, "a blocked name answered")?;
    }
    Ok(())
}

fn rcode(packet: &[u8], asked: &Asked, code: u16) -> Result<(), Fault> {
    let theirs = asked.opt.and_then(|opt| opt.cookie);
    let malformed = |(from, to): (usize, usize)| !matches!(to - from, 8 | 16..=40);
    let expected: &[u16] = if asked.opt.is_some_and(|opt| opt.version != 0) {
        &[16]
    } else if theirs.is_some_and(malformed) {
        &[1]
    } else if asked.class != 1 && asked.class != 255 {
        &[5]
    } else {
        match asked.qtype {
            0 | 41 | 250 => &[1],
            249 | 251..=254 => &[5],
            255 => &[0],
            _ if is_blocked(packet, asked) => &[0],
            _ => &[0, 2, 3],
        }
    };
    if expected.contains(&code) {
        Ok(())
    } else {
        Err(format!("rcode {code}, not one of {expected:?}"))
    }
}

fn is_blocked(packet: &[u8], asked: &Asked) -> bool {
    const BLOCKED: &[u8] = b"\x07blocked\x04test\0";
    let name = packet[12..asked.question_end - 4].to_ascii_lowercase();
    let mut at = 0;
    while at < name.len() {
        if &name[at..] == BLOCKED {
            return asked.qtype == 1;
        }
        at += 1 + usize::from(name[at]);
    }
    false
}

/// The client's half comes back in front of a server's, and none where none was sent.
fn cookies(packet: &[u8], theirs: Opt, reply: &[u8], ours: Opt) -> Result<(), Fault> {
    match (theirs.cookie, ours.cookie) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err("a cookie for none".into()),
        (Some((from, to)), ours) => match (to - from, ours) {
            (8 | 16..=40, Some((at, end))) => {
                let same = reply.get(at..at + 8) == packet.get(from..from + 8);
                check(end - at == 24 && same, "another client's cookie")
            }
            (8 | 16..=40, None) => Err("no cookie for one".into()),
            (_, Some(_)) => Err("a cookie for a malformed one".into()),
            (_, None) => Ok(()),
        },
    }
}

fn bare(reply: &[u8], low: u16, code: u16) -> Result<(), Fault> {
    check(reply.len() == 12, "more than a header")?;
    check(reply[4..] == [0; 8], "counts without records")?;
    check(low == code, &format!("rcode {low}, not {code}"))
}

/// Read a query; `None`: FORMERR.
fn asked(packet: &[u8]) -> Option<Asked> {
    let mut at = 12;
    loop {
        let length = usize::from(*packet.get(at)?);
        at += 1 + length;
        if length > 63 || at - 12 > 255 {
            return None;
        }
        if length == 0 {
            break;
        }
    }
    let count = |place: usize| u16_at(packet, place).ok();
    if count(4)? != 1 || count(6)? != 0 {
        return None;
    }
    let mut asked = Asked {
        question_end: at + 4,
        qtype: count(at)?,
        class: count(at + 2)?,
        opt: None,
        odd: false,
    };
    at += 4;
    let authorities = count(8)?;
    for number in 0..authorities.checked_add(count(10)?)? {
        let owner = at;
        loop {
            let length = usize::from(*packet.get(at)?);
            match length {
                0 => at += 1,
                1..=63 => {
                    at += 1 + length;
                    continue;
                }
                192.. => {
                    asked.odd = true;
                    at += 2;
                }
                _ => return None,
            }
            break;
        }
        asked.odd |= at - owner > 255;
        let rdata = at + 10;
        let end = rdata + usize::from(count(at + 8)?);
        if end > packet.len() {
            return None;
        }
        if count(at)? == 41 {
            if number < authorities || asked.opt.is_some() || packet[owner] != 0 {
                return None;
            }
            asked.opt = Some(opt(packet, at, rdata, end)?);
        }
        at = end;
    }
    (at == packet.len()).then_some(asked)
}

fn opt(message: &[u8], fixed: usize, rdata: usize, end: usize) -> Option<Opt> {
    let mut cookie = None;
    let mut at = rdata;
    while at < end {
        let code = u16_at(message, at).ok()?;
        let value = at + 4;
        at = value + usize::from(u16_at(message, at + 2).ok()?);
        if at > end {
            return None;
        }
        if code == 10 && cookie.is_none() {
            cookie = Some((value, at));
        }
    }
    Some(Opt {
        size: u16_at(message, fixed + 2).ok()?,
        extended: *message.get(fixed + 4)?,
        version: *message.get(fixed + 5)?,
        rest: u16_at(message, fixed + 6).ok()?,
        cookie,
    })
}

struct Said {
    answers: u16,
    opt: Option<Opt>,
}

/// Read a reply's records: all of it is accounted for, pointers lead back.
fn said(reply: &[u8], mut at: usize) -> Result<Said, Fault> {
    let counts = [u16_at(reply, 6)?, u16_at(reply, 8)?, u16_at(reply, 10)?];
    let mut found = None;
    for (section, count) in counts.into_iter().enumerate() {
        for _ in 0..count {
            let owner = at;
            at = name(reply, at)?;
            let kind = u16_at(reply, at)?;
            let end = at + 10 + usize::from(u16_at(reply, at + 8)?);
            check(end <= reply.len(), "a record runs out of the message")?;
            if kind == 41 {
                check(section == 2 && reply[owner] == 0, "OPT in a wrong place")?;
                check(found.is_none(), "two OPTs")?;
                found = opt(reply, at, at + 10, end);
                check(found.is_some(), "options do not fill the OPT")?;
            } else {
                check(reply[at + 4] < 0x80, "a TTL of 32 bits")?;
                if kind == 2 || kind == 5 {
                    check(name(reply, at + 10)? == end, "a name and more")?;
                }
            }
            at = end;
        }
    }
    check(at == reply.len(), "bytes behind the last record")?;
    Ok(Said {
        answers: counts[0],
        opt: found,
    })
}

/// Where the name at `at` ends; it has at most 255 bytes with its pointers followed.
fn name(message: &[u8], at: usize) -> Result<usize, Fault> {
    let (mut next, mut end, mut length) = (at, None, 0);
    loop {
        let byte = usize::from(*message.get(next).ok_or("a name runs out of the message")?);
        match byte {
            0 => return Ok(end.unwrap_or(next + 1)),
            1..=63 => {
                length += 1 + byte;
                next += 1 + byte;
            }
            192.. => {
                let target = usize::from(u16_at(message, next)? & 0x3fff);
                check(target < next && target >= 12, "a pointer that leads on")?;
                end = end.or(Some(next + 2));
                next = target;
            }
            _ => return Err("a label of no kind".into()),
        }
        check(length < 255, "a name that is too long")?;
    }
}

fn u16_at(message: &[u8], at: usize) -> Result<u16, Fault> {
    match message.get(at..at + 2) {
        Some(bytes) => Ok(u16::from_be_bytes([bytes[0], bytes[1]])),
        None => Err("it ends too early".into()),
    }
}

fn check(holds: bool, fault: &str) -> Result<(), Fault> {
    if holds {
        Ok(())
    } else {
        Err(fault.into())
    }
}
