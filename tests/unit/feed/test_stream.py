"""When a stream is tried again, and how often the feed is looked at meanwhile."""

import random

from filterd.feed.stream import LONGEST, NONE_SECONDS, SLOWER, State, Stream


def test_breaks_are_tried_again_later_and_later_and_not_by_all_at_once():
    stream, longest = Stream(), []
    for _ in range(12):
        stream.broke(0.0, "cut")
        waits = [stream.wait(random.Random(seed).uniform) for seed in range(50)]
        assert max(waits) > 1.5 * min(waits)
        longest.append(max(waits))
    assert longest[0] <= 1.0
    assert longest == sorted(longest)
    assert longest[-1] <= LONGEST


def test_a_stream_that_lived_begins_anew():
    stream = Stream()
    for _ in range(9):
        stream.broke(0.0, "cut")
    stream.asked(100.0)
    stream.heard()
    stream.broke(161.0, "cut")
    assert stream.breaks == 1


def test_without_a_stream_the_feed_is_looked_at_each_time_and_with_one_seldom():
    stream = Stream()
    stream.missing("status 404")
    assert all(stream.is_due(look) for look in range(10))
    assert stream.wait(lambda low, high: high) == NONE_SECONDS
    stream.asked(0.0)
    assert stream.is_due(1), "nothing has come yet"
    stream.heard()
    assert [look for look in range(2 * SLOWER + 1) if stream.is_due(look)] == [
        0,
        SLOWER,
        2 * SLOWER,
    ]


def test_a_proxy_that_holds_news_back_is_noticed():
    stream = Stream()
    stream.asked(0.0)
    stream.heard()
    stream.overtook(100.0)
    assert stream.state is State.LIVE, "once is chance"
    stream.overtook(100.0)
    assert stream.state is State.HELD
    assert "proxy" in stream.why
    assert stream.is_due(1)
    stream.heard()
    assert stream.state is State.HELD, "heartbeats alone are no news"
    stream.event()
    assert stream.state is State.LIVE
    stream.overtook(100.0)
    stream.event()
    stream.overtook(100.0)
    assert stream.state is State.LIVE


def test_a_stream_that_never_begins_while_news_are_found_is_held_back():
    stream = Stream()
    stream.asked(0.0)
    stream.overtook(1.0)
    assert stream.state is State.SILENT, "it may take a moment to begin"
    stream.overtook(4.0)
    assert stream.state is State.HELD


def test_hints_are_reckoned_with_only_while_this_stream_has_given_one():
    stream = Stream()
    stream.asked(0.0)
    stream.heard()
    assert not stream.is_hinting, "an older hub says nothing of the trust root"
    stream.hinted()
    assert stream.is_hinting
    assert stream.events == 0
    stream.overtook(9.0)
    stream.overtook(9.0)
    stream.hinted()
    assert (stream.state, stream.is_hinting) == (State.HELD, False), "it is no news"
    stream.event()
    assert stream.is_hinting
    stream.broke(10.0, "cut")
    assert not stream.is_hinting
    stream.asked(11.0)
    stream.heard()
    assert not stream.is_hinting
