"""The label cache as a file: written whole or not at all, read with distrust.

JSON with hashed hosts and their labels. Hosts without a label are left out, and so are single
pages. A file of another installation (another secret) is harmless: its keys match nothing.

So the daemon, which looks at label files, also tells its workers: it saves, they load.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filterd.http.labels.base import Label, cleaned
from filterd.http.labels.cache import PAGE_SECONDS, SITE_SECONDS, LabelCache
from filterd.http.labels.scope import read_scope
from filterd.http.labels.site import MOST_PARTS, Part, SiteLabel
from filterd.model.durable import write_atomically
from filterd.model.errors import FilterdError

FILE = "labels.json"
KEY_FILE = "labels.key"
VERSION = 1
MOST_BYTES = 64 * 2**20
_DAMAGE = (
    ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError
)  # fmt: skip


class LabelsNotLoaded(FilterdError):
    """The file cannot be used. Filtering goes on with an empty cache; the next save replaces it."""


def read_secret(path: Path, random_bytes: Callable[[int], bytes]) -> bytes:
    """Return the secret of this installation's keys, which whoever comes first makes.

    Raises:
        OSError: it can neither be read nor made. ValueError: it is none.
    """
    if not path.exists():
        # Written beside and linked, so that nobody ever reads half of it.
        new = path.with_name(f"{path.name}.{random_bytes(8).hex()}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as sink:
                sink.write(random_bytes(32))
                sink.flush()
                os.fsync(sink.fileno())
            os.link(new, path)
        except FileExistsError:
            pass  # another process was first: its secret is the one
        finally:
            new.unlink()
    secret = path.read_bytes()
    if len(secret) != 32:
        raise ValueError(f"{path} holds no secret of 32 bytes; delete it")
    return secret


def save(cache: LabelCache, path: Path, now: float) -> int:
    """Write the labels of sites; return how many.

    Raises:
        OSError: the file cannot be written; the old one is still there.
    """
    files = [
        [key.hex(), until, [_site(site) for site in sites]]
        for key, until, sites in cache.files.items(now)
        if sites
    ]
    fronts = [
        [key.hex(), until, _label(label)]
        for key, until, label in cache.fronts.items(now)
        if label is not None
    ]
    document = {"version": VERSION, "files": files, "fronts": fronts}
    write_atomically(path, json.dumps(document, separators=(",", ":")).encode())
    return len(files) + len(fronts)


def load(cache: LabelCache, path: Path, now: float) -> int:
    """Put the labels of the file into `cache`, in place of what it has of label files; return how
    many. No file: nothing is done.

    Raises:
        LabelsNotLoaded: the file is damaged, too large, or cannot be read; nothing was taken.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise LabelsNotLoaded(f"{path}: larger than {MOST_BYTES} bytes; delete it")
        document = json.loads(path.read_bytes())
        if document["version"] != VERSION:
            raise LabelsNotLoaded(f"{path}: of another version; it will be replaced")
        files = [
            (*_entry(row, now, SITE_SECONDS), tuple(_read_site(each) for each in row[2]))
            for row in document["files"]
        ]
        fronts = [
            (*_entry(row, now, PAGE_SECONDS), _read_label(row[2])) for row in document["fronts"]
        ]
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise LabelsNotLoaded(f"{path}: cannot be read: {error.strerror}") from error
    except _DAMAGE as error:
        raise LabelsNotLoaded(f"{path}: damaged; it will be replaced at the next save") from error
    cache.files.clear()  # a site may have taken its label away
    for key, until, sites in files:
        cache.files.put(key, sites, until)
    for key, until, front in fronts:
        cache.fronts.put(key, front, until)
    return len(files) + len(fronts)


def _entry(row: Any, now: float, longest: float) -> tuple[bytes, float]:
    # A clock that was set back must not make labels eternal, and neither must NaN (so this order).
    return bytes.fromhex(row[0]), min(now + longest, float(row[1]))


def _label(label: Label) -> list[Any]:
    return [label.min_age, label.scheme, label.said]


def _read_label(row: Any) -> Label:
    age, scheme, said = row
    if type(age) is not int:
        raise TypeError("an age is a whole number")
    return Label(age, cleaned(scheme), cleaned(said))


def _site(site: SiteLabel) -> dict[str, Any]:
    return {
        "default": None if site.default is None else _label(site.default),
        "parts": [[part.scope.text, _label(part.label)] for part in site.parts],
        "pages_say": site.pages_say,
    }


def _read_site(row: Any) -> SiteLabel:
    parts = []
    for text, label in row["parts"][:MOST_PARTS]:
        scope = read_scope(text)
        if scope is None:
            raise ValueError("a scope that this version refuses")
        parts.append(Part(scope, _read_label(label)))
    default = None if row["default"] is None else _read_label(row["default"])
    return SiteLabel(default, tuple(parts), bool(row["pages_say"]))
