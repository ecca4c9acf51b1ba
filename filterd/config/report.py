"""`report`: what goes to the hub of the ministry, and what waits for it."""

from filterd.config.section import Section
from filterd.config.types import ByteSize, Duration


class ReportConfig(Section):
    """Counts for the ministry's hub, where `feed.hub` names one: how often what was blocked, never
    for whom. `filterd report --show-next` prints what will leave next.
    """

    every: Duration = 300.0
    """How often counts are sent, a fifth sooner or later."""
    spool: ByteSize = 512 * 2**20
    """How much may wait on disk while the hub cannot be reached; beyond, five minutes become hours,
    hours days, and at last the oldest is dropped and how much is told."""
    candidates: bool = False
    """Also send registrable domains that no rule knows, if 10 or more clients asked in a day."""
