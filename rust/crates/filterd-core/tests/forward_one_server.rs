//! Plain forwarding to one server: what is believed, what is sent again, what goes elsewhere.

mod forward_support;

use std::collections::HashSet;

use filterd_core::forward::{Fault, MOST_PORTS};
use forward_support::{
    good, lower_case, lying_id, lying_question, oversized, query, reply, truncated, End, Net,
};

#[test]
fn a_right_answer_comes_back_with_id_0_and_the_question_as_asked() {
    let mut net = Net::new(1, "fastest");
    net.ask(1, "www.example.test");
    let sent = net.take_one();
    assert_ne!(sent.wire[12..], query("www.example.test")[12..], "0x20");
    net.answer(&sent, good);
    let answer = good(&query("www.example.test"));
    assert_eq!(net.end(1), Some(&End::Answer(answer)));
    assert_eq!(net.count(1, "/answers"), 1);
    assert_eq!(net.forward.next_tick(), None);
}

#[test]
fn nxdomain_is_an_answer() {
    let mut net = Net::new(1, "strict");
    net.ask(1, "no.example.test");
    let sent = net.take_one();
    net.answer(&sent, |query| reply(query, 3));
    assert!(matches!(net.end(1), Some(End::Answer(wire)) if wire[3] & 15 == 3));
}

#[test]
fn what_does_not_fit_is_dropped_counted_and_the_right_one_waited_for() {
    type Bad = fn(&[u8]) -> Vec<u8>;
    let cases: [(Bad, &str); 7] = [
        (lying_id, "wrong_id"),
        (lying_question, "wrong_question"),
        (|query| query[..3].to_vec(), "malformed"),
        (|query| query.to_vec(), "malformed"),
        (|_| vec![0], "malformed"),
        (|_| vec![0xff; 40], "wrong_id"),
        (oversized, "oversized"),
    ];
    for (bad, why) in cases {
        let mut net = Net::new(1, "fastest");
        net.ask(1, "www.example.test");
        let sent = net.take_one();
        net.answer(&sent, bad);
        assert_eq!(net.end(1), None, "{why}");
        assert_eq!(net.count(1, &format!("/dropped/{why}")), 1);
        net.answer(&sent, good);
        assert!(matches!(net.end(1), Some(End::Answer(_))), "{why}");
    }
}

#[test]
fn an_answer_is_believed_at_its_own_port_only() {
    let mut net = Net::new(1, "fastest");
    for miss in 0..32 {
        net.ask(miss, &format!("n{miss}.example.test"));
    }
    let sent = net.take_sent();
    let other = sent.iter().find(|other| other.port != sent[0].port);
    let other = other.expect("more than one port").port;
    net.receive(other, &good(&sent[0].wire));
    assert_eq!(net.end(0), None);
    net.answer(&sent[0], good);
    assert!(net.end(0).is_some());
}

#[test]
fn a_lost_query_is_sent_again_with_growing_waits_and_the_same_bytes() {
    let mut net = Net::new(1, "fastest");
    net.ask(1, "www.example.test");
    let start = net.now;
    let mut at = vec![];
    let mut bytes = HashSet::new();
    for sent in net.take_sent() {
        bytes.insert((sent.port, sent.wire));
    }
    while net.end(1).is_none() {
        net.pass(0.01);
        for sent in net.take_sent() {
            at.push(((net.now - start) * 10.0).round() as u32);
            bytes.insert((sent.port, sent.wire));
        }
    }
    assert_eq!(at, [4, 12, 28]);
    assert_eq!(bytes.len(), 1);
    assert_eq!(net.end(1), Some(&End::Failed(22)));
    assert!((5.0..5.1).contains(&(net.now - start)));
    assert_eq!(net.count(1, "/retries"), 3);
    assert_eq!(net.count(1, "/failures/timeout"), 1);
    assert_eq!(net.stale, [1]);
}

