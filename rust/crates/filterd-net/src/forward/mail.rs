//! Replies for those that wait by a token: streams, and whatever else is not a datagram of ours.

use std::sync::{Arc, Mutex, PoisonError};

use filterd_core::engine::{Reply, Way};

use crate::bell::Bell;

/// See the module. Bounded by the engine's bound on those that wait: each gets one reply.
#[derive(Debug)]
pub struct Mail {
    letters: Mutex<Vec<(u64, Vec<u8>)>>,
    bell: Arc<Bell>,
}

impl Mail {
    /// An empty box. `bell` is rung when there is something to take.
    #[must_use]
    pub fn new(bell: Arc<Bell>) -> Self {
        Self {
            letters: Mutex::default(),
            bell,
        }
    }

    /// Keep those of `replies` that go by a token, an empty one as well: nobody is to wait on.
    pub fn put(&self, replies: &mut Vec<Reply>) {
        if !replies.iter().any(|reply| reply.way == Way::Token) {
            return;
        }
        let (letters, rest): (Vec<_>, Vec<_>) = std::mem::take(replies)
            .into_iter()
            .partition(|reply| reply.way == Way::Token);
        *replies = rest;
        let letters = letters.into_iter().map(|reply| (reply.token, reply.wire));
        self.letters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(letters);
        self.bell.ring();
    }

    /// Take all: (token, reply); an empty reply where a rule says silence.
    #[must_use]
    pub fn take(&self) -> Vec<(u64, Vec<u8>)> {
        std::mem::take(&mut *self.letters.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
