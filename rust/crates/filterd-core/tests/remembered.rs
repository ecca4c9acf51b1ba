//! A name that is remembered is answered and counted as it was when it was asked for first.

mod support;

use std::net::IpAddr;
use std::sync::Arc;

use filterd_core::engine::{Count, Engine, Lane, Now, Outcome, Settings, Way};
use filterd_core::guard::{Guard, GuardSettings, Secrets};
use support::{query, query_edns, rules, snapshot_of, A, AAAA, HTTPS, NULL, PUPIL, STAFF, START};

const NAMES: [&str; 8] = [
    "blocked.test",
    "a.blocked.test",
    "nx.test",
    "silent.test",
    "tcp.test",
    "local.test",
    "ordered.test",
    "ads1.blocked.test",
];
const ANSWERS: [&str; 5] = [
    NULL,
    r#"{"style":"nxdomain","ttl":60}"#,
    r#"{"style":"nodata","ttl":60}"#,
    r#"{"style":"refused","ttl":60}"#,
    r#"{"style":"address","ttl":60,"ipv4":"192.0.2.9"}"#,
];
/// When pupils' rules end, in seconds after the start.
const SWITCH: i64 = 45;

fn engine(record: &str, answer: &str, responses: &str) -> Arc<Engine> {
    let settings = Settings::parse(&format!(r#"{{"record":"{record}"}}"#)).expect("settings");
    let snapshot = snapshot_of(rules(), answer, Some(START as i64 + SWITCH), 1);
    let engine = Arc::new(Engine::new(snapshot, settings));
    let guard = format!(
        r#"{{"access": {{"networks": ["0.0.0.0/0"], "others": "refuse"}}, "responses": {responses}}}"#
    );
    let settings = GuardSettings::parse(&guard).expect("settings");
    let secrets = Secrets {
        current: [1; 16],
        older: None,
    };
    engine.set_guard(Arc::new(
        Guard::new(&settings, Some(secrets)).expect("a guard"),
    ));
    engine
}

fn packets(name: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for qtype in [A, AAAA, HTTPS] {
        let bare = query_edns(name, qtype, 1232, false);
        let with = |options: &[u8]| {
            let mut packet = bare.clone();
            let at = packet.len() - 1;
            packet[at] = options.len() as u8;
            packet.extend_from_slice(options);
            packet
        };
        all.push(query(name, qtype));
        all.push(query_edns(name, qtype, 512, true));
        all.push(with(b"\0\x0a\0\x08abcdefgh"));
        all.push(with(b"\0\x0c\0\x02\0\0"));
        all.push(bare);
    }
    all
}

fn ask(lane: &mut Lane, packet: &[u8], client: IpAddr, at: f64, door: u8) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let outcome = lane.handle(packet, client, Way::Token, Now::from(at), door, &mut out);
    (outcome == Outcome::Reply).then_some(out)
}

/// What was counted: the statistics without what says nothing of queries, and the rows.
fn counted(engine: &Engine) -> (serde_json::Value, Vec<Count>) {
    let stats = serde_json::from_str(&engine.stats()).expect("JSON");
    let mut rows = engine.take_counts();
    rows.sort_by(|a, b| {
        let key = |row: &Count| (row.pattern.clone(), row.class, row.step, row.group.clone());
        key(a).cmp(&key(b))
    });
    (stats, rows)
}

#[test]
fn it_gets_the_same_reply_by_every_door_and_under_every_answer() {
    for answer in ANSWERS {
        let engine = engine("counts", answer, "{}");
        for packet in NAMES.iter().flat_map(|name| packets(name)) {
            for (client, at, door) in [
                (PUPIL, START, 0),
                (PUPIL, START, 1),
                (PUPIL, START, 3),
                (PUPIL, START + 40.0, 0),
                (PUPIL, START + 50.0, 0),
                (STAFF, START, 0),
            ] {
                let mut fresh = Lane::new(&engine);
                let first = ask(&mut fresh, &packet, client, at, door);
                for _ in 0..2 {
                    let again = ask(&mut fresh, &packet, client, at, door);
                    assert_eq!(again, first, "{answer} {client} {at} {door}");
                }
            }
        }
    }
}

#[test]
fn it_is_counted_the_same_whether_remembered_or_not() {
    for answer in ANSWERS {
        let (near, far) = (
            engine("counts", answer, "{}"),
            engine("counts", answer, "{}"),
        );
        let mut lane = Lane::new(&near);
        for round in 0..3 {
            for packet in NAMES.iter().flat_map(|name| packets(name)) {
                for client in [PUPIL, STAFF] {
                    let at = START + 20.0 * f64::from(round);
                    ask(&mut lane, &packet, client, at, 0);
                    ask(&mut Lane::small(&far), &packet, client, at, 0);
                }
            }
        }
        drop(lane);
        let ((near, near_rows), (far, far_rows)) = (counted(&near), counted(&far));
        for part in [
            "queries",
            "types",
            "verdicts",
            "rcodes",
            "hits",
            "silenced",
            "truncated",
        ] {
            assert_eq!(near[part], far[part], "{answer} {part}");
        }
        assert_eq!(near_rows, far_rows, "{answer}");
        let counted: u64 = near_rows.iter().map(|row| row.count).sum();
        assert!(counted > 200 && near_rows.len() >= 6, "{near_rows:?}");
    }
}

#[test]
fn a_reply_above_its_rate_is_not_counted_as_sent() {
    let engine = engine("counts", NULL, r#"{"rate": 2, "slip": 0, "window": 5}"#);
    let mut lane = Lane::new(&engine);
    let packet = query_edns("blocked.test", A, 1232, false);
    let replies = (0..9).filter(|_| ask(&mut lane, &packet, PUPIL, START, 0).is_some());
    let sent = replies.count();
    lane.turn_in();
    let (stats, rows) = counted(&engine);
    assert_eq!(stats["rcodes"]["0"], sent);
    assert_eq!(stats["queries"]["udp"], 9);
    assert_eq!(engine.guard().counts().dropped, 9 - sent as u64);
    assert!((1..9).contains(&sent));
    assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), 9);
}
