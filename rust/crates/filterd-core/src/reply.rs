//! Replies to clients, written straight into one buffer.
//!
//! Header: QR and RA set, RD and CD copied, AA never (nobody is authoritative here), AD only if an
//! upstream set it and the client asked for it (RFC 6840 section 5.8). The question is echoed byte
//! for byte. An OPT goes out exactly if one came in (RFC 6891 section 7).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::answer::Body;
use crate::wire::edns::{Edns, OPTION_COOKIE, OPTION_EDE, OPTION_PADDING};
use crate::wire::record::{Walk, ADDITIONAL};
use crate::wire::{build, flag, name, rcode, rtype, HEADER};

/// What a reply needs to know of its query.
pub(crate) struct Asked<'a> {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    /// The question as the client spelt it.
    pub(crate) question: &'a [u8],
    pub(crate) edns: Option<Edns>,
    /// What the COOKIE option says, from the guard's `Pass`; goes out only with an OPT.
    pub(crate) cookie: Option<[u8; 24]>,
    /// Most bytes the client takes.
    pub(crate) limit: usize,
    /// The UDP size we announce.
    pub(crate) udp_size: u16,
    /// The door is encrypted, so padding hides something (RFC 8467).
    pub(crate) sealed: bool,
}

/// An extended error (RFC 8914) with a short text.
#[derive(Clone, Copy)]
pub(crate) struct Ede<'a> {
    pub(crate) code: u16,
    pub(crate) text: &'a str,
}

/// What a blocked question is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocked {
    Nxdomain,
    /// No records: NODATA.
    Nodata,
    Refused,
    /// These addresses for A and AAAA, NODATA where there is none and for all other types.
    Address(Option<Ipv4Addr>, Option<Ipv6Addr>),
}

/// How the TTLs of a stored answer go out.
#[derive(Clone, Copy)]
pub(crate) enum Aging {
    /// Reduced by the seconds it was kept, and never above the second number.
    Fresh { age: u32, most: u32 },
    /// All the same (RFC 8767 section 4).
    Stale(u32),
}

/// Bytes of an OPT without options.
const OPT: usize = 11;

const PADDING_BLOCK: usize = 468;

