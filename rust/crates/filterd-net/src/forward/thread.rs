//! The forwarder's thread: wait for answers, the bell, or what is due.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use filterd_core::engine::Lane;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::Timespec;
use rustix::thread::{sched_setaffinity, CpuSet};

use super::plain::Plain;
use crate::clock::now;
use crate::sys::take_short_turns;
use crate::workers::Shared;

/// Events of one turn.
const EVENTS: usize = 64;

/// Seconds after which the thread looks up, whatever happens: no question has anything due sooner
/// after it was asked, so those who ask need not wake it.
const LOOK_UP: f64 = 0.1;

/// The bell among the events; ports have small numbers.
const BELL: u64 = u64::MAX;

/// What the thread waits on.
pub(super) fn epoll(plain: &Plain) -> io::Result<OwnedFd> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, plain, EventData::new_u64(BELL), EventFlags::IN)?;
    Ok(epoll)
}

/// Forward until `stop`.
pub(super) fn run(shared: &Shared, epoll: &OwnedFd, cpu: Option<usize>, stop: &AtomicBool) {
    if let Some(cpu) = cpu {
        let mut set = CpuSet::new();
        set.set(cpu);
        // A processor that is not there: any other forwards as well.
        let _ = sched_setaffinity(None, &set);
    }
    take_short_turns();
    let plain = &*shared.plain;
    let mut lane = Lane::small(&shared.engine);
    let mut events: Vec<Event> = Vec::with_capacity(EVENTS);
    let mut ready = Vec::with_capacity(EVENTS);
    while !stop.load(Ordering::Relaxed) {
        let most = now().steady + LOOK_UP;
        let until = plain
            .with(|asking| asking.sleep_until(most))
            .unwrap_or(most);
        events.clear();
        // Interrupted, or a fault that the next turn meets as well: there may be something due.
        let _ = epoll::wait(epoll, spare_capacity(&mut events), Some(&timeout(until)));
        ready.clear();
        for event in &events {
            match event.data.u64() {
                BELL => plain.answer(),
                place => ready.push(place),
            }
        }
        let now = now();
        plain.with(|asking| asking.turn(shared, &mut lane, &ready, now));
        if lane.take_asked() {
            // A rewrite led to another name.
            shared.ask(&mut lane, now);
        }
        lane.rest(now);
    }
    plain.with(|asking| asking.give_back(shared, &mut lane, now()));
    plain.set(None);
}

/// From now to `until`, in whole milliseconds that are not too few.
fn timeout(until: f64) -> Timespec {
    let milliseconds = ((until - now().steady).clamp(0.0, LOOK_UP) * 1e3).ceil();
    Timespec {
        tv_sec: 0,
        tv_nsec: milliseconds as i64 * 1_000_000,
    }
}
