//! Threads that answer datagrams: each waits on one socket with a lane of its own. A hit or a block
//! is one pass from receive to send, many at once, without a lock and without allocating.

use std::io;
use std::os::fd::BorrowedFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use filterd_core::engine::{Engine, Lane, Now, Outcome, Return, Way};
use rustix::thread::{sched_setaffinity, CpuSet};

use crate::bell::Bell;
use crate::clock::now;
use crate::doors::Doors;
use crate::forward::Plain;
use crate::origins::Origins;
use crate::sys::{take_short_turns, Batch, BATCH};

const UDP: u8 = 0;
/// The buffer of a reply has room for what most clients take, so that it need not grow.
const REPLY: usize = 1536;
/// Batches that a thread still answers when it is to end: what has come in, and not what comes on.
const LAST: usize = 64;
/// After a fault of ours.
const PAUSE: Duration = Duration::from_millis(10);

/// What the threads of one process share.
#[derive(Clone)]
pub struct Shared {
    /// What answers.
    pub engine: Arc<Engine>,
    /// Their sockets.
    pub doors: Arc<Doors>,
    /// Rung when there are questions for `Engine::take_misses`.
    pub others: Arc<Bell>,
    /// Who asks the questions of `Engine::take_plain`.
    pub plain: Arc<Plain>,
}

/// One thread to be: its socket by number, and the processor it stays on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Post {
    /// Which of the doors' sockets.
    pub socket: u32,
    /// Number of the processor; `None`: any.
    pub cpu: Option<usize>,
}

/// Running threads. They end when this is dropped.
pub struct Workers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Shared {
    /// Have the questions that wait taken: those for plain forwarding are asked at once if nobody
    /// else is at it, the others are told of.
    pub fn ask(&self, lane: &mut Lane, now: Now) {
        let pending = self.engine.pending();
        if pending.plain {
            self.plain.ask(self, lane, now);
        }
        if pending.others {
            self.others.ring();
        }
    }
}

