//! Answers made to get past the rules or to cost more than they should.

mod support;

use std::net::IpAddr;
use std::sync::Arc;

use filterd_core::engine::{Desk, Outcome, Settings};
use filterd_core::snapshot::Snapshot;
use filterd_index::{IndexBuilder, Scope};
use support::*;

const SERVFAIL: u16 = 2;

/// School allow (step 5), order (2), list (7), RPZ tcp-only (7), list rewrite to another name (7).
fn engine_of(classes: &str, ranks: &str, names: &[(&str, u32)]) -> Desk {
    let mut builder = IndexBuilder::new(false);
    for (name, class) in names {
        builder
            .add_name(name, Scope::Subtree, *class, 0)
            .expect("a name");
    }
    let index = Arc::new(builder.finish("{}").expect("an index"));
    let count = ranks.split(',').count();
    let plan = format!(
        r#"{{"classes":[{classes}],"layers":[{count}],"ranks":[[{ranks}]],
        "groups":[{{"name":"g","filtered":true,"segments":[{{"from":0,"ranks":0}}],"default":"pass",
                    "answer":{{"style":"nxdomain","ttl":60}}}}],"default_group":0}}"#
    );
    let snapshot = Snapshot::new(vec![index], &plan, 1).expect("a snapshot");
    Desk::new(Arc::new(snapshot), Settings::default())
}

