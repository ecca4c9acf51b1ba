//! Answers kept for their time, within a number of bytes.
//!
//! One cache is shared by all threads, cut into shards with a lock each (`shards`). In front of it
//! each thread has a small one of its own (`near`), so that what is asked often is answered without
//! a lock; both hold the same entries. What rules say about names that are not cached is remembered
//! by each thread (`memo`), and questions that failed a moment ago by all (`failures`).
//!
//! Ages are counted in steady seconds: a system clock that is set neither revives nor ends anything.

mod entry;
mod failures;
mod memo;
mod near;
mod shards;

pub(crate) use entry::{Entry, Extra, Said};
pub(crate) use failures::Failures;
pub(crate) use memo::{Memo, Telling};
pub(crate) use near::Near;
pub(crate) use shards::Shards;

use crate::hash::Secret;
use crate::wire::query::Question;

/// Flags of a key: answers differ with DO and CD.
pub(crate) const KEY_DO: u8 = 1;
/// See `KEY_DO`.
pub(crate) const KEY_CD: u8 = 2;

/// What is asked: a lower-case question (name, type, class in wire form) with DO and CD.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) hash: u64,
    /// Of the name alone.
    pub(crate) name_hash: u64,
    pub(crate) question: &'a [u8],
    pub(crate) flags: u8,
}

/// Makes keys; its secret is the process's own, so nobody outside can make hashes collide.
#[derive(Default)]
pub(crate) struct Keys(Secret);

impl Keys {
    /// The keyed hash of some bytes.
    #[inline]
    pub(crate) fn of(&self, bytes: &[u8]) -> u64 {
        self.0.of(bytes)
    }

    /// The key of a question.
    #[inline]
    pub(crate) fn key<'a>(&self, question: &'a Question, flags: u8) -> Key<'a> {
        let name_hash = self.0.of(question.name());
        let rest = u64::from(question.qtype()) << 32
            | u64::from(question.qclass()) << 16
            | u64::from(flags) << 8
            | 1;
        // The secret is in the name's hash; an odd factor only keeps the types of a name apart.
        let hash = (name_hash ^ rest)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29)
            ^ rest;
        Key {
            hash,
            name_hash,
            question: question.wire(),
            flags,
        }
    }
}
