"""The manifest of a backup: what is in it, each file with its size, digest and rights."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from filterd.backup.selection import CONFIG, belongs
from filterd.model.errors import FilterdError

NAME = "manifest.json"
FORMAT = 1
MOST_FILES = 10_000
MOST_BYTES = 2 * 2**30  # of all files, unpacked
MOST_MANIFEST = 4 * 2**20
_LONGEST = 400  # characters of a name


class BadBackup(FilterdError):
    """A backup that is damaged, of a newer version, or not one at all; or one that would be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `mode`: its rights; `group`: the name of its group."""

    name: str
    size: int
    sha256: str
    mode: int
    group: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All of a backup. `config`: the name of the configuration file; `made`: ISO 8601."""

    filterd: str
    made: str
    config: str
    entries: tuple[Entry, ...]


def to_json(manifest: Manifest) -> bytes:
    """Return the manifest as it is written."""
    value = {
        "format": FORMAT,
        "filterd": manifest.filterd,
        "made": manifest.made,
        "config": manifest.config,
        "files": [asdict(each) for each in manifest.entries],
    }
    return json.dumps(value, indent=1, ensure_ascii=False).encode()


def from_json(text: bytes) -> Manifest:
    """Return the manifest that was written.

    Raises:
        BadBackup: it is none, or a newer one.
    """
    try:
        value = json.loads(text)
        if value["format"] != FORMAT:
            raise BadBackup(
                f"the backup has format {value['format']!r} of filterd {value['filterd']!r}, and "
                f"this one knows {FORMAT}; install that version"
            )
        entries = tuple(map(_entry, value["files"]))
        config = safe_name(value["config"])
        if str(PurePosixPath(config).parent) != CONFIG:
            raise BadBackup(f"the backup calls {config[:60]!r} its configuration, which is none")
        found = Manifest(str(value["filterd"]), str(value["made"]), config, entries)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadBackup(f"the manifest of the backup does not read: {error!r}") from error
    return found


def safe_name(name: Any) -> str:
    """Return the name of a file in a backup, if it is one that a backup has.

    Raises:
        BadBackup: it is absolute, has `..`, or is of no file that a backup takes.
    """
    path = PurePosixPath(name) if isinstance(name, str) and len(name) <= _LONGEST else None
    good = (
        path is not None
        and str(path) == name
        and len(path.parts) > 1
        and belongs(path)
        and ".." not in path.parts
        and name.isprintable()
    )
    if not good:
        raise BadBackup(
            f"the backup has a file {str(name)[:60]!r}, which no backup of this version has; if a "
            f"newer filterd wrote it, install that one"
        )
    return str(name)


def _entry(value: Mapping[str, Any]) -> Entry:
    mode, size = value["mode"], value["size"]
    if not isinstance(mode, int) or not isinstance(size, int) or mode & ~0o777 or size < 0:
        raise BadBackup(f"the backup gives a file impossible rights or size: {mode!r}, {size!r}")
    group = str(value["group"])
    if not group.isprintable():
        raise BadBackup(f"the backup gives a file an impossible group: {group[:60]!r}")
    return Entry(safe_name(value["name"]), size, str(value["sha256"]), mode, group)
