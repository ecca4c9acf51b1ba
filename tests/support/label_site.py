"""A TLS server with files of sites on it, that remembers what was asked."""

import http.server
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.web_server import serving


def own_address(last: int) -> str:
    """Return an address on loopback, port 443 of which no other test process serves on."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return f"127.0.{worker + 1}.{last}"


@dataclass
class Asked:
    """`lines`: host and path of each request; `headers`: of each; `port`: where."""

    port: int = 0
    lines: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Said:
    """An answer; a body alone has status 200."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@contextmanager
def label_site(
    certificate: tuple[Path, Path], files: Mapping[str, Said], address: tuple[str, int]
) -> Iterator[Asked]:
    """Serve `files` (by host and path), 404 for all others, until the block ends."""
    asked = Asked()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            line = self.headers.get("Host", "").partition(":")[0] + self.path
            asked.lines.append(line)
            asked.headers.append({k.lower(): v for k, v in self.headers.items()})
            said = files.get(line, Said(404))
            self.send_response(said.status)
            for name, value in said.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *_words):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, _request, _address):
            pass  # who does not trust the certificate is what is tested

    server = Server(address, Handler)
    asked.port = server.server_port
    with serving(server, certificate):
        yield asked
