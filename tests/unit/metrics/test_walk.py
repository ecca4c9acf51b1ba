import json

from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.metrics.walk import walk

STATS = {"a": {"x": 1, "y": True}, "b": [0, 5, 0, 7], "c": 2.5, "d": {"p": {"q": 3}}}


def test_paths():
    assert list(walk(STATS, ("c",))) == [((), 2.5)]
    assert list(walk(STATS, ("a", "*"))) == [(("x",), 1.0), (("y",), 1.0)]
    assert list(walk(STATS, ("b", "*"))) == [(("1",), 5.0), (("3",), 7.0)]
    assert list(walk(STATS, ("d", "*", "*"))) == [(("p", "q"), 3.0)]
    assert list(walk(STATS, ("d", "*", "q"))) == [(("p",), 3.0)]
    assert list(walk({"x": 1, "y": 2, "z": 3}, ("x|z",))) == [(("x",), 1.0), (("z",), 3.0)]


def test_what_is_not_there_is_left_out():
    for path in (("z",), ("c", "z"), ("c", "*"), ("a",), ("z", "*", "q"), ("x|y",)):
        assert list(walk(STATS, path)) == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(anything, st.lists(st.sampled_from(["*", "a", "a|b"]), max_size=3))
def test_any_json_at_all_gives_numbers_with_as_many_labels_as_the_path_has_stars(value, path):
    value = json.loads(json.dumps(value))
    stars = sum(step != "a" for step in path)
    for labels, number in walk(value, tuple(path)):
        assert len(labels) == stars
        assert isinstance(number, float)
