"""How often a node looks at the trust root, whatever it is hinted."""

import random

from filterd.feed.hint import (
    DOUBT_SECONDS,
    HINTED_SECONDS,
    SPREAD_SECONDS,
    TRUST_SECONDS,
    Hints,
    pause,
    word,
)


def soonest(low, high):
    return low


def hinted(given="1.2", own="1.1"):
    return Hints(given=given, answered=own, own=own)


def test_what_is_known_is_not_looked_at():
    hints = Hints()
    assert not hints.is_open, "nothing was hinted"
    hints.answer(hints.begin(0.0), word(1, 1))
    hints.given = "1.1"
    assert not hints.is_open, "a stream begins with what the first look has found"
    assert not hints.is_due(1e9)


def test_another_hint_brings_a_look_about_spread_over_seconds():
    waits = [hinted().wait(1000.0, random.Random(seed).uniform) for seed in range(200)]
    assert 0.0 <= min(waits) < 1.0
    assert SPREAD_SECONDS - 1.0 < max(waits) <= SPREAD_SECONDS
    assert hinted().is_due(1000.0)


def test_a_look_answers_what_was_hinted_before_it_began_and_nothing_later():
    hints = hinted()
    before = hints.begin(0.0)
    hints.given = "1.3"
    hints.answer(before, "1.2")
    assert hints.is_open
    hints.answer(hints.begin(40.0), "1.2")
    assert not hints.is_open, "although nothing was new: it lied, or a mirror is late"


def test_however_often_hints_come_there_is_one_look_each_half_minute():
    hints, now, looks = hinted(), 0.0, []
    while now < 3600:
        hints.given = f"lie {now}"
        if hints.is_due(now):
            looks.append(now)
            hints.answer(hints.begin(now), "1.1")
            assert hints.wait(now, soonest) <= DOUBT_SECONDS
        now += 0.5
    assert len(looks) == 3600 / DOUBT_SECONDS


def test_what_fails_is_tried_again_later_and_later():
    hints, now, waits = hinted(), 0.0, []
    for _ in range(10):
        hints.begin(now)
        waits.append(hints.wait(now, soonest))
        assert not hints.is_due(now + waits[-1] - 1)
        now += waits[-1]
        assert hints.is_due(now)
    assert waits[:3] == [DOUBT_SECONDS, 2 * DOUBT_SECONDS, 4 * DOUBT_SECONDS]
    assert max(waits) == TRUST_SECONDS
    hints.answer(hints.begin(now), "1.2")
    hints.given = "1.3"
    assert hints.wait(now, soonest) == DOUBT_SECONDS


def test_a_look_that_no_hint_has_brought_about_delays_none_that_one_does():
    hints = Hints()
    hints.answer(hints.begin(100.0), "1.1")
    hints.given = "1.2"
    assert hints.is_due(100.0)


def test_where_hints_come_there_is_a_look_an_hour():
    assert pause(doubt=False, hinted=False) == TRUST_SECONDS
    assert TRUST_SECONDS < pause(doubt=False, hinted=True) == HINTED_SECONDS < 3600
    assert pause(doubt=True, hinted=True) == DOUBT_SECONDS
