//! Plain forwarding as those see it who have questions for it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use filterd_core::engine::{Lane, Now};

use super::asking::Asking;
use crate::bell::Bell;
use crate::workers::Shared;

/// A place that a `Forwarder` fills while it runs. Whoever has questions asks them here itself, so
/// that a question costs no change of threads; if somebody else is at it, the bell tells the
/// forwarder's thread.
pub struct Plain {
    bell: Bell,
    asking: Mutex<Option<Asking>>,
}

impl Plain {
    /// Nothing runs yet; questions wait.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            bell: Bell::new()?,
            asking: Mutex::new(None),
        })
    }

    /// Tell the forwarder's thread that questions wait.
    pub fn ring(&self) {
        self.bell.ring();
    }

    /// Ask what waits in the engine.
    pub(crate) fn ask(&self, shared: &Shared, lane: &mut Lane, now: Now) {
        let mut guard = match self.asking.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return self.ring(),
        };
        let Some(asking) = guard.as_mut() else {
            return;
        };
        let soon = asking.ask_now(shared, lane, now);
        drop(guard);
        if soon || lane.take_asked() {
            // Something is due before the thread looks up, or a rewrite led to another name.
            self.ring();
        }
    }

    pub(super) fn set(&self, asking: Option<Asking>) {
        *self.lock() = asking;
    }

    /// Do something with what runs, if anything does.
    pub(super) fn with<T>(&self, what: impl FnOnce(&mut Asking) -> T) -> Option<T> {
        self.lock().as_mut().map(what)
    }

    pub(super) fn answer(&self) {
        self.bell.answer();
    }

    fn lock(&self) -> MutexGuard<'_, Option<Asking>> {
        // Whoever panics in the middle is caught and starts it anew.
        self.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsFd for Plain {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
