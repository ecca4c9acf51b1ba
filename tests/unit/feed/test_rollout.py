"""Staged roll-out: who is first is drawn anew, nobody is left out, and what is urgent does not wait."""

from filterd.feed.ledger import Entry
from filterd.feed.rollout import delay, staged
from filterd.model.order import Effect, Priority, SignedAct
from tests.support.ministry import NOW, order

ROLLOUT = 180


def entry(made, segment=7):
    return Entry(SignedAct(made, ()), made, NOW + 5, segment, bytes(32), len(made.patterns))


def test_one_in_a_hundred_begins_at_once_and_one_in_ten_before_all():
    delays = [delay(f"node-{number}", 7, ROLLOUT) for number in range(20_000)]
    assert set(delays) == {0, 60, 180}
    assert 140 < delays.count(0) < 260
    assert 1_600 < delays.count(60) < 2_000


def test_the_first_are_others_with_each_segment():
    first = [
        {number for number in range(5_000) if delay(f"node-{number}", segment, ROLLOUT) == 0}
        for segment in (1, 2)
    ]
    assert len(first[0] & first[1]) < 5


def test_an_order_begins_with_its_cohort():
    begins = {staged(entry(order()), f"n{number}", ROLLOUT).not_before for number in range(999)}
    assert begins == {NOW + 5, NOW + 65, NOW + 185}


def test_what_is_urgent_and_what_lifts_a_block_begins_at_once_and_so_does_all_without_a_rollout():
    for made in (order(priority=Priority.URGENT), order(effect=Effect.ALLOW)):
        assert {staged(entry(made), f"n{n}", ROLLOUT) for n in range(99)} == {made}
    assert {staged(entry(order()), f"n{n}", 0) for n in range(99)} == {order()}


def test_an_order_that_begins_later_anyway_is_as_it_was_signed():
    later = order(not_before=NOW + 3600)
    assert {staged(entry(later), f"n{n}", ROLLOUT) for n in range(99)} == {later}
