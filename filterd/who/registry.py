"""The kinds of lease files there are. A new one is a file beside this, its test, a line here."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from filterd.who import kea
from filterd.who.dhcpd import Dhcpd
from filterd.who.dnsmasq import Dnsmasq
from filterd.who.file import Format, LeaseFile
from filterd.who.kea import Kea

FORMATS: tuple[Callable[[], Format], ...] = (
    Dnsmasq,
    Kea,
    Dhcpd,
)
_BEFORE = {"kea": kea.before}


def lease_files(paths: Mapping[str, Iterable[Path]]) -> tuple[LeaseFile, ...]:
    """Return what follows each file. `paths`: the name of a format -> its files."""
    found = []
    for make in FORMATS:
        name = make().name
        for path in paths.get(name, ()):
            before = _BEFORE.get(name)
            found.append(LeaseFile(path, make(), before) if before else LeaseFile(path, make()))
    return tuple(found)
