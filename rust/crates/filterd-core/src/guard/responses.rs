//! The rate of replies that are alike: what an attacker who sends under the address of a victim
//! can have us send there.
//!
//! Replies are alike if they go to the same prefix and are of one kind about one name: answers
//! about the question's own name; negative ones about the zone that says so, since names that do
//! not exist are without number; errors about nothing. Above the rate of its kind most replies do
//! not go out; every few go out truncated, so that a real client under attack comes by TCP, which
//! is not limited. What goes on above the rate is held against it for `window` seconds.

use std::net::IpAddr;

use super::prefix::Prefixes;
use super::settings::ResponseSettings;
use super::table::{Bucket, Table, Take};
use super::Pace;
use crate::hash::Secret;
use crate::wire::name::{self, Name};
use crate::wire::record::{Walk, ADDITIONAL, AUTHORITY};
use crate::wire::{flag, rcode, rtype, u16_at, HEADER};

/// Replies that are counted at one time: 1 MiB.
const SLOTS: usize = 1 << 17;

pub(super) struct Responses {
    prefixes: Prefixes,
    /// `None`: not limited. In the order of `Kind`.
    buckets: [Option<Bucket>; 3],
    secret: Secret,
    table: Table,
}

#[derive(Clone, Copy)]
enum Kind {
    Answer,
    Negative,
    Error,
}

impl Responses {
    /// `None` if nothing is limited.
    pub(super) fn new(settings: &ResponseSettings) -> Option<Self> {
        let bucket =
            |rate: u32| (rate > 0).then(|| Bucket::new(rate, rate, settings.window, settings.slip));
        let buckets = [
            bucket(settings.rate),
            bucket(settings.negatives.unwrap_or(settings.rate)),
            bucket(settings.errors.unwrap_or(settings.rate)),
        ];
        let used: Vec<Bucket> = buckets.into_iter().flatten().collect();
        if used.is_empty() {
            return None;
        }
        Some(Self {
            prefixes: Prefixes::new(settings.ipv4_prefix, settings.ipv6_prefix),
            buckets,
            secret: Secret::default(),
            table: Table::new(SLOTS, &used),
        })
    }

    /// Count a reply.
    pub(super) fn pace(&self, client: IpAddr, reply: &[u8], steady: f64) -> Pace {
        let Some(flags) = u16_at(reply, 2) else {
            return Pace::Send;
        };
        // As short as its question, and on the way to TCP already.
        if flags & flag::TC != 0 {
            return Pace::Send;
        }
        let kind = match (flags & flag::RCODE) as u8 {
            rcode::NOERROR if u16_at(reply, 6) != Some(0) => Kind::Answer,
            rcode::NOERROR | rcode::NXDOMAIN => Kind::Negative,
            _ => Kind::Error,
        };
        let Some(bucket) = self.buckets[kind as usize] else {
            return Pace::Send;
        };
        match self
            .table
            .take(self.key(client, kind, reply), bucket, steady)
        {
            Take::Within => Pace::Send,
            Take::Slip => Pace::Slip,
            Take::Over => Pace::Drop,
        }
    }

    fn key(&self, client: IpAddr, kind: Kind, reply: &[u8]) -> u64 {
        let (prefix, v4) = self.prefixes.of(client);
        let mut key = [0; 17 + name::MAX];
        key[..16].copy_from_slice(&prefix.to_le_bytes());
        key[16] = (kind as u8) << 1 | u8::from(v4);
        let mut about = Name::root();
        let wire = match kind {
            Kind::Answer => own_name(reply, &mut about).map(|_| about.wire()),
            Kind::Negative => zone(reply, &mut about),
            Kind::Error => None,
        };
        let wire = wire.unwrap_or_default();
        key[17..17 + wire.len()].copy_from_slice(wire);
        self.secret.of(&key[..17 + wire.len()])
    }
}

/// Read the question's name in lower case; return where it ends.
fn own_name(reply: &[u8], name: &mut Name) -> Option<usize> {
    let end = name::expand(reply, HEADER, name)?;
    name.lower();
    Some(end)
}

/// The zone that denies a name: that of the SOA. Ours stands at the name itself, and answers
/// without one say nothing; then it is the name above, unless that is a whole top-level domain.
fn zone<'n>(reply: &[u8], name: &'n mut Name) -> Option<&'n [u8]> {
    let mut asked = Name::root();
    let end = own_name(reply, &mut asked)?;
    if soa_owner(reply, end + 4, name).is_some() && name.wire() != asked.wire() {
        return Some(name.wire());
    }
    *name = asked;
    let wire = name.wire();
    let above = wire.get(1 + usize::from(*wire.first()?)..)?;
    let labels_above = above.get(1 + usize::from(*above.first()?)..)?;
    Some(if labels_above.len() > 1 { above } else { wire })
}

fn soa_owner(reply: &[u8], question_end: usize, name: &mut Name) -> Option<()> {
    let mut walk = Walk::new(reply, question_end)?;
    while let Some((section, record)) = walk.next().ok()? {
        if section == ADDITIONAL {
            return None;
        }
        if section == AUTHORITY && record.rtype == rtype::SOA {
            name::expand(reply, record.owner, name)?;
            name.lower();
            return Some(());
        }
    }
    None
}
