"""From submitted to published: urgent acts at once, all others gathered, one writer at a time.

The log on disk is the truth. Whoever has the turn first registers what is in it, then publishes
what still waits, then registers again by the same way; so it does not matter at which step a
process ends, or who else publishes into the same folder.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from securesystemslib.signer import Signer

from filterd.feed import checkpoint as checkpoints
from filterd.feed.acts import signed_json
from filterd.feed.breadth import breadth_of
from filterd.feed.canonical import canonical
from filterd.feed.follow import read_checkpoint, take
from filterd.feed.publish import Log
from filterd.feed.refusal import Fault, Refused
from filterd.feed.segment import path_of
from filterd.feed.standing import read_standing
from filterd.feed.turn import turn
from filterd.feed.warrant import check_act, check_breadth, check_signers
from filterd.hub import register
from filterd.hub.audit import note
from filterd.hub.database import Database
from filterd.hub.register import Waiting
from filterd.model.clock import Clock
from filterd.model.errors import FilterdError
from filterd.model.order import DAY, Order, SignedAct

logger = logging.getLogger(__name__)
TICK = 2.0  # seconds between two looks at what other processes took
MOST_PLAIN = 8 * 2**20  # bytes of acts in one segment
AT_ONCE = 64  # segments that are registered in one transaction
HUB = "hub"  # in the audit log
LONGEST_GAP = 30 * DAY  # seconds between two checkpoints, for a clock to be believed
JUMP = 600  # seconds that a clock may be set by, for it to be believed as before
GAP = DAY  # for one that was set by more


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that acts are gathered for, and after which a checkpoint is signed anew."""

    publish_every: float
    renew_every: float


