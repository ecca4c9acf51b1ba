import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.http.labels.scope import MOST_TEXT, read_scope

HOST = "www.example.test"


@pytest.mark.parametrize(
    ("text", "host", "path", "answer"),
    [
        ("*", HOST, "/", True),
        ("*.example.test", "example.test", "/x", True),
        ("*.example.test", "a.b.example.test", "/", True),
        ("*.example.test", "notexample.test", "/", False),
        ("*.example.test", "example.test.other.test", "/", False),
        ("example.test", HOST, "/", False),
        ("www.example.test", HOST, "/any?x=1", True),
        ("WWW.Example.TEST/Film", HOST, "/film/1", True),
        ("www.example.test/film/", HOST, "/", False),
        ("www.example.test/film/*", HOST, "/film/", True),
        ("http://www.example.test/a*b", HOST, "/aXXb/c", True),
        ("https://www.example.test/a*b", HOST, "/aXX", False),
        ("*://www.example.test/", HOST, "/", True),
        ("/kids/", HOST, "/kids/1", True),
        ("/kids/", HOST, "/x/kids/1", False),
        ("/a.b", HOST, "/aXb", False),
        (r"^https?://www\.example\.test/film/.*$", HOST, "/film/x", True),
        (r"^https?://www\.example\.test/film/$", HOST, "/film/x", False),
        (r"^https?:\/\/www\.example\.test\/film", HOST, "/film/x", True),
        (r"example\.test/.*\.jpg$", HOST, "/a.jpg", True),
        (r"example\.test/.*\.jpg$", HOST, "/a.jpgx", False),
        (r"^www.example.test/a.c$", HOST, "/abc", True),
        (r"^www.example.test/a.c$", HOST, "/abbc", False),
        (r"^www\.example\.test/$", HOST, "/", True),
        (r"/film/.*$", HOST, "/film/x", True),
    ],
)
def test_a_scope_covers_its_addresses(text, host, path, answer):
    assert read_scope(text).covers(host, path) is answer


@pytest.mark.parametrize(
    "text",
    ["", " ", "^a|b", r"^(a+)+$", r"^a{9}", r"^[a-z]", r"^(?=x)", r"\d", r"\1.*", "x" * (MOST_TEXT + 1),
     "*a" * 40, "münchen.example", "a.*+", "\\", "^a?"],
)  # fmt: skip
def test_what_is_beyond_the_safe_subset_is_refused(text):
    assert read_scope(text) is None


def test_a_hostile_scope_is_answered_in_linear_work():
    """16 wildcards against 100 KB: with backtracking this would not end."""
    scope = read_scope("*" + "a*" * 14 + "b")
    assert scope.covers("a.test", "/" + "a" * 100_000) is False


@given(st.text(alphabet="ab./*^$\\+?()[]{}|: ", max_size=40), st.text(alphabet="ab./", max_size=60))
def test_any_text_is_a_scope_or_refused(text, path):
    scope = read_scope(text)
    assert scope is None or scope.covers("a.b", "/" + path) in (True, False)
    assert scope is None or read_scope(scope.text) == scope
