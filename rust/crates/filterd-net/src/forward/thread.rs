//! The forwarder's thread: wait, read, ask, do what the state machine says, reply; each turn for
//! all that is there.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use filterd_core::engine::{Lane, Now, Question, Reply};
use filterd_core::forward::{Effect, Forward, ForwardSettings, PortId};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::Timespec;
use rustix::rand::{getrandom, GetRandomFlags};
use rustix::thread::{sched_setaffinity, CpuSet};

use super::sockets::{Read, Sockets};
use super::{caught, Mail, State};
use crate::clock::now;
use crate::workers::Shared;

/// Events, datagrams of a port and questions of one turn, so that each gets its turn.
const EVENTS: usize = 64;
const READS: usize = 64;
const QUESTIONS: usize = 256;

/// Seconds after which the thread looks up, whatever happens.
const LOOK_UP: f64 = 0.1;

/// The bell among the events; ports have small numbers.
const BELL: u64 = u64::MAX;

/// Octets for a `Forward`, from the system.
pub(super) fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    let mut at = 0;
    while at < seed.len() {
        at += getrandom(&mut seed[at..], GetRandomFlags::empty())?;
    }
    Ok(seed)
}

/// See the module.
pub(super) struct Thread {
    shared: Shared,
    mail: Arc<Mail>,
    settings: ForwardSettings,
    state: Arc<State>,
    lane: Lane,
    sockets: Sockets,
    /// Taken from the engine, not asked yet.
    questions: VecDeque<Question>,
    /// To be sent at the end of the turn.
    replies: Vec<Reply>,
}

