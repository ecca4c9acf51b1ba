//! Plain forwarding to several servers: who is asked, and whose answer counts.

mod forward_support;

use filterd_core::forward::Fault;
use forward_support::{good, query, reply, server, truncated, End, Net, Sent};

fn servfail(query: &[u8]) -> Vec<u8> {
    reply(query, 2)
}

fn refused(query: &[u8]) -> Vec<u8> {
    reply(query, 5)
}

fn to(sent: &[Sent], number: u8) -> Sent {
    let found = sent.iter().find(|sent| sent.server == server(number));
    found.expect("a query to this server").clone()
}

/// Let server `number` answer nothing until it is down; the others answer.
fn take_down(net: &mut Net, number: u8) {
    for miss in 90_000..90_010 {
        net.ask(miss, "down.example.test");
        for sent in net.take_sent() {
            if sent.server == server(number) {
                net.forward.refused(sent.port, Fault::Refused, net.now);
                net.settle();
            } else {
                net.answer(&sent, good);
            }
        }
        for sent in net.take_sent() {
            net.answer(&sent, good);
        }
    }
    assert!(!net.is_up(number));
}

#[test]
fn strict_asks_the_first_only() {
    let mut net = Net::new(2, "strict");
    net.ask(1, "www.example.test");
    let sent = net.take_one();
    assert_eq!(sent.server, server(1));
    net.answer(&sent, good);
    assert!(net.end(1).is_some());
}

#[test]
fn a_failure_leads_to_the_next_server_at_once() {
    for how in [
        servfail,
        refused,
        |query: &[u8]| reply(query, 1),
        |query: &[u8]| reply(query, 4),
    ] {
        let mut net = Net::new(2, "strict");
        net.ask(1, "www.example.test");
        let sent = net.take_one();
        net.answer(&sent, how);
        let sent = net.take_one();
        assert_eq!(sent.server, server(2));
        net.answer(&sent, good);
        assert_eq!(
            net.end(1),
            Some(&End::Answer(good(&query("www.example.test"))))
        );
    }
}

#[test]
fn silence_leads_to_the_next_server_and_a_late_answer_is_still_taken() {
    let mut net = Net::new(2, "strict");
    net.ask(1, "www.example.test");
    let first = net.take_one();
    net.pass(0.52);
    let sent = net.take_sent();
    to(&sent, 2);
    net.answer(&first, good);
    assert!(matches!(net.end(1), Some(End::Answer(_))));
    // The other's answer comes late and is no stray.
    net.answer(&to(&sent, 2), good);
    assert_eq!(net.count(2, "/dropped/wrong_id"), 0);
    assert_eq!(net.ends[&1].len(), 1);
}

#[test]
fn a_server_that_is_slower_than_usual_gets_a_mark_when_another_wins() {
    let mut net = Net::new(2, "strict");
    net.ask(1, "www.example.test");
    net.pass(0.52);
    let sent = net.take_sent();
    net.answer(&to(&sent, 2), good);
    assert_eq!(net.count(1, "/failures/timeout"), 1);
    assert!(net.is_up(1));
}

#[test]
fn servfail_gives_the_others_a_chance_but_does_not_wait_for_the_dead() {
    for strategy in ["strict", "parallel"] {
        let mut net = Net::new(2, strategy);
        net.ask(1, "www.example.test");
        let sent = net.take_sent();
        net.answer(&to(&sent, 1), servfail);
        net.pass(0.9);
        assert_eq!(net.end(1), None);
        net.pass(0.2);
        let passed_on = servfail(&query("www.example.test"));
        assert_eq!(net.end(1), Some(&End::Answer(passed_on)), "{strategy}");
    }
}

#[test]
fn refused_from_all_is_a_failure_and_takes_them_down() {
    let mut net = Net::new(2, "strict");
    for miss in 0..3 {
        net.ask(miss, "www.example.test");
        while let Some(sent) = net.sent.pop() {
            net.answer(&sent, refused);
        }
        assert_eq!(net.end(miss), Some(&End::Failed(23)));
    }
    assert!(!net.is_up(1) && !net.is_up(2));
}

