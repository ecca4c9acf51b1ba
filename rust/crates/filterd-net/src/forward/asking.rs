//! The state machine with its sockets: whoever holds it asks, reads and replies, for all that is
//! there.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use filterd_core::engine::{Lane, Now, Outbox, Queries};
use filterd_core::forward::{Effect, Forward, ForwardSettings};
use rustix::rand::{getrandom, GetRandomFlags};

use super::sockets::{Read, Sockets};
use super::{caught, Mail};
use crate::workers::Shared;

/// Bounds of one turn, so that each gets its own: datagrams of one port and of all, questions, and
/// replies that wait to be sent. What is left has the thread's next turn begin at once.
const READS: usize = 64;
const DATAGRAMS: usize = 512;
const QUESTIONS: usize = 256;
const REPLIES: usize = 64;

/// See the module.
pub(super) struct Asking {
    mail: Arc<Mail>,
    forward: Forward,
    sockets: Sockets,
    /// Taken from the engine, not asked yet.
    questions: Queries,
    /// Replies to be sent at the end of the turn, or when there are enough for a call.
    outbox: Outbox,
    /// Which of the ports that have something is read first, one after the other.
    first: usize,
    /// When the forwarder's thread looks up, whatever happens.
    looks_up: f64,
    panics: u64,
}

impl Asking {
    pub(super) fn new(
        epoll: OwnedFd,
        mail: Arc<Mail>,
        settings: ForwardSettings,
    ) -> io::Result<Self> {
        Ok(Self {
            mail,
            forward: Forward::new(settings, seed()?),
            sockets: Sockets::new(epoll),
            questions: Queries::default(),
            outbox: Outbox::default(),
            first: 0,
            looks_up: 0.0,
            panics: 0,
        })
    }

    pub(super) fn counts(&mut self) -> String {
        let mut counts = self.forward.counts();
        counts["panics"] = self.panics.into();
        counts.to_string()
    }

    pub(super) fn loses_case(&mut self, server: usize, steady: f64) {
        self.forward.loses_case(server, steady);
    }

    /// Say when the thread will look up, if nothing happens before: not later than `most`.
    pub(super) fn sleep_until(&mut self, most: f64) -> f64 {
        self.looks_up = self.forward.next_tick().map_or(most, |next| next.min(most));
        self.looks_up
    }

    /// Ask what waits in the engine; true if the thread must look up: something is due before it
    /// does, or there was too much for one turn.
    pub(super) fn ask_now(&mut self, shared: &Shared, lane: &mut Lane, now: Now) -> bool {
        let mut more = false;
        self.guarded(shared, lane, |asking, lane| {
            more = asking.ask(shared, lane, now);
        });
        self.send(shared);
        let next = self.forward.next_tick();
        more || next.is_some_and(|next| next < self.looks_up)
    }

    /// Read what came to the ports in `ready`, ask what waits, do what is due. Replies that are left
    /// in `last` are the caller's to send: for that, nobody need hold this. True if there was too
    /// much for one turn; what is left at the ports is told again.
    pub(super) fn turn(
        &mut self,
        shared: &Shared,
        lane: &mut Lane,
        ready: &[u64],
        now: Now,
        last: &mut Outbox,
    ) -> bool {
        let mut more = false;
        self.guarded(shared, lane, |asking, lane| {
            asking.read_all(shared, lane, ready, now);
            more = asking.ask(shared, lane, now);
            asking.forward.tick(now.steady);
            asking.act(shared, lane, now);
        });
        self.mail.put(&mut self.outbox.replies);
        std::mem::swap(&mut self.outbox, last);
        more
    }

    /// Run `what`; after a panic, start anew.
    fn guarded(
        &mut self,
        shared: &Shared,
        lane: &mut Lane,
        what: impl FnOnce(&mut Self, &mut Lane),
    ) {
        if caught(|| what(self, lane)).is_none() {
            self.recover(shared, lane);
        }
    }

    fn read_all(&mut self, shared: &Shared, lane: &mut Lane, ready: &[u64], now: Now) {
        self.first = self.first.wrapping_add(1);
        let (after, before) = ready.split_at(self.first.checked_rem(ready.len()).unwrap_or(0));
        let mut left = DATAGRAMS;
        for place in before.iter().chain(after) {
            if left == 0 {
                return;
            }
            left -= self.read(*place, left.min(READS), now);
            self.act(shared, lane, now);
        }
    }

    /// Read at most `most` datagrams from the port at a place. Returns how many times it was read.
    fn read(&mut self, place: u64, most: usize, now: Now) -> usize {
        let Some(port) = self.sockets.port(place) else {
            return 0;
        };
        for count in 1..=most {
            match self.sockets.read(port) {
                Read::Packet(packet) => self.forward.received(port, packet, now.steady),
                Read::Nothing => return count,
                Read::Fault(fault) => self.forward.refused(port, fault, now.steady),
            }
            if !self.forward.waits_at(port) {
                // Nothing more is to come; strays are told of again.
                return count;
            }
        }
        most
    }

