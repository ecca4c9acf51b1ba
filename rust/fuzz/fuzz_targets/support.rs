//! An engine with a few rules of each kind.

use std::sync::Arc;

use filterd_core::bands::Bands;
use filterd_core::engine::{Desk, Settings};
use filterd_core::snapshot::Snapshot;
use filterd_index::{IndexBuilder, Scope, Trigger};

/// Unix seconds.
pub const NOW: f64 = 1_800_000_000.0;

const PLAN: &str = r#"{
 "classes": [{"action": "block", "ede": 17, "ede_text": "age"},
             {"action": "rewrite", "rewrite": {"cname": "www.example"}}],
 "layers": [2], "ranks": [[2048, 1798]],
 "groups": [{"name": "all", "segments": [{"from": 0, "ranks": 0}], "default": "pass",
             "answer": {"style": "null", "ttl": 60}}],
 "default_group": 0, "clients": [], "prefixes": []}"#;

/// Fresh, with an empty cache.
pub fn engine() -> Desk {
    let mut rules = IndexBuilder::new(false);
    rules.add_name("blocked.test", Scope::Subtree, 0, 0).expect("a name");
    rules.add_name("search.test", Scope::Subtree, 1, 0).expect("a name");
    rules.add_network("203.0.113.0/24", Trigger::Answer, 0, 0).expect("a network");
    let index = rules.finish("{}").expect("an index");
    let snapshot = Snapshot::new(vec![Arc::new(index)], PLAN, 1).expect("a snapshot");
    let desk = Desk::new(Arc::new(snapshot), Settings::default());
    desk.engine().set_bands(Bands::new(&[7; 16], 1).expect("bands"));
    desk
}
