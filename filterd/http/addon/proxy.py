"""mitmproxy with our add-ons and nothing that we do not need."""

import asyncio
import datetime as dt
import functools
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mitmproxy import certs, options
from mitmproxy.addons import core, disable_h2c, next_layer, proxyserver, tlsconfig
from mitmproxy.master import Master

from filterd.http.addon.bounds import use_bounds
from filterd.http.addon.connections import Beginnings, Connections
from filterd.http.addon.lean import use_lean
from filterd.http.addon.patience import Patience
from filterd.http.addon.requests import Requests
from filterd.http.addon.stream import use

logger = logging.getLogger(__name__)
DRAIN_SECONDS = 20.0
# Chromium takes no leaf that is valid for more than 200 days; ours are made again at every start.
LEAF_VALIDITY = dt.timedelta(days=30)


class Proxy:
    """A proxy, to be made in a running loop. `settings` are the worker's."""

    def __init__(
        self, settings: Mapping[str, Any], connections: Connections, requests: Requests
    ) -> None:
        # mitmproxy tells of every connection, and of addresses and names in it.
        logging.getLogger("mitmproxy").setLevel(logging.ERROR)
        certs.CERT_EXPIRY = LEAF_VALIDITY
        # Workers share their addresses; the kernel spreads connections over them. mitmproxy has no
        # word for it, and calls this by its module.
        asyncio.start_server = functools.partial(asyncio.start_server, reuse_port=True)
        use(requests)
        use_bounds()
        self._server = proxyserver.Proxyserver()
        self._patience = Patience(self._server, time.monotonic)
        self._master = Master(options.Options(), event_loop=asyncio.get_running_loop())
        use_lean(self._master)
        self._master.addons.add(
            core.Core(),
            disable_h2c.DisableH2C(),
            self._server,
            Beginnings(),
            next_layer.NextLayer(),
            tlsconfig.TlsConfig(),
            connections,
            requests,
            self._patience,
        )
        self._master.options.update(**_options(settings))

    async def serve(self, stop: Awaitable[object], ready: Callable[[], None]) -> None:
        """Serve until `stop` is done; connections then have a while to end by themselves. `ready`
        is called once it listens everywhere; where it cannot, that is logged and it returns.
        """
        serving = asyncio.create_task(self._master.run())
        if await self._listens():
            ready()
            watching = asyncio.create_task(self._patience.watch())
            stopping = asyncio.ensure_future(stop)
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
            watching.cancel()
        if not serving.done():
            # `shutdown` alone would leave the sockets listening (mitmproxy 6245).
            self._master.options.update(server=False)
            give_up = time.monotonic() + DRAIN_SECONDS
            while self._server.connections and time.monotonic() < give_up:  # noqa: ASYNC110
                await asyncio.sleep(0.1)  # it tells nobody
            self._master.shutdown()
            await serving

    async def _listens(self) -> bool:
        """Wait until it listens everywhere; False where it cannot."""
        while True:
            await asyncio.sleep(0.02)
            instances = list(self._server.servers)
            faults = [each.last_exception for each in instances if each.last_exception]
            for fault in faults:
                logger.error("cannot listen: %s", fault)
            if faults:
                return False
            if self._server.is_running and all(each.is_running for each in instances):
                return True


def _options(settings: Mapping[str, Any]) -> dict[str, Any]:
    listen = settings["listen"]
    modes = {"regular": listen["explicit"], "transparent": listen["transparent"]}
    return {
        # An IPv6 address has no brackets there: it is what stands before the last colon.
        "mode": [f"{mode}@{re.sub(r'[][]', '', each)}" for mode in modes for each in modes[mode]],
        "confdir": settings["confdir"],
        "connection_strategy": "lazy",
        "upstream_cert": False,
        "http2": False,
        "http3": False,
        "ssl_insecure": False,
        "ssl_verify_upstream_trusted_ca": settings["upstream_ca"],
        "stream_large_bodies": settings["stream"],
        "validate_inbound_headers": True,
    }
