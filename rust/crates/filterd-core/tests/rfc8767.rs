//! RFC 8767: answers past their time stand in when upstreams fail. RFC 9520: failures are
//! remembered. RFC 8914: and said.

mod support;

use filterd_core::engine::Desk;
use support::*;

const LATER: f64 = START + 1000.0;

/// An engine with an answer for www.example whose time was over at START + 300.
fn kept(settings: &str) -> (Desk, Vec<u8>) {
    let engine = engine_with(settings, NULL);
    let packet = query_edns("www.example", A, 1232, false);
    resolve(
        &engine,
        &packet,
        PUPIL,
        START,
        &[("www.example", A, 300, vec![203, 0, 113, 1])],
    );
    (engine, packet)
}

#[test]
fn on_failure_the_old_answer_stands_in_and_says_so() {
    let (engine, packet) = kept("{}");
    park(&engine, &packet, STAFF, LATER);
    let miss = one_miss(&engine);
    let replies = engine.complete(miss.miss, None, LATER, 22);
    let reply = Reply::read(&replies[0].wire);
    assert_eq!(
        (reply.answer[0].ttl, reply.ede()),
        (30, Some((3, String::new())))
    );
    // For the next second nobody is asked again.
    let reply = ask(&engine, &packet, STAFF, LATER + 0.5);
    assert_eq!(reply.ede().map(|ede| ede.0), Some(3));
    park(&engine, &packet, STAFF, LATER + 1.5);
    assert_eq!(stat(&engine, "/cache/stale"), 2);
}

#[test]
fn a_stale_answer_is_filtered_like_any_other() {
    let (engine, packet) = kept("{}");
    park(&engine, &packet, PUPIL, LATER);
    let miss = one_miss(&engine);
    let replies = engine.complete(miss.miss, None, LATER, 22);
    assert_eq!(Reply::read(&replies[0].wire).answer[0].rdata, [0, 0, 0, 0]);
}

#[test]
fn without_an_old_answer_it_is_servfail_with_the_reason() {
    let engine = engine();
    let packet = query_edns("www.example", A, 1232, false);
    park(&engine, &packet, PUPIL, START);
    let miss = one_miss(&engine);
    let replies = engine.complete(miss.miss, None, START, 23);
    let reply = Reply::read(&replies[0].wire);
    assert_eq!((reply.rcode(), reply.ede().map(|ede| ede.0)), (2, Some(23)));
    let reply = ask(&engine, &packet, PUPIL, START + 0.5);
    assert_eq!((reply.rcode(), reply.ede().map(|ede| ede.0)), (2, Some(23)));
    assert_eq!(stat(&engine, "/misses/failures_remembered"), 1);
}

#[test]
fn the_pause_grows_to_five_seconds_and_ends_with_success() {
    let engine = engine();
    let packet = query("www.example", A);
    let mut now = START;
    for pause in [1.0, 2.0, 4.0, 5.0, 5.0] {
        park(&engine, &packet, PUPIL, now);
        let miss = one_miss(&engine);
        engine.complete(miss.miss, None, now, 22);
        assert_eq!(ask(&engine, &packet, PUPIL, now + pause - 0.1).rcode(), 2);
        now += pause;
    }
    resolve(
        &engine,
        &packet,
        PUPIL,
        now,
        &[("www.example", A, 1, vec![198, 51, 100, 1])],
    );
    park(&engine, &packet, PUPIL, now + 2.0);
    let miss = one_miss(&engine);
    engine.complete(miss.miss, None, now + 2.0, 22);
    park(&engine, &packet, PUPIL, now + 3.5);
}

#[test]
fn an_upstreams_own_failure_counts_and_its_reason_is_passed_on() {
    for rcode in [2, 5, 1, 4] {
        let (engine, packet) = kept("{}");
        park(&engine, &packet, STAFF, LATER);
        let miss = one_miss(&engine);
        let replies = engine.complete(
            miss.miss,
            Some(&answer(&miss.wire, rcode, &[], &[])),
            LATER,
            0,
        );
        assert_eq!(
            Reply::read(&replies[0].wire).ede().map(|ede| ede.0),
            Some(3),
            "{rcode}"
        );
    }
    let engine = engine();
    park(
        &engine,
        &query_edns("bogus.example", A, 1232, false),
        PUPIL,
        START,
    );
    let miss = one_miss(&engine);
    let mut message = answer(&miss.wire, 2, &[], &[]);
    let end = message.len();
    message[end - 1] = 6;
    message.extend([0, 15, 0, 2, 0, 6]);
    let replies = engine.complete(miss.miss, Some(&message), START, 0);
    assert_eq!(
        Reply::read(&replies[0].wire).ede().map(|ede| ede.0),
        Some(6)
    );
}

