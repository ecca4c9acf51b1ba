"""What a door needs of the engine, in a few calls."""

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol


class DoorNumber(IntEnum):
    """How the core tells doors apart."""

    UDP = 0
    TCP = 1


class Answering(Protocol):
    """The engine as a door sees it."""

    def handle(
        self, packet: bytes, client: str, now: float, steady: float, door: int
    ) -> bytes | int | None:
        """Return a reply, a token for a reply that comes later, or nothing to send."""
        ...

    def welcomes(self, client: str) -> bool:
        """Say whether a connection from this address is taken at all; count one that is not."""
        ...

    def wait(self, token: int, reply: Callable[[bytes], None]) -> None:
        """Have `reply` called with the bytes once they are there; b"": there is nothing to send."""
        ...

    def forget(self, token: int) -> None:
        """The client has gone; `reply` need not be called."""
        ...
