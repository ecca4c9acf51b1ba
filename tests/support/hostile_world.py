"""The HTTP filter with one worker, in front of servers that a hostile test commands."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.filtered import GROUPS, PUPIL, READ, TOLD
from tests.support.http_world import RunningFilter, http_filter
from tests.support.node import RunningNode, eventually, filterd, node
from tests.support.raw_http import Upstream, connect, exchange, read, upstream
from tests.support.servers import free_port
from tests.support.tls import Authority, make_authority

OPEN, BLOCKED, OTHER = (f"{name}.site.example" for name in ("open", "blocked", "other"))


@dataclass
class Hostile:
    """`plain`, `tls`: servers of all names; `ours`: the authority that the filter decrypts with."""

    daemon: RunningNode
    filter: RunningFilter
    plain: Upstream
    tls: Upstream
    authority: Authority

    @property
    def proxy(self) -> int:
        return self.filter.proxy

    @property
    def ours(self) -> Path:
        return self.daemon.state / "http/ca/filterd.crt"

    @property
    def worker(self) -> int:
        """The process id of the worker."""
        return self.filter.workers()[0]

    def send(self, data: bytes, client: str = PUPIL, seconds: float = 10.0) -> bytes:
        """Send bytes to the proxy; what it answered until it closed."""
        return exchange(self.proxy, data, client, seconds)

    def forget(self) -> None:
        self.plain.streams.clear()
        self.tls.streams.clear()

    def url(self, path: str = "/", host: str = OPEN) -> str:
        return f"http://{host}:{self.plain.port}{path}"

    def head(self, *lines: str, path: str = "/", host: str = OPEN, method: str = "GET") -> bytes:
        """A request to a site in absolute form, with `lines` as further fields."""
        first = f"{method} {self.url(path, host)} HTTP/1.1"
        words = (first, f"Host: {host}:{self.plain.port}", *lines, "", "")
        return "\r\n".join(words).encode("latin-1")

    def tunnel(self, host: str = OPEN, client: str = PUPIL, port: int | None = None) -> Any:
        """A connection through CONNECT."""
        raw = connect(self.proxy, client)
        place = f"{host}:{port or self.tls.port}"
        raw.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
        said = read(raw, lambda said: b"\r\n\r\n" in said)
        assert said.startswith(b"HTTP/1.1 200"), said
        return raw

    def inside(self, host: str = OPEN, client: str = READ, **changes: Any) -> ssl.SSLSocket:
        """A connection that is inspected: TLS with the filter's own authority."""
        context = ssl.create_default_context(cafile=str(self.ours))
        if "alpn" in changes:
            context.set_alpn_protocols(changes["alpn"])
        raw: socket.socket = self.tunnel(host, client, changes.get("port"))
        return context.wrap_socket(raw, server_hostname=changes.get("sni", host))

    def alive(self) -> bool:
        """Say whether it still serves."""
        said = self.send(self.head("Connection: close"))
        return said.startswith(b"HTTP/1.1 200") and said.endswith(b"\r\n\r\nyes")


@contextmanager
def hostile(
    folder: Path, python: str, *ports: int, authority: Authority | None = None, **changes: Any
) -> Iterator[Hostile]:
    """Run daemon, filter and servers until the block ends. `ports`: of other servers; `changes`: of
    the configuration.
    """
    authority, proxy = authority or make_authority(folder), free_port()
    if not (folder / "pages.txt").exists():
        (folder / "pages.txt").write_text("http://open.site.example/secret/page\n")
    certificate = authority.issue(OPEN, BLOCKED, OTHER, "*.site.example", "127.0.0.1")
    with ExitStack() as stack:
        plain = stack.enter_context(upstream())
        tls = stack.enter_context(upstream(certificate))
        config = {
            "upstream": {"servers": ["127.0.0.1:9"]},  # nobody: all names are our own
            "records": ["*.site.example A 127.0.0.1"],
            "privacy": {"level": "full"},
            "default_group": "pupils",
            "groups": GROUPS | {"told": {"age": 18, "networks": [f"{TOLD}/32"]}},
            "block": [BLOCKED],
            "lists": {"pages": {"format": "urls", "path": "pages.txt"}},
            "http": {
                "listen": {"explicit": [f"127.0.0.1:{proxy}"]},
                "python": python,
                "workers": 1,
                "ports": [plain.port, tls.port, *ports],
                "inspect": {"groups": ["read"], "explain": ["told"]},
                "upstream_ca": str(authority.ca_file),
            },
        }
        daemon = stack.enter_context(node(folder, config | changes))
        made = filterd("http", "ca", "new", "-c", str(daemon.config))
        assert made.returncode == 0, made.stderr
        eventually((daemon.state / "http/ruling.json").exists)
        running = stack.enter_context(http_filter(folder, proxy))
        eventually(running.workers)
        yield Hostile(daemon, running, plain, tls, authority)
