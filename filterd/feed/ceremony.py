"""The trust root's own side: TUF metadata, made and signed by those who hold its keys.

    root         a threshold of holders, offline; says whose keys the other roles are
    targets      a threshold of holders; says which authorities there are and who keeps the log
    authority-…  one for each authority: its officers; its own word, see `manifest.py`
    snapshot,    one key, online; say what is newest, for a day and for two hours
    timestamp

Every file that was published stays, under its version; only `timestamp.json` is replaced, last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import Signer
from tuf.api.metadata import (
    Key,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from filterd.feed.canonical import canonical
from filterd.feed.manifest import Manifest, manifest_json, path_of
from filterd.feed.media import MediaSet, media_json
from filterd.feed.never import NeverList, never_json
from filterd.feed.policy import Policy, policy_json
from filterd.feed.popular import popular_json
from filterd.feed.prepared import ROLE, Prepared, add_signature, delegations, prepare
from filterd.feed.registry import registry_json
from filterd.feed.trust import MEDIA, METADATA, NEVER, POLICY, POPULAR, REGISTRY, TARGETS
from filterd.model.durable import make_directory, write_atomically
from filterd.model.order import Registry

ONLINE = ("snapshot", "timestamp")
LIFETIMES: Mapping[str, timedelta] = {
    "root": timedelta(days=365),
    "targets": timedelta(days=30),
    "authority": timedelta(days=90),
    "snapshot": timedelta(days=1),
    "timestamp": timedelta(hours=2),
}


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds the keys of a role, and how many of them must sign."""

    keys: tuple[Key, ...]
    threshold: int


def new_root(
    roles: Mapping[str, Holders], signers: Sequence[Signer], at: datetime, before: bytes = b""
) -> bytes:
    """Return root metadata that gives `roles` to their holders.

    `signers` sign it: a threshold of the holders of root, and of those `before`, the root metadata
    that this one follows.
    """
    known = Metadata[Root].from_bytes(before).signed.version if before else 0
    return _signed(Metadata(root_of(roles, known + 1, at)), signers)


def root_of(roles: Mapping[str, Holders], version: int, at: datetime) -> Root:
    """Return the root of `version` that gives `roles` to their holders, to be signed."""
    root = Root(version, None, at + LIFETIMES["root"], consistent_snapshot=True)
    for role, holders in roles.items():
        for key in holders.keys:
            root.add_key(key, role)
        root.roles[role].threshold = holders.threshold
    return root


@dataclass(frozen=True, slots=True)
class Further:
    """What holders of targets may say beside who is trusted: `popular`, names that nearly everybody
    needs; `never`, the core of what is never decrypted; `media`, sets of hashes.
    """

    popular: tuple[str, ...] = ()
    never: NeverList | None = None
    media: tuple[MediaSet, ...] = ()

    def files(self) -> dict[str, Any]:
        """Return the targets that say it; what says nothing is left out."""
        found: dict[str, Any] = {}
        if self.popular:
            found[POPULAR] = popular_json(self.popular)
        if self.never is not None:
            found[NEVER] = never_json(self.never)
        if self.media:
            found[MEDIA] = media_json(self.media)
        return found


NOTHING_FURTHER = Further()


@dataclass(slots=True)
class Publisher:
    """Puts trust into the folder of a feed."""

    folder: Path

    def put_root(self, root: bytes) -> None:
        """Publish root metadata. ValueError: not the version that follows. OSError."""
        version = Metadata[Root].from_bytes(root).signed.version
        newest = self._newest("root")
        if version != newest + 1:
            raise ValueError(f"root {version} cannot follow root {newest}")
        self._put(METADATA, f"{version}.root.json", root)

    def put_targets(
        self,
        registry: Registry,
        policy: Policy,
        signers: Sequence[Signer],
        at: datetime,
        further: Further = NOTHING_FURTHER,
    ) -> None:
        """Publish who is trusted, signed by holders of targets; `renew` makes it the newest."""
        prepared = self.prepare_targets(registry, policy, at, further)
        for signer in signers:
            add_signature(prepared, signer)
        self.put(prepared)

    def prepare_targets(
        self,
        registry: Registry,
        policy: Policy,
        at: datetime,
        further: Further = NOTHING_FURTHER,
    ) -> Prepared:
        """Return what says who is trusted, to be signed; each authority's role is its officers'."""
        targets = Targets(self._newest("targets") + 1, None, at + LIFETIMES["targets"])
        targets.delegations = delegations(registry)
        files = {REGISTRY: registry_json(registry), POLICY: policy_json(policy)}
        return prepare(targets, files | further.files())

    def prepare_manifest(self, manifest: Manifest, at: datetime) -> Prepared:
        """Return an authority's own word, to be signed by its officers."""
        version = self._newest(f"{ROLE}{manifest.authority}") + 1
        files = {path_of(manifest.authority): manifest_json(manifest)}
        return prepare(Targets(version, None, at + LIFETIMES["authority"]), files)

    def put(self, prepared: Prepared) -> None:
        """Publish what was signed; `renew` makes it the newest.

        Raises:
            ValueError: not the version that follows.
            OSError: nothing counts of what was written.
        """
        role, version = prepared.role, prepared.metadata.signed.version
        if version != self._newest(role) + 1:
            raise ValueError(f"{role} {version} cannot follow {role} {self._newest(role)}")
        if isinstance(prepared.metadata.signed, Targets):
            for name, info in prepared.metadata.signed.targets.items():
                folder, cut, last = name.rpartition("/")
                kept = f"{folder}{cut}{info.hashes['sha256']}.{last}"
                self._put(TARGETS, kept, canonical(prepared.files[name]))
        self._put(METADATA, f"{version}.{role}.json", prepared.written)

    def renew(self, online: Signer, at: datetime) -> None:
        """Say what is newest: snapshot, then timestamp."""
        snapshot = Snapshot(self._newest("snapshot") + 1, None, at + LIFETIMES["snapshot"])
        snapshot.meta["targets.json"] = MetaFile(self._newest("targets"))
        # Those of authorities that have ended too: to leave one out looks like a rollback.
        for role in {path.name.split(".")[1] for path in self._path("").glob(f"*.{ROLE}*.json")}:
            snapshot.meta[f"{role}.json"] = MetaFile(self._newest(role))
        self._put(
            METADATA, f"{snapshot.version}.snapshot.json", _signed(Metadata(snapshot), [online])
        )
        path = self._path("timestamp.json")
        known = Metadata[Timestamp].from_file(str(path)).signed.version if path.exists() else 0
        timestamp = Timestamp(known + 1, None, at + LIFETIMES["timestamp"])
        timestamp.snapshot_meta = MetaFile(snapshot.version)
        self._put(METADATA, "timestamp.json", _signed(Metadata(timestamp), [online]))

    def _newest(self, role: str) -> int:
        names = (path.name.partition(".") for path in self._path("").glob(f"*.{role}.json"))
        return max((int(version) for version, _, _ in names), default=0)

    def _path(self, name: str) -> Path:
        return self.folder / METADATA / name

    def _put(self, folder: str, name: str, data: bytes) -> None:
        path = self.folder / folder / name
        make_directory(path.parent)
        write_atomically(path, data)


def _signed(metadata: Metadata[Any], signers: Sequence[Signer]) -> bytes:
    for signer in signers:
        metadata.sign(signer, append=True)
    return bytes(metadata.to_bytes(JSONSerializer(compact=True)))


def moment(unix: int) -> datetime:
    """Return unix seconds as TUF has times."""
    return datetime.fromtimestamp(unix, UTC)
