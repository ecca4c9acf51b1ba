import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from filterd.model.verdict import Kind, Step
from filterd.report.base import SinkError
from filterd.report.privacy import Count, Level, Masked, keep
from filterd.report.query import Filter, read
from filterd.report.schema import APPLICATION_ID, MIGRATIONS, migrate
from filterd.report.store import DAY, Retention, SqliteSink

NOW = 1_770_000_000.0
SLOT = int(NOW) // 300 * 300


def tally(n=1, slot=SLOT, rule="blocked.example"):
    return Count(slot, "grade-3", Kind.BLOCK, Step.LIST, "ads", "adverts", rule, n)


def masked(at=NOW, word="0123456789abcdef"):
    return Masked(
        int(at), word, "www.blocked.example", 1, Kind.BLOCK, Step.LIST, "ads", "blocked.example",
        "adverts", "grade-3", "udp", 0,
    )  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "report.db"


@pytest.fixture
def sink(path):
    sink = SqliteSink(path, Retention())
    yield sink
    sink.close()


def test_nothing_is_opened_before_the_first_write(path):
    SqliteSink(path, Retention()).close()
    assert not path.exists()


def test_counts_of_one_slot_add_up(sink, path):
    sink.write([tally(2), tally(3), tally(1, rule=None)], NOW)
    sink.write([tally(4)], NOW)
    assert {(row.rule, row.n) for row in read(path, Filter())} == {
        ("blocked.example", 9),
        (None, 1),
    }


def test_rows_of_all_levels_live_side_by_side(sink, path, event):
    sink.write([tally(), masked(), event()], NOW)
    assert sorted(row.level for row in read(path, Filter())) == ["aggregates", "full", "pseudonym"]


def test_aggregates_leave_no_trace_of_who_and_what_in_the_files(sink, path, event):
    sink.write(keep(Level.AGGREGATES, [event(rule="blocked.example")]), NOW)
    sink.close()
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"blocked.example" in written
    assert b"www.blocked" not in written
    assert b"192.0.2.7" not in written


def test_only_the_owner_can_read_the_files(sink, path):
    sink.write([tally()], NOW)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"report.db": 0o600, "report.db-wal": 0o600, "report.db-shm": 0o600}


def test_a_batch_is_written_whole_or_not_at_all(sink, path):
    sink.write([tally()], NOW)
    broken = masked()
    object.__setattr__(broken, "qname", None)
    with pytest.raises(SinkError):
        sink.write([tally(), masked(), broken], NOW)
    assert [row.n for row in read(path, Filter())] == [1]


def test_rows_leave_when_their_level_says(sink, path, event):
    kept = Retention(aggregates=90 * DAY, pseudonym=7 * DAY, full=DAY)
    sink = SqliteSink(path, kept)
    rows = [tally(slot=SLOT), masked(NOW), event(at=NOW)]
    sink.write(rows, NOW)
    levels = []
    for days in (0, 0.9, 1.1, 6.9, 7.1, 89, 91):
        sink.tidy(NOW + days * DAY)
        levels.append(sorted(row.level[0] for row in read(path, Filter())))
    sink.close()
    assert levels == [
        ["a", "f", "p"], ["a", "f", "p"], ["a", "p"], ["a", "p"], ["a"], ["a"], [],
    ]  # fmt: skip


def test_what_was_deleted_is_not_in_the_file_any_more(sink, path, event):
    sink.write([event(client="198.51.100.77", qname="diary.example")], NOW)
    sink.tidy(NOW + 2 * DAY)
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"198.51.100.77" not in written
    assert b"diary.example" not in written


def test_too_big_the_oldest_and_most_revealing_go_first(path, event):
    limit = 400_000
    sink = SqliteSink(path, Retention(max_bytes=limit))
    sink.write([tally(slot=SLOT + 300 * i) for i in range(1000)], NOW)
    sink.write([event(at=NOW + i, qname=f"n{i}.example") for i in range(8000)], NOW)
    sink.tidy(NOW)
    size = path.stat().st_size
    rows = read(path, Filter(limit=100_000))
    sink.close()
    assert size <= limit
    singles = [row.qname for row in rows if row.level == "full"]
    assert 0 < len(singles) < 8000
    assert singles == [f"n{i}.example" for i in range(7999, 7999 - len(singles), -1)]
    assert sum(row.level == "aggregates" for row in rows) == 1000


def test_too_big_with_aggregates_only_the_oldest_slots_go(path):
    sink = SqliteSink(path, Retention(max_bytes=200_000))
    sink.write(
        [tally(slot=SLOT + 300 * i, rule=f"r{j}.example") for i in range(300) for j in range(30)],
        NOW,
    )
    sink.tidy(NOW)
    slots = {row.at for row in read(path, Filter(limit=100_000))}
    sink.close()
    assert path.stat().st_size <= 200_000
    assert 0 < len(slots) < 300
    assert max(slots) == SLOT + 300 * 299


def test_a_full_disk_is_said_and_heals(small_disk, event):
    path = small_disk.path / "report.db"
    sink = SqliteSink(path, Retention())
    sink.write([tally()], NOW)
    ballast = small_disk.fill()
    many = [event(qname=f"n{i}.example") for i in range(2000)]
    with pytest.raises(SinkError, match="DNS goes on"):
        sink.write(many, NOW)
    ballast.unlink()
    sink.write(many[:100], NOW)
    assert len(read(path, Filter(limit=5000))) == 101
    sink.close()


