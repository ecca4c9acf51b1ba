"""What was in force when a node was seen last, so that it is in force again before anything is read
or verified anew: the base, which of it was switched off, and the orders since.

It was verified when it was written, and who can write there is the node itself; the checksum is
against a disk that fails.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from filterd.feed.acts import act_json, read_act
from filterd.feed.canonical import canonical, fields, read_object
from filterd.feed.refusal import Fault, Refused
from filterd.model.durable import write_atomically
from filterd.model.order import Order

FILE = "in-force.json"
MOST = 256 * 2**20  # bytes
_SUM = 64


@dataclass(frozen=True, slots=True)
class InForce:
    """`base` is its name, "" where there is none; `off` are classes of it."""

    base: str
    off: frozenset[int]
    orders: tuple[Order, ...]


def remember_orders(file: Path, known: InForce) -> None:
    """Keep it. OSError: what was kept before stays."""
    data = canonical(
        {
            "base": known.base,
            "off": sorted(known.off),
            "orders": [act_json(each) for each in known.orders],
        }
    )
    write_atomically(file, hashlib.sha256(data).hexdigest().encode() + b"\n" + data)


def recall_orders(file: Path) -> InForce | None:
    """Return what was kept; None: nothing was.

    Raises:
        Refused: MALFORMED, it is damaged.
        OSError: it cannot be read.
    """
    try:
        head, _, data = file.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    if hashlib.sha256(data).hexdigest().encode() != head:
        raise Refused(Fault.MALFORMED, f"{file.name}: damaged")
    parts = fields(read_object(data, MOST), {"base": str, "off": list, "orders": list}, FILE)
    acts = (read_act("order", each) for each in parts["orders"])
    orders = tuple(each for each in acts if isinstance(each, Order))
    return InForce(parts["base"], frozenset(parts["off"]), orders)
