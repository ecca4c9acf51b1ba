//! Response rate limiting: what an attacker who sends under a victim's address can have sent to it.

use std::net::IpAddr;

use filterd_core::engine::Now;
use filterd_core::guard::{Arrival, Cookie, Guard, GuardSettings, Pace, Pass, Secrets};

const VICTIM: &str = "198.51.100.7";
const SECRETS: Secrets = Secrets {
    current: [1; 16],
    older: None,
};

fn guard(responses: &str) -> Guard {
    let settings = format!(
        r#"{{"access": {{"networks": ["0.0.0.0/0", "::/0"], "others": "refuse"}},
            "exempt": ["127.0.0.0/8"], "responses": {responses}}}"#
    );
    let settings = GuardSettings::parse(&settings).expect("settings");
    Guard::new(&settings, Some(SECRETS)).expect("a guard")
}

fn pass(guard: &Guard, client: &str, cookie: Cookie, stream: bool) -> Pass {
    let client: IpAddr = client.parse().expect("an address");
    match guard.arrive(client, cookie, stream, Now::from(0.0)) {
        Arrival::Go(pass) => pass,
        other => panic!("{other:?}"),
    }
}

fn name(text: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}

/// A reply with an OPT: `answers` times an A record, and an SOA of `zone`.
fn reply(qname: &str, code: u8, answers: u8, zone: Option<&str>) -> Vec<u8> {
    let soa = u8::from(zone.is_some());
    let mut out = vec![9, 9, 0x81, 0x80 | code, 0, 1, 0, answers, 0, soa, 0, 1];
    out.extend(name(qname));
    out.extend([0, 1, 0, 1]);
    for _ in 0..answers {
        out.extend(b"\xc0\x0c\0\x01\0\x01\0\0\x01\0\0\x04\xc0\0\x02\x01");
    }
    if let Some(zone) = zone {
        out.extend(name(zone));
        out.extend(b"\0\x06\0\x01\0\0\x01\0\0\x16\0\0");
        out.extend([0; 20]);
    }
    out.extend(b"\0\0\x29\x04\xd0\0\0\x80\0\0\x06\0\x0f\0\x02\0\x12");
    out
}

/// What becomes of `times` such replies at one moment: sent, slipped, dropped.
fn sent(guard: &Guard, client: &str, message: &[u8], times: usize, steady: f64) -> [usize; 3] {
    let pass = pass(guard, client, Cookie::Absent, false);
    let client: IpAddr = client.parse().expect("an address");
    let mut counts = [0; 3];
    for _ in 0..times {
        let mut out = message.to_vec();
        counts[guard.leave(client, pass, &mut out, steady) as usize] += 1;
    }
    counts
}

