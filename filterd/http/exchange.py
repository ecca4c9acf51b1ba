"""What a worker and the daemon tell each other, once a second: what was learned of pinning, hosts
whose pages were seen, and counts.

Sans-io; `tell_always` is the one call. Events have a call of their own: they come in batches of
hundreds of KiB that go to a disk, and are dropped where the daemon refuses them, while this is
small, is answered, and waits. Everything here is bounded. While the daemon is away counts add up,
and nothing of the worker waits for it.

Counts are told exactly once: what is under way is frozen under a number, told again with that
number until it is answered, and counted by the daemon once for each number of a worker.
"""

import asyncio
import itertools
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from filterd.http.daemon import Daemon
from filterd.http.never import Learned
from filterd.http.words import Verdict
from filterd.model.errors import ControlError

logger = logging.getLogger(__name__)
T = TypeVar("T")
COMMAND = "http-told"
SECONDS = 1.0
MOST_PINNED = 20_000  # that wait
MOST_SEEN = 5_000  # hosts that wait; more are seen again later
MOST_TOLD = 20_000  # hosts that are known to be told
AGAIN = 600.0  # seconds until a host that was told is told again
AT_ONCE = 1_000  # rows of one call; about 300 KiB of long names, a request has room for 1 MiB
MOST_WORDS = 500
OTHER = "exchange.other"  # what no word was left for
TRIED = "bypass"  # the first part of a word with a signal and a group


