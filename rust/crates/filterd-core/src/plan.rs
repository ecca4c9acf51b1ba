//! The plan: what Python compiled the policy into. JSON in, checked and ready tables out.
//!
//! Every number in it is checked once here (class counts, table sizes, group indexes), so that the
//! code that decides may index without doubt.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

use crate::clients::{Network, PrefixMap};
use crate::rdata;

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
    segments: Vec<Segment>,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlan {
    classes: Vec<RawClass>,
    layers: Vec<u32>,
    ranks: Vec<Vec<u16>>,
    groups: Vec<RawGroup>,
    default_group: u16,
    #[serde(default)]
    clients: Vec<Client>,
    #[serde(default)]
    prefixes: Vec<(String, u16, i32)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClass {
    action: Action,
    #[serde(default)]
    late: bool,
    #[serde(default)]
    zone: Option<u16>,
    #[serde(default)]
    qtypes: Vec<u16>,
    #[serde(default)]
    not_qtypes: Vec<u16>,
    #[serde(default)]
    clients: Vec<String>,
    #[serde(default)]
    not_clients: Vec<String>,
    #[serde(default)]
    tags: HashSet<String>,
    #[serde(default)]
    not_tags: HashSet<String>,
    #[serde(default)]
    denyallow: Vec<String>,
    #[serde(default)]
    rewrite: Option<RawRewrite>,
    #[serde(default)]
    ede: u16,
    #[serde(default)]
    ede_text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRewrite {
    #[serde(default)]
    rcode: u8,
    #[serde(default)]
    cname: Option<String>,
    #[serde(default)]
    records: Vec<(u16, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroup {
    name: String,
    #[serde(default = "yes")]
    filtered: bool,
    segments: Vec<RawSegment>,
    default: String,
    answer: RawAnswer,
    #[serde(default)]
    ede_default: String,
    #[serde(default)]
    ede_closed: String,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSegment {
    from: i64,
    ranks: usize,
    #[serde(default)]
    closed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAnswer {
    style: Style,
    ttl: u32,
    #[serde(default)]
    ipv4: Option<Ipv4Addr>,
    #[serde(default)]
    ipv6: Option<Ipv6Addr>,
}

impl Plan {
    /// Read and check a plan.
    ///
    /// # Errors
    /// One line that names the place.
    pub fn parse(json: &str) -> Result<Self, String> {
        let raw: RawPlan = serde_json::from_str(json).map_err(|error| format!("plan: {error}"))?;
        let total: u64 = raw.layers.iter().map(|n| u64::from(*n)).sum();
        if total != raw.classes.len() as u64 {
            return Err(format!("plan: layers name {total} classes, {} are given", raw.classes.len()));
        }
        for (i, table) in raw.ranks.iter().enumerate() {
            if table.len() != raw.classes.len() {
                return Err(format!("plan: ranks[{i}] has {} entries, not {total}", table.len()));
            }
        }
        let groups = raw.groups.into_iter().map(|group| check_group(group, raw.ranks.len()));
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        let known = |group: u16| usize::from(group) < groups.len();
        if !known(raw.default_group) || raw.clients.iter().any(|client| !known(client.group)) {
            return Err("plan: a client or the default names a group that is not there".into());
        }
        let mut prefixes = Vec::with_capacity(raw.prefixes.len());
        for (text, group, client) in &raw.prefixes {
            let client_known = *client < 0 || (*client as usize) < raw.clients.len();
            if !known(*group) || !client_known {
                return Err(format!("plan: prefix {text} names a group or client that is not there"));
            }
            prefixes.push((Network::parse(text).map_err(|e| format!("plan: {e}"))?, (*group, *client)));
        }
        let classes = raw.classes.into_iter().enumerate();
        let classes = classes
            .map(|(i, class)| check_class(class).map_err(|e| format!("plan: classes[{i}]: {e}")))
            .collect::<Result<Vec<_>, _>>()?;
        let mut offsets = Vec::with_capacity(raw.layers.len());
        let mut offset = 0;
        for count in &raw.layers {
            offsets.push(offset);
            offset += count;
        }
        Ok(Self {
            has_zones: classes.iter().any(|class| class.zone.is_some()),
            classes,
            offsets,
            ranks: raw.ranks,
            groups,
            default_group: raw.default_group,
            clients: raw.clients,
            prefixes: PrefixMap::new(prefixes, (raw.default_group, -1)),
        })
    }
}

fn check_group(raw: RawGroup, tables: usize) -> Result<Group, String> {
    let name = raw.name;
    if raw.segments.is_empty() || raw.segments.iter().any(|segment| segment.ranks >= tables) {
        return Err(format!("plan: group {name}: no segment, or one that names no table"));
    }
    if raw.segments.windows(2).any(|pair| pair[0].from >= pair[1].from) {
        return Err(format!("plan: group {name}: segments are not in order of time"));
    }
    if raw.default != "pass" && raw.default != "block" {
        return Err(format!("plan: group {name}: default is pass or block, not {:?}", raw.default));
    }
    Ok(Group {
        name,
        filtered: raw.filtered,
        block_default: raw.default == "block",
        answer: Answer {
            style: raw.answer.style,
            ttl: raw.answer.ttl,
            ipv4: raw.answer.ipv4,
            ipv6: raw.answer.ipv6,
        },
        ede_default: raw.ede_default,
        ede_closed: raw.ede_closed,
        segments: raw
            .segments
            .into_iter()
            .map(|s| Segment { from: s.from, ranks: s.ranks, closed: s.closed })
            .collect(),
    })
}

fn check_class(raw: RawClass) -> Result<Class, String> {
    let rewrite = raw.rewrite.map(check_rewrite).transpose()?;
    if raw.action == Action::Rewrite && rewrite.is_none() {
        return Err("a rewrite without data".into());
    }
    let (networks, names) = split_clients(raw.clients);
    let (not_networks, not_names) = split_clients(raw.not_clients);
    let who = Who { networks, names, not_networks, not_names, tags: raw.tags, not_tags: raw.not_tags };
    Ok(Class {
        action: raw.action,
        late: raw.late,
        zone: raw.zone,
        ede: raw.ede,
        ede_text: raw.ede_text,
        rewrite,
        qtypes: raw.qtypes,
        not_qtypes: raw.not_qtypes,
        who: if who.is_anyone() { None } else { Some(Box::new(who)) },
        denyallow: raw.denyallow.iter().map(|name| denied(name)).collect::<Result<_, _>>()?,
    })
}

fn denied(name: &str) -> Result<Vec<u8>, String> {
    let mut wire = rdata::name_to_wire(name)?;
    wire.pop();
    Ok(wire)
}

fn check_rewrite(raw: RawRewrite) -> Result<RewriteData, String> {
    let record = |(rtype, text): (u16, String)| -> Result<RecordWire, String> {
        Ok(RecordWire { rtype, rdata: rdata::to_wire(rtype, &text)?, text })
    };
    Ok(RewriteData {
        rcode: raw.rcode & 15,
        cname: raw.cname.as_deref().map(rdata::name_to_wire).transpose()?,
        records: raw.records.into_iter().map(record).collect::<Result<_, _>>()?,
    })
}

/// `$client` takes names, addresses and networks in one list; what reads as a network is one.
fn split_clients(texts: Vec<String>) -> (Vec<Network>, HashSet<String>) {
    let mut networks = Vec::new();
    let mut names = HashSet::new();
    for text in texts {
        match Network::parse(&text) {
            Ok(network) => networks.push(network),
            Err(_) => {
                names.insert(text);
            }
        }
    }
    (networks, names)
}

impl Class {
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
    fn is_anyone(&self) -> bool {
        self.networks.is_empty()
            && self.names.is_empty()
            && self.not_networks.is_empty()
            && self.not_names.is_empty()
            && self.tags.is_empty()
            && self.not_tags.is_empty()
    }
}
