"""A node killed at every write of its way from a pushed event to a receipt that the hub has.

The feed is a folder with a real trust root, the hub's side its real ingest into SQLite; only the
engine is a stand-in. Each step is a write, rename or removal on disk, or a statement in the
database, in a process of its own that is killed there.
"""

import asyncio
import os
import shutil
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sqlalchemy import select
from tuf.api.metadata import Metadata

from filterd.app import proving
from filterd.app.basing import in_force_before
from filterd.app.feed_state import Feed
from filterd.app.following import Follower
from filterd.app.ruling import Inputs
from filterd.config.feed import FeedConfig
from filterd.feed.canonical import read_object
from filterd.feed.ceremony import Holders, Publisher, moment, new_root, root_of
from filterd.feed.checkpoint import PATH
from filterd.feed.events import Pushed
from filterd.feed.keys import node_key, public_key
from filterd.feed.outbox import Outbox
from filterd.feed.policy import Policy
from filterd.feed.remote import from_folder
from filterd.feed.segment import path_of
from filterd.hub.database import migrate, open_database
from filterd.hub.enrolment import Invited, enrol, invite
from filterd.hub.ingest import take_receipts
from filterd.hub.tables import receipts
from tests.support.ministry import DAY, Ministry, order, signer
from tests.support.steps import each_change, each_statement, killed_at

BEFORE, WHOLE = {"bet.example"}, {"bet.example", "win.example", "luck.example"}


class Country:
    """Holders of the trust root, a ministry, its log, and the hub's database."""

    def __init__(self, folder):
        self.folder, self.feed, self.now = folder, folder / "feed", int(time.time())
        self.holders, self.online = [signer() for _ in range(2)], signer()
        self.ministry = Ministry.new(not_after=self.now + 90 * DAY)
        self.publisher = Publisher(self.feed)
        root = new_root(self.roles(), self.holders, moment(self.now))
        self.publisher.put_root(root)
        (folder / "root.json").write_bytes(root)
        self.say(self.ministry.registry)
        self.log = self.ministry.log(self.feed)
        self.home = folder / "node"
        self.database = f"sqlite:///{self.home / 'hub.db'}"

    def roles(self):
        offline = Holders(tuple(each.public_key for each in self.holders), 2)
        alone = Holders((self.online.public_key,), 1)
        return {"root": offline, "targets": offline, "snapshot": alone, "timestamp": alone}

    def say(self, registry):
        policy = Policy(1, self.ministry.log_key, "canary.example")
        self.publisher.put_targets(registry, policy, self.holders, moment(self.now))
        self.publisher.renew(self.online, moment(self.now))

    def order(self, ident, name):
        act = order(name, id=ident, not_before=self.now, not_after=self.now + 30 * DAY)
        signed = self.ministry.sign(act, at=self.now)
        self.log.append([signed], max(self.now, self.log.position.time), ident)

    def rotate(self):
        """Hand the trust root over to other holders, and sign a newer registry with their keys."""
        before = self.holders
        self.holders = [signer() for _ in range(2)]
        self.publisher.put_root(root_signed(self.roles(), 2, before + self.holders, self.now))
        self.say(replace(self.ministry.registry, version=2))


def root_signed(roles, version, signers, now):
    root = Metadata(root_of(roles, version, moment(now)))
    for each in signers:
        root.sign(each, append=True)
    return root.to_bytes()


class Life:
    """A node from one start to its end."""

    def __init__(self, country, home):
        self.country, self.home = country, home
        self.fetch = from_folder(f"file://{country.feed}")
        config = SimpleNamespace(
            feed=SimpleNamespace(url="file:///"),
            listen=SimpleNamespace(udp=("a door",), proxies=()),
        )
        inputs = in_force_before(Inputs(config, None), home)
        self.ruling = SimpleNamespace(inputs=inputs, made_at=float(country.now + 60))
        node = SimpleNamespace(
            book=SimpleNamespace(must_not_block=("hotline.example",)),
            config=config,
            ruling=self.ruling,
            sampled=[],
        )
        settings = FeedConfig(url=f"file://{country.feed}", root=str(country.folder / "root.json"))
        self.outbox = Outbox(home / "feed/receipts")
        self.outbox.load()
        self.feed = Feed(settings, home / "feed", outbox=self.outbox)
        self.follower = Follower(node, self, self.feed)
        self.least = [self.blocked]

    async def enforce(self, orders, base=None):
        self.ruling.inputs = SimpleNamespace(orders=orders, base=base, never=None)
        self.least.append(self.blocked)

    @property
    def blocked(self):
        """The names of orders; without those of canaries."""
        return {name for name in self.names if not name.endswith("canary.example")}

    @property
    def names(self):
        return {pattern.text for each in self.ruling.inputs.orders for pattern in each.patterns}

    async def is_ordered(self, name, *_more, **_options):
        return name in self.names

    async def follow(self):
        """What one start does: recall, look at the trust root, hear an event, look at the rest."""
        proving.is_ordered = self.is_ordered
        now, log = float(self.country.now + 60), self.country.log
        await self.follower._open()
        await self.follower._recall()
        if self.feed.mirror is not None and self.feed.mirror.position.edge.size < 2:
            file = (self.country.feed / path_of(1)).read_bytes()
            await self.follower.step(self.fetch, now, Pushed(self.country.second, (file,)))
        assert log.position.edge.size == 3
        await self.follower.step(self.fetch, now)

    def run(self, reached=None):
        asyncio.run(self.follow())
        self.send(reached)
        return self

    def send(self, reached=None):
        """Hand over what waits to the hub, as its ingest takes it."""
        database = open_database(f"sqlite:///{self.home / 'hub.db'}")
        if reached is not None:
            each_statement(database.engine, reached)
        while taken := self.outbox.take(64):
            with database.write() as connection:
                take_receipts(
                    connection, self.feed.node, list(taken.values()), self.country.now * 1000 + 90
                )
            self.outbox.done(taken)
        database.close()

    def sent(self):
        """The positions of which the hub has a receipt, each as often as it has one."""
        database = open_database(f"sqlite:///{self.home / 'hub.db'}")
        with database.read() as connection:
            found = list(connection.execute(select(receipts.c.size)).scalars())
        database.close()
        return found


