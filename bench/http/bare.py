"""mitmproxy as a worker embeds it, with nothing of ours in it: what ours is held against.

    python -m bench.http.bare worker.json PORT [splice]

in the environment of the HTTP filter: the worker's own options and the same add-ons of mitmproxy's,
its own classes. `splice` adds three lines that let every TLS connection through unread. Names are
not looked up, for a worker is told addresses by the daemon and keeps them: a lookup each time would
flatter ours.
"""

import asyncio
import logging
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mitmproxy import certs, options, tls
from mitmproxy.addons import core, disable_h2c, next_layer, proxyserver, tlsconfig
from mitmproxy.master import Master

from filterd.http.addon.proxy import LEAF_VALIDITY, _options
from filterd.http.daemon import read_settings
from filterd.model.orphan import end_with_parent


class Splice:
    """Lets everything through."""

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """Look at nothing."""
        data.ignore_connection = True


async def _run(settings: Mapping[str, Any], *, splice: bool) -> None:
    async def here(_host: str, port: int, **_how: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    loop = asyncio.get_running_loop()
    loop.getaddrinfo = here  # type: ignore[method-assign, assignment]
    master = Master(options.Options(), event_loop=loop)
    master.addons.add(
        core.Core(),
        disable_h2c.DisableH2C(),
        proxyserver.Proxyserver(),
        next_layer.NextLayer(),
        tlsconfig.TlsConfig(),
        *([Splice()] if splice else []),
    )
    master.options.update(**_options(settings))
    await master.run()


if __name__ == "__main__":
    end_with_parent()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("mitmproxy").setLevel(logging.ERROR)
    certs.CERT_EXPIRY = LEAF_VALIDITY
    listen = {"explicit": [f"127.0.0.1:{sys.argv[2]}"], "transparent": []}
    told = {**read_settings(Path(sys.argv[1])), "listen": listen}
    asyncio.run(_run(told, splice="splice" in sys.argv[3:]))
