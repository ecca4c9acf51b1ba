//! Serves on a loopback port with UDP threads and plain forwarding, without Python and without
//! rules, to time what a forwarded question costs (bench/native/blast.c asks, upstream.c answers):
//!
//!     cargo run --release -p filterd-net --example forward_serve -- PORT UPSTREAM [WORKERS]
//!
//! Ends when its input does. Prints the forwarder's counts then.

#![allow(clippy::print_stdout)] // printing is what it is for

use std::error::Error;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use filterd_core::engine::{Engine, Record, Settings};
use filterd_core::forward::routes::Routes;
use filterd_core::forward::ForwardSettings;
use filterd_core::snapshot::Snapshot;
use filterd_index::IndexBuilder;
use filterd_net::bell::Bell;
use filterd_net::doors::Doors;
use filterd_net::forward::{Forwarder, Mail, Plain};
use filterd_net::workers::{Post, Shared, Workers};

const PLAN: &str = r#"{
    "classes": [],
    "layers": [0],
    "ranks": [[]],
    "groups": [{"name": "all", "filtered": true, "segments": [{"from": 0, "ranks": 0}],
                "default": "pass", "answer": {"style": "null", "ttl": 60}}],
    "default_group": 0,
    "clients": [],
    "prefixes": []
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<u16> = std::env::args()
        .skip(1)
        .map(|n| n.parse())
        .collect::<Result<_, _>>()?;
    let [port, upstream, workers @ ..] = numbers.as_slice() else {
        return Err("usage: forward_serve PORT UPSTREAM [WORKERS]".into());
    };
    let index = Arc::new(IndexBuilder::new(false).finish("{}")?);
    let snapshot = Arc::new(Snapshot::new(vec![index], PLAN, 1)?);
    let record = Record::Counts;
    let settings = Settings {
        record,
        ..Settings::default()
    };
    let others = Arc::new(Bell::new()?);
    let count = workers.first().copied().unwrap_or(1);
    let sockets = (0..count)
        .map(|_| socket(*port))
        .collect::<Result<Vec<_>, _>>()?;
    let shared = Shared {
        engine: Arc::new(Engine::new(snapshot, settings)),
        doors: Arc::new(Doors::new(sockets)?),
        others: Arc::clone(&others),
        plain: Arc::new(Plain::new()?),
    };
    let routes = Routes::read(r#"["test", "local", "arpa"]"#)?;
    shared
        .engine
        .set_route(Some(Box::new(move |name| routes.is_plain(name))));
    let forward = ForwardSettings::read(&format!(
        r#"{{"servers": [{{"label": "upstream", "address": "127.0.0.1:{upstream}"}}],
            "deadline": 5, "stale_wait": 1.8, "most": 10000}}"#
    ))?;
    let mail = Arc::new(Mail::new(others));
    let mut forwarder = Forwarder::start(&shared, &mail, forward, None)?;
    let posts: Vec<Post> = (0..count)
        .map(|at| Post {
            socket: at.into(),
            cpu: None,
        })
        .collect();
    let mut workers = Workers::start(&shared, &posts)?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    workers.stop();
    println!("{}", forwarder.counts());
    forwarder.stop();
    Ok(())
}

/// A socket that shares the port with the others.
fn socket(port: u16) -> Result<OwnedFd, Box<dyn Error>> {
    use rustix::net::{bind, socket, sockopt, AddressFamily, SocketType};
    let fd = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    sockopt::set_socket_reuseport(&fd, true)?;
    sockopt::set_socket_recv_buffer_size(&fd, 4 << 20)?;
    bind(&fd, &SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(UdpSocket::from(fd).into())
}
