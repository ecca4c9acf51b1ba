"""What is known of traffic: counts that are right, bounded, checksummed, and without a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed.traffic import DAYS, MOST_NAMES, Day, Hits, Traffic, read_day
from filterd.model.order import DAY, Match, Pattern
from tests.support.ministry import NOW, order

KEY = b"k" * 16


def asked(*names, blocked=False):
    return [(name, 1, blocked) for name in names]


def hits(traffic, *patterns, now=NOW):
    made = (Pattern(match, text) for match, text in patterns)
    return traffic.hits(order(patterns=tuple(made)), now)


@pytest.fixture
def traffic():
    traffic = Traffic(KEY)
    traffic.count(asked("www.bet.example", "bet.example", "a.b.win.example", "x.example"), NOW)
    return traffic


def test_a_pattern_hits_what_it_would_block(traffic):
    assert hits(traffic, (Match.SUBTREE, "bet.example")) == Hits(2, 4)
    assert hits(traffic, (Match.NAME, "bet.example")) == Hits(1, 4)
    assert hits(traffic, (Match.NAME, "win.example")) == Hits(0, 4)
    assert hits(traffic, (Match.SUBTREE, "b.win.example")) == Hits(1, 4)
    assert hits(traffic, (Match.URL, "bet.example/x")) == Hits(0, 4)
    assert hits(traffic, (Match.SUBTREE, "never.example")) == Hits(0, 4)


def test_patterns_that_cover_each_other_count_once(traffic):
    both = ((Match.SUBTREE, "bet.example"), (Match.SUBTREE, "www.bet.example"))
    assert hits(traffic, *both, (Match.NAME, "bet.example")) == Hits(2, 4)


def test_what_is_blocked_already_is_no_new_hit(traffic):
    traffic.count(asked("www.bet.example", blocked=True), NOW)
    assert hits(traffic, (Match.SUBTREE, "bet.example")) == Hits(2, 5)


def test_days_add_up_and_are_forgotten(traffic):
    for day in range(1, 10):
        traffic.count(asked("bet.example"), NOW + day * DAY)
    later = NOW + 9 * DAY
    assert hits(traffic, (Match.SUBTREE, "bet.example"), now=later) == Hits(DAYS, DAYS)
    assert len(traffic.numbers) == DAYS


def test_a_day_is_kept_and_read_again(traffic):
    day = read_day(traffic.today(NOW).packed())
    assert day == traffic.today(NOW)
    assert hits(Traffic(KEY, [day]), (Match.SUBTREE, "bet.example")) == Hits(2, 4)
    past = Traffic(KEY, [day])
    assert hits(past, (Match.SUBTREE, "bet.example"), now=NOW + DAY) == Hits(2, 4)


def test_a_day_under_another_key_says_nothing(traffic):
    day = traffic.today(NOW)
    assert hits(Traffic(b"x" * 16, [day]), (Match.SUBTREE, "bet.example")).hits == 0
    assert b"bet" not in day.packed()


def test_damage_at_any_byte_is_noticed(traffic):
    good = traffic.today(NOW).packed()
    for at in range(len(good)):
        with pytest.raises(ValueError, match=r"damaged|not a day"):
            read_day(good[:at])
        with pytest.raises(ValueError, match=r"damaged|not a day"):
            read_day(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])


@given(st.binary(max_size=200))
def test_garbage_is_no_day(data):
    with pytest.raises(ValueError, match=r"damaged|not a day"):
        read_day(data)


def test_a_day_is_bounded_and_keeps_what_is_asked_for_most():
    day = Day(1)
    for _ in range(9):
        day.add([1, 2])
    for key in range(10, MOST_NAMES * 2):
        day.add([key])
    assert len(day.counts) <= MOST_NAMES
    assert day.counts[1] == day.counts[2] == 9
    assert len(day.packed()) < 300_000
