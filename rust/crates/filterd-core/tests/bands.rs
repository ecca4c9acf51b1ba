//! What counts say of clients: about how many, never which, the same by every way; and what is
//! sampled of the traffic.

mod support;

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use filterd_core::bands::Bands;
use filterd_core::engine::{Count, Engine, Lane, Now, Outcome, Sample, Settings, Way};
use support::{answer, query, rules, snapshot_of, A, NULL, PUPIL, STAFF, START};

/// By a cached answer, by a remembered block, by a redirect, by a rule that lets it pass.
const NAMES: [&str; 5] = [
    "www.example",
    "blocked.test",
    "ads1.example",
    "local.test",
    "allowed.blocked.test",
];

fn engine(key: &[u8], sample: u32) -> Arc<Engine> {
    let settings = Settings::parse(r#"{"record":"counts"}"#).expect("settings");
    let engine = Engine::new(snapshot_of(rules(), NULL, None, 1), settings);
    engine.set_bands(Bands::new(key, sample).expect("bands"));
    Arc::new(engine)
}

/// Pupils.
fn client(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x0a01_0000 + number))
}

/// Ask, and answer what is not known.
fn ask(lane: &mut Lane, name: &str, client: IpAddr, at: f64) {
    let (mut out, now) = (Vec::new(), Now::from(at));
    let outcome = lane.handle(&query(name, A), client, Way::Token, now, 0, &mut out);
    if matches!(outcome, Outcome::Miss(_)) {
        for miss in lane.engine().take_misses(9) {
            let records = [(&miss.name[..], A, 86_400, vec![198, 51, 100, 1])];
            let wire = answer(&miss.wire, 0, &records, &[]);
            assert_eq!(lane.complete(miss.miss, Some(&wire), now, 0).len(), 1);
        }
    }
}

/// The clients of each kind of row, by its pattern.
fn clients(rows: &[Count]) -> HashMap<(&'static str, String, i64), u64> {
    let of = |row: &Count| ((row.kind, row.pattern.clone(), row.slot), row.clients);
    rows.iter().map(of).collect()
}

#[test]
fn a_client_is_the_same_bit_in_every_row_of_a_slot_by_whatever_way() {
    let engine = engine(&[7; 16], 0);
    let mut lane = Lane::new(&engine);
    for name in NAMES {
        for _ in 0..3 {
            ask(&mut lane, name, PUPIL, START);
        }
    }
    drop(lane);
    let rows = engine.take_counts();
    let kinds: HashSet<_> = rows.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, ["pass", "allow", "block", "rewrite"].into());
    let bits: HashSet<_> = rows.iter().map(|row| row.clients).collect();
    assert_eq!(bits.len(), 1, "{rows:?}");
    assert_eq!(rows[0].clients.count_ones(), 1);
}

#[test]
fn bits_are_the_same_whether_one_lane_remembers_or_many_forget() {
    let (near, far) = (engine(&[7; 16], 0), engine(&[7; 16], 0));
    let mut lane = Lane::new(&near);
    for round in 0..3 {
        for name in NAMES {
            for number in 0..20 {
                // Another slot in the last round.
                let at = START + 200.0 * f64::from(round);
                ask(&mut lane, name, client(number % (7 + round)), at);
                ask(
                    &mut Lane::small(&far),
                    name,
                    client(number % (7 + round)),
                    at,
                );
                if number == 9 {
                    lane.rest(Now::from(at));
                    near.gather_counts();
                }
            }
        }
    }
    drop(lane);
    let (near, far) = (near.take_counts(), far.take_counts());
    assert_eq!(clients(&near), clients(&far));
    let slots: HashSet<i64> = near.iter().map(|row| row.slot).collect();
    assert_eq!(slots.len(), 2);
    for row in near.iter().filter(|row| !row.pattern.is_empty()) {
        assert!((3..=9).contains(&row.clients.count_ones()), "{row:?}");
    }
}

#[test]
fn a_group_has_no_bits_of_another_groups_clients() {
    let engine = engine(&[7; 16], 0);
    let mut lane = Lane::new(&engine);
    ask(&mut lane, "blocked.test", PUPIL, START);
    ask(&mut lane, "blocked.test", STAFF, START);
    for _ in 0..3 {
        ask(&mut lane, "blocked.test", PUPIL, START);
        ask(&mut lane, "blocked.test", STAFF, START);
    }
    drop(lane);
    let rows = engine.take_counts();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_ne!(
        rows[0].clients, rows[1].clients,
        "this key tells them apart"
    );
    assert!(rows
        .iter()
        .all(|row| row.count == 4 && row.clients.count_ones() == 1));
}

/// Whoever sees rows and knows every address still cannot say which of two clients asked: under one
/// key it is this one, under another key the other, and in the next slot it begins anew.
#[test]
fn bits_tell_two_clients_apart_from_nobody_who_has_no_key() {
    let bits = |key: u8, number: u32, at: f64| {
        let engine = engine(&[key; 16], 0);
        let mut lane = Lane::new(&engine);
        ask(&mut lane, "blocked.test", client(number), at);
        drop(lane);
        engine.take_counts()[0].clients
    };
    let of_one: Vec<u64> = (0..64).map(|key| bits(key, 1, START)).collect();
    let of_other: Vec<u64> = (0..64).map(|key| bits(key, 2, START)).collect();
    let (one, other) = (
        HashSet::<u64>::from_iter(of_one),
        HashSet::from_iter(of_other),
    );
    // 64 draws of 64 places reach about 40 of them, 26 the same by chance.
    assert!(one.len() > 28 && other.len() > 28);
    assert!(one.intersection(&other).count() > 12);
    let slots: HashSet<u64> = (0..64)
        .map(|slot| bits(7, 1, START + 300.0 * f64::from(slot)))
        .collect();
    assert!(slots.len() > 28, "a client keeps its bit: {slots:?}");
}

