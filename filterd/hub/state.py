"""What one hub process holds, handed to whoever answers a request. Nothing here is global."""

from collections import OrderedDict
from dataclasses import dataclass, field

from sqlalchemy import Connection

from filterd.config.hub import HubConfig
from filterd.hub.compliance import Look, Paces, Terms
from filterd.hub.database import Database
from filterd.hub.enrolment import NodeRow, find_node, note_skew
from filterd.hub.events import Announcer
from filterd.hub.gauges import Gauges
from filterd.hub.intake import Intake
from filterd.hub.limits import Buckets, Desk
from filterd.hub.numbers import Numbers
from filterd.hub.publishing import Publisher
from filterd.hub.snapshots import Snapshots
from filterd.hub.stream import Stream
from filterd.model.clock import Clock

_REMEMBERED = 50_000  # nodes
_SEEN_EVERY = 60_000  # milliseconds; a node that speaks each second is not written each second
_STEADY = 1  # seconds that a clock seems to be off more or less, because of whole seconds
_FRESH = 15.0  # seconds; that long an ended node may still be heard


@dataclass(slots=True)
class Nodes:
    """Nodes that spoke lately, so that a request of one is checked without the database."""

    database: Database
    desk: Desk
    clock: Clock
    _known: OrderedDict[str, tuple[float, NodeRow]] = field(default_factory=OrderedDict)
    _noted: dict[str, tuple[int, int]] = field(default_factory=dict)

    async def find(self, node: str) -> NodeRow | None:
        """Return a node by the id of its key. Problem 503: the database has too much to do."""
        now = self.clock.steady()
        kept = self._known.get(node)
        if kept is not None and now - kept[0] < _FRESH:
            return kept[1]
        found = await self.desk.run(self._look_up, node)
        self._known.pop(node, None)
        if found is not None:
            self._known[node] = now, found
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found

    def forget(self, node: str) -> None:
        """Look it up again next time."""
        self._known.pop(node, None)

    def note(self, node: NodeRow, skew: int, now_ms: int) -> None:
        """Keep when a node was seen and how far its clock is off, unless that is known already; on
        a thread. DatabaseError.
        """
        told = node.id in self._noted and abs(self._noted[node.id][1] - skew) <= _STEADY
        if told and now_ms - self._noted[node.id][0] < _SEEN_EVERY:
            return
        with self.database.write() as connection:
            note_skew(connection, node.id, skew, now_ms)
        self._noted[node.id] = now_ms, skew
        if len(self._noted) > _REMEMBERED:
            self._noted.clear()

    def _look_up(self, node: str) -> NodeRow | None:
        with self.database.read() as connection:
            return find_node(connection, node)


@dataclass(slots=True)
class Hub:
    """The parts. Nodes and people have threads of their own: neither waits for the other."""

    config: HubConfig
    database: Database
    clock: Clock
    announcer: Announcer
    publisher: Publisher
    numbers: Numbers
    for_nodes: Desk
    for_people: Desk
    nodes: Nodes
    intake: Intake
    per_node: Buckets
    per_address: Buckets
    snapshots: Snapshots
    gauges: Gauges
    paces: Paces = field(default_factory=Paces)
    stream: Stream | None = None  # what nodes send goes there first

    @property
    def now_ms(self) -> int:
        """Unix milliseconds."""
        return int(self.clock.unix() * 1000)

    def close(self) -> None:
        """Wait for what is at work, then let go of the database."""
        self.for_nodes.close()
        self.for_people.close()
        self.database.close()

    def look(self, connection: Connection, province: str | None) -> Look:
        """Return a look at the books as somebody of `province`, None: of the ministry, may have."""
        return Look(connection, self.now_ms, province, terms_of(self.config), self.paces)


def terms_of(config: HubConfig) -> Terms:
    """Return when a node is told to be late or silent."""
    late, silent = int(config.late_after * 1000), int(config.silent_after * 1000)
    return Terms(late_after=late, silent_after=silent)
