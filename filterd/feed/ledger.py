"""What all acts of the log come to at a moment: the orders that have not ended, and their root.

Every node that has taken the same segments has the same ledger, unwarranted acts and all, so its
root is signed into each checkpoint and a node that has diverged finds out at once. What a node
enforces is the part of it that is warranted, see `judge.py`; so nothing here may depend on who
signed, and what is forged must never stand in the way of what is not.

What stays in memory is small: an entry that is `held` has its order's head, digest and marks; the
patterns are on disk, in segments or a body (`body.py`), and are read when they are judged.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from filterd.feed.acts import signed_json
from filterd.feed.canonical import canonical
from filterd.model.order import Order, SignedAct

Name = tuple[str, str]  # authority, order
Digest = bytes
_NO_MARKS = bytes(4)


@dataclass(frozen=True, slots=True)
class Entry:
    """An order in the ledger. `at`: when it was logged, in unix seconds; `segment`: in which.

    `marks` are the revocations and confirmations that name it, in the order of the log; `count` its
    patterns, which `signed` and `order` are without if it is `held`.
    """

    signed: SignedAct = field(compare=False)  # the digest says it
    order: Order = field(compare=False)
    at: int
    segment: int
    digest: Digest
    count: int
    marks: tuple[SignedAct, ...] = ()
    held: bool = field(default=False, compare=False)

    @property
    def name(self) -> Name:
        """Whose order it is, and its id."""
        return self.order.authority, self.order.id

    def hold(self) -> "Entry":
        """Return the entry without its patterns."""
        if self.held:
            return self
        head = replace(self.order, patterns=())
        return replace(self, signed=replace(self.signed, act=head), order=head, held=True)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Entries by the digest of the signed order, as they were logged. Never changed in place."""

    entries: Mapping[Digest, Entry] = field(default_factory=dict)

    def take(
        self, acts: Iterable[SignedAct], at: int, segment: int, *, hold: bool = False
    ) -> "Ledger":
        """Return the ledger after the acts of a segment; with `hold`, new entries are held.

        The same signed order twice changes nothing, nor does a revocation of what is not there.
        """
        entries = dict(self.entries)
        for signed in acts:
            act = signed.act
            if isinstance(act, Order):
                mark = digest(signed)
                entry = Entry(signed, act, at, segment, mark, len(act.patterns))
                entries.setdefault(mark, entry.hold() if hold else entry)
                continue
            for key, known in entries.items():
                if known.name == (act.authority, act.order) and signed not in known.marks:
                    entries[key] = replace(known, marks=(*known.marks, signed))
        return Ledger(entries)

    def at(self, time: int) -> "Ledger":
        """Return the ledger without what has ended by `time` (unix seconds)."""
        return Ledger({k: e for k, e in self.entries.items() if e.order.not_after > time})

    @property
    def root(self) -> bytes:
        """The hash over all entries, sorted by their digests, each with its marks."""
        # Nodes do this for each segment, over all orders there are; few of those have marks.
        marks = {key: each.marks for key, each in self.entries.items() if each.marks}
        rest = {
            key: len(some).to_bytes(4, "big") + b"".join(map(digest, some))
            for key, some in marks.items()
        }
        rows = [key + rest.get(key, _NO_MARKS) for key in sorted(self.entries)]
        return hashlib.sha256(b"".join((b"filterd ledger v1\n", *rows))).digest()


def digest(signed: SignedAct) -> Digest:
    """Return the hash of a signed act."""
    return hashlib.sha256(canonical(signed_json(signed))).digest()