@pytest.fixture
def country(tmp_path, monkeypatch):
    """A node with one order in force, of which the hub has the receipt; then much changes."""
    monkeypatch.setattr(proving, "is_ordered", None)
    made = Country(tmp_path)
    migrate_into(made)
    made.order("o-1", "bet.example")
    life = Life(made, made.home)

    async def first():
        proving.is_ordered = life.is_ordered
        await life.follower._open()
        await life.follower.step(life.fetch, float(made.now + 60))

    asyncio.run(first())
    life.send()
    assert life.blocked == BEFORE
    assert life.sent() == [1]
    made.order("o-2", "win.example")
    made.second = (made.feed / PATH).read_bytes()
    made.order("o-3", "luck.example")
    made.rotate()
    return made


def migrate_into(country):
    (country.home / "feed").mkdir(parents=True)
    migrate(country.database)
    key = public_key(node_key(country.home / "feed/node.key"))
    database = open_database(country.database)
    with database.write() as connection:
        code = invite(connection, Invited("A school", "79"), country.now * 1000)
        enrol(connection, code, key, "test", country.now * 1000)
    database.close()


def test_killed_at_any_write_from_event_to_receipt_nothing_is_lost_or_doubled(country):
    for step in range(1, 1000):
        home = country.folder / f"node-{step}"
        shutil.copytree(country.home, home)

        def work(reached, home=home):
            each_change(reached)
            Life(country, home).run(reached)

        killed = killed_at(step, work)
        signed = signed_of(home)
        after = Life(country, home)
        assert after.blocked >= BEFORE, f"step {step}: at the start"
        after.run()
        assert after.blocked == WHOLE, f"step {step}"
        assert all(each >= BEFORE for each in after.least), f"step {step}: in between"
        assert after.feed.trust.registry.version == 2
        assert not after.feed.faults, f"step {step}: {after.feed.faults}"
        sent = after.sent()
        assert {1, 3, signed} <= set(sent), f"step {step}: signed and not at the hub"
        assert len(sent) == len(set(sent)), f"step {step}: twice"
        assert after.outbox.sizes == []
        shutil.rmtree(home)
        if not killed:
            break
    assert step > 60, "there were steps to walk"
    assert not killed


def signed_of(home):
    return read_object((home / "feed" / proving.RECEIPT).read_bytes(), proving.MOST)["receipt"][
        "size"
    ]


def test_killed_while_it_makes_its_key_a_node_makes_it_then(tmp_path):
    for step in range(1, 20):
        path = tmp_path / f"{step}" / "node.key"
        path.parent.mkdir()

        def work(reached, path=path):
            each_change(reached)
            written = os.open

            def opening(*given, **named):
                found = written(*given, **named)
                reached()  # it is there, and empty
                return found

            os.open = opening
            node_key(path)

        killed = killed_at(step, work)
        there = path.read_bytes() if path.exists() else None
        made = public_key(node_key(path))
        assert public_key(node_key(path)) == made
        assert there in {None, path.read_bytes()}, "one that is there stays"
        if not killed:
            break
    assert step > 2
    assert not killed


def test_two_that_make_a_nodes_key_at_once_make_one(tmp_path, monkeypatch):
    path, real = tmp_path / "node.key", os.fsync
    inner = []

    def syncing(descriptor):
        if not inner:
            inner.append(None)
            inner[0] = public_key(node_key(path))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", syncing)
    assert public_key(node_key(path)) == inner[0]
