import json
from pathlib import Path

import pytest

from filterd.report.base import SinkError
from filterd.report.jsonl import JsonLinesSink
from filterd.report.privacy import count

NOW = 1_770_000_000.0


def test_one_object_a_line(tmp_path, event):
    path = tmp_path / "log.jsonl"
    sink = JsonLinesSink(path)
    sink.write([event(), *count([event(), event()])], NOW)
    one, many = map(json.loads, path.read_text().splitlines())
    assert (one["client"], one["kind"], one["step"]) == ("192.0.2.7", "block", 7)
    assert many["n"] == 2
    assert "client" not in many


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path, event):
    path = tmp_path / "log.jsonl"
    sink = JsonLinesSink(path)
    sink.write([event()], NOW)
    path.rename(tmp_path / "log.1")
    sink.write([event()], NOW)
    assert len(path.read_text().splitlines()) == 1


def test_standard_output(capsys, event):
    JsonLinesSink(Path("-")).write([event()], NOW)
    assert json.loads(capsys.readouterr().out)["qname"] == "www.blocked.example"


def test_a_batch_that_does_not_fit_leaves_no_half_line(small_disk, event):
    path = small_disk.path / "log.jsonl"
    sink = JsonLinesSink(path)
    sink.write([event()], NOW)
    room = small_disk.path / "room"
    room.write_bytes(bytes(4096))
    small_disk.fill()
    room.unlink()
    before = path.read_bytes()
    with pytest.raises(SinkError, match="space"):
        sink.write([event()] * 1000, NOW)
    assert path.read_bytes() == before
