//! What a query costs inside the core, sort by sort, without Python and without sockets:
//!
//!     cargo run --release -p filterd-core --example query_cost -- [ROUNDS]
//!
//! Prints a line for each sort: its name, how many queries were counted, nanoseconds a query. Under
//! `valgrind --tool=callgrind --toggle-collect='*counted*' --dump-after='*counted*'` it gives a
//! profile for each, in the same order and of nothing else: `bench/budgets.py` does that with one
//! round, and holds the instructions against `bench/budgets.toml`.
//!
//! The secrets of the hashes are a process's own, so in every run other names share a place of a
//! table; thousands of names of each sort leave next to nothing of that in the mean.

#![allow(clippy::print_stdout)] // printing is what it is for

use std::error::Error;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use filterd_core::bands::Bands;
use filterd_core::engine::{Engine, Lane, Now, Outbox, Outcome, Queries, Settings, Way};
use filterd_core::forward::{Effect, Forward, ForwardSettings, PortId};
use filterd_core::fuzzing;
use filterd_core::gate::{Change, Firewall, Gate, GateSettings, Refused};
use filterd_core::guard::{Guard, GuardSettings, Secrets};
use filterd_core::matches::Matches;
use filterd_core::snapshot::Snapshot;
use filterd_index::{IndexBuilder, Scope};

type Fault = Box<dyn Error>;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 20, 30, 40));
const NOW: Now = Now {
    unix: 1_800_000_000.0,
    steady: 1_000.0,
};
/// Names on the list.
const RULES: usize = 100_000;
/// Queries of each sort; few enough for a lane to hold them all.
const NAMES: usize = 4_000;
/// Where the counted names begin; those before it only make the tables.
const FIRST: usize = 500;
/// Misses that are taken together, as a thread takes them after a batch of packets.
const BATCH: usize = 32;
const FORWARD: &str = r#"{"servers": [{"label": "s", "address": "192.0.2.1:53"}], "deadline": 5,
    "stale_wait": 1.8, "most": 10000}"#;
const TYPE_A: u16 = 1;
const OPT: &[u8] = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
const PLAN: &str = r#"{
    "classes": [{"action": "allow"}, {"action": "block", "ede": 15, "ede_text": "Blocked by a list"}],
    "layers": [1, 1],
    "ranks": [[1024, 1797]],
    "groups": [{"name": "pupils", "filtered": true, "segments": [{"from": 0, "ranks": 0}],
                "default": "pass", "answer": {"style": "null", "ttl": 60}}],
    "default_group": 0,
    "clients": [],
    "prefixes": [["10.20.0.0/16", 0, -1]]
}"#;
/// Who is answered is asked of every query; rates are not limited unless somebody says so.
const GUARD: &str = r#"{"access": {"networks": ["127.0.0.0/8", "::1/128", "10.0.0.0/8",
    "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"], "others": "refuse"}}"#;

const GATE: &str = r#"{"table": "t", "groups": {"pupils": ["four", "six"]}, "grace": 600,
    "least": 1800, "most": 65536}"#;

/// What every sort is counted with.
struct Ground {
    engine: Arc<Engine>,
    snapshot: Arc<Snapshot>,
    answered: Vec<Vec<u8>>,
    blocked: Vec<Vec<u8>>,
    rounds: usize,
}

fn main() -> Result<(), Fault> {
    let rounds = match std::env::args().nth(1) {
        Some(rounds) => rounds.parse()?,
        None => 100,
    };
    let snapshot = snapshot()?;
    let ground = Ground {
        engine: engine(&snapshot)?,
        snapshot,
        answered: queries("answered", 0..FIRST + NAMES),
        blocked: queries("blocked", 0..FIRST + NAMES),
        rounds,
    };
    Resolving::new(&ground.engine)?.resolve(&ground.answered)?;
    ground.parse()?;
    ground.lookup()?;
    ground.remembered("hit", &ground.answered)?;
    ground.first("hit-shared", &ground.answered)?;
    ground.remembered("block", &ground.blocked)?;
    ground.first("block-new", &ground.blocked)?;
    ground.miss("miss", "missing")?;
    ground.engine.set_gate(gate()?);
    ground.remembered("hit-strict", &ground.answered)?;
    ground.miss("miss-strict", "strict")
}

