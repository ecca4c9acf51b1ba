//! RFC 7873: DNS cookies at the guard. Those of the appendix of RFC 9018 are in `rfc9018.rs`.

use std::net::IpAddr;

use filterd_core::engine::Now;
use filterd_core::guard::{Arrival, Cookie, Guard, GuardSettings, Secrets, Why};

const OWN: Cookie = Cookie::Client(*b"abcdefgh");

fn guard(more: &str) -> Guard {
    let settings = format!(
        r#"{{"access": {{"networks": ["192.0.2.0/24", "2001:db8::/32"], "others": "refuse"}}{more}}}"#
    );
    let settings = GuardSettings::parse(&settings).expect("settings");
    let secrets = Secrets {
        current: [1; 16],
        older: None,
    };
    Guard::new(&settings, Some(secrets)).expect("a guard")
}

fn arrive(guard: &Guard, client: &str, cookie: Cookie, stream: bool, steady: f64) -> Arrival {
    let client: IpAddr = client.parse().expect("an address");
    let now = Now {
        unix: 1_700_000_000.0,
        steady,
    };
    guard.arrive(client, cookie, stream, now)
}

fn learnt(guard: &Guard, client: &str) -> Cookie {
    match arrive(guard, client, OWN, false, 0.0) {
        Arrival::Go(pass) | Arrival::BadCookie(pass) => {
            Cookie::read(&pass.cookie.expect("a cookie"))
        }
        other => panic!("{other:?}"),
    }
}

fn goes(arrival: Arrival) -> bool {
    matches!(arrival, Arrival::Go(_))
}

#[test]
fn who_sends_none_gets_none() {
    let guard = guard("");
    let Arrival::Go(pass) = arrive(&guard, "192.0.2.1", Cookie::Absent, false, 0.0) else {
        panic!("not admitted");
    };
    assert_eq!(pass.cookie, None);
}

#[test]
fn the_reply_carries_the_clients_cookie_and_ours() {
    let guard = guard("");
    // Any server cookie that is not ours is as good as none (section 5.2.4).
    for cookie in [
        OWN,
        Cookie::read(b"abcdefgh01234567"),
        Cookie::read(b"abcdefgh0123456789012345"),
    ] {
        let Arrival::Go(pass) = arrive(&guard, "192.0.2.1", cookie, false, 0.0) else {
            panic!("not admitted");
        };
        assert_eq!(pass.cookie.expect("a cookie")[..8], *b"abcdefgh");
        assert_eq!(
            Some(learnt(&guard, "192.0.2.1")),
            pass.cookie.map(|c| Cookie::read(&c))
        );
    }
}