impl Workers {
    /// Start a thread for each post.
    ///
    /// # Errors
    /// The system has no thread left; none stays behind.
    pub fn start(shared: &Shared, posts: &[Post]) -> io::Result<Self> {
        let mut workers = Self {
            stop: Arc::default(),
            threads: Vec::new(),
        };
        for post in posts.iter().copied() {
            let (shared, stop) = (shared.clone(), Arc::clone(&workers.stop));
            let name = format!("udp-{}", workers.threads.len());
            let thread = std::thread::Builder::new()
                .name(name)
                .spawn(move || work(&shared, post, &stop))?;
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    /// How many still run.
    #[must_use]
    pub fn running(&self) -> usize {
        let running = |thread: &&JoinHandle<()>| !thread.is_finished();
        self.threads.iter().filter(running).count()
    }

    /// End them; what they have received is answered first.
    pub fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked outside of a query has nothing more to say.
            let _ = thread.join();
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop();
    }
}

fn work(shared: &Shared, post: Post, stop: &AtomicBool) {
    let Some((socket, wildcard)) = shared.doors.socket(post.socket) else {
        return;
    };
    if let Some(cpu) = post.cpu {
        let mut set = CpuSet::new();
        set.set(cpu);
        // A processor that is not there: any other answers as well.
        let _ = sched_setaffinity(None, &set);
    }
    take_short_turns();
    let mut lane = Lane::new(&shared.engine);
    let mut batch = Batch::new(wildcard);
    let mut origins = Origins::new(shared.doors.proxies());
    let mut outs: Vec<Vec<u8>> = (0..BATCH).map(|_| Vec::with_capacity(REPLY)).collect();
    go_on(&mut lane, |lane| {
        serve(
            shared,
            post,
            socket,
            stop,
            lane,
            &mut batch,
            &mut origins,
            &mut outs,
        );
    });
}

/// Run `what` to its end. Queries are caught one by one, so that a panic is a fault around them: it
/// is counted, and `what` begins again, as clients that come to this socket have no other thread.
fn go_on(lane: &mut Lane, mut what: impl FnMut(&mut Lane)) {
    while catch_unwind(AssertUnwindSafe(|| what(lane))).is_err() {
        let _ = catch_unwind(AssertUnwindSafe(|| lane.recover()));
        // Never as fast as it can.
        std::thread::sleep(PAUSE);
    }
}

/// Answer what comes, until `stop`.
#[allow(clippy::too_many_arguments)] // a thread and all that is its own
fn serve(
    shared: &Shared,
    post: Post,
    socket: BorrowedFd<'_>,
    stop: &AtomicBool,
    lane: &mut Lane,
    batch: &mut Batch,
    origins: &mut Origins<'_>,
    outs: &mut [Vec<u8>],
) {
    let mut left = LAST;
    loop {
        let stopping = stop.load(Ordering::Relaxed);
        if stopping && left == 0 {
            return;
        }
        // An error is that of a datagram sent before (ICMP), or passes like a lack of memory.
        let count = batch.receive(socket).unwrap_or(0);
        if count == 0 {
            if stopping {
                return;
            }
            shared.doors.wait_for_all();
        }
        left -= usize::from(stopping);
        let now = now();
        // All are read before any is answered: what their answers need comes near meanwhile.
        let ahead = || look_ahead(lane, batch, origins, count);
        let mut read = catch_unwind(AssertUnwindSafe(ahead)).is_ok();
        if !read {
            lane.recover();
        }
        for (at, out) in outs.iter_mut().enumerate().take(count) {
            if !answer(lane, batch, origins, at, post.socket, now, out, read) {
                out.clear();
                lane.recover();
                // The lane is another: it has read none of those that are left.
                read = false;
            }
        }
        let replies = outs.iter().map(Vec::as_slice).enumerate().take(count);
        let unsent = batch.reply(socket, replies.filter(|(_, reply)| !reply.is_empty()));
        shared.doors.lost(unsent);
        let after = || {
            if lane.take_asked() {
                shared.ask(lane, now);
            }
            lane.rest(now);
        };
        if catch_unwind(AssertUnwindSafe(after)).is_err() {
            lane.recover();
        }
    }
}

fn look_ahead(lane: &mut Lane, batch: &Batch, origins: &mut Origins<'_>, count: usize) {
    origins.look(batch, count);
    for at in 0..count {
        lane.read(at, origins.message(batch, at));
    }
    for at in 0..count {
        lane.expect(at);
    }
}

/// Answer one datagram into `out`, which stays empty if there is no reply now. `read`: the lane has
/// read it. False after a fault of ours: this client hears nothing, the next ones are answered.
#[allow(clippy::too_many_arguments)] // a datagram, part by part
fn answer(
    lane: &mut Lane,
    batch: &Batch,
    origins: &Origins<'_>,
    at: usize,
    socket: u32,
    now: Now,
    out: &mut Vec<u8>,
    read: bool,
) -> bool {
    out.clear();
    let Some(ends) = batch.ends(at) else {
        return true;
    };
    let Some((client, through)) = origins.client(at, ends.client) else {
        return true;
    };
    let way = Way::Datagram(Return {
        socket,
        port: ends.port,
        scope: ends.scope,
        local: ends.local,
        through,
    });
    let packet = origins.message(batch, at);
    let handle = || {
        if !read {
            lane.read(at, packet);
        }
        lane.answer(at, packet, client, way, now, UDP, out)
    };
    match catch_unwind(AssertUnwindSafe(handle)) {
        Ok(Outcome::Reply) => true,
        Ok(Outcome::Miss(_) | Outcome::Drop) => {
            out.clear();
            true
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use filterd_core::engine::Settings;
    use filterd_core::snapshot::Snapshot;

    #[test]
    fn a_fault_around_a_query_is_counted_and_the_thread_goes_on() {
        let plan = r#"{"classes": [], "layers": [], "ranks": [[]], "default_group": 0,
            "groups": [{"name": "all", "filtered": true, "segments": [{"from": 0, "ranks": 0}],
                        "default": "pass", "answer": {"style": "null", "ttl": 60}}],
            "clients": [], "prefixes": []}"#;
        let snapshot = Snapshot::new(Vec::new(), plan, 1).expect("a snapshot");
        let engine = Arc::new(Engine::new(Arc::new(snapshot), Settings::default()));
        let mut lane = Lane::new(&engine);
        let mut runs = 0;
        go_on(&mut lane, |_| {
            runs += 1;
            assert!(runs > 2, "a fault, on purpose");
        });
        drop(lane);
        assert_eq!(runs, 3);
        let stats = engine.stats();
        assert!(stats.contains(r#""panics":2"#), "{stats}");
    }
}
