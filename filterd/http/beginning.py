"""Whether the first bytes of a connection say yet what is spoken in it."""

import re

_TLS = b"\x16\x03"  # a handshake record, RFC 8446 section 5.1, and the one version byte that counts
_METHOD = re.compile(rb"[A-Z]{1,20}")  # of HTTP/1, with no blank behind it yet


def says_nothing_yet(first: bytes) -> bool:
    """Say whether more is needed: it may become TLS or HTTP, and is neither so far."""
    if not first:
        return False
    return (len(first) <= len(_TLS) and _TLS.startswith(first)) or bool(_METHOD.fullmatch(first))
