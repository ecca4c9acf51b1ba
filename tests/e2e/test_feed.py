"""The ministry's loop by its commands: keys, an order of two officers, a node that enforces it."""

import http.server
import json
import shutil
import threading
import time
from contextlib import contextmanager
from functools import partial

import pytest

from tests.support.command import command
from tests.support.dnsclient import data_of, ede_of
from tests.support.node import eventually, node

pytestmark = pytest.mark.real
SECRET = {"FILTERD_PASSPHRASE": "a passphrase of tests"}


class Ministry:
    """A folder of keys and a feed, worked on by commands only; their being processes is shown by
    `test_ministry_page.py`."""

    def __init__(self, folder):
        self.folder = folder
        self.feed = folder / "feed"
        self.serial = 0
        for name in ("one", "two", "three", "online", "log"):
            self.run("authority", "key", self.key(name))
        self.describe()
        self.run(
            "authority", "init", self.feed, "--root-key", self.key("one"),
            "--root-key", self.key("two"), "--online-key", self.key("online"),
            "--log-key", self.key("log"), "--origin", "log.example/orders",
            "--canaries", "canary.example", "--authority", folder / "moet.json",
        )  # fmt: skip

    def key(self, name):
        return self.folder / f"{name}.pem"

    def run(self, *words, code=0):
        done = command(*map(str, words), environ=SECRET)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def describe(self, *more, officers=("one", "two", "three")):
        keys = [word for name in officers for word in ("--officer", f"{self.key(name)}.pub")]
        self.run(
            "authority", "describe", "moet", "--name", "Ministry", *keys, "--legal-basis",
            "decree-147", "--category", "gambling", *more, "-o", self.folder / "moet.json",
        )  # fmt: skip

    def order(self, *names, by=("one", "two"), lasts="30d", urgent=False, **changed):
        self.serial += 1
        ident, file = f"2026-{self.serial}", self.folder / f"{self.serial}.json"
        words = {"--legal-basis": "decree-147", "--category": "gambling", **changed}
        given = [word for name in names for word in ("--subtree", name)]
        self.run(
            "order", "new", ident, "--authority", "moet", "--reference", f"{self.serial}/QD",
            *(word for pair in words.items() for word in pair), *given, "--for", lasts, "-o", file,
            *(["--urgent"] if urgent else []),
        )  # fmt: skip
        return self.signed(ident, file, by)

    def end(self, ident, by=("one", "two"), word="revoke"):
        file = self.folder / f"{word}-{ident}.json"
        reason = ("--reason", "a mistake")
        self.run("order", word, ident, "--authority", "moet", *reason, "-o", file)
        return self.signed(ident, file, by)

    def put(self, *words):
        keys = ("--targets-key", self.key("one"), "--targets-key", self.key("two"))
        self.run("authority", "put", self.feed, *keys, "--online-key", self.key("online"), *words)

    def signed(self, ident, file, by):
        for name in by:
            self.run("order", "sign", file, "--key", self.key(name))
        return ident, file

    @property
    def segments(self):
        return len(list(self.feed.glob("log/*/*/*.zst")))

    def publish(self, *files, code=0):
        return self.run(
            "order", "publish", self.feed, *files, "--log-key", self.key("log"), code=code
        )


