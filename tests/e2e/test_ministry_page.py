"""Every command of docs/ministry.md, in its order, in one folder."""

import re
import shlex

import pytest

from tests.support.data import ROOT
from tests.support.node import filterd

pytestmark = pytest.mark.real
PAGE = (ROOT / "docs" / "ministry.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh ceremony\n(.*?)```", PAGE, re.DOTALL)
    for line in block.strip().split("\n")
]


def test_the_page_walks_through_it(tmp_path):
    assert len(COMMANDS) > 20
    files = re.compile(r"(?:[\w-]+\.(?:pem|pub|json|tar)(?:\.pub)?|feed|carried)")
    for line in COMMANDS:
        program, command, *words = shlex.split(line)
        assert program == "filterd"
        # In the folder of the test, wherever the command is run.
        placed = [str(tmp_path / word) if files.fullmatch(word) else word for word in words]
        done = filterd(command, *placed, environ={"FILTERD_PASSPHRASE": "a passphrase of tests"})
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    assert (tmp_path / "carried" / "checkpoint").is_file()
    orders = filterd("order", "verify", str(tmp_path / "17.json"), "--feed", str(tmp_path / "feed"))
    assert "unknown-authority" in orders.stdout, "after the hand-over the first orders nothing"
