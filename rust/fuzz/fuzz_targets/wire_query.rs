//! Any packet from a client: no panic, and a reply that has a header.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use filterd_core::engine::{Desk, Outcome};
use libfuzzer_sys::fuzz_target;

#[path = "support.rs"]
mod support;

thread_local! {
    static ENGINE: Desk = support::engine();
}

fuzz_target!(|packet: &[u8]| {
    ENGINE.with(|engine| {
        let mut out = Vec::new();
        for door in 0..4 {
            let client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, door));
            if engine.handle(packet, client, support::NOW, door, &mut out) == Outcome::Reply {
                assert!(out.len() >= 12);
                assert_eq!(out[..2], packet[..2]);
                assert!(door != 0 || out.len() <= 1232);
            }
        }
        for miss in engine.take_misses(8) {
            engine.complete(miss.miss, None, support::NOW, 22);
        }
    });
});
