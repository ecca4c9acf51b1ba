"""The base of a node: begun from a snapshot, merged, there at the start; killed at every step."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from filterd.app import basing
from filterd.app.basing import Basing, in_force_before
from filterd.app.feed_state import Feed
from filterd.app.following import Follower
from filterd.app.ruling import Inputs
from filterd.config.feed import FeedConfig
from filterd.feed.base import CURRENT, FOLDER
from filterd.feed.basing import make_base
from filterd.feed.inforce import FILE
from filterd.feed.policy import Policy
from filterd.feed.refusal import Fault
from filterd.feed.remote import from_folder
from filterd.feed.segment import path_of
from filterd.feed.snapshot import FOLDER as SNAPSHOTS
from filterd.feed.summing import publish_snapshot
from filterd.feed.trust import Trust
from filterd.model.errors import RulesError
from filterd.model.order import Revocation
from tests.support.ministry import NOW, Ministry, order
from tests.support.steps import status_of

DONE, KILLED = 0, 9


class World:
    """A ministry with a log in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ministry = Ministry.new()
        self.log = self.ministry.log(folder / "feed")
        self.trust = Trust(
            self.ministry.registry, Policy(1, self.ministry.log_key, "canary.example")
        )
        for number in range(8):
            self.order(number)

    def order(self, number):
        names = (f"a{number}.example", f"b{number}.example")
        self.append(order(*names, id=f"o{number}"))

    def append(self, act):
        at = max(NOW, self.log.position.time)
        self.log.append([self.ministry.sign(act)], at, f"c{self.log.position.edge.size}")

    def node(self):
        return Life(self, self.folder / "node")


class Life:
    """A node from one start to its end; only the engine is a stand-in."""

    def __init__(self, world, folder):
        self.world = world
        self.fetch = from_folder(f"file://{world.folder / 'feed'}")
        config = SimpleNamespace(
            feed=SimpleNamespace(url="file:///"), listen=SimpleNamespace(udp=())
        )
        before = Inputs(config, None)
        inputs = in_force_before(before, folder)
        self.ruling = SimpleNamespace(inputs=inputs)
        node = SimpleNamespace(
            book=SimpleNamespace(must_not_block=("hotline.example",)),
            config=config,
            ruling=self.ruling,
        )
        self.feed = Feed(FeedConfig(), folder / "feed", looked_at=float(NOW + 10**6))
        self.follower = Follower(node, self, self.feed)
        self.follower._basing = Basing(node, self.feed, in_thread)
        self.swaps = []

    async def enforce(self, orders, base=None):
        self.ruling.inputs = SimpleNamespace(orders=orders, base=base, never=None)
        self.swaps.append(self.blocked)

    @property
    def blocked(self):
        inputs, found = self.ruling.inputs, set()
        for each in inputs.orders:
            if each.authority == "ministry":
                found |= {pattern.text for pattern in each.patterns}
        if inputs.base is not None:
            off = inputs.base.off_at(NOW + 60)
            for name in ALL:
                hits = inputs.base.index.find(name)
                found |= {name for hit in hits if hit[0] not in off}
        return found

    def run(self, steps=1):
        asyncio.run(self.live(steps))
        return self

    async def live(self, steps):
        await self.follower._use(self.world.trust)
        for _ in range(steps):
            await self.follower.step(self.fetch, NOW + 60)
            making = self.follower._basing._making
            if making is not None:
                with suppress(Exception):
                    await asyncio.shield(making)


ALL = {f"{letter}{number}.example" for letter in "ab" for number in range(20)}


async def in_thread(job):
    await asyncio.to_thread(make_base, job)
    return {}


def names(*numbers):
    return {f"{letter}{number}.example" for letter in "ab" for number in numbers}


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(basing, "MOST_OVER", 5)
    return World(tmp_path)


def test_an_empty_node_begins_with_the_snapshot_and_goes_on_with_the_log(world):
    publish_snapshot(world.log)
    for number in range(8):
        (world.log.folder / path_of(number)).unlink()
    world.order(8)
    life = world.node().run()
    assert life.blocked == names(*range(9))
    assert life.feed.base.name.startswith("8-")
    assert life.feed.mirror.position == world.log.position
    assert all(each.held is (each.order.id != "o8") for each in entries(life))


def entries(life):
    return life.feed.mirror.position.ledger.entries.values()


def test_a_revocation_switches_an_order_of_the_base_off_and_rebuilds_nothing(world):
    publish_snapshot(world.log)
    life = world.node().run()
    index = life.ruling.inputs.base.index
    world.append(Revocation("o3", "ministry", "a mistake", NOW))
    life.run()
    assert life.blocked == names(*range(8)) - names(3)
    assert life.ruling.inputs.base.index is not None
    assert life.feed.base.state.judged != {}
    again = world.node()
    assert again.blocked == names(*range(8)) - names(3), "before anything is read"
    assert index.names == again.ruling.inputs.base.index.names


