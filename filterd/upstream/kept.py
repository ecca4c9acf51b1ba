"""Connections that are kept: dialled when needed, shared by many questions, closed when idle.

TCP, DoT and DoH differ in how a connection is made and what is spoken on it (a `Session`); when to
dial, what to do when a kept connection turns out dead, and deadlines are the same and stand here.
A question whose *kept* connection fails, or stays silent, is sent once more on a new one (RFC 7766
section 6.2.4); one that fails on a new connection is not.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from filterd.upstream.base import Cancel, Done, ExchangeError, Fault, Means, Outcome
from filterd.upstream.counts import Counts

logger = logging.getLogger(__name__)

IDLE_SECONDS = 10.0
DIAL_SECONDS = 5.0
MOST_SESSIONS = 4
SILENCE = 0.4  # share of the time left after which a silent kept connection counts as dead


class Job:
    """One question for a session."""

    __slots__ = ("deadline", "done", "heard_at", "kept", "query", "session", "timer", "tries")

    def __init__(self, query: bytes, deadline: float, done: Done) -> None:
        self.query = query
        self.deadline = deadline
        self.done: Done | None = done  # None: withdrawn or settled
        self.session: Session | None = None
        self.kept = False  # the session was there before the question
        self.heard_at = 0  # how often the session had been heard when the question was sent
        self.tries = 0
        self.timer: asyncio.TimerHandle | None = None

    def cancel(self) -> None:
        """Withdraw; an answer that still comes is expected and ignored."""
        self.done = None
        if self.timer is not None:
            self.timer.cancel()

    def settle(self, outcome: Outcome) -> None:
        """Tell the outcome, once."""
        done = self.done
        self.cancel()
        if done is not None:
            done(outcome)


class Session(Protocol):
    """One live connection."""

    heard: int  # how many times bytes arrived
    idle_since: float

    @property
    def busy(self) -> bool:
        """Whether answers are awaited."""
        ...

    @property
    def room(self) -> bool:
        """Whether it takes one more question."""
        ...

    def submit(self, job: Job) -> None:
        """Send the job's query and settle the job when its answer comes."""
        ...

    def abort(self) -> list[Job]:
        """Close at once; returns the jobs that were not settled."""
        ...


class Keeper(Protocol):
    """Whom a session tells what became of it."""

    def lost(self, session: Session, jobs: list[Job], fault: Fault) -> None:
        """The session has ended; `jobs` were still open on it."""
        ...

    def freed(self, session: Session) -> None:
        """An answer came, so there may be room again."""
        ...


Dial = Callable[[Keeper], Awaitable[Session]]


class KeptTransport:
    """Questions over kept connections. `dial` makes one and raises ExchangeError."""

    def __init__(self, name: str, dial: Dial, means: Means, counts: Counts) -> None:
        self._name = name
        self._dial = dial
        self._loop = means.loop
        self._counts = counts
        self._sessions: list[Session] = []
        self._waiting: list[Job] = []
        self._dialling: asyncio.Task[None] | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._last_fault: Fault | None = None
        self._stillborn = Fault.CLOSED
        self._closed = False

    def ask(self, query: bytes, deadline: float, done: Done) -> Cancel:
        """See Transport."""
        job = Job(query, deadline, done)
        if self._closed:
            job.timer = self._loop.call_at(0, job.settle, Fault.CLOSED)
        else:
            self._place(job)
        return job.cancel

    def close(self) -> None:
        """Close every connection; open questions end with CLOSED."""
        self._closed = True
        jobs, self._waiting = self._waiting, []
        if self._dialling is not None:
            self._dialling.cancel()
            self._dialling = None
        if self._sweeper is not None:
            self._sweeper.cancel()
        for session in self._sessions:
            jobs += session.abort()
        self._sessions.clear()
        for job in jobs:
            job.settle(Fault.CLOSED)

    # -- placing

    def _place(self, job: Job) -> None:
        now = self._loop.time()
        job.tries += 1
        for session in self._sessions:
            if session.room:
                job.kept = True
                self._submit(session, job, now)
                return
        job.kept = False
        job.timer = self._loop.call_at(job.deadline, job.settle, Fault.TIMEOUT)
        self._waiting.append(job)
        if self._dialling is None and len(self._sessions) < MOST_SESSIONS:
            self._dialling = self._loop.create_task(self._connect())

    def _submit(self, session: Session, job: Job, now: float) -> None:
        job.session = session
        job.heard_at = session.heard
        # A kept connection may be half open, and only silence tells.
        patience = (job.deadline - now) * SILENCE if job.kept and job.tries == 1 else None
        if job.timer is not None:
            job.timer.cancel()
        if patience is None:
            job.timer = self._loop.call_at(job.deadline, self._expired, job)
        else:
            job.timer = self._loop.call_later(patience, self._silent, job)
        session.submit(job)

    def _silent(self, job: Job) -> None:
        session = job.session
        if session is None or session.heard != job.heard_at:
            job.timer = self._loop.call_at(job.deadline, self._expired, job)
            return
        logger.debug("%s: kept connection is silent, making a new one", self._name)
        self.lost(session, session.abort(), Fault.TIMEOUT)

    def _expired(self, job: Job) -> None:
        session = job.session
        job.settle(Fault.TIMEOUT)
        if session is not None and session.heard == job.heard_at and session in self._sessions:
            self.lost(session, session.abort(), Fault.TIMEOUT)

    # -- connections

    async def _connect(self) -> None:
        fault: Fault | None = None
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                session = await self._dial(self)
        except TimeoutError:
            fault = Fault.TIMEOUT
        except ExchangeError as error:
            fault = error.fault
            # Said once: the next attempt is likely to end the same way.
            level = logging.DEBUG if fault is self._last_fault else logging.WARNING
            logger.log(level, "upstream %s cannot be reached: %s", self._name, error)
        else:
            if not session.room:  # it ended between its handshake and now
                fault = self._stillborn
        finally:
            self._dialling = None
        self._last_fault = fault
        waiting, self._waiting = self._waiting, []
        waiting = [job for job in waiting if job.done is not None]
        if fault is not None:
            for job in waiting:
                job.settle(fault)
            return
        self._counts.connects += 1
        self._sessions.append(session)
        now = self._loop.time()
        session.idle_since = now
        self._sweep_later()
        for job in waiting:
            if session.room:
                self._submit(session, job, now)
            else:
                job.tries -= 1
                self._place(job)

    def lost(self, session: Session, jobs: list[Job], fault: Fault) -> None:
        """See Keeper."""
        if session in self._sessions:
            self._sessions.remove(session)
        else:
            self._stillborn = fault
        for job in jobs:
            if job.done is None:
                continue
            if job.timer is not None:
                job.timer.cancel()
            if job.kept and job.tries == 1 and fault is not Fault.GARBAGE:
                self._counts.retries += 1
                self._place(job)
            else:
                job.settle(fault)
        if not self._sessions and self._waiting and self._dialling is None:
            self._dialling = self._loop.create_task(self._connect())

    def freed(self, session: Session) -> None:
        """See Keeper."""
        while self._waiting and session.room:
            job = self._waiting.pop(0)
            if job.done is not None:
                job.kept = True
                self._submit(session, job, self._loop.time())

    def _sweep_later(self) -> None:
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(IDLE_SECONDS / 2, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle; the other side should not have to."""
        self._sweeper = None
        now = self._loop.time()
        for session in list(self._sessions):
            if session.busy:
                session.idle_since = now
            elif now - session.idle_since >= IDLE_SECONDS:
                self._sessions.remove(session)
                session.abort()
        if self._sessions:
            self._sweep_later()
