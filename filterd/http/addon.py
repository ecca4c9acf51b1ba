"""The add-on for mitmproxy: its hooks on one side, the gate on the other.

It decides nothing: it turns what mitmproxy knows into facts, does what the verdict says, and
connects only to what was decided (`server_connect` is asked for every connection that goes out).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from mitmproxy import connection, http, tls
from mitmproxy.proxy import server_hooks

from filterd.http.answering import Answering
from filterd.http.daemon import Events, Names
from filterd.http.gate import Gate, may_go_by_address
from filterd.http.hello import BadHello, ClientHello, read_hello
from filterd.http.host import read_authority, read_host
from filterd.http.never import Learned
from filterd.http.page.asked import Asked
from filterd.http.page.desk import Asker, is_ours
from filterd.http.page.facts import Answer
from filterd.http.request_type import request_type, source_url
from filterd.http.rules import Rules
from filterd.http.words import Act, Hello, Request, Verdict, Why
from filterd.model.clock import Clock

logger = logging.getLogger(__name__)
_TOLD = 32  # different outcomes of one connection that become events
_DISTRUST = "does not trust"  # mitmproxy's words for a certificate that the client refused


@dataclass(slots=True)
class Standing:
    """What is known of one client connection. `verdict`: the last, None before the first."""

    client: str
    tunnel: str | None = None
    sni: str | None = None
    verdict: Verdict | None = None
    told: set[tuple[str, Act]] = field(default_factory=set)


class Filter:
    """The add-on."""

    def __init__(  # noqa: PLR0913 - what it is made of, once
        self,
        *,
        rules: Rules,
        gate: Gate,
        learned: Learned,
        names: Names,
        events: Events,
        clock: Clock,
        answering: Answering,
    ) -> None:
        self._rules = rules
        self._gate = gate
        self._learned = learned
        self._names = names
        self._events = events
        self._clock = clock
        self._answering = answering
        self._standing: dict[str, Standing] = {}
        self._asked: dict[str, tuple[str, int]] = {}  # server connection -> what it was asked for

    def client_connected(self, client: connection.Client) -> None:
        """Begin."""
        self._standing[client.id] = Standing(_plain(client.peername[0]))

    def client_disconnected(self, client: connection.Client) -> None:
        """End."""
        self._standing.pop(client.id, None)

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """Decide the host and port of CONNECT."""
        standing = self._of(flow.client_conn)
        standing.tunnel = flow.request.host
        facts = Hello(standing.client, None, flow.request.port, None, tunnel=standing.tunnel)
        now = self._clock.unix()
        verdict = self._settle(
            standing, Act.BLOCK, lambda: self._gate.tunnel(self._rules.now, facts, now)
        )
        if verdict.act is Act.BLOCK:
            self._tell(standing, verdict)
            flow.response = self._refusal(standing, verdict, flow)

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
            standing.sni = said.sni
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

        verdict = self._settle(standing, Act.RESET, decide)
        if verdict.act is not Act.INSPECT:
            # RESET too: nothing is decrypted, and `server_connect` ends it.
            data.ignore_connection = True
            self._tell(standing, verdict)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Decide a request before its body is read."""
        standing = self._of(flow.client_conn)
        request = flow.request
        if is_ours(_asked_host(request), request.path):
            # For the filter itself; `request` answers when the form is there.
            standing.verdict = Verdict(Act.BLOCK, Why.RULE, _asked_host(request))
            if request.stream:
                flow.kill()
            return
        kind, source = self._asked_for(request)
        facts = Request(
            client=standing.client,
            scheme=request.scheme,
            host=request.host,
            port=request.port,
            path=request.path,
            method=request.method,
            claimed=request.host_header,
            sni=standing.sni,
            tunnel=standing.tunnel,
            kind=kind,
            source=source,
        )
        now = self._clock.unix()
        verdict = self._settle(
            standing, Act.BLOCK, lambda: self._gate.request(self._rules.now, facts, now)
        )
        self._tell(standing, verdict)
        if verdict.act is not Act.BLOCK:
            return
        if flow.request.stream:
            flow.kill()  # a large body would have to be read before the page could be sent
        else:
            flow.response = self._refusal(standing, verdict, flow)

    def request(self, flow: http.HTTPFlow) -> None:
        """Answer what is sent to the filter itself."""
        host = _asked_host(flow.request)
        if flow.response is not None or not is_ours(host, flow.request.path):
            return
        standing = self._of(flow.client_conn)
        asker = self._asker(standing, flow, host)
        body = flow.request.raw_content or b""
        given = self._answering.receive(
            self._rules.now, _asked(flow), asker, body, self._clock.unix()
        )
        flow.response = _response(given)

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
            facts = Hello(standing.client, _plain(host), port, None)
            now, steady = self._clock.unix(), self._clock.steady()
            verdict = self._gate.hello(self._rules.now, facts, now, steady)
            standing.verdict = verdict
            self._tell(standing, verdict)
        if verdict.dial is None and not may_go_by_address(verdict):
            return "blocked by filterd"
        if verdict.dial is None:
            return None
        found = await self._names.find(verdict.dial, standing.client)
        if found.blocked:
            self._tell(standing, Verdict(Act.RESET, Why.ANSWER, verdict.dial))
            return "blocked by filterd"
        if not found.known:
            # Nobody but our own DNS is asked for a name. An address came from the client.
            named = read_host(host).name is not None
            return f"our own DNS cannot be asked for {verdict.dial}" if named else None
        if not found.addresses:
            return f"{verdict.dial} has no address"
        if _plain(host) not in found.addresses:
            self._asked[server.id] = (host, port)
            server.address = (found.addresses[0], port)
        return None

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

    def _settle(self, standing: Standing, closed: Act, decide: Callable[[], Verdict]) -> Verdict:
        """Have something decided. mitmproxy goes on after a fault of an add-on; nothing may go on
        that was not decided, so a fault of ours is a block.
        """
        try:
            verdict = decide()
        except Exception:
            logger.exception("not decided, so not let through")
            verdict = Verdict(closed, Why.NO_RULES, "")
        standing.verdict = verdict
        return verdict

    def _asked_for(self, request: http.Request) -> tuple[str, str | None]:
        """Return what a request is for and who asks, where rules ask for that."""
        if self._rules.now is None or self._rules.now.pages is None:
            return "other", None
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in reversed(request.headers.fields)
        }
        kind = request_type(headers, request.path)
        return kind, source_url(headers, _page_url(request), kind)

    def _refusal(self, standing: Standing, verdict: Verdict, flow: http.HTTPFlow) -> http.Response:
        host = verdict.host or _asked_host(flow.request)
        asker = self._asker(standing, flow, host)
        now = self._clock.unix()
        return _response(self._answering.refuse(self._rules.now, verdict, _asked(flow), asker, now))

    def _asker(self, standing: Standing, flow: http.HTTPFlow, host: str) -> Asker:
        return Asker(standing.client, host, flow.request.path or "/", flow.client_conn.tls)

    def _of(self, client: connection.Client) -> Standing:
        standing = self._standing.get(client.id)
        if standing is None:
            standing = self._standing[client.id] = Standing(_plain(client.peername[0]))
        return standing

    def _tell(self, standing: Standing, verdict: Verdict) -> None:
        """Make an event of an outcome, once a connection."""
        key = (verdict.host, verdict.act)
        if key in standing.told or len(standing.told) >= _TOLD:
            return
        standing.told.add(key)
        reason = verdict.reason
        self._events.add(
            {
                "at": self._clock.unix(),
                "client": standing.client,
                "host": verdict.host,
                "act": verdict.act.value,
                "why": verdict.why.value,
                "kind": reason.kind.value if reason else None,
                "step": reason.step.value if reason else None,
                "list": reason.list if reason else None,
                "category": reason.category if reason else None,
                "rule": reason.rule if reason else None,
                "group": reason.group if reason else None,
            }
        )


