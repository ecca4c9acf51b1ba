//! An order (precedence step 2) holds for what a name leads to, even where the school allows the
//! name itself (step 5); a list's rule (step 7) does not reach behind the school's allow.

use std::net::IpAddr;
use std::sync::Arc;

use filterd_core::engine::{Desk, Outcome, Settings};
use filterd_core::snapshot::Snapshot;
use filterd_index::{IndexBuilder, Scope};

const ALLOW: u32 = 0;
const ORDER: u32 = 1;
const LIST: u32 = 2;

fn engine() -> Desk {
    let mut builder = IndexBuilder::new(false);
    for (name, class) in [
        ("school.example", ALLOW),
        ("ordered.example", ORDER),
        ("listed.example", LIST),
    ] {
        builder
            .add_name(name, Scope::Subtree, class, 0)
            .expect("a name");
    }
    let index = Arc::new(builder.finish("{}").expect("an index"));
    let plan = r#"{
        "classes": [{"action": "allow"}, {"action": "block", "ede": 16}, {"action": "block", "ede": 15}],
        "layers": [3], "ranks": [[1280, 512, 1797]],
        "groups": [{"name": "g", "segments": [{"from": 0, "ranks": 0}], "default": "pass",
                    "answer": {"style": "nxdomain", "ttl": 60}}],
        "default_group": 0}"#;
    let snapshot = Snapshot::new(vec![index], plan, 1).expect("a snapshot");
    Desk::new(Arc::new(snapshot), Settings::default())
}

fn name(text: &str) -> Vec<u8> {
    filterd_core::rdata::name_to_wire(text).expect("a name")
}

/// The rcode a client gets for www.school.example when upstream says it is an alias of `target`.
fn rcode_for(target: &str) -> u8 {
    let engine = engine();
    let client: IpAddr = "192.0.2.1".parse().expect("an address");
    let mut query = b"\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    query.extend(name("www.school.example"));
    query.extend(b"\x00\x01\x00\x01");
    let mut out = Vec::new();
    let outcome = engine.handle(&query, client, 1000.0, 0, &mut out);
    assert!(matches!(outcome, Outcome::Miss(_)));
    let question = engine.take_misses(1).remove(0);
    let mut answer = question.wire[..12].to_vec();
    answer[2] |= 0x80;
    answer[6..12].copy_from_slice(&[0, 2, 0, 0, 0, 0]);
    answer.extend(name("www.school.example"));
    answer.extend(b"\x00\x01\x00\x01");
    let target = name(target);
    answer.extend(b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c");
    answer.extend((target.len() as u16).to_be_bytes());
    answer.extend(&target);
    answer.extend(&target);
    answer.extend(b"\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc6\x33\x64\x01");
    let replies = engine.complete(question.miss, Some(&answer), 1000.1, 0);
    assert_eq!(1, replies.len());
    replies[0].wire[3] & 15
}

#[test]
fn an_order_reaches_behind_the_schools_allow() {
    assert_eq!(3, rcode_for("cdn.ordered.example"));
}

#[test]
fn a_list_does_not_reach_behind_the_schools_allow() {
    assert_eq!(0, rcode_for("cdn.listed.example"));
}
