from hypothesis import given
from hypothesis import strategies as st

from filterd.hub.pace import Pace, merged, pace_json

STEPS = st.dictionaries(st.integers(0, 500), st.tuples(st.integers(1, 5), st.integers(0, 50)))


def pace(steps):
    return Pace(tuple((delay, *steps[delay]) for delay in sorted(steps)))


@given(STEPS, st.sampled_from((0.5, 0.95, 0.99)))
def test_a_quantile_is_the_nearest_rank_of_all_delays_written_out(steps, share):
    every = sorted(delay for delay, (nodes, _) in steps.items() for _ in range(nodes))
    rank = -(-round(share * 100) * len(every) // 100)
    assert pace(steps).quantile(share) == (every[max(rank, 1) - 1] if every else None)


@given(STEPS, STEPS)
def test_merged_is_as_if_it_had_been_one(one, other):
    both = merged((pace(one), pace(other)))
    assert both.nodes == pace(one).nodes + pace(other).nodes
    assert both.subscribers == pace(one).subscribers + pace(other).subscribers
    assert both.within(250) == pace(one).within(250) + pace(other).within(250)
    assert [step[0] for step in both.steps] == sorted(one.keys() | other.keys())


def test_a_big_provider_weighs_by_its_subscribers():
    told = pace_json(Pace(((100, 99, 99), (9000, 1, 50_000))))
    assert (told["p50"], told["p95"], told["p50_weighted"]) == (100, 100, 9000)


def test_nothing_measured_is_none_not_zero():
    assert pace_json(Pace()) == {
        "nodes": 0, "p50": None, "p95": None, "p99": None,
        "p50_weighted": None, "p95_weighted": None, "p99_weighted": None,
    }  # fmt: skip
