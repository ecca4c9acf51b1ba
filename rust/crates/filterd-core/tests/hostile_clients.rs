//! Clients and clocks that want the engine to fall over, or the others to go without.

mod support;

use std::net::{IpAddr, Ipv4Addr};

use filterd_core::engine::Outcome;
use support::*;

const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 0, 8));

#[test]
fn one_client_takes_half_of_the_places_at_most() {
    let engine = engine_with(r#"{"max_misses":200}"#, NULL);
    let mut out = Vec::new();
    let mut tokens = Vec::new();
    for n in 0..300 {
        let packet = query(&format!("www.open{n}.test"), A);
        if let Outcome::Miss(token) = engine.handle(&packet, PUPIL, START, 0, &mut out) {
            tokens.push(token);
        }
    }
    assert_eq!(tokens.len(), 100);
    assert_eq!(stat(&engine, "/misses/overload"), 200);
    _ = park(&engine, &query("other.open.test", A), OTHER, START);
    // Places come back when a client goes, once for each, and when an answer comes.
    engine.forget(tokens[0]);
    engine.forget(tokens[0]);
    _ = park(&engine, &query("again.open.test", A), PUPIL, START);
    let one_too_many = query("more.open.test", A);
    let outcome = engine.handle(&one_too_many, PUPIL, START, 0, &mut out);
    assert_eq!(outcome, Outcome::Reply);
    for miss in engine.take_misses(1000) {
        _ = engine.complete(miss.miss, None, START, 22);
        _ = engine.complete(miss.miss, None, START, 22);
    }
    assert_eq!(stat(&engine, "/misses/waiting"), 0);
    _ = park(&engine, &query("last.open.test", A), PUPIL, START + 9.0);
}

#[test]
fn made_up_names_under_one_domain_leave_places_to_others() {
    let engine = engine_with(r#"{"max_misses":400,"zone_rate":0}"#, NULL);
    let mut out = Vec::new();
    let mut parked = 0;
    for n in 0..500u32 {
        let packet = query(&format!("n{n}.victim.test"), A);
        let [.., high, low] = n.to_be_bytes();
        let client = IpAddr::from([10, 9, high, low]);
        let outcome = engine.handle(&packet, client, START, 0, &mut out);
        parked += usize::from(matches!(outcome, Outcome::Miss(_)));
    }
    assert_eq!(parked, 100);
    assert_eq!(stat(&engine, "/misses/crowded"), 400);
    _ = park(&engine, &query("www.other.test", A), OTHER, START);
    for miss in engine.take_misses(1000) {
        _ = engine.complete(miss.miss, None, START, 22);
    }
    _ = park(&engine, &query("again.victim.test", A), OTHER, START);
}

#[test]
fn new_questions_about_one_domain_are_so_many_a_second() {
    let engine = engine_with(r#"{"max_misses":10000,"zone_rate":10}"#, NULL);
    let mut out = Vec::new();
    let mut parked = 0;
    for n in 0..100 {
        let packet = query(&format!("n{n}.victim.test"), A);
        let outcome = engine.handle(&packet, PUPIL, START, 0, &mut out);
        parked += usize::from(matches!(outcome, Outcome::Miss(_)));
    }
    assert!((20..=22).contains(&parked), "{parked}");
    _ = park(&engine, &query("later.victim.test", A), PUPIL, START + 1.0);
}

#[test]
fn no_time_stops_the_cache_or_the_engine() {
    for strange in [
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        f64::MAX,
        f64::MIN,
        -1.0,
        START + 365.0 * 86_400.0,
        START - 365.0 * 86_400.0,
    ] {
        let engine = engine();
        let mut out = Vec::new();
        for name in ["blocked.test", "search.test", "open.test"] {
            _ = engine.handle(&query(name, A), PUPIL, strange, 0, &mut out);
        }
        for miss in engine.take_misses(9) {
            _ = engine.complete(miss.miss, None, strange, 22);
        }
        // Back to the right time: an answer is kept for its minute, and no longer.
        let now = START + 10.0;
        let address = vec![192, 0, 2, 1];
        let packet = query("kept.test", A);
        let records = [("kept.test", A, 60, address.clone())];
        _ = resolve(&engine, &packet, PUPIL, now, &records);
        let reply = ask(&engine, &packet, PUPIL, now + 59.0);
        assert_eq!(
            (reply.answer[0].ttl, &reply.answer[0].rdata),
            (1, &address),
            "{strange}"
        );
        _ = park(&engine, &packet, PUPIL, now + 61.0);
    }
}

#[test]
fn a_large_answer_is_cut_over_udp_without_its_bits_being_lost() {
    let engine = engine();
    let text: Vec<u8> = std::iter::once(200).chain([b'x'; 200]).collect();
    let records: Vec<Rr<'_>> = (0..20)
        .map(|_| ("open.test", 16, 60, text.clone()))
        .collect();
    let reply = resolve(&engine, &query("open.test", 16), PUPIL, START, &records);
    assert!(reply.tc() && reply.answer.is_empty());
    let mut out = Vec::new();
    let outcome = engine.handle(&query("open.test", 16), PUPIL, START, 1, &mut out);
    assert_eq!(outcome, Outcome::Reply);
    assert_eq!(Reply::read(&out).answer.len(), 20);
}

#[test]
fn an_answer_asked_for_before_the_cache_was_cleared_is_not_kept() {
    let engine = engine();
    let packet = query("moved.test", A);
    let first = park(&engine, &packet, PUPIL, START);
    let old = one_miss(&engine);
    engine.clear_cache();
    // Who asks now asks whoever is to be asked now.
    let second = park(&engine, &packet, OTHER, START);
    let new = one_miss(&engine);
    let from = |last| [("moved.test", A, 60, vec![192, 0, 2, last])];
    let told = |miss: &filterd_core::engine::Question, last| {
        let message = answer(&miss.wire, 0, &from(last), &[]);
        engine.complete(miss.miss, Some(&message), START, 0)
    };
    let (late, right) = (told(&old, 1), told(&new, 2));
    assert_eq!((late[0].token, right[0].token), (first, second));
    let late_again = told(&old, 1);
    assert!(late_again.is_empty());
    let reply = ask(&engine, &packet, PUPIL, START + 1.0);
    assert_eq!(reply.answer[0].rdata, [192, 0, 2, 2]);
}

#[test]
fn a_late_answer_does_not_take_the_place_of_a_new_one() {
    let engine = engine();
    let packet = query("moved.test", A);
    _ = park(&engine, &packet, PUPIL, START);
    let old = one_miss(&engine);
    engine.clear_cache();
    let records = [("moved.test", A, 60, vec![192, 0, 2, 2])];
    _ = resolve(&engine, &packet, OTHER, START, &records);
    let message = answer(
        &old.wire,
        0,
        &[("moved.test", A, 60, vec![192, 0, 2, 1])],
        &[],
    );
    assert_eq!(engine.complete(old.miss, Some(&message), START, 0).len(), 1);
    let reply = ask(&engine, &packet, PUPIL, START + 1.0);
    assert_eq!(reply.answer[0].rdata, [192, 0, 2, 2]);
}
