"""Every command of docs/ministry.md, in its order, in one folder."""

import json
import re
import shlex

import pytest

from filterd.cli.main import main
from tests.support.data import ROOT

pytestmark = pytest.mark.real
PAGE = (ROOT / "docs" / "ministry.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh ceremony\n(.*?)```", PAGE, re.DOTALL)
    for line in block.strip().split("\n")
]
FILE = re.compile(r"(?:[\w/-]+\.(?:pem|pub|json|tar)(?:\.pub)?|feed|carried|seen|adopted)")
NAMED = re.compile(r"(witness\.example/1=)(.*)")


def placed(word, folder):
    """A word with its file in the folder of the test, wherever the command is run."""
    if found := NAMED.fullmatch(word):
        return found[1] + str(folder / found[2])
    name = word.replace("1.root.json", "1-root.json")
    return str(folder / word) if FILE.fullmatch(name) else word


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs a command where the test is: a process for each of sixty would take minutes."""
    monkeypatch.setenv("FILTERD_PASSPHRASE", "a passphrase of tests")

    def run(*words, code=0):
        done = main(words)
        told = capsys.readouterr()
        assert done == code, (words, told.out, told.err)
        return told.out

    return run


def test_the_page_walks_through_it(tmp_path, run):
    assert len(COMMANDS) > 50
    for line in COMMANDS:
        program, command, sub, *words = shlex.split(line)
        assert program == "filterd"
        run(command, sub, *(placed(word, tmp_path) for word in words))
    feed, root = str(tmp_path / "feed"), str(tmp_path / "feed" / "trust" / "1.root.json")
    assert (tmp_path / "carried" / "checkpoint").is_file()
    told = run("order", "verify", str(tmp_path / "18.json"), "--feed", feed, code=1)
    assert "unknown-authority" in told, "after the hand-over the first orders nothing"
    run("order", "verify", str(tmp_path / "adopted" / "moet-2026-18.json"), "--feed", feed)
    found = json.loads(run("feed", "audit", feed, "--root", root, "--json"))
    assert found["acts"] == {"confirm": 1, "order": 3, "revoke": 1}
    over = {(fault, segment) for fault, segment, _ in found["over"]}
    assert over == {("unknown-authority", number) for number in range(4)}, "the first ministry's"
