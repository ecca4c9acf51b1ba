//! Forwarding over real sockets: upstreams that are dead, silent, slow, half open or liars.

mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::time::Duration;

use filterd_core::engine::{Lane, Outcome, Way};
use support::{answer, dead, query, right, Node, Upstream, RIGHT, WRONG};

const SERVFAIL: u8 = 2;

#[test]
fn a_name_is_resolved_once_and_then_comes_from_the_cache() {
    let upstream = Upstream::new(|query, _| vec![right(query)]);
    let node = Node::new(&[upstream.address]);
    for _ in 0..3 {
        assert!(node.ask("www.example").is_right());
    }
    assert_eq!(upstream.asked(), 1);
    assert_eq!(node.count(0, "/answers"), 1);
    assert_eq!(node.counts()["in_flight"], 0);
}

#[test]
fn what_is_blocked_or_leads_to_what_is_blocked_is_never_let_through() {
    let upstream = Upstream::new(|query, _| {
        let mut reply = right(query);
        let cname = b"\x07blocked\x07example\0";
        let type_at = reply.len() - 13;
        reply[type_at] = 5; // CNAME
        reply.truncate(reply.len() - 6);
        reply.extend_from_slice(&[0, cname.len() as u8]);
        reply.extend_from_slice(cname);
        vec![reply]
    });
    let node = Node::new(&[upstream.address]);
    let blocked = node.ask("blocked.example");
    assert_eq!(
        (blocked.code(), blocked.address(), upstream.asked()),
        (0, [0; 4], 0)
    );
    let cloaked = node.ask("cloaked.example");
    assert_eq!(
        (cloaked.code(), cloaked.address(), upstream.asked()),
        (0, [0; 4], 1)
    );
}

#[test]
fn over_ipv6_too() {
    let upstream = Upstream::at(Ipv6Addr::LOCALHOST.into(), |query, _| vec![right(query)]);
    let upstream = upstream.expect("IPv6 on loopback");
    let node = Node::new(&[upstream.address]);
    assert!(node.ask("www.example").is_right());
}

#[test]
fn many_at_once_each_get_their_own_answer() {
    let upstream = Upstream::new(|query, _| {
        // The last octet says which name was asked.
        let number: String = query[13..16]
            .iter()
            .map(|digit| char::from(*digit))
            .collect();
        let last = number
            .to_ascii_lowercase()
            .trim_start_matches('n')
            .parse()
            .unwrap_or(0);
        vec![answer(query, [203, 0, 113, last], 60)]
    });
    let node = Node::with(&[upstream.address], "fastest", 15.0, 15.0);
    let asked: Vec<_> = (10..100u8)
        .map(|n| (n, node.send(&format!("n{n}.example"))))
        .collect();
    for (number, asked) in asked {
        assert_eq!(asked.heard().address(), [203, 0, 113, number]);
    }
}

#[test]
fn a_dead_port_is_servfail_and_the_next_server_answers() {
    let node = Node::hasty(&[dead()]);
    assert_eq!(node.ask("www.example").code(), SERVFAIL);
    assert!(node.count(0, "/failures/refused") > 0);
    let upstream = Upstream::new(|query, _| vec![right(query)]);
    let node = Node::new(&[dead(), upstream.address]);
    assert!(node.ask("www.example").is_right());
}

#[test]
fn a_silent_server_is_asked_again_and_ends_in_servfail() {
    let upstream = Upstream::new(|_, _| vec![]);
    let node = Node::hasty(&[upstream.address]);
    assert_eq!(node.ask("www.example").code(), SERVFAIL);
    let count = |path| node.count(0, path);
    assert_eq!((count("/retries"), count("/failures/timeout")), (1, 1));
}

#[test]
fn a_lost_query_is_made_good_by_the_next() {
    let upstream = Upstream::new(|query, number| match number {
        1 => vec![],
        _ => vec![right(query)],
    });
    let node = Node::new(&[upstream.address]);
    assert!(node.ask("www.example").is_right());
    assert_eq!(node.count(0, "/retries"), 1);
}

