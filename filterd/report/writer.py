"""What every sink gets: a bounded buffer, a thread of its own, retries and an alarm.

`append` never waits and never raises, so a full disk is no concern of who answers queries. A
batch that a sink refuses goes back into the buffer and is tried again, 1 s to 60 s later; what
does not fit meanwhile is dropped, oldest first, and counted.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from threading import Event as Flag
from threading import Thread

from filterd.report.base import ReportStatus, Sink, SinkError
from filterd.report.buffer import Buffer
from filterd.report.courtesy import stand_back
from filterd.report.privacy import Row

logger = logging.getLogger(__name__)

BATCH = 5000  # rows a transaction
LINGER = 2.0  # seconds between transactions: few writes are kind to flash
TIDY = 600.0  # seconds
_FIRST_RETRY = 1.0
_LAST_RETRY = 60.0


class Writer:
    """Feeds one sink.

    Args:
        sink: where rows go; used from one thread at a time.
        clock: Unix time, for retention.
        monotonic: seconds that never go back, for retries.
        capacity: rows held while the sink is away.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        capacity: int = 150_000,
    ) -> None:
        self._sink = sink
        self._clock = clock
        self._monotonic = monotonic
        self._buffer: Buffer[Row] = Buffer(capacity)
        self._thread: Thread | None = None
        self._closing = Flag()
        self._wake = Flag()
        self._waiting: deque[Flag] = deque()  # who wants to be told when all is written
        self._written = 0
        self._lost = 0
        self._problem: str | None = None
        self._delay = 0.0
        self._retry_at = 0.0
        self._tidy_at = monotonic()

    def append(self, rows: Sequence[Row]) -> None:
        """Accept rows for writing."""
        if rows:
            self._buffer.put(rows)

    def status(self) -> ReportStatus:
        """Say how it goes; safe from any thread."""
        return ReportStatus(
            written=self._written,
            dropped=self._buffer.dropped + self._lost,
            waiting=len(self._buffer),
            problem=self._problem,
        )

    def start(self) -> None:
        """Start the thread."""
        self._thread = Thread(target=self._run, name="filterd-report", daemon=True)
        self._thread.start()

    def settle(self, timeout: float = 5.0) -> bool:
        """Have what waits written at once; False: it was not within `timeout` seconds."""
        written = Flag()
        self._waiting.append(written)
        self._wake.set()
        return written.wait(timeout)

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits, once, and stop; give up after `timeout` seconds."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)
            if self._thread.is_alive():
                logger.warning("report: the sink hangs; %d events not written", len(self._buffer))
                return
        self._retry_at = 0.0
        while len(self._buffer) and self.step() == 0.0:
            continue
        self._sink.close()

    def step(self) -> float:
        """Write one batch and tidy if it is time.

        Returns: seconds to wait before the next step, 0.0 when more rows wait.
        """
        now = self._monotonic()
        if now < self._retry_at:
            return self._retry_at - now
        rows = self._buffer.take(BATCH)
        worked = False
        try:
            if rows:
                self._sink.write(rows, self._clock())
                self._written += len(rows)
                rows, worked = [], True
            if now >= self._tidy_at:
                self._tidy_at = now + TIDY
                self._sink.tidy(self._clock())
                worked = True
        except SinkError as error:
            self._buffer.put_back(rows)
            return self._failed(now, str(error))
        except Exception as error:  # a fault in a sink costs its batch, never the thread
            self._lost += len(rows)
            logger.exception("report: %d events lost", len(rows))
            return self._failed(now, f"report: fault in the sink: {error}")
        if worked and self._problem is not None:
            self._healed()
        return 0.0 if len(self._buffer) else LINGER

    def _failed(self, now: float, problem: str) -> float:
        if problem != self._problem:
            logger.error("%s", problem)
        self._problem = problem
        self._delay = min(max(_FIRST_RETRY, self._delay * 2), _LAST_RETRY)
        self._retry_at = now + self._delay
        self._tidy_at = max(self._tidy_at, self._retry_at)
        return self._delay

    def _healed(self) -> None:
        logger.info("report: writing again; %d events were dropped so far", self.status().dropped)
        self._problem = None
        self._delay = 0.0

    def _run(self) -> None:
        stand_back()
        pause = 0.0
        while not self._closing.is_set():
            self._wake.wait(pause)
            self._wake.clear()
            asked = len(self._waiting)  # whoever asks later has rows that this step may not see
            pause = self.step()
            if not len(self._buffer):
                for _ in range(asked):
                    self._waiting.popleft().set()