@dataclass(slots=True)
class Publisher:
    """Publishes into `feed`. `keeper` None: somebody else does, and this only registers it.

    `step` is called with a word before each thing that lasts; a test ends the process there.
    """

    feed: Path
    keeper: Signer | None
    database: Database
    must_not_block: Collection[str]
    clock: Clock
    times: Times
    step: Callable[[str], None] = field(default=lambda _: None)
    published: int = 0
    problem: str | None = None
    _log: Log | None = None
    _offset: float | None = None  # of the clock to the steady one, when it was looked at first
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self) -> None:
        """Look now: something urgent was taken."""
        self._wake.set()

    async def run(self) -> None:
        """Publish for ever. Never ends by itself."""
        while True:
            self._wake.clear()
            try:
                await asyncio.to_thread(self.publish)
                self.problem = None
            except (FilterdError, OSError) as error:
                if str(error) != self.problem:
                    logger.warning("cannot publish, orders wait: %s", error)
                self.problem = str(error)
                self._log = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK):
                    await self._wake.wait()

    def check(self, signed: SignedAct) -> None:
        """Refused unless every node would do as an act says, as far as can be told here."""
        trust = read_standing(self.feed)
        breadth = breadth_of(self.must_not_block, trust.popular)
        check_signers(signed, check_act(signed, trust.registry, breadth, self._now))
        if isinstance(signed.act, Order):
            check_breadth(signed.act, breadth_of((trust.policy.canaries,), trust.popular))

    def publish(self) -> None:
        """Publish what is due, and sign the checkpoint anew where that is.

        Raises:
            Refused: the log does not hold together, or is not the one that was published from here.
            DatabaseError, OSError: try again later.
        """
        with self.database.read() as connection:
            known = register.registered(connection).size
            due = self._due(register.waiting(connection))
        if not due and not self._is_stale() and known == _size_of(self.feed):
            return
        with turn(self.feed):
            self._register()
            if self.keeper is None:
                return
            log = self._caught_up(self.keeper)
            self._check_clock(log)
            with self.database.read() as connection:
                due = self._due(register.waiting(connection))  # somebody else may have been first
            self._append(log, due)
            if self._now - log.position.time >= self.times.renew_every:
                log.renew(self._now)

    @property
    def _now(self) -> int:
        return int(self.clock.unix())

    def _check_clock(self, log: Log) -> None:
        """Refused (MIXED) if the clock is far ahead of the log. What is signed of the future cannot
        be taken back: nodes would wait for that time, and the orders that end before it be gone.
        """
        offset = self.clock.unix() - self.clock.steady()
        if self._offset is None:
            self._offset = offset
        gap = self._now - log.position.time
        if gap > (GAP if abs(offset - self._offset) > JUMP else LONGEST_GAP):
            why = f"this clock says that the newest checkpoint is {gap // DAY} days old"
            more = "if it is right, `filterd authority renew` signs a new one, else set it"
            raise Refused(Fault.MIXED, f"{why}; {more}")

    def _due(self, found: Sequence[Waiting]) -> list[Waiting]:
        """Return what is to go now: what is urgent, and all others once the first waited enough."""
        oldest = min((each.at for each in found if not each.urgent), default=None)
        waited = 0.0 if oldest is None else self.clock.unix() - oldest / 1000
        gathered = oldest is not None and waited >= self.times.publish_every
        return [each for each in found if each.urgent or gathered]

    def _append(self, log: Log, due: Sequence[Waiting]) -> None:
        good = [each for each in due if self._still_good(each)]
        for urgent in (True, False):
            for acts in _parcels([each.signed for each in good if each.urgent is urgent]):
                self.step("append")
                checkpoint = log.append(acts, self._now, secrets.token_hex(8))
                self.step("appended")
                self._register()
                self.step("registered")
                self.published += len(acts)
                logger.info("published as segment %d: acts: %d", checkpoint.size - 1, len(acts))

    def _still_good(self, waiting: Waiting) -> bool:
        """What was warranted when it was taken may be no more; it is told and let go."""
        try:
            self.check(waiting.signed)
        except Refused as refused:
            logger.warning("not published, %s: %s", refused.fault.value, refused)
            with self.database.write() as connection:
                register.withdraw(connection, waiting.digest)
                why = {"fault": refused.fault.value, "why": str(refused)}
                subject = waiting.digest.hex()
                note(connection, HUB, "order-withdrawn", subject, why, int(self._now * 1000))
            return False
        return True

    def _register(self) -> None:
        # A new database at an old log has minutes of work; what is done is done.
        count = AT_ONCE
        while count == AT_ONCE:
            with self.database.write() as connection:
                count = register.reconcile(connection, self.feed, AT_ONCE)

    def _is_stale(self) -> bool:
        """Say whether the checkpoint is to be signed anew."""
        if self.keeper is None:
            return False
        if self._log is None:
            return True
        return self._now - self._log.position.time >= self.times.renew_every

    def _caught_up(self, keeper: Signer) -> Log:
        """Return the log with whatever others have added to it."""
        if self._log is None:
            policy = read_standing(self.feed).policy
            self._log = Log.open(self.feed, policy.log, keeper, policy.canaries)
            return self._log
        log = self._log
        checkpoint = read_checkpoint((self.feed / checkpoints.PATH).read_bytes(), log.key)
        numbers = range(log.position.edge.size, checkpoint.size)
        files = [(self.feed / path_of(number)).read_bytes() for number in numbers]
        if files or checkpoint.time != log.position.time:
            log.position = take(log.position, checkpoint, files, checkpoint.time).position
        return log


def _size_of(feed: Path) -> int:
    try:
        text, _ = checkpoints.split_note((feed / checkpoints.PATH).read_bytes())
    except FileNotFoundError:
        return 0
    return checkpoints.read_text(text).size


def _parcels(acts: Sequence[SignedAct]) -> Iterator[list[SignedAct]]:
    """Yield acts in order, as many at once as a segment may hold."""
    parcel: list[SignedAct] = []
    size = 0
    for each in acts:
        length = len(canonical(signed_json(each)))
        if parcel and size + length > MOST_PLAIN:
            yield parcel
            parcel, size = [], 0
        parcel.append(each)
        size += length
    if parcel:
        yield parcel