#[test]
fn a_slow_server_is_waited_for_and_a_half_open_one_is_not() {
    let slow = Upstream::new(|query, _| {
        std::thread::sleep(Duration::from_millis(250));
        vec![right(query)]
    });
    let node = Node::new(&[slow.address]);
    assert!(node.ask("www.example").is_right());

    // Answers once, then never again.
    let half_open = Upstream::new(|query, number| match number {
        1 => vec![right(query)],
        _ => vec![],
    });
    let other = Upstream::new(|query, _| vec![right(query)]);
    let node = Node::new(&[half_open.address, other.address]);
    for number in 0..6 {
        assert!(node.ask(&format!("n{number}.example")).is_right());
    }
    assert_eq!(node.counts()["servers"]["s0"]["up"], false);
}

#[test]
fn a_stale_answer_is_given_while_a_server_is_slow() {
    let upstream = Upstream::new(|query, number| match number {
        1 => vec![answer(query, RIGHT, 1)],
        _ => vec![],
    });
    let node = Node::with(&[upstream.address], "strict", 2.0, 0.2);
    assert!(node.ask("www.example").is_right());
    std::thread::sleep(Duration::from_millis(1100));
    let stale = node.ask("www.example");
    assert_eq!(
        (stale.code(), &stale.0[stale.0.len() - 4..]),
        (0, &RIGHT[..])
    );
    assert!(upstream.asked() > 1);
}

#[test]
fn lies_are_dropped_and_the_truth_is_waited_for() {
    type Lie = fn(&[u8]) -> Vec<u8>;
    let lies: [(Lie, &str); 4] = [
        (|lie| [&[!lie[0], lie[1]], &lie[2..]].concat(), "wrong_id"),
        (
            |lie| [&lie[..13], b"!", &lie[14..]].concat(),
            "wrong_question",
        ),
        (|lie| lie[..8].to_vec(), "malformed"),
        (|lie| [lie, &[0; 2000]].concat(), "oversized"),
    ];
    for (lie, why) in lies {
        let upstream =
            Upstream::new(move |query, _| vec![lie(&answer(query, WRONG, 60)), right(query)]);
        let node = Node::new(&[upstream.address]);
        assert!(node.ask("www.example").is_right(), "{why}");
        assert_eq!(node.count(0, &format!("/dropped/{why}")), 1);
    }
}

#[test]
fn lies_alone_are_no_answer() {
    let upstream = Upstream::new(|query, _| {
        let lie = answer(query, WRONG, 60);
        vec![[&[!lie[0], lie[1]], &lie[2..]].concat()]
    });
    let node = Node::hasty(&[upstream.address]);
    assert_eq!(node.ask("www.example").code(), SERVFAIL);
}

#[test]
fn a_flood_of_strays_does_not_win_and_moves_us_to_another_port() {
    let upstream = Upstream::new(|query, _| {
        let lie = answer(query, WRONG, 60);
        let stray = |n: u8| [&[n, !lie[1]], &lie[2..]].concat();
        (0..=100).map(stray).chain([right(query)]).collect()
    });
    let node = Node::new(&[upstream.address]);
    for number in 0..20 {
        assert!(node.ask(&format!("n{number}.example")).is_right());
    }
    assert!(node.count(0, "/dropped/wrong_id") >= 20 * 90);
}

#[test]
fn an_answer_from_another_port_never_arrives() {
    let bind = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let (server, liar) = (bind(), bind());
    let node = Node::new(&[server.local_addr().expect("its address")]);
    let asked = node.send("www.example");
    let mut buffer = [0; 512];
    let (length, from) = server.recv_from(&mut buffer).expect("a query");
    let query = &buffer[..length];
    // Right in everything but where it comes from.
    liar.send_to(&answer(query, WRONG, 60), from).expect("sent");
    server.send_to(&right(query), from).expect("sent");
    assert!(asked.heard().is_right());
    assert_eq!(node.count(0, "/dropped/wrong_id"), 0);
}

