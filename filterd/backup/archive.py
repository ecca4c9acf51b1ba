"""The file of a backup: a tar archive packed by Zstandard, its manifest last.

Written to a new file that only its owner may read, and renamed when it is whole. Read into a folder
of its own; nothing is believed before every file is what the manifest says.
"""

import grp
import hashlib
import io
import os
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import zstandard

from filterd.backup.beneath import opened
from filterd.backup.manifest import (
    MOST_BYTES,
    MOST_FILES,
    MOST_MANIFEST,
    NAME,
    BadBackup,
    Entry,
    Manifest,
    from_json,
    safe_name,
    to_json,
)
from filterd.backup.selection import Taken
from filterd.model.durable import sync_directory

_CHUNK = 1 << 20
_WINDOW = 1 << 27  # octets that unpacking may take
_LESS = "move what is no part of the configuration out of its folder, or leave --with-log out"


class _Hashing(io.RawIOBase):
    """Reads a file and hashes what it reads."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        data = self._source.read(size)
        self.digest.update(data)
        return data


def pack(path: Path, files: Iterable[Taken], head: Manifest) -> Manifest:
    """Write `files` to a backup at `path`, mode 0600, and return its manifest. `head` has all of it
    but the entries.

    What `unpack` would refuse is not written. Of whatever fails, nothing is left, and what was at
    `path` before stays.

    Raises:
        BadBackup: there are too many files, they are too large, or one has a name that cannot be.
        OSError: a file cannot be read, or the backup not written.
    """
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as sink:
            manifest = _pack(sink, files, head)
            sink.flush()
            os.fsync(sink.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.absolute().parent)
    return manifest


def _pack(sink: IO[bytes], files: Iterable[Taken], head: Manifest) -> Manifest:
    entries: list[Entry] = []
    total = 0
    compressor = zstandard.ZstdCompressor(level=9, write_checksum=True)
    with (
        compressor.stream_writer(sink, closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for each in files:
            _check_name(each)
            with opened(each.root, each.path) as source:
                status = os.fstat(source.fileno())
                total += status.st_size
                if total > MOST_BYTES or len(entries) >= MOST_FILES:
                    raise BadBackup(
                        f"with {each.root / each.path} it would be more than {MOST_FILES} files or "
                        f"{MOST_BYTES >> 20} MiB, which restore refuses; {_LESS}"
                    )
                hashing = _Hashing(source)
                tar.addfile(_member(each.name, status.st_size, int(status.st_mtime)), hashing)
            entries.append(
                Entry(
                    each.name,
                    status.st_size,
                    hashing.digest.hexdigest(),
                    status.st_mode & 0o777,
                    _group(status.st_gid),
                )
            )
        manifest = Manifest(head.filterd, head.made, head.config, tuple(entries))
        text = to_json(manifest)
        if len(text) > MOST_MANIFEST:
            raise BadBackup(f"names of {len(entries)} files are more than restore reads; {_LESS}")
        if head.config not in {each.name for each in entries}:
            raise BadBackup(
                f"{head.config}, the configuration itself, would not be in it; is it still there, "
                f"under a name that ends in neither .new nor .bak?"
            )
        tar.addfile(_member(NAME, len(text), 0), io.BytesIO(text))
    return manifest


def _check_name(taken: Taken) -> None:
    try:
        safe_name(taken.name)
    except BadBackup as error:
        raise BadBackup(
            f"restore would refuse the name {str(taken.path)[:60]!r} in {taken.root}: it is too "
            f"long, or not all of it prints; rename the file, or move it elsewhere"
        ) from error


def _member(name: str, size: int, time: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, time, 0o600
    return member


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return ""


def unpack(path: Path, folder: Path) -> Manifest:
    """Unpack a backup into `folder`, which is empty, check every file, and return the manifest.

    Raises:
        BadBackup: it is damaged, holds what no backup holds, or is no backup.
        OSError: it cannot be read, or the disk is full.
    """
    found: dict[str, tuple[int, str]] = {}
    total = 0
    text: bytes | None = None
    with _opened(path) as tar:
        for member in tar:
            source = tar.extractfile(member) if member.isreg() else None
            if source is None or text is not None:
                raise BadBackup(f"the backup holds {member.name[:60]!r}, which no backup does")
            if member.name == NAME:
                text = source.read(MOST_MANIFEST)
                continue
            name = safe_name(member.name)
            total += member.size
            if name in found or total > MOST_BYTES or len(found) >= MOST_FILES:
                raise BadBackup(f"the backup holds {name[:60]!r} twice, or more than one may")
            found[name] = member.size, _copy(source, folder / name)
    if text is None:
        raise BadBackup("the backup has no manifest: it was cut off, or is none")
    manifest = from_json(text)
    said = {each.name: (each.size, each.sha256) for each in manifest.entries}
    wrong = sorted(name for name in {*said, *found} if said.get(name) != found.get(name))
    if wrong or manifest.config not in said or len(said) != len(manifest.entries):
        raise BadBackup(f"the backup is damaged: {', '.join(wrong[:5]) or 'its manifest'}")
    return manifest


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    with path.open("rb") as source:
        unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        try:
            with (
                unpacker.stream_reader(source) as plain,
                tarfile.open(fileobj=plain, mode="r|") as tar,
            ):
                yield tar
        except (zstandard.ZstdError, tarfile.TarError, EOFError) as error:
            raise BadBackup(f"{path} is damaged, or no backup: {error}") from error


def _copy(source: IO[bytes], path: Path) -> str:
    digest = hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(path, "xb", opener=_private) as sink:
        while data := source.read(_CHUNK):
            digest.update(data)
            sink.write(data)
    return digest.hexdigest()


def _private(path: Any, flags: int) -> int:
    return os.open(path, flags, 0o600)
