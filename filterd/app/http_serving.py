"""Workers of the HTTP filter: started, watched, renewed, and ended with who started them.

A worker is a process of another environment. All listen on the same addresses, so one can begin
before another ends: a worker that has grown or is old is told to end when its successor is ready,
and one that died is started again, each time a little later.
"""

import asyncio
import json
import logging
import os
import secrets
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filterd.app.handing_over import FOLDER, learning
from filterd.app.http_authority import CA_FILE
from filterd.app.http_commands import SOCKET
from filterd.app.paths import Paths
from filterd.config.schema import Config
from filterd.control.notify import keep_alive, notify, watchdog_seconds
from filterd.http.labels.keeping import KEY_FILE, read_secret
from filterd.http.page.words import Words
from filterd.http.rules import RULING
from filterd.model.durable import make_directory, write_atomically
from filterd.model.errors import ConfigError
from filterd.model.group import RuleBook
from filterd.model.handoff import is_word

logger = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
PAGE_KEY = "page.key"
READY_SECONDS = 30.0
LEAST_MEMORY, LEAST_AGE = 128 * 2**20, 60.0  # bytes, seconds
DRAIN_SECONDS = 25.0  # a worker lets connections end for 20
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
STEADY_SECONDS = 60.0  # who lived so long did not fail at its start
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(slots=True)
class Worker:
    """One process. `started`: steady seconds."""

    process: asyncio.subprocess.Process
    started: float

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None

    def memory(self) -> int:
        """Return the bytes it keeps in memory; 0 where it is gone."""
        try:
            fields = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()
        except OSError:
            return 0
        return int(fields[1]) * _PAGE


@dataclass(slots=True)
class Place:
    """A place for a worker, whoever holds it."""

    number: int
    worker: Worker | None = None
    pause: float = FIRST_PAUSE
    next_try: float = 0.0
    leaving: set[asyncio.Task[None]] = field(default_factory=set)


def interpreter(config: Config, prefix: Path) -> Path:
    """Return the interpreter of the HTTP environment.

    Raises:
        ConfigError: there is none.
    """
    if config.http.python is not None:
        places = [config.http.python]
    else:
        # In a checkout, and where the package filterd-http has it.
        places = [prefix.parent / name / "bin/python" for name in (".venv-http", "venv-http")]
    for place in places:
        if place.is_file() and os.access(place, os.X_OK):
            return place
    looked = ", ".join(map(str, places))
    raise ConfigError(
        (f"http.python: no HTTP environment at {looked}; `make http` makes one in a checkout",)
    )


def settings_of(config: Config, book: RuleBook, paths: Paths) -> dict[str, Any]:
    """Return what a worker is told.

    Raises:
        ConfigError: the HTTP filter is off, or is to decrypt without an authority.
    """
    http = config.http
    if not http.on:
        raise ConfigError(
            ("http.listen: the HTTP filter listens nowhere; give `explicit` or `transparent`",)
        )
    _try_files(config)
    folder = paths.state / FOLDER
    authority = http.ca or folder / "ca"
    inspecting = bool(http.inspect.groups or http.inspect.categories or http.inspect.explain)
    if inspecting and not (authority / CA_FILE).is_file():
        raise ConfigError(
            (f"http.inspect: no authority in {authority}; `filterd http ca new -c …` makes one",)
        )
    return {
        "folder": str(folder),
        "socket": str(folder / SOCKET),
        "listen": {
            "explicit": [str(each) for each in http.listen.explicit],
            "transparent": [str(each) for each in http.listen.transparent],
        },
        # Without an authority mitmproxy makes itself one, which nothing trusts or uses.
        "confdir": str(authority if inspecting else folder / "unused-ca"),
        "inspecting": inspecting,
        "upstream_ca": None if http.upstream_ca is None else str(http.upstream_ca),
        "ports": http.ports,
        "nameless": http.nameless,
        "learning": learning(config, book.must_not_block),
        "inappropriate": http.fail.inappropriate,
        "labels": {"key": str(folder / KEY_FILE)} if http.labels.on else None,
        "media": _media(config, folder) if http.media.on else None,
        "stream": "256k",
        "page_key": str(folder / PAGE_KEY),
        "page_words": None if http.page.words is None else str(http.page.words),
    }


def _try_files(config: Config) -> None:
    """Raise ConfigError for what is named and not there, or named twice."""
    http = config.http
    problems = []
    if http.upstream_ca is not None and not http.upstream_ca.is_file():
        problems.append(f"http.upstream_ca: no file {http.upstream_ca}")
    if http.media.on and http.media.sets is not None and not http.media.sets.is_dir():
        problems.append(f"http.media.sets: no folder {http.media.sets}")
    if http.page.words is not None:
        problems += (f"http.page.words: {each}" for each in _misworded(http.page.words))
    problems += [
        f"http.listen: {each} is under explicit and transparent; take two ports"
        for each in set(http.listen.explicit) & set(http.listen.transparent)
    ]
    if http.memory < LEAST_MEMORY:
        problems.append("http.memory: a worker begins with some 90 MiB; 128MiB is the least")
    if http.max_age < LEAST_AGE:
        problems.append("http.max_age: workers would be replaced all the time; 1m is the least")
    if problems:
        raise ConfigError(tuple(problems))


def _misworded(folder: Path) -> tuple[str, ...]:
    """Return what of the school's words a worker could not use."""
    if not folder.is_dir():
        return (f"no folder {folder}",)
    try:
        Words.load(folder)
    except ConfigError as error:
        return error.problems
    return ()


