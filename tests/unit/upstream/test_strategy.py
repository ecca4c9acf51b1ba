from hypothesis import given
from hypothesis import strategies as st

from filterd.upstream.health import THRESHOLD, Health
from filterd.upstream.strategy import EXPLORE_EVERY, Strategy, plan


def healths(*rtts, down=()):
    made = []
    for i, rtt in enumerate(rtts):
        health = Health()
        if rtt is not None:
            health.succeeded(rtt)
        if i in down:
            for _ in range(THRESHOLD):
                health.failed(0.0)
        made.append(health)
    return made


def test_strict_keeps_the_order_and_puts_the_down_last():
    assert plan(Strategy.STRICT, healths(0.3, 0.1, 0.2), 1, 0.0).order == [0, 1, 2]
    assert plan(Strategy.STRICT, healths(0.3, 0.1, 0.2, down={0}), 1, 0.0).order == [1, 2, 0]


def test_fastest_sorts_by_rtt_and_asks_the_unknown_beside():
    chosen = plan(Strategy.FASTEST, healths(0.3, 0.1, None, 0.2), 1, 0.0)
    assert chosen.order == [1, 3, 0, 2]
    assert chosen.beside == [2]


def test_fastest_looks_at_each_other_server_now_and_then():
    seen = set()
    for turn in range(1, EXPLORE_EVERY * 3):
        chosen = plan(Strategy.FASTEST, healths(0.1, 0.2, 0.3), turn, 0.0)
        assert chosen.order == [0, 1, 2]
        assert bool(chosen.beside) == (turn % EXPLORE_EVERY == 0)
        seen |= set(chosen.beside)
    assert seen == {1, 2}


def test_a_down_server_is_probed_beside_when_its_time_has_come():
    servers = healths(0.1, 0.2, down={0})
    assert plan(Strategy.STRICT, servers, 1, 0.5).beside == []
    assert plan(Strategy.STRICT, servers, 1, 2.0).beside == [0]
    servers[0].probing = True
    assert plan(Strategy.STRICT, servers, 1, 2.0).beside == []


def test_all_down_are_all_asked():
    chosen = plan(Strategy.FASTEST, healths(0.1, 0.2, down={0, 1}), 1, 99.0)
    assert sorted(chosen.order) == [0, 1]
    assert chosen.beside == []


@given(
    st.sampled_from(list(Strategy)),
    st.lists(st.one_of(st.none(), st.floats(0, 5)), min_size=1, max_size=6),
    st.sets(st.integers(0, 5)),
    st.integers(0, 1000),
    st.floats(0, 100),
)
def test_every_server_stands_in_the_order_once(strategy, rtts, down, turn, now):
    chosen = plan(strategy, healths(*rtts, down=down), turn, now)
    assert sorted(chosen.order) == list(range(len(rtts)))
    assert len(set(chosen.beside)) == len(chosen.beside)
    assert chosen.order[0] not in chosen.beside