#[test]
fn a_slow_answer_is_taken_after_the_stale_one_was_given() {
    let mut net = Net::new(1, "fastest");
    net.ask(1, "www.example.test");
    let sent = net.take_one();
    net.pass(1.7);
    assert!(net.stale.is_empty());
    net.pass(2.5);
    assert_eq!(net.stale, [1]);
    net.answer(&sent, good);
    assert!(matches!(net.end(1), Some(End::Answer(_))));
    net.pass(10.0);
    assert_eq!((net.stale.len(), net.ends[&1].len()), (1, 1));
}

#[test]
fn truncated_and_wrong_case_go_elsewhere_at_once() {
    for how in [truncated, lower_case] {
        let mut net = Net::new(1, "fastest");
        net.ask(1, "www.example.test");
        let sent = net.take_one();
        net.answer(&sent, how);
        assert_eq!(net.end(1), Some(&End::Elsewhere));
        assert_eq!(net.count(1, "/to_tcp"), 1);
    }
}

#[test]
fn oversized_and_nothing_else_goes_elsewhere_when_it_would_be_sent_again() {
    let mut net = Net::new(1, "fastest");
    net.ask(1, "www.example.test");
    let sent = net.take_one();
    net.answer(&sent, oversized);
    assert_eq!(net.end(1), None);
    net.pass(0.5);
    assert_eq!(net.end(1), Some(&End::Elsewhere));
}

#[test]
fn a_server_known_to_lose_case_is_asked_without_for_an_hour() {
    let mut net = Net::new(1, "fastest");
    net.forward.loses_case(0, net.now);
    net.ask(1, "www.example.test");
    let sent = net.take_one();
    assert_eq!(sent.wire[12..], query("www.example.test")[12..]);
    net.answer(&sent, lower_case);
    assert!(matches!(net.end(1), Some(End::Answer(_))));
    net.pass(3601.0);
    net.ask(2, "www.example.test");
    assert_ne!(net.take_one().wire[12..], query("www.example.test")[12..]);
}

#[test]
fn a_closed_port_fails_what_waits_there_and_is_tried_in_three_rounds() {
    let mut net = Net::new(1, "fastest");
    net.ask(1, "www.example.test");
    let mut tries = 0;
    for _ in 0..20 {
        for sent in net.take_sent() {
            tries += 1;
            net.forward.refused(sent.port, Fault::Refused, net.now);
            net.settle();
        }
        net.pass(0.1);
    }
    assert_eq!(tries, 3);
    assert_eq!(net.end(1), Some(&End::Failed(22)));
    assert_eq!(net.count(1, "/failures/refused"), 3);
    assert!(!net.is_up(1));
}

#[test]
fn a_socket_that_cannot_be_opened_is_a_failure_and_not_the_end() {
    let mut net = Net::new(1, "fastest");
    net.fails_to_open = 1;
    net.ask(1, "www.example.test");
    net.pass(2.0);
    assert_eq!(net.end(1), Some(&End::Failed(22)));
    assert_eq!(net.count(1, "/failures/unreachable"), 3);
    net.fails_to_open = 0;
    net.ask(2, "www.example.test");
    let sent = net.take_one();
    net.answer(&sent, good);
    assert!(matches!(net.end(2), Some(End::Answer(_))));
}

#[test]
fn refused_by_the_server_is_a_failure_and_servfail_is_passed_on() {
    let mut net = Net::new(1, "fastest");
    net.ask(1, "www.example.test");
    let sent = net.take_one();
    net.answer(&sent, |query| reply(query, 5));
    assert_eq!(net.end(1), Some(&End::Failed(23)));
    net.ask(2, "www.example.test");
    let sent = net.take_one();
    net.answer(&sent, |query| reply(query, 2));
    let passed_on = reply(&query("www.example.test"), 2);
    assert_eq!(net.end(2), Some(&End::Answer(passed_on)));
    assert_eq!(net.count(1, "/failures/rcode"), 2);
}

#[test]
fn more_than_may_be_under_way_fails_at_once() {
    let mut net = Net::with(1, "fastest", 3);
    for miss in 0..5 {
        net.ask(miss, "www.example.test");
    }
    assert_eq!(net.forward.in_flight(), 3);
    for miss in 3..5 {
        assert_eq!(net.end(miss), Some(&End::Failed(23)));
    }
    assert_eq!(net.forward.counts()["overload"], 2);
}