fn cname(owner: &'static str, target: &str) -> Rr<'static> {
    (owner, CNAME, 60, wire_name(target))
}

/// What a client gets by `door` once upstream has answered with `records`.
fn given(engine: &Desk, name: &str, door: u8, records: &[Rr<'_>]) -> Reply {
    let mut out = Vec::new();
    let packet = query_edns(name, A, 1232, false);
    let outcome = engine.handle(&packet, PUPIL, START, door, &mut out);
    assert!(matches!(outcome, Outcome::Miss(_)), "{outcome:?}");
    let miss = one_miss(engine);
    let message = answer(&miss.wire, 0, records, &[]);
    let replies = engine.complete(miss.miss, Some(&message), START, 0);
    Reply::read(&replies[0].wire)
}

#[test]
fn a_listed_name_in_the_chain_does_not_hide_the_order_behind_it() {
    let engine = engine_of(
        r#"{"action":"allow"},{"action":"block","ede":16},{"action":"block","ede":15}"#,
        "1280,512,1797",
        &[("school.test", 0), ("ordered.test", 1), ("listed.test", 2)],
    );
    let chain = [
        cname("school.test", "cdn.listed.test"),
        cname("cdn.listed.test", "www.ordered.test"),
        ("www.ordered.test", A, 60, vec![192, 0, 2, 1]),
    ];
    let reply = given(&engine, "school.test", 0, &chain);
    assert_eq!((reply.rcode(), reply.answer.len()), (3, 0));
    assert_eq!(reply.ede().map(|(code, _)| code), Some(16));
}

#[test]
fn over_tcp_a_tcp_only_name_does_not_hide_the_blocked_one_behind_it() {
    let engine = engine_of(
        r#"{"action":"tcp-only"},{"action":"block","ede":15}"#,
        "1797,1797",
        &[("tcp.test", 0), ("blocked.test", 1)],
    );
    let chain = [
        cname("innocent.test", "a.tcp.test"),
        cname("a.tcp.test", "www.blocked.test"),
        ("www.blocked.test", A, 60, vec![192, 0, 2, 1]),
    ];
    assert_eq!(given(&engine, "innocent.test", 1, &chain).rcode(), 3);
}

#[test]
fn an_order_that_rewrites_blocks_what_leads_to_its_name() {
    let page = r#"{"action":"rewrite","rewrite":{"records":[[1,"192.0.2.80"]]}}"#;
    let engine = engine_of(page, "513", &[("ordered.test", 0)]);
    let chain = [
        cname("cloak.test", "www.ordered.test"),
        ("www.ordered.test", A, 60, vec![192, 0, 2, 1]),
    ];
    let reply = given(&engine, "cloak.test", 0, &chain);
    assert_eq!((reply.rcode(), reply.answer.len()), (3, 0));
}

#[test]
fn a_rewrite_that_refuses_blocks_what_leads_to_its_name_unless_an_exception_lifts_it() {
    let refused = r#"{"action":"rewrite","rewrite":{"rcode":3}},{"action":"unrewrite"}"#;
    let names = [("bad.test", 0), ("fine.bad.test", 1)];
    for (target, rcode) in [("www.bad.test", 3), ("fine.bad.test", 0)] {
        let engine = engine_of(refused, "1792,1793", &names);
        let chain = [cname("cloak.test", target)];
        assert_eq!(given(&engine, "cloak.test", 0, &chain).rcode(), rcode);
    }
}

#[test]
fn a_rewrite_to_another_name_is_no_way_around_an_order() {
    // search.test is answered as safe.example; that leads to what an order blocks.
    let engine = engine();
    let chain = [
        cname("safe.example", "www.ordered.test"),
        ("www.ordered.test", A, 60, vec![192, 0, 2, 1]),
    ];
    let first = given(&engine, "search.test", 0, &chain);
    let cached = ask(&engine, &query("search.test", A), PUPIL, START + 1.0);
    for reply in [first, cached] {
        let addresses: Vec<_> = reply.answer.iter().map(|rr| rr.rdata.clone()).collect();
        assert_eq!(addresses, [vec![0, 0, 0, 0]]);
    }
}

#[test]
fn a_rewrites_target_that_an_order_blocks_is_blocked() {
    let engine = engine_of(
        r#"{"action":"rewrite","rewrite":{"cname":"www.ordered.test"}},{"action":"block"}"#,
        "1792,513",
        &[("search.test", 0), ("ordered.test", 1)],
    );
    let address = [("www.ordered.test", A, 60, vec![192, 0, 2, 1])];
    assert_eq!(given(&engine, "search.test", 0, &address).rcode(), 3);
}

#[test]
fn a_name_blocked_while_the_target_of_its_rewrite_is_in_flight_is_blocked() {
    let engine = engine();
    _ = park(&engine, &query("search.test", A), PUPIL, START);
    let miss = one_miss(&engine);
    let mut more = rules();
    more.add_name("search.test", Scope::Subtree, 7, 0)
        .expect("a name");
    engine.swap(snapshot_of(more, NULL, None, 2));
    let message = answer(
        &miss.wire,
        0,
        &[("safe.example", A, 60, vec![192, 0, 2, 9])],
        &[],
    );
    let replies = engine.complete(miss.miss, Some(&message), START, 0);
    let reply = Reply::read(&replies[0].wire);
    assert_eq!(reply.answer[0].rdata, [0, 0, 0, 0]);
    assert_eq!(reply.answer.len(), 1);
}

#[test]
fn a_swap_to_fewer_rules_finds_no_old_numbers_in_a_rewrites_cached_target() {
    let engine = engine();
    let leads = [("safe.example", A, 60, vec![203, 0, 113, 9])];
    _ = given(&engine, "search.test", 0, &leads);
    let mut few = IndexBuilder::new(false);
    few.add_name("search.test", Scope::Subtree, 0, 0)
        .expect("a name");
    let plan = r#"{"classes":[{"action":"rewrite","rewrite":{"cname":"safe.example"}}],
        "layers":[1],"ranks":[[1792]],
        "groups":[{"name":"g","segments":[{"from":0,"ranks":0}],"default":"pass",
                   "answer":{"style":"null","ttl":60}}],"default_group":0}"#;
    let index = Arc::new(few.finish("{}").expect("an index"));
    engine.swap(Arc::new(
        Snapshot::new(vec![index], plan, 2).expect("a snapshot"),
    ));
    let reply = ask(&engine, &query("search.test", A), PUPIL, START + 1.0);
    assert_eq!(reply.answer[1].rdata, [203, 0, 113, 9]);
}

#[test]
fn addresses_inside_ipv6_addresses_are_matched() {
    for text in [
        "::ffff:203.0.113.9",
        "64:ff9b::203.0.113.9",
        "64:ff9b:1::203.0.113.9",
        "2002:cb00:7109::1",
    ] {
        let engine = engine();
        let IpAddr::V6(address) = text.parse().expect("an address") else {
            panic!("IPv6")
        };
        let records = [("open.test", AAAA, 60, address.octets().to_vec())];
        let reply = resolve(&engine, &query("open.test", AAAA), PUPIL, START, &records);
        assert_eq!(reply.answer[0].rdata, [0; 16], "{text}");
    }
}

#[test]
fn ech_does_not_slip_through_beside_a_record_that_cannot_be_copied() {
    let engine = engine();
    let token = park(&engine, &query("open.test", HTTPS), PUPIL, START);
    let miss = one_miss(&engine);
    let service = [(
        "open.test",
        HTTPS,
        60,
        b"\0\x01\0\0\x05\0\x02\xab\xcd".to_vec(),
    )];
    let broken = [("open.test", 15, 60, vec![0])]; // an MX of one byte
    let message = answer(&miss.wire, 0, &service, &broken);
    let replies = engine.complete(miss.miss, Some(&message), START, 0);
    assert_eq!(replies[0].token, token);
    let reply = &replies[0].wire;
    assert!(!reply.windows(2).any(|pair| pair == [0xab, 0xcd]));
    assert_eq!(Reply::read(reply).answer.len(), 0);
    // Whom nobody filters gets it as it came.
    let mut out = Vec::new();
    let outcome = engine.handle(&query("open.test", HTTPS), STAFF, START, 0, &mut out);
    assert_eq!(outcome, Outcome::Reply);
    assert!(out.windows(2).any(|pair| pair == [0xab, 0xcd]));
}

#[test]
fn an_answer_that_leads_to_hundreds_of_places_is_not_used() {
    for (count, rcode) in [(254, 0), (255, SERVFAIL)] {
        let engine = engine();
        let records: Vec<Rr<'_>> = (0..count)
            .map(|n: u16| {
                let [high, low] = n.to_be_bytes();
                ("open.test", A, 60, vec![198, 51, high, low])
            })
            .collect();
        let token = park(
            &engine,
            &query_edns("open.test", A, 1232, false),
            PUPIL,
            START,
        );
        let miss = one_miss(&engine);
        let message = answer(&miss.wire, 0, &records, &[]);
        let replies = engine.complete(miss.miss, Some(&message), START, 0);
        assert_eq!(replies[0].token, token);
        assert_eq!(Reply::read(&replies[0].wire).rcode(), rcode, "{count}");
    }
}