def test_no_room_even_for_the_file(small_disk):
    small_disk.fill()
    sink = SqliteSink(small_disk.path / "report.db", Retention())
    with pytest.raises(SinkError, match="full"):
        sink.write([tally()], NOW)
    sink.close()


def test_a_read_only_disk_is_said_and_heals(small_disk):
    path = small_disk.path / "report.db"
    sink = SqliteSink(path, Retention())
    small_disk.remount("ro")
    with pytest.raises(SinkError, match="Read-only"):
        sink.write([tally()], NOW)
    small_disk.remount("rw")
    sink.write([tally()], NOW)
    sink.close()
    small_disk.remount("ro")
    with pytest.raises(SinkError, match=r"readonly|Read-only"):
        sink.write([tally()], NOW)


def test_a_missing_directory_is_said(tmp_path):
    sink = SqliteSink(tmp_path / "nowhere" / "report.db", Retention())
    with pytest.raises(SinkError, match="No such file"):
        sink.write([tally()], NOW)


def corrupt_header(data):
    return b"not a database, no" + data[18:]


def corrupt_middle(data):
    return data[:4096] + b"\xa5" * (len(data) - 4096)


@pytest.mark.parametrize("damage", [corrupt_header, corrupt_middle, lambda data: b"x" * 5000])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(path, damage):
    sink = SqliteSink(path, Retention())
    sink.write([tally(slot=SLOT + 300 * i) for i in range(500)], NOW)
    sink.close()
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    with pytest.raises(SinkError, match="set aside"):
        sink.write([tally()], NOW)
    assert path.with_name(f"report.db.damaged-{int(NOW)}").read_bytes()[100:] == damaged[100:]
    sink.write([tally(7)], NOW)
    assert [row.n for row in read(path, Filter())] == [7]
    sink.close()


def test_a_file_removed_under_us_is_begun_anew(sink, path, caplog):
    sink.write([tally(1)], NOW)
    for file in path.parent.iterdir():
        file.unlink()
    sink.write([tally(2)], NOW)
    assert [row.n for row in read(path, Filter())] == [2]
    assert "was removed" in caplog.text


def test_a_file_moved_away_keeps_its_rows_and_a_new_one_is_begun(sink, path):
    sink.write([tally(1)], NOW)
    sink.tidy(NOW)
    path.rename(path.with_name("kept.db"))
    sink.write([tally(2)], NOW)
    assert [row.n for row in read(path, Filter())] == [2]
    assert [row.n for row in read(path.with_name("kept.db"), Filter())] == [1]


def test_what_was_written_survives_a_kill(path):
    code = (
        "import os, sys, pathlib\n"
        "sys.path.insert(0, sys.argv[2])\n"
        "from filterd.report.store import Retention, SqliteSink\n"
        "from filterd.report.privacy import Count\n"
        "from filterd.model.verdict import Kind, Step\n"
        "sink = SqliteSink(pathlib.Path(sys.argv[1]), Retention())\n"
        "for n in range(5):\n"
        f"    sink.write([Count({SLOT}, 'g', Kind.BLOCK, Step.LIST, None, None, str(n), 1)], {NOW})\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = str(Path(__file__).parents[3])
    done = subprocess.run([sys.executable, "-c", code, str(path), root], timeout=60, check=False)
    assert done.returncode == -9
    assert len(read(path, Filter())) == 5
    sink = SqliteSink(path, Retention())
    sink.write([tally()], NOW)
    sink.close()
    assert len(read(path, Filter())) == 6


def test_a_file_cut_short_is_set_aside(path):
    sink = SqliteSink(path, Retention())
    sink.write([tally(slot=SLOT + 300 * i) for i in range(2000)], NOW)
    sink.close()
    path.write_bytes(path.read_bytes()[:-8192])
    with pytest.raises(SinkError, match="set aside"):
        sink.write([tally()], NOW)
    sink.write([tally()], NOW)
    sink.close()


def test_another_programs_database_is_left_alone(path):
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE precious (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(SinkError, match="another program"):
        SqliteSink(path, Retention()).write([tally()], NOW)
    other = sqlite3.connect(path)
    assert other.execute("SELECT name FROM sqlite_schema").fetchall() == [("precious",)]
    other.close()
    assert before.startswith(b"SQLite format 3")


def test_a_newer_schema_is_refused_and_left_alone(path):
    sink = SqliteSink(path, Retention())
    sink.write([tally()], NOW)
    sink.close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(SinkError, match="newer filterd"):
        sink.write([tally()], NOW)
    assert [row.n for row in read(path, Filter())] == [1]


def test_migrations_run_once_in_order_and_a_failed_one_leaves_the_old_schema():
    database = sqlite3.connect(":memory:", isolation_level=None)
    migrate(database)
    migrate(database)
    assert database.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    assert database.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    good = ("ALTER TABLE entry ADD COLUMN extra TEXT",)
    bad = ("ALTER TABLE entry ADD COLUMN more TEXT", "ALTER TABLE missing ADD COLUMN x")
    with pytest.raises(sqlite3.Error):
        migrate(database, (*MIGRATIONS, good, bad))
    columns = [row[1] for row in database.execute("PRAGMA table_info(entry)")]
    assert columns[-1] == "extra"
    assert database.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
    database.close()
