"""A ministry to measure with: keys made on the spot, a feed in a folder, orders by the thousand."""

import hashlib
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from filterd.core import Patterns
from filterd.feed.acts import signed_json
from filterd.feed.body import splice
from filterd.feed.canonical import canonical
from filterd.feed.ceremony import Holders, Publisher, moment, new_root
from filterd.feed.follow import LogKey, Position
from filterd.feed.keys import public_key, sign
from filterd.feed.ledger import Entry, Ledger
from filterd.feed.merkle import Edge, leaf_hash
from filterd.feed.policy import Policy
from filterd.feed.publish import Log
from filterd.feed.segment import Segment, pack_plain, path_of, plain_json
from filterd.feed.warrant import sign_act, signed_bytes
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

    def fill(self, batches: Iterable[list[str]]) -> None:
        """Fill an empty log with an order for each batch of names, a segment each, as `publish`
        would, but with the core's spelling of patterns: thousands of orders in minutes.
        """
        edge, entries, now = Edge(), dict[bytes, Entry](), int(time.time())
        for number, batch in enumerate(batches):
            patterns = Patterns([(1, name) for name in batch])
            head, written = self._order(f"2026-{number}", ()), patterns.canonical()
            data = splice(signed_bytes(head, now), written)
            made = (replace(sign(each, data), at=now) for each in self.officers)
            signed = SignedAct(head, tuple(made))
            whole = splice(canonical(signed_json(signed)), written)
            segment = Segment(number, now, edge.root, f"c{number}.canary.example", (signed,))
            file = pack_plain(splice(plain_json(segment), written))
            path = self.feed / path_of(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file)
            edge = edge.add(leaf_hash(file))
            mark = hashlib.sha256(whole).digest()
            entries[mark] = Entry(signed, head, now, number, mark, len(patterns), held=True)
        self.log.position = Position(edge, now, Ledger(entries))
        self.log.renew(now)

    def order(self, ident: str, some: list[str]) -> SignedAct:
        """Return an order of both officers against `some` names and all under them."""
        return self.sign(self._order(ident, tuple(Pattern(Match.SUBTREE, each) for each in some)))

    def _order(self, ident: str, patterns: tuple[Pattern, ...]) -> Order:
        now = int(time.time())
        return Order(
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

    def sign(self, act: Order | Revocation) -> SignedAct:
        """Return `act` with the signatures of both."""
        now = int(time.time())
        return SignedAct(act, tuple(sign_act(each, act, now) for each in self.officers))

    def publish(self, *acts: SignedAct) -> None:
        """Put acts into the log as one segment."""
        now = int(time.time())
        self.log.append(acts, now, f"c{self.log.position.edge.size}-{random.randrange(10**9)}")
