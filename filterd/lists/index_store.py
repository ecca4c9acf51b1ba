"""Compiled indexes on disk: `rules/gen-N.idx` and its description, two generations of them.

Rules about requests are a file of their own for each kind, `rules/KIND-DIGEST.rules`, named by its
content, which several generations may share.

`current.json` names the generation in use and the one before; replacing it is the one step that
changes anything. An index whose inputs have not changed is opened as it is, in milliseconds.
"""

import contextlib
import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from filterd.core import Index
from filterd.lists.durable import move_durably
from filterd.model.durable import write_atomically
from filterd.model.errors import RulesError
from filterd.model.group import ListSpec

logger = logging.getLogger(__name__)

_POINTER = "current.json"
_FILE = re.compile(r"gen-([0-9]{8,18})\.(?:idx|idx\.lines|json|abp|hashed)(?:\..*)?")
_REQUESTS_FILE = re.compile(r"(?:abp|hashed)-[0-9a-f]{64}\.rules")
_ENDINGS = (".idx", ".idx.lines")


@dataclass(frozen=True, slots=True)
class ListCount:
    """What one list gave to an index; `refused` counts lines by code."""

    name: str
    format: str
    accepted: int
    comments: int
    refused: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class RequestPart:
    """Rules about requests of one kind: the name of their file, what it was made of, and the
    lists by place.
    """

    file: str
    key: str
    lists: tuple[ListSpec, ...]


@dataclass(frozen=True, slots=True)
class Generation:
    """One compiled index. `key` stands for all its inputs, `inputs` for each list's SHA-256;
    `index_key` for what is in the index alone (empty: `key` does); `requests`: by kind.
    """

    number: int
    key: str
    made_at: float  # unix seconds
    inputs: tuple[tuple[str, str], ...]
    lists: tuple[ListCount, ...]
    index_key: str = ""
    requests: Mapping[str, RequestPart] = field(default_factory=dict)

    @property
    def names_key(self) -> str:
        """What stands for the inputs of the index."""
        return self.index_key or self.key


