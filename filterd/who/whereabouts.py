"""Where everybody is: what all sources say, put together at one moment. Pure.

About each address a session of RADIUS is believed before all else. A lease is believed before a
neighbour, unless they mean different devices: then the newer one is, for an address that somebody
took by hand is in no lease. What a message of DHCP says in itself (a DUID) counts only where no
neighbour contradicts it. The others add what they know where they mean the same device. A session
that names a device holds for all its addresses, but for those where a neighbour is another device.
Nothing outlives the end that its source gave.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple

from filterd.model.client_id import is_randomised
from filterd.who.sighting import Rank, Sighting

MOST_PLACES = 64  # addresses of one id that count; the newest
Told = tuple[Rank, str, Iterable[Sighting]]  # rank and name of a source, and what it says


class Place(NamedTuple):
    """An id has `address` until then (unix seconds); `source` is whose word the address is."""

    address: str
    source: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """`places`: id -> where it is, of the ids that were asked for. `devices` and `randomised` are
    how many MAC addresses there are, and how many of them were made up. Right until `until`.
    """

    places: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    devices: int = 0
    randomised: int = 0
    until: float = inf

    @property
    def addresses(self) -> dict[str, tuple[str, ...]]:
        """Id -> addresses, as the plan wants them; sorted, so that equal ones compare equal."""
        return {
            key: tuple(sorted(place.address for place in places))
            for key, places in sorted(self.places.items())
        }


class _Said(NamedTuple):
    rank: Rank
    source: str
    sighting: Sighting


@dataclass(slots=True)
class _Heard:
    """What counts now: by address, sessions by their device, and what is counted."""

    said: dict[str, list[_Said]] = field(default_factory=dict)
    sessions: dict[str, Sighting] = field(default_factory=dict)
    macs: set[str] = field(default_factory=set)
    until: float = inf


def whereabouts(told: Iterable[Told], wanted: frozenset[str], now: float) -> Whereabouts:
    """Return where the ids `wanted` are at `now` (unix seconds)."""
    heard = _heard(told, now)
    found: dict[str, dict[str, Place]] = {}
    for address, all_said in heard.said.items():
        wire = _on_the_wire(all_said)
        said = [each for each in all_said if not _contradicted(each.sighting, wire)]
        holder = _believed(said)
        for each in _fitting(said, holder, wire, heard.sessions):
            for key in each.keys & wanted:
                until = min(each.until, holder.sighting.until)
                known = found.setdefault(key, {})
                if address not in known or known[address].until < until:
                    since = holder.sighting.since
                    known[address] = Place(address, holder.source, since, until)
    return Whereabouts(
        places={key: _newest(places.values()) for key, places in found.items()},
        devices=len(heard.macs),
        randomised=sum(map(is_randomised, heard.macs)),
        until=heard.until,
    )


def _heard(told: Iterable[Told], now: float) -> _Heard:
    heard = _Heard()
    said, sessions, macs = heard.said, heard.sessions, heard.macs
    for rank, source, sightings in told:
        for each in sightings:
            if each.until <= now:
                continue
            heard.until = min(heard.until, each.until)
            if each.mac:
                macs.add(each.mac)
                if rank is Rank.SESSION and _newer(each, sessions.get(each.mac)):
                    sessions[each.mac] = each
            if each.address:
                said.setdefault(each.address, []).append(_Said(rank, source, each))
    return heard


def _on_the_wire(said: list[_Said]) -> frozenset[str]:
    """Return the devices from which the kernel has frames of an address."""
    macs = (each.sighting.mac for each in said if each.rank is Rank.NEIGHBOUR)
    return frozenset(mac for mac in macs if mac)


def _contradicted(sighting: Sighting, wire: frozenset[str]) -> bool:
    """Whether a device is only claimed to have the address where `wire`, the kernel's neighbours,
    have another.
    """
    return sighting.claimed and bool(sighting.mac) and bool(wire) and sighting.mac not in wire


def _fitting(
    said: list[_Said], holder: _Said, wire: frozenset[str], sessions: Mapping[str, Sighting]
) -> Iterator[Sighting]:
    """Yield what is said of the one device that has an address: the holder's, or that of the best
    who knows a device at all. `wire`: the devices that neighbours have there; a lease of another is
    no reason to take that one's user.
    """
    device = holder.sighting.mac
    if not device and len(said) > 1:
        with_device = [each for each in said if each.sighting.mac]
        device = _believed(with_device).sighting.mac if with_device else ""
    for each in said:
        if each.sighting.mac in {"", device}:
            yield each.sighting
    seen = not wire or device in wire
    if device in sessions and seen and holder.rank is not Rank.SESSION:
        yield sessions[device]


def _believed(said: list[_Said]) -> _Said:
    best = said[0]
    for each in said[1:]:
        if _beats(each, best):
            best = each
    return best


def _beats(one: _Said, two: _Said) -> bool:
    """Whether `one` is believed rather than `two`, about one address."""
    a, b = one.sighting, two.sighting
    agree = a.mac == b.mac or not a.mac or not b.mac
    if agree or Rank.SESSION in {one.rank, two.rank}:
        return (one.rank, a.since, a.until) > (two.rank, b.since, b.until)
    return (a.since, one.rank, a.until) > (b.since, two.rank, b.until)


def _newer(one: Sighting, two: Sighting | None) -> bool:
    return two is None or (one.since, one.until) > (two.since, two.until)


def _newest(places: Iterable[Place]) -> tuple[Place, ...]:
    return tuple(sorted(places, key=lambda each: (-each.since, each.address))[:MOST_PLACES])
