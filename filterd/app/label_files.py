"""Fetches the label files of one host (`filterd/http/labels/looking.py` says when).

Over HTTPS with the certificate verified, to addresses that our own DNS gives and that are public,
without cookies or anything of a client; a redirect is followed on the same host alone. What a host
sends is bounded in bytes, also when unpacked, and in seconds.
"""

import asyncio
import ipaddress
import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from filterd.http.labels.files import read_file
from filterd.http.labels.looking import Look
from filterd.http.labels.site import SiteLabel
from filterd.http.labels.unpacking import Unpacked
from filterd.lists.remote import open_client

logger = logging.getLogger(__name__)
REDIRECTS = 2
_PASSING = frozenset({408, 425, 429})  # of 4xx those that say nothing of the file
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052 section 2.1
Resolve = Callable[[str], Awaitable[Sequence[str]]]


class Unanswered(Exception):
    """The host did not say whether there is such a file."""


def trusted(authorities: str | None) -> ssl.SSLContext:
    """Return what certificates are checked against: a PEM file, or what browsers trust.

    Raises:
        OSError, ssl.SSLError: that file cannot be used.
    """
    if authorities is None:
        return httpx.create_ssl_context()
    return ssl.create_default_context(cafile=authorities)


def label_client(resolve: Resolve, tls: ssl.SSLContext) -> httpx.AsyncClient:
    """Return a client for one host, to be closed; it keeps nothing. `resolve`: to addresses."""
    client = open_client(timeout=httpx.Timeout(10.0), parallel=1, resolve=resolve, tls=tls)
    client.headers["Accept"] = "application/json, application/xml;q=0.9, */*;q=0.1"
    client.headers["Accept-Encoding"] = "gzip"
    client.cookies = httpx.Cookies(CookieJar(DefaultCookiePolicy(allowed_domains=())))
    return client


async def fetch_files(client: httpx.AsyncClient, look: Look) -> tuple[SiteLabel, ...] | None:
    """Return what the label files of a host say, (): it has none; None: that is not known."""
    found = []
    for path in look.paths:
        try:
            async with asyncio.timeout(look.seconds):
                body = await _get(client, look.host, path, look.most)
            label = None if body is None else await asyncio.to_thread(read_file, path, body)
        except (Unanswered, httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            logger.debug("label files: no answer: %s", error)
            return None
        if label is not None:
            found.append(label)
    return tuple(found)


async def _get(client: httpx.AsyncClient, host: str, path: str, most: int) -> bytes | None:
    """Return the file at `path`; None: there is none."""
    at = httpx.URL(scheme="https", host=host, path=path)
    for _ in range(REDIRECTS + 1):
        async with client.stream("GET", at) as answer:
            if answer.has_redirect_location:
                to = at.join(answer.headers["location"])
                if (to.scheme, to.host, to.port) != (at.scheme, at.host, at.port):
                    return None
                at = to
                continue
            status = answer.status_code
            if status in _PASSING or status >= 500:
                raise Unanswered(f"status {status}")
            return await _body(answer, most) if status == httpx.codes.OK else None
    return None


async def _body(answer: httpx.Response, most: int) -> bytes | None:
    unpacked = Unpacked(answer.headers.get("content-encoding", ""), most + 1)
    wire, plain = 0, bytearray()
    async for piece in answer.aiter_raw():
        wire += len(piece)
        plain += unpacked.feed(piece)
        if max(wire, len(plain)) > most:
            return None
    return bytes(plain)


def is_public(address: str) -> bool:
    """Say whether anybody may be asked there: not the school's own network or this machine, also
    where an IPv6 address only carries such an IPv4 one.
    """
    at = ipaddress.ip_address(address)
    if isinstance(at, ipaddress.IPv6Address):
        inner = at.ipv4_mapped or at.sixtofour
        if inner is None and at in _NAT64:
            inner = ipaddress.IPv4Address(int(at) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return at.is_global and not at.is_multicast