impl Ground {
    fn lane(&self) -> Lane {
        Lane::new(&self.engine)
    }

    /// A packet to a question and its options, or to a refusal.
    fn parse(&self) -> Result<(), Fault> {
        let mut reader = fuzzing::Reader::default();
        measure("parse", self.rounds, NAMES, || {
            for packet in &self.blocked[FIRST..] {
                expect(reader.read(black_box(packet)))?;
            }
            Ok(())
        })
    }

    /// What the rules say about a name on the list, and the verdict for a client's group.
    fn lookup(&self) -> Result<(), Fault> {
        let names = self.blocked[FIRST..].iter();
        let names: Vec<&[u8]> = names.map(|packet| name(packet)).collect();
        let asker = self.snapshot.asker(CLIENT);
        let now = NOW.unix as i64;
        measure("lookup", self.rounds, NAMES, || {
            for name in &names {
                let mut found = Matches::new();
                self.snapshot.match_name(black_box(name), &mut found);
                let decision = self.snapshot.decide(&found, &asker, TYPE_A, now);
                expect(black_box(decision).hit.is_some())?;
            }
            Ok(())
        })
    }

    /// Names that this lane has answered before.
    fn remembered(&self, sort: &str, queries: &[Vec<u8>]) -> Result<(), Fault> {
        let mut lane = self.lane();
        ask(&mut lane, queries)?;
        measure(sort, self.rounds, NAMES, || {
            ask(&mut lane, &queries[FIRST..])
        })
    }

    /// Names that come to this lane for the first time; its tables are there.
    fn first(&self, sort: &str, queries: &[Vec<u8>]) -> Result<(), Fault> {
        let mut lane = self.lane();
        ask(&mut lane, &queries[..FIRST])?;
        measure(sort, 1, NAMES, || ask(&mut lane, &queries[FIRST..]))
    }

    /// Names that nobody asked for before: parked, taken, forwarded, completed.
    fn miss(&self, sort: &str, label: &str) -> Result<(), Fault> {
        let mut resolving = Resolving::new(&self.engine)?;
        resolving.resolve(&queries(&format!("early{label}"), 0..FIRST))?;
        let queries = queries(label, 0..NAMES);
        measure(sort, 1, NAMES, || resolving.resolve(&queries))
    }
}

/// Run `work` once for each round, count, and say what it took.
fn measure(
    sort: &str,
    rounds: usize,
    queries: usize,
    mut work: impl FnMut() -> Result<(), Fault>,
) -> Result<(), Fault> {
    let start = Instant::now();
    counted(rounds, &mut work)?;
    let count = rounds * queries;
    let each = start.elapsed().as_nanos() / count.max(1) as u128;
    println!("{sort} {count} {each}");
    Ok(())
}

/// The one function whose instructions are collected, by its name: never inlined.
#[inline(never)]
fn counted(rounds: usize, work: &mut dyn FnMut() -> Result<(), Fault>) -> Result<(), Fault> {
    for _ in 0..rounds {
        work()?;
    }
    Ok(())
}

/// Ask what can be answered at once.
fn ask(lane: &mut Lane, queries: &[Vec<u8>]) -> Result<(), Fault> {
    let mut out = Vec::with_capacity(512);
    for query in queries {
        let outcome = lane.handle(black_box(query), CLIENT, Way::Token, NOW, 0, &mut out);
        expect(outcome == Outcome::Reply)?;
    }
    Ok(())
}

/// What threads have that ask what nobody knows, and bring the answers.
struct Resolving {
    lane: Lane,
    forward: Forward,
    taken: Queries,
    sent: Vec<(PortId, Vec<u8>)>,
    outbox: Outbox,
}

impl Resolving {
    fn new(engine: &Arc<Engine>) -> Result<Self, Fault> {
        let forward = Forward::new(ForwardSettings::read(FORWARD)?, [5; 32]);
        Ok(Self {
            lane: Lane::new(engine),
            forward,
            taken: Queries::default(),
            sent: Vec::new(),
            outbox: Outbox::default(),
        })
    }

