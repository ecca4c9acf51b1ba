//! One kept answer. Shared by threads and never changed, but for its marks.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use filterd_index::prefetch;

use super::Key;
use crate::answer::Body;
use crate::matches::Matches;
use crate::wire::HEADER;

/// What an entry needs beyond an answer that leads nowhere special.
#[derive(Default)]
pub(crate) struct Extra {
    /// What the rules say about targets and addresses in the answer.
    pub(crate) answer: Matches,
    /// What each source of `answer` is: a name in wire form, or nothing for an address.
    pub(crate) subjects: Vec<Box<[u8]>>,
    /// What they say about address hints.
    pub(crate) hints: Matches,
    /// The answer without `ech`, if it has one.
    pub(crate) without_ech: Option<Body>,
    /// The answer without `ech` and hints, if it has hints that some rule matches.
    pub(crate) without_hints: Option<Body>,
}

impl Extra {
    pub(crate) fn is_empty(&self) -> bool {
        self.answer.is_empty()
            && self.hints.is_empty()
            && self.without_ech.is_none()
            && self.without_hints.is_none()
    }
}

/// What the rules of one generation say about a question and its answer.
#[repr(C)]
pub(crate) struct Said {
    pub(crate) generation: u64,
    pub(crate) extra: Option<Box<Extra>>,
    pub(crate) name: Matches,
}

/// One kept answer, and what the rules of one generation say about it. What every hit reads comes
/// first.
#[repr(C)]
pub(crate) struct Entry {
    hash: u64,
    /// When it was stored, in steady seconds.
    stored: f64,
    /// Seconds it may be served from `stored` on.
    pub(crate) ttl: u32,
    pub(crate) question_end: u16,
    flags: u8,
    /// Asked for since the clock hand last came by.
    used: AtomicBool,
    /// Asked for since it was stored.
    hit: AtomicBool,
    /// A refresh is under way.
    refreshing: AtomicBool,
    /// A newer answer to the same question is there.
    outdated: AtomicBool,
    pub(crate) body: Body,
    pub(crate) said: Said,
}

impl Entry {
    pub(crate) fn new(key: Key<'_>, body: Body, ttl: u32, stored: f64, said: Said) -> Self {
        let question_end = u16::try_from(HEADER + key.question.len()).unwrap_or(u16::MAX);
        Self {
            hash: key.hash,
            flags: key.flags,
            used: AtomicBool::new(false),
            hit: AtomicBool::new(false),
            refreshing: AtomicBool::new(false),
            outdated: AtomicBool::new(false),
            question_end,
            ttl,
            stored,
            body,
            said,
        }
    }

    /// The same answer with what other rules say about it.
    pub(crate) fn restated(&self, said: Said) -> Self {
        Self {
            hash: self.hash,
            flags: self.flags,
            used: AtomicBool::new(self.used.load(Relaxed)),
            hit: AtomicBool::new(self.hit.load(Relaxed)),
            refreshing: AtomicBool::new(self.refreshing.load(Relaxed)),
            outdated: AtomicBool::new(false),
            question_end: self.question_end,
            ttl: self.ttl,
            stored: self.stored,
            body: self.body.clone(),
            said,
        }
    }

    /// Have what a reply needs brought near.
    #[inline]
    pub(super) fn expect(&self) {
        prefetch(&self.hash);
        prefetch(&self.said.name);
    }

    #[inline]
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    /// Whether this is the answer to that question: a hash alone proves nothing.
    #[inline]
    pub(crate) fn answers(&self, key: Key<'_>) -> bool {
        self.hash == key.hash && self.flags == key.flags && self.question() == key.question
    }

    /// The question in wire form, lower case.
    #[inline]
    fn question(&self) -> &[u8] {
        self.body
            .bytes
            .get(HEADER..usize::from(self.question_end))
            .unwrap_or_default()
    }

    /// The name in the question.
    pub(crate) fn name(&self) -> &[u8] {
        let question = self.question();
        question
            .get(..question.len().saturating_sub(4))
            .unwrap_or_default()
    }

