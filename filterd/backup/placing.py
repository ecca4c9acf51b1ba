"""Putting what was unpacked into its place: each file whole, under its owner, the state first."""

import errno
import grp
import os
import shutil
from contextlib import suppress
from pathlib import Path, PurePosixPath

from filterd.backup.manifest import Entry, Manifest
from filterd.backup.selection import CONFIG
from filterd.model.durable import sync_directory


def place(manifest: Manifest, folder: Path, config_folder: Path, state: Path) -> None:
    """Put the files of `folder` into their places. All that can fail for want of space is done
    before the first file changes; whoever is interrupted after that does it again.

    Raises:
        OSError: what was replaced until then stays replaced.
    """
    ready: list[tuple[Path, Path]] = []
    entries = sorted(manifest.entries, key=lambda each: (_in_config(each), each.name))
    try:
        for each in entries:
            root = config_folder if _in_config(each) else state
            final = root.joinpath(*PurePosixPath(each.name).parts[1:])
            _make(final.parent, root)
            temporary = final.with_name(final.name + ".new")
            ready.append((temporary, final))
            _stage(folder / each.name, temporary, each, root)
    except BaseException:
        for temporary, _ in ready:
            temporary.unlink(missing_ok=True)
        raise
    for temporary, final in ready:
        temporary.replace(final)
    for parent in {final.parent for _, final in ready}:
        sync_directory(parent)


def _in_config(entry: Entry) -> bool:
    return PurePosixPath(entry.name).parts[0] == CONFIG


def _make(folder: Path, root: Path) -> None:
    """Make a folder, of the owner of `root`. Below `root`, where another account may write, no
    symbolic link is followed.
    """
    if folder.is_symlink() and folder != root:
        raise NotADirectoryError(errno.ENOTDIR, "is a symbolic link; remove it", str(folder))
    if folder == root and root.is_dir():
        return
    if folder != root:
        _make(folder.parent, root)
    if folder.is_dir():
        return
    folder.mkdir(mode=0o750, parents=folder == root)
    if folder != root and os.geteuid() == 0:
        owner = root.stat()
        os.chown(folder, owner.st_uid, owner.st_gid)


def _stage(source: Path, temporary: Path, entry: Entry, root: Path) -> None:
    temporary.unlink(missing_ok=True)
    mode = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with source.open("rb") as held, os.fdopen(os.open(temporary, mode, 0o600), "wb") as sink:
        shutil.copyfileobj(held, sink)
        sink.flush()
        if os.geteuid() == 0:
            owner = root.stat()
            group = owner.st_gid
            with suppress(KeyError):  # a group of another machine
                group = grp.getgrnam(entry.group).gr_gid if entry.group else group
            os.fchown(sink.fileno(), owner.st_uid, group)
        os.fchmod(sink.fileno(), entry.mode)
        os.fsync(sink.fileno())
