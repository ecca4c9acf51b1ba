"""Making a base: verify orders with all their patterns, compile them. In a child process.

    python -m filterd.feed.basing < job.json

One job comes as a line of JSON on stdin, one result or error goes to stdout; when stdin ends, the
parent is gone and the child ends too. One order is in memory at a time, however many there are.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from filterd.core import IndexBuilder, Patterns
from filterd.feed.base import FOLDER, State, write_state
from filterd.feed.body import Body, write_body
from filterd.feed.canonical import canonical
from filterd.feed.follow import Position
from filterd.feed.judge import Judged, Row
from filterd.feed.ledger import Digest, Ledger
from filterd.feed.merkle import Edge
from filterd.feed.refusal import Fault, Refused
from filterd.feed.registry import read_registry, registry_json
from filterd.feed.segment import unpack
from filterd.feed.sources import SegmentFiles, each_order
from filterd.feed.weigh import Scales, check_digest, weigh_order
from filterd.model.durable import make_directory
from filterd.model.errors import FilterdError
from filterd.model.order import Registry
from filterd.model.orphan import end_with_parent
from filterd.model.priority import stand_behind
from filterd.policy.classes import ClassTable
from filterd.policy.classes_json import write_meta
from filterd.policy.orders import class_of

Json = Any
LEVEL = 3  # of a node's own body: it goes nowhere


def make_job(  # noqa: PLR0913 - what a base is made of
    folder: Path,
    name: str,
    position: Position,
    *,
    body: tuple[str, ...],
    first: int,
    registry: Registry,
    must_not_block: tuple[str, ...],
    popular: tuple[str, ...] = (),
    now: int,
    nice: bool = True,
) -> dict[str, Json]:
    """Return the job of making the base `name` in `folder` of what `position` says: the orders in
    `body`, files beside the folder, and in the log's segments from `first` on. It stands back for
    others if it is `nice`.
    """
    return {
        "folder": str(folder),
        "name": name,
        "size": position.edge.size,
        "edge": [each.hex() for each in position.edge.roots],
        "time": position.time,
        "state": position.ledger.root.hex(),
        "body": list(body),
        "first": first,
        "registry": registry_json(registry),
        "must_not_block": list(must_not_block),
        "popular": list(popular),
        "now": now,
        "nice": nice,
    }


def scales_hash(
    registry: Registry, must_not_block: tuple[str, ...], popular: tuple[str, ...] = ()
) -> str:
    """Return the hash of what orders are held against."""
    value = [registry_json(registry), sorted(set(must_not_block)), sorted(set(popular))]
    return hashlib.sha256(canonical(value)).hexdigest()


def make_base(job: Mapping[str, Json]) -> None:
    """Do the job: three files, none of which is in use yet.

    Raises:
        Refused: what lies on disk is not what was signed; nothing was made.
        OSError: the disk.
    """
    folder = Path(job["folder"])
    place = folder / FOLDER
    make_directory(place)
    pieces = [folder / each for each in job["body"]]
    files = SegmentFiles(folder / "log", job["first"], job["size"])
    ledger = _ledger(pieces, files, job)
    registry = read_registry(job["registry"])
    names, popular = tuple(job["must_not_block"]), tuple(job["popular"])
    making = _Making(ledger, Scales.of(registry, names, popular), place / f"{job['name']}.idx")
    body = Body.open(pieces) if pieces else None
    judged = making.judge(each_order(ledger, body, files))
    kept = tuple(job["body"])
    if files:
        kept = (f"{FOLDER}/{job['name']}.body",)
        with (folder / kept[0]).open("wb") as sink:
            blocks = (patterns.pack() for patterns in judged)
            write_body(sink, tuple(ledger.entries.values()), blocks, LEVEL)
            sink.flush()
            os.fsync(sink.fileno())
    else:
        for _ in judged:
            pass
    if len(making.judged) != len(ledger.entries):
        raise Refused(Fault.MIXED, "base: orders of the ledger are not where they should be")
    making.builder.write(str(place / f"{job['name']}.idx"), write_meta(making.table))
    edge = Edge(job["size"], tuple(bytes.fromhex(each) for each in job["edge"]))
    position = Position(edge, job["time"], ledger)
    scales = scales_hash(registry, names, popular)
    state = State(position, making.judged, making.classes, scales, kept, job["now"])
    write_state(place / f"{job['name']}.state", state)


def _ledger(pieces: list[Path], files: SegmentFiles, job: Mapping[str, Json]) -> Ledger:
    """Return the ledger that heads and segments lead to. Refused: it is not the job's."""
    ledger = Ledger()
    if pieces:
        body = Body.open(pieces)
        body.close()
        ledger = body.ledger
    for segment in map(unpack, files):
        ledger = ledger.take(segment.acts, segment.at, segment.number, hold=True)
    ledger = ledger.at(job["time"])
    if ledger.root.hex() != job["state"]:
        raise Refused(Fault.DIVERGED, "base: the orders on disk are not those that were signed")
    return ledger


class _Making:
    """A base under way."""

    def __init__(self, ledger: Ledger, scales: Scales, scratch: Path) -> None:
        self.builder = IndexBuilder(scratch=str(scratch))
        self.table = ClassTable()
        self.judged: dict[Digest, Judged] = {}
        self.classes: dict[Digest, int] = {}
        self._ledger = ledger
        self._scales = scales
        self._row = Row(scales.registry)

    def judge(self, orders: Iterator[tuple[Any, Patterns]]) -> Iterator[Patterns]:
        """Judge each order, compile what is warranted, yield its patterns."""
        for entry, patterns in orders:
            written = check_digest(entry, patterns)
            judged = self._row.next(weigh_order(entry, patterns, written, self._scales))
            self.judged[entry.digest] = replace(judged, entry=entry)
            rule = class_of(entry.order) if judged.enforced else None
            if rule is not None:
                number = self.classes[entry.digest] = self.table.intern(rule)
                patterns.add_to(self.builder, number)
            yield patterns


def main() -> int:
    """Do the one job on stdin; exit status 0 when it was answered."""
    job = json.loads(sys.stdin.buffer.readline())
    if job["nice"]:
        stand_behind()
    end_with_parent()
    try:
        make_base(job)
        answer: dict[str, Json] = {"result": {}}
    except (FilterdError, OSError) as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": "not enough memory to compile the orders"}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
