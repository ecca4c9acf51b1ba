import pytest

from filterd.model.verdict import Kind, Step
from filterd.report.base import SinkError
from filterd.report.privacy import Count
from filterd.report.query import Filter, read
from filterd.report.store import Retention, SqliteSink
from filterd.report.writer import BATCH, LINGER, TIDY, Writer

NOW = 1_770_000_000.0


def row(n):
    return Count(int(NOW), "grade-3", Kind.BLOCK, Step.LIST, "ads", None, f"r{n}.example", 1)


class Clock:
    def __init__(self, now=0.0):
        self.now = now

    def __call__(self):
        return self.now


class FaultySink:
    """Takes rows, or fails as told."""

    def __init__(self):
        self.rows = []
        self.tidied = []
        self.fault = None
        self.tidy_fault = None
        self.closed = 0

    def write(self, rows, now):
        if self.fault:
            raise self.fault
        self.rows += rows

    def tidy(self, now):
        if self.tidy_fault:
            raise self.tidy_fault
        self.tidied.append(now)

    def close(self):
        self.closed += 1


@pytest.fixture
def sink():
    return FaultySink()


@pytest.fixture
def clock():
    return Clock(100.0)


@pytest.fixture
def writer(sink, clock):
    return Writer(sink, clock=Clock(NOW), monotonic=clock, capacity=3 * BATCH)


def test_rows_arrive_in_order_in_batches(writer, sink):
    rows = [row(n) for n in range(BATCH + 10)]
    writer.append(rows)
    assert writer.step() == 0.0, "more waits"
    assert writer.step() == LINGER
    assert sink.rows == rows
    assert writer.status().written == BATCH + 10


def test_a_refused_batch_waits_and_is_written_once_the_sink_heals(writer, sink, clock, caplog):
    writer.append([row(1), row(2)])
    sink.fault = SinkError("disk full")
    delays = []
    for _ in range(9):
        delays.append(writer.step())
        clock.now += delays[-1]
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert writer.status().problem == "disk full"
    assert (writer.status().waiting, writer.status().dropped) == (2, 0)
    assert caplog.text.count("disk full") == 1, "said once, not once a try"
    sink.fault = None
    writer.append([row(3)])
    writer.step()
    assert sink.rows == [row(1), row(2), row(3)]
    assert writer.status().problem is None


def test_it_does_not_try_before_the_delay_is_over(writer, sink, clock):
    writer.append([row(1)])
    sink.fault = SinkError("away")
    assert writer.step() == 1.0
    sink.fault = None
    clock.now += 0.25
    assert writer.step() == 0.75
    assert sink.rows == []
    clock.now += 0.75
    writer.step()
    assert sink.rows == [row(1)]


def test_delays_start_anew_after_healing(writer, sink, clock):
    for _ in range(2):
        writer.append([row(1)])
        sink.fault = SinkError("away")
        assert writer.step() == 1.0
        clock.now += 1
        sink.fault = None
        writer.step()


def test_a_sink_that_stays_away_costs_the_oldest_rows_and_says_how_many(writer, sink, clock):
    sink.fault = SinkError("away")
    writer.append([row(n) for n in range(3 * BATCH)])
    writer.step()
    writer.append([row(n) for n in range(100)])
    assert writer.status().dropped == 100
    assert writer.status().waiting == 3 * BATCH


def test_a_problem_is_not_over_because_nothing_was_tried(writer, sink, clock):
    writer.append([row(1)])
    writer.step()
    writer.append([row(2)])
    sink.fault = SinkError("away")
    writer.step()
    writer._buffer.take(BATCH)
    clock.now += 5
    writer.step()
    assert writer.status().problem == "away"


def test_a_fault_in_a_sink_loses_its_batch_and_not_the_thread(writer, sink, clock, caplog):
    writer.append([row(1)])
    sink.fault = ZeroDivisionError("oops")
    assert writer.step() == 1.0
    assert writer.status().dropped == 1
    assert "oops" in writer.status().problem
    assert "Traceback" in caplog.text
    sink.fault = None
    clock.now += 1
    writer.append([row(2)])
    writer.step()
    assert sink.rows == [row(2)]


