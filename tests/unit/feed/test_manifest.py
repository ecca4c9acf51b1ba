"""What authorities say of themselves: by python-tuf against a folder, and held against a log."""

import shutil
import time
from dataclasses import replace

import pytest

from filterd.feed.ceremony import Holders, Publisher, moment, new_root
from filterd.feed.judge import judge
from filterd.feed.manifest import Counted, Manifest, compare, manifest_json, read_manifest
from filterd.feed.policy import Policy
from filterd.feed.prepared import (
    add_signature,
    check_signed,
    prepared_text,
    read_prepared,
    signers_of,
)
from filterd.feed.refusal import Fault, Refused
from filterd.feed.standing import newest
from filterd.feed.trust import FolderFetcher, refresh
from filterd.model.order import Registry, Revocation
from tests.support.ministry import ANYTHING, DAY, Ministry, order, signer
from tests.support.ministry import NOW as LOGGED

NOW = int(time.time())  # TUF reads the clock itself


class World:
    """A feed of as many authorities as wanted, three holders, two of whom must sign."""

    def __init__(self, folder, count=1):
        self.feed, self.node = folder / "feed", folder / "node"
        self.holders, self.online = [signer() for _ in range(3)], signer()
        self.ministries = [
            Ministry.new(id=f"ministry-{n}", not_after=NOW + 90 * DAY) for n in range(count)
        ]
        self.publisher = Publisher(self.feed)
        keys = tuple(each.public_key for each in self.holders)
        offline, online = Holders(keys, 2), Holders((self.online.public_key,), 1)
        roles = {"root": offline, "targets": offline, "snapshot": online, "timestamp": online}
        self.root = new_root(roles, self.holders[:2], moment(NOW))
        self.publisher.put_root(self.root)
        self.policy = Policy(1, self.ministries[0].log_key, "canary.example")
        self.registry = Registry(1, tuple(each.authority for each in self.ministries))
        self.say(self.registry)

    def say(self, registry):
        self.publisher.put_targets(registry, self.policy, self.holders[:2], moment(NOW))
        self.publisher.renew(self.online, moment(NOW))

    def manifest(self, at=0, **changed):
        names, contact = ("Bộ", "Ministry"), "https://appeal.example"
        made = Manifest(self.ministries[at].authority.id, names, contact, 0, bytes(32), ())
        return replace(made, **changed)

    def tell(self, manifest, officers, at=NOW):
        prepared = self.publisher.prepare_manifest(manifest, moment(at))
        for each in officers:
            add_signature(prepared, each)
        self.publisher.put(prepared)
        self.publisher.renew(self.online, moment(NOW))

    def look(self):
        return refresh(self.node, self.root, f"file://{self.feed}", FolderFetcher())


@pytest.fixture
def world(tmp_path):
    return World(tmp_path, 2)


def test_a_node_hears_what_an_authoritys_own_officers_signed(world):
    assert world.look().manifests == ()
    world.tell(world.manifest(), world.ministries[0].officers[:2])
    looked = world.look()
    assert (looked.manifests, looked.doubts) == ((world.manifest(),), ())
    assert looked.registry == world.registry


def test_nobody_else_speaks_for_an_authority(world):
    world.look()
    for officers in (world.ministries[0].officers[:1], world.ministries[1].officers, world.holders):
        world.tell(world.manifest(), officers)
        looked = world.look()
        assert [each.fault for each in looked.doubts] == [Fault.UNSIGNED]
        assert looked.registry == world.registry, "and that stops nothing else"


def test_a_manifest_that_says_it_is_anothers_is_doubted(world):
    prepared = world.publisher.prepare_manifest(world.manifest(), moment(NOW))
    stolen = manifest_json(world.manifest(1))
    with pytest.raises(Refused) as refused:
        read_manifest(stolen, "ministry-0")
    assert refused.value.fault is Fault.MIXED
    text = prepared_text(prepared).replace("appeal.example", "elsewhere.example")
    with pytest.raises(Refused) as refused:
        read_prepared(text.encode())
    assert refused.value.fault is Fault.TAMPERED


def test_an_expired_manifest_is_a_warning(world):
    world.tell(world.manifest(), world.ministries[0].officers[:2], NOW - 91 * DAY)
    looked = world.look()
    assert [each.fault for each in looked.doubts] == [Fault.FROZEN]
    assert looked.registry == world.registry


def test_a_withheld_manifest_is_doubted_and_stops_nothing(world):
    world.tell(world.manifest(), world.ministries[0].officers[:2])
    shutil.rmtree(world.feed / "targets" / "authorities")
    looked = world.look()
    assert [each.fault for each in looked.doubts] == [Fault.MIXED]
    assert looked.registry == world.registry


