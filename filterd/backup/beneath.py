"""Reading below a folder where another account may write: no symbolic link is followed.

Each part of a path is opened in the folder before it, so nobody can put a link there in between.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

DEEPEST = 32  # folders within each other; ours have three
ALL = PurePosixPath()  # all that is below the root
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe without a writer is not waited for


@contextmanager
def opened(root: Path, name: PurePosixPath) -> Iterator[IO[bytes]]:
    """Open a regular file; `root` itself may be a link.

    Raises:
        OSError: it is not there, may not be read, is no file, or a link is in the way.
    """
    with _folder(root, name.parts[:-1]) as place:
        descriptor = os.open(name.name, _FILE, dir_fd=place)
    with os.fdopen(descriptor, "rb") as source:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{root / name} is no file")
        yield source


def files(root: Path, name: PurePosixPath = ALL) -> Iterator[PurePosixPath]:
    """Yield every regular file at or below `name`, in their order. What is not there, or is behind
    a link, is none.

    Raises:
        OSError: a folder cannot be read, or folders go deeper than `DEEPEST`.
    """
    try:
        with _folder(root, name.parts[:-1]) as place:
            kind = _kind(place, name.name or ".")
    except (FileNotFoundError, NotADirectoryError):
        return
    if stat.S_ISREG(kind):
        yield name
    elif stat.S_ISDIR(kind):
        yield from _inside(root, name)


def _inside(root: Path, name: PurePosixPath) -> Iterator[PurePosixPath]:
    if len(name.parts) > DEEPEST:
        raise OSError(f"{root / name}: more than {DEEPEST} folders within each other")
    with _folder(root, name.parts) as place, os.scandir(place) as entries:
        kinds = [(each, _kind(place, each)) for each in sorted(one.name for one in entries)]
    yield from (name / each for each, kind in kinds if stat.S_ISREG(kind))
    for each, kind in kinds:
        if stat.S_ISDIR(kind):
            yield from _inside(root, name / each)


def _kind(place: int, name: str) -> int:
    """Return st_mode; 0: it is gone."""
    try:
        return os.stat(name, dir_fd=place, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0


@contextmanager
def _folder(root: Path, parts: tuple[str, ...]) -> Iterator[int]:
    place = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts:
            outer = place
            place = os.open(part, _FOLDER, dir_fd=outer)
            os.close(outer)
        yield place
    finally:
        os.close(place)
