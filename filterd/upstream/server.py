"""An upstream server as it is written in the configuration.

192.0.2.1  192.0.2.1:5353  udp://[2001:db8::1]:53      UDP, TCP where needed
tcp://192.0.2.1                                         TCP only
tls://dns.example  tls://192.0.2.1:853#dns.example      DoT; after # the name in the certificate
https://dns.example/dns-query  https://192.0.2.1/dns-query#dns.example      DoH
"""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from filterd.model.errors import InvalidName, UpstreamError
from filterd.model.name import ascii_name

PORTS = {"udp": 53, "tcp": 53, "tls": 853, "https": 443}
_PLAIN = frozenset({"udp", "tcp"})
_NO_PATH = frozenset({"", "/"})


class ServerSyntaxError(UpstreamError, ValueError):
    """Text that names no upstream server."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how to ask. `host` is an address or a name, `tls_name` what the certificate must
    be for (an address is verified as one), `path` for DoH only.
    """

    scheme: str
    host: str
    port: int
    tls_name: str = ""
    path: str = ""

    @property
    def is_address(self) -> bool:
        """Whether `host` needs no resolving."""
        return _is_address(self.host)

    @property
    def label(self) -> str:
        """The server in one spelling, for logs and metrics."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        name = f"#{self.tls_name}" if self.tls_name not in {"", self.host} else ""
        return f"{self.scheme}://{host}:{self.port}{self.path}{name}"


def parse_server(text: str) -> Server:
    """Read one server.

    Raises:
        ServerSyntaxError: with what is wrong and what would be right.
    """
    full = text.strip()
    if "://" not in full:
        # A bare IPv6 address has colons of its own.
        full = f"udp://[{full}]" if _is_address(full) and ":" in full else f"udp://{full}"
    try:
        parts = urlsplit(full)
        port = parts.port
    except ValueError as error:
        raise ServerSyntaxError(f"{text!r}: {error}") from None
    if parts.scheme not in PORTS:
        known = ", ".join(f"{known}://" for known in PORTS)
        raise ServerSyntaxError(f"{text!r}: unknown scheme {parts.scheme}://; known are {known}")
    if parts.username is not None or parts.query:
        raise ServerSyntaxError(f"{text!r}: neither user names nor ?… belong here")
    if port == 0:
        raise ServerSyntaxError(f"{text!r}: port 0 cannot be asked")
    host = _host(text, parts.hostname or "")
    port = port or PORTS[parts.scheme]
    if parts.scheme in _PLAIN:
        return _plain(text, parts, host, port)
    return _encrypted(text, parts, host, port)


def _plain(text: str, parts: SplitResult, host: str, port: int) -> Server:
    if not _is_address(host):
        raise ServerSyntaxError(
            f"{text!r}: {parts.scheme}:// wants an IP address, because there is no certificate to"
            " tell whether the name led to the right server"
        )
    if parts.path not in _NO_PATH or parts.fragment:
        raise ServerSyntaxError(f"{text!r}: nothing may follow the port")
    return Server(parts.scheme, host, port)


def _encrypted(text: str, parts: SplitResult, host: str, port: int) -> Server:
    tls_name = _host(text, parts.fragment.lower()) if parts.fragment else host
    if parts.scheme == "tls":
        if parts.path not in _NO_PATH:
            raise ServerSyntaxError(f"{text!r}: tls:// has no path; did you mean https://?")
        return Server(parts.scheme, host, port, tls_name)
    path = "/dns-query" if parts.path in _NO_PATH else parts.path
    if not path.isascii() or any(c <= " " for c in path):
        raise ServerSyntaxError(f"{text!r}: the path must be plain ASCII")
    return Server(parts.scheme, host, port, tls_name, path)


def _host(text: str, host: str) -> str:
    if _is_address(host):
        return host
    try:
        name = ascii_name(host)
    except InvalidName as error:
        raise ServerSyntaxError(f"{text!r}: {error}") from None
    if not name:
        raise ServerSyntaxError(f"{text!r}: there is no host in it")
    return name


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
