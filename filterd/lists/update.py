"""Fetch, inspect, judge, keep: one round over the configured lists.

Each list has its own outcome; none stops another. Whatever fails, the version in use stays.
Compiling is a step of its own (`compile.py`), so an offline start needs none of this.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filterd.formats.registry import by_name
from filterd.lists.compile import inspect_in_child
from filterd.lists.fetch import Failed, Fetched, Fetcher, NotModified
from filterd.lists.gate import AUTO, Bounds, Guard, Held, judge
from filterd.lists.requests import format_of
from filterd.lists.schedule import next_refresh
from filterd.lists.shelf import Attempt, Shelf, Summary, Version
from filterd.lists.store import ListStore
from filterd.lists.wanted import Kind, Outcome, Wanted
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec

Inspect = Callable[[ListSpec, Path, Sequence[str]], Awaitable[Summary]]
Progress = Callable[[str, int, int | None], None]  # list, bytes so far, of how many


@dataclass(frozen=True, slots=True)
class Updater:
    """What a round needs from outside. `clock` gives unix seconds."""

    store: ListStore
    fetcher: Fetcher
    clock: Callable[[], float]
    rng: random.Random
    bounds: Bounds = field(default_factory=Bounds)
    guard: Guard = field(default_factory=Guard)
    inspect: Inspect = inspect_in_child
    parallel: int = 4

    async def update(
        self,
        wanted: Sequence[Wanted],
        *,
        force: Collection[str] = (),
        progress: Progress | None = None,
    ) -> tuple[Outcome, ...]:
        """Bring every list up to date. Lists named in `force` pass the gate whatever it says,
        except for a configured SHA-256.

        The caller holds `durable.locked`. Raises nothing that one list could cause.
        """
        fetching = asyncio.Semaphore(max(1, self.parallel))
        reading = asyncio.Semaphore(1)  # one child at a time: it takes memory like the list

        async def one(want: Wanted) -> Outcome:
            round_ = _Round(self, want, force=want.spec.name in force)
            return await round_.run(fetching, reading, progress)

        return tuple(await asyncio.gather(*(one(want) for want in wanted)))


@dataclass(frozen=True, slots=True)
class _Round:
    """One list in one round."""

    by: Updater
    want: Wanted
    force: bool

    async def run(
        self, fetching: asyncio.Semaphore, reading: asyncio.Semaphore, progress: Progress | None
    ) -> Outcome:
        shelf = Shelf()
        try:
            shelf = self.by.store.known(self.want.spec.name)
            async with fetching:
                got = await self._fetch(progress)
            match got:
                case Failed(reason):
                    return await self._failed(shelf, reason)
                case NotModified():
                    return await self._unchanged()
                case Fetched():
                    async with reading:
                        return await self._judged(shelf, got)
        except RulesError as error:
            return await self._failed(shelf, str(error))
        except OSError as error:
            return await self._failed(shelf, f"cannot be kept on disk: {error.strerror or error}")
        finally:
            # What cannot be removed is overwritten by the next round.
            with contextlib.suppress(OSError):
                (self.by.store.folder(self.want.spec.name) / "incoming").unlink()

    async def _fetch(self, progress: Progress | None) -> Fetched | NotModified | Failed:
        spec = self.want.spec
        incoming = self.by.store.staging(spec.name)
        location = _location(spec)
        stored = await asyncio.to_thread(self.by.store.read, spec.name)
        known = None
        # Asked for anew when the file is damaged, the address changed, or it is read differently.
        if stored is not None and stored.problem is None and not self.force:
            version = stored.version
            if version.location == location and _reads_as(spec, version.summary):
                known = version.validators

        def told(done: int, total: int | None) -> None:
            if progress is not None:
                progress(spec.name, done, total)

        return await self.by.fetcher.fetch(location, incoming, known=known, progress=told)

    async def _judged(self, shelf: Shelf, got: Fetched) -> Outcome:
        spec = self.want.spec
        current = shelf.current
        same = current is not None and current.sha256 == got.sha256
        if same and current is not None and _reads_as(spec, current.summary):
            version = self._version(got, current.summary)
            shelf = await self._promoted(version, got.path)
            return self._outcome(shelf, Kind.UNCHANGED)
        summary = await self.by.inspect(spec, got.path, self.by.guard.names(spec))
        version = self._version(got, summary)
        pinned = self._pinned(version)
        reasons = pinned or self._reasons(shelf, version)
        if pinned or (reasons and not self.force):
            attempt = self._attempt("held", reasons)
            shelf = await asyncio.to_thread(
                self.by.store.hold, spec.name, version, attempt, got.path
            )
            return self._outcome(shelf, Kind.HELD, reasons)
        shelf = await self._promoted(version, got.path)
        return self._outcome(shelf, Kind.UPDATED, reasons)

    async def _promoted(self, version: Version, file: Path) -> Shelf:
        # In a thread, as all that waits for the disk: queries are answered on this loop.
        return await asyncio.to_thread(
            self.by.store.promote, self.want.spec.name, version, self._attempt("ok"), file
        )

    def _pinned(self, version: Version) -> tuple[str, ...]:
        """A configured SHA-256 is changed in the configuration, not forced."""
        pinned = self.want.sha256
        if pinned is None or version.sha256 == pinned:
            return ()
        return (f"its SHA-256 is {version.sha256}, not the configured {pinned}",)

    def _reasons(self, shelf: Shelf, version: Version) -> tuple[str, ...]:
        if version.sha256 == shelf.rejected:
            return ("an operator rolled back from this version",)
        old = shelf.current.summary if shelf.current is not None else None
        auto = self.want.spec.format == AUTO
        verdict = judge(old, version.summary, self.by.bounds, auto=auto)
        return verdict.reasons if isinstance(verdict, Held) else ()

    def _version(self, got: Fetched, summary: Summary) -> Version:
        return Version(
            got.sha256,
            got.size,
            _location(self.want.spec),
            self.by.clock(),
            summary,
            got.validators,
        )

    async def _unchanged(self) -> Outcome:
        attempt = self._attempt("ok")
        shelf = await asyncio.to_thread(self.by.store.note, self.want.spec.name, attempt)
        return self._outcome(shelf, Kind.UNCHANGED)

    async def _failed(self, shelf: Shelf, reason: str) -> Outcome:
        before = shelf.attempt.failures if shelf.attempt is not None else 0
        attempt = self._attempt("failed", (reason,), before + 1)
        reasons: tuple[str, ...] = (reason,)
        try:
            shelf = await asyncio.to_thread(self.by.store.note, self.want.spec.name, attempt)
        except OSError as error:
            reasons = (reason, f"and that could not be noted: {error.strerror or error}")
        return self._outcome(shelf, Kind.FAILED, reasons)

    def _attempt(self, outcome: str, reasons: tuple[str, ...] = (), failures: int = 0) -> Attempt:
        now = self.by.clock()
        next_at = next_refresh(now, self.want.refresh, failures, self.by.rng)
        return Attempt(now, outcome, reasons, failures, next_at)

    def _outcome(self, shelf: Shelf, kind: Kind, reasons: tuple[str, ...] = ()) -> Outcome:
        summary = shelf.current.summary if shelf.current is not None else None
        return Outcome(self.want.spec.name, kind, reasons, summary)


def _reads_as(spec: ListSpec, summary: Summary) -> bool:
    """Say whether `summary` was made with the configured format, whichever its alias."""
    requests = format_of(spec)
    if requests is not None:
        return summary.format == requests
    return spec.format == AUTO or by_name(spec.format).name == summary.format


def _location(spec: ListSpec) -> str:
    location = spec.url or spec.path
    if location is None:
        raise RulesError(f"list {spec.name} has neither `url` nor `path`")
    return location
