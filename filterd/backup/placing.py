"""Putting what was unpacked into its place: each file whole, under its owner, the state first.

The state directory belongs to the daemon's account, of which processes may still run. So no path is
looked at first and opened later: every step goes from folder to folder, and through no link.
"""

import grp
import os
import shutil
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filterd.backup import beneath
from filterd.backup.manifest import Entry, Manifest
from filterd.backup.selection import CONFIG

# The daemon's account reads lists and certificates below the configuration; a file that it must not
# read has rights of its own.
_IN_CONFIG, _IN_STATE = 0o755, 0o750
RIGHTS = 0o664  # that a file may have: whoever made a backup gives nobody a program to run


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a file goes: `path` below `root`. `rights`: of folders that are not there yet."""

    root: Path
    path: PurePosixPath
    rights: int

    @property
    def temporary(self) -> str:
        """Its name until every file is ready."""
        return f"{self.path.name}.new"

    def folder(self) -> AbstractContextManager[int]:
        """Open the folder it is in, and give its descriptor; see `beneath.folder`."""
        return beneath.folder(self.root, self.path.parts[:-1], self.rights)


def place(manifest: Manifest, folder: Path, config_folder: Path, state: Path) -> None:
    """Put the files of `folder` into their places. All that can fail for want of space is done
    before the first file changes; whoever is interrupted after that does it again.

    Raises:
        OSError: what was replaced until then stays replaced.
        NotADirectoryError: below a root, a link or a file is where a folder should be.
    """
    ready: list[_Spot] = []
    entries = sorted(manifest.entries, key=lambda each: (_in_config(each), each.name))
    try:
        for each in entries:
            path = PurePosixPath(*PurePosixPath(each.name).parts[1:])
            spot = (
                _Spot(config_folder, path, _IN_CONFIG)
                if _in_config(each)
                else _Spot(state, path, _IN_STATE)
            )
            _make_root(spot)
            with spot.folder() as there:
                ready.append(spot)
                _stage(folder / each.name, there, spot, each)
    except BaseException:
        for spot in ready:
            with suppress(OSError), spot.folder() as there:
                os.unlink(spot.temporary, dir_fd=there)
        raise
    for spot in ready:
        with spot.folder() as there:
            os.rename(spot.temporary, spot.path.name, src_dir_fd=there, dst_dir_fd=there)
    for spot in {(each.root, each.path.parent): each for each in ready}.values():
        with spot.folder() as there:
            os.fsync(there)


def _in_config(entry: Entry) -> bool:
    return PurePosixPath(entry.name).parts[0] == CONFIG


def _make_root(spot: _Spot) -> None:
    if not spot.root.is_dir():
        spot.root.mkdir(parents=True)
        spot.root.chmod(spot.rights)  # whatever the umask is


def _stage(source: Path, there: int, spot: _Spot, entry: Entry) -> None:
    with suppress(FileNotFoundError):
        os.unlink(spot.temporary, dir_fd=there)
    mode = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with (
        source.open("rb") as held,
        os.fdopen(os.open(spot.temporary, mode, 0o600, dir_fd=there), "wb") as sink,
    ):
        shutil.copyfileobj(held, sink)
        sink.flush()
        if os.geteuid() == 0:
            owner = spot.root.stat()
            group = owner.st_gid
            with suppress(KeyError):  # a group of another machine
                group = grp.getgrnam(entry.group).gr_gid if entry.group else group
            os.fchown(sink.fileno(), owner.st_uid, group)
        os.fchmod(sink.fileno(), entry.mode & RIGHTS)
        os.fsync(sink.fileno())
