"""Orders that were compiled into a file of their own: the base that newer orders lie over.

A class of it that is not to be enforced now, because its order was revoked, is refused or has not
begun, is switched off by the plan; the file stays as it is. An end is in the class itself.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from filterd.core import Index
from filterd.model.order import Order
from filterd.policy.classes import ClassTable
from filterd.policy.orders import class_of

NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OrderBase:
    """A compiled index of orders. `starts` are unix seconds, one for each class; `off` the classes
    that are switched off.
    """

    index: Index
    table: ClassTable = field(compare=False)  # the index says it
    starts: tuple[int, ...]
    off: frozenset[int] = frozenset()

    def off_at(self, now: float) -> frozenset[int]:
        """Return the classes that are not enforced at `now` (unix seconds)."""
        return self.off | {at for at, start in enumerate(self.starts) if start > now}

    def next_start(self, now: float) -> int | None:
        """Return when the next order begins that has not yet; None: there is none."""
        return min((start for start in self.starts if start > now), default=None)


def base_table(orders: Collection[Order]) -> tuple[ClassTable, list[int | None]]:
    """Return a class for each order that can be enforced, and the class of each order. Patterns
    have no part in it.
    """
    table, numbers = ClassTable(), list[int | None]()
    for order in orders:
        numbers.append(table.intern(class_of(order)))
    return table, numbers


def switched(table: ClassTable, off: Collection[int]) -> ClassTable:
    """Return the classes with those in `off` meant for nobody."""
    if not off:
        return table
    classes = list(table.classes)
    for number in off:
        classes[number] = replace(classes[number], groups=NOBODY)
    return ClassTable(classes)
