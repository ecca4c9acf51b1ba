//! Reading the plan: JSON in, every number checked, tables out.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Deserialize;

use crate::clients::{Network, PrefixMap};
use crate::plan::{
    Action, Answer, Class, Client, Group, Plan, RecordWire, RewriteData, Segment, Style, Who,
};
use crate::rdata;

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
            return Err(format!(
                "plan: layers name {total} classes, {} are given",
                raw.classes.len()
            ));
        }
        for (i, table) in raw.ranks.iter().enumerate() {
            if table.len() != raw.classes.len() {
                return Err(format!(
                    "plan: ranks[{i}] has {} entries, not {total}",
                    table.len()
                ));
            }
        }
        let groups = raw
            .groups
            .into_iter()
            .map(|group| check_group(group, raw.ranks.len()));
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        let known = |group: u16| usize::from(group) < groups.len();
        if !known(raw.default_group) || raw.clients.iter().any(|client| !known(client.group)) {
            return Err("plan: a client or the default names a group that is not there".into());
        }
        let mut prefixes = Vec::with_capacity(raw.prefixes.len());
        for (text, group, client) in &raw.prefixes {
            let client_known = *client < 0 || (*client as usize) < raw.clients.len();
            if !known(*group) || !client_known {
                return Err(format!(
                    "plan: prefix {text} names a group or client that is not there"
                ));
            }
            prefixes.push((
                Network::parse(text).map_err(|e| format!("plan: {e}"))?,
                (*group, *client),
            ));
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
        return Err(format!(
            "plan: group {name}: no segment, or one that names no table"
        ));
    }
    if raw
        .segments
        .windows(2)
        .any(|pair| pair[0].from >= pair[1].from)
    {
        return Err(format!(
            "plan: group {name}: segments are not in order of time"
        ));
    }
    if raw.default != "pass" && raw.default != "block" {
        return Err(format!(
            "plan: group {name}: default is pass or block, not {:?}",
            raw.default
        ));
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
            .map(|s| Segment {
                from: s.from,
                ranks: s.ranks,
                closed: s.closed,
            })
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
    let who = Who {
        networks,
        names,
        not_networks,
        not_names,
        tags: raw.tags,
        not_tags: raw.not_tags,
    };
    Ok(Class {
        action: raw.action,
        late: raw.late,
        zone: raw.zone,
        ede: raw.ede,
        ede_text: raw.ede_text,
        rewrite,
        qtypes: raw.qtypes,
        not_qtypes: raw.not_qtypes,
        who: if who.is_anyone() {
            None
        } else {
            Some(Box::new(who))
        },
        denyallow: raw
            .denyallow
            .iter()
            .map(|name| denied(name))
            .collect::<Result<_, _>>()?,
    })
}

fn denied(name: &str) -> Result<Vec<u8>, String> {
    let mut wire = rdata::name_to_wire(name)?;
    wire.pop();
    Ok(wire)
}

fn check_rewrite(raw: RawRewrite) -> Result<RewriteData, String> {
    let record = |(rtype, text): (u16, String)| -> Result<RecordWire, String> {
        Ok(RecordWire {
            rtype,
            rdata: rdata::to_wire(rtype, &text)?,
            text,
        })
    };
    Ok(RewriteData {
        rcode: raw.rcode & 15,
        cname: raw.cname.as_deref().map(rdata::name_to_wire).transpose()?,
        records: raw
            .records
            .into_iter()
            .map(record)
            .collect::<Result<_, _>>()?,
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
