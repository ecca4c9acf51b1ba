"""The node's side of the trust root: TUF metadata from a root that was shipped with the node.

TUF says which authorities there are and who keeps the log; rollback, freeze, mix-and-match and lost
thresholds end there (TUF specification section 5.3). What it refuses leaves the last trust as it
was, and the rules with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)
from tuf.api.metadata import Metadata, Root, Snapshot
from tuf.api.serialization import DeserializationError
from tuf.ngclient import FetcherInterface, Updater

from filterd.feed import manifest as manifests
from filterd.feed import media as medias
from filterd.feed import never as nevers
from filterd.feed import policy as policies
from filterd.feed import popular as populars
from filterd.feed import registry as registries
from filterd.feed.canonical import canonical, fields, read_object
from filterd.feed.hint import word
from filterd.feed.manifest import Doubt, Manifest, path_of, read_manifest
from filterd.feed.media import MediaSet, media_json, read_media
from filterd.feed.never import NeverList, never_json, read_never
from filterd.feed.policy import Policy, policy_json, read_policy
from filterd.feed.popular import popular_json, read_popular
from filterd.feed.prepared import ROLE
from filterd.feed.refusal import Fault, Refused
from filterd.feed.registry import read_registry, registry_json
from filterd.model.durable import write_atomically
from filterd.model.order import Registry

METADATA, TARGETS = "trust", "targets"  # folders of a feed
REGISTRY, POLICY, POPULAR = "registry.json", "policy.json", "popular.json"
NEVER, MEDIA = "never-decrypt.json", "media.json"
MOST = 8 * 2**20  # bytes of one file; TUF's own limits are lower
# Of several that fit the first counts: some errors are kinds of others.
_FAULTS: tuple[tuple[type[Exception], Fault], ...] = (
    (ExpiredMetadataError, Fault.FROZEN),
    (BadVersionNumberError, Fault.ROLLBACK),
    (LengthOrHashMismatchError, Fault.MIXED),
    (UnsignedMetadataError, Fault.UNSIGNED),
    (DownloadLengthMismatchError, Fault.TOO_LARGE),
    (RepositoryError, Fault.MALFORMED),
)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom this node believes. `manifests` are what the authorities say of themselves, `doubts`
    what is wrong with the others'; `word` is what a stream hints while this is the newest, empty:
    nobody has looked. `never` is the core of what is never decrypted, None: the feed has none;
    `media` are sets of hashes. None of these five makes orders be judged anew.
    """

    registry: Registry
    policy: Policy
    popular: tuple[str, ...] = ()  # names that nearly everybody needs
    manifests: tuple[Manifest, ...] = field(default=(), compare=False)
    doubts: tuple[Doubt, ...] = field(default=(), compare=False)
    word: str = field(default="", compare=False)
    never: NeverList | None = field(default=None, compare=False)
    media: tuple[MediaSet, ...] = field(default=(), compare=False)


