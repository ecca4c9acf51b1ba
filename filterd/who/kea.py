"""Kea's lease file, the memfile backend's CSV, for IPv4 and IPv6 (Kea ARM, "Memfile - Basic
Storage for Leases"; src/lib/dhcpsrv/csv_lease_file4.h and 6.h).

Lines are added at the end, and of one address the last counts; a lifetime of 0 says that the lease
is gone. Columns are found by the names in the first line, for versions differ in them. `kea-lfc`
(lease file cleanup) moves files about; `before` says which others hold what the file itself does
not, in the order in which Kea reads them.
"""

import re
from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path

from filterd.who.sighting import (
    Sighting,
    read_address,
    read_duid,
    read_label,
    read_mac,
    read_network,
)

_NEEDED = frozenset({"address", "valid_lifetime", "expire"})
_FOREVER = 0xFFFFFFFF
_ASSIGNED = "0"  # the others: declined, expired and reclaimed, released
_DELEGATED = "2"  # IA_PD
_ESCAPED = re.compile(r"&#x([0-9a-fA-F]{2})")


class Kea:
    """The format of Kea."""

    name = "kea"
    appended = True

    def __init__(self) -> None:
        self.bad = 0
        self._columns: tuple[str, ...] = ()

    def begin(self) -> None:
        """Another file begins, with its own first line."""
        self.bad, self._columns = 0, ()

    def read(self, lines: Iterator[str]) -> Iterator[Sighting]:
        """Yield what each line says of its address; `until` 0: the lease is gone."""
        for line in lines:
            values = line.rstrip("\r\n").split(",")
            if values[0] == "address":
                self._columns = tuple(values)
                continue
            found = None
            if _NEEDED.issubset(self._columns):
                found = _lease(dict(zip(self._columns, values, strict=False)))
            if found is not None:
                yield found
            elif line.strip():
                self.bad += 1


def before(path: Path) -> tuple[Path, ...]:
    """Return the files to read before `path`: what a cleanup has finished, or else what the last
    one made and what the next one is to work on.
    """
    done = path.with_name(f"{path.name}.completed")
    if done.exists():
        return (done,)
    return tuple(
        each for number in ("2", "1") if (each := path.with_name(f"{path.name}.{number}")).exists()
    )


def _lease(row: Mapping[str, str]) -> Sighting | None:
    try:
        lifetime, end = int(row["valid_lifetime"]), int(row["expire"])
        delegated = row.get("lease_type") == _DELEGATED
        length = int(row["prefix_len"]) if delegated else 0
    except (KeyError, ValueError):
        return None
    address = read_address(row["address"])
    if address and delegated:
        address = read_network(f"{address}/{length}")
    if not address or not 0 <= end < 2**40:
        return None
    if lifetime == 0 or row.get("state", _ASSIGNED) != _ASSIGNED:
        return Sighting(address, until=0.0)
    mac = read_mac(row.get("hwaddr", "")) or read_duid(row.get("duid", ""))
    claimed = ":" in address  # Kea takes the column of IPv6 out of the DUID, too
    host = read_label(_ESCAPED.sub(_character, row.get("hostname", "")))
    since, until = (0.0, inf) if lifetime == _FOREVER else (float(end - lifetime), float(end))
    return Sighting(address, mac=mac, host=host, since=since, until=until, claimed=claimed)


def _character(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))
