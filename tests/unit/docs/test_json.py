"""The JSON that docs/cli.md promises is the JSON that comes."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from filterd.cli.main import main
from filterd.lists.status import ListStatus

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
LIST = "||games.example^\n||ads.example^$third-party\n||nas.example^$dnsrewrite=192.0.2.7\n"


def fields(heading: str) -> set[str]:
    """Return what the first column of the table with this heading names."""
    rows = PAGE.partition(f"| {heading} | |\n")[2].split("\n\n")[0].split("\n")[1:]
    return {name for row in rows for name in re.findall(r"`([a-z_]+)`", row.split(" | ")[0])}


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Undo what a command line may do to its process and a test run may not."""
    before = signal.getsignal(signal.SIGPIPE)
    yield
    signal.signal(signal.SIGPIPE, before)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "list.txt"
    path.write_text(LIST, encoding="utf-8")
    return path


def test_a_verdict_has_the_fields_of_the_page(rules: Path, tmp_path: Path, capsys) -> None:
    asked = tmp_path / "questions.jsonl"
    asked.write_text('{"name": "nas.example"}\n{"name": "a.games.example"}\n', encoding="utf-8")
    assert main(["decide", "--list", f"adblock={rules}", str(asked)]) == 0
    rewrite, block = map(json.loads, capsys.readouterr().out.splitlines())
    promised = fields("field of a verdict")
    assert set(rewrite) == promised
    assert set(block) == promised - {"rewrite"}
    assert set(rewrite["rewrite"]) == {"rcode", "answers"}


def test_every_field_of_a_question_is_taken(rules: Path, tmp_path: Path, capsys) -> None:
    values = {
        "name": "x.example",
        "type": "AAAA",
        "client": "192.0.2.1",
        "group": "everyone",
        "client_name": "tv",
        "client_tags": ["device_tv"],
        "at": "2026-09-07T08:30",
    }
    of_url = {
        "url": "https://x.example/a",
        "source_url": "https://y.example/",
        "request_type": "script",
        "method": "POST",
    }
    assert {*values, *of_url} == fields("field of a question")
    of_url |= {name: value for name, value in values.items() if name not in ("name", "type")}
    asked = tmp_path / "questions.jsonl"
    asked.write_text(f"{json.dumps(values)}\n{json.dumps(of_url)}\nnonsense\n", encoding="utf-8")
    assert main(["decide", "--list", f"adblock={rules}", str(asked)]) == 1
    good, web, bad = map(json.loads, capsys.readouterr().out.splitlines())
    assert good["verdict"] == web["verdict"] == "pass"
    assert set(bad) == {"error"}
    assert bad["error"].startswith("line 3: ")


def test_a_checked_list_has_the_fields_of_the_page(rules: Path, capsys) -> None:
    assert main(["lists", "check", f"adblock={rules}", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    line = next(line for line in PAGE.split("\n") if line.startswith("| `check` |"))
    assert set(report) | set(report["refused"][0]) == set(re.findall(r'"([a-z_]+)"', line))


def test_the_status_of_a_list_has_the_fields_of_the_page() -> None:
    line = next(line for line in PAGE.split("\n") if line.startswith("| `status` |"))
    named = set(re.findall(r"`([a-z_]+)`", line)) - {"status"}
    assert named
    assert named <= set(ListStatus.__dataclass_fields__)


def test_an_explanation_has_the_fields_of_the_page(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    config = tmp_path / "config.yaml"
    config.write_text("groups: {primary: {age: primary}}\n", encoding="utf-8")
    arguments = ["explain", "social.demo.test", "--group", "primary", "--json"]
    assert main([*arguments, "-c", str(config)]) == 0
    told = json.loads(capsys.readouterr().out)
    table = PAGE.partition("## `filterd explain`")[2].partition("## ")[0]
    rows = [row.split(" | ") for row in table.split("\n") if row.startswith("| `")]
    assert set(told) == {name for row in rows for name in re.findall(r"`([a-z]+)`", row[0])}
    of_step = next(row[1] for row in rows if "`steps`" in row[0])
    decided = next(step for step in told["steps"] if step["outcome"] == "decides")
    assert set(decided) <= set(re.findall(r"`([a-z-]+)`", of_step))
    of_rule = next(row[1] for row in rows if "`steps[].rules[]`" in row[0])
    assert set(decided["rules"][0]) == set(re.findall(r"`([a-z_]+)`", of_rule))
