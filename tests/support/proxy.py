"""PROXY protocol headers (version 2), as a proxy writes them."""

from ipaddress import ip_address

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL = SIGNATURE + bytes((0x20, 0, 0, 0))


def header(client: str, *, stream: bool = False, tlvs: bytes = b"") -> bytes:
    """Return a header that says the message is of `client`, an address, over UDP or TCP."""
    source = ip_address(client)
    own = ip_address("192.0.2.53" if source.version == 4 else "2001:db8::53")
    family = (0x10 if source.version == 4 else 0x20) | (1 if stream else 2)
    block = source.packed + own.packed + (40000).to_bytes(2) + (53).to_bytes(2) + tlvs
    return SIGNATURE + bytes((0x21, family)) + len(block).to_bytes(2) + block
