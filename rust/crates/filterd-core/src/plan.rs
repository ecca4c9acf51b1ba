//! The plan: what Python compiled the policy into, as checked and ready tables.
//!
//! Every number in it was checked when it was read (`plan_json.rs`): class counts, table sizes,
//! group indexes. So the code that decides may index without doubt.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

use crate::clients::{Network, PrefixMap};

/// A rank that says: this class does not apply to this group now.
pub const NOT_APPLICABLE: u16 = u16::MAX;

/// What a class of rules does when it decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// The group's block answer.
    Block,
    /// Block with NXDOMAIN.
    Nxdomain,
    /// Block with an empty answer.
    Nodata,
    /// Block by silence.
    Drop,
    /// Truncate over UDP, pass over TCP.
    TcpOnly,
    /// An exception.
    Allow,
    /// Answer with the rule's own data.
    Rewrite,
    /// An exception from rewrites only.
    Unrewrite,
}

impl Action {
    /// The word of `model.rule.Action`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Nxdomain => "nxdomain",
            Self::Nodata => "nodata",
            Self::Drop => "drop",
            Self::TcpOnly => "tcp-only",
            Self::Allow => "allow",
            Self::Rewrite => "rewrite",
            Self::Unrewrite => "unrewrite",
        }
    }
}

/// How a group's blocks are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// Rcode 3.
    Nxdomain,
    /// Rcode 0 without records.
    Nodata,
    /// 0.0.0.0 and ::.
    Null,
    /// The school's own address.
    Address,
    /// Rcode 5.
    Refused,
}

/// One record a rewrite answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordWire {
    /// Type code.
    pub rtype: u16,
    /// Data as on the wire, names not compressed.
    pub rdata: Vec<u8>,
    /// The same as text.
    pub text: String,
}

/// The data of a rewriting class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewriteData {
    /// Rcode of the answer.
    pub rcode: u8,
    /// Another name to resolve instead, lower-case wire form with root byte.
    pub cname: Option<Vec<u8>>,
    /// Own records.
    pub records: Vec<RecordWire>,
}

/// Whom a class is about: `$client` and `$ctag`.
#[derive(Debug, Default)]
pub struct Who {
    pub(crate) networks: Vec<Network>,
    pub(crate) names: HashSet<String>,
    pub(crate) not_networks: Vec<Network>,
    pub(crate) not_names: HashSet<String>,
    pub(crate) tags: HashSet<String>,
    pub(crate) not_tags: HashSet<String>,
}

/// A class of rules: what its rules do, and under which conditions.
#[derive(Debug)]
pub struct Class {
    /// What it does.
    pub action: Action,
    /// Applies to whatever is not blocked (safe search).
    pub late: bool,
    /// RPZ: the order of the zone.
    pub zone: Option<u16>,
    /// EDE code of a block by it, 0 none.
    pub ede: u16,
    /// EDE text.
    pub ede_text: String,
    /// Data of a rewrite or, for UNREWRITE, which rewrite it takes back (none: all).
    pub rewrite: Option<RewriteData>,
    pub(crate) qtypes: Vec<u16>,
    pub(crate) not_qtypes: Vec<u16>,
    pub(crate) who: Option<Box<Who>>,
    pub(crate) denyallow: HashSet<Vec<u8>>,
}

/// The group's block answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How.
    pub style: Style,
    /// Seconds.
    pub ttl: u32,
    /// For `Style::Address`.
    pub ipv4: Option<Ipv4Addr>,
    /// For `Style::Address`.
    pub ipv6: Option<Ipv6Addr>,
}

/// From `from` on this table holds.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Unix seconds.
    pub from: i64,
    /// Index of the rank table.
    pub ranks: usize,
    /// Whether the schedule blocks everything.
    pub closed: bool,
}

/// A group's policy over time.
#[derive(Debug)]
pub struct Group {
    /// Its name in the configuration.
    pub name: String,
    /// Whether `ech` is stripped from its answers.
    pub filtered: bool,
    /// Whether what no rule names is blocked.
    pub block_default: bool,
    /// How its blocks are answered.
    pub answer: Answer,
    /// EDE text when the default blocks.
    pub ede_default: String,
    /// EDE text when the schedule blocks everything.
    pub ede_closed: String,
    pub(crate) segments: Vec<Segment>,
}

impl Group {
    /// The segment that holds at `now`; before the first one, the first.
    #[must_use]
    pub fn segment(&self, now: i64) -> Segment {
        let after = self.segments.partition_point(|segment| segment.from <= now);
        self.segments[after.max(1) - 1]
    }

    /// When the next segment begins.
    #[must_use]
    pub fn until(&self, now: i64) -> Option<i64> {
        let after = self.segments.partition_point(|segment| segment.from <= now);
        self.segments.get(after).map(|segment| segment.from)
    }
}

/// A client known by name.
#[derive(Debug, Deserialize)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// Its group.
    pub group: u16,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// The checked plan.
#[derive(Debug)]
pub struct Plan {
    /// Classes of all layers, in order.
    pub classes: Vec<Class>,
    /// Global id of each layer's first class.
    pub offsets: Vec<u32>,
    /// Rank of every class, by table.
    pub ranks: Vec<Vec<u16>>,
    /// Groups.
    pub groups: Vec<Group>,
    /// Group of who is in no prefix.
    pub default_group: u16,
    /// Named clients.
    pub clients: Vec<Client>,
    /// Address to (group, client or -1).
    pub prefixes: PrefixMap<(u16, i32)>,
    /// Whether any class belongs to an RPZ zone.
    pub has_zones: bool,
}

impl Class {
    /// Whether its rules hold for every type and client, and stand or fall by their rank alone.
    #[inline]
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let alone = matches!(
            self.action,
            Action::Block | Action::Nxdomain | Action::Nodata | Action::Drop | Action::Allow
        );
        alone
            && !self.late
            && self.zone.is_none()
            && self.qtypes.is_empty()
            && self.not_qtypes.is_empty()
            && self.who.is_none()
    }

    /// Whether `$denyallow` takes `qname` (wire form without root byte, lower case) out.
    #[must_use]
    pub fn leaves_alone(&self, qname: &[u8]) -> bool {
        if self.denyallow.is_empty() {
            return false;
        }
        let mut rest = qname;
        while let Some(&length) = rest.first() {
            if self.denyallow.contains(rest) {
                return true;
            }
            rest = rest.get(1 + usize::from(length)..).unwrap_or_default();
        }
        false
    }
}

impl Who {
    pub(crate) fn is_anyone(&self) -> bool {
        self.networks.is_empty()
            && self.names.is_empty()
            && self.not_networks.is_empty()
            && self.not_names.is_empty()
            && self.tags.is_empty()
            && self.not_tags.is_empty()
    }
}
