"""What is said by command, with the real rules and a stand-in for the engine."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from filterd.app import spoken
from filterd.app.change import Change
from filterd.app.commanding import Post
from filterd.app.node import EARLIER, Node
from filterd.app.parts import current_inputs
from filterd.app.paths import Paths
from filterd.app.ruling import build_ruling
from filterd.config.load import load
from filterd.model.errors import RulesError
from filterd.policy.rulebook import default_directory, load_rulebook

CONFIG = """\
upstream: {servers: ['127.0.0.1:1']}
default_group: g
groups: {g: {age: 18, safe_search: false}, h: {age: 18, safe_search: false}}
block: [bad.example.com]
"""
BLOCK = {"name": "a.example.com", "action": "block", "by": "operator"}
OPEN = {"name": "bad.example.com", "seconds": 3600, "reason": "film", "by": "teacher"}


class Engine:
    """Remembers what was put in force, and what was on disk then."""

    def __init__(self, folder):
        self.folder = folder
        self.swapped = []

    def swap(self, snapshot):
        on_disk = {path.name: path.read_text() for path in self.folder.glob("*.jsonl")}
        self.swapped.append((snapshot, on_disk))


@pytest.fixture
def node(tmp_path):
    file = tmp_path / "filterd.yaml"
    file.write_text(CONFIG + f"state_dir: {tmp_path / 'state'}\n")
    book = load_rulebook(default_directory())
    config = load(file, book=book, formats=set())
    paths = Paths.of(config, {})
    paths.state.mkdir()
    made = Node(
        config=config,
        book=book,
        paths=paths,
        config_path=file,
        ruling=build_ruling(current_inputs(config, book, paths), time.time(), 1),
        resolver=SimpleNamespace(),
        engine=Engine(paths.state),
        recorder=SimpleNamespace(),
        started=0.0,
    )
    asyncio.run(Change(made).listen())  # what is on disk is in force
    return made


def say(node, command, arguments):
    return asyncio.run(Change(node).say(command, arguments))


def verdict(node, name, group="g"):
    return node.ruling.snapshot.decide(name, 1, time.time(), group=group).kind


def test_on_disk_then_in_force_then_told(node):
    told = say(node, "rule-add", BLOCK)
    assert told == {"name": "a.example.com", "group": None, "generation": 2}
    ((snapshot, on_disk),) = node.engine.swapped
    assert snapshot.generation == 2
    assert '"a.example.com"' in on_disk["local-rules.jsonl"]
    assert verdict(node, "www.a.example.com") == "block"
    say(node, "override-add", {**OPEN, "group": "h"})
    assert [verdict(node, "bad.example.com", g) for g in "gh"] == ["block", "allow"]
    assert verdict(node, "a.example.com") == "block", "one file says nothing of the other"
    say(node, "rule-remove", {"name": "a.example.com"})
    say(node, "override-remove", {"name": "bad.example.com"})
    assert verdict(node, "a.example.com") == "pass"
    assert verdict(node, "bad.example.com", "h") == "block"


def test_only_the_last_index_is_built_anew(node):
    before = node.ruling
    say(node, "rule-add", BLOCK)
    assert node.ruling.ground is before.ground
    assert node.ruling.ordered is before.ordered
    assert node.ruling.tables[:-1] == before.tables[:-1]


def test_clients_that_moved_are_put_there_under_the_same_generation(node):
    say(node, "rule-add", BLOCK)
    before, generation = node.ruling, node.generation
    asyncio.run(Change(node).readdress({"user:alice": ("192.0.2.7",)}))
    assert node.ruling is not before
    assert node.generation == generation
    assert node.ruling.inputs.addresses == {"user:alice": ("192.0.2.7",)}
    assert verdict(node, "a.example.com") == "block"
    assert len(node.earlier) == 1, "its numbers mean the same, so nothing is remembered"
    # What is said later goes on from there.
    say(node, "rule-remove", {"name": "a.example.com"})
    assert node.ruling.inputs.addresses == {"user:alice": ("192.0.2.7",)}
    anew = build_ruling(node.ruling.inputs, node.ruling.made_at, generation + 1)
    assert node.ruling.plan == anew.plan


def test_what_is_refused_or_cannot_be_kept_changes_nothing(node, monkeypatch):
    with pytest.raises(RulesError, match="known are"):
        say(node, "rule-add", {**BLOCK, "group": "nobody"})

    def full(path, rules):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spoken.local_rules, "write", full)
    with pytest.raises(RulesError, match=r"nothing is changed.*No space"):
        say(node, "rule-add", BLOCK)
    assert (node.generation, node.engine.swapped) == (1, [])
    assert verdict(node, "a.example.com") == "pass"


def test_a_hand_in_the_file_is_not_overwritten(node):
    say(node, "rule-add", BLOCK)
    line = '{"name": "b.example.com", "action": "block", "at": "2026-09-07", "by": "hand"}\n'
    with node.paths.rules.open("a") as file:
        file.write(line)
    say(node, "rule-add", {**BLOCK, "name": "c.example.com"})
    assert [verdict(node, f"{n}.example.com") for n in "abc"] == ["block"] * 3
    with node.paths.rules.open("a") as file:
        file.write("nonsense\n")
    with pytest.raises(RulesError, match=r"line 4.*mend or remove it first"):
        say(node, "rule-remove", {"name": "c.example.com"})
    assert "nonsense" in node.paths.rules.read_text()
    assert verdict(node, "c.example.com") == "block"


def test_what_is_written_by_hand_is_followed_once(node, caplog):
    change = Change(node)
    node.paths.rules.write_text(
        'nonsense\n{"name": "b.example.com", "action": "block", "at": "2026-09-07", "by": "x"}\n'
    )
    asyncio.run(change.listen())
    asyncio.run(change.listen())
    assert verdict(node, "b.example.com") == "block"
    assert len(node.engine.swapped) == 1
    assert "local rules: line 1 left out" in caplog.text


def test_a_command_without_a_daemon_says_the_same(node):
    post = Post.of(str(node.config_path))
    done = post.command("rule-add", BLOCK)
    assert (done.told["name"], done.generation) == ("a.example.com", None)
    asyncio.run(Change(node).listen())
    assert verdict(node, "a.example.com") == "block"
    with pytest.raises(RulesError, match="no local rule"):
        post.command("rule-remove", {"name": "b.example.com"})


def test_numbers_of_earlier_generations_keep_their_words(node):
    say(node, "override-add", OPEN)
    number = len(node.ruling.ground.tables[0])
    assert node.names_of(2, number) == ("override", None)
    say(node, "override-remove", {"name": "bad.example.com"})
    say(node, "rule-add", BLOCK)
    assert node.names_of(2, number) == ("override", None)
    assert node.names_of(3, number) is None
    assert node.names_of(4, number) == ("local-block", None)
    assert node.names_of(5, number) is None
    for _ in range(EARLIER):
        say(node, "rule-add", BLOCK)
    assert node.names_of(2, number) is None
    assert len(node.earlier) == EARLIER
