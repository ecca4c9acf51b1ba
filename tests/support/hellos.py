"""TLS ClientHellos made by hand (RFC 8446 section 4.1.2), for what no library sends."""

import secrets
import ssl

GREASE = 0x1A1A  # RFC 8701
ECH = 0xFE0D


def vector(size: int, data: bytes) -> bytes:
    return len(data).to_bytes(size, "big") + data


def extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2, "big") + vector(2, data)


def server_name(name: str | bytes) -> bytes:
    raw = name.encode("ascii") if isinstance(name, str) else name
    return extension(0, vector(2, b"\x00" + vector(2, raw)))


def outer_ech(payload: int = 239) -> bytes:
    """The extension of an outer hello (RFC 9849 section 5): HKDF-SHA256, AES-128-GCM, a key
    configuration's number, an X25519 share, and `payload` bytes that only its owner can read.
    """
    suite = b"\x00\x01\x00\x01"
    share = vector(2, secrets.token_bytes(32))
    return extension(
        ECH, b"\x00" + suite + b"\x07" + share + vector(2, secrets.token_bytes(payload))
    )


def hello(*extensions: bytes, ciphers: tuple[int, ...] = (0x1301, 0x1302, 0x1303)) -> bytes:
    """A ClientHello's handshake message, with what a server needs for TLS 1.3 behind `extensions`."""
    usual = (
        extension(43, vector(1, b"\x03\x04")),
        extension(13, vector(2, b"\x04\x03\x08\x04\x04\x01")),
        extension(10, vector(2, b"\x00\x1d")),
        extension(51, vector(2, b"\x00\x1d" + vector(2, secrets.token_bytes(32)))),
    )
    suites = b"".join(each.to_bytes(2, "big") for each in ciphers)
    body = b"\x03\x03" + secrets.token_bytes(32) + vector(1, secrets.token_bytes(32))
    body += vector(2, suites) + vector(1, b"\x00") + vector(2, b"".join((*extensions, *usual)))
    return b"\x01" + vector(3, body)


def records(message: bytes, size: int = 16384) -> bytes:
    """Put a handshake message into records of at most `size` bytes (RFC 8446 section 5.1)."""
    pieces = [message[at : at + size] for at in range(0, len(message), size)]
    return b"".join(b"\x16\x03\x01" + vector(2, piece) for piece in pieces)


def real(name: str, alpn: list[str] | None = None) -> bytes:
    """The records that OpenSSL would begin with."""
    context = ssl.create_default_context()
    if alpn:
        context.set_alpn_protocols(alpn)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("nobody answers")
