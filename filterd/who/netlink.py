"""The kernel's neighbour tables for IPv4 and IPv6, and each change as it happens (rtnetlink(7)).

One socket has both: it is asked for the whole table at the start, now and then, and whenever the
kernel says that changes were lost. The messages are pyroute2's. An entry that goes away counts for
a while yet: the kernel forgets devices that are merely silent.
"""

import errno
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from math import inf

from pyroute2.netlink.rtnl.ndmsg import ndmsg

from filterd.who.neighbours import Neighbours, read_neighbours
from filterd.who.sighting import MOST, Rank, Sighting, read_address, read_mac

HOLD_SECONDS = 300.0
RESYNC_SECONDS = 300.0
FALLBACK_SECONDS = 15.0
_DONE, _ERROR, _NEW, _GONE, _ASK = 3, 2, 28, 29, 30  # NLMSG_*, RTM_*NEIGH
_REQUEST_DUMP, _INTERRUPTED = 0x301, 0x10  # NLM_F_REQUEST | NLM_F_DUMP, NLM_F_DUMP_INTR
_GROUP = 4  # RTMGRP_NEIGH
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # struct ndmsg
_USABLE = 0x02 | 0x04 | 0x08 | 0x10 | 0x80  # NUD_REACHABLE, STALE, DELAY, PROBE, PERMANENT
_FAMILIES = frozenset({socket.AF_INET, socket.AF_INET6})  # a bridge's table comes the same way
_PIECE = 65_536
_PIECES = 2_000  # read in one look
_BUFFER = 2**20


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the table as it is now; `usable` False: the kernel does not know it any more."""

    address: str
    mac: str
    usable: bool


@dataclass(frozen=True, slots=True)
class Whole:
    """The table that was asked for has been told; `good` False: ask again."""

    good: bool


def ask(number: int) -> bytes:
    """Return the request for the whole table."""
    body = _NEIGHBOUR.pack(0, 0, 0, 0, 0)
    return _HEADER.pack(_HEADER.size + len(body), _ASK, _REQUEST_DUMP, number, 0) + body


def read_messages(data: bytes) -> Iterator[Change | Whole]:
    """Yield what a datagram of the kernel's says; other messages are passed over."""
    at, interrupted = 0, False
    while at + _HEADER.size <= len(data):
        length, kind, flags, _, _ = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= len(data) - at:
            return
        interrupted = interrupted or bool(flags & _INTERRUPTED)
        if kind in {_NEW, _GONE}:
            change = _change(data[at : at + length], usable=kind == _NEW)
            if change is not None:
                yield change
        elif kind in {_DONE, _ERROR}:
            yield Whole(good=kind == _DONE and not interrupted)
        at += (length + 3) & ~3


def _change(data: bytes, *, usable: bool) -> Change | None:
    message = ndmsg(data)
    try:
        message.decode()
        family, state = message["family"], message["state"]
        address, mac = message.get_attr("NDA_DST"), message.get_attr("NDA_LLADDR")
    except Exception:  # noqa: BLE001 - whatever pyroute2 raises, it is one entry
        return None
    if family not in _FAMILIES or not isinstance(address, str):
        return None
    known = read_mac(mac) if isinstance(mac, str) else ""
    found = read_address(address)
    return Change(found, known, usable and bool(state & _USABLE) and bool(known)) if found else None


class NeighbourTable:
    """Changes put together: the table as the kernel has it, and what it had a while ago."""

    def __init__(self) -> None:
        self._entries: dict[str, Sighting] = {}
        self._told: set[str] | None = None  # of a whole table that is being told

    def begin(self) -> None:
        """A whole table follows."""
        self._told = set()

    def take(self, change: Change, now: float) -> bool:
        """Take a change in; whether anybody is somewhere else now."""
        known = self._entries.get(change.address)
        if not change.usable:
            return self._leave(known, now)
        if self._told is not None:
            self._told.add(change.address)
        if known is not None and known.mac == change.mac:
            if known.until < inf:
                self._entries[change.address] = replace(known, until=inf)
            return known.until <= now
        if known is None and len(self._entries) >= MOST:
            self._forget(now)
            if len(self._entries) >= MOST:
                return False
        self._entries[change.address] = Sighting(change.address, mac=change.mac, since=now)
        return True

    def end(self, now: float) -> None:
        """The whole table has been told: what was not in it has gone."""
        told, self._told = self._told, None
        for known in list(self._entries.values()):
            if told is not None and known.address not in told:
                self._leave(known, now)
        self._forget(now)

    def sightings(self) -> list[Sighting]:
        """Return everybody, those of a while ago too."""
        return list(self._entries.values())

    def _leave(self, known: Sighting | None, now: float) -> bool:
        if known is not None and known.until == inf:
            self._entries[known.address] = replace(known, until=now + HOLD_SECONDS)
        return False

    def _forget(self, now: float) -> None:
        self._entries = {a: each for a, each in self._entries.items() if each.until > now}


class NeighbourSource:
    """The neighbours of this machine; see `Source`. Where a netlink socket is refused, the tables
    are read every fifteen seconds instead.
    """

    name = "neighbours"
    rank = Rank.NEIGHBOUR

    def __init__(
        self,
        read: Callable[[], Neighbours] = read_neighbours,
        make: Callable[[], socket.socket] | None = None,
    ) -> None:
        self.problem: str | None = None
        self._table = NeighbourTable()
        self._read = read
        self._socket: socket.socket | None = None
        self._number = 0
        self._next = 0.0  # when to ask for, or to read, the whole table
        try:
            self._socket = (make or _opened)()
        except OSError as error:
            self.problem = (
                f"no netlink socket: {error.strerror}; neighbours are read every "
                f"{FALLBACK_SECONDS:g} s instead (RestrictAddressFamilies= of the unit?)"
            )

    def look(self, now: float) -> bool:
        """Take in what the kernel has told since."""
        if self._socket is None:
            return self._look_around(now)
        if now >= self._next:
            self._ask(now)
        changed = False
        for _ in range(_PIECES):
            try:
                data = self._socket.recv(_PIECE)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    self.problem = f"the kernel tells no neighbours: {error.strerror}"
                    break
                self._ask(now)  # more came than there was room for
                continue
            for each in read_messages(data):
                if isinstance(each, Change):
                    changed = self._table.take(each, now) or changed
                elif each.good:
                    self._table.end(now)
                    self.problem = None
                else:
                    self._next = now + 1.0
        return changed

    def sightings(self) -> Iterable[Sighting]:
        """Return every neighbour."""
        return self._table.sightings()

    def close(self) -> None:
        """Hear no more."""
        if self._socket is not None:
            self._socket.close()

    def _ask(self, now: float) -> None:
        assert self._socket is not None
        self._number += 1
        self._next = now + RESYNC_SECONDS
        try:
            self._socket.send(ask(self._number))
            self._table.begin()
        except OSError as error:
            self.problem = f"the kernel tells no neighbours: {error.strerror}"
            self._next = now + 1.0

    def _look_around(self, now: float) -> bool:
        if now < self._next:
            return False
        self._next = now + FALLBACK_SECONDS
        changed = False
        self._table.begin()
        for mac, addresses in self._read().addresses.items():
            for address in addresses:
                changed = self._table.take(Change(address, mac, usable=True), now) or changed
        self._table.end(now)
        return changed


def _opened() -> socket.socket:
    opened = socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
    )
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        opened.setblocking(False)
        opened.bind((0, _GROUP))
    except OSError:
        opened.close()
        raise
    return opened
