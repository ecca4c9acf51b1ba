"""Many questions on one stream, answered in any order (RFC 7766 section 6.2.1.1). TCP and DoT."""

import asyncio
import logging
import random
import ssl
from typing import cast

from filterd.upstream.base import Fault
from filterd.upstream.counts import Counts, Drop
from filterd.upstream.entropy import Entropy
from filterd.upstream.kept import Job, Keeper
from filterd.upstream.message import (
    Expected,
    Fit,
    fits,
    is_response,
    padded,
    prepare,
    restored,
    truncated,
)
from filterd.upstream.stream import Deframer, frame
from filterd.upstream.tls import ResumingContext

logger = logging.getLogger(__name__)

MOST_OPEN = 512  # questions on one connection


class StreamSession(asyncio.Protocol):
    """One TCP or TLS connection that speaks length-prefixed DNS."""

    def __init__(
        self,
        keeper: Keeper,
        rng: random.Random,
        counts: Counts,
        context: ResumingContext | None = None,
    ) -> None:
        self.heard = 0
        self.idle_since = 0.0
        self._keeper = keeper
        self._rng = Entropy(rng)
        self._counts = counts
        self._context = context  # with TLS: keeps the ticket, and queries are padded
        self._open: dict[bytes, tuple[Job, Expected]] = {}
        self._deframer = Deframer()
        self._transport: asyncio.Transport | None = None
        self._ended = False

    @property
    def busy(self) -> bool:
        """Whether answers are awaited."""
        return any(job.done is not None for job, _ in self._open.values())

    @property
    def room(self) -> bool:
        """Whether it takes one more question."""
        return not self._ended and len(self._open) < MOST_OPEN

    @property
    def resumed(self) -> bool:
        """Whether TLS took up an earlier session."""
        tls = self._tls()
        return tls is not None and bool(tls.session_reused)

    def _tls(self) -> ssl.SSLObject | None:
        if self._transport is None:
            return None
        return cast("ssl.SSLObject | None", self._transport.get_extra_info("ssl_object"))

    def submit(self, job: Job) -> None:
        """Send the job's query and settle the job when its answer comes."""
        query = padded(job.query) if self._context is not None else job.query
        wire, expected = prepare(query, self._rng, mix=False)
        while expected.id in self._open:
            wire, expected = prepare(query, self._rng, mix=False)
        self._open[expected.id] = (job, expected)
        if self._transport is not None:
            self._transport.write(frame(wire))

    def abort(self) -> list[Job]:
        """Close at once; returns the jobs that were not settled."""
        self._ended = True
        if self._context is not None:
            self._context.keep(self._tls())
        jobs = [job for job, _ in self._open.values() if job.done is not None]
        self._open.clear()
        if self._transport is not None:
            self._transport.abort()
        return jobs

    # -- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if self._ended:
            return
        logger.debug("stream ended: %s", exc)
        self._keeper.lost(self, self.abort(), Fault.CLOSED)

    def eof_received(self) -> bool:
        """The other side will say no more, so neither do we."""
        return False

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self.heard += 1
        if self.heard == 1 and self._context is not None:
            self._context.keep(self._tls())  # TLS 1.3 sends tickets after the handshake
        for answer in self._deframer.feed(data):
            self._answer(answer)
            if self._ended:
                return

    def _answer(self, answer: bytes) -> None:
        if not is_response(answer):
            self._counts.drops[Drop.MALFORMED] += 1
            self._keeper.lost(self, self.abort(), Fault.GARBAGE)
            return
        job, expected = self._open.pop(answer[:2], (None, None))
        if job is None or expected is None:
            self._counts.drops[Drop.WRONG_ID] += 1
            return
        if fits(expected, answer) is Fit.ALIEN:
            self._counts.drops[Drop.WRONG_QUESTION] += 1
            job.settle(Fault.GARBAGE)
        elif truncated(answer):
            job.settle(Fault.TRUNCATED)
        else:
            job.settle(restored(expected, answer))
        self._keeper.freed(self)
