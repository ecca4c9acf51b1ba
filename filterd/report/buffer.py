"""A bounded buffer between those who decide and those who write down.

Full, it drops the oldest and counts what it dropped: the newest matters most to who looks for a
fault, and nobody who answers queries ever waits. Safe for several threads.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Buffer(Generic[T]):
    """At most `capacity` items, oldest out first."""

    def __init__(self, capacity: int) -> None:
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._lock = Lock()
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Items lost so far because there was no room."""
        return self._dropped

    def __len__(self) -> int:
        return len(self._items)

    def put(self, items: Iterable[T]) -> None:
        """Add items at the new end."""
        with self._lock:
            self._items.extend(items)
            self._trim()

    def put_back(self, items: Sequence[T]) -> None:
        """Return items that were taken and could not be used to the old end."""
        with self._lock:
            self._items.extendleft(reversed(items))
            self._trim()

    def take(self, most: int) -> list[T]:
        """Return up to `most` items, oldest first; does not wait."""
        with self._lock:
            return [self._items.popleft() for _ in range(min(most, len(self._items)))]

    def _trim(self) -> None:
        while len(self._items) > self._capacity:
            self._items.popleft()
            self._dropped += 1