def test_tidying_is_regular_and_its_failure_loses_nothing(writer, sink, clock):
    writer.step()
    writer.step()
    assert sink.tidied == [NOW], "once at the start"
    clock.now += TIDY
    sink.tidy_fault = SinkError("busy")
    writer.append([row(1)])
    writer.step()
    assert sink.rows == [row(1)]
    assert (writer.status().problem, writer.status().waiting) == ("busy", 0)
    sink.tidy_fault = None
    clock.now += TIDY
    writer.step()
    assert sink.tidied == [NOW, NOW]
    assert writer.status().problem is None


def test_close_writes_what_waits(writer, sink):
    writer.append([row(n) for n in range(2 * BATCH)])
    writer.close()
    assert len(sink.rows) == 2 * BATCH
    assert sink.closed == 1


def test_close_with_a_dead_sink_ends(writer, sink):
    writer.append([row(1)])
    sink.fault = SinkError("dead")
    writer.close()
    assert sink.closed == 1
    assert writer.status().waiting == 1


def test_the_thread_writes_to_a_real_store(tmp_path):
    path = tmp_path / "report.db"
    clock = Clock(NOW)
    writer = Writer(SqliteSink(path, Retention()), clock=clock, monotonic=clock)
    writer.start()
    for n in range(50):
        writer.append([row(n)])
    writer.close(timeout=30)
    assert len(read(path, Filter())) == 50
    assert writer.status() == writer.status().__class__(50, 0, 0, None)


def test_a_damaged_store_loses_no_new_row_and_says_so(tmp_path, caplog):
    path = tmp_path / "report.db"
    path.write_bytes(b"x" * 5000)
    clock = Clock(100.0)
    writer = Writer(SqliteSink(path, Retention()), clock=Clock(NOW), monotonic=clock)
    writer.append([row(1)])
    writer.step()
    assert "set aside" in writer.status().problem
    clock.now += 1
    writer.step()
    assert writer.status().problem is None
    assert len(read(path, Filter())) == 1
    assert "set aside" in caplog.text
    writer.close()


def test_a_full_disk_costs_the_oldest_rows_only_and_heals(small_disk):
    path = small_disk.path / "report.db"
    clock = Clock(100.0)
    writer = Writer(SqliteSink(path, Retention()), clock=Clock(NOW), monotonic=clock, capacity=1000)
    writer.append([row(0)])
    writer.step()
    ballast = small_disk.fill()
    for n in range(30):
        writer.append([row(n * 100 + m) for m in range(100)])
        clock.now += 60
        writer.step()
    status = writer.status()
    assert "full" in status.problem
    assert status.waiting == 1000
    assert status.written + status.dropped + status.waiting == 3001
    ballast.unlink()
    clock.now += 60
    writer.step()
    assert writer.status().problem is None
    newest = {found.rule for found in read(path, Filter(limit=5000))}
    assert {f"r{n}.example" for n in range(2000, 3000)} <= newest
    writer.close()


def test_settle_has_what_waits_written_at_once(sink, clock):
    writer = Writer(sink, clock=Clock(NOW), monotonic=clock)
    writer.start()
    try:
        rows = [row(n) for n in range(2 * BATCH + 1)]
        for each in (rows[:1], rows[1:]):
            writer.append(each)
            assert writer.settle(60)
            assert sink.rows[-len(each) :] == each
    finally:
        writer.close()
    assert sink.rows == rows


def test_settle_says_when_the_sink_takes_nothing(sink, clock):
    writer = Writer(sink, clock=Clock(NOW), monotonic=clock)
    sink.fault = SinkError("disk full")
    writer.append([row(1)])
    writer.start()
    assert not writer.settle(0.2)
    sink.fault = None
    clock.now += 60
    assert writer.settle(60), "the next try, once its time has come"
    writer.close()
    assert sink.rows == [row(1)]
