//! The forwarder's thread: wait for answers, the bell, or what is due.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use filterd_core::engine::{Lane, Outbox};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::Timespec;
use rustix::thread::{sched_setaffinity, CpuSet};

use super::asking::Asking;
use super::caught;
use super::plain::Plain;
use crate::clock::now;
use crate::sys::take_short_turns;
use crate::workers::Shared;

/// Events of one turn.
const EVENTS: usize = 64;

/// Seconds after which the thread looks up, whatever happens: no question has anything due sooner
/// after it was asked, so those who ask need not wake it.
const LOOK_UP: f64 = 0.1;

/// After a fault of ours.
const PAUSE: Duration = Duration::from_millis(10);

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
    let mut turns = Turns::new(shared);
    turns.go_on(stop, |turns| turns.turn(epoll));
    plain.with(|asking| asking.give_back(shared, &mut turns.lane, now()));
    plain.set(None);
}

/// What the thread has for its turns.
struct Turns<'a> {
    shared: &'a Shared,
    lane: Lane,
    events: Vec<Event>,
    ready: Vec<u64>,
    /// Replies that are sent after a turn.
    last: Outbox,
    /// When to look up.
    until: f64,
}

impl<'a> Turns<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            lane: Lane::small(&shared.engine),
            events: Vec::with_capacity(EVENTS),
            ready: Vec::with_capacity(EVENTS),
            last: Outbox::default(),
            until: 0.0,
        }
    }

    /// Take one turn after the other until `stop`.
    fn go_on(&mut self, stop: &AtomicBool, mut turn: impl FnMut(&mut Self)) {
        while !stop.load(Ordering::Relaxed) {
            if caught(|| turn(self)).is_some() {
                continue;
            }
            // What a turn does with questions is caught within: this is a fault around it. Whoever
            // waits for an answer has no other thread, so it goes on, but never as fast as it can.
            caught(|| self.lane.recover());
            self.shared.plain.with(Asking::panicked);
            self.last.clear();
            std::thread::sleep(PAUSE);
        }
    }

    /// Wait, then do what there is to do.
    fn turn(&mut self, epoll: &OwnedFd) {
        let Self {
            shared,
            lane,
            events,
            ready,
            last,
            until,
        } = self;
        let plain = &*shared.plain;
        events.clear();
        // Interrupted, or a fault that the next turn meets as well: there may be something due.
        let _ = epoll::wait(epoll, spare_capacity(events), Some(&timeout(*until)));
        ready.clear();
        for event in &*events {
            match event.data.u64() {
                BELL => plain.answer(),
                place => ready.push(place),
            }
        }
        let now = now();
        let most = now.steady + LOOK_UP;
        let next = plain.with(|asking| {
            let more = asking.turn(shared, lane, ready, now, last);
            // In any case this is when those who ask must ring.
            let next = asking.sleep_until(most);
            if more {
                0.0
            } else {
                next
            }
        });
        *until = next.unwrap_or(most);
        if !last.replies.is_empty() {
            shared.doors.send(&last.replies);
            last.clear();
        }
        if lane.take_asked() {
            // A rewrite led to another name.
            shared.ask(lane, now);
        }
        lane.rest(now);
    }
}

/// From now to `until`, in whole milliseconds that are not too few.
fn timeout(until: f64) -> Timespec {
    let milliseconds = ((until - now().steady).clamp(0.0, LOOK_UP) * 1e3).ceil();
    Timespec {
        tv_sec: 0,
        tv_nsec: milliseconds as i64 * 1_000_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::asking::tests::{asking, shared};

    #[test]
    fn a_fault_around_a_turn_is_counted_and_the_next_turn_comes() {
        let shared = shared();
        shared.plain.set(Some(asking(&shared)));
        let stop = AtomicBool::new(false);
        let mut turns = Turns::new(&shared);
        let mut count = 0;
        turns.go_on(&stop, |_| {
            count += 1;
            stop.store(count == 3, Ordering::Relaxed);
            assert!(count > 2, "a fault, on purpose");
        });
        drop(turns);
        let counts = shared.plain.with(Asking::counts).expect("it runs");
        assert!(counts.contains(r#""panics":2"#), "{counts}");
        let stats = shared.engine.stats();
        assert!(stats.contains(r#""panics":2"#), "{stats}");
    }
}