class FolderFetcher(FetcherInterface):
    """Takes a feed from a folder, such as a USB stick: `file:` addresses only."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = Path(unquote(urlsplit(url).path))
        if not path.is_file():
            raise DownloadHTTPError(f"{path}: not there", 404)
        # One piece more than anything of it may have is enough to be refused.
        with path.open("rb") as file:
            return iter([file.read(MOST + 1)])


def refresh(folder: Path, root: bytes, url: str, fetcher: FetcherInterface | None = None) -> Trust:
    """Fetch and verify the trust root. It waits for the network: run it on a thread.

    Args:
        folder: where this node keeps what it has seen; without it, an old root would do.
        root: the root metadata that was shipped with the node.
        url: of the feed, without a final slash.
        fetcher: TUF's own over HTTP if not given.

    Raises:
        Refused: it is not to be believed.
        OSError: it cannot be had now.
    """
    kept = folder / TARGETS
    kept.mkdir(parents=True, exist_ok=True)
    try:
        updater = Updater(
            str(folder),
            f"{url}/{METADATA}/",
            str(kept),
            f"{url}/{TARGETS}/",
            fetcher,
            bootstrap=root,
        )
        updater.refresh()
        registry = read_registry(read_object(_target(updater, REGISTRY), registries.MOST))
        policy = read_policy(read_object(_target(updater, POLICY), policies.MOST))
        popular: tuple[str, ...] = ()
        if updater.get_targetinfo(POPULAR) is not None:
            popular = read_popular(read_object(_target(updater, POPULAR), populars.MOST))
        never: NeverList | None = None
        media: tuple[MediaSet, ...] = ()
        if updater.get_targetinfo(NEVER) is not None:
            never = read_never(read_object(_target(updater, NEVER), nevers.MOST))
        if updater.get_targetinfo(MEDIA) is not None:
            media = read_media(read_object(_target(updater, MEDIA), medias.MOST))
        said = Metadata[Snapshot].from_file(str(folder / "snapshot.json")).signed.meta
        newest = Metadata[Root].from_file(str(folder / "root.json")).signed.version
    except (RepositoryError, DownloadError) as error:
        raise _refusal(error) from error
    ids = [each.id for each in registry.authorities if f"{ROLE}{each.id}.json" in said]
    found = [_manifest(updater, each) for each in ids]
    return Trust(
        registry,
        policy,
        popular,
        tuple(each for each in found if isinstance(each, Manifest)),
        tuple(each for each in found if isinstance(each, Doubt)),
        word(newest, said["targets.json"].version),
        never,
        media,
    )


def check_root(data: bytes) -> None:
    """Refused (MALFORMED) unless `data` is a root of trust; whose it is, is not said."""
    try:
        Metadata[Root].from_bytes(data)
    except (RepositoryError, DeserializationError) as error:
        why = f"not a root of trust, as `trust/1.root.json` of a feed is one: {error}"
        raise Refused(Fault.MALFORMED, why) from error


def remember(file: Path, trust: Trust) -> None:
    """Keep what was verified, for a start without a network. OSError."""
    value = {
        "registry": registry_json(trust.registry),
        "policy": policy_json(trust.policy),
        "popular": popular_json(trust.popular),
    }
    # Left out where there is none, so that an older filterd reads it too.
    if trust.never is not None:
        value["never"] = never_json(trust.never)
    if trust.media:
        value["media"] = media_json(trust.media)
    write_atomically(file, canonical(value))


def recall(file: Path) -> Trust | None:
    """Return what was kept; None: nothing was.

    It was verified when it was written, and who can write there is the node itself.

    Raises:
        Refused: it is damaged.
        OSError: it cannot be read.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    most = registries.MOST + policies.MOST + populars.MOST + nevers.MOST + medias.MOST
    value = read_object(data, most)
    never, media = value.pop("never", None), value.pop("media", None)
    parts = fields(value, {"registry": dict, "policy": dict, "popular": dict}, "trust")
    return Trust(
        read_registry(parts["registry"]),
        read_policy(parts["policy"]),
        read_popular(parts["popular"]),
        never=None if never is None else read_never(never),
        media=() if media is None else read_media(media),
    )


def _target(updater: Updater, name: str) -> bytes:
    info = updater.get_targetinfo(name)
    if info is None:
        raise Refused(Fault.MIXED, f"trust: there is no {name}")
    path = updater.find_cached_target(info) or updater.download_target(info)
    return Path(path).read_bytes()


def _manifest(updater: Updater, authority: str) -> Manifest | Doubt:
    """Return what an authority says of itself. One that is bad or missing is no reason to stop."""
    try:
        value = read_object(_target(updater, path_of(authority)), manifests.MOST)
        return read_manifest(value, authority)
    except Refused as refused:
        return Doubt(authority, refused.fault, str(refused))
    except (RepositoryError, DownloadError) as error:
        told = _refusal(error)
        fault = told.fault if isinstance(told, Refused) else Fault.MIXED
        return Doubt(authority, fault, f"manifest of {authority}: {error}")


def _refusal(error: Exception) -> Exception:
    for kind, fault in _FAULTS:
        if isinstance(error, kind):
            return Refused(fault, f"trust: {error}")
    return OSError(f"trust: {str(error) or error.__cause__ or type(error).__name__}")
