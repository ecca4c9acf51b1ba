"""mitmproxy as a worker embeds it, with none of our add-ons: what ours is held against.

    python -m bench.http.bare worker.json PORT [splice]

in the environment of the HTTP filter: the worker's own options and the same add-ons of mitmproxy's.
`splice` adds three lines that let every TLS connection through unread. Names are not looked up,
for a worker is told addresses by the daemon and keeps them: a lookup each time would flatter ours.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filterd.http.addon import proxy
from filterd.http.daemon import read_settings
from filterd.model.orphan import end_with_parent


class Nothing:
    """An add-on without a hook, in the place of one of ours."""

    def __init__(self, name: str) -> None:
        self.name = name


class Splice:
    """Lets everything through."""

    def tls_clienthello(self, data: Any) -> None:
        """Look at nothing; `data` is mitmproxy's ClientHelloData."""
        data.ignore_connection = True


async def _run(settings: Mapping[str, Any], *, splice: bool) -> None:
    async def here(_host: str, port: int, **_how: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    asyncio.get_running_loop().getaddrinfo = here  # type: ignore[method-assign, assignment]
    # Its class of streams stays mitmproxy's own.
    proxy.use = lambda _answers: None  # type: ignore[attr-defined, assignment]
    first: Any = Splice() if splice else Nothing("connections")
    other: Any = Nothing("requests")
    forever = asyncio.get_running_loop().create_future()
    await proxy.Proxy(settings, first, other).serve(forever, lambda: None)


if __name__ == "__main__":
    end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    listen = {"explicit": [f"127.0.0.1:{sys.argv[2]}"], "transparent": []}
    told = {**read_settings(Path(sys.argv[1])), "listen": listen}
    asyncio.run(_run(told, splice="splice" in sys.argv[3:]))
