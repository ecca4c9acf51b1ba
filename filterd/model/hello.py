"""A TLS ClientHello read from raw bytes: what a splice gate must know, and nothing else.

mitmproxy would hand over its own reading of a hello. This one is used instead, on the raw bytes,
for three reasons: a hello that says two things (an extension twice, two names) must be refused and
not half read, since the server may take the other half; what is tested here without mitmproxy is
what decides; and a gate without mitmproxy can read hellos with it too. mitmproxy's reading still
has to agree with this one (`filterd/http/addon/connections.py`).

RFC 8446 section 4.1.2 (hello) and 5.1 (records; a message may be split over several of them), RFC
6066 section 3 (SNI), RFC 7301 section 3.1 (ALPN), RFC 8701 (GREASE: unknown values are skipped),
RFC 9849 section 5 (ECH, 0xfe0d; an outer hello and a GREASE one look alike).
"""

from dataclasses import dataclass

MAX_HELLO = 64 * 1024  # bytes of handshake; post-quantum key shares make about 2 KiB
_RECORD, _HANDSHAKE, _CLIENT_HELLO = 5, 22, 1
_MAX_RECORD = 2**14  # RFC 8446 section 5.1
_SNI, _ALPN, _ECH = 0, 16, 0xFE0D


class BadHello(Exception):
    """Not a ClientHello that says one thing; the message says why."""


@dataclass(frozen=True, slots=True)
class ClientHello:
    """`sni` is lower case ASCII text as sent, None where there is none."""

    sni: str | None
    alpn: tuple[str, ...]
    ech: bool
    extensions: tuple[int, ...]


class HelloReader:
    """Collects a hello from segments of a stream, over as many records as it is split into."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._handshake = bytearray()

    def feed(self, segment: bytes) -> ClientHello | None:
        """Take the next bytes; the hello once it is whole.

        Raises:
            BadHello: these bytes cannot become one.
        """
        self._pending += segment
        while len(self._pending) >= _RECORD:
            kind, major = self._pending[0], self._pending[1]
            length = int.from_bytes(self._pending[3:_RECORD], "big")
            if kind != _HANDSHAKE or major != 3:
                raise BadHello("not a TLS handshake")
            if not 0 < length <= _MAX_RECORD:
                raise BadHello(f"a record of {length} bytes")
            if len(self._pending) < _RECORD + length:
                break
            self._handshake += self._pending[_RECORD : _RECORD + length]
            del self._pending[: _RECORD + length]
            if (body := self._body()) is not None:
                return read_hello(body)
        if self._pending and self._pending[0] != _HANDSHAKE:
            raise BadHello("not a TLS handshake")
        return None

    def _body(self) -> bytes | None:
        if len(self._handshake) < 4:
            return None
        if self._handshake[0] != _CLIENT_HELLO:
            raise BadHello("a handshake that does not begin with a ClientHello")
        length = int.from_bytes(self._handshake[1:4], "big")
        if length > MAX_HELLO:
            raise BadHello(f"a ClientHello of {length} bytes")
        return (
            bytes(self._handshake[4 : 4 + length]) if len(self._handshake) >= 4 + length else None
        )


def read_hello(body: bytes) -> ClientHello:
    """Read a ClientHello without its four bytes of handshake header.

    Raises:
        BadHello: damaged, or it says two things.
    """
    rest = _Bytes(body)
    rest.take(2 + 32)  # version, random
    rest.vector(1)  # session id
    rest.vector(2)  # cipher suites
    rest.vector(1)  # compression
    if rest.at_end:
        return ClientHello(None, (), ech=False, extensions=())
    block = _Bytes(rest.vector(2))
    if not rest.at_end:
        raise BadHello("bytes behind the extensions")
    found: dict[int, bytes] = {}
    while not block.at_end:
        kind = block.number(2)
        if kind in found:
            raise BadHello(f"extension {kind} twice")  # RFC 8446 section 4.2
        found[kind] = block.vector(2)
    return ClientHello(
        sni=_name(found[_SNI]) if _SNI in found else None,
        alpn=_protocols(found[_ALPN]) if _ALPN in found else (),
        ech=_ECH in found,
        extensions=tuple(found),
    )


def _name(data: bytes) -> str:
    whole = _Bytes(data)
    names = _Bytes(whole.vector(2))
    if names.number(1) != 0:
        raise BadHello("a server name of an unknown kind")
    name = names.vector(2)
    if not (names.at_end and whole.at_end):
        raise BadHello("more than one server name")
    try:
        text = name.decode("ascii")
    except UnicodeDecodeError:
        raise BadHello("a server name that is not ASCII") from None
    if not text or not text.isprintable() or " " in text:
        raise BadHello("a server name that is none")
    return text.lower()


def _protocols(data: bytes) -> tuple[str, ...]:
    whole = _Bytes(data)
    names = _Bytes(whole.vector(2))
    found = []
    while not names.at_end:
        found.append(names.vector(1).decode("latin-1"))
    if not whole.at_end:
        raise BadHello("bytes behind the protocols")
    return tuple(found)


class _Bytes:
    """Bytes that are read from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._data)

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._data):
            raise BadHello("cut short")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        return self.take(self.number(size))
