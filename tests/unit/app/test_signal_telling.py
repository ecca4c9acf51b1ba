"""A day's signs of going round are told once, by kind and age, and of nobody."""

import errno
import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filterd.app.daily_telling import DAY
from filterd.app.signal_telling import TOLD, signal_telling
from filterd.bypass.book import FILE, Book
from filterd.bypass.signals import HOUR, Signal
from filterd.report.batch import (
    SIGNS,
    SIGNS_FORM,
    Band,
    Batch,
    Bracket,
    Deed,
    Lane,
    Tallied,
    batch_json,
    read_batch,
)
from filterd.report.spool import Spool
from filterd.report.tally import Tally
from tests.support.steps import each_change, killed_at

FIRST = 20_000 * DAY
AGES = {"Lớp 3A": 8, "Lớp 4B": 9, "Giáo viên": 40}
CLASS, OTHER, STAFF = AGES


class Telling:
    """One node's folder."""

    def __init__(self, folder):
        self.folder = folder
        self.book = Book(folder / FILE)
        self.rows = []

    def count(self, at, group, signal, n):
        """`at`: seconds after the first day began."""
        self.book.add({(group, Signal(signal)): n}, FIRST + at)

    def told(self, day, *, held=False):
        """Return what is told in the afternoon of that day."""
        self.rows = []
        made = signal_telling(self.book, self.folder, lambda: AGES, self.rows.extend)
        made.tell(FIRST + day * DAY + 50_000, held=held)
        return [
            ((row.bucket - FIRST) // DAY, row.rule, row.bracket.value, row.count)
            for row in self.rows
        ]


def test_a_day_is_told_once_by_kind_and_age(tmp_path):
    telling = Telling(tmp_path)
    assert telling.told(0) == []
    telling.count(HOUR, CLASS, "vpn", 5)
    telling.count(2 * HOUR, OTHER, "vpn", 4)
    telling.count(DAY - 1, STAFF, "tor", 3)
    telling.count(DAY, CLASS, "dot", 7)
    whole = [(0, "bypass:tor", "18+", 3), (0, "bypass:vpn", "6-10", 9)]
    assert telling.told(1) == whole
    assert telling.told(1) == []
    assert telling.told(2) == [(1, "bypass:dot", "6-10", 7)]


def test_what_an_hour_had_too_few_of_is_no_sign(tmp_path):
    telling = Telling(tmp_path)
    telling.told(0)
    for hour in range(20):
        telling.count(hour * HOUR, CLASS, "ipsec", 9)
    telling.count(0, OTHER, "ipsec", 10)
    assert telling.told(1) == [(0, "bypass:ipsec", "6-10", 10)]


def test_days_before_the_node_reported_and_days_without_signs_are_not_told(tmp_path):
    telling = Telling(tmp_path)
    telling.count(0, CLASS, "vpn", 50)
    assert telling.told(1) == []
    assert telling.told(3) == []


def test_days_that_were_held_back_are_told_from_the_first_one_on(tmp_path):
    telling = Telling(tmp_path)
    for day in range(3):
        assert telling.told(day, held=True) == []
        telling.count(day * DAY, CLASS, "vpn", 5 + day)
    assert telling.told(3, held=True) == []
    assert telling.told(3) == [(day, "bypass:vpn", "6-10", 5 + day) for day in range(3)]
    assert telling.told(3) == []


def test_a_group_that_is_gone_has_no_age(tmp_path):
    telling = Telling(tmp_path)
    telling.told(0)
    telling.count(0, "of last year", "vpn", 5)
    assert telling.told(1) == [(0, "bypass:vpn", "all", 5)]


def test_a_book_that_does_not_read_holds_the_day_back(tmp_path, caplog):
    telling = Telling(tmp_path)
    telling.told(0)
    telling.count(0, CLASS, "vpn", 5)
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(b"no book at all" * 100)
    assert telling.told(1) == []
    assert "signs of going round wait" in caplog.text
    (tmp_path / FILE).write_bytes(content)
    assert telling.told(1) == [(0, "bypass:vpn", "6-10", 5)]


def sealed(batch):
    return json.dumps(batch_json(batch)).encode()


class Life:
    """One life of a node with a real spool, and a day of signs to tell of it."""

    def __init__(self, folder):
        self.folder = folder
        tokens = map("{:012x}".format, itertools.count())
        self.spool = Spool(folder / "report", 2**20, lambda: next(tokens), FIRST)
        self.blocked = folder / "report/out/000000000000.batch.new"
        self.made = signal_telling(
            Book(folder / FILE), folder / "report", lambda: AGES, self.make_batch
        )

    def make_batch(self, rows):
        self.spool.make_signals(rows, "ab" * 32, sealed, FIRST)

    def counted(self):
        Telling(self.folder).told(0)
        (self.folder / TOLD).rename(self.folder / "report" / TOLD)
        Telling(self.folder).count(0, CLASS, "vpn", 5)

    def told(self):
        """Tell, and return how many batches there are."""
        self.made.tell(FIRST + DAY + 50_000)
        return self.spool.status.batches

    def told_when_it_can_be(self):
        """The disk takes no batch at first."""
        self.blocked.mkdir()
        nothing = self.told()
        self.blocked.rmdir()
        return nothing, self.told(), self.told()


def test_a_disk_that_takes_no_batch_holds_the_day_back(tmp_path, caplog):
    life = Life(tmp_path)
    life.counted()
    assert life.told_when_it_can_be() == (0, 1, 1)
    assert "signs of going round wait" in caplog.text


def test_a_disk_that_removes_nothing_doubles_no_day(tmp_path, monkeypatch):
    """Files of counts that are still to be removed fail the batch of signs before it is made."""
    life = Life(tmp_path)
    life.counted()
    life.spool.add([Tally(FIRST, 300, "default", Bracket.ALL, Deed.PASS, 1, Band.FEW)])

    def fail(_folder):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as failing:
        failing.setattr("filterd.report.rowfiles.sync_directory", fail)
        with pytest.raises(OSError, match="Input/output"):
            life.spool.make(FIRST + DAY, "ab" * 32, sealed, FIRST)
        assert life.told() == 1, "the counts"
    assert (life.told(), life.told()) == (2, 2)


def test_a_disk_that_takes_neither_batch_nor_note_holds_the_day_back(tmp_path):
    telling = Telling(tmp_path)
    telling.told(0)
    telling.count(0, CLASS, "vpn", 5)
    blocked, rows = tmp_path / f"{TOLD}.new", []

    def fill(_rows):
        blocked.mkdir()
        raise OSError(errno.ENOSPC, "No space left on device")

    adds = [fill, rows.extend, rows.extend]

    def add(new):
        adds.pop(0)(new)

    made = signal_telling(telling.book, tmp_path, lambda: AGES, add)
    made.tell(FIRST + DAY)
    made.tell(FIRST + DAY)
    assert rows == []
    blocked.rmdir()
    made.tell(FIRST + DAY)
    made.tell(FIRST + DAY)
    assert [row.count for row in rows] == [5]


def test_killed_at_any_write_with_a_full_disk_no_day_is_doubled(tmp_path):
    for step in itertools.count(1):
        folder = tmp_path / str(step)
        folder.mkdir()
        first = Life(folder)
        first.counted()

        def work(reached, life=first):
            each_change(reached)
            life.told_when_it_can_be()

        killed = killed_at(step, work)
        if first.blocked.is_dir():
            first.blocked.rmdir()
        again = Life(folder)
        assert again.told() <= 1
        assert again.told() <= 1
        if not killed:
            assert again.told() == 1
            break
    assert step > 10


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(min_size=1, max_size=40), st.integers(1, 99), max_size=4))
def test_no_field_can_name_a_group_or_a_client(tmp_path_factory, groups):
    """Groups may be called as they like, by an address or a pupil: every word that leaves is one of
    those that the hub knows, and every other field is a number.
    """
    folder = tmp_path_factory.mktemp("node")
    telling = Telling(folder)
    telling.told(0)
    for group in groups:
        telling.count(0, f"192.0.2.1 {group}".encode(errors="ignore").decode(), "vpn", 5)
    telling.told(1)
    assert all(type(row) is Tallied for row in telling.rows)
    batch = Batch("ab" * 32, 1, 0, bytes(32), FIRST + DAY, Lane.SIGNALS, tuple(telling.rows))
    plain = json.loads(json.dumps(batch_json(batch)))
    for bucket, span, rule, bracket, deed, count, clients in plain["rows"]:
        assert (bucket, count) == (FIRST, 5 * len(groups))
        assert rule in SIGNS
        assert bracket in set(Bracket)
        assert (span, deed, clients) == SIGNS_FORM
    assert read_batch(plain) == batch
    assert json.loads((folder / TOLD).read_text()).keys() == {"day"}
