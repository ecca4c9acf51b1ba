"""Manifests: an authority's own word on what it has in force, signed by its officers.

    authorities/moet/manifest.json      a target of the feed (TUF), delegated to those officers

Whoever keeps the log can leave an order out, and nobody who reads only the log finds out. An
authority counts its orders as of a size of the log; a node that has taken so much of it looks
whether they are there, and whether something stands in the authority's name that it does not count.
Nothing is enforced or lifted by it: it raises an alarm.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from filterd.feed.canonical import fields
from filterd.feed.judge import Judged
from filterd.feed.ledger import Digest, Ledger
from filterd.feed.merkle import HASH
from filterd.feed.refusal import Fault, Refused

Json = Any
MOST = 8 * 2**20  # bytes
MOST_ORDERS = 50_000
LANGUAGES = ("vi", "en")
_TEXT = 400


@dataclass(frozen=True, slots=True)
class Counted:
    """An order that its authority counts: its id, the hash of the signed order as in the ledger,
    and its end in unix seconds.
    """

    id: str
    digest: Digest
    not_after: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `authority` says of itself. `names` are its public names in `LANGUAGES`; `contact` is
    where to appeal; `size` and `root` are those of the log that it speaks of.
    """

    authority: str
    names: tuple[str, ...]
    contact: str
    size: int
    root: bytes
    orders: tuple[Counted, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in which a manifest and the log do not agree. `fault`: OMITTED or UNCOUNTED."""

    fault: Fault
    authority: str
    order: str
    why: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """A manifest that is not to be believed or has run out; FROZEN is the latter."""

    authority: str
    fault: Fault
    why: str


def path_of(authority: str) -> str:
    """Return where the manifest of `authority` is among the targets."""
    return f"authorities/{authority}/manifest.json"


def compare(
    manifest: Manifest, ledger: Ledger, time: int, judged: Iterable[Judged]
) -> tuple[Finding, ...]:
    """Say in which orders a manifest and the ledger at `time` (unix seconds) do not agree.

    The ledger is one of `manifest.size` segments or more: before that, nothing can be said.
    """
    who, found = manifest.authority, []
    for each in manifest.orders:
        if each.not_after > time and each.digest not in ledger.entries:
            why = f"{who} counts its order {each.id}, and the log of {manifest.size} has none such"
            found.append(Finding(Fault.OMITTED, who, each.id, why))
    counted = {each.digest for each in manifest.orders}
    for each_judged in judged:
        entry = each_judged.entry
        own = entry.name[0] == who and entry.segment < manifest.size
        if own and each_judged.enforced and entry.digest not in counted:
            why = f"{who} does not count {entry.order.id}, which stands in the log in its name"
            found.append(Finding(Fault.UNCOUNTED, who, entry.order.id, why))
    return tuple(found)


def manifest_json(manifest: Manifest) -> dict[str, Json]:
    """Return a manifest as it is signed."""
    return {
        "authority": manifest.authority,
        "names": dict(zip(LANGUAGES, manifest.names, strict=True)),
        "contact": manifest.contact,
        "size": manifest.size,
        "root": manifest.root.hex(),
        "orders": [[each.id, each.digest.hex(), each.not_after] for each in manifest.orders],
    }


def read_manifest(value: Json, authority: str) -> Manifest:
    """Read what `manifest_json` writes, of `authority`.

    Raises:
        Refused: MALFORMED, or MIXED if it is another authority's.
    """
    known: Mapping[str, type | tuple[type, ...]] = {
        "authority": str,
        "names": dict,
        "contact": str,
        "size": int,
        "root": str,
        "orders": list,
    }
    parts = fields(value, known, "manifest")
    names = fields(parts["names"], dict.fromkeys(LANGUAGES, str), "manifest: names")
    texts = [*names.values(), parts["contact"]]
    if not all(0 < len(text) <= _TEXT and text.isprintable() for text in texts):
        raise Refused(Fault.MALFORMED, "manifest: a name or contact is empty or too long")
    if parts["authority"] != authority:
        raise Refused(Fault.MIXED, f"manifest: of {parts['authority'][:80]!r}, not of {authority}")
    if len(parts["orders"]) > MOST_ORDERS or parts["size"] < 0:
        raise Refused(Fault.MALFORMED, f"manifest: more than {MOST_ORDERS} orders, or no size")
    return Manifest(
        authority,
        tuple(names[each] for each in LANGUAGES),
        parts["contact"],
        parts["size"],
        _hash(parts["root"]),
        tuple(map(_counted, parts["orders"])),
    )


def _counted(value: Json) -> Counted:
    if not isinstance(value, list) or [type(each) for each in value] != [str, str, int]:
        raise Refused(Fault.MALFORMED, "manifest: an order that does not read")
    return Counted(value[0], _hash(value[1]), value[2])


def _hash(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != HASH:
        raise Refused(Fault.MALFORMED, "manifest: a hash that is none")
    return found
