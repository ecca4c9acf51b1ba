//! Any answer from an upstream to a question that waits: no panic, now and from the cache.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;

#[path = "support.rs"]
mod support;

/// The question of which the input is the answer: type HTTPS, for the most code.
const QUESTION: &[u8] = b"\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x41\x00\x01";

fuzz_target!(|tail: &[u8]| {
    let engine = support::engine();
    let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let mut out = Vec::new();
    engine.handle(QUESTION, client, support::NOW, 0, &mut out);
    for miss in engine.take_misses(1) {
        // Counts come first in the input, records behind the question.
        let (counts, records) = tail.split_at(tail.len().min(6));
        let mut answer = QUESTION.to_vec();
        answer[2] = 0x81;
        answer[6..6 + counts.len()].copy_from_slice(counts);
        answer.extend_from_slice(records);
        engine.complete(miss.miss, Some(&answer), support::NOW, 0);
        engine.handle(QUESTION, client, support::NOW + 1.0, 1, &mut out);
        engine.handle(QUESTION, client, support::NOW + 1e6, 1, &mut out);
        engine.serve_stale(miss.miss, support::NOW + 1e6);
        assert!(engine.take_sample().len() <= 3);
    }
});
