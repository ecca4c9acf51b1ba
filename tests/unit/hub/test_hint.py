"""The hint that the trust root is another: by the real ceremony's files, and what nodes make of it."""

import json

import pytest

from filterd.feed.ceremony import Holders, Publisher, moment, new_root
from filterd.feed.events import EventReader, Hinted, read_pushed
from filterd.feed.manifest import Manifest
from filterd.feed.policy import Policy
from filterd.feed.prepared import add_signature
from filterd.feed.trust import FolderFetcher, refresh
from filterd.hub.hint import Hint, read_hint
from tests.support.ministry import Ministry, signer


class Keepers:
    """Those who hold the keys of a feed's trust root."""

    def __init__(self, folder, now):
        self.feed, self.now = folder / "feed", now
        self.holders, self.online = [signer(), signer()], signer()
        self.ministry = Ministry.new(not_after=now + 10**6)
        self.publisher = Publisher(self.feed)
        self.root = self.new_root()
        self.publisher.put_root(self.root)
        self.put()

    def new_root(self, before=b""):
        keys = Holders(tuple(each.public_key for each in self.holders), 2)
        alone = Holders((self.online.public_key,), 1)
        roles = {"root": keys, "targets": keys, "snapshot": alone, "timestamp": alone}
        return new_root(roles, self.holders, moment(self.now), before)

    def put(self, *, renewed=True):
        policy = Policy(1, self.ministry.log_key, "canary.example")
        self.publisher.put_targets(self.ministry.registry, policy, self.holders, moment(self.now))
        if renewed:
            self.renew()

    def renew(self):
        self.publisher.renew(self.online, moment(self.now))


@pytest.fixture
def keepers(tmp_path, now):
    return Keepers(tmp_path, now)


@pytest.fixture
def now():
    return 4_000_000_000  # TUF reads the clock itself


def test_a_new_signature_of_what_is_newest_is_no_other_hint(keepers):
    first = read_hint(keepers.feed, Hint())
    assert first.text == "1.1"
    for _ in range(3):
        keepers.renew()
        again = read_hint(keepers.feed, first)
        assert (again.text, again.stamp == first.stamp) == ("1.1", False)
    assert read_hint(keepers.feed, again) == again


def test_an_authority_s_own_word_is_no_other_hint(keepers):
    first = read_hint(keepers.feed, Hint())
    manifest = Manifest("ministry", ("Bộ", "M"), "x", 0, bytes(32), ())
    prepared = keepers.publisher.prepare_manifest(manifest, moment(keepers.now))
    for officer in keepers.ministry.officers[:2]:
        add_signature(prepared, officer)
    keepers.publisher.put(prepared)
    keepers.renew()
    assert len(list(keepers.feed.glob("trust/*.authority-ministry.json"))) == 1
    assert read_hint(keepers.feed, first).text == "1.1"


def test_another_registry_is_another_hint_once_the_timestamp_leads_to_it(keepers):
    first = read_hint(keepers.feed, Hint())
    keepers.put(renewed=False)
    assert read_hint(keepers.feed, first).text == "1.1"
    keepers.renew()
    assert read_hint(keepers.feed, first).text == "1.2"


def test_a_new_root_is_another_hint_at_once(keepers):
    first = read_hint(keepers.feed, Hint())
    keepers.publisher.put_root(keepers.new_root(keepers.root))
    second = read_hint(keepers.feed, first)
    assert second.text == "2.1"
    assert read_hint(keepers.feed, Hint()).text == "2.1", "for a process that begins, too"


def test_a_node_that_has_looked_knows_the_word_itself(keepers, tmp_path):
    keepers.publisher.put_root(keepers.new_root(keepers.root))
    keepers.put()
    trust = refresh(tmp_path / "node", keepers.root, f"file://{keepers.feed}", FolderFetcher())
    assert trust.word == read_hint(keepers.feed, Hint()).text == "2.2"


def test_a_node_reads_the_event(keepers):
    hint = read_hint(keepers.feed, Hint())
    (event,) = EventReader().feed(hint.event())
    assert (read_pushed(event), event.id) == (Hinted("1.1"), "")
    reader = EventReader()
    reader.feed(b"id: 7\nevent: checkpoint\ndata: {}\n\n")
    (event,) = reader.feed(hint.event())
    assert event.id == "7", "it leaves the size of the log as it was"


def test_where_there_is_no_trust_root_nothing_is_hinted(tmp_path):
    assert read_hint(tmp_path, Hint()) == Hint()
    assert Hint().text == ""


@pytest.mark.parametrize("name", ["timestamp.json", "2.snapshot.json"])
def test_what_is_damaged_changes_nothing_and_is_said_once(keepers, caplog, name):
    first = read_hint(keepers.feed, Hint())
    keepers.put()
    path = keepers.feed / "trust" / name
    good = path.read_bytes()
    other = (keepers.feed / "trust" / "1.targets.json").read_bytes()
    for damaged in (good[:-9], b"", b"\xff", other, json.dumps({"signed": 1}).encode()):
        caplog.clear()
        path.write_bytes(damaged)
        found = read_hint(keepers.feed, first)
        assert found.text == "1.1"
        assert read_hint(keepers.feed, found) == found
        assert len(caplog.records) == 1, damaged
    (keepers.feed / "trust" / "timestamp.json").unlink()
    assert read_hint(keepers.feed, first) == first
