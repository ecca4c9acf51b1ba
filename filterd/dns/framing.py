"""Length-prefixed DNS messages on a stream (RFC 1035 section 4.2.2), without I/O."""

PREFIX = 2
MAX_MESSAGE = 65535


class FrameReader:
    """Cuts a byte stream into messages, as many at a time as are wanted: the smallest are two
    octets, so that one read from a socket may hold a hundred thousand.
    """

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages completed by `data`, in order; an empty message is b""."""
        self.add(data)
        return self.take(len(self._buffer))

    def add(self, data: bytes) -> None:
        """Append what was read."""
        self._buffer += data

    def take(self, most: int) -> list[bytes]:
        """Return the next whole messages, at most `most`."""
        buffer = self._buffer
        messages: list[bytes] = []
        start = 0
        while len(messages) < most and (end := self._end(start)) is not None:
            messages.append(bytes(buffer[start + PREFIX : end]))
            start = end
        del buffer[:start]
        return messages

    @property
    def ready(self) -> bool:
        """Whether a whole message waits to be taken."""
        return self._end(0) is not None

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended, or waits to be taken."""
        return bool(self._buffer)

    def _end(self, start: int) -> int | None:
        """Return the end of the message at `start`, if it is all there."""
        buffer = self._buffer
        if len(buffer) - start < PREFIX:
            return None
        end = start + PREFIX + int.from_bytes(buffer[start : start + PREFIX], "big")
        return end if end <= len(buffer) else None


def frame(message: bytes) -> bytes:
    """Return `message` with its length in front. ValueError above 65,535 octets."""
    if len(message) > MAX_MESSAGE:
        raise ValueError(f"a DNS message has at most {MAX_MESSAGE} octets, not {len(message)}")
    return len(message).to_bytes(PREFIX, "big") + message