#[test]
fn a_link_is_one_client() {
    let engine = engine(&[7; 16], 0);
    let mut lane = Lane::new(&engine);
    for last in 1..100 {
        let address = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last);
        ask(&mut lane, "blocked.test", IpAddr::V6(address), START);
    }
    drop(lane);
    assert_eq!(engine.take_counts()[0].clients.count_ones(), 1);
}

#[test]
fn an_engine_begins_without_bits_and_samples_and_can_be_told_to_end_them() {
    let engine = engine(&[], 0);
    let mut lane = Lane::new(&engine);
    let mut asked = |key: &[u8], sample| {
        engine.set_bands(Bands::new(key, sample).expect("bands"));
        for name in NAMES {
            ask(&mut lane, name, PUPIL, START);
        }
        lane.turn_in();
        let all = engine
            .take_counts()
            .iter()
            .fold(0, |all, row| all | row.clients);
        (all.count_ones(), engine.take_sample().len())
    };
    assert_eq!(asked(&[], 0), (0, 0));
    assert_eq!(asked(&[7; 16], 1), (1, NAMES.len()));
    assert_eq!(asked(&[7; 16], 0), (1, 0));
    assert_eq!(asked(&[], 0), (0, 0));
}

fn sampled(
    engine: &Arc<Engine>,
    lane: &mut Lane,
    rounds: u32,
    of: impl Fn(u32) -> u32,
) -> Vec<Sample> {
    for number in 0..rounds {
        let name = NAMES[number as usize % NAMES.len()];
        ask(lane, name, client(of(number)), START);
    }
    lane.turn_in();
    engine.take_sample()
}

#[test]
fn a_sample_has_the_name_as_asked_whether_it_was_blocked_and_a_bit_of_the_day() {
    let engine = engine(&[7; 16], 1);
    let mut lane = Lane::new(&engine);
    let samples = sampled(&engine, &mut lane, 100, |_| 3);
    assert_eq!(samples.len(), 100);
    for (number, sample) in samples.iter().enumerate() {
        let name = NAMES[number % NAMES.len()];
        let blocked = ["blocked.test", "ads1.example"].contains(&name);
        assert_eq!((&sample.name[..], sample.blocked), (name, blocked));
        assert_eq!(sample.clients, samples[0].clients);
    }
    let bits = engine.take_counts();
    let (slot, day) = (bits[0].clients, samples[0].clients);
    assert_eq!((slot.count_ones(), day.count_ones()), (1, 1));
    assert_ne!(
        slot, day,
        "one of 64 keys has them the same; this is another"
    );
}

/// Eight clients take turns, as regular as can be: none is left out and none is met more often.
#[test]
fn a_sample_keeps_no_clients_time() {
    for sample in [4, 8, 64] {
        let engine = engine(&[7; 16], sample);
        let mut lane = Lane::new(&engine);
        let rounds = 400 * sample;
        let samples = sampled(&engine, &mut lane, rounds, |number| number % 8);
        let share = samples.len() as f64 / 400.0;
        assert!((0.9..1.1).contains(&share), "one in {sample}: {share}");
        let mut seen: HashMap<u64, u32> = HashMap::new();
        for sample in &samples {
            *seen.entry(sample.clients).or_default() += 1;
        }
        let clients: Vec<u32> = seen.into_values().collect();
        let most = clients.iter().max().copied().unwrap_or(0);
        // 50 each, or 100 where two share a bit.
        assert!(clients.len() >= 6 && most < 140, "{clients:?}");
        assert!(clients.iter().all(|count| *count > 20), "{clients:?}");
    }
}

#[test]
fn what_nobody_takes_is_bounded_and_counted() {
    let engine = engine(&[7; 16], 1);
    let mut lane = Lane::new(&engine);
    for _ in 0..40 {
        for _ in 0..500 {
            ask(&mut lane, "blocked.test", PUPIL, START);
        }
        lane.turn_in();
    }
    for _ in 0..3000 {
        ask(&mut lane, "www.example", PUPIL, START);
    }
    lane.turn_in();
    let samples = engine.take_sample();
    assert_eq!(samples.len(), 16_384);
    assert_eq!(samples[16_383].name, "www.example", "the oldest go first");
    let stats: serde_json::Value = serde_json::from_str(&engine.stats()).expect("JSON");
    assert_eq!(stats["samples_dropped"], 23_000 - 16_384);
}

#[test]
fn strange_times_are_somebodys_slot_too() {
    let engine = engine(&[7; 16], 1);
    let mut lane = Lane::new(&engine);
    for at in [
        f64::NAN,
        -5.0,
        -1e18,
        1e300,
        f64::INFINITY,
        0.0,
        -301.0,
        START,
    ] {
        ask(&mut lane, "blocked.test", PUPIL, at);
    }
    lane.turn_in();
    let rows = engine.take_counts();
    assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), 8);
    assert!(rows
        .iter()
        .all(|row| row.slot % 300 == 0 && row.clients.count_ones() == 1));
    let slots: Vec<i64> = rows.iter().map(|row| row.slot).collect();
    for slot in [-600, -300, 0, 1_800_000_000] {
        assert!(slots.contains(&slot), "{slots:?}");
    }
    assert_eq!(engine.take_sample().len(), 8);
}
