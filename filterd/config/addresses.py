"""Where filterd listens and whom it asks: addresses with a port, and upstream servers.

An upstream is written as a URL: `udp://` (the default for a bare address), `tcp://`, `tls://`
(DoT, RFC 7858) or `https://` (DoH, RFC 8484). `#name` gives the name in the certificate of a
server that is written by its address.
"""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import urlsplit

from filterd.config.text import Text, written
from filterd.config.types import read_name


class Transport(StrEnum):
    """How an upstream is spoken to."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"
    HTTPS = "https"


_PORTS = {Transport.UDP: 53, Transport.TCP: 53, Transport.TLS: 853, Transport.HTTPS: 443}


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """An IP address and a port (0 to 65535; 0 lets the system choose)."""

    host: str
    port: int

    def __str__(self) -> str:
        return _joined(self.host, self.port)


@dataclass(frozen=True, slots=True)
class UpstreamAddress:
    """One upstream server. `host` is an address or a name (then bootstrap resolves it);
    `server_name` is what its certificate must say, empty for udp and tcp.
    """

    transport: Transport
    host: str
    port: int
    server_name: str = ""
    path: str = ""

    @property
    def needs_bootstrap(self) -> bool:
        """Whether `host` is a name that has to be resolved first."""
        return not _is_address(self.host)

    def __str__(self) -> str:
        port = self.port if self.port != _PORTS[self.transport] else None
        scheme = "" if self.transport is Transport.UDP else f"{self.transport}://"
        text = f"{scheme}{_joined(self.host, port)}{self.path}"
        return text + (f"#{self.server_name}" if self.server_name not in {"", self.host} else "")


def read_listen(value: Any) -> ListenAddress:
    """Return the address behind "127.0.0.1:5300" or "[::1]:53"; the port must be there."""
    text = written(value)
    host, port = _split(text)
    if port is None:
        raise ValueError(f"{text[:60]!r} has no port")
    if not _is_address(host):
        raise ValueError(f"{host[:60]!r} is no IP address")
    _, mark, zone = host.partition("%")
    if mark and not re.fullmatch(r"[A-Za-z0-9_.-]{1,15}", zone):
        raise ValueError(f"{zone[:60]!r} is no network interface")
    return ListenAddress(str(ipaddress.ip_address(host)), port)


def read_upstream(value: Any) -> UpstreamAddress:
    """Return the server behind "1.1.1.1", "tls://192.0.2.1#dns.example" or "https://dns.example/dns-query"."""
    text = written(value)
    scheme, slashes, rest = text.partition("://")
    if not slashes:
        scheme, rest = "udp", text
    if scheme not in list(Transport):
        raise ValueError(f"unknown transport {scheme[:20]!r}")
    transport = Transport(scheme)
    rest, _, name = rest.partition("#")
    if any(not "!" <= char <= "~" or char in "?@" for char in rest):
        raise ValueError(f"{text[:60]!r} has a character that no server's address has")
    authority, slash, path = rest.partition("/")
    if slash and transport is not Transport.HTTPS:
        raise ValueError(f"a path means nothing for {transport}")
    host, port = _split(authority)
    host = str(ipaddress.ip_address(host)) if _is_address(host) else read_name(host)
    if port == 0:
        raise ValueError("port 0 cannot be asked")
    encrypted = transport in {Transport.TLS, Transport.HTTPS}
    if not encrypted and not _is_address(host):
        raise ValueError(
            f"{transport} wants an IP address, as no certificate proves the name right"
        )
    if name and not encrypted:
        raise ValueError(f"a certificate name means nothing for {transport}")
    return UpstreamAddress(
        transport,
        host,
        _PORTS[transport] if port is None else port,
        (read_name(name) if name else host) if encrypted else "",
        ("/" + (path or "dns-query")) if transport is Transport.HTTPS else "",
    )


def read_url(value: Any) -> str:
    """Return an http(s) URL with a host."""
    text = written(value)
    parts = urlsplit(text)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or any(c.isspace() for c in text)
    ):
        raise ValueError(f"{text[:80]!r} is no web address")
    return text


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _split(text: str) -> tuple[str, int | None]:
    """Split "host", "host:port", "[v6]:port" and bare "v6"."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"{text[:60]!r} is no address")
        port = rest[1:] if rest else None
    elif text.count(":") > 1:
        host, port = text, None
    else:
        host, colon, after = text.partition(":")
        port = after if colon else None
    if port is None:
        return host, None
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f"{port[:20]!r} is no port")
    return host, int(port)


def _joined(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port is None else f"{shown}:{port}"


Listen = Annotated[
    ListenAddress,
    Text(
        read_listen, str, "ADDRESS:PORT such as 127.0.0.1:5300 or [::1]:5300", ("127.0.0.1:5300",)
    ),
]
Upstream = Annotated[
    UpstreamAddress,
    Text(
        read_upstream,
        str,
        "an address, or udp://, tcp://, tls:// or https:// and a server, with #name where the "
        "certificate names another",
        ("192.0.2.1", "tls://192.0.2.1#dns.example", "https://dns.example/dns-query"),
    ),
]
Url = Annotated[
    str, Text(read_url, str, "an http:// or https:// address", ("https://lists.example/a",))
]
