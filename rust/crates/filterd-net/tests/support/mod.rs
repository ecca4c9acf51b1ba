//! A node of threads on loopback: a door, workers, a forwarder, and upstreams that misbehave.
#![allow(dead_code, reason = "each test file uses a part of this")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use filterd_core::engine::{Engine, Question, Settings};
use filterd_core::forward::routes::Routes;
use filterd_core::forward::ForwardSettings;
use filterd_core::proxy::Proxies;
use filterd_core::snapshot::Snapshot;
use filterd_index::{IndexBuilder, Scope};
use filterd_net::bell::Bell;
use filterd_net::doors::Doors;
use filterd_net::forward::{Forwarder, Mail, Plain};
use filterd_net::workers::{Post, Shared, Workers};
use serde_json::Value;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Blocks blocked.example and all below it.
const PLAN: &str = r#"{
    "classes": [{"action": "block"}],
    "layers": [1],
    "ranks": [[1]],
    "groups": [{"name": "all", "filtered": true, "segments": [{"from": 0, "ranks": 0}],
                "default": "pass", "answer": {"style": "null", "ttl": 60}}],
    "default_group": 0,
    "clients": [],
    "prefixes": []
}"#;

/// The address in every right answer, and in every lie.
pub(crate) const RIGHT: [u8; 4] = [203, 0, 113, 7];
pub(crate) const WRONG: [u8; 4] = [198, 51, 100, 66];

/// A query for the address of `name`.
pub(crate) fn query(id: u16, name: &str) -> Vec<u8> {
    let mut wire = id.to_be_bytes().to_vec();
    wire.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire.extend_from_slice(&[0, 0, 1, 0, 1]);
    wire
}

/// Where the question of a message ends.
fn question_end(message: &[u8]) -> usize {
    let mut at = 12;
    while message[at] != 0 {
        at += 1 + usize::from(message[at]);
    }
    at + 5
}

/// An answer to `query` with one address that lives `ttl` seconds.
pub(crate) fn answer(query: &[u8], address: [u8; 4], ttl: u8) -> Vec<u8> {
    let mut wire = query[..question_end(query)].to_vec();
    wire[2] |= 0x80;
    wire[3] = 0x80;
    wire[4..12].copy_from_slice(&[0, 1, 0, 1, 0, 0, 0, 0]);
    wire.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4]);
    wire.extend_from_slice(&address);
    wire
}

pub(crate) fn right(query: &[u8]) -> Vec<u8> {
    answer(query, RIGHT, 60)
}

/// An upstream that answers each query as it is told to.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    /// Queries so far.
    pub(crate) asked: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Upstream {
    /// `respond` gives the datagrams for a query, the first being number 1.
    pub(crate) fn new(respond: impl FnMut(&[u8], usize) -> Vec<Vec<u8>> + Send + 'static) -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into(), respond).expect("a port of loopback")
    }

    pub(crate) fn at(
        host: IpAddr,
        mut respond: impl FnMut(&[u8], usize) -> Vec<Vec<u8>> + Send + 'static,
    ) -> std::io::Result<Self> {
        let socket = UdpSocket::bind((host, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let address = socket.local_addr()?;
        let (stop, asked) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let (until, count) = (Arc::clone(&stop), Arc::clone(&asked));
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while !until.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                for reply in respond(&buffer[..length], number) {
                    // Whoever asked may have closed its port.
                    let _ = socket.send_to(&reply, from);
                }
            }
        });
        let thread = Some(thread);
        Ok(Self {
            address,
            asked,
            stop,
            thread,
        })
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the upstream did not panic");
        }
    }
}

/// An address where nobody listens.
pub(crate) fn dead() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    socket.local_addr().expect("its address")
}

/// A whole node.
pub(crate) struct Node {
    pub(crate) shared: Shared,
    pub(crate) mail: Arc<Mail>,
    pub(crate) forwarder: Forwarder,
    address: SocketAddr,
    next_id: Mutex<u16>,
    _workers: Workers,
}

impl Node {
    /// Asks `servers` in this order, with much time.
    pub(crate) fn new(servers: &[SocketAddr]) -> Self {
        Self::with(servers, "strict", 15.0, 15.0)
    }

    /// The same, but a question is given up after half a second.
    pub(crate) fn hasty(servers: &[SocketAddr]) -> Self {
        Self::with(servers, "strict", 0.5, 0.5)
    }

    pub(crate) fn with(servers: &[SocketAddr], strategy: &str, deadline: f64, stale: f64) -> Self {
        Self::of(shared(), settings(servers, strategy, deadline, stale))
    }

    /// Asks `server` and believes loopback to be a proxy.
    pub(crate) fn behind_a_proxy(server: SocketAddr, proxies: Arc<Proxies>) -> Self {
        Self::of(
            shared_behind(Some(proxies)),
            settings(&[server], "strict", 15.0, 15.0),
        )
    }

