"""Sets of hashes on a node: what the trust root names is there, and nothing goes back."""

import asyncio
import hashlib
from types import SimpleNamespace

import pytest

from filterd.app.feed_state import Feed
from filterd.app.media_sets import MediaSets
from filterd.config.feed import FeedConfig
from filterd.feed.media import MediaSet
from filterd.feed.refusal import Fault
from filterd.feed.remote import pieces_from_folder
from filterd.http.media.compiling import write_set
from filterd.http.media.head import Head, Severity
from filterd.http.media.importing import own_entry


class World:
    """A feed's folder with sets, and a node that keeps them; what is signed is `signed`."""

    def __init__(self, folder):
        self.feed_folder, self.state = folder / "feed", folder / "state"
        (self.feed_folder / "targets/media").mkdir(parents=True)
        (self.state / "feed").mkdir(parents=True)
        self.pieces = pieces_from_folder(f"file://{self.feed_folder}")
        self.http = SimpleNamespace(on=True, media=SimpleNamespace(on=True))
        self.start()

    def start(self):
        self.feed = Feed(FeedConfig(), self.state / "feed")
        node = SimpleNamespace(
            config=SimpleNamespace(http=self.http), paths=SimpleNamespace(state=self.state)
        )
        self.kept = MediaSets(node, self.feed)

    def make(self, epoch, ident="national", *, head=None):
        file = self.feed_folder / "new.set"
        said = Head(head or ident, "source", epoch, Severity.ILLEGAL, 1000 + epoch, 2_000_000_000)
        write_set(file, said, [own_entry()])
        data = file.read_bytes()
        one = MediaSet(ident, epoch, len(data), hashlib.sha256(data).hexdigest())
        file.replace(self.feed_folder / one.path)
        return one

    def step(self, *signed):
        self.feed.trust = SimpleNamespace(media=signed)
        return asyncio.run(self.kept.step(self.pieces))

    @property
    def there(self):
        folder = self.state / "http/media"
        return {path.name: path.read_bytes() for path in folder.glob("*")}

    def file(self, one):
        return self.feed_folder / one.path


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_set_is_there_and_a_newer_one_in_its_place(world):
    one, two = world.make(1), world.make(2)
    assert world.step(one)
    assert world.there == {"national.feed.set": world.file(one).read_bytes()}
    assert world.step(two)
    assert world.there == {"national.feed.set": world.file(two).read_bytes()}


def test_an_epoch_never_goes_back_not_even_after_the_set_was_gone(world):
    one, two = world.make(1), world.make(2)
    assert world.step(two)
    assert not world.step(one)
    assert world.feed.faults[Fault.ROLLBACK] == 1
    assert world.there == {"national.feed.set": world.file(two).read_bytes()}
    assert world.step()
    assert world.there == {}
    world.start()
    assert not world.step(one)
    assert "epoch 1 after 2" in world.feed.media["national"]
    assert world.there == {}
    assert world.step(two)


def test_one_that_says_to_be_another_is_refused(world):
    bad, good = world.make(1, "national", head="other"), world.make(1, "partner")
    assert not world.step(bad, good)
    assert world.feed.faults[Fault.MIXED] == 1
    assert list(world.there) == ["partner.feed.set"], "and stops no other"
    assert list(world.feed.media) == ["national"]


def test_one_that_is_signed_and_no_set_at_all_is_refused(world):
    data = b"no set"
    bad = MediaSet("national", 1, len(data), hashlib.sha256(data).hexdigest())
    world.file(bad).write_bytes(data)
    assert not world.step(bad)
    assert world.feed.faults[Fault.MALFORMED] == 1
    assert world.there == {}


def test_what_was_changed_here_is_fetched_again_at_the_next_start(world):
    one = world.make(1)
    assert world.step(one)
    file = world.state / "http/media/national.feed.set"
    file.write_bytes(b"changed")
    world.start()
    assert world.step(one)
    assert file.read_bytes() == world.file(one).read_bytes()


@pytest.mark.parametrize("off", ["filter", "media"])
def test_where_it_is_off_nothing_is_fetched_and_nothing_stays(world, off):
    one = world.make(1)
    assert world.step(one)
    (world.state / "http/media/own.set").write_bytes(b"by hand")
    if off == "filter":
        world.http.on = False
    else:
        world.http.media.on = False
    assert world.step(one)
    assert list(world.there) == ["own.set"]


def test_without_a_trust_root_what_is_there_stays(world):
    one = world.make(1)
    assert world.step(one)
    world.start()
    assert asyncio.run(world.kept.step(world.pieces))
    assert list(world.there) == ["national.feed.set"]


def test_what_was_begun_of_a_set_that_is_gone_is_deleted(world):
    one, two = world.make(1), world.make(2)
    folder = world.state / "http/media"
    folder.mkdir(parents=True)
    (folder / f"{one.sha256}.part").write_bytes(b"begun")
    assert world.step(two)
    assert list(world.there) == ["national.feed.set"]


def test_a_damaged_memory_of_epochs_is_begun_anew(world, caplog):
    one = world.make(1)
    (world.state / "feed/media-epochs.json").write_bytes(b"damaged")
    assert world.step(one)
    assert "begun anew" in caplog.text
    assert list(world.there) == ["national.feed.set"]


def test_a_set_that_is_missing_is_told_once_and_had_later(world, caplog):
    one = world.make(1)
    kept = world.file(one).read_bytes()
    world.file(one).unlink()
    assert not world.step(one)
    assert not world.step(one)
    assert sum("cannot be had" in each.message for each in caplog.records) == 1
    world.file(one).write_bytes(kept)
    assert world.step(one)
    assert world.feed.media == {}


def test_one_that_trickles_in_is_taken_up_again_and_stops_no_other(world, monkeypatch):
    monkeypatch.setattr("filterd.app.media_sets.PATIENCE", 0.3)
    slow, good = world.make(1), world.make(1, "partner")
    whole, pieces = world.file(slow).read_bytes(), world.pieces
    asked = []

    async def trickling(path, start):
        if path != slow.path or asked:
            asked.extend([start] if path == slow.path else [])
            async for each in pieces(path, start):
                yield each
            return
        asked.append(start)
        yield 0, whole[:10]
        await asyncio.sleep(60)

    world.pieces = trickling
    assert not world.step(slow, good)
    assert "taken up again" in world.feed.media["national"]
    assert "partner.feed.set" in world.there
    assert world.step(slow, good)
    assert asked == [0, 10]
    assert world.there["national.feed.set"] == whole
