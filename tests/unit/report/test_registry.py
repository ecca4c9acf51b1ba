"""Every sink of the registry keeps the promises of `base.Sink`."""

import pytest

from filterd.report.base import SinkError
from filterd.report.privacy import Level, keep
from filterd.report.registry import SINKS
from filterd.report.store import Retention

NOW = 1_770_000_000.0


class Fixed:
    def pseudonym(self, client, at):
        return "0123456789abcdef"


@pytest.fixture(params=SINKS, ids=lambda kind: kind.name)
def make(request):
    return request.param.make


def rows(event):
    return [row for level in Level for row in keep(level, [event()], Fixed())]


def test_names_are_unique():
    assert len({kind.name for kind in SINKS}) == len(SINKS)


def test_making_one_opens_nothing(make, tmp_path):
    make(tmp_path / "out", Retention()).close()
    assert list(tmp_path.iterdir()) == []


def test_it_takes_rows_of_every_level_and_works_after_close(make, tmp_path, event):
    sink = make(tmp_path / "out", Retention())
    sink.write(rows(event), NOW)
    sink.tidy(NOW)
    size = (tmp_path / "out").stat().st_size
    sink.close()
    sink.write(rows(event), NOW)
    sink.close()
    sink.close()
    assert (tmp_path / "out").stat().st_size >= size > 0
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0


def test_a_place_that_is_not_there_is_a_sink_error(make, tmp_path, event):
    with pytest.raises(SinkError, match="nowhere"):
        make(tmp_path / "nowhere" / "out", Retention()).write(rows(event), NOW)


def test_a_full_disk_is_a_sink_error_and_leaves_no_half_row(make, small_disk, event):
    path = small_disk.path / "out"
    sink = make(path, Retention())
    sink.write(rows(event), NOW)
    ballast = small_disk.fill()
    with pytest.raises(SinkError):
        sink.write(rows(event) * 2000, NOW)
    ballast.unlink()
    sink.write(rows(event), NOW)
    sink.close()
