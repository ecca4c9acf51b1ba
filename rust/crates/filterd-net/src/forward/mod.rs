//! Forwarding over plain UDP: questions go out from the thread that has them, answers come in at a
//! thread of its own. What cannot be ended here goes to whoever takes the other questions.

mod asking;
mod mail;
mod plain;
mod sockets;
mod thread;

use std::io;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;

use filterd_core::forward::ForwardSettings;

pub use mail::Mail;
pub use plain::Plain;

use crate::clock::now;
use crate::workers::Shared;
use asking::Asking;

/// A running thread. It ends when this is dropped, and gives every open question back.
pub struct Forwarder {
    shared: Shared,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    /// Start the thread. Questions that the engine's route leaves to plain forwarding are asked from
    /// now on; replies by token go into `mail`. `cpu`: the processor it stays on, `None`: any.
    ///
    /// # Errors
    /// The system has no thread, descriptor or random numbers left.
    pub fn start(
        shared: &Shared,
        mail: &Arc<Mail>,
        settings: ForwardSettings,
        cpu: Option<usize>,
    ) -> io::Result<Self> {
        let epoll = thread::epoll(&shared.plain)?;
        let own = epoll.try_clone()?;
        let asking = Asking::new(epoll, Arc::clone(mail), settings)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (theirs, until) = (shared.clone(), Arc::clone(&stop));
        let thread = std::thread::Builder::new()
            .name("forward".to_owned())
            .spawn(move || thread::run(&theirs, &own, cpu, &until))?;
        shared.plain.set(Some(asking));
        // What has waited since before.
        shared.plain.ring();
        Ok(Self {
            shared: shared.clone(),
            stop,
            thread: Some(thread),
        })
    }

    /// Counters and health of the servers, as JSON: see `Forward::counts`; and how many panics were
    /// caught.
    #[must_use]
    pub fn counts(&self) -> String {
        self.shared.plain.with(Asking::counts).unwrap_or_default()
    }

    /// See `Forward::loses_case`.
    pub fn loses_case(&self, server: usize) {
        let steady = now().steady;
        self.shared
            .plain
            .with(|asking| asking.loses_case(server, steady));
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
        self.stop.store(true, Ordering::Relaxed);
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
