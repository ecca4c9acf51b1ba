"""Reading and writing below a folder where another account may write: no symbolic link is followed.

Each part of a path is opened in the folder before it, so nobody can put a link there in between.
"""

import errno
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
_IN_THE_WAY = "is a symbolic link, or a file; remove it"


@contextmanager
def opened(root: Path, name: PurePosixPath) -> Iterator[IO[bytes]]:
    """Open a regular file; `root` itself may be a link.

    Raises:
        OSError: it is not there, may not be read, is no file, or a link is in the way.
    """
    with folder(root, name.parts[:-1]) as place:
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
        with folder(root, name.parts[:-1]) as place:
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
    with folder(root, name.parts) as place, os.scandir(place) as entries:
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
def folder(root: Path, parts: tuple[str, ...], rights: int | None = None) -> Iterator[int]:
    """Open the folder that `parts` lead to, and give its descriptor; `root` itself may be a link.
    With `rights`, folders that are not there are made with them, of the owner of `root`.

    Raises:
        OSError: it is not there, or may not be read or made.
        NotADirectoryError: a link or a file is in the way.
    """
    place = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        owner = os.fstat(place)
        for number, part in enumerate(parts, 1):
            outer = place
            try:
                place = _entered(outer, part, rights, owner)
            except NotADirectoryError as error:
                where = str(root.joinpath(*parts[:number]))
                raise NotADirectoryError(errno.ENOTDIR, _IN_THE_WAY, where) from error
            os.close(outer)
        yield place
    finally:
        os.close(place)


def _entered(outer: int, part: str, rights: int | None, owner: os.stat_result) -> int:
    try:
        return os.open(part, _FOLDER, dir_fd=outer)
    except FileNotFoundError:
        if rights is None:
            raise
    os.mkdir(part, 0o700, dir_fd=outer)
    place = os.open(part, _FOLDER, dir_fd=outer)
    try:
        if os.geteuid() == 0:
            os.fchown(place, owner.st_uid, owner.st_gid)
        os.fchmod(place, rights)  # whatever the umask is
        os.fsync(outer)
    except BaseException:
        os.close(place)
        raise
    return place
