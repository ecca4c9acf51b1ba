"""What a feed's own folder says of whom to trust, for whoever works in that folder.

Not for a node: nothing is verified here, see `trust.py`.
"""

from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization import DeserializationError

from filterd.feed.canonical import read_object
from filterd.feed.ceremony import LIFETIMES
from filterd.feed.manifest import MOST as MOST_MANIFEST
from filterd.feed.manifest import Manifest, path_of, read_manifest
from filterd.feed.media import MOST as MOST_MEDIA
from filterd.feed.media import read_media
from filterd.feed.never import MOST as MOST_NEVER
from filterd.feed.never import read_never
from filterd.feed.policy import MOST as MOST_POLICY
from filterd.feed.policy import read_policy
from filterd.feed.popular import MOST as MOST_POPULAR
from filterd.feed.popular import read_popular
from filterd.feed.prepared import ROLE
from filterd.feed.refusal import Fault, Refused
from filterd.feed.registry import MOST as MOST_REGISTRY
from filterd.feed.registry import read_registry
from filterd.feed.trust import MEDIA, METADATA, NEVER, POLICY, POPULAR, REGISTRY, TARGETS, Trust
from filterd.model.order import Registry


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


def read_registries(feed: Path) -> tuple[tuple[int, Registry], ...]:
    """Return every registry that `feed` has had and when it was signed, the newest last.

    Each is signed by enough holders of a root that is there; whether these follow from one another
    is for TUF to say.

    Raises:
        Refused: one is damaged or not signed.
        OSError: it cannot be read.
    """
    roots = [Metadata[Root].from_bytes(path.read_bytes()) for path in _all(feed, "root")]
    found = []
    for path in _all(feed, "targets"):
        targets = Metadata[Targets].from_bytes(path.read_bytes())
        payload, signatures = targets.signed_bytes, targets.signatures
        if not any(
            each.signed.get_verification_result("targets", payload, signatures) for each in roots
        ):
            raise Refused(Fault.UNSIGNED, f"{path.name} is not signed by holders of a root")
        signed_at = int((targets.signed.expires - LIFETIMES["targets"]).timestamp())
        data = _target(feed, targets.signed, REGISTRY)
        found.append((signed_at, read_registry(read_object(data, MOST_REGISTRY))))
    return tuple(found)


def _all(feed: Path, role: str) -> list[Path]:
    found = (feed / METADATA).glob(f"*.{role}.json")
    return sorted(found, key=lambda path: int(path.name.partition(".")[0]))


def _target(feed: Path, targets: Targets, name: str) -> bytes:
    return (feed / TARGETS / f"{targets.targets[name].hashes['sha256']}.{name}").read_bytes()


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
        return read_object(_target(feed, targets, name), most)

    there = targets.targets
    return Trust(
        read_registry(read(REGISTRY, MOST_REGISTRY)),
        read_policy(read(POLICY, MOST_POLICY)),
        read_popular(read(POPULAR, MOST_POPULAR)) if POPULAR in there else (),
        never=read_never(read(NEVER, MOST_NEVER)) if NEVER in there else None,
        media=read_media(read(MEDIA, MOST_MEDIA)) if MEDIA in there else (),
    )
