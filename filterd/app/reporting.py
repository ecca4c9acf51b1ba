"""What leaves the school, on its way: counts into the spool, batches out of it. `sending.py` sends.

Of the node it reads the core's counts, how many .vn sites had a label on a day, how many signs of
going round the filter there were and, only where `report.candidates` asks for it, its sample of
names, nothing else.
"""

import json
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from securesystemslib.signer import Signer

from filterd.app.handing_over import FOLDER as HTTP
from filterd.app.node import SAMPLE, Node
from filterd.app.signal_telling import signal_telling
from filterd.app.site_telling import site_telling
from filterd.app.tallying import Meanings, counted, tallies_of
from filterd.bypass.book import FILE, Book
from filterd.feed.canonical import canonical
from filterd.feed.delivery import RECEIPTS
from filterd.feed.envelope import seal
from filterd.feed.gathering import gathered
from filterd.feed.keys import node_key, public_key
from filterd.feed.outbox import Outbox
from filterd.formats.names import registrable
from filterd.report.bands import bit_of
from filterd.report.batch import Batch, Lane, Tallied, batch_json
from filterd.report.candidates import Candidates
from filterd.report.outgoing import Made
from filterd.report.privacy import Level
from filterd.report.spool import SLOT, Spool

KEY = "node.key"
ENROLLED = "enrolled.json"
EVER = 2**53
Row = Sequence[Any]


@dataclass(slots=True)
class Sent:
    """What was sent since the start, and what stands in the way."""

    batches: int = 0
    receipts: int = 0
    requests: int = 0
    failures: int = 0
    bytes: int = 0
    at: float | None = None  # when something was taken last, in unix seconds
    problem: str | None = "nothing was sent yet"


