"""What goes wrong once is done again, what is the same is not, and nothing takes away what is in
force.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest

from filterd.app.feed_state import Feed
from filterd.app.following import Follower
from filterd.config.feed import FeedConfig
from filterd.feed.checkpoint import PATH
from filterd.feed.keys import public_key
from filterd.feed.manifest import Counted, Doubt, Manifest
from filterd.feed.never import NeverList
from filterd.feed.policy import Policy
from filterd.feed.publish import Log
from filterd.feed.refusal import Fault, Refused
from filterd.feed.remote import from_folder
from filterd.feed.segment import path_of
from filterd.feed.stored import read_stored
from filterd.feed.trust import Trust
from filterd.feed.witness import Witness, cosign
from filterd.model.errors import RulesError
from tests.support.ministry import DAY, NOW, Ministry, order, signer


class World:
    """A log in a folder and a follower; only the engine behind `enforce` is a stand-in."""

    def __init__(self, folder, now=NOW):
        self.now = now
        self.ministry = Ministry.new(not_after=now + 90 * DAY)
        self.log = self.ministry.log(folder / "feed")
        self.fetch = from_folder(f"file://{folder / 'feed'}")
        self.ruling = SimpleNamespace(inputs=SimpleNamespace(orders=(), base=None, never=None))
        self.swaps, self.fault = [], None
        node = SimpleNamespace(
            book=SimpleNamespace(must_not_block=("hotline.example",)),
            config=SimpleNamespace(listen=SimpleNamespace(udp=())),  # no door: nothing to prove
            ruling=self.ruling,
            sampled=[],
        )
        self.feed = Feed(FeedConfig(), folder / "node", looked_at=float(now))
        self.follower = Follower(node, self, self.feed)
        self.trust = Trust(
            self.ministry.registry, Policy(1, self.ministry.log_key, "canary.example")
        )

    async def enforce(self, orders, base=None):
        if self.fault is not None:
            raise self.fault
        self.swaps.append(orders)
        self.ruling.inputs.orders, self.ruling.inputs.base = orders, base

    async def protect(self, never):
        if self.fault is not None:
            raise self.fault
        self.ruling.inputs.never = never

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


def test_the_core_of_never_decrypt_is_put_in_force_and_tried_again(world):
    world.step()
    judged = world.feed.judged
    never = NeverList(2, ("bank.example",))
    world.fault = RulesError("no memory")
    asyncio.run(world.follower._use(replace(world.trust, never=never)))
    with pytest.raises(RulesError):
        world.step()
    assert world.ruling.inputs.never is None
    world.fault = None
    world.step()
    assert world.ruling.inputs.never == never
    assert world.feed.judged is judged, "no order is judged anew for it"
    assert world.feed.status(NOW)["never_decrypt"] == {"version": 2, "names": 1}
    asyncio.run(world.follower._use(world.trust))
    world.step()
    assert world.ruling.inputs.never is None, "the package's holds again"


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
    assert "2026-9" in world.feed.status(NOW)["alarms"][0]
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


def test_a_log_with_another_key_goes_on_from_where_it_was(world):
    world.step()
    before, position = world.ministry.log_key, world.feed.mirror.position
    world.ministry.log_signer = signer()
    policy = replace(world.trust.policy, log=world.ministry.log_key)
    asyncio.run(world.follower._use(replace(world.trust, policy=policy)))
    assert world.feed.mirror.position is position, "no other history comes in with a key"
    with pytest.raises(Refused) as refused:
        world.step()
    assert refused.value.fault is Fault.UNSIGNED, "the old key says nothing any more"
    taken = read_stored(world.log.folder, before)
    world.log = Log(
        world.log.folder, world.ministry.log_key, world.ministry.log_signer, "canary.example",
        taken.position,
    )  # fmt: skip
    world.order("win.example", id="2026-2")
    world.step()
    assert world.names == {"bet.example", "win.example"}


def test_a_node_waits_for_the_witnesses_that_the_policy_wants(world):
    world.step()
    one = signer()
    log = replace(
        world.ministry.log_key, witnesses=(Witness("w.example/1", public_key(one)),), cosigned=1
    )
    policy = replace(world.trust.policy, log=log)
    asyncio.run(world.follower._use(replace(world.trust, policy=policy)))
    world.order("win.example", id="2026-2")
    with pytest.raises(Refused) as refused:
        world.step()
    assert refused.value.fault is Fault.UNWITNESSED
    assert world.names == {"bet.example"}, "what was in force stays"
    path = world.log.folder / PATH
    path.write_bytes(cosign(path.read_bytes(), "w.example/1", one, NOW))
    world.step()
    assert world.names == {"bet.example", "win.example"}


def test_a_clock_that_is_wrong_is_told_and_changes_nothing(world):
    assert not world.feed.hear_time(NOW, NOW + 299)
    assert world.feed.hear_time(NOW, NOW + 301)
    assert world.feed.skew == 301
    assert not world.feed.hear_time(NOW, NOW + 302), "said once"
    assert not world.feed.hear_time(NOW, NOW - 200)
    assert world.feed.hear_time(NOW, NOW - 4000)
    assert world.feed.status(NOW)["skew"] == -4000
    world.step()
    assert world.names == {"bet.example"}


def test_what_is_kept_and_cut_at_any_byte_is_fetched_again(world, tmp_path):
    """The orders themselves come back by `feed/inforce.py` meanwhile; see `test_basing.py`."""
    world.step()
    kept = world.feed.folder / "log"
    for path in (kept / PATH, kept / path_of(0)):
        whole = path.read_bytes()
        for end in range(0, len(whole), 29):
            path.write_bytes(whole[:end])
            again = World(tmp_path / f"{path.name}-{end}")
            again.feed.folder = world.feed.folder
            with suppress(Refused):
                asyncio.run(again.follower._use(world.trust))
            asyncio.run(again.follower.step(world.fetch, NOW))
            assert again.names == {"bet.example"}, (path.name, end)
            assert path.read_bytes() == whole
