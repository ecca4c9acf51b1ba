"""What a feed's own folder says of whom to trust, for whoever works in that folder.

Not for a node: nothing is verified here, see `trust.py`.
"""

from pathlib import Path

from tuf.api.metadata import Metadata, Targets

from filterd.feed.canonical import read_object
from filterd.feed.policy import MOST as MOST_POLICY
from filterd.feed.policy import read_policy
from filterd.feed.popular import MOST as MOST_POPULAR
from filterd.feed.popular import read_popular
from filterd.feed.refusal import Fault, Refused
from filterd.feed.registry import MOST as MOST_REGISTRY
from filterd.feed.registry import read_registry
from filterd.feed.trust import METADATA, POLICY, POPULAR, REGISTRY, TARGETS, Trust


def read_standing(feed: Path) -> Trust:
    """Return what the newest targets metadata in `feed` names.

    Raises:
        Refused: the folder is no feed, or is damaged.
        OSError: it cannot be read.
    """
    names = (path.name for path in (feed / METADATA).glob("*.targets.json"))
    newest = max((int(name.partition(".")[0]) for name in names), default=None)
    if newest is None:
        raise Refused(Fault.MALFORMED, f"{feed} is no feed: `filterd authority init` begins one")
    targets = Metadata[Targets].from_file(str(feed / METADATA / f"{newest}.targets.json")).signed

    def read(name: str, most: int) -> dict[str, object]:
        digest = targets.targets[name].hashes["sha256"]
        return read_object((feed / TARGETS / f"{digest}.{name}").read_bytes(), most)

    popular = read_popular(read(POPULAR, MOST_POPULAR)) if POPULAR in targets.targets else ()

    registry = read_registry(read(REGISTRY, MOST_REGISTRY))
    return Trust(registry, read_policy(read(POLICY, MOST_POLICY)), popular)
