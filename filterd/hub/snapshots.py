"""Snapshots of the log by the hub itself: each day, and when the log has grown much since the last.

A snapshot of millions of rules takes a minute of a core, so a niced child process makes it
(`summing.py`) while the hub goes on publishing; what is published meanwhile lies after it. Of all
processes at one feed, one makes it.
"""

import asyncio
import fcntl
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from filterd.config.hub import HubConfig, LogKeyConfig
from filterd.feed import checkpoint as checkpoints
from filterd.feed import snapshot as snapshots
from filterd.feed.follow import LogKey, read_checkpoint
from filterd.feed.refusal import Refused
from filterd.feed.segment import path_of
from filterd.feed.snapshot import Statement, read_statement
from filterd.feed.standing import read_standing
from filterd.lists.compile import run_job
from filterd.model.clock import Clock
from filterd.model.errors import FilterdError

logger = logging.getLogger(__name__)
LOCK = "snapshot.lock"  # in a feed; never served
LEAST = 2**20  # bytes of segments that are no reason for a snapshot before its day
TICK = 60.0  # seconds between two looks
Job = Mapping[str, Any]
RunJob = Callable[[Job], Awaitable[Mapping[str, Any]]]
run_summing: RunJob = partial(run_job, module="filterd.hub.summing")


@dataclass(slots=True)
class Snapshots:
    """Makes them while it runs. `problem`: why there is no new one; None: nothing is wrong."""

    config: HubConfig
    clock: Clock
    make: RunJob = run_summing
    tick: float = TICK
    problem: str | None = None

    async def run(self) -> None:
        """Make one whenever it is time, until cancelled."""
        log = self.config.log
        if log is None:
            return  # whoever has the key makes them
        while True:
            await asyncio.sleep(self.tick)
            try:
                await self._look(log)
                self.problem = None
            except (FilterdError, OSError) as error:
                if str(error) != self.problem:
                    logger.warning("no new snapshot of the log: %s", error)
                self.problem = str(error)

    async def _look(self, log: LogKeyConfig) -> None:
        feed = self.config.feed
        with _alone(feed) as is_alone:
            if not is_alone or not await asyncio.to_thread(self.is_due):
                return
            passphrase = log.passphrase_file
            made = await self.make(
                {
                    "feed": str(feed),
                    "key": str(log.key),
                    "passphrase_file": None if passphrase is None else str(passphrase),
                }
            )
        logger.info("snapshot: it stands for the first segments: %d", made["size"])

    def is_due(self) -> bool:
        """Say whether it is time for a new one.

        Raises:
            Refused: the trust root or the checkpoint does not read.
            OSError: the disk.
        """
        feed = self.config.feed
        try:
            note = (feed / checkpoints.PATH).read_bytes()
        except FileNotFoundError:
            return False
        key = read_standing(feed).policy.log
        size, last = read_checkpoint(note, key).size, _newest(feed, key)
        first = 0 if last is None else last.size
        if size <= first:
            return False
        if last is None or self.clock.unix() - last.time >= self.config.snapshot_every:
            return True
        most, grown = max(LEAST, last.length // 2), 0
        for number in range(first, size):
            grown += (feed / path_of(number)).stat().st_size
            if grown > most:
                return True
        return False


def _newest(feed: Path, key: LogKey) -> Statement | None:
    try:
        return read_statement((feed / snapshots.PATH).read_bytes(), key)
    except (Refused, FileNotFoundError):
        return None  # one that nobody can use is none


@contextmanager
def _alone(feed: Path) -> Iterator[bool]:
    """Say whether nobody else is at it; nobody else will be until the end. OSError."""
    with (feed / LOCK).open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
