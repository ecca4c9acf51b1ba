"""One HTTP request for a list: the network edge of `fetch.py`.

Redirects are followed here, one by one, so that each target is checked; a way from https to http
is refused, because whoever sits between could then write the rules. The body goes to a file as it
came over the wire and is counted while it comes.
"""

import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx

from filterd.lists.unpack import codings

Resolve = Callable[[str], Awaitable[Sequence[str]]]  # host name -> addresses, best first
Take = Callable[[bytes, int | None], None]  # a piece of the body, the Content-Length

_TYPES = frozenset(
    {
        "application/octet-stream",
        "binary/octet-stream",
        "application/gzip",
        "application/x-gzip",
        "application/zstd",
        "application/x-zstd",
        "application/dns",  # RFC 4027: a zone as text
    }
)
_RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
PATIENCE = httpx.Timeout(30.0, connect=10.0)  # seconds without a byte
_MAX_VALIDATOR = 512  # characters; a longer ETag is not worth keeping


class Refused(Exception):
    """This answer is not taken, and asking again would not help."""


class Retry(Exception):
    """It did not work now; it may in a moment."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the headers said; the body is in the file it was written to."""

    status: int
    codings: tuple[str, ...]
    etag: str | None
    last_modified: str | None


def open_client(
    *,
    timeout: httpx.Timeout = PATIENCE,
    parallel: int = 4,
    resolve: Resolve | None = None,
    proxy: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> httpx.AsyncClient:
    """Return a client for lists; close it with `async with`.

    `resolve` is for a gateway whose only resolver is filterd itself: it says the addresses of a
    list's host, so that rules can be fetched before names can be asked. Certificates are checked
    against the name, not the address. `tls` is for a school with authorities of its own.
    """
    context = tls or httpx.create_ssl_context()
    bounds = httpx.Limits(max_connections=max(1, parallel))

    def connecting() -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(verify=context, http2=True, proxy=proxy, limits=bounds)

    transport: httpx.AsyncBaseTransport = connecting()
    if resolve is not None and proxy is None:
        transport = _Resolved(connecting, resolve)
    return httpx.AsyncClient(
        transport=transport,
        timeout=timeout,
        headers={
            "User-Agent": "filterd",
            "Accept-Encoding": "zstd, gzip",
            "Accept": "text/plain, */*",
        },
        follow_redirects=False,
    )


async def request_list(
    client: httpx.AsyncClient,
    url: str,
    take: Take,
    *,
    headers: Mapping[str, str],
    redirects: int,
) -> Response:
    """GET `url` and hand the body, still encoded, to `take`. A 304 has no body.

    Raises:
        Refused: a bad address, status, type or redirect, and what `take` raises.
        Retry: the network, a timeout, or a server in trouble.
    """
    at = _checked(url)
    try:
        for _ in range(redirects + 1):
            async with client.stream("GET", at, headers=dict(headers)) as answer:
                if answer.has_redirect_location:
                    at = _next(at, answer)
                    continue
                return await _received(answer, take)
    except httpx.TimeoutException as error:
        raise Retry(f"timeout ({type(error).__name__}) from {at.host}") from error
    except httpx.TransportError as error:
        raise Retry(f"no whole answer from {at.host}: {error or type(error).__name__}") from error
    raise Refused(f"more than {redirects} redirects; use the final address")


async def _received(answer: httpx.Response, take: Take) -> Response:
    said = Response(
        answer.status_code,
        codings(answer.headers.get("content-encoding", "")),
        _kept(answer.headers.get("etag")),
        _kept(answer.headers.get("last-modified")),
    )
    if answer.status_code == httpx.codes.NOT_MODIFIED:
        return said
    if answer.status_code in _RETRIED:
        raise Retry(f"the server says {answer.status_code} {answer.reason_phrase}")
    if answer.status_code != httpx.codes.OK:
        raise Refused(f"the server says {answer.status_code} {answer.reason_phrase}")
    _check_type(answer.headers.get("content-type", ""))
    total = _length(answer.headers.get("content-length"))
    async for piece in answer.aiter_raw():
        take(piece, total)
    return said


def _checked(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise Refused(f"not an address: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise Refused("not an http or https address")
    return parsed


def _next(at: httpx.URL, answer: httpx.Response) -> httpx.URL:
    try:
        target = at.join(answer.headers["location"])
    except (httpx.InvalidURL, ValueError) as error:
        raise Refused(f"redirected to what is no address: {error}") from error
    if target.scheme not in {"http", "https"} or not target.host:
        raise Refused(f"redirected to {target.scheme or 'nothing'}://, which is not followed")
    if at.scheme == "https" and target.scheme == "http":
        raise Refused(f"redirected from https to http at {target.host}, which is not followed")
    return target


def _check_type(header: str) -> None:
    kind = header.partition(";")[0].strip().lower()
    if kind in {"text/html", "application/xhtml+xml"}:
        raise Refused("got a web page, not a list; check the address")
    if kind and not kind.startswith("text/") and kind not in _TYPES:
        raise Refused(f"content type {kind[:60]!r} is no text; check the address")


def _length(header: str | None) -> int | None:
    return int(header) if header is not None and header.isascii() and header.isdigit() else None


def _kept(header: str | None) -> str | None:
    """Return a validator that can be sent back unchanged, else None."""
    if not header or len(header) > _MAX_VALIDATOR:
        return None
    return header if header.isascii() and header.isprintable() else None


class _Resolved(httpx.AsyncBaseTransport):
    """Connects to addresses that `resolve` gives, in turn, and still checks the name.

    Each host has a transport of its own: kept connections are found by address, and two hosts at
    one address must not share one whose certificate was checked for the other.
    """

    def __init__(
        self, connecting: Callable[[], httpx.AsyncBaseTransport], resolve: Resolve
    ) -> None:
        self._connecting = connecting
        self._resolve = resolve
        self._hosts: dict[str, httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        addresses = await self._resolve(host)
        transport = self._hosts.get(host)
        if transport is None:
            transport = self._hosts[host] = self._connecting()
        problem: httpx.TransportError = httpx.ConnectError(f"no address known for {host}")
        for address in addresses:
            # The Host header (and :authority) was set from the name before this point.
            request.url = request.url.copy_with(host=address)
            request.extensions = {**request.extensions, "sni_hostname": host}
            try:
                return await transport.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem = error
        raise problem

    async def aclose(self) -> None:
        for transport in self._hosts.values():
            await transport.aclose()
