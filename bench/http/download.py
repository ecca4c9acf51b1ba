"""Memory of a worker while a large file goes through it, to a fast client and to a slow one."""

import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from bench.http.asking import connect, read_body, read_head, request, tunnel
from bench.http.overhead import Mode
from bench.http.places import BODY, HOSTS, LARGE, LARGE_PAGE, PAGE, PUPIL, READ
from bench.http.world import Origin, Proxy
from bench.places import LOAD_CORE
from bench.process import memory, placed

SLOW = 16  # MiB/s of the slow client


@dataclass(frozen=True, slots=True)
class Held:
    """MiB of a worker's resident memory: before, the highest during, and afterwards."""

    before: float
    peak: float
    after: float
    seconds: float


def measure(proxy: Proxy, origin: Origin, mode: Mode, *, slow: bool) -> Held:
    """Fetch the large file once."""
    _fetch(proxy, origin, mode, slow=False, small=True)  # what is needed once is not counted
    pid = proxy.pids[0]
    # Linux proc(5): 5 sets the highest resident size back to what it is now.
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
    before, began = memory(pid)["rss"], time.monotonic()
    _fetch(proxy, origin, mode, slow=slow)
    passed, after = time.monotonic() - began, memory(pid)
    return Held(before, after["peak"], after["rss"], passed)


def _fetch(proxy: Proxy, origin: Origin, mode: Mode, *, slow: bool, small: bool = False) -> None:
    host, port = HOSTS[0], origin.tls if mode.tls else origin.plain
    page, size = (LARGE_PAGE, LARGE) if not small else (PAGE, BODY)
    with placed(LOAD_CORE), connect(proxy.port, READ if mode.inspected else PUPIL) as raw:
        connection = raw
        if mode.tls:
            tunnel(raw, host, port)
            trust = proxy.trust if mode.inspected else origin.trust
            context = ssl.create_default_context(cafile=str(trust))
            connection = context.wrap_socket(raw, server_hostname=host)
        target = page if mode.tls else f"http://{host}:{port}{page}"
        connection.sendall(request(target, host, port, keep=False))
        _, body = read_head(connection)
        have, step = len(body), 1 << 20
        while slow and size - have > step:
            have = _some(connection, have, step)
            time.sleep(1 / SLOW)
        read_body(connection, have, size)
        connection.close()


def _some(connection: object, have: int, step: int) -> int:
    """Read about so many bytes."""
    room, until = memoryview(bytearray(65536)), have + step
    while have < until:
        count = connection.recv_into(room)  # type: ignore[attr-defined]
        if not count:
            raise ConnectionError(f"closed after {have} bytes of a body")
        have += count
    return have
