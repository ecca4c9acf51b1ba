"""The spool under cuts, kills, full disks and bounds: nothing lost, nothing doubled, all told."""

import errno
import hashlib
import itertools
import json
import os
from pathlib import Path

import pytest

from filterd.report.batch import (
    MOST_ROWS,
    Band,
    Bracket,
    Candidate,
    Deed,
    Lane,
    batch_json,
    read_batch,
)
from filterd.report.spool import WAITING, Spool
from filterd.report.tally import Tally

NOW = 1_770_000_000
SLOT = NOW // 300 * 300
EVER = 2**53


class Killed(BaseException):
    """As kill -9: nobody catches it."""


def seal(batch):
    plain = {"batch": batch_json(batch), "key": "k", "signature": "s"}
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def tally(count=1, slot=SLOT, rule="own", clients=1):
    return Tally(slot, 300, rule, Bracket.PRIMARY, Deed.BLOCK, count, clients)


def opened(folder, most=2**29, now=NOW):
    numbers = itertools.count(sum(1 for _ in folder.rglob("*")) * 1000)
    return Spool(folder, most, lambda: f"{next(numbers):x}x{os.urandom(3).hex()}", now)


class Hub:
    """Takes each batch once."""

    def __init__(self):
        self.sealed = {}

    def take(self, made):
        batch = read_batch(json.loads(made.sealed)["batch"])
        ident = (batch.epoch, batch.sequence)
        assert self.sealed.setdefault(ident, made.sealed) == made.sealed, "another content"

    @property
    def batches(self):
        found = [read_batch(json.loads(each)["batch"]) for each in self.sealed.values()]
        return sorted(found, key=lambda each: (each.epoch, each.sequence))

    @property
    def total(self):
        return sum(row.count for batch in self.batches for row in batch.rows)

    @property
    def dropped(self):
        return sum(batch.dropped for batch in self.batches)

    def check_chain(self):
        before = bytes(32)
        for number, batch in enumerate(self.batches):
            assert (batch.sequence, batch.before) == (number, before)
            before = hashlib.sha256(self.sealed[batch.epoch, batch.sequence]).digest()


def send_all(spool, hub, until=EVER):
    while True:
        made = spool.next(Lane.COUNTS)
        if made is None and spool.make(until, "node", seal, NOW):
            made = spool.next(Lane.COUNTS)
        if made is None:
            return
        hub.take(made)
        spool.done(made)


def test_counts_of_one_bucket_leave_as_one_row(tmp_path):
    spool, hub = opened(tmp_path), Hub()
    spool.add([tally(2, clients=1), tally(1, rule="category:games")])
    spool.add([tally(3, clients=2)])
    send_all(spool, hub)
    (batch,) = hub.batches
    assert [(row.rule, row.count) for row in batch.rows] == [("category:games", 1), ("own", 5)]
    assert (spool.status.batches, spool.status.files, spool.status.oldest) == (0, 0, None)


def test_a_bucket_that_has_not_ended_stays(tmp_path):
    spool, hub = opened(tmp_path), Hub()
    spool.add([tally(1), tally(2, slot=SLOT + 300)])
    send_all(spool, hub, until=SLOT + 300)
    assert hub.total == 1
    assert spool.status.oldest == SLOT + 300


def test_what_comes_late_is_another_row(tmp_path):
    spool, hub = opened(tmp_path), Hub()
    for _ in range(3):
        spool.add([tally(2)])
        send_all(spool, hub)
    assert hub.total == 6
    hub.check_chain()


def test_more_rows_than_a_batch_may_have_are_several(tmp_path):
    spool, hub = opened(tmp_path), Hub()
    spool.add([tally(rule=f"order:ministry/{number}") for number in range(2 * MOST_ROWS + 1)])
    send_all(spool, hub)
    assert [len(batch.rows) for batch in hub.batches] == [MOST_ROWS, MOST_ROWS, 1]
    hub.check_chain()


