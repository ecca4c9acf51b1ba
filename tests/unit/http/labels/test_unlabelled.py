import os
import pickle

from hypothesis import given
from hypothesis import strategies as st

from filterd.core import public_suffix
from filterd.http.labels.unlabelled import DAY, DayCount, UnlabelledCount
from filterd.model.name import parents


def registrable(name):
    return next((each for each in reversed(parents(name)) if not public_suffix(each)), None)


def counting(**more):
    return UnlabelledCount(registrable, os.urandom, 5 * DAY + 10, **more)


def test_sites_are_counted_once_and_one_labelled_host_labels_them():
    count = counting()
    for host in (
        "a.vn",
        "www.a.vn",
        "b.com.vn",
        "c.edu.vn",
        "x.c.edu.vn",
        "vn",
        "com.vn",
        "a.test",
    ):
        count.note(host, labelled=False)
    count.note("kids.b.com.vn", labelled=True)
    count.note("b.com.vn", labelled=False)
    assert count.count() == DayCount(5 * DAY, labelled=1, unlabelled=2)


def test_a_day_ends_and_is_forgotten():
    count = counting()
    count.note("a.vn", labelled=False)
    assert count.turn(6 * DAY - 1) is None
    assert count.turn(6 * DAY) == DayCount(5 * DAY, 0, 1)
    assert count.count() == DayCount(6 * DAY, 0, 0)


def test_it_holds_no_name_and_the_salt_changes():
    count = counting()
    count.note("visited.vn", labelled=False)
    first = dict(count._sites)
    count.turn(6 * DAY)
    count.note("visited.vn", labelled=False)
    assert first != count._sites
    assert b"visited" not in pickle.dumps((first, count._sites))


def test_it_is_bounded_and_says_so():
    count = counting(most=10)
    for number in range(50):
        count.note(f"{number}.vn", labelled=False)
    assert count.count() == DayCount(5 * DAY, 0, 10, full=True)
    count.note("0.vn", labelled=True)
    assert count.count() == DayCount(5 * DAY, 1, 9, full=True)


@given(
    st.lists(
        st.tuples(st.sampled_from(["a.vn", "b.vn", "x.b.vn", "c.com.vn", "d.test"]), st.booleans())
    )
)
def test_it_agrees_with_sets(notes):
    count = counting()
    seen, labelled = set(), set()
    for host, has in notes:
        count.note(host, labelled=has)
        if host.endswith(".vn"):
            seen.add(registrable(host))
            labelled |= {registrable(host)} if has else set()
    assert count.count() == DayCount(5 * DAY, len(labelled), len(seen - labelled))
