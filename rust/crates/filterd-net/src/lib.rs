//! Threads with sockets around the core: the UDP doors, forwarding over plain UDP, and what the
//! firewall is told.
//!
//! Here sockets are read and written, clocks are read, and nothing is decided: packets go to a
//! [`filterd_core::engine::Lane`], and what it says goes out. Sockets are opened by others and
//! handed over as descriptors. `unsafe` stands in `sys.rs` alone, around four system calls.
#![deny(unsafe_code)]

pub mod bell;
pub mod doors;
pub mod firewall;
pub mod forward;
pub mod workers;

mod clock;
mod origins;
#[allow(unsafe_code)]
mod sys;

pub use clock::now;