#[test]
fn truncated_and_wrong_case_are_left_to_those_who_speak_tcp() {
    let truncated = |query: &[u8], _| {
        let mut reply = right(query);
        reply[2] |= 2;
        vec![reply]
    };
    let lower_case = |query: &[u8], _| {
        let mut reply = right(query);
        let length = query.len();
        reply[12..length].make_ascii_lowercase();
        vec![reply]
    };
    let upstreams = [Upstream::new(truncated), Upstream::new(lower_case)];
    for upstream in upstreams {
        let node = Node::new(&[upstream.address]);
        let asked = node.send("a-name-with-many-letters.example");
        let question = node.left_to_others();
        assert_eq!(question.name, "a-name-with-many-letters.example");
        let mut lane = Lane::small(&node.shared.engine);
        let now = filterd_net::now();
        let replies = lane.complete(question.miss, Some(&right(&question.wire)), now, 0);
        node.shared.doors.send(&replies);
        assert!(asked.heard().is_right());
    }
}

#[test]
fn names_that_are_not_for_plain_forwarding_are_left_to_others_at_once() {
    let upstream = Upstream::new(|query, _| vec![right(query)]);
    let node = Node::new(&[upstream.address]);
    let _asked = node.send("printer.local");
    assert_eq!(node.left_to_others().name, "printer.local");
    assert_eq!(upstream.asked(), 0);
}

#[test]
fn a_datagram_that_is_longer_than_what_is_read_is_a_format_error() {
    let upstream = Upstream::new(|query, _| vec![right(query)]);
    let node = Node::new(&[upstream.address]);
    // What is read of it would be a query: its OPT ends there, and more follows.
    let mut long = query(7, "long.example");
    long[11] = 1;
    let padding = 2048 - long.len() - 11 - 4;
    long.extend_from_slice(&[0, 0, 41, 4, 208, 0, 0, 0, 0]);
    long.extend_from_slice(&(padding as u16 + 4).to_be_bytes());
    long.extend_from_slice(&[0, 12]);
    long.extend_from_slice(&(padding as u16).to_be_bytes());
    long.resize(2048, 0);
    assert_eq!(node.send_wire(7, &long).heard().code(), 0);
    long.push(0);
    let heard = node.send_wire(7, &long).heard();
    assert_eq!((heard.code(), heard.0.len()), (1, 12));
    // A response is none for being cut.
    long[2] |= 0x80;
    drop(node.send_wire(7, &long));
    assert!(node.ask("www.example").is_right());
    assert_eq!(upstream.asked(), 2);
}

#[test]
fn who_waits_by_a_token_gets_the_reply_by_mail() {
    let upstream = Upstream::new(|query, _| vec![right(query)]);
    let node = Node::new(&[upstream.address]);
    let mut lane = Lane::small(&node.shared.engine);
    let client = IpAddr::from(Ipv4Addr::LOCALHOST);
    let (now, mut out) = (filterd_net::now(), Vec::new());
    let outcome = lane.handle(
        &query(7, "www.example"),
        client,
        Way::Token,
        now,
        1,
        &mut out,
    );
    let Outcome::Miss(token) = outcome else {
        panic!("not a miss: {outcome:?}")
    };
    node.shared.ask(&mut lane, now);
    let mut letters = node.mail.take();
    while letters.is_empty() {
        std::thread::sleep(Duration::from_millis(5));
        letters = node.mail.take();
    }
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].0, &letters[0].1[..2]), (token, &[0, 7][..]));
}

#[test]
fn what_is_under_way_at_the_end_is_left_to_others() {
    let upstream = Upstream::new(|_, _| vec![]);
    let mut node = Node::new(&[upstream.address]);
    let _asked = node.send("www.example");
    while upstream.asked() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    node.forwarder.stop();
    assert!(!node.forwarder.is_running());
    assert_eq!(node.left_to_others().name, "www.example");
}
