//! A gate behind an engine: whatever way a reply takes, what it leads to is open before it is out.

mod support;

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use filterd_core::engine::{Desk, Outcome};
use filterd_core::gate::{Change, Firewall, Gate, GateSettings, Refused};
use filterd_core::guard::{Guard, GuardSettings};
use support::*;

type Opened = Arc<Mutex<HashSet<(String, IpAddr)>>>;

struct Sets(Opened);

impl Firewall for Sets {
    fn change(&mut self, changes: &[Change<'_>]) -> Result<(), Refused> {
        let mut sets = self.0.lock().expect("no panic");
        for change in changes {
            let open = change.open.iter();
            sets.extend(open.map(|(address, _)| (change.set.to_owned(), *address)));
        }
        Ok(())
    }
}

const SETTINGS: &str = r#"{"table": "t", "groups": {"pupils": ["four", "six"]},
    "grace": 600, "least": 0, "most": 1000}"#;

fn gated(desk: &Desk) -> Opened {
    let opened = Opened::default();
    let settings = GateSettings::parse(SETTINGS).expect("settings");
    let gate = Gate::new(&settings, Box::new(Sets(Arc::clone(&opened))), None);
    desk.engine().set_gate(Arc::new(gate));
    opened
}

/// What was opened since the last time, as words in order.
fn taken(opened: &Opened) -> Vec<String> {
    let taken = std::mem::take(&mut *opened.lock().expect("no panic"));
    let mut words: Vec<String> = taken
        .into_iter()
        .map(|(set, address)| format!("{set} {address}"))
        .collect();
    words.sort();
    words
}

/// Ask for what nobody has asked for, and have it answered.
fn resolve(desk: &Desk, name: &str, client: IpAddr, last: u8, at: f64) -> usize {
    let mut out = Vec::new();
    let outcome = desk.handle(&query(name, A), client, at, 0, &mut out);
    assert!(matches!(outcome, Outcome::Miss(_)), "{outcome:?}");
    let asked = desk.take_misses(10);
    let records = [(name, A, 60, vec![198, 51, 100, last])];
    let wire = answer(&asked[0].wire, 0, &records, &[]);
    desk.complete(asked[0].miss, Some(&wire), at, 0).len()
}

#[test]
fn a_miss_a_kept_answer_and_a_stale_one() {
    let desk = engine();
    let opened = gated(&desk);
    assert_eq!(resolve(&desk, "www.example", PUPIL, 1, START), 1);
    assert_eq!(taken(&opened), ["four 198.51.100.1"]);
    // A gate that knows nothing: each way has to open it by itself.
    let opened = gated(&desk);
    ask(&desk, &query("www.example", A), PUPIL, START + 1.0);
    assert_eq!(taken(&opened), ["four 198.51.100.1"], "from the near cache");
    let opened = gated(&desk);
    desk.make_small();
    ask(&desk, &query("www.example", A), PUPIL, START + 1.0);
    assert_eq!(taken(&opened), ["four 198.51.100.1"], "from the cache");
    let late = START + 100.0;
    let opened = gated(&desk);
    let mut out = Vec::new();
    desk.handle(&query("www.example", A), PUPIL, late, 1, &mut out);
    let miss = desk.take_misses(10)[0].miss;
    assert_eq!(desk.serve_stale(miss, late).len(), 1);
    assert_eq!(taken(&opened), ["four 198.51.100.1"], "of a slow upstream");
    let opened = gated(&desk);
    desk.handle(&query("www.example", A), PUPIL, late, 1, &mut out);
    assert_eq!(desk.complete(miss, None, late, 22).len(), 1);
    assert_eq!(
        taken(&opened),
        ["four 198.51.100.1"],
        "for want of a new one"
    );
    let opened = gated(&desk);
    ask(&desk, &query("www.example", A), PUPIL, late);
    assert_eq!(
        taken(&opened),
        ["four 198.51.100.1"],
        "a failure is remembered"
    );
}

#[test]
fn all_who_wait_for_one_answer_have_it_opened_by_their_group() {
    let desk = engine();
    let opened = gated(&desk);
    let mut out = Vec::new();
    desk.handle(&query("www.example", A), STAFF, START, 0, &mut out);
    assert_eq!(resolve_joined(&desk), 2);
    assert_eq!(taken(&opened), ["four 198.51.100.1"]);
}

fn resolve_joined(desk: &Desk) -> usize {
    let mut out = Vec::new();
    desk.handle(&query("www.example", A), PUPIL, START, 1, &mut out);
    let asked = desk.take_misses(10);
    let records = [("www.example", A, 60, vec![198, 51, 100, 1])];
    let wire = answer(&asked[0].wire, 0, &records, &[]);
    desk.complete(asked[0].miss, Some(&wire), START, 0).len()
}

