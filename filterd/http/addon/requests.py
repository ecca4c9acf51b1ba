"""The add-on's hooks for requests and answers: decided by the gate, read by `reading.py`.

It turns what mitmproxy knows into facts and does what the verdict says. Every answer of ours has
the mark `OURS`, and no other hook touches it.
"""

from mitmproxy import http
from mitmproxy.net.http.http1 import expected_http_body_size

from filterd.http.addon.stream import OURS, UPLOAD, WATCH
from filterd.http.answering import Answering
from filterd.http.gate import Gate
from filterd.http.host import read_authority, read_host
from filterd.http.page.asked import Asked
from filterd.http.page.desk import Asker, is_ours, may_be_ours
from filterd.http.page.facts import Answer
from filterd.http.page.going import without_ours
from filterd.http.reading import Reading, judge
from filterd.http.request_type import request_type, source_url
from filterd.http.rules import Rules
from filterd.http.standing import Standing, Standings
from filterd.http.strict import fault, mended
from filterd.http.watching import Watch
from filterd.http.words import Act, Hello, Request, Verdict, Why
from filterd.model.clock import Clock

DESK = "filterd-desk"  # in `flow.metadata`: a form for the filter itself
_SWITCHING = 101  # RFC 9110 section 15.2.2: no body comes, but another protocol