    /// Spare it when the clock hand comes by next. Written only where it changes something, so
    /// that threads which ask for the same name do not take the line from each other.
    #[inline]
    pub(crate) fn mark_used(&self) {
        if !self.used.load(Relaxed) {
            self.used.store(true, Relaxed);
        }
    }

    /// Take the mark away; say whether it was there.
    pub(super) fn unmark(&self) -> bool {
        self.used.swap(false, Relaxed)
    }

    /// Tell whoever holds it that a newer one has taken its place.
    pub(super) fn outdate(&self) {
        self.outdated.store(true, Relaxed);
    }

    #[inline]
    pub(super) fn is_outdated(&self) -> bool {
        self.outdated.load(Relaxed)
    }

    /// Whole seconds since it was stored.
    #[inline]
    pub(crate) fn age(&self, at: f64) -> u32 {
        (at - self.stored).max(0.0) as u32
    }

    #[inline]
    pub(crate) fn is_fresh(&self, at: f64) -> bool {
        at - self.stored < f64::from(self.ttl)
    }

    /// Take note that it is asked for; say whether it is time to refresh it: asked for before, not
    /// being refreshed, and less than `part` of its time left.
    #[inline]
    pub(crate) fn is_due(&self, at: f64, part: f64) -> bool {
        if !self.hit.load(Relaxed) {
            self.hit.store(true, Relaxed);
            return false;
        }
        let left = f64::from(self.ttl) - (at - self.stored);
        left < part * f64::from(self.ttl) && !self.refreshing.load(Relaxed)
    }

    /// A refresh begins or has ended.
    pub(crate) fn set_refreshing(&self, refreshing: bool) {
        self.refreshing.store(refreshing, Relaxed);
    }

    /// Past its time by no more than `window` seconds, or fresh.
    pub(crate) fn is_usable(&self, at: f64, window: u32) -> bool {
        at - self.stored < f64::from(self.ttl) + f64::from(window)
    }

    /// Whether no rule has a say in it: about its name, or about where it leads.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.said.name.is_empty() && self.said.extra.is_none()
    }

    /// Bytes it takes, all counted.
    pub(crate) fn cost(&self) -> usize {
        const ALLOCATION: usize = 16;
        // The entry with its counts of holders, its slot, and the map's part at its usual load.
        const FIXED: usize = std::mem::size_of::<Entry>() + 16 + ALLOCATION + 16 + 24;
        let ttls = |body: &Body| match body.ttls.spilled() {
            true => 2 * body.ttls.capacity() + ALLOCATION,
            false => 0,
        };
        let body = |body: &Body| body.bytes.len() + ALLOCATION + ttls(body);
        let extra = self.said.extra.as_ref().map_or(0, |extra| {
            std::mem::size_of::<Extra>()
                + ALLOCATION
                + extra.answer.heap_bytes()
                + extra
                    .subjects
                    .iter()
                    .map(|subject| subject.len() + 2 * ALLOCATION)
                    .sum::<usize>()
                + extra.hints.heap_bytes()
                + extra.without_ech.as_ref().map_or(0, body)
                + extra.without_hints.as_ref().map_or(0, body)
        });
        FIXED + body(&self.body) + self.said.name.heap_bytes() + extra
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::wire::query::Question;

    pub(in super::super) fn question(name: &str) -> Question {
        let mut wire = vec![name.len() as u8];
        wire.extend_from_slice(name.as_bytes());
        wire.push(0);
        Question::new(&wire, 1, 1).expect("a short name")
    }

    pub(in super::super) fn entry(key: Key<'_>, generation: u64) -> Entry {
        let mut bytes = vec![0; HEADER];
        bytes.extend_from_slice(key.question);
        let body = Body {
            bytes: bytes.into(),
            ttls: Default::default(),
        };
        let said = Said {
            generation,
            name: Matches::new(),
            extra: None,
        };
        Entry::new(key, body, 60, 0.0, said)
    }
}
