"""A filtered network on loopback: web servers that remember who came, and the HTTP filter."""

import http.server
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import needs
from tests.support.data import ROOT
from tests.support.node import FILTERD, eventually, stop
from tests.support.servers import connects, free_port
from tests.support.web_server import serving

BODY = b"the page itself\n"
Where = tuple[str, int]
LOOPBACK: Where = ("127.0.0.1", 0)


@dataclass
class Site:
    """A web server. `came`: how many connections; `seen`: their SNI ("" without); `asked`: the Host
    of each request.
    """

    port: int
    came: int = 0
    seen: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.site.asked.append(self.headers.get("Host", ""))
        size = int(self.path.partition("size=")[2] or 0)
        self.send_response(200)
        self.send_header("Content-Length", str(size or len(BODY)))
        self.end_headers()
        if not size:
            self.wfile.write(BODY)
        while size:
            piece = min(size, 65536)
            self.wfile.write(bytes(piece))
            size -= piece

    def log_message(self, *_words):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def process_request(self, request, address):
        self.site.came += 1
        super().process_request(request, address)

    def handle_error(self, _request, _address):
        pass  # a client that goes away is what is tested


@contextmanager
def site(
    certificate: tuple[Path, Path] | None = None,
    address: Where = LOOPBACK,
    handler: type[http.server.BaseHTTPRequestHandler] = Handler,
) -> Iterator[Site]:
    """Serve until the block ends, on a free port where none is given; with TLS where there is a
    certificate.
    """
    host, port = address
    server = _Server((host, port or free_port(host)), handler)
    made = server.site = Site(server.server_port)
    with serving(server, certificate, made.seen.append):
        yield made


@dataclass
class RunningFilter:
    """`filterd http serve` as a process. `proxy`: its explicit port."""

    folder: Path
    proxy: int
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return (self.folder / "http.log").read_text()

    def workers(self) -> list[int]:
        """Return the process ids of its workers."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(each) for each in path.read_text().split()]

    def curl(self, url: str, *words: str, client: str = "127.0.0.1") -> subprocess.CompletedProcess:
        """Fetch `url` through the proxy, from the address `client`."""
        return subprocess.run(
            ["curl", "-sS", "--max-time", "15", "--interface", client,
             "-x", f"http://127.0.0.1:{self.proxy}", "-w", "\n%{http_code} %{http_connect}",
             "-H", "Accept: text/html",
             *words, url],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip


@contextmanager
def http_filter(folder: Path, proxy: int) -> Iterator[RunningFilter]:
    """Run `filterd http serve` on the configuration in `folder` until the block ends."""
    needs.program("curl", "curl")
    with (folder / "http.log").open("ab") as out:
        process = subprocess.Popen(
            [*FILTERD, "http", "serve", "-c", str(folder / "filterd.yaml")],
            stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=ROOT,
        )  # fmt: skip
    running = RunningFilter(folder, proxy, process)
    try:
        eventually(lambda: process.poll() is not None or "filters HTTP" in running.log, 60)
        if process.poll() is not None or not connects(proxy):
            raise RuntimeError(running.log[-3000:])
        yield running
    finally:
        stop(process)


def gone(pid: int) -> bool:
    """Say whether no process has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


class World:
    """A daemon, its filter and the sites around; see `tests/e2e/test_http.py`."""

    def __init__(self, daemon, running, sites, authority):
        self.daemon, self.filter = daemon, running
        self.tls, self.plain, self.wrong = sites
        self.authority = authority
        self.ours = daemon.state / "http/ca/filterd.crt"

    def https(self, name, path="/", server=None):
        return f"https://{name}:{(server or self.tls).port}{path}"

    def http(self, name, path="/"):
        return f"http://{name}:{self.plain.port}{path}"

    def curl(self, url, *words, client="127.0.0.1", trust=None):
        return self.filter.curl(
            url, "--cacert", str(trust or self.authority.ca_file), *words, client=client
        )

    def tunnel(self, name, client="127.0.0.1"):
        """A connection through CONNECT, and what the proxy said."""
        raw = socket.create_connection(
            ("127.0.0.1", self.filter.proxy), timeout=10, source_address=(client, 0)
        )
        raw.sendall(f"CONNECT {name}:{self.tls.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        said = b""
        while b"\r\n\r\n" not in said and (piece := raw.recv(4096)):
            said += piece
        return raw, said.split()[1]
