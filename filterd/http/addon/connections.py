"""The add-on for mitmproxy, for connections: its hooks on one side, the gate on the other.

It decides nothing: it turns what mitmproxy knows into facts, does what the verdict says, and
connects only to what was decided (`server_connect` is asked for every connection that goes out).
Requests are `requests.py`.
"""

import logging

from mitmproxy import connection, exceptions, tcp, tls
from mitmproxy.proxy import layer, server_hooks

from filterd.bypass.names import signal_of_unresolved
from filterd.http.beginning import says_nothing_yet
from filterd.http.daemon import Names
from filterd.http.gate import Gate
from filterd.http.never import Learned
from filterd.http.rules import Rules
from filterd.http.standing import Standing, Standings, plain, signal_of
from filterd.http.way import find_way
from filterd.http.words import Act, Hello, Verdict, Why
from filterd.model.clock import Clock
from filterd.model.hello import BadHello, ClientHello, read_hello

logger = logging.getLogger(__name__)
_DISTRUST = "does not trust"  # mitmproxy's words for a certificate that the client refused


class Beginnings:
    """An add-on that stands before mitmproxy's own for `next_layer`, which takes what comes in
    pieces of one or two bytes for neither TLS nor HTTP.
    """

    def next_layer(self, data: layer.NextLayer) -> None:
        """Wait for more. AddonHalt: nobody else decides yet."""
        if says_nothing_yet(data.data_client()) and not data.data_server():
            raise exceptions.AddonHalt


class Connections:
    """The add-on."""

    def __init__(  # noqa: PLR0913 - what it is made of, once
        self,
        *,
        rules: Rules,
        gate: Gate,
        learned: Learned,
        names: Names,
        standings: Standings,
        clock: Clock,
    ) -> None:
        self._rules = rules
        self._gate = gate
        self._learned = learned
        self._names = names
        self._standings = standings
        self._clock = clock
        self._asked: dict[str, tuple[str, int]] = {}  # server connection -> what it was asked for

    def client_connected(self, client: connection.Client) -> None:
        """Begin, unless there are too many."""
        if not self._standings.begin(client.id, client.peername[0]):
            client.error = "too many connections"

    def client_disconnected(self, client: connection.Client) -> None:
        """End."""
        self._standings.end(client.id)

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """Decide a TLS connection before anything goes to the server."""
        standing = self._of(data.context.client)
        address = data.context.server.address
        host, port = (address[0], address[1]) if address else ("", 0)

        def decide() -> Verdict:
            try:
                said = read_hello(data.client_hello.raw_bytes(wrap_in_record=False))
                _agree(said, data.client_hello)
            except BadHello as error:
                logger.debug("a hello of %s: %s", standing.client, error)
                return Verdict(Act.RESET, Why.BAD_HELLO, host)
            standing.sni, standing.ech = said.sni, said.ech
            facts = Hello(
                client=standing.client,
                address=host if standing.tunnel is None else None,
                port=port,
                sni=said.sni,
                alpn=said.alpn,
                ech=said.ech,
                tunnel=standing.tunnel,
            )
            now, steady = self._clock.unix(), self._clock.steady()
            return self._gate.hello(self._rules.now, facts, now, steady)

        verdict = self._standings.settle(standing, Act.RESET, decide)
        self._standings.exchange.decided("connections", verdict)
        self._standings.tried(verdict, signal_of(standing, verdict))
        if verdict.act is not Act.INSPECT:
            # RESET too: nothing is decrypted, and `server_connect` ends it.
            data.ignore_connection = True
            self._standings.tell(standing, verdict)

    def tcp_start(self, flow: tcp.TCPFlow) -> None:
        """End a tunnel in which neither TLS nor HTTP is spoken, before it leads anywhere: what goes
        through it could not be decided again, or inspected. Spliced connections are none of these.
        """
        standing = self._of(flow.client_conn)
        if standing.tunnel is not None and not flow.server_conn.connected:
            standing.verdict = Verdict(Act.RESET, Why.BAD_HELLO, standing.tunnel)
            self._standings.tell(standing, standing.verdict)

    async def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Let a connection out only if it was decided, and only to where our own DNS says."""
        if data.server.error:
            return  # mitmproxy itself refuses what would go round in a circle
        standing = self._of(data.client)
        address, data.server.error = data.server.address, "not decided"
        if address is not None and (refusal := await self._way(standing, data.server)) is None:
            data.server.error = None
        elif address is not None:
            data.server.error = refusal

    async def _way(self, standing: Standing, server: connection.Server) -> str | None:
        """Send a connection to where it may go; why not, if it may not."""
        assert server.address is not None
        host, port = server.address[0], server.address[1]
        verdict = standing.verdict
        if verdict is None:
            # Neither TLS nor HTTP: all that is known is the address.
            facts = Hello(standing.client, plain(host), port, None)
            now, steady = self._clock.unix(), self._clock.steady()
            verdict = self._gate.hello(self._rules.now, facts, now, steady)
            standing.verdict = verdict
            self._standings.exchange.decided("connections", verdict)
            self._standings.tell(standing, verdict)
        way = await find_way(verdict, plain(host), standing.client, self._names)
        if way.elsewhere and standing.sni is not None and signal_of(standing, verdict) is None:
            self._standings.tried(verdict, signal_of_unresolved(standing.sni))
        if way.verdict is not None:
            standing.refused = way.verdict
            self._standings.tell(standing, way.verdict)
        if way.address is not None:
            self._asked[server.id] = (host, port)
            server.address = (way.address, port)
        return way.refusal

    def server_connected(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Give a connection the name back that it was asked for, so that the next request of the
        same client finds it again; it stays where it leads.
        """
        asked = self._asked.pop(data.server.id, None)
        if asked is not None:
            data.server.__dict__["address"] = asked  # its setter refuses while it is open

    def server_connect_error(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Forget what was asked for."""
        self._asked.pop(data.server.id, None)

    def tls_failed_client(self, data: tls.TlsData) -> None:
        """Learn which client trusts one certificate only."""
        standing = self._of(data.context.client)
        if standing.sni and _DISTRUST in (data.conn.error or ""):
            self._learned.learn(standing.client, standing.sni, self._clock.steady())
            self._standings.exchange.pinned(standing.client, standing.sni)

    def _of(self, client: connection.Client) -> Standing:
        return self._standings.of(client.id, client.peername[0])


def _agree(said: ClientHello, theirs: tls.ClientHello) -> None:
    """Mitmproxy reads the hello too, and goes by what it read."""
    sni = theirs.sni  # read each time it is asked for
    if said.sni != (sni.lower() if sni else None):
        raise BadHello("two readings of its server name")
