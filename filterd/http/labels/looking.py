"""When label files are fetched: never because of one request, once for a host and week.

Sans-io. The daemon, not a worker, is the one that fetches. A worker names the hosts it has seen
(`see`). The daemon asks `wanted` now and then, fetches over its own connection with the certificate
verified, without cookies, referrer or anything of a client, following no redirect to another host,
tells `done` and `LabelCache.learn_files`, and saves for the workers (`keeping.py`). A site learns
from it that this school looks at labels, and not who asked for what.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from filterd.http.labels.expiring import Expiring
from filterd.http.labels.files import files_for
from filterd.http.labels.site import MOST_FILE

DAY = 86_400.0
WEEK = 7 * DAY
JITTER = DAY  # sooner or later than a week, so that hosts do not come in one wave
FAILED = DAY  # no answer, or one that says nothing (5xx)
DELAY = (60.0, 900.0)  # after the first sight, so that the fetch does not tell when a client came
LOST = 600.0  # a fetch of which nothing was heard


@dataclass(frozen=True, slots=True)
class Pace:
    """Bounds of looking."""

    waiting: int = 1_000  # hosts that wait; more are forgotten and seen again later
    known: int = 50_000  # hosts of which it is known when they are due
    every: float = 1.0  # seconds between two hosts at least
    at_once: int = 4  # hosts whose files are being fetched


@dataclass(frozen=True, slots=True)
class Look:
    """One host to look at: each path, at most `most` bytes of each, `seconds` for each."""

    host: str
    paths: tuple[str, ...]
    most: int = MOST_FILE
    seconds: float = 10.0


class Looking:
    """Says which hosts are due. `key` hashes a host (`LabelCache.key`); `uniform(low, high)` is a
    random number, `now` seconds of one clock.
    """

    def __init__(
        self,
        key: Callable[[str], bytes],
        uniform: Callable[[float, float], float],
        pace: Pace | None = None,
    ) -> None:
        self._key = key
        self._uniform = uniform
        self._pace = pace or Pace()
        self._rest: Expiring[None] = Expiring(self._pace.known)  # hosts that are not due
        self._waiting: OrderedDict[str, float] = OrderedDict()  # host -> not before
        self._started: dict[str, float] = {}
        self._next = 0.0

    def see(self, host: str, now: float) -> None:
        """Note that a page of `host` was answered. Only for hosts whose files may be fetched: not
        for addresses, names of the school's own, or what is never decrypted.
        """
        if (
            host in self._waiting
            or host in self._started
            or len(self._waiting) >= self._pace.waiting
        ):
            return
        if not self._rest.get(self._key(host), now)[0]:
            self._waiting[host] = now + self._uniform(*DELAY)

    def rest(self, key: bytes, until: float) -> None:
        """Do not look at the host of `key` before `until`: what a daemon before this one knew."""
        self._rest.put(key, None, until)

    @property
    def waiting(self) -> int:
        """How many hosts wait."""
        return len(self._waiting)

    def wanted(self, now: float) -> Look | None:
        """Return the next host to look at, None while there is none or it is too soon."""
        for lost in [host for host, since in self._started.items() if now - since >= LOST]:
            self.done(lost, answered=False, now=now)
        if now < self._next or len(self._started) >= self._pace.at_once:
            return None
        host = next((host for host, due in self._waiting.items() if due <= now), None)
        if host is None:
            return None
        del self._waiting[host]
        self._started[host] = now
        self._next = now + self._pace.every
        return Look(host, tuple(each.path for each in files_for(host)))

    def done(self, host: str, *, answered: bool, now: float) -> None:
        """Note the end of a look. `answered`: each file was there, or its absence certain (4xx)."""
        if self._started.pop(host, None) is None:
            return
        rest = WEEK + self._uniform(-JITTER, JITTER) if answered else FAILED
        self._rest.put(self._key(host), None, now + rest)
