"""The servers of a run, all started and loaded before the first is measured."""

import contextlib
import sys
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from bench.blast import Server
from bench.daemon import Node, serving
from bench.names import Names
from bench.native import Programs
from bench.peers import PEERS, Peer, Place
from bench.places import BUILD, LOAD_CORE, SERVER_CORE
from bench.process import free_port, memory, running
from bench.saying import say
from bench.wire import ask

TTL = 86_400  # of the upstream: nothing expires while it is measured
SAMPLE = 300  # names all over the list that must be blocked before a server counts as loaded


@dataclass(frozen=True, slots=True)
class Standing:
    """A server that answers: how long it took to block everything, and its memory then."""

    server: Server
    load_s: float
    memory: dict[str, float]


@contextlib.contextmanager
def upstream(programs: Programs) -> Iterator[int]:
    """Run the upstream; yields its port."""
    port = free_port()
    ready = lambda: ask(port, "ready.example") == "answered"  # noqa: E731
    command = [str(programs.upstream), str(port), str(TTL)]
    with running(command, BUILD / "upstream.log", ready, core=LOAD_CORE, realtime=True):
        yield port


@contextlib.contextmanager
def floor(programs: Programs, *cores: int) -> Iterator[Server]:
    """Run F1, with a thread for each of `cores` if there are any."""
    port = free_port()
    command = [str(programs.echo), str(port), *map(str, cores)]
    name = "F1" if len(cores) < 2 else f"F1 x {len(cores)}"
    log = BUILD / "echo.log"
    with running(command, log, lambda: True, core=SERVER_CORE) as process:
        time.sleep(0.2)
        yield Server(name, port, process.pid, echo=True)


@contextlib.contextmanager
def filterd(name: str, node: Node, names: Names) -> Iterator[Standing]:
    """Run a daemon."""
    began = time.monotonic()
    sample = names.some_listed(SAMPLE)
    with serving(node, sample[0]) as process:
        loaded = all_blocked(node.port, sample)
        while not loaded():
            time.sleep(0.01)
        took = time.monotonic() - began
        yield Standing(Server(name, node.port, process.pid), took, memory(process.pid))


@contextlib.contextmanager
def peer(each: Peer, names: Names, upstream_port: int) -> Iterator[Standing]:
    """Run a peer. RuntimeError if it does not block what it should."""
    program = each.found()
    assert program is not None
    assert each.command is not None
    folder = BUILD / "peers" / each.name.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    place = Place(folder, free_port(), names.listed, upstream_port)
    command = each.command(program, place)
    began = time.monotonic()
    loaded = all_blocked(place.port, names.some_listed(SAMPLE))
    with running(command, folder / "out.log", loaded, core=SERVER_CORE) as process:
        took = time.monotonic() - began
        yield Standing(Server(each.name, place.port, process.pid), took, memory(process.pid))


def all_blocked(port: int, sample: list[str]) -> Callable[[], bool]:
    """Return whether all of `sample` have been seen blocked, once each."""
    left = list(sample)

    def look() -> bool:
        while left and ask(port, left[-1], timeout=0.3) == "blocked":
            left.pop()
        return not left

    return look


def start_peers(
    stack: contextlib.ExitStack,
    names: Names,
    upstream_port: int,
    only: Collection[str] | None,
) -> list[Standing]:
    """Start every peer that is installed (of `only`); the others are told of."""
    standing: list[Standing] = []
    for each in PEERS:
        if only is not None and each.name not in only:
            continue
        if each.found() is None:
            if each.command is not None:
                say(f"left out: {each.name}, `{each.program}` is not installed")
            continue
        if each.command is None:
            say(f"not measured: {each.name} is installed, but there is no recipe for it")
            continue
        say(f"starting {each.name}")
        try:
            standing.append(stack.enter_context(peer(each, names, upstream_port)))
        except RuntimeError as error:
            print(f"NOT MEASURED: {each.name}: {error}", file=sys.stderr)
    return standing