impl Thread {
    pub(super) fn new(
        shared: Shared,
        mail: Arc<Mail>,
        settings: ForwardSettings,
        state: &Arc<State>,
    ) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(
            &epoll,
            &*shared.plain,
            EventData::new_u64(BELL),
            EventFlags::IN,
        )?;
        Ok(Self {
            lane: Lane::small(&shared.engine),
            shared,
            mail,
            settings,
            state: Arc::clone(state),
            sockets: Sockets::new(epoll),
            questions: VecDeque::new(),
            replies: Vec::new(),
        })
    }

    pub(super) fn run(&mut self, cpu: Option<usize>) {
        if let Some(cpu) = cpu {
            let mut set = CpuSet::new();
            set.set(cpu);
            // A processor that is not there: any other forwards as well.
            let _ = sched_setaffinity(None, &set);
        }
        let state = Arc::clone(&self.state);
        let mut events = Vec::with_capacity(EVENTS);
        while !state.stop.load(Ordering::Relaxed) {
            self.wait(&state, &mut events);
            if caught(|| self.turn(&mut state.forward(), &mut events)).is_none() {
                self.recover(&state);
            }
        }
        self.give_back(&mut state.forward());
    }

    /// Sleep until something happens or is due.
    fn wait(&self, state: &State, events: &mut Vec<Event>) {
        events.clear();
        let next = state.forward().next_tick();
        let seconds = next.map_or(LOOK_UP, |next| (next - now().steady).clamp(0.0, LOOK_UP));
        let milliseconds = (seconds * 1e3).ceil();
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: milliseconds as i64 * 1_000_000,
        };
        // Interrupted, or a fault that the next turn meets as well: there may be something due.
        let _ = epoll::wait(self.sockets.epoll(), spare_capacity(events), Some(&timeout));
    }

    fn turn(&mut self, forward: &mut Forward, events: &mut Vec<Event>) {
        let now = now();
        for event in events.drain(..) {
            let data = event.data.u64();
            if data == BELL {
                self.shared.plain.answer();
            } else if let Some(port) = self.sockets.port(data) {
                self.read(forward, port, now);
                self.act(forward, now);
            }
        }
        self.ask(forward, now);
        forward.tick(now.steady);
        self.act(forward, now);
        self.reply();
        if self.lane.take_asked() {
            // A rewrite led to another name.
            self.shared.ring();
        }
        self.lane.rest(now);
    }

    fn read(&mut self, forward: &mut Forward, port: PortId, now: Now) {
        for _ in 0..READS {
            match self.sockets.read(port) {
                Read::Packet(packet) => forward.received(port, packet, now.steady),
                Read::Nothing => return,
                Read::Fault(fault) => forward.refused(port, fault, now.steady),
            }
        }
    }

    fn ask(&mut self, forward: &mut Forward, now: Now) {
        loop {
            // Each stays in the queue until it has been asked: a panic loses none.
            while let Some(question) = self.questions.front() {
                forward.ask(question.miss, &question.wire, now.steady);
                self.questions.pop_front();
            }
            self.act(forward, now);
            self.questions
                .extend(self.shared.engine.take_plain(QUESTIONS));
            if self.questions.is_empty() {
                return;
            }
        }
    }

    /// Do what the state machine says.
    fn act(&mut self, forward: &mut Forward, now: Now) {
        while let Some(effect) = forward.next_effect() {
            match effect {
                Effect::Open { port, server } => {
                    if self.sockets.open(port, server).is_err() {
                        forward.unopened(port, now.steady);
                    }
                }
                Effect::Close { port } => self.sockets.close(port),
                Effect::Send { port, wire } => {
                    if let Err(fault) = self.sockets.send(port, wire) {
                        forward.refused(port, fault, now.steady);
                    }
                }
                Effect::Answer { miss, wire } => {
                    complete(self, miss, Some(wire), now, 0);
                }
                Effect::Failed { miss, ede } => complete(self, miss, None, now, ede),
                Effect::Stale { miss } => {
                    let replies = self.lane.serve_stale(miss, now);
                    self.replies.extend(replies);
                }
                Effect::Elsewhere { miss } => self.hand_over(miss),
            }
        }
    }

    fn hand_over(&self, miss: u64) {
        if self.shared.engine.hand_over(miss) {
            self.shared.others.ring();
        }
    }

    fn reply(&mut self) {
        if self.replies.is_empty() {
            return;
        }
        self.mail.put(&mut self.replies);
        self.shared.doors.send(&self.replies);
        self.replies.clear();
    }

    /// After a panic: what was under way goes to others, and nothing that may be half done is used
    /// again.
    fn recover(&mut self, state: &State) {
        state.panics.fetch_add(1, Ordering::Relaxed);
        let mut forward = state.forward();
        let open: Vec<u64> = forward.open().collect();
        if let Ok(seed) = seed() {
            *forward = Forward::new(self.settings.clone(), seed);
        } else {
            // Without random numbers nothing is asked here any more.
            state.stop.store(true, Ordering::Relaxed);
        }
        drop(forward);
        self.sockets.close_all();
        self.lane.recover();
        let taken = std::mem::take(&mut self.questions);
        for miss in open
            .into_iter()
            .chain(taken.into_iter().map(|question| question.miss))
        {
            self.hand_over(miss);
        }
        self.reply();
    }

    /// Give every open question back, for the end.
    fn give_back(&mut self, forward: &mut Forward) {
        let now = now();
        self.questions
            .extend(self.shared.engine.take_plain(usize::MAX));
        for question in std::mem::take(&mut self.questions) {
            self.hand_over(question.miss);
        }
        forward.hand_over(now.steady);
        self.act(forward, now);
        self.reply();
        self.lane.turn_in();
    }
}

/// End a question in the engine. A panic there is a fault of ours that one name found: it gets no
/// answer, the others do.
fn complete(thread: &mut Thread, miss: u64, answer: Option<&[u8]>, now: Now, ede: u16) {
    let lane = &mut thread.lane;
    let replies = caught(|| lane.complete(miss, answer, now, ede)).unwrap_or_else(|| {
        lane.recover();
        thread.state.panics.fetch_add(1, Ordering::Relaxed);
        caught(|| lane.complete(miss, None, now, 0)).unwrap_or_default()
    });
    thread.replies.extend(replies);
}
