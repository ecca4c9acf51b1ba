"""The lease file of ISC dhcpd, for IPv4 and IPv6 (dhcpd.leases(5)).

Declarations are added at the end, and of one address the last counts; now and then the server
writes a new file and renames it. One statement stands on a line, as the server writes them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from filterd.who.sighting import (
    Sighting,
    mac_of_duid,
    read_address,
    read_label,
    read_mac,
    read_network,
)

_OPENS = re.compile(r'\s*(lease|ia-na|ia-ta|ia-pd|iaaddr|iaprefix)\s+("(?:[^"\\]|\\.)*"|\S+)\s*\{')
_TIME = re.compile(r"(?:epoch (\d{1,11})|\d (\d{4})/(\d\d)/(\d\d) (\d\d):(\d\d):(\d\d))$")
# An octet in octal, a character that means itself, or what needed no escape.
_PART = re.compile(r"\\([0-7]{3})|\\(.)|([^\\]+)")
_HOLDERS = frozenset({"ia-na", "ia-ta", "ia-pd"})
_IAID = 4  # octets before the DUID


@dataclass(slots=True)
class _Lease:
    """A declaration while its statements are read."""

    address: str
    mac: str = ""
    host: str = ""
    since: float = 0.0
    until: float | None = None
    active: bool = True


class Dhcpd:
    """The format of dhcpd."""

    name = "dhcpd"
    appended = True

    def __init__(self) -> None:
        self.bad = 0
        self._mac = ""  # of the IA that is open
        self._lease: _Lease | None = None

    def begin(self) -> None:
        """Another file begins."""
        self.bad, self._mac, self._lease = 0, "", None

    def read(self, lines: Iterator[str]) -> Iterator[Sighting]:
        """Yield each lease at its end; `until` 0: it is free again. What is no lease is passed
        over, and leases that cannot be read are counted in `bad`.
        """
        for line in lines:
            opened = _OPENS.match(line)
            if opened:
                self._open(opened[1], opened[2])
                continue
            text = line.partition("#")[0].strip()
            if text == "}":
                lease, self._lease = self._lease, None
                if lease is not None:
                    yield from self._closed(lease)
                else:
                    self._mac = ""
            elif self._lease is not None and text.endswith(";"):
                _take(self._lease, text[:-1].strip())

    def _open(self, kind: str, value: str) -> None:
        if kind in _HOLDERS:
            self._mac = mac_of_duid(_unquoted(value)[_IAID:])
            return
        mac = "" if kind == "lease" else self._mac
        address = read_network(value) if kind == "iaprefix" else read_address(value)
        self._lease = _Lease(address, mac=mac)

    def _closed(self, lease: _Lease) -> Iterator[Sighting]:
        if not lease.address or lease.until is None:
            self.bad += 1
        elif not lease.active:
            yield Sighting(lease.address, until=0.0)
        else:
            yield Sighting(
                lease.address,
                mac=lease.mac,
                host=lease.host,
                since=lease.since,
                until=lease.until,
                claimed=":" in lease.address,
            )


def _take(lease: _Lease, statement: str) -> None:
    word, _, rest = statement.partition(" ")
    if word == "starts":
        lease.since = _moment(rest) or 0.0
    elif word == "ends":
        lease.until = inf if rest == "never" else _moment(rest)
    elif word == "hardware":
        lease.mac = read_mac(rest.removeprefix("ethernet "))
    elif word == "client-hostname":
        lease.host = read_label(_unquoted(rest).decode("utf-8", "replace"))
    elif statement.startswith("binding state "):
        lease.active = statement == "binding state active"


def _moment(text: str) -> float | None:
    """Return unix seconds of a time, which is UTC unless it is an `epoch`."""
    found = _TIME.match(text)
    if not found:
        return None
    if found[1]:
        return float(found[1])
    try:
        year, month, day, hour, minute, second = (int(each) for each in found.groups()[1:])
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _unquoted(text: str) -> bytes:
    """Return the octets of a string; those that do not print are written in octal."""
    inner = text.strip().removeprefix('"').removesuffix('"')
    return b"".join(
        bytes([int(octal, 8) & 0xFF]) if octal else (itself or plain).encode()
        for octal, itself, plain in _PART.findall(inner)
    )
