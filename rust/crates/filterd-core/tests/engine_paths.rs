//! The ways of a query through the engine: verdicts, misses, rewrites, events, counters.

mod support;

use std::sync::Arc;

use filterd_core::engine::Outcome;
use filterd_core::snapshot::Snapshot;
use filterd_index::Trigger;
use support::*;

fn a(last: u8) -> Vec<u8> {
    vec![198, 51, 100, last]
}

#[test]
fn a_blocked_name_is_answered_at_once_and_told_why() {
    let engine = engine();
    let reply = ask(
        &engine,
        &query_edns("www.BLOCKED.test", A, 1232, false),
        PUPIL,
        START,
    );
    assert_eq!(reply.answer[0].rdata, [0, 0, 0, 0]);
    assert_eq!(reply.answer[0].ttl, 60);
    assert_eq!(reply.ede(), Some((17, "not for your age".into())));
    assert_eq!(reply.question, query("www.BLOCKED.test", A)[12..]);
    let events = engine.take_events(10);
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(
        (&event.name[..], event.kind, event.step, event.class),
        ("www.blocked.test", "block", 8, 0)
    );
    assert_eq!(
        (&event.pattern[..], &event.group[..]),
        ("blocked.test", "pupils")
    );
    assert_eq!(stat(&engine, "/verdicts/block/8"), 1);
}

#[test]
fn each_group_has_its_own_verdict_on_one_cached_answer() {
    let engine = engine();
    let packet = query("www.blocked.test", A);
    let reply = resolve(
        &engine,
        &packet,
        STAFF,
        START,
        &[("www.blocked.test", A, 300, a(1))],
    );
    assert_eq!(reply.answer[0].rdata, a(1));
    assert_eq!(
        ask(&engine, &packet, PUPIL, START).answer[0].rdata,
        [0, 0, 0, 0]
    );
    assert_eq!(ask(&engine, &packet, STAFF, START).answer[0].rdata, a(1));
    assert_eq!(stat(&engine, "/cache/hits"), 1);
}

#[test]
fn those_that_wait_for_one_question_get_their_own_replies() {
    let engine = engine();
    let first = park(&engine, &query("Www.example", A), PUPIL, START);
    let second = park(&engine, &query("wWw.example", A), STAFF, START);
    let miss = one_miss(&engine);
    assert_eq!(
        (&miss.name[..], miss.qtype, miss.flags),
        ("www.example", A, 0)
    );
    let records = [("www.example", A, 300, vec![203, 0, 113, 9])];
    let replies = engine.complete(
        miss.miss,
        Some(&answer(&miss.wire, 0, &records, &[])),
        START,
        0,
    );
    let of = |token: u64| {
        let reply = replies
            .iter()
            .find(|reply| reply.token == token)
            .expect("a reply");
        Reply::read(&reply.wire)
    };
    // The address is blocked for pupils by a rule on addresses.
    assert_eq!(of(first).answer[0].rdata, [0, 0, 0, 0]);
    assert_eq!(of(first).question, query("Www.example", A)[12..]);
    assert_eq!(of(second).answer[0].rdata, [203, 0, 113, 9]);
    assert_eq!(of(second).question, query("wWw.example", A)[12..]);
    assert_eq!(stat(&engine, "/misses/joined"), 1);
    let events = engine.take_events(10);
    assert_eq!(events[0].pattern, "203.0.113.0/24");
}

#[test]
fn a_blocked_alias_target_blocks_and_is_named() {
    let engine = engine();
    let records = [
        ("www.example", CNAME, 300, wire_name("cdn.Blocked.test")),
        ("cdn.blocked.test", A, 300, a(1)),
    ];
    let reply = resolve(&engine, &query("www.example", A), PUPIL, START, &records);
    assert_eq!(reply.answer[0].rdata, [0, 0, 0, 0]);
    let events = engine.take_events(10);
    assert_eq!(
        (&events[0].name[..], &events[0].pattern[..]),
        ("www.example", "blocked.test")
    );
    // And from the cache as well.
    assert_eq!(
        ask(&engine, &query("www.example", A), PUPIL, START).answer[0].rdata,
        [0, 0, 0, 0]
    );
    assert_eq!(
        ask(&engine, &query("www.example", A), STAFF, START)
            .answer
            .len(),
        2
    );
}

#[test]
fn what_a_rule_allows_by_name_is_not_blocked_by_where_it_leads() {
    let engine = engine();
    for name in ["allowed.blocked.test", "hotline.test"] {
        let records = [
            (name, CNAME, 300, wire_name("x.blocked.test")),
            ("x.blocked.test", A, 300, a(7)),
        ];
        let reply = resolve(&engine, &query(name, A), PUPIL, START, &records);
        assert_eq!(reply.answer[1].rdata, a(7), "{name}");
    }
}

