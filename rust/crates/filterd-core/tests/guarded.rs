//! The guard in front of an engine: what strangers get, and cookies on every kind of reply.

mod support;

use std::net::IpAddr;
use std::sync::Arc;

use filterd_core::engine::{Desk, Outcome};
use filterd_core::guard::{Guard, GuardSettings, Secrets};
use support::*;

const STRANGER: &str = "198.51.100.1";
const OWN: &[u8] = b"abcdefgh";

fn guarded(access: &str, more: &str) -> Desk {
    let desk = engine();
    let settings =
        format!(r#"{{"access": {{"networks": ["10.0.0.0/8"], "others": "{access}"}}, {more}}}"#);
    let settings = GuardSettings::parse(&settings).expect("settings");
    let secrets = Secrets::read(&[[1u8; 16]]).expect("a secret");
    let guard = Guard::new(&settings, secrets).expect("a guard");
    desk.engine().set_guard(Arc::new(guard));
    desk
}

fn with_cookies() -> Desk {
    guarded("refuse", r#""cookies": {"require": false}"#)
}

fn with_option(mut packet: Vec<u8>, code: u16, value: &[u8]) -> Vec<u8> {
    let length_at = packet.len() - 2;
    packet[length_at..].copy_from_slice(&(4 + value.len() as u16).to_be_bytes());
    packet.extend(code.to_be_bytes());
    packet.extend((value.len() as u16).to_be_bytes());
    packet.extend(value);
    packet
}

fn cookie_query(name: &str, qtype: u16, value: &[u8]) -> Vec<u8> {
    with_option(query_edns(name, qtype, 1232, false), 10, value)
}

/// The value of the COOKIE option.
fn cookie(reply: &Reply) -> Option<Vec<u8>> {
    let mut rest = &reply.opt()?.rdata[..];
    while let [code_high, code_low, high, low, after @ ..] = rest {
        let (value, next) = after.split_at(usize::from(u16::from_be_bytes([*high, *low])));
        if [*code_high, *code_low] == [0, 10] {
            return Some(value.to_vec());
        }
        rest = next;
    }
    None
}

fn stranger() -> IpAddr {
    STRANGER.parse().expect("an address")
}

#[test]
fn strangers_are_refused_whatever_they_send() {
    let desk = with_cookies();
    let reply = ask(
        &desk,
        &cookie_query("blocked.test", A, OWN),
        stranger(),
        START,
    );
    assert_eq!((reply.rcode(), reply.ede()), (5, Some((18, String::new()))));
    assert_eq!(cookie(&reply), None);
    assert!(reply.answer.is_empty() && reply.authority.is_empty());
    let reply = ask(&desk, &query("www.example", A), stranger(), START);
    assert_eq!((reply.rcode(), reply.opt()), (5, None));
    // ANY, another opcode, a question that cannot be read: refused, and never more than was sent.
    let mut opcode = query("www.example", A);
    opcode[2] |= 0x20;
    let mut torn = query("www.example", A);
    torn.truncate(20);
    for packet in [query("www.example", 255), opcode, torn] {
        let reply = ask(&desk, &packet, stranger(), START);
        assert_eq!(reply.rcode(), 5);
        assert!(reply.bytes.len() <= packet.len());
    }
    assert!(!desk.has_misses());
    assert_eq!(desk.engine().guard().counts().refused, 5);
}

#[test]
fn strangers_may_get_nothing_at_all() {
    let desk = guarded("drop", r#""cookies": {"enabled": false}"#);
    let mut out = Vec::new();
    let packet = query("blocked.test", A);
    for door in [0, 1] {
        let outcome = desk.handle(&packet, stranger(), START, door, &mut out);
        assert_eq!(outcome, Outcome::Drop);
    }
    assert_eq!(ask(&desk, &packet, PUPIL, START).rcode(), 0);
    assert_eq!(desk.engine().guard().counts().ignored, 2);
}

#[test]
fn every_kind_of_reply_carries_the_cookie() {
    let desk = with_cookies();
    let records = [("www.example", A, 300, vec![192, 0, 2, 1])];
    // From upstream, from the cache; a block, a rewrite, ANY, an error.
    let missed = resolve(
        &desk,
        &cookie_query("www.example", A, OWN),
        PUPIL,
        START,
        &records,
    );
    let learnt = cookie(&missed).expect("a cookie");
    assert_eq!((&learnt[..8], learnt.len()), (OWN, 24));
    let mut badvers = cookie_query("www.example", A, OWN);
    let version = badvers.len() - 5 - 12;
    badvers[version] = 1;
    for (packet, code) in [
        (cookie_query("www.example", A, &learnt), 0),
        (cookie_query("blocked.test", A, &learnt), 0),
        (cookie_query("nx.test", A, &learnt), 3),
        (cookie_query("local.test", A, &learnt), 0),
        (cookie_query("www.example", 255, &learnt), 0),
        (cookie_query("www.example", 252, &learnt), 5),
        (badvers, 16),
    ] {
        let reply = ask(&desk, &packet, PUPIL, START);
        assert_eq!(
            (reply.rcode(), cookie(&reply)),
            (code, Some(learnt.clone()))
        );
    }
    // And the cache gives nobody another's.
    let other = ask(
        &desk,
        &cookie_query("www.example", A, b"ABCDEFGH"),
        STAFF,
        START,
    );
    assert_eq!(cookie(&other).expect("a cookie")[..8], *b"ABCDEFGH");
    let none = ask(
        &desk,
        &query_edns("www.example", A, 1232, false),
        PUPIL,
        START,
    );
    assert_eq!(cookie(&none), None);
}

#[test]
fn cookies_do_not_go_upstream() {
    let desk = with_cookies();
    park(&desk, &cookie_query("www.example", A, OWN), PUPIL, START);
    let miss = one_miss(&desk);
    let asked = Reply::read(&miss.wire);
    assert!(asked.opt().expect("an OPT").rdata.is_empty());
}

#[test]
fn a_cookie_from_upstream_is_no_fault_and_is_not_passed_on() {
    let desk = with_cookies();
    for (number, value) in [&[7; 24][..], &[7; 3], b""].into_iter().enumerate() {
        let name = format!("www{number}.example");
        park(&desk, &cookie_query(&name, A, OWN), PUPIL, START);
        let miss = one_miss(&desk);
        let records = [(&name[..], A, 300, vec![192, 0, 2, 1])];
        let answer = with_option(answer(&miss.wire, 0, &records, &[]), 10, value);
        let replies = desk.complete(miss.miss, Some(&answer), START, 0);
        let reply = Reply::read(&replies[0].wire);
        assert_eq!((reply.rcode(), reply.answer.len()), (0, 1));
        assert_eq!(cookie(&reply).expect("a cookie")[..8], *OWN);
    }
}

#[test]
fn a_cookie_of_no_lawful_length_is_a_format_error() {
    let desk = with_cookies();
    for length in [0, 7, 9, 15, 41] {
        let packet = cookie_query("blocked.test", A, &vec![7; length]);
        let reply = ask(&desk, &packet, PUPIL, START);
        assert_eq!((reply.rcode(), cookie(&reply)), (1, None), "{length}");
        assert_eq!(reply.question, packet[12..12 + reply.question.len()]);
    }
}

#[test]
fn badcookie_is_an_extended_code_and_brings_the_cookie() {
    let desk = guarded("refuse", r#""cookies": {"require": true}"#);
    let reply = ask(&desk, &cookie_query("blocked.test", A, OWN), PUPIL, START);
    assert_eq!((reply.flags & 15, reply.rcode()), (7, 23));
    assert!(reply.answer.is_empty());
    let learnt = cookie(&reply).expect("a cookie");
    let reply = ask(
        &desk,
        &cookie_query("blocked.test", A, &learnt),
        PUPIL,
        START,
    );
    assert_eq!((reply.rcode(), reply.answer.len()), (0, 1));
}

#[test]
fn a_reply_that_the_cookie_makes_too_long_is_truncated() {
    let desk = with_cookies();
    // 12 + 17 + 17 * 27 + 11 = 499: fits into 512, and does not with 28 bytes more.
    let records: Vec<Rr<'_>> = (0..17)
        .map(|n| ("www.example", A, 300, vec![192, 0, 2, n]))
        .collect();
    let plain = query_edns("www.example", A, 512, false);
    let whole = resolve(&desk, &plain, PUPIL, START, &records);
    assert_eq!((whole.tc(), whole.bytes.len()), (false, 499));
    let packet = with_option(plain, 10, OWN);
    let cut = ask(&desk, &packet, PUPIL, START);
    assert!(cut.tc() && cut.answer.is_empty());
    assert!(cookie(&cut).is_some());
}

#[test]
fn replies_to_those_that_waited_are_counted_too() {
    let limits = r#""responses": {"rate": 2, "slip": 0}, "cookies": {"enabled": false}"#;
    let desk = guarded("refuse", limits);
    for number in 0..5 {
        let mut packet = query_edns("www.example", A, 1232, false);
        packet[1] = number;
        park(&desk, &packet, PUPIL, START);
    }
    let miss = one_miss(&desk);
    let records = [("www.example", A, 300, vec![192, 0, 2, 1])];
    let answer = answer(&miss.wire, 0, &records, &[]);
    let replies = desk.complete(miss.miss, Some(&answer), START, 0);
    let sent = replies
        .iter()
        .filter(|reply| !reply.wire.is_empty())
        .count();
    // All five are told, so that nobody waits on; three of them of silence.
    assert_eq!((replies.len(), sent), (5, 2));
    let mut out = Vec::new();
    let packet = query("www.example", A);
    let outcome = desk.handle(&packet, PUPIL, START, 0, &mut out);
    assert_eq!(outcome, Outcome::Drop);
    let outcome = desk.handle(&packet, PUPIL, START, 1, &mut out);
    assert_eq!(outcome, Outcome::Reply);
    assert_eq!(desk.engine().guard().counts().dropped, 4);
}

#[test]
fn a_new_guard_holds_from_the_next_query_on() {
    let desk = engine();
    assert_eq!(
        ask(&desk, &query("blocked.test", A), stranger(), START).rcode(),
        0
    );
    let settings =
        r#"{"access": {"networks": [], "others": "refuse"}, "cookies": {"enabled": false}}"#;
    let settings = GuardSettings::parse(settings).expect("settings");
    let guard = desk
        .engine()
        .guard()
        .renewed(&settings, None)
        .expect("a guard");
    desk.engine().set_guard(Arc::new(guard));
    assert_eq!(
        ask(&desk, &query("blocked.test", A), PUPIL, START).rcode(),
        5
    );
}

#[test]
fn strangers_have_no_connections() {
    let desk = guarded("refuse", r#""cookies": {"enabled": false}"#);
    let guard = desk.engine().guard();
    assert!(guard.welcomes(PUPIL));
    assert!(!guard.welcomes(stranger()));
    assert_eq!(guard.counts().refused, 1);
    let desk = guarded("drop", r#""cookies": {"enabled": false}"#);
    let guard = desk.engine().guard();
    assert!(!guard.welcomes(stranger()));
    assert_eq!((guard.counts().refused, guard.counts().ignored), (0, 1));
    assert!(engine().engine().guard().welcomes(stranger()));
}
