"""A real Unbound with local data: UDP, TCP and, given a certificate, DoT and DoH."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.needs import program
from tests.support.servers import answers_dns, free_port, running

HOST = "127.0.0.1"
# One name per need of the tests; the long one does not fit into a UDP answer.
LOCAL_DATA = (
    'local-data: "www.example.test. 300 IN A 192.0.2.1"',
    'local-data: "www.example.test. 300 IN AAAA 2001:db8::1"',
    'local-data: "dns.example.test. 120 IN A 127.0.0.1"',
    *(f'local-data: "many.example.test. 300 IN TXT {c * 200}"' for c in "abcdefghijklmnopqrst"),
)


@dataclass(frozen=True)
class Unbound:
    """A running server; ports 0 where it does not listen."""

    port: int
    tls_port: int = 0
    https_port: int = 0
    host: str = HOST
    process: subprocess.Popen[bytes] | None = None


@contextmanager
def unbound(
    folder: Path, certificate: tuple[Path, Path] | None = None, *lines: str
) -> Iterator[Unbound]:
    """Run Unbound with zone example.test; `lines` go into its `server:` clause."""
    path = program("unbound", "unbound")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    tls_port = https_port = 0
    config = [
        "server:",
        f"interface: {HOST}@{port}",
        "do-daemonize: no",
        'username: ""',
        'chroot: ""',
        f'directory: "{folder}"',
        'pidfile: ""',
        "use-syslog: no",
        "num-threads: 1",
        "msg-cache-size: 1m",
        "rrset-cache-size: 1m",
        'module-config: "iterator"',
        'local-zone: "." static',  # never asks anybody, whatever it is asked
        'local-zone: "example.test." static',
        *LOCAL_DATA,
        *lines,
    ]
    if certificate is not None:
        tls_port, https_port = free_port(), free_port()
        config += [
            f"interface: {HOST}@{tls_port}",
            f"interface: {HOST}@{https_port}",
            f"tls-port: {tls_port}",
            f"https-port: {https_port}",
            f'tls-service-pem: "{certificate[0]}"',
            f'tls-service-key: "{certificate[1]}"',
        ]
    config += ["remote-control:", "control-enable: no"]
    file = folder / "unbound.conf"
    file.write_text("\n".join(config) + "\n")
    with running(
        [path, "-d", "-p", "-c", str(file)],
        folder / "unbound.log",
        lambda: answers_dns(HOST, port, "www.example.test"),
    ) as process:
        yield Unbound(port, tls_port, https_port, process=process)