#[test]
fn what_is_no_query_goes_elsewhere() {
    let mut net = Net::new(1, "fastest");
    for (miss, bytes) in [
        (1, &b""[..]),
        (2, &[0; 12]),
        (3, &[0xff; 40]),
        (4, &[1; 700]),
    ] {
        net.forward.ask(miss, bytes, net.now);
        net.settle();
        assert_eq!(net.end(miss), Some(&End::Elsewhere));
    }
}

#[test]
fn ports_are_renewed_and_old_ones_closed() {
    let mut net = Net::new(1, "fastest");
    let mut ports = HashSet::new();
    for miss in 0..4000 {
        net.ask(miss, "www.example.test");
        let sent = net.take_one();
        ports.insert(sent.port);
        net.answer(&sent, good);
    }
    // 128 uses each, over 8 places.
    assert!((31..=40).contains(&ports.len()), "{}", ports.len());
    assert!(net.open.len() <= 8);
    net.pass(30.0);
    let before = net.open.len();
    for miss in 4000..4200 {
        net.ask(miss, "www.example.test");
        let sent = net.take_one();
        assert!(!ports.contains(&sent.port), "older than 20 seconds");
        net.answer(&sent, good);
    }
    assert!(net.open.len() <= before.max(8));
}

#[test]
fn many_lost_queries_keep_no_more_ports_than_allowed() {
    let mut net = Net::with(1, "fastest", 20_000);
    for miss in 0..20_000 {
        net.ask(miss, "www.example.test");
    }
    assert!(net.most_open <= MOST_PORTS, "{}", net.most_open);
    let ids: HashSet<_> = net
        .sent
        .iter()
        .map(|sent| (sent.port, &sent.wire[..2]))
        .collect();
    assert!(ids.len() >= 20_000, "each id once a port");
    for sent in net.take_sent() {
        net.answer(&sent, good);
    }
    assert_eq!(net.forward.in_flight(), 0);
    assert!(net.open.len() <= 8);
}

#[test]
fn a_flood_of_strays_moves_us_to_another_port_and_never_wins() {
    let mut net = Net::new(1, "fastest");
    net.ask(1, "www.example.test");
    let sent = net.take_one();
    for id in 0..=u16::MAX {
        let mut lie = good(&sent.wire);
        lie[..2].copy_from_slice(&id.to_be_bytes());
        if lie[..2] != sent.wire[..2] {
            net.receive(sent.port, &lie);
        }
    }
    assert_eq!(net.end(1), None);
    assert_eq!(net.count(1, "/dropped/wrong_id"), 65_535);
    for miss in 2..100 {
        net.ask(miss, "www.example.test");
        assert_ne!(net.take_one().port, sent.port);
    }
    net.answer(&sent, good);
    assert!(matches!(net.end(1), Some(End::Answer(_))));
    assert!(
        !net.open.contains_key(&sent.port),
        "closed with its last question"
    );
}

#[test]
fn strays_at_every_port_do_not_make_ports_without_end() {
    let mut net = Net::with(1, "fastest", 10_000);
    for miss in 0..5000 {
        net.ask(miss, "www.example.test");
        let sent = net.take_one();
        for _ in 0..16 {
            net.answer(&sent, lying_id);
        }
    }
    assert!(net.most_open <= MOST_PORTS);
    net.pass(30.0);
    assert_eq!((net.forward.in_flight(), net.ends.len()), (0, 5000));
    assert_eq!(net.forward.next_tick(), None);
}

#[test]
fn handing_over_gives_every_question_back_and_closes_every_port() {
    let mut net = Net::new(2, "parallel");
    for miss in 0..500 {
        net.ask(miss, "www.example.test");
    }
    let sent = net.take_sent();
    net.answer(&sent[0], good);
    net.forward.hand_over(net.now);
    net.settle();
    assert!(matches!(net.end(0), Some(End::Answer(_))));
    assert!((1..500).all(|miss| net.end(miss) == Some(&End::Elsewhere)));
    assert!(net.open.is_empty());
    assert_eq!(net.forward.next_tick(), None);
}
