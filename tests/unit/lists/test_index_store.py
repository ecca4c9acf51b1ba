"""Generations on disk: a kill at any moment leaves an index that opens."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from filterd.core import IndexBuilder
from filterd.lists.index_store import Generation, IndexStore, ListCount, Pointer
from filterd.model.errors import RulesError

ROOT = Path(__file__).resolve().parents[3]


def make(store: IndexStore, name: str) -> Generation:
    number = store.next_number()
    builder = IndexBuilder(lines=True)
    builder.add_name(name, 1, 0, 1)
    builder.write(str(store.path(number)), "{}")
    counts = (ListCount("l", "hosts", 1, 0, (("bad-name", 2),)),)
    generation = Generation(number, f"key of {name}", 1.0, (("l", "ab"),), counts)
    store.commit(generation)
    return generation


def in_use(store: IndexStore) -> str:
    loaded = store.load()
    assert loaded is not None
    return loaded.generation.key.removeprefix("key of ")


@pytest.fixture
def store(tmp_path):
    return IndexStore(tmp_path)


def test_nothing_yet(store):
    assert store.load() is None
    assert store.current() is None
    assert not store.serves("key")
    assert store.pointer() == Pointer()


def test_what_is_committed_is_loaded_as_it_was(store):
    made = make(store, "one.example")
    loaded = store.load()
    assert loaded is not None
    assert loaded.generation == made
    assert loaded.index.find("a.one.example") == [(0, "subtree", "one.example", 1)]
    assert store.serves("key of one.example")


def test_rollback_and_forward_again(store):
    make(store, "one.example")
    with pytest.raises(RulesError, match="no earlier"):
        store.rollback()
    make(store, "two.example")
    store.rollback()
    assert in_use(store) == "one.example"
    assert store.serves("key of two.example"), "what was rolled back from is not compiled again"
    assert not store.serves("key of three.example")
    store.rollback()
    assert in_use(store) == "two.example"
    assert make(store, "three.example").number == 3
    assert store.pointer() == Pointer(3, 2, None)


def test_rollback_to_a_damaged_index_changes_nothing(store):
    first = make(store, "one.example")
    make(store, "two.example")
    store.path(first.number).write_bytes(b"")
    with pytest.raises(RulesError, match="cannot be used"):
        store.rollback()
    assert in_use(store) == "two.example"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"current": 1, "next": 2}', "null"])
def test_a_damaged_pointer_is_logged_and_the_newest_taken(store, caplog, content):
    make(store, "one.example")
    make(store, "two.example")
    (store.folder / "current.json").write_text(content)
    assert in_use(store) == "two.example"
    assert store.pointer() == Pointer(2, 1)
    assert "pointer" in caplog.text
    assert make(store, "three.example").number == 3
    assert in_use(store) == "three.example"


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"number": 1}'])
def test_a_damaged_description_counts_as_no_index(store, content):
    make(store, "one.example")
    make(store, "two.example")
    (store.folder / "gen-00000002.json").write_text(content)
    assert in_use(store) == "one.example"


def test_a_removed_index_stays_readable_for_who_has_it_open(store):
    make(store, "one.example")
    loaded = store.load()
    assert loaded is not None
    for n in range(3):
        make(store, f"n{n}.example")
    assert not store.path(1).exists()
    assert loaded.index.find("one.example")


def test_the_pointer_is_plain_json(store):
    make(store, "one.example")
    pointer = json.loads((store.folder / "current.json").read_text())
    assert pointer == {"current": 1, "previous": None, "pinned": None}


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_index_store import make
from filterd.lists.index_store import IndexStore

left = int(sys.argv[2])
def counted(real):
    def call(*args, **kwargs):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return real(*args, **kwargs)
    return call

for name in ("fsync", "rename", "replace", "unlink"):
    setattr(os, name, counted(getattr(os, name)))
make(IndexStore(Path(sys.argv[1])), "three.example")
"""


def test_killed_at_any_step_leaves_an_index_that_opens(tmp_path):
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    seen = []
    while True:
        store = IndexStore(tmp_path / str(len(seen)))
        make(store, "one.example")
        make(store, "two.example")
        command = [
            sys.executable,
            "-c",
            KILLED,
            str(store.state_dir),
            str(len(seen)),
            str(Path(__file__).parent),
        ]
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
            timeout=60,
        )
        seen.append(in_use(store))
        loaded = store.load()
        assert loaded is not None
        assert loaded.problem is None
        make(store, "four.example")
        assert in_use(store) == "four.example"
        kept = {file.name.partition(".")[0] for file in store.folder.iterdir()}
        assert len(kept) == 3, "current and two generations"
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(seen) >= 6
    assert set(seen) == {"two.example", "three.example"}
    assert seen == sorted(seen, reverse=True), "once new, always new"
