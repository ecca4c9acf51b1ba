"""mitmproxy as a worker embeds it, with none of our add-ons: what ours is held against.

    python -m bench.http.bare worker.json PORT [splice]

in the environment of the HTTP filter. The same options and the same add-ons of mitmproxy's own;
`splice` adds three lines that let every TLS connection through unread. Names are not looked up
(the worker is told addresses by the daemon and keeps them): that makes it faster than it would be.
"""

import asyncio
import logging
import socket
import sys
from pathlib import Path
from typing import Any

from mitmproxy import certs, tls

from filterd.http import worker
from filterd.http.daemon import read_settings
from filterd.model.orphan import end_with_parent


class Splice:
    """Lets everything through."""

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """Look at nothing."""
        data.ignore_connection = True


async def _run(settings: dict[str, Any], *, splice: bool) -> None:
    async def here(_host: str, port: int, **_how: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    asyncio.get_running_loop().getaddrinfo = here  # type: ignore[method-assign]
    master = worker._master()  # noqa: SLF001 - the same as a worker's, whatever that is
    if splice:
        master.addons.add(Splice())
    master.options.update(**worker._options(settings))  # noqa: SLF001
    serving = asyncio.create_task(master.run())
    if await worker._listens(master.addons.get("proxyserver")):  # noqa: SLF001
        print("ready", flush=True)
        await serving


if __name__ == "__main__":
    end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("mitmproxy").setLevel(logging.ERROR)
    certs.CERT_EXPIRY = worker.LEAF_VALIDITY
    told = dict(read_settings(Path(sys.argv[1])))
    told["listen"] = {"explicit": [f"127.0.0.1:{sys.argv[2]}"], "transparent": []}
    asyncio.run(_run(told, splice="splice" in sys.argv[3:]))
