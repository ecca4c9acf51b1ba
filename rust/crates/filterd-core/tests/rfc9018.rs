//! RFC 9018: server cookies as every server makes them. The values are those of its appendix A.

use std::net::IpAddr;

use filterd_core::engine::Now;
use filterd_core::guard::{Arrival, Cookie, Guard, GuardSettings, Pass, Secrets};

const SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
    (0..hex.len()).step_by(2).map(digit).collect()
}

fn secret(hex: &str) -> [u8; 16] {
    bytes(hex).try_into().expect("128 bits")
}

/// A guard that answers a cookie it does not accept with BADCOOKIE.
fn strict(current: &str, older: Option<&str>) -> Guard {
    let settings = r#"{"access": {"networks": ["0.0.0.0/0", "::/0"], "others": "refuse"},
        "cookies": {"require": true}}"#;
    let secrets = Secrets {
        current: secret(current),
        older: older.map(secret),
    };
    let settings = GuardSettings::parse(settings).expect("settings");
    Guard::new(&settings, Some(secrets)).expect("a guard")
}

/// Whether the cookie was accepted, and what goes back.
fn see(guard: &Guard, client: &str, cookie: &[u8], unix: u32) -> (bool, Vec<u8>) {
    let client: IpAddr = client.parse().expect("an address");
    let now = Now::from(f64::from(unix));
    let accepted = |pass: Pass| pass.cookie.expect("a cookie").to_vec();
    match guard.arrive(client, Cookie::read(cookie), false, now) {
        Arrival::Go(pass) => (true, accepted(pass)),
        Arrival::BadCookie(pass) => (false, accepted(pass)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a1_learning_a_new_server_cookie() {
    let (accepted, reply) = see(
        &strict(SECRET, None),
        "198.51.100.100",
        &bytes("2464c4abcf10c957"),
        1_559_731_985,
    );
    assert!(!accepted);
    assert_eq!(
        reply,
        bytes("2464c4abcf10c957010000005cf79f111f8130c3eee29480")
    );
}

#[test]
fn a2_the_same_client_learning_a_renewed_one() {
    let (accepted, reply) = see(
        &strict(SECRET, None),
        "198.51.100.100",
        &bytes("2464c4abcf10c957010000005cf79f111f8130c3eee29480"),
        1_559_734_385,
    );
    assert!(accepted);
    assert_eq!(
        reply,
        bytes("2464c4abcf10c957010000005cf7a871d4a564a1442aca77")
    );
}

#[test]
fn a3_reserved_bits_are_hashed_as_they_came() {
    let guard = strict(SECRET, None);
    let cookie = bytes("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
    let (accepted, reply) = see(&guard, "203.0.113.203", &cookie, 1_559_727_985);
    assert!(accepted);
    assert_eq!(reply, cookie);
    // The appendix renews it when it is almost two hours old: by section 4.3 it is past its time.
    let (accepted, reply) = see(&guard, "203.0.113.203", &cookie, 1_559_734_700);
    assert!(!accepted);
    assert_eq!(
        reply,
        bytes("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e")
    );
}

#[test]
fn a4_ipv6_and_a_rolled_over_secret() {
    let guard = strict(
        "445536bcd2513298075a5d379663c962",
        Some("dd3bdf9344b678b185a6f5cb60fca715"),
    );
    let (accepted, reply) = see(
        &guard,
        "2001:db8:220:1:59de:d0f4:8769:82b8",
        &bytes("22681ab97d52c298010000005cf7c57926556bd0934c72f8"),
        1_559_741_961,
    );
    assert!(accepted);
    assert_eq!(
        reply,
        bytes("22681ab97d52c298010000005cf7c609a6bb79d16625507a")
    );
}

#[test]
fn times_are_an_hour_past_and_five_minutes_ahead() {
    let guard = strict(SECRET, None);
    let made = 1_559_731_985;
    let cookie = bytes("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    for (unix, accepted, kept) in [
        (made - 301, false, false),
        (made - 300, true, true),
        (made, true, true),
        (made + 1799, true, true),
        (made + 1800, true, false),
        (made + 3600, true, false),
        (made + 3601, false, false),
    ] {
        let (was, reply) = see(&guard, "198.51.100.100", &cookie, unix);
        assert_eq!((was, reply == cookie), (accepted, kept), "{unix}");
    }
}

#[test]
fn a_cookie_is_for_one_client_and_every_byte_counts() {
    let guard = strict(SECRET, None);
    let cookie = bytes("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    let now = 1_559_731_985;
    assert!(see(&guard, "198.51.100.100", &cookie, now).0);
    assert!(see(&guard, "::ffff:198.51.100.100", &cookie, now).0);
    assert!(!see(&guard, "198.51.100.101", &cookie, now).0);
    for at in 0..cookie.len() {
        let mut other = cookie.clone();
        other[at] ^= 1;
        assert!(!see(&guard, "198.51.100.100", &other, now).0, "byte {at}");
    }
}

#[test]
fn timestamps_go_round() {
    let guard = strict(SECRET, None);
    let before = u32::MAX - 60;
    let (_, cookie) = see(&guard, "192.0.2.1", b"abcdefgh", before);
    let (accepted, reply) = see(&guard, "192.0.2.1", &cookie, 60);
    assert!(accepted);
    assert_eq!(reply, cookie);
    assert!(!see(&guard, "192.0.2.1", &cookie, before.wrapping_add(3601)).0);
}
