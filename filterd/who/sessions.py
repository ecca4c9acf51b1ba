"""Sessions of RADIUS: who is logged in, as the requests of all NAS say one after another.

Requests may be lost, repeated and come late: of one session the newest Event-Timestamp counts, an
interim update that comes after the end opens nothing (after a restart of the NAS it may: that was
not said of the session itself), and a session of which nothing is heard ends.
All of it is in memory alone.
"""

from dataclasses import dataclass, replace

from filterd.who.radius import Accounting, Status
from filterd.who.sighting import MOST, Rank, Sighting

MOST_ENDED = 4096  # ends that are remembered
# The sender, what the NAS says of itself, and its name of the session.
Key = tuple[str, frozenset[tuple[int, bytes]], bytes]


@dataclass(frozen=True, slots=True)
class Session:
    """A session, from `since` to `until` (unix seconds) unless more is heard of it."""

    said: Accounting
    since: float
    until: float
    sightings: tuple[Sighting, ...]


class Sessions:
    """The sessions that are open; see `Source`. `lasting`: seconds without a word that end one."""

    name = "radius"
    rank = Rank.SESSION

    def __init__(self, lasting: float) -> None:
        self.lasting = lasting
        self.faults: dict[str, str] = {}  # what of the door, or of a NAS -> what is wrong
        self._open: dict[Key, Session] = {}
        self._ended: dict[Key, Accounting] = {}  # what ended it
        self._changed = False

    @property
    def problem(self) -> str | None:
        """What is wrong with the door or with a NAS."""
        return "; ".join(f"{what}: {why}" for what, why in sorted(self.faults.items())) or None

    def take(self, sender: str, said: Accounting, now: float) -> None:
        """Take in what `sender` said at `now`: a NAS, or a RADIUS server for many of them. A NAS
        that restarts ends the sessions of which all was said that it says of itself.
        """
        key = (sender, said.nas, said.session)
        if said.status in {Status.ON, Status.OFF}:
            its = [each for each in self._open if each[0] == sender and said.nas <= each[1]]
            self._end(its, said)
        elif said.status is Status.STOP:
            known = self._open.get(key)
            if known is None or not _older(said.at, known.said.at):
                self._end([key], said)
        elif said.status in {Status.START, Status.INTERIM}:
            self._hear(key, said, now)

    def look(self, now: float) -> bool:
        """End what nobody speaks of any more; whether anything changed since the last look."""
        for key, each in list(self._open.items()):
            if each.until <= now:
                del self._open[key]
        changed, self._changed = self._changed, False
        return changed

    def sightings(self) -> list[Sighting]:
        """Return one for each address of a session, or for its device where it has none."""
        return [each for session in list(self._open.values()) for each in session.sightings]

    def _hear(self, key: Key, said: Accounting, now: float) -> None:
        known = self._open.get(key)
        if known is None:
            if key in self._ended and not _begins_anew(said, self._ended[key]):
                return
            self._ended.pop(key, None)
            while len(self._open) >= MOST:
                self._open.pop(next(iter(self._open)))
            self._open[key] = self._session(said, now - said.delay, now)
        elif _older(said.at, known.said.at):
            return
        else:
            # What an update leaves out has not changed.
            merged = replace(
                said,
                user=said.user or known.said.user,
                mac=said.mac or known.said.mac,
                classes=said.classes or known.said.classes,
                addresses=said.addresses or known.said.addresses,
                at=said.at if said.at is not None else known.said.at,
            )
            del self._open[key]  # those of which nothing is heard come first
            self._open[key] = self._session(merged, known.since, now)
        self._changed = True

    def _session(self, said: Accounting, since: float, now: float) -> Session:
        until = now + self.lasting
        sightings = (
            Sighting(
                address,
                mac=said.mac,
                user=said.user,
                classes=said.classes,
                since=since,
                until=until,
            )
            for address in (said.addresses or ("",))
        )
        return Session(said, since, until, tuple(sightings))

    def _end(self, keys: list[Key], said: Accounting) -> None:
        for key in keys:
            self._changed = self._open.pop(key, None) is not None or self._changed
            self._ended.pop(key, None)
            self._ended[key] = said
            if len(self._ended) > MOST_ENDED:
                self._ended.pop(next(iter(self._ended)))


def _older(at: int | None, known: int | None) -> bool:
    return at is not None and known is not None and at < known


def _begins_anew(said: Accounting, ended: Accounting) -> bool:
    if said.status is Status.START:
        return said.at is None or ended.at is None or said.at > ended.at
    # An access point may restart one of its networks, and those in the others go on.
    later = said.at is not None and ended.at is not None and said.at > ended.at
    return later and ended.status is not Status.STOP
