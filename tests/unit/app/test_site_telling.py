"""A day's numbers of .vn sites go into the spool once, whatever happens in between."""

import json

import pytest

from filterd.app.daily_telling import LATEST
from filterd.app.site_days import FILE, keep_day, whole_days
from filterd.app.site_telling import TOLD, site_telling
from filterd.http.labels.unlabelled import DAY, DayCount
from filterd.report.batch import Band, Bracket, Deed
from filterd.report.tally import Tally

FIRST = 20_000 * DAY


class Telling:
    """One node's folder, over several lives."""

    def __init__(self, folder):
        self.folder = folder
        self.rows = []
        self.begin()

    def begin(self):
        self.made = site_telling(self.folder, self.folder, self.rows.extend)

    def told(self, day):
        """Return what is told in the afternoon of that day."""
        self.rows.clear()
        self.made.tell(FIRST + day * DAY + 50_000)
        return [((row.bucket - FIRST) // DAY, row.rule, row.count) for row in self.rows]

    def count(self, day, labelled, unlabelled, *, whole=True):
        keep_day(self.folder, DayCount(FIRST + day * DAY, labelled, unlabelled), whole=whole)


@pytest.fixture
def telling(tmp_path):
    return Telling(tmp_path)


def both(day, labelled, unlabelled):
    return [(day, "sites:vn-labelled", labelled), (day, "sites:vn-unlabelled", unlabelled)]


def test_a_day_is_told_once_also_after_a_restart(telling):
    assert telling.told(0) == []
    telling.count(0, 3, 40)
    assert telling.told(1) == both(0, 3, 40)
    assert telling.told(1) == []
    telling.begin()
    assert telling.told(1) == []
    telling.count(1, 0, 2)
    assert telling.told(2) == both(1, 0, 2)


def test_all_fields_but_the_number_are_the_same_for_every_school(telling):
    telling.told(0)
    telling.count(0, 1, 1)
    telling.told(1)
    same = (Bracket.ALL, Deed.PASS, 1, Band.FEW)
    assert telling.rows == [
        Tally(FIRST, DAY, "sites:vn-labelled", *same),
        Tally(FIRST, DAY, "sites:vn-unlabelled", *same),
    ]


def test_what_was_counted_before_the_node_reported_is_nobodys_business(telling):
    telling.count(0, 3, 40)
    assert telling.told(1) == []
    assert telling.told(2) == []


def test_days_that_were_not_told_in_time_are_told_later_but_not_for_ever(telling):
    telling.told(0)
    days = LATEST // DAY
    for day in range(days + 5):
        telling.count(day, 1, day)
    rows = telling.told(days + 5)
    assert rows[:2] == both(5, 1, 5)
    assert rows[-2:] == both(days + 4, 1, days + 4)
    assert len(rows) == 2 * days


def test_parts_of_days_empty_days_and_days_to_come_are_not_told(telling):
    telling.told(0)
    telling.count(0, 3, 40, whole=False)
    telling.count(1, 0, 0)
    telling.count(2, 1, 1)
    telling.count(3, 9, 9)
    assert telling.told(3) == both(2, 1, 1)


def test_two_lines_of_one_day_are_one(telling):
    telling.told(0)
    telling.count(0, 3, 40)
    telling.count(0, 5, 50)
    assert telling.told(1) == both(0, 3, 40)


def test_a_power_cut_between_the_note_and_the_rows_doubles_nothing(telling):
    telling.told(0)
    telling.count(0, 3, 40)

    def cut(_rows):
        raise KeyboardInterrupt

    dying = site_telling(telling.folder, telling.folder, cut)
    with pytest.raises(KeyboardInterrupt):
        dying.tell(FIRST + DAY)
    telling.begin()
    assert telling.told(1) == []


def test_a_disk_that_takes_no_note_holds_the_day_back_and_is_told_of_once(telling, caplog):
    telling.told(0)
    telling.count(0, 3, 40)
    blocked = telling.folder / f"{TOLD}.new"
    blocked.mkdir()
    assert telling.told(1) == telling.told(1) == []
    assert caplog.text.count("numbers of sites with labels wait") == 1
    blocked.rmdir()
    assert telling.told(1) == both(0, 3, 40)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"day": "x"}', b'{"day": 99999999999}', b"\xff"])
def test_a_note_that_cannot_be_true_begins_today(telling, content):
    telling.told(0)
    telling.count(0, 3, 40)
    (telling.folder / TOLD).write_bytes(content)
    assert telling.told(1) == []
    telling.count(1, 1, 2)
    assert telling.told(2) == both(1, 1, 2)


def test_lines_that_do_not_read_are_left_out(telling, caplog):
    good = {"day": FIRST, "labelled": 1, "unlabelled": 2, "full": False, "whole": True}
    lines = [
        "none",
        "[]",
        *(json.dumps(good | wrong) for wrong in (
            {"day": FIRST + 1}, {"labelled": -1}, {"unlabelled": "2"}, {"labelled": True},
            {"host": "a.example.vn"},
        )),
        json.dumps(good),
    ]  # fmt: skip
    (telling.folder / FILE).write_text("\n".join(lines))
    assert whole_days(telling.folder) == [DayCount(FIRST, 1, 2)]
    assert caplog.text.count("a line is left out") == 7
