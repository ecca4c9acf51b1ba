import base64
import json
import secrets

from filterd.feed.segment import MOST_PACKED
from filterd.hub.newest import MOST_BYTES, MOST_SEGMENTS, Newest, read_newest, stamp_of
from tests.support.ministry import NOW, Ministry, order


def log_in(folder, segments):
    ministry = Ministry.new()
    log = ministry.log(folder)
    log.renew(NOW)
    for number in range(segments):
        log.append([ministry.sign(order(id=f"o-{number}"))], NOW + number, f"c{number}")
    return ministry, log


def parts(event):
    lines = dict(line.split(": ", 1) for line in event.decode().strip().split("\n"))
    data = json.loads(lines["data"])
    return int(lines["id"]), data["checkpoint"], [base64.b64decode(s) for s in data["segments"]]


def test_an_event_carries_what_is_missing(tmp_path) -> None:
    log_in(tmp_path, 3)
    newest = read_newest(tmp_path, Newest())
    files = [path.read_bytes() for path in sorted(tmp_path.glob("log/*/*/*.zst"))]
    assert newest.size == 3
    ident, note, segments = parts(newest.event(1))
    assert (ident, note) == (3, (tmp_path / "checkpoint").read_text())
    assert segments == files[1:]
    assert parts(newest.event(3))[2] == []
    assert parts(newest.event(None))[2] == [], "who has not said fetches"
    assert parts(newest.event(99))[2] == [], "and who is ahead of us finds out by itself"


def test_an_event_is_bounded(tmp_path) -> None:
    log_in(tmp_path, MOST_SEGMENTS + 3)
    newest = read_newest(tmp_path, Newest())
    assert len(newest.segments) <= MOST_SEGMENTS
    assert len(parts(newest.event(3))[2]) == MOST_SEGMENTS
    assert parts(newest.event(2))[2] == []


def test_long_segments_are_not_carried(tmp_path) -> None:
    ministry, log = log_in(tmp_path, 1)
    names = tuple(f"{secrets.token_hex(20)}.example" for _ in range(4000))
    log.append([ministry.sign(order(*names, id="long"))], NOW + 9, "c")
    path = max(tmp_path.glob("log/*/*/*.zst"))
    assert MOST_BYTES < path.stat().st_size < MOST_PACKED
    newest = read_newest(tmp_path, Newest())
    assert parts(newest.event(1))[2] == []
    assert not newest.segments


def test_what_cannot_be_read_changes_nothing(tmp_path) -> None:
    log_in(tmp_path, 1)
    before = read_newest(tmp_path, Newest())
    (tmp_path / "checkpoint").write_text("nonsense")
    assert read_newest(tmp_path, before) is before
    (tmp_path / "checkpoint").unlink()
    assert read_newest(tmp_path, before) is before
    assert stamp_of(tmp_path) is None


def test_each_checkpoint_has_its_own_stamp(tmp_path) -> None:
    _, log = log_in(tmp_path, 0)
    seen = {stamp_of(tmp_path)}
    for number in range(5):
        log.renew(NOW + 100 + number)
        seen.add(stamp_of(tmp_path))
    assert len(seen) == 6
