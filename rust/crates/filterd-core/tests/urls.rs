//! URLs and names decided together: ranks first, then the more specific pattern.

use std::sync::Arc;

use filterd_core::decide::{Kind, Person};
use filterd_core::matches::{MatchKind, Matches};
use filterd_core::rdata::name_to_wire;
use filterd_core::snapshot::Snapshot;
use filterd_index::{Index, IndexBuilder, Scope, Trigger, Url};

const LIST: u32 = 0;
const ALLOW: u32 = 1;
const ORDER: u32 = 2;
/// Leaves what is local alone, as protection against rebinding does.
const REBIND: u32 = 3;
const PLAN: &str = r#"{
    "classes": [{"action": "block"}, {"action": "allow"}, {"action": "block"},
                {"action": "nodata", "denyallow": ["localhost"]}],
    "layers": [4], "ranks": [[1797, 1280, 512, 1536]],
    "groups": [{"name": "g", "segments": [{"from": 0, "ranks": 0}], "default": "pass",
                "answer": {"style": "nxdomain", "ttl": 60}}],
    "default_group": 0}"#;

fn snapshot(fill: impl FnOnce(&mut IndexBuilder) -> filterd_index::Result<()>) -> Snapshot {
    let mut builder = IndexBuilder::new(false);
    fill(&mut builder).expect("rules");
    let index: Index = builder.finish("{}").expect("an index");
    Snapshot::new(vec![Arc::new(index)], PLAN, 1).expect("a snapshot")
}

/// Verdict, and the pattern and kind that decided.
fn asked(snapshot: &Snapshot, url: &str) -> (Kind, String, Option<MatchKind>) {
    let url = Url::parse(url).expect("a URL");
    let mut found = Matches::new();
    snapshot.match_url(&url, &mut found);
    let decision = snapshot.decide_for(&found, &Person::default(), 1, 0);
    let pattern = decision.hit.map(|hit| snapshot.url_pattern(&hit, &url));
    let kind = decision.hit.map(|hit| hit.kind);
    (decision.kind, pattern.unwrap_or_default(), kind)
}

#[test]
fn the_deeper_path_is_named_and_ranks_come_first() {
    let here = snapshot(|builder| {
        builder.add_name("a.example", Scope::Subtree, LIST, 0)?;
        builder.add_url("a.example", "/b", true, LIST, 0)?;
        builder.add_url("a.example", "/b/c", false, LIST, 0)?;
        builder.add_name("school.a.example", Scope::Exact, ALLOW, 0)?;
        builder.add_url("school.a.example", "/d", false, ORDER, 0)
    });
    let url = Some(MatchKind::Url);
    for (asked_for, wanted) in [
        ("a.example/b/c/d?e", (Kind::Block, "a.example/b/c", url)),
        ("www.a.example/b/c", (Kind::Block, "a.example/b", url)),
        (
            "a.example/x",
            (Kind::Block, "a.example", Some(MatchKind::Subtree)),
        ),
        (
            "school.a.example/b/c",
            (Kind::Allow, "school.a.example", Some(MatchKind::Exact)),
        ),
        (
            "school.a.example/d",
            (Kind::Block, "school.a.example/d", url),
        ),
        ("b.example/b/c", (Kind::Pass, "", None)),
    ] {
        let (kind, pattern, how) = asked(&here, asked_for);
        assert_eq!((kind, pattern.as_str(), how), wanted, "{asked_for}");
    }
}

#[test]
fn an_address_is_a_host_and_no_rebinding() {
    let here = snapshot(|builder| {
        builder.add_network("10.0.0.0/8", Trigger::Answer, REBIND, 0)?;
        builder.add_network("192.0.2.0/24", Trigger::Answer, LIST, 0)?;
        builder.add_network("203.0.113.0/24", Trigger::Client, LIST, 0)?;
        builder.add_regex("^198\\.51\\.", LIST, 0)?;
        builder.add_url("[2001:db8::1]", "/a", false, ORDER, 0)
    });
    for (url, kind) in [
        ("http://10.1.2.3/router", Kind::Pass),
        ("http://0xC0000201/", Kind::Block),
        ("http://[::ffff:192.0.2.1]/", Kind::Block),
        ("http://203.0.113.1/", Kind::Pass),
        ("http://198.51.100.7/", Kind::Block),
        ("http://[2001:db8:0::1]/a/b", Kind::Block),
        ("http://[2001:db8::2]/a", Kind::Pass),
    ] {
        assert_eq!(asked(&here, url).0, kind, "{url}");
    }
}

#[test]
fn a_name_never_meets_a_url() {
    let here = snapshot(|builder| {
        builder.add_url("example", "/", true, ORDER, 0)?;
        builder.add_url("a.example", "/b", true, ORDER, 0)
    });
    for name in [
        "example",
        "a.example",
        "b.a.example",
        "a.example/b",
        "a/b.example",
    ] {
        let mut found = Matches::new();
        here.match_name(&name_to_wire(name).expect("a name"), &mut found);
        assert!(found.is_empty(), "{name}");
    }
}
