"""Conditional forwarding: names of some zones have servers of their own. The longest zone wins."""

from collections.abc import Mapping
from typing import Generic, TypeVar

T = TypeVar("T")


class Zones(Generic[T]):
    """Finds what belongs to a name. `zones`: normalised zone name -> value; "" is the root."""

    __slots__ = ("_default", "_zones")

    def __init__(self, default: T, zones: Mapping[str, T]) -> None:
        self._default = default
        self._zones = dict(zones)

    def find(self, name: str) -> T:
        """Return the value of the longest zone that holds `name` (normalised), else the default.

        The work grows with the labels of the name, not with the number of zones.
        """
        zones = self._zones
        if not zones:
            return self._default
        while True:
            if name in zones:
                return zones[name]
            if not name:
                return self._default
            name = name.partition(".")[2]

    def values(self) -> tuple[T, ...]:
        """Return every value, the default first."""
        return (self._default, *self._zones.values())
