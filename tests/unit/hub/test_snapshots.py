"""The hub makes snapshots by itself: when it is time, by one process, beside its work."""

import asyncio
import json
import os
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from filterd.cli.demo_world import make_world, order
from filterd.config.hub import HubConfig
from filterd.feed import snapshot
from filterd.feed.keys import open_key
from filterd.feed.publish import Log
from filterd.feed.standing import read_standing
from filterd.feed.stored import read_snapshot
from filterd.hub import snapshots
from filterd.hub.snapshots import Snapshots
from filterd.hub.summing import make_snapshot
from filterd.model.clock import Clock
from filterd.model.order import DAY


class Place:
    """A feed with a log, and a clock that a test sets."""

    def __init__(self, folder):
        self.now = int(time.time())
        self.world = make_world(folder, self.now)
        policy = read_standing(self.world.feed).policy
        keeper = open_key(self.world.log_key, self.world.passphrase.read_text().strip())
        self.log = Log.open(self.world.feed, policy.log, keeper, policy.canaries)
        self.made = 0

    def publish(self, ident, *names):
        act = order(ident, names or (f"{ident}.example",), self.now)
        self.log.append([self.world.signed(act, self.now)], self.now, ident)

    def snapshots(self, **more):
        world = self.world
        log = {"key": str(world.log_key), "passphrase_file": str(world.passphrase)}
        config = HubConfig.model_validate({"feed": str(world.feed), "log": log})
        clock = Clock(lambda: float(self.now), lambda: float(self.now))
        return Snapshots(config, clock, **{"make": self.make, "tick": 0.01, **more})

    async def make(self, job):
        made = await asyncio.to_thread(make_snapshot, job, {})
        self.made += 1
        return made

    @property
    def size(self):
        """Of the newest snapshot."""
        found = read_snapshot(self.world.feed, self.log.key)
        return 0 if found is None else found[0].size


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "world")


def run(some, until, seconds=30.0):
    """Run until something is so. TimeoutError."""

    async def live():
        task = asyncio.create_task(some.run())
        try:
            async with asyncio.timeout(seconds):
                while not until():
                    await asyncio.sleep(0.01)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    asyncio.run(live())


def test_where_nothing_was_ordered_there_is_nothing_to_do(place):
    assert not place.snapshots().is_due()


def test_the_first_the_daily_and_the_one_after_growth(place, monkeypatch):
    some = place.snapshots()
    place.publish("one")
    assert some.is_due(), "there is none yet"
    run(some, lambda: place.size == 1)
    assert not some.is_due()
    place.publish("two")
    assert not some.is_due(), "small, and not a day old"
    monkeypatch.setattr(snapshots, "LEAST", 0)
    assert some.is_due(), "more than half of the one before"
    monkeypatch.undo()
    place.now += DAY
    assert some.is_due(), "a day later"
    run(some, lambda: place.size == 2)
    place.now += DAY
    assert not some.is_due(), "a day later, but nothing is new"


def test_a_child_process_makes_one_and_reads_the_passphrase_itself(place):
    place.publish("one")
    place.publish("two")
    jobs = []

    async def remember(job):
        jobs.append(job)
        return {"size": 0}

    some = place.snapshots(make=remember)
    asyncio.run(some._look(some.config.log))
    command = [sys.executable, "-m", "filterd.hub.summing"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdin.write(json.dumps(jobs[0]).encode() + b"\n")
        child.stdin.flush()  # it ends when this is closed
        answer = json.loads(child.stdout.readline())
    assert answer["result"]["size"] == place.size == 2


def test_of_many_processes_one_makes_it(place):
    place.publish("one")
    with snapshots._alone(place.world.feed) as alone:
        assert alone
        some = place.snapshots()
        asyncio.run(some._look(some.config.log))
        assert place.made == 0
    asyncio.run(some._look(some.config.log))
    assert (place.made, place.size) == (1, 1)


def test_what_goes_wrong_is_told_and_the_one_before_stays(place, caplog):
    place.publish("one")
    run(place.snapshots(), lambda: place.size == 1)
    place.publish("two")
    place.now += DAY
    place.world.passphrase.write_text("another\n")
    some = place.snapshots()
    run(some, lambda: some.problem is not None)
    assert place.size == 1
    assert "no new snapshot of the log" in caplog.text


def test_a_snapshot_that_nobody_can_use_is_made_anew(place):
    place.publish("one")
    run(place.snapshots(), lambda: place.made == 1)
    assert place.size == 1
    (place.world.feed / snapshot.PATH).write_bytes(b"{}")
    some = place.snapshots()
    assert some.is_due()
    run(some, lambda: place.made == 2 and some.problem is None)
    assert place.size == 1


def test_without_the_key_others_make_them(place):
    place.publish("one")
    config = HubConfig.model_validate({"feed": str(place.world.feed)})
    some = Snapshots(config, Clock(time.time, time.monotonic), place.make)
    asyncio.run(some.run())
    assert place.made == 0


def test_cut_off_anywhere_it_is_made_by_whoever_comes_next(place):
    place.publish("one")
    left = place.world.feed / snapshot.FOLDER / "1"
    left.mkdir(parents=True)
    (left / "0000").write_bytes(os.urandom(100))
    run(place.snapshots(), lambda: place.size == 1)
