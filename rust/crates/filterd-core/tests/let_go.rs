//! What is no longer in force is let go of: an index of millions of names is hundreds of megabytes.

mod support;

use std::sync::Arc;

use filterd_core::engine::{Lane, Now, Way};
use support::{engine, query, rules, snapshot_of, A, NULL, PUPIL, START};

#[test]
fn a_lane_that_nobody_asks_keeps_no_old_snapshot() {
    let desk = engine();
    let old = Arc::downgrade(&desk.snapshot());
    let mut idle = Lane::new(desk.engine());
    let mut out = Vec::new();
    let now = Now::from(START);
    idle.handle(
        &query("blocked.test", A),
        PUPIL,
        Way::Token,
        now,
        0,
        &mut out,
    );
    desk.swap(snapshot_of(rules(), NULL, None, 2));
    assert!(old.upgrade().is_some(), "two lanes hold it yet");
    idle.rest(Now::from(START + 1.0));
    desk.take_counts();
    desk.take_events(100);
    assert!(old.upgrade().is_none(), "nobody does");
}
