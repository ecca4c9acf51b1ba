"""The overrides file: reading what people wrote, replacing it whole."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.model.group import Override
from filterd.policy import entries, overrides
from filterd.policy.overrides import dump, in_force, parse, read, write

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
GOOD = '{"name": "A.test.", "expires": "2026-09-07T11:30", "reason": "lesson", "by": "teacher"}'


def test_a_line_reads_with_the_clock_of_the_school():
    (item,) = parse(GOOD, HANOI).items
    assert item == Override(
        "a.test", datetime(2026, 9, 7, 4, 30, tzinfo=UTC), "lesson", "teacher", None
    )


def test_an_international_name_is_taken_in_its_wire_spelling():
    (item,) = parse(GOOD.replace("A.test.", "bücher.example"), HANOI).items
    assert item.name == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "not JSON"),
        ("[]", "not an object"),
        ("[" * 100_000, ""),
        (GOOD.replace("A.test.", "a b"), "name"),
        (GOOD.replace("A.test.", "."), "root"),
        (GOOD.replace("A.test.", "192.0.2.1"), "address"),
        (GOOD.replace("2026-09-07T11:30", "tomorrow"), "expires"),
        (GOOD.replace("2026-09-07T11:30", "0001-01-01T00:00"), ""),
        (GOOD.replace("lesson", " "), "reason"),
        (GOOD.replace("lesson", "x" * 201), "longer"),
        (GOOD.replace("lesson", "\\u001b[2J"), "printable"),
        (GOOD.replace("lesson", "\\ud800"), "printable"),
        (GOOD.replace('"by"', '"who"'), "unknown field 'who'"),
        (GOOD.replace(', "by": "teacher"', ""), "by"),
        (GOOD.replace('"teacher"', '"t", "group": 7'), "group"),
    ],
)
def test_a_bad_line_is_reported_and_the_rest_holds(line, words):
    found = parse(f"{line}\n\n{GOOD}", HANOI)
    assert len(found.items) in (1, 2)  # a time long ago reads, and holds no more
    if words:
        assert [p.line for p in found.problems] == [1]
        assert words in found.problems[0].message


def test_a_group_that_is_not_there_is_reported():
    line = GOOD.replace('"teacher"', '"t", "group": "grade-6"')
    assert parse(line, HANOI, {"grade-6"}).items[0].group == "grade-6"
    found = parse(f"{line}\n{GOOD}", HANOI, {"grade-3"})
    assert [item.group for item in found.items] == [None]
    assert "grade-3" in found.problems[0].message


names = st.sampled_from(["a.test", "b.example", "xn--bcher-kva.example"])
words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=timezone(timedelta(hours=7)))
)
items = st.builds(Override, names, moments, words, words, st.none() | words)


@given(st.lists(items, max_size=4))
def test_what_is_written_reads_back(found):
    again = parse(dump(found), HANOI)
    assert again.items == tuple(found)
    assert again.problems == ()


@given(st.text())
def test_reading_never_raises(text):
    parse(text, HANOI)


def test_those_that_ended_are_not_in_force():
    (item,) = parse(GOOD, HANOI).items
    assert in_force([item], item.expires - timedelta(seconds=1)) == (item,)
    assert in_force([item], item.expires) == ()


def test_files(tmp_path):
    path = tmp_path / "overrides.jsonl"
    assert read(path, HANOI).items == ()
    (item,) = parse(GOOD, HANOI).items
    write(path, [item])
    assert read(path, HANOI).items == (item,)
    assert list(tmp_path.iterdir()) == [path]
    path.write_bytes(b"\xff\xfe")
    assert "UTF-8" in read(path, HANOI).problems[0].message


def test_a_file_that_is_too_large_holds_nothing(tmp_path, monkeypatch):
    path = tmp_path / "overrides.jsonl"
    path.write_text(GOOD)
    monkeypatch.setattr(entries, "MAX_BYTES", 10)
    assert read(path, HANOI).items == ()
    assert "larger" in read(path, HANOI).problems[0].message


def test_there_is_an_end_to_overrides(monkeypatch):
    monkeypatch.setattr(overrides, "MAX_OVERRIDES", 2)
    found = parse("\n".join([GOOD] * 4), HANOI)
    assert len(found.items) == 2
    assert [p.line for p in found.problems] == [3]


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "overrides.jsonl"
    (item,) = parse(GOOD, HANOI).items
    write(path, [item])

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(entries.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(path, [])
    assert read(path, HANOI).items == (item,)
    assert list(tmp_path.iterdir()) == [path]