def test_what_is_too_much_over_the_base_is_merged(world):
    life = world.node().run(steps=3)
    assert life.feed.base is not None
    assert all(each.held for each in entries(life))
    assert [each for each in life.ruling.inputs.orders if each.authority == "ministry"] == []
    assert life.blocked == names(*range(8))
    assert all(life.swaps), "never an empty rule set"


def test_a_node_without_orders_hurries_and_one_with_orders_stands_back(world):
    publish_snapshot(world.log)
    life, jobs = world.node(), []

    async def watched(job):
        jobs.append(job)
        return await in_thread(job)

    life.follower._basing._run = watched
    life.run()
    for number in range(8, 12):
        world.order(number)
    life.run(steps=3)
    assert [job["nice"] for job in jobs] == [False, True]


def test_a_bad_snapshot_is_told_and_the_log_is_taken(world):
    publish_snapshot(world.log)
    (piece,) = (world.log.folder / SNAPSHOTS / "8").glob("0000")
    piece.write_bytes(b"x" + piece.read_bytes())
    life = world.node().run()
    assert life.blocked == names(*range(8))
    assert life.feed.faults[Fault.TAMPERED] == 1


def test_a_base_that_cannot_be_made_changes_nothing(world, caplog):
    life = world.node()

    async def fails(job):
        raise RulesError("no memory")

    life.follower._basing = Basing(life.follower._node, life.feed, fails)
    life.run(steps=4)
    assert any("no memory" in message for message in caplog.messages)
    assert life.blocked == names(*range(8))


@pytest.mark.parametrize("what", ["state", "idx", "current", "in-force"])
def test_a_damaged_base_is_told_and_made_again_while_what_is_in_force_stays(world, what, caplog):
    publish_snapshot(world.log)
    world.node().run()
    folder = world.folder / "node" / "feed"
    file = next((folder / FOLDER).glob(f"*.{what}"), folder / FOLDER / CURRENT)
    file = folder / FILE if what == "in-force" else file
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(bytes(data))
    life = world.node()
    life.run()
    assert caplog.messages, "it is told"
    assert life.blocked == names(*range(8))
    assert all(life.swaps)
    assert world.node().blocked == names(*range(8))


def test_other_officers_are_held_against_all_that_is_in_the_base(world):
    publish_snapshot(world.log)
    life = world.node().run()
    world.trust = Trust(Ministry.new().registry, world.trust.policy)
    life.run(steps=3)
    assert life.blocked == set()
    assert {each.fault for each in life.feed.judged.values()} == {Fault.UNSIGNED}


def test_killed_at_any_step_it_loses_nothing_and_never_has_an_empty_rule_set(world):
    """Each durable write of a begin, a sync and a merge is the last of one node's life."""
    publish_snapshot(world.log)
    world.node().run()
    for number in range(8, 13):
        world.order(number)
    world.append(Revocation("o2", "ministry", "a mistake", NOW))
    least = names(*range(8)) - names(2)
    whole = names(*range(13)) - names(2)
    walked = 0
    copies = world.folder / "node"
    for step in range(1, 400):
        home = world.folder / f"node-{step}"
        copy(copies, home)
        ended = lived(world, home, step)
        after = Life(world, home)
        assert least <= after.blocked | names(2), f"step {step}: at the start"
        after.run(steps=4)
        assert after.blocked == whole, f"step {step}: in the end"
        assert all(least <= each for each in after.swaps)
        walked = step
        if ended == DONE:
            break
    assert walked > 12, "there were steps to walk"
    assert ended == DONE


def test_killed_at_any_step_of_its_first_snapshot_it_begins_again(world):
    publish_snapshot(world.log)
    for step in range(1, 100):
        home = world.folder / f"empty-{step}"
        ended = lived(world, home, step)
        after = Life(world, home)
        assert after.blocked in (set(), names(*range(8))), "all or nothing"
        assert after.run().blocked == names(*range(8))
        if ended == DONE:
            break
    assert step > 6


def copy(source, target):
    for path in sorted(source.rglob("*")):
        if path.is_file():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())


def lived(world, home, step):
    """Live in another process, which ends at once with durable write number `step`."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            end_at(step)
            Life(world, home).run(steps=4)
            status = DONE
        finally:
            os._exit(status)
    status = os.waitstatus_to_exitcode(status_of(child))
    assert status in {DONE, KILLED, -signal.SIGKILL}
    return DONE if status == DONE else KILLED


def end_at(step):
    left = [step]

    def counted(real):
        def call(*given, **named):
            left[0] -= 1
            if left[0] == 0:
                os._exit(KILLED)
            return real(*given, **named)

        return call

    os.fsync = counted(os.fsync)
    Path.replace = counted(Path.replace)
    Path.unlink = counted(Path.unlink)
