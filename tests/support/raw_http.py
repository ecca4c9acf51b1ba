"""HTTP byte by byte, for hostile tests: a client that sends what it is told, and a web server that
keeps the bytes it was sent and answers with bytes that the test chose.
"""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.servers import free_port

BEHIND = 0.15  # seconds of silence after which nothing comes behind an answer
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Upstream:
    """`streams`: all bytes of each connection; `answer` is sent at each end of a request's head, and
    at once with `close` the connection is ended.
    """

    port: int
    answer: bytes = GOOD
    close: bool = False
    streams: list[bytearray] = field(default_factory=list)
    open: int = 0

    @property
    def seen(self) -> bytes:
        return b"".join(bytes(each) for each in self.streams)

    @contextmanager
    def answering(self, answer: bytes, *, close: bool = False) -> Iterator["Upstream"]:
        """Answer otherwise, and forget what was seen, until the block ends."""
        self.answer, self.close = answer, close
        self.streams.clear()
        try:
            yield self
        finally:
            self.answer, self.close = GOOD, False


def _serve(upstream: Upstream, connection: socket.socket, context: ssl.SSLContext | None) -> None:
    seen = bytearray()
    upstream.open += 1
    try:
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        upstream.streams.append(seen)
        answered = 0
        while piece := connection.recv(65536):
            seen += piece
            # Whoever looks for heads so finds each that any reader could find.
            while answered < seen.count(b"\r\n\r\n"):
                answered += 1
                connection.sendall(upstream.answer)
                if upstream.close:
                    return
    except OSError:
        return
    finally:
        upstream.open -= 1
        connection.close()


@contextmanager
def upstream(certificate: tuple[Path, Path] | None = None) -> Iterator[Upstream]:
    """Serve on loopback until the block ends."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
    listening = socket.create_server(("127.0.0.1", free_port()), backlog=128)
    made = Upstream(listening.getsockname()[1])

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connection.settimeout(20)
            threading.Thread(target=_serve, args=(made, connection, context), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield made
    finally:
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def connect(port: int, client: str = "127.0.0.1", seconds: float = 10.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), seconds, source_address=(client, 0))


def read(
    connection: socket.socket,
    until: Callable[[bytes], bool] = lambda _said: False,
    seconds: float = 10.0,
) -> bytes:
    """Return what comes until the other end goes, or `until` says enough.

    Raises:
        TimeoutError: neither within `seconds` of silence.
    """
    said = b""
    connection.settimeout(seconds)
    while not until(said):
        try:
            piece = connection.recv(65536)
        except ConnectionError:
            return said
        if not piece:
            return said
        said += piece
    return said


def exchange(port: int, data: bytes, client: str = "127.0.0.1", seconds: float = 10.0) -> bytes:
    """Send `data` and no more; return all that is answered. It is waited for `seconds`, and once an
    answer is whole only for what may come at once behind it.
    """
    with connect(port, client, seconds) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(data)
        said = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while piece := connection.recv(65536):
                said += piece
                connection.settimeout(BEHIND if whole(said) else seconds)
        return said


def whole(said: bytes) -> bool:
    """Say whether there is at least one whole answer, that is no `1xx`."""
    head, end, body = said.partition(b"\r\n\r\n")
    if not end:
        return False
    if head.split(None, 2)[1].startswith(b"1"):
        return whole(body)
    size = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if size is not None:
        return len(body) >= int(size[1])
    return b"0\r\n\r\n" in body if re.search(rb"(?i)transfer-encoding", head) else False


def status(said: bytes) -> int:
    """Return the status of an answer, 0 where there is none."""
    words = said.split(None, 2)
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") else 0


def heads(stream: bytes) -> list[list[bytes]]:
    """Read requests as the strictest server would; return the lines of each head.

    Raises:
        ValueError: two servers could read this stream differently (RFC 9112 sections 2.2, 5, 6).
    """
    found = []
    while stream:
        head, end, stream = stream.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        if not end:
            raise ValueError(f"not a whole head: {head[:200]!r}")
        if any(byte in line for line in lines for byte in (b"\r", b"\n", b"\0")):
            raise ValueError(f"a bare CR, LF or NUL: {head[:200]!r}")
        if lines[0].count(b" ") != 2 or any(each[:1] in b" \t" for each in lines[1:]):
            raise ValueError(f"a request line of other than three words, or a fold: {head[:200]!r}")
        fields = [each.partition(b":") for each in lines[1:]]
        if any(not colon or name != name.strip() for name, colon, _ in fields):
            raise ValueError(f"a field without a plain name: {head[:200]!r}")
        sizes = [value.strip() for name, _, value in fields if name.lower() == b"content-length"]
        codings = [
            value.strip() for name, _, value in fields if name.lower() == b"transfer-encoding"
        ]
        if len(sizes) + len(codings) > 1:
            raise ValueError(f"two framings: {sizes} {codings}")
        if codings:
            if codings[0] not in {b"chunked", b"gzip, chunked"}:
                raise ValueError(f"an odd coding: {codings}")
            stream = _chunks(stream)
        elif sizes:
            if not sizes[0].isdigit():
                raise ValueError(f"an odd length: {sizes}")
            stream = stream[int(sizes[0]) :]
        found.append(lines)
    return found


def _chunks(stream: bytes) -> bytes:
    """Return what follows a chunked body without trailers."""
    while True:
        line, _, stream = stream.partition(b"\r\n")
        size = int(line, 16)
        if stream[size : size + 2] != b"\r\n":
            raise ValueError(f"a chunk of {size} bytes that does not end")
        stream = stream[size + 2 :]
        if not size:
            return stream
