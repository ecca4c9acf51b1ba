import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.core import Patterns
from filterd.feed.body import KINDS as MATCHES
from filterd.feed.importing import KINDS, import_patterns
from filterd.feed.refusal import Refused


def texts(imported):
    return [(each.match.value, each.text) for each in imported.patterns]


def test_a_table_with_a_header():
    table = (
        "\ufeffNote,Pattern,Match\n"
        "one,Bet.example,\n"
        "two,win.example,name\n"
        "three,cdn.example/Slots/,\n"
        "again,bet.example,subtree\n"
        "bad,not a name,\n"
        "worse,x.example,regex\n"
        "empty,,\n"
    )
    found = import_patterns("csv", table.encode())
    assert texts(found) == [
        ("subtree", "bet.example"),
        ("url", "cdn.example/Slots/"),
        ("name", "win.example"),
    ]
    assert [(each.place, each.text) for each in found.set_aside] == [
        (6, "not a name"),
        (7, "x.example"),
        (8, ""),
    ]
    assert "none of name, subtree, url" in found.set_aside[1].why


def test_a_table_without_a_header_is_names():
    assert texts(import_patterns("csv", b"bet.example\n\nwin.example\n")) == [
        ("subtree", "bet.example"),
        ("subtree", "win.example"),
    ]


def test_json_of_texts_and_objects():
    value = ["bet.example", {"pattern": "win.example", "match": "name"}, {"x": 1}, 5, "192.0.2.1"]
    found = import_patterns("json", json.dumps(value).encode())
    assert texts(found) == [("subtree", "bet.example"), ("name", "win.example")]
    assert [each.place for each in found.set_aside] == [3, 4, 5]


def test_a_stix_bundle():
    def indicator(pattern, **more):
        return {"type": "indicator", "pattern_type": "stix", "pattern": pattern, **more}

    bundle = {
        "type": "bundle",
        "objects": [
            {"type": "identity", "name": "somebody"},
            indicator("[domain-name:value = 'bet.example']"),
            indicator("[ url:value='https://cdn.example/a\\'b?x=1' ]"),
            indicator("[url:value = 'http://bare.example']"),
            indicator("[ipv4-addr:value = '192.0.2.1']"),
            indicator("[domain-name:value = 'a.example' OR domain-name:value = 'b.example']"),
            indicator("[domain-name:value = 'old.example']", revoked=True),
        ],
    }
    found = import_patterns("stix", json.dumps(bundle).encode())
    assert texts(found) == [
        ("url", "bare.example/"),
        ("subtree", "bet.example"),
        ("url", "cdn.example/a'b?x=1"),
    ]
    assert [each.place for each in found.set_aside] == [5, 6, 7]


@pytest.mark.parametrize(
    ("kind", "data"),
    [("csv", b'pattern\n"never closed'), ("json", b"{}"), ("json", b"["), ("stix", b"[]"), ("csv", b"\xff\xfe")],
)  # fmt: skip
def test_a_file_that_does_not_read_is_refused_as_a_whole(kind, data):
    with pytest.raises(Refused):
        import_patterns(kind, data)


HOSTS = st.from_regex(r"[a-c]-?[a-c]{1,2}(\.[a-c0-9]{2}){0,2}\.example", fullmatch=True)
TEXTS = HOSTS | HOSTS.map(lambda host: f"{host}/A-z")


@given(st.lists(TEXTS, min_size=1, max_size=40), st.randoms())
def test_what_is_imported_packs_without_places(some, rng):
    found = list(import_patterns("json", json.dumps(some).encode()).patterns)
    rows = [(MATCHES.index(each.match), each.text) for each in found]
    mixed = rng.sample(rows, len(rows))
    places = 4 * len(rows) if mixed != rows else 0
    assert len(Patterns(mixed).pack()) == len(Patterns(rows).pack()) + places


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=200) | st.text(max_size=200))
def test_anything_is_read_or_refused(kind, data):
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "replace")
    try:
        found = import_patterns(kind, raw)
    except Refused:
        return
    assert all(each.why for each in found.set_aside)
