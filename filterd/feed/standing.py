"""What a feed's own folder says of whom to trust, for whoever works in that folder.

Not for a node: nothing is verified here, see `trust.py`.
"""

from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Targets
from tuf.api.serialization import DeserializationError

from filterd.feed.canonical import read_object
from filterd.feed.manifest import MOST as MOST_MANIFEST
from filterd.feed.manifest import Manifest, path_of, read_manifest
from filterd.feed.policy import MOST as MOST_POLICY
from filterd.feed.policy import read_policy
from filterd.feed.prepared import ROLE
from filterd.feed.refusal import Fault, Refused
from filterd.feed.registry import MOST as MOST_REGISTRY
from filterd.feed.registry import read_registry
from filterd.feed.trust import METADATA, POLICY, REGISTRY, TARGETS, Trust


def newest(feed: Path, role: str) -> Metadata[Any] | None:
    """Return the newest metadata of `role` in `feed`; None: there is none.

    Raises:
        Refused: it is damaged.
        OSError: it cannot be read.
    """
    names = (path.name for path in (feed / METADATA).glob(f"*.{role}.json"))
    version = max((int(name.partition(".")[0]) for name in names), default=None)
    if version is None:
        return None
    path = feed / METADATA / f"{version}.{role}.json"
    try:
        return Metadata[Any].from_bytes(path.read_bytes())
    except DeserializationError as error:
        raise Refused(Fault.MALFORMED, f"{path}: {error}") from error


def read_manifest_of(feed: Path, authority: str) -> Manifest | None:
    """Return what an authority said last of itself; None: nothing. Refused, OSError."""
    found = newest(feed, f"{ROLE}{authority}")
    if found is None:
        return None
    digest = found.signed.targets[path_of(authority)].hashes["sha256"]
    folder, _, name = path_of(authority).rpartition("/")
    data = (feed / TARGETS / folder / f"{digest}.{name}").read_bytes()
    return read_manifest(read_object(data, MOST_MANIFEST), authority)


def read_standing(feed: Path) -> Trust:
    """Return what the newest targets metadata in `feed` names.

    Raises:
        Refused: the folder is no feed, or is damaged.
        OSError: it cannot be read.
    """
    found = newest(feed, "targets")
    if found is None:
        raise Refused(Fault.MALFORMED, f"{feed} is no feed: `filterd authority init` begins one")
    targets: Targets = found.signed

    def read(name: str, most: int) -> dict[str, object]:
        digest = targets.targets[name].hashes["sha256"]
        return read_object((feed / TARGETS / f"{digest}.{name}").read_bytes(), most)

    registry = read_registry(read(REGISTRY, MOST_REGISTRY))
    return Trust(registry, read_policy(read(POLICY, MOST_POLICY)))
