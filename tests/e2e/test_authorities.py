"""An authority's own word and a witness, held against a log by a real node."""

import pytest

from filterd.cli.main import main
from filterd.control.client import call
from tests.support.dnsclient import ede_of
from tests.support.node import eventually, node

pytestmark = pytest.mark.real


class Ministry:
    """A folder of keys and a feed, worked on by commands only; two officers hold the root as well."""

    def __init__(self, folder):
        self.folder, self.feed = folder, folder / "feed"
        for name in ("one", "two", "online", "log", "witness"):
            self.run("authority", "key", self.key(name))
        self.run(
            "authority", "describe", "moet", "--name", "Ministry", "--officer", f"{self.key('one')}.pub",
            "--officer", f"{self.key('two')}.pub", "--legal-basis", "decree-147", "--category",
            "gambling", "-o", folder / "moet.json",
        )  # fmt: skip
        self.run(
            "authority", "init", self.feed, "--root-key", self.key("one"), "--root-key", self.key("two"),
            "--online-key", self.key("online"), "--log-key", self.key("log"), "--origin",
            "log.example/orders", "--canaries", "canary.example", "--authority", folder / "moet.json",
        )  # fmt: skip

    @property
    def root(self):
        return self.feed / "trust" / "1.root.json"

    def key(self, name):
        return self.folder / f"{name}.pem"

    def run(self, *words, code=0):
        assert main([str(each) for each in words]) == code, words

    def order(self, name):
        file = self.folder / f"{name}.json"
        self.run(
            "order", "new", name, "--authority", "moet", "--reference", name, "--legal-basis",
            "decree-147", "--category", "gambling", "--subtree", name, "--for", "30d", "-o", file,
        )  # fmt: skip
        for officer in ("one", "two"):
            self.run("order", "sign", file, "--key", self.key(officer))
        return file

    def publish(self, file):
        self.run("order", "publish", self.feed, file, "--log-key", self.key("log"))

    def count(self, *files):
        said = self.folder / "said.json"
        orders = [word for file in files for word in ("--order", file)]
        names = ("--vi", "Bộ", "--en", "Ministry", "--contact", "https://appeal.example")
        self.run("authority", "manifest", self.feed, "moet", *names, *orders, "-o", said)
        keys = ("--key", self.key("one"), "--key", self.key("two"))
        self.run("authority", "sign", said, *keys)
        self.run("authority", "finish", self.feed, said, "--online-key", self.key("online"))

    def want_witness(self):
        named = f"witness.example/1={self.key('witness')}.pub"
        self.run(
            "authority", "put", self.feed, "--witness", named, "--cosigned", 1, "--targets-key",
            self.key("one"), "--targets-key", self.key("two"), "--online-key", self.key("online"),
        )  # fmt: skip

    def witness(self):
        self.run(
            "feed", "witness", self.feed, "--root", self.root, "--key", self.key("witness"),
            "--name", "witness.example/1", "--state", self.folder / "seen",
        )  # fmt: skip


@pytest.fixture
def ministry(tmp_path, monkeypatch):
    monkeypatch.setenv("FILTERD_PASSPHRASE", "a passphrase of tests")
    return Ministry(tmp_path)


@pytest.fixture
def settings(resolver, ministry):
    return {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "default_group": "g",
        "groups": {"g": {"age": 18}},
        "feed": {"root": str(ministry.root), "poll": "300ms", "url": f"file://{ministry.feed}"},
    }


def is_blocked(one, name):
    return ede_of(one.ask(name)) == 16


def told(one):
    """What `filterd feed status` asks for; test_feed_http.py runs it."""
    return call(one.folder / "control.sock", "feed-status")


def test_a_node_tells_what_the_log_leaves_out_and_waits_for_the_witness(
    tmp_path, ministry, settings
):
    first, second = ministry.order("bad.example.com"), ministry.order("games.example.com")
    ministry.publish(first)
    ministry.count(first, second)
    ministry.want_witness()
    ministry.witness()
    with node(tmp_path / "node", settings) as one:
        assert eventually(lambda: is_blocked(one, "bad.example.com"))
        assert eventually(lambda: one.metric("filterd_feed_omitted_orders") == 1)
        assert one.metric("filterd_feed_manifests") == 1
        (alarm,) = told(one)["alarms"]
        assert "games.example.com" in alarm
        assert one.log.count("feed: alarm") == 1
        # The keeper logs it after all; before its witness has seen that, nothing changes.
        ministry.publish(second)
        assert eventually(lambda: "witnesses" in (told(one)["problem"] or ""))
        assert not is_blocked(one, "games.example.com")
        assert is_blocked(one, "bad.example.com")
        ministry.witness()
        assert eventually(lambda: is_blocked(one, "games.example.com"))
        assert eventually(lambda: one.metric("filterd_feed_omitted_orders") == 0)
        assert eventually(lambda: told(one)["problem"] is None)
        assert told(one)["alarms"] == []
