//! An engine with rules, UDP threads on loopback, and an upstream in the same process.

#![allow(dead_code, unreachable_pub)] // each test uses its part

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use filterd_core::engine::{Engine, Lane, Question, Record, Settings};
use filterd_core::guard::{Guard, GuardSettings, Secrets};
use filterd_core::snapshot::Snapshot;
use filterd_index::{IndexBuilder, Scope};
use filterd_net::bell::Bell;
use filterd_net::doors::Doors;
use filterd_net::forward::Plain;
use filterd_net::now;
use filterd_net::workers::{Post, Shared, Workers};
use rustix::event::{poll, PollFd, PollFlags, Timespec};
use serde_json::Value;

const PLAN: &str = r#"{
    "classes": [{"action": "block"}],
    "layers": [1],
    "ranks": [[256]],
    "groups": [{"name": "all", "filtered": true, "segments": [{"from": 0, "ranks": 0}],
                "default": "pass", "answer": {"style": "null", "ttl": 60}}],
    "default_group": 0,
    "clients": [],
    "prefixes": []
}"#;
const GUARD: &str = r#"{"access": {"networks": ["127.0.0.0/8", "::1/128"], "others": "refuse"}}"#;

/// Rules under which `blocked` and what is below it are blocked.
pub fn rules(blocked: &str, generation: u64) -> Arc<Snapshot> {
    let mut index = IndexBuilder::new(false);
    index
        .add_name(blocked, Scope::Subtree, 0, 0)
        .expect("a name");
    let index = Arc::new(index.finish("{}").expect("an index"));
    Arc::new(Snapshot::new(vec![index], PLAN, generation).expect("a snapshot"))
}

/// All of it; ends when dropped.
pub struct Node {
    pub shared: Shared,
    pub workers: Workers,
    pub addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    upstream: Option<JoinHandle<()>>,
}

impl Node {
    /// Two threads share one IPv4 address, a third has all IPv6 addresses.
    pub fn start() -> Self {
        let settings = Settings {
            cache_bytes: 16 << 20,
            lanes: 3,
            zone_rate: 0,
            record: Record::Counts,
            ..Settings::default()
        };
        let engine = Arc::new(Engine::new(rules("blocked.test", 1), settings));
        let guard = GuardSettings::parse(GUARD).expect("settings");
        let secrets = Secrets {
            current: [7; 16],
            older: None,
        };
        let guard = Guard::new(&guard, Some(secrets)).expect("a guard");
        engine.set_guard(Arc::new(guard));
        let first = socket(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let v4 = address(&first);
        let v6 = socket(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)));
        let addresses = vec![
            v4,
            SocketAddr::from((Ipv6Addr::LOCALHOST, address(&v6).port())),
        ];
        let shared = Shared {
            engine,
            doors: Arc::new(Doors::new(vec![first, socket(v4), v6]).expect("doors")),
            others: Arc::new(Bell::new().expect("a bell")),
            plain: Arc::new(Plain::new().expect("a bell")),
        };
        let posts = [0, 1, 2].map(|socket| Post { socket, cpu: None });
        let workers = Workers::start(&shared, &posts).expect("threads");
        let stop = Arc::new(AtomicBool::new(false));
        let upstream = {
            let (shared, stop) = (shared.clone(), Arc::clone(&stop));
            std::thread::spawn(move || resolve(&shared, &stop))
        };
        Self {
            shared,
            workers,
            addresses,
            stop,
            upstream: Some(upstream),
        }
    }

    pub fn stats(&self) -> Value {
        serde_json::from_str(&self.shared.engine.stats()).expect("JSON")
    }

    /// A number of the statistics.
    pub fn stat(&self, path: &str) -> u64 {
        let stats = self.stats();
        let found = stats.pointer(path).and_then(Value::as_u64);
        found.unwrap_or_else(|| panic!("no {path} in {stats}"))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.workers.stop();
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.upstream.take() {
            thread.join().expect("the upstream lives");
        }
    }
}

/// A client's socket that hears only `to`.
pub fn client(to: SocketAddr) -> UdpSocket {
    let from = match to {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
    };
    let socket = UdpSocket::bind(from).expect("a socket");
    socket.connect(to).expect("a route");
    socket
        .set_read_timeout(Some(Duration::from_millis(250)))
        .expect("a timeout");
    socket
}