impl Asked<'_> {
    #[inline]
    fn start(&self, out: &mut Vec<u8>, code: u8, extra: u16) {
        let copied = self.flags & (flag::RD | flag::CD);
        let flags = flag::QR | flag::RA | copied | extra | u16::from(code & 0x0f);
        out.clear();
        let [id_high, id_low] = self.id.to_be_bytes();
        let [high, low] = flags.to_be_bytes();
        out.extend_from_slice(&[id_high, id_low, high, low, 0, 1, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(self.question);
    }

    /// Bytes of the OPT with what it must carry.
    #[inline]
    fn opt_size(&self) -> usize {
        match (self.edns, self.cookie) {
            (None, _) => 0,
            (Some(_), None) => OPT,
            (Some(_), Some(cookie)) => OPT + 4 + cookie.len(),
        }
    }

    /// Append the OPT, if the query had one, and hold the whole against the client's limit.
    #[inline]
    fn finish(&self, out: &mut Vec<u8>, code: u8, ede: Option<Ede<'_>>) {
        if out.len() + self.opt_size() > self.limit {
            self.cut(out);
        }
        let Some(edns) = self.edns else { return };
        if self.cookie.is_some() || self.sealed && edns.padded {
            return self.finish_with_options(out, edns, code, ede);
        }
        // An extended error is the only option: what `finish_with_options` writes, at once.
        let [high, low] = self.udp_size.to_be_bytes();
        let flags = if edns.dnssec { 0x80 } else { 0 };
        let room = self.limit.saturating_sub(out.len() + OPT + 6);
        match ede {
            Some(ede) if out.len() + OPT + 6 <= self.limit => {
                let text = ede.text.as_bytes();
                let text = if text.len() <= room { text } else { &[] };
                let size = 2 + text.len() as u16;
                let [a, b] = (size + 4).to_be_bytes();
                let [c, d] = size.to_be_bytes();
                let [e, f] = ede.code.to_be_bytes();
                let kind = OPTION_EDE as u8;
                out.extend_from_slice(&[
                    0,
                    0,
                    41,
                    high,
                    low,
                    code >> 4,
                    0,
                    flags,
                    0,
                    a,
                    b,
                    0,
                    kind,
                    c,
                    d,
                    e,
                    f,
                ]);
                out.extend_from_slice(text);
            }
            _ => out.extend_from_slice(&[0, 0, 41, high, low, code >> 4, 0, flags, 0, 0, 0]),
        }
        count_one_more(out);
    }

    /// Leave the question only, with TC.
    #[cold]
    fn cut(&self, out: &mut Vec<u8>) {
        out.truncate(HEADER + self.question.len());
        out[2] |= (flag::TC >> 8) as u8;
        out[6..12].fill(0);
    }

    /// Append the OPT with all that it may carry.
    #[inline(never)]
    fn finish_with_options(&self, out: &mut Vec<u8>, edns: Edns, code: u8, ede: Option<Ede<'_>>) {
        build::opt(out, self.udp_size, code >> 4, edns.dnssec);
        let length_at = out.len();
        out.extend_from_slice(&[0, 0]);
        if let Some(cookie) = &self.cookie {
            option(out, OPTION_COOKIE, cookie.len());
            out.extend_from_slice(cookie);
        }
        if let Some(ede) = ede {
            let text = ede.text.as_bytes();
            let room = self.limit.saturating_sub(out.len() + 6);
            // Text that does not fit is left out whole: half a sentence says the wrong thing.
            let text = if text.len() <= room { text } else { &[] };
            if out.len() + 6 <= self.limit {
                option(out, OPTION_EDE, 2 + text.len());
                out.extend_from_slice(&ede.code.to_be_bytes());
                out.extend_from_slice(text);
            }
        }
        if self.sealed && edns.padded {
            let padded = (out.len() + 4)
                .next_multiple_of(PADDING_BLOCK)
                .min(self.limit);
            if let Some(size) = padded.checked_sub(out.len() + 4) {
                option(out, OPTION_PADDING, size);
                out.resize(padded, 0);
            }
        }
        // Bounded by `limit`, which has 16 bits.
        let length = u16::try_from(out.len() - length_at - 2).unwrap_or(0);
        out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        count_one_more(out);
    }

    /// A response code and nothing else. Extended codes only to a query that had an OPT.
    pub(crate) fn error(&self, out: &mut Vec<u8>, code: u8, ede: Option<Ede<'_>>) {
        self.start(out, code, 0);
        self.finish(out, code, ede);
    }

    /// Nothing but TC: ask again over TCP.
    pub(crate) fn truncated(&self, out: &mut Vec<u8>) {
        self.start(out, rcode::NOERROR, flag::TC);
        self.finish(out, rcode::NOERROR, None);
    }

    /// The minimal answer to a question for any type (RFC 8482 section 4.2).
    pub(crate) fn any(&self, out: &mut Vec<u8>) {
        self.start(out, rcode::NOERROR, 0);
        build::record_of_question(out, rtype::HINFO, 3600, b"\x07RFC8482\x00");
        out[7] = 1;
        self.finish(out, rcode::NOERROR, None);
    }

    /// The answer to a blocked question. Negative ones carry an SOA whose TTL says how long to
    /// believe them (RFC 2308 section 3).
    #[inline]
    pub(crate) fn block(
        &self,
        out: &mut Vec<u8>,
        how: Blocked,
        qtype: u16,
        ttl: u32,
        ede: Option<Ede<'_>>,
    ) -> u8 {
        let code = match how {
            Blocked::Nxdomain => rcode::NXDOMAIN,
            Blocked::Refused => rcode::REFUSED,
            Blocked::Nodata | Blocked::Address(..) => rcode::NOERROR,
        };
        self.start(out, code, 0);
        match (how, qtype) {
            (Blocked::Refused, _) => {}
            (Blocked::Address(Some(address), _), rtype::A) => {
                self.one(out, rtype::A, ttl, &address.octets())
            }
            (Blocked::Address(_, Some(address)), rtype::AAAA) => {
                self.one(out, rtype::AAAA, ttl, &address.octets())
            }
            _ => self.soa(out, ttl),
        }
        self.finish(out, code, ede);
        code
    }

    /// The records of a rewrite; none of the type asked for is NODATA.
    pub(crate) fn records<'r>(
        &self,
        out: &mut Vec<u8>,
        records: impl Iterator<Item = (u16, &'r [u8])>,
        ttl: u32,
        ede: Option<Ede<'_>>,
    ) {
        self.start(out, rcode::NOERROR, 0);
        let mut count = 0u16;
        for (rtype, rdata) in records {
            self.one(out, rtype, ttl, rdata);
            count = count.saturating_add(1);
        }
        if count == 0 {
            self.soa(out, ttl);
        } else {
            out[6..8].copy_from_slice(&count.to_be_bytes());
        }
        self.finish(out, rcode::NOERROR, ede);
    }

    /// A CNAME in front of what `target`'s own answer says. Records of that answer that do not
    /// hold together end it: the client then asks for the target itself.
    pub(crate) fn alias(
        &self,
        out: &mut Vec<u8>,
        target: &[u8],
        ttl: u32,
        answer: Option<(&Body, usize, Aging)>,
        ede: Option<Ede<'_>>,
    ) -> u8 {
        let code = answer.map_or(rcode::NOERROR, |(body, _, _)| body.bytes[3] & 0x0f);
        self.start(out, code, 0);
        self.one(out, rtype::CNAME, ttl, target);
        if let Some((body, question_end, aging)) = answer {
            let mut counts = [1u16, 0, 0];
            if let Some(mut walk) = Walk::new(&body.bytes, question_end) {
                while let Ok(Some((section, record))) = walk.next() {
                    // Glue is no part of the answer to another name.
                    if section == ADDITIONAL || out.len() > self.limit {
                        break;
                    }
                    let whole = out.len();
                    if build::copy(&body.bytes, &record, aged(record.ttl, aging), out).is_none() {
                        out.truncate(whole);
                        break;
                    }
                    counts[section] += 1;
                }
            }
            for (section, count) in counts.iter().enumerate() {
                out[6 + 2 * section..8 + 2 * section].copy_from_slice(&count.to_be_bytes());
            }
        }
        self.finish(out, code, ede);
        code
    }

    /// A stored answer.
    #[inline]
    pub(crate) fn relay(
        &self,
        out: &mut Vec<u8>,
        body: &Body,
        aging: Aging,
        ede: Option<Ede<'_>>,
    ) -> u8 {
        let code = body.bytes[3] & 0x0f;
        let wants_ad = self.flags & flag::AD != 0 || self.edns.is_some_and(|edns| edns.dnssec);
        let ad = if wants_ad {
            u16::from(body.bytes[3]) & flag::AD
        } else {
            0
        };
        if body.bytes.len() + self.opt_size() > self.limit {
            // Nothing of it will be sent; a large answer must not cost its length each time.
            self.start(out, code, ad | flag::TC);
            self.finish(out, code, ede);
            return code;
        }
        let flags = flag::QR | flag::RA | self.flags & (flag::RD | flag::CD) | ad | u16::from(code);
        out.clear();
        out.extend_from_slice(&body.bytes);
        let [id_high, id_low] = self.id.to_be_bytes();
        let [high, low] = flags.to_be_bytes();
        if let Some(start) = out.first_chunk_mut() {
            *start = [id_high, id_low, high, low];
        }
        // Same length as the stored one: it was found by it. Pointers into it stay true.
        out[HEADER..HEADER + self.question.len()].copy_from_slice(self.question);
        for &at in &body.ttls {
            if let Some(place) = out
                .get_mut(usize::from(at)..)
                .and_then(<[u8]>::first_chunk_mut)
            {
                *place = aged(u32::from_be_bytes(*place), aging).to_be_bytes();
            }
        }
        self.finish(out, code, ede);
        code
    }

    /// One answer record owned by the question's name.
    #[inline]
    fn one(&self, out: &mut Vec<u8>, rtype: u16, ttl: u32, rdata: &[u8]) {
        build::record_of_question(out, rtype, ttl, rdata);
        out[7] = 1;
    }

    /// The authority of a negative answer of ours: names under .invalid (RFC 6761), since nobody
    /// is to ask them, and the TTL as minimum.
    fn soa(&self, out: &mut Vec<u8>, ttl: u32) {
        const NAMES: &[u8; 37] = b"\x07filterd\x07invalid\x00\x0ahostmaster\x07filterd\xc0";
        let mut rdata = [0; NAMES.len() + 1 + 20];
        rdata[..NAMES.len()].copy_from_slice(NAMES);
        // A pointer to "invalid" in the RDATA, whose place is 12 bytes behind the question and 8
        // further on: the question has at most 259 bytes, so 9 of the pointer's 14 bits are used.
        let [high, low] = ((out.len() + 12 + 8) as u16).to_be_bytes();
        rdata[NAMES.len() - 1] |= high;
        rdata[NAMES.len()] = low;
        let numbers = [1, 3600, 600, 86400, ttl];
        for (place, number) in rdata[NAMES.len() + 1..].chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&u32::to_be_bytes(number));
        }
        build::record_of_question(out, rtype::SOA, ttl, &rdata);
        out[9] = 1;
    }
}