class Reporting:
    """What a node reports. All of it may wait for the disk; call it on threads.

    Raises:
        OSError, KeyFileError: the spool or the node's key cannot be used.
    """

    def __init__(self, node: Node, outbox: Outbox, now: float) -> None:
        report, state = node.config.report, node.paths.state
        self._node = node
        self.folder = state / "feed"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.outbox = outbox
        outbox.load()
        self.signer: Signer = node_key(self.folder / KEY)
        self.id = public_key(self.signer).id
        self.spool = Spool(state / "report", report.spool, lambda: secrets.token_hex(6), int(now))
        self.sent = Sent()
        self.takes: frozenset[str] = frozenset()  # lanes, as the hub said last
        self._sites = site_telling(state / HTTP, state / "report", self.spool.add)
        book = Book(state / FILE)
        self._signals = signal_telling(book, state / "report", self._ages, self._make_signals)
        self._key = secrets.token_bytes(32)
        self._candidates: Candidates | None = None
        if report.candidates:
            self._candidates = Candidates(registrable, SAMPLE, now)
            node.sampled.append(self._candidates.take)

    def take_counts(self, rows: Iterable[Row]) -> None:
        """Keep rows of `Engine.counts`. Never raises for a full disk."""
        self.spool.add(tallies_of(rows, self._meanings()))

    def take_events(self, rows: Iterable[Row]) -> None:
        """Count rows of `Engine.events`, at levels that keep single queries."""
        self.take_counts(counted(rows, lambda client, slot: bit_of(client, slot, self._key)))

    def look_for_candidates(self, now: float) -> None:
        """Once a day, make a batch of the candidates of the day before. OSError."""
        found = self._candidates.turn(now, self._is_known) if self._candidates is not None else ()
        if found:
            self.spool.make_candidates(found, self.id, self._seal, int(now))

    def look_for_sites(self, now: float) -> None:
        """Once a day, count .vn sites of the day before, where the HTTP filter did. At the level
        "none" nothing is told, as nothing is counted.
        """
        if self._node.recorder.level is not Level.NONE:
            self._sites.tell(now)

    def look_for_signals(self, now: float) -> None:
        """Once a day, make a batch of the signs of the day before, where the hub takes it: one that
        does not know it would refuse it. Until then they wait in the node's book.
        """
        if self._node.recorder.level is not Level.NONE:
            self._signals.tell(now, held=Lane.SIGNALS.value not in self.takes)

    def next(self, now: float, *, open_too: bool = False) -> Made | None:
        """Return the batch that leaves next, making one if none waits; `open_too`: also of buckets
        that have not ended. A batch of signs waits for a hub that takes it. OSError.
        """
        until = EVER if open_too or self._node.config.report.every < SLOT else int(now)
        made = self.spool.next(Lane.COUNTS)
        if made is None and self.spool.make(until, self.id, self._seal, int(now)):
            made = self.spool.next(Lane.COUNTS)
        if made is None and Lane.SIGNALS.value in self.takes:
            made = self.spool.next(Lane.SIGNALS)
        return made or self.spool.next(Lane.CANDIDATES)

    def leaving(self, now: float) -> list[dict[str, str]]:
        """Return what leaves next, in order: `to` where, `body` as it is sent, but for being
        compressed. It is made of all that was counted so far, and not changed any more. OSError.
        """
        self.look_for_sites(now)
        self.look_for_signals(now)
        bodies: list[tuple[str, bytes]] = []
        receipts = self.outbox.take(RECEIPTS)
        if receipts:
            bodies.append(("/v1/receipts", self.told(receipts.values())))
        made = self.next(now, open_too=True)
        if made is not None:
            bodies.append(("/v1/reports", made.sealed))
        hub = self._node.config.feed.hub
        return [{"to": f"{hub}{path}", "body": body.decode()} for path, body in bodies]

    def told(self, receipts: Iterable[Any]) -> bytes:
        """Return the body that brings `receipts`, by their sizes, to the hub."""
        return canonical({"receipts": gathered(receipts, self.signer)})

    def enrolled(self) -> dict[str, Any] | None:
        """Return what is known of this node's enrolment; None: there is none, or of another key."""
        try:
            told = json.loads((self.folder / ENROLLED).read_bytes())
        except (OSError, ValueError):
            return None
        return told if isinstance(told, dict) and told.get("node") == self.id else None

    def status(self) -> dict[str, Any]:
        """Return what `filterd report status` tells."""
        return {
            "hub": self._node.config.feed.hub,
            "node": self.id,
            "enrolled": self.enrolled(),
            "level": self._node.recorder.level.value,
            "spool": asdict(self.spool.status),
            "receipts": self._receipts(),
            "sent": asdict(self.sent),
        }

    def numbers(self, now: float) -> dict[str, Any]:
        """Return what metrics tell of it."""
        spool, sent, receipts = self.spool.status, self.sent, self._receipts()
        oldest = {} if spool.oldest is None else {"oldest": max(0.0, now - spool.oldest)}
        return {
            "size": spool.size,
            **oldest,
            "waiting": {"batches": spool.batches, "receipts": receipts["waiting"]},
            "sent": {"batches": sent.batches, "receipts": sent.receipts},
            "refused": {"batches": spool.refused, "receipts": receipts["refused"]},
            "dropped": spool.dropped,
            "merged": spool.merged,
            "failures": sent.failures,
            "bytes": sent.bytes,
            "problem": float((sent.problem or spool.problem or self.outbox.problem) is not None),
        }

    def _receipts(self) -> dict[str, Any]:
        box = self.outbox
        return {
            "waiting": len(box.sizes),
            "dropped": box.dropped,
            "refused": box.refused,
            "problem": box.problem,
        }

    def _seal(self, batch: Batch) -> bytes:
        return canonical(seal("batch", batch_json(batch), self.signer))

    def _make_signals(self, rows: Sequence[Tallied]) -> None:
        self.spool.make_signals(rows, self.id, self._seal, int(time.time()))

    def _ages(self) -> dict[str, int]:
        return {group.name: group.age for group in self._node.ruling.school.groups}

    def _meanings(self) -> Meanings:
        node = self._node
        return Meanings(
            class_of=node.class_of,
            ages=self._ages(),
            categories=frozenset(each.name for each in node.book.categories),
            grave=frozenset(each.name for each in node.book.categories if each.grave),
        )

    def _is_known(self, domain: str) -> bool:
        ruling = self._node.ruling
        indexes = (*ruling.ground.indexes, *ruling.ordered.indexes)
        return any(index.find(domain) for index in indexes)