#[test]
fn actions_have_their_own_effects() {
    let engine = engine();
    let reply = ask(&engine, &query("a.nx.test", A), PUPIL, START);
    assert_eq!((reply.rcode(), reply.authority[0].rtype), (3, SOA));
    let mut out = Vec::new();
    assert_eq!(
        engine.handle(&query("silent.test", A), PUPIL, START, 0, &mut out),
        Outcome::Drop
    );
    assert_eq!(stat(&engine, "/silenced"), 1);
    let reply = ask(&engine, &query("tcp.test", A), PUPIL, START);
    assert!(reply.tc() && reply.answer.is_empty());
    let tcp = engine.handle(&query("tcp.test", A), PUPIL, START, 1, &mut out);
    assert!(matches!(tcp, Outcome::Miss(_)));
}

#[test]
fn a_rewrite_answers_with_its_records_or_nothing_of_another_type() {
    let engine = engine();
    let reply = ask(&engine, &query("local.test", A), PUPIL, START);
    let rdata: Vec<_> = reply
        .answer
        .iter()
        .map(|record| record.rdata.clone())
        .collect();
    assert_eq!(rdata, [vec![192, 0, 2, 80], vec![192, 0, 2, 81]]);
    let reply = ask(&engine, &query("local.test", AAAA), PUPIL, START);
    assert_eq!(
        (reply.rcode(), reply.answer.len(), reply.authority[0].rtype),
        (0, 0, SOA)
    );
}

#[test]
fn a_rewrite_to_another_name_resolves_that_and_shows_the_alias() {
    let engine = engine();
    let packet = query("Www.Search.test", A);
    let token = park(&engine, &packet, PUPIL, START);
    let miss = one_miss(&engine);
    assert_eq!(miss.name, "safe.example");
    let records = [
        ("safe.example", CNAME, 90, wire_name("x.example")),
        ("x.example", A, 90, a(4)),
    ];
    let replies = engine.complete(
        miss.miss,
        Some(&answer(&miss.wire, 0, &records, &[])),
        START,
        0,
    );
    assert_eq!(replies[0].token, token);
    let fresh = Reply::read(&replies[0].wire);
    let cached = ask(&engine, &packet, PUPIL, START + 10.0);
    for (reply, ttl) in [(fresh, 90), (cached, 80)] {
        assert_eq!(reply.question, packet[12..]);
        assert_eq!(
            (&reply.answer[0].owner[..], &reply.answer[0].target[..]),
            ("Www.Search.test", "safe.example")
        );
        assert_eq!(
            (&reply.answer[1].target[..], reply.answer[1].ttl),
            ("x.example", ttl)
        );
        assert_eq!(
            (&reply.answer[2].owner[..], &reply.answer[2].rdata),
            ("x.example", &a(4))
        );
    }
    assert_eq!(
        engine
            .take_events(9)
            .iter()
            .filter(|event| event.kind == "rewrite")
            .count(),
        2
    );
}

#[test]
fn a_regex_is_remembered_and_a_swap_is_seen_at_once() {
    let engine = engine();
    let packet = query("ads7.example", A);
    for _ in 0..3 {
        assert_eq!(
            ask(&engine, &packet, PUPIL, START).answer[0].rdata,
            [0, 0, 0, 0]
        );
    }
    assert_eq!(engine.take_events(1)[0].pattern, "^ads[0-9]+\\.");
    let cached = query("www.example", A);
    resolve(
        &engine,
        &cached,
        PUPIL,
        START,
        &[("www.example", A, 300, a(1))],
    );
    let mut rules = rules();
    rules
        .add_name("www.example", filterd_index::Scope::Exact, 7, 0)
        .expect("a name");
    engine.swap(snapshot_of(rules, NULL, None, 2));
    let reply = ask(&engine, &cached, PUPIL, START);
    assert_eq!(reply.answer[0].rdata, [0, 0, 0, 0]);
    assert_eq!(ask(&engine, &cached, STAFF, START).answer[0].rdata, a(1));
    assert_eq!(stat(&engine, "/cache/rematched"), 1);
    engine.swap(snapshot_of(support::rules(), NULL, None, 3));
    assert_eq!(ask(&engine, &cached, PUPIL, START).answer[0].rdata, a(1));
}