def test_candidates_have_their_own_lane_in_the_same_chain(tmp_path):
    spool, hub = opened(tmp_path), Hub()
    found = [Candidate(SLOT // 86_400 * 86_400, "new.example", 640, Band.SOME)]
    spool.make_candidates(found, "node", seal, NOW)
    spool.add([tally()])
    send_all(spool, hub)
    made = spool.next(Lane.CANDIDATES)
    hub.take(made)
    spool.done(made)
    hub.check_chain()
    assert [batch.lane for batch in hub.batches] == [Lane.CANDIDATES, Lane.COUNTS]


def test_a_cut_at_any_byte_of_the_last_frame_costs_that_frame_only(tmp_path):
    spool = opened(tmp_path)
    spool.add([tally(5)])
    (file,) = (tmp_path / "rows").iterdir()
    first = file.stat().st_size
    spool.add([tally(7)])
    data = file.read_bytes()
    for cut in range(first, len(data) + 1):
        folder = tmp_path / f"cut-{cut}"
        (folder / "rows").mkdir(parents=True)
        (folder / "rows" / file.name).write_bytes(data[:cut])
        hub, again = Hub(), opened(folder)
        again.add([tally(11)])
        send_all(again, hub)
        assert hub.total == (23 if cut == len(data) else 16), cut


def test_a_batch_cut_at_any_byte_is_set_aside_and_told(tmp_path):
    spool = opened(tmp_path)
    spool.add([tally(5)])
    assert spool.make(EVER, "node", seal, NOW)
    (file,) = (tmp_path / "out").iterdir()
    data = file.read_bytes()
    for cut in range(0, len(data), 7):
        file.write_bytes(data[:cut])
        again, hub = opened(tmp_path), Hub()
        again.add([tally(1)])
        send_all(again, hub)
        assert hub.total == 1
        assert again.status.damaged == 1
        assert not file.exists()


class Steps:
    """Counts the steps that reach the disk, and dies at one of them, before or after it."""

    def __init__(self, monkeypatch):
        self.count, self.dies = 0, None
        monkeypatch.setattr(os, "fsync", lambda _handle: None)  # a kill is no power cut, and soon
        for place, name in (
            (os, "write"), (os, "fsync"), (os, "ftruncate"), (Path, "replace"), (Path, "unlink"),
        ):  # fmt: skip
            monkeypatch.setattr(place, name, self._counted(getattr(place, name)))

    def _counted(self, real):
        def step(*given, **named):
            self.reached()
            done = real(*given, **named)
            self.reached()
            return done

        return step

    def reached(self):
        self.count += 1
        if self.count == self.dies:
            raise Killed


def life(spool, hub, steps):
    """Add, send, add; yields what was added when `add` has returned."""
    for count in (1, 10):
        spool.add([tally(count), tally(count * 1000, slot=SLOT + 300)])
        yield count * 1001
    assert spool.make(SLOT + 300, "node", seal, NOW)
    yield 0
    spool.add([tally(100)])
    yield 100
    made = spool.next(Lane.COUNTS)
    steps.reached()
    hub.take(made)
    steps.reached()
    spool.done(made)
    yield 0
    assert spool.make(EVER, "node", seal, NOW)


@pytest.mark.parametrize("most", [2**29, 3 * 4096])
def test_killed_at_any_step_nothing_is_lost_or_doubled(tmp_path, monkeypatch, most):
    steps = Steps(monkeypatch)
    for dies in itertools.count(1):
        folder = tmp_path / f"{most}-{dies}"
        folder.mkdir()
        hub, added, killed = Hub(), 0, False
        steps.count, steps.dies = 0, None
        spool = opened(folder, most)
        steps.count, steps.dies = 0, dies
        try:
            for each in life(spool, hub, steps):
                added += each
        except Killed:
            killed = True
        steps.dies = None
        again = opened(folder, most, NOW + 9)
        send_all(again, hub)
        again.add([tally(10_000_000)])
        send_all(again, hub)
        hub.check_chain()
        # What was being added in that moment is there whole, in part (per bucket), or not at all.
        open_ended = {0} if not killed else {0, 1, 10, 100, 1000, 1001, 10_000, 10_010}
        assert hub.total - 10_000_000 - added in open_ended, (dies, hub.total, added)
        assert hub.dropped == 0
        if not killed:
            break
    assert dies > 40


def test_killed_at_any_step_of_merging_and_dropping(tmp_path, monkeypatch):
    steps = Steps(monkeypatch)
    slots = [SLOT // 86_400 * 86_400 + at * 300 for at in range(0, 40, 4)]
    for dies in itertools.count(1):
        folder = tmp_path / str(dies)
        folder.mkdir()
        steps.count, steps.dies = 0, None
        spool = opened(folder)
        for slot in slots:
            spool.add([tally(slot=slot, rule=f"order:m/{slot}")])
        tight = opened(folder, 2 * 4096)
        steps.count, steps.dies = 0, dies
        killed = False
        try:
            later = [slots[-1] + 86_400, slots[-1] + 2 * 86_400]
            tight.add([tally(slot=slot, rule=f"order:m/{slot}") for slot in later])
        except Killed:
            killed = True
        steps.dies = None
        hub, again = Hub(), opened(folder)
        send_all(again, hub)
        # Each count is a row of its own, so what is missing is what is told to be dropped, but for
        # what was being added in that moment.
        missing = 12 - hub.total - hub.dropped
        assert missing in ({0, 1, 2} if killed else {0}), (dies, hub.total, hub.dropped)
        if not killed:
            break
    assert dies > 20


def test_it_gets_coarser_before_it_drops_and_tells_what_it_dropped(tmp_path):
    spool, hub = opened(tmp_path, 60 * 4096), Hub()
    midnight = SLOT // 86_400 * 86_400
    for slot in range(60 * 24):  # five days
        spool.add([tally(1, slot=midnight + slot * 300)])
        assert spool.status.size <= 60 * 4096
    assert spool.status.merged > 0
    assert spool.status.dropped == 0
    send_all(spool, hub)
    assert hub.total == 60 * 24
    assert {row.span for batch in hub.batches for row in batch.rows} == {300, 3600, 86_400}
    small, hub = opened(tmp_path, 3 * 4096), Hub()
    for day in range(6):
        small.add([tally(1, slot=midnight + day * 86_400)])
    send_all(small, hub)
    assert small.status.dropped == hub.dropped == 6 - hub.total > 0


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_costs_nothing_while_memory_lasts(tmp_path, monkeypatch, caplog):
    spool, hub = opened(tmp_path), Hub()
    spool.add([tally(1)])
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", full)
        spool.add([tally(10)])
        spool.add([tally(100)])
        assert "No space left" in spool.status.problem
        assert spool.status.unwritten == 2
    spool.add([tally(1000)])
    assert spool.status.problem is None
    send_all(spool, hub)
    assert hub.total == 1111
    assert caplog.text.count("cannot be written") == 1


def test_a_disk_that_may_have_written_is_not_believed(tmp_path, monkeypatch):
    spool, hub = opened(tmp_path), Hub()
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        spool.add([tally(10)])
        spool.add([tally(100)])
    spool.add([tally(1000)])
    send_all(spool, hub)
    assert hub.total == 1110


def test_what_memory_cannot_hold_is_counted_as_dropped(tmp_path, monkeypatch):
    spool, hub = opened(tmp_path), Hub()
    with monkeypatch.context() as broken:
        broken.setattr(os, "write", full)
        for _ in range(3):
            spool.add([tally(rule=f"order:m/{number}") for number in range(WAITING // 2 + 1)])
    assert spool.status.dropped == 2 * (WAITING // 2 + 1)
    spool.add([])
    send_all(spool, hub)
    assert hub.dropped == spool.status.dropped
    assert hub.total == WAITING // 2 + 1


def test_a_batch_is_not_made_while_the_disk_is_full(tmp_path, monkeypatch):
    spool, hub = opened(tmp_path), Hub()
    spool.add([tally(5)])
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            spool.make(EVER, "node", seal, NOW)
    assert spool.next(Lane.COUNTS) is None
    send_all(spool, hub)
    assert hub.total == 5
    hub.check_chain()


def test_what_the_hub_refuses_is_kept_aside_with_the_reason(tmp_path):
    spool, hub = opened(tmp_path), Hub()
    spool.add([tally(5)])
    spool.make(EVER, "node", seal, NOW)
    made = spool.next(Lane.COUNTS)
    spool.refuse(made, "the hub says 422: no")
    assert spool.next(Lane.COUNTS) is None
    assert spool.status.refused == 1
    (aside,) = (tmp_path / "aside").iterdir()
    assert aside.read_bytes() == b"the hub says 422: no\n" + made.sealed
    spool.add([tally(6)])
    send_all(spool, hub)
    assert hub.total == 6


def test_a_damaged_chain_begins_a_new_epoch(tmp_path):
    hub, spool = Hub(), opened(tmp_path)
    spool.add([tally(5)])
    send_all(spool, hub)
    (tmp_path / "chain.json").write_bytes(b"{")
    again = opened(tmp_path, now=NOW + 5)
    again.add([tally(6)])
    send_all(again, hub)
    assert [batch.epoch for batch in hub.batches] == [NOW, NOW + 5]
    assert hub.total == 11
