import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.metrics.hits import HitTotals

NAMES = {(1, 0): ("ads", "adverts"), (2, 0): ("games", "games"), (2, 1): ("ads", "adverts")}


def stats(*generations):
    """What the core tells: the generation in force (the last one given) and earlier ones."""
    told = [
        {"generation": generation, "hits": [[0, class_id, n] for class_id, n in hits.items()]}
        for generation, hits in generations
    ]
    return {**told[-1], "earlier": told[:-1]}


@pytest.fixture
def hits():
    return HitTotals(lambda generation, class_id: NAMES.get((generation, class_id)))


def test_a_list_keeps_its_total_when_its_class_changes_with_the_generation(hits):
    hits.read(stats((1, {0: 5})))
    hits.read(stats((1, {0: 6}), (2, {0: 2, 1: 3})))
    assert set(hits.totals()) == {("ads", "adverts", 9), ("games", "games", 2)}


def test_a_generation_the_core_forgot_takes_nothing_away(hits):
    hits.read(stats((1, {0: 5})))
    hits.read(stats((2, {1: 1})))
    assert set(hits.totals()) == {("ads", "adverts", 6)}


def test_a_class_nobody_knows_is_still_counted(hits):
    hits.read(stats((9, {9: 4})))
    assert list(hits.totals()) == [("other", None, 4)]


def test_a_list_that_never_fires_shows_zero(hits):
    hits.announce(("quiet", None))
    assert list(hits.totals()) == [("quiet", None, 0)]


def test_no_hits_no_change(hits):
    hits.read({})
    assert list(hits.totals()) == []


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), max_size=20))
def test_the_total_is_the_last_count_however_often_it_is_read(gains):
    hits = HitTotals(lambda *_: ("ads", None))
    count = 0
    for gain in gains:
        count += gain
        hits.read(stats((1, {0: count})))
    assert sum(n for *_, n in hits.totals()) == count
