//! RFC 6891, EDNS(0): when an OPT is sent and what it says. RFC 7830 and 8467: padding.

mod support;

use filterd_core::engine::Outcome;
use support::*;

#[test]
fn an_opt_goes_out_exactly_if_one_came_in() {
    let engine = engine();
    assert!(ask(&engine, &query("blocked.test", A), PUPIL, START)
        .opt()
        .is_none());
    let reply = ask(
        &engine,
        &query_edns("blocked.test", A, 4096, true),
        PUPIL,
        START,
    );
    let opt = reply.opt().expect("an OPT");
    assert_eq!((&opt.owner[..], opt.class, opt.ttl), ("", 1232, 0x8000));
    let records = [("www.example", A, 300, vec![198, 51, 100, 1])];
    assert!(
        resolve(&engine, &query("www.example", A), PUPIL, START, &records)
            .opt()
            .is_none()
    );
    let reply = resolve(
        &engine,
        &query_edns("www.example", A, 4096, true),
        PUPIL,
        START,
        &records,
    );
    assert_eq!(reply.additional.len(), 1);
}

#[test]
fn an_unknown_version_is_badvers() {
    let mut packet = query_edns("blocked.test", A, 1232, false);
    let version = packet.len() - 5;
    packet[version] = 1;
    let reply = ask(&engine(), &packet, PUPIL, START);
    assert_eq!(
        (reply.rcode(), reply.opt().expect("an OPT").ttl),
        (16, 0x0100_0000)
    );
}

#[test]
fn two_opts_or_a_misplaced_or_damaged_one_are_format_errors() {
    let mut two = query_edns("blocked.test", A, 1232, false);
    two[11] = 2;
    let opt = two[two.len() - 11..].to_vec();
    two.extend(opt);
    let mut authority = query_edns("blocked.test", A, 1232, false);
    authority[9] = 1;
    authority[11] = 0;
    let mut options = query_edns("blocked.test", A, 1232, false);
    let end = options.len();
    options[end - 1] = 3;
    options.extend([0, 15, 0]);
    let mut named = query("blocked.test", A);
    named[11] = 1;
    named.extend([1, b'x', 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    for packet in [two, authority, options, named] {
        assert_eq!(
            ask(&engine(), &packet, PUPIL, START).rcode(),
            1,
            "{packet:?}"
        );
    }
}

#[test]
fn sizes_below_512_count_as_512_and_ours_is_the_cap() {
    let engine = engine();
    let records: Vec<Rr<'_>> = (0..40)
        .map(|i| ("www.example", A, 300, vec![198, 51, 100, i]))
        .collect();
    resolve(&engine, &query("www.example", A), PUPIL, START, &records);
    for (size, cut) in [(100, true), (512, true), (1232, false), (65535, false)] {
        let reply = ask(
            &engine,
            &query_edns("www.example", A, size, false),
            PUPIL,
            START,
        );
        assert_eq!(reply.tc(), cut, "{size}");
        assert!(reply.opt().is_some());
    }
    let many: Vec<Rr<'_>> = (0..90)
        .map(|i| ("many.example", A, 300, vec![198, 51, 100, i]))
        .collect();
    let reply = resolve(
        &engine,
        &query_edns("many.example", A, 65535, false),
        PUPIL,
        START,
        &many,
    );
    assert!(reply.tc() && reply.bytes.len() <= 1232);
}

#[test]
fn do_and_cd_make_questions_of_their_own() {
    let engine = engine();
    let mut unchecked = query("www.example", A);
    unchecked[3] |= 0x10;
    park(&engine, &query("www.example", A), PUPIL, START);
    park(
        &engine,
        &query_edns("www.example", A, 1232, true),
        PUPIL,
        START,
    );
    park(&engine, &unchecked, PUPIL, START);
    park(
        &engine,
        &query_edns("www.example", A, 1232, false),
        PUPIL,
        START,
    );
    let flags: Vec<_> = engine
        .take_misses(10)
        .into_iter()
        .map(|miss| miss.flags)
        .collect();
    assert_eq!(flags, [0, 1, 2]);
}

#[test]
fn the_query_upstream_is_ours_alone() {
    let engine = engine();
    // The client sends a client-subnet option; it stays here.
    let mut packet = query_edns("Www.Example", A, 4096, true);
    let end = packet.len();
    packet[end - 1] = 11;
    packet.extend([0, 8, 0, 7, 0, 1, 24, 0, 10, 1, 0]);
    park(&engine, &packet, PUPIL, START);
    let miss = one_miss(&engine);
    let mut expected = query_edns("www.example", A, 1232, true);
    expected[..4].copy_from_slice(&[0, 0, 1, 0x20]);
    assert_eq!(miss.wire, expected);
}

#[test]
fn padding_is_answered_with_padding_behind_encryption_only() {
    let engine = engine();
    let mut packet = query_edns("blocked.test", A, 1232, false);
    let end = packet.len();
    packet[end - 1] = 4;
    packet.extend([0, 12, 0, 0]);
    for (door, length) in [(0, None), (1, None), (2, Some(468)), (3, Some(468))] {
        let mut out = Vec::new();
        assert_eq!(
            engine.handle(&packet, PUPIL, START, door, &mut out),
            Outcome::Reply
        );
        assert_eq!(Reply::read(&out).ede().map(|ede| ede.0), Some(17));
        assert_eq!((out.len() == 468).then_some(468), length, "{door}");
    }
}