@contextmanager
def served(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            """Tests say what they want to."""

    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def ministry(tmp_path_factory):
    return Ministry(tmp_path_factory.mktemp("ministry"))


@pytest.fixture(scope="module")
def settings(resolver, ministry):
    return {
        "upstream": {"servers": [f"127.0.0.1:{resolver.port}"]},
        "default_group": "g",
        "groups": {"g": {"age": 18}},
        "feed": {"root": str(ministry.feed / "trust" / "1.root.json"), "poll": "300ms"},
    }


@pytest.fixture(scope="module", params=["http", "file"])
def running(request, tmp_path_factory, ministry, settings):
    with served(ministry.feed) as url:
        feed = settings["feed"] | {
            "url": url if request.param == "http" else f"file://{ministry.feed}"
        }
        with node(tmp_path_factory.mktemp("node"), settings | {"feed": feed}) as one:
            yield one


def receipt_of(one):
    file = one.state / "feed" / "receipt.json"
    return json.loads(file.read_text())["receipt"] if file.exists() else {"size": 0}


def is_blocked(one, name):
    return ede_of(one.ask(name)) == 16


def test_an_order_of_two_officers_is_enforced_and_its_revocation_too(running, ministry):
    assert data_of(running.ask("bad.example.com")) == ["192.0.2.66"]
    ident, file = ministry.order("bad.example.com")
    assert "good" in ministry.run("order", "verify", file, "--feed", ministry.feed)
    ministry.publish(file)
    began = time.monotonic()
    assert eventually(lambda: is_blocked(running, "bad.example.com"))
    assert is_blocked(running, "below.bad.example.com")
    assert time.monotonic() - began < 5
    assert data_of(running.ask("www.example.com")) == ["192.0.2.1"], "and nothing else"
    assert eventually(lambda: receipt_of(running)["size"] == ministry.segments)
    receipt = receipt_of(running)
    assert receipt["received_at"] <= receipt["applied_at"] <= receipt["observed_at"]
    assert running.metric("filterd_feed_segments") == ministry.segments
    assert 0 <= running.metric("filterd_feed_age_seconds") < 60
    ministry.publish(ministry.end(ident)[1])
    assert eventually(lambda: not is_blocked(running, "bad.example.com"))
    assert data_of(running.ask("bad.example.com")) == ["192.0.2.66"]


def test_one_officer_orders_nothing(running, ministry):
    _, file = ministry.order("games.example.com", by=("one",))
    said = ministry.run("order", "verify", file, "--feed", ministry.feed, code=1)
    assert "unsigned" in said
    ministry.publish(file, code=2)
    ministry.publish(ministry.order("other.example.com")[1])
    assert eventually(lambda: is_blocked(running, "other.example.com"))
    assert not is_blocked(running, "games.example.com")


def test_an_order_outside_of_the_mandate_is_not_published(ministry):
    _, file = ministry.order("games.example.com", **{"--category": "news"})
    assert "out-of-scope" in ministry.run("order", "verify", file, "--feed", ministry.feed, code=1)
    assert "mandate" in ministry.publish(file, code=2)


def test_an_order_against_a_public_suffix_is_too_broad(ministry):
    for name in ("com", "com.vn", "chinhphu.vn"):
        _, file = ministry.order(name)
        said = ministry.run("order", "verify", file, "--feed", ministry.feed, code=1)
        assert "too-broad" in said, name


def test_a_feed_goes_by_a_stick(tmp_path, ministry, settings):
    ministry.publish(ministry.order("cloak.example.com")[1])
    stick, folder = tmp_path / "stick.tar", tmp_path / "carried"
    ministry.run("feed", "export", ministry.feed, stick)
    ministry.run("feed", "import", stick, folder)
    feed = settings["feed"] | {"url": f"file://{folder}"}
    with node(tmp_path / "node", settings | {"feed": feed}) as one:
        assert eventually(lambda: is_blocked(one, "cloak.example.com"))
        told = json.loads(one.run("feed", "status", "--json").stdout)
        assert (told["segments"], told["problem"]) == (ministry.segments, None)


def test_what_is_in_force_survives_a_restart_without_the_feed(tmp_path, ministry, settings):
    ministry.publish(ministry.order("chain.example.com")[1])
    with served(ministry.feed) as url:
        feed = settings["feed"] | {"url": url}
        with node(tmp_path, settings | {"feed": feed}) as one:
            assert eventually(lambda: is_blocked(one, "chain.example.com"))
    with node(tmp_path, settings | {"feed": feed}) as again:
        assert eventually(lambda: is_blocked(again, "chain.example.com"))
        assert eventually(lambda: "stays in force" in again.log, seconds=60)


def test_an_order_ends_by_itself_without_a_network(tmp_path, ministry, settings):
    with served(ministry.feed) as url:
        feed = settings["feed"] | {"url": url}
        with node(tmp_path, settings | {"feed": feed}) as one:
            ministry.publish(ministry.order("www.example.com", lasts="8s")[1])
            assert eventually(lambda: is_blocked(one, "www.example.com"))
            served_until = ministry.feed.rename(ministry.feed.with_name("away"))
            try:
                assert eventually(lambda: not is_blocked(one, "www.example.com"))
                assert data_of(one.ask("www.example.com")) == ["192.0.2.1"]
                assert one.alive
            finally:
                served_until.rename(ministry.feed)


def test_a_node_begins_with_a_snapshot_and_has_it_in_force_at_the_next_start(
    tmp_path, ministry, settings
):
    names = [f"snapshot{number}.example.com" for number in range(40)]
    files = [ministry.order(*names[at : at + 20])[1] for at in (0, 20)]
    for file in files:
        ministry.publish(file)
    log_key = ("--log-key", ministry.key("log"))
    assert "patterns" in ministry.run("feed", "snapshot", ministry.feed, *log_key)
    stick, folder = tmp_path / "stick.tar", tmp_path / "carried"
    ministry.run("feed", "export", ministry.feed, stick)
    ministry.run("feed", "import", stick, folder)
    shutil.rmtree(folder / "log")  # a mirror needs nothing from before it
    feed = settings["feed"] | {"url": f"file://{folder}"}
    with node(tmp_path / "node", settings | {"feed": feed}) as one:
        assert eventually(lambda: is_blocked(one, names[0]), seconds=60)
        assert all(is_blocked(one, f"www.{name}") for name in names)
        assert f"begun with the snapshot of {ministry.segments} segments" in one.log
    shutil.rmtree(folder)
    with node(tmp_path / "node", settings | {"feed": feed}) as again:
        assert is_blocked(again, names[-1]), "with the first question"
