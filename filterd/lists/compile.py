"""From the lists on disk to the index in use, by a child process.

The parent stays free to answer queries. If the child fails or is killed, the index in use stays.
Lists of format abp-url become a file beside the index. Whichever of the two has not changed is
taken over from the generation before.
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
from filterd.lists.abp import COMPILER as ABP_COMPILER
from filterd.lists.abp import is_abp
from filterd.lists.index_store import AbpPart, Generation, IndexStore, ListCount
from filterd.lists.shelf import Caught, Summary, Version
from filterd.lists.store import ListStore, Stored
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec
from filterd.policy.abp_rules import FORMAT as ABP_URL

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
        requests, abp = await making.abp([each for each in sources if is_abp(each[0])], keys.abp)
        counts = await making.names([e for e in sources if not is_abp(e[0])], keys.names)
    except BaseException:
        rules.discard(number)
        raise
    generation = Generation(
        number,
        keys.both,
        now,
        tuple((spec.name, stored.version.sha256) for spec, stored in sources),
        (*counts, *requests),
        keys.names,
        abp,
    )
    await asyncio.to_thread(rules.commit, generation)
    return Compilation(generation, fresh=True, missing=missing, problems=problems)


@dataclass(frozen=True, slots=True)
class Keys:
    """Digests of all that the index, and the file of rules about requests, depend on; `abp` is
    empty where there is no such list.
    """

    names: str
    abp: str

    @property
    def both(self) -> str:
        """One for the generation."""
        return _digest([self.names, self.abp]) if self.abp else self.names


def keys_of(sources: Sequence[tuple[ListSpec, Version]]) -> Keys:
    """Return the digests; where a list came from is not in them."""
    parts: dict[bool, list[Any]] = {False: [], True: []}
    for spec, version in sources:
        content = [asdict(replace(spec, url=None, path=None)), version.sha256]
        parts[is_abp(spec)].append([*content, version.summary.format])
    # Another version of filterd may not open what this one writes for requests.
    abp = [ABP_COMPILER, filterd.__version__, parts[True]]
    return Keys(
        _digest([COMPILER, CONTAINER_VERSION, parts[False]]), _digest(abp) if parts[True] else ""
    )


def _digest(parts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Making:
    """The two files of generation `number`; `before` is the one in use."""

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
            return tuple(count for count in before.lists if count.format != ABP_URL)
        job = _job("compile", sources, self.rules.path(self.number))
        return _counts(await self.run(job, self.progress))

    async def abp(
        self, sources: Sequence[tuple[ListSpec, Stored]], key: str
    ) -> tuple[tuple[ListCount, ...], AbpPart | None]:
        """Make the file of rules about requests, if there are any."""
        if not key:
            return (), None
        before = self.before
        known = before.abp if before is not None else None
        right = known is not None and known.key == key
        if before is not None and known is not None and right:
            right = await asyncio.to_thread(self.rules.holds, known)
        if before is not None and right:
            return tuple(each for each in before.lists if each.format == ABP_URL), known
        target = self.rules.staging(self.number)
        counts = _counts(await self.run(_job("compile-abp", sources, target), self.progress))
        file = await asyncio.to_thread(self.rules.keep_abp, self.number)
        return counts, AbpPart(file, key, tuple(spec for spec, _ in sources))


def _job(what: str, sources: Sequence[tuple[ListSpec, Stored]], target: Path) -> Job:
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
