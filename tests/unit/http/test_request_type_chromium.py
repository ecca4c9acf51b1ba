"""A real Chromium loads one page of everything; each request is taken for what it was."""

import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from filterd.http.request_type import RequestType, request_type, source_url
from tests.support.needs import program
from tests.support.servers import running

PAGE = b"""<!doctype html><link rel=stylesheet href=/stylesheet><script src=/script></script>
<img src=/image><iframe src=/subdocument></iframe><video src=/media autoplay muted></video>
<object data=/object type=image/png></object><p style="font-family:f">x</p>
<a id=a href=#x ping=/ping>x</a>
<script>
fetch('/xmlhttprequest');
let x = new XMLHttpRequest(); x.open('POST', '/xmlhttprequest/2'); x.send('1');
navigator.sendBeacon('/ping/2', 'x'); document.getElementById('a').click();
new Worker('/script/2'); new WebSocket('ws://' + location.host + '/websocket');
</script>"""
STYLE = b"@font-face{font-family:f;src:url(/font)}"
WANTED = {
    "/",
    *(f"/{kind}" for kind in RequestType if kind.value not in ("document", "other", "csp_report")),
    *("/xmlhttprequest/2", "/ping/2", "/script/2"),
}
Seen = dict[str, Mapping[str, str]]


def _handler(seen: Seen) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen[self.path] = {name.lower(): value for name, value in self.headers.items()}
            bodies = {"/": (b"text/html", PAGE), "/stylesheet": (b"text/css", STYLE)}
            kind, body = bodies.get(self.path, (b"text/plain", b""))
            if self.path.startswith("/script"):
                kind = b"text/javascript"
            self.send_response(200)
            self.send_header("Content-Type", kind.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            return

    return Handler


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    browser = program("chromium", "chromium")
    home: Path = tmp_path_factory.mktemp("chromium")
    requests: Seen = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(requests))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    words = [
        browser,
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--mute-audio"),
        *("--disable-background-networking", "--disable-component-update", "--no-proxy-server"),
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        *(f"--user-data-dir={home / 'profile'}", "--remote-debugging-port=0"),
        f"http://127.0.0.1:{server.server_port}/",
    ]
    try:
        with running(words, home / "log", lambda: requests.keys() >= WANTED):
            yield requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("path", sorted(WANTED - {"/"}))
def test_each_request_is_taken_for_what_it_is(seen: Seen, path: str) -> None:
    url = f"http://127.0.0.1{path}"
    kind = RequestType(path.split("/")[1])
    assert request_type(seen[path], url) is kind
    asks = source_url(seen[path], url, kind)
    assert asks is not None
    assert asks.startswith("http://127.0.0.1")


def test_the_page_is_a_page(seen: Seen) -> None:
    assert request_type(seen["/"], "http://127.0.0.1/") is RequestType.DOCUMENT


@pytest.mark.parametrize("path", ["/stylesheet", "/image", "/websocket"])
def test_without_fetch_metadata_accept_says_it(seen: Seen, path: str) -> None:
    plain = {name: value for name, value in seen[path].items() if not name.startswith("sec-")}
    assert request_type(plain, f"http://a.test{path}") is RequestType(path[1:])
