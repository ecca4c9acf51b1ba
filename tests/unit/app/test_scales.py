"""The guard of a node: an order that comes with a snapshot is tried like any other."""

import time

from filterd.app.scales import Guard
from filterd.feed.body import pack_patterns, write_body
from filterd.feed.judge import Judged, judge
from filterd.feed.ledger import Ledger
from filterd.feed.policy import Policy
from filterd.feed.trust import Trust
from tests.support.ministry import ANYTHING, NOW, Ministry, order

BODY = "body"


def test_an_order_that_came_with_a_snapshot_is_held_back_if_it_would_hit_much(tmp_path):
    ministry = Ministry.new()
    acts = [order("big.example", id="big"), order("small.example", id="small")]
    whole = Ledger().take(map(ministry.sign, acts), NOW, 3)
    with (tmp_path / BODY).open("wb") as sink:
        entries = tuple(whole.entries.values())
        blocks = [pack_patterns(each.order.patterns).pack() for each in entries]
        write_body(sink, entries, blocks, 3)
    judged = {
        key: Judged(each.entry.hold())
        for key, each in judge(whole, ministry.registry, ANYTHING).items()
    }
    guard = Guard(tmp_path, 0.01)
    guard.open()
    trust = Trust(ministry.registry, Policy(1, ministry.log_key, "canary.example"))
    asked = [("www.big.example", "", False)] * 300 + [("other.example", "", False)] * 1700
    guard.count(asked, time.time())
    weighed = guard.weigh(judged, 4, trust, ANYTHING, (BODY,))
    held = {judged[key].entry.order.id: why.hits for key, why in weighed.withheld.items()}
    assert held == {"big": 300}
    guard.weighed = weighed
    (tmp_path / BODY).write_bytes(b"damaged")
    assert guard.weigh(judged, 5, trust, ANYTHING, (BODY,)).withheld == weighed.withheld
