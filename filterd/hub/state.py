"""What one hub process holds, handed to whoever answers a request. Nothing here is global."""

from dataclasses import dataclass, field

from sqlalchemy import Connection

from filterd.config.hub import HubConfig
from filterd.hub.compliance import Look, Paces, Terms
from filterd.hub.database import Database
from filterd.hub.events import Announcer
from filterd.hub.gauges import Gauges
from filterd.hub.intake import Intake
from filterd.hub.limits import Buckets, Desk
from filterd.hub.nodes import Nodes
from filterd.hub.numbers import Numbers
from filterd.hub.publishing import Publisher
from filterd.hub.snapshots import Snapshots
from filterd.hub.stream import Stream
from filterd.model.clock import Clock


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
