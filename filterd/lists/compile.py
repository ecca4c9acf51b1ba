"""From the lists on disk to the index in use, by a child process.

The parent stays free to answer queries. If the child fails or is killed, the index in use stays.
Lists of rules about requests become a file for each kind, beside the index. Whichever of these has
not changed is taken over from the generation before.
"""

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import filterd
from filterd.core import CONTAINER_VERSION
from filterd.lists.index_store import Generation, IndexStore, ListCount, RequestPart
from filterd.lists.requests import COMPILERS, KINDS, kind_of
from filterd.lists.shelf import Caught, Summary, Version
from filterd.lists.store import ListStore, Stored
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec

COMPILER = 2  # counts up when the same lists would compile to another index
MAX_LINE = 4 * 2**20  # bytes of one line from the child
SECONDS = 900.0
_STDERR = 2000  # characters of a dying child's words that are told

Progress = Callable[[str, int, int], None]  # list or index, done, of how many
Job = Mapping[str, Any]
RunJob = Callable[[Job, Progress | None], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Compilation:
    """`missing` lists had no usable version on disk; `problems` are damaged files that were
    replaced by older ones; `fresh` is False when the index in use was right already.
    """

    generation: Generation
    fresh: bool
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


async def run_job(
    job: Job, progress: Progress | None = None, module: str = "filterd.lists.child"
) -> Mapping[str, Any]:
    """Do `job` in a child process, which runs `module`, and return its result.

    Raises:
        RulesError: it said so, died, or took longer than `SECONDS`.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # not from the folder that somebody happens to be in
        "-m",
        module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=MAX_LINE,
        env=_environment(),
    )
    assert child.stdin is not None
    assert child.stdout is not None
    assert child.stderr is not None
    words = asyncio.create_task(child.stderr.read())
    try:
        async with asyncio.timeout(SECONDS):
            child.stdin.write(json.dumps(job).encode() + b"\n")
            answer = await _answer(child.stdout, progress)
            if answer is None:
                told = (await words).decode("utf-8", "replace").strip()[-_STDERR:]
                status = await child.wait()
                raise RulesError(f"the compiler ended with status {status}: {told or 'no word'}")
            return answer
    except TimeoutError:
        raise RulesError(f"reading the list took longer than {SECONDS:g} s") from None
    except (ConnectionError, ValueError) as error:
        raise RulesError(f"the compiler could not be talked to: {error}") from error
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
        await words


def _environment() -> dict[str, str]:
    """The child runs the same filterd as its parent, installed or not."""
    home = str(Path(filterd.__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}


async def _answer(
    stream: asyncio.StreamReader, progress: Progress | None
) -> Mapping[str, Any] | None:
    while line := await stream.readline():
        message = json.loads(line)
        if "progress" in message:
            if progress is not None:
                progress(*message["progress"])
        elif "error" in message:
            raise RulesError(message["error"])
        else:
            result: Mapping[str, Any] = message["result"]
            return result
    return None


async def inspect_in_child(
    spec: ListSpec, path: Path, names: Sequence[str], run: RunJob = run_job
) -> Summary:
    """Return what is in the version at `path`. RulesError when it cannot be read at all."""
    job = {"job": "inspect", "spec": asdict(spec), "path": str(path), "names": list(names)}
    found = dict((await run(job, None))["summary"])
    found["refused"] = tuple((code, count) for code, count in found["refused"])
    found["caught"] = tuple(Caught(**hit) for hit in found["caught"])
    return Summary(**found)


async def compile_current(  # noqa: PLR0913 - stores, and what is handed in from outside
    specs: Sequence[ListSpec],
    lists: ListStore,
    rules: IndexStore,
    *,
    now: float,
    progress: Progress | None = None,
    run: RunJob = run_job,
) -> Compilation:
    """Make the index of the versions in use, unless it is there already.

    Raises:
        RulesError: compiling failed; the index in use stays.
        OSError: the disk is full or may not be written.
    """
    named = [(spec, lists.known(spec.name).current) for spec in specs]
    current = rules.current()
    key = keys_of([(spec, version) for spec, version in named if version is not None]).both
    if current is not None and rules.serves(key):
        # Nothing changed, so the files need not even be read: a start in milliseconds.
        missing = tuple(spec.name for spec, version in named if version is None)
        return Compilation(current, fresh=False, missing=missing)
    found = {spec.name: await asyncio.to_thread(lists.read, spec.name) for spec in specs}
    sources = [(spec, stored) for spec in specs if (stored := found[spec.name]) is not None]
    missing = tuple(name for name, stored in found.items() if stored is None)
    problems = tuple(f"{s.name}: {stored.problem}" for s, stored in sources if stored.problem)
    keys = keys_of([(spec, stored.version) for spec, stored in sources])
    if current is not None and rules.serves(keys.both):
        return Compilation(current, fresh=False, missing=missing, problems=problems)
    number = rules.next_number()
    try:
        making = _Making(rules, number, current, progress, run)
        counts: list[ListCount] = []
        parts: dict[str, RequestPart] = {}
        for kind, kind_key in keys.requests.items():
            those = [each for each in sources if kind_of(each[0]) == kind]
            told, parts[kind] = await making.requests(kind, those, kind_key)
            counts += told
        others = [each for each in sources if kind_of(each[0]) is None]
        counts = [*await making.names(others, keys.names), *counts]
    except BaseException:
        rules.discard(number)
        raise
    generation = Generation(
        number,
        keys.both,
        now,
        tuple((spec.name, stored.version.sha256) for spec, stored in sources),
        tuple(counts),
        keys.names,
        parts,
    )
    await asyncio.to_thread(rules.commit, generation)
    return Compilation(generation, fresh=True, missing=missing, problems=problems)


@dataclass(frozen=True, slots=True)
class Keys:
    """Digests of all that the index, and each file of rules about requests, depend on; `requests`:
    by kind, of which there are lists.
    """

    names: str
    requests: Mapping[str, str]

    @property
    def both(self) -> str:
        """One for the generation."""
        return _digest([self.names, self.requests]) if self.requests else self.names


def keys_of(sources: Sequence[tuple[ListSpec, Version]]) -> Keys:
    """Return the digests; where a list came from is not in them."""
    names: list[Any] = []
    requests: dict[str, list[Any]] = {}
    for spec, version in sources:
        content = [asdict(replace(spec, url=None, path=None)), version.sha256]
        kind = kind_of(spec)
        part = names if kind is None else requests.setdefault(kind, [])
        part.append([*content, version.summary.format])
    return Keys(
        _digest([COMPILER, CONTAINER_VERSION, names]),
        # Another version of filterd may not open what this one writes for requests.
        {
            kind: _digest([COMPILERS[kind], filterd.__version__, part])
            for kind, part in requests.items()
        },
    )


def _digest(parts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Making:
    """The files of generation `number`; `before` is the one in use."""

    rules: IndexStore
    number: int
    before: Generation | None
    progress: Progress | None
    run: RunJob

    async def names(
        self, sources: Sequence[tuple[ListSpec, Stored]], key: str
    ) -> tuple[ListCount, ...]:
        """Make the index."""
        before = self.before
        if before is not None and before.names_key == key:
            await asyncio.to_thread(self.rules.take_over, before.number, self.number)
            return tuple(count for count in before.lists if count.format not in KINDS)
        job = _job("compile", sources, self.rules.path(self.number))
        return _counts(await self.run(job, self.progress))

    async def requests(
        self, kind: str, sources: Sequence[tuple[ListSpec, Stored]], key: str
    ) -> tuple[tuple[ListCount, ...], RequestPart]:
        """Make the file of rules about requests of one kind."""
        before = self.before
        known = before.requests.get(kind) if before is not None else None
        if before is not None and known is not None and known.key == key:
            counts = tuple(it for it in before.lists if KINDS.get(it.format) == kind)
            if await asyncio.to_thread(self.rules.holds, known):
                return counts, known
        target = self.rules.staging(self.number, kind)
        job = _job("compile-requests", sources, target) | {"kind": kind}
        counts = _counts(await self.run(job, self.progress))
        file = await asyncio.to_thread(self.rules.keep_requests, self.number, kind)
        return counts, RequestPart(file, key, tuple(spec for spec, _ in sources))


def _job(what: str, sources: Sequence[tuple[ListSpec, Stored]], target: Path) -> dict[str, Any]:
    return {
        "job": what,
        "target": str(target),
        "sources": [
            {
                "spec": asdict(spec),
                "format": stored.version.summary.format,
                "path": str(stored.path),
            }
            for spec, stored in sources
        ],
    }


def _counts(result: Mapping[str, Any]) -> tuple[ListCount, ...]:
    return tuple(
        ListCount(**{**each, "refused": tuple((code, count) for code, count in each["refused"])})
        for each in result["lists"]
    )
