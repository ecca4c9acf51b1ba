"""Connections of a client to a proxy and through it. Standard library alone."""

import socket

PATIENCE = 20.0  # seconds for one answer


def connect(proxy: int, source: str) -> socket.socket:
    """Return a connection to the proxy of loopback that listens there, from an address."""
    made = socket.create_connection(("127.0.0.1", proxy), PATIENCE, source_address=(source, 0))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def tunnel(connection: socket.socket, host: str, port: int) -> None:
    """Have the proxy lead `connection` to a host from here on.

    Raises:
        OSError, ValueError: it does not.
    """
    where = f"{host}:{port}"
    connection.sendall(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
    said = b""
    while b"\r\n\r\n" not in said:
        piece = connection.recv(4096)
        if not piece:
            raise ConnectionError("closed at CONNECT")
        said += piece
    if said.split(None, 2)[1] != b"200":
        raise ValueError(f"CONNECT: {said[:60]!r}")


def request(target: str, host: str, port: int, *, keep: bool) -> bytes:
    """Return a request as a browser sends it, with fewer words."""
    return (
        f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: load\r\n"
        "Accept: text/html,*/*;q=0.8\r\nAccept-Language: vi,en;q=0.5\r\n"
        f"Connection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    ).encode()


def read_head(connection: socket.socket) -> tuple[int, bytes]:
    """Return the status of an answer and what has come of its body.

    Raises:
        OSError: there is none.
    """
    said = b""
    while (at := said.find(b"\r\n\r\n")) < 0:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("closed before an answer")
        said += piece
    return int(said[9:12]), said[at + 4 :]


def read_page(connection: socket.socket, size: int) -> None:
    """Read an answer that is a page of so many bytes. OSError, ValueError: it is not."""
    status, body = read_head(connection)
    if status != 200:
        raise ValueError(f"answered {status}")
    read_body(connection, len(body), size)


def read_body(connection: socket.socket, have: int, size: int) -> None:
    """Read a body of `size` bytes, of which so many have come. ValueError: it is longer."""
    room = memoryview(bytearray(65536))
    while have < size:
        count = connection.recv_into(room)
        if not count:
            raise ConnectionError(f"closed after {have} bytes of a body")
        have += count
    if have != size:
        raise ValueError(f"a body of {have} bytes")
