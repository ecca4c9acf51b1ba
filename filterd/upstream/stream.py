"""DNS messages on a stream: two octets of length before each (RFC 1035 section 4.2.2). No I/O."""


def frame(message: bytes) -> bytes:
    """Return `message` with its length in front. Raises OverflowError above 65,535 octets."""
    return len(message).to_bytes(2, "big") + message


class Deframer:
    """Cuts a stream back into messages; never holds more than one unfinished message."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that `data` completes, in order."""
        held = self._held + data if self._held else data
        at = 0
        size = len(held)
        messages: list[bytes] = []
        while size - at >= 2:
            end = at + 2 + int.from_bytes(held[at : at + 2], "big")
            if end > size:
                break
            messages.append(held[at + 2 : end])
            at = end
        self._held = held[at:]
        return messages