@dataclass(frozen=True, slots=True)
class Pointer:
    """`pinned` is the key rolled back from: while it is wanted, the current one is right."""

    current: int | None = None
    previous: int | None = None
    pinned: str | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """An open index, and where the rules about requests are, by kind. `problem` says what was amiss
    with a newer one.
    """

    index: Index
    generation: Generation
    problem: str | None = None
    requests: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IndexStore:
    """The indexes under one state directory. Every method may raise OSError."""

    state_dir: Path

    @property
    def folder(self) -> Path:
        """Where the indexes are."""
        return self.state_dir / "rules"

    def path(self, number: int) -> Path:
        """Return the path of an index."""
        return self.folder / f"gen-{number:08d}.idx"

    def staging(self, number: int, kind: str) -> Path:
        """Return where the rules about requests of a generation are written at first."""
        return self.folder / f"gen-{number:08d}.{kind}"

    def pointer(self) -> Pointer:
        """Return which generations are in use. A damaged pointer is logged, and the newest whole
        generations are taken: rules that are a little off beat none.
        """
        try:
            return Pointer(**json.loads((self.folder / _POINTER).read_bytes()))
        except FileNotFoundError:
            return Pointer()
        except (ValueError, TypeError) as error:
            logger.warning("rules: the pointer to the index is damaged (%s)", error)
            whole = [n for n in sorted(self._numbers(), reverse=True) if self.described(n)]
            newest, before, *_ = (*whole, None, None)
            return Pointer(newest, before)

    def described(self, number: int | None) -> Generation | None:
        """Return the description of a generation, or None if it is not there whole."""
        if number is None or not self.path(number).is_file():
            return None
        try:
            return _generation(json.loads(self._description(number).read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            logger.warning("rules: the description of index %d is damaged (%s)", number, error)
            return None

    def current(self) -> Generation | None:
        """Return the description of the generation in use."""
        return self.described(self.pointer().current)

    def serves(self, key: str) -> bool:
        """Say whether the index in use is the right one for the inputs `key` stands for."""
        generation = self.current()
        if generation is None or key not in {generation.key, self.pointer().pinned}:
            return False
        return all((self.folder / part.file).is_file() for part in generation.requests.values())

    def load(self, known: Loaded | None = None) -> Loaded | None:
        """Open and verify the index in use, else the one before; None when neither is whole.

        `known` is open already, and returned as it is if it is still the one in use.
        """
        pointer = self.pointer()
        still = known is not None and known.problem is None
        if known is not None and still and known.generation.number == pointer.current:
            return known
        problem = None
        for number in (pointer.current, pointer.previous):
            if number is None:
                continue
            try:
                return self._opened(number, problem)
            except RulesError as error:
                logger.warning("rules: %s", error)
                problem = problem or f"{error}; the one before is used"
        return None

    def next_number(self) -> int:
        """Return a number that no index here ever had; makes the directory."""
        self.folder.mkdir(parents=True, exist_ok=True)
        pointer = self.pointer()
        return max(pointer.current or 0, pointer.previous or 0, *self._numbers()) + 1

    def take_over(self, before: int, number: int) -> None:
        """Give generation `number` the index of another one, as a second name of the same files."""
        for ending in _ENDINGS:
            source = self.path(before).with_suffix(ending)
            if source.is_file():
                os.link(source, self.path(number).with_suffix(ending))

    def keep_requests(self, number: int, kind: str) -> str:
        """Name what is in `staging(number, kind)` by its content and return that name."""
        staged = self.staging(number, kind)
        name = f"{kind}-{_digest(staged)}.rules"
        move_durably(staged, self.folder / name)
        return name

    def holds(self, part: RequestPart) -> bool:
        """Say whether the file of `part` is there and whole."""
        try:
            return part.file.endswith(f"-{_digest(self.folder / part.file)}.rules")
        except FileNotFoundError:
            return False

    def commit(self, generation: Generation) -> None:
        """Put the index at `path(generation.number)`, already on disk, in use."""
        write_atomically(
            self._description(generation.number), json.dumps(asdict(generation)).encode()
        )
        before = self.pointer()
        self._point(Pointer(generation.number, before.current))

    def rollback(self) -> Generation:
        """Put the index before in use again.

        Raises:
            RulesError: there is none, or it is damaged.
        """
        pointer = self.pointer()
        if pointer.previous is None:
            raise RulesError("there is no earlier index to go back to")
        generation = self._opened(pointer.previous, None).generation
        left = self.described(pointer.current)
        pinned = left.key if left is not None else None
        self._point(Pointer(pointer.previous, pointer.current, pinned))
        return generation

    def discard(self, number: int) -> None:
        """Remove what a failed compilation left."""
        for path in self.folder.glob(f"gen-{number:08d}.*"):
            with contextlib.suppress(OSError):
                path.unlink()

    def discard_damaged(self) -> None:
        """Remove the index in use if it does not open, so that it is compiled anew."""
        number = self.pointer().current
        if number is None or not self.path(number).is_file():
            return
        try:
            Index.open(str(self.path(number)))
        except ValueError as error:
            logger.warning("rules: index %d is removed to be compiled anew: %s", number, error)
            self.discard(number)
        generation = self.described(number)
        for part in generation.requests.values() if generation is not None else ():
            if not self.holds(part):
                (self.folder / part.file).unlink(missing_ok=True)

    def _opened(self, number: int, problem: str | None) -> Loaded:
        generation = self.described(number)
        if generation is None:
            raise RulesError(f"index {number} is not there whole")
        try:
            index = Index.open(str(self.path(number)))
        except (ValueError, OSError) as error:
            raise RulesError(f"index {number} cannot be used: {error}") from error
        requests = {}
        for kind, part in generation.requests.items():
            requests[kind] = file = self.folder / part.file
            if not self.holds(part):
                # Who opens it finds that too, and keeps what it has; names need not wait for that.
                logger.warning("rules: %s is damaged; it is compiled anew", file)
                problem = problem or f"{file} is damaged; it is compiled anew"
        return Loaded(index, generation, problem, requests)

    def _numbers(self) -> set[int]:
        """The generations that any file here belongs to."""
        names = (_FILE.fullmatch(path.name) for path in self.folder.iterdir())
        return {int(match[1]) for match in names if match}

    def _description(self, number: int) -> Path:
        return self.folder / f"gen-{number:08d}.json"

    def _point(self, pointer: Pointer) -> None:
        write_atomically(self.folder / _POINTER, json.dumps(asdict(pointer)).encode())
        kept = {pointer.current, pointer.previous}
        described = [each for number in kept if (each := self.described(number)) is not None]
        named = {part.file for each in described for part in each.requests.values()}
        for path in self.folder.iterdir():
            match = _FILE.fullmatch(path.name)
            stray = _REQUESTS_FILE.fullmatch(path.name) is not None and path.name not in named
            if stray or (match and int(match[1]) not in kept):
                # A mapped file stays readable for who has it open.
                with contextlib.suppress(OSError):
                    path.unlink()


def _generation(fields: Mapping[str, Any]) -> Generation:
    lists = tuple(
        replace(ListCount(**count), refused=tuple((c, n) for c, n in count["refused"]))
        for count in fields["lists"]
    )
    inputs = tuple((name, sha256) for name, sha256 in fields["inputs"])
    requests = {
        kind: RequestPart(part["file"], part["key"], tuple(ListSpec(**it) for it in part["lists"]))
        for kind, part in fields.get("requests", {}).items()
    }
    return Generation(**{**fields, "lists": lists, "inputs": inputs, "requests": requests})


def _digest(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
