"""The trust root, by python-tuf itself against a folder: what is believed and what is refused."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.feed.ceremony import Further, Holders, Publisher, moment, new_root
from filterd.feed.media import MediaSet
from filterd.feed.never import NeverList
from filterd.feed.policy import Policy
from filterd.feed.refusal import Fault, Refused
from filterd.feed.standing import read_standing
from filterd.feed.trust import FolderFetcher, Trust, recall, refresh, remember
from filterd.model.order import Registry
from tests.support.ministry import Ministry, signer

NOW = int(time.time())  # TUF reads the clock itself


class Keepers:
    """Three holders, two of whom must sign, and a feed."""

    def __init__(self, folder):
        self.feed = folder / "feed"
        self.holders = [signer() for _ in range(3)]
        self.online = signer()
        self.ministry = Ministry.new()
        self.publisher = Publisher(self.feed)
        self.root = new_root(self.roles(), self.holders[:2], moment(NOW))
        self.publisher.put_root(self.root)
        self.policy = Policy(1, self.ministry.log_key, "canary.example")
        self.say(self.ministry.registry)

    def roles(self, holders=None):
        keys = tuple(each.public_key for each in holders or self.holders)
        offline, online = Holders(keys, 2), Holders((self.online.public_key,), 1)
        return {"root": offline, "targets": offline, "snapshot": online, "timestamp": online}

    def say(self, registry, signers=None, at=NOW, **further):
        self.publisher.put_targets(
            registry, self.policy, signers or self.holders[:2], moment(at), Further(**further)
        )
        self.publisher.renew(self.online, moment(at))

    @property
    def trust(self):
        return Trust(self.ministry.registry, self.policy)


@pytest.fixture
def keepers(tmp_path):
    return Keepers(tmp_path)


@pytest.fixture
def look(keepers, tmp_path):
    def refreshed(root=None):
        url = f"file://{keepers.feed}"
        return refresh(tmp_path / "node", root or keepers.root, url, FolderFetcher())

    return refreshed


def refused(look, fault):
    with pytest.raises(Refused) as refusal:
        look()
    assert refusal.value.fault is fault, refusal.value


def restore(feed, kept):
    shutil.rmtree(feed)
    shutil.copytree(kept, feed)


def test_a_node_believes_what_two_holders_signed(keepers, look):
    assert look() == keepers.trust == read_standing(keepers.feed)
    newer = replace(keepers.ministry.registry, version=2, authorities=())
    keepers.say(newer)
    assert look().registry == newer


def test_one_signature_is_refused(keepers, look):
    look()
    keepers.say(Registry(2, ()), signers=keepers.holders[:1])
    refused(look, Fault.UNSIGNED)


def test_strangers_signatures_are_refused(keepers, look):
    keepers.say(Registry(2, ()), signers=[signer(), signer()])
    refused(look, Fault.UNSIGNED)


def test_rollback_of_the_trust_root_is_refused(keepers, look, tmp_path):
    shutil.copytree(keepers.feed, tmp_path / "old")
    keepers.say(Registry(2, ()))
    look()
    restore(keepers.feed, tmp_path / "old")
    refused(look, Fault.ROLLBACK)


def test_a_frozen_trust_root_is_refused(keepers, look):
    keepers.say(Registry(2, ()), at=NOW - 3 * 3600)
    refused(look, Fault.FROZEN)


def test_parts_of_two_states_are_refused(keepers, look, tmp_path):
    shutil.copytree(keepers.feed, tmp_path / "old")
    keepers.say(Registry(2, ()))
    for file in (keepers.feed / "trust").glob("2.targets.json"):
        shutil.copy(tmp_path / "old" / "trust" / "1.targets.json", file)
    with pytest.raises(Refused) as refusal:
        look()
    assert refusal.value.fault in {Fault.MIXED, Fault.ROLLBACK}


def test_a_changed_registry_is_refused(keepers, look):
    for file in (keepers.feed / "targets").glob("*.registry.json"):
        file.write_bytes(file.read_bytes().replace(b"Ministry", b"Mimistry"))
    refused(look, Fault.MIXED)


def test_endless_metadata_is_refused(keepers, look):
    with (keepers.feed / "trust" / "timestamp.json").open("ab") as file:
        file.write(b" " * 100_000)
    refused(look, Fault.TOO_LARGE)


def test_a_missing_feed_is_not_a_refusal(keepers, look):
    shutil.rmtree(keepers.feed)
    with pytest.raises(OSError, match="trust"):
        look()


def test_root_keys_are_handed_over_by_old_and_new_holders(keepers, look):
    look()
    new = [signer() for _ in range(3)]
    alone = new_root(keepers.roles(new), new[:2], moment(NOW), before=keepers.root)
    keepers.publisher.put_root(alone)
    refused(look, Fault.UNSIGNED)
    (keepers.feed / "trust" / "2.root.json").unlink()
    signers = [*keepers.holders[:2], *new[:2]]
    root = new_root(keepers.roles(new), signers, moment(NOW), before=keepers.root)
    keepers.publisher.put_root(root)
    refused(look, Fault.UNSIGNED)  # targets are still signed by those who hold them no more
    keepers.say(keepers.ministry.registry, signers=new[:2])
    assert look() == keepers.trust, "from the root that was shipped, over the hand-over"


def test_a_root_that_does_not_follow_is_not_published(keepers):
    with pytest.raises(ValueError, match="cannot follow"):
        keepers.publisher.put_root(keepers.root)


def test_what_was_believed_is_there_without_a_network(keepers, tmp_path):
    file = tmp_path / "trust.json"
    assert recall(file) is None
    remember(file, keepers.trust)
    assert recall(file) == keepers.trust
    for damage in (b"", b"{}", file.read_bytes()[:-2]):
        file.write_bytes(damage)
        with pytest.raises(Refused):
            recall(file)


def test_what_is_for_the_http_filter_is_believed_and_kept_with_the_rest(keepers, look, tmp_path):
    never, media = NeverList(2, ("bank.example",)), (MediaSet("national", 7, 1000, "ab" * 32),)
    keepers.say(keepers.ministry.registry, never=never, media=media)
    trust, file = look(), tmp_path / "trust.json"
    assert (trust.never, trust.media) == (never, media)
    assert trust == keepers.trust, "orders need not be judged anew for it"
    standing = read_standing(keepers.feed)
    assert (standing.never, standing.media) == (never, media)
    remember(file, trust)
    found = recall(file)
    assert (found.never, found.media) == (never, media)
    file.write_bytes(file.read_bytes().replace(b"bank.example", b"bank..exampl"))
    with pytest.raises(Refused):
        recall(file)


@pytest.mark.parametrize("name", ["never-decrypt", "media"])
def test_a_changed_list_for_the_http_filter_is_refused(keepers, look, name):
    never, media = NeverList(2, ("bank.example",)), (MediaSet("national", 7, 1000, "ab" * 32),)
    keepers.say(keepers.ministry.registry, never=never, media=media)
    for file in (keepers.feed / "targets").glob(f"*.{name}.json"):
        file.write_bytes(file.read_bytes().replace(b"7", b"8").replace(b"bank", b"rank"))
    refused(look, Fault.MIXED)


def test_a_list_that_one_holder_signed_is_refused(keepers, look):
    look()
    never = NeverList(2, ("bank.example",))
    keepers.say(keepers.ministry.registry, signers=keepers.holders[:1], never=never)
    refused(look, Fault.UNSIGNED)


def test_a_folder_that_is_no_feed_is_told(tmp_path):
    with pytest.raises(Refused, match="no feed"):
        read_standing(Path(tmp_path))
