//! Mutated packets at live sockets: every one gets a lawful answer or silence, as it must.
//!
//! `FILTERD_HAMMER_PACKETS` says how many (`make hammer PACKETS=10000000`); a short run otherwise.
//! After each round, of a million packets at most, the threads must be well: right answers, no
//! panic, counters that add up, memory that does not grow.

#![allow(clippy::print_stdout, unreachable_pub)] // figures of a long run

#[path = "hammer/judge.rs"]
mod judge;
#[path = "hammer/node.rs"]
mod node;
#[path = "hammer/packets.rs"]
mod packets;
#[path = "hammer/rng.rs"]
mod rng;

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use judge::Due;
use node::{ask, client, Node};
use rng::Rng;

const CLIENTS: usize = 6;
const ROUND: u64 = 1_000_000;
/// Packets on their way at a time for each client.
const WINDOW: usize = 24;
/// Packets that replies are matched with; they may be late by that many.
const KEPT: usize = 2048;
/// How often a packet that is due an answer is sent again before that counts as silence.
const PATIENCE: u8 = 20;

struct Sent {
    packet: Vec<u8>,
    due: Due,
    times: u8,
    answered: bool,
}

struct Client {
    socket: UdpSocket,
    rng: Rng,
    next: u16,
    kept: Vec<Option<Sent>>,
    last: Vec<u8>,
    tally: Tally,
}

#[derive(Default, Clone, Copy, Debug)]
struct Tally {
    sent: u64,
    again: u64,
    silent: u64,
    replies: u64,
}

impl Client {
    fn new(to: SocketAddr, seed: u64) -> Self {
        Self {
            socket: client(to),
            rng: Rng(seed),
            next: 0,
            kept: (0..KEPT).map(|_| None).collect(),
            last: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn run(&mut self, packets: u64) {
        let end = self.tally.sent + packets;
        while self.tally.sent < end {
            let window: Vec<usize> = (0..WINDOW).map(|_| self.send()).collect();
            self.listen(&window);
        }
    }

    /// Send a new packet; its place among those kept.
    fn send(&mut self) -> usize {
        let mut packet = packets::next(&mut self.rng, &self.last);
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        if let Some(place) = packet.get_mut(..2) {
            place.copy_from_slice(&id.to_be_bytes());
        }
        let at = usize::from(id) % KEPT;
        let due = judge::due(&packet);
        self.socket.send(&packet).expect("sent");
        self.tally.sent += 1;
        self.tally.silent += u64::from(due == Due::Silence);
        self.last.clone_from(&packet);
        self.kept[at] = Some(Sent {
            packet,
            due,
            times: 1,
            answered: false,
        });
        at
    }

    /// Hear until all of the window that are due an answer have had it.
    fn listen(&mut self, window: &[usize]) {
        let mut buffer = [0; 65_536];
        loop {
            let owed = |sent: &Sent| sent.due == Due::Reply && !sent.answered;
            let is_owed = |at: &&usize| self.kept[**at].as_ref().is_some_and(owed);
            if !window.iter().any(|at| is_owed(&at)) {
                return;
            }
            match self.socket.recv(&mut buffer) {
                Ok(length) => self.hear(&buffer[..length]),
                Err(_) => self.again(window),
            }
        }
    }

    fn hear(&mut self, reply: &[u8]) {
        self.tally.replies += 1;
        let id = reply.get(..2).map(|id| u16::from_be_bytes([id[0], id[1]]));
        let id = id.unwrap_or_else(|| panic!("a reply without an id: {reply:02x?}"));
        let Some(sent) = &mut self.kept[usize::from(id) % KEPT] else {
            panic!("a reply to nothing: {reply:02x?}");
        };
        if let Err(fault) = judge::hold(&sent.packet, reply) {
            panic!("{fault}\npacket {:02x?}\nreply {reply:02x?}", sent.packet);
        }
        assert!(
            !sent.answered || sent.times > 1,
            "a second reply {reply:02x?}"
        );
        sent.answered = true;
    }

    fn again(&mut self, window: &[usize]) {
        for at in window {
            let Some(sent) = &mut self.kept[*at] else {
                continue;
            };
            if sent.due == Due::Reply && !sent.answered {
                assert!(sent.times < PATIENCE, "silence to {:02x?}", sent.packet);
                sent.times += 1;
                self.tally.again += 1;
                self.socket.send(&sent.packet).expect("sent");
            }
        }
    }
}

#[test]
fn every_packet_gets_a_lawful_answer_or_silence() {
    let asked_for = std::env::var("FILTERD_HAMMER_PACKETS").ok();
    let asked_for = asked_for.map(|text| text.parse::<u64>().expect("a number of packets"));
    let packets = asked_for.unwrap_or(300_000);
    let seed = std::env::var("FILTERD_HAMMER_SEED").map_or(9619, |text| {
        text.parse::<u64>()
            .expect("a number that begins the sequence")
    });
    let node = Node::start();
    let address = |number: usize| node.addresses[usize::from(number % 3 == 2)];
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|number| Client::new(address(number), seed + number as u64))
        .collect();
    let began = Instant::now();
    let mut left = packets;
    let mut first = None;
    while left > 0 {
        let round = left.min(ROUND);
        left -= round;
        std::thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(|| client.run(round.div_ceil(CLIENTS as u64)));
            }
        });
        let tally = total(&clients);
        be_well(&node, tally);
        let memory = resident();
        let first = *first.get_or_insert(memory);
        assert!(
            memory < first + (48 << 20),
            "memory grows: {first} to {memory} bytes"
        );
        if asked_for.is_some() {
            let seconds = began.elapsed().as_secs_f64();
            println!("{tally:?} {seconds:.0} s, {} MiB resident", memory >> 20);
        }
    }
    println!("{}", node.stats());
}

/// Right answers from every thread, none lost, counters that add up.
fn be_well(node: &Node, tally: Tally) {
    for to in &node.addresses {
        for _ in 0..8 {
            let socket = client(*to);
            assert_eq!(ask(&socket, "blocked.test"), Some(vec![0; 4]));
            assert_eq!(ask(&socket, "well.pass.test"), Some(vec![192, 0, 2, 1]));
        }
    }
    assert_eq!(node.workers.running(), 3);
    let give_up = Instant::now() + Duration::from_secs(20);
    loop {
        let stats = node.stats();
        let number = |path: &str| stats.pointer(path).and_then(|n| n.as_u64()).expect(path);
        assert_eq!(number("/panics"), 0);
        let (queries, dropped) = (number("/queries/udp"), number("/malformed/dropped"));
        let codes = stats["rcodes"].as_object().expect("an object");
        let replied: u64 = codes.values().filter_map(|n| n.as_u64()).sum();
        let idle = number("/misses/in_flight") == 0 && number("/misses/waiting") == 0;
        // What was sent again may have come in each time or not, and what is asked here comes in too.
        let most = tally.sent + tally.again + 1000;
        let adds_up = replied == queries
            && queries >= tally.replies
            && queries + dropped >= tally.sent.min(tally.replies + tally.silent)
            && queries + dropped <= most
            && dropped <= tally.silent;
        if idle && adds_up {
            return;
        }
        assert!(
            Instant::now() < give_up,
            "does not add up: {tally:?} {stats}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn total(clients: &[Client]) -> Tally {
    clients.iter().fold(Tally::default(), |sum, client| Tally {
        sent: sum.sent + client.tally.sent,
        again: sum.again + client.tally.again,
        silent: sum.silent + client.tally.silent,
        replies: sum.replies + client.tally.replies,
    })
}

/// Bytes of memory that this process holds.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("statm");
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0_usize) * 4096
}