#[test]
fn rewrites_and_aliases_are_opened_and_blocks_are_not() {
    let desk = engine();
    let opened = gated(&desk);
    ask(&desk, &query("local.test", A), PUPIL, START);
    assert_eq!(taken(&opened), ["four 192.0.2.80", "four 192.0.2.81"]);
    for name in ["blocked.test", "nx.test", "ordered.test"] {
        for qtype in [A, AAAA, HTTPS] {
            ask(&desk, &query(name, qtype), PUPIL, START);
        }
    }
    assert_eq!(taken(&opened), [""; 0]);
    // A name that is rewritten to another.
    let mut out = Vec::new();
    desk.handle(&query("search.test", A), PUPIL, START, 0, &mut out);
    let asked = desk.take_misses(10);
    let records = [("safe.example", A, 60, vec![198, 51, 100, 7])];
    let wire = answer(&asked[0].wire, 0, &records, &[]);
    desk.complete(asked[0].miss, Some(&wire), START, 0);
    assert_eq!(taken(&opened), ["four 198.51.100.7"]);
    // An answer that leads where a rule says no.
    let mut out = Vec::new();
    desk.handle(&query("behind.example", A), PUPIL, START, 0, &mut out);
    let asked = desk.take_misses(10);
    let records = [("behind.example", A, 60, vec![203, 0, 113, 7])];
    let wire = answer(&asked[0].wire, 0, &records, &[]);
    assert_eq!(desk.complete(asked[0].miss, Some(&wire), START, 0).len(), 1);
    assert_eq!(taken(&opened), [""; 0]);
}

#[test]
fn a_block_page_of_the_school_s_own_can_be_reached() {
    let desk = engine_with("{}", r#"{"style":"address","ttl":60,"ipv4":"192.0.2.9"}"#);
    let opened = gated(&desk);
    ask(&desk, &query("blocked.test", A), PUPIL, START);
    assert_eq!(taken(&opened), ["four 192.0.2.9"]);
}

#[test]
fn groups_that_are_not_strict_open_nothing() {
    let desk = engine();
    let opened = gated(&desk);
    resolve(&desk, "www.example", STAFF, 1, START);
    ask(&desk, &query("www.example", A), STAFF, START);
    assert_eq!(taken(&opened), [""; 0]);
}

#[test]
fn a_swap_of_rules_and_a_fault_change_nothing_about_it() {
    let desk = engine();
    let opened = gated(&desk);
    desk.swap(snapshot_of(rules(), NULL, None, 2));
    resolve(&desk, "one.example", PUPIL, 1, START);
    assert_eq!(taken(&opened), ["four 198.51.100.1"]);
    let mut lane = filterd_core::engine::Lane::new(desk.engine());
    lane.recover();
    let mut out = Vec::new();
    let way = filterd_core::engine::Way::Token;
    let packet = query("local.test", A);
    lane.handle(&packet, PUPIL, way, START.into(), 0, &mut out);
    assert_eq!(taken(&opened), ["four 192.0.2.80", "four 192.0.2.81"]);
}

#[test]
fn what_the_guard_holds_back_is_not_opened() {
    let desk = engine();
    let text = r#"{"access": {"networks": ["10.0.0.0/8"], "others": "refuse"},
        "responses": {"rate": 1, "slip": 1, "window": 1}, "cookies": {"enabled": false}}"#;
    let settings = GuardSettings::parse(text).expect("settings");
    let guard = Guard::new(&settings, None).expect("a guard");
    desk.engine().set_guard(Arc::new(guard));
    let packet = query("local.test", A);
    let mut out = Vec::new();
    for _ in 0..20 {
        desk.handle(&packet, PUPIL, START, 0, &mut out);
    }
    assert_ne!(out[2] & 2, 0, "it is truncated by now");
    let opened = gated(&desk);
    desk.handle(&packet, PUPIL, START, 0, &mut out);
    assert_eq!(taken(&opened), [""; 0]);
}

#[test]
fn the_counts_are_there_with_and_without_a_gate() {
    let desk = engine();
    assert!(desk
        .stats()
        .contains(r#""gate":{"displaced":0,"failures":{"absent":0,"#));
    let _opened = gated(&desk);
    ask(&desk, &query("local.test", A), PUPIL, START);
    assert!(desk.stats().contains(r#""opened":2"#), "{}", desk.stats());
}
