"""Lists for the HTTP filter at a ceremony: seen by who signs, refused before anything is signed."""

import json

import pytest

from filterd.feed.ceremony import Publisher, moment
from filterd.feed.never import NeverList
from filterd.feed.prepared import prepare, prepared_text
from filterd.feed.standing import read_standing
from tests.unit.cli.test_authority import SECRET, Table


@pytest.fixture
def table(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FILTERD_PASSPHRASE", SECRET)
    table = Table(tmp_path, capsys)
    table.keys("a", "b", "online", "log", "one", "two")
    table.describe("one", "two")
    (tmp_path / "never.txt").write_text("# money\nbank.example\n\ncash.example\n")
    table.run("media", "test-set", tmp_path / "test.set")
    table.run(
        "authority", "init", table.feed, *table.many("root-key", "a", "b"),
        "--online-key", table.key("online"), "--log-key", table.key("log"), "--origin",
        "log.example/orders", "--canaries", "canary.example", "--authority", table.file("moet"),
        "--never-decrypt", tmp_path / "never.txt",
    )  # fmt: skip
    return table


def test_a_list_stays_with_the_next_targets_and_keeps_its_version(table):
    never = NeverList(1, ("bank.example", "cash.example"))
    assert read_standing(table.feed).never == never
    table.put("--rollout", "3m")
    table.put("--never-decrypt", table.folder / "never.txt")
    assert read_standing(table.feed).never == never, "and the same names are no new version"
    (table.folder / "never.txt").write_text("bank.example\n")
    told = table.put("--never-decrypt", table.folder / "never.txt")
    assert "never decrypted: 1 names, version 4" in told
    assert read_standing(table.feed).never == NeverList(4, ("bank.example",))
    (table.folder / "never.txt").write_text("# none\n")
    assert "what came with each node" in table.put("--never-decrypt", table.folder / "never.txt")
    assert read_standing(table.feed).never is None


def test_it_goes_round_to_be_signed_and_who_signs_sees_it(table):
    (table.folder / "never.txt").write_text("bank.example\nclinic.example\n")
    table.run(
        "authority", "put", table.feed, "--never-decrypt", table.folder / "never.txt",
        "--media", table.folder / "test.set", "--prepare", table.file("targets"),
    )  # fmt: skip
    shown = table.run("authority", "show", table.file("targets"))
    assert "2 names: bank.example, clinic.example\n" in shown
    assert "set filterd-test: epoch 0" in shown
    table.sign("targets", "a", "b")
    (laid,) = (table.feed / "targets/media").glob("*.set")
    kept = laid.read_bytes()
    laid.write_bytes(kept[:-1])
    assert "missing or another file" in table.finish("targets", code=2)
    laid.unlink()
    assert "missing or another file" in table.finish("targets", code=2)
    laid.write_bytes(kept)
    table.finish("targets")
    (one,) = read_standing(table.feed).media
    assert (one.id, one.length) == ("filterd-test", len(kept))


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("never-decrypt.json", {"names": ["Bank.example"]}),
        ("never-decrypt.json", {"names": []}),
        ("media.json", {"sets": [{"id": "../x"}]}),
        ("popular.json", {"names": [1]}),
    ],
)
def test_what_nodes_would_refuse_is_not_signed(table, file, change):

    trust = read_standing(table.feed)
    made = Publisher(table.feed).prepare_targets(
        trust.registry, trust.policy, moment(2_000_000_000)
    )
    files = dict(made.files) | {file: {"version": 1, **change} if "never" in file else change}
    text = prepared_text(prepare(made.metadata.signed, files))
    table.file("targets").write_text(text)
    assert json.loads(text)["files"][file]
    assert "nothing that was prepared" in table.sign("targets", "a", code=2)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--never-decrypt", "moet.json"), "no name"),
        (("--never-decrypt", "test.set"), "not a list of names"),
        (("--never-decrypt", "missing.txt"), "missing.txt"),
        (("--media", "never.txt"), "never.txt: 35 bytes"),
        (("--media", "missing.set"), "missing.set"),
        (("--remove-media", "missing"), "no set missing"),
    ],
)
def test_what_is_no_list_says_so(table, words, told):
    option, file = words
    given = file if option == "--remove-media" else table.folder / file
    assert told in table.put(option, given, code=2)
    assert len(list((table.feed / "trust").glob("*.targets.json"))) == 1
