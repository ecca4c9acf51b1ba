//! An engine with rules, queries, answers, and a reader of replies that trusts nothing.
#![allow(dead_code, unreachable_pub)] // each test file uses its part

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use filterd_core::engine::{Desk, Outcome, Question, Settings};
use filterd_core::snapshot::Snapshot;
use filterd_index::{IndexBuilder, Scope, Trigger};

pub const A: u16 = 1;
pub const CNAME: u16 = 5;
pub const SOA: u16 = 6;
pub const AAAA: u16 = 28;
pub const OPT: u16 = 41;
pub const HTTPS: u16 = 65;

/// A pupil: group 0, filtered. Staff: group 1, nothing applies.
pub const PUPIL: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 1, 0, 7));
pub const STAFF: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 2, 0, 7));
pub const START: f64 = 1_800_000_000.0;

/// Classes of the test rules: action, rank for pupils, and what else the plan says of them.
pub const CLASSES: [(&str, u16, &str); 9] = [
    ("block", 2053, r#""ede":17,"ede_text":"not for your age""#),
    ("allow", 1796, ""),
    ("nxdomain", 1797, r#""ede":15"#),
    ("drop", 1797, ""),
    ("tcp-only", 1797, ""),
    (
        "rewrite",
        1798,
        r#""rewrite":{"records":[[1,"192.0.2.80"],[1,"192.0.2.81"]]}"#,
    ),
    ("rewrite", 1798, r#""rewrite":{"cname":"safe.example"}"#),
    ("block", 513, r#""ede":16,"ede_text":"order""#),
    ("allow", 256, ""),
];

pub fn rules() -> IndexBuilder {
    let mut rules = IndexBuilder::new(false);
    for (name, class) in [
        ("blocked.test", 0),
        ("allowed.blocked.test", 1),
        ("nx.test", 2),
        ("silent.test", 3),
        ("tcp.test", 4),
        ("local.test", 5),
        ("search.test", 6),
        ("ordered.test", 7),
        ("hotline.test", 8),
    ] {
        rules
            .add_name(name, Scope::Subtree, class, 0)
            .expect("a name");
    }
    rules.add_regex("^ads[0-9]+\\.", 0, 0).expect("a regex");
    rules
        .add_network("203.0.113.0/24", Trigger::Answer, 0, 0)
        .expect("a network");
    rules
}

pub fn plan(answer: &str, switch: Option<i64>) -> String {
    let classes: Vec<String> = CLASSES
        .iter()
        .map(|(action, _, more)| {
            let comma = if more.is_empty() { "" } else { "," };
            format!(r#"{{"action":"{action}"{comma}{more}}}"#)
        })
        .collect();
    let pupils: Vec<String> = CLASSES
        .iter()
        .map(|(_, rank, _)| rank.to_string())
        .collect();
    let staff = vec!["65535"; CLASSES.len()];
    let later = switch.map_or(String::new(), |at| format!(r#",{{"from":{at},"ranks":1}}"#));
    format!(
        r#"{{"classes":[{}],"layers":[{}],"ranks":[[{}],[{}]],
        "groups":[{{"name":"pupils","filtered":true,"segments":[{{"from":0,"ranks":0}}{later}],"default":"pass","answer":{answer}}},
                  {{"name":"staff","filtered":false,"segments":[{{"from":0,"ranks":1}}],"default":"pass","answer":{answer}}}],
        "default_group":0,"clients":[],"prefixes":[["10.2.0.0/16",1,-1]]}}"#,
        classes.join(","),
        CLASSES.len(),
        pupils.join(","),
        staff.join(","),
    )
}

pub const NULL: &str = r#"{"style":"null","ttl":60}"#;

pub fn snapshot_of(
    mut rules: IndexBuilder,
    answer: &str,
    switch: Option<i64>,
    generation: u64,
) -> Arc<Snapshot> {
    let index = rules.finish("{}").expect("an index");
    let plan = plan(answer, switch);
    Arc::new(Snapshot::new(vec![Arc::new(index)], &plan, generation).expect("a snapshot"))
}

pub fn engine() -> Desk {
    engine_with(r#"{"prefetch":0.2}"#, NULL)
}

pub fn engine_with(settings: &str, answer: &str) -> Desk {
    let settings = Settings::parse(settings).expect("settings");
    Desk::new(snapshot_of(rules(), answer, None, 1), settings)
}

pub fn wire_name(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}

/// A query: id 0x1234, RD.
pub fn query(name: &str, qtype: u16) -> Vec<u8> {
    let mut out = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    out.extend(wire_name(name));
    out.extend(qtype.to_be_bytes());
    out.extend([0, 1]);
    out
}

/// The same with an OPT.
pub fn query_edns(name: &str, qtype: u16, size: u16, dnssec: bool) -> Vec<u8> {
    let mut out = query(name, qtype);
    out[11] += 1;
    out.extend([0, 0, 41]);
    out.extend(size.to_be_bytes());
    out.extend([0, 0, if dnssec { 0x80 } else { 0 }, 0, 0, 0]);
    out
}

/// One record: owner, type, TTL, RDATA.
pub type Rr<'a> = (&'a str, u16, u32, Vec<u8>);

/// An upstream's answer to `question` (a query's bytes), with an OPT at the end.
pub fn answer(question: &[u8], rcode: u8, records: &[Rr<'_>], authority: &[Rr<'_>]) -> Vec<u8> {
    let end = 12
        + question[12..]
            .iter()
            .scan((0usize, false), |state, byte| {
                // Walk labels: bytes left in this label, done.
                if state.1 {
                    return None;
                }
                if state.0 == 0 {
                    state.1 = *byte == 0;
                    state.0 = usize::from(*byte);
                } else {
                    state.0 -= 1;
                }
                Some(())
            })
            .count()
        + 4;
    let mut out = question[..end].to_vec();
    out[2] = 0x81;
    out[3] = 0x80 | rcode;
    out[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
    out[8..10].copy_from_slice(&(authority.len() as u16).to_be_bytes());
    out[10..12].copy_from_slice(&[0, 1]);
    for (owner, rtype, ttl, rdata) in records.iter().chain(authority) {
        out.extend(wire_name(owner));
        out.extend(rtype.to_be_bytes());
        out.extend([0, 1]);
        out.extend(ttl.to_be_bytes());
        out.extend((rdata.len() as u16).to_be_bytes());
        out.extend(rdata);
    }
    out.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
    out
}

pub fn soa(minimum: u32) -> Vec<u8> {
    let mut rdata = wire_name("ns.example");
    rdata.extend(wire_name("root.example"));
    for number in [1, 2, 3, 4, minimum] {
        rdata.extend(number.to_be_bytes());
    }
    rdata
}

/// Ask; panics unless there is a reply at once.
pub fn ask(engine: &Desk, packet: &[u8], client: IpAddr, now: f64) -> Reply {
    let mut out = Vec::new();
    assert_eq!(
        engine.handle(packet, client, now, 0, &mut out),
        Outcome::Reply
    );
    Reply::read(&out)
}

/// Ask; panics unless it is parked.
pub fn park(engine: &Desk, packet: &[u8], client: IpAddr, now: f64) -> u64 {
    let mut out = Vec::new();
    match engine.handle(packet, client, now, 0, &mut out) {
        Outcome::Miss(token) => token,
        other => panic!("not parked: {other:?} {out:?}"),
    }
}

/// The one question there is to resolve.
pub fn one_miss(engine: &Desk) -> Question {
    let mut misses = engine.take_misses(10);
    assert_eq!(misses.len(), 1, "{misses:?}");
    misses.remove(0)
}

/// Ask, resolve with `records`, return the reply.
pub fn resolve(
    engine: &Desk,
    packet: &[u8],
    client: IpAddr,
    now: f64,
    records: &[Rr<'_>],
) -> Reply {
    let token = park(engine, packet, client, now);
    let miss = one_miss(engine);
    let mut replies = engine.complete(
        miss.miss,
        Some(&answer(&miss.wire, 0, records, &[])),
        now,
        0,
    );
    assert_eq!(replies.len(), 1);
    let reply = replies.remove(0);
    assert_eq!(reply.token, token);
    Reply::read(&reply.wire)
}

pub fn stat(engine: &Desk, path: &str) -> u64 {
    let stats: serde_json::Value = serde_json::from_str(&engine.stats()).expect("JSON");
    stats
        .pointer(path)
        .and_then(serde_json::Value::as_u64)
        .unwrap_or(0)
}

/// A record of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub owner: String,
    pub rtype: u16,
    pub class: u16,
    pub ttl: u32,
    pub rdata: Vec<u8>,
    /// The name in the RDATA of a CNAME, the two of an SOA.
    pub target: String,
}

/// A reply, read strictly: every count met, every byte used, or a panic.
#[derive(Debug)]
pub struct Reply {
    pub bytes: Vec<u8>,
    pub id: u16,
    pub flags: u16,
    pub question: Vec<u8>,
    pub answer: Vec<Record>,
    pub authority: Vec<Record>,
    pub additional: Vec<Record>,
}

impl Reply {
    pub fn read(bytes: &[u8]) -> Self {
        assert!(bytes.len() >= 12, "no header");
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let mut at = 12;
        let question = if word(4) == 1 {
            let (_, end) = read_name(bytes, at);
            at = end + 4;
            bytes[12..at].to_vec()
        } else {
            assert_eq!(word(4), 0);
            Vec::new()
        };
        let mut sections = [Vec::new(), Vec::new(), Vec::new()];
        for (i, section) in sections.iter_mut().enumerate() {
            for _ in 0..word(6 + 2 * i) {
                let (record, end) = read_record(bytes, at);
                section.push(record);
                at = end;
            }
        }
        assert_eq!(at, bytes.len(), "bytes behind the message");
        let [answer, authority, additional] = sections;
        Self {
            bytes: bytes.to_vec(),
            id: word(0),
            flags: word(2),
            question,
            answer,
            authority,
            additional,
        }
    }

    /// With the upper bits of the OPT.
    pub fn rcode(&self) -> u16 {
        let high = self.opt().map_or(0, |opt| opt.ttl >> 24) as u16;
        high << 4 | self.flags & 15
    }

    pub fn tc(&self) -> bool {
        self.flags & 0x0200 != 0
    }

    pub fn opt(&self) -> Option<&Record> {
        self.additional.iter().find(|record| record.rtype == OPT)
    }

    /// The extended error: code and text.
    pub fn ede(&self) -> Option<(u16, String)> {
        let rdata = &self.opt()?.rdata;
        let mut at = 0;
        while at < rdata.len() {
            let code = u16::from_be_bytes([rdata[at], rdata[at + 1]]);
            let length = usize::from(u16::from_be_bytes([rdata[at + 2], rdata[at + 3]]));
            let value = &rdata[at + 4..at + 4 + length];
            if code == 15 {
                let text = String::from_utf8(value[2..].to_vec()).expect("UTF-8");
                return Some((u16::from_be_bytes([value[0], value[1]]), text));
            }
            at += 4 + length;
        }
        None
    }
}

fn read_name(bytes: &[u8], mut at: usize) -> (String, usize) {
    let mut text = String::new();
    let mut end = None;
    for _ in 0..130 {
        let length = usize::from(bytes[at]);
        if length & 0xc0 == 0xc0 {
            end = end.or(Some(at + 2));
            at = (length & 0x3f) << 8 | usize::from(bytes[at + 1]);
            continue;
        }
        assert!(length < 64);
        at += 1;
        if length == 0 {
            return (text, end.unwrap_or(at));
        }
        if !text.is_empty() {
            text.push('.');
        }
        text.extend(bytes[at..at + length].iter().map(|byte| char::from(*byte)));
        at += length;
    }
    panic!("a name that does not end");
}

fn read_record(bytes: &[u8], at: usize) -> (Record, usize) {
    let (owner, at) = read_name(bytes, at);
    let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let ttl = u32::from(word(at + 4)) << 16 | u32::from(word(at + 6));
    let end = at + 10 + usize::from(word(at + 8));
    let rdata = bytes[at + 10..end].to_vec();
    let rtype = word(at);
    let target = match rtype {
        CNAME => read_name(bytes, at + 10).0,
        SOA => {
            let (mname, next) = read_name(bytes, at + 10);
            let (rname, next) = read_name(bytes, next);
            assert_eq!(next + 20, end);
            format!("{mname} {rname}")
        }
        _ => String::new(),
    };
    (
        Record {
            owner,
            rtype,
            class: word(at + 2),
            ttl,
            rdata,
            target,
        },
        end,
    )
}
