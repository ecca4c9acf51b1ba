"""The base: orders that were verified and compiled, as a node keeps them.

    base/current             the name of the one in use, replaced last
    base/<name>.idx          the compiled index; the core maps it
    base/<name>.state        position, heads and what each was judged to be, with a checksum
    base/<name>.body         all patterns (`body.py`), unless a snapshot's pieces have them

A new one is made beside the old one, then `current` moves. Whatever is cut off in between, it names
one that is whole. What is damaged is not used: the feed has it all.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from filterd.core import Index
from filterd.feed.body import head_json, read_head
from filterd.feed.canonical import canonical, fields, read_object
from filterd.feed.follow import Position
from filterd.feed.judge import Judged
from filterd.feed.ledger import Digest, Ledger
from filterd.feed.merkle import Edge
from filterd.feed.refusal import Fault, Refused
from filterd.model.durable import write_atomically
from filterd.model.errors import RulesError
from filterd.policy.classes import ClassTable
from filterd.policy.classes_json import read_meta
from filterd.policy.order_base import OrderBase

Json = Any
FOLDER = "base"
CURRENT = "current"
MOST = 2**30  # bytes that a state unpacks to
_SUM = 32
_STATE = {
    "size": int,
    "edge": list,
    "time": int,
    "state": str,
    "scales": str,
    "body": list,
    "made_at": int,
    "entries": int,
}


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a base. `body` are paths beside the folder; `scales` the hash of what the
    orders were held against; `classes` which of the index each order has.
    """

    position: Position
    judged: Mapping[Digest, Judged]
    classes: Mapping[Digest, int]
    scales: str
    body: tuple[str, ...]
    made_at: int


@dataclass(frozen=True, slots=True)
class Base:
    """A base that is open."""

    name: str
    state: State
    index: Index
    table: ClassTable

    def rules(self, judged: Mapping[Digest, Judged]) -> OrderBase:
        """Return the base with all switched off that is not enforced by `judged`."""
        starts = [0] * len(self.table)
        off = set(range(len(self.table)))
        for digest, number in self.state.classes.items():
            starts[number] = self.state.judged[digest].entry.order.not_before
            now = judged.get(digest)
            if now is not None and now.enforced:
                off.discard(number)
        return OrderBase(self.index, self.table, tuple(starts), frozenset(off))


def load_base(folder: Path) -> Base | None:
    """Return the base in use; None: there is none yet.

    Raises:
        Refused: MALFORMED, it is damaged.
        OSError: it cannot be read.
    """
    try:
        name = (folder / FOLDER / CURRENT).read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise Refused(Fault.MALFORMED, "base: what is in use does not read") from error
    if not name.replace("-", "").isalnum():
        raise Refused(Fault.MALFORMED, "base: what is in use does not read")
    return open_base(folder, name)


def open_base(folder: Path, name: str) -> Base:
    """Return the base of that name. Refused, OSError: as `load_base`."""
    place = folder / FOLDER / name
    state = read_state(place.with_name(f"{name}.state").read_bytes())
    try:
        index = Index.open(str(place.with_name(f"{name}.idx")))
        table = read_meta(index.meta)
    except (ValueError, RulesError) as error:
        raise Refused(Fault.MALFORMED, f"base: {error}") from error
    if set(state.classes.values()) != set(range(len(table))):
        raise Refused(Fault.MALFORMED, "base: index and state do not belong together")
    return Base(name, state, index, table)


def use(folder: Path, name: str) -> None:
    """Say that the base `name` is in use, and remove all others. OSError: it is the one before."""
    place = folder / FOLDER
    write_atomically(place / CURRENT, name.encode())
    for each in place.iterdir():
        if each.name != CURRENT and not each.name.startswith(f"{name}."):
            with suppress(OSError):
                each.unlink()


def forget(folder: Path) -> None:
    """Use none any more: it is damaged. OSError."""
    (folder / FOLDER / CURRENT).unlink(missing_ok=True)


def write_state(path: Path, state: State) -> None:
    """Write a state. OSError."""
    position = state.position
    head = {
        "size": position.edge.size,
        "edge": [each.hex() for each in position.edge.roots],
        "time": position.time,
        "state": position.ledger.root.hex(),
        "scales": state.scales,
        "body": list(state.body),
        "made_at": state.made_at,
        "entries": len(state.judged),
    }
    lines = (canonical(_row(key, each, state)) for key, each in state.judged.items())
    plain = b"\n".join((canonical(head), *lines))
    packed = zstandard.ZstdCompressor(level=3).compress(plain)
    write_atomically(path, hashlib.sha256(packed).digest() + packed)


def read_state(data: bytes) -> State:
    """Read what `write_state` wrote.

    Raises:
        Refused: MALFORMED.
    """
    if hashlib.sha256(data[_SUM:]).digest() != data[:_SUM]:
        raise Refused(Fault.MALFORMED, "base: its state is damaged")
    try:
        plain = zstandard.ZstdDecompressor().decompress(data[_SUM:], max_output_size=MOST)
    except zstandard.ZstdError as error:
        raise Refused(Fault.MALFORMED, f"base: {error}") from error
    first, *rows = plain.split(b"\n")
    parts = fields(read_object(first, MOST), _STATE, "base")
    judged, classes = _rows(rows)
    ledger = Ledger({key: each.entry for key, each in judged.items()})
    if ledger.root.hex() != parts["state"] or len(judged) != parts["entries"]:
        raise Refused(Fault.DIVERGED, "base: its orders are not those it says")
    edge = Edge(parts["size"], tuple(bytes.fromhex(each) for each in parts["edge"]))
    position = Position(edge, parts["time"], ledger)
    return State(position, judged, classes, parts["scales"], tuple(parts["body"]), parts["made_at"])


def _row(key: Digest, judged: Judged, state: State) -> dict[str, Json]:
    return {
        "head": head_json(judged.entry),
        "fault": None if judged.fault is None else judged.fault.value,
        "why": judged.why,
        "ended": judged.ended,
        "class": state.classes.get(key),
    }


def _rows(rows: Sequence[bytes]) -> tuple[dict[Digest, Judged], dict[Digest, int]]:
    judged, classes = dict[Digest, Judged](), dict[Digest, int]()
    known: dict[str, type | tuple[type, ...]] = {
        "head": dict,
        "fault": (str, type(None)),
        "why": str,
        "ended": bool,
        "class": (int, type(None)),
    }
    for row in rows:
        parts = fields(read_object(row, MOST), known, "base")
        entry = read_head(parts["head"])
        fault = None if parts["fault"] is None else Fault(parts["fault"])
        judged[entry.digest] = Judged(entry, fault, parts["why"], parts["ended"])
        if parts["class"] is not None:
            classes[entry.digest] = parts["class"]
    return judged, classes


def missing_class(base: Base | None, judged: Iterable[Judged]) -> bool:
    """Say whether a held order is enforced that the base was not compiled with."""
    classes = {} if base is None else base.state.classes
    known = {} if base is None else base.state.judged
    return any(
        each.enforced and digest not in classes and not known[digest].enforced
        for each in judged
        if each.entry.held and (digest := each.entry.digest) in known
    )
