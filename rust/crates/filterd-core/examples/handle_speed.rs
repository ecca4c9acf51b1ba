//! Times `Desk::handle` without Python and without sockets:
//!
//!     cargo run --release -p filterd-core --example handle_speed -- [ROUNDS [SORT]]
//!
//! Prints nanoseconds a query for names that are in the cache, for blocked names that were asked
//! for before, and for blocked names that come for the first time (sort: cached, blocked, strangers;
//! none: all). One thread, rules made up.

#![allow(clippy::print_stdout)] // printing is what it is for

use std::error::Error;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use filterd_core::engine::{Desk, Settings};
use filterd_core::snapshot::Snapshot;
use filterd_index::{IndexBuilder, Scope};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
const NOW: f64 = 1_800_000_000.0;
/// Names of each sort; few enough for all to be remembered.
const NAMES: usize = 2_000;
/// Blocked names that are asked for once.
const STRANGERS: usize = 50_000;
const PLAN: &str = r#"{
    "classes": [{"action": "allow"}, {"action": "block", "ede": 15, "ede_text": "Blocked by a list"}],
    "layers": [1, 1],
    "ranks": [[1024, 1797]],
    "groups": [{"name": "pupils", "filtered": true, "segments": [{"from": 0, "ranks": 0}],
                "default": "pass", "answer": {"style": "null", "ttl": 60}}],
    "default_group": 0,
    "clients": [],
    "prefixes": [["192.0.2.0/24", 0, -1]]
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let rounds: usize = match std::env::args().nth(1) {
        Some(rounds) => rounds.parse()?,
        None => 100,
    };
    let only = std::env::args().nth(2);
    let engine = engine()?;
    let cached = queries("answered", NAMES);
    let blocked = queries("blocked", NAMES);
    let strangers = queries("other.blocked", STRANGERS);
    answer(&engine, &cached);
    for (what, queries, rounds) in [
        ("cached", &cached, rounds),
        ("blocked", &blocked, rounds),
        ("strangers", &strangers, 1),
    ] {
        if only.as_ref().is_some_and(|only| only != what) {
            continue;
        }
        // The first question for a name is another one than those that are timed.
        if rounds > 1 {
            ask(&engine, queries);
        }
        let start = Instant::now();
        for _ in 0..rounds {
            ask(&engine, queries);
        }
        let each = start.elapsed().as_nanos() / (rounds * queries.len()) as u128;
        println!("{what}: {each} ns");
    }
    Ok(())
}

fn engine() -> Result<Desk, Box<dyn Error>> {
    let mut own = IndexBuilder::new(false);
    own.add_name("allowed.example", Scope::Subtree, 0, 0)?;
    let mut lists = IndexBuilder::new(false);
    for number in 0..NAMES {
        lists.add_name(&format!("blocked{number}.example"), Scope::Subtree, 0, 0)?;
    }
    for number in 0..STRANGERS {
        let name = format!("other.blocked{number}.example");
        lists.add_name(&name, Scope::Subtree, 0, 0)?;
    }
    let indexes = vec![Arc::new(own.finish("{}")?), Arc::new(lists.finish("{}")?)];
    let snapshot = Arc::new(Snapshot::new(indexes, PLAN, 1)?);
    let settings = Settings::parse(r#"{"record": "counts"}"#)?;
    Ok(Desk::new(snapshot, settings))
}

/// Queries for `count` names that begin with `label`: type A, RD, no OPT.
fn queries(label: &str, count: usize) -> Vec<Vec<u8>> {
    let query = |number: usize| {
        let mut wire = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0".to_vec();
        for label in format!("{label}{number}.example").split('.') {
            wire.push(label.len() as u8);
            wire.extend_from_slice(label.as_bytes());
        }
        wire.extend_from_slice(b"\0\0\x01\0\x01");
        wire
    };
    (0..count).map(query).collect()
}

fn ask(engine: &Desk, queries: &[Vec<u8>]) {
    let mut out = Vec::with_capacity(512);
    for query in queries {
        black_box(engine.handle(black_box(query), CLIENT, NOW, 0, &mut out));
    }
}

/// Put an answer to each into the cache: one address.
fn answer(engine: &Desk, queries: &[Vec<u8>]) {
    ask(engine, queries);
    for question in engine.take_misses(queries.len()) {
        let mut wire = question.wire;
        wire.truncate(wire.len() - 11); // the OPT
        wire[2..12].copy_from_slice(b"\x81\x80\0\x01\0\x01\0\0\0\0");
        wire.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\xcb\0\x71\x01");
        engine.complete(question.miss, Some(&wire), NOW, 0);
    }
}