    /// Ask what waits, at most `QUESTIONS`; true if more are left.
    fn ask(&mut self, shared: &Shared, lane: &mut Lane, now: Now) -> bool {
        let room = QUESTIONS.saturating_sub(self.questions.len());
        let more = shared.engine.take_plain(room, &mut self.questions);
        // Each stays in the queue until it has been asked: a panic loses none.
        while let Some((miss, wire)) = self.questions.first() {
            self.forward.ask(miss, wire, now.steady);
            self.questions.pop();
        }
        self.act(shared, lane, now);
        more
    }

    /// Do what the state machine says.
    fn act(&mut self, shared: &Shared, lane: &mut Lane, now: Now) {
        let Self {
            forward,
            sockets,
            outbox,
            panics,
            mail,
            ..
        } = self;
        while let Some(effect) = forward.next_effect() {
            match effect {
                Effect::Open { port, server } => {
                    if sockets.open(port, server).is_err() {
                        forward.unopened(port, now.steady);
                    }
                }
                Effect::Close { port } => sockets.close(port),
                Effect::Send { port, wire } => {
                    if let Err(fault) = sockets.send(port, wire) {
                        forward.refused(port, fault, now.steady);
                    }
                }
                Effect::Answer { miss, wire } => {
                    complete(lane, panics, miss, Some(wire), now, 0, outbox);
                }
                Effect::Failed { miss, ede } => {
                    complete(lane, panics, miss, None, now, ede, outbox);
                }
                Effect::Stale { miss } => lane.serve_stale_into(miss, now, outbox),
                Effect::Elsewhere { miss } => hand_over(shared, miss),
            }
            if outbox.replies.len() >= REPLIES {
                send(shared, mail, outbox);
            }
        }
    }

    /// Send the replies there are.
    fn send(&mut self, shared: &Shared) {
        if !self.outbox.replies.is_empty() {
            send(shared, &self.mail, &mut self.outbox);
        }
    }

    /// After a panic: what was under way goes to others, and nothing that may be half done is used
    /// again.
    fn recover(&mut self, shared: &Shared, lane: &mut Lane) {
        self.panics += 1;
        lane.recover();
        let mut open: Vec<u64> = self.forward.open().collect();
        // Those that had just ended have not been told of.
        while let Some(effect) = self.forward.next_effect() {
            match effect {
                Effect::Answer { miss, .. }
                | Effect::Failed { miss, .. }
                | Effect::Elsewhere { miss } => open.push(miss),
                _ => {}
            }
        }
        self.forward = self.forward.successor();
        self.sockets.close_all();
        let taken = std::mem::take(&mut self.questions);
        for miss in open {
            hand_over(shared, miss);
        }
        give_all(shared, taken);
    }

    /// Note a panic that was caught elsewhere.
    pub(super) fn panicked(&mut self) {
        self.panics += 1;
    }

    /// Give every open question back, for the end.
    pub(super) fn give_back(&mut self, shared: &Shared, lane: &mut Lane, now: Now) {
        self.guarded(shared, lane, |asking, lane| {
            shared.engine.take_plain(usize::MAX, &mut asking.questions);
            give_all(shared, std::mem::take(&mut asking.questions));
            asking.forward.hand_over(now.steady);
            asking.act(shared, lane, now);
        });
        self.send(shared);
    }
}

/// Send the replies in `outbox`, each its way, and keep their buffers.
fn send(shared: &Shared, mail: &Mail, outbox: &mut Outbox) {
    mail.put(&mut outbox.replies);
    shared.doors.send(&outbox.replies);
    outbox.clear();
}

fn give_all(shared: &Shared, mut questions: Queries) {
    while let Some(miss) = questions.pop() {
        hand_over(shared, miss);
    }
}

/// Octets for a `Forward`, from the system.
fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    let mut at = 0;
    while at < seed.len() {
        at += getrandom(&mut seed[at..], GetRandomFlags::empty())?;
    }
    Ok(seed)
}

fn hand_over(shared: &Shared, miss: u64) {
    if shared.engine.hand_over(miss) {
        shared.others.ring();
    }
}

