"""The lists on disk: `lists/<name>/`, with `shelf.json` and one file per version.

A version's file is named by its SHA-256 and never changes. It is on disk before `shelf.json`
names it, and goes only after `shelf.json` no longer does. So a kill at any moment leaves a shelf
whose versions are all there, at worst with a stray file that the next write clears.
"""

import contextlib
import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from filterd.lists.durable import move_durably
from filterd.lists.shelf import (
    Attempt,
    Shelf,
    Version,
    dump,
    held_back,
    load,
    promoted,
    rolled_back,
)
from filterd.model.durable import write_atomically
from filterd.model.errors import RulesError

logger = logging.getLogger(__name__)

_SHELF = "shelf.json"
_VERSION_FILE = re.compile(r"[0-9a-f]{64}\.list")


@dataclass(frozen=True, slots=True)
class Stored:
    """A version whose file was found whole. `problem` says what is amiss with a newer one."""

    version: Version
    path: Path
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class ListStore:
    """All lists under one state directory. Every method may raise OSError (disk full, rights)."""

    state_dir: Path

    def folder(self, name: str) -> Path:
        """Return the directory of the list, whose name may hold any character."""
        safe = quote(name, safe="")
        return self.state_dir / "lists" / (safe if safe.strip(".") else f"%2E{safe[1:]}")

    def staging(self, name: str) -> Path:
        """Return a path on the same file system for a download; makes the directory."""
        folder = self.folder(name)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / "incoming"

    def shelf(self, name: str) -> Shelf:
        """Return what is known of the list; empty for an unknown one.

        Raises:
            RulesError: the metadata is damaged.
        """
        try:
            data = (self.folder(name) / _SHELF).read_bytes()
        except FileNotFoundError:
            return Shelf()
        return load(data)

    def known(self, name: str) -> Shelf:
        """Return the shelf, or an empty one when it is damaged, which is logged."""
        try:
            return self.shelf(name)
        except RulesError as error:
            logger.warning("list %s: %s; it is fetched anew", name, error)
            return Shelf()

    def read(self, name: str) -> Stored | None:
        """Return the newest whole version, checked by its SHA-256; None when there is none."""
        shelf = self.known(name)
        problem = None
        for version in (shelf.current, shelf.previous):
            if version is None or version.sha256 == shelf.rejected:
                continue
            path = self._file(name, version)
            fault = _fault(path, version)
            if fault is None:
                return Stored(version, path, problem)
            problem = problem or f"the current version {fault}; the one before is used"
            logger.warning("list %s: version %s %s", name, version.sha256[:12], fault)
        return None

    def held(self, name: str) -> Stored | None:
        """Return the version held back, if there is one and it is whole."""
        version = self.known(name).held
        if version is None or _fault(self._file(name, version), version) is not None:
            return None
        return Stored(version, self._file(name, version))

    def promote(self, name: str, version: Version, attempt: Attempt, file: Path) -> Shelf:
        """Put `version` in use; `file` holds it and is moved in."""
        self._keep(name, version, file)
        return self._write(name, promoted(self.known(name), version, attempt))

    def hold(self, name: str, version: Version, attempt: Attempt, file: Path) -> Shelf:
        """Keep `version` aside with the reasons in `attempt`; what is in use stays."""
        self._keep(name, version, file)
        return self._write(name, held_back(self.known(name), version, attempt))

    def note(self, name: str, attempt: Attempt) -> Shelf:
        """Remember an attempt that brought no new version."""
        shelf = self.known(name)
        changed = Shelf(shelf.current, shelf.previous, shelf.held, attempt, shelf.rejected)
        self.folder(name).mkdir(parents=True, exist_ok=True)
        return self._write(name, changed)

    def accept(self, name: str, attempt: Attempt) -> Shelf:
        """Put the held version in use, as an operator wishes.

        Raises:
            RulesError: nothing is held back, or its file is damaged.
        """
        stored = self.held(name)
        if stored is None:
            raise RulesError(f"list {name}: no whole version is held back; update it first")
        return self._write(name, promoted(self.known(name), stored.version, attempt))

    def rollback(self, name: str) -> Shelf:
        """Put the previous version in use again.

        Raises:
            RulesError: there is none, or its file is damaged.
        """
        shelf = self.known(name)
        changed = rolled_back(shelf)
        assert changed.current is not None
        fault = _fault(self._file(name, changed.current), changed.current)
        if fault is not None:
            raise RulesError(f"list {name}: the earlier version {fault}")
        return self._write(name, changed)

    def _file(self, name: str, version: Version) -> Path:
        return self.folder(name) / f"{version.sha256}.list"

    def _keep(self, name: str, version: Version, file: Path) -> None:
        if file != self._file(name, version):
            move_durably(file, self._file(name, version))

    def _write(self, name: str, shelf: Shelf) -> Shelf:
        folder = self.folder(name)
        write_atomically(folder / _SHELF, dump(shelf))
        versions = (shelf.current, shelf.previous, shelf.held)
        kept = {self._file(name, version).name for version in versions if version is not None}
        for path in folder.iterdir():
            if _VERSION_FILE.fullmatch(path.name) and path.name not in kept:
                # The shelf is right without this; a stray file goes with the next write.
                with contextlib.suppress(OSError):
                    path.unlink()
        return shelf


def _fault(path: Path, version: Version) -> str | None:
    try:
        with path.open("rb") as source:
            found = hashlib.file_digest(source, "sha256").hexdigest()
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None if found == version.sha256 else "is damaged (its SHA-256 differs)"