#[test]
fn parallel_asks_all_and_takes_the_first_good_answer() {
    let mut net = Net::new(3, "parallel");
    net.ask(1, "www.example.test");
    let sent = net.take_sent();
    assert_eq!(sent.len(), 3);
    net.answer(&to(&sent, 3), refused);
    assert_eq!(net.end(1), None);
    net.answer(&to(&sent, 2), good);
    assert!(matches!(net.end(1), Some(End::Answer(_))));
    net.pass(20.0);
    assert!(
        net.take_sent().is_empty(),
        "nothing is sent again for a question that has ended"
    );
}

#[test]
fn a_truncated_answer_ends_the_race_elsewhere() {
    let mut net = Net::new(2, "parallel");
    net.ask(1, "www.example.test");
    let sent = net.take_sent();
    net.answer(&to(&sent, 1), truncated);
    net.answer(&to(&sent, 2), good);
    assert_eq!(net.end(1), Some(&End::Elsewhere));
    assert_eq!((net.count(1, "/to_tcp"), net.count(2, "/to_tcp")), (1, 0));
}

#[test]
fn fastest_goes_to_the_faster_one() {
    let mut net = Net::new(2, "fastest");
    for miss in 0..8 {
        net.ask(miss, "www.example.test");
        let sent = net.take_sent();
        for (number, delay) in [(2, 0.01), (1, 0.03)] {
            net.pass(delay);
            for sent in sent.iter().filter(|sent| sent.server == server(number)) {
                net.answer(sent, good);
            }
        }
    }
    net.take_sent();
    net.ask(9, "www.example.test");
    assert_eq!(net.take_one().server, server(2));
}

#[test]
fn a_server_that_is_down_is_asked_last_and_noticed_when_it_comes_back() {
    let mut net = Net::new(2, "strict");
    take_down(&mut net, 1);
    net.ask(1, "www.example.test");
    let sent = net.take_one();
    assert_eq!(sent.server, server(2));
    net.answer(&sent, good);
    net.pass(1.1);
    // Its time has come: one question goes to it beside the other, once.
    net.ask(2, "www.example.test");
    let both = net.take_sent();
    net.ask(3, "www.example.test");
    assert_eq!(net.take_one().server, server(2));
    assert_eq!(both.len(), 2);
    net.answer(&to(&both, 1), good);
    assert_eq!(net.end(2), None, "a probe is not the answer");
    assert!(net.is_up(1));
    net.ask(4, "www.example.test");
    assert_eq!(net.take_one().server, server(1));
}

#[test]
fn a_half_open_server_goes_down_while_the_other_answers() {
    let mut net = Net::new(2, "strict");
    net.ask(0, "www.example.test");
    let sent = net.take_one();
    net.answer(&sent, good);
    for miss in 1..8 {
        net.ask(miss, "www.example.test");
        let mut waited = 0;
        while net.end(miss).is_none() {
            net.pass(0.05);
            waited += 1;
            for sent in net.take_sent() {
                if sent.server == server(2) {
                    net.answer(&sent, good);
                }
            }
        }
        assert!(waited <= 3, "its patience is a tenth of a second");
    }
    assert!(!net.is_up(1));
}

#[test]
fn all_absent_are_tried_again_while_there_is_time() {
    let mut net = Net::new(2, "strict");
    net.ask(1, "www.example.test");
    for _ in 0..4 {
        for sent in net.take_sent() {
            net.forward.refused(sent.port, Fault::Unreachable, net.now);
            net.settle();
        }
    }
    assert_eq!(net.end(1), None);
    net.pass(0.25);
    let sent = net.take_one();
    net.answer(&sent, good);
    assert!(matches!(net.end(1), Some(End::Answer(_))));
}

#[test]
fn late_answers_are_no_strays_however_often_it_happens() {
    let mut net = Net::with(2, "parallel", 2);
    for miss in 0..20 {
        net.ask(miss, "www.example.test");
        let sent = net.take_sent();
        net.answer(&to(&sent, 2), good);
        net.pass(0.1);
        net.answer(&to(&sent, 1), good);
        net.pass(1.0);
    }
    assert_eq!(net.count(1, "/dropped/wrong_id"), 0);
    // More that are late than may be under way: the rest are strays, and nothing is kept for them.
    for miss in 20..30 {
        net.ask(miss, "www.example.test");
        let sent = net.take_sent();
        net.answer(&to(&sent, 2), good);
    }
    net.pass(9.0);
    assert_eq!(net.forward.next_tick(), None);
}
