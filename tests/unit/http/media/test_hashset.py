import hashlib
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.http.media.compiling import compile_set, write_set
from filterd.http.media.hashset import HashSet, Kind
from filterd.http.media.head import Head
from filterd.model.errors import RulesError
from tests.support.media import BOUNDED, entry, hash_set, head, md5, sha256

ONE = entry("one", sha256(b"1"), md5(b"1"))
TWO = entry("two", sha256(b"2"), sources=("a",))
GONE = entry("gone", sha256(b"3"), revoked=True)


def test_a_digest_is_found_and_says_whose_it_is(tmp_path):
    found = hash_set(tmp_path, ONE, TWO, GONE)
    assert (found.head, found.sizes.entries, found.sizes.revoked) == (head(), 3, 1)
    one = found.find(*sha256(b"1"))
    assert one is not None
    assert (one.entry, one.confirmed, one.kind, one.distance) == ("one", True, Kind.SHA256, 0)
    assert found.find(*md5(b"1")).entry == "one"
    assert not found.find(*sha256(b"2")).confirmed
    assert found.find(*sha256(b"3")) is None, "a tombstone"
    assert found.find(*sha256(b"4")) is None
    assert found.find(*md5(b"2")) is None


@BOUNDED
@given(
    st.sets(st.binary(min_size=32, max_size=32), max_size=40),
    st.lists(st.binary(min_size=32, max_size=32), max_size=5),
)
def test_found_is_what_is_in(tmp_path_factory, digests, others):
    folder = tmp_path_factory.mktemp("sets")
    entries = [entry(f"e{at}", (Kind.SHA256, each)) for at, each in enumerate(sorted(digests))]
    found = hash_set(folder, *entries)
    for at, each in enumerate(sorted(digests)):
        assert found.find(Kind.SHA256, each).entry == f"e{at}"
    for each in [*others, bytes(32), b"\xff" * 32]:
        assert (found.find(Kind.SHA256, each) is not None) == (each in digests)


def test_the_order_of_rows_changes_no_byte():
    rows = [ONE, TWO, GONE, entry("one", md5(b"1b"), sources=("c",))]
    assert compile_set(head(), rows) == compile_set(head(), rows[::-1])


def test_a_tombstone_outlives_an_older_row_of_its_entry(tmp_path):
    again = entry("gone", sha256(b"3"), sha256(b"3b"))
    for rows in ((GONE, again), (again, GONE)):
        found = hash_set(tmp_path, *rows)
        assert found.find(*sha256(b"3")) is None
        assert found.find(*sha256(b"3b")) is None


def test_every_damaged_byte_and_every_cut_is_refused(tmp_path):
    whole = compile_set(head(), [ONE, TWO, GONE])
    path = tmp_path / "a.set"
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(RulesError, match=r"a\.set: .+; fetch or make the set again"):
            HashSet(path)
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(RulesError, match="fetch or make"):
            HashSet(path)


def test_a_set_that_is_right_but_lies_is_refused(tmp_path):
    """Its checksum is that of its content; what it says of itself cannot be."""
    whole = compile_set(head(), [ONE, TWO])
    lies = [
        (b'"sha256":2', b'"sha256":9'),
        (b'"entries":2', b'"entries":1'),
        (b'"entries":2', b'"entries":7'),
        (b'"md5":1', b'"md5":2'),
        (b'"version":1', b'"version":2'),
        (b'"epoch":7,', b'"epoch": 7'),
        (b'"epoch":7,', b'"epoch":-,'),
        (b"onetwo", b"o/etwo"),
        (min(sha256(b"1")[1], sha256(b"2")[1]), b"\xff" * 32),
    ]
    path = tmp_path / "a.set"
    for old, new in lies:
        assert whole.count(old) == 1
        assert len(old) == len(new)
        body = whole[:-32].replace(old, new)
        path.write_bytes(body + hashlib.sha256(body).digest())
        with pytest.raises(RulesError):
            HashSet(path)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "a/b"},
        {"id": ""},
        {"source": "a b"},
        {"epoch": -1},
        {"epoch": True},
        {"threshold": 64},
        {"quality": 101},
        {"expires": 0},
        {"two_sources": 1},
    ],
)
def test_a_head_that_cannot_be(change):
    plain = {name: getattr(head(), name) for name in Head.__slots__}
    with pytest.raises(RulesError):
        Head(**{**plain, **change})


def test_a_set_is_its_owners_only_and_replaced_whole(tmp_path):
    path = tmp_path / "a.set"
    os.umask(os.umask(0))
    write_set(path, head(), [ONE])
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    held = HashSet(path)
    write_set(path, head(epoch=8), [TWO])
    assert path.read_bytes() != before
    assert held.find(*sha256(b"1")) is not None, "who has it mapped keeps what it had"
    assert HashSet(path).find(*sha256(b"1")) is None


def test_an_entry_that_cannot_be():
    with pytest.raises(RulesError, match="proper name"):
        compile_set(head(), [entry("http://x.example/", sha256(b"1"))])
    with pytest.raises(RulesError, match="of 31 bytes"):
        compile_set(head(), [entry("one", (Kind.SHA256, bytes(31)))])


def test_an_empty_set(tmp_path):
    assert hash_set(tmp_path).find(*sha256(b"1")) is None