/// End a question in the engine. A panic there is a fault of ours that one name found: it gets no
/// answer, the others do.
fn complete(
    lane: &mut Lane,
    panics: &mut u64,
    miss: u64,
    answer: Option<&[u8]>,
    now: Now,
    ede: u16,
    outbox: &mut Outbox,
) {
    if caught(|| lane.complete_into(miss, answer, now, ede, outbox)).is_none() {
        *panics += 1;
        lane.recover();
        if caught(|| lane.complete_into(miss, None, now, 0, outbox)).is_none() {
            lane.recover();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, UdpSocket};

    use filterd_core::engine::{Engine, Outcome, Settings, Way};
    use filterd_core::snapshot::Snapshot;

    use crate::bell::Bell;
    use crate::clock::now;
    use crate::doors::Doors;
    use crate::forward::{thread, Plain};

    const PLAN: &str = r#"{"classes": [], "layers": [], "ranks": [[]], "default_group": 0,
        "groups": [{"name": "all", "filtered": true, "segments": [{"from": 0, "ranks": 0}],
                    "default": "pass", "answer": {"style": "null", "ttl": 60}}],
        "clients": [], "prefixes": []}"#;

    /// Everything but a door; all names are for plain forwarding.
    pub(in crate::forward) fn shared() -> Shared {
        let snapshot = Arc::new(Snapshot::new(Vec::new(), PLAN, 1).expect("a snapshot"));
        let shared = Shared {
            engine: Arc::new(Engine::new(snapshot, Settings::default())),
            doors: Arc::new(Doors::new(Vec::new()).expect("no door")),
            others: Arc::new(Bell::new().expect("a descriptor")),
            plain: Arc::new(Plain::new().expect("a descriptor")),
        };
        shared.engine.set_route(Some(Box::new(|_| true)));
        shared
    }

    /// Asks a server that is not there.
    pub(in crate::forward) fn asking(shared: &Shared) -> Asking {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        asking_of(shared, &server)
    }

    fn asking_of(shared: &Shared, server: &UdpSocket) -> Asking {
        let address = server.local_addr().expect("its address");
        let settings = ForwardSettings::read(&format!(
            r#"{{"servers": [{{"label": "s", "address": "{address}"}}], "most": 9000,
                "deadline": 60, "stale_wait": 60}}"#
        ));
        let mail = Arc::new(Mail::new(Arc::clone(&shared.others)));
        let epoll = thread::epoll(&shared.plain).expect("a descriptor");
        Asking::new(epoll, mail, settings.expect("settings")).expect("a seed")
    }

    /// Park a question for the type A of `label`.example.
    fn park(shared: &Shared, label: &str) {
        let mut wire = vec![0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, label.len() as u8];
        wire.extend_from_slice(label.as_bytes());
        wire.extend_from_slice(b"\x07example\0\0\x01\0\x01");
        let client = IpAddr::from(Ipv4Addr::LOCALHOST);
        let mut lane = Lane::small(&shared.engine);
        let outcome = lane.handle(&wire, client, Way::Token, now(), 1, &mut Vec::new());
        assert!(matches!(outcome, Outcome::Miss(_)));
    }

    #[test]
    fn a_panic_is_counted_and_what_was_under_way_goes_to_others() {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let shared = shared();
        let mut asking = asking_of(&shared, &server);
        let mut lane = Lane::small(&shared.engine);
        park(&shared, "a");
        park(&shared, "b");
        asking.ask_now(&shared, &mut lane, now());
        assert_eq!(asking.forward.in_flight(), 2);
        park(&shared, "c");
        asking.guarded(&shared, &mut lane, |asking, _| {
            shared.engine.take_plain(1, &mut asking.questions);
            panic!("a fault, on purpose");
        });
        let taken = shared.engine.take_misses(9).into_iter();
        let mut left: Vec<String> = taken.map(|question| question.name).collect();
        left.sort();
        assert_eq!(left, ["a.example", "b.example", "c.example"]);
        assert_eq!((asking.forward.in_flight(), asking.panics), (0, 1));
        // And on it goes.
        park(&shared, "d");
        asking.ask_now(&shared, &mut lane, now());
        assert_eq!(asking.forward.in_flight(), 1);
    }

    #[test]
    fn a_turn_asks_so_many_and_says_that_more_are_left() {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let shared = shared();
        let mut asking = asking_of(&shared, &server);
        let mut lane = Lane::small(&shared.engine);
        for number in 0..2 * QUESTIONS + 1 {
            park(&shared, &format!("n{number}"));
        }
        let more = asking.ask_now(&shared, &mut lane, now());
        assert_eq!((more, asking.forward.in_flight()), (true, QUESTIONS));
        let mut last = Outbox::default();
        assert!(asking.turn(&shared, &mut lane, &[], now(), &mut last));
        assert_eq!(asking.forward.in_flight(), 2 * QUESTIONS);
        assert!(!asking.turn(&shared, &mut lane, &[], now(), &mut last));
        assert_eq!(asking.forward.in_flight(), 2 * QUESTIONS + 1);
    }

    #[test]
    fn a_turn_reads_so_many_datagrams_of_one_port() {
        let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let shared = shared();
        let mut asking = asking_of(&shared, &server);
        let mut lane = Lane::small(&shared.engine);
        for number in 0..QUESTIONS {
            park(&shared, &format!("n{number}"));
        }
        asking.ask_now(&shared, &mut lane, now());
        let mut buffer = [0; 600];
        let mut ports = std::collections::HashSet::new();
        server.set_nonblocking(true).expect("a flag");
        while let Ok((_, from)) = server.recv_from(&mut buffer) {
            ports.insert(from);
        }
        for port in &ports {
            for _ in 0..READS + 1 {
                server.send_to(b"x", port).expect("sent");
            }
        }
        let place = (0..256).find(|place| asking.sockets.port(*place).is_some());
        let place = place.expect("an open port");
        assert_eq!(asking.read(place, READS, now()), READS);
        assert_eq!(
            asking.read(place, 3, now()),
            2,
            "one more, and then nothing"
        );
    }
}
