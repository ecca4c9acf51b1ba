"""Trust metadata on its way between those who sign it, each on a machine of their own.

A file of JSON that holds the TUF metadata and the targets it names, so that whoever signs sees what
is signed. Nothing in it is secret, and nothing of it counts until enough have signed.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from securesystemslib.exceptions import StorageError
from securesystemslib.signer import Key, Signer, SSlibKey
from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Root, TargetFile, Targets
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from filterd.feed.canonical import canonical, fields
from filterd.feed.media import read_media
from filterd.feed.never import read_never
from filterd.feed.popular import read_popular
from filterd.feed.refusal import Fault, Refused
from filterd.feed.registry import read_registry
from filterd.model.order import Registry

Json = Any
MOST = 16 * 2**20  # bytes
_READERS: Mapping[str, Callable[[Json], object]] = {
    "popular.json": read_popular,
    "never-decrypt.json": read_never,
    "media.json": read_media,
}
ROLE = "authority-"  # before the id of an authority: the name of its role


@dataclass(frozen=True, slots=True)
class Prepared:
    """`files` are the targets that `metadata` names, by their paths."""

    metadata: Metadata[Any]
    files: Mapping[str, Json]

    @property
    def role(self) -> str:
        """What it is the metadata of: root, targets, or an authority."""
        if isinstance(self.metadata.signed, Root):
            return "root"
        paths = [path.split("/") for path in self.files]
        if len(paths) == 1 and len(paths[0]) == 3:
            return f"{ROLE}{paths[0][1]}"
        return "targets"

    @property
    def written(self) -> bytes:
        """The metadata as it is published."""
        return bytes(self.metadata.to_bytes(JSONSerializer(compact=True)))


@dataclass(frozen=True, slots=True)
class Signers:
    """Who has signed, by key ids, and who still may; `missing` is how many it lacks."""

    signed: tuple[str, ...]
    others: tuple[str, ...]
    missing: int


def prepare(signed: Root | Targets, files: Mapping[str, Json]) -> Prepared:
    """Return unsigned metadata, naming `files` as its targets."""
    if isinstance(signed, Targets):
        for name, value in files.items():
            signed.targets[name] = TargetFile.from_data(name, canonical(value), ["sha256"])
    return Prepared(Metadata(signed), files)


def add_signature(prepared: Prepared, signer: Signer) -> None:
    """Sign it, in place of an earlier signature of the same key."""
    prepared.metadata.sign(signer, append=True)


def signers_of(prepared: Prepared, above: Root | Targets | None) -> Signers:
    """Say who has signed. `above` names the keys of the role: for root, the root before it."""
    payload, signatures = prepared.metadata.signed_bytes, prepared.metadata.signatures
    root = prepared.metadata.signed
    if isinstance(root, Root):
        before = above if isinstance(above, Root) else None
        found = root.get_root_verification_result(before, payload, signatures)
        missing = max(found.first.missing, found.second.missing)
        return Signers(tuple(found.signed), tuple(found.unsigned), missing)
    if above is None:
        raise Refused(Fault.MIXED, f"the feed says of nobody who signs {prepared.role}")
    try:
        one = above.get_verification_result(prepared.role, payload, signatures)
    except ValueError as error:
        who = prepared.role.removeprefix(ROLE)
        raise Refused(Fault.UNKNOWN_AUTHORITY, f"no authority {who} in this feed") from error
    return Signers(tuple(one.signed), tuple(one.unsigned), one.missing)


def check_signed(prepared: Prepared, above: Root | Targets | None) -> None:
    """Refused (UNSIGNED) unless enough have signed, by the keys that `above` names."""
    found = signers_of(prepared, above)
    if found.missing > 0:
        may = ", ".join(each[:16] for each in found.others)
        why = f"{prepared.role}: signatures missing: {found.missing}; these may sign: {may}"
        raise Refused(Fault.UNSIGNED, why)


def prepared_text(prepared: Prepared) -> str:
    """Return it as a file to be handed from one signer to the next."""
    value = {"metadata": prepared.metadata.to_dict(), "files": dict(prepared.files)}
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def read_prepared(data: bytes) -> Prepared:
    """Read what `prepared_text` writes; its files are those that its metadata names.

    Raises:
        Refused: TOO_LARGE, MALFORMED or TAMPERED.
    """
    if len(data) > MOST:
        raise Refused(Fault.TOO_LARGE, f"longer than {MOST} bytes")
    try:
        value = fields(json.loads(data), {"metadata": dict, "files": dict}, "prepared")
        metadata = Metadata[Any].from_dict(value["metadata"])
    except (
        ValueError, KeyError, TypeError, AttributeError, RecursionError, RepositoryError,
        DeserializationError, StorageError,
    ) as error:  # fmt: skip
        raise Refused(Fault.MALFORMED, f"not metadata to be signed: {error}") from error
    if not isinstance(metadata.signed, (Root, Targets)):
        raise Refused(Fault.MALFORMED, "neither root nor targets: nobody signs that by hand")
    named = metadata.signed.targets if isinstance(metadata.signed, Targets) else {}
    if named.keys() != value["files"].keys():
        raise Refused(Fault.TAMPERED, "its files are not those that it names")
    for name, info in named.items():
        try:
            info.verify_length_and_hashes(canonical(value["files"][name]))
        except (LengthOrHashMismatchError, ValueError) as error:
            raise Refused(Fault.TAMPERED, f"{name} is not the file that it names") from error
    for name, read in _READERS.items():
        if name in named:
            read(value["files"][name])  # what nodes would refuse is not to be signed
    given = metadata.signed.delegations if isinstance(metadata.signed, Targets) else None
    registry = value["files"].get("registry.json")
    wanted = None if registry is None else delegations(read_registry(registry))
    if given != wanted:
        raise Refused(Fault.TAMPERED, "it gives roles to others than its registry names")
    return Prepared(metadata, value["files"])


def delegations(registry: Registry) -> Delegations:
    """Return the roles of authorities: each speaks for itself, and only of itself."""
    keys: dict[str, Key] = {}
    roles: dict[str, DelegatedRole] = {}
    for each in registry.authorities:
        for key in each.officers:
            keys[key.id] = SSlibKey(key.id, key.keytype, key.scheme, {"public": key.public})
        role, ids = f"{ROLE}{each.id}", [key.id for key in each.officers]
        roles[role] = DelegatedRole(
            role, ids, each.threshold, terminating=True, paths=[f"authorities/{each.id}/*"]
        )
    return Delegations(keys, roles)
