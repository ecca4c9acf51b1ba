//! The rate of queries from one prefix.
//!
//! Those who proved their address, by TCP or by a cookie, have a count of their own: whoever sends
//! under a stranger's address uses up only what comes unproved from it.

use std::hash::{BuildHasher, Hasher};
use std::net::IpAddr;

use super::prefix::Prefixes;
use super::settings::QuerySettings;
use super::table::{Bucket, Table, Take};
use crate::hash::Secret;

/// Prefixes that are counted at one time: 512 KiB.
const SLOTS: usize = 1 << 16;

pub(super) struct Queries {
    prefixes: Prefixes,
    bucket: Bucket,
    secret: Secret,
    table: Table,
}

impl Queries {
    /// `None` if there is no limit.
    pub(super) fn new(settings: &QuerySettings) -> Option<Self> {
        if settings.rate == 0 {
            return None;
        }
        let bucket = Bucket::new(settings.rate, settings.burst.max(1), 0, 0);
        Some(Self {
            prefixes: Prefixes::new(settings.ipv4_prefix, settings.ipv6_prefix),
            bucket,
            secret: Secret::default(),
            table: Table::new(SLOTS, &[bucket]),
        })
    }

    /// Count a query; `false`: it is one too many.
    pub(super) fn admit(&self, client: IpAddr, proved: bool, steady: f64) -> bool {
        let (prefix, v4) = self.prefixes.of(client);
        let mut hasher = self.secret.build_hasher();
        hasher.write_u64((prefix >> 64) as u64);
        hasher.write_u64(prefix as u64);
        hasher.write_u8(u8::from(v4) << 1 | u8::from(proved));
        self.table.take(hasher.finish(), self.bucket, steady) == Take::Within
    }
}
