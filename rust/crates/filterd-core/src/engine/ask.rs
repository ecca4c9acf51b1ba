//! One query on its way through a lane, and what is kept of it while it waits.

use std::net::IpAddr;

use smallvec::SmallVec;

use super::misses::Waiter;
use super::{Now, Way};
use crate::cache::Key;
use crate::guard::Pass;
use crate::reply::Asked;
use crate::wire::query::Query;

/// One query, parsed.
pub(super) struct Ask<'a> {
    pub(super) query: &'a Query,
    pub(super) asked: Asked<'a>,
    pub(super) key: Key<'a>,
    pub(super) client: IpAddr,
    pub(super) way: Way,
    pub(super) pass: Pass,
    pub(super) now: Now,
    pub(super) door: u8,
}

impl Ask<'_> {
    /// What is kept of whoever waits for the answer.
    pub(super) fn waiter(&self, aliased: bool) -> Waiter {
        Waiter {
            token: 0,
            id: self.asked.id,
            flags: self.asked.flags,
            // A copy at once; `into` goes octet by octet.
            question: SmallVec::from_slice(self.asked.question),
            edns: self.asked.edns,
            limit: self.asked.limit,
            door: self.door,
            client: self.client,
            way: self.way,
            pass: self.pass,
            aliased,
        }
    }
}
