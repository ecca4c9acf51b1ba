//! Whatever comes in, from clients or upstreams: no panic, and every reply reads.

mod support;

use std::sync::{Arc, OnceLock};

use filterd_core::engine::{Desk, Outcome, Settings};
use filterd_core::snapshot::Snapshot;
use proptest::collection::vec;
use proptest::prelude::*;
use support::{
    answer, engine_with, one_miss, query, query_edns, rules, snapshot_of, soa, stat, wire_name,
    Reply, Rr, A, AAAA, CNAME, HTTPS, NULL, PUPIL, SOA, START,
};

/// A fresh engine; the rules are built once.
fn engine() -> Desk {
    static RULES: OnceLock<Arc<Snapshot>> = OnceLock::new();
    let rules = RULES.get_or_init(|| snapshot_of(rules(), NULL, None, 1));
    Desk::new(Arc::clone(rules), Settings::default())
}

fn names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "www.example",
        "WWW.blocked.test",
        "allowed.blocked.test",
        "nx.test",
        "silent.test",
        "tcp.test",
        "local.test",
        "search.test",
        "ads1.example",
        "",
    ])
}

fn types() -> impl Strategy<Value = u16> {
    prop_oneof![
        4 => prop::sample::select(vec![A, AAAA, HTTPS, CNAME, 255, 12, 46]),
        1 => any::<u16>(),
    ]
}

fn queries() -> impl Strategy<Value = Vec<u8>> {
    (names(), types(), any::<Option<u16>>(), any::<bool>()).prop_map(
        |(name, qtype, size, dnssec)| {
            size.map_or_else(
                || query(name, qtype),
                |size| query_edns(name, qtype, size, dnssec),
            )
        },
    )
}

/// Bytes changed, cut and added.
fn mutate(
    mut bytes: Vec<u8>,
    changes: &[(prop::sample::Index, u8)],
    cut: Option<prop::sample::Index>,
    tail: &[u8],
) -> Vec<u8> {
    for (at, byte) in changes {
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
    }
    if let Some(cut) = cut {
        bytes.truncate(cut.index(bytes.len() + 1));
    }
    bytes.extend_from_slice(tail);
    bytes
}

/// Hand in a packet; whatever is answered must read, fit, and be the answer to it.
fn hand_in(engine: &Desk, packet: &[u8], door: u8, now: f64) -> Outcome {
    let mut out = Vec::new();
    let outcome = engine.handle(packet, PUPIL, now, door, &mut out);
    if outcome == Outcome::Reply {
        let reply = Reply::read(&out);
        assert_eq!(reply.id.to_be_bytes(), packet[..2]);
        assert_ne!(reply.flags & 0x8000, 0);
        assert!(door != 0 || out.len() <= 1232);
        assert!(packet[12..].starts_with(&reply.question));
    }
    outcome
}

fn rdatas() -> impl Strategy<Value = (u16, Vec<u8>)> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|bytes| (A, bytes.to_vec())),
        Just((A, vec![203, 0, 113, 5])),
        any::<[u8; 16]>().prop_map(|bytes| (AAAA, bytes.to_vec())),
        names().prop_map(|name| (CNAME, wire_name(name))),
        Just((CNAME, vec![0xc0, 12])),
        any::<u32>().prop_map(|minimum| (SOA, soa(minimum))),
        Just((HTTPS, b"\x00\x01\x00\x00\x01\x00\x03\x02h2\x00\x04\x00\x04\xcb\x00\x71\x01\x00\x05\x00\x02\xab\xcd".to_vec())),
        (any::<u16>(), vec(any::<u8>(), 0..40)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_packet_is_survived(packet in vec(any::<u8>(), 0..600), door in 0u8..5) {
        hand_in(&engine(), &packet, door, START);
    }

    #[test]
    fn any_mutated_query_is_survived(
        packet in queries(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        tail in vec(any::<u8>(), 0..12),
        door in 0u8..4,
    ) {
        hand_in(&engine(), &mutate(packet, &changes, cut, &tail), door, START);
    }

    #[test]
    fn any_mutated_answer_is_survived_and_its_replies_read(
        packet in queries(),
        rcode in 0u8..6,
        records in vec((names(), any::<u32>(), rdatas()), 0..6),
        authority in vec((names(), any::<u32>(), rdatas()), 0..3),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
        tail in vec(any::<u8>(), 0..4),
        ages in vec(0.0f64..200_000.0, 1..4),
    ) {
        let engine = engine();
        let Outcome::Miss(token) = hand_in(&engine, &packet, 0, START) else { return Ok(()) };
        let miss = one_miss(&engine);
        let rr = |(name, ttl, (rtype, rdata)): (&'static str, u32, (u16, Vec<u8>))| (name, rtype, ttl, rdata);
        let records: Vec<Rr<'_>> = records.into_iter().map(rr).collect();
        let authority: Vec<Rr<'_>> = authority.into_iter().map(rr).collect();
        let message = mutate(answer(&miss.wire, rcode, &records, &authority), &changes, cut, &tail);
        let replies = engine.complete(miss.miss, Some(&message), START, 0);
        prop_assert!(replies.len() <= 1);
        for (to, bytes) in replies.into_iter().map(|reply| (reply.token, reply.wire)) {
            prop_assert_eq!(to, token);
            if bytes.is_empty() {
                continue; // it leads to a name that is met with silence
            }
            let reply = Reply::read(&bytes);
            prop_assert_eq!(&reply.question[..], &packet[12..12 + reply.question.len()]);
            prop_assert!(bytes.len() <= 1232);
        }
        // From the cache, over TCP, for everybody, and stale.
        for age in ages {
            hand_in(&engine, &packet, 1, START + age);
            for miss in engine.take_misses(9) {
                for reply in engine.complete(miss.miss, None, START + age, 22) {
                    if !reply.wire.is_empty() {
                        Reply::read(&reply.wire);
                    }
                }
            }
        }
        engine.take_events(100);
        let stats: serde_json::Value = serde_json::from_str(&engine.stats()).expect("JSON");
        prop_assert_eq!(&stats["misses"]["in_flight"], 0);
        prop_assert_eq!(&stats["misses"]["waiting"], 0);
    }

    #[test]
    fn the_cache_keeps_within_its_bytes(
        names in vec("[a-z]{1,30}", 1..60),
        size in 0usize..8_000,
    ) {
        let engine = engine_with(&format!(r#"{{"cache_bytes":{size}}}"#), NULL);
        for name in &names {
            let owner = format!("{name}.example");
            let mut out = Vec::new();
            let packet = query(&owner, A);
            if engine.handle(&packet, PUPIL, START, 0, &mut out) == Outcome::Reply {
                continue;
            }
            let miss = one_miss(&engine);
            let records = [(&owner[..], A, 300, vec![198, 51, 100, 1])];
            engine.complete(miss.miss, Some(&answer(&miss.wire, 0, &records, &[])), START, 0);
            prop_assert!(stat(&engine, "/cache/bytes") <= size as u64);
        }
    }
}
