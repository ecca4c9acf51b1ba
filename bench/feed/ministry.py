"""Orders by the thousand for a ministry of the demonstration, with synthetic names."""

import hashlib
import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner

from filterd.cli.demo_world import CANARIES, CATEGORY, LEGAL_BASIS, THRESHOLD, World, order
from filterd.core import Patterns
from filterd.feed.acts import signed_json
from filterd.feed.body import splice
from filterd.feed.canonical import canonical
from filterd.feed.follow import Position
from filterd.feed.keys import open_key, sign
from filterd.feed.ledger import Entry, Ledger
from filterd.feed.merkle import Edge, leaf_hash
from filterd.feed.publish import Log
from filterd.feed.segment import Segment, pack_plain, path_of, plain_json
from filterd.feed.standing import read_standing
from filterd.feed.warrant import signed_bytes
from filterd.model.order import DAY, Effect, Mandate, SignedAct

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


def wide_mandate(per_order: int = 10_000) -> Mandate:
    """Return what an authority needs to order millions of names within an hour."""
    return Mandate(
        legal_bases=frozenset({LEGAL_BASIS}),
        categories=frozenset({CATEGORY}),
        effects=frozenset({Effect.BLOCK}),
        per_order=per_order,
        per_hour=1_000_000_000,
    )


def keep_officers(world: World) -> None:
    """Keep the officers' keys beside the ministry, so that it can be measured again. OSError."""
    for number, each in enumerate(world.officers):
        assert isinstance(each, CryptoSigner)
        (world.folder / f"officer{number}.pem").write_bytes(each.private_bytes)


def recall(folder: Path) -> World:
    """Return a ministry whose officers were kept. OSError: there is none."""
    files = sorted(folder.glob("officer*.pem"))
    if not files:
        raise FileNotFoundError(f"{folder}: no ministry to go on with")
    keys = (load_pem_private_key(each.read_bytes(), None) for each in files)
    return World(folder, tuple(CryptoSigner(each) for each in keys))


def open_log(world: World) -> Log:
    """Open the log of a demonstration's ministry, as its keeper."""
    policy = read_standing(world.feed).policy
    keeper = open_key(world.log_key, world.passphrase.read_text(encoding="utf-8").strip())
    return Log.open(world.feed, policy.log, keeper, policy.canaries)


def fill(world: World, log: Log, batches: Iterable[list[str]]) -> None:
    """Fill an empty log with an order for each batch of names, a segment each, as `publish` would,
    but with the core's spelling of patterns: thousands of orders in minutes.
    """
    edge, entries, now = Edge(), dict[bytes, Entry](), int(time.time())
    for number, batch in enumerate(batches):
        patterns = Patterns([(1, name) for name in batch])
        head, written = order(f"2026-{number}", (), now, 80 * DAY), patterns.canonical()
        data = splice(signed_bytes(head, now), written)
        officers = world.officers[:THRESHOLD]
        signed = SignedAct(head, tuple(replace(sign(each, data), at=now) for each in officers))
        whole = splice(canonical(signed_json(signed)), written)
        segment = Segment(number, now, edge.root, f"c{number}.{CANARIES}", (signed,))
        file = pack_plain(splice(plain_json(segment), written))
        path = world.feed / path_of(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file)
        edge = edge.add(leaf_hash(file))
        mark = hashlib.sha256(whole).digest()
        entries[mark] = Entry(signed, head, now, number, mark, len(patterns), held=True)
    log.position = Position(edge, now, Ledger(entries))
    log.renew(now)
