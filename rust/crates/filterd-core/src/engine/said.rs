//! Asking the rules about a question and its answer: what a cache entry remembers of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::answer::{self, Body, Lead};
use crate::cache::{Extra, Said};
use crate::matches::Matches;
use crate::snapshot::Snapshot;
use crate::wire::svcb::Without;
use crate::wire::HEADER;

/// Ask about the name and everything the answer leads to. `ech`: the answer carries that parameter.
/// `found`: what the same snapshot said about the name, if it was asked before.
pub(super) fn say(
    snapshot: &Snapshot,
    body: &Body,
    question_end: usize,
    ech: bool,
    found: Option<Matches>,
) -> Said {
    let name_end = question_end.saturating_sub(4);
    let qname = body.bytes.get(HEADER..name_end).unwrap_or_default();
    let name = found.unwrap_or_else(|| {
        let mut name = Matches::new();
        snapshot.match_name(qname, &mut name);
        name
    });
    let mut extra = Extra::default();
    let mut scratch = Matches::new();
    answer::leads(&body.bytes, question_end, |lead| {
        scratch.clear();
        scratch.begin_source();
        match lead {
            Lead::Name(target) => {
                snapshot.match_name(target, &mut scratch);
                if append(&mut extra.answer, &scratch) {
                    extra.subjects.push(target.into());
                }
            }
            Lead::Address(address) => {
                match_address(snapshot, address, qname, &mut scratch);
                if append(&mut extra.answer, &scratch) {
                    extra.subjects.push(Box::default());
                }
            }
            Lead::Hint(address) => {
                match_address(snapshot, address, qname, &mut scratch);
                append(&mut extra.hints, &scratch);
            }
        }
    });
    if ech {
        extra.without_ech = Some(stripped(body, question_end, Without::Ech));
    }
    if !extra.hints.is_empty() {
        extra.without_hints = Some(stripped(body, question_end, Without::EchAndHints));
    }
    let extra = (!extra.is_empty()).then(|| Box::new(extra));
    Said {
        generation: snapshot.generation,
        name,
        extra,
    }
}

/// What cannot be copied without its parameters is not sent with them: no record instead.
fn stripped(body: &Body, question_end: usize, without: Without) -> Body {
    answer::strip(body, question_end, without)
        .unwrap_or_else(|| answer::emptied(body, question_end))
}

/// Also as the IPv4 address inside an IPv6 one: that is where the client's packets arrive.
fn match_address(snapshot: &Snapshot, address: IpAddr, qname: &[u8], out: &mut Matches) {
    snapshot.match_address(address, qname, out);
    if let IpAddr::V6(six) = address {
        if let Some(four) = inner(six) {
            snapshot.match_address(IpAddr::V4(four), qname, out);
        }
    }
}

/// The IPv4 address in an IPv4-mapped one (RFC 4291 section 2.5.5.2), one behind NAT64 (RFC 6052
/// section 2.1, RFC 8215) or 6to4 (RFC 3056 section 2).
fn inner(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let four = |high: u16, low: u16| {
        let ([p, q], [r, s]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(p, q, r, s)
    };
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] | [0x64, 0xff9b, 1, ..] => {
            Some(four(high, low))
        }
        [0x2002, ..] => Some(four(b, c)),
        _ => None,
    }
}

/// Add what one target or address matched as a source of its own; false if that is nothing.
/// Numbering only sources with matches keeps 255 numbers enough for any real answer.
fn append(all: &mut Matches, found: &Matches) -> bool {
    if found.is_empty() {
        return false;
    }
    all.begin_source();
    for hit in found.as_slice() {
        all.push(hit.class, hit.layer, hit.kind, hit.depth, hit.pattern);
    }
    true
}
