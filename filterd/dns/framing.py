"""Length-prefixed DNS messages on a stream (RFC 1035 section 4.2.2), without I/O."""

PREFIX = 2
MAX_MESSAGE = 65535


class FrameReader:
    """Cuts a byte stream into messages. Holds at most one incomplete message."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages completed by `data`, in order; an empty message is b""."""
        buffer = self._buffer
        buffer += data
        messages = []
        start = 0
        while len(buffer) - start >= PREFIX:
            end = start + PREFIX + int.from_bytes(buffer[start : start + PREFIX], "big")
            if end > len(buffer):
                break
            messages.append(bytes(buffer[start + PREFIX : end]))
            start = end
        del buffer[:start]
        return messages

    @property
    def partial(self) -> bool:
        """Whether a message has begun and not ended."""
        return bool(self._buffer)


def frame(message: bytes) -> bytes:
    """Return `message` with its length in front. ValueError above 65,535 octets."""
    if len(message) > MAX_MESSAGE:
        raise ValueError(f"a DNS message has at most {MAX_MESSAGE} octets, not {len(message)}")
    return len(message).to_bytes(PREFIX, "big") + message
