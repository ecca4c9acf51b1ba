"""A host as a client wrote it: a name in the one spelling of rules, an address, or neither.

`inet_aton` and with it every browser takes addresses in odd notations (0x7f.1, 017700000001,
2130706433, 1.1); WHATWG URL section 3.5 reads them alike, so they are addresses here too.
"""

import ipaddress
import socket
import string
from dataclasses import dataclass
from functools import lru_cache

from filterd.model.errors import InvalidName
from filterd.model.name import ascii_name

_ODD = frozenset(string.hexdigits + "xX.")


@dataclass(frozen=True, slots=True)
class Host:
    """`name`: a normalised domain name; `address`: an IP address in its usual notation. Exactly one
    is given, none where the text is neither.
    """

    name: str | None = None
    address: str | None = None


NEITHER = Host()
_LONGEST = 1024  # characters; a name of 253 may be written in characters that take more


def read_host(text: str) -> Host:
    """Read a host: `www.example.com`, `192.0.2.1`, `0xc0.0x2.1`, `[2001:db8::1]`."""
    return _read(text) if len(text) <= _LONGEST else NEITHER


@lru_cache(maxsize=4096)  # a connection gives the same few names again and again
def _read(text: str) -> Host:
    bare = text.removeprefix("[").removesuffix("]") if text.startswith("[") else text
    if ":" in bare:
        try:
            six = ipaddress.IPv6Address(bare.partition("%")[0])
        except ValueError:
            return NEITHER
        return Host(address=str(six.ipv4_mapped or six))
    plain = bare.removesuffix(".")
    if plain and _ODD.issuperset(plain):
        try:
            return Host(address=socket.inet_ntoa(socket.inet_aton(plain)))
        except OSError:
            pass  # beef.cafe is a name
    try:
        name = ascii_name(bare)
    except InvalidName:
        return NEITHER
    return Host(name=name) if name else NEITHER


def read_authority(text: str) -> tuple[Host, int | None]:
    """Read the value of a Host header or :authority (RFC 9110 section 7.2): host and port.

    What has user information, a port that is no number, or two ports is neither.
    """
    return _authority(text) if len(text) <= _LONGEST else (NEITHER, None)


@lru_cache(maxsize=4096)
def _authority(text: str) -> tuple[Host, int | None]:
    head, bracket, tail = text.rpartition("]") if text.startswith("[") else ("", "", text)
    host, _, port = tail.partition(":")
    if port and not (port.isascii() and port.isdigit() and int(port[:6]) < 65536):
        return NEITHER, None
    return read_host(head + bracket + host), int(port) if port else None
