"""A bounded mapping whose values end at a time; the one least recently used goes first."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Expiring(Generic[T]):
    """At most `most` values under keys of bytes. Times are seconds, from the caller's clock."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, tuple[float, T]] = OrderedDict()

    def put(self, key: bytes, value: T, until: float) -> None:
        """Keep `value` up to, not including, `until`."""
        self._kept[key] = (until, value)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def get(self, key: bytes, now: float) -> tuple[bool, T | None]:
        """Return whether there is a value, and it; one that has ended is forgotten."""
        kept = self._kept.get(key)
        if kept is None:
            return False, None
        if now >= kept[0]:
            del self._kept[key]
            return False, None
        self._kept.move_to_end(key)
        return True, kept[1]

    def drop(self, key: bytes) -> None:
        """Forget a value, if it is there."""
        self._kept.pop(key, None)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()

    def items(self, now: float) -> Iterator[tuple[bytes, float, T]]:
        """Yield (key, until, value) of what has not ended, the least recently used first."""
        for key, (until, value) in self._kept.items():
            if now < until:
                yield key, until, value

    def __len__(self) -> int:
        return len(self._kept)
