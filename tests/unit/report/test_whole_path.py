"""From events to `filterd log` through every part of the floor, at the default level."""

from zoneinfo import ZoneInfo

from filterd.model.verdict import Kind, Step
from filterd.report.daykey import DayKey
from filterd.report.privacy import SLOT, Level
from filterd.report.query import Filter, read, summarise
from filterd.report.recorder import Recorder
from filterd.report.store import Retention, SqliteSink
from filterd.report.writer import Writer

NOW = 1_770_000_000.0


def test_a_lesson_in_counts(tmp_path, event):
    path = tmp_path / "log.sqlite"
    writer = Writer(SqliteSink(path, Retention()), clock=lambda: NOW, monotonic=lambda: 0.0)
    key = DayKey(tmp_path / "day.key", ZoneInfo("Asia/Ho_Chi_Minh"), bytes)
    recorder = Recorder(Level.AGGREGATES, [writer], key)
    writer.start()
    for second in range(600):
        blocked = event(
            at=NOW + second, client=f"10.0.0.{second % 40}", qname=f"x{second}.blocked.example"
        )
        passed = event(
            at=NOW + second, kind=Kind.PASS, step=Step.DEFAULT, qname=f"y{second}.example"
        )
        recorder.record([blocked, passed, passed], NOW + second)
    writer.close(timeout=30)
    assert recorder.status().problem is None
    rows = read(path, Filter())
    assert {(row.at, row.kind, row.rule, row.n) for row in rows} == {
        (NOW, "block", "blocked.example", SLOT),
        (NOW + SLOT, "block", "blocked.example", SLOT),
        (NOW, "pass", None, 2 * SLOT),
        (NOW + SLOT, "pass", None, 2 * SLOT),
    }
    assert summarise(path, Filter(kind="block")).names == (("blocked.example", 600),)
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"10.0.0." not in stored
    assert b".blocked.example" not in stored
