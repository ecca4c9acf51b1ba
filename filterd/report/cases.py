"""The school's book of cases: what workers left in the box, until somebody decides, or a while.

Two files: the box in the hand-over folder, which this side takes away under the lock that workers
hold to write, and the book beside it, JSON lines replaced as a whole. A command and a daemon may
do so at the same time. Bounded: at most `MOST` cases; the oldest closed ones go first, then
new ones are counted and not kept. An open case ends after 90 days, a closed one after 30.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filterd.model.case import LONGEST, Case, from_json, from_line
from filterd.model.durable import write_atomically
from filterd.model.errors import RulesError

BOX = "cases.jsonl"  # the names that http/page/cases.py writes to
LOCK = "cases.lock"
TAKEN = "cases.taken"
BOOK = "cases.book"
TURN = "cases.turn"  # one reader of the book at a time
MOST = 2_000
DAY = 86_400
OPEN_FOR = 90 * DAY
CLOSED_FOR = 30 * DAY
ANSWER = 400  # characters
_BOX_MOST = 1_048_576  # bytes read of a box, whoever wrote it


@dataclass(frozen=True, slots=True)
class Kept:
    """A case and what came of it. `closed` in unix seconds, None: open. `opened_up`: the school
    lets the page through now (how is another command's work).
    """

    case: Case
    closed: int | None = None
    opened_up: bool = False
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Book:
    """The cases of the hand-over folder `folder`."""

    folder: Path

    def look(self, now: float) -> tuple[Kept, ...]:
        """Take in what is in the box, let go what is over, and return the rest, newest first.

        Raises:
            OSError: the folder cannot be read or written.
        """
        with self._turn():
            return self._current(now)

    def close(self, reference: str, now: float, *, opened_up: bool, answer: str) -> Kept:
        """Close a case with an answer, and return it.

        Raises:
            RulesError: there is no such case, it is closed, or the answer is too long.
            OSError: the folder cannot be read or written.
        """
        if len(answer) > ANSWER or not (answer.isprintable() or not answer):
            raise RulesError(f"the answer is one line of at most {ANSWER} characters")
        with self._turn():
            cases = self._current(now)
            wanted = reference.strip().upper()
            found = next((each for each in cases if each.case.reference == wanted), None)
            if found is None:
                raise RulesError(f"there is no case {reference}; see `filterd case list --all`")
            if found.closed is not None:
                raise RulesError(f"case {wanted} is closed already")
            done = replace(found, closed=int(now), opened_up=opened_up, answer=answer)
            self._write(done if each is found else each for each in cases)
            return done

    @contextmanager
    def _turn(self, name: str = TURN) -> Iterator[None]:
        with (self.folder / name).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _current(self, now: float) -> tuple[Kept, ...]:
        """Return the cases in force; box and book are as they should be afterwards."""
        before = tuple(self._read())
        box, taken = self.folder / BOX, self.folder / TAKEN
        with self._turn(LOCK):  # for a moment: workers wait for it
            if not taken.exists() and box.exists():
                box.rename(taken)  # a kill from here on leaves it to be taken in again
        known = {each.case.reference for each in before}
        fresh: dict[str, Kept] = {}
        for line in _lines(taken):
            case = from_line(line)
            if case is not None and case.reference not in known:
                fresh[case.reference] = Kept(case)
        cases = _bounded((*before, *fresh.values()), now)
        if cases != before:
            self._write(cases)
        taken.unlink(missing_ok=True)
        return cases

    def _read(self) -> Iterator[Kept]:
        for line in _lines(self.folder / BOOK, most=MOST * (2 * LONGEST)):
            kept = kept_of(line)
            if kept is not None:
                yield kept

    def _write(self, cases: Iterable[Kept]) -> None:
        write_atomically(self.folder / BOOK, "".join(f"{line_of(e)}\n" for e in cases).encode())


def line_of(kept: Kept) -> str:
    """Return the line of the book for a case."""
    return json.dumps(asdict(kept), ensure_ascii=False)


def _bounded(cases: Iterable[Kept], now: float) -> tuple[Kept, ...]:
    alive = [each for each in cases if not _over(each, now)]
    alive.sort(key=lambda each: (-each.case.hour, each.case.reference))
    if len(alive) > MOST:
        # The open ones before the closed ones, older before newer: a flood pushes nothing out.
        alive.sort(key=lambda each: (each.closed is not None, each.case.hour))
        alive = sorted(alive[:MOST], key=lambda each: (-each.case.hour, each.case.reference))
    return tuple(alive)


def _over(kept: Kept, now: float) -> bool:
    if kept.closed is None:
        return now - kept.case.hour >= OPEN_FOR
    return now - kept.closed >= CLOSED_FOR


def _lines(path: Path, most: int = _BOX_MOST) -> list[bytes]:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    with os.fdopen(file, "rb") as source:
        return source.read(most).splitlines()


def kept_of(line: bytes | str) -> Kept | None:
    """Return what a line of the book holds; None for anything else, however it is wrong."""
    try:
        said = json.loads(line)
        case = from_json(said["case"])
        closed, opened_up, answer = said["closed"], said["opened_up"], said["answer"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if (
        case is None
        or not (closed is None or type(closed) is int)
        or type(opened_up) is not bool
        or type(answer) is not str
    ):
        return None
    return Kept(case, closed, opened_up, answer[:ANSWER])
