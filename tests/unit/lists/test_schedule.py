"""When lists are asked for again."""

import random

from hypothesis import given
from hypothesis import strategies as st

from filterd.lists.schedule import SPREAD, backoff, next_refresh

RNG = st.integers().map(random.Random)


@given(st.integers(-5, 10_000), st.floats(0, 1e4), RNG)
def test_backoff_grows_within_bounds(attempt, base, rng):
    pause = backoff(attempt, base, rng)
    assert 0 <= pause <= 3600
    assert pause <= base * 2.0 ** max(0, min(attempt, 1000) - 1)


def test_backoff_doubles():
    pauses = [backoff(n, 1.0, random.Random(0)) for n in (1, 2, 3)]
    assert pauses[1] == 2 * pauses[0]
    assert pauses[2] == 4 * pauses[0]


@given(st.floats(0, 1e10), st.floats(1, 1e6), RNG)
def test_refresh_comes_a_little_early_never_late(now, interval, rng):
    at = next_refresh(now, interval, 0, rng)
    assert now + interval * (1 - SPREAD) - 1e-3 <= at <= now + interval + 1e-3


@given(st.floats(0, 1e10), st.floats(1, 1e6), st.integers(1, 100), RNG)
def test_after_failures_never_later_than_the_interval(now, interval, failures, rng):
    at = next_refresh(now, interval, failures, rng)
    assert now <= at <= now + interval + 1e-3


def test_ten_thousand_schools_do_not_come_together():
    seconds = {int(next_refresh(0, 86_400, 0, random.Random(n))) for n in range(10_000)}
    assert len(seconds) > 4_000