/// An error with the header alone, for packets whose question cannot be echoed.
pub(crate) fn bare(out: &mut Vec<u8>, packet: &[u8], code: u8) {
    let (Some(id), Some(flags)) = (packet.get(..2), packet.get(2..4)) else {
        return;
    };
    let flags = u16::from_be_bytes([flags[0], flags[1]]);
    let flags = flag::QR | flags & (flag::OPCODE | flag::RD) | u16::from(code);
    out.clear();
    out.extend_from_slice(id);
    out.extend_from_slice(&flags.to_be_bytes());
    out.extend_from_slice(&[0; 8]);
}

/// Cut a reply down to its question with TC set: ask again over TCP. Its OPT stays, with the cookie
/// and without other options. `false`, and nothing is changed, if there is no question to repeat.
pub(crate) fn cut(out: &mut Vec<u8>, cookie: Option<[u8; 24]>) -> bool {
    if out.get(4..6) != Some(&[0, 1]) {
        return false;
    }
    let Some(name_end) = name::end_of_plain(out, HEADER) else {
        return false;
    };
    let question_end = name_end + 4;
    let Some(mut walk) = Walk::new(out, question_end) else {
        return false;
    };
    let mut opt = None;
    while let Ok(Some((_, record))) = walk.next() {
        if record.rtype == rtype::OPT {
            opt = out.get(record.owner..record.owner + OPT - 2);
        }
    }
    let opt = opt.and_then(|opt| <[u8; OPT - 2]>::try_from(opt).ok());
    out.truncate(question_end);
    out[2] |= (flag::TC >> 8) as u8;
    if out[3] & 0x0f == rcode::NXDOMAIN {
        out[3] &= 0xf0;
    }
    out[6..12].fill(0);
    if let Some(opt) = opt {
        out[11] = 1;
        out.extend_from_slice(&opt);
        match cookie {
            None => out.extend_from_slice(&[0, 0]),
            Some(cookie) => {
                out.extend_from_slice(&[0, 4 + cookie.len() as u8]);
                option(out, OPTION_COOKIE, cookie.len());
                out.extend_from_slice(&cookie);
            }
        }
    }
    true
}

/// One more record in the additional section.
#[inline]
fn count_one_more(out: &mut [u8]) {
    if let Some(count) = out.get_mut(10..).and_then(<[u8]>::first_chunk_mut) {
        *count = u16::from_be_bytes(*count).wrapping_add(1).to_be_bytes();
    }
}

#[inline]
fn aged(ttl: u32, aging: Aging) -> u32 {
    match aging {
        Aging::Fresh { age, most } => ttl.saturating_sub(age).min(most),
        Aging::Stale(ttl) => ttl,
    }
}

fn option(out: &mut Vec<u8>, code: u16, length: usize) {
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(&u16::try_from(length).unwrap_or(0).to_be_bytes());
}
