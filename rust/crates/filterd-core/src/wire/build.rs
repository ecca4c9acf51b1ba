//! Writing messages: questions for upstreams, and records copied from one message into another.

use super::name::{self, Name};
use super::record::Record;
use super::{flag, rtype};

/// A pointer to the question's name.
const TO_QUESTION: [u8; 2] = [0xc0, 0x0c];

/// Append the query for an upstream: id 0, RD, AD (RFC 6840 section 5.7), CD and DO as asked, an OPT of
/// version 0 with `udp_size`, no client option.
pub(crate) fn query(
    question: &[u8],
    dnssec: bool,
    checking_disabled: bool,
    udp_size: u16,
    out: &mut Vec<u8>,
) {
    let flags = flag::RD | flag::AD | if checking_disabled { flag::CD } else { 0 };
    out.reserve(12 + question.len() + 11);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&flags.to_be_bytes());
    out.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, 1]);
    out.extend_from_slice(question);
    opt(out, udp_size, 0, dnssec);
    out.extend_from_slice(&[0, 0]);
}

/// Write an OPT record up to, and without, the length of its options.
#[inline]
pub(crate) fn opt(out: &mut Vec<u8>, udp_size: u16, rcode_high: u8, dnssec: bool) {
    let [high, low] = udp_size.to_be_bytes();
    let flags = if dnssec { 0x80 } else { 0 };
    out.extend_from_slice(&[0, 0, 41, high, low, rcode_high, 0, flags, 0]);
}

/// Write a record owned by the question's name. RDATA comes from rules or from here and is short;
/// more than fits into 16 bits is left out.
#[inline]
pub(crate) fn record_of_question(out: &mut Vec<u8>, rtype: u16, ttl: u32, rdata: &[u8]) {
    let length = u16::try_from(rdata.len()).unwrap_or(0);
    let [type_high, type_low] = rtype.to_be_bytes();
    let [a, b, c, d] = ttl.to_be_bytes();
    let [high, low] = length.to_be_bytes();
    let [pointer, to_question] = TO_QUESTION;
    let fixed = [
        pointer,
        to_question,
        type_high,
        type_low,
        0,
        1,
        a,
        b,
        c,
        d,
        high,
        low,
    ];
    out.extend_from_slice(&fixed);
    out.extend_from_slice(&rdata[..usize::from(length)]);
}

/// Copy a record out of its message with every name in full, so that it can stand anywhere.
/// `ttl` replaces its own. `None` if its RDATA does not hold together.
pub(crate) fn copy(message: &[u8], record: &Record, ttl: u32, out: &mut Vec<u8>) -> Option<()> {
    copy_with(message, record, ttl, out, |out| rdata(message, record, out))
}

/// The same, with RDATA written by `write`.
pub(crate) fn copy_with(
    message: &[u8],
    record: &Record,
    ttl: u32,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Option<()>,
) -> Option<()> {
    let mut owner = Name::root();
    name::expand(message, record.owner, &mut owner)?;
    out.extend_from_slice(owner.wire());
    out.extend_from_slice(&record.rtype.to_be_bytes());
    out.extend_from_slice(&record.class.to_be_bytes());
    out.extend_from_slice(&ttl.to_be_bytes());
    let length_at = out.len();
    out.extend_from_slice(&[0, 0]);
    write(out)?;
    let length = u16::try_from(out.len() - length_at - 2).ok()?;
    out[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
    Some(())
}

/// Copy RDATA, expanding the names that RFC 1035 (and RFC 3597 section 4) let a sender compress.
fn rdata(message: &[u8], record: &Record, out: &mut Vec<u8>) -> Option<()> {
    // Bytes before the names, how many names, and whether bytes may follow.
    let (before, names) = match record.rtype {
        rtype::NS | 3 | 4 | rtype::CNAME | 7..=9 | rtype::PTR | rtype::DNAME => (0, 1),
        rtype::SOA | 14 | 17 => (0, 2),
        rtype::MX | 18 | 21 => (2, 1),
        26 => (2, 2),
        rtype::SRV => (6, 1),
        _ => {
            out.extend_from_slice(message.get(record.rdata..record.end)?);
            return Some(());
        }
    };
    let mut at = record.rdata + before;
    if at > record.end {
        return None;
    }
    out.extend_from_slice(message.get(record.rdata..at)?);
    let mut name = Name::root();
    for _ in 0..names {
        at = name::expand(message, at, &mut name)?;
        out.extend_from_slice(name.wire());
    }
    out.extend_from_slice(message.get(at..record.end)?);
    Some(())
}