class Requests:
    """The add-on for requests; `Connections` is the one for what they come in."""

    def __init__(  # noqa: PLR0913 - what it is made of, once
        self,
        *,
        rules: Rules,
        gate: Gate,
        standings: Standings,
        clock: Clock,
        answering: Answering,
        reading: Reading,
    ) -> None:
        self._rules = rules
        self._gate = gate
        self._standings = standings
        self._clock = clock
        self._answering = answering
        self._reading = reading

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """Decide the host and port of CONNECT."""
        standing = self._of(flow)
        standing.tunnel = flow.request.host
        facts = Hello(standing.client, None, flow.request.port, None, tunnel=standing.tunnel)
        now = self._clock.unix()
        verdict = self._standings.settle(
            standing, Act.BLOCK, lambda: self._gate.tunnel(self._rules.now, facts, now)
        )
        self._standings.exchange.decided("tunnels", verdict)
        if verdict.act is Act.BLOCK:
            standing.tunnel = None  # there is none; the connection may ask for something else
            self._standings.tell(standing, verdict)
            self._refuse(standing, verdict, flow)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Decide a request before its body is read."""
        if flow.error is not None:
            return  # mitmproxy has refused it, and only shows it
        standing = self._of(flow)
        request = flow.request
        claimed, path = request.host_header, request.path
        if may_be_ours(claimed or request.host, path) and is_ours(_asked_host(request), path):
            # For the filter itself; `request` answers when the form is there.
            standing.verdict = Verdict(Act.BLOCK, Why.RULE, _asked_host(request))
            flow.metadata[DESK] = True
            if request.stream:
                flow.kill()
            return
        kind, source = self._asked_for(request)
        facts = Request(
            client=standing.client,
            scheme=request.scheme,
            host=request.host,
            port=request.port,
            path=path,
            method=request.method,
            claimed=claimed,
            sni=standing.sni,
            tunnel=standing.tunnel,
            target=request.authority or None,
            kind=kind,
            source=source,
        )
        verdict = self._standings.settle(standing, Act.BLOCK, lambda: self._decide(facts, flow))
        self._standings.exchange.decided("requests", verdict)
        self._standings.tell(standing, verdict)
        if verdict.act is not Act.BLOCK:
            return
        if flow.request.stream:
            flow.kill()  # a large body would have to be read before the page could be sent
        else:
            self._refuse(standing, verdict, flow)

    def _asked_for(self, request: http.Request) -> tuple[str, str | None]:
        """Return what a request is for and who asks, where rules ask for that."""
        if self._rules.now is None or self._rules.now.pages is None:
            return "other", None
        # Of two fields with a name the first counts.
        headers = {name.lower(): value for name, value in reversed(_fields(request))}
        kind = request_type(headers, request.path)
        site = f"{request.scheme}://{_asked_host(request)}/"
        return kind, source_url(headers, site, kind)

    def _decide(self, facts: Request, flow: http.HTTPFlow) -> Verdict:
        """Decide a request by the rules, then by what is known of the page's label; one that may go
        on is made what it is to be.
        """
        rules, now = self._rules.now, self._clock.unix()
        verdict = self._gate.request(rules, facts, now)
        if verdict.act is Act.PASS:
            raw = flow.request.data
            if fault(raw.method, raw.path, raw.http_version, raw.headers.fields):
                return Verdict(Act.BLOCK, Why.BAD_URL, facts.host)
            known = self._reading.known(rules, facts.client, facts.path, verdict, now)
            if known is not None:
                return known
            if (warning := self._warning(facts, flow, now)) is not None:
                return warning
            self._prepare(facts.client, flow)
        return verdict

    def _warning(self, facts: Request, flow: http.HTTPFlow, now: float) -> Verdict | None:
        """Return the warning that is to be shown first."""
        rules = self._rules.now
        host = _asked_host(flow.request)
        if rules is None or not rules.warnings or not host:
            return None
        reason = rules.warned(f"http://{host}{facts.path}", facts.client, now)
        cookies = flow.request.headers.get("cookie", "")
        asker = self._asker(self._of(flow), flow, host)
        if reason is None or self._answering.may_go_on(asker, cookies, now):
            return None
        return Verdict(Act.BLOCK, Why.WARNING, host, reason)

    def _prepare(self, client: str, flow: http.HTTPFlow) -> None:
        """Make a request that may go on what it is to be, before its body is read."""
        rules, request = self._rules.now, flow.request
        headers = request.headers
        request.authority = ""  # it agrees; a server is sent the origin-form
        if "cookie" in headers and (kept := without_ours(headers["cookie"])) != headers["cookie"]:
            headers["cookie"] = kept
            if not kept:
                del headers["cookie"]
        if self._reading.on and "accept-encoding" in headers:
            headers["accept-encoding"] = self._reading.codings(headers["accept-encoding"])
        host = _asked_host(request)
        if rules is not None and rules.headers.speaks_of(host):
            group = rules.wishes(client)[0]
            headers.fields = rules.headers.apply(headers.fields, group=group, host=host)
            target = rules.headers.safe_target(request.method, request.path, group=group, host=host)
            request.path = target or request.path
        if self._reading.hashes:
            self._watch_upload(flow)

    def _watch_upload(self, flow: http.HTTPFlow) -> None:
        request = flow.request
        length = expected_http_body_size(request)
        watch = self._reading.upload(_fields(request), None if length in {None, -1} else length)
        if watch is not None:
            request.stream = False if watch.at_end else watch.pass_on
            flow.metadata[UPLOAD] = watch

    async def request(self, flow: http.HTTPFlow) -> None:
        """Answer what is sent to the filter itself, and look at what is sent up."""
        if flow.response is not None or not flow.metadata:
            return
        standing, host = self._of(flow), _asked_host(flow.request)
        if DESK in flow.metadata:
            body = flow.request.raw_content or b""
            asker, asked = self._asker(standing, flow, host), _asked(flow)
            now = self._clock.unix()
            given = self._answering.receive(self._rules.now, asked, asker, body, now)
            self._give(flow, given)
        elif (watch := flow.metadata.pop(UPLOAD, None)) is not None:
            body = flow.request.raw_content
            verdict = await self._reading.hashed(watch, host, body)
            if verdict is not None and flow.request.stream:
                flow.kill()  # its end was spoiled; there is nobody to show a page to
            elif verdict is not None:
                self._refuse(standing, verdict, flow)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Say which bodies are read; all others go on as they come."""
        if OURS in flow.metadata or (response := flow.response) is None:
            return
        response.headers.fields = mended(response.headers.fields) or response.headers.fields
        if not self._reading.on:
            response.stream = response.status_code != _SWITCHING
            return
        length = expected_http_body_size(flow.request, response)
        known = None if length in {None, -1} else length
        method = flow.request.method
        watch = self._reading.answer(method, response.status_code, _fields(response), known)
        if watch is None:
            response.stream = response.status_code != _SWITCHING
            return
        flow.metadata[WATCH] = watch
        held = watch.holds or watch.label is not None or watch.partial
        response.stream = False if held else watch.pass_on

    def forbid(self, flow: http.HTTPFlow, watch: Watch) -> http.Response | None:
        """Return the page instead of an answer whose beginning forbids it (`stream`)."""
        standing = self._of(flow)
        verdict = self._by_label(standing, watch, flow)
        if verdict is None:
            return None
        self._refuse(standing, verdict, flow)
        return flow.response

    def explain(self, flow: http.HTTPFlow, message: str) -> http.Response | None:
        """Return the page for a server that cannot be had (`stream`)."""
        standing = self._of(flow)
        host = _asked_host(flow.request)
        verdict = standing.refused or Verdict(Act.BLOCK, _fault(message), host)
        standing.refused = None
        self._refuse(standing, verdict, flow)
        return flow.response

    async def response(self, flow: http.HTTPFlow) -> None:
        """Judge a body that was read to its end."""
        watch: Watch | None = flow.metadata.pop(WATCH, None)
        if watch is None or flow.response is None or OURS in flow.metadata:
            return
        standing, streamed = self._of(flow), bool(flow.response.stream)
        verdict = self._by_label(standing, watch, flow)
        if verdict is None or streamed:
            verdict = await self._reading.hashed(watch, _asked_host(flow.request), None)
        watch.drop()
        if verdict is not None and streamed:
            flow.kill()
        elif verdict is not None:
            self._refuse(standing, verdict, flow)

    def error(self, flow: http.HTTPFlow) -> None:
        """Forget what was read of a body that broke off."""
        for word in (WATCH, UPLOAD):
            if (watch := flow.metadata.pop(word, None)) is not None:
                watch.drop()

    def _by_label(self, standing: Standing, watch: Watch, flow: http.HTTPFlow) -> Verdict | None:
        """Return a block by the label that was read, told; None: it passes."""
        rules, before = self._rules.now, standing.verdict
        if rules is None or before is None or watch.page is None:
            return None
        host = _asked_host(flow.request)
        if watch.partial and rules.wishes(standing.client)[1].filtered:
            return Verdict(Act.BLOCK, Why.BAD_URL, host)
        label = self._reading.settle(watch, (host, flow.request.path), self._clock.unix())
        verdict = judge(rules, standing.client, host, before, label)
        if verdict is not None:
            self._standings.tell(standing, verdict)
        return verdict

    def _refuse(self, standing: Standing, verdict: Verdict, flow: http.HTTPFlow) -> None:
        self._standings.exchange.decided("pages", verdict)
        host = verdict.host or _asked_host(flow.request)
        asker = self._asker(standing, flow, host)
        now = self._clock.unix()
        given = self._answering.refuse(self._rules.now, verdict, _asked(flow), asker, now)
        self._give(flow, given)

    def _give(self, flow: http.HTTPFlow, given: Answer) -> None:
        flow.response = _response(given)
        flow.metadata[OURS] = True

    def _asker(self, standing: Standing, flow: http.HTTPFlow, host: str) -> Asker:
        return Asker(standing.client, host, flow.request.path or "/", flow.client_conn.tls)

    def _of(self, flow: http.HTTPFlow) -> Standing:
        client = flow.client_conn
        return self._standings.of(client.id, client.peername[0])


def _response(given: Answer) -> http.Response:
    headers = http.Headers([(name.encode(), value.encode()) for name, value in given.headers])
    response = http.Response.make(given.status, given.body, headers)
    response.reason = given.phrase  # 11.0.2 has no words for 451
    return response


def _fields(message: http.Message) -> list[tuple[str, str]]:
    return [(n.decode("latin-1"), v.decode("latin-1")) for n, v in message.headers.fields]


def _fault(message: str) -> Why:
    """Return what mitmproxy's words for a server that failed mean."""
    low = message.lower()
    if "certificate" in low:
        return Why.CERTIFICATE
    return Why.SLOW if "timed out" in low or "timeout" in low else Why.UNREACHABLE


def _asked(flow: http.HTTPFlow) -> Asked:
    headers = {name.lower(): value for name, value in flow.request.headers.items()}
    return Asked.of(flow.request.method, headers)


def _asked_host(request: http.Request) -> str:
    """The host that the client means, as a page shows it: that of the Host header, if it is one."""
    claimed = request.host_header
    host = read_authority(claimed)[0] if claimed else read_host(request.host)
    return host.name or host.address or ""
