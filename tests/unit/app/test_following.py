"""What goes wrong once is done again, what is the same is not, and nothing takes away what is in
force.
"""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from filterd.app.feed_state import Feed
from filterd.app.following import Follower
from filterd.config.feed import FeedConfig
from filterd.feed.checkpoint import PATH
from filterd.feed.manifest import Counted, Doubt, Manifest
from filterd.feed.policy import Policy
from filterd.feed.refusal import Fault, Refused
from filterd.feed.remote import from_folder
from filterd.feed.trust import Trust
from filterd.model.errors import RulesError
from tests.support.ministry import DAY, NOW, Ministry, order


class World:
    """A log in a folder and a follower; only the engine behind `enforce` is a stand-in."""

    def __init__(self, folder, now=NOW):
        self.now = now
        self.ministry = Ministry.new(not_after=now + 90 * DAY)
        self.log = self.ministry.log(folder / "feed")
        self.fetch = from_folder(f"file://{folder / 'feed'}")
        self.ruling = SimpleNamespace(inputs=SimpleNamespace(orders=()))
        self.swaps, self.fault = [], None
        node = SimpleNamespace(
            book=SimpleNamespace(must_not_block=("hotline.example",)),
            config=SimpleNamespace(listen=SimpleNamespace(udp=())),  # no door: nothing to prove
            ruling=self.ruling,
        )
        self.feed = Feed(FeedConfig(), folder / "node", looked_at=float(now))
        self.follower = Follower(node, self, self.feed)
        self.trust = Trust(
            self.ministry.registry, Policy(1, self.ministry.log_key, "canary.example")
        )

    async def enforce(self, orders):
        if self.fault is not None:
            raise self.fault
        self.swaps.append(orders)
        self.ruling.inputs.orders = orders

    def order(self, name, **changed):
        times = {"not_before": self.now, "not_after": self.now + 30 * DAY}
        signed = self.ministry.sign(order(name, **{**times, **changed}))
        self.log.append([signed], self.log.position.time or self.now, "c")

    def step(self, at=None):
        asyncio.run(self.follower.step(self.fetch, at or self.now))

    @property
    def names(self):
        orders = self.ruling.inputs.orders
        return {each.patterns[0].text for each in orders if each.authority == "ministry"}


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.order("bet.example")
    asyncio.run(world.follower._use(world.trust))
    return world


def test_a_swap_that_failed_is_done_with_the_next_look(world):
    world.fault = RulesError("no memory")
    with pytest.raises(RulesError):
        world.step()
    assert world.names == set()
    world.fault = None
    world.step()
    assert world.names == {"bet.example"}, "although nothing is new"


def test_a_checkpoint_that_was_signed_anew_swaps_nothing(world):
    world.step()
    world.log.renew(NOW + 60)
    world.step(NOW + 60)
    assert len(world.swaps) == 1
    assert world.feed.age(NOW + 61) == 1


def test_a_hostile_feed_takes_nothing_away(world):
    world.step()
    good = (world.log.folder / PATH).read_bytes()
    world.order("win.example", id="2026-2")
    (world.log.folder / PATH).write_bytes(b"x" * 20_000)
    with pytest.raises(Refused) as refused:
        world.step()
    assert refused.value.fault is Fault.TOO_LARGE
    (world.log.folder / PATH).write_bytes(good)
    world.step()
    assert world.names == {"bet.example"}


def test_a_registry_that_changes_is_held_against_what_is_there(world):
    world.step()
    other = Ministry.new()
    asyncio.run(world.follower._use(Trust(other.registry, world.trust.policy)))
    world.step()
    assert world.names == set(), "its officers are others now"
    assert world.feed.faults[Fault.UNSIGNED] == 1
    asyncio.run(world.follower._use(world.trust))
    world.step()
    assert world.names == {"bet.example"}


def test_a_start_without_a_network_puts_in_force_what_was(world, tmp_path):
    world.step()
    again = World(tmp_path / "elsewhere")
    again.feed.folder = world.feed.folder
    asyncio.run(again.follower._use(world.trust))
    assert again.names == {"bet.example"}


def test_an_order_that_an_authority_counts_and_the_log_lacks_is_an_alarm(world, caplog):
    world.step()
    position = world.log.position
    (entry,) = position.ledger.entries.values()
    there = Counted("2026-1", entry.digest, entry.order.not_after)
    lost = Counted("2026-9", bytes(32), NOW + 60)
    said = Manifest("ministry", ("Bộ", "M"), "x", 1, position.edge.root, (there,))
    world.feed.hear((said,), ())
    world.step()
    assert (world.feed.findings, world.feed.numbers(NOW)["omitted"]) == ((), 0)
    world.feed.hear((replace(said, orders=(there, lost)),), ())
    for _ in range(2):
        world.step()
    assert world.feed.faults[Fault.OMITTED] == 1, "told once"
    assert world.feed.numbers(NOW)["omitted"] == 1
    assert "2026-9" in world.feed.status()["alarms"][0]
    assert sum("alarm" in each.message for each in caplog.records) == 1
    assert world.names == {"bet.example"}, "what is in force stays"
    later = replace(said, size=2, orders=(there, lost))
    world.feed.hear((later,), ())
    world.step()
    assert world.feed.findings == (), "it speaks of more than was taken"


def test_a_doubtful_manifest_is_told_once(world):
    doubt = Doubt("ministry", Fault.FROZEN, "it has run out")
    assert world.feed.hear((), (doubt,)) == (doubt,)
    assert world.feed.hear((), (doubt,)) == ()
    assert (world.feed.faults[Fault.FROZEN], world.feed.numbers(NOW)["doubted"]) == (1, 1)