    fn of((shared, address): (Shared, SocketAddr), settings: ForwardSettings) -> Self {
        let mail = Arc::new(Mail::new(Arc::clone(&shared.others)));
        let forwarder = Forwarder::start(&shared, &mail, settings, None).expect("a thread");
        let post = Post {
            socket: 0,
            cpu: None,
        };
        let workers = Workers::start(&shared, &[post]).expect("a thread");
        Self {
            shared,
            mail,
            forwarder,
            address,
            next_id: Mutex::new(1),
            _workers: workers,
        }
    }

    /// Send a query from a socket of its own.
    pub(crate) fn send(&self, name: &str) -> Asked {
        let mut next = self.next_id.lock().expect("the number");
        *next += 1;
        self.send_wire(*next, &query(*next, name))
    }

    /// Send a query with this id from a socket of its own.
    pub(crate) fn send_wire(&self, id: u16, wire: &[u8]) -> Asked {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        socket.connect(self.address).expect("the door");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        socket.send(wire).expect("sent");
        Asked { socket, id }
    }

    /// Ask and wait.
    pub(crate) fn ask(&self, name: &str) -> Heard {
        self.send(name).heard()
    }

    /// Wait for a question that was left to those who know more means.
    pub(crate) fn left_to_others(&self) -> Question {
        let end = Instant::now() + PATIENCE;
        loop {
            self.shared.others.answer();
            if let Some(question) = self.shared.engine.take_misses(1).pop() {
                return question;
            }
            assert!(Instant::now() < end, "nothing was handed over");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn counts(&self) -> Value {
        serde_json::from_str(&self.forwarder.counts()).expect("JSON")
    }

    /// A number of the server that stands at this place.
    pub(crate) fn count(&self, server: usize, path: &str) -> u64 {
        let counts = self.counts();
        let server = &counts["servers"][format!("s{server}")];
        server
            .pointer(path)
            .and_then(Value::as_u64)
            .expect("a counter")
    }
}

/// A query on its way.
pub(crate) struct Asked {
    socket: UdpSocket,
    id: u16,
}

impl Asked {
    /// Whether no reply has come by now.
    pub(crate) fn nothing_came(self) -> bool {
        self.socket.set_nonblocking(true).expect("a socket");
        self.socket.recv(&mut [0; 512]).is_err()
    }

    pub(crate) fn heard(self) -> Heard {
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).expect("a reply in time");
        assert_eq!(
            buffer[..2],
            self.id.to_be_bytes(),
            "the id is the client's own"
        );
        Heard(buffer[..length].to_vec())
    }
}

/// A reply.
#[derive(Debug)]
pub(crate) struct Heard(pub(crate) Vec<u8>);

impl Heard {
    pub(crate) fn code(&self) -> u8 {
        self.0[3] & 15
    }

    /// The address it ends with.
    pub(crate) fn address(&self) -> [u8; 4] {
        self.0[self.0.len() - 4..].try_into().expect("four octets")
    }

    pub(crate) fn is_right(&self) -> bool {
        self.code() == 0 && self.address() == RIGHT
    }
}

pub(crate) fn settings(
    servers: &[SocketAddr],
    strategy: &str,
    deadline: f64,
    stale: f64,
) -> ForwardSettings {
    let server = |(n, address): (usize, &SocketAddr)| serde_json::json!({"label": format!("s{n}"), "address": address});
    let servers: Vec<Value> = servers.iter().enumerate().map(server).collect();
    let json = serde_json::json!({
        "servers": servers,
        "strategy": strategy,
        "deadline": deadline,
        "stale_wait": stale,
        "most": 1000,
    });
    ForwardSettings::read(&json.to_string()).expect("good settings")
}

/// Engine, door and bells; names under `local` are not for plain forwarding.
pub(crate) fn shared() -> (Shared, SocketAddr) {
    shared_behind(None)
}

fn shared_behind(proxies: Option<Arc<Proxies>>) -> (Shared, SocketAddr) {
    let mut rules = IndexBuilder::new(false);
    rules
        .add_name("blocked.example", Scope::Subtree, 0, 0)
        .expect("a rule");
    let index = Arc::new(rules.finish("{}").expect("an index"));
    let snapshot = Arc::new(Snapshot::new(vec![index], PLAN, 1).expect("a snapshot"));
    let door = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = door.local_addr().expect("its address");
    let shared = Shared {
        engine: Arc::new(Engine::new(snapshot, Settings::default())),
        doors: Arc::new(
            Doors::new(vec![OwnedFd::from(door)])
                .expect("a UDP socket")
                .behind(proxies),
        ),
        others: Arc::new(Bell::new().expect("a descriptor")),
        plain: Arc::new(Plain::new().expect("a descriptor")),
    };
    let routes = Routes::read(r#"["local"]"#).expect("names");
    let route = move |name: &[u8]| routes.is_plain(name);
    shared.engine.set_route(Some(Box::new(route)));
    (shared, address)
}
