"""The load generator itself, against the bench's own upstream: a right answer and a wrong one."""

import contextlib

import pytest

from bench import mixes, native, standing
from bench.blast import Server, fire, firing, held_up
from bench.wire import AAAA, A
from tests.support.needs import program

NAMES = [f"name{number}.example" for number in range(50)]


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    program("cc", "gcc")
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        for module in (native, standing):
            patch.setattr(module, "BUILD", folder)
        built = native.build()
        assert built is not None
        yield built


@pytest.fixture
def upstream(programs):
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(standing.upstream(programs))
        yield Server("upstream", port, 0)


def mix(tmp_path, kind: int, qtype: int = A):
    return mixes.write(tmp_path / "mix.bin", [(kind, name, qtype) for name in NAMES])


@pytest.mark.parametrize("qtype", [A, AAAA])
def test_the_upstreams_own_answers_are_right(programs, upstream, tmp_path, qtype) -> None:
    seen = fire(
        programs.blast, upstream, mix(tmp_path, mixes.ANSWERED, qtype), "-n", "500", "-w", "8"
    )
    assert (seen["done"], seen["wrong"], seen["lost"]) == (500, [0, 0, 0], 0)


def test_an_answer_is_wrong_where_a_block_is_due(programs, upstream, tmp_path) -> None:
    seen = fire(programs.blast, upstream, mix(tmp_path, mixes.BLOCKED), "-n", "500", "-w", "8")
    assert (seen["done"], seen["wrong"]) == (500, [500, 0, 0])


def test_never_seen_names_are_checked_by_their_own_hash(programs, upstream, tmp_path) -> None:
    queries = [(mixes.UNSEEN, "m00000000000.example", A)]
    path = mixes.write(tmp_path / "mix.bin", queries)
    seen = fire(programs.blast, upstream, path, "-n", "500", "-w", "8")
    assert (seen["done"], seen["wrong"]) == (500, [0, 0, 0])


def test_an_echo_is_no_right_answer(programs, tmp_path) -> None:
    with standing.floor(programs) as echo:
        plain = Server("echo", echo.port, echo.pid)
        seen = fire(programs.blast, plain, mix(tmp_path, mixes.ANSWERED), "-n", "100", "-w", "8")
        assert seen["wrong"] == [0, 100, 0]
        unchecked = fire(
            programs.blast, echo, mix(tmp_path, mixes.ANSWERED), "-n", "100", "-w", "8"
        )
        assert unchecked["wrong"] == [0, 0, 0]


def test_silence_is_lost(programs, tmp_path) -> None:
    silent = Server("nobody", standing.free_port(), 0)
    seen = fire(programs.blast, silent, mix(tmp_path, mixes.ANSWERED), "-n", "20", "-w", "20")
    assert seen["done"] == 0


def test_a_watched_name_and_phases(programs, upstream, tmp_path) -> None:
    watched = mixes.write(tmp_path / "watched.bin", [(mixes.ANSWERED, "watched.example", A)])
    log = tmp_path / "watched.log"
    how = ("-r", "500", "-t", "60", "-k", "0", "-z", "-i", "100")
    watch = ("-y", "200", "-Y", str(watched), "-L", str(log))
    with firing(programs.blast, upstream, mix(tmp_path, mixes.ANSWERED), *how, *watch) as load:
        while not load.rows:
            assert load.running
        load.mark()
        while len(load.rows) < 3:
            assert load.running
        load.stop()
        rows = load.wait(30)
    phases = [row for row in rows if "qps" in row]
    assert len(phases) == 2
    assert all(sum(row["wrong"]) == 0 for row in phases)
    meanings = {line.split()[3] for line in log.read_text().splitlines()}
    assert meanings == {"a"}


def test_a_generator_that_was_held_up_says_so() -> None:
    assert held_up({"sent": 1000, "skipped": 50})
    assert not held_up({"sent": 1000, "skipped": 0})