    /// Ask all, batch by batch; the answers have one address each.
    fn resolve(&mut self, queries: &[Vec<u8>]) -> Result<(), Fault> {
        let mut out = Vec::with_capacity(512);
        for batch in queries.chunks(BATCH) {
            for query in batch {
                let query = black_box(query);
                let outcome = self
                    .lane
                    .handle(query, CLIENT, Way::Token, NOW, 0, &mut out);
                expect(matches!(outcome, Outcome::Miss(_)))?;
            }
            self.lane.engine().take_plain(BATCH, &mut self.taken);
            while let Some((miss, query)) = self.taken.first() {
                self.forward.ask(miss, query, NOW.steady);
                self.taken.pop();
            }
            self.act();
            for (port, wire) in &mut self.sent {
                wire.truncate(wire.len() - OPT.len());
                wire[2..12].copy_from_slice(b"\x81\x80\0\x01\0\x01\0\0\0\0");
                wire.extend_from_slice(b"\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\xcb\0\x71\x01");
                self.forward.received(*port, wire, NOW.steady);
            }
            self.sent.clear();
            self.act();
            expect(self.outbox.replies.len() == batch.len())?;
            self.outbox.clear();
        }
        Ok(())
    }

    fn act(&mut self) {
        while let Some(effect) = self.forward.next_effect() {
            match effect {
                Effect::Send { port, wire } => {
                    let mut kept = Vec::with_capacity(512);
                    kept.extend_from_slice(wire);
                    self.sent.push((port, kept));
                }
                Effect::Answer { miss, wire } => {
                    self.lane
                        .complete_into(miss, Some(wire), NOW, 0, &mut self.outbox);
                }
                _ => {}
            }
        }
    }
}

/// A figure of something else than was meant is worse than none.
fn expect(as_meant: bool) -> Result<(), Fault> {
    if as_meant {
        Ok(())
    } else {
        Err("a query was not answered as its sort is: nothing can be said about the cost".into())
    }
}

fn engine(snapshot: &Arc<Snapshot>) -> Result<Arc<Engine>, Fault> {
    let settings = Settings::parse(r#"{"record": "counts"}"#)?;
    let engine = Arc::new(Engine::new(Arc::clone(snapshot), settings));
    let secrets = Secrets {
        current: [7; 16],
        older: None,
    };
    let guard = Guard::new(&GuardSettings::parse(GUARD)?, Some(secrets))?;
    engine.set_guard(Arc::new(guard));
    // As where a feed is followed.
    engine.set_bands(Bands::new(&[9; 16], 64)?);
    engine.set_route(Some(Box::new(|_| true)));
    Ok(engine)
}

/// A firewall that does as it is told, for nothing: what the kernel takes is not the core's.
struct Willing;

impl Firewall for Willing {
    fn change(&mut self, changes: &[Change<'_>]) -> Result<(), Refused> {
        black_box(changes);
        Ok(())
    }
}

/// The pupils are a strict group.
fn gate() -> Result<Arc<Gate>, Fault> {
    let settings = GateSettings::parse(GATE)?;
    Ok(Arc::new(Gate::new(&settings, Box::new(Willing), None)))
}

fn snapshot() -> Result<Arc<Snapshot>, Fault> {
    let mut own = IndexBuilder::new(false);
    own.add_name("allowed.example", Scope::Subtree, 0, 0)?;
    let mut lists = IndexBuilder::new(false);
    for number in 0..RULES {
        lists.add_name(&format!("blocked{number}.example"), Scope::Subtree, 0, 0)?;
    }
    let indexes = vec![Arc::new(own.finish("{}")?), Arc::new(lists.finish("{}")?)];
    Ok(Arc::new(Snapshot::new(indexes, PLAN, 1)?))
}

/// Queries for names below `label`, of two to four labels: type A, RD, an OPT without options.
fn queries(label: &str, numbers: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    let query = |number: usize| {
        let mut wire = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\x01".to_vec();
        let front = ["", "www.", "static.cdn."][number % 3];
        for label in format!("{front}{label}{number}.example").split('.') {
            wire.push(label.len() as u8);
            wire.extend_from_slice(label.as_bytes());
        }
        wire.extend_from_slice(b"\0\0\x01\0\x01");
        wire.extend_from_slice(OPT);
        wire
    };
    numbers.map(query).collect()
}

/// The name of such a query, without the root.
fn name(query: &[u8]) -> &[u8] {
    &query[12..query.len() - OPT.len() - 5]
}
