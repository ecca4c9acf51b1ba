"""What goes wrong at a ceremony is refused before anything is published, and says what to do."""

import pytest

from filterd.cli.main import main
from filterd.feed.standing import newest, read_manifest_of, read_standing
from tests.support.softhsm import soft_token

SECRET = "a passphrase of tests"


class Table:
    """A folder of keys and files, worked on by commands only."""

    def __init__(self, folder, capsys):
        self.folder, self.capsys = folder, capsys
        self.feed = folder / "feed"

    def run(self, *words, code=0):
        done = main([str(each) for each in words])
        told = self.capsys.readouterr()
        assert done == code, (words, told.out, told.err)
        return told.out + told.err

    def keys(self, *names):
        for name in names:
            self.run("authority", "key", self.key(name))

    def key(self, name):
        return self.folder / f"{name}.pem"

    def file(self, name):
        return self.folder / f"{name}.json"

    def many(self, word, *names, pub=False):
        return [
            each
            for name in names
            for each in (f"--{word}", f"{self.key(name)}.pub" if pub else self.key(name))
        ]

    def describe(self, *officers, ident="moet"):
        self.run(
            "authority", "describe", ident, "--name", ident, *self.many("officer", *officers, pub=True),
            "--legal-basis", "decree-147", "--category", "gambling", "-o", self.file(ident),
        )  # fmt: skip

    def root(self, *holders, more=(), name="root"):
        holders = self.many("holder", *holders, pub=True)
        self.run("authority", "root", *holders, *more, "-o", self.file(name))

    def sign(self, name, *keys, code=0):
        return self.run("authority", "sign", self.file(name), *self.many("key", *keys), code=code)

    def init(self, code=0):
        return self.run(
            "authority", "init", self.feed, "--root", self.file("root"), "--prepare",
            self.file("targets"), "--log-key", self.key("log"), "--origin", "log.example/orders",
            "--canaries", "canary.example", "--authority", self.file("moet"), code=code,
        )  # fmt: skip

    def finish(self, name, code=0, online="online"):
        words = ("--online-key", self.key(online))
        return self.run("authority", "finish", self.feed, self.file(name), *words, code=code)

    def put(self, *words, by=("a", "b"), code=0):
        keys = (*self.many("targets-key", *by), "--online-key", self.key("online"))
        return self.run("authority", "put", self.feed, *words, *keys, code=code)


