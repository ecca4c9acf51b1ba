"""The lists on disk, and that a kill at any moment leaves them whole."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.lists.shelf import (
    Attempt,
    Caught,
    Shelf,
    Summary,
    Validators,
    Version,
    dump,
    load,
)
from filterd.lists.store import ListStore
from filterd.model.errors import RulesError

ROOT = Path(__file__).resolve().parents[3]
OK = Attempt(1.0, "ok", next_at=2.0)


def version(data: bytes, accepted: int = 1) -> Version:
    return Version(
        hashlib.sha256(data).hexdigest(),
        len(data),
        "https://lists.example/l",
        1.0,
        Summary("hosts", accepted, refused=(("bad", 2),), caught=(Caught("a.example", "example"),)),
        Validators('"e"'),
    )


def promote(store: ListStore, data: bytes, name: str = "l") -> Shelf:
    incoming = store.staging(name)
    incoming.write_bytes(data)
    return store.promote(name, version(data), OK, incoming)


def current(store: ListStore, name: str = "l") -> bytes | None:
    stored = store.read(name)
    return None if stored is None else stored.path.read_bytes()


def files(store: ListStore, name: str = "l") -> set[str]:
    return {path.name for path in store.folder(name).iterdir()}


@pytest.fixture
def store(tmp_path):
    return ListStore(tmp_path)


def test_an_unknown_list_is_empty(store):
    assert store.read("l") is None
    assert store.shelf("l") == Shelf()


def test_two_generations_are_kept_and_older_ones_go(store):
    for data in (b"one", b"two", b"three"):
        promote(store, data)
    assert current(store) == b"three"
    shelf = store.shelf("l")
    assert shelf.previous == version(b"two")
    assert files(store) == {
        "shelf.json",
        *(f"{version(d).sha256}.list" for d in (b"two", b"three")),
    }


def test_the_same_content_again_keeps_the_one_before(store):
    for data in (b"one", b"two", b"two"):
        promote(store, data)
    assert store.shelf("l").previous == version(b"one")


def test_a_damaged_current_version_gives_way_and_is_said(store, caplog):
    promote(store, b"one")
    promote(store, b"two")
    (store.folder("l") / f"{version(b'two').sha256}.list").write_bytes(b"twO")
    stored = store.read("l")
    assert stored is not None
    assert stored.version == version(b"one")
    assert stored.problem is not None
    assert "SHA-256 differs" in stored.problem
    assert "SHA-256 differs" in caplog.text
    (store.folder("l") / f"{version(b'one').sha256}.list").unlink()
    assert store.read("l") is None


def test_fetching_the_same_again_repairs_a_damaged_file(store):
    promote(store, b"one")
    (store.folder("l") / f"{version(b'one').sha256}.list").write_bytes(b"")
    promote(store, b"one")
    assert current(store) == b"one"


def test_damaged_metadata_is_logged_and_replaced(store, caplog):
    promote(store, b"one")
    (store.folder("l") / "shelf.json").write_text("{")
    with pytest.raises(RulesError, match="damaged"):
        store.shelf("l")
    assert store.read("l") is None
    assert "fetched anew" in caplog.text
    promote(store, b"two")
    assert current(store) == b"two"


def test_a_held_version_waits_and_can_be_accepted(store):
    promote(store, b"one")
    incoming = store.staging("l")
    incoming.write_bytes(b"odd")
    store.hold("l", version(b"odd"), Attempt(3.0, "held", ("it shrank",)), incoming)
    assert current(store) == b"one"
    assert store.shelf("l").attempt == Attempt(3.0, "held", ("it shrank",))
    store.accept("l", OK)
    assert current(store) == b"odd"
    assert store.shelf("l").held is None
    with pytest.raises(RulesError, match="no whole version is held"):
        store.accept("l", OK)


def test_a_failed_attempt_changes_nothing_else(store):
    before = promote(store, b"one")
    failed = Attempt(9.0, "failed", ("no route",), 1, 10.0)
    after = store.note("l", failed)
    assert after == Shelf(before.current, before.previous, before.held, failed, before.rejected)


def test_rollback_there_and_never_to_what_was_rejected(store):
    promote(store, b"one")
    with pytest.raises(RulesError, match="no earlier version"):
        store.rollback("l")
    promote(store, b"two")
    store.rollback("l")
    assert current(store) == b"one"
    assert store.shelf("l").rejected == version(b"two").sha256
    (store.folder("l") / f"{version(b'one').sha256}.list").unlink()
    assert store.read("l") is None


def test_rollback_to_a_damaged_version_is_refused_and_changes_nothing(store):
    promote(store, b"one")
    promote(store, b"two")
    (store.folder("l") / f"{version(b'one').sha256}.list").write_bytes(b"")
    with pytest.raises(RulesError, match="SHA-256 differs"):
        store.rollback("l")
    assert current(store) == b"two"


@pytest.mark.parametrize("name", [".", "..", "../../x", "a/b", "danh sách", "%2E", "-", "x\0y"])
def test_any_name_stays_in_its_own_folder(store, name):
    promote(store, b"one", name)
    assert current(store, name) == b"one"
    assert store.folder(name).parent == store.state_dir / "lists"
    assert store.folder(name).resolve().parent == (store.state_dir / "lists").resolve()


def test_names_do_not_share_folders(store):
    names = [".", "..", "%2E", "%2E.", "a", "A", "a b", "a%20b"]
    assert len({store.folder(name) for name in names}) == len(names)


VERSIONS = st.none() | st.builds(
    Version,
    st.text("0123456789abcdef", min_size=64, max_size=64),
    st.integers(0),
    st.text(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.builds(
        Summary,
        st.text(),
        st.integers(0),
        st.integers(0),
        st.lists(st.tuples(st.text(), st.integers(0))).map(tuple),
        st.floats(0, 1),
        st.lists(st.builds(Caught, st.text(), st.text())).map(tuple),
    ),
    st.builds(Validators, st.none() | st.text(), st.none() | st.text()),
)
ATTEMPTS = st.none() | st.builds(
    Attempt, st.floats(0, 1e10), st.sampled_from(["ok", "held"]), st.lists(st.text()).map(tuple)
)


@given(st.builds(Shelf, VERSIONS, VERSIONS, VERSIONS, ATTEMPTS, st.none() | st.text()))
def test_a_shelf_survives_its_json(shelf):
    assert load(dump(shelf)) == shelf


@given(
    st.binary(max_size=60)
    | st.sampled_from([b"[]", b"{}", b"null", b'{"layout": 2}', b'{"layout": 1}'])
)
def test_other_json_is_refused_not_crashed(data):
    with pytest.raises(RulesError):
        load(data)


# Kills itself with SIGKILL just before system call number STEP of those that change the disk.
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_store import promote
from filterd.lists.store import ListStore

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
store = ListStore(Path(sys.argv[1]))
store.staging("l").write_bytes(b"three")
promote(store, b"three")
print(left)
"""


def run_killed(state: Path, step: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", KILLED, str(state), str(step), str(Path(__file__).parent)]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        timeout=60,
    )


def test_killed_at_any_step_leaves_the_old_or_the_new(tmp_path):
    step = 0
    seen = set()
    while True:
        store = ListStore(tmp_path / str(step))
        promote(store, b"one")
        promote(store, b"two")
        done = run_killed(store.state_dir, step)
        data = current(store)
        assert data in {b"two", b"three"}, step
        seen.add(data)
        stored = store.read("l")
        assert stored is not None
        assert stored.problem is None
        shelf = store.shelf("l")
        assert shelf.previous is not None
        # Life goes on, and strays are cleared.
        promote(store, b"four")
        assert current(store) == b"four"
        assert len([name for name in files(store) if name.endswith(".list")]) == 2
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        step += 1
    assert step >= 6, "fewer steps than a durable write has"
    assert seen == {b"two", b"three"}
