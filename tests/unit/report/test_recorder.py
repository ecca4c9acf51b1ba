from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from filterd.model.verdict import Kind, Step
from filterd.report.base import ReportStatus
from filterd.report.daykey import DayKey
from filterd.report.privacy import Count, Level, Masked
from filterd.report.recorder import Recorder

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NOON = datetime(2026, 11, 20, 12, tzinfo=ZONE).timestamp()


class Outlet:
    def __init__(self, status=None):
        self.rows = []
        self._status = status

    def append(self, rows):
        self.rows += rows

    def status(self):
        return self._status


def recorder(level, tmp_path, outlet):
    return Recorder(level, [outlet], DayKey(tmp_path / "day.key", ZONE, lambda n: b"k" * n))


@pytest.mark.parametrize(
    ("level", "types"),
    [(Level.NONE, []), (Level.AGGREGATES, [Count]), (Level.PSEUDONYM, [Masked])],
)
def test_nothing_goes_round_the_privacy_step(level, types, tmp_path, event):
    outlet = Outlet()
    recorder(level, tmp_path, outlet).record([event(at=NOON)], NOON)
    assert [type(row) for row in outlet.rows] == types


def test_full_is_the_event_itself(tmp_path, event):
    outlet = Outlet()
    recorder(Level.FULL, tmp_path, outlet).record([event(at=NOON)], NOON)
    assert outlet.rows == [event(at=NOON)]


def test_the_key_ends_at_midnight_without_any_event(tmp_path, event):
    outlet = Outlet()
    kept = recorder(Level.PSEUDONYM, tmp_path, outlet)
    kept.record([], NOON)
    old = (tmp_path / "day.key").read_bytes()
    kept.record([], NOON + 12 * 3600)
    assert (tmp_path / "day.key").read_bytes() != old
    kept.record([event(at=NOON)], NOON + 12 * 3600)
    assert [row.pseudonym for row in outlet.rows] == [""]


def test_another_level_destroys_a_key_that_was_left(tmp_path):
    recorder(Level.PSEUDONYM, tmp_path, Outlet()).record([], NOON)
    assert (tmp_path / "day.key").exists()
    recorder(Level.AGGREGATES, tmp_path, Outlet())
    assert not (tmp_path / "day.key").exists()


def test_status_adds_up_and_names_the_first_problem(tmp_path):
    outlets = [Outlet(ReportStatus(1, 2, 3, None)), Outlet(ReportStatus(10, 20, 30, "disk full"))]
    whole = Recorder(Level.AGGREGATES, outlets, DayKey(None, ZONE, bytes))
    assert whole.status() == ReportStatus(11, 22, 33, "disk full")


@pytest.mark.parametrize(("level", "kept"), [(Level.NONE, 0), (Level.AGGREGATES, 1)])
def test_counts_of_the_core_are_kept_as_they_are(level, kept, tmp_path):
    outlet = Outlet()
    row = Count(300, "g", Kind.BLOCK, Step.LIST, "ads", None, "ads.example", 3)

    recorder(level, tmp_path, outlet).keep_counts([row])

    assert outlet.rows == [row] * kept