@pytest.fixture
def table(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FILTERD_PASSPHRASE", SECRET)
    table = Table(tmp_path, capsys)
    table.keys("a", "b", "c", "online", "log", "one", "two", "three")
    table.describe("one", "two")
    online = ("--online", f"{table.key('online')}.pub")
    table.root("a", "b", "c", more=("--threshold", 2, *online))
    return table


@pytest.fixture
def begun(table):
    table.sign("root", "a", "b")
    table.init()
    table.sign("targets", "a", "c")
    table.finish("targets")
    return table


def test_a_root_that_too_few_have_signed_begins_nothing(table):
    table.sign("root", "a")
    table.sign("root", "a")  # twice is once
    told = table.init(code=2)
    assert "signatures missing: 1" in told
    assert not (table.feed / "trust").exists()
    assert "not the key of a holder" in table.sign("root", "one", code=2)  # a stranger is nobody


def test_targets_that_too_few_have_signed_are_not_published(table):
    table.sign("root", "a", "b")
    table.init()
    table.sign("targets", "b")
    assert "signatures missing: 1" in table.finish("targets", code=2)
    table.sign("targets", "c")
    assert "not the key" in table.finish("targets", code=2, online="log")
    table.finish("targets")
    assert [each.id for each in read_standing(table.feed).registry.authorities] == ["moet"]


def test_what_was_changed_on_its_way_is_refused(table):
    table.sign("root", "a", "b")
    table.init()
    path = table.file("targets")
    good = path.read_text()
    for place, why in ((1, "roles to others"), (2, "not the file that it names")):
        parts = good.split('"threshold": 2')
        assert len(parts) == 3, "in the metadata, and in the registry"
        words = ['"threshold": 2', '"threshold": 2']
        words[place - 1] = '"threshold": 1'
        path.write_text(parts[0] + words[0] + parts[1] + words[1] + parts[2])
        told = table.run("authority", "sign", path, "--key", table.key("a"), code=2)
        assert why in told


def test_what_was_prepared_for_another_moment_is_prepared_anew(begun):
    begun.run("authority", "put", begun.feed, "--prepare", begun.file("later"))
    begun.put("--authority", begun.file("moet"))
    begun.sign("later", "a", "b")
    assert "prepare it anew" in begun.finish("later", code=2)


def test_the_keys_of_others_are_told_apart(begun):
    assert "signatures missing" in begun.put(by=("one", "two"), code=2)
    renew = ("authority", "renew", begun.feed, "--online-key", begun.key("online"))
    assert "not the key of the log" in begun.run(*renew, "--log-key", begun.key("one"), code=2)
    assert "--online-key" in begun.run("authority", "put", begun.feed, code=2)


def test_a_root_follows_with_old_and_new_holders(begun):
    begun.keys("d", "e")
    begun.root("c", "d", "e", more=("--feed", begun.feed), name="next")
    begun.sign("next", "d", "e")
    assert "signatures missing" in begun.finish("next", code=2), "the old ones have not"
    begun.sign("next", "a", "b")
    told = begun.finish("next")
    assert "who is trusted" in told, "targets are signed by those who hold them no more"
    assert newest(begun.feed, "root").signed.version == 2
    begun.put(by=("c", "d"))


def test_a_new_key_of_the_log_is_signed_by_holders_apart(begun):
    begun.keys("log-2")
    named = ("--new-log-key", begun.key("log-2"))
    begun.run("authority", "put", begun.feed, *named, "--prepare", begun.file("targets"))
    begun.sign("targets", "a", "c")
    begun.finish("targets")
    renew = ("authority", "renew", begun.feed, "--online-key", begun.key("online"), "--log-key")
    assert "not signed by" in begun.run(*renew, begun.key("log-2"), code=2)
    before = ("--log-key-before", f"{begun.key('log')}.pub")
    assert "by now" in begun.run(*renew, begun.key("log"), *before, code=2)
    begun.run(*renew, begun.key("log-2"), *before)
    begun.run(*renew, begun.key("log-2"))
    root = begun.feed / "trust" / "1.root.json"
    assert "good" in begun.run("feed", "audit", begun.feed, "--root", root)


def test_a_threshold_that_nobody_reaches_is_refused(table):
    told = table.run(
        "authority", "root", *table.many("holder", "a", "b", pub=True), "--threshold", 3,
        "--online", f"{table.key('online')}.pub", "-o", table.file("never"), code=2,
    )  # fmt: skip
    assert "can never sign" in told
    assert "--holder" in table.run("authority", "root", "-o", table.file("never"), code=2)


def test_officers_come_and_go(begun):
    change = ("authority", "officers", begun.feed, "moet", "-o", begun.file("moet"))
    for word, name in (("add", "three"), ("retire", "one")):
        begun.run(*change, f"--{word}", f"{begun.key(name)}.pub")
        begun.put("--authority", begun.file("moet"))
    moet = read_standing(begun.feed).registry.find("moet")
    assert (len(moet.officers), len(moet.retired)) == (2, 1)
    begun.run(*change, "--revoke", f"{begun.key('one')}.pub", "--threshold", 1, "--until", "10d")
    begun.put("--authority", begun.file("moet"))
    moet = read_standing(begun.feed).registry.find("moet")
    assert (moet.threshold, moet.retired) == (1, ())
    assert "no officer" in begun.run(*change, "--retire", f"{begun.key('one')}.pub", code=2)
    assert "threshold 9 of 2 officers" in begun.run(*change, "--threshold", 9, code=2)
    assert "no authority mps" in begun.put("--remove", "mps", code=2)


def test_a_manifest_counts_what_the_log_leaves_out(begun):
    order = begun.file("17")
    begun.run(
        "order", "new", "2026-17", "--authority", "moet", "--reference", "17/QD", "--legal-basis",
        "decree-147", "--category", "gambling", "--subtree", "casino.example", "--for", "30d", "-o", order,
    )  # fmt: skip
    for name in ("one", "two"):
        begun.run("order", "sign", order, "--key", begun.key(name))
    said = ("authority", "manifest", begun.feed, "moet", "-o", begun.file("said"))
    assert "--vi" in begun.run(*said, code=2)
    names = ("--vi", "Bộ", "--en", "Ministry", "--contact", "https://appeal.example")
    assert "not in the log" in begun.run(*said, *names, "--order", order)
    assert "order 2026-17" in begun.run("authority", "show", begun.file("said"))
    begun.sign("said", "one")
    assert "signatures missing: 1" in begun.finish("said", code=2)
    begun.sign("said", "two")
    begun.finish("said")
    audit = ("feed", "audit", begun.feed, "--root", begun.feed / "trust" / "1.root.json")
    assert "moet counts its order 2026-17" in begun.run(*audit, code=1)
    begun.run("order", "publish", begun.feed, order, "--log-key", begun.key("log"))
    assert "not in the log" not in begun.run(*said), "names are as before"
    assert "good" in begun.run(*audit)
    assert read_manifest_of(begun.feed, "moet").names == ("Bộ", "Ministry")


def test_a_feed_is_begun_by_officers_and_holders_with_tokens(table, tmp_path, monkeypatch):
    token = soft_token(tmp_path / "hsm", monkeypatch)
    token.make("EC:prime256v1", 2)
    token.make("EC:prime256v1", 4)
    holder, officer = token.address(2), token.address(4)
    for address, name in ((holder, "card"), (officer, "two")):
        public = table.key(name).with_name(f"{name}.pem.pub")
        told = table.run("authority", "public", address, "-o", public)
        assert "ecdsa-sha2-nistp256" in told
    table.describe("one", "two")
    more = ("--threshold", 2, "--online", f"{table.key('online')}.pub")
    table.root("a", "b", "card", more=more)
    for name in ("root", "targets"):
        if name == "targets":
            table.init()
        table.run("authority", "sign", table.file(name), "--key", holder, "--key", table.key("a"))
    table.finish("targets")
    order = table.file("17")
    table.run(
        "order", "new", "2026-17", "--authority", "moet", "--reference", "17/QD", "--legal-basis",
        "decree-147", "--category", "gambling", "--subtree", "casino.example", "--for", "30d", "-o", order,
    )  # fmt: skip
    for key in (table.key("one"), officer):
        table.run("order", "sign", order, "--key", key)
    assert "nodes will do" in table.run("order", "verify", order, "--feed", table.feed)
    table.run("order", "publish", table.feed, order, "--log-key", table.key("log"))
    root = table.feed / "trust" / "1.root.json"
    assert "good" in table.run("feed", "audit", table.feed, "--root", root)
    log = ("--log-key", officer, "--origin", "x", "--canaries", "y.example")
    other = table.folder / "other"
    words = ("authority", "init", other, "--root", table.file("root"), "--prepare", table.file("t"))
    assert "Ed25519" in table.run(*words, *log, code=2), "a note is not signed with ECDSA"
    assert not other.exists()
    token.make("EC:edwards25519", 5)
    table.run(*words, "--log-key", token.address(5), *log[2:])
    assert (other / "checkpoint").is_file()