#[test]
fn over_tcp_a_client_learns_its_cookie_too() {
    let guard = guard(r#", "cookies": {"require": true}"#);
    let Arrival::Go(pass) = arrive(&guard, "192.0.2.1", OWN, true, 0.0) else {
        panic!("not admitted");
    };
    let cookie = Cookie::read(&pass.cookie.expect("a cookie"));
    assert!(goes(arrive(&guard, "192.0.2.1", cookie, false, 0.0)));
}

#[test]
fn required_means_of_clients_that_know_cookies() {
    let guard = guard(r#", "cookies": {"require": true}"#);
    let cookie = learnt(&guard, "192.0.2.1");
    assert!(goes(arrive(
        &guard,
        "192.0.2.1",
        Cookie::Absent,
        false,
        0.0
    )));
    assert!(goes(arrive(&guard, "192.0.2.1", cookie, false, 0.0)));
    for cookie in [OWN, Cookie::Whole([9; 24]), learnt(&guard, "192.0.2.2")] {
        let Arrival::BadCookie(pass) = arrive(&guard, "192.0.2.1", cookie, false, 0.0) else {
            panic!("admitted");
        };
        assert!(pass.cookie.is_some());
    }
    assert_eq!(guard.counts().bad_cookies, 5);
}

#[test]
fn cookies_that_are_off_are_not_seen() {
    let guard = guard(r#", "cookies": {"enabled": false, "require": true}"#);
    let Arrival::Go(pass) = arrive(&guard, "192.0.2.1", OWN, false, 0.0) else {
        panic!("not admitted");
    };
    assert_eq!(pass.cookie, None);
}

#[test]
fn without_a_secret_there_are_none() {
    let settings = r#"{"access": {"networks": [], "others": "drop"}}"#;
    let settings = GuardSettings::parse(settings).expect("settings");
    let error = Guard::new(&settings, None).err().expect("an error");
    assert!(error.contains("secret"), "{error}");
}

#[test]
fn secrets_are_none_one_or_two_of_sixteen_bytes() {
    let read = |keys: &[&[u8]]| Secrets::read(keys).map(|s| s.map(|s| (s.current, s.older)));
    assert_eq!(read(&[]), Ok(None));
    assert_eq!(read(&[&[1; 16]]), Ok(Some(([1; 16], None))));
    let two = read(&[&[1; 16], &[2; 16]]);
    assert_eq!(two, Ok(Some(([1; 16], Some([2; 16])))));
    assert!(read(&[&[1; 15]]).is_err());
    assert!(read(&[&[1; 16], &[]]).is_err());
    assert!(read(&[&[1; 16], &[2; 16], &[3; 16]]).is_err());
}

#[test]
fn a_limited_client_is_told_to_bring_a_cookie_and_then_has_its_own_count() {
    let guard = guard(r#", "queries": {"rate": 1, "burst": 3}"#);
    let cookie = learnt(&guard, "192.0.2.1");
    for _ in 0..100 {
        arrive(&guard, "192.0.2.1", Cookie::Absent, false, 0.0);
    }
    let limited = |cookie, stream| arrive(&guard, "192.0.2.1", cookie, stream, 0.0);
    // Section 5.2.3: whoever sends under this address does not shut out its owner.
    assert_eq!(limited(Cookie::Absent, false), Arrival::Drop);
    assert!(matches!(limited(OWN, false), Arrival::BadCookie(_)));
    for _ in 0..3 {
        assert!(goes(limited(cookie, false)));
    }
    // A proved address has its limit, too.
    assert_eq!(limited(cookie, false), Arrival::Drop);
    let refused = limited(Cookie::Absent, true);
    assert!(matches!(refused, Arrival::Refuse(_, Why::TooMany)));
    assert!(goes(arrive(
        &guard,
        "192.0.2.2",
        Cookie::Absent,
        false,
        0.0
    )));
    assert!(goes(arrive(
        &guard,
        "192.0.2.1",
        Cookie::Absent,
        false,
        1.5
    )));
}

#[test]
fn strangers_are_refused_or_ignored_whatever_they_bring() {
    let guard = guard("");
    for client in ["198.51.100.1", "2001:db9::1", "::", "::1", "127.0.0.1"] {
        for stream in [false, true] {
            let Arrival::Refuse(pass, Why::Stranger) = arrive(&guard, client, OWN, stream, 0.0)
            else {
                panic!("{client} is admitted");
            };
            assert_eq!(pass.cookie, None);
        }
    }
    assert!(goes(arrive(&guard, "::ffff:192.0.2.9", OWN, false, 0.0)));
    assert_eq!(guard.counts().refused, 10);

    let silent = r#"{"access": {"networks": ["192.0.2.0/24"], "others": "drop"},
        "cookies": {"enabled": false}}"#;
    let settings = GuardSettings::parse(silent).expect("settings");
    let silent = guard.renewed(&settings, None).expect("a guard");
    assert_eq!(
        arrive(&silent, "2001:db8::1", OWN, false, 0.0),
        Arrival::Drop
    );
    // A guard that follows another counts on.
    assert_eq!((silent.counts().refused, silent.counts().ignored), (10, 1));
}

#[test]
fn an_open_guard_lets_everybody_pass() {
    let guard = Guard::open();
    for client in ["198.51.100.1", "::", "::1"] {
        assert!(goes(arrive(&guard, client, OWN, false, 0.0)));
    }
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for (more, words) in [
        (
            r#", "queries": {"rate": 100001}"#,
            "queries.rate is 100001; it is at most 100000",
        ),
        (r#", "queries": {"rate": 1, "burst": 601}"#, "queries.burst"),
        (r#", "queries": {"ipv4_prefix": 33}"#, "queries.ipv4_prefix"),
        (
            r#", "responses": {"ipv6_prefix": 129}"#,
            "responses.ipv6_prefix",
        ),
        (r#", "responses": {"window": 601}"#, "responses.window"),
        (r#", "responses": {"slip": 11}"#, "responses.slip"),
        (r#", "responses": {"speed": 11}"#, "unknown field"),
    ] {
        let json = format!(r#"{{"access": {{"networks": [], "others": "drop"}}{more}}}"#);
        let error = GuardSettings::parse(&json).expect_err("an error");
        assert!(
            error.starts_with("guard: ") && error.contains(words),
            "{error}"
        );
    }
    let settings = r#"{"access": {"networks": ["192.0.2.0/40"], "others": "drop"}, "cookies": {"enabled": false}}"#;
    let settings = GuardSettings::parse(settings).expect("settings");
    let error = Guard::new(&settings, None).err().expect("an error");
    assert!(error.contains("192.0.2.0/40"), "{error}");
    let error = GuardSettings::parse("{}").expect_err("an error");
    assert!(error.contains("access"), "{error}");
}
