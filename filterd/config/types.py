"""Scalars of the configuration: durations, sizes, names, networks, ages.

Each type is the plain Python value plus a `Text` that says how it is written. Durations are
seconds (float), times to live are whole seconds (RFC 2181 section 8), sizes are bytes.
"""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any

import idna

from filterd.config.text import Text, shape, written
from filterd.model.errors import InvalidName
from filterd.model.group import ADULT
from filterd.model.name import ascii_name

MAX_TTL = 2**31 - 1  # RFC 2181 section 8
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZES = {
    "": 1,
    "b": 1,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]*)")
_NAMED = re.compile(r"(?:user|host|class):[^\s:][^\x00-\x1f]{0,127}")
_MAC = re.compile(r"[0-9a-f]{2}(?:[:-]?[0-9a-f]{2}){5}")
_ALIAS = re.compile(r"[a-z0-9][a-z0-9:+_-]{0,40}")


def read_duration(value: Any) -> float:
    """Return seconds from "1h30m", "500ms" or a number of seconds; never negative."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not 0 <= value < float("inf"):
            raise ValueError(f"{value} is no duration")
        return float(value)
    text = written(value).replace(" ", "").lower()
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{shape(value)} is no duration")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def show_duration(seconds: float) -> str:
    """Write seconds in the largest unit that divides them."""
    for unit in ("w", "d", "h", "m", "s"):
        if seconds >= _UNITS[unit] and seconds % _UNITS[unit] == 0:
            return f"{int(seconds / _UNITS[unit])}{unit}"
    return "0s" if seconds == 0 else f"{round(seconds * 1000)}ms"


def read_ttl(value: Any) -> int:
    """Return a time to live in whole seconds, 0 to 2^31-1."""
    seconds = read_duration(value)
    if seconds != int(seconds) or seconds > MAX_TTL:
        raise ValueError(f"{shape(value)} is no time to live")
    return int(seconds)


def read_size(value: Any) -> int:
    """Return bytes from "64MiB" or a number of bytes."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = _SIZE.fullmatch(written(value))
    if not found or found[2].lower() not in _SIZES:
        raise ValueError(f"{shape(value)} is no size")
    return int(float(found[1]) * _SIZES[found[2].lower()])


def show_size(size: int) -> str:
    """Write bytes in the largest binary unit that divides them."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _SIZES[unit.lower()] == 0:
            return f"{size // _SIZES[unit.lower()]}{unit}"
    return f"{size}B"


def read_name(value: Any) -> str:
    """Return a normalised domain name; international names become A-labels (UTS 46)."""
    text = written(value)
    if text.startswith("*."):
        raise ValueError(f"{text[:60]!r} has a wildcard; a name covers its subdomains already")
    try:
        plain = text if text.isascii() else idna.encode(text, uts46=True).decode("ascii")
        name = ascii_name(plain)
    except (InvalidName, idna.IDNAError) as error:
        raise ValueError(f"{text[:80]!r} is no domain name: {error}") from error
    if not name:
        raise ValueError("an empty domain name")
    return name


def read_network(value: Any) -> str:
    """Return a CIDR network in its short spelling; a plain address is a network of one."""
    text = written(value)
    try:
        return str(ipaddress.ip_network(text, strict=True))
    except ValueError as error:
        raise ValueError(f"{text[:60]!r} is no network: {error}") from error


def read_address(value: Any) -> str:
    """Return one IP address in its short spelling."""
    text = written(value)
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise ValueError(f"{text[:60]!r} is no address") from error


def read_client_id(value: Any) -> str:
    """Return a MAC address (lower case, colons), `user:`, `host:` or `class:` with a name (folded),
    or a CIDR network.
    """
    text = written(value).casefold()
    if _NAMED.fullmatch(text):
        return text.rstrip(".")
    if _MAC.fullmatch(text):
        digits = re.sub("[:-]", "", text)
        return ":".join(digits[i : i + 2] for i in range(0, 12, 2))
    return read_network(value)


def read_age(value: Any) -> int | str:
    """Return an age 0 to 18, or an alias that the rule book's ages will resolve."""
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value <= ADULT:
            return value
        raise ValueError(f"the age {value} is outside 0 to {ADULT}")
    alias = written(value).lower()
    if alias.isdigit():
        return read_age(int(alias))
    if not _ALIAS.fullmatch(alias):
        raise ValueError(f"{alias[:60]!r} is no age")
    return alias


def read_word(value: Any) -> str:
    """Return a name made by the administrator: of a group, list, client or schedule."""
    text = written(value)
    if not re.fullmatch(r"[\w][\w .+-]{0,62}", text):
        raise ValueError(f"{text[:60]!r} cannot be a name")
    return text


def read_sha256(value: Any) -> str:
    """Return a SHA-256 sum as 64 hexadecimal digits in lower case."""
    text = written(value).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(f"{text[:80]!r} is no SHA-256 sum")
    return text


def read_path(value: Any) -> Path:
    """Return a file path; `~` is the home directory."""
    text = written(value)
    if not text or "\0" in text:
        raise ValueError("an empty path")
    return Path(text).expanduser()


_DURATION = "a duration such as 500ms, 30s, 5m, 1h30m, 1d, or a number of seconds"
Duration = Annotated[
    float, Text(read_duration, show_duration, _DURATION, ("30s", "5m", "1d"), ("string", "number"))
]
Ttl = Annotated[
    int,
    Text(
        read_ttl, show_duration, f"{_DURATION}, whole seconds", ("60s", "1h"), ("string", "integer")
    ),
]
ByteSize = Annotated[
    int,
    Text(read_size, show_size, "a size such as 64MiB, or bytes", ("64MiB",), ("string", "integer")),
]
DomainName = Annotated[
    str, Text(read_name, str, "a domain name such as school.example", ("school.example",))
]
Network = Annotated[
    str,
    Text(
        read_network,
        str,
        "a network such as 192.0.2.0/24, 2001:db8::/64 or one address",
        ("192.0.2.0/24",),
    ),
]
Address = Annotated[str, Text(read_address, str, "an IP address", ("192.0.2.1",))]
ClientId = Annotated[
    str,
    Text(
        read_client_id,
        str,
        "an address, a network, a MAC address, or user:NAME, class:NAME or host:NAME",
        ("192.0.2.7", "00:00:5e:00:53:07", "user:alice"),
    ),
]
Age = Annotated[
    int | str,
    Text(read_age, lambda age: age,
         "an age from 0 to 18, or a bracket, grade or label of rules/ages.yaml such as primary, "
         "grade-3, film:t13", (9, "grade-3"), ("integer", "string")),
]  # fmt: skip
Word = Annotated[
    str,
    Text(read_word, str, "a name of letters, digits, space . + - _ (at most 63)", ("library",)),
]
Sha256 = Annotated[
    str, Text(read_sha256, str, "64 hexadecimal digits, as sha256sum prints them", ("0" * 64,))
]
FilePath = Annotated[
    Path,
    Text(read_path, str, "a file path", ("lists/own.txt",)),
]