class Exchange:
    """What one worker has to tell and was told.

    Args:
        learned: takes what others have learned, and has all of it for a daemon that starts anew.
        steady: a clock that nobody sets.
        generation: of the rules in force here; 0 without.
        worker: a word that no other worker has.
    """

    def __init__(
        self,
        learned: Learned,
        steady: Callable[[], float],
        generation: Callable[[], int],
        worker: str,
    ) -> None:
        self._learned = learned
        self._steady = steady
        self._generation = generation
        self._worker = worker
        self._counts: Counter[str] = Counter()
        self._frozen: dict[str, int] | None = None  # what is under way as `_number`
        self._number = 0
        self._pinned: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._seen: OrderedDict[str, bool] = OrderedDict()
        self._told: OrderedDict[str, tuple[float, bool]] = OrderedDict()  # host -> when, labelled
        self._totals: list[tuple[str, Callable[[], Mapping[str, int]], dict[str, int]]] = []
        self._epoch = ""  # of the daemon, as last heard
        self._sequence = 0
        self._problem: str | None = None
        self.labels = 0  # the newest generation of the label cache, as last heard

    def count(self, word: str, number: int = 1) -> None:
        """Add to what is counted as `word`, such as `media.hit`."""
        if word not in self._counts and len(self._counts) >= MOST_WORDS:
            word = OTHER
        self._counts[word] += number

    def decided(self, what: str, verdict: Verdict) -> None:
        """Count a decision on `what`: `tunnels`, `connections`, `requests`, or `pages` of ours."""
        self.count(f"{what}.{verdict.act}.{verdict.why}")

    def tried(self, signal: str, group: str) -> None:
        """Count a sign of going round the filter, by the group alone."""
        self.count(f"{TRIED}.{signal}.{group}")

    def follow(self, what: str, totals: Callable[[], Mapping[str, int]]) -> None:
        """Also tell what `totals` (which never go back, such as `Media.told`) gain, as `what`."""
        self._totals.append((what, totals, {}))

    def pinned(self, client: str, host: str) -> None:
        """Tell that `client` would not let us decrypt `host`; `Learned` has it already."""
        self._pinned.pop((client, host), None)
        self._pinned[client, host] = None
        if len(self._pinned) > MOST_PINNED:
            self._pinned.popitem(last=False)

    def saw(self, host: str, labelled: bool) -> None:  # noqa: FBT001 - as `Reading.see` says it
        """Tell that a page of `host`, a normalised name or an address, was read; `labelled`: it or
        its host says an age.
        """
        if not host or host[-1].isdigit() or ":" in host:
            return  # an address has no label of its own
        when, was = self._told.get(host, (float("-inf"), False))
        if self._steady() < when + AGAIN and was >= labelled:
            return
        if host in self._seen or len(self._seen) < MOST_SEEN:
            self._seen[host] = self._seen.get(host, False) or labelled

    def tell(self) -> dict[str, Any]:
        """Return the arguments of the next call; `take` or `refused` ends it, or it is made again
        with what came since.
        """
        if self._frozen is None:
            self._follow()
            self._frozen, self._counts = dict(self._counts), Counter()
            self._number += 1
        now = self._steady()
        pinned = []
        for client, host in _first(self._pinned):
            left = self._learned.left(client, host, now)
            if left > 0:
                pinned.append([client, host, left])
            else:
                del self._pinned[client, host]
        return {
            "worker": self._worker,
            "number": self._number,
            "counts": self._frozen,
            "pinned": pinned,
            "seen": [[host, self._seen[host]] for host in _first(self._seen)],
            "generation": self._generation(),
            "epoch": self._epoch,
            "known": self._sequence,
        }

    def take(self, told: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
        """Take the answer to `told`; whether there is more to be asked for at once.

        Raises:
            KeyError, TypeError, ValueError: it is no answer.
        """
        epoch, sequence, labels = str(answer["epoch"]), int(answer["sequence"]), answer["labels"]
        rows = [(str(client), str(host), float(left)) for client, host, left in answer["pinned"]]
        now = self._steady()
        for client, host, left in rows:
            self._learned.learn(client, host, now, left)
        self._settle(told)
        self._problem = None
        if epoch != self._epoch:
            # A daemon that has just begun knows nothing: all of it is told, the newest last.
            if self._epoch:
                for client, host in self._learned.known(now):
                    self.pinned(client, host)
            self._epoch = epoch
        self._sequence, self.labels = sequence, int(labels)
        return bool(answer["more"]) or bool(self._pinned)

    def refused(self, told: Mapping[str, Any], problem: str) -> None:
        """The daemon will not take `told` later either: it is left out, and that is counted."""
        if problem != self._problem:
            logger.warning("the daemon does not take what it is told: %s; restart both", problem)
        self._problem = problem
        before = told["counts"].get("exchange.refused", 0)
        self._settle(told)
        self.count("exchange.refused", 1 + before)

    def _settle(self, told: Mapping[str, Any]) -> None:
        self._frozen = None
        for client, host, _ in told["pinned"]:
            self._pinned.pop((client, host), None)
        now = self._steady()
        for host, labelled in told["seen"]:
            if self._seen.get(host) == labelled:
                del self._seen[host]
            self._told.pop(host, None)
            self._told[host] = (now, labelled)
        while len(self._told) > MOST_TOLD:
            self._told.popitem(last=False)

    def _follow(self) -> None:
        for what, totals, before in self._totals:
            for word, total in totals().items():
                if gained := total - before.get(word, 0):
                    self.count(f"{what}.{word}", gained)
                before[word] = total


async def tell(exchange: Exchange, daemon: Daemon) -> bool:
    """Make one call; whether there is more to be asked for at once. A daemon that is away, or will
    not listen, is no error.
    """
    told = exchange.tell()
    try:
        return exchange.take(told, await daemon.call(COMMAND, told))
    except (OSError, TimeoutError) as error:
        logger.debug("nothing was told: %s", error)
    except (ControlError, KeyError, TypeError, ValueError) as error:
        exchange.refused(told, str(error))
    return False


async def tell_always(exchange: Exchange, daemon: Daemon) -> None:
    """Tell once a second; does not end."""
    while True:
        try:
            more = await tell(exchange, daemon)
        except Exception:
            logger.exception("nothing was told, by a fault of ours")
            more = False
        if not more:
            await asyncio.sleep(SECONDS)


def _first(rows: Mapping[T, object]) -> list[T]:
    return list(itertools.islice(rows, AT_ONCE))
