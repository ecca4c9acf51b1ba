"""Fetching what is new: a long backlog by the disk, a flaky link, a hostile mirror."""

import asyncio

import pytest

from filterd.feed.mirror import Mirror
from filterd.feed.refusal import Fault, Refused
from filterd.feed.remote import from_folder
from filterd.feed.segment import path_of
from filterd.feed.sync import MOST_AT_ONCE, fetch_new
from tests.support.ministry import NOW, Ministry, order

MANY = MOST_AT_ONCE + 6


class World:
    def __init__(self, folder):
        ministry = Ministry.new()
        self.log = ministry.log(folder / "feed")
        for number in range(MANY):
            self.log.append([ministry.sign(order(id=f"o{number}"))], NOW + number, f"c{number}")
        self.mirror = Mirror(folder / "node", ministry.log_key)
        self.asked = []
        self.breaks_at = None

    async def fetch(self, path, most):
        self.asked.append(path)
        if path == self.breaks_at:
            raise OSError("cut off")
        return await from_folder(f"file://{self.log.folder}")(path, most)

    def round(self):
        return asyncio.run(fetch_new(self.mirror, self.fetch, NOW + MANY))


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_long_backlog_goes_by_the_disk(world):
    found = world.round()
    assert found.files == ()
    world.mirror.keep(found.taken, found.note, found.files)
    assert world.mirror.position.edge == world.log.position.edge
    again = Mirror(world.mirror.folder, world.mirror.log)
    assert len(again.load().position.ledger.entries) == MANY


def test_a_link_that_breaks_is_taken_up_where_it_broke(world):
    world.breaks_at = path_of(40)
    with pytest.raises(OSError, match="cut off"):
        world.round()
    assert world.mirror.position.edge.size == 0
    assert Mirror(world.mirror.folder, world.mirror.log).load() is None, "nothing counts yet"
    world.asked, world.breaks_at = [], None
    assert world.round().taken.position.edge.size == MANY
    assert path_of(39) not in world.asked
    assert path_of(40) in world.asked


def test_what_a_hostile_mirror_left_is_thrown_away(world):
    good = (world.log.folder / path_of(7)).read_bytes()
    (world.log.folder / path_of(7)).write_bytes((world.log.folder / path_of(8)).read_bytes())
    with pytest.raises(Refused) as refused:
        world.round()
    assert refused.value.fault in {Fault.REORDERED, Fault.TAMPERED}
    assert not (world.mirror.folder / path_of(7)).exists()
    (world.log.folder / path_of(7)).write_bytes(good)
    assert world.round().taken.position.edge.size == MANY
