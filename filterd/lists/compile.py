"""From the lists on disk to the index in use, by a child process.

The parent stays free to answer queries. If the child fails or is killed, the index in use stays.
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
from filterd.lists.index_store import Generation, IndexStore, ListCount
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
    key = key_of([(spec, version) for spec, version in named if version is not None])
    if current is not None and rules.serves(key):
        # Nothing changed, so the files need not even be read: a start in milliseconds.
        missing = tuple(spec.name for spec, version in named if version is None)
        return Compilation(current, fresh=False, missing=missing)
    found = {spec.name: await asyncio.to_thread(lists.read, spec.name) for spec in specs}
    sources = [(spec, stored) for spec in specs if (stored := found[spec.name]) is not None]
    missing = tuple(name for name, stored in found.items() if stored is None)
    problems = tuple(f"{s.name}: {stored.problem}" for s, stored in sources if stored.problem)
    key = key_of([(spec, stored.version) for spec, stored in sources])
    if current is not None and rules.serves(key):
        return Compilation(current, fresh=False, missing=missing, problems=problems)
    number = rules.next_number()
    try:
        counts = await run(_job(sources, rules.path(number)), progress)
    except BaseException:
        rules.discard(number)
        raise
    generation = Generation(
        number,
        key,
        now,
        tuple((spec.name, stored.version.sha256) for spec, stored in sources),
        tuple(_count(fields) for fields in counts["lists"]),
    )
    await asyncio.to_thread(rules.commit, generation)
    return Compilation(generation, fresh=True, missing=missing, problems=problems)


def key_of(sources: Sequence[tuple[ListSpec, Version]]) -> str:
    """Return a digest of all that the index depends on; not of where a list came from."""
    parts = [
        [asdict(replace(spec, url=None, path=None)), version.sha256, version.summary.format]
        for spec, version in sources
    ]
    text = json.dumps([COMPILER, CONTAINER_VERSION, parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _job(sources: Sequence[tuple[ListSpec, Stored]], target: Path) -> Job:
    return {
        "job": "compile",
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


def _count(fields: Mapping[str, Any]) -> ListCount:
    refused = tuple((code, count) for code, count in fields["refused"])
    return ListCount(**{**fields, "refused": refused})