#[test]
fn stale_has_an_end_and_can_be_off() {
    for (settings, now) in [
        (r#"{"stale_ttl":0}"#, LATER),
        (r#"{"stale_ttl":600}"#, LATER),
    ] {
        let (engine, packet) = kept(settings);
        park(&engine, &packet, STAFF, now);
        let miss = one_miss(&engine);
        let replies = engine.complete(miss.miss, None, now, 22);
        assert_eq!(Reply::read(&replies[0].wire).rcode(), 2, "{settings}");
    }
}

#[test]
fn those_who_wait_too_long_get_the_old_answer_and_the_new_one_is_kept() {
    let (engine, packet) = kept("{}");
    let token = park(&engine, &packet, STAFF, LATER);
    let miss = one_miss(&engine);
    let replies = engine.serve_stale(miss.miss, LATER + 1.8);
    assert_eq!(replies[0].token, token);
    assert_eq!(
        Reply::read(&replies[0].wire).ede().map(|ede| ede.0),
        Some(3)
    );
    let records = [("www.example", A, 300, vec![203, 0, 113, 2])];
    let message = answer(&miss.wire, 0, &records, &[]);
    assert!(engine
        .complete(miss.miss, Some(&message), LATER + 2.0, 0)
        .is_empty());
    assert_eq!(
        ask(&engine, &packet, STAFF, LATER + 2.0).answer[0].rdata,
        [203, 0, 113, 2]
    );
}

#[test]
fn with_nothing_to_stand_in_they_wait_on() {
    let engine = engine();
    let token = park(&engine, &query("www.example", A), STAFF, START);
    let miss = one_miss(&engine);
    assert!(engine.serve_stale(miss.miss, START + 1.8).is_empty());
    let replies = engine.complete(miss.miss, None, START + 3.0, 22);
    assert_eq!(replies[0].token, token);
}

#[test]
fn an_old_nxdomain_says_that_it_is_one() {
    let engine = engine();
    let packet = query_edns("no.example", A, 1232, false);
    park(&engine, &packet, PUPIL, START);
    let miss = one_miss(&engine);
    let message = answer(&miss.wire, 3, &[], &[("example", SOA, 60, soa(60))]);
    engine.complete(miss.miss, Some(&message), START, 0);
    park(&engine, &packet, PUPIL, START + 100.0);
    let miss = one_miss(&engine);
    let replies = engine.complete(miss.miss, None, START + 100.0, 22);
    let reply = Reply::read(&replies[0].wire);
    assert_eq!((reply.rcode(), reply.ede().map(|ede| ede.0)), (3, Some(19)));
}

#[test]
fn what_is_asked_for_again_is_refreshed_before_its_time_is_over() {
    let engine = engine_with(r#"{"prefetch":0.2}"#, NULL);
    let packet = query("www.example", A);
    let records = [("www.example", A, 100, vec![198, 51, 100, 1])];
    resolve(&engine, &packet, PUPIL, START, &records);
    // The first hit since it was stored does not count, however late.
    ask(&engine, &packet, PUPIL, START + 85.0);
    assert!(!engine.has_misses());
    ask(&engine, &packet, PUPIL, START + 86.0);
    ask(&engine, &packet, PUPIL, START + 87.0);
    let miss = one_miss(&engine);
    assert_eq!(miss.flags, 4);
    let message = answer(&miss.wire, 0, &records, &[]);
    assert!(engine
        .complete(miss.miss, Some(&message), START + 88.0, 0)
        .is_empty());
    assert_eq!(ask(&engine, &packet, PUPIL, START + 90.0).answer[0].ttl, 98);
    assert_eq!(stat(&engine, "/cache/prefetches"), 1);
}

#[test]
fn a_refresh_that_fails_is_not_tried_again_at_once() {
    let engine = engine_with(r#"{"prefetch":0.5}"#, NULL);
    let packet = query("www.example", A);
    resolve(
        &engine,
        &packet,
        PUPIL,
        START,
        &[("www.example", A, 100, vec![198, 51, 100, 1])],
    );
    ask(&engine, &packet, PUPIL, START + 60.0);
    ask(&engine, &packet, PUPIL, START + 60.0);
    let miss = one_miss(&engine);
    engine.complete(miss.miss, None, START + 61.0, 22);
    assert_eq!(ask(&engine, &packet, PUPIL, START + 61.5).answer[0].ttl, 39);
    assert!(!engine.has_misses());
    ask(&engine, &packet, PUPIL, START + 62.5);
    assert!(engine.has_misses());
}