/// A question for type A.
pub fn question(id: u16, name: &str) -> Vec<u8> {
    let mut packet = id.to_be_bytes().to_vec();
    packet.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        packet.push(label.len() as u8);
        packet.extend(label.as_bytes());
    }
    packet.extend([0, 0, 1, 0, 1]);
    packet
}

/// Ask until something comes back, for five seconds; the address of the first record.
pub fn ask(socket: &UdpSocket, name: &str) -> Option<Vec<u8>> {
    let packet = question(0x7777, name);
    let mut buffer = [0; 2048];
    for _ in 0..20 {
        socket.send(&packet).expect("sent");
        while let Ok(length) = socket.recv(&mut buffer) {
            let (reply, end) = (&buffer[..length], packet.len());
            // One that was asked twice is answered twice; the second is not for who asks next.
            if reply[..2] == packet[..2] && reply.get(12..end) == Some(&packet[12..]) {
                return reply.get(end + 12..end + 16).map(<[u8]>::to_vec);
            }
        }
    }
    None
}

fn socket(at: SocketAddr) -> OwnedFd {
    use rustix::net::{bind, socket, sockopt, AddressFamily, SocketType};
    let family = match at {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let fd = socket(family, SocketType::DGRAM, None).expect("a socket");
    if at.is_ipv6() {
        sockopt::set_ipv6_v6only(&fd, true).expect("an option");
    }
    sockopt::set_socket_reuseport(&fd, true).expect("an option");
    sockopt::set_socket_recv_buffer_size(&fd, 4 << 20).expect("an option");
    bind(&fd, &at).expect("an address");
    fd
}

fn address(fd: &OwnedFd) -> SocketAddr {
    let name = rustix::net::getsockname(fd).expect("bound");
    SocketAddr::try_from(name).expect("of IPv4 or IPv6")
}

fn resolve(shared: &Shared, stop: &AtomicBool) {
    let mut lane = Lane::small(&shared.engine);
    let soon = Timespec {
        tv_sec: 0,
        tv_nsec: 50_000_000,
    };
    while !stop.load(Ordering::Relaxed) {
        let mut fds = [PollFd::from_borrowed_fd(
            shared.others.as_fd(),
            PollFlags::IN,
        )];
        if poll(&mut fds, Some(&soon)).expect("poll") == 0 {
            lane.rest(now());
            // Who has a question must say so: nobody looks by the way.
            continue;
        }
        shared.others.answer();
        loop {
            let questions = shared.engine.take_misses(256);
            if questions.is_empty() {
                break;
            }
            for question in questions {
                let answer = answer(&question);
                let replies = lane.complete(question.miss, answer.as_deref(), now(), 22);
                shared.doors.send(&replies);
            }
        }
        lane.rest(now());
    }
}

/// By the first label: many addresses, no such name, failure, nonsense; else one address.
fn answer(question: &Question) -> Option<Vec<u8>> {
    let end = question.wire[12..].iter().position(|byte| *byte == 0)? + 12 + 5;
    let mut reply = question.wire.get(..end)?.to_vec();
    reply[2] = 0x81;
    reply[3] = 0x80;
    reply[6..12].fill(0);
    let first = question.name.split('.').next().unwrap_or("");
    let count: u16 = match first {
        "long" => 60,
        "huge" => 90,
        "nx" => {
            reply[3] |= 3;
            0
        }
        "fail" => {
            reply[3] |= 2;
            return Some(reply);
        }
        "garbage" => return Some(vec![0xc0; 99]),
        "dead" => return None,
        _ => u16::from(question.qtype == 1),
    };
    if question.qtype != 1 || count == 0 {
        reply[9] = 1;
        reply.extend(b"\0\0\x06\0\x01\0\0\x01\x2c\0\x16\0\0");
        reply.extend([0, 0, 0, 9].repeat(5));
        return Some(reply);
    }
    reply[6..8].copy_from_slice(&count.to_be_bytes());
    for number in 1..=count {
        reply.extend(b"\xc0\x0c\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02");
        reply.push(number as u8);
    }
    Some(reply)
}
