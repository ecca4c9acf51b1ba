"""Comparing the files of a box with what is there, and writing them: each whole or not at all."""

import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from filterd.model.durable import make_directory, sync_directory, write_atomically
from filterd.setup.files import Wanted, untouched

MOST = 1_048_576  # octets of a file that is compared
What = Literal["same", "new", "change", "remove", "edited"]


@dataclass(frozen=True, slots=True)
class Change:
    """What has to become of one file. `edited`: a person changed it, so it is asked about first."""

    wanted: Wanted
    path: Path
    before: str | None
    what: What

    def diff(self) -> list[str]:
        """Return the difference, as `diff -u` prints it."""
        old = (self.before or "").splitlines()
        new = (self.wanted.content or "").splitlines()
        names = (f"{self.path}" if self.before is not None else "/dev/null",
                 f"{self.path}" if self.wanted.content is not None else "/dev/null")  # fmt: skip
        return list(difflib.unified_diff(old, new, *names, lineterm=""))


def compare(wanted: Iterable[Wanted], root: Path) -> tuple[Change, ...]:
    """Return what has to change below `root`.

    Raises:
        OSError: a file is there and cannot be read.
    """
    return tuple(_compared(each, root / each.path) for each in wanted)


def _compared(wanted: Wanted, path: Path) -> Change:
    try:
        with path.open("rb") as source:
            before = source.read(MOST).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return Change(wanted, path, None, "same" if wanted.content is None else "new")
    if before == wanted.content:
        return Change(wanted, path, before, "same")
    if not untouched(before):
        return Change(wanted, path, before, "edited")
    return Change(wanted, path, before, "remove" if wanted.content is None else "change")


def write(change: Change) -> Path | None:
    """Make one file as it is wanted; what a person had changed stays beside it with `.bak` at its
    end, whose path is returned. OSError: the file is as it was.
    """
    path, content = change.path, change.wanted.content
    kept: Path | None = None
    if change.what == "edited":
        kept = path.with_name(path.name + ".bak")
        write_atomically(kept, path.read_bytes())
        kept.chmod(path.stat().st_mode & 0o777)
    if content is None:
        path.unlink()
        sync_directory(path.parent)
        return kept
    make_directory(path.parent)
    was = path.stat() if path.exists() else None
    write_atomically(path, content.encode())
    if was is not None:  # whoever may read it reads it still
        os.chown(path, was.st_uid, was.st_gid)
    path.chmod(0o644 if was is None else was.st_mode & 0o777)
    return kept