#[test]
fn an_event_keeps_its_words_over_a_swap() {
    let engine = engine();
    ask(&engine, &query("ordered.test", A), PUPIL, START);
    engine.swap(snapshot_of(
        filterd_index::IndexBuilder::new(false),
        NULL,
        None,
        2,
    ));
    let events = engine.take_events(10);
    assert_eq!(
        (&events[0].pattern[..], events[0].generation),
        ("ordered.test", 1)
    );
}

#[test]
fn the_ring_drops_the_oldest_and_counts() {
    let engine = engine_with(r#"{"ring":2}"#, NULL);
    for name in ["a.blocked.test", "b.blocked.test", "c.blocked.test"] {
        ask(&engine, &query(name, A), PUPIL, START);
    }
    let names: Vec<_> = engine
        .take_events(10)
        .into_iter()
        .map(|event| event.name)
        .collect();
    assert_eq!(names, ["b.blocked.test", "c.blocked.test"]);
    assert_eq!(stat(&engine, "/events_dropped"), 1);
}

#[test]
fn a_client_that_has_gone_gets_nothing() {
    let engine = engine();
    let gone = park(&engine, &query("www.example", A), PUPIL, START);
    let stays = park(&engine, &query("www.example", A), PUPIL, START);
    engine.forget(gone);
    let miss = one_miss(&engine);
    let replies = engine.complete(miss.miss, None, START, 23);
    assert_eq!(
        replies.iter().map(|reply| reply.token).collect::<Vec<_>>(),
        [stays]
    );
    assert!(engine.complete(miss.miss, None, START, 23).is_empty());
}

#[test]
fn over_the_limit_the_answer_is_servfail_at_once() {
    let engine = engine_with(r#"{"max_misses":1}"#, NULL);
    park(&engine, &query("a.example", A), PUPIL, START);
    assert_eq!(
        ask(&engine, &query("b.example", A), PUPIL, START).rcode(),
        2
    );
    assert_eq!(stat(&engine, "/misses/overload"), 1);
}

#[test]
fn many_threads_and_swaps_lose_nothing() {
    let engine = engine();
    let snapshots: Vec<_> = (2..12)
        .map(|n| snapshot_of(rules(), NULL, None, n))
        .collect();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let engine = &engine;
            scope.spawn(move || {
                let mut out = Vec::new();
                for round in 0..300 {
                    let name = format!("www{}.example", round % 20);
                    let packet = query(&name, A);
                    let blocked = query("www.blocked.test", A);
                    let outcome = engine.handle(&blocked, PUPIL, START, 0, &mut out);
                    assert_eq!(outcome, Outcome::Reply);
                    assert_eq!(Reply::read(&out).answer[0].rdata, [0, 0, 0, 0]);
                    engine.handle(&packet, PUPIL, START + f64::from(thread), 0, &mut out);
                    for miss in engine.take_misses(4) {
                        let records = [(&miss.name[..], A, 1, a(1))];
                        let message = answer(&miss.wire, 0, &records, &[]);
                        engine.complete(miss.miss, Some(&message), START, 0);
                    }
                }
            });
        }
        for snapshot in snapshots {
            engine.swap(snapshot);
        }
    });
    assert_eq!(stat(&engine, "/misses/in_flight"), 0);
    assert_eq!(stat(&engine, "/misses/waiting"), 0);
    assert_eq!(stat(&engine, "/verdicts/block/8"), 900);
    assert_eq!(stat(&engine, "/generation"), 11);
}

#[test]
fn a_plan_with_fewer_classes_than_its_index_is_refused() {
    let mut rules = rules();
    rules
        .add_network("198.51.100.0/24", Trigger::Answer, CLASSES.len() as u32, 0)
        .expect("a network");
    let index = Arc::new(rules.finish("{}").expect("an index"));
    let refused = Snapshot::new(vec![index], &plan(NULL, None), 1).err();
    let why = "plan: layer 0 has 9 classes, its index 10";
    assert_eq!(refused.as_deref(), Some(why));
}

#[test]
fn misses_are_counted_by_the_door_they_came_by() {
    let engine = engine();
    let mut out = Vec::new();
    for (number, door) in [0, 0, 1, 3, 9].into_iter().enumerate() {
        let packet = query(&format!("www{number}.example"), A);
        let outcome = engine.handle(&packet, PUPIL, START, door, &mut out);
        assert!(matches!(outcome, Outcome::Miss(_)));
    }
    let by_door = |door: &str| stat(&engine, &format!("/cache/misses_by_door/{door}"));
    assert_eq!(
        ["udp", "tcp", "dot", "doh"].map(by_door),
        [2, 1, 0, 2],
        "an unknown door is the last"
    );
    assert_eq!(stat(&engine, "/cache/misses"), 5);
}
