import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.http.media.hashset import Kind
from filterd.http.media.importing import Aside, import_rows
from filterd.http.media.specimen import PDQ, SHA256
from filterd.model.errors import RulesError
from filterd.model.handoff import is_word
from tests.support.media import BOUNDED

ONE, TWO = hashlib.sha256(b"1").hexdigest(), hashlib.sha256(b"2").hexdigest()
MD5 = hashlib.md5(b"1").hexdigest()


def rows(*given, **others):
    return import_rows(json.dumps(list(given)).encode(), "mps", **others)


def test_json_as_a_list_an_object_or_lines_and_csv_say_the_same():
    plain = [
        {"id": "a1", "sha256": ONE, "md5": MD5, "source": "x"},
        {"id": "a2", "sha256": TWO, "status": "revoked"},
    ]
    table = f"\ufeffID, SHA256 ,md5,source,status\r\na1,{ONE},{MD5.upper()},x,\r\na2,{TWO},,,Revoked\r\n"
    found = [
        import_rows(text.encode(), "mps")
        for text in (
            json.dumps(plain),
            json.dumps({"name": "any", "entries": plain}),
            "\n".join(map(json.dumps, plain)),
            table,
        )
    ]
    assert all(each == found[0] for each in found)
    one, two = found[0].entries
    assert found[0].aside == ()
    assert (one.name, one.sources, one.revoked) == ("a1", {"x"}, False)
    assert one.hashes == {(Kind.SHA256, bytes.fromhex(ONE)), (Kind.MD5, bytes.fromhex(MD5))}
    assert (two.name, two.sources, two.revoked) == ("a2", {"mps"}, True)


@pytest.mark.parametrize("given", ["a b", ["a", "b"]])
def test_sources(given):
    assert rows({"sha256": ONE, "sources": given}).entries[0].sources == {"a", "b"}


def test_an_entry_without_a_name_gets_one_that_is_not_its_hash():
    one = rows({"sha256": ONE}).entries[0].name
    assert is_word(one)
    assert one.removeprefix("row-") not in ONE
    assert one == rows({"sha256": ONE}).entries[0].name != rows({"sha256": TWO}).entries[0].name
    assert rows({"sha256": ONE, "id": 17}).entries[0].name == "17"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("text", "not an object"),
        (None, "not an object"),
        ({}, "no md5, sha256 or pdq"),
        ({"sha1": "00" * 20}, "no md5, sha256 or pdq"),
        ({"sha256": ONE[:-1]}, "sha256: not 64 hexadecimal digits"),
        ({"sha256": ONE[:-2] + "zz"}, "sha256: not 64 hexadecimal digits"),
        ({"sha256": 17}, "sha256: not 64 hexadecimal digits"),
        ({"md5": [MD5]}, "md5: not 32 hexadecimal digits"),
        ({"sha256": hashlib.sha256().hexdigest()}, "sha256: the hash of an empty file"),
        ({"md5": hashlib.md5().hexdigest()}, "md5: the hash of an empty file"),
        ({"pdq": "00" * 32}, "pdq: the hash of an empty picture"),
        ({"pdq": "ff" * 32}, "pdq: the hash of an empty picture"),
        ({"pdq": PDQ, "quality": 49}, "a PDQ of a quality under 50"),
        ({"pdq": PDQ, "quality": "good"}, "quality: not a number"),
        ({"sha256": ONE, "id": "http://x.example/"}, "id: not a word of letters"),
        ({"sha256": ONE, "id": "192.0.2.1"}, "id: not a word of letters"),
        ({"sha256": ONE, "id": True}, "id: not a word of letters"),
        ({"sha256": ONE, "id": {}}, "id: not a word of letters"),
        ({"sha256": ONE, "id": "filterd-test"}, "id: filterd-test is that of the test image"),
        ({"sha256": ONE, "status": "perhaps"}, "status: neither active nor revoked"),
        ({"sha256": ONE, "source": "../x"}, "source: not words"),
        ({"sha256": ONE, "sources": [1]}, "source: not words"),
        ({"sha256": ONE, "sources": {"a": 1}}, "source: not words"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_reason_and_the_rest_is_taken(row, why):
    found = rows({"id": "a", "sha256": TWO}, row, {"id": "b", "sha256": ONE})
    assert [each.name for each in found.entries] == ["a", "b"]
    ((number, said),) = [(each.row, each.why) for each in found.aside]
    assert number == 2
    assert said.startswith(why)
    assert not any(str(value) in said for value in (ONE, PDQ, MD5))


def test_a_pdq_of_low_quality_goes_and_its_sha256_stays():
    (one,) = rows({"sha256": ONE, "pdq": PDQ, "quality": 10}).entries
    assert {kind for kind, _ in one.hashes} == {Kind.SHA256}
    (one,) = rows({"pdq": PDQ, "quality": 10}, quality=10).entries
    assert {kind for kind, _ in one.hashes} == {Kind.PDQ}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"hello",
        b"a,b\n1,2\n",
        b"[",
        b'{"a"',
        b"[" * 10**5,
        b'{"entries": 7}',
        b'md5\n"',
    ],
)
def test_what_is_no_set_at_all(data):
    with pytest.raises(RulesError):
        import_rows(data, "mps")


def test_a_line_of_json_that_breaks_is_set_aside():
    text = json.dumps({"id": "a", "sha256": ONE}) + '\n{"id":\n' + json.dumps({"sha256": TWO})
    found = import_rows(text.encode(), "mps")
    assert (len(found.entries), found.aside) == (2, (Aside(2, "not an object"),))


def test_the_test_image_is_no_entry_of_a_list():
    assert rows({"sha256": SHA256, "id": "mine"}).entries[0].name == "mine"


@BOUNDED
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_whatever_comes_it_is_entries_or_a_clear_refusal(data):
    for start in (b"", b"[", b"{", b"md5\n", b"sha256,id\n"):
        try:
            found = import_rows(start + data, "mps")
        except RulesError:
            continue
        assert all(is_word(each.name) and each.hashes for each in found.entries)


@BOUNDED
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from(
                    ["id", "md5", "sha256", "pdq", "source", "sources", "status", "quality"]
                ),
                x,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_json_comes(value):
    try:
        found = import_rows(json.dumps([value, {"sha256": ONE}]).encode(), "mps")
    except RulesError:
        return
    assert len(found.entries) + len(found.aside) == 2
