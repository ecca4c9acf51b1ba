//! Events: one decision each, in a ring of fixed size. When nobody takes them the oldest go, and
//! are counted: an answer never waits for a log.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::decide::Kind;
use crate::matches::Match;
use crate::rdata::name_to_text;
use crate::snapshot::Snapshot;

/// A name short enough for most events to need no memory of their own.
pub(crate) type ShortName = SmallVec<[u8; 32]>;

/// One decision as it was taken; text is made of it when it is read.
pub(crate) struct Taken {
    pub(crate) time: f64,
    pub(crate) client: IpAddr,
    /// Wire form, lower case.
    pub(crate) name: ShortName,
    /// What of the answer the rule matched, where it was not the name.
    pub(crate) subject: Option<ShortName>,
    pub(crate) qtype: u16,
    pub(crate) kind: Kind,
    pub(crate) step: u8,
    pub(crate) hit: Option<Match>,
    pub(crate) group: u16,
    pub(crate) door: u8,
    pub(crate) rcode: u8,
    /// The rules that decided, so that their words can be found after a swap.
    pub(crate) snapshot: Arc<Snapshot>,
}

/// One decision in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Unix seconds.
    pub time: f64,
    /// Who asked.
    pub client: IpAddr,
    /// The name asked for, lower case, no final dot; "." for the root.
    pub name: String,
    /// Its type.
    pub qtype: u16,
    /// pass, allow, block or rewrite.
    pub kind: &'static str,
    /// The step of the precedence list that decided, 1 to 9.
    pub step: u8,
    /// Global class id in the snapshot that decided; -1 without a rule.
    pub class: i32,
    /// Name of the client's group.
    pub group: String,
    /// What matched; "" without a rule.
    pub pattern: String,
    /// 0 udp, 1 tcp, 2 dot, 3 doh.
    pub door: u8,
    /// Response code sent; 255 where nothing was.
    pub rcode: u8,
    /// Generation of the snapshot that decided.
    pub generation: u64,
}

/// The ring.
pub(crate) struct Ring {
    items: VecDeque<Taken>,
    most: usize,
    /// How many went unread.
    pub(crate) lost: u64,
}

impl Ring {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            items: VecDeque::new(),
            most,
            lost: 0,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, event: Taken) {
        if self.items.len() >= self.most {
            self.lost += 1;
            if self.items.pop_front().is_none() {
                return;
            }
        }
        self.items.push_back(event);
    }

    /// Take over what `other` holds.
    pub(crate) fn absorb(&mut self, other: &mut Self) {
        self.lost += std::mem::take(&mut other.lost);
        for event in other.items.drain(..) {
            self.push(event);
        }
    }

    /// Take the oldest.
    pub(crate) fn take(&mut self, most: usize) -> Vec<Taken> {
        self.items.drain(..most.min(self.items.len())).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

impl Taken {
    /// Put it in words.
    pub(crate) fn describe(&self) -> Event {
        let subject = self.subject.as_ref().unwrap_or(&self.name);
        let name = name_to_text(&self.name);
        Event {
            time: self.time,
            client: self.client,
            name: if name.is_empty() { ".".into() } else { name },
            qtype: self.qtype,
            kind: self.kind.word(),
            step: self.step,
            class: self
                .hit
                .map_or(-1, |hit| i32::try_from(hit.class).unwrap_or(i32::MAX)),
            group: self.snapshot.group(self.group).name.clone(),
            pattern: self
                .hit
                .map_or_else(String::new, |hit| self.snapshot.pattern_text(&hit, subject)),
            door: self.door,
            rcode: self.rcode,
            generation: self.snapshot.generation,
        }
    }
}
