//! The thread that forwards over plain UDP: takes questions from the engine, asks, completes them,
//! and sends the replies. What it cannot end goes to whoever takes the other questions.

mod mail;
mod sockets;
mod thread;

use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use filterd_core::forward::{Forward, ForwardSettings};

pub use mail::Mail;

use crate::clock::now;
use crate::workers::Shared;
use thread::Thread;

/// A running thread. It ends when this is dropped, and gives every open question back.
pub struct Forwarder {
    state: Arc<State>,
    shared: Shared,
    thread: Option<JoinHandle<()>>,
}

/// What the thread and its owner share.
struct State {
    forward: Mutex<Forward>,
    stop: AtomicBool,
    panics: AtomicU64,
}

impl State {
    fn forward(&self) -> MutexGuard<'_, Forward> {
        // A panic in the middle is met by a new one in its place.
        self.forward.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Forwarder {
    /// Start the thread. It takes the questions that the engine's route leaves to plain forwarding;
    /// replies by token go into `mail`. `cpu`: the processor it stays on, `None`: any.
    ///
    /// # Errors
    /// The system has no thread, descriptor or random numbers left.
    pub fn start(
        shared: &Shared,
        mail: &Arc<Mail>,
        settings: ForwardSettings,
        cpu: Option<usize>,
    ) -> io::Result<Self> {
        let state = Arc::new(State {
            forward: Mutex::new(Forward::new(settings.clone(), thread::seed()?)),
            stop: AtomicBool::new(false),
            panics: AtomicU64::new(0),
        });
        let mut thread = Thread::new(shared.clone(), Arc::clone(mail), settings, &state)?;
        let handle = std::thread::Builder::new()
            .name("forward".to_owned())
            .spawn(move || thread.run(cpu))?;
        // What has waited since before.
        shared.plain.ring();
        Ok(Self {
            state,
            shared: shared.clone(),
            thread: Some(handle),
        })
    }

    /// Counters and health of the servers, as JSON: see `Forward::counts`; and how many panics were
    /// caught.
    #[must_use]
    pub fn counts(&self) -> String {
        let mut counts = self.state.forward().counts();
        counts["panics"] = self.state.panics.load(Ordering::Relaxed).into();
        counts.to_string()
    }

    /// See `Forward::loses_case`.
    pub fn loses_case(&self, server: usize) {
        self.state.forward().loses_case(server, now().steady);
    }

    /// Whether the thread still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
    }

    /// End it; open questions go to whoever takes the other ones. Set another route first, so that
    /// no new ones come.
    pub fn stop(&mut self) {
        self.state.stop.store(true, Ordering::Relaxed);
        self.shared.plain.ring();
        if let Some(thread) = self.thread.take() {
            // Panics of a turn were caught; one outside of any leaves nothing to wait for.
            let _ = thread.join();
        }
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Run `what`; `None` if it panicked.
fn caught<T>(what: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(what)).ok()
}
