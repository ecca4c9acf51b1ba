"""Fetching from a real HTTP server on loopback that misbehaves in every way we know of."""

import asyncio
import gzip
import hashlib
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import zstandard

from filterd.lists.fetch import Failed, Fetched, Fetcher, Limits, NotModified
from filterd.lists.remote import open_client
from filterd.lists.shelf import Validators
from filterd.model.errors import UpstreamError

LIST = b"".join(b"||host%d.example.com^\n" % i for i in range(2000))
LIMITS = Limits(wire_bytes=1 << 20, plain_bytes=4 << 20, total_seconds=20, tries=1)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, Callable[[Handler], None]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.stop = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, request, client_address) -> None:
        """A client that goes away in the middle is what these tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        self.server.pages[self.path](self)

    def log_message(self, *args) -> None:
        pass

    def reply(
        self, body: bytes = b"", status: int = 200, length: int | None = None, **headers: str
    ) -> None:
        self.send_response(status)
        headers.setdefault("Content_Type", "text/plain")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def drip(self, piece: bytes, pause: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not self.server.stop.wait(pause):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.stop.set()
    server.shutdown()
    thread.join()
    server.server_close()


class Naps:
    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def fetch(location, into, limits=LIMITS, known=None, progress=None, naps=None, **client):
    async def run():
        async with open_client(**client) as http:
            fetcher = Fetcher(http, random.Random(1), limits, naps or Naps())
            return await fetcher.fetch(location, into, known=known, progress=progress)

    return asyncio.run(run())


def refusal(got) -> str:
    assert isinstance(got, Failed), got
    return got.reason


def test_plain_list_with_its_validators_and_progress(server, tmp_path):
    server.pages["/l"] = lambda h: h.reply(
        LIST, ETag='"v1"', Last_Modified="Mon, 02 Nov 2026 00:00:00 GMT"
    )
    seen = []
    got = fetch(
        server.url("/l"), tmp_path / "in", progress=lambda done, total: seen.append((done, total))
    )
    assert isinstance(got, Fetched)
    assert got.path.read_bytes() == LIST
    assert got.sha256 == hashlib.sha256(LIST).hexdigest()
    assert got.size == len(LIST)
    assert got.validators == Validators('"v1"', "Mon, 02 Nov 2026 00:00:00 GMT")
    assert seen[-1] == (len(LIST), len(LIST))
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_the_second_time_is_conditional(server, tmp_path):
    def page(h):
        if h.headers.get("If-None-Match") == '"v1"':
            h.send_response(304)
            h.send_header("Content-Length", "0")
            h.end_headers()
        else:
            h.reply(LIST, ETag='"v1"')

    server.pages["/l"] = page
    assert fetch(server.url("/l"), tmp_path / "in", known=Validators('"v1"')) == NotModified()
    assert isinstance(fetch(server.url("/l"), tmp_path / "in", known=Validators('"old"')), Fetched)


def test_not_modified_without_a_question_is_a_fault(server, tmp_path):
    server.pages["/l"] = lambda h: h.reply(b"", 304)
    assert "not modified" in refusal(fetch(server.url("/l"), tmp_path / "in"))


def test_an_etag_that_cannot_be_sent_back_is_not_kept(server, tmp_path):
    server.pages["/l"] = lambda h: h.reply(LIST, ETag='"' + "x" * 5000 + '"')
    got = fetch(server.url("/l"), tmp_path / "in")
    assert isinstance(got, Fetched)
    assert got.validators.etag is None


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(LIST)),
        ("zstd", zstandard.compress(LIST)),
        ("", gzip.compress(LIST)),
        ("", zstandard.compress(LIST)),
        ("", zstandard.compress(LIST[:5000]) + zstandard.compress(LIST[5000:])),
        ("gzip", gzip.compress(zstandard.compress(LIST))),
        ("zstd, gzip", gzip.compress(zstandard.compress(LIST))),
    ],
)
def test_compressed_by_http_or_as_a_file_or_both(server, tmp_path, coding, body):
    headers = (
        {"Content_Encoding": coding} if coding else {"Content_Type": "application/octet-stream"}
    )
    server.pages["/l"] = lambda h: h.reply(body, **headers)
    got = fetch(server.url("/l"), tmp_path / "in")
    assert isinstance(got, Fetched)
    assert got.path.read_bytes() == LIST


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_bomb_is_stopped_at_the_limit(server, tmp_path, pack):
    bomb = pack(bytes(100 << 20))
    assert len(bomb) < LIMITS.wire_bytes
    server.pages["/l"] = lambda h: h.reply(bomb)
    assert "unpacks to more than" in refusal(fetch(server.url("/l"), tmp_path / "in"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
@pytest.mark.parametrize("harm", [lambda b: b[:-9], lambda b: b[:9] + bytes(50) + b[60:]])
def test_a_cut_or_damaged_file_is_refused(server, tmp_path, pack, harm):
    body = harm(pack(random.Random(3).randbytes(50_000)))
    server.pages["/l"] = lambda h: h.reply(body)
    assert "compressed data is" in refusal(fetch(server.url("/l"), tmp_path / "in"))
    assert not list(tmp_path.iterdir())


def test_compressed_again_and_again_is_refused(server, tmp_path):
    body = LIST
    for _ in range(5):
        body = gzip.compress(body)
    server.pages["/l"] = lambda h: h.reply(body)
    assert "compressed more than" in refusal(fetch(server.url("/l"), tmp_path / "in"))


def test_an_unknown_coding_is_named(server, tmp_path):
    server.pages["/l"] = lambda h: h.reply(LIST, Content_Encoding="br")
    assert "'br' is not known" in refusal(fetch(server.url("/l"), tmp_path / "in"))


def test_endless_body_stops_at_the_limit(server, tmp_path):
    server.pages["/l"] = lambda h: h.drip(b"x" * 65536, 0)
    assert "more than the limit" in refusal(fetch(server.url("/l"), tmp_path / "in"))


def test_a_length_beyond_the_limit_is_not_read_to_its_end(server, tmp_path):
    server.pages["/l"] = lambda h: h.reply(LIST, length=1 << 40)
    assert "more than the limit" in refusal(fetch(server.url("/l"), tmp_path / "in"))


def test_slow_drip_is_cut_by_the_total_time(server, tmp_path):
    server.pages["/l"] = lambda h: h.drip(b"x", 0.01)
    got = fetch(server.url("/l"), tmp_path / "in", replace(LIMITS, total_seconds=0.3))
    assert "not done within 0.3 s" in refusal(got)
    assert not list(tmp_path.iterdir())


def test_a_silent_server_is_left(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/l"
        assert "timeout" in refusal(fetch(url, tmp_path / "in", timeout=httpx.Timeout(0.2)))


def test_cut_off_transfer_is_tried_again_and_then_said(server, tmp_path):
    def page(h):
        h.reply(LIST, length=len(LIST) + 100)
        h.close_connection = True

    server.pages["/l"] = page
    naps = Naps()
    got = fetch(
        server.url("/l"), tmp_path / "in", replace(LIMITS, tries=3, backoff_seconds=4), naps=naps
    )
    assert "no whole answer" in refusal(got)
    assert "tried 3 times" in refusal(got)
    assert len(server.asked) == 3
    assert 2 <= naps.taken[0] <= 4 <= naps.taken[1] <= 8


def test_a_server_in_trouble_gets_another_chance(server, tmp_path):
    def page(h):
        if len(server.asked) < 3:
            h.reply(b"busy", 503)
        else:
            h.reply(LIST)

    server.pages["/l"] = page
    assert isinstance(fetch(server.url("/l"), tmp_path / "in", replace(LIMITS, tries=3)), Fetched)


def test_not_found_is_not_asked_again(server, tmp_path):
    server.pages["/l"] = lambda h: h.reply(b"", 404)
    assert "404" in refusal(fetch(server.url("/l"), tmp_path / "in", replace(LIMITS, tries=3)))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html; charset=utf-8", b"<p>hello"),
        ("text/plain", b"\r\n<!DOCTYPE html><title>sorry</title>"),
        ("application/octet-stream", b"<HTML>"),
    ],
)
def test_a_web_page_is_no_list(server, tmp_path, kind, body):
    server.pages["/l"] = lambda h: h.reply(body, Content_Type=kind)
    assert "got a web page" in refusal(fetch(server.url("/l"), tmp_path / "in"))


def test_other_types_are_refused_by_name(server, tmp_path):
    server.pages["/l"] = lambda h: h.reply(b"\x89PNG", Content_Type="image/png")
    assert "'image/png' is no text" in refusal(fetch(server.url("/l"), tmp_path / "in"))


def test_redirects_are_followed_but_not_for_ever(server, tmp_path):
    server.pages["/a"] = lambda h: h.reply(b"", 302, Location="/l")
    server.pages["/l"] = lambda h: h.reply(LIST)
    server.pages["/loop"] = lambda h: h.reply(b"", 301, Location="/loop")
    server.pages["/ftp"] = lambda h: h.reply(b"", 301, Location="file:///etc/passwd")
    assert isinstance(fetch(server.url("/a"), tmp_path / "in"), Fetched)
    assert "redirects" in refusal(fetch(server.url("/loop"), tmp_path / "in"))
    assert "file://" in refusal(fetch(server.url("/ftp"), tmp_path / "in"))


def test_never_from_https_to_http(tmp_path):
    def downgrade(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": "http://lists.example/l"})

    async def run():
        async with httpx.AsyncClient(transport=httpx.MockTransport(downgrade)) as client:
            fetcher = Fetcher(client, random.Random(1), LIMITS)
            return await fetcher.fetch("https://lists.example/l", tmp_path / "in")

    assert "from https to http" in refusal(asyncio.run(run()))


def test_addresses_can_be_handed_in(server, tmp_path):
    server.pages["/l"] = lambda h: h.reply(LIST)
    asked = []

    async def resolve(host: str):
        asked.append(host)
        return ["127.0.0.1"]

    url = f"http://lists.example:{server.server_port}/l"
    assert isinstance(fetch(url, tmp_path / "in", resolve=resolve), Fetched)
    assert asked == ["lists.example"]
    assert server.asked[0][1]["host"] == f"lists.example:{server.server_port}"


def test_the_next_address_is_tried_and_none_is_said(server, tmp_path):
    server.pages["/l"] = lambda h: h.reply(LIST)

    async def two(host: str):
        return ["127.0.0.9", "127.0.0.1"]

    async def none(host: str):
        return []

    url = f"http://lists.example:{server.server_port}/l"
    assert isinstance(fetch(url, tmp_path / "in", resolve=two), Fetched)
    assert "no address known for lists.example" in refusal(
        fetch(url, tmp_path / "in", resolve=none)
    )


def test_a_resolver_that_fails_is_said(tmp_path):
    async def down(host: str):
        raise UpstreamError("no upstream answers")

    assert "no upstream answers" in refusal(
        fetch("http://lists.example/l", tmp_path / "in", resolve=down)
    )


def test_files_and_file_addresses(tmp_path):
    source = tmp_path / "my list.gz"
    source.write_bytes(gzip.compress(LIST))
    for location in (str(source), "file://" + str(source).replace(" ", "%20")):
        got = fetch(location, tmp_path / "in")
        assert isinstance(got, Fetched)
        assert got.path.read_bytes() == LIST
    assert "no file" in refusal(fetch(str(tmp_path / "absent"), tmp_path / "in"))
    assert "another host" in refusal(fetch("file://server/share/l", tmp_path / "in"))
    assert "ftp://" in refusal(fetch("ftp://lists.example/l", tmp_path / "in"))
    small = replace(LIMITS, wire_bytes=10)
    assert "larger than 10 bytes" in refusal(fetch(str(source), tmp_path / "in", small))


@pytest.mark.parametrize("url", ["http://", "http:///x", "http://[::1", "https://\x00"])
def test_what_is_no_address(tmp_path, url):
    assert "address" in refusal(fetch(url, tmp_path / "in"))


def test_a_refused_connection_is_said(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "127.0.0.1" in refusal(fetch(f"http://127.0.0.1:{port}/l", tmp_path / "in"))


def test_a_full_disk_is_said(server):
    server.pages["/l"] = lambda h: h.reply(LIST)
    assert "cannot read or keep it" in refusal(
        fetch(server.url("/l"), Path("/proc/self/nowhere/in"))
    )


def test_the_time_limit_is_real_time(server, tmp_path):
    server.pages["/l"] = lambda h: h.drip(b"x", 0.01)
    before = time.monotonic()
    refusal(fetch(server.url("/l"), tmp_path / "in", replace(LIMITS, total_seconds=0.2)))
    assert time.monotonic() - before >= 0.2
