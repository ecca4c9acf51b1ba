//! A bell: one side rings, the other sleeps on its descriptor. Rung twice before it is answered, it
//! costs one system call.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{eventfd, EventfdFlags};

/// See the module.
#[derive(Debug)]
pub struct Bell {
    fd: OwnedFd,
    rung: AtomicBool,
}

impl Bell {
    /// Make one.
    ///
    /// # Errors
    /// The process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self {
            fd: eventfd(0, flags)?,
            rung: AtomicBool::new(false),
        })
    }

    /// Wake who sleeps on it.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // Full only if it was rung already, which wakes as well.
            let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
        }
    }

    /// Answer it; look for work after this, so that none is missed.
    pub fn answer(&self) {
        let _ = rustix::io::read(&self.fd, &mut [0u8; 8]);
        self.rung.store(false, Ordering::Release);
        // What was done before a ring that came meanwhile must be seen by who looks now.
        std::sync::atomic::fence(Ordering::SeqCst);
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{poll, PollFd, PollFlags, Timespec};

    fn rings(bell: &Bell) -> bool {
        let mut fds = [PollFd::new(bell, PollFlags::IN)];
        let at_once = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut fds, Some(&at_once)).expect("poll") == 1
    }

    #[test]
    fn it_rings_until_it_is_answered_and_again_after() {
        let bell = Bell::new().expect("a descriptor");
        for _ in 0..3 {
            assert!(!rings(&bell));
            bell.ring();
            bell.ring();
            assert!(rings(&bell));
            bell.answer();
        }
    }
}
