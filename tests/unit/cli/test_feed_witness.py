"""A witness signs only what continues what it saw, whatever the log's keeper does."""

import pytest

from filterd.cli.main import main
from filterd.feed.checkpoint import split_note


class World:
    """A feed with a witness in its policy, worked on by commands only."""

    def __init__(self, folder, capsys):
        self.folder, self.feed, self.capsys = folder, folder / "feed", capsys
        for name in ("one", "two", "online", "log", "witness"):
            self.run("authority", "key", self.key(name))
        self.begin(self.feed)
        named = f"witness.example/1={self.key('witness')}.pub"
        self.put("--witness", named, "--cosigned", 1)

    def begin(self, feed):
        self.run(
            "authority", "init", feed, "--root-key", self.key("one"), "--root-key", self.key("two"),
            "--online-key", self.key("online"), "--log-key", self.key("log"),
            "--origin", "log.example/orders", "--canaries", "canary.example",
        )  # fmt: skip

    def put(self, *words):
        keys = ("--targets-key", self.key("one"), "--targets-key", self.key("two"))
        self.run("authority", "put", self.feed, *words, *keys, "--online-key", self.key("online"))

    def key(self, name):
        return self.folder / f"{name}.pem"

    def run(self, *words, code=0):
        done = main([str(each) for each in words])
        told = self.capsys.readouterr()
        assert done == code, (words, told.out, told.err)
        return told.out + told.err

    def renew(self, key="log"):
        self.run(
            "authority", "renew", self.feed, "--online-key", self.key("online"), "--log-key", self.key(key)
        )  # fmt: skip

    def witness(self, *words, code=0):
        return self.run(
            "feed", "witness", self.feed, "--root", self.feed / "trust" / "1.root.json", "--key",
            self.key("witness"), "--name", "witness.example/1", "--state", self.folder / "seen", *words,
            code=code,
        )  # fmt: skip

    @property
    def signers(self):
        note = (self.feed / "checkpoint").read_bytes()
        return [name for name, _, _ in split_note(note)[1]]


@pytest.fixture
def world(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FILTERD_PASSPHRASE", "a passphrase of tests")
    return World(tmp_path, capsys)


def test_it_cosigns_what_continues_what_it_saw(world):
    assert world.signers == ["log.example/orders"]
    world.witness()
    assert world.signers == ["log.example/orders", "witness.example/1"]
    world.witness()
    assert len(world.signers) == 2
    world.renew()
    assert len(world.signers) == 1, "another checkpoint"
    world.witness()
    assert len(world.signers) == 2


def test_it_does_not_cosign_an_older_checkpoint(world):
    old = (world.feed / "checkpoint").read_bytes()
    path = world.feed / "checkpoint"
    at = int(old.decode().split("time ")[1].split()[0])
    world.witness()
    world.folder.joinpath("kept").write_bytes(old)
    # The keeper renews at a later second, and shows the first one again.
    while int(path.read_text().split("time ")[1].split()[0]) == at:
        world.renew()
    world.witness()
    path.write_bytes(old)
    assert "here are" in world.witness(code=2)
    assert len(world.signers) == 1


def test_it_goes_on_when_the_log_has_another_key(world):
    world.witness()
    world.run("authority", "key", world.key("log-2"))
    world.put("--new-log-key", world.key("log-2"))
    world.witness()
    assert len(world.signers) == 2
    world.renew("log-2")
    world.witness()
    assert len(world.signers) == 2


def test_what_was_cosigned_elsewhere_is_gathered(world):
    cosigned = world.folder / "cosigned"
    world.witness("-o", cosigned)
    assert len(world.signers) == 1
    assert "cosigned as the policy wants it" in world.run("feed", "cosign", world.feed, cosigned)
    assert len(world.signers) == 2
    world.renew()
    (world.folder / "nothing").write_bytes((world.feed / "checkpoint").read_bytes())
    told = world.run("feed", "cosign", world.feed, world.folder / "nothing", code=1)
    assert "not yet" in told


def test_a_feed_on_the_network_needs_a_file_to_write(world):
    told = world.run(
        "feed", "witness", "https://feed.example/filterd", "--root", world.feed / "trust" / "1.root.json",
        "--key", world.key("witness"), "--name", "w", "--state", world.folder / "seen", code=2,
    )  # fmt: skip
    assert "-o FILE" in told