def _media(config: Config, folder: Path) -> dict[str, Any]:
    """Return what `media.guard.MediaSettings` is made of."""
    media, node = config.http.media, socket.gethostname().partition(".")[0]
    return {
        "sets": str(folder / "media"),  # where `media_sets.py` puts those of the feed
        "further": None if media.sets is None else str(media.sets),
        "handoffs": str(folder / "handoffs"),
        "node": node if is_word(node) else "node",
        "decoders": media.decoders,
    }


async def serve_http(  # noqa: PLR0913 - what it is made of, once
    config: Config,
    book: RuleBook,
    paths: Paths,
    python: Path,
    say: Callable[[str], None],
    *,
    group: int | None = None,
) -> None:
    """Keep workers until SIGTERM or SIGINT; SIGHUP renews them all. `group`: its number among
    several that share the addresses, so that one serves while another is restarted; None: alone.

    Raises:
        ConfigError: nothing was started. OSError: an address cannot be had.
    """
    settings = settings_of(config, book, paths)
    for address in (*config.http.listen.explicit, *config.http.listen.transparent):
        _try_address(address.host, address.port, shared=group is not None)
    make_directory(paths.state / FOLDER)
    _make_key(paths.state / FOLDER / PAGE_KEY)
    read_secret(paths.state / FOLDER / KEY_FILE, secrets.token_bytes)  # the daemon may be first
    name = "worker.json" if group is None else f"worker-{group}.json"
    file = paths.state / FOLDER / name
    write_atomically(file, json.dumps(settings).encode())
    supervisor = Supervisor(config, [str(python), "-m", "filterd.http.worker", str(file)])
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, supervisor.renew)
    try:
        await supervisor.begin()
        doors = ", ".join(settings["listen"]["explicit"] + settings["listen"]["transparent"])
        say(f"filterd filters HTTP on {doors} (pid {os.getpid()}); Ctrl-C ends it")
        if not (paths.state / FOLDER / RULING).is_file():
            say(
                "no rules were handed over yet, nobody is let through but as `http.fail` says; "
                "start `filterd serve` with this configuration"
            )
        watching = asyncio.create_task(supervisor.watch())
        alive = asyncio.create_task(
            keep_alive(
                watchdog_seconds(os.getpid()),
                lambda: "nobody looks after the workers" if watching.done() else "",
            )
        )
        notify("READY=1")
        await stop.wait()
        watching.cancel()
        alive.cancel()
    finally:
        notify("STOPPING=1")
        say("stopping")
        await supervisor.end()


class Supervisor:
    """Holds the places full. `command` starts a worker."""

    def __init__(self, config: Config, command: list[str]) -> None:
        self._http = config.http
        self._command = command
        self._places = [Place(number) for number in range(config.http.workers)]
        self._renewing = False

    async def begin(self) -> None:
        """Start every worker.

        Raises:
            ConfigError: one does not become ready; none is left.
        """
        for place in self._places:
            place.worker = await self._start()
            if place.worker is None:
                raise ConfigError(("http: a worker does not start; its messages stand above",))

    async def end(self) -> None:
        """End them all."""
        await asyncio.gather(
            *(_retire(place.worker) for place in self._places if place.worker is not None),
            *(task for place in self._places for task in place.leaving),
        )

    def renew(self) -> None:
        """Put another worker in each place, one after another."""
        self._renewing = True

    async def watch(self) -> None:
        """Start again who died, and replace who has grown or is old; does not end."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            renewing, self._renewing = self._renewing, False
            for place in self._places:
                await self._look(place, renewing=renewing)

    async def _look(self, place: Place, *, renewing: bool) -> None:
        now, worker = time.monotonic(), place.worker
        if worker is not None and worker.alive:
            age, memory = now - worker.started, worker.memory()
            if age > STEADY_SECONDS:
                place.pause = FIRST_PAUSE
            if not renewing and memory <= self._http.memory and age <= self._http.max_age:
                return
            logger.info(
                "worker %d is replaced: %d MiB, %d s old", place.number, memory >> 20, int(age)
            )
        elif worker is not None:
            logger.error("worker %d ended with %s", place.number, worker.process.returncode)
            place.worker = worker = None
            place.next_try = now + place.pause
            place.pause = min(place.pause * 2, LONGEST_PAUSE)
        if worker is None and now < place.next_try:
            return
        successor = await self._start()
        if successor is None:
            place.next_try = time.monotonic() + place.pause
            place.pause = min(place.pause * 2, LONGEST_PAUSE)
            return
        place.worker = successor
        if worker is not None:
            task = asyncio.create_task(_retire(worker))
            place.leaving.add(task)
            task.add_done_callback(place.leaving.discard)

    async def _start(self) -> Worker | None:
        """Return a worker that listens, None where it does not come to that."""
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        worker = Worker(process, time.monotonic())
        assert process.stdout is not None
        try:
            async with asyncio.timeout(READY_SECONDS):
                if await process.stdout.readline() == b"ready\n":
                    return worker
        except TimeoutError:
            logger.error("a worker was not ready within %g s", READY_SECONDS)  # noqa: TRY400
        await _retire(worker)
        return None


async def _retire(worker: Worker) -> None:
    """Have a worker end: it lets its connections end first, but not for ever."""
    if worker.alive:
        worker.process.terminate()
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            await worker.process.wait()
    except TimeoutError:
        worker.process.kill()
        await worker.process.wait()


def _make_key(path: Path) -> None:
    """Make the key that forms of the block page are signed with, once; workers share it."""
    if path.exists():
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with suppress(FileExistsError), os.fdopen(os.open(path, flags, 0o600), "wb") as sink:
        sink.write(secrets.token_bytes(32))  # else another group made it just now


def _try_address(host: str, port: int, *, shared: bool) -> None:
    """Raise OSError where an address cannot be had, before workers share it. `shared`: other groups
    of this account may have it, which is all that SO_REUSEPORT lets in.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"{host}:{port}") from error
