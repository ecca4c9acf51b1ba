"""What a worker asks of the daemon and tells it, over a socket in the hand-over's folder.

Asking: the addresses that our own DNS gives a client for a name, kept for their time to live.
Telling: events, in batches. Both are bounded, and neither is waited for long: where the daemon is
away, names that were asked before keep their addresses, and events wait; what no longer fits is
counted and the count is told.
"""

import asyncio
import json
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filterd.control.messages import MAX_LINE, Request, Result, decode_answer, encode
from filterd.model.errors import ControlError

logger = logging.getLogger(__name__)
ANSWER_SECONDS = 6.0
MOST_NAMES = 20_000
MOST_EVENTS = 20_000
BATCH = 2_000  # events; about 400 KiB, a request has room for 1 MiB
LEAST_TTL, MOST_TTL = 30.0, 600.0
AT_ONCE = 16  # calls of one worker


class Daemon:
    """The daemon behind `socket`."""

    def __init__(self, socket: Path) -> None:
        self._socket = str(socket)
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def call(self, command: str, arguments: Mapping[str, Any]) -> Any:
        """Ask for `command`; what came of it.

        Raises:
            ControlError: it said no. OSError, TimeoutError: it is away.
        """
        async with self._turns, asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_unix_connection(self._socket, limit=MAX_LINE)
            try:
                writer.write(encode(Request(command, arguments)))
                answer = decode_answer(await reader.readuntil(b"\n"))
            except asyncio.IncompleteReadError as error:
                raise ConnectionError("the daemon closed the connection") from error
            finally:
                writer.close()
        if isinstance(answer, Result):
            return answer.value
        raise ControlError(getattr(answer, "error", "an answer that is none"))


@dataclass(frozen=True, slots=True)
class Answer:
    """`addresses` of a name for a client; `blocked`: our DNS says no; `known` False: the daemon is
    away; `news`: nobody had asked our DNS for the name lately.
    """

    addresses: tuple[str, ...] = ()
    blocked: bool = False
    known: bool = True
    news: bool = False


UNKNOWN = Answer(known=False)
NOTHING = Answer()  # asked in vain: whoever has the name can bring that about, so nobody goes there


class Names:
    """Addresses by our own DNS. `steady` is a clock that nobody sets."""

    def __init__(self, daemon: Daemon, steady: Callable[[], float]) -> None:
        self._daemon = daemon
        self._steady = steady
        self._kept: OrderedDict[tuple[str, str], tuple[float, Answer]] = OrderedDict()
        self._asking: dict[tuple[str, str], asyncio.Task[Answer]] = {}

    async def find(self, name: str, client: str) -> Answer:
        """Return the addresses of `name` as `client` would get them. Never raises."""
        key = (name, client)
        kept = self._kept.get(key)
        if kept is not None and kept[0] > self._steady():
            return kept[1]
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._ask(key, kept))
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        # Others may wait for the same: who goes away must not end it for them.
        return await asyncio.shield(asking)

    async def _ask(self, key: tuple[str, str], kept: tuple[float, Answer] | None) -> Answer:
        name, client = key
        try:
            said = await self._daemon.call("http-names", {"name": name, "client": client})
            answer = Answer(
                tuple(said["addresses"]),
                bool(said["blocked"]),
                bool(said["known"]),
                bool(said.get("news")),
            )
            ttl = float(said["ttl"])
        except TimeoutError:  # an OSError too; a name server that is slow is no daemon that is away
            return NOTHING if kept is None else kept[1]
        except OSError as error:
            logger.debug("not asked: %s", error)
            return UNKNOWN if kept is None else kept[1]
        except (ControlError, KeyError, TypeError, ValueError) as error:
            logger.debug("not answered: %s", error)
            return NOTHING if kept is None else kept[1]
        if not answer.known:
            return NOTHING if kept is None else kept[1]
        self._kept.pop(key, None)
        until = self._steady() + min(max(ttl, LEAST_TTL), MOST_TTL)
        self._kept[key] = (until, answer)
        while len(self._kept) > MOST_NAMES:
            self._kept.popitem(last=False)
        return answer


class Events:
    """Events on their way to the daemon; beyond `most`, the newest are dropped and counted."""

    def __init__(self, daemon: Daemon, most: int = MOST_EVENTS) -> None:
        self._daemon = daemon
        self._most = most
        self._waiting: deque[dict[str, Any]] = deque()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, event: dict[str, Any]) -> None:
        """Take an event, or count it as dropped."""
        if len(self._waiting) < self._most:
            self._waiting.append(event)
        else:
            self.dropped += 1

    async def send(self) -> bool:
        """Send what waits; whether the daemon took all of it."""
        while self._waiting or self.dropped:
            batch = [self._waiting[at] for at in range(min(BATCH, len(self._waiting)))]
            dropped = self.dropped
            try:
                await self._daemon.call("http-events", {"events": batch, "dropped": dropped})
            except (OSError, TimeoutError) as error:
                logger.debug("events wait: %s", error)
                return False
            except ControlError as error:
                # It will not take them later either; what it refuses is not kept, but counted.
                logger.warning("the daemon refused %d events: %s", len(batch), error)
                self.dropped += len(batch)
                for _ in batch:
                    self._waiting.popleft()
                return False
            for _ in batch:
                self._waiting.popleft()
            self.dropped -= dropped
        return True


def read_settings(path: Path) -> Mapping[str, Any]:
    """Return a worker's settings: a file that `filterd http serve` wrote."""
    said = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(said, dict)
    return said
