"""Nodes for the hub's tests: keys, receipts and batches that are really signed."""

import hashlib
from dataclasses import dataclass, field, replace

from filterd.feed.canonical import canonical
from filterd.feed.envelope import seal
from filterd.feed.keys import public_key
from filterd.feed.receipt import Receipt, sign_receipt
from filterd.hub.enrolment import Invited, enrol, invite
from filterd.report.batch import Band, Batch, Bracket, Candidate, Deed, Lane, Tallied, batch_json
from tests.support.ministry import signer

NOW = 1_770_000_000  # unix seconds
NOW_MS = NOW * 1000
BUCKET = NOW - NOW % 300 - 300
DAY = NOW - NOW % 86_400


@dataclass
class Member:
    """A node that says what it is told to."""

    signer: object = field(default_factory=signer)
    before: bytes = bytes(32)
    sequence: int = 0

    @property
    def key(self):
        return public_key(self.signer)

    @property
    def id(self):
        return self.key.id

    def enrol(self, database, name="Example school", now_ms=NOW_MS, **invited):
        with database.write() as connection:
            code = invite(connection, Invited(name, **{"province": "north", **invited}), now_ms)
            enrol(connection, code, self.key, "filterd test", now_ms)
        return self

    def receipt(self, size, root=bytes(32), at_ms=NOW_MS, **changed):
        """Return a sealed receipt."""
        made = Receipt(
            self.id, size, root, bytes(32), at_ms - 30, at_ms - 20, at_ms - 10, 0, "filterd test"
        )
        return sign_receipt(replace(made, **changed), self.signer)

    def batch(self, rows=None, **changed):
        """Return the next sealed batch of the chain."""
        made = Batch(
            self.id,
            NOW - 1000,
            self.sequence,
            self.before,
            NOW,
            Lane.COUNTS,
            tallied(3) if rows is None else rows,
        )
        sealed = seal("batch", batch_json(replace(made, **changed)), self.signer)
        self.sequence += 1
        self.before = hashlib.sha256(canonical(sealed)).digest()
        return sealed


def tallied(number, bucket=BUCKET, rule="order:ministry/2026-"):
    """Return rows that differ by their rule."""
    return tuple(
        Tallied(bucket, 300, f"{rule}{at}", Bracket.PRIMARY, Deed.BLOCK, at + 1, Band.FEW)
        for at in range(number)
    )


def candidate(domain="unknown.example", count=12, clients=Band.SOME, day=DAY):
    return Candidate(day, domain, count, clients)