def test_an_older_manifest_is_a_rollback(world, tmp_path):
    world.tell(world.manifest(), world.ministries[0].officers[:2])
    shutil.copytree(world.feed, tmp_path / "old")
    world.tell(world.manifest(size=1), world.ministries[0].officers[:2])
    world.look()
    shutil.copy(tmp_path / "old/trust/1.authority-ministry-0.json", world.feed / "trust/2.authority-ministry-0.json")  # fmt: skip
    assert world.look().manifests[0].size == 1, "it has the newer one"
    shutil.rmtree(world.node)
    assert [each.fault for each in world.look().doubts] == [Fault.ROLLBACK]


def test_an_authority_that_has_ended_says_nothing_more(world):
    world.tell(world.manifest(), world.ministries[0].officers[:2])
    world.look()
    world.say(Registry(2, world.registry.authorities[1:]))
    looked = world.look()
    assert (looked.manifests, looked.doubts) == ((), ())


def test_seventy_authorities_speak_each_for_itself(tmp_path):
    world = World(tmp_path, 70)
    for at in range(70):
        prepared = world.publisher.prepare_manifest(world.manifest(at), moment(NOW))
        for each in world.ministries[at].officers[1:]:
            add_signature(prepared, each)
        world.publisher.put(prepared)
    world.publisher.renew(world.online, moment(NOW))
    looked = world.look()
    assert (len(looked.manifests), looked.doubts) == (70, ())


def test_officers_sign_one_after_the_other(world):
    above = newest(world.feed, "targets").signed
    handed = prepared_text(world.publisher.prepare_manifest(world.manifest(), moment(NOW)))
    for missing, officer in ((1, 0), (1, 0), (0, 2)):
        prepared = read_prepared(handed.encode())
        with pytest.raises(Refused, match="signatures missing"):
            check_signed(prepared, above)
        add_signature(prepared, world.ministries[0].officers[officer])
        assert signers_of(prepared, above).missing == missing
        handed = prepared_text(prepared)
    check_signed(read_prepared(handed.encode()), above)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"metadata":{},"files":{}}'])
def test_what_is_not_prepared_is_refused(data):
    with pytest.raises(Refused):
        read_prepared(data)


# What is found when a manifest is held against a log


@pytest.fixture
def ministry():
    return Ministry.new()


@pytest.fixture
def log(ministry, tmp_path):
    log = ministry.log(tmp_path / "log")
    log.append([ministry.sign(order())], LOGGED, "c0")
    log.append([ministry.sign(order("win.example", id="2026-2"))], LOGGED + 60, "c1")
    return log


def counting(log, *ids, more=()):
    entries = log.position.ledger.entries.values()
    orders = [
        Counted(e.order.id, e.digest, e.order.not_after) for e in entries if e.order.id in ids
    ]
    size, root = log.position.edge.size, log.position.edge.root
    return Manifest("ministry", ("Bộ", "M"), "x", size, root, (*orders, *more))


def findings(manifest, log, ministry):
    position = log.position
    judged = judge(position.ledger, ministry.registry, ANYTHING).values()
    return [(f.fault, f.order) for f in compare(manifest, position.ledger, position.time, judged)]


def test_a_log_that_has_all_that_was_ordered_raises_no_alarm(log, ministry):
    assert findings(counting(log, "2026-1", "2026-2"), log, ministry) == []


def test_an_order_that_the_log_leaves_out_is_an_alarm(log, ministry):
    omitted = Counted("2026-3", bytes(32), LOGGED + DAY)
    manifest = counting(log, "2026-1", "2026-2", more=(omitted,))
    assert findings(manifest, log, ministry) == [(Fault.OMITTED, "2026-3")]
    over = replace(omitted, not_after=LOGGED)
    manifest = counting(log, "2026-1", "2026-2", more=(over,))
    assert findings(manifest, log, ministry) == [], "it has ended"


def test_an_order_in_an_authoritys_name_that_it_does_not_count_is_an_alarm(log, ministry):
    assert findings(counting(log, "2026-1"), log, ministry) == [(Fault.UNCOUNTED, "2026-2")]


def test_a_revocation_that_the_log_leaves_out_is_an_alarm(log, ministry):
    manifest = counting(log, "2026-2")  # it revoked the first
    assert findings(manifest, log, ministry) == [(Fault.UNCOUNTED, "2026-1")]
    log.append([ministry.sign(Revocation("2026-1", "ministry", "no", LOGGED))], LOGGED + 90, "c2")
    assert findings(manifest, log, ministry) == []


def test_what_was_logged_after_a_manifest_is_not_its_matter(log, ministry):
    manifest = counting(log, "2026-1", "2026-2")
    log.append([ministry.sign(order("new.example", id="2026-3"))], LOGGED + 90, "c2")
    assert findings(manifest, log, ministry) == []


def test_a_manifest_is_read_back_or_refused(log):
    good = counting(log, "2026-1", "2026-2")
    value = manifest_json(good)
    assert read_manifest(value, "ministry") == good
    for change in (
        {"orders": [["x", "00", 1]]}, {"orders": [["x"]]}, {"root": "zz"}, {"contact": ""},
        {"names": {"vi": "x"}}, {"size": -1}, {"more": 1},
    ):  # fmt: skip
        with pytest.raises(Refused):
            read_manifest({**value, **change}, "ministry")