#[test]
fn one_answer_to_one_prefix_is_limited_and_others_are_not() {
    let guard = guard(r#"{"rate": 5, "slip": 2}"#);
    let answer = reply("www.example.com", 0, 1, None);
    assert_eq!(sent(&guard, VICTIM, &answer, 25, 0.0), [5, 10, 10]);
    // The spelling is the sender's to choose, and so is the last byte of the address.
    let spelt = reply("wWw.EXAMPLE.com", 0, 1, None);
    assert_eq!(sent(&guard, "198.51.100.99", &spelt, 4, 0.0), [0, 2, 2]);
    let other = reply("www.example.net", 0, 1, None);
    assert_eq!(sent(&guard, VICTIM, &other, 5, 0.0), [5, 0, 0]);
    assert_eq!(sent(&guard, "198.51.101.7", &answer, 5, 0.0), [5, 0, 0]);
    assert_eq!(sent(&guard, "2001:db8::1", &answer, 6, 0.0), [5, 0, 1]);
    assert_eq!(sent(&guard, "2001:db8:0:ff::1", &answer, 1, 0.0), [0, 1, 0]);
    let counts = guard.counts();
    assert_eq!((counts.slipped, counts.dropped), (13, 13));
}

#[test]
fn what_goes_on_is_held_against_it_for_the_window() {
    let guard = guard(r#"{"rate": 5, "slip": 0, "window": 15}"#);
    let answer = reply("www.example.com", 0, 1, None);
    assert_eq!(sent(&guard, VICTIM, &answer, 1000, 0.0), [5, 0, 995]);
    assert_eq!(sent(&guard, VICTIM, &answer, 100, 10.0), [0, 0, 100]);
    assert_eq!(sent(&guard, VICTIM, &answer, 1, 25.5), [1, 0, 0]);
}

#[test]
fn names_that_do_not_exist_count_by_their_zone() {
    let guard = guard(r#"{"rate": 0, "negatives": 3, "slip": 0}"#);
    let mut passed = 0;
    for number in 0..100 {
        let random = reply(&format!("r{number}.example.com"), 3, 0, Some("example.com"));
        passed += sent(&guard, VICTIM, &random, 1, 0.0)[0];
    }
    assert_eq!(passed, 3);
    // NODATA of the zone is the same kind; answers are not limited here.
    let nodata = reply("www.example.com", 0, 0, Some("Example.COM"));
    assert_eq!(sent(&guard, VICTIM, &nodata, 1, 0.0), [0, 0, 1]);
    let answer = reply("www.example.com", 0, 1, None);
    assert_eq!(sent(&guard, VICTIM, &answer, 50, 0.0), [50, 0, 0]);
    // A CNAME to nowhere: the SOA does not come first.
    let alias = reply("alias.example.com", 3, 1, Some("example.com"));
    assert_eq!(sent(&guard, VICTIM, &alias, 1, 0.0), [0, 0, 1]);
}

#[test]
fn blocked_names_count_by_the_name_above() {
    // Our own SOA stands at the name asked for, of which there are as many as one likes.
    let guard = guard(r#"{"rate": 0, "negatives": 3, "slip": 0}"#);
    let mut passed = 0;
    for number in 0..100 {
        let name = format!("r{number}.blocked.test");
        passed += sent(&guard, VICTIM, &reply(&name, 3, 0, Some(&name)), 1, 0.0)[0];
    }
    assert_eq!(passed, 3);
    // But not all of a top-level domain together.
    for name in ["one.test", "other.test"] {
        let blocked = reply(name, 3, 0, Some(name));
        assert_eq!(sent(&guard, VICTIM, &blocked, 3, 0.0), [3, 0, 0], "{name}");
    }
}

#[test]
fn errors_count_whatever_they_are_about() {
    let guard = guard(r#"{"rate": 0, "errors": 2, "slip": 0}"#);
    let mut passed = 0;
    for (number, code) in (0..50).zip([1, 2, 4, 5].into_iter().cycle()) {
        let error = reply(&format!("r{number}.example"), code, 0, None);
        passed += sent(&guard, VICTIM, &error, 1, 0.0)[0];
    }
    assert_eq!(passed, 2);
    // An error with the header alone.
    let bare = [1, 2, 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(sent(&guard, VICTIM, &bare, 1, 0.0), [0, 0, 1]);
}

#[test]
fn a_slipped_reply_is_its_question_with_tc() {
    let guard = guard(r#"{"rate": 1, "slip": 1}"#);
    let client: IpAddr = VICTIM.parse().expect("an address");
    let pass = pass(&guard, VICTIM, Cookie::Client(*b"abcdefgh"), false);
    let cookie = pass.cookie.expect("a cookie");
    for (code, answers, zone, kept) in [
        (0, 3, None, 0x80),
        // That a name does not exist is not for half a message to say.
        (3, 0, Some("example"), 0x80),
        (5, 0, None, 0x85),
    ] {
        let message = reply("wWw.example", code, answers, zone);
        let mut out = message.clone();
        assert_eq!(guard.leave(client, pass, &mut out, 0.0), Pace::Send);
        assert_eq!(out, message);
        assert_eq!(guard.leave(client, pass, &mut out, 0.0), Pace::Slip);
        let mut expected = vec![9, 9, 0x83, kept, 0, 1, 0, 0, 0, 0, 0, 1];
        expected.extend(name("wWw.example"));
        expected.extend([0, 1, 0, 1]);
        // The OPT of the reply, DO and all, its options but the cookie left out.
        expected.extend(b"\0\0\x29\x04\xd0\0\0\x80\0\0\x1c\0\x0a\0\x18");
        expected.extend(cookie);
        assert_eq!(out, expected);
        // What is truncated already is not counted.
        assert_eq!(guard.leave(client, pass, &mut out, 0.0), Pace::Send);
    }
    // Without a question there is nothing to repeat.
    let mut bare = vec![1, 2, 0x81, 0x84, 0, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(guard.leave(client, pass, &mut bare, 0.0), Pace::Drop);
    assert!(bare.is_empty());
}

#[test]
fn who_has_proved_its_address_or_is_exempt_is_not_limited() {
    let guard = guard(r#"{"rate": 1, "slip": 0}"#);
    let answer = reply("www.example.com", 0, 1, None);
    assert_eq!(sent(&guard, VICTIM, &answer, 9, 0.0), [1, 0, 8]);
    assert_eq!(sent(&guard, "127.0.0.9", &answer, 9, 0.0), [9, 0, 0]);
    let client: IpAddr = VICTIM.parse().expect("an address");
    let learnt = pass(&guard, VICTIM, Cookie::Client(*b"abcdefgh"), false);
    let cookie = Cookie::read(&learnt.cookie.expect("a cookie"));
    for (proof, stream, expected) in [
        (Cookie::Client(*b"abcdefgh"), false, Pace::Drop),
        (Cookie::Whole([3; 24]), false, Pace::Drop),
        (cookie, false, Pace::Send),
        (Cookie::Absent, true, Pace::Send),
    ] {
        let pass = pass(&guard, VICTIM, proof, stream);
        let mut out = answer.clone();
        assert_eq!(guard.leave(client, pass, &mut out, 0.0), expected);
    }
}

#[test]
fn whatever_the_reply_nothing_breaks() {
    let guard = guard(r#"{"rate": 1, "slip": 1, "window": 0}"#);
    let client: IpAddr = VICTIM.parse().expect("an address");
    let pass = pass(&guard, VICTIM, Cookie::Client(*b"abcdefgh"), false);
    for whole in [
        reply("www.example.com", 0, 2, None),
        reply("www.example.com", 3, 0, Some("example.com")),
    ] {
        for at in 0..whole.len() {
            for change in [0xff, 0xc0, 1, 0] {
                let mut out = whole.clone();
                out[at] = change;
                for _ in 0..2 {
                    guard.leave(client, pass, &mut out, 0.0);
                }
            }
            let mut out = whole[..at].to_vec();
            guard.leave(client, pass, &mut out, 0.0);
        }
    }
}
