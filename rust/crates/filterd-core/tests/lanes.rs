//! Several lanes of one engine: what one learns the others use, a swap reaches all, and a clock
//! that is set changes nothing.

mod support;

use std::sync::Arc;

use filterd_core::engine::{Engine, Lane, Now, Outcome, Return, Settings, Way};
use support::{answer, query, rules, snapshot_of, Reply, A, NULL, PUPIL, START};

fn engine() -> Arc<Engine> {
    let settings = Settings::parse(r#"{"record":"counts","lanes":2}"#).expect("settings");
    Arc::new(Engine::new(snapshot_of(rules(), NULL, None, 1), settings))
}

fn ask(lane: &mut Lane, name: &str, now: Now) -> Option<Reply> {
    let mut out = Vec::new();
    let packet = query(name, A);
    match lane.handle(&packet, PUPIL, Way::Token, now, 0, &mut out) {
        Outcome::Reply => Some(Reply::read(&out)),
        Outcome::Miss(_) => None,
        Outcome::Drop => panic!("dropped"),
    }
}

fn learn(lane: &mut Lane, name: &str, now: Now, ttl: u32) {
    assert!(ask(lane, name, now).is_none(), "{name} is known");
    let miss = lane.engine().take_misses(1).remove(0);
    let records = [(name, A, ttl, vec![198, 51, 100, 1])];
    let replies = lane.complete(
        miss.miss,
        Some(&answer(&miss.wire, 0, &records, &[])),
        now,
        0,
    );
    assert_eq!(replies.len(), 1);
}

#[test]
fn what_one_lane_learns_the_other_uses_and_a_swap_reaches_both() {
    let engine = engine();
    let (mut one, mut other) = (Lane::new(&engine), Lane::new(&engine));
    let now = Now::from(START);
    learn(&mut one, "www.example", now, 300);
    for lane in [&mut one, &mut other] {
        for _ in 0..2 {
            let reply = ask(lane, "www.example", now).expect("kept");
            assert_eq!(reply.answer[0].rdata, [198, 51, 100, 1]);
        }
    }
    let mut changed = rules();
    let scope = filterd_index::Scope::Subtree;
    changed
        .add_name("www.example", scope, 0, 0)
        .expect("a name");
    engine.swap(snapshot_of(changed, NULL, None, 2));
    for lane in [&mut one, &mut other] {
        let reply = ask(lane, "www.example", now).expect("blocked");
        assert_eq!(reply.answer[0].rdata, [0, 0, 0, 0], "let through");
    }
    engine.swap(snapshot_of(rules(), NULL, None, 3));
    for lane in [&mut one, &mut other] {
        let reply = ask(lane, "www.example", now).expect("kept still");
        assert_eq!(reply.answer[0].rdata, [198, 51, 100, 1]);
    }
    engine.clear_cache();
    assert!(ask(&mut one, "www.example", now).is_none());
    assert!(ask(&mut other, "www.example", now).is_none());
    assert_eq!(engine.take_misses(9).len(), 1, "asked for once, by two");
}

#[test]
fn a_clock_that_is_set_neither_ends_nor_revives_an_answer() {
    let engine = engine();
    let mut lane = Lane::new(&engine);
    let at = |unix: f64, steady: f64| Now { unix, steady };
    learn(&mut lane, "www.example", at(START, 100.0), 60);
    for unix in [START + 1e9, 0.0, -5.0, f64::NAN] {
        let reply = ask(&mut lane, "www.example", at(unix, 159.0)).expect("kept");
        assert_eq!(reply.answer[0].ttl, 1, "at {unix}");
        assert!(ask(&mut lane, "www.example", at(unix, 160.0)).is_none());
    }
}

#[test]
fn a_datagram_that_waits_goes_back_the_way_it_came() {
    let engine = engine();
    let mut lane = Lane::new(&engine);
    let now = Now::from(START);
    let way = Way::Datagram(Return {
        socket: 3,
        port: 5353,
        scope: 0,
        local: None,
        through: None,
    });
    let mut out = Vec::new();
    let packet = query("www.example", A);
    let outcome = lane.handle(&packet, PUPIL, way, now, 0, &mut out);
    assert!(matches!(outcome, Outcome::Miss(_)));
    let miss = engine.take_misses(1).remove(0);
    let replies = lane.complete(miss.miss, None, now, 22);
    assert_eq!((replies[0].way, replies[0].client), (way, PUPIL));
    assert_eq!(Reply::read(&replies[0].wire).rcode(), 2);
}

#[test]
fn counts_are_turned_in_by_all_lanes_and_added() {
    let engine = engine();
    let mut lanes: Vec<Lane> = (0..3).map(|_| Lane::new(&engine)).collect();
    for (at, lane) in lanes.iter_mut().enumerate() {
        for _ in 0..=at {
            ask(lane, "blocked.test", Now::from(START));
        }
        lane.rest(Now::from(START));
    }
    let rows = engine.gather_counts();
    assert_eq!(engine.gather_counts(), rows, "gathered once");
    let counts = engine.take_counts();
    let blocked: Vec<_> = counts
        .iter()
        .filter(|count| count.kind == "block")
        .collect();
    assert_eq!(blocked.len(), 1, "one row: {counts:?}");
    assert_eq!(
        (blocked[0].count, &blocked[0].pattern[..]),
        (6, "blocked.test")
    );
    drop(lanes);
    let stats: serde_json::Value = serde_json::from_str(&engine.stats()).expect("JSON");
    assert_eq!(stats["queries"]["udp"], 6);
    let steps = stats["verdicts"]["block"].as_object().expect("steps");
    let blocked: u64 = steps.values().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(blocked, 6);
}