def _agree(said: ClientHello, theirs: tls.ClientHello) -> None:
    """Mitmproxy reads the hello too, and goes by what it read."""
    if said.sni != (theirs.sni.lower() if theirs.sni else None):
        raise BadHello("two readings of its server name")


def _response(given: Answer) -> http.Response:
    headers = http.Headers([(name.encode(), value.encode()) for name, value in given.headers])
    response = http.Response.make(given.status, given.body, headers)
    response.reason = given.phrase  # 11.0.2 has no words for 451
    return response


def _asked(flow: http.HTTPFlow) -> Asked:
    headers = {name.lower(): value for name, value in flow.request.headers.items()}
    return Asked.of(flow.request.method, headers)


def _asked_host(request: http.Request) -> str:
    """The host that the client means, as a page shows it: that of the Host header, if it is one."""
    claimed = request.host_header
    host = read_authority(claimed)[0] if claimed else read_host(request.host)
    return host.name or host.address or ""


def _page_url(request: http.Request) -> str:
    """A URL of the site that is asked; only its host counts."""
    return f"{request.scheme}://{_asked_host(request)}/"


def _plain(address: str) -> str:
    """An IPv4 address that a socket of both families shows as `::ffff:`, without that."""
    return address.removeprefix("::ffff:") if "." in address else address.partition("%")[0]
