"""Attacks that have no other place: what is too broad by the real tables, and a server that goes on
sending. The others: rollback, freeze, mix-and-match, tampered and reordered segments, split view in
`test_follow.py` and `test_trust.py`; one signature, out of scope, expired key in `test_warrant.py`;
omission in `test_manifest.py`.
"""

import asyncio
import contextlib
import threading
from socketserver import BaseRequestHandler, ThreadingTCPServer

import httpx
import pytest

from filterd.feed.breadth import breadth_of
from filterd.feed.checkpoint import MOST
from filterd.feed.refusal import Fault, Refused
from filterd.feed.remote import over_http
from filterd.feed.warrant import check_act
from filterd.model.order import Match, Pattern
from tests.support.ministry import NOW, Ministry, order

BREADTH = breadth_of(("hotline.example.com",), ("search.example.com",))


def fault_of(*patterns):
    ministry = Ministry.new()
    signed = ministry.sign(order(patterns=patterns))
    try:
        check_act(signed, ministry.registry, BREADTH, NOW)
    except Refused as refused:
        return refused.fault
    return None


@pytest.mark.parametrize("name", ["com", "vn", "com.vn", "edu.vn", "co.uk", "test"])
def test_a_public_suffix_is_refused(name):
    for match in (Match.NAME, Match.SUBTREE):
        assert fault_of(Pattern(match, name)) is Fault.TOO_BROAD
    assert fault_of(Pattern(Match.SUBTREE, f"bet.{name}")) is None


@pytest.mark.parametrize("name", ["hotline.example.com", "example.com", "chat.hotline.example.com"])
def test_what_must_not_be_blocked_is_refused_and_what_is_above_it(name):
    assert fault_of(Pattern(Match.SUBTREE, name)) is Fault.TOO_BROAD


def test_what_nearly_everybody_needs_is_refused():
    assert fault_of(Pattern(Match.NAME, "search.example.com")) is Fault.TOO_BROAD
    assert fault_of(Pattern(Match.NAME, "other.example.com")) is None


def test_one_bad_pattern_among_good_ones_refuses_the_order():
    good = [Pattern(Match.SUBTREE, f"bet-{n}.example.org") for n in range(50)]
    assert fault_of(*good) is None
    assert fault_of(*good, Pattern(Match.SUBTREE, "com.vn")) is Fault.TOO_BROAD


class Endless(BaseRequestHandler):
    """Answers every request with as many bytes as somebody takes."""

    def handle(self):
        self.request.recv(4096)
        self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        self.server.sent = 0
        with contextlib.suppress(OSError):
            while self.server.sent < 100_000_000:
                self.request.sendall(bytes(65_536))
                self.server.sent += 65_536


def test_a_server_that_never_ends_is_cut_off():
    async def fetch(url):
        async with httpx.AsyncClient() as client:
            await over_http(client, url)("checkpoint", MOST)

    with ThreadingTCPServer(("127.0.0.1", 0), Endless) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(Refused) as refused:
                asyncio.run(fetch(f"http://127.0.0.1:{server.server_address[1]}"))
        finally:
            server.shutdown()
            thread.join()
    assert refused.value.fault is Fault.TOO_LARGE
    assert server.sent < 20_000_000, "not much more than the sockets hold"
