"""Pages of a real server on loopback, read as a proxy reads them."""

import gzip
import http.client
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from filterd.http.labels.base import Label
from filterd.http.labels.cache import LabelCache
from filterd.http.labels.page import Page

HTML = [("Content-Type", "text/html; charset=utf-8")]
ADULT = (
    b'<!DOCTYPE html><html><head><meta name="rating" content="adult"></head><body>' + b"x" * 200_000
)
PLAIN = b"<!DOCTYPE html><html><head><title>x</title></head><body>" + b"x" * 200_000
ANSWERS = {
    "/": (200, HTML, PLAIN),
    "/adult": (200, HTML, ADULT),
    "/gzip": (200, [*HTML, ("Content-Encoding", "gzip")], gzip.compress(ADULT)),
    "/deflate": (200, [*HTML, ("Content-Encoding", "deflate")], zlib.compress(ADULT)),
    "/brotli": (200, [*HTML, ("Content-Encoding", "br")], ADULT),
    "/wrong": (200, [*HTML, ("Content-Encoding", "gzip")], ADULT),
    "/header": (
        200,
        [("Content-Type", "image/png"), ("Rating", "RTA-5042-1996-1400-1577-RTA")],
        b"\x89PNG",
    ),
    "/text": (200, [("Content-Type", "text/plain")], ADULT),
    "/none": (200, [], ADULT),
    "/missing": (404, HTML, ADULT),
    "/both": (200, [*HTML, ("Rating", "general")], ADULT),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, fields, body = ANSWERS[self.path]
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def port():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def asked(port, path, size=1000):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    page = Page(answer.status, answer.getheaders())
    read = 0
    while not page.done and (data := answer.read(size)):
        page.feed(data)
        read += len(data)
    connection.close()
    return page, read


@pytest.mark.parametrize(
    ("path", "age"),
    [("/", None), ("/adult", 18), ("/gzip", 18), ("/deflate", 18), ("/brotli", None), ("/wrong", None),
     ("/header", 18), ("/text", None), ("/none", 18), ("/missing", 18), ("/both", 18)],
)  # fmt: skip
@pytest.mark.parametrize("size", [7, 1000])
def test_an_answer_has_its_label_and_no_more_is_read_than_needed(port, path, age, size):
    page, read = asked(port, path, size)
    assert page.done
    assert (None if page.label is None else page.label.min_age) == age
    assert read <= 1000


def test_what_is_seen_is_known_at_the_next_request(port):
    cache = LabelCache(b"sixteen bytes or more")
    assert asked(port, "/adult")[0].settle(cache, "a.test", "/adult", 0) == Label(
        18, "rating", "adult"
    )
    assert cache.find("a.test", "/adult", 1).min_age == 18
    assert asked(port, "/")[0].settle(cache, "a.test", "/", 0) is None
    assert asked(port, "/adult")[0].settle(cache, "b.test", "/", 0).min_age == 18
    assert asked(port, "/")[0].settle(cache, "b.test", "/other", 0).min_age == 18


def test_an_error_page_teaches_nothing(port):
    cache = LabelCache(b"sixteen bytes or more")
    assert asked(port, "/missing")[0].settle(cache, "a.test", "/", 0).min_age == 18
    assert cache.find("a.test", "/", 0) is None
    cache.learn_page("a.test", "/", Label(18, "rta"), 0)
    assert asked(port, "/")[0]._success
    assert Page(500, HTML).settle(cache, "a.test", "/", 0).min_age == 18
