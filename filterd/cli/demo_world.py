"""A ministry of the demonstration: keys made on the spot, a trust root, an empty log.

For looking at and for measuring, not for a country: every key lies in one folder.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from securesystemslib.signer import CryptoSigner, Signer

from filterd.feed.ceremony import Holders, Publisher, moment, new_root
from filterd.feed.follow import LogKey
from filterd.feed.keys import new_key, open_key, public_key
from filterd.feed.policy import Policy
from filterd.feed.publish import Log
from filterd.feed.warrant import sign_act
from filterd.model.order import (
    DAY,
    Act,
    Authority,
    Effect,
    Mandate,
    Match,
    Order,
    Pattern,
    Priority,
    Registry,
    SignedAct,
    Sunset,
)

AUTHORITY = "ministry"
LEGAL_BASIS = "decree-147"
CATEGORY = "gambling"
CANARIES = "canary.example"
ORIGIN = "log.example/orders"
OFFICERS = 3
THRESHOLD = 2


@dataclass(frozen=True, slots=True)
class World:
    """`feed` is served; `log_key` is its keeper's key, encrypted with the line of `passphrase`."""

    folder: Path
    officers: tuple[Signer, ...]

    @property
    def feed(self) -> Path:
        """The feed's folder."""
        return self.folder / "feed"

    @property
    def root(self) -> Path:
        """What nodes begin trust with."""
        return self.feed / "trust" / "1.root.json"

    @property
    def log_key(self) -> Path:
        """The log keeper's key."""
        return self.folder / "log.pem"

    @property
    def passphrase(self) -> Path:
        """A file with its passphrase."""
        return self.folder / "log.pass"

    def signed(self, act: Act, at: int) -> SignedAct:
        """Return an act with as many officers' signatures as it takes, made at unix time `at`."""
        return SignedAct(act, tuple(sign_act(each, act, at) for each in self.officers[:THRESHOLD]))


def make_world(folder: Path, now: int, mandate: Mandate | None = None) -> World:
    """Make it all in an empty `folder`, at unix time `now`. OSError, KeyFileError."""
    folder.mkdir(parents=True, exist_ok=True)
    world = World(folder, tuple(CryptoSigner.generate_ed25519() for _ in range(OFFICERS)))
    word = secrets.token_hex(16)
    world.passphrase.touch(mode=0o600)
    world.passphrase.write_text(f"{word}\n", encoding="utf-8")
    new_key(world.log_key, word)
    keeper = open_key(world.log_key, word)
    holders = [CryptoSigner.generate_ed25519() for _ in range(2)]
    online = CryptoSigner.generate_ed25519()
    offline = Holders(tuple(each.public_key for each in holders), len(holders))
    alone = Holders((online.public_key,), 1)
    roles = {"root": offline, "targets": offline, "snapshot": alone, "timestamp": alone}
    publisher = Publisher(world.feed)
    publisher.put_root(new_root(roles, holders, moment(now)))
    log_key = LogKey(ORIGIN, public_key(keeper))
    registry = Registry(1, (_authority(world, mandate or _mandate(), now),))
    publisher.put_targets(registry, Policy(1, log_key, CANARIES), holders, moment(now))
    publisher.renew(online, moment(now))
    Log.open(world.feed, log_key, keeper, CANARIES).renew(now)
    return world


def order(ident: str, names: tuple[str, ...], now: int, lasts: int = 30 * DAY) -> Order:
    """Return an urgent order against `names`, in force from `now` for `lasts` seconds."""
    return Order(
        id=ident,
        authority=AUTHORITY,
        reference=f"{ident}/QD",
        legal_basis=LEGAL_BASIS,
        category=CATEGORY,
        effect=Effect.BLOCK,
        patterns=tuple(Pattern(Match.SUBTREE, name) for name in names),
        not_before=now,
        not_after=now + lasts,
        sunset=Sunset.THREAT,
        priority=Priority.URGENT,
    )


def _mandate() -> Mandate:
    return Mandate(frozenset({LEGAL_BASIS}), frozenset({CATEGORY}), frozenset({Effect.BLOCK}))


def _authority(world: World, mandate: Mandate, now: int) -> Authority:
    return Authority(
        id=AUTHORITY,
        name="The ministry of the demonstration",
        officers=tuple(map(public_key, world.officers)),
        threshold=THRESHOLD,
        mandate=mandate,
        not_after=now + 90 * DAY,
    )
