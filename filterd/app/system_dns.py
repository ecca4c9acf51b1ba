"""The resolvers that this machine uses itself, for a configuration that names none."""

import re
from collections.abc import Collection
from ipaddress import ip_address
from pathlib import Path

RESOLV_CONF = Path("/etc/resolv.conf")
MOST = 3  # as the C library: further ones are never asked
_NAMESERVER = re.compile(r"^\s*nameserver\s+(\S+)", re.MULTILINE)


def nameservers(text: str, ours: Collection[str] = ()) -> tuple[str, ...]:
    """Return the usable nameservers of resolv.conf text, less our own addresses (a loop)."""
    found = []
    for address in _NAMESERVER.findall(text):
        bare = address.partition("%")[0]
        try:
            parsed = str(ip_address(bare))
        except ValueError:
            continue
        if parsed not in ours:
            found.append(parsed)
    return tuple(dict.fromkeys(found))[:MOST]


def system_nameservers(ours: Collection[str], path: Path = RESOLV_CONF) -> tuple[str, ...]:
    """Return the machine's nameservers; none where the file cannot be read."""
    try:
        return nameservers(path.read_text("utf-8", "replace"), ours)
    except OSError:
        return ()
