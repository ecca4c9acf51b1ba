"""A ministry to measure with: keys made on the spot, a feed in a folder, orders by the thousand."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from filterd.feed.ceremony import Holders, Publisher, moment, new_root
from filterd.feed.follow import LogKey
from filterd.feed.keys import public_key, sign
from filterd.feed.policy import Policy
from filterd.feed.publish import Log
from filterd.feed.warrant import signed_bytes
from filterd.model.order import (
    DAY,
    Authority,
    Effect,
    Mandate,
    Match,
    Order,
    Pattern,
    Registry,
    Revocation,
    SignedAct,
    Sunset,
)

SEED = 20_261_122
# As text, so that a person can read them.
SYLLABLES = """
nha cai bet ca do bong da xo so lo de tai xiu game bai doi thuong nap rut tien
club vip win sun hit king kub club may man vang rong ho phat loc thien dia an
toan quoc gia cuoc keo truc tiep xem phim lau dai manh khoe sao sieu toc
"""
ENDS = """
com net vip club win fun live xyz top info vn com.vn cc pro bet online
"""


def names(count: int, seed: int = SEED) -> Iterator[str]:
    """Yield `count` different names, as gambling sites are called, mean about 18 bytes."""
    rng = random.Random(seed)
    seen, syllables, ends = set[int](), SYLLABLES.split(), ENDS.split()
    while count:
        parts = rng.choices(syllables, k=rng.choice((2, 3, 4, 4)))
        number = str(rng.randrange(10_000)) if rng.random() < 0.7 else ""
        name = f"{''.join(parts)}{number}.{rng.choice(ends)}"
        if hash(name) not in seen:
            seen.add(hash(name))
            count -= 1
            yield name


def sorted_as_packed(some: list[str]) -> list[str]:
    """Return names as an import of many puts them: by their labels from the last."""
    return sorted(some, key=lambda name: ".".join(reversed(name.split("."))))


@dataclass
class Ministry:
    """Two officers, one log, one feed."""

    feed: Path
    officers: tuple[CryptoSigner, ...]
    log: Log
    registry: Registry
    policy: Policy

    @classmethod
    def new(cls, feed: Path, per_order: int = 10_000) -> "Ministry":
        """Begin a feed in an empty folder."""
        one, two, online, keeper = (CryptoSigner(Ed25519PrivateKey.generate()) for _ in range(4))
        now = int(time.time())
        mandate = Mandate(
            legal_bases=frozenset({"decree-147"}),
            categories=frozenset({"gambling"}),
            effects=frozenset({Effect.BLOCK}),
            per_order=per_order,
            per_hour=1_000_000_000,
        )
        officers = tuple(public_key(each) for each in (one, two))
        authority = Authority("moet", "Ministry", officers, 2, mandate, now + 90 * DAY)
        registry = Registry(1, (authority,))
        key = LogKey("log.example/orders", public_key(keeper))
        policy = Policy(1, key, "canary.example")
        publisher = Publisher(feed)
        both = Holders((one.public_key, two.public_key), 2)
        first = Holders((online.public_key,), 1)
        roles = {"root": both, "targets": both, "snapshot": first, "timestamp": first}
        publisher.put_root(new_root(roles, (one, two), moment(now)))
        publisher.put_targets(registry, policy, (one, two), moment(now))
        publisher.renew(online, moment(now))
        log = Log.open(feed, key, keeper, policy.canaries)
        return cls(feed, (one, two), log, registry, policy)

    @property
    def root(self) -> Path:
        """The root metadata that nodes begin with."""
        return self.feed / "trust" / "1.root.json"

    def order(self, ident: str, some: list[str]) -> SignedAct:
        """Return an order of both officers against `some` names and all under them."""
        now = int(time.time())
        patterns = tuple(Pattern(Match.SUBTREE, name) for name in some)
        made = Order(
            id=ident,
            authority="moet",
            reference=f"{ident}/QD",
            legal_basis="decree-147",
            category="gambling",
            effect=Effect.BLOCK,
            patterns=patterns,
            not_before=now,
            not_after=now + 100 * DAY,
            sunset=Sunset.THREAT,
        )
        return self.sign(made)

    def sign(self, act: Order | Revocation) -> SignedAct:
        """Return `act` with the signatures of both."""
        data = signed_bytes(act)
        return SignedAct(act, tuple(sign(each, data) for each in self.officers))

    def publish(self, *acts: SignedAct) -> None:
        """Put acts into the log as one segment."""
        now = int(time.time())
        self.log.append(acts, now, f"c{self.log.position.edge.size}-{random.randrange(10**9)}")
